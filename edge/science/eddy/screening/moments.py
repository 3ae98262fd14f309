"""Skewness and kurtosis: does a series look like turbulence, or like a fault or something that is not stationary?

Vickers & Mahrt (1997) judge them on linearly detrended data. Flags only; the numbers are kept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edge.science.arrays import FloatArray, dot
from edge.science.eddy.window import Window

HARD_SKEWNESS, SOFT_SKEWNESS = (-2.0, 2.0), (-1.0, 1.0)
HARD_KURTOSIS, SOFT_KURTOSIS = (1.0, 8.0), (2.0, 5.0)
SERIES = ("wind_u", "wind_v", "wind_w", "sonic_temperature", "co2", "h2o", "ch4", "gas4")


@dataclass(frozen=True)
class Shape:
    """Third and fourth standardised moment; 0 and 3 for Gaussian noise."""

    skewness: float
    kurtosis: float


def centred_ramp(n: int) -> FloatArray:
    """Sample numbers less their mean.

    Parameters: ``n`` how many.

    >>> centred_ramp(3).tolist()
    [-1.0, 0.0, 1.0]
    """
    return np.arange(n, dtype=np.float64) - 0.5 * (n - 1)


def detrended(x: FloatArray, ramp: FloatArray | None = None) -> FloatArray:
    """A series less its least-squares straight line.

    Parameters: ``x`` (n,), any unit, no NaN; equal steps; ``ramp`` (n,) from `centred_ramp` where many series of one length are treated.
    Returns (n,) with mean zero.

    >>> detrended(np.array([1.0, 3.0, 5.0])).tolist()
    [0.0, 0.0, 0.0]
    """
    y: FloatArray = x - x.mean()
    if x.size < 2:
        return y
    t = centred_ramp(x.size) if ramp is None else ramp
    y -= t * (12.0 * dot(t, y) / (x.size * (x.size**2 - 1.0)))
    return y


def shape(x: FloatArray, *, detrend: bool = False, moment_divisor_less: int = 0, ramp: FloatArray | None = None) -> Shape:
    """Skewness and kurtosis (not the excess) of the samples present.

    Parameters: ``x`` (n,), any unit; NaN samples are left out (the line of ``detrend`` is then fitted to the rest as if they followed each
    other). ``moment_divisor_less`` 1 divides the third and fourth moments by N - 1 but the variance by N, as EddyPro's printed statistics
    do; ``ramp`` as in `detrended`. NaN for fewer than two samples or no spread.

    >>> shape(np.array([-1.0, -1.0, 1.0, 1.0]))
    Shape(skewness=0.0, kurtosis=1.0)
    """
    if not math.isfinite(float(x.sum())):
        x = x[np.isfinite(x)]
    if x.size < 2:
        return Shape(math.nan, math.nan)
    mean = float(x.mean())
    d = detrended(x, ramp if ramp is not None and ramp.size == x.size else None) if detrend else x - mean
    d2 = d * d
    variance = float(d2.mean())
    tiny = 1e-12 * mean
    if not (variance > tiny * tiny and math.isfinite(variance)):
        return Shape(math.nan, math.nan)
    n = x.size - moment_divisor_less
    found = Shape(dot(d2, d) / n / variance / math.sqrt(variance), dot(d2, d2) / n / variance / variance)
    return found if math.isfinite(found.skewness + found.kurtosis) else Shape(math.nan, math.nan)


def outside(found: Shape, skewness: tuple[float, float], kurtosis: tuple[float, float]) -> bool:
    """Whether skewness or kurtosis lies outside its open range.

    Parameters: limits as (low, high). NaN is not outside.

    >>> outside(Shape(0.0, 5.5), (-1.0, 1.0), (2.0, 5.0))
    True
    """
    s, k = found.skewness, found.kurtosis
    return s <= skewness[0] or s >= skewness[1] or k <= kurtosis[0] or k >= kurtosis[1]


def step(
    window: Window,
    *,
    series: tuple[str, ...] = SERIES,
    hard_skewness: tuple[float, float] = HARD_SKEWNESS,
    hard_kurtosis: tuple[float, float] = HARD_KURTOSIS,
    soft_skewness: tuple[float, float] = SOFT_SKEWNESS,
    soft_kurtosis: tuple[float, float] = SOFT_KURTOSIS,
) -> Window:
    """Values ``skewness_<series>``, ``kurtosis_<series>`` (detrended) with hard and soft flags ``…_flag_skewness_kurtosis_<series>``."""
    values: dict[str, float] = {}
    ramp = centred_ramp(max((x.size for x in window.series.values()), default=0))
    for name in series:
        if name not in window.series:
            continue
        found = shape(window.series[name], detrend=True, ramp=ramp)
        if math.isnan(found.skewness):
            continue
        values[f"skewness_{name}"], values[f"kurtosis_{name}"] = found.skewness, found.kurtosis
        values[f"hard_flag_skewness_kurtosis_{name}"] = float(outside(found, hard_skewness, hard_kurtosis))
        values[f"soft_flag_skewness_kurtosis_{name}"] = float(outside(found, soft_skewness, soft_kurtosis))
    return window.found(values)
