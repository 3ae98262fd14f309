"""The water of one place: temperature, salinity, oxygen, inorganic carbon and alkalinity whose budgets close.

One well-mixed layer of constant depth h, on steps of ten minutes (implicit Euler), per square metre of surface:

    rho cp h dT/dt = light absorbed - heat lost          + rho cp h r_T (T_sea - T)
    h dS/dt   =                                            h r (S_sea - S)     - (h q + P - E) S
    h dO2/dt  = PQ (G - R) + k (O2sat - O2)              + (h r + h q) (0.98 O2sat - O2) + P (O2sat - O2)
    h dDIC/dt = -(G - R)   + k K0 (pCO2air - pCO2)       + h r (DIC_sea - DIC) + h q DIC_river - (h q + P - E) DIC
    h dTA/dt  = N (G - R)                                + h r (TA_sea - TA)   + h q TA_river  - (h q + P - E) TA

with r the renewal by the tide (faster while it rises), q that by the river, P rain and E evaporation (m s-1), G gross production and R
respiration, which slackens as oxygen runs out. Algae that take nitrate raise the alkalinity by N = 16/106 of the carbon (Wolf-Gladrow
et al. 2007). pCO2 and pH follow from DIC, TA, T and S (`carbonate`). Every UTC day is computed from its own spin-up of 21 days, long
enough to forget the start, so that a value is a function of time alone and a restart continues the same water.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from simulators.world import carbonate, noise, physics
from simulators.world.chemistry import NITRATE_SHARE, PHOTOSYNTHETIC_QUOTIENT, Drive, integrate
from simulators.world.noise import Array
from simulators.world.steps import DAY_S, STEP_S, relax, steps_of_day
from simulators.world.tide import Tide
from simulators.world.weather import Weather

SPIN_UP_DAYS = 21
SEA_OXYGEN = 0.98
EXCHANGE_FLOOR = 0.35
M2_RAD_S = 1.405189e-4
TEMPERATURE_RENEWAL_S = 1.0 * DAY_S
SEA_KG_M3 = 1020.0
MM_H = 1.0 / 3.6e6
"""mm h-1 in m s-1"""
RIVER_SWING = 0.35
TRANSFER = 1.1e-3


@dataclass(frozen=True)
class _Forcing:
    """What drives the layer, on the steps of a span."""

    t_s: Array
    air: dict[str, Array]
    offshore_c: Array
    production: Array
    respiration: Array
    renewal: Array
    river: Array
    dry_air: Array
    vapour: Array


class Water:
    """The layer; `at` interpolates linearly between its ten-minute steps."""

    NAMES = (
        "water_temperature", "heat_from_above", "heat_exchange", "salinity", "salt_exchange", "salt_dilution",
        "dissolved_oxygen_mmol_m3", "oxygen_production", "oxygen_gas_exchange", "oxygen_exchange", "net_production",
        "dic_mmol_m3", "co2_gas_exchange", "carbon_exchange", "alkalinity_mmol_m3", "alkalinity_production", "alkalinity_exchange",
        "pco2_water", "ph_total",
    )  # fmt: skip

    def __init__(self, seed: int, region: dict[str, float], weather: Weather, tide: Tide) -> None:
        self._region = region
        self._weather = weather
        self._tide = tide
        self._bloom = noise.key(seed, "water/bloom")
        self._fresh = noise.key(seed, "water/fresh")
        main = max((c.amplitude_m for c in tide.constants.values()), default=1.0)
        self._usual_rise = max(main, 0.05) * M2_RAD_S / np.pi
        self._days: OrderedDict[int, tuple[Array, dict[str, Array]]] = OrderedDict()

    @property
    def depth_m(self) -> float:
        """Depth of the layer the budgets are over."""
        return self._region["mixed_depth_m"]

    @property
    def heat_capacity(self) -> float:
        """Of the layer, J m-2 K-1."""
        return SEA_KG_M3 * physics.CP_SEAWATER * self.depth_m

    def offshore_c(self, t_s: Array) -> Array:
        """Temperature of the water beyond the bay: the season's."""
        return self._weather.season_c(t_s, self._region["temperature_c"], self._region["season_c"], 225)

    def at(self, t_s: Array) -> dict[str, Array]:
        """State and budget terms (W m-2, mmol m-2 s-1, for salt m s-1) at UTC seconds ``t_s``; pCO2 in uatm, pH on the total scale."""
        t_s = np.atleast_1d(np.asarray(t_s, dtype=np.float64))
        days = np.floor(t_s / DAY_S).astype(np.int64)
        out = {name: np.empty_like(t_s) for name in self.NAMES}
        for day in np.unique(days):
            nodes, values = self.day(int(day))
            mask = days == day
            for name in self.NAMES:
                out[name][mask] = np.interp(t_s[mask], nodes, values[name])
        return out

    def day(self, day: int) -> tuple[Array, dict[str, Array]]:
        """Node times (s) and values of one UTC day, both midnights included."""
        if day not in self._days:
            self._days[day] = self._integrate(day)
            while len(self._days) > 4:
                self._days.popitem(last=False)
        return self._days[day]

    def _forcing(self, t_s: Array) -> _Forcing:
        region = self._region
        air, factor = self._weather.on_steps(t_s), self._weather.on_water(t_s)
        offshore = self.offshore_c(t_s)
        bloom = 1.0 + 0.25 * noise.wander(self._bloom, t_s, 8.0 * DAY_S)
        rise = np.diff(self._tide.level_m(np.append(t_s, t_s[-1] + STEP_S))) / STEP_S
        usual = 1.0 / (3600.0 * region["exchange_h"])
        renewal = usual * (EXCHANGE_FLOOR + (1.0 - EXCHANGE_FLOOR) * np.maximum(rise, 0.0) / self._usual_rise)
        river = usual * (region["sea_salinity"] / region["salinity"] - 1.0)
        vapour = air["h2o_mole_fraction"] / 1e3
        per_day = 1.0 / DAY_S
        return _Forcing(
            t_s=t_s,
            air=air,
            offshore_c=offshore,
            production=factor.of("production", region["production"] * per_day * bloom * 3.1 * np.tanh(air["par"] / 700.0)),
            respiration=factor.of("respiration", region["respiration"] * per_day * bloom * 1.07 ** (offshore - 20.0)),
            renewal=factor.of("renewal", renewal),
            river=factor.of("river", river * np.exp(RIVER_SWING * noise.wander(self._fresh, t_s, 6.0 * DAY_S))),
            dry_air=physics.dry_air_density_mol_m3(air["air_pressure"], air["air_temperature"], vapour),
            vapour=vapour,
        )

    def _integrate(self, day: int) -> tuple[Array, dict[str, Array]]:
        t_s, keep = steps_of_day(day, SPIN_UP_DAYS)
        forcing = self._forcing(t_s)
        values = self._heat(forcing)
        fresh = self._fresh_water(forcing, values["water_temperature"])
        values |= self._salt(forcing, fresh)
        values |= self._chemistry(forcing, values["water_temperature"], values["salinity"], fresh)
        return t_s[keep], {name: values[name][keep] for name in self.NAMES}

    def _heat(self, f: _Forcing) -> dict[str, Array]:
        """Linear in the layer's own temperature: light in; long waves, evaporation and contact with the air out."""
        slope = f.dry_air * physics.M_DRY_AIR * physics.CP_DRY * TRANSFER * f.air["wind_speed"] * 2.6 + 5.6
        base = 0.94 * f.air["shortwave"] - 85.0 + slope * f.air["air_temperature"]
        gain = base / self.heat_capacity + f.offshore_c / TEMPERATURE_RENEWAL_S
        loss = slope / self.heat_capacity + 1.0 / TEMPERATURE_RENEWAL_S
        temperature = relax(gain, loss, float(f.offshore_c[0]), STEP_S)
        return {
            "water_temperature": temperature,
            "heat_from_above": base - slope * temperature,
            "heat_exchange": self.heat_capacity / TEMPERATURE_RENEWAL_S * (f.offshore_c - temperature),
        }

    def _fresh_water(self, f: _Forcing, temperature: Array) -> Array:
        """Rain less evaporation, m s-1."""
        at_skin = 0.98 * physics.saturation_vapour_pressure_hpa(temperature)
        skin = at_skin / (f.air["air_pressure"] - at_skin)
        evaporation = f.dry_air * TRANSFER * f.air["wind_speed"] * (skin - f.vapour) * physics.M_WATER / 1e3
        return np.asarray(f.air["rain_rate"] * MM_H - evaporation)

    def _salt(self, f: _Forcing, fresh: Array) -> dict[str, Array]:
        region, dilution = self._region, f.river + fresh / self.depth_m
        salinity = relax(f.renewal * region["sea_salinity"], f.renewal + dilution, region["salinity"], STEP_S)
        return {
            "salinity": salinity,
            "salt_exchange": self.depth_m * f.renewal * (region["sea_salinity"] - salinity),
            "salt_dilution": -self.depth_m * dilution * salinity,
        }

    def _sea_carbon(self, f: _Forcing) -> tuple[float, Array]:
        """Alkalinity and inorganic carbon of the sea (mmol m-3): in equilibrium with its pCO2 at its temperature, once for each day."""
        region = self._region
        days = np.arange(np.floor(f.t_s[0] / DAY_S), np.floor(f.t_s[-1] / DAY_S) + 2.0) * DAY_S
        salt = np.full_like(days, region["sea_salinity"])
        offshore = self.offshore_c(days)
        density = physics.seawater_density_kg_m3(offshore, salt)
        k = carbonate.constants(offshore, salt)
        dic = carbonate.dic_at(np.full_like(days, region["pco2_uatm"]), 1e-6 * region["sea_alkalinity"], k)
        mean = float(physics.seawater_density_kg_m3(np.array(region["temperature_c"]), np.array(region["sea_salinity"])))
        return region["sea_alkalinity"] * mean * 1e-3, np.asarray(np.interp(f.t_s, days, 1e3 * dic * density))

    def _chemistry(self, f: _Forcing, temperature: Array, salinity: Array, fresh: Array) -> dict[str, Array]:
        """Oxygen, carbon and alkalinity (`chemistry`), and the terms by which they changed."""
        depth, air, region = self.depth_m, f.air, self._region
        k_oxygen = physics.transfer_velocity_ms(air["wind_speed"], physics.schmidt_oxygen(temperature))
        k_co2 = physics.transfer_velocity_ms(air["wind_speed"], physics.schmidt_co2(temperature))
        saturation = physics.oxygen_solubility_mmol_m3(temperature, salinity, air["air_pressure"])
        sea_ta, sea_dic = self._sea_carbon(f)
        river_ta, river_dic = (region[f"river_{name}"] for name in ("alkalinity", "dic"))  # a litre of river weighs a kilogram
        rain = air["rain_rate"] * MM_H
        exchange = f.renewal + f.river
        out = exchange + fresh / depth
        alkalinity_in = f.renewal * sea_ta + f.river * river_ta
        carbon_in = f.renewal * sea_dic + f.river * river_dic
        drive = Drive(
            production=f.production,
            respiration=f.respiration,
            oxygen_in=((k_oxygen + rain) / depth + exchange * SEA_OXYGEN) * saturation,
            oxygen_out=(k_oxygen + rain) / depth + exchange,
            dissolved_out=out,
            alkalinity_in=alkalinity_in,
            carbon_in=carbon_in,
            piston=k_co2 * physics.co2_solubility_mol_m3_atm(temperature, salinity) * 1e-3,
            pco2_air=physics.co2_partial_pressure_air_uatm(air["co2_air"], air["air_pressure"], temperature, salinity),
            per_kg=1e-3 / physics.seawater_density_kg_m3(temperature, salinity),
            **vars(carbonate.constants(temperature, salinity)),
        )
        start = (SEA_OXYGEN * float(saturation[0]), sea_ta, float(sea_dic[0]), region["pco2_uatm"])
        course = integrate(drive, depth, *start)
        return {
            "dissolved_oxygen_mmol_m3": course.oxygen,
            "oxygen_production": PHOTOSYNTHETIC_QUOTIENT * course.net_production,
            "oxygen_gas_exchange": k_oxygen * (saturation - course.oxygen),
            "oxygen_exchange": depth * exchange * (SEA_OXYGEN * saturation - course.oxygen) + rain * (saturation - course.oxygen),
            "net_production": course.net_production,
            "dic_mmol_m3": course.carbon,
            "co2_gas_exchange": course.co2_gas_exchange,
            "carbon_exchange": depth * (carbon_in - out * course.carbon),
            "alkalinity_mmol_m3": course.alkalinity,
            "alkalinity_production": NITRATE_SHARE * course.net_production,
            "alkalinity_exchange": depth * (alkalinity_in - out * course.alkalinity),
            "pco2_water": course.pco2,
            "ph_total": course.ph,
        }
