"""Weather of one region as a function of time: wind, air temperature, humidity, pressure, cloud, rain, light, CO2 of the air.

Seasons and days are drawn through smooth random wanderings of two to six days ("fronts"). All values are functions of time alone.
"""

from __future__ import annotations

import numpy as np

from simulators.world import noise, physics, sun
from simulators.world.config import WorldConfig
from simulators.world.noise import Array

DAY_S = 86_400.0
CALM_MS = 1.8
"""the coast is never quite still"""


class Weather:
    """The air over one place. ``at`` gives everything at once."""

    def __init__(self, config: WorldConfig, climate: dict[str, float], latitude_deg: float, longitude_deg: float) -> None:
        self._config = config
        self._climate = climate
        self._place = (latitude_deg, longitude_deg)
        names = ("east", "north", "temperature", "humidity", "pressure", "cloud", "co2")
        self._keys = {name: noise.key(config.seed, f"weather/{name}") for name in names}

    def _wander(self, name: str, t_s: Array, days: float) -> Array:
        return noise.wander(self._keys[name], t_s, days * DAY_S, 4)

    def season_c(self, t_s: Array, mean: float, half_range: float, warmest_day: float) -> Array:
        """A yearly cosine, warmest on the given day of the year."""
        return np.asarray(mean + half_range * np.cos(sun.year_angle(t_s) - 2 * np.pi * warmest_day / sun.YEAR_DAYS))

    def _cloud(self, t_s: Array) -> Array:
        if self._config.cloud is not None:
            return np.full_like(t_s, self._config.cloud)
        return np.asarray(1.0 / (1.0 + np.exp(-(2.2 * self._wander("cloud", t_s, 2.5) + 0.3))))

    def _wind(self, t_s: Array, sine: Array) -> tuple[Array, Array]:
        """(speed, direction it comes from) at 10 m."""
        climate = self._climate
        winter = 0.5 + 0.5 * np.cos(sun.year_angle(t_s) - 2 * np.pi * 15 / sun.YEAR_DAYS)
        breeze = 1.4 * np.clip(sine, 0.0, None)
        east = -winter * 0.35 * climate["winter_wind_ms"] - (1 - winter) * 0.4 * climate["summer_wind_ms"] - breeze
        north = -winter * 0.94 * climate["winter_wind_ms"] + (1 - winter) * 0.9 * climate["summer_wind_ms"]
        east = east + climate["gusty_ms"] * self._wander("east", t_s, 2.0)
        north = north + climate["gusty_ms"] * self._wander("north", t_s, 2.0)
        speed = np.sqrt(east**2 + north**2 + CALM_MS**2)
        direction = np.degrees(np.arctan2(-east, -north)) % 360.0
        if self._config.wind_speed_ms is not None:
            speed = np.full_like(t_s, self._config.wind_speed_ms)
        if self._config.wind_from_deg is not None:
            direction = np.full_like(t_s, self._config.wind_from_deg)
        return speed, direction

    def _temperature(self, t_s: Array, cloud: Array) -> Array:
        if self._config.air_temperature_c is not None:
            return np.full_like(t_s, self._config.air_temperature_c)
        climate = self._climate
        local = 2 * np.pi * ((t_s / DAY_S + self._place[1] / 360.0) % 1.0)
        day = climate["day_c"] * (1.0 - 0.7 * cloud) * np.cos(local - 2 * np.pi * 14 / 24)
        season = self.season_c(t_s, climate["temperature_c"], climate["season_c"], 208)
        return np.asarray(season + day + 2.2 * self._wander("temperature", t_s, 4.0))

    def _humidity(self, t_s: Array, sine: Array, cloud: Array) -> Array:
        if self._config.relative_humidity is not None:
            return np.full_like(t_s, self._config.relative_humidity)
        dry = 14.0 * np.clip(sine, 0.0, None) * (1.0 - 0.6 * cloud)
        raw = self._climate["humidity"] + 4.0 - dry + 7.0 * self._wander("humidity", t_s, 3.0) + 6.0 * (cloud - 0.5)
        return np.asarray(np.clip(raw, 28.0, 98.5))

    def _pressure(self, t_s: Array) -> Array:
        if self._config.air_pressure_hpa is not None:
            return np.full_like(t_s, self._config.air_pressure_hpa)
        air_tide = 1.1 * np.cos(2 * np.pi * (2.0 * (t_s / DAY_S + self._place[1] / 360.0) - 20.0 / 24.0))
        season = 8.5 * np.cos(sun.year_angle(t_s) - 2 * np.pi * 10 / sun.YEAR_DAYS)
        return np.asarray(1015.5 + season + air_tide + 4.0 * self._wander("pressure", t_s, 5.0))

    def at(self, t_s: Array) -> dict[str, Array]:
        """Everything at UTC seconds ``t_s`` (shape n): registry's names and units; wind at 10 m; shortwave W m-2, par umol m-2 s-1,
        cloud 0-1, rain_rate mm h-1, h2o_mole_fraction (dry) mmol mol-1, co2_air (dry) ppm."""
        t_s = np.atleast_1d(np.asarray(t_s, dtype=np.float64))
        sine = sun.sine_of_height(t_s, *self._place)
        cloud = self._cloud(t_s)
        speed, direction = self._wind(t_s, sine)
        temperature = self._temperature(t_s, cloud)
        humidity = self._humidity(t_s, sine, cloud)
        pressure = self._pressure(t_s)
        light = sun.shortwave_w_m2(sine, cloud)
        vapour = humidity / 100.0 * physics.saturation_vapour_pressure_hpa(temperature)
        season = 5.0 * np.cos(sun.year_angle(t_s) - 2 * np.pi * 110 / sun.YEAR_DAYS)
        night = 6.0 * np.clip(-sine, 0.0, 0.5) * np.exp(-speed / 4.0)
        return {
            "wind_speed": speed,
            "wind_from_direction": direction,
            "air_temperature": temperature,
            "relative_humidity": humidity,
            "air_pressure": pressure,
            "cloud": cloud,
            "rain_rate": 14.0 * np.clip((cloud - 0.93) / 0.07, 0.0, 1.0) ** 2,
            "shortwave": light,
            "par": sun.UMOL_PER_W * light,
            "h2o_mole_fraction": 1e3 * vapour / (pressure - vapour),
            "co2_air": 427.0 + season + 3.0 * self._wander("co2", t_s, 3.0) + night,
        }
