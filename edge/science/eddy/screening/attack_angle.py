"""Angle of attack: how often the wind meets the sonic from so far above or below that its frame distorts the measurement.

Flags only. The correction of the error itself is the sonic's matter, not this module's.
"""

from __future__ import annotations

import math

import numpy as np

from edge.science.arrays import FloatArray
from edge.science.eddy.window import WIND, Window

LIMIT_DEG = 30.0
HARD_PERCENT = 10.0


def steep_percent(u: FloatArray, v: FloatArray, w: FloatArray, limit_deg: float = LIMIT_DEG) -> float:
    """Percentage of samples whose wind vector stands more than ``limit_deg`` above or below the sonic's horizontal.

    Parameters: ``u``, ``v``, ``w`` (n,) m s-1 in the sonic's own frame, before any rotation; a sample with a NaN is left out. NaN when none
    is present. |w| > tan(limit) sqrt(u2 + v2), without an arctangent.

    >>> steep_percent(np.array([1.0, 1.0]), np.zeros(2), np.array([0.5, 0.6]))
    50.0
    """
    horizontal = u * u + v * v
    present = int(np.count_nonzero(np.isfinite(horizontal + w)))
    if not present:
        return math.nan
    return 100.0 * int(np.count_nonzero(w * w > math.tan(math.radians(limit_deg)) ** 2 * horizontal)) / present


def step(window: Window, *, limit_deg: float = LIMIT_DEG, hard_percent: float = HARD_PERCENT) -> Window:
    """Values ``steep_attack_percent`` and ``hard_flag_attack_angle_wind_w``."""
    if any(name not in window.series for name in WIND):
        return window
    percent = steep_percent(window.series["wind_u"], window.series["wind_v"], window.series["wind_w"], limit_deg)
    if math.isnan(percent):
        return window
    return window.found({"steep_attack_percent": percent, "hard_flag_attack_angle_wind_w": float(percent > hard_percent)})
