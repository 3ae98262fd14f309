"""Time lag between wind and gas: where the covariance is largest, within a window that the setup allows.

The search goes over whole samples, on rotated and not detrended series. When the maximum sits on an edge of the window there is no true
maximum inside, and the default is used; which one was taken is kept. Not here: learning the lag from past windows (`tracker`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edge.science.arrays import FloatArray, dot, mean_of_present
from edge.science.eddy.window import GASES, Window


@dataclass(frozen=True)
class LagWindow:
    """Where to search, in seconds; positive: the gas signal comes after the wind."""

    shortest_s: float
    longest_s: float
    default_s: float


@dataclass(frozen=True)
class Lag:
    """The lag taken, in samples; ``is_default`` when the covariance had no maximum inside the window; ``found`` where it was largest."""

    samples: int
    is_default: bool
    found: int


def open_path_window(separation_m: float) -> LagWindow:
    """Search window of an open-path analyser beside the sonic: +-(2 s per metre of separation + 0.3 s), default 0.

    Parameters: ``separation_m`` distance of the measuring volumes. Rule of EddyPro.

    >>> open_path_window(0.15)
    LagWindow(shortest_s=-0.6, longest_s=0.6, default_s=0.0)
    """
    reach = round(2.0 * abs(separation_m) + 0.3, 9)
    return LagWindow(-reach, reach, 0.0)


def closed_path_window(
    *, tube_length_m: float, tube_diameter_m: float, flow_l_per_min: float, cell_volume_cm3: float = 0.0, sticky: bool = False
) -> LagWindow:
    """Search window of an analyser behind a tube, from the time the air needs: (tube + cell volume) / flow.

    Parameters: tube length and inner diameter in m, flow in L min-1 (at the tube's temperature and pressure), cell volume in cm3;
    ``sticky`` for water vapour, which clings to walls. Shortest max(0, nominal - 2 s), longest (1 + k) nominal + 0.3 s with k = 2, or 10
    when sticky. Rule of EddyPro.

    >>> lag = closed_path_window(tube_length_m=0.711, tube_diameter_m=0.0053, flow_l_per_min=12.0, cell_volume_cm3=16.09)
    >>> round(lag.default_s, 5), round(lag.longest_s, 5)
    (0.15888, 0.77664)
    """
    volume = math.pi * (tube_diameter_m / 2) ** 2 * tube_length_m + cell_volume_cm3 * 1e-6
    nominal = volume / (flow_l_per_min * 1e-3 / 60.0)
    return LagWindow(max(0.0, nominal - 2.0), nominal * (1.0 + (10.0 if sticky else 2.0)) + 0.3, nominal)


def shifted(x: FloatArray, samples: int) -> FloatArray:
    """``x`` moved earlier by ``samples`` (later when negative): result[i] = x[i + samples], NaN where there is none.

    >>> shifted(np.array([1.0, 2.0, 3.0]), 1)
    array([ 2.,  3., nan])
    """
    if samples == 0:
        return x
    moved = np.full_like(x, np.nan)
    if abs(samples) < x.size:
        if samples > 0:
            moved[:-samples] = x[samples:]
        else:
            moved[-samples:] = x[:samples]
    return moved


def covariance_by_lag(w: FloatArray, x: FloatArray, first: int, last: int) -> FloatArray:
    """Covariance of ``w[i]`` with ``x[i + lag]`` for every lag from ``first`` to ``last`` samples.

    Parameters: ``w``, ``x`` (n,), any units. Population covariance over the pairs where both are present; NaN where a lag has no pair.
    Returns (last - first + 1,).

    >>> covariance_by_lag(np.array([0.0, 1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0, 0.0]), 1, 1).round(6)
    array([0.222222])
    """
    there_w, there_x = np.isfinite(w), np.isfinite(x)
    whole = bool(there_w.all() and there_x.all())
    a = w - w.mean() if whole else np.where(there_w, w - mean_of_present(w), 0.0)
    b = x - x.mean() if whole else np.where(there_x, x - mean_of_present(x), 0.0)
    one_w, one_x = there_w.astype(np.float64), there_x.astype(np.float64)
    n, total_a, total_b = a.size, float(a.sum()), float(b.sum())
    found = np.full(last - first + 1, np.nan)
    for k, lag in enumerate(range(first, last + 1)):
        here, there = slice(max(0, -lag), max(0, min(n, n - lag))), slice(max(0, lag), max(0, min(n, n + lag)))
        pairs = float(here.stop - here.start) if whole else dot(one_w[here], one_x[there])
        if pairs < 1:
            continue
        sum_a = total_a - float(a[: here.start].sum()) - float(a[here.stop :].sum()) if whole else dot(a[here], one_x[there])
        sum_b = total_b - float(b[: there.start].sum()) - float(b[there.stop :].sum()) if whole else dot(one_w[here], b[there])
        found[k] = dot(a[here], b[there]) / pairs - sum_a * sum_b / pairs**2
    return found


def whole_samples(seconds: float, rate_hz: float) -> int:
    """The whole number of samples nearest to a time, halves away from zero.

    >>> whole_samples(0.5, 5.0), whole_samples(-0.5, 5.0), whole_samples(0.159, 10.0)
    (3, -3, 2)
    """
    samples = round(seconds * rate_hz, 9)
    return int(math.copysign(math.floor(abs(samples) + 0.5), samples))


def maximise_covariance(w: FloatArray, x: FloatArray, rate_hz: float, window: LagWindow, *, default_at_edge: bool = True) -> Lag:
    """The lag of the largest absolute covariance inside the window, or the default when that lies on an edge.

    Parameters: ``w``, ``x`` (n,); ``rate_hz``; ``window`` in seconds; ``default_at_edge`` False takes the edge itself. NaN samples are left
    out pairwise; without any pair the default is taken. The window's edges are the whole samples nearest to it.

    >>> rng = np.random.default_rng(1); w = rng.normal(size=2000)
    >>> maximise_covariance(w, np.roll(w, 3), 10.0, LagWindow(0.0, 1.0, 0.0))
    Lag(samples=3, is_default=False, found=3)
    """
    first, last = whole_samples(window.shortest_s, rate_hz), whole_samples(window.longest_s, rate_hz)
    nominal = whole_samples(window.default_s, rate_hz)
    default = Lag(nominal, is_default=True, found=nominal)
    if last - first < 2 or last >= w.size or -first >= w.size:
        return default
    size = np.abs(covariance_by_lag(w, x, first, last))
    if not np.isfinite(size).any():
        return default
    best = int(np.nanargmax(size))
    if best in (0, size.size - 1) and default_at_edge:
        return Lag(nominal, is_default=True, found=first + best)
    return Lag(first + best, is_default=False, found=first + best)


def shift_by_lag(window: Window, windows: Mapping[str, LagWindow], *, default_at_edge: bool = True) -> Window:
    """Find and take out the lag of each gas against the rotated vertical wind.

    ``windows`` gas → where to search; ``default_at_edge`` False keeps a maximum that sits on an edge. Values ``lag_<gas>_s`` (taken),
    ``lag_<gas>_found_s`` (of the largest covariance), ``lag_<gas>_is_default`` and the window as
    ``lag_<gas>_{shortest,default,longest}_s``.
    """
    w = window.series.get("wind_w")
    if w is None:
        return window
    moved: dict[str, FloatArray] = {}
    values: dict[str, float] = {}
    unknown: dict[str, str] = {}
    for gas in GASES:
        x = window.series.get(gas)
        if x is None:
            continue
        if gas not in windows:  # a flux at a guessed lag would look good and mean nothing
            unknown[gas] = "the lag to search for is not known: give the tube or a lag window"
            continue
        lag = maximise_covariance(w, x, window.rate_hz, windows[gas], default_at_edge=default_at_edge)
        values[f"lag_{gas}_s"] = lag.samples / window.rate_hz
        values[f"lag_{gas}_found_s"] = lag.found / window.rate_hz
        values[f"lag_{gas}_is_default"] = float(lag.is_default)
        edges = windows[gas]
        values |= {
            f"lag_{gas}_shortest_s": edges.shortest_s,
            f"lag_{gas}_default_s": edges.default_s,
            f"lag_{gas}_longest_s": edges.longest_s,
        }
        if lag.samples:
            moved[gas] = shifted(x, lag.samples)
    return window.with_series(moved).without(unknown).found(values)


def step(window: Window, *, windows: Mapping[str, LagWindow], default_at_edge: bool = True) -> Window:
    """`shift_by_lag` as a step of the chain."""
    return shift_by_lag(window, windows, default_at_edge=default_at_edge)
