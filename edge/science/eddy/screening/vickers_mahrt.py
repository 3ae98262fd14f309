"""Spikes after Vickers & Mahrt (1997), with window statistics from running sums instead of recomputed windows.

A spike is a run of at most three samples further from a moving window's mean than so many standard deviations; it is replaced by a straight
line. Longer runs are physics (or a fault that other tests must see) and stay. A series with many spikes is flagged.

Two details follow EddyPro, which makes the counts equal to the reference's in all series of the reference data: the block a window speaks
for begins one sample before the window's exact middle, and passes go on for all series until a pass finds no spike in any of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from edge.science.arrays import FloatArray
from edge.science.eddy.window import Window

THRESHOLDS: Mapping[str, float] = MappingProxyType(
    {"wind_u": 3.5, "wind_v": 3.5, "wind_w": 5.0, "sonic_temperature": 3.5, "co2": 3.5, "h2o": 3.5, "ch4": 8.0, "gas4": 8.0}
)
"""Standard deviations of the first pass (Vickers & Mahrt 1997; 5 for w, 8 for methane and a fourth gas as in EddyPro)."""

CELL_THRESHOLDS: Mapping[str, float] = MappingProxyType({"cell_temperature": 3.5, "cell_pressure": 3.5})
"""What EddyPro does to an enclosed analyser's cell as well; merge it into the thresholds to do the same."""

HARD_SHARE = 0.01


@dataclass(frozen=True)
class Despiked:
    """A series without its spikes; ``events`` counts runs, ``replaced`` samples."""

    x: FloatArray
    events: int = 0
    replaced: int = 0


