"""A serial port as a channel: opened and set with pyserial, read through the event loop.

Promises: the port is held alone (a second program gets an error, not half of the bytes); stale input is dropped at opening, so that no
old byte carries a new time; an unplugged port is noticed at once. On a pseudo-terminal, which has no parity, 7 bits or modem lines, what
the kernel refuses is left out.
"""

from __future__ import annotations

import asyncio
import errno
import os
import termios
from typing import Any

import serial

from edge.errors import LinkError
from edge.links.bytelink import Inbox

READ_BYTES = 8192
WRITE_LIMIT_S = 5.0


def _is_pty(port: str) -> bool:
    return os.path.realpath(port).startswith(("/dev/pts/", "/dev/ttys"))


def open_port(port: str, baud: int, line_format: str) -> Any:
    """The port, open and set; LinkError says what it refused. ``line_format`` is bits, parity, stop bits: ``8N1``."""
    bits, parity, stop = int(line_format[0]), line_format[1], int(line_format[2])
    if _is_pty(port):
        bits, parity, stop = 8, "N", 1
    try:
        # inter_byte_timeout 0 sets VMIN to 1: then an empty read means "unplugged" and never just "nothing there".
        opened = serial.Serial(
            port=port, baudrate=baud, bytesize=bits, parity=parity, stopbits=stop, timeout=0, inter_byte_timeout=0, exclusive=True
        )
    except (OSError, ValueError, termios.error) as error:
        raise LinkError(_why(port, baud, line_format, error)) from error
    try:
        opened.reset_input_buffer()
    except (OSError, termios.error) as error:
        opened.close()
        raise LinkError(f"{port}: lost while it was opened: {error}") from error
    return opened


def _why(port: str, baud: int, line_format: str, error: Exception) -> str:
    number = getattr(error, "errno", None) or (error.args[0] if error.args else None)
    if number in {errno.EAGAIN, errno.EBUSY} or "exclusively lock" in str(error):
        return f"{port}: another program holds this port; stop it (haitan-edge run and probe cannot share a port)"
    if number == errno.ENOENT:
        return f"{port}: there is no such port; is the adapter plugged in?"
    if number == errno.EACCES:
        return f"{port}: no permission; add this user to the group that owns the port (dialout on Debian)"
    if isinstance(error, ValueError) or number == errno.EINVAL:
        return f"{port}: the port refuses {baud} Bd {line_format}; choose a setting it has"
    return f"{port}: cannot be opened: {error}"


class SerialChannel:
    """An open serial port in the running event loop."""

    def __init__(self, opened: Any) -> None:
        self.inbox = Inbox()
        self._port = opened
        self._fd: int = opened.fileno()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._fd, self._read)

    @classmethod
    async def open(cls, port: str, baud: int, line_format: str) -> SerialChannel:
        """Open in a thread: a sick USB adapter can take seconds, and the other instruments must not wait for it."""
        opening = asyncio.get_running_loop().run_in_executor(None, open_port, port, baud, line_format)
        try:
            return cls(await asyncio.shield(opening))
        except asyncio.CancelledError:
            opening.add_done_callback(lambda done: None if done.cancelled() or done.exception() else done.result().close())
            raise

    def _read(self) -> None:
        try:
            data = os.read(self._fd, READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._gone(f"reading failed: {os.strerror(error.errno or 0)}")
            return
        if data:
            self.inbox.put(data)
        else:
            self._gone("the port was unplugged")

    def _gone(self, reason: str) -> None:
        # The descriptor of a lost port stays readable for ever; without this the loop would spin.
        self._loop.remove_reader(self._fd)
        self.inbox.close(reason)

    async def write(self, data: bytes) -> None:
        left = memoryview(data)
        try:
            async with asyncio.timeout(WRITE_LIMIT_S):
                while left:
                    try:
                        left = left[os.write(self._fd, left) :]
                    except BlockingIOError:
                        await self._writable()
        except TimeoutError:
            raise LinkError(f"{self._port.port}: takes no bytes for {WRITE_LIMIT_S:.0f} s") from None
        except OSError as error:
            self._gone(f"writing failed: {error.strerror}")
            raise LinkError(f"{self._port.port}: writing failed: {error.strerror}") from error

    async def _writable(self) -> None:
        ready = asyncio.Event()
        self._loop.add_writer(self._fd, ready.set)
        try:
            await ready.wait()
        finally:
            self._loop.remove_writer(self._fd)

    def close(self) -> None:
        if self._port.is_open:
            self._loop.remove_reader(self._fd)
            self.inbox.close("closed")
            self._port.close()
