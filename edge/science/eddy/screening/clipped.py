"""Clipped channels: samples that pile up at a series' largest or smallest value.

The tails of turbulence thin out: the one largest sample of a half-hour is met once or twice. An input that is too small for its signal
(the range of a logger's channel, a saturated detector, a limit set in an instrument) puts everything beyond on its limit, so that its
extreme is the commonest of values; the covariance is too small and looks good. Numbers only; to be run before despiking. Not here: limits
of what air can be (`limits`), one value for a long time (`stuck`).
"""

from __future__ import annotations

import math

import numpy as np

from edge.science.arrays import FloatArray
from edge.science.eddy.window import GASES, WIND, Window


def share_at_extreme(x: FloatArray) -> float:
    """Share of the samples present that stand exactly at the largest value, or at the smallest, whichever are more.

    Parameters: ``x`` (n,), any unit; NaN are left out; NaN without a sample.

    >>> share_at_extreme(np.array([1.0, 2.0, 5.0, 5.0, 3.0]))
    0.4
    """
    present = x if math.isfinite(float(x.sum())) else x[np.isfinite(x)]
    if not present.size:
        return math.nan
    return max(int(np.count_nonzero(present == edge)) for edge in (present.max(), present.min())) / present.size


def step(window: Window) -> Window:
    """Values ``clipped_share_<series>`` of wind, sonic temperature and gases."""
    there = [name for name in (*WIND, "sonic_temperature", *GASES) if name in window.series]
    return window.found({f"clipped_share_{name}": share_at_extreme(window.series[name]) for name in there})
