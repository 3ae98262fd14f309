"""The network between a station and its broker: a TCP proxy that can be cut, reset, slowed, delayed and made lossy while it runs.

It carries bytes and knows nothing of what they mean. `cut` is a dead link: nothing passes, nobody is told, and what was sent waits (as
in TCP's own buffers) until `heal`. `reset` closes every connection and refuses new ones. `lose` is a lossy link as programs above TCP meet
it: what was lost comes again after a waiting time that doubles with each further loss, everything behind it waits as well, and a connection
that loses one piece too often breaks. Both directions are treated alike; times are real ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import random

from firmware_config.base import log

logger = log.get(__name__)
CHUNK_BYTES = 16_384
BUFFER_BYTES = 65_536
FIRST_RETRY_S = 0.2
"""Linux sends again after no less than this (RFC 6298 asks for a second)."""
LOSSES_TO_BREAK = 7


class TcpProxy:
    """``await start()``, connect to 127.0.0.1 ``port``; ``cut``, ``reset``, ``slow``, ``delay``, ``lose`` and ``heal`` at any time; then
    ``await stop()``."""

    def __init__(self, host: str, port: int, *, listen_port: int = 0) -> None:
        self._target = (host, port)
        self.port = listen_port
        self.bytes_carried = 0
        self.connections = 0
        self._server: asyncio.Server | None = None
        self._open = asyncio.Event()
        self._open.set()
        self._refuse = False
        self._bytes_per_s: float | None = None
        self._delay_s = 0.0
        self._lost_share = 0.0
        self._chance = random.Random(1)
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen; ``port`` is the port from now on."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=BUFFER_BYTES)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close everything."""
        if self._server is not None:
            self._server.close()
        self._close_all()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()

    def cut(self) -> None:
        """Nothing passes any more, and nobody hears of it."""
        self._open.clear()

    def reset(self) -> None:
        """Every connection is closed, new ones are closed at once."""
        self._refuse = True
        self._close_all()

    def slow(self, bytes_per_s: float) -> None:
        """Let so many bytes a second pass, each direction for itself."""
        self._bytes_per_s = bytes_per_s

    def delay(self, seconds: float) -> None:
        """Each piece arrives so much later."""
        self._delay_s = seconds

    def lose(self, share: float) -> None:
        """Each piece is lost with this probability, each time it is sent."""
        self._lost_share = share

    def heal(self) -> None:
        """All faults end; what waited in a cut passes."""
        self._bytes_per_s, self._delay_s, self._lost_share, self._refuse = None, 0.0, 0.0, False
        self._open.set()

    def _close_all(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        self.connections += 1
        try:
            if not self._open.is_set():
                await self._open.wait()  # a call made into a dead link hangs, and is lost when the link returns
            elif not self._refuse:
                await self._connect(reader, writer)
        except OSError:
            pass  # the broker is away: the station sees its connection close, as through any router
        finally:
            self._tasks.discard(task)
            self._writers.discard(writer)
            writer.transport.abort()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._target, limit=BUFFER_BYTES)
        self._writers.add(far_writer)
        try:
            await self._both_ways((reader, far_writer), (far_reader, writer))
        finally:
            self._writers.discard(far_writer)
            far_writer.transport.abort()

    async def _both_ways(self, *ways: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
        tasks = {asyncio.create_task(self._carry(reader, writer)) for reader, writer in ways}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One direction: read, wait as the faults say, write; each piece keeps its own time of arrival so that a delay is not a brake."""
        pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(64)
        loop = asyncio.get_running_loop()

        async def read() -> None:
            while data := await reader.read(CHUNK_BYTES):
                await pieces.put((loop.time() + self._delay_s, data))
            await pieces.put((loop.time() + self._delay_s, b""))

        reading = asyncio.create_task(read())
        with contextlib.suppress(OSError):
            try:
                while True:
                    due, data = await pieces.get()
                    await asyncio.sleep(max(0.0, due - loop.time()))
                    if not await self._pass(data, writer):
                        break
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)

    async def _pass(self, data: bytes, writer: asyncio.StreamWriter) -> bool:
        """Write one piece through whatever is wrong with the link; False at the end of the stream."""
        step = CHUNK_BYTES if self._bytes_per_s is None else max(1, int(self._bytes_per_s / 20))
        while data:
            await self._open.wait()
            piece, data = data[:step], data[step:]
            await self._lost()
            writer.write(piece)
            await writer.drain()
            self.bytes_carried += len(piece)
            if self._bytes_per_s is not None:
                await asyncio.sleep(len(piece) / self._bytes_per_s)
            else:
                step = CHUNK_BYTES
            if not data:
                return True
        await self._open.wait()
        return False

    async def _lost(self) -> None:
        """Wait until this piece gets through; ConnectionResetError when it is lost too often."""
        for losses in range(LOSSES_TO_BREAK):
            if self._chance.random() >= self._lost_share:
                return
            await asyncio.sleep(FIRST_RETRY_S * 2**losses)
        raise ConnectionResetError("lost too often")
