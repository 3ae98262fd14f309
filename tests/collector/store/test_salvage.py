"""A damaged store: what still proves itself moves to a new file, the damaged file is kept, what is gone is counted."""

from __future__ import annotations

import random
from pathlib import Path

import apsw
import pytest

from collector.store.queries import Reader
from collector.store.salvage import open_store
from collector.store.schema import PAGE_BYTES, SCHEMA
from collector.store.store import Batch, BirthBody, Store
from firmware_config.errors import DatabaseDamaged
from firmware_config.messages import RECORDS_LOST, Birth
from firmware_config.records import content_hash, encode_message
from tests.collector.making import T0, event, made

NOW = T0 + 10_000_000
PAGE = PAGE_BYTES
COUNT = 600


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """600 minutes of two stations with an event and a birth, closed cleanly; every tenth record is longer than a page."""
    path = tmp_path / "store.db"
    store = Store(path)
    noise = random.Random(1)
    for i in range(0, COUNT, 50):
        text = {j: noise.randbytes(6_000 if j % 10 == 0 else 100).hex() for j in range(i, i + 50)}
        store.commit(Batch([made(j, station=s, detail={"padding": text[j]}) for j in range(i, i + 50) for s in ("st-a", "st-b")]), NOW)
    birth = Birth(station="st-a", t=T0, software="1", config_hash="x")
    lost = event(0, RECORDS_LOST, {"stream": "minute", "epoch": 0, "ranges": [[3, 4]], "reason": "no room"})
    store.commit(Batch([lost], births=[BirthBody("st-a", encode_message(birth))]), NOW)
    store.advance_sink("s", store.top_id)
    store.close()
    return path


def holds(path: Path) -> dict[tuple, bytes]:
    with apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY) as connection:
        rows = list(connection.execute("select station, stream, epoch, seq, hash, body from records"))
    assert all(content_hash(body) == digest for *_, digest, body in rows)
    return {(s, m, e, q): body for s, m, e, q, _, body in rows}


def overwrite(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def pages_of(path: Path, name: str) -> list[int]:
    with apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY) as connection:
        return [n for (n,) in connection.execute("select pageno from dbstat where name=? order by pageno", (name,))]


def test_a_sound_store_is_left_alone(path: Path) -> None:
    store, saved = open_store(path, now_ms=NOW)
    assert saved is None
    store.close()
    assert len(holds(path)) == 2 * COUNT + 1


