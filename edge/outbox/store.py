"""The records in their tables: one transaction at a time, memory following the device and never ahead of it.

A `Change` is a transaction: what it inserts and deletes is noted and goes into the sets in memory (`Holdings`) and the counters only after
SQLite has committed. Nothing here decides; it promises B and C of the outbox's invariants and gives the others their verbs.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import apsw
import msgspec

from edge.outbox.holdings import Holdings, Key, Sets
from edge.outbox.numbers import Numbers
from edge.outbox.schema import table
from firmware_config.base.clock import Clock
from firmware_config.errors import WireError
from firmware_config.ranges import Ranges
from firmware_config.records import Draft, Sealed, content_hash, seal, unseal
from firmware_config.streams import STREAMS

CHUNK = 100
"""Rows deleted in one transaction: small enough to succeed on a full disk."""


class Row(msgspec.Struct, frozen=True):
    """A record as kept; ``key`` is (stream, epoch)."""

    id: int
    key: Key
    seq: int
    hash: str
    body: bytes


class Place(msgspec.Struct, frozen=True):
    """Where a record is: enough to order, delete or fetch it."""

    id: int
    key: Key
    seq: int


@dataclass
class Change:
    """One transaction. Numbers are taken as they come and are used up only if it commits."""

    next: dict[str, int]
    next_id: int
    added: dict[Key, Ranges] = field(default_factory=dict)
    removed: dict[Key, Ranges] = field(default_factory=dict)
    gone: dict[Key, Ranges] = field(default_factory=dict)
    bytes: dict[Key, int] = field(default_factory=dict)
    count: dict[Key, int] = field(default_factory=dict)
    last_t: dict[Key, int] = field(default_factory=dict)

    def note(self, key: Key, count: int, size: int) -> None:
        self.count[key] = self.count.get(key, 0) + count
        self.bytes[key] = self.bytes.get(key, 0) + size


class Store:
    """The open database with what is known of it in memory."""

    def __init__(self, connection: apsw.Connection, numbers: Numbers, held: Holdings, clock: Clock, station: str) -> None:
        self.connection = connection
        self.numbers = numbers
        self.held = held
        self.clock = clock
        self.station = station
        self.next_id = 1 + max((connection.execute(f"select coalesce(max(id), 0) from {table(name)}").get for name in STREAMS), default=0)

    # ---- one transaction -------------------------------------------------------------------------------------------------

    @contextmanager
    def change(self) -> Iterator[Change]:
        """Everything inside is committed together, durably, or (on any exception) not at all."""
        change = Change(dict(self.numbers.next), self.next_id)
        self.connection.execute("begin immediate")
        try:
            yield change
            self._count(change)
            self.connection.execute("commit")
        except BaseException:
            if self.connection.in_transaction:
                with suppress(apsw.Error):
                    self.connection.execute("rollback")
            raise
        self._remember(change)

    def _count(self, change: Change) -> None:
        for key in change.count.keys() | change.gone.keys():
            tops = [sets[key].top for sets in (change.added, change.gone) if key in sets]
            last = max((top for top in tops if top is not None), default=-1)
            self.connection.execute(
                "insert into number values(?,?,?,?,?,?) on conflict(stream, epoch) do update set last=max(last, excluded.last),"
                " last_t=max(coalesce(last_t, excluded.last_t), coalesce(excluded.last_t, last_t)),"
                " kept=kept+excluded.kept, bytes=bytes+excluded.bytes",
                (*key, last, change.last_t.get(key), change.count.get(key, 0), change.bytes.get(key, 0)),
            )

    def _remember(self, change: Change) -> None:
        held = self.held
        for key, numbers in change.added.items():
            for pair in numbers:
                held.kept.setdefault(key, Ranges()).add(*pair)
            held.last[key] = max(held.last.get(key, -1), numbers.top or 0)
        for key, numbers in change.removed.items():
            held.drop(key, numbers)
        for key, numbers in change.gone.items():
            for pair in numbers:
                held.gone.setdefault(key, Ranges()).add(*pair)
            held.last[key] = max(held.last.get(key, -1), numbers.top or 0)
        for key, size in change.bytes.items():
            held.bytes[key] = max(0, held.bytes.get(key, 0) + size)
        for stream, number in change.next.items():
            self.numbers.used(stream, number)
        self.next_id = change.next_id

    # ---- verbs of a change -----------------------------------------------------------------------------------------------

    def sealed(self, draft: Draft, following: dict[str, int]) -> Sealed:
        """The draft with the next number of its stream out of ``following``, which moves on. What comes back can be read: it has been.

        WireError when the draft is no record (too large, a value JSON cannot hold): then its number is still free.
        """
        seq = following.get(draft.stream, 0)
        try:
            sealed = seal(draft, station=self.station, epoch=self.numbers.epoch, seq=seq)
            unseal(sealed.body, sealed.hash)
        except WireError:
            raise
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise WireError("bad_record", f"a draft of stream {draft.stream} cannot be written: {error}") from error
        following[draft.stream] = seq + 1
        return sealed

    def insert(self, sealed: Sealed, change: Change) -> None:
        record = sealed.record
        key = (record.stream, record.epoch)
        self.connection.execute(
            f"insert into {table(record.stream)} values(?,?,?,?,?,?,?)",
            (change.next_id, record.epoch, record.seq, record.t, self.clock.now_ms(), sealed.hash, sealed.body),
        )
        change.next_id += 1
        change.added.setdefault(key, Ranges()).add(record.seq)
        change.note(key, 1, len(sealed.body))
        if record.clock != "unset":
            change.last_t[key] = max(change.last_t.get(key, record.t), record.t)

    def delete(self, places: Iterable[Place], change: Change) -> None:
        for place in places:
            size = self.size(place)
            self.connection.execute(f"delete from {table(place.key[0])} where id=?", (place.id,))
            change.removed.setdefault(place.key, Ranges()).add(place.seq)
            change.note(place.key, -1, -size)

    def size(self, place: Place) -> int:
        """Bytes of the body there."""
        found = self.connection.execute(f"select length(body) from {table(place.key[0])} where id=?", (place.id,)).get
        return int(found or 0)

    def give_up(self, key: Key, numbers: Ranges, kind: str, reason: str, change: Change) -> None:
        """These numbers will bring no record: keep that, to be said by `edge.outbox.declare`; neighbours are merged."""
        for first, last in numbers:
            touching = self.connection.execute(
                "select id, first from gone where stream=? and epoch=? and last=? and kind=? and reason=? and event_seq is null",
                (*key, first - 1, kind, reason),
            ).fetchone()
            if touching:
                self.connection.execute("update gone set last=? where id=?", (last, touching[0]))
            else:
                self.connection.execute(
                    "insert into gone(stream, epoch, first, last, kind, reason) values(?,?,?,?,?,?)", (*key, first, last, kind, reason)
                )
            change.gone.setdefault(key, Ranges()).add(first, last)

    # ---- reading ---------------------------------------------------------------------------------------------------------

    def places(self, sets: Sets, limit: int, *, newest_first: bool = False) -> list[Place]:
        """Up to ``limit`` kept records out of these sets over all streams, by order of commit."""
        columns = [self._column(key, numbers, limit, newest_first) for key, numbers in sets.items()]
        merged = heapq.merge(*columns, key=lambda place: place.id, reverse=newest_first)
        return [place for place, _ in zip(merged, range(limit), strict=False)]

    def _column(self, key: Key, numbers: Ranges, limit: int, newest_first: bool) -> list[Place]:
        order = "desc" if newest_first else "asc"
        pairs = list(numbers)
        found: list[Place] = []
        for first, last in reversed(pairs) if newest_first else pairs:
            found += [
                Place(number, key, seq)
                for number, seq in self.connection.execute(
                    f"select id, seq from {table(key[0])} where epoch=? and seq between ? and ? order by seq {order} limit ?",
                    (key[1], first, last, limit - len(found)),
                )
            ]
            if len(found) >= limit:
                break
        return sorted(found, key=lambda place: place.id, reverse=newest_first)

    def fetch(self, places: Iterable[Place], max_bytes: int) -> tuple[list[Row], list[Place]]:
        """The rows there (at least one, then as many as fit into ``max_bytes``), and the places whose row is damaged."""
        rows: list[Row] = []
        damaged: list[Place] = []
        size = 0
        for place in places:
            row = self.connection.execute(f"select hash, body from {table(place.key[0])} where id=?", (place.id,)).fetchone()
            if row is None or not _is_right(row[0], row[1], place, self.station):
                damaged.append(place)
                continue
            size += len(row[1])
            if rows and size > max_bytes:
                break
            rows.append(Row(place.id, place.key, place.seq, row[0], row[1]))
        return rows, damaged

    def set_aside(self, places: Iterable[Place]) -> None:
        """Damaged rows leave the record tables and are kept for people; their numbers are lost."""
        with self.change() as change:
            for place in places:
                stream, epoch = place.key
                self.connection.execute(
                    "insert into set_aside(stream, epoch, seq, hash, body, found)"
                    f" select ?, ?, ?, hash, body, ? from {table(stream)} where id=?",
                    (stream, epoch, place.seq, self.clock.now_ms(), place.id),
                )
                self.delete([place], change)
                self.give_up(place.key, Ranges([(place.seq, place.seq)]), "records_lost", "damaged_row", change)
            self.connection.execute("delete from set_aside where id <= (select max(id) from set_aside) - 100")

    def ask(self, sql: str, arguments: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return list(self.connection.execute(sql, arguments))

    def meta(self, key: str) -> str | None:
        found: str | None = self.connection.execute("select value from meta where key=?", (key,)).get
        return found

    def set_meta(self, key: str, value: str) -> None:
        self.connection.execute("insert into meta values(?,?) on conflict(key) do update set value=excluded.value", (key, value))


def _is_right(digest: object, body: object, place: Place, station: str) -> bool:
    """Whether the stored bytes are the record that this place should hold (C)."""
    if not isinstance(digest, str) or not isinstance(body, bytes) or content_hash(body) != digest:
        return False
    try:
        return unseal(body, digest).record.key == (station, place.key[0], place.key[1], place.seq)
    except WireError:
        return False


def load_holdings(connection: apsw.Connection) -> Holdings:
    """Read the sets back from the tables (the numbers of the records themselves, from the index)."""
    held = Holdings()
    for stream in STREAMS:
        for epoch, seq in connection.execute(f"select epoch, seq from {table(stream)} order by epoch, seq"):
            held.kept.setdefault((stream, epoch), Ranges()).add(seq)
    for name, sets in (("acked", held.acked), ("gone", held.gone)):
        for stream, epoch, first, last in connection.execute(f"select stream, epoch, first, last from {name} order by first"):
            sets.setdefault((stream, epoch), Ranges()).add(first, last)
    for stream, epoch, last, size in connection.execute("select stream, epoch, last, bytes from number"):
        held.last[stream, epoch] = last
        held.bytes[stream, epoch] = size
    for key, kept in held.kept.items():
        held.last[key] = max(held.last.get(key, -1), kept.top or 0)
    return held
