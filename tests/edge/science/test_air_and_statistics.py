"""Moist air, gravity and circular statistics."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.science import air, statistics


@pytest.mark.parametrize(("t", "pa"), [(0.0, 611.21), (10.0, 1228.2), (20.0, 2339.2), (30.0, 4247.0), (40.0, 7384.9)])
def test_saturation_over_water_is_that_of_the_steam_tables(t: float, pa: float) -> None:
    """IAPWS-95, as printed in steam tables."""
    assert float(air.saturation_vapour_pressure_pa(273.15 + t)) == pytest.approx(pa, rel=5e-4)


@pytest.mark.parametrize(("latitude", "g"), [(0.0, 9.7803253359), (90.0, 9.8321849378)])
def test_normal_gravity_of_wgs84(latitude: float, g: float) -> None:
    assert float(air.normal_gravity(latitude)) == pytest.approx(g, abs=1e-9)


def test_density_of_moist_air_of_the_metrologists() -> None:
    """CIPM-2007 at 20 degC, 1013.25 hPa, 50 % and no humidity: 1.1992 and 1.2045 kg m-3 (Picard et al. 2008; ideal gas is 0.04 % lower)."""
    dry = air.moist_air(293.15, 101325.0, 0.0)
    damp = air.moist_air(293.15, 101325.0, 0.5 * 2339.2)
    assert dry.density_kg_m3 == pytest.approx(1.2045, rel=6e-4)
    assert damp.density_kg_m3 == pytest.approx(1.1992, rel=6e-4)
    assert damp.relative_humidity_percent == pytest.approx(50.0, abs=0.05)
    assert dry.heat_capacity == pytest.approx(1005.6, abs=0.5)


@given(t=st.floats(250, 315), p=st.floats(60_000, 105_000), r=st.floats(0, 0.04))
def test_air_from_sonic_finds_the_air_the_sonic_saw(t: float, p: float, r: float) -> None:
    e = p * r / (1 + r)
    sonic = t * (1 + 0.51 * air.specific_humidity(e, p))
    by_fraction = air.air_from_sonic(sonic, p, h2o_dry_mole_fraction=r)
    by_density = air.air_from_sonic(sonic, p, h2o_mol_m3=e / (8.314462618 * t))
    for found in (by_fraction, by_density):
        assert found.temperature_k == pytest.approx(t, rel=1e-9)
        assert found.vapour_pressure_pa == pytest.approx(e, rel=1e-9, abs=1e-9)


def test_missing_humidity_makes_only_what_needs_it_missing() -> None:
    found = air.moist_air(290.0, 1e5, math.nan)
    assert math.isnan(found.density_kg_m3)
    assert found.latent_heat == pytest.approx(2.4602e6)


@given(st.lists(st.floats(0, 359.99), min_size=1, max_size=20), st.floats(-720, 720))
def test_turning_the_compass_turns_the_mean(angles: list[float], turn: float) -> None:
    before = statistics.circular_mean_deg(angles)
    after = statistics.circular_mean_deg([a + turn for a in angles])
    resultant = np.hypot(np.sin(np.radians(angles)).mean(), np.cos(np.radians(angles)).mean())
    if resultant > 1e-3:
        assert (after - before - turn + 180) % 360 - 180 == pytest.approx(0, abs=1e-6)


def test_north_is_not_south() -> None:
    assert statistics.circular_mean_deg([350, 10]) == pytest.approx(0, abs=1e-9) or statistics.circular_mean_deg(
        [350, 10]
    ) == pytest.approx(360, abs=1e-9)
    assert math.isnan(statistics.circular_mean_deg([0, 180]))
    assert math.isnan(statistics.circular_mean_deg([]))
    assert statistics.circular_mean_deg([math.nan, 90.0]) == pytest.approx(90.0)


@pytest.mark.parametrize(("u", "v", "origin"), [(1, 0, 90), (-1, 0, 270), (0, 1, 0), (0, -1, 180)])
def test_wind_direction_of_a_sonic_that_points_east(u: float, v: float, origin: float) -> None:
    """A wind along +u blows west; +v, to the left of it, blows south and so comes from the north."""
    assert float(statistics.wind_from_direction_deg(u, v, 90.0)) == pytest.approx(origin)
