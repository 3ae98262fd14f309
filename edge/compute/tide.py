"""Six-minute water level: from the samples of a request to an answer.

Samples are pressures of an instrument under water, distances from one above it, or levels. The level above the 1985 national datum is given
beside the one above the station's zero; levels of different datum are never mixed.
"""

from __future__ import annotations

import math

from edge.compute.judge import Tests, build_answer, number_of
from edge.compute.messages import Answer, Input, Request
from edge.science.air import normal_gravity
from edge.science.arrays import FloatArray, floats
from edge.science.tide import SPAN_S, level_above_datum_m, six_minute_level, water_column_m
from firmware_config.flags import Flag

GOOD_SHARE, LEAST_SHARE = 0.9, 0.5
MOST_OUTLIERS = 0.1
"""share of the samples; above it the three-sigma rule no longer speaks of single outliers"""
STUCK_FROM, STUCK_M = 60, 1e-6
"""So many samples that agree to a micrometre come from a sensor that is stuck (or lies dry), not from water."""
STANDARD_LATITUDE_DEG = 45.0
DRY_M = 0.05
"""A gauge under less water than this on average lies dry for all it can tell: its zero and the barometer are not known better."""


def answer(request: Request) -> Answer:
    """Level, its standard deviation and outlier count; ValueError when the samples are not a list of numbers."""
    samples = request.samples
    values = floats([math.nan if v is None else float(v) for v in samples.get("values", [])])
    interval_s = float(samples.get("interval_ms", 1000)) / 1e3
    air = request.inputs.get("air_pressure", Input())
    absolute = request.product.get("pressure_is") == "absolute"
    levels, why = _levels(request, values, number_of(air) if absolute else None)
    expected = max(1, int((SPAN_S - 1) / interval_s) + 1) if interval_s > 0 else SPAN_S
    level = six_minute_level(levels, expected)
    datum = (request.station.get("datum") or {}).get("datum_1985_m")
    in_1985 = float(level_above_datum_m(level.mean, float(datum))) if datum is not None else math.nan
    results = {"water_level": level.mean, "water_level:sd": level.sd, "water_level:count": float(level.used), "water_level_1985": in_1985}
    if math.isnan(level.mean):
        why = why or "no valid sample"
    tests = _tests(level.share, level.outliers / max(1, level.used + level.outliers))
    if level.used >= STUCK_FROM and level.sd <= STUCK_M:
        tests["flat_line"] = Flag.SUSPECT
    if _lies_dry(request, level.mean):
        tests["submerged"] = Flag.FAIL
        why = why or "the gauge lies dry: the water stands below it"
    return build_answer(
        request.id,
        results,
        tests=dict.fromkeys(("water_level", "water_level_1985"), tests),
        share=dict.fromkeys(("water_level", "water_level_1985"), level.share),
        inputs={"air_pressure": air} if absolute else {},
        detail={"outliers": level.outliers, "expected": expected, **({"reasons": {"water_level": why}} if why else {})},
    )


def _levels(request: Request, values: FloatArray, air_pressure_hpa: float | None) -> tuple[FloatArray, str]:
    """The samples as levels above the station's zero, and why they cannot be had, if so."""
    quantity = request.samples.get("quantity", "water_pressure")
    if quantity in {"water_level", "radar_level"}:
        return values + float(request.product.get("sensor_zero_m", 0.0)), ""
    if quantity == "distance_to_water":
        height = request.heights.get("instrument", math.nan)
        return height - values, "no value for height of the instrument" if math.isnan(height) else ""
    height = request.heights.get("instrument", math.nan)
    latitude = float(request.station.get("latitude_deg", STANDARD_LATITUDE_DEG))
    density = float(request.product.get("water_density_kg_m3", math.nan))
    column = water_column_m(values, density_kg_m3=density, gravity_ms2=float(normal_gravity(latitude)), air_pressure_hpa=air_pressure_hpa)
    lacking = [
        name
        for name, number in (("air_pressure", air_pressure_hpa), ("height of the instrument", height), ("water_density_kg_m3", density))
        if number is not None and math.isnan(number)
    ]
    return column + height, f"no value for {', '.join(lacking)}" if lacking else ""


def _lies_dry(request: Request, level_m: float) -> bool:
    """Whether a gauge that should be under the water is not: it then measures its own height, for as long as the water stands below it."""
    if request.samples.get("quantity", "water_pressure") != "water_pressure":
        return False
    return level_m - request.heights.get("instrument", math.nan) < DRY_M


def _tests(share: float, outliers: float) -> Tests:
    return {
        "share": Flag.GOOD if share >= GOOD_SHARE else Flag.SUSPECT if share >= LEAST_SHARE else Flag.FAIL,
        "outliers": Flag.GOOD if outliers <= MOST_OUTLIERS else Flag.SUSPECT,
    }
