"""YSI ODO RTU: dissolved oxygen, Modbus function 4, most significant word first. YSI manual 627379.

Wire addresses: 0 saturation (%), 2 mg/L, 4 local saturation (%), 6 temperature, 8 reference temperature, 10 time since boot (ms,
32 bits), 12-20 conductivity and what follows from it, 22-30 reserved. A read begins at an even address and covers whole values. Not
available is 0xFFFFFFFF: this probe has no conductivity.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from simulators.faults.effects import Columns
from simulators.instruments.base import Suffered, Unit, column
from simulators.instruments.registers import float_big, int32, place

NOT_AVAILABLE = [0xFFFF, 0xFFFF]
STANDARD_HPA = 1013.25
END = 32
BOOTED_BEFORE_MS = 86_400_000.0
NAMES = ("saturation", "oxygen", "local", "temperature", "reference")


class OdoRtu(Unit):
    """One probe."""

    fields = ("oxygen", "saturation", "temperature")
    own_faults = frozenset({"counter_reset"})

    def values(self, first: int, count: int) -> Columns:
        times = self.times_ms(first, count)
        state = self.under_water(times)
        index = times / 1000.0
        oxygen = state["dissolved_oxygen"] + self.jitter(0, index, 0.006)
        local = 100.0 * oxygen / state["oxygen_at_saturation"]
        temperature = state["water_temperature"] + self.jitter(1, index, 0.005)
        return {
            "oxygen": oxygen,
            "local": local,
            "saturation": local * state["air_pressure"] / STANDARD_HPA,
            "temperature": temperature,
            "reference": temperature - 0.02,
            "booted": (times + BOOTED_BEFORE_MS) % 2**32,
        }

    def invalidate(self, columns: Columns, row: int, code: int) -> None:
        """The usual way: no oxygen; 1: no temperatures."""
        for name in ("temperature", "reference") if code == 1 else ("oxygen", "local", "saturation"):
            columns[name][row] = math.nan

    def suffer(self, columns: Columns, fault: Suffered) -> None:
        """``counter_reset``: it booted when the fault began."""
        columns["booted"] = np.where(fault.hit, fault.since_ms, columns["booted"])

    def registers(self, columns: Columns) -> dict[int, int]:
        words: list[int] = []
        for name in NAMES:
            value = column(columns, name)
            words += NOT_AVAILABLE if math.isnan(value) else float_big(value)
        words += int32(int(column(columns, "booted")))
        return place(0, words + NOT_AVAILABLE * ((END - len(words)) // 2))

    def read(self, function: int, address: int, count: int, look: Callable[[], Columns]) -> Sequence[int] | int:
        if function != 4:
            return 1
        if address % 2 or count % 2:
            return 2
        return super().read(function, address, count, look)
