"""Opening an outbox folder in whatever state it was left: which file to believe, which epoch, which number is next.

==================  ==========================  ==============================================================================
numbers file        outbox.db                   then
==================  ==========================  ==============================================================================
good                good                        next = what was reserved; the gap after the last record is declared unused
one copy bad        good                        the same, one block further (the bad copy may have been the newer)
lost                good                        next = one block behind the last record of the outbox; epoch stays
good                damaged or missing          next = what was reserved; what is then missing is declared lost after the next audit
lost                damaged or missing          a new epoch; the old one is named when it is known (salvaged rows, the centre)
==================  ==========================  ==============================================================================
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

import apsw
import msgspec

from edge.errors import OutboxError
from edge.outbox.damage import NEW, SAVED, Salvage, examine, finish_interrupted, salvage
from edge.outbox.holdings import Holdings
from edge.outbox.numbers import BLOCK, COPIES, Numbers, NumbersFile, NumbersState, sync_folder
from edge.outbox.schema import DATABASE, PAGE_BYTES, SCHEMA, VERSION, VIEW
from edge.outbox.store import Store, load_holdings
from firmware_config.base import log
from firmware_config.base.clock import Clock
from firmware_config.base.database import open_database
from firmware_config.errors import DatabaseDamaged
from firmware_config.messages import NUMBERS_UNUSED
from firmware_config.ranges import Ranges
from firmware_config.streams import STREAMS

logger = log.get(__name__)

LOG_PAGES = 200
"""The write-ahead log is folded into the file this often: the ballast must hold it, so that folding succeeds on a full disk."""
UNUSED_AT_MOST = 1024
"""A longer gap behind the last record does not come from an unclean stop: the outbox is an old copy, and the gap is not called unused."""


@dataclass(frozen=True)
class _Found:
    """What was found in the folder."""

    station: str
    state: NumbersState | None
    whole: bool
    meta: dict[str, str]
    salvaged: Salvage | None


@dataclass
class Opened:
    """An open folder. ``salvaged`` when the outbox was damaged, ``missing`` when it was gone, ``restarted`` when both files were."""

    store: Store
    salvaged: Salvage | None
    missing: bool
    restarted: bool


def open_folder(folder: Path, station: str, clock: Clock, quota_bytes: int, *, problem: str | None = None) -> Opened:
    """Open (or begin) the outbox of ``station``; raises OutboxError only for what a person must settle.

    ``problem``: the file is known to be damaged, whatever a check says.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _set_folders_aside(folder)
    finish_interrupted(folder)
    database = folder / DATABASE
    file = NumbersFile(folder)
    state, whole = file.load()
    if state is not None and state.station != station:
        raise OutboxError(
            f"{folder} holds the outbox of station {state.station}, not of {station}: give {station} a data folder of its own"
        )
    existed = database.exists()
    salvaged = None
    if not existed and _holds_something(Path(f"{database}-wal")):  # SQLite would throw it away
        existed, problem = True, problem or f"{DATABASE} is missing, its write-ahead log is there"
    if existed and (problem := problem or examine(database, used_before=state is not None)):
        salvaged = salvage(folder, station, problem)
    try:
        connection, held = _open(database, quota_bytes)
    except (DatabaseDamaged, TypeError, ValueError) as error:
        salvaged = salvage(folder, station, str(error))
        connection, held = _open(database, quota_bytes)
    meta: dict[str, str] = {row[0]: row[1] for row in connection.execute("select key, value from meta")}
    if meta.get("station", station) != station:
        connection.close()
        raise OutboxError(
            f"{database} is the outbox of station {meta['station']}, not of {station}: give {station} a data folder of its own"
        )
    trusted = existed and salvaged is None
    found = _Found(station, state, whole, meta, salvaged)
    numbers, restarted = _numbers(file, found, held, clock, trusted=trusted)
    store = Store(connection, numbers, held, clock, station)
    _settle(store, trusted=trusted, had_numbers=state is not None, restarted=restarted, whole=whole)
    missing = not existed and state is not None and any(state.reserved.values())
    if salvaged or missing:
        with store.change():
            store.set_meta("suspect", "outbox_damaged" if salvaged else "outbox_missing")
    return Opened(store, salvaged, missing, restarted)


