"""The mean state of the air of a window as EddyPro 7 has it (see `air`); the same value names as the correct step."""

from __future__ import annotations

import math

from edge.science.air import MoistAir
from edge.science.eddy.compatible.air import engine_air
from edge.science.eddy.density.air_state import HIGHEST_RELATIVE_HUMIDITY
from edge.science.eddy.density.properties import derived
from edge.science.eddy.window import GASES, Window


def step(window: Window, *, pressure_pa: float) -> Window:
    """Values of the correct step, and ``molar_volume``, ``heat_capacity_per_volume``. Without humidity dry air stands for moist air, as far
    as momentum and the uncorrected heat flux go."""
    sonic, water = window.value("mean_sonic_temperature"), window.value("mean_h2o")
    if not pressure_pa > 0 or math.isnan(sonic):
        lacking = "air pressure" if not pressure_pa > 0 else "sonic temperature"
        return window.found(reasons={"air_density": f"no {lacking}", "air_temperature_k": f"no {lacking}"})
    if math.isnan(water):
        dry = engine_air(sonic, pressure_pa, h2o_mol_m3=0.0)
        values = {"air_density": dry.density_kg_m3, "heat_capacity_per_volume": dry.heat_capacity * dry.density_kg_m3}
        return window.found(values, {"air_temperature_k": f"no humidity ({window.reasons.get('h2o', 'no h2o')})"})
    if window.gas_form == "density":
        air = engine_air(sonic, pressure_pa, h2o_mol_m3=water)
    else:
        fraction = water if window.gas_form == "dry_mole_fraction" else water / (1.0 - water)
        air = engine_air(sonic, pressure_pa, h2o_dry_mole_fraction=fraction)
    if not air.relative_humidity_percent <= HIGHEST_RELATIVE_HUMIDITY:
        why = f"relative humidity {air.relative_humidity_percent:.0f} % is not possible: check the analyser's calibration and zero"
        return window.without({"h2o": why}).found({"air_density": air.density_kg_m3}, {"air_temperature_k": why})
    return window.found(_of_air(window, air))


def _of_air(window: Window, air: MoistAir) -> dict[str, float]:
    more = derived(air)
    values = {
        "air_temperature_k": air.temperature_k,
        "air_pressure_pa": air.pressure_pa,
        "vapour_pressure_pa": air.vapour_pressure_pa,
        "air_density": air.density_kg_m3,
        "dry_air_density": air.dry_density_kg_m3,
        "vapour_density": air.vapour_density_kg_m3,
        "specific_humidity": air.specific_humidity,
        "molar_volume": more.moist_molar_volume_m3,
        "dry_molar_volume": air.dry_molar_volume_m3,
        "relative_humidity_percent": air.relative_humidity_percent,
        "heat_capacity": air.heat_capacity,
        "heat_capacity_per_volume": more.heat_capacity_per_volume,
        "latent_heat": air.latent_heat,
    }
    share_dry = more.moist_molar_volume_m3 / air.dry_molar_volume_m3
    moist = {"density": more.moist_molar_volume_m3, "mole_fraction": 1.0, "dry_mole_fraction": share_dry}[window.gas_form]
    for gas in GASES:
        values[f"{gas}_mole_fraction"] = window.value(f"mean_{gas}") * moist
        values[f"{gas}_dry_mole_fraction"] = values[f"{gas}_mole_fraction"] / share_dry
    return values
