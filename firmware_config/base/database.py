"""Opening SQLite files that must survive power cuts: one place for the settings every database of the project shares.

WAL, synchronous FULL (a commit is on the device before it is announced), a page limit from a byte quota so that deletes still work
on a full disk, and a check at opening that tells a damaged file from a good one. `apsw` brings its own SQLite, new enough to be free
of the WAL-reset race. One connection writes and checkpoints; readers open with ``read_only=True`` and never do.
"""

from __future__ import annotations

from pathlib import Path

import apsw

from firmware_config.errors import DatabaseDamaged

BUSY_MS = 5_000
_LOG_HEADER = 32
_FRAME_HEADER = 24


def open_database(
    path: Path,
    *,
    schema: str,
    version: int,
    quota_bytes: int | None = None,
    check: bool = True,
    read_only: bool = False,
    page_bytes: int | None = None,
) -> apsw.Connection:
    """Open or create a database.

    ``schema`` is SQL that creates everything with IF NOT EXISTS; ``version`` goes into ``user_version`` and a file written by a newer
    program is refused; ``page_bytes`` is the page size of a file that is created now. Raises DatabaseDamaged when SQLite finds the
    file malformed (the file is left as it is), and lets other SQLite errors (disk full, permission) through.
    """
    try:
        if read_only:
            connection = apsw.Connection(f"{path.absolute().as_uri()}?mode=ro", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
            connection.set_busy_timeout(BUSY_MS)
            return connection
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = apsw.Connection(str(path))
        try:
            connection.set_busy_timeout(BUSY_MS)
            if page_bytes is not None:
                connection.execute(f"pragma page_size={page_bytes:d}")
            connection.execute("pragma journal_mode=wal; pragma synchronous=full; pragma foreign_keys=on")
            connection.execute("pragma journal_size_limit=16777216")
            if check:
                problem = connection.execute("pragma quick_check(1)").get
                if problem != "ok":
                    raise DatabaseDamaged(f"{path}: {problem}")
            found = connection.execute("pragma user_version").get
            if found > version:
                raise DatabaseDamaged(f"{path} was written by a newer program (schema {found}, this one knows {version})")
            connection.execute(schema)
            if found != version:  # nothing is written to a file that is as it should be: it must open on a full disk
                connection.execute(f"pragma user_version={version:d}")
            if quota_bytes is not None:
                page = connection.execute("pragma page_size").get
                connection.execute(f"pragma max_page_count={max(64, quota_bytes // page):d}")
        except BaseException:
            connection.close()
            raise
        return connection
    except (apsw.CorruptError, apsw.NotADBError) as error:
        raise DatabaseDamaged(f"{path}: {error}") from error


def log_damage(path: Path) -> str | None:
    """What is wrong with the write-ahead log of a closed database, or None; changes nothing.

    SQLite drops the end of a log behind one wrong bit, and the whole log of a file that is missing or empty, without a word. Whoever
    would mind asks here before opening. A log that is torn behind its last commit is in order.
    """
    log = Path(f"{path}-wal")
    expected = committed_frames(log)
    if not expected:
        return None
    if not path.exists() or path.stat().st_size == 0:
        return f"{path.name} is missing or empty, its write-ahead log is there"
    try:
        connection = apsw.Connection(str(path))
        try:
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            connection.set_busy_timeout(BUSY_MS)
            connection.execute("pragma user_version")
            readable, _ = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)
        finally:
            connection.close()
    except (apsw.CorruptError, apsw.NotADBError) as error:
        return str(error)
    return f"of the write-ahead log only the first {readable} frames can be read; commits followed" if readable < expected else None


def committed_frames(log: Path) -> int:
    """Up to which frame a write-ahead log once held commits, judged by frame headers alone; 0 without one, very many when its own header
    is bad."""
    try:
        size = log.stat().st_size
        if size < _LOG_HEADER + _FRAME_HEADER + 512:  # not even one frame of the smallest page
            return 0
        with log.open("rb") as file:
            header = file.read(_LOG_HEADER)
            if not _log_header_is_right(header):
                return 2**31
            frame_bytes = _FRAME_HEADER + int.from_bytes(header[8:12], "big")
            last = 0
            for frame in range((size - _LOG_HEADER) // frame_bytes):
                file.seek(_LOG_HEADER + frame * frame_bytes)
                head = file.read(_FRAME_HEADER)
                if head[8:16] == header[16:24] and head[4:8] != b"\0\0\0\0":  # of this log, and the end of a transaction
                    last = frame + 1
            return last
    except OSError:
        return 0


def _log_header_is_right(header: bytes) -> bool:
    """The checksum of a log's header, as the file format defines it (sqlite.org/fileformat2.html#walformat)."""
    if header[:3] != b"\x37\x7f\x06" or header[3] not in (0x82, 0x83):
        return False
    words = [int.from_bytes(header[i : i + 4], "big" if header[3] & 1 else "little") for i in range(0, 24, 4)]
    one = two = 0
    for even, odd in zip(words[::2], words[1::2], strict=True):
        one = (one + even + two) & 0xFFFFFFFF
        two = (two + odd + one) & 0xFFFFFFFF
    return header[24:28] == one.to_bytes(4, "big") and header[28:32] == two.to_bytes(4, "big")
