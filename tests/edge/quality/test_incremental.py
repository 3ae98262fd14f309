"""Value by value must be the same as the whole series at once, and the whole must be what the station file asks for."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.quality import FlatLine, GrossRange, RateOfChange, SeriesQuality, Spike
from edge.science import quality as batch
from firmware_config.flags import Flag
from firmware_config.station import QualityRule

# few different numbers, so that equal neighbours, spikes and steps all happen; None and NaN are both missing
numbers = st.lists(st.sampled_from([0.0, 0.1, 0.2, 1.0, 1.0, 1.05, 5.0, -3.0, None, math.nan]) | st.floats(-10, 10), max_size=60)
many = settings(max_examples=120, deadline=None)


def as_array(series: list[float | None]) -> np.ndarray:
    return np.array([math.nan if x is None else x for x in series], dtype=float)


@given(numbers)
@many
def test_gross_range(series: list[float | None]) -> None:
    test = GrossRange(fail=(-5.0, 5.0), suspect=(0.0, 2.0))
    assert [test.check(x) for x in series] == batch.gross_range(as_array(series), fail=(-5.0, 5.0), suspect=(0.0, 2.0)).tolist()


@given(numbers)
@many
def test_spike_one_value_late(series: list[float | None]) -> None:
    test = Spike(suspect=0.5, fail=2.0)
    late = [test.check(x) for x in series]
    assert late[:1] in ([], [None])
    assert late[1:] == batch.spike(as_array(series), suspect=0.5, fail=2.0).tolist()[: max(0, len(series) - 1)]


@given(numbers, st.lists(st.sampled_from([0.0, 1.0, 10.0, 60.0]), min_size=60, max_size=60))
@many
def test_rate_of_change(series: list[float | None], steps: list[float]) -> None:
    times = np.cumsum(steps)[: len(series)]
    test = RateOfChange(suspect=1.0, fail=4.0)
    found = [test.check(x, float(t)) for x, t in zip(series, times, strict=True)]
    assert found == batch.rate_of_change(as_array(series), times, suspect=1.0, fail=4.0).tolist()


@given(numbers, st.sampled_from([0.0, 0.05, 0.1, 1.0]), st.integers(2, 6), st.integers(2, 9))
@many
def test_flat_line(series: list[float | None], tolerance: float, suspect: int, fail: int) -> None:
    test = FlatLine(tolerance=tolerance, suspect_count=suspect, fail_count=fail)
    want = batch.flat_line(as_array(series), tolerance=tolerance, suspect_count=suspect, fail_count=fail)
    assert [test.check(x) for x in series] == want.tolist()


RULE = QualityRule.model_validate(
    {
        "series": "water_level@pier",
        "gross_range": {"fail": {"min": -5, "max": 5}, "suspect": {"max": 2}},
        "spike": {"suspect": 0.5, "fail": 2.0},
        "rate_of_change_per_min": {"suspect": 1.0},
        "flat_line": {"suspect_count": 3, "fail_count": 5, "tolerance": 0.05},
    }
)


@given(numbers)
@many
def test_all_tests_of_a_series_end_as_the_batch_rolls_them_up(series: list[float | None]) -> None:
    tests = SeriesQuality.from_rule(RULE)
    final = []
    for i, x in enumerate(series):
        newest, before = tests.push(x, 60.0 * i)
        assert not newest.final
        final += [before] if before else []
    last = tests.finish()
    final += [last] if last else []
    v = as_array(series)
    want = batch.roll_up(
        batch.gross_range(v, fail=(-5, 5), suspect=(-math.inf, 2)),
        batch.spike(v, suspect=0.5, fail=2.0),
        batch.rate_of_change(v, 60.0 * np.arange(v.size), suspect=1.0),
        batch.flat_line(v, tolerance=0.05, suspect_count=3, fail_count=5),
    ) if series else np.empty(0, dtype=np.int8)  # fmt: skip
    assert [j.flag for j in final] == want.tolist()
    assert [j.time_s for j in final] == [60.0 * i for i in range(len(series))]


def test_a_series_without_rule_is_held_to_the_plausible_range() -> None:
    tests = SeriesQuality.from_rule(None, plausible=(0.0, 10.0))
    assert tests.names == ["gross_range"]
    newest, before = tests.push(11.0, 0.0)
    assert (newest.flag, newest.final, before) == (Flag.FAIL, True, None)
    assert tests.push(math.nan, 1.0)[0].flag == Flag.MISSING
    assert tests.push(3.0, 2.0)[0].flag == Flag.GOOD


def test_a_spike_is_known_when_the_next_value_is_there() -> None:
    tests = SeriesQuality.from_rule(QualityRule.model_validate({"series": "x@y", "spike": {"suspect": 1.0, "fail": 3.0}}))
    flags = []
    for i, x in enumerate([1.0, 1.1, 9.0, 1.2]):
        newest, before = tests.push(x, float(i))
        assert newest.tests["spike"] == Flag.NOT_EVALUATED
        flags.append(before.tests["spike"] if before else None)
    assert flags == [None, Flag.NOT_EVALUATED, Flag.GOOD, Flag.FAIL]
