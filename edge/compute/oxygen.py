"""Oxygen saturation: from the named inputs of a request to an answer."""

from __future__ import annotations

import math

from edge.compute.judge import build_answer, number_of
from edge.compute.messages import Answer, Input, Request
from edge.science.oxygen import oxygen_at_saturation_umol_kg, oxygen_saturation_percent, umol_kg_to_mg_l

ROLES = ("dissolved_oxygen", "water_temperature", "salinity", "air_pressure")


def answer(request: Request) -> Answer:
    """Saturation (percent) with its uncertainty, and what the water would hold (mg L-1)."""
    given = {role: request.inputs.get(role, Input()) for role in ROLES}
    measured, temperature, salinity, pressure = (number_of(given[role]) for role in ROLES)
    missing = [role for role in ROLES if math.isnan(number_of(given[role]))]
    full = float(umol_kg_to_mg_l(oxygen_at_saturation_umol_kg(temperature, salinity, pressure), temperature, salinity))
    percent = float(oxygen_saturation_percent(measured, temperature, salinity, pressure))
    values = {"oxygen_saturation": percent, "oxygen_saturation:uncertainty": _uncertainty(given), "oxygen_at_saturation": full}
    detail = {"reasons": {"oxygen_saturation": f"no value for {', '.join(missing)}"}} if missing else {}
    return build_answer(request.id, values, inputs=given, detail=detail)


def _uncertainty(given: dict[str, Input]) -> float:
    """Standard uncertainty of the saturation: half the difference at each input +- its uncertainty, added in squares."""

    def percent(changed: dict[str, float]) -> float:
        at = {role: changed.get(role, number_of(one)) for role, one in given.items()}
        return float(oxygen_saturation_percent(*(at[role] for role in ROLES)))

    parts = [
        (percent({role: number_of(one) + one.uncertainty}) - percent({role: number_of(one) - one.uncertainty})) / 2.0
        for role, one in given.items()
        if one.uncertainty
    ]
    return math.sqrt(sum(part**2 for part in parts)) if parts else percent({}) * 0.0
