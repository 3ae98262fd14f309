"""Air-sea CO2 flux from partial pressures and wind (bulk method), with its uncertainty.

Promises: positive upward (out of the water); every constant from the paper named beside it; NaN in, NaN out. Assumes: the water sample has
the temperature of the surface (no cool skin), no surface film, wind relative to fixed ground, the mean wind (its variance within the
averaging time is left out; for a half-hour over open water that is 1 to 3 % of k). Not here: COARE, bubbles, other gases than CO2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from edge.science.arrays import FloatArray, floats
from edge.science.constants import CELSIUS_ZERO_K, STANDARD_PRESSURE_HPA, VON_KARMAN

WANNINKHOF_2014 = 0.251
"""cm h-1 (m s-1)-2 for the mean of squared winds; Wanninkhof 2014, Limnology and Oceanography: Methods 12, 351-362, eq. 4."""
WANNINKHOF_2014_UNCERTAINTY = 0.20
"""relative, of the transfer velocity (Wanninkhof 2014)"""
GAS_CONSTANT_CM3_ATM = 82.0578
"""cm3 atm mol-1 K-1 (Weiss 1974)"""
MMOL_M2_D_PER_UMOL_M2_S = 86.4


def schmidt_number_co2(temperature_degC: ArrayLike, salinity: ArrayLike = 35.0) -> FloatArray:
    """Schmidt number of CO2 in water.

    Parameters: -2 to 40 degC; practical salinity (between 0 and 35 the two fits are joined linearly, beyond 35 the line goes on). NaN
    gives NaN. Source: Wanninkhof 2014, table 1.

    >>> round(float(schmidt_number_co2(20.0))), round(float(schmidt_number_co2(20.0, 0.0)))
    (668, 600)
    """
    t = floats(temperature_degC)
    sea = 2116.8 + t * (-136.25 + t * (4.7353 + t * (-0.092307 + t * 0.0007555)))
    fresh = 1923.6 + t * (-125.06 + t * (4.3773 + t * (-0.085681 + t * 0.00070284)))
    return np.asarray(fresh + (sea - fresh) * floats(salinity) / 35.0)


def gas_transfer_velocity_cm_h(wind_10m_ms: ArrayLike, schmidt: ArrayLike, coefficient: float = WANNINKHOF_2014) -> FloatArray:
    """Gas transfer velocity k = a U10^2 (Sc / 660)^-0.5, cm h-1.

    Parameters: wind at 10 m in m s-1, Schmidt number, ``coefficient`` a. NaN gives NaN. Source: Wanninkhof 2014, eq. 4.

    >>> round(float(gas_transfer_velocity_cm_h(10.0, 660.0)), 6)
    25.1
    """
    return np.asarray(coefficient * floats(wind_10m_ms) ** 2 * np.sqrt(660.0 / floats(schmidt)))


def co2_solubility_mol_l_atm(temperature_degC: ArrayLike, salinity: ArrayLike) -> FloatArray:
    """Solubility K0 of CO2 in water, mol L-1 atm-1 (per litre of sea water).

    Parameters: degC, practical salinity. NaN gives NaN. Source: Weiss 1974, Marine Chemistry 2, 203-215, eq. 12 and table I.

    >>> round(float(co2_solubility_mol_l_atm(25.0, 35.0)), 7)
    0.0290589
    """
    T, S = floats(temperature_degC) + CELSIUS_ZERO_K, floats(salinity)
    h = T / 100.0
    return np.exp(-58.0931 + 90.5069 / h + 22.2940 * np.log(h) + S * (0.027766 - 0.025888 * h + 0.0050578 * h**2))


def co2_solubility_mol_kg_atm(temperature_degC: ArrayLike, salinity: ArrayLike) -> FloatArray:
    """Solubility K0 of CO2 in water, mol kg-1 atm-1. Parameters, NaN and source as `co2_solubility_mol_l_atm`.

    >>> round(float(co2_solubility_mol_kg_atm(25.0, 35.0)), 7)
    0.0283919
    """
    T, S = floats(temperature_degC) + CELSIUS_ZERO_K, floats(salinity)
    h = T / 100.0
    return np.exp(-60.2409 + 93.4517 / h + 23.3585 * np.log(h) + S * (0.023517 - 0.023656 * h + 0.0047036 * h**2))


def water_vapour_pressure_atm(temperature_degC: ArrayLike, salinity: ArrayLike) -> FloatArray:
    """Vapour pressure over (sea) water at saturation, atm.

    Parameters: degC, practical salinity. NaN gives NaN. Source: Weiss & Price 1980, Marine Chemistry 8, 347-359, eq. 10.

    >>> round(float(water_vapour_pressure_atm(25.0, 35.0)), 6)
    0.030655
    """
    T = floats(temperature_degC) + CELSIUS_ZERO_K
    return np.exp(24.4543 - 67.4509 * (100.0 / T) - 4.8489 * np.log(T / 100.0) - 0.000544 * floats(salinity))


def pco2_from_dry_mole_fraction(
    xco2_ppm: ArrayLike, pressure_hpa: ArrayLike, temperature_degC: ArrayLike, salinity: ArrayLike
) -> FloatArray:
    """Partial pressure in air saturated with vapour over the water: pCO2 = x (P - pH2O), uatm.

    Parameters: dry mole fraction in ppm, total pressure in hPa, water temperature in degC, practical salinity. NaN gives NaN.
    Source: Dickson, Sabine & Christian 2007, Guide to best practices for ocean CO2 measurements, SOP 4 and 5.

    >>> round(float(pco2_from_dry_mole_fraction(400.0, 1013.25, 25.0, 35.0)), 3)
    387.738
    """
    dry = floats(pressure_hpa) / STANDARD_PRESSURE_HPA - water_vapour_pressure_atm(temperature_degC, salinity)
    return np.asarray(floats(xco2_ppm) * dry)


def fugacity_factor(temperature_degC: ArrayLike, pressure_hpa: ArrayLike = STANDARD_PRESSURE_HPA, xco2: ArrayLike = 0.0) -> FloatArray:
    """fCO2 / pCO2 = exp(P (B + 2 (1 - x)^2 d) / (R T)).

    Parameters: degC, total pressure in hPa, ``xco2`` mole fraction (mol mol-1) of CO2. NaN gives NaN. B and d are the virial coefficients
    of CO2 and of CO2 in air. Source: Weiss 1974, eq. 6 and 9 to 11.

    >>> round(350.0 * float(fugacity_factor(25.0)), 3)
    348.884
    """
    T = floats(temperature_degC) + CELSIUS_ZERO_K
    P = floats(pressure_hpa) / STANDARD_PRESSURE_HPA
    B = -1636.75 + T * (12.0408 + T * (-0.0327957 + T * 3.16528e-5))
    d = 57.7 - 0.118 * T
    return np.exp(P * (B + 2.0 * (1.0 - floats(xco2)) ** 2 * d) / (GAS_CONSTANT_CM3_ATM * T))


def pco2_at_temperature(pco2: ArrayLike, from_degC: ArrayLike, to_degC: ArrayLike) -> FloatArray:
    """pCO2 (or fCO2) of a closed water sample brought to another temperature: exp(0.0423 dT).

    Parameters: any pressure unit, degC. NaN gives NaN. Source: Takahashi et al. 1993, Global Biogeochemical Cycles 7, 843-878.

    >>> round(float(pco2_at_temperature(400.0, 20.0, 21.0)), 2)
    417.28
    """
    return np.asarray(floats(pco2) * np.exp(0.0423 * (floats(to_degC) - floats(from_degC))))


def neutral_wind_at_10m_ms(wind_ms: ArrayLike, height_m: float) -> FloatArray:
    """Wind at 10 m from wind at another height, by the neutral logarithmic law over the sea.

    Parameters: wind in m s-1 (any shape), its height above the water in m. NaN gives NaN. U(z) = (u* / k) ln(z / z0) with
    z0 = a u*^2 / g + 0.11 nu / u* and a = 0.0017 U10 - 0.005, held at its value for 19 m s-1 (Edson et al. 2013, J. Physical Oceanography
    43, 1589-1610), solved by iteration. Stability is left out: from 5 m that costs a few percent of the wind in the usual range.

    >>> float(neutral_wind_at_10m_ms(8.0, 10.0)), float(neutral_wind_at_10m_ms(8.0, 4.5)) > 8.4
    (8.0, True)
    """
    U = floats(wind_ms)
    if height_m == 10.0:
        return U.copy()
    u10 = np.maximum(U, 1e-6)
    for _ in range(20):
        ustar = np.sqrt(1.2e-3) * u10
        for _ in range(5):
            z0 = (0.0017 * np.minimum(u10, 19.0) - 0.005) * ustar**2 / 9.81 + 0.11 * 1.5e-5 / ustar
            ustar = VON_KARMAN * u10 / np.log(10.0 / z0)
        u10 = np.maximum(U, 1e-6) * np.log(10.0 / z0) / np.log(height_m / z0)
    return np.asarray(np.where(U > 1e-6, u10, U))


@dataclass(frozen=True)
class AirSeaFlux:
    """The flux and what it was made of."""

    flux_mmol_m2_d: float
    transfer_velocity_cm_h: float
    wind_10m_ms: float
    solubility_mol_l_atm: float
    fco2_water_uatm: float
    fco2_air_uatm: float
    schmidt: float


def co2_flux_umol_m2_s(
    transfer_velocity_cm_h: ArrayLike, solubility_mol_l_atm: ArrayLike, water_uatm: ArrayLike, air_uatm: ArrayLike
) -> FloatArray:
    """F = k K0 (f_water - f_air), umol m-2 s-1, positive out of the water.

    Parameters: cm h-1, mol L-1 atm-1, uatm (fugacities, or partial pressures on both sides). NaN gives NaN. Source: Wanninkhof 2014.

    >>> round(float(co2_flux_umol_m2_s(36.0, 0.03, 500.0, 400.0)), 9)
    0.3
    """
    k = floats(transfer_velocity_cm_h) / 100.0 / 3600.0
    return np.asarray(k * floats(solubility_mol_l_atm) * 1e3 * (floats(water_uatm) - floats(air_uatm)))


def air_sea_co2_flux(
    *,
    pco2_water: float,
    co2_air: float,
    wind_speed: float,
    water_temperature: float,
    salinity: float,
    air_pressure: float,
    wind_height_m: float,
) -> AirSeaFlux:
    """Bulk air-sea CO2 flux from one set of measurements.

    Parameters: ``pco2_water`` uatm, wet, at the water's temperature; ``co2_air`` dry mole fraction, ppm; ``wind_speed`` m s-1 at
    ``wind_height_m``; ``water_temperature`` degC; ``salinity`` practical; ``air_pressure`` hPa. NaN in any makes the flux NaN. Wind to 10 m
    by the neutral logarithmic law, k after Wanninkhof 2014, K0 and fugacity after Weiss 1974, vapour after Weiss & Price 1980.

    >>> air = float(pco2_from_dry_mole_fraction(400.0, 1013.25, 25.0, 35.0))
    >>> case = {"co2_air": 400.0, "wind_speed": 8.0, "water_temperature": 25.0, "salinity": 35.0, "air_pressure": 1013.25}
    >>> round(air_sea_co2_flux(pco2_water=air, **case, wind_height_m=10.0).flux_mmol_m2_d, 6)
    0.0
    """
    u10 = float(neutral_wind_at_10m_ms(wind_speed, wind_height_m))
    schmidt = float(schmidt_number_co2(water_temperature, salinity))
    k = float(gas_transfer_velocity_cm_h(u10, schmidt))
    solubility = float(co2_solubility_mol_l_atm(water_temperature, salinity))
    pco2_air = float(pco2_from_dry_mole_fraction(co2_air, air_pressure, water_temperature, salinity))
    atmospheres = air_pressure / STANDARD_PRESSURE_HPA
    water = pco2_water * float(fugacity_factor(water_temperature, air_pressure, pco2_water * 1e-6 / atmospheres))
    air = pco2_air * float(fugacity_factor(water_temperature, air_pressure, pco2_air * 1e-6 / atmospheres))
    flux = float(co2_flux_umol_m2_s(k, solubility, water, air)) * MMOL_M2_D_PER_UMOL_M2_S
    return AirSeaFlux(flux, k, u10, solubility, water, air, schmidt)


@dataclass(frozen=True)
class FluxUncertainty:
    """One standard uncertainty of the flux, and the part of each source, mmol m-2 d-1."""

    total_mmol_m2_d: float
    parts_mmol_m2_d: Mapping[str, float]


def air_sea_co2_flux_uncertainty(
    inputs: Mapping[str, float],
    uncertainties: Mapping[str, float],
    *,
    wind_height_m: float,
    transfer_velocity_uncertainty: float = WANNINKHOF_2014_UNCERTAINTY,
) -> FluxUncertainty:
    """Propagate standard uncertainties of the inputs (independent of each other) and of the transfer velocity through `air_sea_co2_flux`.

    Parameters: ``inputs`` and ``uncertainties`` by the names of `air_sea_co2_flux`, in its units (an input without uncertainty is exact);
    ``transfer_velocity_uncertainty`` relative. NaN gives NaN. Each part is half the difference of the flux at input +- uncertainty; the
    parts add in squares (JCGM 100:2008, 5.1).

    >>> case = dict(pco2_water=500.0, co2_air=400.0, wind_speed=8.0, water_temperature=25.0, salinity=35.0, air_pressure=1013.25)
    >>> only_k = air_sea_co2_flux_uncertainty(case, {}, wind_height_m=10.0)
    >>> round(only_k.total_mmol_m2_d / air_sea_co2_flux(**case, wind_height_m=10.0).flux_mmol_m2_d, 6)
    0.2
    """

    def flux(changed: Mapping[str, float]) -> float:
        return air_sea_co2_flux(**{**inputs, **changed}, wind_height_m=wind_height_m).flux_mmol_m2_d

    parts = {"gas_transfer_velocity": abs(flux({})) * transfer_velocity_uncertainty}
    for name, u in uncertainties.items():
        if u:
            low = max(0.0, inputs[name] - u) if name in ("wind_speed", "salinity") else inputs[name] - u
            parts[name] = abs(flux({name: inputs[name] + u}) - flux({name: low})) / 2.0
    return FluxUncertainty(float(np.sqrt(sum(part**2 for part in parts.values()))), parts)
