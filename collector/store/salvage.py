"""What to do with a damaged store: save every row whose hash is right, keep the damaged file, count what is gone.

`open_store` is the way to open a store. When the file is damaged, a new one is made beside it: first the rows that can still be reached
through the table, then records found by searching the raw bytes of the file and its WAL (a row holds its hash directly before its body,
so that each find proves itself). Ledger, rollups and standings are made anew from the rows that were saved, so the next acknowledgement
no longer claims the lost ones, and stations that still hold them send them again. Killed half-way, it starts over; the damaged file is
never changed.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

from collector.store import ledger
from collector.store.books import Flow, RollupBook, TimeAxis
from collector.store.ledger import declaration_of
from collector.store.schema import PAGE_BYTES, SCHEMA, VERSION, Standing
from collector.store.store import Store
from firmware_config.base import log
from firmware_config.base.database import log_damage, open_database
from firmware_config.errors import DatabaseDamaged, WireError
from firmware_config.ranges import Ranges
from firmware_config.records import Record, Sealed, unseal

logger = log.get(__name__)
COPIED = ("meta", "station", "stream", "conflict", "parked", "declared", "sink", "sink_parked")
READ_ROWS = 1_000
ROWS = "select id, cast(received_ms as integer), cast(hash as blob), cast(body as blob) from record where id>=? order by id limit ?"
UNREADABLE = (apsw.Error, DatabaseDamaged, WireError, ValueError, TypeError)
"""What damaged content may raise when it is read: also text that is no text, and ranges that are none."""
CARVE_BYTES = 64_000_000
_ROW = re.compile(rb'([0-9a-f]{32})(?=\{")')


@dataclass
class Salvage:
    """What was saved and what was not. ``lost`` None: the old file no longer tells how much it held."""

    damaged: Path
    problem: str
    kept: int = 0
    lost: int | None = None
    lost_by_station: dict[str, int] = field(default_factory=dict)


def open_store(
    path: Path, *, now_ms: int, problem: str = "", check_below: int = 2_000_000_000, **settings: Any
) -> tuple[Store, Salvage | None]:
    """Open the store, or what can be saved of it.

    The check from end to end is left out above ``check_below`` bytes. ``problem``: damage met while running; the file is then not tried
    again as it is. DatabaseDamaged only when a newer program wrote it.
    """
    strange = _set_folders_aside(path)
    _finish(path)
    problem = problem or strange or log_damage(path) or ""
    if not problem and path.exists() and path.stat().st_size == 0:
        problem = f"{path.name} is empty"
    check = not path.exists() or path.stat().st_size < check_below
    if not problem:
        try:
            return Store(path, check=check, **settings), None
        except DatabaseDamaged as error:
            if "newer program" in str(error):
                raise
            problem = str(error)
    logger.error("the store is damaged, saving what can be saved", path=str(path), problem=problem)
    saved = salvage(path, problem, now_ms)
    logger.error("store salvaged", kept=saved.kept, lost=saved.lost, damaged_file=str(saved.damaged))
    return Store(path, check=False, **settings), saved


def _set_folders_aside(path: Path) -> str:
    """A folder in the place of a file of ours is kept under another name, and the file counts as missing; says so when that costs rows."""
    said = ""
    for end in [f"{kind}{part}" for kind in ("", ".new", ".saved") for part in ("", "-wal", "-shm")] + [".saved.aside"]:
        found = _beside(path, end)
        if found.is_dir() and not found.is_symlink():
            aside = next(kept for n in range(1, 10_000) if not (kept := _beside(found, f"-folder-{n}")).exists())
            found.rename(aside)
            logger.error("a folder in the place of a file, set aside", path=str(found), kept_as=str(aside))
            if end in {"", "-wal"}:
                said = f"{found.name} was a folder, kept as {aside.name}"
    return said


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _finish(path: Path) -> None:
    """Complete a salvage that was killed between its last steps, or throw away one that was not complete."""
    complete, unfinished = _beside(path, ".saved"), _beside(path, ".new")
    if complete.exists():
        _swap(path, complete)
    for suffix in ("", "-wal", "-shm", "-journal"):
        _beside(unfinished, suffix).unlink(missing_ok=True)
    _beside(complete, ".aside").unlink(missing_ok=True)


def _swap(path: Path, complete: Path) -> None:
    aside = Path(_beside(complete, ".aside").read_text(encoding="utf-8"))
    for suffix in ("-wal", "-shm", ""):
        with contextlib.suppress(FileNotFoundError):
            _beside(path, suffix).rename(_beside(aside, suffix))
    complete.rename(path)
    _beside(complete, ".aside").unlink(missing_ok=True)


def salvage(path: Path, problem: str, now_ms: int) -> Salvage:
    """Replace a damaged store by a sound one with every row that proves itself."""
    done = Salvage(path.with_name(f"{path.stem}-damaged-{now_ms}{path.suffix}"), problem)
    fresh, complete = _beside(path, ".new"), _beside(path, ".saved")
    for suffix in ("", "-wal", "-shm"):
        _beside(fresh, suffix).unlink(missing_ok=True)
    new = open_database(fresh, schema=SCHEMA, version=VERSION, check=False, page_bytes=PAGE_BYTES)
    try:
        new.execute("pragma synchronous=off")  # nothing is promised until the swap
        expected = _fill(new, path, done)
        _derive(new)
        _count_lost(new, expected, done)
        new.execute("pragma synchronous=full; pragma wal_checkpoint(truncate)")
    finally:
        new.close()
    _beside(complete, ".aside").write_text(str(done.damaged), encoding="utf-8")
    fresh.rename(complete)
    _swap(path, complete)
    return done


# --- from the old file


def _fill(new: apsw.Connection, path: Path, done: Salvage) -> dict[tuple[str, str, int], Ranges] | None:
    """Copy everything readable; returns what the old ledger said was there (None: unreadable)."""
    expected: dict[tuple[str, str, int], Ranges] | None = None
    new.execute("begin")
    with contextlib.suppress(*UNREADABLE):
        if not path.exists() or path.stat().st_size == 0:  # SQLite would throw its log away
            raise DatabaseDamaged(f"{path} is missing or empty")
        old = open_database(path, schema="", version=0, read_only=True)
        try:
            for table in COPIED:
                with contextlib.suppress(*UNREADABLE):
                    _copy_table(old, new, table)
            with contextlib.suppress(*UNREADABLE):
                expected = _ledger_of(old)
            for row_id, received_ms, digest, body in _walk(old):
                with contextlib.suppress(*UNREADABLE):
                    _keep(new, unseal(body, bytes(digest).decode()), row_id, received_ms)
        finally:
            old.close()
    new.execute("update sink set cursor=min(cursor, (select coalesce(max(id), 0) from record))")  # what comes now comes after it
    known = {str(digest) for (digest,) in new.execute("select hash from record union select hash from conflict")}
    for file in (path, _beside(path, "-wal")):
        for sealed in _carve(file, known) if file.exists() else ():
            with contextlib.suppress(apsw.ConstraintError):
                _keep(new, sealed, None, 0)
    new.execute("commit")
    done.kept = int(new.execute("select count(*) from record").get)
    return expected


def _copy_table(old: apsw.Connection, new: apsw.Connection, table: str) -> None:
    columns = [name for (name,) in new.execute("select name from pragma_table_info(?)", (table,))]
    sql = f"insert or ignore into {table}({','.join(map(str, columns))}) values({','.join('?' * len(columns))})"
    for row in old.execute(f"select {','.join(map(str, columns))} from {table}"):
        new.execute(sql, row)


def _ledger_of(old: apsw.Connection) -> dict[tuple[str, str, int], Ranges]:
    rows = old.execute(
        "select station.name, stream.name, epoch, committed from ledger join station on station.id=station_id"
        " join stream on stream.id=stream_id"
    )
    return {(str(s), str(m), int(e)): Ranges(json.loads(c)) for s, m, e, c in rows}


def _walk(old: apsw.Connection) -> Iterator[tuple[Any, ...]]:
    """Rows of ``record`` by id; where a page cannot be read, on from the next id that can."""
    at = 0
    while True:
        try:
            rows = list(old.execute(ROWS, (at, READ_ROWS)))
            yield from rows
            if not rows:
                return
            at = int(rows[-1][0]) + 1
        except apsw.Error:
            yield from _singly(old, at)
            found = _next_readable(old, at)
            if found is None:
                return
            at = found


def _singly(old: apsw.Connection, at: int) -> Iterator[tuple[Any, ...]]:
    """The rows from ``at`` up to the first that cannot be read."""
    with contextlib.suppress(apsw.Error):
        yield from old.execute(ROWS, (at, READ_ROWS))


def _readable(old: apsw.Connection, at: int) -> int | None:
    """The id found at or after ``at`` (0: none is left), None when the page there cannot be read."""
    try:
        for row_id, _ in old.execute("select id, length(body) from record where id>=? order by id limit 1", (at,)):
            return int(row_id)
        return 0
    except apsw.Error:
        return None


def _next_readable(old: apsw.Connection, at: int) -> int | None:
    """The first id after the unreadable page that begins at or after ``at``; None: nothing more."""
    while (found := _readable(old, at)) is not None and found:  # still before the bad page
        at = found + 1
    if found == 0:
        return None
    step = 1
    while (found := _readable(old, at + step)) is None:
        step *= 2
        if step > 2**40:
            return None
    low, high = at + step // 2, at + step  # unreadable, readable
    while high - low > 1:
        middle = (low + high) // 2
        if _readable(old, middle) is None:
            low = middle
        else:
            high = middle
    return high if _readable(old, high) else None


def _carve(file: Path, known: set[str]) -> Iterator[Sealed]:
    """Records found in the raw bytes of a file, where a hash is followed by the body it belongs to within one page; hashes in ``known``
    are passed over, finds are added to it."""
    decoder = json.JSONDecoder()
    with file.open("rb") as source:
        tail = b""
        while block := source.read(CARVE_BYTES):
            data = tail + block
            for match in _ROW.finditer(data):
                digest = match[1].decode()
                if digest in known:
                    continue
                text = data[match.end() : match.end() + PAGE_BYTES].decode("utf-8", "replace")
                with contextlib.suppress(ValueError, RecursionError, WireError):
                    yield unseal(text[: decoder.raw_decode(text)[1]].encode(), digest)
                    known.add(digest)
            tail = data[-2 * PAGE_BYTES :]


def _keep(new: apsw.Connection, sealed: Sealed, row_id: int | None, received_ms: int) -> None:
    """Insert one row that has proved itself (ConstraintError: it is there already)."""
    r = sealed.record
    ids = []
    for table, name in (("station", r.station), ("stream", r.stream)):
        new.execute(f"insert or ignore into {table}(name) values(?)", (name,))
        ids.append(new.execute(f"select id from {table} where name=?", (name,)).get)
    row = (row_id, *ids, r.epoch, r.seq, r.t, r.dt, r.version, int(Standing.ALONE), received_ms, sealed.hash, sealed.body)
    new.execute("insert into record values(?,?,?,?,?,?,?,?,?,?,?,?)", row)


# --- what follows from the rows


def _derive(new: apsw.Connection) -> None:
    """Standings, ledger, rollups, series names and declarations from the rows alone."""
    new.execute("begin")
    axis = TimeAxis(new)
    flows: list[Flow] = list(new.execute("select distinct station_id, stream_id from record"))
    new.execute("update record set standing=?", (int(Standing.OFF_AXIS),))
    for flow in flows:
        for placed in _chunks(new, flow):
            standings, changes, _ = axis.place(flow, placed)
            new.executemany("update record set standing=? where id=?", [(int(standing), i) for i, standing in standings.items()])
            new.executemany("update record set standing=? where id=?", [(int(standing), i) for i, standing in changes])
            names = {name for _, record in placed if record.stream != "event" for name in record.values}
            new.executemany("insert or ignore into series values(?,?,?)", [(*flow, name) for name in names])
            _declare_again(new, flow[0], [record for _, record in placed])
    ledger.rebuild(new)
    RollupBook(new).rebuild()
    new.execute("commit")


def _chunks(new: apsw.Connection, flow: Flow) -> Iterator[list[tuple[int, Record]]]:
    """The rows of one flow in order of time, some thousands at once."""
    t, row_id = -(2**63), 0
    sql = "select t, id, hash, body from record where station_id=? and stream_id=? and (t,id)>(?,?) order by t, id limit ?"
    while rows := list(new.execute(sql, (*flow, t, row_id, 5 * READ_ROWS))):
        yield [(int(i), unseal(bytes(body), str(digest)).record) for _, i, digest, body in rows]
        t, row_id = int(rows[-1][0]), int(rows[-1][1])


def _declare_again(new: apsw.Connection, station_id: int, records: list[Record]) -> None:
    for record in records:
        found = declaration_of(record)
        if found is None:
            continue
        kind, declared = found
        new.execute("insert or ignore into stream(name) values(?)", (declared.stream,))
        stream_id = new.execute("select id from stream where name=?", (declared.stream,)).get
        new.executemany(
            "insert or ignore into declared values(?,?,?,?,?,?,?,?)",
            [(station_id, stream_id, declared.epoch, a, b, kind, declared.reason[:500], record.t) for a, b in declared.ranges],
        )


def _count_lost(new: apsw.Connection, expected: dict[tuple[str, str, int], Ranges] | None, done: Salvage) -> None:
    if expected is None:
        return
    kept = _ledger_of(new)
    done.lost = 0
    for key, numbers in expected.items():
        here = kept.get(key, Ranges())
        gone = sum(b - a + 1 for first, last in numbers for a, b in here.missing(first, last))
        if gone:
            done.lost += gone
            done.lost_by_station[key[0]] = done.lost_by_station.get(key[0], 0) + gone
