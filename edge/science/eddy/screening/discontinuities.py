"""Discontinuities after Vickers & Mahrt (1997): sudden jumps of the mean or the variance, found with the Haar transform.

A window moves along the series; the mean and the variance of its two halves are compared. The difference of means is judged in the unit
of the series, the difference of variances as a ratio to the variance of the whole series. Flags only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from edge.science.arrays import FloatArray
from edge.science.eddy.screening.limits import NOT_A_GAS, gas_scale
from edge.science.eddy.window import Window

HARD: Mapping[str, float] = MappingProxyType(
    {"wind_u": 4.0, "wind_v": 4.0, "wind_w": 2.0, "sonic_temperature": 4.0, "co2": 40e-6, "h2o": 3.26e-3}
)
"""Largest difference of half-window means: m s-1, K, mol mol-1 (EddyPro's defaults)."""

SOFT: Mapping[str, float] = MappingProxyType(
    {"wind_u": 2.7, "wind_v": 2.7, "wind_w": 1.3, "sonic_temperature": 2.7, "co2": 27e-6, "h2o": 2.2e-3}
)
HARD_VARIANCE, SOFT_VARIANCE = 3.0, 2.0
WINDOW_S, STEP_SAMPLES = 300.0, 100


@dataclass(frozen=True)
class Jumps:
    """Largest rise and largest drop from the first half of a window to the second (both positive, 0 when there is none).

    ``mean_…`` in the unit of the series, ``variance_…`` as a ratio to the variance of the whole series.
    """

    mean_rise: float
    mean_drop: float
    variance_rise: float
    variance_drop: float

    def mean(self, both_directions: bool = True) -> float:
        return max(self.mean_rise, self.mean_drop) if both_directions else self.mean_drop

    def variance(self, both_directions: bool = True) -> float:
        return max(self.variance_rise, self.variance_drop) if both_directions else self.variance_drop


def jumps(x: FloatArray, window: int, step: int = STEP_SAMPLES) -> Jumps:
    """The largest differences between the two halves of a moving window.

    Parameters: ``x`` (n,), any unit; ``window`` and ``step`` in samples (a longer window is cut to the series). NaN samples are left out;
    a window with less than half of the samples in either half is not judged; all NaN when none is left. Population variances, from
    running sums of the series less its mean. Source: Vickers & Mahrt 1997, J. Atmos. Oceanic Technol. 14, 512-526, the Haar transform.

    >>> jumps(np.repeat([0.0, 3.0], 200), window=200, step=100).mean_rise
    3.0
    """
    half = min(window, x.size) // 2
    nothing = Jumps(math.nan, math.nan, math.nan, math.nan)
    total = float(x.sum())
    whole = math.isfinite(total)
    present = None if whole else np.isfinite(x)
    if half < 2 or (present is not None and not present.any()):
        return nothing
    y = x - total / x.size if present is None else np.where(present, x - x[present].mean(), 0.0)
    unit = math.gcd(half, step)
    first = np.arange(0, x.size - 2 * half + 1, step) // unit
    sums = [_half_sums(z, unit, first, half // unit) for z in ((y, None), (y, y))]
    if present is None:
        count_1 = count_2 = np.full(first.size, float(half))
        everything = float(x.size)
    else:
        count_1, count_2 = _half_sums((present.astype(np.float64), None), unit, first, half // unit)
        everything = float(np.count_nonzero(present))
    enough = (count_1 >= 0.5 * half) & (count_2 >= 0.5 * half)
    if not enough.any():
        return nothing
    mean_1, mean_2 = sums[0][0] / count_1.clip(1.0), sums[0][1] / count_2.clip(1.0)
    d_mean = (mean_2 - mean_1)[enough]
    d_variance = ((sums[1][1] / count_2.clip(1.0) - mean_2**2) - (sums[1][0] / count_1.clip(1.0) - mean_1**2))[enough]
    variance = float(np.einsum("i,i->", y, y)) / everything
    if not math.isfinite(variance):
        return nothing
    ratio = d_variance / variance if variance > 0.0 else np.zeros_like(d_variance)
    return Jumps(*(max(0.0, float(value)) for value in (d_mean.max(), -d_mean.min(), ratio.max(), -ratio.min())))


def _half_sums(
    factors: tuple[FloatArray, FloatArray | None], unit: int, first: np.ndarray[tuple[int], np.dtype[np.intp]], length: int
) -> tuple[FloatArray, FloatArray]:
    """Sums of ``x`` or of a product over the first and second half of each window; ``first``, ``length`` count pieces of ``unit``."""
    x, times = factors
    whole = x.size // unit * unit
    pieces = x[:whole].reshape(-1, unit)
    each = pieces.sum(axis=1) if times is None else np.einsum("ij,ij->i", pieces, times[:whole].reshape(-1, unit))
    running = np.concatenate(([0.0], np.cumsum(each)))
    middle = running[first + length]
    return middle - running[first], running[first + 2 * length] - middle


def step(
    window: Window,
    *,
    pressure_pa: float = math.nan,
    window_s: float = WINDOW_S,
    step_samples: int = STEP_SAMPLES,
    hard: Mapping[str, float] = HARD,
    soft: Mapping[str, float] = SOFT,
    hard_variance: float = HARD_VARIANCE,
    soft_variance: float = SOFT_VARIANCE,
    both_directions: bool = True,
) -> Window:
    """Values ``discontinuity_<series>`` (largest jump of the mean), ``variance_discontinuity_<series>`` and their hard and soft flags.

    ``both_directions`` False sees drops only, as EddyPro does. Gas densities are judged against the same mole fractions at the window's
    mean sonic temperature and ``pressure_pa``; without it they are not judged.
    """
    per_fraction = gas_scale(window, pressure_pa)
    values: dict[str, float] = {}
    for name in hard:
        scale = 1.0 if name in NOT_A_GAS else per_fraction
        if name not in window.series or name not in soft or not math.isfinite(scale):
            continue
        found = jumps(window.series[name], round(window_s * window.rate_hz), step_samples)
        mean, variance = found.mean(both_directions) / scale, found.variance(both_directions)
        if math.isnan(mean):
            continue
        values[f"discontinuity_{name}"], values[f"variance_discontinuity_{name}"] = mean * scale, variance
        values[f"hard_flag_discontinuities_{name}"] = float(mean >= hard[name] or variance >= hard_variance)
        values[f"soft_flag_discontinuities_{name}"] = float(mean >= soft[name] or variance >= soft_variance)
    return window.found(values)
