"""Opening the files that every program stands on."""

from __future__ import annotations

from pathlib import Path

import pytest

from firmware_config.base.database import open_database
from firmware_config.errors import DatabaseDamaged

SCHEMA = "create table if not exists thing(id integer primary key)"


def test_a_file_that_is_as_it_should_be_is_opened_without_a_write(tmp_path: Path) -> None:
    """A program must be able to start on a full disk: whoever is killed for lack of room comes back into it."""
    path = tmp_path / "x.db"
    open_database(path, schema=SCHEMA, version=3).close()
    before = path.read_bytes()
    again = open_database(path, schema=SCHEMA, version=3)
    log = Path(f"{path}-wal")
    assert not log.exists() or log.stat().st_size == 0
    assert again.execute("pragma user_version").get == 3
    again.close()
    assert path.read_bytes() == before


def test_a_file_of_an_older_program_is_raised_to_this_one_and_one_of_a_newer_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    open_database(path, schema=SCHEMA, version=1).close()
    newer = open_database(path, schema=SCHEMA, version=2)
    assert newer.execute("pragma user_version").get == 2
    newer.close()
    with pytest.raises(DatabaseDamaged, match="newer program"):
        open_database(path, schema=SCHEMA, version=1)
