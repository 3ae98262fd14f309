"""What may not matter to a flux, and what must: axes, offsets, scales, gaps, shifts."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.edge.science.eddy.test_truth import fluxes_of
from tests.edge.science.eddy.turbulence import RATE_HZ, make_world

FLUXES = ("co2_flux", "h2o_flux", "sensible_heat_flux", "latent_heat_flux", "momentum_flux", "friction_velocity", "obukhov_length")
few = settings(max_examples=15, deadline=None)


@cache
def air():
    return make_world(seed=5, n=12_000)


@cache
def plain() -> dict[str, float]:
    return dict(fluxes_of(air(), open_path(), "density", closed=False).values)


def open_path() -> dict[str, np.ndarray]:
    return air().open_path(4)


def unscreened(series: dict[str, np.ndarray]) -> dict[str, float]:
    """Without despiking: a spike of one component is none of another, so screening knows the axes (that is the method, not a fault)."""
    return dict(fluxes_of(air(), series, "density", closed=False, leave_out="spikes").values)


def dry() -> dict[str, np.ndarray]:
    return open_path() | {"co2": np.roll(air().r_co2, 4), "h2o": np.roll(air().r_h2o, 4)}


@given(angle=st.floats(-360, 360))
@few
def test_turning_the_sonic_about_the_mast_changes_the_yaw_alone(angle: float) -> None:
    series, before = open_path(), unscreened(open_path())
    a = math.radians(angle)
    u, v = series["wind_u"], series["wind_v"]
    turned = series | {"wind_u": u * math.cos(a) - v * math.sin(a), "wind_v": u * math.sin(a) + v * math.cos(a)}
    found = unscreened(turned)
    for name in FLUXES:
        assert found[name] == pytest.approx(before[name], rel=1e-9), name
    assert (found["yaw_deg"] - before["yaw_deg"] - angle + 180.0) % 360.0 == pytest.approx(180.0, abs=1e-6)


@given(angle=st.floats(-8, 8))
@few
def test_tilting_the_sonic_in_the_mean_wind_is_undone(angle: float) -> None:
    series, before = open_path(), unscreened(open_path())
    a = math.radians(angle)
    yaw = math.atan2(series["wind_v"].mean(), series["wind_u"].mean())
    along = series["wind_u"] * math.cos(yaw) + series["wind_v"] * math.sin(yaw)
    across = series["wind_v"] * math.cos(yaw) - series["wind_u"] * math.sin(yaw)
    w = series["wind_w"]
    tilted = series | {"wind_u": along * math.cos(a) - w * math.sin(a), "wind_v": across, "wind_w": along * math.sin(a) + w * math.cos(a)}
    found = unscreened(tilted)
    assert found["pitch_deg"] - before["pitch_deg"] == pytest.approx(angle, abs=1e-6)
    for name in FLUXES:
        assert found[name] == pytest.approx(before[name], rel=1e-9), name


@given(offset=st.floats(-50e-6, 200e-6))
@few
def test_an_offset_of_a_dry_mole_fraction_changes_no_flux(offset: float) -> None:
    series = dry()
    before = fluxes_of(air(), series, "dry_mole_fraction", closed=True).values
    after = fluxes_of(air(), series | {"co2": series["co2"] + offset}, "dry_mole_fraction", closed=True).values
    assert after["co2_flux"] == pytest.approx(before["co2_flux"], rel=1e-6)


@given(scale=st.floats(0.5, 2.0))
@few
def test_scaling_a_gas_scales_its_flux_and_no_other(scale: float) -> None:
    series = open_path()
    found = fluxes_of(air(), series | {"co2": series["co2"] * scale}, "density", closed=False).values
    assert found["co2_flux"] == pytest.approx(scale * plain()["co2_flux"], rel=1e-6)
    for name in FLUXES[1:]:
        assert found[name] == plain()[name], name


@given(seed=st.integers(0, 2**31), share=st.floats(0.0, 0.08))
@few
def test_lost_samples_cost_little_and_are_counted(seed: int, share: float) -> None:
    series = open_path()
    lost = np.random.default_rng(seed).random(12_000) < share
    thinned = {name: np.where(lost, np.nan, x) for name, x in series.items()}
    found = fluxes_of(air(), thinned, "density", closed=False).values
    assert found["share_wind_w"] == pytest.approx(1.0 - lost.mean(), abs=1e-12)
    for name in FLUXES:
        assert found[name] == pytest.approx(plain()[name], rel=0.03), name


@given(shift=st.integers(-15, 15))
@few
def test_a_shift_of_the_gas_moves_the_lag_by_as_much(shift: int) -> None:
    series = open_path()
    moved = series | {gas: np.roll(series[gas], shift) for gas in ("co2", "h2o")}
    found = fluxes_of(air(), moved, "density", closed=False).values
    assert found["lag_co2_s"] - plain()["lag_co2_s"] == pytest.approx(shift / RATE_HZ)
    assert found["co2_flux"] == pytest.approx(plain()["co2_flux"], rel=0.01)


@pytest.mark.parametrize("shift", [-60, 60])
def test_a_lag_beyond_the_window_is_not_taken(shift: int) -> None:
    """The covariance then rises towards the edge of the window: there is no maximum inside, and the default is used and said."""
    series = dry()
    found = fluxes_of(air(), series | {"co2": np.roll(air().r_co2, shift)}, "dry_mole_fraction", closed=True).values
    assert (found["lag_co2_s"], found["lag_co2_is_default"]) == (0.0, 1.0)


def test_the_same_air_twice_is_the_same_flux() -> None:
    series = {name: np.tile(x, 2) for name, x in open_path().items()}
    found = fluxes_of(air(), series, "density", closed=False).values
    assert found["co2_flux"] == pytest.approx(plain()["co2_flux"], rel=1e-3)
