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
