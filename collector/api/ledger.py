"""The ledger as the operator sees it: every number and every stretch of time has a state, and none is "unknown".

*got*: it is in the store. *expected*: not due yet. *late*: due and not here, and nothing says where it is (the station is away).
*fetching*: the station has it and is connected: it will come. *lost*: the station said it can never come, with the reason. *unused*: the
number was never given to a record; along the time axis: the station made no record then, as its numbers show.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from collector.alarms.texts import stream_label
from collector.store.queries import EpochLedger, Gap, Reader
from firmware_config.ranges import Ranges
from firmware_config.streams import STREAMS

State = Literal["got", "expected", "late", "fetching", "lost", "unused"]
MAX_SPAN_MS = 400 * 86_400_000
MAX_HOLES = 500
MAX_SEGMENTS = 2_000
GRACE = 0.5
"""Part of a period that a record may be late, or two may lie apart, before it counts as a hole."""
WORST: Sequence[State] = ("lost", "late", "fetching", "unused")
Segment = tuple[int, int, State, str]
ENDED = "the epoch ended with the station's outbox"


@dataclass(frozen=True)
class Standing:
    """What is known of the station while its ledger is read. ``epoch``: its present one (None: no birth yet)."""

    online: bool
    waiting: bool
    """the station says that records wait to be sent"""
    epoch: int | None
    periods: dict[str, int]
    now_ms: int


@dataclass(frozen=True)
class _Axis:
    """One stream over ``[from_ms, until)``. ``pause_ms``: from the end of a record to the beginning of the next, as it should be."""

    station: str
    stream: str
    from_ms: int
    until: int
    period_ms: int
    pause_ms: int = 0

    @property
    def patience_ms(self) -> int:
        return int(self.period_ms * GRACE)


def answer(reader: Reader, station: str, *, from_ms: int, to_ms: int, standing: Standing) -> dict[str, Any]:
    """The body of ``/api/ledger``."""
    by_stream: dict[str, list[EpochLedger]] = {}
    for entry in reader.ledger(station):
        by_stream.setdefault(entry.stream, []).append(entry)
    order = {name: i for i, name in enumerate(STREAMS)}
    names = sorted(set(by_stream) | {s for s, period in standing.periods.items() if period > 0}, key=lambda s: (order.get(s, 99), s))
    until = min(to_ms, standing.now_ms)
    return {
        "station": station,
        "streams": [_stream(reader, _Axis(station, s, from_ms, until, 0), by_stream.get(s, []), standing) for s in names],
    }


def _stream(reader: Reader, axis: _Axis, epochs: list[EpochLedger], standing: Standing) -> dict[str, Any]:
    known = STREAMS.get(axis.stream)
    period_ms = standing.periods.get(axis.stream) or (known.period_ms if known is not None else 0) or 0
    shown = stream_label(axis.stream)
    holes = {entry.epoch: _holes(entry, standing) for entry in epochs}
    seen = period_ms > 0 and axis.until > axis.from_ms
    ribbon = _ribbon(reader, replace(axis, period_ms=period_ms), holes, standing) if seen else []
    return {
        "stream": axis.stream,
        "label": {"en": shown.en, "zh": shown.zh},
        "period_ms": period_ms,
        "committed": sum(len(entry.committed) for entry in epochs),
        "epochs": [{"epoch": e.epoch, "top": _top(e), "holes": holes[e.epoch][-MAX_HOLES:]} for e in epochs],
        "ribbon": ribbon[-MAX_SEGMENTS:],
    }


def _top(entry: EpochLedger) -> int | None:
    tops = [entry.committed.top, *(declared.last for declared in entry.declared)]
    return max((top for top in tops if top is not None), default=None)


Hole = tuple[int, int, State, str]


def _holes(entry: EpochLedger, standing: Standing) -> list[Hole]:
    """The numbers of one (stream, epoch) that are not in the store, in order, each with its state and reason."""
    top = _top(entry)
    if top is None:
        return []
    holes: list[Hole] = []
    accounted = Ranges(entry.committed)
    for declared in sorted(entry.declared, key=lambda d: d.first):
        state: State = "lost" if declared.kind == "lost" else "unused"
        for first, last in list(accounted.missing(declared.first, declared.last)):  # what came after all is no hole
            holes.append((first, last, state, declared.reason))
            accounted.add(first, last)
    for first, last in accounted.missing(0, top):
        if standing.epoch is not None and entry.epoch < standing.epoch:
            holes.append((first, last, "lost", ENDED))
        else:
            holes.append((first, last, "fetching" if standing.online else "late", ""))
    return sorted(holes)


def _ribbon(reader: Reader, axis: _Axis, holes: dict[int, list[Hole]], standing: Standing) -> list[Segment]:
    first = reader.first_time(axis.station, axis.stream)
    if first is None:
        return [(max(axis.from_ms, axis.until - axis.period_ms), axis.until, "expected", "")]
    newest = next(reader.records(axis.station, axis.stream, first, axis.until, newest_first=True), None)
    if newest is None:
        return []
    axis = replace(axis, pause_ms=max(0, axis.period_ms - newest.record.dt))
    segments: list[Segment] = []
    at = max(axis.from_ms, first)
    for gap in reader.gaps(axis.station, axis.stream, axis.from_ms, axis.until, axis.pause_ms + axis.patience_ms):
        begins = gap.from_ms + axis.pause_ms if gap.from_ms > axis.from_ms else gap.from_ms
        segments.append((at, begins, "got", ""))
        segments.append((begins, gap.to_ms, *_gap(reader, axis, gap, holes, standing)))
        at = gap.to_ms
    segments.append((at, axis.until, "got", ""))
    return _merged(segments)


def _gap(reader: Reader, axis: _Axis, gap: Gap, holes: dict[int, list[Hole]], standing: Standing) -> tuple[State, str]:
    """The state of one stretch without records."""
    before, epoch = gap.before_seq, gap.epoch
    if before is None and gap.to_ms >= axis.until:
        following = next(reader.records(axis.station, axis.stream, axis.until, standing.now_ms + axis.period_ms), None)
        if following is None:
            return _tail(axis, gap, holes, standing)
        before = following.record.seq if following.record.epoch == epoch else None
    if gap.after_seq is None or before is None:  # another epoch: what the old one did not deliver was settled by the new one
        return _worst(hole for holes_of in holes.values() for hole in holes_of if hole[2] != "unused")
    first, last = sorted((gap.after_seq, before))
    return _worst(hole for hole in holes.get(epoch, []) if hole[0] < last and hole[1] > first)


def _tail(axis: _Axis, gap: Gap, holes: dict[int, list[Hole]], standing: Standing) -> tuple[State, str]:
    """From the newest record until now: the next one may simply not be due."""
    behind = [hole for hole in holes.get(gap.epoch, []) if gap.after_seq is not None and hole[1] > gap.after_seq]
    if behind:
        return _worst(behind)
    due = gap.from_ms + axis.pause_ms + axis.period_ms + axis.patience_ms
    return _awaited(standing, beyond=axis.until > due), ""


def _awaited(standing: Standing, *, beyond: bool) -> State:
    if not beyond:
        return "expected"
    return "fetching" if standing.online and standing.waiting else "late"


def _worst(holes: Iterable[Hole]) -> tuple[State, str]:
    """The state that matters most among holes; no hole in the numbers means that nothing was made."""
    found = sorted(holes, key=lambda hole: WORST.index(hole[2]))
    return (found[0][2], found[0][3]) if found else ("unused", "no record was made")


def _merged(segments: list[Segment]) -> list[Segment]:
    """Neighbours of the same state and reason become one; empty ones go."""
    merged: list[Segment] = []
    for segment in segments:
        if segment[0] >= segment[1]:
            continue
        if merged and merged[-1][2:] == segment[2:] and merged[-1][1] == segment[0]:
            merged[-1] = (merged[-1][0], segment[1], *segment[2:])
        else:
            merged.append(segment)
    return merged
