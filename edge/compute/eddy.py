"""One averaging period of eddy covariance: from a raw window and a request to an answer.

Setup comes from the request, samples from the raw window alone, numbers from `edge.science.eddy`. Nothing is made up: a flux that cannot be
had is missing and ``detail.reasons`` says why.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from edge.compute.columns import Raw, series_of
from edge.compute.judge import Tests, build_answer, number_of
from edge.compute.messages import Answer, Input, Request
from edge.science.arrays import mean_of_present
from edge.science.constants import CELSIUS_ZERO_K
from edge.science.eddy.chain import flux_chain, run
from edge.science.eddy.lag.search import LagWindow, closed_path_window, open_path_window
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


def lag_windows(product: Mapping[str, Any], separation_m: float) -> dict[str, LagWindow]:
    """Search window of each gas: as the station file says, else from separation or tube; a gas without any is left out."""
    found: dict[str, LagWindow] = {}
    closed = product.get("path") == "closed"
    tube = [product.get(key) for key in ("tube_length_m", "tube_diameter_m", "flow_l_per_min")]
    for gas in GASES:
        given = product.get(f"lag_{gas}")
        if given is not None:
            shortest, longest = sorted(float(edge) for edge in given)
            found[gas] = LagWindow(shortest, longest, (shortest + longest) / 2 if closed else min(max(0.0, shortest), longest))
        elif not closed:
            found[gas] = open_path_window(separation_m)
        elif None not in tube:
            length, diameter, flow = (float(part) for part in tube if part is not None)
            found[gas] = closed_path_window(
                tube_length_m=length,
                tube_diameter_m=diameter,
                flow_l_per_min=flow,
                cell_volume_cm3=float(product.get("cell_volume_cm3") or 0.0),
                sticky=gas == "h2o",
            )
    return found


def pressure_input(request: Request, raw: Raw) -> Input:
    """The air pressure (hPa): as archived with the window, else as asked, else the open-path analyser's own barometer.

    The archive goes first, so that a file computed again gives the digits that were sent.
    """
    archived = raw.meta.get("inputs")
    if isinstance(archived, Mapping):
        for name in ("air_pressure", request.product.get("pressure")):
            if (kept := as_input(archived.get(name))) is not None:
                return kept
    given = request.inputs.get("air_pressure")
    if given is not None and given.value is not None:
        return given
    column = raw.columns.get("P gas (kPa)")
    if column is not None and request.product.get("path") != "closed":
        mean_hpa = 10.0 * mean_of_present(column)
        if 400.0 <= mean_hpa <= 1100.0:
            return Input(mean_hpa, 2.0, "gas_pressure of the analyser")
    return given or Input()


def as_input(kept: object) -> Input | None:
    """An input as the archive keeps it: a mapping, or value, uncertainty and source in a list; None when it is neither."""
    try:
        if isinstance(kept, Mapping):
            return Input(float(kept["value"]), float(kept.get("uncertainty", 0.0)), str(kept.get("source", "")))
        if isinstance(kept, (list, tuple)) and len(kept) >= 2:
            return Input(float(kept[0]), float(kept[1]), str(kept[2]) if len(kept) > 2 else "")
    except (KeyError, TypeError, ValueError):
        pass
    return None


def compute(request: Request, raw: Raw) -> Answer:
    """The answer for one raw window. Never raises for bad samples; ValueError when the request itself makes no sense."""
    product, heights = request.product, request.heights
    averaging_s = float(product.get("averaging", 1_800_000)) / 1e3
    if not raw.rate_hz > 0 or not averaging_s > 0:
        raise ValueError(f"a window needs a rate and a length: rate {raw.rate_hz} Hz, averaging {averaging_s} s")
    pressure = pressure_input(request, raw)
    series, form = series_of(raw)
    window = Window(rate_hz=raw.rate_hz, expected=round(averaging_s * raw.rate_hz), series=series, gas_form=form)
    chain = flux_chain(
        closed_path=product.get("path") == "closed" or form != "density",  # mole fractions need no density correction
        pressure_pa=100.0 * number_of(pressure),
        height_m=heights.get("sonic", math.nan) - heights.get("surface", 0.0) - float(product.get("displacement_m") or 0.0),
        latitude_deg=float(request.station.get("latitude_deg", math.nan)),
        averaging_s=averaging_s,
        lag_windows=lag_windows(product, request.geometry.get("separation_m", 0.0)),
        u_from_deg=request.geometry.get("u_from_deg", 180.0),
        platform_moves=request.station.get("platform") != "fixed",
    )
    return _answer(request, run(window, chain), pressure)


def _answer(request: Request, done: Window, pressure: Input) -> Answer:
    has_gas = request.product.get("gas") is not None or any(g in done.series for g in GASES)
    wanted = {name: how for name, how in RESULTS.items() if has_gas or name not in OF_GAS}
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
    return build_answer(
        request.id, values, tests=tests, classes=classes, share=share, inputs={"air_pressure": pressure}, detail=_detail(done, values)
    )


def _detail(done: Window, values: Mapping[str, float]) -> dict[str, Any]:
    """What the chain did, short enough to travel with the record."""
    broken = done.reasons.get("chain")
    reasons = {
        name: broken or done.reasons[key]
        for name, (key, _, _) in RESULTS.items()
        if name in values and math.isnan(values[name]) and (broken or key in done.reasons)
    }
    detail: dict[str, Any] = {"reasons": reasons} if reasons else {}
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
