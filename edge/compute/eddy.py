"""One averaging period of eddy covariance: from a raw window and a request to an answer.

Setup comes from the request, samples from the raw window alone, numbers from `edge.science.eddy`. Nothing is made up: a flux that cannot be
had is missing and ``detail.reasons`` says why.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from edge.compute.columns import Raw, series_of
from edge.compute.eddy_setup import input_of, learnt_of, methods_of, pressure_input, setup_of, surface_heating, surface_m
from edge.compute.eddy_tables import contours_of, spectra_of
from edge.compute.judge import Tests, build_answer
from edge.compute.learning import facts_of, fallbacks_of
from edge.compute.messages import Answer, Input, Request
from edge.science.constants import CELSIUS_ZERO_K
from edge.science.eddy.chain import flux_chain, run
from edge.science.eddy.window import GASES, Window
from firmware_config.flags import Flag

RESULTS: dict[str, tuple[str, float, float]] = {
    "co2_flux": ("co2_flux", 1e6, 0.0),
    "h2o_flux": ("h2o_flux", 1e3, 0.0),
    "latent_heat_flux": ("latent_heat_flux", 1.0, 0.0),
    "sensible_heat_flux": ("sensible_heat_flux", 1.0, 0.0),
    "momentum_flux": ("momentum_flux", 1.0, 0.0),
    "friction_velocity": ("friction_velocity", 1.0, 0.0),
    "obukhov_length": ("obukhov_length", 1.0, 0.0),
    "stability_parameter": ("stability", 1.0, 0.0),
    "wind_speed": ("wind_speed_ms", 1.0, 0.0),
    "wind_from_direction": ("wind_from_direction_deg", 1.0, 0.0),
    "sonic_temperature": ("mean_sonic_temperature", 1.0, -CELSIUS_ZERO_K),
    "wind_w_variance": ("cov_wind_w_wind_w", 1.0, 0.0),
    "air_density": ("air_density", 1.0, 0.0),
    "rotation_yaw": ("yaw_deg", 1.0, 0.0),
    "rotation_pitch": ("pitch_deg", 1.0, 0.0),
    "lag_co2": ("lag_co2_s", 1.0, 0.0),
    "lag_h2o": ("lag_h2o_s", 1.0, 0.0),
    "co2_mole_fraction": ("co2_dry_mole_fraction", 1e6, 0.0),
    "h2o_mole_fraction": ("h2o_dry_mole_fraction", 1e3, 0.0),
}
"""quantity of the registry → number of the chain, scale, offset"""
UNCERTAIN = ("co2_flux", "h2o_flux", "latent_heat_flux", "sensible_heat_flux", "momentum_flux", "friction_velocity")
"""quantities that come with their random error, one standard error, as the statistic ``uncertainty``"""
RESULTS |= {f"{flux}:uncertainty": (f"random_error_{flux}", *RESULTS[flux][1:]) for flux in UNCERTAIN}
OF_GAS = {"co2_flux", "h2o_flux", "latent_heat_flux", "lag_co2", "lag_h2o", "co2_mole_fraction", "h2o_mole_fraction"}
NEEDS = {
    "co2_flux": ("wind_w", "co2", "h2o", "sonic_temperature"),
    "h2o_flux": ("wind_w", "h2o", "sonic_temperature"),
    "latent_heat_flux": ("wind_w", "h2o", "sonic_temperature"),
    "sensible_heat_flux": ("wind_w", "sonic_temperature", "h2o"),
    "momentum_flux": ("wind_u", "wind_w"),
    "friction_velocity": ("wind_u", "wind_w"),
}
"""quantity → the series whose share of samples it cannot exceed"""
RESTS_ON = {
    "obukhov_length": ("momentum_flux", "sensible_heat_flux"),
    "stability_parameter": ("momentum_flux", "sensible_heat_flux"),
}
"""quantity → the fluxes it is made from: it is no better than they are"""


def window_of(request: Request, raw: Raw) -> Window:
    """The finished window: every number the chain found, with its trace. Never raises for bad samples; ValueError when the request itself
    makes no sense."""
    averaging_s = float(request.product.get("averaging", 1_800_000)) / 1e3
    if not raw.rate_hz > 0 or not averaging_s > 0:
        raise ValueError(f"a window needs a rate and a length: rate {raw.rate_hz} Hz, averaging {averaging_s} s")
    series, form = series_of(raw)
    closed_path = request.product.get("path") == "closed" or form != "density"  # mole fractions need no density correction
    level = input_of(request, raw, "water_level", "water_level")
    setup = setup_of(
        request,
        pressure=pressure_input(request, raw),
        level=level,
        closed_path=closed_path,
        mass_densities=tuple(raw.meta.get("mass_densities") or ()),  # type: ignore[arg-type]
    )
    setup = replace(setup, surface_heating=surface_heating(request, raw.start_ms + 500.0 * averaging_s))
    window = Window(rate_hz=raw.rate_hz, expected=round(averaging_s * raw.rate_hz), series=series, gas_form=form)
    window = window.found({"height_above_surface_m": request.heights.get("sonic", math.nan) - surface_m(request, level)})
    return run(window, flux_chain(setup, methods_of(request.product), learnt_of(request, raw)))


def compute(request: Request, raw: Raw) -> Answer:
    """The answer for one raw window. Raises as `window_of`."""
    inputs = {"air_pressure": pressure_input(request, raw)}
    if request.product.get("water_level"):
        inputs["water_level"] = input_of(request, raw, "water_level", "water_level")
    done = window_of(request, raw)
    answer = _answer(request, done, inputs)
    if contours := contours_of(done):
        answer.detail["footprint"] = contours
    if fallbacks := fallbacks_of(done):
        answer.detail["fallback"] = fallbacks
    answer.spectra, answer.facts = spectra_of(done), facts_of(done)
    return answer


def _answer(request: Request, done: Window, inputs: Mapping[str, Input]) -> Answer:
    has_gas = request.product.get("gas") is not None or any(g in done.series for g in GASES)
    wanted = {name: how for name, how in RESULTS.items() if has_gas or name.partition(":")[0] not in OF_GAS}
    values = {name: done.value(key) * scale + offset for name, (key, scale, offset) in wanted.items()}
    classes = {name: int(done.value(f"class_{name}")) for name in values if f"class_{name}" in done.values}
    if "momentum_flux" in classes:
        classes["friction_velocity"] = classes["momentum_flux"]
    moves = request.station.get("platform") != "fixed"
    tests: dict[str, Tests] = {}
    for name in classes:
        of_flux = "momentum_flux" if name == "friction_velocity" else name
        tests[name] = {"mauder_foken": Flag.FAIL if done.value(f"mauder_foken_{of_flux}") == 2.0 else Flag.GOOD}
        if moves:
            tests[name]["platform_motion"] = Flag.FAIL
    for name, fluxes in RESTS_ON.items():
        found = [one for flux in fluxes for one in tests.get(flux, {}).items()]
        tests[name] = {test: max(flag for of, flag in found if of == test) for test, _ in found}
    if moves:
        tests["wind_w_variance"] = {"platform_motion": Flag.FAIL}
    share = {
        name: min((done.value(f"share_{s}") for s in series if f"share_{s}" in done.values), default=1.0) for name, series in NEEDS.items()
    }
    answer = build_answer(request.id, values, tests=tests, classes=classes, share=share, inputs=inputs, detail=_detail(done, values))
    for flux in UNCERTAIN:
        if answer.values.get(f"{flux}:uncertainty") is not None:
            answer.flags[f"{flux}:uncertainty"] = answer.flags[flux]
    return answer


def _detail(done: Window, values: Mapping[str, float]) -> dict[str, Any]:
    """What the chain did, short enough to travel with the record."""
    broken = done.reasons.get("chain")
    reasons = {
        name: broken or done.reasons[key]
        for name, (key, _, _) in RESULTS.items()
        if name in values and math.isnan(values[name]) and (broken or key in done.reasons)
    }
    for flux in UNCERTAIN:
        if not math.isnan(values.get(flux, math.nan)) and math.isnan(values[f"{flux}:uncertainty"]):
            reasons.setdefault(f"{flux}:uncertainty", "the chosen methods give no random error of it")
    detail: dict[str, Any] = {"reasons": reasons} if reasons else {}
    why = {
        key.removeprefix("class_"): done.reasons[key] for key, x in done.values.items() if key.startswith("class_") and key in done.reasons
    }
    if why:
        detail["class_reasons"] = why
    limits = {flux: done.value(f"detection_limit_{flux}") * RESULTS[flux][1] for flux in UNCERTAIN if flux in values}
    if found := {flux: float(f"{limit:.4g}") for flux, limit in limits.items() if math.isfinite(limit)}:
        detail["detection_limit"] = found
    if math.isfinite(heat := done.value("surface_heat_flux")):
        detail["surface_heat_w_m2"] = round(heat, 2)
    strength = {gas: round(x, 1) for gas in GASES if math.isfinite(x := done.value(f"signal_strength_{gas}"))}
    if strength:
        detail["signal_strength_percent"] = strength
    for title, prefix in (("stuck", "stuck_"), ("spikes", "spikes_"), ("outside_limits", "outside_")):
        counts = {k.removeprefix(prefix): int(v) for k, v in done.values.items() if k.startswith(prefix) and v}
        if counts:
            detail[title] = counts
    for title in ("nonstationarity", "turbulence_deviation"):
        found = {k.removeprefix(title + "_"): round(v, 1) for k, v in done.values.items() if k.startswith(title + "_") and math.isfinite(v)}
        if found:
            detail[title + "_percent"] = found
    default = [gas for gas in GASES if done.value(f"lag_{gas}_is_default") == 1.0]
    if default:
        detail["lag_is_default"] = default
    return detail
