"""Double rotation: the frame is turned into the mean wind, so that mean v and mean w are zero.

Right for a fixed sonic over level ground or water. Not here: planar fit; the motion of a platform (no rotation removes it).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge.science.arrays import FloatArray
from edge.science.eddy.window import WIND, Window


@dataclass(frozen=True)
class Rotated:
    """Wind in the frame of the mean wind, and the angles that led there."""

    u: FloatArray
    v: FloatArray
    w: FloatArray
    yaw_deg: float
    pitch_deg: float


def double_rotation(u: FloatArray, v: FloatArray, w: FloatArray) -> Rotated:
    """Turn the frame about w until mean v is zero, then about v until mean w is zero.

    Parameters: ``u``, ``v``, ``w`` (n,), m s-1, right-handed, w up. A sample with any component missing is missing in all three of the
    result; with none present the angles are NaN. Angles: yaw = atan2(v, u) in [0, 360), pitch = atan2(w, u1), of the means.
    Source: Wilczak et al. 2001, Boundary-Layer Meteorology 99, 127-150, eq. 22 to 29.

    >>> turned = double_rotation(np.array([3.0, 3.0]), np.array([4.0, 4.0]), np.array([0.0, 0.0]))
    >>> round(turned.yaw_deg, 3), [round(float(x), 9) for x in turned.u]
    (53.13, [5.0, 5.0])
    """
    whole = np.isfinite(u) & np.isfinite(v) & np.isfinite(w)
    if not whole.all():
        u, v, w = (np.where(whole, x, np.nan) for x in (u, v, w))
    if not whole.any():
        return Rotated(u, v, w, float("nan"), float("nan"))
    u_mean, v_mean, w_mean = (float(x[whole].mean()) for x in (u, v, w))
    yaw = float(np.arctan2(v_mean, u_mean))
    along = u * np.cos(yaw) + v * np.sin(yaw)
    across = v * np.cos(yaw) - u * np.sin(yaw)
    pitch = float(np.arctan2(w_mean, np.hypot(u_mean, v_mean)))
    return Rotated(
        u=along * np.cos(pitch) + w * np.sin(pitch),
        v=across,
        w=w * np.cos(pitch) - along * np.sin(pitch),
        yaw_deg=float(np.degrees(yaw)) % 360.0,
        pitch_deg=float(np.degrees(pitch)),
    )


def step(window: Window) -> Window:
    """Rotate the wind; needs all three components."""
    if any(name not in window.series for name in WIND):
        return window
    turned = double_rotation(*(window.series[name] for name in WIND))
    speed = np.hypot(window.series["wind_u"], window.series["wind_v"])
    values = {"yaw_deg": turned.yaw_deg, "pitch_deg": turned.pitch_deg, "wind_speed_max_ms": float(np.nanmax(speed))}
    return window.with_series({"wind_u": turned.u, "wind_v": turned.v, "wind_w": turned.w}).found(values)
