"""Stuck channels: samples that repeat one value for seconds become missing.

Turbulent air never stands still: a sonic or an analyser that gives the same digits for `LONGEST_S` has stopped measuring, whatever its
status says. Its covariance with the rest is zero for that time, so a flux would come out too small and look good. Same idea as the
dropout test of Vickers & Mahrt (1997, J. Atmos. Oceanic Technol. 14, 512-526), in its plainest form: only digits that are exactly equal
count, so that a coarse resolution in calm air is not mistaken for a fault. A channel that never changes is left to `presence`.
"""

from __future__ import annotations

import numpy as np

from edge.science.arrays import FloatArray
from edge.science.eddy.screening.presence import is_constant
from edge.science.eddy.window import GASES, WIND, Window

LONGEST_S = 10.0


def repeats_to_missing(x: FloatArray, longest: int) -> tuple[FloatArray, int]:
    """Replace every run of more than ``longest`` equal samples by NaN.

    Parameters: ``x`` (n,), any unit; NaN ends a run and stays. Returns the new series (``x`` itself when there is no such run) and how
    many samples were taken out.

    >>> repeats_to_missing(np.array([1.0, 2.0, 2.0, 2.0, 3.0]), 2)
    (array([ 1., nan, nan, nan,  3.]), 3)
    """
    if x.size <= longest or not _some_run(x, longest):
        return x, 0
    begins = np.concatenate(([0], np.flatnonzero(x[1:] != x[:-1]) + 1))
    lengths = np.diff(np.append(begins, x.size))
    stuck = np.repeat(lengths > longest, lengths)
    count = int(np.count_nonzero(stuck))
    return (np.where(stuck, np.nan, x), count) if count else (x, 0)


def _some_run(x: FloatArray, longest: int) -> bool:
    """Whether so many neighbours may be alike in a row: halving leaves nothing of a sound series after a few looks."""
    alike = x[1:] == x[:-1]
    reach = 1
    while 2 * reach <= longest and alike.any():
        alike = alike[reach:] & alike[:-reach]
        reach *= 2
    return bool(alike.any())


def step(window: Window, *, longest_s: float = LONGEST_S) -> Window:
    """Take the stuck samples out of wind, sonic temperature and gases."""
    longest = max(2, round(longest_s * window.rate_hz))
    changed: dict[str, FloatArray] = {}
    counts: dict[str, float] = {}
    for name in (*WIND, "sonic_temperature", *GASES):
        x = window.series.get(name)
        if x is None:
            continue
        kept, count = repeats_to_missing(x, longest)
        if count and not is_constant(x):
            changed[name], counts[f"stuck_{name}"] = kept, float(count)
    return window.with_series(changed).found(counts)
