"""The step that takes the low-pass loss of a gas from what the station learnt of itself, instead of from the instruments' data sheets.

It comes after `factors.step`, whose momentum and heat stay, and replaces the factor of each gas with a learnt cut-off: in-situ factor (the
gas against temperature) times the low-pass factor of heat (temperature against the truth) times separation times high pass. A gas whose
cut-off is not ready keeps its analytic factor, and the reason says how much is missing. Not here: learning (`in_situ`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from edge.science.eddy.spectral.factors import effective_separation
from edge.science.eddy.spectral.in_situ import HumidityDependence, IbromCoefficients, NotReady, fratini_factor, horst_factor, ibrom_factor
from edge.science.eddy.spectral.instruments import Analyser
from edge.science.eddy.spectral.separation import separation_factor
from edge.science.eddy.window import Window

Method = Literal["horst", "ibrom", "fratini"]
SMALL_HEAT = 0.02
"""Covariance of w and sonic temperature (K m s-1, about 25 W m-2) below which its cospectrum is too noisy to degrade"""
Learnt = Mapping[str, "float | HumidityDependence | NotReady"]
"""Gas → cut-off in Hz, its dependence on humidity, or why there is none yet."""


def step(
    window: Window,
    *,
    method: Method,
    cutoffs: Learnt,
    analysers: Mapping[str, Analyser],
    height_m: float,
    coefficients: Mapping[str, IbromCoefficients] | None = None,
    small_heat: float = SMALL_HEAT,
    stability_from: str = "stability",
) -> Window:
    """Values ``spectral_factor_<gas>``, its ``_low_pass``, ``spectral_cutoff_<gas>_hz``.

    ``coefficients`` of ``unstable`` and ``stable`` air (`in_situ.fit_ibrom`); fratini needs the table ``spectra`` of this window.
    """
    values: dict[str, float] = {}
    reasons: dict[str, str] = {}
    stability = window.value(stability_from)
    known = (coefficients or {}).get("stable" if stability > 0.0 else "unstable")
    for gas, analyser in analysers.items():
        cutoff, why = _cutoff(window, gas, cutoffs)
        factor = math.nan if why else _in_situ(window, method, cutoff, stability, height_m, known, small_heat)
        if math.isnan(factor):
            reasons[f"spectral_cutoff_{gas}_hz"] = f"the analytic factor was kept: {why or _missing(window, method, stability, known)}"
            continue
        apart = effective_separation(analyser, window.value("wind_from_direction_deg"))
        factor *= separation_factor(apart, 90.0, analyser.vertical_separation_m, height_m=height_m, stability=stability)
        factor *= window.values.get("spectral_factor_heat_low_pass", 1.0)
        values[f"spectral_factor_{gas}_low_pass"] = factor
        values[f"spectral_factor_{gas}"] = factor * window.values.get(f"spectral_factor_{gas}_high_pass", 1.0)
        values[f"spectral_cutoff_{gas}_hz"] = cutoff
    return window.found(values, reasons)


def _cutoff(window: Window, gas: str, cutoffs: Learnt) -> tuple[float, str]:
    """The cut-off of a gas in this window, and why there is none."""
    one = cutoffs.get(gas)
    if one is None:
        return math.nan, "no cut-off was learnt"
    if isinstance(one, NotReady):
        return math.nan, f"only {one}"
    if isinstance(one, HumidityDependence):
        humidity = window.value("relative_humidity_percent")
        return (math.nan, "the relative humidity is not known") if math.isnan(humidity) else (one.cutoff_hz(humidity), "")
    return (one, "") if one > 0.0 else (math.nan, f"a cut-off of {one:g} Hz is not possible")


def _in_situ(
    window: Window, method: Method, cutoff: float, stability: float, height_m: float, known: IbromCoefficients | None, small_heat: float
) -> float:
    """Loss of a gas against temperature by one of the methods; NaN when something is missing."""
    wind = window.value("wind_speed_ms")
    if not (wind > 0.0 and height_m > 0.0) or math.isnan(stability):
        return math.nan
    if method == "horst":
        return horst_factor(cutoff, wind_speed_ms=wind, height_m=height_m, stability=stability)
    if method == "ibrom":
        return ibrom_factor(cutoff, wind, known) if known is not None else math.nan
    table = window.tables.get("spectra", {})
    heat = abs(window.value("cov_wind_w_sonic_temperature"))
    if "cospectrum_sonic_temperature" not in table or math.isnan(heat):
        return math.nan
    f = table["frequency_hz"]
    density = table["cospectrum_sonic_temperature"] / f
    small = heat < small_heat
    return fratini_factor(f, table["count"], density, cutoff, wind_speed_ms=wind, heat_flux_is_small=small, coefficients=known)


def _missing(window: Window, method: Method, stability: float, known: IbromCoefficients | None) -> str:
    if not window.value("wind_speed_ms") > 0.0 or math.isnan(stability):
        return "wind, height or stability is not known"
    if method != "horst" and known is None:
        return f"no coefficients for {'stable' if stability > 0.0 else 'unstable'} air were learnt"
    return "no cospectrum of temperature"
