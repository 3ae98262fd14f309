"""Looking into an outbox folder from outside: read-only, while the agent runs or after it died.

What is read is a consistent state of the file; rows are read in pieces, so that a long look never holds up the agent's write-ahead log.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw
import msgspec

from edge.errors import OutboxError
from edge.outbox.damage import KEPT
from edge.outbox.holdings import Holdings, Key
from edge.outbox.numbers import NumbersFile
from edge.outbox.schema import DATABASE, table
from edge.outbox.store import load_holdings
from firmware_config.errors import WireError
from firmware_config.records import unseal
from firmware_config.streams import STREAMS

PIECE = 500


def find(folder: Path) -> Path:
    """The outbox folder at or right below ``folder`` (a station's data folder has it in ``outbox``)."""
    for candidate in (folder, folder / "outbox"):
        if (candidate / DATABASE).exists():
            return candidate
    raise OutboxError(f"there is no {DATABASE} in {folder} or in {folder / 'outbox'}: give the outbox folder or the station's data folder")


def open_read_only(folder: Path) -> apsw.Connection:
    """A reading connection that leaves no trace: when nobody has the file open it is read as it lies there."""
    database = folder / DATABASE
    in_use = Path(f"{database}-shm").exists() or Path(f"{database}-wal").exists()
    mode = "mode=ro" if in_use else "mode=ro&immutable=1"
    connection = apsw.Connection(f"{database.absolute().as_uri()}?{mode}", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
    connection.set_busy_timeout(5000)
    return connection


@dataclass
class Report:
    """What `check` found. ``problems`` is empty when all is well; ``notes`` are facts that are no damage."""

    folder: Path
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    records: int = 0


def check(folder: Path) -> Report:
    """Integrity of the file, hash of every row, gaps against the declared ones, and the numbers file."""
    report = Report(folder)
    numbers, whole = NumbersFile(folder).load()
    if numbers is None:
        report.problems.append("both copies of the numbers file are missing or damaged")
    elif not whole:
        report.problems.append("one copy of the numbers file is missing or damaged (the other is used)")
    try:
        connection = open_read_only(folder)
        try:
            _check_database(connection, report)
            held = load_holdings(connection)
            _check_numbers(held, numbers.reserved if numbers else {}, numbers.epoch if numbers else None, report)
            set_aside = connection.execute("select count(*) from set_aside").get
            if set_aside:
                report.problems.append(f"{set_aside} rows did not match their hash and were set aside")
        finally:
            connection.close()
    except (apsw.Error, TypeError, ValueError) as error:
        report.problems.append(f"{DATABASE} cannot be read: {error}")
    report.problems += [
        f"an earlier damaged outbox is kept as {path.name} (remove it when it has been looked at)"
        for path in sorted(folder.glob(f"{KEPT}*.db"))
    ]
    return report


def _check_database(connection: apsw.Connection, report: Report) -> None:
    problems = [str(row[0]) for row in connection.execute("pragma integrity_check(20)")]
    report.problems += [f"{DATABASE}: {problem}" for problem in problems if problem != "ok"]
    for stream in STREAMS:
        for row in _rows(connection, stream):
            report.records += 1
            try:
                record = unseal(row["body"], row["hash"]).record
                if (record.stream, record.epoch, record.seq) != (stream, row["epoch"], row["seq"]):
                    report.problems.append(f"{stream} {row['epoch']}/{row['seq']}: the row holds another record {record.key}")
            except WireError as error:
                report.problems.append(f"{stream} {row['epoch']}/{row['seq']}: {error}")


def _check_numbers(held: Holdings, reserved: dict[str, int], epoch: int | None, report: Report) -> None:
    for key in sorted(held.last):
        stream, number_epoch = key
        if holes := held.holes(key):
            report.notes.append(f"{stream} epoch {number_epoch}: {len(holes)} numbers are neither kept, acknowledged nor declared yet")
        if number_epoch == epoch and held.last[key] >= reserved.get(stream, 0):
            report.problems.append(
                f"{stream}: number {held.last[key]} is used, but only those below {reserved.get(stream, 0)} are reserved"
            )


def _rows(connection: apsw.Connection, stream: str) -> Iterator[dict[str, Any]]:
    """Every row of a stream in order of commit, fetched in pieces."""
    after = 0
    while piece := connection.execute(
        f"select id, epoch, seq, t, made, hash, body from {table(stream)} where id > ? order by id limit {PIECE}", (after,)
    ).fetchall():
        for row in piece:
            yield dict(zip(("id", "epoch", "seq", "t", "made", "hash", "body"), row, strict=True))
        after = int(piece[-1][0] or 0)


@dataclass(frozen=True)
class StreamLine:
    """One line of `overview`."""

    key: Key
    kept: int
    unacknowledged: int
    first: int
    last: int
    newest_ms: int | None


def overview(folder: Path) -> list[StreamLine]:
    """Per stream and epoch: how much is kept, how much of it the centre lacks (as last saved), the numbers and the newest time."""
    connection = open_read_only(folder)
    try:
        held = load_holdings(connection)
        newest: dict[Any, Any] = {(row[0], row[1]): row[2] for row in connection.execute("select stream, epoch, last_t from number")}
        return [
            StreamLine(key, len(kept), len(held.unacknowledged(key)), next(iter(kept))[0], held.last[key], newest.get(key))
            for key, kept in sorted(held.kept.items())
        ]
    finally:
        connection.close()


def last_records(folder: Path, count: int) -> list[tuple[str, bytes]]:
    """``(hash, body)`` of the newest records over all streams, oldest of them first."""
    connection = open_read_only(folder)
    try:
        places: list[tuple[int, str]] = []
        for stream in STREAMS:
            places += [
                (int(row[0] or 0), stream) for row in connection.execute(f"select id from {table(stream)} order by id desc limit {count:d}")
            ]
        found: list[tuple[str, bytes]] = []
        for number, stream in sorted(places)[-count:] if count else []:
            row: Any = connection.execute(f"select hash, body from {table(stream)} where id=?", (number,)).fetchone()
            if row is not None:
                found.append((row[0], row[1]))
        return found
    finally:
        connection.close()


def export(folder: Path) -> Iterator[bytes]:
    """One JSON line a record, by stream in order of commit: ``{"hash":…,"ok":…,"record":{…}}``; a damaged body comes as hex text."""
    connection = open_read_only(folder)
    try:
        for stream in STREAMS:
            for row in _rows(connection, stream):
                yield _line(row["hash"], row["body"])
    finally:
        connection.close()


def _line(digest: str, body: bytes) -> bytes:
    try:
        unseal(body, digest)
        return b'{"hash":"' + digest.encode() + b'","ok":true,"record":' + body + b"}"
    except WireError as error:
        return msgspec.json.encode({"hash": digest, "ok": False, "problem": str(error), "body_hex": body.hex()})
