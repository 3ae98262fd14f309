"""The alarm journal: every transition a row in ``alarms.db``, on the disk before anyone is told.

Two tables, written in one transaction: ``transition`` holds what happened, one row each, never changed; ``alarm`` holds how each
occurrence stands now. The second can be made from the first (`replay`), and after a kill at any point both are from the same moment.
Only the engine writes, through one thread of its own; history is read through a second, read-only connection. A file that SQLite finds
damaged is set aside, what can be read of it moves to a new one, and `Journal.damage` says so.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import apsw
import msgspec

from collector.alarms.lifecycle import Alarm, Transition
from firmware_config.base import log
from firmware_config.base.database import open_database
from firmware_config.errors import DatabaseDamaged

logger = log.get(__name__)
T = TypeVar("T")
VERSION = 1
SCHEMA = """
create table if not exists alarm(
  id integer primary key, key text not null, station text not null, open integer not null,
  raised_ms integer not null, source_t integer, body blob not null);
create index if not exists alarm_open on alarm(id) where open;
create index if not exists alarm_station on alarm(station, id);
create index if not exists alarm_source on alarm(key, source_t) where source_t is not null;
create table if not exists transition(
  n integer primary key, alarm integer not null, at_ms integer not null, name text not null, state text not null, severity text not null,
  who text not null, comment text not null, body blob not null);
