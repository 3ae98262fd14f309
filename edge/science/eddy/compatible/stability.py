"""L and z/L as EddyPro 7 has them.

Where it differs from `edge.science.eddy.moments.stability`: L comes from the heat flux without buoyancy of the vapour (over water that
misses tens of percent), at the potential temperature of a level but with the local flux; before corrections the sonic temperature stands
for the air's. k = 0.41.
"""

from __future__ import annotations

import math

from edge.science.eddy.compatible.constants import GRAVITY, VON_KARMAN
from edge.science.eddy.density.properties import potential_temperature_k
from edge.science.eddy.window import Window


def obukhov_length(ustar: float, potential_temperature_k: float, temperature_flux: float) -> float:
    """L = -Tp u*^3 / (k g <w'T'>), m; NaN when the flux is zero or an input is missing.

    Parameters: m s-1, K, K m s-1.

    >>> round(obukhov_length(0.76401, 301.736, 0.264779), 1)
    -126.4
    """
    if not temperature_flux or math.isnan(temperature_flux):
        return math.nan
    return -potential_temperature_k * ustar**3 / (VON_KARMAN * GRAVITY * temperature_flux)


def uncorrected_step(window: Window, *, height_m: float) -> Window:
    """Values ``uncorrected_obukhov_length``, ``uncorrected_stability`` from the covariances as they are: what the spectral model takes."""
    v = window.value
    theta = potential_temperature_k(v("mean_sonic_temperature"), v("air_pressure_pa"))
    length = obukhov_length(v("uncorrected_friction_velocity"), theta, v("cov_wind_w_sonic_temperature"))
    return window.found({"uncorrected_obukhov_length": length, "uncorrected_stability": height_m / length if length else math.nan})


def step(window: Window, *, height_m: float) -> Window:
    """Values ``obukhov_length`` (m) and ``stability``, from the corrected fluxes."""
    v = window.value
    w_t, ustar = v("temperature_flux"), v("friction_velocity")
    length = obukhov_length(ustar, potential_temperature_k(v("air_temperature_k"), v("air_pressure_pa")), w_t)
    values = {
        "obukhov_length": length,
        "stability": height_m / length if length and height_m > 0 else math.nan,
    }
    reasons: dict[str, str] = {}
    if math.isnan(length):
        why = window.reasons.get("friction_velocity") or window.reasons.get("sensible_heat_flux") or "no heat flux"
        reasons = {"obukhov_length": why, "stability": why}
    elif math.isnan(values["stability"]):
        reasons = {"stability": f"the height above the surface is {height_m:g} m"}
    return window.found(values, reasons)
