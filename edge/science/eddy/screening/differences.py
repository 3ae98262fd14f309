"""Differences between neighbouring samples: their kurtosis, how often they are zero, how much neighbours have in common.

Spikes, aliasing and steps of a digitiser make differences with heavy tails, which the kurtosis of the series itself hardly shows; a count
of repeated values shows a coarse resolution or a rate that is not the one in the header (Vitale et al. 2020, Biogeosciences 17, 1367-1391).
Neighbours that have nothing in common are noise, not turbulence.
Numbers only, no flag. To be run on the rotated series before their lag is taken out, as the columns KID and ZCD of FLUXNET files have it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edge.science.arrays import FloatArray, dot, sd_of_present
from edge.science.eddy.window import Window

SERIES = ("wind_u", "wind_v", "wind_w", "sonic_temperature", "co2", "h2o", "ch4", "gas4")


@dataclass(frozen=True)
class Differences:
    """``kurtosis`` about zero (3 for Gaussian noise); ``repeated`` samples equal to the one before."""

    kurtosis: float
    repeated: int


def differences(x: FloatArray, divisor_less: int = 0) -> Differences:
    """Kurtosis and zeros of the first differences.

    Parameters: ``x`` (n,), any unit; a difference with a NaN is left out. ``divisor_less`` 1 divides both sums by N - 1, as EddyPro does.
    N S4 / S2^2, S2 and S4 the sums of second and fourth powers; NaN when no difference is present or all are zero.

    >>> differences(np.array([0.0, 1.0, 0.0, 0.0, -1.0]))
    Differences(kurtosis=1.3333333333333333, repeated=1)
    """
    d = _steps(x)
    d2 = d * d
    s2 = float(d2.sum())
    kurtosis = (d.size - divisor_less) * (dot(d2, d2) / s2 / s2) if s2 > 0.0 and math.isfinite(s2) else math.nan
    return Differences(kurtosis, int(d.size - np.count_nonzero(d)))


def _steps(x: FloatArray) -> FloatArray:
    d: FloatArray = x[1:] - x[:-1]
    return d if math.isfinite(float(d.sum())) else d[np.isfinite(d)]


def neighbours(x: FloatArray) -> tuple[float, float]:
    """Correlation of neighbouring samples, 1 - <d^2> / (2 variance), 0 for white noise; and the share of samples equal to the one before.

    Parameters: ``x`` (n,), any unit; a difference with a NaN is left out; NaN without a difference or without spread. Source: von Neumann
    1941, Annals of Mathematical Statistics 12, 367-395.

    >>> correlation, repeats = neighbours(np.repeat(np.sin(0.2 * np.arange(500.0)), 2))
    >>> round(correlation, 2), round(repeats, 2)
    (0.99, 0.5)
    """
    d, spread = _steps(x), sd_of_present(x)
    if not d.size or not spread > 0.0:
        return math.nan, math.nan
    return 1.0 - dot(d, d) / d.size / (2.0 * spread * spread), 1.0 - int(np.count_nonzero(d)) / d.size


def step(window: Window, *, series: tuple[str, ...] = SERIES, divisor_less: int = 0) -> Window:
    """Values ``kurtosis_of_differences_<series>`` and ``repeated_<series>``."""
    values: dict[str, float] = {}
    for name in series:
        if name in window.series and window.series[name].size > 1:
            found = differences(window.series[name], divisor_less)
            values[f"kurtosis_of_differences_{name}"], values[f"repeated_{name}"] = found.kurtosis, float(found.repeated)
    return window.found(values)


def recorded_step(window: Window, *, series: tuple[str, ...] = SERIES) -> Window:
    """Values ``neighbour_correlation_<series>`` and ``repeat_share_<series>``, of the series as they were recorded: before rotation, which
    mixes a channel with its neighbours."""
    values: dict[str, float] = {}
    for name in series:
        if name in window.series:
            values[f"neighbour_correlation_{name}"], values[f"repeat_share_{name}"] = neighbours(window.series[name])
    return window.found({name: value for name, value in values.items() if not math.isnan(value)})
