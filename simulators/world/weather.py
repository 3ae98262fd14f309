"""Weather of one region as a function of time: wind, air temperature, humidity, pressure, cloud, rain, light, CO2 of the air.

The climate is seasons and days drawn through smooth random wanderings of two to six days; over it pass fronts (`fronts`) and what a
scenario brings (`scenario`). What the world's file prescribes holds whatever passes. All values are functions of place and time alone.
"""

from __future__ import annotations

from collections import OrderedDict

import numpy as np

from simulators.world import noise, physics, sun
from simulators.world.change import Change
from simulators.world.config import WorldConfig
from simulators.world.fronts import usual_fronts
from simulators.world.noise import Array
from simulators.world.scenario import Scenario
from simulators.world.steps import DAY_S, STEP_S, STEPS

REMEMBERED_DAYS = 256
CALM_MS = 1.8
"""the coast is never quite still"""
BREEZE_MS, BREEZE_LAG_S, LAND_BREEZE = 1.4, 3600.0, 0.3
"""Sea breeze under a high sun, how far it lags behind the sun, and the share of it that blows back by night."""
TRACE_MM_H = 0.02
"""Less than this is no rain: the far ends of a front's band do not wet a counter."""
CLOUD_RAINS, CLOUD_RAIN_MM_H, CLOUD_RAIN_POWER = 0.96, 7.0, 4
"""Cover above which the climate's clouds rain, what they rain at most, how steeply it grows: about 1.4 m a year with that of the fronts."""


