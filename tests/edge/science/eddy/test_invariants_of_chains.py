"""What must not matter, in both chains, to fluxes, their random errors, spectral factors, classes and footprint; and what must, by how much."""

from __future__ import annotations

import math
from functools import cache, partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.science.eddy.chain import flux_chain, run
from edge.science.eddy.setup import Methods, Setup
from edge.science.eddy.spectral.instruments import SONICS, Tube, placed
from edge.science.eddy.window import Window
from tests.edge.science.eddy.test_truth import WINDOWS
from tests.edge.science.eddy.turbulence import RATE_HZ, World, make_world

N = 12_000
LAG = 6
U_FROM_DEG = 180.0
FLUXES = ("momentum_flux", "friction_velocity", "sensible_heat_flux", "latent_heat_flux", "h2o_flux", "co2_flux")
ERRORS = tuple(f"random_error_{flux}" for flux in FLUXES if flux != "friction_velocity")
FACTORS = tuple(f"spectral_factor_{name}" for name in ("momentum", "heat", "h2o", "co2"))
CLASSES = tuple(f"class_{flux}" for flux in FLUXES if flux != "friction_velocity")
FOOTPRINT = ("footprint_peak_m", "footprint_offset_m", "footprint_50_m", "footprint_90_m")
STABILITY = ("obukhov_length", "stability")
ALL = (*FLUXES, *ERRORS, *FACTORS, *FOOTPRINT, *STABILITY)
MODES = pytest.mark.parametrize("mode", ["correct", "compatible"])
few = settings(max_examples=4, deadline=None)


@cache
def air() -> World:
    return make_world(seed=11, n=N)


def closed_path() -> dict[str, np.ndarray]:
    return air().open_path() | {"co2": np.roll(air().r_co2, LAG), "h2o": np.roll(air().r_h2o, LAG)}


def found(series: dict[str, np.ndarray], mode: str, *, from_deg: float = U_FROM_DEG, spikes: str = "none") -> Window:
    """Without despiking: a spike of one component is none of another, so screening knows the axes and the shift."""
    setup = Setup(
        closed_path=True,
        pressure_pa=air().pressure,
        height_m=5.0,
        latitude_deg=30.0,
        averaging_s=N / RATE_HZ,
        lag_windows=WINDOWS,
        u_from_deg=from_deg,
        roughness_length_m=0.05,
        sonic=SONICS["csat3"],
        analysers=dict.fromkeys(
            ("co2", "h2o"), placed("li7200", separation_m=0.2, separation_azimuth_deg=90.0, tube=Tube(0.7, 0.0053, 12.0))
        ),
    )
    methods = Methods(mode=mode, spikes=spikes)  # type: ignore[arg-type]
    return run(Window(RATE_HZ, N, series, "dry_mole_fraction"), flux_chain(setup, methods))


@cache
def plain(mode: str) -> Window:
    return found(closed_path(), mode)


def assert_same(one: Window, other: Window, names: tuple[str, ...], rel: float = 1e-6) -> None:
    for name in names:
        assert math.isfinite(one.value(name)), name
        assert other.value(name) == pytest.approx(one.value(name), rel=rel), name


@MODES
def test_everything_these_tests_speak_of_is_there(mode: str) -> None:
    for name in (*ALL, *CLASSES):
        assert math.isfinite(plain(mode).value(name)), name


@MODES
@given(angle=st.floats(-360, 360))
@few
def test_turning_the_sonic_with_its_north_changes_the_yaw_alone(mode: str, angle: float) -> None:
    """The sonic is turned left about the vertical: its axes see the wind turned right, and +u comes from so much further left."""
    series, a = closed_path(), math.radians(angle)
    u, v = series["wind_u"], series["wind_v"]
    turned = series | {"wind_u": u * math.cos(a) + v * math.sin(a), "wind_v": v * math.cos(a) - u * math.sin(a)}
    after = found(turned, mode, from_deg=U_FROM_DEG - angle)
    assert_same(plain(mode), after, (*ALL, "wind_speed_ms"))
    assert (after.value("wind_from_direction_deg") - plain(mode).value("wind_from_direction_deg") + 180.0) % 360.0 == pytest.approx(180.0)
    assert_same(plain(mode), after, tuple(name for name in CLASSES if raw_axes_say_nothing(plain(mode), after, name)))


def raw_axes_say_nothing(one: Window, other: Window, name: str) -> bool:
    """Tests of screening look at the axes as they were recorded; where they speak, the class may differ."""
    return one.reasons.get(name) == other.reasons.get(name)


