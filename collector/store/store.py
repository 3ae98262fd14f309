"""The writer's side of the store: one batch, one transaction, then (and only then) news.

`Store.commit` writes rows, ledger, rollups, conflicts and parked messages of a batch together or not at all. A record already there is
skipped; the same number with other content is kept beside it and reported, never written over it. All methods are for one thread; readers
use `collector.store.queries`. What a full disk refuses is refused whole (`CannotCommit`), and the next try starts from what the file says.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw
import msgspec

from collector.errors import CannotCommit
from collector.store.books import Flow, RollupBook, TimeAxis
from collector.store.ledger import Key, Ledger, add_numbers, declaration_of, encode_ranges
from collector.store.schema import PAGE_BYTES, SCHEMA, VERSION, Standing
from firmware_config.base.database import open_database
from firmware_config.errors import DatabaseDamaged
from firmware_config.messages import Ack
from firmware_config.ranges import Ranges
from firmware_config.records import Record, Sealed

MAX_PARKED_BYTES = 4_096
MAX_SERIES_NAMES = 2_000
HEARD_EVERY_MS = 60_000
CHECKPOINT_PAGES = 2_000
SPOILT = (apsw.CorruptError, apsw.NotADBError, UnicodeDecodeError, msgspec.DecodeError)
"""What reading our own file raises when its pages, its texts or its books (ledger, rollups) are damaged."""


@dataclass(frozen=True)
class Parked:
    """A message (or one record of it) that was set aside; ``payload`` is cut to `MAX_PARKED_BYTES`."""

    station: str
    reason: str
    explanation: str
    topic: str
    payload: bytes
    size: int
    digest: str


@dataclass(frozen=True)
class BirthBody:
    """A birth as it came, to be kept; the newest replaces the one before."""

    station: str
    body: bytes


@dataclass
class Batch:
    """What one transaction takes in."""

    accepted: list[Sealed] = field(default_factory=list)
    parked: list[Parked] = field(default_factory=list)
    births: list[BirthBody] = field(default_factory=list)


@dataclass
class Committed:
    """What a transaction did: new records by station, stations to be acknowledged, how many were known already, and conflicts
    (the record's key with the hash that is kept and the one that came)."""

    new: dict[str, list[Record]] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)
    same: int = 0
    conflicts: list[tuple[tuple[str, str, int, int], str, str]] = field(default_factory=list)

    def absorb(self, other: Committed) -> None:
        """Join what two transactions did."""
        for station, records in other.new.items():
            self.new.setdefault(station, []).extend(records)
        self.touched |= other.touched
        self.same += other.same
        self.conflicts += other.conflicts


Placed = tuple[dict[int, Standing], list[tuple[int, Standing]], set[int]]
"""What `TimeAxis.place` says"""


def _rows(by_flow: Mapping[Flow, Sequence[tuple[int, Sealed]]], placed: Mapping[Flow, Placed], now_ms: int) -> list[tuple[Any, ...]]:
    rows = []
    for (station_id, stream_id), new in by_flow.items():
        standings = placed[station_id, stream_id][0]
        for i, sealed in new:
            r = sealed.record
            standing = int(standings[i])
            rows.append((i, station_id, stream_id, r.epoch, r.seq, r.t, r.dt, r.version, standing, now_ms, sealed.hash, sealed.body))
    return rows


