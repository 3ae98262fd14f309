"""Rotation into the mean wind: none, double, triple. A frame is a matrix; the series are turned once.

Double rotation is right for a fixed sonic over level ground or water. Triple rotation (cross-stream stress made zero) is offered because
data sets use it; it is not recommended (Finnigan 2004, Boundary-Layer Meteorology 113, 1-41). Not here: the plane of many windows
(`planar_fit`), the motion of a platform (no rotation removes it).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from edge.science.arrays import FloatArray
from edge.science.eddy.window import WIND, Window

Method = Literal["none", "double", "triple"]


@dataclass(frozen=True)
class Rotated:
    """Wind in the frame of the mean wind, and the angles that led there (degrees; NaN: not turned about that axis)."""

    u: FloatArray
    v: FloatArray
    w: FloatArray
    yaw_deg: float
    pitch_deg: float
    roll_deg: float = math.nan


def common_samples(u: FloatArray, v: FloatArray, w: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The components with a sample missing in all three where it is missing in any.

    Parameters: (n,), m s-1. The arrays themselves come back when nothing is missing.

    >>> common_samples(np.array([1.0, np.nan]), np.array([2.0, 2.0]), np.array([3.0, 3.0]))[2]
    array([ 3., nan])
    """
    whole = np.isfinite(u) & np.isfinite(v) & np.isfinite(w)
    if whole.all():
        return u, v, w
    gaps = ~whole
    first, second, third = u.copy(), v.copy(), w.copy()
    first[gaps] = second[gaps] = third[gaps] = np.nan
    return first, second, third


def turned(matrix: FloatArray, u: FloatArray, v: FloatArray, w: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The wind in a turned frame: each row of the (3, 3) ``matrix`` is a new axis.

    Parameters: ``u``, ``v``, ``w`` (n,), m s-1; NaN spreads to all components. Written out, not a matrix product: its threads would make
    the last digits depend on the machine.

    >>> [x.tolist() for x in turned(np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]), *np.array([[3.0], [4.0], [5.0]]))]
    [[4.0], [-3.0], [5.0]]
    """
    along, across, up = (row[0] * u + row[1] * v + row[2] * w for row in matrix)
    return along, across, up


def _about_vertical(yaw: float) -> FloatArray:
    return np.array([[math.cos(yaw), math.sin(yaw), 0.0], [-math.sin(yaw), math.cos(yaw), 0.0], [0.0, 0.0, 1.0]])


def _about_cross_stream(pitch: float) -> FloatArray:
    return np.array([[math.cos(pitch), 0.0, math.sin(pitch)], [0.0, 1.0, 0.0], [-math.sin(pitch), 0.0, math.cos(pitch)]])


def _about_stream(roll: float) -> FloatArray:
    return np.array([[1.0, 0.0, 0.0], [0.0, math.cos(roll), math.sin(roll)], [0.0, -math.sin(roll), math.cos(roll)]])


def double_rotation(u: FloatArray, v: FloatArray, w: FloatArray) -> Rotated:
    """Turn the frame about w until mean v is zero, then about v until mean w is zero.

    Parameters: ``u``, ``v``, ``w`` (n,), m s-1, right-handed, w up. A sample with any component missing is missing in all three of the
    result; with none present the angles are NaN. Angles: yaw = atan2(v, u) in [0, 360), pitch = atan2(w, u1), of the means.
    Source: Wilczak et al. 2001, Boundary-Layer Meteorology 99, 127-150, eq. 22 to 26.

    >>> turned = double_rotation(np.array([3.0, 3.0]), np.array([4.0, 4.0]), np.array([0.0, 0.0]))
    >>> round(turned.yaw_deg, 3), [round(float(x), 9) for x in turned.u]
    (53.13, [5.0, 5.0])
    """
    u, v, w = common_samples(u, v, w)
    present = np.isfinite(u)
    if not present.any():
        return Rotated(u, v, w, math.nan, math.nan)
    u_mean, v_mean, w_mean = (float(x[present].mean()) for x in (u, v, w))
    yaw = math.atan2(v_mean, u_mean)
    pitch = math.atan2(w_mean, math.hypot(u_mean, v_mean))
    along, across, up = turned(_about_cross_stream(pitch) @ _about_vertical(yaw), u, v, w)
    return Rotated(along, across, up, math.degrees(yaw) % 360.0, math.degrees(pitch))


def triple_rotation(u: FloatArray, v: FloatArray, w: FloatArray) -> Rotated:
    """Double rotation, then about the mean wind until <v'w'> is zero.

    Parameters and missing samples as `double_rotation`. roll = 1/2 atan(2 <v'w'> / (<v'v'> - <w'w'>)) (Wilczak et al. 2001, eq. 27 to 29,
    after McMillen 1988).

    >>> v = np.array([1.0, -1.0, 0.0, 0.0]); w = np.array([0.1, -0.1, 0.5, -0.5])
    >>> found = triple_rotation(np.full(4, 5.0), v, w)
    >>> round(found.roll_deg, 3), abs(round(float((found.v * found.w).mean()), 12))
    (7.562, 0.0)
    """
    first = double_rotation(u, v, w)
    present = np.isfinite(first.v)
    if not present.any():
        return first
    across, up = first.v[present], first.w[present]
    across, up = across - across.mean(), up - up.mean()
    cross, difference = 2.0 * float((across * up).mean()), float((across * across).mean() - (up * up).mean())
    roll = 0.5 * math.atan(cross / difference) if difference else 0.0
    along, across, up = turned(_about_stream(roll), first.u, first.v, first.w)
    return Rotated(along, across, up, first.yaw_deg, first.pitch_deg, math.degrees(roll))


def step(window: Window, *, method: Method = "double") -> Window:
    """Rotate the wind; needs all three components. Values ``yaw_deg``, ``pitch_deg``, ``roll_deg`` of the turns made, ``wind_speed_max_ms``
    and the means before as ``unrotated_<component>``."""
    if any(name not in window.series for name in WIND):
        return window
    u, v, w = (window.series[name] for name in WIND)
    if method == "none":
        rotated = Rotated(*common_samples(u, v, w), math.nan, math.nan)
    else:
        rotated = (double_rotation if method == "double" else triple_rotation)(u, v, w)
    return with_rotated(window, rotated)


def with_rotated(window: Window, rotated: Rotated) -> Window:
    """The window with its wind replaced, its angles and what the wind was before (shared by all ways of rotating)."""
    u, v, w = (window.series[name] for name in WIND)
    values = {f"unrotated_{name}": float(np.nanmean(x)) for name, x in zip(WIND, (u, v, w), strict=True)}
    values["wind_speed_max_ms"] = float(np.sqrt(np.nanmax(u * u + v * v + w * w)))
    angles = {"yaw_deg": rotated.yaw_deg, "pitch_deg": rotated.pitch_deg, "roll_deg": rotated.roll_deg}
    values |= {name: angle for name, angle in angles.items() if not math.isnan(angle)}
    return window.with_series({"wind_u": rotated.u, "wind_v": rotated.v, "wind_w": rotated.w}).found(values)
