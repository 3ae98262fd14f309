"""Lag test after Vickers & Mahrt (1997): how much covariance would be lost at the expected lag instead of the one of the maximum.

A large discrepancy says that the setup's lag is wrong, that clocks drift, or that there is no flux to find a lag in. Run after the lag
search and the covariances; flags only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from edge.science.arrays import FloatArray
from edge.science.eddy.window import Window
from edge.science.statistics import covariance

HARD_PERCENT, SOFT_PERCENT = 20.0, 10.0


def discrepancy_percent(largest: float, at_default: float) -> float:
    """(|largest| - |default|) / |default| in percent.

    Parameters: covariance at the lag of the maximum and at the expected lag, same unit. Infinite when the second is zero and the first is
    not; NaN when either is NaN.

    >>> round(discrepancy_percent(-0.12, -0.10), 9)
    20.0
    """
    if math.isnan(largest) or math.isnan(at_default):
        return math.nan
    if at_default == 0.0:
        return 0.0 if largest == 0.0 else math.inf
    return 100.0 * (abs(largest) - abs(at_default)) / abs(at_default)


def covariance_at(w: FloatArray, x: FloatArray, samples: int) -> float:
    """Covariance of ``w`` with ``x`` read ``samples`` later (earlier when negative).

    Parameters: ``w``, ``x`` (n,); what falls off the ends is left out, as are pairs with a NaN. NaN when nothing is left.

    >>> import numpy as np
    >>> covariance_at(np.array([1.0, 3.0, 9.0]), np.array([9.0, 1.0, 3.0]), 1)
    1.0
    """
    n = w.size
    if abs(samples) >= n:
        return math.nan
    return covariance(w[: n - samples], x[samples:]) if samples >= 0 else covariance(w[-samples:], x[: n + samples])


def step(
    window: Window, *, default_lag_s: Mapping[str, float], hard_percent: float = HARD_PERCENT, soft_percent: float = SOFT_PERCENT
) -> Window:
    """Values ``lag_discrepancy_<gas>`` (percent) and ``hard_flag_lag_<gas>``, ``soft_flag_lag_<gas>`` for gases whose lag was taken out.

    ``default_lag_s`` gas → the lag the setup lets expect; needs ``lag_<gas>_s`` and the series already moved by it.
    """
    values: dict[str, float] = {}
    for gas, default_s in default_lag_s.items():
        taken_s = window.value(f"lag_{gas}_s")
        if gas not in window.series or "wind_w" not in window.series or math.isnan(taken_s) or math.isnan(default_s):
            continue
        w, x = window.series["wind_w"], window.series[gas]
        back = round(default_s * window.rate_hz) - round(taken_s * window.rate_hz)
        known = window.value(f"cov_wind_w_{gas}")
        largest = covariance(w, x) if math.isnan(known) else known
        percent = discrepancy_percent(largest, largest if back == 0 else covariance_at(w, x, back))
        if math.isnan(percent):
            continue
        values[f"lag_discrepancy_{gas}"] = percent
        values[f"hard_flag_lag_{gas}"] = float(percent >= hard_percent)
        values[f"soft_flag_lag_{gas}"] = float(percent >= soft_percent)
    return window.found(values)
