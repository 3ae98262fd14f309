"""The judge is not blind: it sees what is lost, altered, doubled or unaccounted for, and says nothing where all is well."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from simulators.judge import judge, outbox_records
from simulators.torture import plan


def body(seq: int, *, stream: str = "minute", t: int | None = None, **more) -> bytes:
    content = {
        "station": "st",
        "stream": stream,
        "epoch": 1,
        "seq": seq,
        "t": seq * 60_000 if t is None else t,
        "dt": 0,
        "clock": "holdover",
        "values": {},
    }
    return json.dumps(content | more).encode()


def digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def outbox(path: Path, bodies: list[bytes]) -> Path:
    with closing(sqlite3.connect(path)) as db:
        db.execute("create table record(stream, epoch, seq, t, body, hash)")
        for content in bodies:
            c = json.loads(content)
            db.execute("insert into record values (?,?,?,?,?,?)", (c["stream"], c["epoch"], c["seq"], c["t"], content, digest(content)))
        db.commit()
    return path


def store(path: Path, rows: list[tuple[bytes, str]]) -> Path:
    with closing(sqlite3.connect(path)) as db:
        db.execute("create table records(station, stream, epoch, seq, t, hash, body)")
        for content, hashed in rows:
            c = json.loads(content)
            db.execute(
                "insert into records values (?,?,?,?,?,?,?)", (c["station"], c["stream"], c["epoch"], c["seq"], c["t"], hashed, content)
            )
        db.commit()
    return path


def verdict(tmp_path: Path, kept: list[bytes], arrived: list[tuple[bytes, str]]):
    return judge({"st": outbox_records("st", outbox(tmp_path / "o.db", kept))}, store(tmp_path / "s.db", arrived))


GOOD = [body(0), body(1), body(2)]
ARRIVED = [(b, digest(b)) for b in GOOD]


def test_all_well(tmp_path: Path) -> None:
    found = verdict(tmp_path, GOOD, ARRIVED)
    assert found.clean
    assert (found.committed, found.stored) == (3, 3)


def test_lost(tmp_path: Path) -> None:
    assert verdict(tmp_path, GOOD, ARRIVED[:2]).lost == [("st", "minute", 1, 2)]


def test_doubled_row(tmp_path: Path) -> None:
    assert verdict(tmp_path, GOOD, [*ARRIVED, ARRIVED[0]]).doubled


def test_altered_content_even_under_its_own_right_hash(tmp_path: Path) -> None:
    other = body(1, values={"x@y": 1})
    assert verdict(tmp_path, GOOD, [ARRIVED[0], (other, digest(other)), ARRIVED[2]]).altered == [("st", "minute", 1, 1)]


def test_wrong_hash_beside_right_content(tmp_path: Path) -> None:
    assert verdict(tmp_path, GOOD, [ARRIVED[0], (GOOD[1], "0" * 32), ARRIVED[2]]).altered == [("st", "minute", 1, 1)]


@pytest.mark.parametrize("spoilt", [b"", b"no json \xff", b"[1]", "text"])
def test_content_that_is_no_record_any_more(tmp_path: Path, spoilt: bytes | str) -> None:
    path = store(tmp_path / "s.db", ARRIVED)
    with closing(sqlite3.connect(path)) as db:
        db.execute("update records set body=? where seq=1", (spoilt,))
        db.commit()
    assert judge({"st": outbox_records("st", outbox(tmp_path / "o.db", GOOD))}, path).altered == [("st", "minute", 1, 1)]


def test_two_products_for_one_time(tmp_path: Path) -> None:
    twin = [body(0, t=0), body(1, t=0)]
    found = verdict(tmp_path, twin, [(b, digest(b)) for b in twin])
    assert found.doubled == ["st minute t=0: 2 records"]


def test_a_number_that_vanished_from_the_outbox(tmp_path: Path) -> None:
    kept = [body(0), body(3)]
    found = verdict(tmp_path, kept, [(b, digest(b)) for b in kept])
    assert found.unexplained == ["st minute epoch 1: 2 numbers unaccounted for, first 1"]


def test_first_numbers_that_vanished_from_the_outbox(tmp_path: Path) -> None:
    kept = [body(2), body(3)]
    found = verdict(tmp_path, kept, [(b, digest(b)) for b in kept])
    assert found.unexplained == ["st minute epoch 1: 2 numbers unaccounted for, first 0"]


def test_a_row_that_no_outbox_wrote(tmp_path: Path) -> None:
    declared = body(0, stream="event", values={"kind": "numbers_unused"}, detail={"stream": "minute", "epoch": 1, "ranges": [[1, 1]]})
    kept = [body(0), body(2), declared]
    assert verdict(tmp_path, kept, [(b, digest(b)) for b in [*kept, body(1)]]).invented == [("st", "minute", 1, 1)]


def test_a_row_under_a_number_that_is_not_its_own(tmp_path: Path) -> None:
    path = store(tmp_path / "s.db", ARRIVED)
    with closing(sqlite3.connect(path)) as db:  # the twin of a row, under the next free number
        db.execute("insert into records select station, stream, epoch, 3, t, hash, body from records where seq=2")
        db.commit()
    assert judge({"st": outbox_records("st", outbox(tmp_path / "o.db", GOOD))}, path).invented == [("st", "minute", 1, 3)]


def test_records_of_a_station_nobody_knows(tmp_path: Path) -> None:
    strange = body(0, station="other")
    assert verdict(tmp_path, GOOD, [*ARRIVED, (strange, digest(strange))]).invented == [("other", "minute", 1, 0)]


def test_what_came_after_the_outbox_was_read_is_not_judged(tmp_path: Path) -> None:
    late = body(3)
    assert verdict(tmp_path, GOOD, [*ARRIVED, (late, digest(late))]).clean


def test_a_declared_gap_is_explained(tmp_path: Path) -> None:
    declared = body(0, stream="event", values={"kind": "numbers_unused"}, detail={"stream": "minute", "epoch": 1, "ranges": [[1, 2]]})
    kept = [body(0), body(3), declared]
    assert verdict(tmp_path, kept, [(b, digest(b)) for b in kept]).clean


def test_an_outbox_that_used_a_number_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="used twice"):
        outbox_records("st", outbox(tmp_path / "o.db", [body(1), body(1, values={"x@y": 2})]))


def test_a_plan_is_repeatable_and_strikes_everything() -> None:
    stations = ["a", "b", "c"]
    five = plan(7, 5.0, stations, influx=True)
    assert five == plan(7, 5.0, stations, influx=True)
    assert five != plan(8, 5.0, stations, influx=True)
    kills = [blow for blow in five if not blow.victim.startswith("link-")]
    assert len(kills) >= 40
    assert len(five) - len(kills) >= 3
    assert {blow.victim for blow in kills} == {"edge-a", "edge-b", "edge-c", "collector", "broker", "influxd"}
    assert all(0 <= blow.at_s + blow.for_s <= 300 for blow in five)
    short = plan(7, 0.5, stations, influx=False)
    assert sum(blow.victim.startswith("link-") for blow in short) >= 1
    assert {"broker", "collector"} <= {blow.victim for blow in short}
