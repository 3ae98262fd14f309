"""In-Situ RDO PRO-X and Aqua TROLL 400: Modbus RTU, most significant word first. Aqua TROLL 400 Modbus reference guide.

Documented register less one is the wire address. A parameter is a block of eight registers: value (float), parameter, unit
(writable), data quality, off-line sentinel (float, 0.0), available units. 37 dissolved oxygen, 45 temperature, 53 saturation, 61
partial pressure of oxygen; 0 sensor id 42, 1 cap serial number, 3 sensor status (bit 9: cap missing), 16 warm-up, 17 sample time, 18
number of parameters. Quality 0 normal, 3 error, 7 sensor missing: the value is then the sentinel. Setting ``oxygen_unit`` (118: µg/L).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from simulators.faults.effects import Columns
from simulators.instruments.base import Setting, Suffered, Unit, column
from simulators.instruments.registers import float_big, int32, place
from simulators.world import physics

BLOCKS = {"oxygen": (37, 20, 48), "temperature": (45, 1, 3), "saturation": (53, 21, 1), "partial_pressure": (61, 30, 1)}
"""wire address, parameter id, available units (48 and 1 as in sample answers, the others by the same rule)"""
UNITS = {"oxygen": (117, 118), "temperature": (1, 2), "saturation": (177,), "partial_pressure": (26,)}
UNIT_OFFSET = 3
ERROR, MISSING = 3, 7
WARMING = 1
"""the document has a number for warming up that is not in our copy: any but 0, 3 and 7 stands for it"""
CAP_MISSING = 1 << 9
SENTINEL = 0.0
TORR_PER_HPA = 0.750062
OXYGEN_IN_AIR = 0.20946


def in_unit(value: float, unit: int) -> float:
    """From mg/L, degC, % or torr into the unit of an id."""
    return {118: 1000.0 * value, 2: 32.0 + 1.8 * value}.get(unit, value)


def block(value: float, parameter: int, unit: int, quality: int, available: int) -> list[int]:
    """Eight registers; what is not normal shows the sentinel."""
    return [*float_big(SENTINEL if quality else value), parameter, unit, quality, *float_big(SENTINEL), available]


class Rdo(Unit):
    """One probe."""

    fields = ("oxygen", "temperature", "saturation", "partial_pressure")
    own_faults = frozenset({"cap_missing", "unit_changed", "warm_up"})

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._units = {name: units[0] for name, units in UNITS.items()}
        self._units["oxygen"] = int(float(setting.option("oxygen_unit", UNITS["oxygen"][0])))

    def values(self, first: int, count: int) -> Columns:
        times = self.times_ms(first, count)
        state = self.under_water(times)
        index = times / 1000.0
        oxygen = state["dissolved_oxygen"] + self.jitter(0, index, 0.005)
        share = oxygen / state["oxygen_at_saturation"]
        vapour = physics.water_vapour_atm(state["water_temperature"], state["salinity"]) * 1013.25
        return {
            "oxygen": oxygen,
            "temperature": state["water_temperature"] + self.jitter(1, index, 0.004),
            "saturation": 100.0 * share,
            "partial_pressure": share * OXYGEN_IN_AIR * (state["air_pressure"] - vapour) * TORR_PER_HPA,
            "quality": np.zeros(count), "oxygen_unit": np.full(count, float(self._units["oxygen"])),
        }  # fmt: skip

    def invalidate(self, columns: Columns, row: int, code: int) -> None:
        columns["quality"][row] = code or ERROR

    def suffer(self, columns: Columns, fault: Suffered) -> None:
        changes = {"cap_missing": ("quality", MISSING), "warm_up": ("quality", WARMING), "unit_changed": ("oxygen_unit", 118)}
        name, value = changes[fault.name]
        columns[name] = np.where(fault.hit, float(value), columns[name])

    def registers(self, columns: Columns) -> dict[int, int]:
        quality = int(column(columns, "quality"))
        serial = "".join(letter for letter in self.setting.serial_number if letter.isdigit())
        gone = quality == MISSING
        out = place(0, [42, *int32(0 if gone else int(serial or 0) & 0xFFFFFFFF), CAP_MISSING if gone else 0])
        out |= place(16, [2000, 1200, len(BLOCKS)])
        for name, (address, parameter, available) in BLOCKS.items():
            unit = int(column(columns, "oxygen_unit")) if name == "oxygen" else self._units[name]
            mine = 0 if gone and name == "temperature" else quality
            out |= place(address, block(in_unit(column(columns, name), unit), parameter, unit, mine, available))
        return out

    def write(self, address: int, values: Sequence[int]) -> int | None:
        """The unit of a parameter."""
        for name, (start, _, _) in BLOCKS.items():
            if address == start + UNIT_OFFSET:
                if len(values) != 1 or values[0] not in UNITS[name]:
                    return 3
                self._units[name] = values[0]
                return None
        return 2
