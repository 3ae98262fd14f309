"""What the alarms missed: reports and refusals that were committed while nobody watched (a kill, a queue that overflowed)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from collector.store.queries import Reader
from firmware_config.errors import WireError
from firmware_config.records import Record, unseal

MAX_EVENTS = 20_000
BEFORE_THE_CLOCK_MS = 1_000_000_000_000
"""Below this a time is time since boot, not a date."""


@dataclass(frozen=True)
class Missed:
    """``events`` in the order they were committed; ``notices`` as ``(station, facts)``."""

    events: list[Record]
    notices: list[tuple[str, dict[str, Any]]]


def missed_since(reader: Reader, since_ms: int, overlap_ms: int, oldest_t: int) -> Missed:
    """Everything alarming that was committed at ``since_ms`` (centre's clock) or later; events that happened before ``oldest_t`` are left
    out. Events are read from ``overlap_ms`` earlier, since the book knows by their time which ones it took already."""
    sql = (
        "select record.hash, record.body from record join stream on stream.id = record.stream_id and stream.name = 'event'"
        " where station_id in (select id from station) and (t >= ?1 or t < ?2) and received_ms >= ?3 order by record.id limit ?4"
    )
    events = []
    for digest, body in reader.connection.execute(sql, (oldest_t, BEFORE_THE_CLOCK_MS, since_ms - overlap_ms, MAX_EVENTS)):
        try:
            events.append(unseal(body, digest).record)
        except WireError:
            reader.damaged += 1
    notices: list[tuple[str, dict[str, Any]]] = []
    for row in reader.parked(1000):
        if row["last_ms"] >= since_ms:
            notices.append((str(row["station"]), {**row, "kind": "parked"}))
    for row in reader.conflicts(1000):
        if row["last_ms"] >= since_ms:
            notices.append((str(row["station"]), {**row, "kind": "conflict"}))
    return Missed(events, notices)
