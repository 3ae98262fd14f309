"""Reading the store: what the API, the alarms, the sink and the exports ask.

Read-only and side by side with the writer (WAL); an answer is one consistent moment. Superseded rows are left out unless asked for; the
hash of every row that is handed out is checked, and a row that fails is left out and counted in ``Reader.damaged`` (the centre then
rebuilds the store, see `collector.store.salvage`). A `Reader` belongs to one thread at a time; `ReaderPool` serves an event loop.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import apsw
import msgspec

from collector.store.answers import Declared, EpochLedger, Gap, Points, SeriesAnswer, Shown, StationRow, Stored
from collector.store.rollup import Averagings, Bucket, decode_bucket, merge_buckets
from collector.store.schema import BUCKET_MS, Standing
from firmware_config.base.database import open_database
from firmware_config.errors import WireError
from firmware_config.messages import Birth
from firmware_config.ranges import Ranges
from firmware_config.records import Record, content_hash, unseal
from firmware_config.streams import STREAMS

__all__ = ["Declared", "EpochLedger", "Gap", "Points", "Reader", "ReaderPool", "SeriesAnswer", "StationRow", "Stored"]
T = TypeVar("T")
ON_AXIS = f"standing in ({Standing.ALONE:d},{Standing.WINNER:d})"
NEWEST_DEPTH = 20
"""How many of a stream's newest records are looked through for the newest value of each series."""


@dataclass(frozen=True)
class _Span:
    """One stream of one station over ``[from_ms, to_ms)``."""

    station_id: int | None
    stream_id: int | None
    stream: str
    from_ms: int
    to_ms: int

    @property
    def parameters(self) -> tuple[int | None, int | None, int, int]:
        return self.station_id, self.stream_id, self.from_ms, self.to_ms


_shown = msgspec.json.Decoder(Shown)


