"""From a request and its raw window to what the eddy chain is made for: facts, methods, what was learnt.

The archive's own word goes before the request's, so that a file computed again gives the digits that were sent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from edge.compute.columns import Raw
from edge.compute.judge import number_of
from edge.compute.learning import cutoff_from_json, ibrom_from_json
from edge.compute.messages import Input, Request
from edge.science.arrays import mean_of_present
from edge.science.eddy.density.burba import Instrument as BurbaInstrument
from edge.science.eddy.density.burba import Regression, Surface
from edge.science.eddy.footprint.distances import displacement_height, roughness_length
from edge.science.eddy.lag.search import LagWindow, closed_path_window, open_path_window
from edge.science.eddy.lag.tracker import LearntLag
from edge.science.eddy.rotation.planar_fit import Plane
from edge.science.eddy.screening.diagnostics import GILL_GOOD
from edge.science.eddy.setup import Learnt, Methods, Setup
from edge.science.eddy.sonic.crosswind import FACTORS
from edge.science.eddy.spectral.instruments import ANALYSERS, SONICS, Analyser, Tube, placed
from edge.science.eddy.window import GASES
from edge.science.sun import elevation_deg

CROSSWIND_KINDS = {
    "gill_windmaster": "windmaster",
    "gill_windmaster_pro": "windmaster",
    "gill_r3_50": "solent_r3",
    "gill_r3_100": "solent_r3",
    "metek_usa1": "usa1",
    "metek_usonic3": "usa1",
}
"""sonics that leave the cross-wind correction to others, and whose paths they have"""
SONIC_WORDS = {"csat3": "csat3", "csat3b": "csat3b", "irgason": "ec100_sonic"}
GAS_WORDS = {"li7500": "li7500", "li7200": "li7200", "irgason": "ec100_gas", "ec150": "ec100_gas", "ec155": "ec100_gas"}
WATER_SURFACES = ("seawater", "aquaculture")
FLOODED_M = 0.02
"""water above the ground from which on the surface counts as water"""


def setup_of(request: Request, *, pressure: Input, level: Input, closed_path: bool, mass_densities: tuple[str, ...] = ()) -> Setup:
    """The facts of one window. A height, roughness or instrument that is not known is NaN or absent, and what needs it stays out.

    The sonic is as high as it is above the zero plane of the plants, or above the water where that stands higher; plants that stand out of
    the water keep their roughness."""
    product, geometry = request.product, request.geometry
    kind = str(request.station.get("sonic_kind", ""))
    canopy = float(product.get("canopy_m") or 0.0)
    displacement, roughness = product.get("displacement_m"), product.get("roughness_m")
    ground, water = request.heights.get("ground", 0.0), number_of(level)
    flooded = water > ground + FLOODED_M
    surface = surface_m(request, level)
    over_water = request.station.get("surface") in WATER_SURFACES or flooded
    if displacement is None:
        displacement = displacement_height(canopy)
    if roughness is None:
        roughness = roughness_length(canopy) if canopy > 0 else math.nan
    plants = ground + float(displacement)
    return Setup(
        closed_path=closed_path,
        pressure_pa=100.0 * number_of(pressure),
        height_m=request.heights.get("sonic", math.nan) - max(plants, surface),
        latitude_deg=float(request.station.get("latitude_deg", math.nan)),
        averaging_s=float(product.get("averaging", 1_800_000)) / 1e3,
        lag_windows=lag_windows(product, geometry.get("separation_m", 0.0)),
        u_from_deg=geometry.get("u_from_deg", math.nan),
        mirrored=geometry.get("v_sign", 1.0) < 0.0,
        roughness_length_m=math.nan if flooded and water >= plants else float(roughness),
        sonic=SONICS.get(kind),
        analysers=_analysers(request),
        sonic_kind=kind,
        sonic_firmware=str(request.station.get("sonic_firmware", "")),
        platform_moves=request.station.get("platform") != "fixed",
        over_water=over_water,
        mass_densities=mass_densities,
        crosswind_factors=FACTORS.get(CROSSWIND_KINDS.get(kind, "")),
        sonic_word=SONIC_WORDS.get(kind, ""),
        gas_word=GAS_WORDS.get(str(request.station.get("analyser_kind", "")), ""),
        good_status=GILL_GOOD if kind.startswith("gill") else (0.0,),
    )


def surface_m(request: Request, level: Input) -> float:
    """The ground, or the water where that stands higher, above the station's zero."""
    ground, water = request.heights.get("ground", 0.0), number_of(level)
    return max(ground, water) if not math.isnan(water) else ground


