"""Heat, water vapour and CO2 flux of a window, for open and closed path.

Open path: molar densities with the density correction of `density`. Closed path: dry mole fractions, F = <w'r'> / Vd with Vd the molar
volume of the dry part of the ambient air; no correction is left to make (Ibrom et al. 2007). Not here: finding the spectral factors.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from edge.science.constants import MOLAR_MASS_WATER
from edge.science.eddy.density.open_path import open_path_gas, open_path_water, temperature_flux
from edge.science.eddy.window import Window


def step(window: Window, *, density: bool = True) -> Window:
    """Values ``sensible_heat_flux`` (W m-2), ``latent_heat_flux``, ``evaporation`` (kg m-2 s-1), ``h2o_flux``, ``co2_flux`` (mol m-2
    s-1), ``specific_humidity_flux`` (m s-1), and ``uncorrected_<flux>`` as the covariances alone give them.

    The covariances are multiplied by ``spectral_factor_<series>`` where there is one, before the density correction: what the instruments
    lose is lost from the covariances. A ``surface_heat_flux`` (see `burba`) warms the open path of CO2. ``density`` False leaves the open
    path's density correction out.
    """
    values = _open_path(window, density=density) if window.gas_form == "density" else _closed_path(window)
    w_t, evaporation = values["temperature_flux"], values["evaporation"]
    values["sensible_heat_flux"] = window.value("air_density") * window.value("heat_capacity") * w_t
    values["latent_heat_flux"] = window.value("latent_heat") * evaporation
    values["h2o_flux"] = evaporation / MOLAR_MASS_WATER
    q = window.value("specific_humidity")
    air_density = window.value("air_density")
    if not math.isnan(air_density):
        values["specific_humidity_flux"] = (1.0 - q) * evaporation / air_density
    return window.found({**values, **_uncorrected(window)}, why_missing(window, values))


def _uncorrected(window: Window) -> dict[str, float]:
    v = window.value
    per_gas = 1.0 if window.gas_form == "density" else 1.0 / v("dry_molar_volume")
    water = v("cov_wind_w_h2o") * per_gas
    return {
        "uncorrected_sensible_heat_flux": v("air_density") * v("heat_capacity") * v("cov_wind_w_sonic_temperature"),
        "uncorrected_latent_heat_flux": v("latent_heat") * MOLAR_MASS_WATER * water,
        "uncorrected_h2o_flux": water,
        "uncorrected_co2_flux": v("cov_wind_w_co2") * per_gas,
    }


def why_missing(window: Window, values: Mapping[str, float]) -> dict[str, str]:
    """For each flux that is missing, the first thing it needs that is not there."""
    return {
        flux: _why(window, flux) for flux in ("sensible_heat_flux", "latent_heat_flux", "h2o_flux", "co2_flux") if math.isnan(values[flux])
    }


def _why(window: Window, flux: str) -> str:
    needs = [
        "wind_u",
        "wind_v",
        "wind_w",
        "sonic_temperature",
        "co2" if flux == "co2_flux" else "h2o",
        "h2o",
        "air_density",
        "air_temperature_k",
        "spectral_factor_heat",
        *(("surface_heat_flux",) if flux == "co2_flux" else ()),
    ]
    found = next((need for need in needs if need in window.reasons), None)
    return f"{found}: {window.reasons[found]}" if found else "an input is missing"


def _factor(window: Window, series: str) -> float:
    return window.values.get(f"spectral_factor_{series}", 1.0)


def _open_path(window: Window, *, density: bool) -> dict[str, float]:
    v = window.value
    w_water = v("cov_wind_w_h2o") * _factor(window, "h2o")
    w_ts, w_co2 = v("cov_wind_w_sonic_temperature") * _factor(window, "heat"), v("cov_wind_w_co2") * _factor(window, "co2")
    if not density:
        evaporation = w_water * MOLAR_MASS_WATER
        return {"evaporation": evaporation, "temperature_flux": _temperature_flux(window, w_ts, evaporation), "co2_flux": w_co2}
    water = open_path_water(
        w_water * MOLAR_MASS_WATER,
        w_ts,
        temperature_k=v("air_temperature_k"),
        specific_humidity=v("specific_humidity"),
        air_density=v("air_density"),
        dry_air_density=v("dry_air_density"),
        vapour_density=v("vapour_density"),
    )
    co2 = open_path_gas(
        w_co2,
        v("mean_co2"),
        evaporation=water.evaporation,
        temperature_flux=water.temperature_flux + window.values.get("surface_heat_flux", 0.0) / (v("air_density") * v("heat_capacity")),
        temperature_k=v("air_temperature_k"),
        dry_air_density=v("dry_air_density"),
        vapour_density=v("vapour_density"),
    )
    return {"evaporation": water.evaporation, "temperature_flux": water.temperature_flux, "co2_flux": co2}


def _closed_path(window: Window) -> dict[str, float]:
    v = window.value
    evaporation = v("cov_wind_w_h2o") * _factor(window, "h2o") / v("dry_molar_volume") * MOLAR_MASS_WATER
    w_t = _temperature_flux(window, v("cov_wind_w_sonic_temperature") * _factor(window, "heat"), evaporation)
    co2 = v("cov_wind_w_co2") * _factor(window, "co2") / v("dry_molar_volume")
    return {"evaporation": evaporation, "temperature_flux": w_t, "co2_flux": co2}


def _temperature_flux(window: Window, w_ts: float, evaporation: float) -> float:
    return temperature_flux(
        w_ts,
        evaporation,
        temperature_k=window.value("air_temperature_k"),
        specific_humidity=window.value("specific_humidity"),
        air_density=window.value("air_density"),
    )