class Reader:
    """Questions to one ``store.db``; opens it again when the writer has replaced the file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damaged = 0
        self._averagings = Averagings()
        self._connection: apsw.Connection | None = None
        self._inode = -1

    @property
    def connection(self) -> apsw.Connection:
        inode = self.path.stat().st_ino
        if self._connection is None or inode != self._inode:
            self.close()
            self._connection, self._inode = open_database(self.path, schema="", version=0, read_only=True), inode
        return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _rows(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Rows as they are asked for. A page or text that cannot be read counts as damage, so that the centre sees to it, and is raised."""
        try:
            yield from self.connection.execute(sql, parameters)
        except (apsw.CorruptError, UnicodeDecodeError):
            self.damaged += 1
            raise

    def _id(self, table: str, name: str) -> int | None:
        found = next(self._rows(f"select id from {table} where name=?", (name,)), None)
        return None if found is None else int(found[0])

    # --- stations and streams

    def stations(self) -> list[StationRow]:
        """Every station ever heard of, by name."""
        rows = self._rows("select name, birth, birth_ms, heard_ms from station order by name")
        return [StationRow(name, _birth(birth), birth_ms, heard_ms) for name, birth, birth_ms, heard_ms in rows]

    def streams(self, station: str) -> list[str]:
        """The streams a station has records of, in the order of the contract."""
        rows = self._rows(
            "select name from stream where exists (select 1 from record where station_id=(select id from station where name=?)"
            " and stream_id=stream.id)",
            (station,),
        )
        order = {name: i for i, name in enumerate(STREAMS)}
        return sorted((name for (name,) in rows), key=lambda name: (order.get(name, len(order)), name))

    def series_of(self, station: str) -> dict[str, list[str]]:
        """Series name → streams it was ever seen in."""
        order = {name: i for i, name in enumerate(STREAMS)}
        found: dict[str, list[str]] = {}
        for name, stream in self._rows(
            "select series.name, stream.name from series join stream on stream.id=series.stream_id"
            " where station_id=(select id from station where name=?)",
            (station,),
        ):
            found.setdefault(name, []).append(stream)
        for streams in found.values():
            streams.sort(key=lambda name: (order.get(name, len(order)), name))
        return found

    # --- records

    def scrub(self, after: int, count: int) -> int:
        """Check the hashes of the ``count`` rows behind row ``after``, counting damage; the last one looked at, 0 after the end."""
        rows = list(self._rows("select id, hash, body from record where id>? order by id limit ?", (after, count)))
        self.damaged += sum(not isinstance(body, bytes) or content_hash(body) != digest for _, digest, body in rows)
        return int(rows[-1][0]) if len(rows) == count else 0

    def _stored(self, rows: Iterable[tuple[Any, ...]]) -> Iterator[Stored]:
        for row_id, standing, digest, body in rows:
            try:
                yield Stored(row_id, Standing(standing), digest, body, unseal(body, digest).record)
            except (WireError, ValueError):
                self.damaged += 1

    def records(
        self, station: str, stream: str, from_ms: int, to_ms: int, *, superseded: bool = False, newest_first: bool = False
    ) -> Iterator[Stored]:
        """Records that begin in ``[from_ms, to_ms)``, in order of time; with ``superseded`` every row, also those off the time axis."""
        ids = self._id("station", station), self._id("stream", stream)
        if None in ids:
            return
        which = "" if superseded else f"and {ON_AXIS}"
        order = "desc" if newest_first else "asc"
        yield from self._stored(
            self._rows(
                "select id, standing, hash, body from record"
                f" where station_id=? and stream_id=? and t>=? and t<? {which} order by t {order}, id {order}",
                (*ids, from_ms, to_ms),
            )
        )

    def newest(self, station: str, depth: int = NEWEST_DEPTH) -> list[Record]:
        """The newest ``depth`` records of each stream, newest first within a stream."""
        found: list[Record] = []
        for stream in self.streams(station):
            ids = self._id("station", station), self._id("stream", stream)
            rows = self._rows(
                f"select id, standing, hash, body from record where station_id=? and stream_id=? and {ON_AXIS} order by t desc limit ?",
                (*ids, depth),
            )
            found.extend(stored.record for stored in self._stored(rows))
        return found

    def after(self, cursor: int, limit: int) -> tuple[list[Stored], int | None]:
        """Rows in the order of commitment, after a row id (for sinks), and the id of the last one looked at (None: there was none)."""
        rows = list(self._rows("select id, standing, hash, body from record where id>? order by id limit ?", (cursor, limit)))
        return list(self._stored(rows)), int(rows[-1][0]) if rows else None

    def superseded_at(self, record: Record) -> list[Stored]:
        """The rows that a winner of its time stands above."""
        ids = self._id("station", record.station), self._id("stream", record.stream)
        sql = "select id, standing, hash, body from record where station_id=? and stream_id=? and t=? and standing=?"
        return list(self._stored(self._rows(sql, (*ids, record.t, int(Standing.SUPERSEDED)))))

    def numbered(self, station: str, stream: str, epoch: int, seq: int) -> Stored | None:
        """The row of one number."""
        sql = "select id, standing, hash, body from record where station_id=? and stream_id=? and epoch=? and seq=?"
        return next(self._stored(self._rows(sql, (self._id("station", station), self._id("stream", stream), epoch, seq))), None)

    # --- series

    def series(self, station: str, names: Sequence[str], from_ms: int, to_ms: int, points: int) -> SeriesAnswer:
        """Values of some series that begin in ``[from_ms, to_ms)``: single records when no stream has more than ``points`` of them,
        else means over half-hours or multiples of them, at most ``points`` a series. A record is shown at its beginning, a tide value
        at its centre, a mean at the beginning of its bucket. A series of several streams is taken from the first in the order of the
        contract. Unknown series come back empty."""
        known = self.series_of(station)
        streams = {name: known[name][0] for name in names if name in known}
        station_id = self._id("station", station)
        spans = [_Span(station_id, self._id("stream", stream), stream, from_ms, to_ms) for stream in sorted(set(streams.values()))]
        answer = SeriesAnswer(0, {name: Points() for name in names}, streams)
        if any(self._has_more(span, points) for span in spans):
            answer.bucket_ms = BUCKET_MS * max(1, -(-(to_ms - from_ms) // (BUCKET_MS * max(points, 1))))
        for span in spans:
            wanted = [name for name in answer.series if streams.get(name) == span.stream]
            if answer.bucket_ms:
                self._means(answer, wanted, span)
            else:
                self._singles(answer, wanted, span)
        return answer

    def _has_more(self, span: _Span, points: int) -> bool:
        sql = "select count(*) from (select 1 from record where station_id=? and stream_id=? and t>=? and t<? limit ?)"
        return int(next(iter(self._rows(sql, (*span.parameters, points + 1))))[0]) > points

    def _singles(self, answer: SeriesAnswer, wanted: list[str], span: _Span) -> None:
        sql = f"select t, dt, hash, body from record where station_id=? and stream_id=? and t>=? and t<? and {ON_AXIS} order by t"
        for t, dt, digest, body in self._rows(sql, span.parameters):
            if not isinstance(body, bytes) or content_hash(body) != digest:
                self.damaged += 1
                continue
            shown = _shown.decode(body)
            at = t + dt // 2 if span.stream == "tide" else t
            for name in wanted:
                if name in shown.values:
                    answer.series[name].add_value(at, name, shown)

    def _means(self, answer: SeriesAnswer, wanted: list[str], span: _Span) -> None:
        first = span.from_ms // BUCKET_MS * BUCKET_MS
        at, joined = first, Bucket()
        for bucket, data in self._rollup_rows((span.station_id, span.stream_id, first, span.to_ms)):
            here = first + (bucket - first) // answer.bucket_ms * answer.bucket_ms
            if here != at:
                self._add_means(answer, joined, at)
                at, joined = here, {}
            found = decode_bucket(data)
            merge_buckets(joined, {name: found[name] for name in wanted if name in found}, self._averagings)
        self._add_means(answer, joined, at)

    def _add_means(self, answer: SeriesAnswer, bucket: Bucket, at: int) -> None:
        for name, aggregate in bucket.items():
            answer.series[name].add_mean(at, aggregate, self._averagings[name])

    def _rollup_rows(self, parameters: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
        return self._rows(
            "select bucket, data from rollup where station_id=? and stream_id=? and bucket>=? and bucket<? order by bucket", parameters
        )

    def rollups(self, station: str, stream: str, from_ms: int, to_ms: int) -> list[tuple[int, Bucket]]:
        """The half-hour rollups that begin in ``[from_ms, to_ms)``."""
        ids = self._id("station", station), self._id("stream", stream)
        return [(bucket, decode_bucket(data)) for bucket, data in self._rollup_rows((*ids, from_ms, to_ms))]

    # --- ledger

    def ledger(self, station: str) -> list[EpochLedger]:
        """Committed and declared numbers of every (stream, epoch) of a station."""
        station_id = self._id("station", station)
        found: dict[tuple[str, int], EpochLedger] = {}
        for stream, epoch, committed in self._rows(
            "select stream.name, epoch, committed from ledger join stream on stream.id=stream_id where station_id=? order by 1, 2",
            (station_id,),
        ):
            found[stream, epoch] = EpochLedger(stream, epoch, Ranges(msgspec.json.decode(committed)))
        for stream, epoch, *rest in self._rows(
            "select stream.name, epoch, first, last, kind, reason, t from declared join stream on stream.id=stream_id"
            " where station_id=? order by 1, 2, 3",
            (station_id,),
        ):
            found.setdefault((stream, epoch), EpochLedger(stream, epoch, Ranges())).declared.append(Declared(*rest))
        return [found[key] for key in sorted(found)]

    def gaps(self, station: str, stream: str, from_ms: int, to_ms: int, longer_than_ms: int) -> list[Gap]:
        """Times within ``[from_ms, to_ms)`` that no record of the stream covers, of more than ``longer_than_ms``, in order. The last one
        may reach to ``to_ms`` (``before_seq`` None). Before the first record of all there is no gap: the stream had not begun."""
        ids = self._id("station", station), self._id("stream", stream)
        sql = (
            f"with axis as (select t, dt, epoch, seq from record where station_id=?1 and stream_id=?2 and {ON_AXIS}),"
            " seen as (select * from axis where t>=?3 and t<?4"
            " union all select * from (select * from axis where t<?3 order by t desc limit 1)),"
            " pairs as (select t, epoch, seq, lag(t+dt) over w as end, lag(seq) over w as before, lag(epoch) over w as before_epoch"
            " from seen window w as (order by t))"
            " select max(end, ?3), t, epoch, case when before_epoch=epoch then before end, seq from pairs where t-end>?5 and t>?3"
            " union all select max(max(t+dt), ?3), ?4, epoch, seq, null from seen having ?4-max(t+dt)>?5 order by 1"
        )
        rows = list(self._rows(sql, (*ids, from_ms, to_ms, longer_than_ms)))
        return [Gap(*row) for row in rows if row[0] < row[1]]

    def first_time(self, station: str, stream: str) -> int | None:
        """When the first record of a stream begins."""
        sql = f"select t from record where station_id=? and stream_id=? and {ON_AXIS} order by t limit 1"
        for (t,) in self._rows(sql, (self._id("station", station), self._id("stream", stream))):
            return int(t)
        return None

    def days(self, station: str, stream: str, day_ms: int = 86_400_000) -> list[int]:
        """The beginnings (ms UTC) of the days in which records of a stream begin."""
        sql = f"select distinct (t - ((t % ?3) + ?3) % ?3) from record where station_id=?1 and stream_id=?2 and {ON_AXIS} order by 1"
        return [int(day) for (day,) in self._rows(sql, (self._id("station", station), self._id("stream", stream), day_ms))]

    # --- counts and lists for the operator

    def count(self) -> int:
        """How many records are in the store."""
        return int(next(iter(self._rows("select count(*) from record")))[0])

    def top_id(self) -> int:
        """The id of the newest row (0: empty)."""
        return int(next(iter(self._rows("select coalesce(max(id), 0) from record")))[0])

    def parked(self, limit: int = 100) -> list[dict[str, Any]]:
        """What was set aside, newest first: station, reason, explanation, topic, size, first_ms, last_ms, count."""
        names = ("station", "reason", "explanation", "topic", "size", "first_ms", "last_ms", "count")
        return [
            dict(zip(names, row, strict=True))
            for row in self._rows(f"select {','.join(names)} from parked order by last_ms desc limit ?", (limit,))
        ]

    def conflicts(self, limit: int = 100) -> list[dict[str, Any]]:
        """Records that came with a known number and other content, newest first."""
        names = ("station", "stream", "epoch", "seq", "hash", "first_ms", "last_ms", "count")
        rows = self._rows(
            "select station.name, stream.name, epoch, seq, hash, first_ms, last_ms, count from conflict"
            " join station on station.id=station_id join stream on stream.id=stream_id order by last_ms desc limit ?",
            (limit,),
        )
        return [dict(zip(names, row, strict=True)) for row in rows]

    def sink_cursor(self, name: str) -> int:
        """Up to which row a sink has handed on (0: nothing yet)."""
        for (cursor,) in self._rows("select cursor from sink where name=?", (name,)):
            return int(cursor)
        return 0

    def sink_parked(self, name: str) -> list[tuple[int, str, str]]:
        """Lines a database refused: ``(row id, line, reason)``."""
        return [
            (r, line, why) for r, line, why in self._rows("select record, line, reason from sink_parked where sink=? order by 1", (name,))
        ]


def _birth(data: bytes | None) -> Birth | None:
    if data is None:
        return None
    try:
        return msgspec.json.decode(data, type=Birth)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


class ReaderPool:
    """Readers for an event loop: each thread of a small pool has its own."""

    def __init__(self, path: Path, threads: int = 2) -> None:
        self.path = path
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="store-reader")
        self._local = threading.local()
        self._readers: list[Reader] = []

    def watch(self, reader: Reader) -> Reader:
        """Count damage met by a reader of another thread, too."""
        self._readers.append(reader)
        return reader

    def _reader(self) -> Reader:
        reader: Reader | None = getattr(self._local, "reader", None)
        if reader is None:
            reader = self._local.reader = Reader(self.path)
            self._readers.append(reader)
        return reader

    async def run(self, question: Callable[[Reader], T]) -> T:
        """``await pool.run(lambda reader: reader.series(…))``; the function must return a whole answer, not an iterator."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: question(self._reader()))

    @property
    def damaged(self) -> int:
        """Rows whose content did not match their hash, as met so far."""
        return sum(reader.damaged for reader in self._readers)

    def close(self) -> None:
        self._threads.shutdown(wait=True)
        for reader in self._readers:
            reader.close()
        self._readers.clear()
