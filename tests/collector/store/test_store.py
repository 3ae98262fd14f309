"""What a transaction of the store promises: each record once, ledger equal to rows, conflicts kept, all or nothing."""

from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.errors import CannotCommit
from collector.store import ledger as ledger_module
from collector.store.queries import Reader
from collector.store.store import Batch, Parked, Store
from firmware_config.messages import NUMBERS_UNUSED, RECORDS_LOST
from firmware_config.ranges import Ranges
from tests.collector.making import MINUTE, T0, event, made

NOW = T0 + 10_000_000


@pytest.fixture
def store(tmp_path: Path):
    opened = Store(tmp_path / "store.db")
    yield opened
    opened.close()


def rows(path: Path) -> list[tuple]:
    with apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY) as connection:
        return list(connection.execute("select station, stream, epoch, seq, hash, body from records order by 1,2,3,4"))


delivery = st.lists(
    st.lists(st.tuples(st.sampled_from(["a", "b"]), st.sampled_from([1, 2]), st.integers(0, 12), st.booleans()), max_size=12), max_size=6
)


@settings(max_examples=60, deadline=None)
@given(batches=delivery)
def test_every_number_is_kept_once_with_the_content_that_came_first(tmp_path_factory, batches) -> None:
    path = tmp_path_factory.mktemp("store") / "store.db"
    store = Store(path, check=False)
    first: dict[tuple, str] = {}
    other: set[tuple] = set()
    for batch in batches:
        sealed = [made(seq, station=station, epoch=epoch, share={"x@y": 0.5} if odd else {}) for station, epoch, seq, odd in batch]
        done = store.commit(Batch(sealed), NOW)
        fresh = 0
        for one in sealed:
            fresh += one.record.key not in first
            if first.setdefault(one.record.key, one.hash) != one.hash:
                other.add((*one.record.key, one.hash))
        assert sum(map(len, done.new.values())) == fresh
        assert done.touched == {one.record.station for one in sealed}
        assert done.same + len(done.conflicts) + fresh == len(sealed)
    assert {(s, m, e, q): h for s, m, e, q, h, _ in rows(path)} == first
    numbers = defaultdict(Ranges)
    for station, stream, epoch, seq in first:
        numbers[station, stream, epoch].add(seq)
    for key, expected in numbers.items():
        assert store.ledger.numbers(key) == expected
    store.close()
    again = Store(path, check=False)
    assert {s: again.acknowledgement(s, 0).streams for s in "ab"} == {s: store.acknowledgement(s, 0).streams for s in "ab"}
    again.close()
    with apsw.Connection(str(path)) as connection:
        stored = list(connection.execute("select * from ledger order by 1,2,3"))
        ledger_module.rebuild(connection)
        assert list(connection.execute("select * from ledger order by 1,2,3")) == stored
        kept = connection.execute(
            "select station.name, stream.name, epoch, seq, hash from conflict join station on station.id=station_id join stream on stream.id=stream_id"
        )
        assert set(kept) == other


def test_the_acknowledgement_is_the_whole_state_and_empty_for_a_stranger(store: Store) -> None:
    store.commit(Batch([made(i) for i in (0, 1, 2, 5)] + [made(9, epoch=3)]), NOW)
    assert store.acknowledgement("st-a", 7).streams == {"minute": {"1": [(0, 2), (5, 5)], "3": [(9, 9)]}}
    assert store.acknowledgement("never", 7).streams == {}
    assert store.stations() == ["st-a"]


def test_a_full_store_commits_nothing_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.db", quota_bytes=400_000)
    sealed = [made(i, detail={"padding": random.Random(i).randbytes(800).hex()}) for i in range(400)]
    at = 0
    try:
        while at < 400:
            store.commit(Batch(sealed[at : at + 20]), NOW)
            at += 20
        pytest.fail("the quota was not kept")
    except CannotCommit as refused:
        assert refused.reason == "full"
    assert at > 0
    assert store.acknowledgement("st-a", 0).streams == {"minute": {"1": [(0, at - 1)]}}
    store.set_quota(None)
    store.commit(Batch(sealed[at:]), NOW)
    assert store.acknowledgement("st-a", 0).streams == {"minute": {"1": [(0, 399)]}}
    store.close()
    assert [r[3] for r in rows(store.path)] == list(range(400))


