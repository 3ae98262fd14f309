"""Random errors against what they claim: the scatter of covariances over many periods of the same weather."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edge.science.eddy.moments import random_error
from edge.science.eddy.moments.flux_error import flux_errors
from edge.science.eddy.moments.integral_scale import ONE_E_FOLD, integral_scale_s
from edge.science.eddy.moments.lagged import lagged
from edge.science.eddy.window import Window

N = 4000


def red(rng: np.random.Generator, rows: int, a: float) -> np.ndarray:
    """Series with autocorrelation a^p and variance 1."""
    x = rng.normal(size=(rows, N + 400)) * math.sqrt(1 - a * a)
    for i in range(1, x.shape[1]):
        x[:, i] += a * x[:, i - 1]
    return x[:, 400:]


def both(rng: np.random.Generator, rows: int, correlation: float, a: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
    w = red(rng, rows, a)
    return w, correlation * w + math.sqrt(1 - correlation**2) * red(rng, rows, a)


def theory(correlation: float, a: float = 0.9) -> float:
    """sqrt((1 + r^2) / N sum a^(2 |p|)) for two such series."""
    return math.sqrt((1 + correlation**2) / N * (1 + a * a) / (1 - a * a))


def errors(w: np.ndarray, x: np.ndarray, reach: int) -> np.ndarray:
    found = []
    for one, other in zip(w, x, strict=True):
        lags = lagged({"w": one, "x": other}, 200)
        parts = [lags.covariance(*pair) for pair in (("w", "w"), ("x", "x"), ("w", "x"), ("x", "w"))]
        found.append(random_error.finkelstein_sims(*parts, reach=reach, samples=N, pairs=lags.pairs("w", "x")))
    return np.array(found)


@pytest.mark.parametrize("correlation", [0.0, -0.4, 0.8])
def test_carried_far_enough_the_sum_is_the_scatter_over_periods(correlation: float) -> None:
    w, x = both(np.random.default_rng(5), 400, correlation)
    scatter = np.mean(w * x, axis=1) - w.mean(axis=1) * x.mean(axis=1)
    assert scatter.std() == pytest.approx(theory(correlation), rel=0.08)
    assert math.sqrt(np.mean(errors(w[:100], x[:100], 60) ** 2)) == pytest.approx(theory(correlation), rel=0.03)


def test_ended_at_one_integral_scale_the_sum_lacks_what_theory_says() -> None:
    """Of the sum of a^(2 |p|) the part to m = 9 samples (one integral scale at a = 0.9): 1 - 2 a^(2 m + 2) / (1 + a^2) = 0.866."""
    w, x = both(np.random.default_rng(6), 100, 0.8)
    held = 1 - 2 * 0.9**20 / (1 + 0.81)
    assert math.sqrt(np.mean(errors(w, x, 9) ** 2)) == pytest.approx(theory(0.8) * math.sqrt(held), rel=0.03)


def test_mann_and_lenschow_for_an_exponential_correlation() -> None:
    """The formula assumes that all correlations fall as exp(-p / tau); the integral of their product then is tau / 2 to each side: it takes tau."""
    found = random_error.mann_lenschow(0.8, 1.0, 1.0, integral_scale_s=10.0, period_s=N)
    assert found == pytest.approx(math.sqrt(20.0 / N * 1.64))
    assert random_error.mann_lenschow(0.0, 1.0, 4.0, integral_scale_s=2.0, period_s=100.0) == pytest.approx(0.4)


def test_integral_scale_of_an_exponential_correlation() -> None:
    r = np.exp(-np.arange(400) / 30.0)
    assert integral_scale_s(-2.0 * r, 10.0, until=ONE_E_FOLD) == pytest.approx(sum(r[:30]) / 10)
    assert integral_scale_s(r, 10.0, until=None) == pytest.approx(sum(r[:101]) / 10)
    assert integral_scale_s(r, 10.0) == pytest.approx(sum(r[:101]) / 10)
    assert math.isnan(integral_scale_s(np.zeros(5), 10.0))
    assert math.isnan(integral_scale_s(np.empty(0), 10.0))


def test_the_nonstationarity_ratio_is_about_one_where_nothing_changes_and_large_where_the_flux_does() -> None:
    """1 on average for independent pieces: the variance of their means over six, times six, over their variance (F with 5 and 30 degrees)."""
    rng = np.random.default_rng(3)
    w, x = rng.normal(size=(2, 200, 3600))
    ratios = [random_error.nonstationarity_ratio(a, a * 0.5 + b) for a, b in zip(w, x, strict=True)]
    assert np.mean(np.square(ratios)) == pytest.approx(30 / 28, rel=0.12)
    growing = np.repeat([0.1, 0.5, 1.0, 2.0, 3.0, 5.0], 600)
    assert random_error.nonstationarity_ratio(w[0], w[0] * growing + 0.1 * x[0]) > 5
    holed = x[0].copy()
    holed[::7] = np.nan
    assert random_error.nonstationarity_ratio(w[0], holed) == pytest.approx(random_error.nonstationarity_ratio(w[0], x[0]), rel=0.5)
    holed[:100] = np.nan
    assert math.isnan(random_error.nonstationarity_ratio(w[0], holed))


def test_of_a_flux_made_of_two_covariances_that_cancel_almost_nothing_is_left() -> None:
    """c = -k t + a trace: the errors of <wc> and k <wt> are each large, that of their sum is not."""
    rng = np.random.default_rng(8)
    traces = []
    for w, t in zip(*both(rng, 20, 0.5), strict=True):
        series = {"wind_u": t, "wind_w": w, "t": t, "c": -3.0 * t + 0.01 * rng.normal(size=N)}
        found = flux_errors(series, {"of c": {"c": 1.0}, "of both": {"c": 1.0, "t": 3.0}}, rate_hz=10.0, wind_ms=None)
        assert found["of both"] < 0.01 * found["of c"]
        traces.append(found["of both"])
    assert math.sqrt(np.mean(np.square(traces))) == pytest.approx(0.01 / math.sqrt(N), rel=0.05)


def test_a_frame_turned_into_each_windows_wind_adds_its_tilt() -> None:
    """<uw> changes by (var u - var w) times the angle, the angle scatters by the error of mean w over the wind."""
    rng = np.random.default_rng(9)
    w, u = red(rng, 1, 0.9)[0], 5.0 * rng.normal(size=N)
    fixed, turned = (
        flux_errors({"wind_u": u, "wind_w": w}, {"f": {"wind_u": 1.0}}, rate_hz=10.0, wind_ms=wind)["f"] for wind in (None, 2.0)
    )
    mean_w = math.sqrt((1 + 0.9) / (1 - 0.9) / N)
    assert math.sqrt(turned**2 - fixed**2) == pytest.approx((25.0 - 1.0) * mean_w / 2.0, rel=0.1)


@pytest.mark.parametrize("wrong", [np.nan, 0.0], ids=["missing", "constant"])
def test_bad_series_give_missing_errors_with_a_reason_and_nothing_raises(wrong: float) -> None:
    good = np.random.default_rng(1).normal(size=3000)
    names = ("wind_u", "wind_v", "wind_w", "sonic_temperature", "co2", "h2o")
    for bad in names:
        window = Window(10.0, 3000, {name: np.full(3000, wrong) if name == bad else good * (1 + i) for i, name in enumerate(names)})
        found = random_error.step(window, height_m=4.0)
        assert all(name in found.reasons for name, value in found.values.items() if math.isnan(value) and "random_error" in name)
    assert random_error.step(Window(10.0, 3000, {}), height_m=4.0).values == {}
    short = Window(10.0, 3000, dict.fromkeys(names, good[:3]))
    random_error.converted_step(random_error.step(short, height_m=4.0))
