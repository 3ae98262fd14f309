"""Minute statistics: known means, flags that never hide, shares that tell what a mean rests on."""

from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.agent.acquisition import Source
from edge.agent.book import SeriesBook
from edge.agent.series import Series
from edge.agent.statistics import Arithmetic, Circular, Last, Total
from edge.instruments import Reading
from firmware_config.flags import Flag
from firmware_config.station import Bounds, FlatLineTest, QualityRule, RangeTest, StepTest
from tests.edge.agent.station import UTC_MS, example, sonic_reading, source_of, sources_of

MINUTE = 1000


def feed(series, values, *, every_ms=10_000.0, start_ms=0.0, **options):
    for i, value in enumerate(values):
        series.push(value, start_ms + i * every_ms, MINUTE, **options)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=50))
def test_arithmetic_is_the_textbook(values):
    found = Arithmetic()
    for value in values:
        found.add(value)
    result = found.result()
    assert result[""] == pytest.approx(statistics.fmean(values), rel=1e-9, abs=1e-6)
    assert result["sd"] == pytest.approx(statistics.stdev(values), rel=1e-6, abs=1e-4)
    assert (result["min"], result["max"]) == (min(values), max(values))


@settings(max_examples=50, deadline=None)
@given(st.floats(0, 360), st.lists(st.floats(-80, 80), min_size=1, max_size=20))
def test_directions_turn_with_the_compass(turn, spread):
    """The mean of directions turned by an angle is the mean turned by it; and symmetric spread does not move it."""
    symmetric = [d for x in spread for d in (x, -x)]
    found = Circular()
    for d in symmetric:
        found.add((turn + d) % 360)
    assert math.cos(math.radians(found.result()[""] - turn)) == pytest.approx(1.0, abs=1e-9)


def test_directions_either_side_of_north_average_to_north_and_opposite_ones_to_nothing():
    north, opposite = Circular(), Circular()
    for d in (350.0, 10.0):
        north.add(d)
    for d in (90.0, 270.0):
        opposite.add(d)
    assert north.result()[""] % 360 == pytest.approx(0.0, abs=1e-6) or north.result()[""] == pytest.approx(360.0)
    assert opposite.result() == {}


def test_the_circular_deviation_of_a_narrow_fan_is_the_plain_one():
    found = Circular()
    degrees = [178.0, 179.0, 180.0, 181.0, 182.0]
    for d in degrees:
        found.add(d)
    assert found.result()["sd"] == pytest.approx(statistics.pstdev(degrees), rel=1e-3)


def test_sums_add_and_last_is_last():
    total, last = Total(), Last()
    for value in (0.5, 0.25, 2.0):
        total.add(value)
        last.add(value)
    assert total.result() == {"": 2.75}
    assert last.result() == {"": 2.0}


def test_a_quiet_minute():
    series = Series("water_temperature@x", None, per_minute=6)
    feed(series, [20.0, 20.1, 20.2, 20.3, 20.4, 20.5])
    minute = series.take(MINUTE)
    assert minute.values == pytest.approx({"": 20.25, "sd": 0.1870829, "min": 20.0, "max": 20.5}, rel=1e-6)
    assert (minute.flag, minute.share, minute.tests) == (Flag.GOOD, 1.0, {})
    assert series.take(MINUTE) is None


def test_bad_values_are_marked_and_left_out_of_the_mean():
    rule = QualityRule(series="water_temperature@x", gross_range=RangeTest(fail=Bounds(min=0, max=40), suspect=Bounds(max=30)))
    series = Series("water_temperature@x", rule, per_minute=6)
    feed(series, [20.0, 99.0, 20.0, 35.0, 20.0, 20.0])
    minute = series.take(MINUTE)
    assert minute.values[""] == 20.0
    assert minute.tests == {"gross_range": Flag.FAIL}
    assert minute.share == pytest.approx(4 / 6)
    assert minute.flag == Flag.GOOD


def test_a_spike_is_known_only_with_its_successor_and_still_left_out():
    rule = QualityRule(series="water_temperature@x", spike=StepTest(suspect=1.0, fail=3.0))
    series = Series("water_temperature@x", rule, per_minute=6)
    feed(series, [20.0, 20.0, 20.0, 20.0, 20.0, 27.0])
    assert series.newest.value == 27.0
    assert series.waits(MINUTE)
    series.push(20.0, 60_000.0, MINUTE + 1)
    assert not series.waits(MINUTE)
    minute = series.take(MINUTE)
    assert minute.values["max"] == 20.0
    assert minute.tests == {"spike": Flag.FAIL}