class Store:
    """One open ``store.db`` with its books."""

    def __init__(
        self, path: Path, *, quota_bytes: int | None = None, reserve_bytes: int = 0, check: bool = True, parked_rows: int = 10_000
    ) -> None:
        """Open or create; DatabaseDamaged when the file cannot be trusted (see `collector.store.salvage`)."""
        self.path = path
        self.reserve_bytes = reserve_bytes
        self.parked_rows = parked_rows
        self.free_bytes: Callable[[], int] = lambda: shutil.disk_usage(path.parent).free
        self._db = open_database(path, schema=SCHEMA, version=VERSION, quota_bytes=quota_bytes, check=check, page_bytes=PAGE_BYTES)
        self._db.execute(f"pragma wal_autocheckpoint={CHECKPOINT_PAGES:d}; pragma cache_size=-64000")
        self.ledger = Ledger()
        self.axis = TimeAxis(self._db)
        self.rollups = RollupBook(self._db)
        self._stations: dict[str, int] = {}
        self._streams: dict[str, int] = {}
        self._series: set[tuple[Flow, str]] = set()
        self._heard: dict[str, int] = {}
        self._top = 0
        try:
            self._remember()
            if check:
                self.ledger.compare(self._db)
        except (*SPOILT, ValueError, TypeError) as error:
            self._db.close()
            raise DatabaseDamaged(f"{path}: {error}") from error

    def close(self) -> None:
        self._db.close()

    def _remember(self) -> None:
        """Read the books from the file: at the start and after a rollback."""
        self._top = int(self._db.execute("select coalesce(max(id), 0) from record").get)
        self._stations = dict(self._db.execute("select name, id from station"))
        self._streams = dict(self._db.execute("select name, id from stream"))
        self._series = {((s, m), name) for s, m, name in self._db.execute("select station_id, stream_id, name from series")}
        self._heard.clear()
        self.ledger.load(self._db)
        self.axis.forget()
        self.rollups.forget()

    @property
    def top_id(self) -> int:
        return self._top

    def acknowledgement(self, station: str, now_ms: int) -> Ack:
        return self.ledger.acknowledgement(station, now_ms)

    def stations(self) -> list[str]:
        """Every station the store has heard of."""
        return sorted(self._stations)

    def set_quota(self, quota_bytes: int | None) -> None:
        """Change the largest size of the file (None: no limit but the disk)."""
        page = self._db.execute("pragma page_size").get
        pages = 4_294_967_294 if quota_bytes is None else max(64, quota_bytes // page)
        self._db.execute(f"pragma max_page_count={pages:d}")

    # --- transactions

    def _transaction(self, work: Callable[[], None]) -> None:
        free = self.free_bytes()
        if free < self.reserve_bytes:
            raise CannotCommit(
                "full", f"{self.path}: {free / 1e6:.0f} MB left on the disk, {self.reserve_bytes / 1e6:.0f} MB must stay free"
            )
        try:
            self._db.execute("begin immediate")
            try:
                work()
                self._db.execute("commit")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("rollback")
                self._remember()
                raise
        except (apsw.FullError, apsw.IOError, apsw.BusyError, apsw.CantOpenError) as error:
            reason = "full" if isinstance(error, apsw.FullError) else "io"
            raise CannotCommit(reason, f"{self.path}: {error}") from error
        except SPOILT as error:
            raise DatabaseDamaged(f"{self.path}: {error}") from error

    def commit(self, batch: Batch, now_ms: int) -> Committed:
        """Write a batch in one transaction; CannotCommit (nothing changed) or DatabaseDamaged."""
        done = Committed()

        def work() -> None:
            fresh = self._sort_out(batch.accepted, done, now_ms)
            self._write(fresh, now_ms)
            self._note_heard(done.touched, now_ms)
            for birth in batch.births:
                row = (birth.body, now_ms, now_ms, self._station(birth.station))
                self._db.execute("update station set birth=?, birth_ms=?, heard_ms=? where id=?", row)
            self._park(batch.parked, now_ms)

        self._transaction(work)
        return done

    def _station(self, name: str) -> int:
        return self._name("station", self._stations, name)

    def _name(self, table: str, known: dict[str, int], name: str) -> int:
        found = known.get(name)
        if found is None:
            found = known[name] = int(self._db.execute(f"insert into {table}(name) values(?) returning id", (name,)).get)
        return found

    def _sort_out(self, accepted: Sequence[Sealed], done: Committed, now_ms: int) -> dict[Key, dict[int, Sealed]]:
        """Leave only what is new, by (station, stream, epoch) and number; count and keep the rest."""
        fresh: dict[Key, dict[int, Sealed]] = {}
        key: Key = ("", "", -1)
        numbers = Ranges()
        group: dict[int, Sealed] = {}
        for sealed in accepted:
            record = sealed.record
            here = record.station, record.stream, record.epoch
            if here != key:
                key, numbers, group = here, self.ledger.numbers(here), fresh.setdefault(here, {})
                done.touched.add(record.station)
            seq = record.seq
            known = group[seq].hash if seq in group else self._hash_of(key, seq) if seq in numbers else None
            if known is None:
                group[seq] = sealed
            elif known == sealed.hash:
                done.same += 1
            else:
                done.conflicts.append((record.key, known, sealed.hash))
                self._keep_conflict(sealed, now_ms)
        for (station, _, _), found in fresh.items():
            if found:
                done.new.setdefault(station, []).extend(sealed.record for sealed in found.values())
        return {key: found for key, found in fresh.items() if found}

    def _hash_of(self, key: Key, seq: int) -> str | None:
        sql = "select hash from record where station_id=? and stream_id=? and epoch=? and seq=?"
        found = self._db.execute(sql, (self._stations.get(key[0]), self._streams.get(key[1]), key[2], seq)).get
        return None if found is None else str(found)

    def _keep_conflict(self, sealed: Sealed, now_ms: int) -> None:
        record = sealed.record
        numbers = self._station(record.station), self._name("stream", self._streams, record.stream), record.epoch, record.seq
        self._db.execute(
            "insert into conflict(station_id, stream_id, epoch, seq, hash, body, first_ms, last_ms, count) values(?,?,?,?,?,?,?7,?7,1)"
            " on conflict do update set last_ms=excluded.last_ms, count=count+1",
            (*numbers, sealed.hash, sealed.body, now_ms),
        )

    def _write(self, fresh: Mapping[Key, Mapping[int, Sealed]], now_ms: int) -> None:
        """New records: rows, rollups, ledger, declarations, series names; each table with one statement for the whole batch."""
        by_flow: dict[Flow, list[tuple[int, Sealed]]] = {}
        ledger_rows: list[tuple[int, int, int, bytes]] = []
        for key, group in fresh.items():
            flow = self._station(key[0]), self._name("stream", self._streams, key[1])
            by_flow.setdefault(flow, []).extend(enumerate(group.values(), self._top + 1))
            self._top += len(group)
            numbers = self.ledger.numbers(key)
            add_numbers(numbers, group)
            ledger_rows.append((*flow, key[2], encode_ranges(numbers)))
        placed = {flow: self.axis.place(flow, [(i, sealed.record) for i, sealed in new]) for flow, new in by_flow.items()}
        self._db.executemany("insert into record values(?,?,?,?,?,?,?,?,?,?,?,?)", _rows(by_flow, placed, now_ms))
        changes = [(int(standing), i) for _, changed, _ in placed.values() for i, standing in changed]
        if changes:
            self._db.executemany("update record set standing=? where id=?", changes)
        self._db.executemany("insert or replace into ledger values(?,?,?,?)", ledger_rows)
        rollup_rows: list[tuple[int, int, int, bytes]] = []
        for flow, new in by_flow.items():
            if new[0][1].record.stream == "event":
                self._declare([sealed.record for _, sealed in new])
                continue
            standings, _, anew = placed[flow]
            self._note_series(flow, [sealed.record for _, sealed in new])
            rollup_rows += self.rollups.rows(flow, [sealed.record for i, sealed in new if standings[i] == Standing.ALONE], anew)
        self.rollups.save(rollup_rows)

    def _note_heard(self, stations: Iterable[str], now_ms: int) -> None:
        """When a station was last heard is kept to the minute: a row for each of many commits would be dear."""
        due = [(now_ms, self._station(s)) for s in stations if not 0 <= now_ms - self._heard.get(s, -HEARD_EVERY_MS) < HEARD_EVERY_MS]
        if due:
            self._db.executemany("update station set heard_ms=? where id=?", due)
            self._heard.update(dict.fromkeys(stations, now_ms))

    def _note_series(self, flow: Flow, records: Sequence[Record]) -> None:
        for names in {tuple(record.values) for record in records}:
            for name in names:
                if (flow, name) not in self._series and len(self._series) < MAX_SERIES_NAMES * max(1, len(self._stations)):
                    self._series.add((flow, name))
                    self._db.execute("insert or ignore into series values(?,?,?)", (*flow, name))

    def _declare(self, events: Sequence[Record]) -> None:
        for record in events:
            found = declaration_of(record)
            if found is None:
                continue
            kind, declared = found
            ids = self._station(record.station), self._name("stream", self._streams, declared.stream)
            self._db.executemany(
                "insert or ignore into declared values(?,?,?,?,?,?,?,?)",
                [(*ids, declared.epoch, a, b, kind, declared.reason[:500], record.t) for a, b in declared.ranges],
            )

    def _park(self, parked: Sequence[Parked], now_ms: int) -> None:
        if not parked:
            return
        self._db.executemany(
            "insert into parked(station, reason, topic, digest, explanation, payload, size, first_ms, last_ms, count)"
            " values(?,?,?,?,?,?,?,?8,?8,1) on conflict do update set last_ms=excluded.last_ms, count=count+1",
            [
                (p.station, p.reason, p.topic[:500], p.digest, p.explanation[:500], p.payload[:MAX_PARKED_BYTES], p.size, now_ms)
                for p in parked
            ],
        )
        self._db.execute(
            "delete from parked where id in (select id from parked order by last_ms desc, id desc limit -1 offset ?)", (self.parked_rows,)
        )

    # --- the sink's part: same file, so that a restored backup brings the cursor that belongs to it

    def advance_sink(self, name: str, cursor: int, refused: Sequence[tuple[int, str, str]] = (), now_ms: int = 0) -> None:
        """Up to which row ``name`` has handed on, and the lines that were refused ``(row id, line, reason)``, in one transaction."""

        def work() -> None:
            self._db.execute("insert or replace into sink values(?,?)", (name, cursor))
            self._db.executemany(
                "insert or replace into sink_parked(sink, record, line, reason, t_ms) values(?,?,?,?,?)",
                [(name, row_id, line, reason[:500], now_ms) for row_id, line, reason in refused],
            )

        self._transaction(work)

    def clear_sink_parked(self, name: str, row_ids: Sequence[int]) -> None:
        """Forget refused lines that have been taken since."""

        def work() -> None:
            self._db.executemany("delete from sink_parked where sink=? and record=?", [(name, row_id) for row_id in row_ids])

        self._transaction(work)
