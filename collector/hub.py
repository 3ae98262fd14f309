"""What the centre knows right now, and who wants to hear of it.

One `Hub` lives in the collector's event loop: a view of every station (birth, state, newest values) and a fan-out of notices to
whoever subscribed (alarms, live pages). It holds nothing that must survive a restart; that is the store's and the journal's.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Literal

from firmware_config.messages import Birth, Live, StationState
from firmware_config.records import Record

MAX_SERIES = 5_000
"""Of one station: names come from outside and must not fill the memory."""
NoticeKind = Literal["records", "live", "state", "birth", "clock", "alarm", "centre"]


@dataclass(frozen=True)
class Notice:
    """Something happened. ``payload``: records → list[Record] (committed); live → Live; state → StationState; birth → Birth;
    clock → by how many seconds the time in a message is later than the centre's; alarm → the alarm as the API shows it; centre → dict
    (``kind`` and facts: parked, conflict, disk_full, disk_ok, sink_down, sink_up, sink_parked, store_damaged)."""

    kind: NoticeKind
    station: str
    payload: Any


@dataclass
class Newest:
    """The newest value of one series, from ``live`` or from a committed record; ``t`` is the end of what it covers."""

    t: int
    value: Any
    flag: int
    stream: str


@dataclass
class StationView:
    """One station as the centre sees it now. ``heard_ms``: when anything last arrived (centre's clock); ``data_t``: end of the newest
    data."""

    id: str
    birth: Birth | None = None
    state: StationState | None = None
    live: Live | None = None
    heard_ms: int | None = None
    data_t: int | None = None
    health: Record | None = None
    newest: dict[str, Newest] = field(default_factory=dict)

    def take(self, series: str, newest: Newest) -> None:
        """Keep ``newest`` if it is not older than what is known."""
        known = self.newest.get(series)
        if (len(self.newest) < MAX_SERIES) if known is None else newest.t >= known.t:
            self.newest[series] = newest


class Hub:
    """Views of all stations and the fan-out of notices; used from the event loop's thread only."""

    QUEUE = 1000

    def __init__(self) -> None:
        self.stations: dict[str, StationView] = {}
        self.centre: dict[str, Any] = {}
        self._subscribers: set[asyncio.Queue[Notice]] = set()
        self.missed = 0

    def station(self, station: str) -> StationView:
        """The view of a station, made when first heard of."""
        return self.stations.setdefault(station, StationView(station))

    def publish(self, notice: Notice) -> None:
        """Tell every subscriber; one that does not keep up loses the oldest notices (counted), never blocks ingest."""
        for queue in self._subscribers:
            if queue.full():
                queue.get_nowait()
                self.missed += 1
            queue.put_nowait(notice)

    def subscribe(self) -> asyncio.Queue[Notice]:
        queue: asyncio.Queue[Notice] = asyncio.Queue(self.QUEUE)
        self._subscribers.add(queue)
        return queue

    def unsubscribe(self, queue: asyncio.Queue[Notice]) -> None:
        self._subscribers.discard(queue)
