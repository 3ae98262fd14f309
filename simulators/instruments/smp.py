"""Kipp & Zonen SMP pyranometers (SGR, SHP, SUV alike): Modbus RTU, functions 3 and 4 alike. SMP manual, appendix A.

Wire addresses: 0 device type, 1 data model, 2 operational mode (1 normal), 3 status flags (0 in order), 4 scale factor (decimals of 5 and
6; -1: tens), 5 radiation (W m-2), 6 raw, 7 standard deviation, 8 body temperature (0.1 degC), 9 supply (0.1 V), 26 error, 27 protocol
error, 28 and 29 their counts, 30 and 31 controlled and uncontrolled restarts, 41 batch, 42 serial number; from data model 102 floats
from 10000 (type, mode, error, status, batch, serial), 10006 radiation, 10008 deviation, 10014 body temperature (K), 10016 supply.
At night it reads a watt or three below zero. Setting ``scale`` sets the scale factor.
"""

from __future__ import annotations

import numpy as np

from simulators.errors import InstrumentError
from simulators.faults.effects import Columns
from simulators.instruments.base import Setting, Suffered, Unit, column, marked
from simulators.instruments.registers import float_big, place, signed16

DEVICE_TYPE, DATA_MODEL = 603, 107
NORMAL = 1
STATUS_ERROR = 4
NIGHT_OFFSET_W_M2 = -2.2
SUPPLY_V = 12.0
WET_DOME = 0.08
"""share of the light that a dome covered with drops or dew keeps off"""
SCALES = (-1, 0, 1, 2)


def head(mode: int, status: int, scale: int, radiation_w_m2: float, deviation: int, body_c: float, supply_v: float) -> list[int]:
    """Registers 0 to 9."""
    scaled = signed16(radiation_w_m2 * 10.0**scale)
    return [
        DEVICE_TYPE,
        DATA_MODEL,
        mode,
        status,
        scale & 0xFFFF,
        scaled,
        scaled,
        deviation,
        signed16(10 * body_c),
        signed16(10 * supply_v),
    ]


class Smp(Unit):
    """One pyranometer that looks up."""

    fields = ("radiation", "body")
    own_faults = frozenset({"service_mode", "scale_changed", "dew", "counter_jump"})

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._scale = int(float(setting.option("scale", 0)))
        if self._scale not in SCALES:
            raise InstrumentError(f"{self.id}: scale factor {self._scale} is none of the instrument's ({', '.join(map(str, SCALES))})")

    def values(self, first: int, count: int) -> Columns:
        times = self.times_ms(first, count)
        state = self.setting.feed.state(times)
        index = times / 1000.0
        offset = NIGHT_OFFSET_W_M2 * (1.0 - state["cloud"])
        light = state["shortwave"] * (1.0 - WET_DOME * self.wetness(times))
        return {
            "radiation": light + offset + self.jitter(0, index, 0.4),
            "body": state["air_temperature"] + 0.004 * state["shortwave"],
            "status": np.zeros(count), "mode": np.full(count, float(NORMAL)), "scale": np.full(count, float(self._scale)),
        }  # fmt: skip

    def invalidate(self, columns: Columns, row: int, code: int) -> None:
        columns["status"][row] = code or STATUS_ERROR

    def suffer(self, columns: Columns, fault: Suffered) -> None:
        if fault.name == "dew":
            columns["radiation"] = columns["radiation"] * np.where(fault.hit, 1.0 - fault.magnitude, 1.0)
        elif fault.name in ("service_mode", "scale_changed"):
            name = fault.name.partition("_")[0].replace("service", "mode")
            columns[name] = np.where(fault.hit, fault.magnitude, columns[name])
        else:
            super().suffer(columns, fault)

    def registers(self, columns: Columns) -> dict[int, int]:
        radiation, body = column(columns, "radiation"), column(columns, "body")
        status, mode, scale = (int(column(columns, name)) for name in ("status", "mode", "scale"))
        digits = "".join(letter for letter in self.setting.serial_number if letter.isdigit())
        serial = int(digits or 0) & 0xFFFF
        words = place(0, head(mode, status, scale, radiation, 2, body, SUPPLY_V)) | place(10, [0] * 33)
        words |= {26: status, 31: 1 + int(marked(columns, "counter_jump")), 41: 26, 42: serial}
        floats = place(10_000, [DEVICE_TYPE, mode, 0, status, 26, serial])
        for address, value in ((10_006, radiation), (10_008, 2.0), (10_014, body + 273.15), (10_016, SUPPLY_V)):
            floats |= place(address, float_big(value))
        return words | floats | place(10_010, [0] * 4)
