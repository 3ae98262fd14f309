"""KELLER Series 30, 33X, 36XiW: Modbus RTU functions 3 and 16. "Communication protocol Serie 30".

Floats in bar and degC, most significant byte first, from 0x0000 (CH0, P1, P2, T, TOB1, TOB2) and again, in an order for one read,
from 0x0100 (P1, TOB1); 32-bit integers (1/100 mbar, 1/100 degC) from 0x0010; 0x0202 serial number, 0x020D unit id. A channel in
error is NaN, over the range infinity. Writing a float to 0xFF00 sets the zero of P1, 0xFF02 resets it; coefficient 64 shows it (setting
``zero_bar``: somebody set it before). Gauge or absolute as the station's tide product says (``pressure_is``); only a gauge probe has a tube
to the air, and can be taken for an absolute one.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from simulators.faults.effects import Columns
from simulators.instruments.base import Setting, Suffered, Unit, column, lagged
from simulators.instruments.registers import float_big, int32, place
from simulators.world import physics
from simulators.world.noise import Array

ERROR_INT = 0x7FFFFFFF
PA_PER_BAR, HPA_PER_BAR = 1e5, 1e3
ZERO_P1, RESET_P1 = 0xFF00, 0xFF02


class Keller30(Unit):
    """One pressure probe."""

    fields = ("pressure", "temperature")
    own_faults = frozenset({"overflow", "zero_shifted", "clogged_tube", "vent_wet", "air_left_in"})
    OF_GAUGE: ClassVar[frozenset[str]] = frozenset({"vent_wet", "air_left_in"})
    """faults that an absolute probe cannot have"""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        tides = [product for product in setting.station.products if product.kind == "tide" and product.instrument == self.id]
        self._absolute = bool(tides) and tides[0].pressure_is == "absolute"
        self._zero = float(setting.option("zero_bar", 0.0))
        self._last = 0.0

    def fault_names(self) -> set[str]:
        return super().fault_names() - (self.OF_GAUGE if self._absolute else frozenset())

    def values(self, first: int, count: int) -> Columns:
        times = self.times_ms(first, count)
        state = self.setting.feed.state(times)
        index = times / 1000.0
        depth = self.setting.world.depth_m(self.setting.height_m, state["water_level"])
        return {
            "pressure": self._pressure_bar(times) - self._zero + self.jitter(0, index, 0.00003),
            "temperature": np.where(depth > 0, state["water_temperature"], state["air_temperature"]) + self.jitter(1, index, 0.004),
            "zero": np.full(count, self._zero),
        }

    def _pressure_bar(self, times_ms: Array) -> Array:
        """At the probe's mouth: of the water, of an absolute probe of the air above it too."""
        state = self.setting.feed.state(times_ms)
        depth = self.setting.world.depth_m(self.setting.height_m, state["water_level"])
        water = state["water_density"] * physics.GRAVITY_MS2 * depth / PA_PER_BAR
        return np.asarray(water + state["air_pressure"] / HPA_PER_BAR if self._absolute else water)

    def invalidate(self, columns: Columns, row: int, code: int) -> None:
        """The usual way: NaN; 1: above the range, 2: below."""
        columns["pressure"][row] = {1: math.inf, 2: -math.inf}.get(code, math.nan)

    def suffer(self, columns: Columns, fault: Suffered) -> None:
        if fault.name == "overflow":
            columns["pressure"] = np.where(fault.hit, math.copysign(math.inf, fault.magnitude), columns["pressure"])
            return
        columns["pressure"] = columns["pressure"] + np.where(fault.hit, self._error_bar(fault), 0.0)
        if fault.name == "zero_shifted":
            columns["zero"] = columns["zero"] - np.where(fault.hit, fault.magnitude, 0.0)

    def _error_bar(self, fault: Suffered) -> Array:
        """What a fault adds to the pressure. A vent tube that water shuts keeps the air it held: warmer, it presses harder from behind."""
        if fault.name == "clogged_tube":
            return lagged(self._pressure_bar, fault) - self._pressure_bar(fault.times_ms)
        if fault.name == "vent_wet":
            then = float(self.setting.feed.state(np.array([fault.begin_ms]))["air_temperature"][0])
            return -fault.magnitude / HPA_PER_BAR * (self.setting.feed.state(fault.times_ms)["air_temperature"] - then)
        if fault.name == "air_left_in":
            return fault.magnitude * self.setting.feed.state(fault.times_ms)["air_pressure"] / HPA_PER_BAR
        return np.full(len(fault.hit), fault.magnitude)

    def registers(self, columns: Columns) -> dict[int, int]:
        pressure, temperature = column(columns, "pressure"), column(columns, "temperature")
        self._last = pressure
        channels = (0.0, pressure, 0.0, temperature, temperature, 0.0)
        scales = (1e5, 1e5, 1e5, 1e2, 1e2, 1e2)
        floats = [word for value in channels for word in float_big(value)]
        integers = [word for value, scale in zip(channels, scales, strict=True) for word in int32(_scaled(value, scale))]
        serial = self.setting.serial_number
        coefficients = {64: -column(columns, "zero"), 65: 1.0, 80: 0.0, 81: 3.0}
        registers = (
            place(0x0000, floats)
            | place(0x0010, integers)
            | place(0x0100, float_big(pressure) + float_big(temperature))
            | place(0x0202, int32(int(serial) if serial.isdigit() else 0))
            | place(0x020D, [int(self.setting.instrument.address or 1), 0x0505, 0x2610])
        )
        for number, value in coefficients.items():
            registers |= place(0x0300 + 2 * number, float_big(value))
        return registers

    def write(self, address: int, values: Sequence[int]) -> int | None:
        if address not in (ZERO_P1, RESET_P1):
            return 2
        if len(values) != 2:
            return 3
        target: float = struct.unpack(">f", struct.pack(">HH", *values))[0]
        if not math.isfinite(self._last) or not math.isfinite(target):
            return 4
        self._zero = self._zero + self._last - target if address == ZERO_P1 else 0.0
        return None


def _scaled(value: float, scale: float) -> int:
    if math.isnan(value) or value == math.inf:
        return ERROR_INT
    return -ERROR_INT - 1 if value == -math.inf else round(value * scale)
