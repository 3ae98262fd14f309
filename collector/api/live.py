"""Server-sent events: what happens at the stations, to every open page, without any of them being able to hold up the centre.

One task listens to the hub and makes each message once. Values are sent at most twice a second per station and a summary once, the newest
winning, so that thirty stations of a world that runs sixty times faster are still readable; alarms go out at once. Each client has a queue
of its own with a limit; one that does not keep up is disconnected (its page connects again and asks for what it missed) and costs nothing.
A ping with the centre's time goes to everyone every five real seconds.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import web

from collector.errors import Busy
from collector.hub import Hub, Notice
from firmware_config.base import log
from firmware_config.base.clock import Clock
from firmware_config.messages import Live
from firmware_config.records import Record

logger = log.get(__name__)
FLUSH_REAL_S = 0.25
LIVE_REAL_S = 0.5
SUMMARY_REAL_S = 1.0
PING_REAL_S = 5.0
CENTRE_REAL_S = 2.0
ALLOWED_REAL_S = 10.0
"""so often it is asked whether this visitor may still look"""
MAX_FRAMES = 2_000
MAX_BYTES = 4_000_000
UNSHOWN = frozenset({"raw", "spectra"})
RECORDS_PER_FLUSH = 5
"""Newest records of one stream that a page is told of at once; a backlog is asked for, not pushed."""
_encode = msgspec.json.Encoder().encode


def frame(event: str, data: Any) -> bytes:
    """One event as it goes over the wire."""
    return b"event: " + event.encode() + b"\ndata: " + _encode(data) + b"\n\n"


@dataclass(eq=False)
class Client:
    """One open page. ``ready`` is set when there is something to send or the client must go."""

    frames: deque[bytes] = field(default_factory=deque)
    waiting_bytes: int = 0
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    gone: bool = False
    transport: asyncio.Transport | None = None

    def put(self, data: bytes) -> bool:
        """Queue a frame; False when the client is too far behind (it is then dropped)."""
        if len(self.frames) >= MAX_FRAMES or self.waiting_bytes + len(data) > MAX_BYTES:
            self.leave()
            if self.transport is not None:
                self.transport.abort()
            return False
        self.frames.append(data)
        self.waiting_bytes += len(data)
        self.ready.set()
        return True

    def take(self) -> bytes:
        data = b"".join(self.frames)
        self.frames.clear()
        self.waiting_bytes = 0
        self.ready.clear()
        return data

    def leave(self) -> None:
        self.gone = True
        self.frames.clear()
        self.ready.set()


@dataclass
class _Station:
    """What waits to be told of one station."""

    live: Live | None = None
    live_at: float = -1e9
    changed: bool = False
    summary_at: float = -1e9
    records: dict[str, deque[Record]] = field(default_factory=dict)
    newest_t: dict[str, int] = field(default_factory=dict)


class LiveFeed:
    """The fan-out of one centre."""

    def __init__(
        self, hub: Hub, clock: Clock, *, summary: Callable[[str], dict[str, Any]], centre: Callable[[], dict[str, Any]], most: int
    ) -> None:
        """``summary`` and ``centre`` make what ``/api/stations`` shows; ``most``: how many clients are served."""
        self._hub = hub
        self._clock = clock
        self._summary = summary
        self._centre = centre
        self._most = most
        self._clients: set[Client] = set()
        self._stations: dict[str, _Station] = {}
        self._task: asyncio.Task[None] | None = None
        self._pinged = self._centre_at = -1e9
        self._centre_frame = b""
        self.dropped = 0
        self.errors = 0

    @property
    def clients(self) -> int:
        return len(self._clients)

    def start(self) -> None:
        self._queue = self._hub.subscribe()
        self._task = asyncio.create_task(self._run(), name="live-feed")

    async def stop(self) -> None:
        """Disconnect everyone."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._hub.unsubscribe(self._queue)
        for client in list(self._clients):
            client.leave()

    async def serve(self, request: web.Request, allowed: Callable[[], Awaitable[bool]]) -> web.StreamResponse:
        """Answer one ``GET /api/live`` until either side ends it, or until ``allowed`` says no. Busy when too many are connected."""
        if len(self._clients) >= self._most:
            raise Busy(f"{self._most} pages are connected already")
        client = Client(transport=request.transport)
        self._clients.add(client)
        try:
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
            await response.prepare(request)
            client.put(b"retry: 3000\n\n" + self._ping() + frame("centre", self._centre()))
            asked = time.monotonic()
            while not client.gone:
                await client.ready.wait()
                if time.monotonic() - asked > ALLOWED_REAL_S:
                    asked = time.monotonic()
                    if not await allowed():
                        break
                if data := client.take():
                    await response.write(data)
        except ConnectionError:
            pass  # the page is gone; nothing to tell
        finally:
            self._clients.discard(client)
        return response

    def _ping(self) -> bytes:
        return frame("ping", {"now": self._clock.now_ms()})

    def _send(self, data: bytes) -> None:
        for client in list(self._clients):
            if not client.put(data):
                self.dropped += 1
                self._clients.discard(client)

    async def _run(self) -> None:
        while True:
            try:
                with suppress(TimeoutError):
                    async with asyncio.timeout(FLUSH_REAL_S):  # wait_for may swallow the end of the task before Python 3.12
                        self._note(await self._queue.get())
                    while not self._queue.empty():
                        self._note(self._queue.get_nowait())
                    await asyncio.sleep(FLUSH_REAL_S / 5)  # let a burst come together
                self._flush(time.monotonic())
            except Exception:
                self.errors += 1
                if self.errors < 10:
                    logger.exception("live feed: fault while telling; going on")
                await asyncio.sleep(1.0)

    def _note(self, notice: Notice) -> None:
        if notice.kind == "alarm":
            self._send(frame("alarm", notice.payload))
        if notice.kind == "centre":
            self._centre_at = -1e9
        if notice.station not in self._hub.stations:  # the centre's own matters, or those of a stranger
            return
        station = self._stations.setdefault(notice.station, _Station())
        station.changed = True
        if notice.kind == "live":
            station.live = notice.payload
        elif notice.kind == "records" and self._clients:
            for record in notice.payload:
                if record.stream not in UNSHOWN and record.clock != "unset" and record.t >= station.newest_t.get(record.stream, 0):
                    station.newest_t[record.stream] = record.t
                    station.records.setdefault(record.stream, deque(maxlen=RECORDS_PER_FLUSH)).append(record)

    def _flush(self, now: float) -> None:
        if now - self._pinged >= PING_REAL_S:
            self._pinged = now
            self._send(self._ping())
        if now - self._centre_at >= CENTRE_REAL_S:
            self._centre_at = now
            found = frame("centre", self._centre())
            if found != self._centre_frame:
                self._centre_frame = found
                self._send(found)
        for name, station in self._stations.items():
            self._flush_station(name, station, now)

    def _flush_station(self, name: str, station: _Station, now: float) -> None:
        if station.live is not None and now - station.live_at >= LIVE_REAL_S:
            live, station.live, station.live_at = station.live, None, now
            self._send(frame("live", {"station": name, "t": live.t, "values": live.values, "flags": live.flags, "ages_s": live.ages_s}))
        for records in station.records.values():
            for r in records:
                shown = {
                    "station": name,
                    "stream": r.stream,
                    "t": r.t,
                    "dt": r.dt,
                    "values": r.values,
                    "flags": r.flags,
                    "classes": r.classes,
                }
                self._send(frame("record", shown))
            records.clear()
        if station.changed and now - station.summary_at >= SUMMARY_REAL_S:
            station.changed, station.summary_at = False, now
            self._send(frame("station", self._summary(name)))
