"""Rollups and standings: what the charts rest on, whatever the order of arrival."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.store.queries import Reader
from collector.store.rollup import Aggregate, aggregate_column
from collector.store.store import Batch, Store
from tests.collector.making import HALF_HOUR, MINUTE, T0, made

NOW = T0 + 100 * HALF_HOUR
TEMPERATURE, WIND, RAIN, COUNTER = "water_temperature@s", "wind_from_direction@m", "rainfall@m", "rainfall_total@m"
number = st.one_of(
    st.floats(0, 360), st.integers(0, 300), st.none(), st.just("text"), st.booleans(), st.sampled_from([2**62, 1.7e308, -1.7e308])
)
record = st.tuples(
    st.integers(0, 70),  # minute
    st.integers(0, 2),  # version
    st.dictionaries(
        st.sampled_from([TEMPERATURE, WIND, RAIN, COUNTER]), st.tuples(number, st.sampled_from([1, 2, 3, 4, 9, 5])), max_size=4
    ),
)


def plain(value) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e20 else None


@settings(max_examples=80, deadline=None)
@given(records=st.lists(record, max_size=25), order=st.randoms(use_true_random=False), cut=st.integers(1, 6))
def test_rollups_hold_what_the_standing_records_say_whatever_the_order(tmp_path_factory, records, order, cut) -> None:
    sealed = [
        made(
            seq,
            t=T0 + minute * MINUTE,
            version=version,
            values={k: v for k, (v, _) in cells.items()},
            flags={k: f for k, (_, f) in cells.items()},
        )
        for seq, (minute, version, cells) in enumerate(records)
    ]
    winners: dict[int, tuple] = {}
    for seq, (minute, version, cells) in enumerate(records):
        if minute not in winners or (version, seq) > winners[minute][:2]:
            winners[minute] = version, seq, cells
    order.shuffle(sealed)
    store = Store(tmp_path_factory.mktemp("rollup") / "store.db", check=False)
    for i in range(0, len(sealed), cut):
        store.commit(Batch(sealed[i : i + cut]), NOW)
    reader = Reader(store.path)
    assert {r.record.t: r.record.seq for r in reader.records("st-a", "minute", 0, NOW)} == {
        T0 + m * MINUTE: w[1] for m, w in winners.items()
    }
    assert sorted(r.record.seq for r in reader.records("st-a", "minute", 0, NOW, superseded=True)) == list(range(len(records)))
    found = {at: bucket for at, bucket in reader.rollups("st-a", "minute", 0, NOW) if bucket}
    expected: dict[int, dict[str, list[tuple[int, object, int]]]] = {}
    for minute, (_, _, cells) in sorted(winners.items()):
        for name, (value, flag) in cells.items():
            at = (T0 + minute * MINUTE) // HALF_HOUR * HALF_HOUR
            expected.setdefault(at, {}).setdefault(name, []).append((minute, value, flag))
    assert {at: set(bucket) for at, bucket in found.items()} == {at: set(names) for at, names in expected.items()}
    for at, names in expected.items():
        for name, cells in names.items():
            aggregate = found[at][name]
            usable = [plain(v) for _, v, f in cells if f in (1, 2) and plain(v) is not None]
            assert (aggregate.count, aggregate.used) == (len(cells), len(usable))
            assert (aggregate.low, aggregate.high) == ((min(usable), max(usable)) if usable else (None, None))
            if not usable:
                assert aggregate.flag() in (3, 4, 9)
                continue
            if len(usable) < 0.8 * len(cells):
                assert aggregate.flag() == 3
            if name == TEMPERATURE:
                assert aggregate.value("arithmetic") == pytest.approx(sum(usable) / len(usable), rel=1e-12, abs=1e-12)
            if name == RAIN:
                assert aggregate.value("sum") == pytest.approx(sum(usable), rel=1e-12, abs=1e-12)
            if name == COUNTER:
                assert aggregate.value("last") == usable[-1]
            if name == WIND:
                x, y = (sum(f(math.radians(v)) for v in usable) for f in (math.cos, math.sin))
                if math.hypot(x, y) > 1e-6:
                    assert math.cos(math.radians(aggregate.value("circular")) - math.atan2(y, x)) == pytest.approx(1)
    reader.close()
    store.close()


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
@pytest.mark.parametrize("cut", [1, 2, 4])
def test_a_replaced_record_no_longer_stands_even_when_the_new_one_has_another_time(
    tmp_path: Path, order: tuple[int, ...], cut: int
) -> None:
    moved_to = T0 + 3 * HALF_HOUR
    records = [made(0), made(1), made(2, t=moved_to, version=1, replaces=(1, 0)), made(3, t=moved_to + MINUTE, version=2, replaces=(1, 2))]
    store = Store(tmp_path / "store.db")
    for i in range(0, 4, cut):
        store.commit(Batch([records[j] for j in order[i : i + cut]]), NOW)
    reader = Reader(store.path)
    assert [r.record.seq for r in reader.records("st-a", "minute", 0, NOW)] == [1, 3]
    assert {at: b["water_temperature@surface"].count for at, b in reader.rollups("st-a", "minute", 0, NOW) if b} == {T0: 1, moved_to: 1}
    assert store.acknowledgement("st-a", 0).streams == {"minute": {"1": [(0, 3)]}}
    reader.close()
    store.close()


def test_at_most_one_row_stands_at_a_time_whichever_way_it_was_recomputed(tmp_path: Path) -> None:
    for order in itertools.permutations(
        [made(0, t=T0), made(1, t=T0, version=1, replaces=(1, 0)), made(2, t=T0, version=1), made(3, t=T0, version=2, replaces=(1, 1))]
    ):
        store = Store(tmp_path / f"{[one.record.seq for one in order]}.db", check=False)
        for one in order:
            store.commit(Batch([one]), NOW)
        reader = Reader(store.path)
        assert [r.record.seq for r in reader.records("st-a", "minute", 0, NOW)] == [3]
        assert [b["water_temperature@surface"].total for _, b in reader.rollups("st-a", "minute", 0, NOW)] == [18.0]
        reader.close()
        store.close()


def test_mean_direction_across_north_is_north() -> None:
    aggregate = aggregate_column([350.0, 10.0], [1, 1], [0, 1], "circular")
    assert aggregate.value("circular") == pytest.approx(0, abs=1e-9) or aggregate.value("circular") == pytest.approx(360)
    assert aggregate_column([90.0, 270.0], [1, 1], [0, 1], "circular").value("circular") is None


def test_the_flag_of_a_mean_is_never_better_than_its_values_and_their_share() -> None:
    assert Aggregate(good=10).flag() == 1
    assert Aggregate(good=9, unevaluated=1).flag() == 2
    assert Aggregate(good=9, fail=1).flag() == 1
    assert Aggregate(good=7, fail=3).flag() == 3
    assert Aggregate(fail=1, missing=3).flag() == 4
    assert Aggregate(missing=3).flag() == 9


@pytest.fixture
def day(tmp_path: Path):
    """A day of minutes, one half-hour of eddy flux in each half-hour, one recomputed."""
    store = Store(tmp_path / "store.db")
    minutes = [made(i, t=T0 + i * MINUTE, values={TEMPERATURE: float(i)}, flags={TEMPERATURE: 1}) for i in range(1440)]
    flux = {"stream": "eddy", "dt": HALF_HOUR, "flags": {"co2_flux@tower": 1}, "share": {"co2_flux@tower": 0.9}}
    eddy = [
        made(i, t=T0 + i * HALF_HOUR, values={"co2_flux@tower": -float(i)}, classes={"co2_flux@tower": i % 3}, **flux) for i in range(48)
    ]
    again = made(48, t=T0 + 7 * HALF_HOUR, values={"co2_flux@tower": -70.0}, version=1, replaces=(1, 7), **flux)
    store.commit(Batch([again, *minutes, *eddy]), NOW)
    store.close()
    reader = Reader(store.path)
    yield reader
    reader.close()


def test_few_records_come_as_they_are(day: Reader) -> None:
    answer = day.series("st-a", [TEMPERATURE, "co2_flux@tower", "unknown@x"], T0, T0 + 10 * HALF_HOUR, 300)
    assert answer.bucket_ms == 0
    assert answer.series[TEMPERATURE].v == [float(i) for i in range(300)]
    flux = answer.series["co2_flux@tower"]
    assert flux.t == [T0 + i * HALF_HOUR for i in range(10)]
    assert flux.v == [0, -1, -2, -3, -4, -5, -6, -70, -8, -9]
    assert flux.worst_class[:3] == [0, 1, 2]
    assert flux.share[0] == 0.9
    assert answer.series["unknown@x"].t == []
    assert answer.streams == {TEMPERATURE: "minute", "co2_flux@tower": "eddy"}


def test_many_records_come_as_means_over_half_hours_or_multiples(day: Reader) -> None:
    answer = day.series("st-a", [TEMPERATURE], T0, T0 + 48 * HALF_HOUR, 100)
    assert answer.bucket_ms == HALF_HOUR
    points = answer.series[TEMPERATURE]
    assert points.t == [T0 + i * HALF_HOUR for i in range(48)]
    assert points.v == [i * 30 + 14.5 for i in range(48)]
    assert (points.low[1], points.high[1], points.flag[1], points.share[1]) == (30.0, 59.0, 1, 1.0)
    coarse = day.series("st-a", [TEMPERATURE, "co2_flux@tower"], T0, T0 + 48 * HALF_HOUR, 16)
    assert coarse.bucket_ms == 3 * HALF_HOUR
    assert coarse.series[TEMPERATURE].v == [i * 90 + 44.5 for i in range(16)]
    assert coarse.series["co2_flux@tower"].v[2] == pytest.approx((-6 - 70 - 8) / 3)
    assert coarse.series["co2_flux@tower"].worst_class[0] == 2


def test_records_of_an_unset_clock_are_kept_off_the_time_axis(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.db")
    store.commit(Batch([made(0, t=5_000, clock="unset"), made(1, t=5_000, clock="unset"), made(2)]), NOW)
    reader = Reader(store.path)
    assert [r.record.seq for r in reader.records("st-a", "minute", 0, NOW)] == [2]
    assert [r.record.seq for r in reader.records("st-a", "minute", 0, NOW, superseded=True)] == [0, 1, 2]
    assert [at for at, _ in reader.rollups("st-a", "minute", 0, NOW)] == [T0 + 2 * MINUTE // HALF_HOUR * HALF_HOUR]
    reader.close()
    store.close()
