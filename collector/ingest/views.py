"""Keeping the hub's views of the stations up to date: pure bookkeeping, in the event loop's thread.

The time of a newest value is the end of what it covers, so that its age is what an operator understands by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from collector.hub import Hub, Newest, StationView
from firmware_config.flags import Flag
from firmware_config.messages import Live, StationState
from firmware_config.records import Record

NO_DATA = frozenset({"event", "health", "raw"})
"""Streams that tell of the station rather than of the sea."""


def take_records(view: StationView, records: Sequence[Record]) -> None:
    """Committed records of one station, in any order."""
    seen: dict[str, set[str]] = {}
    for record in sorted(records, key=lambda record: record.t, reverse=True):
        if record.clock == "unset" or record.stream == "event":
            continue
        end = record.t + record.dt
        if record.stream not in NO_DATA and (view.data_t is None or end > view.data_t):
            view.data_t = end
        if record.stream == "health" and (view.health is None or record.t > view.health.t):
            view.health = record
        known = seen.setdefault(record.stream, set())
        if record.values.keys() <= known:  # a newer record of the stream had them all
            continue
        known.update(record.values)
        for name, value in record.values.items():
            view.take(name, Newest(end, value, record.flags.get(name, Flag.NOT_EVALUATED), record.stream))


def take_live(view: StationView, live: Live) -> None:
    """A live message; stamped by an unset clock it is shown, but has no place in time."""
    view.live = live
    if live.clock == "unset":
        return
    newest: int | None = None
    for name, value in live.values.items():
        at = live.t - int(min(max(live.ages_s.get(name, 0.0), 0.0), 1e9) * 1e3)
        view.take(name, Newest(at, value, live.flags.get(name, Flag.NOT_EVALUATED), "live"))
        if value is not None:
            newest = at if newest is None else max(newest, at)
    if newest is not None and (view.data_t is None or newest > view.data_t):
        view.data_t = newest


def take_state(view: StationView, state: StationState, now_ms: int, *, retained: bool) -> None:
    """A state; only one that the station itself sent just now shows that it is there."""
    view.state = state
    if not retained and state.state != "offline":
        view.heard_ms = now_ms


def recall(hub: Hub, station: str, records: Iterable[Record], heard_ms: int | None) -> None:
    """What the store remembers of a station, at the start."""
    view = hub.station(station)
    view.heard_ms = heard_ms
    take_records(view, list(records))
