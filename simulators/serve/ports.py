"""Where simulated lines end: ptys that look like serial ports, and TCP ports. Both can be unplugged and plugged in again.

A pty is raw and has no pacing, parity or modem lines of its own (pacing is `simulators.serve.lines`'s). Whether someone has it open
is seen from the master's hang-up state (Linux), so that nothing waits in a buffer for a reader who is not there: as on a real line,
what nobody reads is lost, and counted. A reader who stalls has a real line's 4096-byte buffer; where the world runs faster than real
time, so much more that he has `PATIENCE` times as long in real seconds, for then the machine has more to do as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import sys
import time
import tty
from collections.abc import Callable, Mapping
from pathlib import Path

from simulators.errors import PortError
from simulators.serve.lateness import LatenessGauge, unread_by_peers

BUFFER_BYTES = 4096
PATIENCE = 4
READ_BYTES = 4096
STOPPED_AFTER_S = 3.0
"""A reader who took nothing for so long is not slow but stopped: nobody waits for him."""
LINUX = sys.platform.startswith("linux")

Reply = Callable[[bytes], None]
Handler = Callable[[bytes, Reply], None]


def _replace_link(link: Path, target: str) -> None:
    """A symbolic link made or turned in one step."""
    new = link.with_name(link.name + ".new")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.replace(link)


class Port:
    """What both kinds share. ``present``: someone has it open."""

    def __init__(self, make_handler: Callable[[], Handler]) -> None:
        """``make_handler`` is called for each opening (pty) or connection (TCP) and gets its bytes from then on."""
        self._make_handler = make_handler
        self.bytes_written = 0
        self.bytes_lost = 0
        self.present_since = time.monotonic()
        """when the present reader came; means something only while there is one"""
        self.speed = 1.0
        """the fastest the world has run; what may wait for a slow reader grows with it"""

    @property
    def capacity(self) -> int:
        return int(BUFFER_BYTES * (PATIENCE * self.speed if self.speed > 1.0 else 1.0))

    @property
    def present(self) -> bool:
        raise NotImplementedError

    def reader_late_s(self) -> float:
        """Real seconds the reader is behind what was written (0 when there is none, or he has stopped altogether)."""
        return 0.0

    async def plug(self) -> None:
        raise NotImplementedError

    async def unplug(self) -> None:
        raise NotImplementedError

    def read_for_s(self) -> float:
        """Real seconds someone has been reading without a break."""
        return time.monotonic() - self.present_since if self.present else 0.0

    def look(self) -> None:
        """Called at every turn of the loop."""

    def suffer(self, faults: Mapping[str, float]) -> None:
        """Faults of its instruments that are on now, with their magnitudes. What hits connections is done here (TCP)."""

    def write(self, data: bytes) -> None:
        raise NotImplementedError

    @property
    def address(self) -> str:
        """How a client finds it, for people."""
        raise NotImplementedError


class PtyPort(Port):
    """A pty behind a symbolic link."""

    def __init__(self, link: Path, make_handler: Callable[[], Handler]) -> None:
        super().__init__(make_handler)
        self.link = link
        self._master: int | None = None
        self._slave: int | None = None
        self._handler: Handler | None = None
        self._poll = select.poll()
        self._pending = bytearray()
        self._taken_at = 0.0
        self._waiting_since: float | None = None
        self._writing = False

    @property
    def present(self) -> bool:
        return self._handler is not None

    def reader_late_s(self) -> float:
        now = time.monotonic()
        if self._waiting_since is None or now - self._taken_at > STOPPED_AFTER_S:
            return 0.0
        return now - self._waiting_since

    @property
    def address(self) -> str:
        return str(self.link.readlink()) if self.link.is_symlink() else "unplugged"

    async def plug(self) -> None:
        """Make the pty and turn the link to it."""
        try:
            self._master, slave = os.openpty()
            tty.setraw(slave)
            os.set_blocking(self._master, False)
            _replace_link(self.link, os.ttyname(slave))
        except OSError as error:
            raise PortError(f"pty for {self.link}: {error}") from error
        if LINUX:
            os.close(slave)
            self._poll.register(self._master, 0)
        else:  # elsewhere the hang-up state is not dependable: hold the other end open
            self._slave = slave
        self.look()

    async def unplug(self) -> None:
        """Cable out: the reader sees a hang-up, the link is gone."""
        if self._master is None:
            return
        self._leave()
        if LINUX:
            self._poll.unregister(self._master)
        os.close(self._master)
        if self._slave is not None:
            os.close(self._slave)
        self._master = self._slave = None
        self.link.unlink(missing_ok=True)

    def look(self) -> None:
        """See whether someone opened or closed it."""
        if self._master is None:
            return
        hung_up = bool(LINUX and any(event & select.POLLHUP for _, event in self._poll.poll(0)))
        if hung_up and self.present:
            self._leave()
        elif not hung_up and not self.present:
            with contextlib.suppress(OSError):
                tty.setraw(self._master)  # the settings went with the last reader
            self._handler = self._make_handler()
            self.present_since = time.monotonic()
            asyncio.get_running_loop().add_reader(self._master, self._readable)

    def _leave(self) -> None:
        """The reader is gone: what waits for him is lost."""
        loop = asyncio.get_running_loop()
        if self._master is not None and self._handler is not None:
            loop.remove_reader(self._master)
        self._stop_writing()
        self._handler = None
        self.bytes_lost += len(self._pending)
        self._pending.clear()
        self._waiting_since = None

    def _readable(self) -> None:
        assert self._master is not None
        try:
            data = os.read(self._master, READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._leave()
        elif self._handler is not None:
            self._handler(data, self.write)

    def write(self, data: bytes) -> None:
        """Put bytes on the line; lost and counted when nobody reads."""
        if not data:
            return
        if not self.present or self._master is None or len(self._pending) + len(data) > self.capacity:
            self.bytes_lost += len(data)
            return
        self._pending += data
        self._flush()

    def _flush(self) -> None:
        assert self._master is not None
        while self._pending:
            try:
                done = os.write(self._master, self._pending[:BUFFER_BYTES])
            except BlockingIOError:
                done = 0
            except OSError:
                self._leave()
                return
            if not done:
                break
            self._taken_at = time.monotonic()
            self.bytes_written += done
            del self._pending[:done]
        if self._pending and not self._writing:
            asyncio.get_running_loop().add_writer(self._master, self._flush)
            self._writing = True
            self._waiting_since = time.monotonic()
        elif not self._pending:
            self._waiting_since = None
            self._stop_writing()

    def _stop_writing(self) -> None:
        if self._writing and self._master is not None:
            asyncio.get_running_loop().remove_writer(self._master)
        self._writing = False


class TcpPort(Port):
    """A TCP port on this machine, its address in a small file. It keeps its number when unplugged and, where it can, over a restart."""

    def __init__(self, file: Path, make_handler: Callable[[], Handler]) -> None:
        super().__init__(make_handler)
        self.file = file
        self._port = self._former()
        self._server: asyncio.Server | None = None
        self._clients: dict[asyncio.StreamWriter, asyncio.Task[None]] = {}
        self._gauge = LatenessGauge()
        self._guests: list[asyncio.Task[None]] = []
        """other clients that read here (``second_client``)"""
        self._tail_bytes = 0
        """what a new connection gets of the record under way (``partial_at_connect``)"""
        self._last = b""

    @property
    def present(self) -> bool:
        return bool(self._clients)

    def reader_late_s(self) -> float:
        return self._gauge.late_s(self.bytes_written, self._unread) if self._clients and self.speed > 1.0 else 0.0

    def _unread(self) -> int:
        """Bytes written and not yet taken by the slowest client: in our buffer, and in the kernel's for him."""
        kernel = unread_by_peers(self._port)
        return max((w.transport.get_write_buffer_size() + kernel.get(w.get_extra_info("peername")[1], 0) for w in self._clients), default=0)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    def _former(self) -> int:
        try:
            return int(self.file.read_text(encoding="ascii").rpartition(":")[2])
        except (OSError, ValueError):
            return 0

    async def plug(self) -> None:
        """Listen, then write the file."""
        for port in dict.fromkeys((self._port, 0)):
            with contextlib.suppress(OSError):
                self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
                break
        else:
            raise PortError(f"no TCP port for {self.file} can be opened on 127.0.0.1")
        self._port = self._server.sockets[0].getsockname()[1]
        new = self.file.with_name(self.file.name + ".new")
        new.write_text(self.address, encoding="ascii")
        new.replace(self.file)

    async def unplug(self) -> None:
        """Close the port and every connection; the file goes."""
        if self._server is None:
            return
        self._server.close()
        tasks = [*self._clients.values(), *self._guests]
        for guest in self._guests:
            guest.cancel()
        self._guests.clear()
        for writer in list(self._clients):
            writer.transport.abort()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None
        self.file.unlink(missing_ok=True)

    def write(self, data: bytes) -> None:
        """Send to every client; one that does not read loses bytes, counted."""
        if not data:
            return
        if not self._clients:
            self.bytes_lost += len(data)
        self._last = data
        for writer in list(self._clients):
            self._write_to(writer, data)

    def suffer(self, faults: Mapping[str, float]) -> None:
        """``second_client``: so many others read what is written here; ``partial_at_connect``: every connection breaks once, and each new
        one begins with the last bytes of a record."""
        if self._server is None:
            return
        wanted = int(faults.get("second_client", 0))
        self._guests = [guest for guest in self._guests if not guest.done()]
        while len(self._guests) < wanted:
            self._guests.append(asyncio.create_task(self._visit()))
        while len(self._guests) > wanted:
            self._guests.pop().cancel()
        tail_bytes = int(faults.get("partial_at_connect", 0))
        if tail_bytes and not self._tail_bytes:
            for writer in list(self._clients):
                writer.transport.abort()
        self._tail_bytes = tail_bytes

    async def _visit(self) -> None:
        """Another client: it takes everything and says nothing."""
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            try:
                while await reader.read(READ_BYTES):
                    pass
            finally:
                writer.transport.abort()

    def _write_to(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        if writer.transport.is_closing() or writer.transport.get_write_buffer_size() + len(data) > self.capacity + 65_536:
            self.bytes_lost += len(data)
            return
        writer.write(data)
        self.bytes_written += len(data)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if not self._clients:
            self.present_since = time.monotonic()
        self._clients[writer] = task
        if self._tail_bytes:
            self._write_to(writer, self._last[-self._tail_bytes :])
        handler = self._make_handler()
        try:
            while data := await reader.read(READ_BYTES):
                handler(data, lambda answer: self._write_to(writer, answer))
        except OSError:
            pass
        finally:
            self._clients.pop(writer, None)
            writer.transport.abort()
