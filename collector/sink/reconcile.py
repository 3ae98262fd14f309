"""Does the database hold what the store holds? Point by point, field by field, by InfluxQL.

What is compared: for every station, stream and day (UTC) the points of all rows that the sink has handed on. A point of the database
that no row explains is *extra*, a row without its point *missing*, a field that is not what the row says *different*. Rows committed
while the comparison runs are no difference. Nothing is changed here, except that `resend` writes the points of differing rows again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from collector.sink.lines import Field, has_point, line_of, retraction_of, time_ns
from collector.sink.service import expected_fields, lines_for
from collector.store.queries import Reader, Stored
from collector.store.schema import Standing
from firmware_config.flags import Flag

DAY_MS = 86_400_000
DAY_NS = DAY_MS * 1_000_000
Ask = Callable[[str], list[dict[str, Any]]]
"""Answers an InfluxQL statement with its series (times in ns)."""


@dataclass
class Difference:
    """One point that is not as it should be; ``row`` is what the store holds (None: nothing)."""

    what: str
    station: str
    stream: str
    time_ns: int
    detail: str
    row: Stored | None = None


@dataclass
class Compared:
    """One station and stream: rows and points looked at, and what differs."""

    station: str
    stream: str
    records: int = 0
    points: int = 0
    differences: list[Difference] = field(default_factory=list)


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _where(station: str) -> str:
    return '"station" = \'' + station.replace("\\", "\\\\").replace("'", "\\'") + "'"


def compare(reader: Reader, ask: Ask, *, top_id: int, from_ms: int = -DAY_MS, to_ms: int = 2**53) -> Iterator[Compared]:
    """Compare every station and stream; ``top_id``: rows after it are only beginning to arrive and are not demanded."""
    for row in reader.stations():
        for stream in reader.streams(row.name):
            done = Compared(row.name, stream)
            for day in sorted(_days_of_store(reader, row.name, stream) | _days_of_database(ask, row.name, stream)):
                if from_ms <= day < to_ms:
                    _compare_day(reader, ask, done, day, top_id)
            yield done


def _days_of_store(reader: Reader, station: str, stream: str) -> set[int]:
    return set(reader.days(station, stream, DAY_MS))


def _days_of_database(ask: Ask, station: str, stream: str) -> set[int]:
    found = ask(f'SELECT count("seq") FROM {_quoted(stream)} WHERE {_where(station)} AND time >= 0 GROUP BY time(1d) fill(none)')
    return {int(values[0]) // DAY_NS * DAY_MS for series in found for values in series["values"]}


def _compare_day(reader: Reader, ask: Ask, done: Compared, day: int, top_id: int) -> None:
    begin = day * 1_000_000
    statement = f"SELECT * FROM {_quoted(done.stream)} WHERE {_where(done.station)} AND time >= {begin} AND time < {begin + DAY_NS}"
    points: dict[int, dict[str, Any]] = {}
    for series in ask(statement):
        for values in series["values"]:
            point = dict(zip(series["columns"], values, strict=True))
            points[int(point["time"])] = {k: v for k, v in point.items() if v is not None and k not in {"time", "station"}}
    rows: dict[int, Stored] = {}
    for row in reader.records(done.station, done.stream, day, day + DAY_MS, superseded=True):
        at = time_ns(row.record)
        if has_point(row) or (row.standing == Standing.SUPERSEDED and at not in rows):
            rows[at] = row
    done.points += len(points)
    for at in sorted(set(points) | set(rows)):
        held = rows.get(at)
        if held is not None and held.id > top_id:
            continue
        done.records += held is not None and has_point(held)
        found = _difference(reader, held, points.get(at))
        if found is not None:
            done.differences.append(Difference(found[0], done.station, done.stream, at, found[1], held))


def _difference(reader: Reader, row: Stored | None, point: dict[str, Any] | None) -> tuple[str, str] | None:
    if row is None:
        return "extra", "a point that no record explains"
    if not has_point(row):
        return _not_taken_back(row, point or {})
    if point is None:
        return "missing", f"record {row.record.epoch}/{row.record.seq} has no point"
    expected = expected_fields(reader, row)
    for name in sorted(set(expected) | set(point)):
        if name in point and name not in expected and expected.get(f"{name}.flag") == Flag.MISSING:
            continue  # of a superseded record; its flag says that it is gone
        if not _same(expected.get(name), point.get(name)):
            return "different", f"{name}: {expected.get(name)!r} in the store, {point.get(name)!r} in the database"
    return None


def _not_taken_back(row: Stored, point: dict[str, Any]) -> tuple[str, str] | None:
    """A superseded row whose time nobody holds now: its point, if it ever had one, must be flagged missing."""
    for name, flag in retraction_of(row.record).items():
        if name.endswith(".flag") and name in point and point[name] != flag:
            return "extra", f"record {row.record.epoch}/{row.record.seq} was replaced, but {name} is {point[name]!r}"
    return None


def _same(ours: Field | None, theirs: Any) -> bool:
    if ours is None or theirs is None or isinstance(ours, bool) or isinstance(theirs, bool):
        return ours is theirs
    if isinstance(ours, float) and isinstance(theirs, int):
        return ours == float(theirs)  # the answer writes large floats without a point
    return bool(ours == theirs)


def resend(reader: Reader, differences: list[Difference], write: Callable[[str], None], batch: int = 500) -> int:
    """Write the points of differing rows again (extra points cannot be mended from here); returns how many."""
    rows = [difference.row for difference in differences if difference.row is not None]
    lines = [
        line for row in rows for line in (lines_for(reader, row) if has_point(row) else [line_of(row.record, retraction_of(row.record))])
    ]
    for i in range(0, len(lines), batch):
        write("\n".join(lines[i : i + batch]))
    return len(lines)