@MODES
@given(offset=st.floats(-30e-6, 100e-6))
@few
def test_an_offset_of_co2_moves_its_mean_and_nothing_else(mode: str, offset: float) -> None:
    series = closed_path()
    after = found(series | {"co2": series["co2"] + offset}, mode)
    assert_same(plain(mode), after, (*ALL, *CLASSES))
    assert after.value("mean_co2") - plain(mode).value("mean_co2") == pytest.approx(offset, abs=1e-12)


@MODES
@given(offset=st.floats(-0.04, 0.04))
@few
def test_an_offset_of_the_vertical_wind_is_taken_for_a_tilt(mode: str, offset: float) -> None:
    """No more than the rotation by that angle can change: a few percent of momentum, less of scalars."""
    series = closed_path()
    after = found(series | {"wind_w": series["wind_w"] + offset}, mode)
    assert after.value("pitch_deg") - plain(mode).value("pitch_deg") == pytest.approx(math.degrees(offset / 6.0), rel=0.05, abs=1e-3)
    assert_same(plain(mode), after, ("latent_heat_flux", "co2_flux", "sensible_heat_flux"), rel=0.05)


@MODES
@given(scale=st.floats(0.8, 1.5))
@few
def test_scaling_co2_scales_its_flux_and_its_error_and_no_other(mode: str, scale: float) -> None:
    series = closed_path()
    after = found(series | {"co2": series["co2"] * scale}, mode)
    mine = ("co2_flux", "random_error_co2_flux")
    for name in mine:
        assert after.value(name) == pytest.approx(scale * plain(mode).value(name), rel=1e-6), name
    others = tuple(name for name in (*ALL, *CLASSES) if name not in mine and name != "class_co2_flux")
    for name in others:
        assert after.value(name) == plain(mode).value(name), name


@MODES
@given(shift=st.integers(-10, 10))
@few
def test_a_later_gas_is_a_longer_lag_and_the_same_flux(mode: str, shift: int) -> None:
    """Over the samples that both windows share; a few samples at the ends are others."""
    series = closed_path()
    after = found(series | {gas: np.roll(series[gas], shift) for gas in ("co2", "h2o")}, mode)
    for gas in ("co2", "h2o"):
        assert after.value(f"lag_{gas}_s") - plain(mode).value(f"lag_{gas}_s") == pytest.approx(shift / RATE_HZ)
    assert_same(plain(mode), after, ("momentum_flux", "random_error_momentum_flux", "spectral_factor_momentum"), rel=1e-6)
    assert_same(plain(mode), after, ("co2_flux", "latent_heat_flux", "sensible_heat_flux", "spectral_factor_co2"), rel=5e-3)
    assert_same(plain(mode), after, ("random_error_co2_flux", "random_error_latent_heat_flux", *FOOTPRINT), rel=0.02)
    assert_same(plain(mode), after, CLASSES)


@MODES
@given(shift=st.integers(-2000, 2000))
@few
def test_the_same_air_from_another_moment_on_is_the_same_flux(mode: str, shift: int) -> None:
    """All channels rolled together: covariances are the same sums in another order, but for what the ends of the lag cost."""
    after = found({name: np.roll(x, shift) for name, x in closed_path().items()}, mode)
    assert_same(plain(mode), after, (*FLUXES, *FACTORS, *FOOTPRINT), rel=5e-3)
    assert_same(plain(mode), after, ERRORS, rel=0.15)


@MODES
@given(seed=st.integers(0, 2**31), share=st.floats(0.005, 0.08))
@few
def test_lost_samples_are_counted_and_raise_no_class(mode: str, seed: int, share: float) -> None:
    lost = np.random.default_rng(seed).random(N) < share
    after = found({name: np.where(lost, np.nan, x) for name, x in closed_path().items()}, mode)
    assert after.value("share_wind_w") == pytest.approx(1.0 - lost.mean(), abs=1e-12)
    assert_same(plain(mode), after, FLUXES, rel=0.04)
    assert_same(plain(mode), after, FACTORS, rel=2e-3)
    assert_same(plain(mode), after, FOOTPRINT, rel=0.02)
    assert_same(plain(mode), after, ERRORS, rel=0.2)
    for name in CLASSES:
        assert after.value(name) >= plain(mode).value(name)


@MODES
def test_the_same_window_twice_gives_the_same_bits(mode: str) -> None:
    again = found(closed_path(), mode, spikes="vickers_mahrt")
    once = found(closed_path(), mode, spikes="vickers_mahrt")
    assert again.values.keys() == once.values.keys()
    same = partial(np.array_equal, equal_nan=True)
    assert all(same(again.values[name], once.values[name]) for name in once.values)
