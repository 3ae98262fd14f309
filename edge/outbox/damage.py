"""A damaged outbox: finding out, and saving what is right into a new file (never into the old one, which is kept for people).

The order of the steps is such that a kill at any point leaves either the damaged outbox as it was or a finished new one:
``outbox.new.db`` is filled, closed and renamed to ``outbox.saved.db`` (from here on it counts), the damaged files are renamed away,
``outbox.saved.db`` becomes ``outbox.db``.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import apsw

from edge.outbox.carve import Column, carve_rows
from edge.outbox.numbers import sync_folder
from edge.outbox.schema import DATABASE, ROW_COLUMNS, SCHEMA, VERSION, WAITING_COLUMNS, table
from firmware_config.base import log
from firmware_config.base.database import committed_frames, open_database
from firmware_config.errors import WireError
from firmware_config.records import Sealed, content_hash, unseal
from firmware_config.streams import STREAMS

logger = log.get(__name__)

NEW, SAVED = "outbox.new.db", "outbox.saved.db"
KEPT = "outbox-damaged-"
KEEP_DAMAGED = 2
CHECK_UP_TO_BYTES = 64_000_000
"""A larger file is not read through at each start; its rows are checked as they are read."""
ROWS_PER_COMMIT = 500


def examine(database: Path, *, used_before: bool) -> str | None:
    """What is wrong with an outbox file, or None. Changes nothing, not even the write-ahead log.

    ``used_before``: numbers were given from this folder, so that an empty file is not a new one.
    """
    expected = committed_frames(Path(f"{database}-wal"))
    try:
        connection = apsw.Connection(str(database))
        try:
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            found = connection.execute("pragma user_version").get
            if found > VERSION:
                return f"written by a newer program (schema {found}, this one knows {VERSION})"
            frames, _ = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)
            if frames < expected:
                return f"of the write-ahead log only the first {frames} frames can be read; commits followed"
            small = database.stat().st_size <= CHECK_UP_TO_BYTES
            if small and (problem := connection.execute("pragma quick_check(1)").get) != "ok":
                return str(problem)
            if found == VERSION or used_before:
                missing = {table(name) for name in STREAMS} - {row[0] for row in connection.execute("select name from sqlite_schema")}
                if missing:
                    return f"tables are gone: {', '.join(sorted(missing))}"
                if small and (wrong := [table(name) for name in STREAMS if not _index_is_right(connection, table(name))]):
                    return f"index and rows do not agree: {', '.join(wrong)}"
        finally:
            connection.close()
    except (apsw.CorruptError, apsw.NotADBError, apsw.IOError, apsw.SQLError) as error:
        return str(error)
    return None


def _index_is_right(connection: apsw.Connection, name: str) -> bool:
    """Whether rows and index of a record table hold the same numbers (the quick check does not look, and what is kept is read there)."""
    by_row = f"select id, epoch, seq from {name} not indexed"
    by_index = f"select id, epoch, seq from {name} indexed by {name}_number"
    differ = f"select exists({by_row} except {by_index}) or exists({by_index} except {by_row})"
    return not connection.execute(differ).get


@dataclass
class Salvage:
    """What came out of a damaged outbox."""

    problem: str
    kept_as: str = ""
    records: int = 0
    waiting: int = 0
    epochs: set[int] = field(default_factory=set)
    stopped_by: str = ""


def finish_interrupted(folder: Path) -> None:
    """Complete (or forget) a salvage that a kill interrupted."""
    if (folder / SAVED).exists():
        _change_places(folder)
    for name in (NEW, f"{NEW}-wal", f"{NEW}-shm"):
        (folder / name).unlink(missing_ok=True)


def salvage(folder: Path, station: str, problem: str) -> Salvage:
    """Move every row whose hash is right from the damaged ``outbox.db`` to a new one; the damaged files are kept under another name."""
    finish_interrupted(folder)
    damaged = folder / DATABASE
    result = Salvage(problem)
    connection = open_database(folder / NEW, schema=SCHEMA, version=VERSION, check=False)
    try:
        _fill(connection, damaged, station, result)
        _copy_small_tables(connection, damaged)
        _recount(connection)
    except (apsw.FullError, apsw.IOError) as error:
        result.stopped_by = str(error)
        if connection.in_transaction:
            connection.execute("rollback")
    finally:
        connection.close()
    (folder / NEW).rename(folder / SAVED)
    sync_folder(folder)
    result.kept_as = _change_places(folder)
    logger.error("outbox was damaged", problem=problem, kept_as=result.kept_as, records=result.records, stopped_by=result.stopped_by)
    return result


def _change_places(folder: Path) -> str:
    """Put the damaged files aside and the saved one in their place; every step can be repeated."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime((folder / SAVED).stat().st_mtime))
    name = f"{KEPT}{stamp}.db"
    for number in range(1, 100):
        if not (folder / name).exists():
            break
        name = f"{KEPT}{stamp}-{number}.db"
    (folder / f"{DATABASE}-shm").unlink(missing_ok=True)
    for ending in ("-wal", ""):
        if (folder / f"{DATABASE}{ending}").exists():
            (folder / f"{DATABASE}{ending}").rename(folder / f"{name}{ending}")
            sync_folder(folder)
    (folder / SAVED).rename(folder / DATABASE)
    sync_folder(folder)
    kept = sorted(path for path in folder.glob(f"{KEPT}*.db"))
    for old in kept[:-KEEP_DAMAGED]:
        for ending in ("", "-wal"):
            Path(f"{old}{ending}").unlink(missing_ok=True)
    return name


