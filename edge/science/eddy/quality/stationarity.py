"""Stationarity after Foken & Wichura (1996): does the covariance of the whole equal the mean of those of its parts?"""

from __future__ import annotations

import math

from edge.science.arrays import FloatArray
from edge.science.eddy.moments.momentum import friction_velocity
from edge.science.eddy.window import Window
from edge.science.statistics import covariance

PARTS = 6


def _slices(n: int, parts: int) -> list[slice]:
    length = n // parts
    return [slice(k * length, (k + 1) * length) for k in range(parts)]


def deviation_percent(whole: float, mean_of_parts: float) -> float:
    """|whole - mean of parts| / |whole| in percent; infinite when the whole is zero and the parts are not, NaN when either is NaN.

    >>> deviation_percent(-0.2, -0.15)
    25.0
    """
    if math.isnan(whole) or math.isnan(mean_of_parts):
        return math.nan
    if whole == 0.0:
        return 0.0 if mean_of_parts == 0.0 else math.inf
    return round(100.0 * abs((whole - mean_of_parts) / whole), 9)


def nonstationarity_percent(w: FloatArray, x: FloatArray, parts: int = PARTS) -> float:
    """How far the mean of the covariances of ``parts`` equal parts lies from the covariance of the whole, percent.

    Parameters: ``w``, ``x`` (n,), rotated and lagged, not detrended. Pairs with NaN are left out; a part without any pair gives NaN.
    Source: Foken & Wichura 1996, Agricultural and Forest Meteorology 78, 83-105.

    >>> import numpy as np
    >>> nonstationarity_percent(np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.0, 1.0, 2.0, 3.0]), parts=2)
    80.0
    """
    each = [covariance(w[part], x[part]) for part in _slices(w.size, parts)]
    return deviation_percent(covariance(w, x), sum(each) / parts)


def nonstationarity_of_friction_velocity(u: FloatArray, v: FloatArray, w: FloatArray, parts: int = PARTS) -> float:
    """The same for momentum, on the friction velocity (it has no sign to lose), percent. Parameters as `nonstationarity_percent`."""
    whole = friction_velocity(covariance(u, w), covariance(v, w))
    slices = _slices(w.size, parts)
    uw = sum(covariance(u[part], w[part]) for part in slices) / parts
    vw = sum(covariance(v[part], w[part]) for part in slices) / parts
    return deviation_percent(whole, friction_velocity(uw, vw))


def step(window: Window) -> Window:
    """Values ``nonstationarity_<flux>`` in percent for momentum, heat, h2o and co2."""
    series = window.series
    values: dict[str, float] = {}
    if "wind_w" in series:
        values["nonstationarity_momentum"] = nonstationarity_of_friction_velocity(series["wind_u"], series["wind_v"], series["wind_w"])
        for flux, name in (("heat", "sonic_temperature"), ("h2o", "h2o"), ("co2", "co2")):
            if name in series:
                values[f"nonstationarity_{flux}"] = nonstationarity_percent(series["wind_w"], series[name])
    return window.found(values)