def surface_heating(request: Request, middle_ms: float) -> BurbaInstrument | None:
    """The warm surfaces of the analyser with the temperatures of day or night, as the sun stands at ``middle_ms`` (UTC); None: off."""
    given = (request.product.get("processing") or {}).get("surface_heating")
    if not given:
        return None
    at = [float(request.station.get(name, math.nan)) for name in ("latitude_deg", "longitude_deg")]
    by_day = elevation_deg(middle_ms / 1e3, *at) > 0.0
    warm = {part: Regression(one["offset_c"], one["slope"]) for part, one in given["day" if by_day else "night"].items()}
    top, spar = given["top_diameter_m"], given["spar_diameter_m"]
    return BurbaInstrument(
        bottom=Surface(given["bottom_length_m"], extra_m=given.get("bottom_extra_layer_m", 0.0)),
        top=Surface(top, top / 2.0, given.get("top_extra_layer_m", 0.0)),
        spar=Surface(spar, spar / 2.0),
        bottom_temperature=warm["bottom"],
        top_temperature=warm["top"],
        spar_temperature=warm["spar"],
    )


def _analysers(request: Request) -> dict[str, Analyser]:
    kind, at, product = str(request.station.get("analyser_kind", "")), request.geometry, request.product
    if kind not in ANALYSERS:
        return {}
    east, north = at.get("eastward_separation_m", 0.0), at.get("northward_separation_m", 0.0)
    tube = [product.get(key) for key in ("tube_length_m", "tube_diameter_m", "flow_l_per_min")]
    intake = Tube(*(float(part) for part in tube if part is not None)) if None not in tube and product.get("path") == "closed" else None
    analyser = placed(
        kind,
        separation_m=math.hypot(east, north),
        vertical_separation_m=abs(at.get("vertical_separation_m", 0.0)),
        separation_azimuth_deg=math.degrees(math.atan2(east, north)) % 360.0 if east or north else math.nan,
        tube=intake,
    )
    return dict.fromkeys(GASES, analyser)


def methods_of(product: Mapping[str, Any]) -> Methods:
    """The methods the station file chose (``processing``); the lag is tracked in the correct chain if it does not say."""
    chosen = dict(product.get("processing") or {})
    mode = chosen.get("mode", "correct")
    lag = chosen.get("lag") or ("tracked" if mode == "correct" else "maximum_with_default")
    time_ms = chosen.get("detrending_time")
    known = {field.name for field in fields(Methods)}
    plain = {name: value for name, value in chosen.items() if name in known}
    return Methods(**{**plain, "lag": lag, "detrending_s": None if time_ms is None else float(time_ms) / 1e3})


def learnt_of(request: Request, raw: Raw) -> Learnt:
    """What was known when the window opened: each part as its archive has it (an empty one is known to be empty), else as asked. Planes of
    the station file go before learnt ones."""
    kept = raw.meta.get("learnt")
    known: dict[str, Any] = {**request.learnt, **(kept if isinstance(kept, Mapping) else {})}
    given = ((request.product.get("processing") or {}).get("planar_fit") or {}).get("planes") or []
    planes = [Plane(p["from_deg"], p["to_deg"], p.get("b0_ms", 0.0), p["b1"], p["b2"]) for p in given]
    if not planes:
        planes = [Plane(**p) for p in known.get("planes", [])]
    return Learnt(
        planes=planes,
        lags={gas: [_lag(one) for one in rows] for gas, rows in known.get("lags", {}).items()},
        cutoffs={gas: cutoff_from_json(one) for gas, one in known.get("cutoffs", {}).items()},
        ibrom=ibrom_from_json(known.get("ibrom", {})),
    )


def _lag(one: Mapping[str, Any]) -> LearntLag:
    edges = LagWindow(one["shortest_s"], one["longest_s"], one["default_s"])
    low, high = (
        infinite if bound is None else bound for bound, infinite in ((one["from_percent"], -math.inf), (one["to_percent"], math.inf))
    )
    return LearntLag(low, high, edges, one["windows"])


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


def input_of(request: Request, raw: Raw, role: str, key: str) -> Input:
    """An input of the window: as archived with it, else as asked. ``key`` is the product's key that names it among the archived ones."""
    archived = raw.meta.get("inputs")
    if isinstance(archived, Mapping):
        for name in (role, request.product.get(key)):
            if (kept := as_input(archived.get(name))) is not None:
                return kept
    return request.inputs.get(role) or Input()


def pressure_input(request: Request, raw: Raw) -> Input:
    """The air pressure (hPa): as archived with the window, else as asked, else the open-path analyser's own barometer."""
    given = input_of(request, raw, "air_pressure", "pressure")
    if given.value is not None:
        return given
    column = raw.columns.get("P gas (kPa)")
    if column is not None and request.product.get("path") != "closed":
        mean_hpa = 10.0 * mean_of_present(column)
        if 400.0 <= mean_hpa <= 1100.0:
            return Input(mean_hpa, 2.0, "gas_pressure of the analyser")
    return given


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
