"""Obukhov length and stability, from the buoyancy flux.

The length is defined with the virtual temperature; over water, where evaporation carries much of the buoyancy, the difference to a length
from the dry heat flux (as EddyPro prints it) is tens of percent. The local temperature is used with the local flux: the factor to potential
temperature cancels.
"""

from __future__ import annotations

import math

from edge.science.constants import MOLAR_MASS_WATER, SONIC_HUMIDITY_FACTOR, VIRTUAL_HUMIDITY_FACTOR, VON_KARMAN
from edge.science.eddy.window import Window

GRAVITY = 9.81


def buoyancy_flux(w_t: float, w_q: float, temperature_k: float, specific_humidity: float) -> float:
    """<w'Tv'> = <w'T'>(1 + 0.61 q) + 0.61 T <w'q'>, K m s-1.

    Parameters: K m s-1, m s-1 (kg kg-1), K, kg kg-1. NaN gives NaN. Source: Stull 1988, eq. 4.4.5c.

    >>> round(buoyancy_flux(0.1, 1e-4, 300.0, 0.01), 5)
    0.11891
    """
    return w_t * (1.0 + VIRTUAL_HUMIDITY_FACTOR * specific_humidity) + VIRTUAL_HUMIDITY_FACTOR * temperature_k * w_q


def obukhov_length(ustar: float, virtual_temperature_k: float, w_tv: float) -> float:
    """L = -Tv u*^3 / (k g <w'Tv'>), m; NaN when the flux is zero or an input is missing.

    Parameters: m s-1, K, K m s-1. Source: Obukhov 1946; Foken 2006, Boundary-Layer Meteorology 119, 431-447; k = 0.40.

    >>> round(obukhov_length(0.3, 300.0, 0.1), 3)
    -20.642
    """
    if not w_tv or math.isnan(w_tv):
        return math.nan
    return -virtual_temperature_k * ustar**3 / (VON_KARMAN * GRAVITY * w_tv)


def uncorrected_step(window: Window, *, height_m: float) -> Window:
    """Value ``uncorrected_stability``: z/L before any correction, for the model cospectra (which hardly feel the difference).

    The buoyancy flux is taken from the sonic temperature, which holds all but a sixth of the humidity's part: <w'Tv'> is <w'Ts'> + 0.10
    T <w'q'>.
    """
    v = window.value
    flux, T = v("cov_wind_w_sonic_temperature"), v("mean_sonic_temperature")
    vapour = v("cov_wind_w_h2o") * MOLAR_MASS_WATER / (1.0 if window.gas_form == "density" else v("dry_molar_volume")) / v("air_density")
    if not math.isnan(vapour):
        flux += (VIRTUAL_HUMIDITY_FACTOR - SONIC_HUMIDITY_FACTOR) * T * vapour
    length = obukhov_length(v("uncorrected_friction_velocity"), T, flux)
    return window.found({"uncorrected_stability": height_m / length if length and height_m > 0 else math.nan})


def step(window: Window, *, height_m: float) -> Window:
    """Values ``obukhov_length`` (m) and ``stability`` z/L; ``height_m`` above the displacement height of the surface as it is in this
    window."""
    v = window.value
    T, q = v("air_temperature_k"), v("specific_humidity")
    flux = buoyancy_flux(v("temperature_flux"), v("specific_humidity_flux"), T, q)
    if math.isnan(flux):  # without humidity the sonic temperature stands for the virtual one
        flux, T, q = v("cov_wind_w_sonic_temperature"), v("mean_sonic_temperature"), 0.0
    length = obukhov_length(v("friction_velocity"), T * (1.0 + VIRTUAL_HUMIDITY_FACTOR * q), flux)
    values = {"buoyancy_flux": flux, "obukhov_length": length, "stability": height_m / length if length else math.nan}
    reasons: dict[str, str] = {}
    if math.isnan(length):
        why = window.reasons.get("friction_velocity") or window.reasons.get("sonic_temperature") or "no buoyancy flux"
        reasons = {"obukhov_length": why, "stability": why}
    elif not height_m > 0 or math.isnan(values["stability"]):
        values["stability"] = math.nan
        reasons = {"stability": f"the height above the surface is {height_m:g} m"}
    return window.found(values, reasons)