def test_room_is_left_on_the_disk_for_the_alarm_journal(store: Store) -> None:
    store.reserve_bytes, store.free_bytes = 1_000_000, lambda: 999_999
    with pytest.raises(CannotCommit, match="left on the disk"):
        store.commit(Batch([made(1)]), NOW)
    store.free_bytes = lambda: 1_000_000
    assert store.commit(Batch([made(1)]), NOW).new["st-a"][0].seq == 1


def test_parked_messages_are_counted_cut_and_bounded(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.db", parked_rows=5)
    same = Parked("a", "bad_hash", "text", "ht/1/a/data", b"x" * 100_000, 100_000, "d")
    for i in range(8):
        store.commit(Batch(parked=[same, Parked("a", "not_ours", "text", "ht/1/a/data", b"y", 1, f"d{i}")]), NOW + i)
    store.close()
    reader = Reader(store.path)
    found = reader.parked()
    assert len(found) == 5
    assert next(p for p in found if p["reason"] == "bad_hash")["count"] == 8
    stored = list(reader.connection.execute("select length(payload), size from parked where reason='bad_hash'"))
    assert stored == [(4_096, 100_000)]
    reader.close()


def test_declared_numbers_are_kept_and_nonsense_is_only_an_event(store: Store) -> None:
    store.commit(
        Batch(
            [
                event(1, NUMBERS_UNUSED, {"stream": "minute", "epoch": 1, "ranges": [[4, 9]], "reason": "unclean start"}),
                event(2, RECORDS_LOST, {"stream": "raw", "epoch": 1, "ranges": [[0, 2], [7, 7]], "reason": "no room", "count": 4}),
                event(3, RECORDS_LOST, {"stream": "raw", "epoch": 1, "ranges": [[9, 2]]}),
                event(4, RECORDS_LOST, {"stream": "../x", "epoch": 1, "ranges": [[1, 2]]}),
                event(5, NUMBERS_UNUSED, {"nothing": True}),
            ]
        ),
        NOW,
    )
    reader = Reader(store.path)
    found = {(e.stream, e.epoch): [(d.first, d.last, d.kind, d.reason) for d in e.declared] for e in reader.ledger("st-a")}
    assert found == {
        ("event", 1): [],
        ("minute", 1): [(4, 9, "unused", "unclean start")],
        ("raw", 1): [(0, 2, "lost", "no room"), (7, 7, "lost", "no room")],
    }
    reader.close()


def test_gaps_are_what_no_record_covers(store: Store) -> None:
    store.commit(Batch([made(i) for i in (0, 1, 2, 6, 7)]), NOW)
    reader = Reader(store.path)

    def gaps(a: int, b: int) -> list[tuple]:
        return [(g.from_ms - T0, g.to_ms - T0, g.after_seq, g.before_seq) for g in reader.gaps("st-a", "minute", T0 + a, T0 + b, 1000)]

    assert gaps(-5 * MINUTE, 10 * MINUTE) == [(3 * MINUTE, 6 * MINUTE, 2, 6), (8 * MINUTE, 10 * MINUTE, 7, None)]
    assert gaps(4 * MINUTE, 5 * MINUTE) == [(4 * MINUTE, 5 * MINUTE, 2, None)]
    assert gaps(0, 3 * MINUTE) == []
    assert reader.gaps("st-a", "eddy", 0, T0, 0) == []
    reader.close()


def test_a_value_that_changed_on_the_disk_is_in_no_answer_however_well_it_reads(store: Store, tmp_path: Path) -> None:
    store.commit(Batch([made(i) for i in range(3)]), NOW)
    with apsw.Connection(str(tmp_path / "store.db")) as connection:
        body = connection.execute("select body from record where seq=1").get
        spoilt = body.replace(b'"water_temperature@surface":16.0', b'"water_temperature@surface":96.0')
        assert spoilt != body
        connection.execute("update record set body=? where seq=1", (spoilt,))
    reader = Reader(tmp_path / "store.db")
    shown = reader.series("st-a", ["water_temperature@surface"], T0, T0 + 3 * MINUTE, 100).series["water_temperature@surface"]
    assert shown.v == [15.0, 17.0]
    assert reader.damaged == 1
    reader.close()
