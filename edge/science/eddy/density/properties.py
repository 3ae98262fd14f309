"""The derived properties of the air that flux tables print, and the ones a reader of a flux wants beside it.

`edge.science.air` gives the state of the air; `derived` adds what it has not. SI, NaN in, NaN out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from edge.science.air import MoistAir, saturation_vapour_pressure_pa
from edge.science.constants import CELSIUS_ZERO_K
from edge.science.eddy.window import Window

POTENTIAL_EXPONENT = 0.286


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

    Parameters: the state, of `edge.science.air` or of `edge.science.eddy.compatible.air`; NaN gives NaN. The saturation pressure is the one
    its relative humidity was made with (e / RH).

    >>> from edge.science.air import moist_air
    >>> round(derived(moist_air(293.15, 101325.0, 1000.0)).vapour_pressure_deficit_pa)
    1339
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
