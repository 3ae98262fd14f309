"""Oxygen: from the named inputs of a request to an answer.

A sensor that counts for the salinity set in it gives ``dissolved_oxygen_uncorrected``: its concentration is first counted for the water
it hangs in, and that is a result of its own. Saturation follows from the concentration in this water.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from edge.compute.judge import build_answer, number_of
from edge.compute.messages import Answer, Input, Request
from edge.science.oxygen import (
    COMPENSATIONS,
    oxygen_at_saturation_umol_kg,
    oxygen_in_this_water,
    oxygen_saturation_percent,
    umol_kg_to_mg_l,
)
from firmware_config.quantities import split_series
from firmware_config.sense import OXYGEN, OXYGEN_UNCORRECTED

ROLES = (OXYGEN, "water_temperature", "salinity", "air_pressure")
ANY_MAKER = "sea_bird"
"""whose terms are taken for a sensor of which no document is known: those SCOR working group 142 recommends"""

Numbers = Mapping[str, float]


def answer(request: Request) -> Answer:
    """Saturation (percent), what the water would hold (mg L-1) and, of an uncorrected sensor, the concentration in this water (mg L-1),
    each with its uncertainty."""
    given = {role: request.inputs.get(role, Input()) for role in ROLES}
    at = {role: number_of(one) for role, one in given.items()}
    missing = [role for role, value in at.items() if math.isnan(value)]
    in_water, detail = _in_this_water(request)

    def saturation(at: Numbers) -> float:
        return float(oxygen_saturation_percent(in_water(at), at["water_temperature"], at["salinity"], at["air_pressure"]))

    full = oxygen_at_saturation_umol_kg(at["water_temperature"], at["salinity"], at["air_pressure"])
    values = {
        "oxygen_saturation": saturation(at),
        "oxygen_saturation:uncertainty": _uncertainty(saturation, given)[0],
        "oxygen_at_saturation": float(umol_kg_to_mg_l(full, at["water_temperature"], at["salinity"])),
    }
    reasons = {"oxygen_saturation": f"no value for {', '.join(missing)}"} if missing else {}
    if detail:
        values[OXYGEN] = in_water(at)
        values[f"{OXYGEN}:uncertainty"], parts = _uncertainty(in_water, given)
        lacking = [role for role in missing if role != "air_pressure"]
        detail["uncertainty_parts"] = {role: round(part, 4) for role, part in parts.items()}
        reasons |= {OXYGEN: f"no value for {', '.join(lacking)}"} if lacking else {}
    if "water_level" in request.inputs:
        given["water_level"] = request.inputs["water_level"]
    return build_answer(request.id, values, inputs=given, detail=detail | ({"reasons": reasons} if reasons else {}))


def _in_this_water(request: Request) -> tuple[Callable[[Numbers], float], dict[str, Any]]:
    """Inputs → mg L-1 in this water, and how that is found (empty: the sensor says it itself)."""
    if split_series(str(request.product.get("oxygen", f"{OXYGEN}@"))).quantity != OXYGEN_UNCORRECTED:
        return lambda at: at[OXYGEN], {}
    maker = str(request.station.get("oxygen_sensor", ANY_MAKER))
    set_to = float(request.product.get("sensor_salinity") or 0.0)
    level = number_of(request.inputs.get("water_level"))
    depth_m = max(0.0, (0.0 if math.isnan(level) else level) - request.heights.get("instrument", 0.0))

    def in_water(at: Numbers) -> float:
        # a metre of water is taken as a decibar: a hundredth of a correction that is 0.04 % in 10 m
        found = oxygen_in_this_water(at[OXYGEN], at["water_temperature"], at["salinity"], depth_m, sensor_salinity=set_to, maker=maker)
        return float(found)

    return in_water, {"compensation": COMPENSATIONS[maker].source, "sensor_salinity": set_to, "depth_m": round(depth_m, 2)}


def _uncertainty(found: Callable[[Numbers], float], given: Mapping[str, Input]) -> tuple[float, dict[str, float]]:
    """Standard uncertainty of a result: half the difference at each input +- its uncertainty, added in squares; and these parts."""
    at = {role: number_of(one) for role, one in given.items()}
    parts = {
        role: abs(found({**at, role: at[role] + one.uncertainty}) - found({**at, role: at[role] - one.uncertainty})) / 2.0
        for role, one in given.items()
        if one.uncertainty
    }
    return (math.sqrt(sum(part**2 for part in parts.values())) if parts else found(at) * 0.0), parts
