"""The journal: what was told was written before, whatever happens and whenever; a damaged or full file never silences an alarm."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from collector.alarms.book import AlarmBook
from collector.alarms.journal import Journal, replay
from collector.alarms.lifecycle import State
from collector.alarms.show import shown
from collector.errors import AlarmNotFound, AlarmSettled, JournalUnavailable
from tests.collector.alarms.bench import HandClock
from tests.collector.alarms.killed import WALK, sign

ROOT = Path(__file__).resolve().parents[3]


class Told(list):
    def __call__(self, alarm):
        self.append(shown(alarm))


async def opened(folder, told=None, **settings):
    journal = Journal(folder / "alarms.db", **settings)
    book = AlarmBook(journal, HandClock(), told if told is not None else Told())
    await book.restore()
    return book, journal


def open_alarms(lines):
    """The open alarms as someone would know them who heard every line."""
    newest = {alarm["id"]: alarm for alarm in lines}
    return {i: alarm for i, alarm in newest.items() if alarm["condition"] != "cleared"}


def test_a_kill_between_any_two_events_loses_nothing_that_was_told(tmp_path):
    done = subprocess.run([sys.executable, "-m", "tests.collector.alarms.killed", tmp_path], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    points = int(done.stdout)
    assert points == 2 * len(WALK) + 1
    whole = replayed(tmp_path / str(points - 1))
    for k in range(points):
        told = [json.loads(line) for line in (tmp_path / str(k) / "told").read_text().splitlines()]
        standing = asyncio.run(restored(tmp_path / str(k)))
        known = {i: row for i, row in replayed(tmp_path / str(k)).items() if row["condition"] != "cleared"}
        assert standing == known, k  # the two tables say the same
        journal_rows = [row for rows in transitions(tmp_path / str(k)).values() for row in rows]
        for alarm in told:
            assert alarm in journal_rows, k  # whatever was told is a row
        if not k % 2:  # killed before a commit: nothing was written that had not been told
            assert standing == open_alarms(told), k
    ends = [(alarm["series"], alarm["condition"]) for alarm in whole.values()]  # c came twice: cleared, and open under a new number
    assert ends == [("a", "cleared"), ("b", "cleared"), ("c", "cleared"), ("d", "active"), ("e", "cleared"), ("c", "active")]


async def restored(folder):
    book, journal = await opened(folder)
    standing = {alarm.id: shown(alarm) for alarm in book.open.values()}
    await journal.close()
    return standing


def replayed(folder):
    with_rows = apsw.Connection(str(folder / "alarms.db"))
    return {i: shown(alarm) for i, alarm in replay(with_rows).items()}


def transitions(folder):
    async def read():
        journal = Journal(folder / "alarms.db")
        await journal.open()
        last = await journal.last_id()
        found = {i: [shown(row.after) for row in await journal.transitions(i)] for i in range(1, last + 1)}
        await journal.close()
        return found

    return asyncio.run(read())


async def test_acknowledgement_is_kept_with_name_time_and_comment_over_a_restart(tmp_path):
    book, journal = await opened(tmp_path)
    await book.take([sign("a", "medium")])
    (alarm,) = book.open.values()
    await book.acknowledge(alarm.id, "李工", "去现场")
    await journal.close()
    book, journal = await opened(tmp_path)
    (again,) = book.open.values()
    assert (again.state, again.acknowledged.who, again.acknowledged.comment) == (State.ACTIVE_ACKNOWLEDGED, "李工", "去现场")
    assert [row.name for row in await journal.transitions(alarm.id)] == ["raised", "acknowledged"]
    await journal.close()


async def test_numbers_go_on_and_a_cleared_alarm_can_no_longer_be_acknowledged(tmp_path):
    book, journal = await opened(tmp_path)
    await book.take([sign("a", "low")])
    await book.take([sign("a", None)])  # low: clears itself
    await journal.close()
    book, journal = await opened(tmp_path)
    await book.take([sign("a", "low")])
    assert [alarm.id for alarm in book.open.values()] == [2]
    with pytest.raises(AlarmSettled):
        await book.acknowledge(1, "Li", "")
    with pytest.raises(AlarmNotFound):
        await book.acknowledge(99, "Li", "")
    assert [alarm.id for alarm in await journal.history(station="buoy", before=None, limit=10)] == [2, 1]
    assert [alarm.id for alarm in await journal.history(station=None, before=2, limit=10)] == [1]
    assert await journal.history(station="other", before=None, limit=10) == []
    await journal.close()


async def test_the_same_report_is_taken_once_also_after_a_restart(tmp_path):
    book, journal = await opened(tmp_path)
    await book.take([sign("d", "medium", source_t=7)])
    await book.take([sign("d", None, source_t=7)])
    (alarm,) = book.open.values()
    await book.acknowledge(alarm.id, "Li", "")
    await journal.close()
    book, journal = await opened(tmp_path)
    await book.take([sign("d", "medium", source_t=7)])
    assert book.open == {}
    await book.take([sign("d", "medium", source_t=8)])
    assert len(book.open) == 1
    await journal.close()


async def test_a_full_disk_silences_nobody_refuses_acknowledgements_and_is_made_up_for(tmp_path):
    told = Told()
    book, journal = await opened(tmp_path, told)
    await book.take([sign("a", "medium")])
    pages = journal._db().execute("pragma page_count").get
    journal._db().execute(f"pragma max_page_count={pages}")
    for i in range(200):  # until the last free page is used
        await book.take([sign(f"n{i}", "medium")])
        if book.journal_error:
            break
    assert book.journal_error
    await book.take([sign("b", "high")])
    assert told[-1]["series"] == "b"  # shown though it could not be written
    with pytest.raises(JournalUnavailable):
        await book.acknowledge(1, "Li", "")
    assert book.open["oxygen-low/buoy/a"].state is State.ACTIVE_UNACKNOWLEDGED
    journal._db().execute("pragma max_page_count=1000000")
    await book.take([])
    assert book.journal_error == ""
    await book.acknowledge(1, "Li", "")
    expected = {key: alarm.state for key, alarm in book.open.items()}
    await journal.close()
    book, journal = await opened(tmp_path)
    assert {key: alarm.state for key, alarm in book.open.items()} == expected
    await journal.close()


async def test_a_damaged_journal_is_set_aside_and_what_can_be_read_moves_over(tmp_path):
    book, journal = await opened(tmp_path)
    for i in range(300):
        await book.take([sign(f"n{i}", "medium")])
        await book.take([sign(f"n{i}", None)])
    await journal.close()
    path = tmp_path / "alarms.db"
    raw = bytearray(path.read_bytes())
    middle = len(raw) // 2 // 4096 * 4096
    raw[middle : middle + 8192] = b"\xaa" * 8192
    path.write_bytes(raw)
    book, journal = await opened(tmp_path)
    assert "kept as alarms.db.damaged-" in journal.damage
    assert len([kept for kept in tmp_path.glob("alarms.db.damaged-*") if kept.name[-1].isdigit()]) == 1
    assert 100 < len(book.open) <= 300
    last = await journal.last_id()
    await book.take([sign("new", "high")])
    assert book.open["oxygen-low/buoy/new"].id == last + 1
    await journal.close()


async def test_a_file_that_is_no_database_at_all_is_set_aside(tmp_path):
    (tmp_path / "alarms.db").write_bytes(b"not a database" * 1000)
    book, journal = await opened(tmp_path)
    assert journal.damage
    await book.take([sign("a", "low")])
    assert len(book.open) == 1
    await journal.close()


async def test_more_alarms_than_anyone_can_read_become_one_more(tmp_path):
    told = Told()
    journal = Journal(tmp_path / "alarms.db")
    book = AlarmBook(journal, HandClock(), told, max_open_per_station=10)
    await book.restore()
    await book.take([sign(f"n{i}", "low") for i in range(15)])
    assert len(book.open) == 10
    assert (book.counts["suppressed"], book.flooded) == (5, {"buoy": 10})
    await journal.close()
