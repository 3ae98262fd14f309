"""Which series of a window can carry a result: enough samples, and not a dead (constant) channel.

A covariance with a constant is zero, which looks like a good flux of nothing; so a constant channel is treated as absent, with its reason.
Run before screening and again after it.
"""

from __future__ import annotations

import math

import numpy as np

from edge.science.arrays import FloatArray, count_finite
from edge.science.eddy.window import WIND, Window

MINIMUM_SHARE = 0.9


def is_constant(x: FloatArray) -> bool:
    """Whether all present samples are the same to within rounding (a part in 1e9 of their size); False when none is present.

    Parameters: ``x`` (n,), any unit. NaN samples are left out.

    >>> is_constant(np.array([2.0, np.nan, 2.0]))
    True
    """
    present = x if math.isfinite(float(x.sum())) else x[np.isfinite(x)]
    if not present.size:
        return False
    high, low = float(present.max()), float(present.min())
    return high - low <= 1e-9 * max(1e-12, high, -low)


def absence(x: FloatArray, expected: int, minimum_share: float = MINIMUM_SHARE) -> str:
    """Why a series cannot be used, or an empty text.

    Parameters: ``x`` (n,); ``expected`` samples of a full period; ``minimum_share`` of them that must be present (EddyPro's rule: at most
    10 % missing). NaN counts as missing.

    >>> absence(np.array([1.0, 2.0, np.nan, np.nan]), 4)
    '50 % of the samples are present, 90 % are needed'
    """
    count = count_finite(x)
    if not count:
        return "no valid sample"
    share = count / expected
    if share < minimum_share:
        return f"{100 * share:.0f} % of the samples are present, {100 * minimum_share:.0f} % are needed"
    if is_constant(x):
        return "the channel is constant"
    return ""


def step(window: Window, *, minimum_share: float = MINIMUM_SHARE) -> Window:
    """Drop the series that cannot be used, and all wind components when one of them cannot."""
    dropped: dict[str, str] = {}
    for name in (*WIND, "sonic_temperature", "co2", "h2o"):
        x = window.series.get(name)
        why = "no such column" if x is None else absence(x, window.expected, minimum_share)
        if why and name not in window.reasons:
            dropped[name] = why
    broken = [name for name in WIND if name in dropped or name in window.reasons]
    if broken:
        why = dropped.get(broken[0]) or window.reasons[broken[0]]
        dropped.update({name: f"{broken[0]}: {why}" for name in WIND if name not in broken and name not in window.reasons})
    shares = {f"share_{name}": window.share(name) for name in (*WIND, "sonic_temperature", "co2", "h2o") if name in window.series}
    return window.without(dropped).found(shares)
