"""Six-minute water levels and levels from pressure."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.science import tide
from edge.science.air import normal_gravity
from tests.edge.science.tables import table


@pytest.mark.needs("refdata")
def test_windows_of_the_check_table() -> None:
    samples, want = table("tide/nos_6min_windows.csv"), table("tide/nos_6min_expected.csv")
    for i, number in enumerate(want["window"]):
        found = tide.six_minute_level(samples["level_m"][samples["window"] == number])
        assert found.outliers == want["outliers"][i]
        assert found.mean == pytest.approx(want["mean_m"][i], abs=1e-6)
        assert found.sd == pytest.approx(want["sd_m"][i], abs=1e-6)
        assert found.share == pytest.approx((181 - found.outliers) / 181)


def test_waves_average_out_and_a_ships_wake_is_an_outlier() -> None:
    t = np.arange(-90, 91)
    level = 1.25 + 0.15 * np.sin(2 * np.pi * t / 7.3)
    level[60:63] += 2.0
    found = tide.six_minute_level(level)
    assert found.outliers == 3
    assert found.mean == pytest.approx(1.25, abs=0.005)


def test_nothing_gives_nothing() -> None:
    for samples in ([], [math.nan] * 181):
        found = tide.six_minute_level(samples)
        assert math.isnan(found.mean)
        assert (found.used, found.share) == (0, 0.0)
    one = tide.six_minute_level([2.0])
    assert (one.mean, one.used) == (2.0, 1)
    assert math.isnan(one.sd)
    assert tide.six_minute_level([3.0] * 181).sd == 0.0


@given(st.lists(st.floats(-20, 20) | st.just(math.nan), max_size=181), st.floats(-50, 50))
@settings(max_examples=60)
def test_raising_the_zero_raises_the_level_alone(samples: list[float], offset: float) -> None:
    a, b = tide.six_minute_level(samples), tide.six_minute_level([s + offset for s in samples])
    if a.used:
        assert abs(a.used - b.used) <= 2  # a sample on the three-sigma line itself may fall either way
        if a.used == b.used:
            assert b.mean - a.mean == pytest.approx(offset, abs=1e-9)
    assert a.used + a.outliers == sum(not math.isnan(s) for s in samples)


def test_ten_metres_of_sea_water_weigh_about_one_bar() -> None:
    g = float(normal_gravity(30.0))
    assert float(tide.water_column_m(1.0, density_kg_m3=1025.0, gravity_ms2=g)) == pytest.approx(1e5 / 1025 / g)
    absolute = tide.water_column_m(1.0 + 1.01325, density_kg_m3=1025.0, gravity_ms2=g, air_pressure_hpa=1013.25)
    assert float(absolute) == pytest.approx(1e5 / 1025 / g)


def test_an_absolute_gauge_needs_the_barometer_of_the_same_time() -> None:
    """10 hPa of weather is 10 cm of water: left uncorrected it would be taken for tide."""
    low, high = (float(tide.water_column_m(1.5, density_kg_m3=1025.0, gravity_ms2=9.79, air_pressure_hpa=p)) for p in (1000.0, 1010.0))
    assert low - high == pytest.approx(0.0997, abs=2e-4)
    assert math.isnan(float(tide.water_column_m(1.5, density_kg_m3=1025.0, gravity_ms2=9.79, air_pressure_hpa=math.nan)))
