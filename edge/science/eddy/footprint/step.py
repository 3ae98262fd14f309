"""The footprint of a window: distances along the wind by one of three models, and the two-dimensional contours.

The one-dimensional model is Kljun et al. (2004) where it holds, else Kormann & Meixner (2001) (the rule of EddyPro); `HSIEH` only by
choice. The contours are always those of Kljun et al. (2015). With the surface under the mast flooded, the caller gives the height above
the water.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from edge.science.arrays import FloatArray
from edge.science.constants import VON_KARMAN
from edge.science.eddy.footprint import hsieh, kljun2004, kljun2015, kormann_meixner, source_area
from edge.science.eddy.footprint.boundary_layer import boundary_layer_height
from edge.science.eddy.footprint.distances import SHARES, Distances
from edge.science.eddy.quality.integral_turbulence import coriolis_parameter
from edge.science.eddy.window import Window

KLJUN, KORMANN_MEIXNER, HSIEH = 0, 1, 2
"""numbers of the models, as EddyPro gives them"""
TABLE = "footprint_contours"


def step(
    window: Window,
    *,
    height_m: float,
    roughness_length_m: float,
    latitude_deg: float,
    model: int = KLJUN,
    boundary_layer_m: float = math.nan,
    areas: Mapping[str, Sequence[ArrayLike]] | None = None,
    von_karman: float = VON_KARMAN,
    from_integral: bool = True,
    whole_metres: bool = False,
    two_dimensional: bool = True,
) -> Window:
    """Values ``footprint_model``, ``footprint_peak_m``, ``footprint_offset_m``, ``footprint_10_m`` … ``footprint_90_m``; with
    ``two_dimensional`` also ``boundary_layer_m``, ``footprint_share_<area>`` and the table ``footprint_contours`` (``east_m_50``,
    ``north_m_50``, … 41 points each). ``height_m`` above the displacement height; ``areas`` name → polygons in metres around the mast.
    A roughness length that is not known (water) is taken from the wind of the window: ``roughness_from_wind_m``."""
    if math.isnan(roughness_length_m):
        ratio = kljun2015.VON_KARMAN * window.value("mean_wind_u") / (window.value("friction_velocity") or math.nan)
        roughness_length_m = kljun2015.roughness_from_wind(height_m, ratio, window.value("stability"))
        window = window.found({"roughness_from_wind_m": roughness_length_m})
    found, used = _along_wind(window, height_m, roughness_length_m, model, von_karman, from_integral, whole_metres)
    values = {"footprint_peak_m": found.peak, "footprint_offset_m": found.offset}
    values.update({f"footprint_{round(100 * share)}_m": x for share, x in zip(SHARES, found.within, strict=True)})
    reasons = {}
    if math.isnan(found.peak):
        reasons = dict.fromkeys(values, _why(window, height_m, roughness_length_m))
    window = window.found({"footprint_model": math.nan if reasons else float(used), **values}, reasons)
    if two_dimensional:
        window = _on_the_ground(window, height_m, roughness_length_m, latitude_deg, boundary_layer_m, areas or {})
    return window


def _along_wind(
    window: Window, height_m: float, roughness_length_m: float, model: int, von_karman: float, from_integral: bool, whole_metres: bool
) -> tuple[Distances, int]:
    v = window.value
    ustar, stability = v("friction_velocity"), v("stability")
    if model == HSIEH:
        return hsieh.distances(height_m, roughness_length_m, v("obukhov_length"), von_karman=von_karman), HSIEH
    if model == KLJUN and kljun2004.applies(ustar, stability, height_m):
        sigma_w = _root(v("cov_wind_w_wind_w"))
        return kljun2004.distances(ustar, sigma_w, height_m, roughness_length_m, from_integral=from_integral), KLJUN
    found = kormann_meixner.distances(ustar, v("mean_wind_u"), height_m, stability, von_karman=von_karman, whole_metres=whole_metres)
    return found, KORMANN_MEIXNER


def _root(variance: float) -> float:
    return math.sqrt(variance) if variance >= 0.0 else math.nan


def _why(window: Window, height_m: float, roughness_length_m: float) -> str:
    """Why there are no distances."""
    if not height_m > 0.0:
        return f"the height above the surface is {height_m:g} m"
    for name in ("friction_velocity", "stability", "wind_w"):
        if name in window.reasons:
            return window.reasons[name]
    if not roughness_length_m > 0.0:
        return f"the roughness length is {roughness_length_m:g} m"
    return "the footprint model has no solution for this wind and stability"


def _on_the_ground(
    window: Window,
    height_m: float,
    roughness_length_m: float,
    latitude_deg: float,
    boundary_layer_m: float,
    areas: Mapping[str, Sequence[ArrayLike]],
) -> Window:
    v = window.value
    ustar, stability = v("friction_velocity"), v("stability")
    boundary = boundary_layer_m
    if math.isnan(boundary):
        boundary = boundary_layer_height(ustar, v("obukhov_length"), coriolis_parameter(latitude_deg))
    outside = kljun2015.outside_of_range(ustar, stability, height_m, boundary, roughness_length_m)
    known = kljun2015.Footprint(math.nan, math.nan)
    if not outside:
        ratio = kljun2015.VON_KARMAN * v("mean_wind_u") / ustar
        known = kljun2015.footprint(ustar, _root(v("cov_wind_v_wind_v")), height_m, stability, boundary, ratio)
    direction = v("wind_from_direction_deg")
    values = {"boundary_layer_m": boundary}
    values.update({f"footprint_share_{name}": source_area.share_on(known, direction, polygons) for name, polygons in areas.items()})
    lines = source_area.contours(known, direction)
    if not lines:
        why = window.reasons.get("friction_velocity") or "; ".join(outside) or "no wind, direction or cross-wind variance"
        return window.found(values, dict.fromkeys([TABLE, *(f"footprint_share_{name}" for name in areas)], why))
    columns: dict[str, FloatArray] = {}
    for percent, (east, north) in lines.items():
        columns[f"east_m_{percent:g}"], columns[f"north_m_{percent:g}"] = np.round(east, 1), np.round(north, 1)
    return window.found(values).with_table(TABLE, columns)
