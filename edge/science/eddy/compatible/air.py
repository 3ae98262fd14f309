"""The state of the air as EddyPro 7 prints it: two passes over temperature with its constants.

Where it differs from `edge.science.air`: the molar density of an enclosed path's vapour is taken at the sonic temperature; vapour pressure,
densities and humidities belong to the start of the last pass, heat capacity and latent heat to its end; the saturation vapour pressure
has another formula. Fluxes of an enclosed path come out 0.2 to 0.5 % smaller by the ratio of the two temperatures.
"""

from __future__ import annotations

import math

from edge.science.air import MoistAir
from edge.science.constants import CELSIUS_ZERO_K
from edge.science.eddy.compatible.constants import (
    GAS_CONSTANT,
    GAS_CONSTANT_DRY_AIR,
    GAS_CONSTANT_WATER_VAPOUR,
    MOLAR_MASS_WATER,
    SONIC_HUMIDITY_FACTOR,
)

HEAT_CAPACITY_DRY_AIR = 1005.0


def saturation_vapour_pressure_simple_pa(temperature_k: float) -> float:
    """Saturation vapour pressure over water as the reference engine has it, Pa: exp(77.345 + 0.0057 T - 7235 / T) / T^8.2.

    Parameters: K; NaN, or a value that is not positive, gives NaN. From 0 to 40 degC within 0.4 % of Sonntag (1990).

    >>> round(saturation_vapour_pressure_simple_pa(293.15), 1)
    2331.2
    """
    T = temperature_k
    if not 0.0 < T < 1000.0:
        return math.nan
    return math.exp(77.345 + 0.0057 * T - 7235.0 / T - 8.2 * math.log(T))


def engine_air(
    sonic_temperature_k: float,
    pressure_pa: float,
    *,
    h2o_mol_m3: float = math.nan,
    h2o_dry_mole_fraction: float = math.nan,
    passes: int = 2,
) -> MoistAir:
    """The state of the air as the reference engine prints it.

    Parameters: K, Pa, and exactly one of the molar density of water vapour (mol m-3) and its dry mole fraction (mol mol-1). NaN gives NaN.
    The molar density of a mole fraction is taken with R Ts / P, Ts the sonic temperature (so e is too small by Ts / T, 0.2 to 0.5 %); the
    temperature starts at Ts; each pass finds e, the densities and q with it and then T = Ts / (1 + 0.51 q). Vapour pressure, densities and
    humidities are those of the last pass's start.

    >>> air = engine_air(302.341, 98943.6, h2o_dry_mole_fraction=16.1619e-3)
    >>> round(air.temperature_k, 3), round(air.vapour_pressure_pa, 2)
    (300.821, 1566.15)
    """
    if not (0.0 < sonic_temperature_k < 1000.0 and 0.0 < pressure_pa < 1e7):
        sonic_temperature_k = pressure_pa = math.nan
    volume = GAS_CONSTANT * sonic_temperature_k / pressure_pa
    r = h2o_dry_mole_fraction if h2o_dry_mole_fraction > -0.99 else math.nan
    vapour = MOLAR_MASS_WATER * (h2o_mol_m3 if not math.isnan(h2o_mol_m3) else r / (1.0 + r) / volume)
    T = sonic_temperature_k
    e = dry = q = rh = math.nan
    for _ in range(passes):
        e = vapour * GAS_CONSTANT_WATER_VAPOUR * T
        rh = 100.0 * e / saturation_vapour_pressure_simple_pa(T)
        dry = (pressure_pa - e) / (GAS_CONSTANT_DRY_AIR * T)
        q = vapour / (vapour + dry)
        T = sonic_temperature_k / (1.0 + SONIC_HUMIDITY_FACTOR * q)
    t, capped = T - CELSIUS_ZERO_K, min(rh, 100.0) if math.isfinite(rh) else rh
    cpd = HEAT_CAPACITY_DRY_AIR + (t + 23.12) ** 2 / 3364.0
    cpv = 1859.0 + 0.13 * capped + (0.193 + 0.0056 * capped) * t + (0.001 + 5e-5 * capped) * t * t
    return MoistAir(
        temperature_k=T,
        pressure_pa=pressure_pa,
        vapour_pressure_pa=e,
        density_kg_m3=dry + vapour,
        dry_density_kg_m3=dry,
        vapour_density_kg_m3=vapour,
        specific_humidity=q,
        dry_molar_volume_m3=volume * pressure_pa / (pressure_pa - e),
        relative_humidity_percent=rh,
        heat_capacity=(cpd * dry + cpv * vapour) / (dry + vapour),
        latent_heat=(3147.5 - 2.37 * T) * 1e3,
    )
