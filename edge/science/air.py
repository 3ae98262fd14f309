"""Moist air: vapour pressure, temperature from sonic temperature, densities, heat capacity, latent heat; gravity.

Promises: SI inside (K, Pa, kg m-3, J kg-1 K-1) and stated at every function; NaN in, NaN out. Not here: anything that needs a time series.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from edge.science.arrays import FloatArray, floats
from edge.science.constants import (
    CELSIUS_ZERO_K,
    GAS_CONSTANT,
    MOLAR_MASS_DRY_AIR,
    MOLAR_MASS_WATER,
    SONIC_HUMIDITY_FACTOR,
)


def saturation_vapour_pressure_pa(temperature_k: ArrayLike) -> FloatArray:
    """Saturation vapour pressure over liquid water, Pa.

    Parameters: ``temperature_k`` any shape, K. NaN gives NaN. Source: Sonntag 1990, Zeitschrift für Meteorologie 70, 340-344
    (ITS-90), 173 to 373 K.

    >>> round(float(saturation_vapour_pressure_pa(293.15)), -1)
    2340.0
    """
    T = floats(temperature_k)
    return np.asarray(100.0 * np.exp(-6096.9385 / T + 16.635794 - 2.711193e-2 * T + 1.673952e-5 * T**2 + 2.433502 * np.log(T)))


def latent_heat_of_vaporisation(temperature_k: ArrayLike) -> FloatArray:
    """Latent heat of vaporisation of water, J kg-1.

    Parameters: ``temperature_k`` any shape, K. NaN gives NaN. lambda = (3147.5 - 2.37 T) 1000 (Stull 1988, An Introduction to Boundary
    Layer Meteorology).

    >>> float(latent_heat_of_vaporisation(300.0))
    2436500.0
    """
    return (3147.5 - 2.37 * floats(temperature_k)) * 1e3


def normal_gravity(latitude_deg: ArrayLike) -> FloatArray:
    """Gravity at sea level, m s-2, from latitude (WGS 84, Somigliana's closed form).

    Parameters: ``latitude_deg`` any shape, degrees. NaN gives NaN.

    >>> round(float(normal_gravity(90.0)), 7)
    9.8321849
    """
    s2 = np.sin(np.radians(floats(latitude_deg))) ** 2
    return np.asarray(9.7803253359 * (1 + 0.00193185265241 * s2) / np.sqrt(1 - 0.00669437999014 * s2))


def pressure_at_altitude_pa(altitude_m: float) -> float:
    """Air pressure of the standard barometric law with a scale height of 8200 m, Pa: for stations without a barometer.

    Parameters: ``altitude_m``. NaN gives NaN. P = 101 300 exp(-z / 8200); a day's weather moves the true pressure by 2 to 3 %.

    >>> round(pressure_at_altitude_pa(1210.0), 1)
    87402.6
    """
    return float(101_300.0 * np.exp(-altitude_m / 8200.0))


@dataclass(frozen=True)
class MoistAir:
    """The mean state of the air of one window. All SI; a value that cannot be known is NaN."""

    temperature_k: float
    pressure_pa: float
    vapour_pressure_pa: float
    density_kg_m3: float
    dry_density_kg_m3: float
    vapour_density_kg_m3: float
    specific_humidity: float
    dry_molar_volume_m3: float
    relative_humidity_percent: float
    heat_capacity: float
    latent_heat: float


def moist_air(temperature_k: float, pressure_pa: float, vapour_pressure_pa: float) -> MoistAir:
    """All properties of moist air from temperature, pressure and vapour pressure (ideal gases, Dalton).

    Parameters: K, Pa, Pa. NaN in any makes what depends on it NaN. Heat capacity: cp = (cpd rho_d + cpv rho_v) / rho with
    cpd = 1005 + (t + 23.12)^2 / 3364 and cpv = 1859 + 0.13 RH + (0.193 + 0.0056 RH) t + (0.001 + 5e-5 RH) t^2, t in degC, RH in percent
    (the forms that EddyPro documents; from 0 to 40 degC within 0.2 % of 1004.7 + 0.84 x 1004.7 q).

    >>> round(moist_air(293.15, 101325.0, 1000.0).density_kg_m3, 4)
    1.1996
    """
    T, P, e = temperature_k, pressure_pa, vapour_pressure_pa
    dry = (P - e) * MOLAR_MASS_DRY_AIR / (GAS_CONSTANT * T)
    vapour = e * MOLAR_MASS_WATER / (GAS_CONSTANT * T)
    rh = 100.0 * e / float(saturation_vapour_pressure_pa(T))
    t = T - CELSIUS_ZERO_K
    cpd = 1005.0 + (t + 23.12) ** 2 / 3364.0
    capped = min(rh, 100.0) if math.isfinite(rh) else rh
    cpv = 1859.0 + 0.13 * capped + (0.193 + 0.0056 * capped) * t + (0.001 + 5e-5 * capped) * t**2
    return MoistAir(
        temperature_k=T,
        pressure_pa=P,
        vapour_pressure_pa=e,
        density_kg_m3=dry + vapour,
        dry_density_kg_m3=dry,
        vapour_density_kg_m3=vapour,
        specific_humidity=vapour / (dry + vapour),
        dry_molar_volume_m3=GAS_CONSTANT * T / (P - e),
        relative_humidity_percent=rh,
        heat_capacity=(cpd * dry + cpv * vapour) / (dry + vapour),
        latent_heat=float(latent_heat_of_vaporisation(T)),
    )


def specific_humidity(vapour_pressure_pa: float, pressure_pa: float) -> float:
    """Specific humidity, kg kg-1, from vapour pressure and air pressure (Pa). NaN gives NaN.

    >>> round(specific_humidity(1000.0, 101325.0), 6)
    0.006161
    """
    e, P = vapour_pressure_pa, pressure_pa
    return MOLAR_MASS_WATER * e / (MOLAR_MASS_WATER * e + MOLAR_MASS_DRY_AIR * (P - e))


def air_from_sonic(
    sonic_temperature_k: float, pressure_pa: float, *, h2o_mol_m3: float = float("nan"), h2o_dry_mole_fraction: float = float("nan")
) -> MoistAir:
    """The state of the air from sonic temperature, pressure and humidity as the analyser gives it.

    Parameters: K, Pa, and exactly one of the molar density of water vapour (mol m-3) and its dry mole fraction (mol mol-1). NaN gives NaN.
    Solves Ts = T (1 + 0.51 q) (Schotanus et al. 1983) with e = n R T or e = P r / (1 + r) by fixed-point iteration (the map contracts by
    0.01 a step; 8 steps reach rounding).

    >>> round(air_from_sonic(290.0, 100000.0, h2o_dry_mole_fraction=0.01).temperature_k, 3)
    289.089
    """
    T = sonic_temperature_k
    for _ in range(8):
        if not math.isnan(h2o_mol_m3):
            e = h2o_mol_m3 * GAS_CONSTANT * T
        else:
            e = pressure_pa * h2o_dry_mole_fraction / (1.0 + h2o_dry_mole_fraction)
        T = sonic_temperature_k / (1.0 + SONIC_HUMIDITY_FACTOR * specific_humidity(e, pressure_pa))
    return moist_air(T, pressure_pa, e)
