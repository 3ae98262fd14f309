"""Steadiness of the horizontal wind after Vickers & Mahrt (1997): how much the wind changes over the period, as a share of its mean.

The trend is the least-squares line's change from the first to the last sample, along the mean wind, across it, and of both together; each
is divided by the mean wind speed. Flags only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edge.science.arrays import FloatArray, dot
from edge.science.eddy.window import Window

HARD = 0.5


@dataclass(frozen=True)
class RelativeTrend:
    """Change over the period per mean wind speed: along the mean wind, across it, and the length of both."""

    along: float
    across: float
    horizontal: float


def change(x: FloatArray) -> float:
    """Change of the least-squares line from the first sample to the last.

    Parameters: ``x`` (n,), any unit; equal steps; NaN samples are left out. NaN for fewer than two samples.

    >>> round(change(np.array([1.0, 2.0, 3.0])), 12)
    2.0
    """
    t = np.arange(x.size, dtype=np.float64)
    if not math.isfinite(float(x.sum())):
        present = np.isfinite(x)
        t, y = t[present], x[present]
    else:
        y = x
    if y.size < 2:
        return math.nan
    t -= t.mean()
    return dot(t, y) / dot(t, t) * (x.size - 1)


def relative_trend(u: FloatArray, v: FloatArray) -> RelativeTrend:
    """Trend of the horizontal wind relative to its mean.

    Parameters: ``u``, ``v`` (n,) m s-1, in any one horizontal frame (they are turned into the mean wind here); NaN samples are left out.
    NaN without a mean wind. Source: Vickers & Mahrt 1997, J. Atmos. Oceanic Technol. 14, 512-526, nonsteadiness of the horizontal wind.

    >>> found = relative_trend(np.linspace(1.0, 3.0, 101), np.zeros(101))
    >>> round(found.along, 9), round(found.across, 9), round(found.horizontal, 9)
    (1.0, 0.0, 1.0)
    """
    both = np.isfinite(u) & np.isfinite(v)
    if not both.any():
        return RelativeTrend(math.nan, math.nan, math.nan)
    mean_u, mean_v = float(u[both].mean()), float(v[both].mean())
    speed = math.hypot(mean_u, mean_v)
    du, dv = change(u), change(v)
    if not speed > 0.0 or not math.isfinite(speed + du + dv):
        return RelativeTrend(math.nan, math.nan, math.nan)
    along = (du * (mean_u / speed) + dv * (mean_v / speed)) / speed
    across = (dv * (mean_u / speed) - du * (mean_v / speed)) / speed
    return RelativeTrend(along, across, math.hypot(along, across))


def step(window: Window, *, hard: float = HARD) -> Window:
    """Values ``nonsteadiness_along``, ``…_across``, ``…_horizontal`` and ``hard_flag_steadiness_horizontal_wind``."""
    if "wind_u" not in window.series or "wind_v" not in window.series:
        return window
    found = relative_trend(window.series["wind_u"], window.series["wind_v"])
    if math.isnan(found.horizontal):
        return window
    worst = max(abs(found.along), abs(found.across), found.horizontal)
    return window.found(
        {
            "nonsteadiness_along": found.along,
            "nonsteadiness_across": found.across,
            "nonsteadiness_horizontal": found.horizontal,
            "hard_flag_steadiness_horizontal_wind": float(worst >= hard),
        }
    )
