"""Detrending: what each method takes out and leaves, against plain loops and known trends."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.science.eddy.moments import detrend
from edge.science.eddy.window import Window

METHODS = {
    "block": detrend.block_average,
    "linear": detrend.linear,
    "linear in pieces": lambda x: detrend.linear(x, 70),
    "running mean": lambda x: detrend.running_mean(x, 41),
    "exponential": lambda x: detrend.exponential(x, 50.0),
}
methods = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)


def noise(n: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=n)


@methods
@given(offset=st.floats(-1e4, 1e4), factor=st.floats(0.1, 10), n=st.integers(3, 300))
@settings(max_examples=20, deadline=None)
def test_an_offset_changes_nothing_and_a_factor_only_the_scale(method, offset: float, factor: float, n: int) -> None:
    x = noise(n)
    assert method(offset + factor * x) == pytest.approx(factor * method(x), abs=1e-8 * (1 + abs(offset)))


@methods
def test_missing_samples_stay_missing_and_do_not_enter(method) -> None:
    x = noise(300)
    holed = x.copy()
    holed[[0, 17, 299]] = np.nan
    found = method(holed)
    assert np.array_equal(np.isnan(found), np.isnan(holed))
    assert found[100:200] == pytest.approx(method(x)[100:200], abs=0.1)
    assert np.isnan(method(np.full(5, np.nan))).all()
    assert method(np.empty(0)).size == 0


def test_a_line_is_taken_out_whole_with_gaps_or_without() -> None:
    x = 3.0 - 0.02 * np.arange(1000)
    assert np.abs(detrend.linear(x)).max() < 1e-10
    x[200:400] = np.nan
    assert np.nanmax(np.abs(detrend.linear(x))) < 1e-10
    assert np.nanmax(np.abs(detrend.linear(x, 300))) < 1e-10


def test_the_line_is_that_of_least_squares() -> None:
    x, t = noise(500) + 0.01 * np.arange(500), np.arange(500)
    assert detrend.linear(x) == pytest.approx(x - np.polyval(np.polyfit(t, x, 1), t), abs=1e-10)
    pieces = np.concatenate(
        [piece - np.polyval(np.polyfit(np.arange(piece.size), piece, 1), np.arange(piece.size)) for piece in np.split(x, [150, 300, 450])]
    )
    assert detrend.linear(x, 150) == pytest.approx(pieces, abs=1e-10)


def test_the_running_mean_is_the_mean_of_the_samples_around() -> None:
    x = noise(200)
    x[50] = np.nan
    expected = [x[i] - np.nanmean(x[max(0, i - 10) : i + 11]) for i in range(200)]
    assert detrend.running_mean(x, 21) == pytest.approx(expected, abs=1e-12, nan_ok=True)
    assert detrend.running_mean(x, 10_000) == pytest.approx(x - np.nanmean(x), abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("time_constant", [0.5, 7.0, 5000.0])
def test_the_recursive_mean_is_that_of_the_loop(time_constant: float) -> None:
    x, a = 280.0 + noise(1000), math.exp(-1 / time_constant)
    mean, expected = float(x.mean()), []
    for value in x:
        mean = a * mean + (1 - a) * value
        expected.append(value - mean)
    assert detrend.exponential(x, time_constant) == pytest.approx(expected, abs=1e-11)


def test_a_high_pass_keeps_the_gain_of_its_paper() -> None:
    """Amplitude of a sine through the recursive mean: w tau / sqrt(1 + (w tau)^2) (Rannik & Vesala 1999)."""
    n, tau, period = 60_000, 500.0, 1500.0
    out = detrend.exponential(np.sin(2 * np.pi * np.arange(n) / period), tau)[n // 2 :]
    turn = 2 * np.pi * tau / period
    assert out.std() * math.sqrt(2) == pytest.approx(turn / math.sqrt(1 + turn**2), rel=2e-3)


@pytest.mark.parametrize("method", ["block", "linear", "running_mean", "exponential"])
def test_the_step_keeps_means_and_takes_the_drift(method: str) -> None:
    x = 20.0 + noise(6000) + 0.001 * np.arange(6000)
    before = Window(10.0, 6000, {"wind_w": x, "co2": x})
    after = detrend.step(before, method=method, time_constant_s=20.0)
    assert after.series["wind_w"].mean() == pytest.approx(x.mean(), abs=1e-9)
    later = slice(1000, None)  # the recursive mean has to come up to the drift first
    drift = np.polyfit(np.arange(5000), after.series["co2"][later], 1)[0]
    assert drift == pytest.approx(0.001, rel=0.05) if method == "block" else abs(drift) < 1e-4
