"""The mean state of the air of a window, from the sonic, the analyser's humidity and the barometer.

Without usable humidity only the density is known (from the sonic temperature, which stands within 0.2 % for the virtual one); everything
that needs the vapour pressure then stays missing, with its reason.
"""

from __future__ import annotations

import math

from edge.science.air import MoistAir, air_from_sonic
from edge.science.constants import GAS_CONSTANT, MOLAR_MASS_DRY_AIR
from edge.science.eddy.window import GASES, Window

HIGHEST_RELATIVE_HUMIDITY = 130.0
"""percent; above it the humidity cannot be believed (EddyPro's limit)"""


def step(window: Window, *, pressure_pa: float) -> Window:
    """Values ``air_temperature_k``, ``air_density``, ``vapour_density``, … (SI), from the means of the window."""
    temperature = window.value("mean_sonic_temperature")
    if not pressure_pa > 0 or math.isnan(temperature):
        lacking = "air pressure" if not pressure_pa > 0 else "sonic temperature"
        return window.found(reasons={"air_density": f"no {lacking}", "air_temperature_k": f"no {lacking}"})
    density = pressure_pa * MOLAR_MASS_DRY_AIR / (GAS_CONSTANT * temperature)
    water = window.value("mean_h2o")
    if math.isnan(water):
        return window.found({"air_density": density}, {"air_temperature_k": f"no humidity ({window.reasons.get('h2o', 'no h2o')})"})
    if window.gas_form == "density":
        air = air_from_sonic(temperature, pressure_pa, h2o_mol_m3=water)
    else:
        dry = water if window.gas_form == "dry_mole_fraction" else water / (1.0 - water)
        air = air_from_sonic(temperature, pressure_pa, h2o_dry_mole_fraction=dry)
    if air.relative_humidity_percent > HIGHEST_RELATIVE_HUMIDITY:
        why = f"relative humidity {air.relative_humidity_percent:.0f} % is not possible: check the analyser's calibration and zero"
        return window.without({"h2o": why}).found({"air_density": density}, {"air_temperature_k": why})
    return window.found(
        {
            **_dry_mole_fractions(window, air),
            "air_temperature_k": air.temperature_k,
            "air_pressure_pa": air.pressure_pa,
            "vapour_pressure_pa": air.vapour_pressure_pa,
            "air_density": air.density_kg_m3,
            "dry_air_density": air.dry_density_kg_m3,
            "vapour_density": air.vapour_density_kg_m3,
            "specific_humidity": air.specific_humidity,
            "dry_molar_volume": air.dry_molar_volume_m3,
            "relative_humidity_percent": air.relative_humidity_percent,
            "heat_capacity": air.heat_capacity,
            "latent_heat": air.latent_heat,
        }
    )


def _dry_mole_fractions(window: Window, air: MoistAir) -> dict[str, float]:
    """Mean moles of each gas per mole of dry air, from the means."""
    dry_mol_m3 = 1.0 / air.dry_molar_volume_m3
    per = {"density": dry_mol_m3, "mole_fraction": 1.0 - window.value("mean_h2o"), "dry_mole_fraction": 1.0}[window.gas_form]
    return {f"{gas}_dry_mole_fraction": window.value(f"mean_{gas}") / per for gas in GASES}
