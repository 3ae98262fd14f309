"""Spikes after Vickers & Mahrt (1997), with window statistics from running sums instead of recomputed windows.

A spike is a run of at most three samples further from a moving window's mean than so many standard deviations; it is replaced by a straight
line. Longer runs are physics (or a fault that other tests must see) and stay. Not here: hard flags for too many spikes.

Two details follow EddyPro, which makes the counts equal to the reference's in all series of the reference data: the block a window speaks
for begins one sample before the window's exact middle, and passes go on for all series until a pass finds no spike in any of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from edge.science.arrays import FloatArray
from edge.science.eddy.window import Window

THRESHOLDS: Mapping[str, float] = MappingProxyType(
    {"wind_u": 3.5, "wind_v": 3.5, "wind_w": 5.0, "sonic_temperature": 3.5, "co2": 3.5, "h2o": 3.5}
)
"""Standard deviations of the first pass (Vickers & Mahrt 1997; 5 for w as in EddyPro)."""


@dataclass(frozen=True)
class Despiked:
    """A series without its spikes; ``events`` counts runs, ``replaced`` samples."""

    x: FloatArray
    events: int = 0
    replaced: int = 0


def deviations(x: FloatArray, window: int, step: int = 100) -> FloatArray:
    """How many standard deviations each sample lies from the mean of its moving window.

    Parameters: ``x`` (n,), any unit; windows of ``window`` samples start every ``step`` samples and speak for a block of ``step`` samples
    at their middle, the first and the last also for the ends. Sample standard deviation (divisor N - 1) over the samples present. Returns
    (n,); NaN where the sample is missing, 0 where the window has fewer than two samples or no spread. The sums run on the series less its
    mean, so that a large offset costs no digits.

    >>> float(deviations(np.array([0.0, 0.0, 3.0, 0.0]), window=4)[2])
    1.5
    """
    n = x.size
    window = min(window, n)
    present = np.isfinite(x)
    whole = bool(present.all())
    y = x - (x.mean() if whole else x[present].mean() if present.any() else 0.0)
    filled = y if whole else np.where(present, y, 0.0)
    edges = np.arange(0, n - window + 1, step)
    s1 = _window_sums(filled, edges, window)
    s2 = _window_sums(filled * filled, edges, window)
    count = np.full(edges.size, float(window)) if whole else _window_sums(present.astype(np.float64), edges, window)
    safe = np.maximum(count, 2.0)
    mean = s1 / safe
    sd = np.sqrt(np.maximum((s2 - s1 * mean) / (safe - 1.0), 0.0))
    floor = 1e-9 * (np.abs(mean) + (float(np.abs(filled).max()) if n else 0.0)) + 1e-300
    per_sd = np.where((count >= 2.0) & (sd > floor), 1.0 / np.maximum(sd, floor), 0.0)
    which = np.clip((np.arange(n) + 1 - (window - step) // 2) // step, 0, edges.size - 1)
    return np.asarray(np.abs(y - mean[which]) * per_sd[which])


def _window_sums(x: FloatArray, edges: NDArray[np.intp], window: int) -> FloatArray:
    running = np.concatenate(([0.0], np.cumsum(x)))
    return np.asarray(running[edges + window] - running[edges])


def short_runs(where: NDArray[np.intp], x: FloatArray, longest: int) -> tuple[NDArray[np.intp], int]:
    """Those of the outliers that stand in runs of at most ``longest`` samples, and how many such runs there are.

    Parameters: ``where`` sorted indices of outliers in ``x`` (n,). A missing sample between two outliers belongs to their run (the run's
    length says how long the disturbance lasted).

    >>> short_runs(np.array([3, 4, 9]), np.zeros(12), longest=1)
    (array([9]), 1)
    """
    if not where.size:
        return where, 0
    breaks = np.flatnonzero(np.diff(where) > 1)
    if breaks.size:
        bridged = [not np.isfinite(x[where[b] + 1 : where[b + 1]]).any() for b in breaks]
        breaks = breaks[~np.array(bridged, dtype=np.bool_)]
    first = np.concatenate(([0], breaks + 1))
    last = np.concatenate((breaks, [where.size - 1]))
    short = where[last] - where[first] + 1 <= longest
    kept = [where[a : b + 1] for a, b in zip(first[short], last[short], strict=True)]
    return (np.concatenate(kept) if kept else where[:0]), int(np.count_nonzero(short))


def vickers_mahrt(
    series: Mapping[str, FloatArray],
    thresholds: Mapping[str, float],
    *,
    window: int,
    step: int = 100,
    rise: float = 0.1,
    longest_run: int = 3,
    passes: int = 10,
) -> dict[str, Despiked]:
    """Replace spikes by linear interpolation, pass after pass with thresholds raised by ``rise``, until a pass finds none in any series.

    Parameters: ``series`` name → (n,), any units; ``thresholds`` name → standard deviations (a series without one is left out); ``window``
    and ``step`` in samples. NaN samples stay NaN and are never spikes; a spike at an end takes the nearest good value.
    Source: Vickers & Mahrt 1997, J. Atmos. Oceanic Technol. 14, 512-526.

    >>> x = np.tile([0.0, 1.0], 500); x[500] = 99.0
    >>> found = vickers_mahrt({"w": x}, {"w": 3.5}, window=500)["w"]
    >>> found.events, float(found.x[500])
    (1, 1.0)
    """
    state = {name: Despiked(x) for name, x in series.items() if name in thresholds and x.size}
    candidates: dict[str, tuple[NDArray[np.intp], FloatArray]] = {}
    for number in range(passes):
        any_found = False
        for name, now in state.items():
            limit = thresholds[name] + rise * number
            if name not in candidates:  # the series is new or has changed: look at every sample
                z = deviations(now.x, window, step)
                where = np.flatnonzero(z > limit)
                candidates[name] = (where, z[where])
            where, z = candidates[name]
            outliers = where[z > limit]
            spikes, events = short_runs(outliers, now.x, longest_run)
            if events:
                state[name] = _bridge(now, spikes, events)
                del candidates[name]
                any_found = True
        if not any_found:
            break
    return state


def _bridge(now: Despiked, spikes: NDArray[np.intp], events: int) -> Despiked:
    good = np.isfinite(now.x)
    good[spikes] = False
    at = np.flatnonzero(good)
    x = now.x.copy()
    x[spikes] = np.interp(spikes, at, x[at]) if at.size else np.nan
    return replace(now, x=x, events=now.events + events, replaced=now.replaced + spikes.size)


def step(window: Window, *, window_s: float, thresholds: Mapping[str, float] = THRESHOLDS) -> Window:
    """Despike every series that has a threshold; counts go to ``spikes_<series>`` (events)."""
    found = vickers_mahrt(window.series, thresholds, window=round(window_s * window.rate_hz))
    counts = {f"spikes_{name}": float(result.events) for name, result in found.items()}
    return window.with_series({name: result.x for name, result in found.items() if result.events}).found(counts)
