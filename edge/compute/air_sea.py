"""Bulk air-sea CO2 flux: from the named inputs of a request to an answer."""

from __future__ import annotations

import math

from edge.compute.judge import build_answer, number_of
from edge.compute.messages import Answer, Input, Request
from edge.science.airsea import WANNINKHOF_2014_UNCERTAINTY, air_sea_co2_flux, air_sea_co2_flux_uncertainty

ROLES = ("pco2_water", "co2_air", "wind_speed", "water_temperature", "salinity", "air_pressure")


def answer(request: Request) -> Answer:
    """Flux (mmol m-2 d-1) with its uncertainty and the transfer velocity; an input that is missing makes the flux missing, with the
    reason."""
    given = {role: request.inputs.get(role, Input()) for role in ROLES}
    values = {role: number_of(one) for role, one in given.items()}
    height = float(request.product.get("wind_height_m", math.nan))
    missing = [role for role, value in values.items() if math.isnan(value)]
    if missing or not height > 0:
        why = f"no value for {', '.join(missing)}" if missing else f"wind_height_m is {height}"
        nothing = {"air_sea_co2_flux": math.nan, "air_sea_co2_flux:uncertainty": math.nan, "gas_transfer_velocity": math.nan}
        return build_answer(request.id, nothing, inputs=given, detail={"reasons": {"air_sea_co2_flux": why}})
    flux = air_sea_co2_flux(**values, wind_height_m=height)
    spread = air_sea_co2_flux_uncertainty(values, {role: one.uncertainty for role, one in given.items()}, wind_height_m=height)
    detail = {
        "transfer_velocity": f"Wanninkhof 2014, 0.251 U10^2 (Sc/660)^-0.5, ±{100 * WANNINKHOF_2014_UNCERTAINTY:.0f} %",
        "wind_10m_ms": round(flux.wind_10m_ms, 3),
        "fco2_water_uatm": round(flux.fco2_water_uatm, 2),
        "fco2_air_uatm": round(flux.fco2_air_uatm, 2),
        "uncertainty_parts": {name: round(part, 4) for name, part in spread.parts_mmol_m2_d.items()},
    }
    results = {
        "air_sea_co2_flux": flux.flux_mmol_m2_d,
        "air_sea_co2_flux:uncertainty": spread.total_mmol_m2_d,
        "gas_transfer_velocity": flux.transfer_velocity_cm_h,
    }
    return build_answer(request.id, results, inputs=given, detail=detail)