def _holds_something(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def _set_folders_aside(folder: Path) -> None:
    """A folder in the place of a file of ours is no file of ours: it is kept under another name, and the file counts as missing."""
    names = (DATABASE, NEW, SAVED)
    for name in [f"{name}{ending}" for name in names for ending in ("", "-wal", "-shm")] + [*COPIES, "ballast"]:
        path = folder / name
        if path.is_dir() and not path.is_symlink():
            aside = next(kept for n in range(1, 10_000) if not (kept := folder / f"{name}-folder-{n}").exists())
            path.rename(aside)
            sync_folder(folder)
            logger.error("a folder in the place of a file, set aside", path=str(path), kept_as=aside.name)


def _open(database: Path, quota_bytes: int) -> tuple[apsw.Connection, Holdings]:
    connection = open_database(database, schema=SCHEMA, version=VERSION, quota_bytes=quota_bytes, check=False)
    try:
        if connection.execute("select sql from sqlite_schema where name='record'").get != VIEW:
            connection.execute(f"begin; drop view if exists record; {VIEW}; commit")
        connection.wal_autocheckpoint(LOG_PAGES)
        connection.execute(f"pragma journal_size_limit={2 * LOG_PAGES * PAGE_BYTES}")
        return connection, load_holdings(connection)
    except BaseException as error:
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        connection.close()
        if isinstance(error, (apsw.CorruptError, apsw.NotADBError)):
            raise DatabaseDamaged(f"{database}: {error}") from error
        raise


def _numbers(file: NumbersFile, found: _Found, held: Holdings, clock: Clock, *, trusted: bool) -> tuple[Numbers, bool]:
    """The numbers to go on with, durable; and whether a new epoch began because everything was lost.

    ``held`` is what the outbox knows of numbers; unless it is ``trusted``, more may have been given than it knows of.
    """
    state, meta, salvaged = found.state, found.meta, found.salvaged
    restarted = False
    older = state is not None and not found.whole
    if state is None and trusted and "epoch" in meta:
        previous = meta.get("previous_epoch")
        state = NumbersState(station=found.station, epoch=int(meta["epoch"]), previous_epoch=int(previous) if previous else None)
    elif state is None:
        known = {int(meta["epoch"])} if "epoch" in meta else set()
        known |= salvaged.epochs if salvaged else set()
        restarted = salvaged is not None
        state = NumbersState(station=found.station, epoch=_new_epoch(clock, known), previous_epoch=max(known, default=None))
    reserved = dict(state.reserved)
    for stream in STREAMS:
        reserved[stream] = max(reserved.get(stream, 0), held.last.get((stream, state.epoch), -1) + 1)
        if not found.whole and not restarted and (reserved[stream] or (older and not trusted)):
            reserved[stream] += BLOCK
    new = msgspec.structs.replace(state, reserved=reserved)
    return Numbers(file, file.write(new, both=True) if new != state or not found.whole else new), restarted


def _new_epoch(clock: Clock, known: set[int]) -> int:
    """Seconds since 1970, so that people can read it; without a clock, a random number above all such times."""
    if clock.quality() == "unset":
        return 2**40 + secrets.randbelow(2**40)
    return max([clock.now_ms() // 1000, *(epoch + 1 for epoch in known if epoch < 2**40)])


def _settle(store: Store, *, trusted: bool, had_numbers: bool, restarted: bool, whole: bool) -> None:
    """Write down the epoch, and account for the numbers between the last record and the next (D)."""
    numbers, held = store.numbers, store.held
    with store.change() as change:
        store.set_meta("station", store.station)
        store.set_meta("epoch", str(numbers.epoch))
        if numbers.state.previous_epoch is not None:
            store.set_meta("previous_epoch", str(numbers.state.previous_epoch))
        for stream, following in numbers.next.items():
            key = (stream, numbers.epoch)
            first = held.last.get(key, -1) + 1
            if restarted or following <= first:
                continue
            if trusted and following - first <= UNUSED_AT_MOST:
                reason = "unclean_stop" if whole and had_numbers else "numbers_missing"
                store.give_up(key, Ranges([(first, following - 1)]), NUMBERS_UNUSED, reason, change)
            else:
                held.last[key] = following - 1
                store.connection.execute(
                    "insert into number values(?,?,?,null,0,0) on conflict(stream, epoch) do update set last=max(last, excluded.last)",
                    (*key, following - 1),
                )