@pytest.mark.parametrize(
    ("values", "flag"),
    [
        ([20.0, 20.0, 27.0, 20.0, 20.0, 20.0], Flag.GOOD),  # left out, and the rest is of one water
        ([20.0, 20.0, 27.0, 27.2, 20.0, 20.0], Flag.SUSPECT),
        ([20.0, 27.0, 27.2, 26.9, 20.0, 20.0], Flag.SUSPECT),
        ([20.0, 20.0, 20.0, 20.0, 27.0, 27.0], Flag.SUSPECT),
        ([27.0, 20.0, 20.0, 20.0, 20.0, 20.0], Flag.SUSPECT),  # the other half of a pair that began in the minute before
        ([20.0, 20.9, 21.8, 22.7, 23.6, 24.5], Flag.GOOD),  # far in a minute, but not at once
    ],
)
def test_spikes_that_hide_behind_each_other_make_the_minute_suspect(values: list[float], flag: Flag):
    series = Series("water_temperature@x", QualityRule(series="water_temperature@x", spike=StepTest(suspect=1.0, fail=3.0)), per_minute=6)
    series.push(values[0], -10_000.0, MINUTE - 1)
    feed(series, values)
    series.push(values[-1], 60_000.0, MINUTE + 1)
    series.push(values[-1], 70_000.0, MINUTE + 1)
    minute = series.take(MINUTE)
    assert minute.flag == flag
    assert ("spike" in minute.tests) == (flag != Flag.GOOD or 27.0 in values)


def test_after_a_gap_another_value_is_no_leap():
    series = Series("water_temperature@x", QualityRule(series="water_temperature@x", spike=StepTest(suspect=1.0, fail=3.0)), per_minute=6)
    series.push(15.0, -90_000.0, MINUTE - 2)
    series.push(15.0, -80_000.0, MINUTE - 2)
    feed(series, [20.0] * 6)
    series.push(20.0, 60_000.0, MINUTE + 1)
    assert series.take(MINUTE).flag == Flag.GOOD


def test_a_minute_that_cannot_wait_takes_the_last_value_untested_and_says_so():
    rule = QualityRule(series="water_temperature@x", spike=StepTest(suspect=1.0))
    series = Series("water_temperature@x", rule, per_minute=6)
    feed(series, [20.0] * 6)
    minute = series.take(MINUTE)
    assert minute.values[""] == 20.0
    assert minute.flag == Flag.NOT_EVALUATED
    series.push(20.0, 60_000.0, MINUTE + 1)  # its late verdict touches nothing
    assert series.take(MINUTE + 1).share == pytest.approx(1 / 5)


def test_a_stuck_sensor_is_flagged_from_the_run_on():
    rule = QualityRule(series="water_temperature@x", flat_line=FlatLineTest(suspect_count=3, fail_count=5, tolerance=0.0))
    series = Series("water_temperature@x", rule, per_minute=6)
    feed(series, [20.0] * 6)
    minute = series.take(MINUTE)
    assert minute.tests == {"flat_line": Flag.FAIL}
    assert minute.share == pytest.approx(2 / 6)
    assert minute.flag == Flag.SUSPECT  # rests on a third of its samples


def test_a_minute_without_usable_value_is_missing_with_its_reason():
    series = Series("water_temperature@x", None, per_minute=6)
    feed(series, [500.0] * 6)
    minute = series.take(MINUTE)
    assert (minute.values, minute.flag, minute.share) == ({"": None}, Flag.MISSING, 0.0)
    assert minute.tests == {"gross_range": Flag.FAIL}


def test_what_the_instrument_calls_invalid_is_shown_and_used_for_nothing():
    series = Series("pco2_water@x", None)
    series.push(400.0, 0.0, MINUTE)
    series.push_spoiled(900.0, 10_000.0, MINUTE)
    assert (series.newest.value, series.newest.flag, series.newest.usable) == (900.0, Flag.FAIL, 400.0)
    minute = series.take(MINUTE)
    assert minute.values[""] == 400.0
    assert minute.tests == {"instrument": Flag.FAIL}
    assert minute.share == 0.5


