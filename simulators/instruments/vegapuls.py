"""VEGAPULS 61/63/65/66 radar: Modbus RTU. VEGA operating instructions, supplement Modbus/Levelmaster.

Input registers (function 4), register number as wire address: 100 status (32 bits; bits 0-3: PV, SV, TV, QV not valid), 104 unit of
PV, 106 PV (CDAB), 108 and 110 SV, 112 and 114 TV, 116 and 118 QV; 1300 status and 1302 … values in the order of register 3000; blocks
of status, PV, SV, TV, QV from 2000 (ABCD), 2100 (DCBA), 2200 (BADC). Holding registers 201-203, 206, 3000.

PV and SV are the distance to the water and the level above station zero, in metres (unit code 45) or another ``unit`` of the
station file; setting ``pv: level`` turns them round. TV is the temperature of the electronics, QV the echo's strength in dB.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from simulators.faults.effects import Columns
from simulators.instruments.base import Setting, Suffered, Unit, column
from simulators.instruments.registers import bytes_swapped, float_big, int32, low_word_first, place

CELSIUS, DECIBEL = 32, 156
LENGTHS = {"m": (45, 1.0), "cm": (48, 100.0), "mm": (49, 1000.0), "ft": (44, 1.0 / 0.3048), "in": (47, 1.0 / 0.0254)}
"""unit code and how many make a metre"""
HOLDING = {201: 9600, 202: 0, 203: 1, 206: 50, 3000: 0}
AVERAGING_S = 30.0


def ordered(words: list[int], order: int) -> list[int]:
    """Two words in an order of register 3000: 0 ABCD, 1 CDAB, 2 DCBA, 3 BADC."""
    if order == 0:
        return words
    if order == 1:
        return low_word_first(words)
    return bytes_swapped(low_word_first(words) if order == 2 else words)


class Vegapuls(Unit):
    """One radar that looks down at the water."""

    fields = ("distance",)
    own_faults = frozenset({"lost_echo", "false_echo", "foam", "waves"})

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._level_first = setting.option("pv", "distance") == "level"
        self._unit, self._per_metre = LENGTHS[str(setting.option("unit", "m"))]
        self._holding = dict(HOLDING)
        self._held: dict[float, float] = {}

    def values(self, first: int, count: int) -> Columns:
        times = self.times_ms(first, count)
        state = self.setting.feed.state(times)
        floats = self.setting.world.site.floats
        level = np.zeros(count) if floats else state["water_level"]
        distance = self.setting.height_m - level + self.jitter(0, times / 1000.0, 0.0015)
        return {
            "distance": distance,
            "temperature": state["air_temperature"] + 2.0,
            "echo": np.full(count, 78.0),
            "status": np.zeros(count),
        }

    def invalidate(self, columns: Columns, row: int, code: int) -> None:
        columns["status"][row] = code or 1

    def suffer(self, columns: Columns, fault: Suffered) -> None:
        hit, distance = fault.hit, columns["distance"]
        if fault.name == "false_echo":
            columns["distance"] = np.where(hit, fault.magnitude, distance)
        elif fault.name == "foam":
            columns["distance"] = distance + np.where(hit, np.abs(self.jitter(8, np.round(fault.times_ms), fault.magnitude)), 0.0)
            columns["echo"] = np.where(hit, 31.0, columns["echo"])
        elif fault.name == "waves":
            columns["distance"] = distance - np.where(hit, self.setting.world.waves.elevation_m(fault.times_ms / 1e3), 0.0)
        elif hit.any():
            columns["distance"] = np.where(hit, self._held.setdefault(fault.begin_ms, float(distance[int(np.argmax(hit))])), distance)
            columns["status"] = np.where(hit, 1.0, columns["status"])
            columns["echo"] = np.where(hit, 0.0, columns["echo"])

    def registers(self, columns: Columns) -> dict[int, int]:
        distance, status = column(columns, "distance"), int32(int(column(columns, "status")))
        pair = (distance, self.setting.height_m - distance)
        first, second = (self._per_metre * metres for metres in (reversed(pair) if self._level_first else pair))
        values = [float_big(value) for value in (first, second, column(columns, "temperature"), column(columns, "echo"))]
        out = place(100, status) | place(102, [0, 0])
        for address, unit, words in zip((104, 108, 112, 116), (self._unit, self._unit, CELSIUS, DECIBEL), values, strict=True):
            out |= place(address, [unit, 0]) | place(address + 2, ordered(words, 1))
        for start, order in ((1300, self._holding[3000]), (2000, 0), (2100, 2), (2200, 3)):
            out |= place(start, [word for words in (status, *values) for word in ordered(words, order)])
        return out

    def read(self, function: int, address: int, count: int, look: Callable[[], Columns]) -> Sequence[int] | int:
        if function == 3:
            wanted = [self._holding.get(address + i) for i in range(count)]
            return 2 if not wanted or None in wanted else [value for value in wanted if value is not None]
        return super().read(function, address, count, look)

    def write(self, address: int, values: Sequence[int]) -> int | None:
        if address not in self._holding or len(values) != 1:
            return 2
        if address == 3000 and values[0] > 3:
            return 3
        self._holding[address] = values[0]
        return None
