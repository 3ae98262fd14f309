"""Integral turbulence characteristics: is the turbulence as developed as surface-layer scaling says it should be?"""

from __future__ import annotations

import math

from edge.science.constants import EARTH_ROTATION_RAD_S
from edge.science.eddy.window import Window


def coriolis_parameter(latitude_deg: float) -> float:
    """f = 2 Omega sin(latitude), s-1, taken positive.

    >>> round(coriolis_parameter(30.0), 9)
    7.2921e-05
    """
    return abs(2.0 * EARTH_ROTATION_RAD_S * math.sin(math.radians(latitude_deg)))


def sigma_ratio(component: str, stability: float, ustar: float, latitude_deg: float) -> float:
    """Expected sigma / u* of the ``"u"`` or ``"w"`` component.

    Parameters: ``stability`` z/L, ``ustar`` m s-1, latitude in degrees. z/L < -0.2: 1.3 (1 - 2 z/L)^(1/3) for w, 4.15 |z/L|^(1/8) for u
    (Foken & Wichura 1996); above: 0.21 ln(f z+ / u*) + 3.1 for w, 0.44 ln(f z+ / u*) + 6.3 for u, z+ = 1 m (Thomas & Foken 2002,
    15th Symposium on Boundary Layers and Turbulence, AMS, 129-132). NaN at the equator, where the second form has no meaning, and for
    missing inputs.

    >>> round(sigma_ratio("w", -1.0, 0.3, 30.0), 4)
    1.8749
    """
    if stability < -0.2:
        return 1.3 * math.cbrt(1.0 - 2.0 * stability) if component == "w" else 4.15 * math.pow(abs(stability), 0.125)
    f = coriolis_parameter(latitude_deg)
    if math.isnan(stability) or not ustar > 0.0 or not f > 0.0:
        return math.nan
    scaled = math.log(f / ustar)
    return 0.21 * scaled + 3.1 if component == "w" else 0.44 * scaled + 6.3


def step(window: Window, *, latitude_deg: float) -> Window:
    """Values ``turbulence_deviation_u`` and ``_w``: |measured - expected| / expected in percent."""
    ustar, stability = window.value("friction_velocity"), window.value("stability")
    values = {}
    for component in ("u", "w"):
        expected = sigma_ratio(component, stability, ustar, latitude_deg)
        variance = window.value(f"cov_wind_{component}_wind_{component}")
        measured = math.sqrt(variance) / ustar if variance >= 0.0 and ustar > 0.0 else math.nan
        values[f"turbulence_deviation_{component}"] = 100.0 * abs((measured - expected) / expected) if expected > 0.0 else math.nan
    return window.found(values)