@dataclass(frozen=True)
class MovingStatistics:
    """Mean and sample standard deviation of each moving window of a series, and the block of samples each window speaks for.

    ``y`` (n,) the series less its mean, missing samples 0; ``starts`` (m,) first sample of each block; ``mean`` (m,) of ``y``; ``per_sd``
    (m,) one over the standard deviation, 0 where a window has fewer than two samples or no spread; ``whole``: no sample is missing.
    """

    y: FloatArray
    starts: NDArray[np.intp]
    mean: FloatArray
    per_sd: FloatArray
    whole: bool

    @classmethod
    def of(cls, x: FloatArray, window: int, step: int) -> MovingStatistics:
        n = x.size
        window = min(window, n)
        total = float(x.sum())
        whole = math.isfinite(total)
        present = None if whole else np.isfinite(x)
        y = x - total / n if present is None else np.where(present, x - (x[present].mean() if present.any() else 0.0), 0.0)
        edges = np.arange(0, n - window + 1, step)
        unit = math.gcd(window, step) if edges.size > 1 else window
        s1 = _window_sums(_unit_sums(y, unit), edges // unit, window // unit)
        s2 = _window_sums(_unit_sums(y, unit, y), edges // unit, window // unit)
        count = (
            float(window) if present is None else _window_sums(_unit_sums(present.astype(np.float64), unit), edges // unit, window // unit)
        )
        mean = s1 / np.maximum(count, 2.0)
        sd = np.sqrt(np.maximum((s2 - s1 * mean) / np.maximum(count - 1.0, 1.0), 0.0))
        floor = 1e-9 * (np.abs(mean) + max(float(y.max()), -float(y.min()))) + 1e-300
        per_sd = np.where((count >= 2.0) & (sd > floor), 1.0 / np.maximum(sd, floor), 0.0)
        starts = (window - step) // 2 - 1 + step * np.arange(edges.size)
        starts[0] = 0
        return cls(y, starts.clip(0, n - 1), mean, per_sd, whole)

    def lengths(self) -> NDArray[np.intp]:
        return np.diff(self.starts, append=self.y.size)

    def outliers(self, limit: float) -> tuple[NDArray[np.intp], FloatArray]:
        """Which samples lie further than ``limit`` standard deviations from their window's mean, and how far.

        Only blocks whose largest or smallest sample does are looked at sample by sample.
        """
        highest = (np.maximum.reduceat(self.y, self.starts) - self.mean) * self.per_sd
        lowest = (self.mean - np.minimum.reduceat(self.y, self.starts)) * self.per_sd
        blocks = np.flatnonzero(np.maximum(highest, lowest) > limit)
        lengths = self.lengths()[blocks]
        which = np.repeat(blocks, lengths)
        at = np.arange(which.size) + np.repeat(self.starts[blocks] - (np.cumsum(lengths) - lengths), lengths)
        z = np.abs(self.y[at] - self.mean[which]) * self.per_sd[which]
        return at[z > limit], z[z > limit]


def _unit_sums(x: FloatArray, unit: int, times: FloatArray | None = None) -> FloatArray:
    """Sums over consecutive pieces of ``unit`` samples, of ``x`` or of its product with another series; what is left over is not needed."""
    whole = x.size // unit * unit
    if times is None:
        return np.asarray(x[:whole].reshape(-1, unit).sum(axis=1))
    return np.asarray(np.einsum("ij,ij->i", x[:whole].reshape(-1, unit), times[:whole].reshape(-1, unit)))


def _window_sums(pieces: FloatArray, first: NDArray[np.intp], length: int) -> FloatArray:
    running = np.concatenate(([0.0], np.cumsum(pieces)))
    return np.asarray(running[first + length] - running[first])


def deviations(x: FloatArray, window: int, step: int = 100) -> FloatArray:
    """How many standard deviations each sample lies from the mean of its moving window.

    Parameters: ``x`` (n,), any unit; windows of ``window`` samples start every ``step`` samples and speak for a block of ``step`` samples
    at their middle, the first and the last also for the ends. Sample standard deviation (divisor N - 1) over the samples present. Returns
    (n,); NaN where the sample is missing, 0 where the window has fewer than two samples or no spread. The sums run on the series less its
    mean, so that a large offset costs no digits.

    >>> float(deviations(np.array([0.0, 0.0, 3.0, 0.0]), window=4)[2])
    1.5
    """
    if not x.size:
        return x
    found = MovingStatistics.of(x, window, step)
    lengths = found.lengths()
    z = np.abs(found.y - np.repeat(found.mean, lengths)) * np.repeat(found.per_sd, lengths)
    return z if found.whole else np.where(np.isfinite(x), z, np.nan)


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
    if breaks.size and not np.isfinite(x).all():
        bridged = [not np.isfinite(x[where[b] + 1 : where[b + 1]]).any() for b in breaks]
        breaks = breaks[~np.array(bridged, dtype=np.bool_)]
    first = np.concatenate(([0], breaks + 1))
    last = np.concatenate((breaks, [where.size - 1]))
    length = where[last] - where[first] + 1
    short = length <= longest
    return where[np.repeat(short, last - first + 1)], int(np.count_nonzero(short))


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
            if name not in candidates:  # the series is new or has changed: look at every window
                candidates[name] = _candidates(now.x, limit, window, step)
            where, z = candidates[name]
            spikes, events = short_runs(where[z > limit], now.x, longest_run)
            if events:
                state[name] = bridge(now, spikes, events)
                del candidates[name]
                any_found = True
        if not any_found:
            break
    return state


def _candidates(x: FloatArray, limit: float, window: int, step: int) -> tuple[NDArray[np.intp], FloatArray]:
    found = MovingStatistics.of(x, window, step)
    where, z = found.outliers(limit)
    if found.whole:
        return where, z
    present = np.isfinite(x[where])
    return where[present], z[present]


def bridge(now: Despiked, spikes: NDArray[np.intp], events: int) -> Despiked:
    """A straight line from the last good sample before each spike to the first one after it.

    Parameters: ``now`` what was found so far; ``spikes`` sorted indices, at least one; ``events`` how many runs they are. A spike at an end
    takes the nearest good value; NaN when there is none.

    >>> bridge(Despiked(np.array([1.0, 9.0, 9.0, 4.0])), np.array([1, 2]), 1).x.tolist()
    [1.0, 2.0, 3.0, 4.0]
    """
    breaks = np.flatnonzero(np.diff(spikes) > 1)
    before = spikes[np.concatenate(([0], breaks + 1))] - 1
    after = spikes[np.concatenate((breaks, [spikes.size - 1]))] + 1
    at = np.unique(np.concatenate((before, after)).clip(0, now.x.size - 1))
    at = at[~np.isin(at, spikes)]
    if not at.size or not np.isfinite(now.x[at]).all():  # a missing sample beside a spike: the nearest good ones are further off
        good = np.isfinite(now.x)
        good[spikes] = False
        at = np.flatnonzero(good)
    x = now.x.copy()
    x[spikes] = np.interp(spikes, at, x[at]) if at.size else np.nan
    return replace(now, x=x, events=now.events + events, replaced=now.replaced + spikes.size)


def spike_values(found: Mapping[str, Despiked], hard_share: float) -> dict[str, float]:
    """What a window keeps of a despiking: ``spikes_<series>`` (events), ``spike_samples_<series>`` and ``hard_flag_spikes_<series>``.

    Parameters: ``found`` of one despiking; a series is flagged when the events are at least ``hard_share`` of its samples.

    >>> spike_values({"co2": Despiked(np.zeros(200), events=2, replaced=5)}, hard_share=0.01)
    {'spikes_co2': 2.0, 'spike_samples_co2': 5.0, 'hard_flag_spikes_co2': 1.0}
    """
    values: dict[str, float] = {}
    for name, result in found.items():
        values[f"spikes_{name}"] = float(result.events)
        values[f"spike_samples_{name}"] = float(result.replaced)
        values[f"hard_flag_spikes_{name}"] = float(result.events > 0 and result.events >= hard_share * result.x.size)
    return values


def step(
    window: Window,
    *,
    window_s: float,
    thresholds: Mapping[str, float] = THRESHOLDS,
    hard_share: float = HARD_SHARE,
    step_samples: int = 100,
    rise: float = 0.1,
    longest_run: int = 3,
    passes: int = 10,
) -> Window:
    """Despike every series that has a threshold; counts and flags as `spike_values`."""
    samples = max(2, round(window_s * window.rate_hz))
    found = vickers_mahrt(window.series, thresholds, window=samples, step=step_samples, rise=rise, longest_run=longest_run, passes=passes)
    values = spike_values(found, hard_share)
    return window.with_series({name: result.x for name, result in found.items() if result.events}).found(values)