class Weather:
    """The air over one place. ``at`` gives everything at once."""

    def __init__(self, config: WorldConfig, climate: dict[str, float], latitude_deg: float, longitude_deg: float) -> None:
        self._config = config
        self._climate = climate
        self._place = (latitude_deg, longitude_deg)
        chosen = config.scenario
        self.scenario = None if chosen is None else Scenario(chosen.name, chosen.begins_s, config.seed, chosen.passes)
        self._season_s = 0.0 if self.scenario is None else self.scenario.season_shift_s
        names = ("east", "north", "temperature", "humidity", "pressure", "cloud", "co2")
        self._keys = {name: noise.key(config.seed, f"weather/{name}") for name in names}
        self._steps: OrderedDict[int, dict[str, Array]] = OrderedDict()

    def change(self, t_s: Array) -> Change:
        """What fronts and the scenario do to the climate."""
        change = Change(len(t_s))
        for front in usual_fronts(self._config.seed, float(t_s.min()), float(t_s.max())) if len(t_s) else ():
            if self.scenario is None or not self.scenario.leaves_out(front):
                front.pass_over(change, t_s, self._place)
        if self.scenario is not None:
            self.scenario.pass_over(change, t_s, self._place, self._climate["exposure"])
        return change

    def on_water(self, t_s: Array) -> Change:
        """The scenario's factors on the rates of the water."""
        change = Change(len(t_s))
        if self.scenario is not None:
            self.scenario.on_water(change, t_s)
        return change

    def _wander(self, name: str, t_s: Array, days: float) -> Array:
        return noise.wander(self._keys[name], t_s, days * DAY_S, 4)

    def season_c(self, t_s: Array, mean: float, half_range: float, warmest_day: float) -> Array:
        """A yearly cosine, warmest on the given day of the year."""
        return np.asarray(mean + half_range * self._year_wave(t_s, warmest_day))

    def _year_wave(self, t_s: Array, day: float) -> Array:
        """A cosine of the year, 1 on the given day of it; the scenario's season counts."""
        return np.asarray(np.cos(sun.year_angle(t_s + self._season_s) - 2 * np.pi * day / sun.YEAR_DAYS))

    def _cloud(self, t_s: Array) -> Array:
        """Cover as the climate has it."""
        return np.asarray(1.0 / (1.0 + np.exp(-(2.2 * self._wander("cloud", t_s, 2.5) + 0.3))))

    def _breeze(self, t_s: Array) -> Array:
        """Strength of the sea breeze, 1 under the highest sun; negative: from the land."""
        sine = sun.sine_of_height(t_s - BREEZE_LAG_S, *self._place)
        return np.asarray(np.where(sine > 0, sine, LAND_BREEZE * sine))

    def _wind(self, t_s: Array, change: Change) -> tuple[Array, Array]:
        """(speed, direction it comes from) at 10 m."""
        climate = self._climate
        winter = 0.5 + 0.5 * self._year_wave(t_s, 15)
        breeze = change.of("breeze", BREEZE_MS) * self._breeze(t_s)
        east = -winter * 0.35 * climate["winter_wind_ms"] - (1 - winter) * 0.4 * climate["summer_wind_ms"]
        north = -winter * 0.94 * climate["winter_wind_ms"] + (1 - winter) * 0.9 * climate["summer_wind_ms"]
        east = change.of("east", east + climate["gusty_ms"] * self._wander("east", t_s, 2.0)) - breeze
        north = change.of("north", north + climate["gusty_ms"] * self._wander("north", t_s, 2.0))
        speed = np.sqrt(east**2 + north**2 + change.of("stir", CALM_MS) ** 2)
        direction = np.degrees(np.arctan2(-east, -north)) % 360.0
        if self._config.wind_speed_ms is not None:
            speed = np.full_like(t_s, self._config.wind_speed_ms)
        if self._config.wind_from_deg is not None:
            direction = np.full_like(t_s, self._config.wind_from_deg)
        return speed, direction

    def _temperature(self, t_s: Array, cloud: Array, change: Change) -> Array:
        climate = self._climate
        local = 2 * np.pi * ((t_s / DAY_S + self._place[1] / 360.0) % 1.0)
        day = climate["day_c"] * (1.0 - 0.7 * cloud) * np.cos(local - 2 * np.pi * 14 / 24)
        season = self.season_c(t_s, climate["temperature_c"], climate["season_c"], 208)
        return self._prescribed("air_temperature_c", change.of("temperature", season + day + 2.2 * self._wander("temperature", t_s, 4.0)))

    def _humidity(self, t_s: Array, sine: Array, cloud: Array, change: Change) -> Array:
        dry = 14.0 * np.clip(sine, 0.0, None) * (1.0 - 0.6 * cloud)
        raw = self._climate["humidity"] + 4.0 - dry + 7.0 * self._wander("humidity", t_s, 3.0) + 6.0 * (cloud - 0.5)
        return self._prescribed("relative_humidity", np.clip(change.of("humidity", np.clip(raw, 28.0, 98.5)), 15.0, 100.0))

    def _pressure(self, t_s: Array, change: Change) -> Array:
        air_tide = 1.1 * np.cos(2 * np.pi * (2.0 * (t_s / DAY_S + self._place[1] / 360.0) - 20.0 / 24.0))
        season = 8.5 * self._year_wave(t_s, 10)
        climate = 1015.5 + season + air_tide + 4.0 * self._wander("pressure", t_s, 5.0)
        return self._prescribed("air_pressure_hpa", change.of("pressure", climate))

    def _prescribed(self, key: str, values: Array) -> Array:
        """``values``, or what the world's file prescribes under ``key``."""
        wanted = getattr(self._config, key)
        return values if wanted is None else np.full_like(values, wanted)

    def on_steps(self, t_s: Array) -> dict[str, Array]:
        """`at` on the ten-minute steps of UTC days, ascending and without a gap: what is integrated over weeks asks for each day once."""
        first, last = int(t_s[0] // DAY_S), int(t_s[-1] // DAY_S)
        missing = [day for day in range(first, last + 1) if day not in self._steps]
        if missing:
            span = STEP_S * np.arange(missing[0] * STEPS, (missing[-1] + 1) * STEPS, dtype=np.float64)
            made = self.at(span)
            for day in missing:
                cut = slice((day - missing[0]) * STEPS, (day - missing[0] + 1) * STEPS)
                self._steps[day] = {name: values[cut].copy() for name, values in made.items()}
        days = [self._steps[day] for day in range(first, last + 1)]
        while len(self._steps) > REMEMBERED_DAYS:
            self._steps.popitem(last=False)
        start = round((t_s[0] - first * DAY_S) / STEP_S)
        return {name: np.concatenate([day[name] for day in days])[start : start + len(t_s)] for name in days[0]}

    def at(self, t_s: Array) -> dict[str, Array]:
        """Everything at UTC seconds ``t_s`` (shape n): registry's names and units; wind at 10 m; shortwave W m-2, par umol m-2 s-1,
        cloud 0-1, rain_rate mm h-1, h2o_mole_fraction (dry) mmol mol-1, co2_air (dry) ppm."""
        t_s = np.atleast_1d(np.asarray(t_s, dtype=np.float64))
        sine = sun.sine_of_height(t_s, *self._place)
        change = self.change(t_s)
        of_climate = self._prescribed("cloud", self._cloud(t_s))
        cloud = self._prescribed("cloud", np.clip(change.of("cloud", of_climate), 0.0, 1.0))
        drizzle = CLOUD_RAIN_MM_H * np.clip((of_climate - CLOUD_RAINS) / (1.0 - CLOUD_RAINS), 0.0, 1.0) ** CLOUD_RAIN_POWER
        speed, direction = self._wind(t_s, change)
        temperature = self._temperature(t_s, cloud, change)
        humidity = self._humidity(t_s, sine, cloud, change)
        pressure = self._pressure(t_s, change)
        light = sun.shortwave_w_m2(sine, cloud)
        vapour = humidity / 100.0 * physics.saturation_vapour_pressure_hpa(temperature)
        season = 5.0 * self._year_wave(t_s, 110)
        night = 6.0 * np.clip(-sine, 0.0, 0.5) * np.exp(-speed / 4.0)
        return {
            "wind_speed": speed,
            "wind_from_direction": direction,
            "air_temperature": temperature,
            "relative_humidity": humidity,
            "air_pressure": pressure,
            "cloud": cloud,
            "rain_rate": np.maximum(change.of("rain", drizzle) - TRACE_MM_H, 0.0),
            "shortwave": light,
            "par": sun.UMOL_PER_W * light,
            "h2o_mole_fraction": 1e3 * vapour / (pressure - vapour),
            "co2_air": 427.0 + season + 3.0 * self._wander("co2", t_s, 3.0) + night,
        }
