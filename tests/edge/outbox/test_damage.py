"""Torn and flipped files: the outbox opens, keeps every row whose hash is right, never gives a number again, and tells what was lost.

The folder under test is that of a killed agent: records in the database file, more of them in the write-ahead log.
"""

from __future__ import annotations

import contextlib
import json
import random
import shutil
from pathlib import Path

import apsw
import pytest

from edge.outbox.carve import carve_rows
from tests.edge.outbox.bench import HandClock, ack, covered, crash, draft, events, open_outbox, rows

STREAMS = ("minute", "eddy", "spectra")
FRAME = 24 + 4096


def after(folder, clock, given):
    """Open a damaged folder and check what must hold; returns the keys of the old records that are still there."""
    with open_outbox(folder, clock) as outbox:
        new = outbox.commit([draft(stream, 5000) for stream in STREAMS])
        for _ in range(20):
            outbox.tend()  # once round the whole file: rows in pages that SQLite finds in order may still hold other bytes
        kept = set(rows(folder))  # reads and checks every hash
        for sealed in new:
            key = (sealed.record.stream, sealed.record.epoch, sealed.record.seq)
            assert key not in given, f"number {key} was given twice"
            assert key in kept
        clock.pass_s(1)
        outbox.apply_ack(ack(set(), clock.ms))  # a fresh word of the centre: it has nothing
        said = events(folder, "records_lost") + events(folder, "numbers_unused")
        for stream, epoch, seq in given.keys() - kept:
            assert epoch != outbox.epoch or seq in covered(said, stream, epoch), f"{stream} {seq} is gone and nobody says so"
    final = rows(folder)
    assert all(final[key] == given[key] for key in given.keys() & final.keys())
    return given.keys() & final.keys()


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """A folder left by SIGKILL, and every record that was committed in it."""
    folder = tmp_path_factory.mktemp("killed")
    outbox = open_outbox(folder)
    given = {}

    def commit(ns):
        for n in ns:
            drafts = [draft("minute", n, size=300), draft("eddy", n, size=900), draft("spectra", n, size=9000)]
            given.update({(s.record.stream, s.record.epoch, s.record.seq): s.body for s in outbox.commit(drafts)})

    commit(range(60))
    outbox._run(lambda: outbox._engine.store.connection.wal_checkpoint(mode=3))
    commit(range(60, 75))
    crash(outbox)
    assert (folder / "outbox.db-wal").stat().st_size > 20 * FRAME
    return folder, given


@pytest.fixture
def copy(killed, tmp_path):
    folder, given = killed
    shutil.copytree(folder, tmp_path / "copy")
    (tmp_path / "copy/outbox.db-shm").unlink(missing_ok=True)
    return tmp_path / "copy", given


def test_undamaged_everything_is_there(copy):
    folder, given = copy
    assert after(folder, HandClock(), given) == given.keys()
    assert not list(folder.glob("outbox-damaged*"))


@pytest.mark.parametrize("page", [0, 1, 2, 5, 9, 17, 30, 44, 60, 90, 120])
def test_a_zeroed_page_of_the_file_costs_at_most_that_page(copy, page):
    folder, given = copy
    with (folder / "outbox.db").open("r+b") as file:
        file.seek(page * 4096)
        file.write(bytes(4096))
    assert len(given) - len(after(folder, HandClock(), given)) <= 14


@pytest.mark.parametrize("seed", range(12))
def test_flipped_bits_anywhere_in_the_file(copy, seed):
    folder, given = copy
    lucky = random.Random(seed)
    content = bytearray((folder / "outbox.db").read_bytes())
    for _ in range(4):
        content[lucky.randrange(len(content))] ^= 1 << lucky.randrange(8)
    (folder / "outbox.db").write_bytes(content)
    assert len(given) - len(after(folder, HandClock(), given)) <= 4 * 14


@pytest.mark.parametrize("seed", range(12))
def test_a_flipped_bit_in_the_log_costs_one_frame_not_all_behind_it(copy, seed):
    folder, given = copy
    lucky = random.Random(seed)
    content = bytearray((folder / "outbox.db-wal").read_bytes())
    content[lucky.randrange(len(content))] ^= 1 << lucky.randrange(8)
    (folder / "outbox.db-wal").write_bytes(content)
    assert len(given) - len(after(folder, HandClock(), given)) <= 8
    assert events(folder, "outbox_damaged")


@pytest.mark.parametrize("part", [0.0, 0.0001, 0.2, 0.5, 0.77, 0.999])
@pytest.mark.parametrize("name", ["outbox.db", "outbox.db-wal", "numbers.a", "numbers.b"])
def test_truncated_files(copy, name, part):
    folder, given = copy
    size = (folder / name).stat().st_size
    with (folder / name).open("r+b") as file:
        file.truncate(int(size * part))
    left = after(folder, HandClock(), given)
    if name.startswith("numbers"):
        assert left == given.keys()