@pytest.mark.parametrize("seed", range(6))
def test_rows_outside_the_damaged_pages_are_saved_and_the_rest_is_counted(path: Path, seed: int) -> None:
    before = holds(path)
    noise = random.Random(seed)
    for page in noise.sample(range(2, path.stat().st_size // PAGE), 12):
        overwrite(path, page * PAGE, noise.randbytes(PAGE))
    damaged = path.read_bytes()
    store, saved = open_store(path, now_ms=NOW)
    after = holds(path)
    assert saved is not None
    assert saved.damaged.read_bytes() == damaged
    assert all(before[key] == body for key, body in after.items())
    assert saved.kept == len(after) >= len(before) - 12 * 40
    if saved.lost is not None:
        assert saved.lost == len(before) - len(after) == sum(saved.lost_by_station.values())
    for station in ("st-a", "st-b"):
        acknowledged = {
            (station, stream, int(epoch), seq)
            for stream, epochs in store.acknowledgement(station, 0).streams.items()
            for epoch, ranges in epochs.items()
            for a, b in ranges
            for seq in range(a, b + 1)
        }
        assert acknowledged == {key for key in after if key[0] == station}
    missing = [key for key in before if key not in after and key[1] == "minute"]
    refilled = [made(key[3], station=key[0], detail={"padding": "again"}) for key in missing]
    assert sum(map(len, store.commit(Batch(refilled), NOW).new.values())) == len(missing)
    reader = Reader(path)
    passed = {row.record.key for row in reader.after(0, reader.sink_cursor("s"))[0] if row.id <= reader.sink_cursor("s")}
    assert not passed & set(missing)  # the sink has what comes now still before it
    reader.close()
    store.close()


def test_damaged_rows_in_a_sound_file_are_left_behind(path: Path) -> None:
    raw = path.read_bytes()
    at = raw.index(b'"seq":300')
    overwrite(path, at + 6, b"999")
    reader = Reader(path)
    found = [r.record.seq for s in ("st-a", "st-b") for r in reader.records(s, "minute", 0, NOW * 2)]
    assert (len(found), reader.damaged) == (2 * COUNT - 1, 1)
    store, saved = open_store(path, now_ms=NOW, problem="a row does not match its hash")
    assert saved is not None
    assert (saved.kept, saved.lost) == (2 * COUNT, 1)
    assert sum(1 for _ in reader.records("st-a", "minute", 0, NOW * 2)) >= COUNT - 1  # the reader follows to the new file
    assert Path(reader.path).stat().st_ino == reader._inode
    reader.close()
    store.close()


def test_without_a_readable_header_every_record_that_fits_a_page_is_still_found(path: Path) -> None:
    before = holds(path)
    overwrite(path, 0, b"\0" * PAGE)
    store, saved = open_store(path, now_ms=NOW)
    assert saved is not None
    after = holds(path)
    assert all(before[key] == body for key, body in after.items())
    assert {key for key in before if key[3] % 10} <= set(after)
    assert saved.lost is None
    reader = Reader(path)
    assert sum(b["water_temperature@surface"].count for _, b in reader.rollups("st-a", "minute", 0, NOW * 2)) == sum(
        1 for key in after if key[0] == "st-a" and key[1] == "minute"
    )
    reader.close()
    store.close()


def test_births_declarations_and_the_sinks_cursor_are_saved(path: Path) -> None:
    overwrite(path, (pages_of(path, "record")[5] - 1) * PAGE, b"\xff" * PAGE)
    store, saved = open_store(path, now_ms=NOW)
    assert saved is not None
    reader = Reader(path)
    assert 0 < reader.sink_cursor("s") <= 2 * COUNT + 1
    assert next(row.birth.software for row in reader.stations() if row.birth) == "1"
    assert [(d.first, d.last, d.kind) for e in reader.ledger("st-a") for d in e.declared] == [(3, 4, "lost")]
    reader.close()
    store.close()


@pytest.mark.parametrize("at", ["unfinished", "before the swap", "within the swap"])
def test_a_salvage_killed_half_way_is_completed_at_the_next_start(path: Path, at: str) -> None:
    overwrite(path, (pages_of(path, "record")[5] - 1) * PAGE, b"\xff" * PAGE)
    damaged = path.read_bytes()
    if at == "unfinished":
        with apsw.Connection(str(path) + ".new") as half:
            half.execute(SCHEMA)
    else:
        store, _ = open_store(path, now_ms=NOW)
        store.close()
        aside = path.with_name(f"store-damaged-{NOW}.db")
        path.rename(str(path) + ".saved")
        Path(str(path) + ".saved.aside").write_text(str(aside))
        if at == "before the swap":
            aside.rename(path)
    store, _ = open_store(path, now_ms=NOW)
    store.close()
    assert len(holds(path)) > 2 * COUNT - 40
    assert [p.read_bytes() for p in path.parent.glob("store-damaged-*.db")] == [damaged]
    assert not [p.name for p in path.parent.iterdir() if ".new" in p.name or ".saved" in p.name]


def test_records_only_in_the_write_ahead_log_are_saved_too(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = Store(path)
    store.commit(Batch([made(i) for i in range(20)]), NOW)
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in tmp_path.glob("store.db*"):
        (copy / file.name).write_bytes(file.read_bytes())
    store.close()
    overwrite(copy / "store.db", 0, b"\0" * (copy / "store.db").stat().st_size)
    again, _ = open_store(copy / "store.db", now_ms=NOW)
    assert again.acknowledgement("st-a", 0).streams == {"minute": {"1": [(0, 19)]}}
    again.close()


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """What SIGKILL leaves: 20 minutes, each in a transaction of its own, all of them in the log only."""
    store = Store(tmp_path / "store.db")
    for i in range(20):
        store.commit(Batch([made(i)]), NOW)
    copy = tmp_path / "killed"
    copy.mkdir()
    for name in ("store.db", "store.db-wal"):
        (copy / name).write_bytes((tmp_path / name).read_bytes())
    store.close()
    return copy / "store.db"


@pytest.mark.parametrize("share", [0.0001, 0.3, 0.6, 0.9])
def test_one_wrong_bit_in_the_log_costs_one_page_not_all_behind_it(killed: Path, share: float) -> None:
    log = killed.with_name("store.db-wal")
    content = bytearray(log.read_bytes())
    content[int(len(content) * share)] ^= 16
    log.write_bytes(content)
    store, saved = open_store(killed, now_ms=NOW)
    store.close()
    assert saved is not None
    assert len(holds(killed)) >= 19
    assert saved.damaged.with_name(saved.damaged.name + "-wal").read_bytes() == content


@pytest.mark.parametrize("how", ["missing", "empty", "a folder"])
def test_what_only_the_log_holds_is_saved_when_the_file_is_gone(killed: Path, how: str) -> None:
    killed.unlink()
    if how == "empty":
        killed.touch()
    elif how == "a folder":
        killed.mkdir()
    store, saved = open_store(killed, now_ms=NOW)
    store.close()
    assert saved is not None
    assert len(holds(killed)) == 20


@pytest.mark.parametrize("how", ["empty", "a folder"])
def test_a_store_of_which_nothing_is_left_is_told_not_begun_silently(path: Path, how: str) -> None:
    path.unlink()
    path.touch() if how == "empty" else path.mkdir()
    store, saved = open_store(path, now_ms=NOW)
    store.close()
    assert saved is not None
    assert (saved.kept, saved.lost) == (0, None)


@pytest.mark.parametrize("name", ["store.db-wal", "store.db-shm", "store.db.saved", "store.db.new"])
def test_a_folder_in_the_place_of_a_file_is_set_aside(path: Path, name: str) -> None:
    (path.parent / name).mkdir()
    (path.parent / name / "whose").write_text("kept for people", encoding="utf-8")
    store, _ = open_store(path, now_ms=NOW)
    store.close()
    assert len(holds(path)) == 2 * COUNT + 1
    assert [found.read_text(encoding="utf-8") for found in path.parent.glob("*/whose")] == ["kept for people"]


def test_what_contradicts_a_lost_record_does_not_take_its_place(path: Path) -> None:
    """A number's other content is kept beside the first; were it found in the raw bytes and put into the rows, the first would never
    be asked for again."""
    store = Store(path)
    first, other = made(5_000, station="st-a"), made(5_000, station="st-a", detail={"other": 1})
    store.commit(Batch([first]), NOW)
    store.commit(Batch([other]), NOW)
    store.close()
    with apsw.Connection(str(path)) as connection:
        connection.execute("update record set hash=? where hash=?", ("0" * 32, first.hash))
    store, _ = open_store(path, now_ms=NOW, problem="rows do not match")
    store.close()
    assert other.body not in holds(path).values()
    with apsw.Connection(str(path)) as connection:
        assert connection.execute("select count(*) from conflict").get == 1


@pytest.mark.parametrize(
    ("sql", "values"),
    [
        ("update record set hash=cast(? as text) where id=7", (b"\xf0\x28" + b"0" * 30,)),
        ("update ledger set committed=? where station_id=1", (b"[[0,5\xff9]]",)),
        ("update ledger set committed=? where station_id=1", (b"[[0,9999]]",)),
        ("update station set name=cast(? as text) where id=1", (b"st\xff",)),
    ],
    ids=["a hash that is no text", "ranges that are none", "ranges of more than there is", "a name that is no text"],
)
def test_damaged_content_on_sound_pages_is_damage_and_what_it_claims_is_not_believed(path: Path, sql: str, values: tuple) -> None:
    """A ledger that says too much would have stations free what is not here; unreadable text must not keep the centre from starting."""
    before = holds(path)
    with apsw.Connection(str(path)) as connection:
        connection.execute(sql, values)
    store, saved = open_store(path, now_ms=NOW)
    if saved is None:  # met only when the row is used
        with pytest.raises(DatabaseDamaged):
            store.commit(Batch([made(j, station=s) for j in range(COUNT) for s in ("st-a", "st-b")]), NOW)
        store.close()
        store, saved = open_store(path, now_ms=NOW, problem="met by the writer")
    claimed = {
        (station, stream, int(epoch), number)
        for station in ("st-a", "st-b")
        for stream, epochs in store.acknowledgement(station, NOW).streams.items()
        for epoch, ranges in epochs.items()
        for first, last in ranges
        for number in range(first, last + 1)
    }
    store.close()
    assert claimed == holds(path).keys() == before.keys()


def test_a_reader_that_meets_unreadable_text_says_so(path: Path) -> None:
    """Else whoever walks over the rows, such as a sink, would meet it for ever and nobody would mend it."""
    with apsw.Connection(str(path)) as connection:
        connection.execute("update record set hash=cast(? as text) where id=7", (b"\xf0\x28" + b"0" * 30,))
    reader = Reader(path)
    with pytest.raises(UnicodeDecodeError):
        reader.after(0, 100)
    assert reader.damaged == 1
    reader.close()
