"""What the station's surface exchanges with the air: the true fluxes the turbulence is made from.

Open water by bulk formulae (heat and vapour transfer coefficient 1.1e-3 at 10 m, gas transfer of Wanninkhof 2014); ground with plants
or mud by its energy balance, a light response and a temperature response, weighted by how much of it the tide covers. Fluxes are
positive upward.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from simulators.world import physics
from simulators.world.config import PrescribedFluxes
from simulators.world.noise import Array

BULK_COEFFICIENT = 1.1e-3
FLOODED_OVER_M = 0.4
"""Height of water over the ground at which it counts as flooded."""


def flooded_share(level_m: Array, ground_m: float) -> Array:
    """0 dry, 1 flooded, smooth between, from the water level above the ground."""
    depth = np.clip((level_m - ground_m) / FLOODED_OVER_M, 0.0, 1.0)
    return np.asarray(depth * depth * (3.0 - 2.0 * depth))


class Surface:
    """Fluxes of one kind of surface (a row of surfaces.yaml)."""

    def __init__(self, row: dict[str, Any], prescribed: PrescribedFluxes) -> None:
        self._row = row
        self._prescribed = prescribed
        self.is_water = bool(row.get("water"))
        self.canopy_m = float(row.get("canopy_m", 0.0))

    def displacement_m(self, flooded: Array) -> Array:
        """Height of the level of no wind above the surface: gone where water covers a surface without canopy."""
        dry = float(self._row.get("displacement_m", 0.0))
        return np.asarray(dry if self.canopy_m > 0 else dry * (1.0 - flooded)) * np.ones_like(flooded)

    def roughness_m(self, wind_speed: Array, flooded: Array) -> Array:
        """Roughness length; over water from the drag coefficient (`physics.drag_coefficient`)."""
        water = 10.0 * np.exp(-physics.KARMAN / np.sqrt(physics.drag_coefficient(wind_speed)))
        if self.is_water:
            return np.asarray(water)
        dry = float(self._row["roughness_m"])
        share = flooded if self.canopy_m == 0 else np.zeros_like(flooded)
        return np.asarray(np.exp((1.0 - share) * np.log(dry) + share * np.log(water)))

    def wind_at(self, height_m: Array, wind_10m: Array, flooded: Array) -> Array:
        """Mean wind at a height above the surface: the logarithmic law through the 10 m wind."""
        z0 = self.roughness_m(wind_10m, flooded)
        d = self.displacement_m(flooded)
        return np.asarray(wind_10m * np.log(np.maximum(height_m - d, 2.0 * z0) / z0) / np.log((10.0 - d) / z0))

    def fluxes(self, state: dict[str, Array], flooded: Array) -> dict[str, Array]:
        """friction_velocity, sensible_heat_flux, latent_heat_flux, co2_flux (umol m-2 s-1) for a state of air and water."""
        wet = self._water(state)
        out = wet if self.is_water else self._mixed(self._ground(state, flooded), wet, flooded)
        z0 = self.roughness_m(state["wind_speed"], flooded)
        out["friction_velocity"] = physics.KARMAN * state["wind_speed"] / np.log((10.0 - self.displacement_m(flooded)) / z0)
        for name in ("sensible_heat_flux", "latent_heat_flux", "co2_flux", "friction_velocity"):
            value = getattr(self._prescribed, name)
            if value is not None:
                out[name] = np.full_like(out[name], value)
        return out

    def _mixed(self, ground: dict[str, Array], water: dict[str, Array], flooded: Array) -> dict[str, Array]:
        if self.canopy_m > 0:  # leaves stay above the water and go on exchanging
            ground["co2_flux"] = ground["co2_flux"] + flooded * (1.0 - float(self._row["flood_respiration"])) * water["co2_flux"]
            return ground
        return {name: (1.0 - flooded) * ground[name] + flooded * water[name] for name in ground}

    def _water(self, s: dict[str, Array]) -> dict[str, Array]:
        vapour = s["h2o_mole_fraction"] / 1e3
        density = physics.dry_air_density_mol_m3(s["air_pressure"], s["air_temperature"], vapour)
        exchange = BULK_COEFFICIENT * s["wind_speed"]
        at_skin = 0.98 * physics.saturation_vapour_pressure_hpa(s["water_temperature"])
        skin = at_skin / (s["air_pressure"] - at_skin)
        heat = density * physics.M_DRY_AIR * physics.CP_DRY * exchange * (s["water_temperature"] - s["air_temperature"])
        evaporation = density * exchange * (skin - vapour)
        gas = physics.transfer_velocity_ms(s["wind_speed"], physics.schmidt_co2(s["water_temperature"]))
        solubility = physics.co2_solubility_mol_m3_atm(s["water_temperature"], s["salinity"])
        air = physics.co2_partial_pressure_air_uatm(s["co2_air"], s["air_pressure"], s["water_temperature"], s["salinity"])
        return {
            "sensible_heat_flux": heat,
            "latent_heat_flux": physics.latent_heat_j_kg(s["air_temperature"]) * physics.M_WATER * evaporation,
            "co2_flux": gas * solubility * (s["pco2_water"] - air),
        }

    def _ground(self, s: dict[str, Array], flooded: Array) -> dict[str, Array]:
        row = self._row
        net_radiation = (1.0 - row["albedo"]) * s["shortwave"] - 62.0 * (1.0 - 0.7 * s["cloud"])
        day = 0.85 * np.maximum(net_radiation, 0.0)
        night = 0.35 * np.minimum(net_radiation, 0.0)
        light = s["par"] / (s["par"] + row["half_light_umol"])
        breath = row["respiration_umol"] * row["q10"] ** ((s["air_temperature"] - 20.0) / 10.0)
        return {
            "sensible_heat_flux": day * row["bowen"] / (1.0 + row["bowen"]) + night,
            "latent_heat_flux": day / (1.0 + row["bowen"]) + 3.0,
            "co2_flux": breath * (1.0 - flooded * (1.0 - row["flood_respiration"]))
            - row["photosynthesis_umol"] * light * (1.0 - flooded * (1.0 - row["flood_photosynthesis"])),
        }
