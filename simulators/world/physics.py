"""The few laws of air and seawater the world is built on, written from the papers for the bench alone.

The station has its own; the two share no code, so that a wrong formula cannot agree with itself. Arrays in, arrays out; NaN passes through.
"""

from __future__ import annotations

import numpy as np

from simulators.world.noise import Array

GAS_CONSTANT = 8.314462618
KELVIN = 273.15
KARMAN = 0.4
GRAVITY_MS2 = 9.80665
M_DRY_AIR = 0.0289647
M_WATER = 0.01801528
M_CO2 = 0.0440095
M_OXYGEN = 0.0319988
CP_DRY = 1005.0
CP_VAPOUR = 1859.0
CP_SEAWATER = 3990.0


def saturation_vapour_pressure_hpa(temperature_c: Array) -> Array:
    """Over water (Sonntag 1990); 23.392 hPa at 20 degC."""
    t = temperature_c + KELVIN
    log_pa = -6096.9385 / t + 21.2409642 - 2.711193e-2 * t + 1.673952e-5 * t * t + 2.433502 * np.log(t)
    return np.asarray(0.01 * np.exp(log_pa))


def dry_air_density_mol_m3(pressure_hpa: Array, temperature_c: Array, vapour_mol_mol: Array) -> Array:
    """Moles of dry air in a cubic metre; ``vapour_mol_mol`` is the dry mole fraction of water vapour (ideal gas law)."""
    return np.asarray(pressure_hpa * 100.0 / (GAS_CONSTANT * (temperature_c + KELVIN) * (1.0 + vapour_mol_mol)))


def specific_humidity(vapour_mol_mol: Array) -> Array:
    """kg of vapour in a kg of moist air, from the dry mole fraction."""
    mass = vapour_mol_mol * M_WATER
    return np.asarray(mass / (M_DRY_AIR + mass))


def sonic_temperature_c(temperature_c: Array, vapour_mol_mol: Array) -> Array:
    """What a sonic calls temperature: T (1 + 0.51 q) (Schotanus et al. 1983)."""
    return np.asarray((temperature_c + KELVIN) * (1.0 + 0.51 * specific_humidity(vapour_mol_mol)) - KELVIN)


def latent_heat_j_kg(temperature_c: Array) -> Array:
    """Heat of evaporation of water (2.501 - 0.00237 t) MJ kg-1."""
    return np.asarray((2.501 - 0.00237 * temperature_c) * 1e6)


def seawater_density_kg_m3(temperature_c: Array, salinity: Array) -> Array:
    """At one atmosphere, EOS-80 (Millero & Poisson 1981): 1027.675 at 5 degC and S 35, 999.967 at 5 degC and S 0."""
    t, s = temperature_c, salinity
    pure = 999.842594 + t * (6.793952e-2 + t * (-9.095290e-3 + t * (1.001685e-4 + t * (-1.120083e-6 + t * 6.536332e-9))))
    a = 8.24493e-1 + t * (-4.0899e-3 + t * (7.6438e-5 + t * (-8.2467e-7 + t * 5.3875e-9)))
    b = -5.72466e-3 + t * (1.0227e-4 + t * -1.6546e-6)
    return np.asarray(pure + a * s + b * s**1.5 + 4.8314e-4 * s * s)


def oxygen_solubility_mmol_m3(temperature_c: Array, salinity: Array, air_pressure_hpa: Array) -> Array:
    """Oxygen of water in equilibrium with air (Garcia & Gordon 1992, Benson & Krause fit; pressure of the dry part of the air)."""
    t68 = 1.00024 * temperature_c
    x = np.log((298.15 - t68) / (273.15 + t68))
    a = 5.80871 + x * (3.20291 + x * (4.17887 + x * (5.10006 + x * (-9.86643e-2 + x * 3.80369))))
    b = -7.01577e-3 + x * (-7.70028e-3 + x * (-1.13864e-2 + x * -9.51519e-3))
    per_kg = np.exp(a + b * salinity - 2.75915e-7 * salinity * salinity)
    vapour = water_vapour_atm(temperature_c, salinity)
    pressure = (air_pressure_hpa / 1013.25 - vapour) / (1.0 - vapour)
    return np.asarray(per_kg * seawater_density_kg_m3(temperature_c, salinity) * 1e-3 * pressure)


def water_vapour_atm(temperature_c: Array, salinity: Array) -> Array:
    """Saturated vapour pressure over seawater in atm (Weiss & Price 1980)."""
    t = (temperature_c + KELVIN) / 100.0
    return np.asarray(np.exp(24.4543 - 67.4509 / t - 4.8489 * np.log(t) - 0.000544 * salinity))


def co2_solubility_mol_m3_atm(temperature_c: Array, salinity: Array) -> Array:
    """K0 of Weiss (1974): 29.0589 mol m-3 atm-1 at 25 degC and S 35."""
    t = (temperature_c + KELVIN) / 100.0
    log = -58.0931 + 90.5069 / t + 22.2940 * np.log(t) + salinity * (0.027766 - 0.025888 * t + 0.0050578 * t * t)
    return np.asarray(np.exp(log) * 1e3)


def schmidt_co2(temperature_c: Array) -> Array:
    """Schmidt number of CO2 in seawater (Wanninkhof 2014)."""
    t = temperature_c
    return np.asarray(2116.8 + t * (-136.25 + t * (4.7353 + t * (-0.092307 + t * 0.0007555))))


def schmidt_oxygen(temperature_c: Array) -> Array:
    """Schmidt number of oxygen in seawater (Wanninkhof 2014)."""
    t = temperature_c
    return np.asarray(1920.4 + t * (-135.6 + t * (5.2122 + t * (-0.10939 + t * 0.00093777))))


def drag_coefficient(wind_speed_10m_ms: Array) -> Array:
    """Of the sea at 10 m: (0.61 + 0.063 U10) 1e-3 (Smith 1980), at least 0.9e-3, at most 2.5e-3 (Powell et al. 2003: no more in storms)."""
    return np.asarray(np.clip((0.61 + 0.063 * wind_speed_10m_ms) * 1e-3, 0.9e-3, 2.5e-3))


def transfer_velocity_ms(wind_speed_10m_ms: Array, schmidt: Array) -> Array:
    """k = 0.251 U10^2 (Sc/660)^-1/2 cm h-1 (Wanninkhof 2014), in m s-1."""
    return np.asarray(0.251 * wind_speed_10m_ms**2 * (schmidt / 660.0) ** -0.5 / 3.6e5)


def co2_partial_pressure_air_uatm(co2_ppm: Array, air_pressure_hpa: Array, temperature_c: Array, salinity: Array) -> Array:
    """pCO2 of air saturated with vapour at the water's surface, from the dry mole fraction."""
    return np.asarray(co2_ppm * (air_pressure_hpa / 1013.25 - water_vapour_atm(temperature_c, salinity)))
