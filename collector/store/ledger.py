"""The ledger: which numbers of every (station, stream, epoch) are committed, in memory, as ranges.

It is the mirror of two things that change in one transaction: the rows of ``record`` and the ranges in ``ledger``. `Ledger.load` reads
the ranges, `rebuild` makes them anew from the rows; both give the same. The memory is changed inside the transaction and loaded again
when it is rolled back, so an acknowledgement never names what was not committed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import apsw
import msgspec

from firmware_config.messages import NUMBERS_UNUSED, RECORDS_LOST, Ack
from firmware_config.ranges import Ranges
from firmware_config.records import Record

Key = tuple[str, str, int]
"""(station, stream, epoch)"""
STREAM_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}\Z")
MAX_DECLARED_RANGES = 10_000


class Declaration(msgspec.Struct):
    """The part of an event's ``detail`` that the ledger understands."""

    stream: str
    epoch: int
    ranges: list[tuple[int, int]]
    reason: str = ""


class Ledger:
    """Committed numbers; used by the writer's thread only."""

    def __init__(self) -> None:
        self._committed: dict[str, dict[str, dict[int, Ranges]]] = {}

    def load(self, connection: apsw.Connection) -> None:
        self._committed = {}
        for station, stream, epoch, committed in connection.execute(
            "select station.name, stream.name, epoch, committed from ledger"
            " join station on station.id=station_id join stream on stream.id=stream_id"
        ):
            self._committed.setdefault(station, {}).setdefault(stream, {})[epoch] = Ranges(msgspec.json.decode(committed))

    def compare(self, connection: apsw.Connection) -> None:
        """ValueError when the ledger does not fit the rows: it would acknowledge what is not there, and the station would free it."""
        rows = connection.execute(
            "select station.name, stream.name, epoch, n, first, last from"
            " (select station_id, stream_id, epoch, count(*) as n, min(seq) as first, max(seq) as last from record group by 1, 2, 3)"
            " join station on station.id=station_id join stream on stream.id=stream_id"
        )
        held = {(str(station), str(stream), int(epoch)): tuple(facts) for station, stream, epoch, *facts in rows}
        said = {
            (station, stream, epoch): (len(ranges), next(iter(ranges))[0], ranges.top)
            for station, streams in self._committed.items()
            for stream, epochs in streams.items()
            for epoch, ranges in epochs.items()
            if ranges
        }
        if held != said:
            wrong = sorted(key for key in held.keys() | said.keys() if held.get(key) != said.get(key))
            raise ValueError(f"the ledger does not fit the rows of {wrong[0]} (and {len(wrong) - 1} more)")

    def numbers(self, key: Key) -> Ranges:
        """The committed numbers of one (station, stream, epoch); the living set, made when first asked for."""
        station, stream, epoch = key
        epochs = self._committed.setdefault(station, {}).setdefault(stream, {})
        found = epochs.get(epoch)
        if found is None:
            found = epochs[epoch] = Ranges()
        return found

    def stations(self) -> list[str]:
        return sorted(self._committed)

    def acknowledgement(self, station: str, now_ms: int) -> Ack:
        """The whole committed state of a station; empty for one never heard of."""
        streams = {
            stream: {str(epoch): list(ranges) for epoch, ranges in epochs.items() if ranges}
            for stream, epochs in self._committed.get(station, {}).items()
        }
        return Ack(t=now_ms, streams={stream: epochs for stream, epochs in streams.items() if epochs})


def add_numbers(ranges: Ranges, numbers: Iterable[int]) -> None:
    """Add single numbers, runs of consecutive ones at once."""
    ordered = sorted(numbers)
    first = last = None
    for number in ordered:
        if last is not None and number == last + 1:
            last = number
            continue
        if first is not None:
            ranges.add(first, last)
        first = last = number
    if first is not None:
        ranges.add(first, last)


def encode_ranges(ranges: Ranges) -> bytes:
    return msgspec.json.encode(ranges.pairs())


def rebuild(connection: apsw.Connection) -> None:
    """Make the ``ledger`` table anew from the rows (inside the caller's transaction)."""
    connection.execute("delete from ledger")
    found: dict[tuple[int, int, int], Ranges] = {}
    for station_id, stream_id, epoch, first, last in connection.execute(
        "select station_id, stream_id, epoch, min(seq), max(seq) from"
        " (select station_id, stream_id, epoch, seq,"
        "  seq - row_number() over (partition by station_id, stream_id, epoch order by seq) as run from record)"
        " group by station_id, stream_id, epoch, run order by 1, 2, 3, 4"
    ):
        found.setdefault((station_id, stream_id, epoch), Ranges()).add(first, last)
    rows = [(*key, encode_ranges(ranges)) for key, ranges in found.items()]
    connection.executemany("insert into ledger values(?,?,?,?)", rows)


def declaration_of(record: Record) -> tuple[str, Declaration] | None:
    """``("unused" | "lost", what)`` when the record is an event that declares numbers; None for anything else, also for a declaration
    that makes no sense (it stays in the store as an event)."""
    kind = {NUMBERS_UNUSED: "unused", RECORDS_LOST: "lost"}.get(str(record.values.get("kind")))
    if record.stream != "event" or kind is None:
        return None
    try:
        declared = msgspec.convert(record.detail, Declaration)
    except msgspec.ValidationError:
        return None
    sensible = (
        STREAM_NAME.match(declared.stream)
        and 0 <= declared.epoch < 2**53
        and len(declared.ranges) <= MAX_DECLARED_RANGES
        and all(0 <= first <= last < 2**53 for first, last in declared.ranges)
    )
    return (kind, declared) if sensible else None