create index if not exists transition_alarm on transition(alarm, n);
create table if not exists cursor(name text primary key, value integer not null) without rowid;
"""
_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(Alarm)


class Journal:
    """The journal of one centre. Every public method is safe to call from the event loop; the work is done in threads."""

    def __init__(self, path: Path, *, quota_bytes: int | None = None) -> None:
        self.path = path
        self.damage = ""
        self._quota = quota_bytes
        self._writer = ThreadPoolExecutor(1, "alarm-journal")
        self._reader = ThreadPoolExecutor(1, "alarm-history")
        self._write: apsw.Connection | None = None
        self._read: apsw.Connection | None = None

    async def _in(self, pool: ThreadPoolExecutor, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, call)

    async def open(self) -> list[Alarm]:
        """Open or create the file and return the alarms that were open, oldest first."""
        return await self._in(self._writer, self._open)

    def _open(self) -> list[Alarm]:
        try:
            self._write = self._connect()
        except DatabaseDamaged as error:
            aside = self.path.with_name(f"{self.path.name}.damaged-{time.time_ns()}")
            for suffix in ("", "-wal", "-shm"):
                part = Path(f"{self.path}{suffix}")
                if part.exists():
                    part.rename(f"{aside}{suffix}")
            self._write = self._connect()
            saved = _salvage(aside, self._write)
            self.damage = f"{saved} rows were saved, the damaged file is kept as {aside.name}"
            logger.error("alarm journal damaged", kept_as=aside.name, saved=saved, reason=str(error))
        rows = self._write.execute("select body from alarm where open order by id")
        return [_decoder.decode(body) for (body,) in rows]

    def _connect(self) -> apsw.Connection:
        return open_database(self.path, schema=SCHEMA, version=VERSION, quota_bytes=self._quota)

    async def last_id(self) -> int:
        """The highest alarm number used so far."""
        sql = "select max(coalesce((select max(id) from alarm), 0), coalesce((select max(alarm) from transition), 0))"
        return await self._in(self._writer, lambda: int(self._db().execute(sql).get))

    async def newest_sources(self) -> dict[str, int]:
        """For each key raised by station events: the time of the newest event that was taken."""
        sql = "select key, max(source_t) from alarm where source_t is not null group by key"
        return await self._in(self._writer, lambda: dict(self._db().execute(sql)))

    async def cursor(self, name: str) -> int | None:
        """A number kept under a name (how far the event stream was read)."""
        return await self._in(self._writer, lambda: self._db().execute("select value from cursor where name=?", (name,)).get)

    def _db(self) -> apsw.Connection:
        if self._write is None:
            raise RuntimeError("the alarm journal is not open")
        return self._write

    async def write(self, transitions: Sequence[Transition], cursors: Sequence[tuple[str, int]] = ()) -> None:
        """Commit transitions in order, in one transaction; durable when it returns. Raises apsw.Error (full, I/O) with nothing written."""
        await self._in(self._writer, lambda: self._commit(transitions, cursors))

    def _commit(self, transitions: Sequence[Transition], cursors: Sequence[tuple[str, int]]) -> None:
        db = self._db()
        with db:
            for row in transitions:
                alarm, body = row.after, _encode(row.after)
                db.execute(
                    "insert into transition(alarm, at_ms, name, state, severity, who, comment, body) values(?,?,?,?,?,?,?,?)",
                    (alarm.id, row.at_ms, row.name, alarm.state.value, alarm.severity, row.who, row.comment, body),
                )
                db.execute(
                    "insert or replace into alarm(id, key, station, open, raised_ms, source_t, body) values(?,?,?,?,?,?,?)",
                    (alarm.id, alarm.key, alarm.station, int(alarm.open), alarm.raised_ms, alarm.source_t, body),
                )
            for name, value in cursors:
                db.execute("insert or replace into cursor(name, value) values(?,?)", (name, value))

    async def history(self, *, station: str | None, before: int | None, limit: int) -> list[Alarm]:
        """Occurrences, open and cleared, newest first, with numbers below ``before``."""
        return await self._in(self._reader, lambda: list(self._history(station, before, limit)))

    def _history(self, station: str | None, before: int | None, limit: int) -> Iterator[Alarm]:
        where = ["id < ?"]
        arguments: list[int | str] = [before if before is not None else 2**62]
        if station is not None:
            where.append("station = ?")
            arguments.append(station)
        sql = f"select body from alarm where {' and '.join(where)} order by id desc limit ?"
        for (body,) in self._reading().execute(sql, (*arguments, limit)):
            yield _decoder.decode(body)

    async def find(self, alarm_id: int) -> Alarm | None:
        body = await self._in(self._reader, lambda: self._reading().execute("select body from alarm where id=?", (alarm_id,)).get)
        return _decoder.decode(body) if body is not None else None

    async def transitions(self, alarm_id: int) -> list[Transition]:
        """What happened to one alarm, in order."""
        return await self._in(self._reader, lambda: list(_transitions(self._reading(), alarm_id)))

    def _reading(self) -> apsw.Connection:
        if self._read is None:
            self._read = open_database(self.path, schema="", version=VERSION, read_only=True)
        return self._read

    async def close(self) -> None:
        """Let go of the file; closing twice is harmless."""
        write, read, self._write, self._read = self._write, self._read, None, None
        for pool, connection in ((self._writer, write), (self._reader, read)):
            if connection is not None:
                await self._in(pool, connection.close)
            pool.shutdown(wait=False)


def _transitions(db: apsw.Connection, alarm_id: int) -> Iterator[Transition]:
    sql = "select name, at_ms, who, comment, body from transition where alarm=? order by n"
    for name, at_ms, who, comment, body in db.execute(sql, (alarm_id,)):
        yield Transition(name=name, at_ms=at_ms, who=who, comment=comment, after=_decoder.decode(body))


def replay(db: apsw.Connection) -> dict[int, Alarm]:
    """How every alarm stands according to the transitions alone: equal to the ``alarm`` table, or one of the two is wrong."""
    return {alarm: _decoder.decode(body) for alarm, body in db.execute("select alarm, body from transition order by n")}


def _salvage(damaged: Path, into: apsw.Connection) -> int:
    """Copy what can still be read, table by table, until SQLite gives up; returns the number of rows."""
    saved = 0
    try:
        old = open_database(damaged, schema="", version=VERSION, read_only=True)
    except (apsw.Error, DatabaseDamaged):
        return 0
    for table, columns in (("transition", 9), ("alarm", 7), ("cursor", 2)):
        marks = ",".join("?" * columns)
        for order in ("asc", "desc"):  # from both ends towards the damage
            try:
                key = "name" if table == "cursor" else "rowid"
                for row in old.execute(f"select * from {table} order by {key} {order}"):
                    if table == "cursor" or _readable(row[-1]):
                        into.execute(f"insert or ignore into {table} values({marks})", row)
                        saved += into.changes()
            except apsw.Error as error:
                logger.warning("part of the damaged alarm journal cannot be read", table=table, reason=str(error))
    old.close()
    return saved


def _readable(body: object) -> bool:
    try:
        _decoder.decode(body)  # type: ignore[arg-type]
    except (msgspec.DecodeError, UnicodeDecodeError, TypeError):
        return False
    return True
