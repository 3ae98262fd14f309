"""Mean wind before any rotation: speed of the mean vector, scalar speed, and direction.

The direction is the circular mean of the instantaneous directions, as flux networks report it; it differs from the direction of the mean
vector by a degree or two in light winds.
"""

from __future__ import annotations

import numpy as np

from edge.science.arrays import mean_of_present
from edge.science.eddy.window import Window
from edge.science.statistics import circular_mean_deg, wind_from_direction_deg


def step(window: Window, *, u_from_deg: float) -> Window:
    """Values ``wind_speed_ms`` (of the mean vector, as after rotation), ``wind_speed_scalar_ms``, ``wind_from_direction_deg``."""
    if "wind_u" not in window.series:
        return window
    u, v, w = (window.series[name] for name in ("wind_u", "wind_v", "wind_w"))
    means = [mean_of_present(x) for x in (u, v, w)]
    return window.found(
        {
            "wind_speed_ms": float(np.sqrt(sum(m * m for m in means))),
            "wind_speed_scalar_ms": mean_of_present(np.hypot(u, v)),
            "wind_from_direction_deg": circular_mean_deg(wind_from_direction_deg(u, v, u_from_deg)),
        }
    )