@pytest.mark.parametrize("edge", [0, 1, -1, 100])
def test_log_cut_at_every_few_frames(copy, edge, tmp_path):
    """A log cut between two frames cannot be told from one that was never longer: what is gone is declared unused, never given again."""
    folder, given = copy
    frames = (folder / "outbox.db-wal").stat().st_size // FRAME
    for frame in range(1, frames, 23):
        target = tmp_path / f"cut{frame}"
        shutil.copytree(folder, target)
        with (target / "outbox.db-wal").open("r+b") as file:
            file.truncate(max(0, 32 + frame * FRAME + edge))
        after(target, HandClock(), given)


@pytest.mark.parametrize("seed", range(6))
def test_garbage_in_place_of_a_file(copy, seed):
    folder, given = copy
    lucky = random.Random(seed)
    name = ["outbox.db", "outbox.db-wal", "numbers.a"][seed % 3]
    (folder / name).write_bytes(lucky.randbytes(lucky.randrange(1, 100_000)))
    after(folder, HandClock(), given)


@pytest.mark.parametrize("name", ["outbox.db", "outbox.db-wal", "outbox.db-shm", "numbers.a", "numbers.b", "outbox.saved.db", "ballast"])
def test_a_folder_in_the_place_of_a_file_is_set_aside(copy, name):
    folder, given = copy
    (folder / name).unlink(missing_ok=True)
    (folder / name).mkdir()
    (folder / name / "whose").write_text("kept for people", encoding="utf-8")
    left = after(folder, HandClock(), given)
    if not name.startswith("outbox.db"):
        assert left == given.keys()
    assert [path.read_text(encoding="utf-8") for path in folder.glob("*/whose")] == ["kept for people"]


def test_what_only_the_log_holds_is_saved_when_the_file_is_gone(copy):
    """SQLite throws away the log of a missing file: it must not come to that."""
    folder, given = copy
    (folder / "outbox.db").unlink()
    left = after(folder, HandClock(), given)
    epoch = next(iter(given))[1]
    assert {(stream, epoch, seq) for stream in ("minute", "eddy") for seq in range(60, 75)} <= left
    assert events(folder, "outbox_damaged")


def test_a_right_row_that_the_index_has_lost_is_still_kept(copy):
    folder, given = copy
    database = folder / "outbox.db"
    with contextlib.closing(apsw.Connection(str(database))) as connection:
        (schema,) = connection.execute("select type, name, tbl_name, rootpage, sql from sqlite_schema where name='record_eddy_number'")
        connection.execute("update record_eddy set seq=1007 where seq=7")  # index and row
        connection.execute("pragma writable_schema=on; delete from sqlite_schema where name='record_eddy_number'")
    with contextlib.closing(apsw.Connection(str(database))) as connection:
        connection.execute("update record_eddy set seq=7 where seq=1007")  # the row alone
        connection.execute("pragma writable_schema=on")
        connection.execute("insert into sqlite_schema values(?,?,?,?,?)", schema)
    assert after(folder, HandClock(), given) == given.keys()
    assert events(folder, "outbox_damaged")


@pytest.mark.parametrize("stream", ["eddy", "spectra"])
def test_damaged_outbox_and_only_the_older_copy_of_the_numbers(tmp_path, stream):
    """The older copy may not know yet that a stream has been given numbers at all."""
    outbox = open_outbox(tmp_path)
    given = {}
    for name in ("minute", stream):
        for sealed in outbox.commit([draft(name, 1)]):
            given[sealed.record.stream, sealed.record.epoch, sealed.record.seq] = sealed.body
    crash(outbox)
    newest = max((tmp_path / "numbers.a", tmp_path / "numbers.b"), key=lambda path: json.loads(path.read_bytes()[33:])["generation"])
    newest.write_bytes(b"")
    (tmp_path / "outbox.db").write_bytes(b"no database")
    (tmp_path / "outbox.db-wal").unlink()
    after(tmp_path, HandClock(), given)


def test_both_numbers_copies_lost_the_outbox_knows(copy):
    folder, given = copy
    for name in ("numbers.a", "numbers.b"):
        (folder / name).unlink()
    clock = HandClock()
    assert after(folder, clock, given) == given.keys()
    assert {epoch for _, epoch, _ in rows(folder)} == {epoch for _, epoch, _ in given}


def test_outbox_gone_the_numbers_file_knows(copy):
    folder, given = copy
    (folder / "outbox.db").unlink()
    (folder / "outbox.db-wal").unlink()
    clock = HandClock()
    after(folder, clock, given)
    assert events(folder, "outbox_missing")
    assert {epoch for _, epoch, _ in rows(folder)} == {epoch for _, epoch, _ in given}
    lost = events(folder, "records_lost")
    assert covered(lost, "minute", next(iter(given))[1]) >= set(range(75))
    assert {detail["reason"] for detail in lost} == {"outbox_missing"}


def test_both_gone_a_new_epoch_begins_and_the_centre_names_the_old_one(copy):
    folder, given = copy
    old = next(iter(given))[1]
    for path in folder.iterdir():
        path.unlink()
    clock = HandClock(ms=HandClock.ms + 86_400_000)
    with open_outbox(folder, clock) as outbox:
        assert outbox.epoch > old
        assert outbox.previous_epoch is None
        delivered = {key for key in given if key[0] == "minute" and key[2] % 10}
        outbox.apply_ack(ack(delivered, clock.ms), retained=True)
        assert outbox.previous_epoch == old
        assert not events(folder, "records_lost"), "a retained acknowledgement may be old: no conclusion yet"
        outbox.apply_ack(ack(delivered, clock.ms + 1))
        assert covered(events(folder, "records_lost"), "minute", old) == set(range(0, 75, 10))


