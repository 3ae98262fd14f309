"""What the alarms missed: reports and refusals that were committed while nobody watched (a kill, a queue that overflowed)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from collector.alarms.notices import of_whom
from collector.store.queries import Reader
from firmware_config.errors import WireError
from firmware_config.records import Record, unseal

MAX_EVENTS = 2_000
"""of one station"""
MAX_NOTICES = 1_000
MAX_T = 2**53
BEFORE_THE_CLOCK_MS = 1_000_000_000_000
"""Below this a time is time since boot, not a date."""


@dataclass(frozen=True)
class Missed:
    """``events`` in the order they were committed; ``notices`` as ``(station, facts)``."""

    events: list[Record]
    notices: list[tuple[str, Mapping[str, Any]]]


def missed_since(reader: Reader, since_ms: int, overlap_ms: int, oldest_t: int) -> Missed:
    """Everything alarming that was committed at ``since_ms`` (centre's clock) or later; events that happened before ``oldest_t`` are left
    out. Events are read from ``overlap_ms`` earlier, since the book knows by their time which ones it took already."""
    known = {name for (name,) in reader.connection.execute("select name from station")}
    notices: list[tuple[str, Mapping[str, Any]]] = []
    for kind, rows in (("parked", reader.parked(MAX_NOTICES)), ("conflict", reader.conflicts(MAX_NOTICES))):
        notices += [of_whom(str(row["station"]), known, {**row, "kind": kind}) for row in rows if row["last_ms"] >= since_ms]
    return Missed(_events(reader, since_ms - overlap_ms, oldest_t), notices)


def _events(reader: Reader, since_ms: int, oldest_t: int) -> list[Record]:
    """Event records in the order of commitment; station by station, so that the index by time is used and never the whole table."""
    db = reader.connection
    sql = (
        "select id, hash, body from record where station_id = ? and stream_id = ? and t >= ? and t < ? and received_ms >= ?"
        " order by t desc limit ?"
    )
    found: list[tuple[int, Record]] = []
    streams = db.execute("select id from stream where name = 'event'").fetchall()
    stations = db.execute("select id from station").fetchall()
    for (stream,), (station,), (first_t, last_t) in product(streams, stations, ((oldest_t, MAX_T), (0, BEFORE_THE_CLOCK_MS))):
        for row_id, digest, body in db.execute(sql, (station, stream, first_t, last_t, since_ms, MAX_EVENTS)):
            try:
                found.append((row_id, unseal(body, digest).record))
            except WireError:
                reader.damaged += 1
    return [record for _, record in sorted(found, key=lambda pair: pair[0])]