def test_the_first_reading_after_a_timeout_is_not_used():
    series = Series("dissolved_oxygen@x", None, per_minute=6)
    series.push(3.0, 0.0, MINUTE, doubt="after_timeout")
    assert series.newest.flag == Flag.SUSPECT
    feed(series, [8.0] * 5, start_ms=10_000.0)
    minute = series.take(MINUTE)
    assert minute.values[""] == 8.0
    assert minute.tests == {"after_timeout": Flag.SUSPECT}


def test_missing_polls_lower_the_share():
    series = Series("water_temperature@x", None, per_minute=60)
    feed(series, [20.0] * 20)
    minute = series.take(MINUTE)
    assert minute.share == pytest.approx(20 / 59)
    assert minute.flag == Flag.SUSPECT


def test_an_instrument_that_prints_is_measured_by_its_own_fullest_minute():
    series = Series("wind_speed@x", None)
    for minute, count in enumerate((30, 30, 30, 10)):
        for i in range(count):
            series.push(5.0, minute * 60_000.0 + i * 2_000.0, minute)
    shares = [series.take(minute).share for minute in range(4)]
    assert shares == pytest.approx([1.0, 1.0, 1.0, 10 / 29])


def test_a_high_rate_mean_outside_the_range_fails_and_stays_visible():
    series = Series("sonic_temperature@x", None, fast=True)
    for i in range(1200):
        series.push_fast(90.0, i * 50.0, MINUTE)
    minute = series.take(MINUTE)
    assert (minute.values[""], minute.flag) == (90.0, Flag.FAIL)


def test_one_impossible_value_of_a_high_rate_instrument_is_in_no_mean_and_is_told():
    """A line without checksum lost the point of one number: 13.49 arrived as 1349."""
    series = Series("gas_temperature@x", None, fast=True)
    for i in range(1200):
        series.push_fast(1349.0 if i == 600 else 13.49 + 0.01 * (i % 5), i * 50.0, MINUTE)
        assert i != 600 or (series.newest.flag, series.newest.usable) == (Flag.FAIL, pytest.approx(13.53))
    minute = series.take(MINUTE)
    assert minute.values["max"] == pytest.approx(13.53)
    assert minute.values[""] == pytest.approx(13.51, abs=0.001)
    assert (minute.flag, minute.tests) == (Flag.GOOD, {"gross_range": Flag.FAIL})
    assert minute.share == pytest.approx(1199 / 1200)


def test_impossible_values_on_both_sides_do_not_make_a_possible_mean():
    series = Series("gas_temperature@x", None, fast=True)
    for i in range(1200):
        series.push_fast(1000.0 if i % 2 else -990.0, i * 50.0, MINUTE)
    assert series.take(MINUTE).flag == Flag.FAIL


