"""The two-dimensional footprint on the ground: contours that hold a share of the flux, and the share that falls on given areas.

Metres around the mast, x east, y north. Nothing is drawn on a grid: across the wind the footprint is a normal distribution, so that the
width of a contour is a closed form and what it holds is an integral along the wind. `density` gives the footprint at any points, for a
map. Not here: more than one window (add densities), coordinates of a map projection.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from edge.science.arrays import BoolArray, FloatArray, floats
from edge.science.eddy.footprint.kljun2015 import B, C, D, Footprint, scaled_footprint, scaled_width

PERCENTS = (50.0, 70.0, 80.0, 90.0)
POINTS = 41
"""points of one contour, the last one the first again"""
_ALONG, _ACROSS, _REACH = 200, 31, 3.6


def _along_wind(count: int = _ALONG) -> tuple[FloatArray, FloatArray]:
    """Scaled distances X*, and the share of the flux of each (sum 1): midpoints of equal steps of exp(-c / (X* - d)), in which eq. 14 is
    almost flat."""
    s = (np.arange(count) + 0.5) / count
    t = -C / np.log(s)
    weight = t ** (B + 2.0)
    return t + D, weight / weight.sum()


def _erf(x: FloatArray) -> FloatArray:
    """The error function of x >= 0 within 1.5e-7 (Abramowitz & Stegun 1964, 7.1.26)."""
    t = 1.0 / (1.0 + 0.3275911 * x)
    poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    return np.asarray(1.0 - poly * np.exp(-x * x))


def _log_height(x: FloatArray) -> FloatArray:
    """ln of the scaled footprint on the centre line, F* / sigma_y*, without the constants."""
    t = x - D
    return np.asarray(B * np.log(t) - C / t - np.log(scaled_width(x)))


def _levels(percents: Sequence[float]) -> FloatArray:
    """ln of the height that encloses each percentage, on the scale of `_log_height`: what a height encloses is the sum over the along-wind
    shares of the part of a normal distribution above it, erf(sqrt(ln(height / level)))."""
    x, weight = _along_wind()
    height = _log_height(x)
    top = float(height.max())
    trial = top - np.concatenate([np.linspace(0.0, 2.0, 60), np.linspace(2.1, 14.0, 80)])
    held = np.array([np.sum(weight * _erf(np.sqrt(np.maximum(height - level, 0.0)))) for level in trial])
    return np.interp(np.asarray(percents) / 100.0, held, trial)


def _ends(level: float) -> tuple[float, float]:
    """The nearest and the farthest X* of the contour of a level: the height rises to one maximum and falls after it."""
    x = D + np.geomspace(0.02, 1e4, 800)
    height = _log_height(x)
    top = int(np.argmax(height))
    near = float(np.interp(level, height[: top + 1], x[: top + 1]))
    far = float(np.exp(np.interp(-level, -height[top:], np.log(x[top:]))))
    return near, far


def to_map(upwind_m: ArrayLike, across_m: ArrayLike, wind_from_deg: float) -> tuple[FloatArray, FloatArray]:
    """East and north of points given as metres upwind of the mast and metres to the right of someone who looks upwind.

    Parameters: any shape; direction the wind comes from, degrees clockwise from north. NaN gives NaN.

    >>> [round(float(v), 6) for v in to_map(10.0, 0.0, 90.0)]
    [10.0, 0.0]
    """
    a = math.radians(wind_from_deg)
    x, y = floats(upwind_m), floats(across_m)
    return np.asarray(x * math.sin(a) + y * math.cos(a)), np.asarray(x * math.cos(a) - y * math.sin(a))


@cache
def _scaled_contour(percent: float, points: int) -> tuple[FloatArray, FloatArray]:
    """One contour in scaled form, X* and y / sigma_y-scale: the same for every window, so it is worked out once."""
    level = float(_levels((percent,))[0])
    near, far = _ends(level)
    x = near + (far - near) * 0.5 * (1.0 - np.cos(np.linspace(0.0, math.pi, points // 2 + 1)))
    y = scaled_width(x) * np.sqrt(2.0 * np.maximum(_log_height(x) - level, 0.0))
    y[0] = y[-1] = 0.0
    return np.concatenate([x, x[-2::-1]]), np.concatenate([y, -y[-2::-1]])


def contours(
    found: Footprint, wind_from_deg: float, percents: Sequence[float] = PERCENTS, points: int = POINTS
) -> dict[float, tuple[FloatArray, FloatArray]]:
    """Closed lines around the area of the highest footprint that holds each percentage of the flux: percent → (east, north), m.

    Parameters: the window's footprint; direction the wind comes from; percentages in (0, 95]; how many points (odd). Empty when the
    footprint or the direction is not known. No smaller area holds the same share (Schmid 1994, Boundary-Layer Meteorology 67, 293-318).

    >>> east, north = contours(Footprint(100.0, 20.0), 0.0)[80.0]
    >>> east.size, bool(east[0] == east[-1]), round(float(north.max()))
    (41, True, 890)
    """
    if not found.known or not math.isfinite(wind_from_deg):
        return {}
    scaled = {percent: _scaled_contour(float(percent), points) for percent in percents}
    return {percent: to_map(x * found.length_m, y * found.width_m, wind_from_deg) for percent, (x, y) in scaled.items()}


def density(found: Footprint, wind_from_deg: float, east_m: ArrayLike, north_m: ArrayLike) -> FloatArray:
    """The footprint at points of a map, m-2: what share of the flux a square metre there gives.

    Parameters: the window's footprint; direction the wind comes from, degrees; points (any shape), m. All NaN when the footprint or the
    direction is not known. Kljun et al. 2015, eq. 10.

    >>> f = density(Footprint(100.0, 20.0), 0.0, [0.0, 0.0], [87.0, -87.0])
    >>> round(1e6 * float(f[0]), 1), float(f[1])
    (129.0, 0.0)
    """
    east, north = floats(east_m), floats(north_m)
    if not found.known or not math.isfinite(wind_from_deg):
        return np.full(np.broadcast(east, north).shape, np.nan)
    a = math.radians(wind_from_deg)
    x = (east * math.sin(a) + north * math.cos(a)) / found.length_m
    y = east * math.cos(a) - north * math.sin(a)
    sigma = np.maximum(scaled_width(x), 1e-9) * found.width_m
    across = np.exp(-0.5 * (y / sigma) ** 2) / (math.sqrt(2.0 * math.pi) * sigma)
    return np.asarray(scaled_footprint(x) / found.length_m * across)


def inside(polygon: ArrayLike, east_m: FloatArray, north_m: FloatArray) -> BoolArray:
    """Which points lie in a polygon (even-odd rule: a line from the point to the east crosses the edges an odd number of times).

    Parameters: ``polygon`` (n, 2) corners in m, open or closed; points (m,). Fewer than three corners, or a corner with NaN, hold no point.

    >>> inside([[0, 0], [2, 0], [2, 2], [0, 2]], np.array([1.0, 3.0]), np.array([1.0, 1.0])).tolist()
    [True, False]
    """
    corners = floats(polygon)
    if corners.ndim != 2 or corners.shape[0] < 3 or corners.shape[1] != 2 or not np.isfinite(corners).all():
        return np.zeros(east_m.shape, dtype=np.bool_)
    low, high = corners.min(axis=0), corners.max(axis=0)
    near = (east_m >= low[0]) & (east_m <= high[0]) & (north_m >= low[1]) & (north_m <= high[1])
    held = np.zeros(east_m.shape, dtype=np.bool_)
    held[near] = _crossed_odd(corners, east_m[near], north_m[near])
    return held


def _crossed_odd(corners: FloatArray, east_m: FloatArray, north_m: FloatArray) -> BoolArray:
    """Whether a line to the east crosses the edges an odd number of times."""
    crossings = np.zeros(east_m.shape, dtype=np.bool_)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y1 == y2:
            continue
        spans = (y1 > north_m) != (y2 > north_m)
        crossings ^= spans & (east_m < x1 + (north_m - y1) * ((x2 - x1) / (y2 - y1)))
    return np.asarray(crossings)


def share_on(found: Footprint, wind_from_deg: float, polygons: Sequence[ArrayLike]) -> float:
    """Share of the footprint that falls on areas, 0 to 1: the flooded or the water share of a window.

    Parameters: the window's footprint; direction the wind comes from, degrees; polygons, each (n, 2) corners east and north of the mast, m.
    Overlapping polygons count once; a hole is a polygon drawn into its outer one as one line. NaN when the footprint or the direction is
    not known. Summed over 200 x 31 points of known shares: within 0.01 of the integral.

    >>> everything_north = [[-1e6, 0.0], [1e6, 0.0], [1e6, 1e6], [-1e6, 1e6]]
    >>> round(share_on(Footprint(100.0, 20.0), 0.0, [everything_north]), 3), share_on(Footprint(100.0, 20.0), 180.0, [everything_north])
    (1.0, 0.0)
    """
    if not found.known or not math.isfinite(wind_from_deg):
        return math.nan
    x, along = _along_wind()
    z = np.linspace(-_REACH, _REACH, _ACROSS)
    normal = np.exp(-0.5 * z * z)
    across = np.outer(scaled_width(x) * found.width_m, z)
    east, north = to_map(np.broadcast_to((x * found.length_m)[:, None], across.shape).ravel(), across.ravel(), wind_from_deg)
    hit = np.zeros(east.shape, dtype=np.bool_)
    for polygon in polygons:
        hit |= inside(polygon, east, north)
    weight = np.outer(along, normal / normal.sum()).ravel()
    return min(1.0, float(np.sum(weight[hit])))