def _fill(connection: apsw.Connection, damaged: Path, station: str, result: Salvage) -> None:
    rows = carve_rows(damaged, Path(f"{damaged}-wal"))
    pending = 0
    connection.execute("begin")
    for rowid, columns in rows:
        if len(columns) == ROW_COLUMNS and (sealed := _record(columns, station)):
            made = columns[4] if isinstance(columns[4], int) else 0
            _insert(connection, rowid, sealed, made, result)
        elif len(columns) == WAITING_COLUMNS and (kept := _waiting(columns)):
            connection.execute("insert or ignore into waiting values(?,?,?,?,?)", (rowid, *kept))
            result.waiting += connection.changes()
        else:
            continue
        pending += 1
        if pending >= ROWS_PER_COMMIT:
            connection.execute("commit")
            connection.execute("begin")
            pending = 0
    connection.execute("commit")


def _record(columns: list[Column], station: str) -> Sealed | None:
    digest, body = columns[5], columns[6]
    if not isinstance(digest, str) or not isinstance(body, bytes):
        return None
    try:
        sealed = unseal(body, digest)
    except WireError:
        return None
    return sealed if sealed.record.station == station and sealed.record.stream in STREAMS else None


def _waiting(columns: list[Column]) -> list[Column] | None:
    _, stream, boot_id, digest, text = columns
    good = stream in STREAMS and isinstance(boot_id, str) and isinstance(text, bytes) and content_hash(text) == digest
    return [stream, boot_id, digest, text] if good else None


def _insert(connection: apsw.Connection, rowid: int, sealed: Sealed, made: int, result: Salvage) -> None:
    record = sealed.record
    name = table(record.stream)
    if connection.execute(f"select 1 from {name} where epoch=? and seq=?", (record.epoch, record.seq)).get:
        return
    if rowid < 1 or connection.execute(f"select 1 from {name} where id=?", (rowid,)).get:
        rowid = int(connection.execute(f"select coalesce(max(id), 0) + 1 from {name}").get)
    connection.execute(
        f"insert into {name} values(?,?,?,?,?,?,?)", (rowid, record.epoch, record.seq, record.t, made, sealed.hash, sealed.body)
    )
    result.records += 1
    result.epochs.add(record.epoch)


def _copy_small_tables(connection: apsw.Connection, damaged: Path) -> None:
    """What SQLite can still read of the small tables; each on its own, and nothing of it is relied upon."""
    with suppress(apsw.Error):
        old = apsw.Connection(f"{damaged.absolute().as_uri()}?mode=ro", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
        try:
            for name, columns in (("meta", 2), ("acked", 4), ("gone", 9), ("unnumbered", 3), ("repeat", 4)):
                with suppress(apsw.Error):
                    for row in old.execute(f"select * from {name}"):
                        with suppress(apsw.ConstraintError):
                            connection.execute(f"insert or ignore into {name} values({','.join('?' * columns)})", row)
        finally:
            old.close()


def _recount(connection: apsw.Connection) -> None:
    for stream in STREAMS:
        connection.execute(
            f"insert or replace into number select '{stream}', epoch, max(seq), max(t), count(*), sum(length(body)) from {table(stream)}"
            " group by epoch"
        )
