"""A stream of bytes that comes back: the part that serial lines and TCP connections have in common.

`ByteLink` opens its channel, hands on every chunk with the time it arrived, notices that the other end is gone, and opens again for ever.
Promises: iteration ends only after `close`; loss and return are each told once, with the length of the outage; a channel that opens and
dies without a byte does not count as a return. Does not: cut records (framers do), keep what arrives while nobody listens beyond a
bounded inbox. Time here is real (`time.monotonic`): an arrival stamp is turned into world time by whoever owns the clock.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any, Protocol

import msgspec

from edge.errors import LinkDown, LinkError
from firmware_config.base import log

Chunk = tuple[bytes, float]
RETRY_S = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Waits before the channel is opened again; the last one stays."""
SPEAKS = 2
"""One of them, the longest for a far end that speaks each time before it hangs up: some give one record a connection."""
STABLE_S = 2.0
"""A channel that has lasted so long is back even if nothing was said."""


class LinkChange(msgspec.Struct, frozen=True):
    """A link was lost or is back. ``outage_s`` is real seconds without it (0 when lost)."""

    link: str
    up: bool
    reason: str = ""
    outage_s: float = 0.0


class Inbox:
    """Chunks that arrived and were not fetched yet. Bounded: when the reader sleeps, the oldest are dropped and counted."""

    LIMIT_BYTES = 1_000_000

    def __init__(self) -> None:
        self._chunks: deque[Chunk] = deque()
        self._bytes = 0
        self._arrived = asyncio.Event()
        self.closed = False
        self.reason = ""
        self.dropped_bytes = 0

    def put(self, data: bytes) -> None:
        """Stamp and keep."""
        self._chunks.append((data, time.monotonic()))
        self._bytes += len(data)
        while self._bytes > self.LIMIT_BYTES:
            dropped = len(self._chunks.popleft()[0])
            self._bytes -= dropped
            self.dropped_bytes += dropped
        self._arrived.set()

    def close(self, reason: str) -> None:
        """Nothing more will come; the first reason stays."""
        self.reason = self.reason or reason
        self.closed = True
        self._arrived.set()

    async def get(self) -> Chunk | None:
        """The next chunk; None once the channel is closed and everything was fetched."""
        while not self._chunks:
            if self.closed:
                return None
            self._arrived.clear()
            await self._arrived.wait()
        chunk = self._chunks.popleft()
        self._bytes -= len(chunk[0])
        return chunk


class Channel(Protocol):
    """One open port or connection. What arrives is in ``inbox``, which is closed when the other end is gone."""

    inbox: Inbox

    async def write(self, data: bytes) -> None:
        """Send all of it; LinkError when that is not possible."""

    def close(self) -> None:
        """Release the port; safe to call twice."""


class ByteLink:
    """One link of the station. ``opener`` opens a fresh channel or raises LinkError; ``on_change`` hears of loss and return."""

    def __init__(
        self, link_id: str, opener: Callable[[], Awaitable[Channel]], on_change: Callable[[LinkChange], None] | None = None
    ) -> None:
        self.id = link_id
        self.openings = 0
        """how often a channel was opened; a new number means that what came before is void"""
        self.on_gone: Callable[[], None] = lambda: None
        """called when a channel ends, for whoever waits for an answer on it"""
        self._opener = opener
        self._on_change = on_change
        self._channel: Channel | None = None
        self._closing = asyncio.Event()
        self._lost_s: float | None = None
        self._dropped_bytes = 0
        self._log: Any = log.get("edge.links").bind(link=link_id)

    @property
    def connected(self) -> bool:
        """Whether a channel is open now."""
        return self._channel is not None and not self._channel.inbox.closed

    @property
    def dropped_bytes(self) -> int:
        """Bytes that arrived while nobody fetched them and were given up."""
        return self._dropped_bytes + (self._channel.inbox.dropped_bytes if self._channel is not None else 0)

    async def write(self, data: bytes) -> None:
        """Send bytes; LinkDown while there is no channel."""
        if self._channel is None or self._channel.inbox.closed:
            raise LinkDown(f"link {self.id} is not connected; it is being opened again")
        await self._channel.write(data)

    def reset(self, reason: str) -> None:
        """Give up the present channel (its state is beyond use); it is opened again."""
        if self._channel is not None:
            self._channel.inbox.close(reason)

    async def close(self) -> None:
        """End the iteration and release the port."""
        self._closing.set()
        self.reset("closed")

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        attempt = 0
        while not self._closing.is_set():
            try:
                channel = self._channel = await self._opener()
            except LinkError as error:
                self._lost(str(error))
                await self._pause(attempt)
                attempt += 1
                continue
            self.openings += 1
            stable = asyncio.get_running_loop().call_later(STABLE_S, self._back)
            heard = False
            try:
                while (chunk := await channel.inbox.get()) is not None:
                    if not heard:
                        heard = True
                        self._back()
                    yield chunk
            finally:
                steady = stable.when() <= asyncio.get_running_loop().time()
                stable.cancel()
                self._channel = None
                self._dropped_bytes += channel.inbox.dropped_bytes
                channel.close()
                self.on_gone()
            if not self._closing.is_set():
                self._lost(channel.inbox.reason)
                attempt = 0 if steady else min(attempt + 1, SPEAKS) if heard else attempt + 1
                await self._pause(attempt)

    async def _pause(self, attempt: int) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(RETRY_S[min(attempt, len(RETRY_S) - 1)]):
                await self._closing.wait()

    def _lost(self, reason: str) -> None:
        if self._lost_s is not None:
            return
        self._lost_s = time.monotonic()
        self._log.warning("link lost", reason=reason)
        self._tell(LinkChange(self.id, False, reason))

    def _back(self) -> None:
        if self._lost_s is None:
            return
        outage_s = time.monotonic() - self._lost_s
        self._lost_s = None
        self._log.info("link back", outage_s=round(outage_s, 1))
        self._tell(LinkChange(self.id, True, outage_s=outage_s))

    def _tell(self, change: LinkChange) -> None:
        if self._on_change is not None:
            self._on_change(change)
