"""Stationarity after Foken & Wichura (1996): does the covariance of the whole equal the mean of those of its parts?"""

from __future__ import annotations

import math

import numpy as np

from edge.science.arrays import FloatArray
from edge.science.eddy.moments.momentum import friction_velocity
from edge.science.eddy.window import GASES, Window
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


def whole_percent_of(deviation_percent: float) -> float:
    """The whole percent of a deviation, cut off: what the reference engine compares with its limits. NaN and infinity stay.

    >>> whole_percent_of(30.9)
    30.0
    """
    return float(math.floor(deviation_percent)) if math.isfinite(deviation_percent) else deviation_percent


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


class _Parts:
    """Series without their means, cut into parts, so that every covariance is one pass; a series with gaps goes the slow way."""

    def __init__(self, window: Window, names: tuple[str, ...], parts: int) -> None:
        self.parts = parts
        self.series = {name: window.series[name] for name in names if name in window.series}
        self.centred: dict[str, FloatArray] = {}
        self.means: dict[str, FloatArray] = {}
        for name, x in self.series.items():
            mean = float(x.mean()) if x.size >= parts else math.nan
            if math.isfinite(mean):
                self.centred[name] = x - mean
                self.means[name] = self._rows(name).mean(axis=1)

    def _rows(self, name: str) -> FloatArray:
        x = self.centred[name]
        length = x.size // self.parts
        return x[: self.parts * length].reshape(self.parts, length)

    def both(self, a: str, b: str) -> tuple[float, float]:
        """The covariance of the whole, and the mean of those of the parts."""
        if a not in self.centred or b not in self.centred:
            x, y = self.series[a], self.series[b]
            each = [covariance(x[part], y[part]) for part in _slices(x.size, self.parts)]
            return covariance(x, y), sum(each) / self.parts
        rows = self._rows(a)
        products = np.einsum("ij,ij->i", rows, self._rows(b))
        x, y = self.centred[a], self.centred[b]
        rest = float(np.einsum("i,i->", x[rows.size :], y[rows.size :]))
        of_parts = products / rows.shape[1] - self.means[a] * self.means[b]
        return (float(products.sum()) + rest) / x.size, float(of_parts.sum()) / self.parts

    def deviation(self, a: str, b: str) -> float:
        """How far the mean of the parts lies from the whole, percent."""
        return deviation_percent(*self.both(a, b))


def step(window: Window, *, parts: int = PARTS, whole_percent: bool = False, variances: bool = False) -> Window:
    """Values ``nonstationarity_<flux>`` in percent for momentum, heat and the gases; with ``variances`` also
    ``nonstationarity_variance_<series>`` of u, w, sonic temperature and the gases. ``whole_percent`` cuts them off to whole percent (the
    reference engine)."""
    found = _Parts(window, ("wind_u", "wind_v", "wind_w", "sonic_temperature", *GASES), parts)
    values: dict[str, float] = {}
    if {"wind_u", "wind_v", "wind_w"} <= set(found.series):
        (uw, uw_parts), (vw, vw_parts) = found.both("wind_u", "wind_w"), found.both("wind_v", "wind_w")
        values["nonstationarity_momentum"] = deviation_percent(friction_velocity(uw, vw), friction_velocity(uw_parts, vw_parts))
        for flux, name in (("heat", "sonic_temperature"), *((gas, gas) for gas in GASES)):
            if name in found.series:
                values[f"nonstationarity_{flux}"] = found.deviation("wind_w", name)
    if variances:
        for name in found.series:
            if name != "wind_v":
                values[f"nonstationarity_variance_{name}"] = found.deviation(name, name)
    return window.found({name: whole_percent_of(x) for name, x in values.items()} if whole_percent else values)
