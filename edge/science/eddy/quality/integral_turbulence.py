"""Integral turbulence characteristics: is the turbulence as developed as surface-layer scaling says it should be?"""

from __future__ import annotations

import math

from edge.science.constants import EARTH_ROTATION_RAD_S
from edge.science.eddy.quality.stationarity import whole_percent_of
from edge.science.eddy.window import Window

SOLAR_DAY_ROTATION_RAD_S = 2.0 * math.pi / 86400.0
"""one turn in a solar day: what the reference engine takes (its printed deviations leave 7.270e-5 to 7.278e-5); the earth turns once in a
sidereal day"""


def coriolis_parameter(latitude_deg: float, *, earth_rotation_rad_s: float = EARTH_ROTATION_RAD_S) -> float:
    """f = 2 Omega sin(latitude), s-1, taken positive.

    Parameters: degrees; Omega, `SOLAR_DAY_ROTATION_RAD_S` for the reference engine. NaN gives NaN.

    >>> round(coriolis_parameter(30.0), 9)
    7.2921e-05
    """
    return abs(2.0 * earth_rotation_rad_s * math.sin(math.radians(latitude_deg)))


def sigma_ratio(
    component: str, stability: float, ustar: float, latitude_deg: float, *, earth_rotation_rad_s: float = EARTH_ROTATION_RAD_S
) -> float:
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
    f = coriolis_parameter(latitude_deg, earth_rotation_rad_s=earth_rotation_rad_s)
    if math.isnan(stability) or not ustar > 0.0 or not f > 0.0:
        return math.nan
    scaled = math.log(f / ustar)
    return 0.21 * scaled + 3.1 if component == "w" else 0.44 * scaled + 6.3


def temperature_ratio(stability: float) -> float:
    """Expected sigma_T / |T*|: |z/L|^(-1/3) below -1, |z/L|^(-1/4) below -0.0625, 0.5 |z/L|^(-1/2) below 0.02, else 1.4 |z/L|^(-1/4).

    Parameters: ``stability`` z/L. NaN, and neutral air (z/L 0, where T* is 0 too), give NaN. Göckede et al. 2004, Agricultural and Forest
    Meteorology 127, table 1; Thomas & Foken 2002. It enters no flux's class: near neutral it has no meaning.

    >>> temperature_ratio(-8.0), temperature_ratio(-0.0081)
    (0.5, 5.555555555555555)
    """
    size = abs(stability)
    if not 0.0 < size < math.inf:
        return math.nan
    if stability < -1.0:
        return math.pow(size, -1.0 / 3.0)
    if stability < -0.0625:
        return math.pow(size, -0.25)
    return 0.5 / math.sqrt(size) if stability < 0.02 else 1.4 * math.pow(size, -0.25)


def deviation_percent(measured: float, expected: float) -> float:
    """|measured - expected| / expected in percent; NaN when either is NaN or nothing positive is expected.

    >>> deviation_percent(1.5, 1.25)
    20.0
    """
    return 100.0 * abs((measured - expected) / expected) if expected > 0.0 else math.nan


def _scaled(variance: float, scale: float) -> float:
    return math.sqrt(variance) / abs(scale) if variance >= 0.0 and scale else math.nan


def step(window: Window, *, latitude_deg: float, whole_percent: bool = False, earth_rotation_rad_s: float = EARTH_ROTATION_RAD_S) -> Window:
    """Values ``turbulence_deviation_u``, ``_w`` and ``_temperature``: |measured - expected| / expected in percent. ``whole_percent`` cuts
    them off to whole percent (the reference engine)."""
    v = window.value
    ustar, stability = v("friction_velocity"), v("stability")
    values = {}
    for component in ("u", "w"):
        measured = _scaled(v(f"cov_wind_{component}_wind_{component}"), ustar) if ustar > 0.0 else math.nan
        expected = sigma_ratio(component, stability, ustar, latitude_deg, earth_rotation_rad_s=earth_rotation_rad_s)
        values[f"turbulence_deviation_{component}"] = deviation_percent(measured, expected)
    scale = v("temperature_scale")
    if math.isnan(scale) and ustar > 0.0:
        scale = -v("temperature_flux") / ustar
    measured = _scaled(v("cov_sonic_temperature_sonic_temperature"), scale)
    values["turbulence_deviation_temperature"] = deviation_percent(measured, temperature_ratio(stability))
    return window.found({name: whole_percent_of(x) for name, x in values.items()} if whole_percent else values)
