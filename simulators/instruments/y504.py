"""Yosemitech Y504 dissolved oxygen, Modbus RTU. Addresses as on the wire; floats byte for byte reversed (DCBA).

0x2500 with count 0 starts measuring, 0x2E00 stops it; 0x2600 count 6: temperature (degC), saturation (fraction), oxygen (mg/L);
0x0900 serial number, 0x0700 version, 0x3000 unit id, 0x1100 calibration K and B, 0x2700 cap coefficients. Until it is started
the values are zero. In air it reads saturation at the air's temperature.

A probe that is ``not_started`` does not start however often it is told to. No document says what is read while the ``wiper`` stands in
front of the window: here part of the oxygen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from simulators.faults.effects import Columns
from simulators.instruments.base import Setting, Suffered, Unit, column, marked
from simulators.instruments.registers import float_big, float_reversed, place, text_words
from simulators.world import physics

START, STOP, VALUES = 0x2500, 0x2E00, 0x2600
MEASURED = ("temperature", "saturation", "oxygen")


class Y504(Unit):
    """One probe."""

    fields = ("oxygen", "temperature", "saturation")
    can_be_invalid = False
    own_faults = frozenset({"not_started", "wiper", "byte_order"})

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.measuring = False

    def values(self, first: int, count: int) -> Columns:
        times = self.times_ms(first, count)
        state = self.under_water(times)
        index = times / 1000.0
        wet = self.setting.world.depth_m(self.setting.height_m, state["water_level"]) > 0
        in_air = physics.oxygen_solubility_mmol_m3(state["air_temperature"], np.zeros(count), state["air_pressure"]) * physics.M_OXYGEN
        oxygen = np.where(wet, state["dissolved_oxygen"], in_air) + self.jitter(0, index, 0.006)
        full = np.where(wet, state["oxygen_at_saturation"], in_air)
        return {
            "temperature": np.where(wet, state["water_temperature"], state["air_temperature"]) + self.jitter(1, index, 0.004),
            "saturation": oxygen / full,
            "oxygen": oxygen,
        }

    def suffer(self, columns: Columns, fault: Suffered) -> None:
        if fault.name == "not_started":
            columns["stands"] = np.where(fault.hit, 1.0, 0.0)
            columns["refuses"] = np.where(fault.hit, fault.magnitude, 0.0)
        elif fault.name == "wiper":
            for name in ("oxygen", "saturation"):
                columns[name] = columns[name] * np.where(fault.hit, fault.magnitude, 1.0)
        else:
            super().suffer(columns, fault)

    def registers(self, columns: Columns) -> dict[int, int]:
        measuring = self.measuring and not marked(columns, "stands")
        in_order = float_big if marked(columns, "byte_order") else float_reversed
        words = [word for name in MEASURED for word in in_order(column(columns, name) if measuring else 0.0)]
        coefficients = [word for value in (1.0, 0.0) for word in float_reversed(value)]
        cap = [word for _ in range(8) for word in float_reversed(0.0)]
        return (
            place(VALUES, words)
            | place(0x0900, text_words(self.setting.serial_number, 7))
            | place(0x0700, [0x0106, 0x0203])
            | place(0x3000, [int(self.setting.instrument.address or 1) << 8])
            | place(0x1100, coefficients)
            | place(0x2700, cap)
        )

    def read(self, function: int, address: int, count: int, look: Callable[[], Columns]) -> Sequence[int] | int:
        columns = look()
        if marked(columns, "stands"):
            self.measuring = False
        elif function == 3 and address == START:
            self.measuring = True
        if function == 3 and address == START:
            return []
        if function == 3 and address == STOP and count == 1:
            self.measuring = False
            return [0]
        if address in range(VALUES, VALUES + 2 * len(MEASURED)) and marked(columns, "refuses"):
            return int(marked(columns, "refuses"))
        return super().read(function, address, count, lambda: columns)