def test_a_high_rate_instrument_that_repeats_itself_has_no_good_mean():
    """A stuck sonic says so by nothing but its digits; a signal strength may well stand still."""
    stuck, steady = Series("sonic_temperature@x", None, fast=True), Series("signal_strength@x", None, fast=True)
    for i in range(3600):
        stuck.push_fast(15.0 + (i % 7 if i < 1200 else 0), i * 50.0, MINUTE + i // 1200)
        steady.push_fast(93.0, i * 50.0, MINUTE + i // 1200)
    minutes = [stuck.take(MINUTE + i) for i in range(3)]
    assert [minute.flag for minute in minutes] == [Flag.GOOD, Flag.FAIL, Flag.MISSING]
    assert minutes[2].tests == {"flat_line": Flag.FAIL}
    assert stuck.newest.flag == Flag.FAIL
    assert [steady.take(MINUTE + i).flag for i in range(3)] == [Flag.GOOD] * 3


def test_means_over_a_period_use_its_usable_minutes():
    series = Series("water_temperature@x", None, per_minute=1)
    for minute, value in enumerate((10.0, 12.0, 900.0, 14.0)):
        series.push(value, minute * 60_000.0, minute)
        series.take(minute)
    assert series.mean_over(0, 4) == (12.0, 3)
    assert series.mean_over(1, 2) == (12.0, 1)
    assert series.mean_over(2, 3) is None


# --- the book


def book_of(name="zhoushan-buoy", **directions):
    loaded = example(name)
    return SeriesBook(loaded.station, sources_of(loaded).values(), directions)


def test_the_first_instrument_of_a_place_owns_a_series():
    loaded = example()
    sonic, other = source_of(loaded, "sonic"), source_of(loaded, "sonic")
    twin = Source(other.instrument.model_copy(update={"id": "twin"}), other.driver, other.watch)
    book = SeriesBook(loaded.station, [sonic, twin], {})
    assert set(book.owners.values()) == {"sonic"}
    book.take(twin, sonic_reading(1.0), 0.0, UTC_MS)
    assert book.newest("wind_u@mast").value is None


def test_a_sonic_alone_gives_wind_with_its_compass():
    """A Gill's +u blows towards the north mark: wind along +u comes from the south, along +v (to the left of +u) from the east."""
    loaded = example()
    station = loaded.station.model_copy(update={"instruments": [loaded.station.instrument("sonic")]})
    sonic = source_of(loaded, "sonic")
    book = SeriesBook(station, [sonic], {"sonic": {"u_from_deg": 180.0}})
    for u, v, direction in ((5.0, 0.0, 180.0), (0.0, 5.0, 90.0), (-5.0, 0.0, 0.0), (0.0, -5.0, 270.0)):
        book.take(sonic, sonic_reading(u, v), 0.0, UTC_MS)
        assert book.newest("wind_from_direction@mast").value == pytest.approx(direction)
    book.take(sonic, sonic_reading(3.0, 4.0), 0.0, UTC_MS)
    minute = book.close(UTC_MS // 60_000)
    assert minute.values["wind_speed@mast"] == 5.0
    assert minute.values["wind_u:min@mast"] == -5.0


def test_a_left_handed_sonic_is_turned_round_and_one_of_unknown_axes_gives_speed_alone():
    loaded = example()
    station = loaded.station.model_copy(update={"instruments": [loaded.station.instrument("sonic")]})
    sonic = source_of(loaded, "sonic")
    left, unknown = (SeriesBook(station, [sonic], {"sonic": {"v_sign": -1.0, **more}}) for more in ({"u_from_deg": 180.0}, {}))
    for book in (left, unknown):
        book.take(sonic, sonic_reading(0.0, 5.0), 0.0, UTC_MS)
        assert book.newest("wind_speed@mast").value == 5.0
    assert left.newest("wind_from_direction@mast").value == pytest.approx(270.0)
    assert unknown.newest("wind_from_direction@mast") is None
    assert "wind_from_direction@mast" not in unknown.close(UTC_MS // 60_000).values


def test_a_minute_without_a_polled_instrument_says_missing():
    book = book_of()
    minute = book.close(UTC_MS // 60_000)
    assert minute.values["dissolved_oxygen@surface"] is None
    assert minute.flags["dissolved_oxygen@surface"] == Flag.MISSING
    assert "latitude@mast" not in minute.values  # prints at its own pace, never heard so far


def test_every_value_of_a_minute_has_a_flag():
    book = book_of()
    weather = source_of(example(), "weather")
    quantities = {"air_temperature": 14.0, "rainfall": 0.2, "wind_from_direction": 350.0}
    for i in range(3):
        book.take(weather, Reading(0.0, {"x": 1}, True, quantities=quantities), i * 10_000.0, UTC_MS + i * 10_000.0)
    minute = book.close(UTC_MS // 60_000)
    assert minute.values.keys() == minute.flags.keys()
    assert minute.values["rainfall@deck"] == pytest.approx(0.6)
    assert minute.values["air_temperature:sd@deck"] == 0.0
    assert minute.start_ms == UTC_MS


def test_a_minute_waits_for_the_spike_test_but_not_for_ever():
    book = book_of()
    oxygen = source_of(example(), "oxygen")
    for i in range(6):
        book.take(oxygen, Reading(0.0, {"x": 1}, True, quantities={"dissolved_oxygen": 8.0}), i * 1e4, UTC_MS + i * 1e4)
    assert book.due(UTC_MS + 62_000, 1_000) == []
    assert book.due(UTC_MS + 75_000, 1_000) == [UTC_MS // 60_000]
    book.take(oxygen, Reading(0.0, {"x": 1}, True, quantities={"dissolved_oxygen": 8.0}), 6e4, UTC_MS + 6e4)
    assert book.due(UTC_MS + 62_000, 1_000) == [UTC_MS // 60_000]