def test_damaged_outbox_and_lost_numbers_salvaged_rows_name_the_old_epoch(copy):
    folder, given = copy
    old = next(iter(given))[1]
    (folder / "numbers.a").unlink()
    (folder / "numbers.b").unlink()
    for name in ("outbox.db", "outbox.db-wal"):
        content = bytearray((folder / name).read_bytes())
        content[:100] = bytes(100)
        (folder / name).write_bytes(content)
    with open_outbox(folder, HandClock()) as outbox:
        assert outbox.epoch > old
        assert outbox.previous_epoch == old
        assert given.keys() <= rows(folder).keys()
        assert events(folder, "numbers_restarted")


def test_damage_found_while_running_is_salvaged_in_the_middle_of_a_call(copy):
    folder, given = copy
    clock = HandClock()
    outbox = open_outbox(folder, clock)
    outbox._run(lambda: outbox._engine.store.connection.wal_checkpoint(mode=3))
    outbox._run(lambda: outbox._engine.store.connection.execute("pragma shrink_memory"))
    size = (folder / "outbox.db").stat().st_size
    with (folder / "outbox.db").open("r+b") as file:
        for page in range(1, size // 4096, 2):
            file.seek(page * 4096)
            file.write(b"\xff" * 8)
    for n in range(40):
        (sealed,) = outbox.commit([draft("minute", 6000 + n, size=3000)])
        assert (sealed.record.stream, sealed.record.epoch, sealed.record.seq) not in given
        outbox._run(lambda: outbox._engine.pick({}, 50, 100_000, newest=1, backlog=50))
        outbox._run(lambda: outbox._engine.store.connection.execute("pragma shrink_memory"))
    outbox.close()
    found = rows(folder)
    assert all(found[key] == given[key] for key in given.keys() & found.keys())
    assert list(folder.glob("outbox-damaged*.db"))


def test_a_row_that_no_longer_matches_its_hash_is_set_aside_once_and_declared_once(tmp_path):
    with open_outbox(tmp_path) as outbox:
        outbox.commit([draft(n=n) for n in range(5)])
        epoch = outbox.epoch
        outbox._run(
            lambda: outbox._engine.store.connection.execute(
                "update record_minute set body = cast(replace(body, '\"n\":2', '\"n\":3') as blob) where seq = 2"
            )
        )
        for _ in range(3):
            picked = outbox._run(lambda: outbox._engine.pick({}, 50, 100_000, newest=100, backlog=50))
            outbox.tend()
        assert {row.seq for row in picked.rows if row.key[0] == "minute"} <= {0, 1, 3, 4}
        assert outbox._engine.store.ask("select stream, seq from set_aside") == [("minute", 2)]
    (lost,) = events(tmp_path, "records_lost")
    assert (lost["stream"], lost["ranges"], lost["count"], lost["reason"]) == ("minute", [[2, 2]], 1, "damaged_row")
    assert ("minute", epoch, 2) not in rows(tmp_path)


@pytest.mark.parametrize("step", range(7))
def test_a_kill_at_any_step_of_the_salvage_loses_nothing(copy, step, monkeypatch):
    """The salvage renames and removes; it is stopped dead before its ``step``-th such action, then the agent starts again."""
    folder, given = copy
    content = bytearray((folder / "outbox.db-wal").read_bytes())
    content[40 * FRAME] ^= 1
    (folder / "outbox.db-wal").write_bytes(content)
    left = [step]

    class Killed(BaseException):
        pass

    def counted(action):
        def act(self, *args, **more):
            if self.parent == folder and (action is not Path.unlink or self.exists()):
                if left[0] == 0:
                    raise Killed
                left[0] -= 1
            return action(self, *args, **more)

        return act

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", counted(Path.rename))
        patch.setattr(Path, "unlink", counted(Path.unlink))
        with contextlib.suppress(Killed):
            crash(open_outbox(folder, HandClock()))
    assert len(given) - len(after(folder, HandClock(), given)) <= 8
    assert not [path.name for path in folder.iterdir() if path.name.startswith(("outbox.new", "outbox.saved"))]


@pytest.mark.parametrize("seed", range(20))
def test_the_carver_survives_any_bytes(tmp_path, seed, copy):
    folder, _ = copy
    lucky = random.Random(seed)
    content = bytearray((folder / "outbox.db").read_bytes())
    for _ in range(3000):
        content[lucky.randrange(len(content))] = lucky.randrange(256)
    (tmp_path / "x.db").write_bytes(content)
    (tmp_path / "x.log").write_bytes(lucky.randbytes(50_000))
    for rowid, columns in carve_rows(tmp_path / "x.db", tmp_path / "x.log"):
        assert isinstance(rowid, int)
        assert isinstance(columns, list)
