"""Fluxes in EddyPro's levels: uncorrected, with the spectral factor, with density and humidity corrections.

Where it differs from `edge.science.eddy.density.fluxes`: the humidity correction of the sonic heat flux takes the *uncorrected* evaporation
and is done once, not solved together with it (an irrigated orchard at noon: H +1.7 %); spectral factors multiply covariances before the
open path's density correction, but the finished flux behind an enclosed path and of heat; an evaporation in its own correction stands with
the first-order forms of <w'q'> and of the division by 1 + 0.51 q.
"""

from __future__ import annotations

from edge.science.eddy.compatible.constants import MOLAR_MASS_DRY_AIR, MOLAR_MASS_WATER, SONIC_HUMIDITY_FACTOR
from edge.science.eddy.density.fluxes import why_missing
from edge.science.eddy.window import Window

Levels = tuple[float, float, float, float]
"""uncorrected, stage 1, stage 2, final"""
MU = MOLAR_MASS_DRY_AIR / MOLAR_MASS_WATER


def humidity_corrected_heat(
    heat: float, w_ts: float, evaporation: float, *, sonic_temperature_k: float, specific_humidity: float, air_density: float, rho_cp: float
) -> float:
    """H2 = H1 - rho cp 0.51 Ts E / rho - rho cp 0.51 q <w'Ts'>, W m-2 (van Dijk et al. 2004, eq. 3.53).

    Parameters: W m-2, K m s-1, kg m-2 s-1, K, kg kg-1, kg m-3, J m-3 K-1. NaN gives NaN.

    >>> air = {"sonic_temperature_k": 302.341, "specific_humidity": 0.00990428, "air_density": 1.13905, "rho_cp": 1155.46}
    >>> round(humidity_corrected_heat(316.888, 0.274252, 8.84522e-5, **air), 2)
    301.45
    """
    by_vapour = rho_cp * SONIC_HUMIDITY_FACTOR * sonic_temperature_k * evaporation / air_density
    return heat - by_vapour - rho_cp * SONIC_HUMIDITY_FACTOR * specific_humidity * w_ts


def open_path_evaporation(
    evaporation: float, heat: float, *, rho_cp: float, temperature_k: float, dry_density: float, vapour_density: float
) -> float:
    """E3 = (1 + mu s)(E1 + H rho_v / (rho cp T)), kg m-2 s-1 (Webb et al. 1980, eq. 25).

    Parameters: kg m-2 s-1, W m-2, J m-3 K-1, K, kg m-3. NaN gives NaN.

    >>> air = {"rho_cp": 1171.5, "temperature_k": 300.307, "dry_density": 1.14697, "vapour_density": 0.00955502}
    >>> round(1e4 * open_path_evaporation(1.747517e-4, 172.999, **air), 4)
    1.8185
    """
    return (1.0 + MU * vapour_density / dry_density) * (evaporation + heat * vapour_density / (rho_cp * temperature_k))


def open_path_gas(
    flux: float,
    mean_gas: float,
    *,
    evaporation: float,
    heat: float,
    rho_cp: float,
    temperature_k: float,
    dry_density: float,
    vapour_density: float,
) -> float:
    """F = F1 + mu E c / ((1 + mu s) rho_d) + H c / (rho cp T) (Webb et al. 1980, eq. 24), in the unit of ``flux``.

    Parameters: flux and mean density of the gas in one unit (mol m-2 s-1, mol m-3), kg m-2 s-1, W m-2, J m-3 K-1, K, kg m-3. NaN gives NaN.

    >>> air = {"rho_cp": 1171.5, "temperature_k": 300.307, "dry_density": 1.14697, "vapour_density": 0.00955502}
    >>> round(1e6 * open_path_gas(-27.8942e-6, 0.0150241, evaporation=1.818538e-4, heat=172.999, **air), 2)
    -16.73
    """
    dilution = MU * mean_gas / ((1.0 + MU * vapour_density / dry_density) * dry_density)
    return flux + dilution * evaporation + mean_gas * heat / (rho_cp * temperature_k)


def step(window: Window, *, density: bool = True) -> Window:
    """Values ``uncorrected_<flux>``, ``stage1_<flux>``, ``stage2_<flux>`` and the fluxes themselves (names and units as in the correct
    step); ``density`` False leaves the open path's density correction out."""
    v = window.value
    rho_cp, latent = v("heat_capacity_per_volume"), v("latent_heat")
    heat, evaporation, co2 = _open_path(window, density=density) if window.gas_form == "density" else _closed_path(window)
    levels = {
        "sensible_heat_flux": heat,
        "latent_heat_flux": tuple(latent * e for e in evaporation),
        "h2o_flux": tuple(e / MOLAR_MASS_WATER for e in evaporation),
        "co2_flux": co2,
    }
    values = {"evaporation": evaporation[3], "temperature_flux": heat[3] / rho_cp}
    for flux, (zero, one, two, three) in levels.items():
        values |= {f"uncorrected_{flux}": zero, f"stage1_{flux}": one, f"stage2_{flux}": two, flux: three}
    return window.found(values, why_missing(window, values))


def _factor(window: Window, name: str) -> float:
    return window.values.get(f"spectral_factor_{name}", 1.0)


def _heat_levels(window: Window, evaporation: float) -> Levels:
    v = window.value
    w_ts, rho_cp = v("cov_wind_w_sonic_temperature"), v("heat_capacity_per_volume")
    heat = humidity_corrected_heat(
        rho_cp * w_ts,
        w_ts,
        evaporation,
        sonic_temperature_k=v("mean_sonic_temperature"),
        specific_humidity=v("specific_humidity"),
        air_density=v("air_density"),
        rho_cp=rho_cp,
    )
    return rho_cp * w_ts, rho_cp * w_ts, heat, heat * _factor(window, "heat")


def _open_path(window: Window, *, density: bool) -> tuple[Levels, Levels, Levels]:
    v = window.value
    air = {
        "rho_cp": v("heat_capacity_per_volume"),
        "temperature_k": v("air_temperature_k"),
        "dry_density": v("dry_air_density"),
        "vapour_density": v("vapour_density"),
    }
    raw, co2_raw = v("cov_wind_w_h2o") * MOLAR_MASS_WATER, v("cov_wind_w_co2")
    heat = _heat_levels(window, raw)
    scaled, co2 = raw * _factor(window, "h2o"), co2_raw * _factor(window, "co2")
    if not density:
        return heat, (raw, scaled, scaled, scaled), (co2_raw, co2, co2, co2)
    second, third = (open_path_evaporation(scaled, h, **air) for h in (heat[0], heat[3]))
    warmed = heat[3] + window.values.get("surface_heat_flux", 0.0)
    whole = open_path_gas(co2, v("mean_co2"), evaporation=third, heat=warmed, **air)
    return heat, (raw, scaled, second, third), (co2_raw, co2, whole, whole)


def _closed_path(window: Window) -> tuple[Levels, Levels, Levels]:
    v = window.value
    volume = v("molar_volume") if window.gas_form == "mole_fraction" else v("dry_molar_volume")
    raw, co2 = v("cov_wind_w_h2o") / volume * MOLAR_MASS_WATER, v("cov_wind_w_co2") / volume
    heat = _heat_levels(window, raw)
    return heat, (raw, raw, raw, raw * _factor(window, "h2o")), (co2, co2, co2, co2 * _factor(window, "co2"))
