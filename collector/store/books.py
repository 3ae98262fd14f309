"""What a transaction keeps up to date beside the rows: who stands at which time, and the half-hour rollups.

Products are unique by (station, stream, time): of several rows of one time the highest version stands, of equal versions the one numbered
last. A row named in ``replaces`` by a higher version no longer stands, also when the new one has another time. The order in which they
arrive does not matter. Events are no products: all of them stand. A bucket that only gained records of
times that were free is merged; one in which a row was superseded is made anew from its rows.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence

import apsw
import msgspec

from collector.store.rollup import Averagings, Bucket, add_record, aggregate_records, decode_bucket, encode_bucket, merge_buckets
from collector.store.schema import BUCKET_MS, Standing
from firmware_config.records import Record

Flow = tuple[int, int]
"""(station id, stream id)"""
CACHED_BUCKETS = 2_000
FEW = 4
"""So many records of a bucket are added one by one, more by columns."""
_decode = msgspec.json.Decoder(Record).decode


class TimeAxis:
    """Decides the standing of new rows. Remembers the newest time of each flow, so that the usual record asks the file nothing."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._newest: dict[Flow, int] = {}
        self._replaced: dict[Flow, dict[tuple[int, int], int]] = {}

    def forget(self) -> None:
        self._newest.clear()
        self._replaced.clear()

    def _replacements(self, flow: Flow) -> dict[tuple[int, int], int]:
        """Numbers ``(epoch, seq)`` that were replaced, with the version that did."""
        found = self._replaced.get(flow)
        if found is None:
            rows = self._connection.execute("select epoch, seq, version from replaced where station_id=? and stream_id=?", flow)
            found = self._replaced[flow] = {(epoch, seq): version for epoch, seq, version in rows}
        return found

    def _replace(self, flow: Flow, record: Record, number: tuple[int, int]) -> tuple[int, int] | None:
        """Note that ``record`` replaces another; ``(row id, t)`` of that one when it is in the file and stands."""
        replaced = self._replacements(flow)
        replaced[number] = max(record.version, replaced.get(number, 0))
        self._connection.execute("insert or replace into replaced values(?,?,?,?,?)", (*flow, *number, replaced[number]))
        sql = "select id, t from record where station_id=? and stream_id=? and epoch=? and seq=? and version<? and standing in (1,2)"
        for row_id, t in self._connection.execute(sql, (*flow, *number, record.version)):
            return row_id, t
        return None

    def _top(self, flow: Flow) -> int:
        top = self._newest.get(flow)
        if top is None:
            sql = "select coalesce(max(t), -9e15) from record where station_id=? and stream_id=?"
            top = self._newest[flow] = int(self._connection.execute(sql, flow).get)
        return top

    def place(self, flow: Flow, new: Sequence[tuple[int, Record]]) -> tuple[dict[int, Standing], list[tuple[int, Standing]], set[int]]:
        """Place new rows ``(id, record)`` of one flow.

        Returns the standing of each new row by id, changes ``(id, standing)`` to rows already there, and the buckets to make anew.
        """
        top = self._top(flow)
        standings: dict[int, Standing] = {}
        holders: dict[int, tuple[tuple[int, int, int], int, bool]] = {}  # t → (rank, row id, already in the file)
        changes: list[tuple[int, Standing]] = []
        anew: set[int] = set()
        above: set[int] = set()
        for row_id, record in new:
            if record.replaces is not None and (gone := self._replace(flow, record, record.replaces)) is not None:
                changes.append((gone[0], Standing.SUPERSEDED))
                anew.add(gone[1] // BUCKET_MS * BUCKET_MS)
                if gone[1] == record.t:
                    above.add(row_id)
        replaced = self._replacements(flow)
        for row_id, record in new:
            if record.clock == "unset":
                standings[row_id] = Standing.OFF_AXIS
                continue
            if replaced.get((record.epoch, record.seq), -1) > record.version:
                standings[row_id] = Standing.SUPERSEDED
                continue
            standings[row_id] = Standing.WINNER if row_id in above else Standing.ALONE
            if record.stream == "event":
                continue
            t, rank = record.t, (record.version, record.epoch, record.seq)
            holder = holders.get(t) or (self._holder(flow, t) if t <= top else None)
            if holder is None:
                holders[t] = (rank, row_id, False)
                continue
            anew.add(t // BUCKET_MS * BUCKET_MS)
            winner, loser = ((rank, row_id, False), holder) if rank > holder[0] else (holder, (rank, row_id, False))
            holders[t] = winner
            for (_, changed, in_file), standing in ((winner, Standing.WINNER), (loser, Standing.SUPERSEDED)):
                if in_file:
                    changes.append((changed, standing))
                else:
                    standings[changed] = standing
        self._newest[flow] = max(top, *(record.t for _, record in new))
        return standings, changes, anew

    def _holder(self, flow: Flow, t: int) -> tuple[tuple[int, int, int], int, bool] | None:
        sql = "select version, epoch, seq, id from record where station_id=? and stream_id=? and t=? and standing in (1,2)"
        replaced = self._replacements(flow)
        for version, epoch, seq, row_id in self._connection.execute(sql, (*flow, t)):
            if replaced.get((epoch, seq), -1) <= version:
                return (version, epoch, seq), row_id, True
        return None


class RollupBook:
    """The rollup table, with the buckets in use kept decoded."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._cache: OrderedDict[tuple[int, int, int], Bucket] = OrderedDict()
        self._averagings = Averagings()

    def forget(self) -> None:
        """Drop what is remembered (after a rollback)."""
        self._cache.clear()

    def _load(self, key: tuple[int, int, int]) -> Bucket:
        bucket = self._cache.get(key)
        if bucket is None:
            data = self._connection.execute("select data from rollup where station_id=? and stream_id=? and bucket=?", key).get
            bucket = self._cache[key] = decode_bucket(data) if data is not None else {}
        self._cache.move_to_end(key)
        return bucket

    def update(self, flow: Flow, added: Iterable[Record], anew: set[int]) -> None:
        """Take in records that now stand (their rows are written); make the buckets in ``anew`` from the rows."""
        self.save(self.rows(flow, added, anew))

    def rows(self, flow: Flow, added: Iterable[Record], anew: set[int]) -> list[tuple[int, int, int, bytes]]:
        """As `update`, but returns the rows to `save`, so that those of many flows can be written at once."""
        by_bucket: dict[int, list[Record]] = {bucket: [] for bucket in anew}
        for record in added:
            by_bucket.setdefault(record.t // BUCKET_MS * BUCKET_MS, []).append(record)
        rows: list[tuple[int, int, int, bytes]] = []
        for at, records in by_bucket.items():
            key = (*flow, at)
            if at in anew:
                bucket = self._cache[key] = aggregate_records(self._standing(flow, at), self._averagings)
            else:
                bucket = self._load(key)
                if len(records) <= FEW:
                    for record in records:
                        add_record(bucket, record, self._averagings)
                else:
                    merge_buckets(bucket, aggregate_records(records, self._averagings), self._averagings)
            if bucket or at in anew:
                rows.append((*key, encode_bucket(bucket)))
        while len(self._cache) > CACHED_BUCKETS:
            self._cache.popitem(last=False)
        return rows

    def save(self, rows: Sequence[tuple[int, int, int, bytes]]) -> None:
        if rows:
            self._connection.executemany("insert or replace into rollup values(?,?,?,?)", rows)

    def _standing(self, flow: Flow, at: int) -> list[Record]:
        sql = "select body from record where station_id=? and stream_id=? and t>=? and t<? and standing in (1,2)"
        return [_decode(body) for (body,) in self._connection.execute(sql, (*flow, at, at + BUCKET_MS))]

    def rebuild(self) -> None:
        """Every bucket anew from the rows."""
        self.forget()
        self._connection.execute("delete from rollup")
        sql = (
            f"select distinct station_id, stream_id, t - ((t % {BUCKET_MS}) + {BUCKET_MS}) % {BUCKET_MS} from record"
            " where standing in (1,2) and stream_id not in (select id from stream where name='event')"
        )
        found: list[tuple[int, int, int]] = list(self._connection.execute(sql))
        for station_id, stream_id, at in found:
            self.update((station_id, stream_id), (), {at})
        self.forget()
