"""Each test of the screening on data made to fail it, on sound turbulence, and on data that cannot be judged."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.science.eddy.screening import (
    amplitude,
    attack_angle,
    diagnostics,
    differences,
    digits,
    discontinuities,
    lag_test,
    limits,
    mauder,
    moments,
    steadiness,
    vickers_mahrt,
)
from edge.science.eddy.window import Window

RNG = np.random.default_rng(5)
N, RATE = 12000, 10.0


def turbulence(n: int = N, memory: float = 0.9) -> np.ndarray:
    """Red noise of unit variance: it wanders as turbulence does."""
    noise = RNG.normal(size=n) * math.sqrt(1 - memory**2)
    x = np.empty(n)
    x[0] = RNG.normal()
    for i in range(1, n):
        x[i] = memory * x[i - 1] + noise[i]
    return x


SOUND = turbulence()


def sound() -> Window:
    series = {
        "wind_u": 4 + SOUND,
        "wind_v": np.roll(SOUND, 3000),
        "wind_w": 0.3 * np.roll(SOUND, 6000),
        "sonic_temperature": 290 + 0.3 * SOUND,
    }
    return Window(RATE, N, series | {"co2": 400e-6 + 1e-6 * SOUND, "h2o": 0.012 + 1e-4 * SOUND}, "dry_mole_fraction")


STEPS: dict[str, Callable[[Window], Window]] = {
    "limits": partial(limits.step, pressure_pa=1e5),
    "vickers_mahrt": partial(vickers_mahrt.step, window_s=300.0),
    "mauder": mauder.step,
    "amplitude": partial(amplitude.step, averaging_s=1200.0),
    "discontinuities": partial(discontinuities.step, pressure_pa=1e5),
    "moments": moments.step,
    "steadiness": steadiness.step,
    "attack_angle": attack_angle.step,
    "lag_test": partial(lag_test.step, default_lag_s={"co2": 0.0}),
    "differences": differences.step,
    "diagnostics": partial(diagnostics.step, sonic_word="csat3", gas_word="li7500"),
}


@pytest.mark.parametrize("name", STEPS)
def test_sound_turbulence_raises_no_hard_flag(name: str) -> None:
    found = STEPS[name](sound().found({"lag_co2_s": 0.0}))
    assert {k: v for k, v in found.values.items() if k.startswith("hard_flag") and v != 0.0} == {}


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("fill", [np.nan, 0.0, 7.0, np.inf, 1e300])
@pytest.mark.parametrize("n", [0, 1, 2, 50, 5000])
def test_nothing_raises_on_bad_data(name: str, fill: float, n: int) -> None:
    columns = ("wind_u", "wind_v", "wind_w", "sonic_temperature", "co2", "h2o", "sonic_diagnostic", "gas_diagnostic")
    window = Window(RATE, max(1, n), {c: np.full(n, fill) for c in columns}, "density").found({"lag_co2_s": 0.1})
    with np.errstate(all="ignore"):
        found = STEPS[name](window)
    assert all(x.size == n for x in found.series.values())
    assert not any(math.isnan(v) for k, v in found.values.items() if "flag" in k)


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("size", [1e-320, 1e-160, 1e160, 1e300])
def test_numbers_at_the_ends_of_their_range_raise_nothing(name: str, size: float) -> None:
    window = sound().found({"lag_co2_s": 0.0})
    wild = np.where(np.arange(N) % 7 == 0, size, -size)
    with np.errstate(all="ignore"):
        STEPS[name](window.with_series(dict.fromkeys(window.series, wild)))
        STEPS[name](window.with_series({key: np.where(np.arange(N) == 50, size, x) for key, x in window.series.items()}))


@given(st.integers(0, 39), st.booleans())
@settings(max_examples=20, deadline=None)
def test_a_spike_is_found_by_both_methods_and_its_neighbours_stay(at: int, hole: bool) -> None:
    x = SOUND[:6000].copy()
    where = 150 * at + 3
    x[where] = 60.0
    if hole:
        x[where + 1] = np.nan
    moving = vickers_mahrt.vickers_mahrt({"x": x}, {"x": 6.0}, window=3000)["x"]
    for found in (moving, mauder.mauder(x)):
        assert (found.events, found.replaced) == (1, 1)
        changed = np.flatnonzero(~((found.x == x) | (np.isnan(found.x) & np.isnan(x))))
        assert changed.tolist() == [where]
        assert abs(found.x[where]) < 5


def test_a_series_full_of_spikes_is_flagged_and_counted() -> None:
    x = SOUND[:3000].copy()
    x[::60] += 40.0
    window = Window(RATE, 3000, {"co2": x})
    found = vickers_mahrt.step(window, window_s=300.0, thresholds={"co2": 3.5})
    assert found.value("spikes_co2") >= 50
    assert found.value("spike_samples_co2") >= found.value("spikes_co2")
    assert found.value("hard_flag_spikes_co2") == 1.0
    assert vickers_mahrt.step(window, window_s=300.0, thresholds={"co2": 3.5}, hard_share=0.5).value("hard_flag_spikes_co2") == 0.0


def slow_amplitude(x: np.ndarray, window: int) -> tuple[float, int]:
    """Window by window with numpy's own histogram, and the longest run counted by hand."""
    empty, longest = 0.0, 0
    for start in range(0, x.size - window + 1, window // 2):
        part = x[start : start + window]
        reach = 3.5 * part.std(ddof=1)
        low, high = (part.min(), part.max()) if np.ptp(part) <= 2 * reach else (part.mean() - reach, part.mean() + reach)
        counts, edges = np.histogram(part, bins=100, range=(low, high))
        empty = max(empty, 100.0 * np.mean(counts == 0))
        inside = np.where(
            (part >= low) & (part <= high), np.clip(np.searchsorted(edges, part, side="right"), 1, 100), -np.arange(part.size)
        )
        run = 1
        for a, b in pairwise(inside):
            run = run + 1 if a == b else 1
            longest = max(longest, run)
    return empty, longest


@pytest.mark.parametrize("stuck", [0, 40, 200])
def test_histograms_and_runs_equal_those_made_window_by_window(stuck: int) -> None:
    x = SOUND[:6000].copy()
    x[2000 : 2000 + stuck] = x[2000]
    found = amplitude.amplitude(x, 1200)
    empty, longest = slow_amplitude(x, 1200)
    assert found.empty_percent == pytest.approx(empty, abs=1.01)
    if stuck:
        assert max(found.central_run_percent, found.extreme_run_percent) == pytest.approx(100 * longest / 1200, abs=0.1)


@pytest.mark.parametrize(("level", "seconds", "want"), [(0.0, 11.0, False), (0.0, 13.0, True), (2.0, 8.0, True), (2.0, 6.0, False)])
def test_a_signal_that_sticks_is_a_dropout_sooner_at_its_extremes(level: float, seconds: float, want: bool) -> None:
    """Two-minute windows: more than 10 % (12 s) near the middle, more than 6 % (7.2 s) among the outer tenths."""
    x = SOUND.copy()
    x[5000 : 5000 + round(seconds * RATE)] = level
    window = Window(RATE, N, {"co2": x})
    found = amplitude.step(window, averaging_s=1800.0)
    assert found.value("hard_flag_dropout_co2") == float(want)
    assert amplitude.step(window, averaging_s=1800.0, whole_division=True).value("hard_flag_dropout_co2") == 0.0


def test_coarse_digits_are_seen() -> None:
    window = Window(RATE, N, {"co2": np.round(SOUND * 3) / 3})
    found = amplitude.step(window, averaging_s=1800.0)
    assert found.value("amplitude_resolution_co2") > 75
    assert found.value("hard_flag_amplitude_resolution_co2") == 1.0


@given(st.floats(-9, 9), st.integers(4000, 8000))
@settings(max_examples=20, deadline=None)
def test_a_step_of_the_mean_is_found_with_its_size_and_its_direction(size: float, at: int) -> None:
    x = np.where(np.arange(N) < at // 100 * 100, 0.0, size) + 0.0
    found = discontinuities.jumps(x, 3000)
    assert found.mean(True) == pytest.approx(abs(size), abs=1e-9)
    assert found.mean(False) == pytest.approx(max(0.0, -size), abs=1e-9)


def test_running_sums_of_half_windows_equal_halves_computed_from_scratch() -> None:
    x = np.where(np.arange(N) % 37 == 0, np.nan, 300.0 + SOUND * np.linspace(0.2, 3.0, N))
    halves = [(x[s : s + 1500], x[s + 1500 : s + 3000]) for s in range(0, N - 3000 + 1, 100)]
    means = np.array([np.nanmean(b) - np.nanmean(a) for a, b in halves])
    ratios = np.array([np.nanvar(b) - np.nanvar(a) for a, b in halves]) / np.nanvar(x)
    found = discontinuities.jumps(x, 3000)
    np.testing.assert_allclose(
        [found.mean_rise, found.mean_drop, found.variance_rise, found.variance_drop],
        [max(0, means.max()), max(0, -means.min()), max(0, ratios.max()), max(0, -ratios.min())],
        rtol=1e-7, atol=1e-9,
    )  # fmt: skip


def test_a_rise_is_flagged_and_a_test_of_drops_alone_misses_it() -> None:
    window = sound().with_series({"sonic_temperature": 290 + 5.0 * (np.arange(N) > 6000)})
    assert discontinuities.step(window).value("hard_flag_discontinuities_sonic_temperature") == 1.0
    assert discontinuities.step(window, both_directions=False).value("hard_flag_discontinuities_sonic_temperature") == 0.0


def test_densities_are_judged_as_mole_fractions_and_not_at_all_without_pressure() -> None:
    jump = np.where(np.arange(N) < 6000, 0.0160, 0.0160 + 45e-6 * 1e5 / (8.314462618 * 290))
    window = Window(RATE, N, {"co2": jump, "sonic_temperature": np.full(N, 290.0)}, "density")
    assert discontinuities.step(window, pressure_pa=1e5).value("hard_flag_discontinuities_co2") == 1.0
    assert "hard_flag_discontinuities_co2" not in discontinuities.step(window).values


def test_moments_of_known_distributions() -> None:
    n = 200_001
    quantiles = (np.arange(n) + 0.5) / n
    assert moments.shape(quantiles).kurtosis == pytest.approx(1.8, rel=1e-4)
    exponential = moments.shape(-np.log1p(-quantiles))
    assert exponential.skewness == pytest.approx(2.0, rel=2e-3)
    assert exponential.kurtosis == pytest.approx(9.0, rel=2e-2)


def test_a_trend_does_not_enter_the_judged_moments() -> None:
    trend = SOUND + np.linspace(0, 50, N)
    plain, judged = moments.shape(SOUND, detrend=True), moments.shape(trend, detrend=True)
    assert judged.skewness == pytest.approx(plain.skewness, abs=1e-9)
    assert judged.kurtosis == pytest.approx(plain.kurtosis, rel=1e-9)
    assert moments.step(Window(RATE, N, {"co2": SOUND**3})).value("hard_flag_skewness_kurtosis_co2") == 1.0


@given(st.floats(0, 360), st.floats(-0.9, 0.9))
def test_the_trend_of_the_wind_does_not_depend_on_the_frame(turn: float, slope: float) -> None:
    along, across = 5 * (1 + slope * (np.linspace(0, 1, 500) - 0.5)), 0.2 * np.sin(np.arange(500))
    a = math.radians(turn)
    found = steadiness.relative_trend(along * math.cos(a) - across * math.sin(a), along * math.sin(a) + across * math.cos(a))
    straight = steadiness.relative_trend(along, across)
    assert (found.along, found.across) == pytest.approx((straight.along, straight.across), abs=1e-9)
    assert found.along == pytest.approx(slope, abs=2e-3)


def test_a_wind_that_doubles_is_unsteady() -> None:
    window = sound().with_series({"wind_u": np.linspace(3, 6, N)})
    assert steadiness.step(window).value("hard_flag_steadiness_horizontal_wind") == 1.0


def test_steep_winds_are_counted() -> None:
    angle = np.radians(np.where(np.arange(100) < 11, -31.0, 29.0))
    series = {"wind_u": 2 * np.cos(angle), "wind_v": np.zeros(100), "wind_w": 2 * np.sin(angle)}
    found = attack_angle.step(Window(RATE, 100, series))
    assert found.value("steep_attack_percent") == 11.0
    assert found.value("hard_flag_attack_angle_wind_w") == 1.0


def test_covariance_lost_at_the_expected_lag_is_what_a_shifted_copy_loses() -> None:
    """Red noise with memory 0.9: half a second (5 samples) away 1 - 0.9^5 of the covariance is gone."""
    window = Window(RATE, N, {"wind_w": SOUND, "co2": 3 * SOUND}).found({"lag_co2_s": 0.7})
    found = lag_test.step(window, default_lag_s={"co2": 0.2, "h2o": 0.1})
    assert found.value("lag_discrepancy_co2") == pytest.approx(100 * (0.9**-5 - 1), rel=0.2)
    assert found.value("hard_flag_lag_co2") == 1.0
    assert "hard_flag_lag_h2o" not in found.values
    same = lag_test.step(window, default_lag_s={"co2": 0.7})
    assert same.value("lag_discrepancy_co2") == 0.0


def test_digits_know_passed_flagged_and_not_selected() -> None:
    values = {"hard_flag_lag_co2": 0.0, "hard_flag_lag_h2o": 1.0, "hard_flag_attack_angle_wind_w": 0.0, "outside_h2o": 3.0}
    full = digits.full_output(values)
    assert (full["timelag_hf"], full["timelag_sf"], full["attack_angle_hf"], full["non_steady_wind_hf"]) == (80199, 89999, 80, 89)
    columns = digits.fluxnet(values, ["h2o"])
    assert columns["H2O_ABSLIM_NREX"] == 3.0
    assert columns["H2O_VM97_TEST"] == 899999999
    assert math.isnan(columns["CH4_VM97_TEST"])


def test_differences_across_a_gap_are_left_out() -> None:
    x = np.array([1.0, 1.0, np.nan, 5.0, 5.0, 6.0])
    found = differences.differences(x)
    assert found.repeated == 2
    assert found.kurtosis == pytest.approx(3.0)  # three differences: 0, 0, 1
    assert differences.differences(RNG.normal(size=200_000)).kurtosis == pytest.approx(3.0, abs=0.1)
