"""The single steps, each on a case whose answer is known beforehand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.science.eddy.lag import search as lag
from edge.science.eddy.lag.search import LagWindow
from edge.science.eddy.moments import stability
from edge.science.eddy.quality import classes, integral_turbulence, stationarity
from edge.science.eddy.rotation import angles as rotation
from edge.science.eddy.screening import limits, presence
from edge.science.eddy.screening import vickers_mahrt as despike
from edge.science.statistics import covariance

RNG = np.random.default_rng(11)
NOISE = RNG.normal(size=6000)


def slow_deviations(x: np.ndarray, window: int, step: int) -> np.ndarray:
    """Window by window, from scratch: what the running sums must give."""
    n = x.size
    starts = range(0, n - window + 1, step)
    z = np.full(n, np.nan)
    for i in range(n):
        k = min(max((i + 1 - (window - step) // 2) // step, 0), len(starts) - 1)
        part = x[starts[k] : starts[k] + window]
        z[i] = abs(x[i] - np.nanmean(part)) / np.nanstd(part, ddof=1)
    return z


@given(offset=st.floats(-1e5, 1e5), scale=st.floats(1e-3, 1e3), holes=st.booleans())
@settings(max_examples=10, deadline=None)
def test_running_sums_equal_windows_computed_from_scratch(offset: float, scale: float, holes: bool) -> None:
    x = NOISE[:1300] * scale + offset
    if holes:
        x = np.where(np.arange(x.size) % 17 == 0, np.nan, x)
    np.testing.assert_allclose(despike.deviations(x, 400), slow_deviations(x, 400, 100), rtol=1e-5, atol=1e-6)


def despiked(x: np.ndarray, window: int = 1000) -> despike.Despiked:
    return despike.vickers_mahrt({"x": x}, {"x": 3.5}, window=window)["x"]


@pytest.mark.parametrize("length", [1, 2, 3])
def test_short_runs_are_bridged_by_a_straight_line(length: int) -> None:
    x = np.sin(np.arange(6000) / 7.0)
    wild = x.copy()
    wild[3000 : 3000 + length] = 50.0
    found = despiked(wild)
    assert found.events == 1
    assert found.replaced == length
    line = np.linspace(x[2999], x[3000 + length], length + 2)[1:-1]
    np.testing.assert_allclose(found.x[3000 : 3000 + length], line)


def test_longer_runs_stay() -> None:
    x = np.sin(np.arange(6000) / 7.0)
    x[3000:3004] = 9.0
    found = despiked(x)
    assert found.events == 0
    assert found.x is x


def test_a_gap_inside_a_run_counts_into_its_length() -> None:
    x = np.sin(np.arange(6000) / 7.0)
    x[3000], x[3001:3004], x[3004] = 30.0, np.nan, 30.0
    assert despiked(x).events == 0
    x[3001:3004] = 0.0
    assert despiked(x).events == 2


def test_missing_samples_stay_missing_and_constants_have_no_spikes() -> None:
    x = NOISE.copy()
    x[100:120] = np.nan
    assert np.isnan(despiked(x).x[100:120]).all()
    assert despiked(np.full(6000, 0.1)).events == 0
    assert despiked(np.full(6000, np.nan)).events == 0
    assert despiked(np.array([1.0])).events == 0


def test_a_spike_at_the_very_end_takes_its_neighbour() -> None:
    x = np.sin(np.arange(6000) / 7.0)
    x[0], x[-1] = 40.0, -40.0
    found = despiked(x)
    assert found.events == 2
    assert (found.x[0], found.x[-1]) == (x[1], x[-2])


@given(angle=st.floats(0, 359), tilt=st.floats(-20, 20), speed=st.floats(0.3, 20))
@settings(max_examples=40, deadline=None)
def test_rotation_ends_in_the_mean_wind_and_keeps_lengths(angle: float, tilt: float, speed: float) -> None:
    a, t = math.radians(angle), math.radians(tilt)
    u = speed * math.cos(a) * math.cos(t) + 0.1 * NOISE[:2000]
    v = speed * math.sin(a) * math.cos(t) + 0.1 * NOISE[2000:4000]
    w = speed * math.sin(t) + 0.1 * NOISE[4000:6000]
    turned = rotation.double_rotation(u, v, w)
    assert abs(turned.v.mean()) < 1e-9
    assert abs(turned.w.mean()) < 1e-9
    assert turned.u.mean() == pytest.approx(math.sqrt(u.mean() ** 2 + v.mean() ** 2 + w.mean() ** 2))
    np.testing.assert_allclose(turned.u**2 + turned.v**2 + turned.w**2, u**2 + v**2 + w**2, rtol=1e-9, atol=1e-12)
    total = np.var(u) + np.var(v) + np.var(w)
    assert np.var(turned.u) + np.var(turned.v) + np.var(turned.w) == pytest.approx(total)


def test_covariance_is_numpys_with_divisor_n() -> None:
    a, b = NOISE[:3000], NOISE[3000:] + 0.5 * NOISE[:3000] + 1e6
    assert covariance(a, b) == pytest.approx(np.cov(a, b, bias=True)[0, 1], rel=1e-6)


@given(k=st.integers(-30, 30), holes=st.booleans())
@settings(max_examples=25, deadline=None)
def test_covariance_by_lag_is_the_covariance_of_the_shifted_series(k: int, holes: bool) -> None:
    a, b = NOISE[:1500], NOISE[1500:3000] + 3.0
    if holes:
        a, b = np.where(a > 2, np.nan, a), np.where(b > 4.5, np.nan, b)
    assert lag.covariance_by_lag(a, b, k, k)[0] == pytest.approx(covariance(a, lag.shifted(b, k)), rel=1e-9, abs=1e-12)


def test_lag_is_positive_when_the_gas_comes_late_and_the_default_is_taken_at_an_edge() -> None:
    late = np.roll(NOISE, 5)
    assert lag.maximise_covariance(NOISE, late, 10.0, LagWindow(-1.0, 1.0, 0.0)) == lag.Lag(5, is_default=False, found=5)
    assert lag.maximise_covariance(NOISE, -late, 10.0, LagWindow(-1.0, 1.0, 0.0)).samples == 5
    assert lag.maximise_covariance(NOISE, late, 10.0, LagWindow(0.0, 0.5, 0.2)) == lag.Lag(2, is_default=True, found=5)
    assert lag.maximise_covariance(NOISE, np.full_like(NOISE, np.nan), 10.0, LagWindow(-1.0, 1.0, 0.3)) == lag.Lag(
        3, is_default=True, found=3
    )
    assert lag.maximise_covariance(NOISE[:4], late[:4], 10.0, LagWindow(-1.0, 1.0, 0.0)).is_default


def test_limits_are_closed_and_leave_missing_alone() -> None:
    x, count = limits.outside_to_missing(np.array([-5.0, 5.0, 5.1, np.nan, np.inf]), -5.0, 5.0)
    assert count == 2
    np.testing.assert_array_equal(np.isfinite(x), [True, True, False, False, False])


def test_presence_names_the_reason() -> None:
    good = np.arange(10.0)
    assert presence.absence(good, 10) == ""
    assert presence.absence(good, 11) == ""
    assert "83 %" in presence.absence(good, 12)
    assert presence.absence(np.full(10, 2.5), 10) == "the channel is constant"
    assert presence.absence(np.full(10, 1e-3) + 1e-16 * np.arange(10), 10) == "the channel is constant"


def test_a_trend_is_not_stationary_and_steady_noise_is() -> None:
    w = NOISE
    steady = 0.8 * NOISE + 0.6 * np.roll(NOISE, 3000)
    assert stationarity.nonstationarity_percent(w, steady) < 10
    ramp = np.linspace(-1, 1, 6000)
    assert stationarity.nonstationarity_percent(w + 2 * ramp, ramp) > 90


def test_the_turbulence_models_meet_their_papers_at_the_joint() -> None:
    assert integral_turbulence.sigma_ratio("w", -0.2, 0.3, 30.0) != integral_turbulence.sigma_ratio("w", -0.2000001, 0.3, 30.0)
    assert math.isnan(integral_turbulence.sigma_ratio("w", 0.0, 0.3, 0.0))
    assert integral_turbulence.sigma_ratio("w", -0.5, 0.3, 0.0) == pytest.approx(1.3 * 2 ** (1 / 3))


@pytest.mark.parametrize(
    ("steady", "turbulence", "expected"),
    [(0, 0, 0), (30, 30, 0), (30.1, 0, 1), (0, 100, 1), (100.1, 0, 2), (math.nan, 0, 2), (0, math.nan, 1), (math.inf, 0, 2)],
)
def test_mauder_foken_limits(steady: float, turbulence: float, expected: int) -> None:
    assert classes.mauder_foken(steady, turbulence) == expected


def test_over_the_sea_evaporation_carries_buoyancy() -> None:
    """Without any heat flux, 100 W m-2 of evaporation makes 0.61 T w'q' of buoyancy and so an unstable length."""
    w_q = 100.0 / 2.45e6 / 1.2
    flux = stability.buoyancy_flux(0.0, w_q, 293.0, 0.01)
    assert flux == pytest.approx(0.61 * 293.0 * w_q)
    assert stability.obukhov_length(0.25, 294.8, flux) < 0
    assert math.isnan(stability.obukhov_length(0.25, 294.8, 0.0))
