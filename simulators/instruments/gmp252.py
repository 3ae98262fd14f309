"""Vaisala GMP252 (GMP251 alike): CO2 probe, Modbus RTU, functions 3, 4, 6 and 16. M211897EN.

32-bit numbers least significant word first. Wire addresses: 0x0000 CO2 (ppm), 0x0100 and 0x0101 as integers (ppm, ppm / 10), 0x0200 …
power-up compensation (pressure hPa, temperature, humidity, oxygen), 0x0208 … the same, volatile, 0x0300 … unit and line settings,
0x0800 device status, 0x0801 CO2 status, 0x0803 error bits. What is not available is NaN (0x8000 as an integer), no exception.

The reading is proportional to the air's pressure over the pressure it is told of, as that of a probe whose compensation is behind. With the
fault ``compensation_stale`` it takes a pressure that is written and goes on with the one of its power-up, which the register shows.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

import numpy as np

from simulators.faults.effects import Columns
from simulators.instruments.base import Setting, Suffered, Unit, column, marked
from simulators.instruments.registers import float_big, int32, low_word_first, place, signed16

POWER_UP = (1013.25, 25.0, 50.0, 20.9)
"""hPa, degC, %RH, % of oxygen, as delivered"""
STORED, VOLATILE = 0x0200, 0x0208
ERROR, WARNING = 2, 4
NOT_RELIABLE, NOT_READY = 2, 256
LOW_SIGNAL, HEATER = 0x40, 0x2000
PRESSURES_HPA = (700.0, 1500.0)


def float_low(value: float) -> list[int]:
    """IEEE single, least significant word first; NaN as the quiet one (7FC0 0000)."""
    return [0x0000, 0x7FC0] if math.isnan(value) else low_word_first(float_big(value))


class Gmp252(Unit):
    """One probe in the air."""

    fields = ("co2",)
    own_faults = frozenset({"start_up", "condensation", "compensation_stale"})

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._compensation = {STORED + 2 * i: value for i, value in enumerate(POWER_UP)} | {
            VOLATILE + 2 * i: value for i, value in enumerate(POWER_UP)
        }

    def values(self, first: int, count: int) -> Columns:
        times = self.times_ms(first, count)
        state = self.setting.feed.state(times)
        seen = state["co2_air"] * state["air_pressure"] / self._compensation[VOLATILE]
        return {
            "co2": seen + self.jitter(0, times / 1000.0, 0.6),
            "uncompensated": state["co2_air"] * state["air_pressure"] / POWER_UP[0],
            "error": np.zeros(count), "state": np.zeros(count),
        }  # fmt: skip

    def invalidate(self, columns: Columns, row: int, code: int) -> None:
        """The usual way: low signal, value not available; else the error bits of the code."""
        columns["error"][row] = float(code or LOW_SIGNAL)
        columns["co2"][row] = math.nan

    def suffer(self, columns: Columns, fault: Suffered) -> None:
        if fault.name == "start_up":
            columns["state"] = np.where(fault.hit, float(NOT_READY | NOT_RELIABLE), columns["state"])
            columns["co2"] = np.where(fault.hit, math.nan, columns["co2"])
        elif fault.name == "condensation":
            columns["error"] = np.where(fault.hit, float(LOW_SIGNAL | HEATER), columns["error"])
        else:
            columns["co2"] = np.where(fault.hit, columns["uncompensated"], columns["co2"])
            columns["stale"] = np.where(fault.hit, 1.0, 0.0)

    def registers(self, columns: Columns) -> dict[int, int]:
        co2, error = column(columns, "co2"), int(column(columns, "error"))
        state = int(marked(columns, "state")) or (NOT_RELIABLE if error else 0)
        device = ERROR if error & LOW_SIGNAL else WARNING if error else 0
        out = place(0x0000, float_low(co2)) | place(0x0100, [signed16(co2, 0x8000), signed16(co2 / 10.0, 0x8000)])
        in_use = self._compensation | ({VOLATILE: POWER_UP[0]} if marked(columns, "stale") else {})
        for address, value in in_use.items():
            out |= place(address, float_low(value))
        out |= place(0x0300, [int(self.setting.instrument.address or 240), 2, 0, 2, 1, 0, 0, 0, 100])
        return out | place(0x0800, [device, state, 0, *low_word_first(int32(error))])

    def write(self, address: int, values: Sequence[int]) -> int | None:
        """A compensation value, as a whole float."""
        if address not in self._compensation:
            return 2
        if len(values) != 2:
            return 3
        value: float = struct.unpack(">f", struct.pack(">HH", values[1], values[0]))[0]
        pressure = address in (STORED, VOLATILE)
        if not math.isfinite(value) or (pressure and not PRESSURES_HPA[0] <= value <= PRESSURES_HPA[1]):
            return 3
        self._compensation[address] = value
        return None
