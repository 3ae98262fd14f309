"""Statistics of a series beside mean and variance that the FLUXNET-named output wants: quartiles, kurtosis of the steps, repeated values.

Skewness and kurtosis themselves are `screening.moments.shape`. The engine's CORRDIFF is not here: what it is a difference of could not be
found from its numbers.
"""

from __future__ import annotations

import math

import numpy as np

from edge.science.arrays import FloatArray
from edge.science.eddy.screening.moments import shape
from edge.science.eddy.window import GASES, WIND, Window


def quartiles(x: FloatArray) -> tuple[float, float, float]:
    """25th percentile, median and 75th percentile of the samples present.

    Parameters: ``x`` (n,), any unit; NaN are left out; NaN without a sample. Sample k of n stands for the share (k - 0.5) / n (Hazen 1914;
    Hyndman & Fan 1996, The American Statistician 50, 361-365, definition 5), which gives the reference's digits.

    >>> quartiles(np.array([4.0, 1.0, 3.0, 2.0, np.nan]))
    (1.5, 2.5, 3.5)
    """
    present = x[np.isfinite(x)]
    if not present.size:
        return math.nan, math.nan, math.nan
    at = np.clip(np.array([0.25, 0.5, 0.75]) * present.size - 0.5, 0, present.size - 1)
    low, high = np.floor(at).astype(np.intp), np.ceil(at).astype(np.intp)
    ordered = np.partition(present, sorted({*low.tolist(), *high.tolist()}))
    found = ordered[low] + (at - low) * (ordered[high] - ordered[low])
    return float(found[0]), float(found[1]), float(found[2])


def kurtosis_of_differences(x: FloatArray) -> float:
    """Kurtosis (not the excess) of the steps from sample to sample: large where a signal rests and jumps.

    Parameters: ``x`` (n,), any unit; samples with NaN are left out and their neighbours taken as following each other. NaN without spread.
    Source: Vitale et al. 2020, Biogeosciences 17, 1367-1391.

    >>> kurtosis_of_differences(np.array([0.0, 1.0, 0.0, 1.0, 0.0]))
    1.0
    """
    return shape(np.diff(x[np.isfinite(x)])).kurtosis


def repeated_values(x: FloatArray) -> int:
    """How many samples have the value of the one before.

    Parameters: ``x`` (n,), any unit; samples with NaN are left out. Source: Vitale et al. 2020.

    >>> repeated_values(np.array([1.0, 1.0, np.nan, 1.0, 2.0]))
    2
    """
    return int(np.count_nonzero(np.diff(x[np.isfinite(x)]) == 0.0))


def step(window: Window) -> Window:
    """Values ``p25_<series>``, ``median_<series>``, ``p75_<series>``, ``kurtosis_of_differences_<series>``,
    ``repeated_values_<series>``."""
    values: dict[str, float] = {}
    for name in (*WIND, "sonic_temperature", *GASES):
        x = window.series.get(name)
        if x is None or not np.isfinite(x).any():
            continue
        values[f"p25_{name}"], values[f"median_{name}"], values[f"p75_{name}"] = quartiles(x)
        values[f"kurtosis_of_differences_{name}"] = kurtosis_of_differences(x)
        values[f"repeated_values_{name}"] = float(repeated_values(x))
    still = {name: "the series does not change" for name, value in values.items() if math.isnan(value)}
    return window.found(values, still)
