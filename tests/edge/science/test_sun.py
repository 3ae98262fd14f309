"""The sun where almanacs and geometry have it."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.science import sun


def elevation(at: datetime, latitude: float, longitude: float) -> float:
    return sun.elevation_deg(at.timestamp(), latitude, longitude)


def test_the_example_of_the_solar_position_algorithm() -> None:
    """Reda & Andreas 2004, Solar Energy 76, appendix: 39.872 degrees without refraction."""
    assert elevation(datetime(2003, 10, 17, 19, 30, 30, tzinfo=UTC), 39.742476, -105.1786) == pytest.approx(39.872, abs=0.3)


@pytest.mark.parametrize(("month", "latitude", "highest"), [(6, 28.0, 85.44), (6, 70.0, 43.44), (12, 28.0, 38.56), (12, -30.0, 83.44)])
def test_noon_at_the_solstices(month: int, latitude: float, highest: float) -> None:
    """90 degrees less latitude less the obliquity, 23.44."""
    day = datetime(2026, month, 21, tzinfo=UTC)
    found = max(elevation(day + timedelta(minutes=i), latitude, 121.0) for i in range(0, 1440, 2))
    assert found == pytest.approx(highest, abs=0.1)


@pytest.mark.parametrize("year", [2024, 2025, 2026, 2027])
def test_at_the_equinox_day_and_night_are_equal_everywhere(year: int) -> None:
    for latitude in (-50.0, 0.0, 28.0, 60.0):
        day = datetime(year, 3, 20, tzinfo=UTC)
        up = sum(elevation(day + timedelta(minutes=i), latitude, 121.0) > 0.0 for i in range(1440))
        assert up == pytest.approx(720, abs=8)


def test_noon_is_when_the_equation_of_time_says() -> None:
    """Early in November the sun is 16.4 minutes early, in mid-February 14.2 minutes late."""
    for month, day, early in ((11, 3, 16.4), (2, 11, -14.2)):
        start = datetime(2026, month, day, tzinfo=UTC)
        at = max(range(1440), key=lambda minute, start=start: elevation(start + timedelta(minutes=minute), 28.0, 0.0))  # type: ignore[misc]
        assert 720 - at == pytest.approx(early, abs=1.1)


@given(st.floats(0, 4e9), st.floats(-90, 90), st.floats(-180, 180))
def test_any_time_and_place_has_an_elevation(t_s: float, latitude: float, longitude: float) -> None:
    assert -90.0 <= sun.elevation_deg(t_s, latitude, longitude) <= 90.0


def test_an_unknown_place_has_none() -> None:
    assert math.isnan(sun.elevation_deg(0.0, math.nan, 121.0))
