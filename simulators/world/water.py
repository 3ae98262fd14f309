"""The water of one place: temperature, salinity, oxygen and inorganic carbon whose budgets close.

One well-mixed layer of constant depth h, on steps of ten minutes (implicit Euler), per square metre of surface:

    h dO2/dt  = PQ (GPP - R) + k (O2sat - O2)           + h r (O2_out - O2)
    h dDIC/dt = -(GPP - R)   + k K0 (pCO2air - pCO2)    + h r (DIC_out - DIC)
    rho cp h dT/dt = (light absorbed - heat lost)       + rho cp h r_T (T_out - T)

with r the tidal renewal (faster while the tide rises) and pCO2 from DIC and temperature by the Revelle factor (9 to 14 in nature) and
0.0423 per kelvin (Takahashi et al. 1993). Carbon is counted as departure from the water offshore. Every UTC day is computed from its
own spin-up of 21 days, long enough to forget the start, so that a value is a function of time alone and a restart continues the same
water.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from simulators.world import noise, physics
from simulators.world.noise import Array
from simulators.world.tide import Tide
from simulators.world.weather import Weather

DAY_S = 86_400
STEP_S = 600
STEPS = DAY_S // STEP_S
SPIN_UP_DAYS = 21
PHOTOSYNTHETIC_QUOTIENT = 1.1
REVELLE = 11.0
DIC_REFERENCE = 2000.0
TEMPERATURE_COEFFICIENT = 0.0423
EXCHANGE_FLOOR = 0.35
M2_RAD_S = 1.405189e-4
TEMPERATURE_RENEWAL_S = 1.0 * DAY_S


@dataclass(frozen=True)
class _Forcing:
    """What drives the layer, on the steps of a span."""

    t_s: Array
    offshore_c: Array
    light: Array
    heat_base: Array
    heat_slope: Array
    production: Array
    respiration: Array
    renewal: Array
    pco2_air: Array
    pressure: Array
    wind: Array


class Water:
    """The layer; `at` interpolates linearly between its ten-minute steps."""

    NAMES = (
        "water_temperature", "dissolved_oxygen_mmol_m3", "dic_anomaly", "pco2_water", "oxygen_production", "oxygen_gas_exchange",
        "oxygen_exchange", "co2_gas_exchange", "carbon_exchange", "net_production",
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

    def salinity(self, t_s: Array) -> Array:
        """Follows the tide (salt comes with the flood) and slow swings of the river water."""
        region = self._region
        level = self._tide.level_m(t_s)
        return np.asarray(
            region["salinity"]
            + region["salinity_tide"] * np.tanh(level / 1.5)
            + 0.025 * region["salinity"] * noise.wander(self._fresh, t_s, 6.0 * DAY_S)
        )

    def at(self, t_s: Array) -> dict[str, Array]:
        """State and budget terms (mmol m-2 s-1) at UTC seconds ``t_s``; pCO2 in uatm."""
        t_s = np.atleast_1d(np.asarray(t_s, dtype=np.float64))
        days = np.floor(t_s / DAY_S).astype(np.int64)
        out = {name: np.empty_like(t_s) for name in self.NAMES}
        for day in np.unique(days):
            nodes, values = self.day(int(day))
            mask = days == day
            for name in self.NAMES:
                out[name][mask] = np.interp(t_s[mask], nodes, values[name])
        out["salinity"] = self.salinity(t_s)
        return out

    def day(self, day: int) -> tuple[Array, dict[str, Array]]:
        """Node times (s) and values of one UTC day, both midnights included."""
        if day not in self._days:
            self._days[day] = self._integrate(day)
            while len(self._days) > 4:
                self._days.popitem(last=False)
        return self._days[day]

    def _forcing(self, t_s: Array) -> _Forcing:
        region, weather = self._region, self._weather
        air = weather.at(t_s)
        salinity = self.salinity(t_s)
        offshore = weather.season_c(t_s, region["temperature_c"], region["season_c"], 225)
        bloom = 1.0 + 0.25 * noise.wander(self._bloom, t_s, 8.0 * DAY_S)
        rise = np.diff(self._tide.level_m(np.append(t_s, t_s[-1] + STEP_S))) / STEP_S
        renewal = (EXCHANGE_FLOOR + (1.0 - EXCHANGE_FLOOR) * np.maximum(rise, 0.0) / self._usual_rise) / (region["exchange_h"] * 3600.0)
        density = physics.dry_air_density_mol_m3(air["air_pressure"], air["air_temperature"], air["h2o_mole_fraction"] / 1e3)
        slope = density * physics.M_DRY_AIR * physics.CP_DRY * 1.1e-3 * air["wind_speed"] * 2.6 + 5.6
        per_day = 1.0 / DAY_S
        return _Forcing(
            t_s=t_s,
            offshore_c=offshore,
            light=0.94 * air["shortwave"],
            heat_base=45.0 - slope * air["air_temperature"] + 40.0,
            heat_slope=slope,
            production=region["production"] * per_day * bloom * 3.1 * np.tanh(air["par"] / 700.0),
            respiration=region["respiration"] * per_day * bloom * 1.07 ** (offshore - 20.0),
            renewal=renewal,
            pco2_air=physics.co2_partial_pressure_air_uatm(air["co2_air"], air["air_pressure"], offshore, salinity),
            pressure=air["air_pressure"],
            wind=air["wind_speed"],
        )

    def _integrate(self, day: int) -> tuple[Array, dict[str, Array]]:
        start = day * DAY_S - SPIN_UP_DAYS * DAY_S
        t_s = start + STEP_S * np.arange(SPIN_UP_DAYS * STEPS + STEPS + 1, dtype=np.float64)
        forcing = self._forcing(t_s)
        temperature = self._temperature(forcing)
        values = self._gases(forcing, temperature)
        keep = slice(SPIN_UP_DAYS * STEPS, None)
        return t_s[keep], {name: values[name][keep] for name in self.NAMES}

    def _temperature(self, f: _Forcing) -> Array:
        capacity = 1020.0 * physics.CP_SEAWATER * self.depth_m
        gain = (f.light - f.heat_base) / capacity + f.offshore_c / TEMPERATURE_RENEWAL_S
        loss = f.heat_slope / capacity + 1.0 / TEMPERATURE_RENEWAL_S
        return _relax(gain, loss, f.offshore_c[0])

    def _gases(self, f: _Forcing, temperature: Array) -> dict[str, Array]:
        depth = self.depth_m
        salinity = self.salinity(f.t_s)
        k_oxygen = physics.transfer_velocity_ms(f.wind, physics.schmidt_oxygen(temperature))
        saturation = physics.oxygen_solubility_mmol_m3(temperature, salinity, f.pressure)
        net = f.production - f.respiration
        source = PHOTOSYNTHETIC_QUOTIENT * net
        gain = (source + k_oxygen * saturation) / depth + f.renewal * 0.98 * saturation
        oxygen = _relax(gain, k_oxygen / depth + f.renewal, saturation[0])
        carbon, pco2, gas = self._carbon(f, temperature, salinity, net)
        return {
            "water_temperature": temperature,
            "dissolved_oxygen_mmol_m3": oxygen,
            "dic_anomaly": carbon,
            "pco2_water": pco2,
            "oxygen_production": source,
            "oxygen_gas_exchange": k_oxygen * (saturation - oxygen),
            "oxygen_exchange": depth * f.renewal * (0.98 * saturation - oxygen),
            "co2_gas_exchange": gas,
            "carbon_exchange": -depth * f.renewal * carbon,
            "net_production": net,
        }

    def _carbon(self, f: _Forcing, temperature: Array, salinity: Array, net: Array) -> tuple[Array, Array, Array]:
        """Departure of DIC from offshore (mmol m-3), pCO2 (uatm), gas flux into the water (mmol m-2 s-1), step by step."""
        k = physics.transfer_velocity_ms(f.wind, physics.schmidt_co2(temperature))
        piston = k * physics.co2_solubility_mol_m3_atm(temperature, salinity) * 1e-3
        offshore = self._region["pco2_uatm"] * np.exp(TEMPERATURE_COEFFICIENT * (temperature - f.offshore_c))
        carbon = np.zeros_like(temperature)
        gas = np.zeros_like(temperature)
        depth = self.depth_m
        last = 0.0
        for i in range(1, len(carbon)):
            pressure = float(offshore[i]) * (1.0 + last / DIC_REFERENCE) ** REVELLE
            into = float(piston[i]) * (float(f.pco2_air[i]) - pressure)
            last = (last + STEP_S * (into - float(net[i])) / depth) / (1.0 + STEP_S * float(f.renewal[i]))
            carbon[i], gas[i] = last, into
        return carbon, offshore * (1.0 + carbon / DIC_REFERENCE) ** REVELLE, gas


def _relax(gain: Array, loss: Array, first: float) -> Array:
    """Implicit Euler of dx/dt = gain - loss x on steps of STEP_S."""
    out = np.empty_like(gain)
    x = float(first)
    out[0] = x
    for i, (g, k) in enumerate(zip((STEP_S * gain[1:]).tolist(), (1.0 + STEP_S * loss[1:]).tolist(), strict=True), start=1):
        x = (x + g) / k
        out[i] = x
    return out
