"""Records of a station and stream as CSV or JSON lines, for people and other programs.

JSON lines are the bodies exactly as the station wrote them. CSV has one column per series and one for its flag, named ``SERIES`` and
``SERIES.flag``; an empty cell is a missing value, and columns follow the names ever seen in that stream.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import IO

import msgspec

from collector.store.queries import Reader, Stored

HEAD = ("time_utc", "t_ms", "dt_ms", "station", "stream", "epoch", "seq", "version", "clock", "simulated")


def parse_time(text: str) -> int:
    """Milliseconds UTC of an ISO 8601 date or time (without an offset: UTC); ValueError names what is wrong."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no date or time; write for example 2026-07-01 or 2026-07-01T08:30") from None
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def iso(t_ms: int) -> str:
    """UTC with milliseconds; empty for a time no calendar holds."""
    try:
        return datetime.fromtimestamp(t_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return ""


def export_json_lines(records: Iterator[Stored], out: IO[str], seen: Callable[[int], None]) -> int:
    """One body a line; returns how many. ``seen`` is called with the time of each record."""
    count = 0
    for stored in records:
        count += 1
        out.write(stored.body.decode("utf-8") + "\n")
        seen(stored.record.t)
    return count


def export_csv(records: Iterator[Stored], names: list[str], out: IO[str], seen: Callable[[int], None]) -> int:
    """One record a row; returns how many."""
    writer = csv.writer(out)
    detail = "detail" if "kind" in names else None
    writer.writerow(
        [*HEAD, *(column for name in names for column in ((name, f"{name}.flag") if "@" in name else (name,))), *filter(None, [detail])]
    )
    count = 0
    for stored in records:
        count += 1
        r = stored.record
        cells: list[object] = [iso(r.t), r.t, r.dt, r.station, r.stream, r.epoch, r.seq, r.version, r.clock, int(r.simulated)]
        for name in names:
            value = r.values.get(name)
            cells.append("" if value is None else value)
            if "@" in name:
                cells.append(r.flags.get(name, ""))
        if detail:
            cells.append(msgspec.json.encode(r.detail).decode() if r.detail else "")
        writer.writerow(cells)
        seen(r.t)
    return count


def names_of(reader: Reader, station: str, stream: str) -> list[str]:
    """The columns of a stream: its series, or what every event says."""
    if stream == "event":
        return ["kind", "severity"]
    return sorted(name for name, streams in reader.series_of(station).items() if stream in streams)
