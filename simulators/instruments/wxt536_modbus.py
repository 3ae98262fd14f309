"""Vaisala WXT536, Modbus RTU, function 4. M211840EN.

Signed registers hold ten times the value and 32767 where there is none (unsigned 65535): 0x0A humidity, 0x0E pressure, 0x1B radiation,
0x1F air temperature, 0x23 dew point, each instant, minimum, maximum, average; 0x12 wind direction likewise and raw. 0x00 model (6) and
software, 0x02-0x07 availability (00 there, 07 not; which tells of what is not known: here 0x05 of the radiation sensor, which setting
``radiation: connected`` adds), 0x19 kind of precipitation, 0x1A quality of the wind (%). Addresses in between that the document does
not name read 0; those from 0x27 on are not known here.
"""

from __future__ import annotations

import math

import numpy as np

from simulators.faults.effects import Columns
from simulators.instruments.base import Suffered, Unit, column, marked
from simulators.instruments.registers import place, signed16
from simulators.world import physics
from simulators.world.noise import Array

MODEL, SOFTWARE = 6, 0x21
NOT_THERE = 0x0007
RAIN_TYPE = 60
SIZE = 0x27
WIND = ("direction", "direction_min", "direction_max")


class Wxt536Modbus(Unit):
    """A weather transmitter on a bus."""

    fields = ("air_temperature", "relative_humidity", "air_pressure", "direction")
    own_faults = frozenset({"bird", "heater"})

    def values(self, first: int, count: int) -> Columns:
        times = self.times_ms(first, count)
        state = self.setting.feed.state(times)
        index = times / 1000.0
        watts = state["shortwave"] if self.setting.option("radiation", "none") == "connected" else np.full(count, math.nan)
        out: Columns = {"radiation": watts, "rain": state["rain_rate"], "quality": np.full(count, 100.0)}
        for stream, (name, size) in enumerate((("air_temperature", 0.03), ("relative_humidity", 0.15), ("air_pressure", 0.03))):
            out[name] = state[name] + self.jitter(stream, index, size)
            out[f"{name}_mean"] = state[name]
        out["relative_humidity"] = np.minimum(out["relative_humidity"], 100.0)
        direction = state["wind_from_direction"] - self.setting.instrument.mounting.north_offset_deg
        out["direction"] = (direction + self.jitter(3, index, 4.0)) % 360.0
        out["direction_mean"] = direction % 360.0
        vapour = state["relative_humidity"] / 100.0 * physics.saturation_vapour_pressure_hpa(state["air_temperature"])
        out["dew_point"] = dew_point_c(vapour)
        return out

    def invalidate(self, columns: Columns, row: int, code: int) -> None:
        """The usual way: ice on the wind sensor; 1: temperature, humidity and pressure."""
        names = ("air_temperature", "relative_humidity", "air_pressure", "dew_point") if code == 1 else ("direction",)
        for name in names:
            columns[name][row] = math.nan
        if code != 1:
            columns["quality"][row] = 0.0

    def suffer(self, columns: Columns, fault: Suffered) -> None:
        """``bird``: one direction; ``heater``: the warmed head reads the temperature too high."""
        if fault.name == "bird":
            columns["direction"] = np.where(fault.hit, 137.0, columns["direction"])
            columns["direction_mean"] = np.where(fault.hit, 137.0, columns["direction_mean"])
        else:
            for name in ("air_temperature", "air_temperature_mean"):
                columns[name] = columns[name] + np.where(fault.hit, fault.magnitude, 0.0)

    def registers(self, columns: Columns) -> dict[int, int]:
        watts = column(columns, "radiation")
        missing = {0x05: NOT_THERE} if math.isnan(watts) else {}
        words = dict.fromkeys(range(SIZE), 0) | {0x00: MODEL << 8 | SOFTWARE} | missing
        for start, name, spread in ((0x0A, "relative_humidity", 1.2), (0x0E, "air_pressure", 0.4), (0x1F, "air_temperature", 0.5)):
            words |= place(start, four(column(columns, name), column(columns, f"{name}_mean"), spread))
        dew = column(columns, "dew_point")
        words |= place(0x23, four(dew, dew, 0.3))
        here, mean = column(columns, "direction"), column(columns, "direction_mean")
        ends = (here, (mean - 9.0) % 360.0, (mean + 11.0) % 360.0, mean, here)
        words |= place(0x12, [tenths(math.nan if math.isnan(here) else value) for value in ends])
        words[0x19] = RAIN_TYPE if marked(columns, "rain") else 0
        words[0x1A] = int(column(columns, "quality"))
        return words | place(0x1B, four(watts, watts, 0.0))


def tenths(value: float) -> int:
    """A signed register of ten times the value; 32767 for none."""
    return signed16(10.0 * value)


def four(now: float, mean: float, spread: float) -> list[int]:
    """Instant, minimum, maximum, average."""
    return [tenths(value) if not math.isnan(now) else 0x7FFF for value in (now, min(now, mean - spread), max(now, mean + spread), mean)]


def dew_point_c(vapour_hpa: Array) -> Array:
    """Where air of this vapour pressure is saturated, by Newton's steps on the logarithm."""
    t = np.full_like(vapour_hpa, 10.0)
    for _ in range(12):
        here = np.log(physics.saturation_vapour_pressure_hpa(t) / vapour_hpa)
        slope = np.log(physics.saturation_vapour_pressure_hpa(t + 0.05) / physics.saturation_vapour_pressure_hpa(t - 0.05)) / 0.1
        t = t - here / slope
    return t
