"""Quartiles of a series, as tables with FLUXNET names print them. Skewness and kurtosis: `screening.moments`; the steps from sample to
sample: `screening.differences`."""

from __future__ import annotations

import math

import numpy as np

from edge.science.arrays import FloatArray


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
