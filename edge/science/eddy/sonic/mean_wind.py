"""Mean wind before any rotation: speed of the mean vector, scalar speed, and direction.

The direction is the circular mean of the instantaneous directions, as flux networks report it; it differs from the direction of the mean
vector by a degree or two in light winds.
"""

from __future__ import annotations

import math

import numpy as np

from edge.science.arrays import FloatArray, mean_of_present
from edge.science.eddy.window import Window
from edge.science.statistics import yamartino_sd_deg

UNKNOWN = "the compass direction of the sonic's u axis is not known: give mounting.u_from_deg"


def direction_and_sd_deg(u: FloatArray, v: FloatArray, speed: FloatArray, u_from_deg: float) -> tuple[float, float]:
    """Circular mean of the directions the wind comes from, and their standard deviation, degrees.

    Parameters: (n,), m s-1, ``speed`` the horizontal one; ``u_from_deg`` the compass direction from which a wind along +u comes. Samples
    with NaN or without wind are left out; NaN when none is left or the directions cancel. Standard deviation: `yamartino_sd_deg`.

    >>> u, v = np.array([3.0, 3.0]), np.array([4.0, -4.0])
    >>> [round(x, 2) for x in direction_and_sd_deg(u, v, np.hypot(u, v), 90.0)]
    [90.0, 57.34]
    """
    blowing = speed > 0.0
    if not blowing.all():  # NaN compares false
        u, v, speed = u[blowing], v[blowing], speed[blowing]
    if not speed.size:
        return math.nan, math.nan
    along, across = float((u / speed).mean()), float((v / speed).mean())
    resultant = math.hypot(along, across)
    if resultant < 1e-9:
        return math.nan, math.nan
    return (u_from_deg - math.degrees(math.atan2(across, along))) % 360.0, yamartino_sd_deg(resultant)


def step(window: Window, *, u_from_deg: float) -> Window:
    """Values ``wind_speed_ms`` (of the mean vector, as after rotation), ``wind_speed_scalar_ms``, ``wind_from_direction_deg`` and
    ``wind_from_direction_sd_deg``. With ``u_from_deg`` NaN there is no direction, with the reason."""
    if "wind_u" not in window.series:
        return window
    u, v, w = (window.series[name] for name in ("wind_u", "wind_v", "wind_w"))
    speed = np.sqrt(u * u + v * v)
    direction, spread = direction_and_sd_deg(u, v, speed, u_from_deg)
    return window.found(
        {
            "wind_speed_ms": math.sqrt(sum(mean_of_present(x) ** 2 for x in (u, v, w))),
            "wind_speed_scalar_ms": mean_of_present(speed),
            "wind_from_direction_deg": direction,
            "wind_from_direction_sd_deg": spread,
        },
        {"wind_from_direction_deg": UNKNOWN} if math.isnan(u_from_deg) else {},
    )
