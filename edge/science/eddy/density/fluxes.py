"""Heat, water vapour and CO2 flux of a window, for open and closed path.

Open path: molar densities with the density correction of `density`. Closed path: dry mole fractions, F = <w'r'> / Vd with Vd the molar
volume of the dry part of the ambient air; no correction is left to make (Ibrom et al. 2007). Not here: spectral losses.
"""

from __future__ import annotations

import math

from edge.science.constants import MOLAR_MASS_WATER
from edge.science.eddy.density.open_path import open_path_gas, open_path_water, temperature_flux
from edge.science.eddy.window import Window


def step(window: Window) -> Window:
    """Values ``sensible_heat_flux`` (W m-2), ``latent_heat_flux``, ``evaporation`` (kg m-2 s-1), ``h2o_flux``, ``co2_flux`` (mol m-2
    s-1)."""
    values = _open_path(window) if window.gas_form == "density" else _closed_path(window)
    w_t, evaporation = values["temperature_flux"], values["evaporation"]
    values["sensible_heat_flux"] = window.value("air_density") * window.value("heat_capacity") * w_t
    values["latent_heat_flux"] = window.value("latent_heat") * evaporation
    values["h2o_flux"] = evaporation / MOLAR_MASS_WATER
    q = window.value("specific_humidity")
    air_density = window.value("air_density")
    if not math.isnan(air_density):
        values["specific_humidity_flux"] = (1.0 - q) * evaporation / air_density
    reasons = {
        name: why for name in ("sensible_heat_flux", "latent_heat_flux", "h2o_flux", "co2_flux") if (why := _why(window, name, values))
    }
    return window.found(values, reasons)


def _why(window: Window, name: str, values: dict[str, float]) -> str:
    """Why a flux is missing: the first thing it needs that is not there."""
    if not math.isnan(values[name]):
        return ""
    needs = [
        "wind_u",
        "wind_v",
        "wind_w",
        "sonic_temperature",
        "co2" if name == "co2_flux" else "h2o",
        "h2o",
        "air_density",
        "air_temperature_k",
    ]
    found = next((need for need in needs if need in window.reasons), None)
    return f"{found}: {window.reasons[found]}" if found else "an input is missing"


def _open_path(window: Window) -> dict[str, float]:
    v = window.value
    water = open_path_water(
        v("cov_wind_w_h2o") * MOLAR_MASS_WATER,
        v("cov_wind_w_sonic_temperature"),
        temperature_k=v("air_temperature_k"),
        specific_humidity=v("specific_humidity"),
        air_density=v("air_density"),
        dry_air_density=v("dry_air_density"),
        vapour_density=v("vapour_density"),
    )
    co2 = open_path_gas(
        v("cov_wind_w_co2"),
        v("mean_co2"),
        evaporation=water.evaporation,
        temperature_flux=water.temperature_flux,
        temperature_k=v("air_temperature_k"),
        dry_air_density=v("dry_air_density"),
        vapour_density=v("vapour_density"),
    )
    return {"evaporation": water.evaporation, "temperature_flux": water.temperature_flux, "co2_flux": co2}


def _closed_path(window: Window) -> dict[str, float]:
    v = window.value
    evaporation = v("cov_wind_w_h2o") / v("dry_molar_volume") * MOLAR_MASS_WATER
    w_t = temperature_flux(
        v("cov_wind_w_sonic_temperature"),
        evaporation,
        temperature_k=v("air_temperature_k"),
        specific_humidity=v("specific_humidity"),
        air_density=v("air_density"),
    )
    return {"evaporation": evaporation, "temperature_flux": w_t, "co2_flux": v("cov_wind_w_co2") / v("dry_molar_volume")}
