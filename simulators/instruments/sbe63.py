"""Sea-Bird SBE 63: tab-separated lines, no check sum, no word on validity. SBE 63 manual, revision 005.

Format 3: ``SBE63`` serial, nothing, oxygen (ml/l). Format 2: date, time, 660, phase (us x 1000), 695, thermistor (V x 65536/3.30), 570,
oxygen (ml/l x 1000), temperature (degC x 1000). The oxygen is that of fresh water at the surface: salinity and pressure are the CTD's to
add. Setting ``format`` (3); ``SetFormat=2`` changes it; with ``salinity: water`` it is told
the salinity of the water.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import datetime

import numpy as np

from simulators.faults.effects import Columns
from simulators.instruments.base import Setting, Talker, clock, column
from simulators.instruments.optode import fresh_water_oxygen_um
from simulators.world import physics

UM_PER_ML_L = 44.66
THERMISTOR = (10_000.0, 3892.0, 41_000.0)
"""ohm at 25 degC, beta (K), ohm in series: a thermistor of the bench"""


def format_3(serial: str, oxygen_ml_l: float) -> bytes:
    return f"SBE63\t{serial}\t\t{oxygen_ml_l:06.3f}\r\n".encode()


def format_2(stamp: datetime, phase_us: float, thermistor: int, oxygen_ml_l: float, temperature_c: float) -> bytes:
    numbers = (660, round(1000 * phase_us), 695, thermistor, 570, round(1000 * oxygen_ml_l), round(1000 * temperature_c))
    return ("\t".join((f"{stamp:%m/%d/%y}", f"{stamp:%H:%M:%S}", *map(str, numbers))) + "\r\n").encode()


def thermistor_counts(temperature_c: float) -> int:
    nominal, beta, series = THERMISTOR
    ohm = nominal * math.exp(beta * (1.0 / (temperature_c + 273.15) - 1.0 / 298.15))
    return round(3.30 * ohm / (ohm + series) * 65_536 / 3.30)


class Sbe63(Talker):
    """One sensor in the water."""

    fields = ("oxygen", "temperature")
    checksum = False
    can_be_invalid = False
    own_faults = frozenset({"clock_lost", "clock_stuck", "clock_step"})
    inserts = (("prompt", b"S>"), ("reboot_banner", b"SBE 63\r\nS>"))
    answers = True

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._format = int(float(setting.option("format", 3)))
        self._half = b""

    def values(self, first: int, count: int) -> Columns:
        times = self.times_ms(first, count)
        state = self.under_water(times)
        index = np.arange(first, first + count, dtype=np.float64)
        temperature = state["water_temperature"] + self.jitter(0, index, 0.002)
        saturation = 100.0 * state["dissolved_oxygen"] / state["oxygen_at_saturation"]
        micromolar = fresh_water_oxygen_um(saturation, temperature, state["air_pressure"])
        if self.setting.option("salinity", "fresh") == "water":
            micromolar = state["dissolved_oxygen"] / physics.M_OXYGEN
        return {"oxygen": micromolar / UM_PER_ML_L + self.jitter(1, index, 0.002), "temperature": temperature, "time_ms": times}

    def encode(self, columns: Columns, first: int) -> list[bytes]:
        out = []
        for row in range(len(columns["oxygen"])):
            oxygen, temperature = column(columns, "oxygen", row), column(columns, "temperature", row)
            if self._format == 2:
                phase = 33.0 / (1.0 + 0.2 * max(oxygen, 0.0)) * (1.0 - 0.002 * (temperature - 20.0))
                stamp = clock(columns, row, column(columns, "time_ms", row))
                out.append(format_2(stamp, phase, thermistor_counts(temperature), oxygen, temperature))
            else:
                out.append(format_3(self.setting.serial_number, oxygen))
        return self.interrupted(columns, out)

    def answer(self, data: bytes, look: Callable[[], Columns]) -> bytes:
        lines = (self._half + data.replace(b"\n", b"\r")).split(b"\r")
        self._half = lines.pop()[-100:]
        out = b""
        for line in lines:
            if match := re.fullmatch(rb"\s*setformat=([23])\s*", line, re.IGNORECASE):
                self._format = int(match[1])
                out += b"S>"
            elif line.strip():
                out += b"?cmd\r\nS>"
        return out
