"""The derived properties of the air that flux tables print, and the ones a reader of a flux wants beside it.

`engine_air` gives the reference engine's state of the air to its printed digits: two passes over temperature with its constants,
densities of vapour from the molar volume at the sonic temperature. `edge.science.air` gives ours (one consistent state); `derived` adds
what it has not. SI, NaN in, NaN out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from edge.science.air import MoistAir, saturation_vapour_pressure_pa
from edge.science.constants import CELSIUS_ZERO_K, GAS_CONSTANT, SONIC_HUMIDITY_FACTOR
from edge.science.eddy.window import Window

ENGINE_GAS_CONSTANT = 8.314
ENGINE_DRY_AIR_GAS_CONSTANT = 287.04
ENGINE_VAPOUR_GAS_CONSTANT = 461.5
ENGINE_MOLAR_MASS_WATER = 0.01802
HEAT_CAPACITY_DRY_AIR = 1005.0
POTENTIAL_EXPONENT = 0.286


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


def dew_point_k(vapour_pressure_pa: float) -> float:
    """Dew point, K: 240.97 y / (17.502 - y) + 273.15 with y = ln(e / 611 Pa).

    Parameters: Pa; NaN, or a value that is not positive, gives NaN. Campbell & Norman 1998, An Introduction to Environmental Biophysics,
    eq. 3.14.

    >>> round(dew_point_k(1566.15), 3)
    286.846
    """
    if not 0.0 < vapour_pressure_pa < 1e7:
        return math.nan
    y = math.log(vapour_pressure_pa / 611.0)
    return 240.97 * y / (17.502 - y) + CELSIUS_ZERO_K


def potential_temperature_k(temperature_k: float, pressure_pa: float) -> float:
    """Potential temperature, K: T (1000 hPa / P)^0.286.

    Parameters: K, Pa; NaN, or a pressure that is not positive, gives NaN.

    >>> round(potential_temperature_k(288.0, 90000.0), 3)
    296.81
    """
    return temperature_k * (1e5 / pressure_pa) ** POTENTIAL_EXPONENT if pressure_pa > 0.0 else math.nan


def temperature_scale_k(sensible_heat_flux: float, heat_capacity_per_volume: float, friction_velocity: float) -> float:
    """Turbulent temperature scale T* = -H / (rho cp u*), K.

    Parameters: W m-2, J m-3 K-1, m s-1; NaN, or u* or rho cp not positive, gives NaN.

    >>> round(temperature_scale_k(305.941, 1155.46, 0.76401), 5)
    -0.34656
    """
    if not (heat_capacity_per_volume > 0.0 and friction_velocity > 0.0):
        return math.nan
    return -sensible_heat_flux / (heat_capacity_per_volume * friction_velocity)


def turbulent_kinetic_energy(variance_u: float, variance_v: float, variance_w: float) -> float:
    """Turbulent kinetic energy per mass, m2 s-2: half of the sum of the three variances. NaN in any gives NaN.

    >>> turbulent_kinetic_energy(1.0, 0.5, 0.25)
    0.875
    """
    return 0.5 * (variance_u + variance_v + variance_w)


def bowen_ratio(sensible_heat_flux: float, latent_heat_flux: float) -> float:
    """H / LE. NaN in any, or no latent heat flux, gives NaN.

    >>> bowen_ratio(100.0, 200.0)
    0.5
    """
    return sensible_heat_flux / latent_heat_flux if latent_heat_flux else math.nan


def evapotranspiration_mm(h2o_flux: float, seconds: float = 3600.0, *, molar_mass_water: float = 0.01801528) -> float:
    """Depth of water evaporated in a time, mm (1 kg m-2 is 1 mm).

    Parameters: ``h2o_flux`` mol m-2 s-1; ``seconds`` 3600 for mm per hour, or the averaging period. NaN gives NaN. The reference engine
    takes 0.018 kg mol-1 here (and 0.01802 elsewhere).

    >>> round(evapotranspiration_mm(5.0096e-3, molar_mass_water=0.018), 6)
    0.324622
    """
    return h2o_flux * molar_mass_water * seconds


def moist_molar_volume(temperature_k: float, pressure_pa: float, *, gas_constant: float = GAS_CONSTANT) -> float:
    """Molar volume of moist air, m3 mol-1: R T / P. Parameters: K, Pa; NaN, or a pressure that is not positive, gives NaN.

    >>> round(moist_molar_volume(288.15, 101325.0), 6)
    0.023645
    """
    return gas_constant * temperature_k / pressure_pa if pressure_pa > 0.0 else math.nan


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
    volume = ENGINE_GAS_CONSTANT * sonic_temperature_k / pressure_pa
    r = h2o_dry_mole_fraction if h2o_dry_mole_fraction > -0.99 else math.nan
    vapour = ENGINE_MOLAR_MASS_WATER * (h2o_mol_m3 if not math.isnan(h2o_mol_m3) else r / (1.0 + r) / volume)
    T = sonic_temperature_k
    e = dry = q = rh = math.nan
    for _ in range(passes):
        e = vapour * ENGINE_VAPOUR_GAS_CONSTANT * T
        rh = 100.0 * e / saturation_vapour_pressure_simple_pa(T)
        dry = (pressure_pa - e) / (ENGINE_DRY_AIR_GAS_CONSTANT * T)
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


@dataclass(frozen=True)
class Derived:
    """What a table prints of the air beside `edge.science.air.MoistAir`; SI."""

    saturation_vapour_pressure_pa: float
    vapour_pressure_deficit_pa: float
    dew_point_k: float
    dry_air_pressure_pa: float
    moist_molar_volume_m3: float
    vapour_to_dry_air_ratio: float
    heat_capacity_per_volume: float
    potential_temperature_k: float


def derived(air: MoistAir) -> Derived:
    """Vapour pressures, dew point, molar volume, potential temperature … of a state of the air.

    Parameters: the state, of `edge.science.air` or of `engine_air`; NaN gives NaN. The saturation pressure is the one its relative
    humidity was made with (e / RH).

    >>> round(derived(engine_air(302.341, 98943.6, h2o_dry_mole_fraction=16.1619e-3)).vapour_pressure_deficit_pa, 1)
    2129.8
    """
    e, P, rh = air.vapour_pressure_pa, air.pressure_pa, air.relative_humidity_percent
    saturated = 100.0 * e / rh if rh else float(saturation_vapour_pressure_pa(air.temperature_k))
    dry = air.dry_density_kg_m3
    return Derived(
        saturation_vapour_pressure_pa=saturated,
        vapour_pressure_deficit_pa=saturated - e,
        dew_point_k=dew_point_k(e),
        dry_air_pressure_pa=P - e,
        moist_molar_volume_m3=air.dry_molar_volume_m3 * (P - e) / P if P > 0.0 else math.nan,
        vapour_to_dry_air_ratio=air.vapour_density_kg_m3 / dry if dry else math.nan,
        heat_capacity_per_volume=air.heat_capacity * air.density_kg_m3,
        potential_temperature_k=potential_temperature_k(air.temperature_k, P),
    )


def air_of(window: Window) -> MoistAir:
    """The state of the air an earlier step found in a window; NaN where it found nothing.

    >>> import numpy as np
    >>> air_of(Window(10.0, 100, {}, values={"air_temperature_k": 290.0})).temperature_k
    290.0
    """
    v = window.value
    return MoistAir(
        temperature_k=v("air_temperature_k"),
        pressure_pa=v("air_pressure_pa"),
        vapour_pressure_pa=v("vapour_pressure_pa"),
        density_kg_m3=v("air_density"),
        dry_density_kg_m3=v("dry_air_density"),
        vapour_density_kg_m3=v("vapour_density"),
        specific_humidity=v("specific_humidity"),
        dry_molar_volume_m3=v("dry_molar_volume"),
        relative_humidity_percent=v("relative_humidity_percent"),
        heat_capacity=v("heat_capacity"),
        latent_heat=v("latent_heat"),
    )


def step(window: Window, *, averaging_s: float = math.nan, molar_mass_water: float = 0.01801528) -> Window:
    """Values of `Derived` under their names, and ``temperature_scale`` (K), ``turbulent_kinetic_energy``, ``bowen_ratio``,
    ``evapotranspiration_mm_h`` and, with ``averaging_s``, ``evapotranspiration_mm`` of the period. After the final fluxes."""
    v = window.value
    found = derived(air_of(window))
    values = {
        **vars(found),
        "temperature_scale": temperature_scale_k(v("sensible_heat_flux"), found.heat_capacity_per_volume, v("friction_velocity")),
        "turbulent_kinetic_energy": turbulent_kinetic_energy(*(v(f"cov_wind_{c}_wind_{c}") for c in "uvw")),
        "bowen_ratio": bowen_ratio(v("sensible_heat_flux"), v("latent_heat_flux")),
        "evapotranspiration_mm_h": evapotranspiration_mm(v("h2o_flux"), molar_mass_water=molar_mass_water),
    }
    if not math.isnan(averaging_s):
        values["evapotranspiration_mm"] = evapotranspiration_mm(v("h2o_flux"), averaging_s, molar_mass_water=molar_mass_water)
    why = window.reasons.get("air_temperature_k") or window.reasons.get("friction_velocity") or "an input is missing"
    return window.found(values, {name: why for name, value in values.items() if not math.isfinite(value)})
