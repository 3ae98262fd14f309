"""Kurtosis of the differences between neighbouring samples, and how often a sample repeats the one before it.

Spikes, aliasing and steps of a digitiser make differences with heavy tails, which the kurtosis of the series itself hardly shows; a count
of repeated values shows a coarse resolution or a rate that is not the one in the header (Vitale et al. 2020, Biogeosciences 17, 1367-1391).
Numbers only, no flag. To be run on the rotated series before their lag is taken out, as the columns KID and ZCD of FLUXNET files have it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edge.science.arrays import FloatArray, dot
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
    d: FloatArray = x[1:] - x[:-1]
    if not math.isfinite(float(d.sum())):
        d = d[np.isfinite(d)]
    d2 = d * d
    s2 = float(d2.sum())
    kurtosis = (d.size - divisor_less) * (dot(d2, d2) / s2 / s2) if s2 > 0.0 and math.isfinite(s2) else math.nan
    return Differences(kurtosis, int(d.size - np.count_nonzero(d)))


def step(window: Window, *, series: tuple[str, ...] = SERIES, divisor_less: int = 0) -> Window:
    """Values ``kurtosis_of_differences_<series>`` and ``repeated_<series>``."""
    values: dict[str, float] = {}
    for name in series:
        if name in window.series and window.series[name].size > 1:
            found = differences(window.series[name], divisor_less)
            values[f"kurtosis_of_differences_{name}"], values[f"repeated_{name}"] = found.kurtosis, float(found.repeated)
    return window.found(values)
