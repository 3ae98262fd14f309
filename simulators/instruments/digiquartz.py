"""Paroscientific Digiquartz pressure sensors and the MET4: asked in text, no check sum. After the vendor's commands in public programs.

``*DDSScmd`` CR LF (destination, source; 00 the host, 99 everybody) is answered ``*SSDD`` and the number. P3 pressure, Q3 temperature of
the sensor, P4 and Q4 the same again and again, RH and TT humidity and temperature (MET4), UN unit (1 psi, 2 hPa, 3 bar, 4 kPa, 5 MPa, 6
inHg, 7 mmHg, 8 mH2O), EW allows one write, VR version. Under water it feels the water and the air above it, else the air. Settings
``unit`` (the name, by default psi), ``continuous: true`` (set to speak unasked), ``dialect: nano`` (lines of the OOI's NANO: psi and degC).
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from simulators.errors import InstrumentError
from simulators.faults.effects import Columns
from simulators.instruments.base import Setting, Suffered, Talker, clock, column, marked
from simulators.world import physics

HPA_IN = {1: 0.0145037738, 2: 1.0, 3: 1e-3, 4: 0.1, 5: 1e-4, 6: 0.0295299831, 7: 0.750061683, 8: 0.0101971621}
"""one hectopascal in each unit"""
NAMES = {"psi": 1, "hpa": 2, "mbar": 2, "bar": 3, "kpa": 4, "mpa": 5, "inhg": 6, "mmhg": 7, "mh2o": 8}
COMMAND = re.compile(r"\*(\d\d)(\d\d)([A-Z][A-Z0-9])(?:=(\S+))?")
ECHO_OTHER_UNIT = 4


def reply(destination: int, source: int, text: str) -> bytes:
    """``*DDSS`` and what follows."""
    return f"*{destination:02d}{source:02d}{text}\r\n".encode()


def number(value: float) -> str:
    """Eight significant digits without zeros at the end: 14.5834, 29.400512."""
    return f"{value:.8g}" if abs(value) >= 1e-3 else f"{value:.6f}"


class Digiquartz(Talker):
    """One transducer."""

    fields = ("pressure", "temperature")
    checksum = False
    can_be_invalid = False
    own_faults = frozenset({"corrupted_digit", "unit_changed", "clock_lost"})
    answers = True

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        unit = str(setting.option("unit", "psi")).lower().replace(" ", "")
        if unit not in NAMES:
            raise InstrumentError(f"{self.id}: unit {unit!r} is none of {', '.join(NAMES)}")
        self._unit = NAMES[unit]
        self._nano = setting.option("dialect", "") == "nano"
        self._usual = "P" if setting.option("continuous", False) else ""
        self._repeats = self._usual
        self._writable = False
        self._address = int(float(setting.instrument.address or 1))
        self._half = b""

    @property
    def streams(self) -> bool:
        return self._nano or bool(self._repeats)

    def values(self, first: int, count: int) -> Columns:
        times = self.times_ms(first, count)
        state = self.setting.feed.state(times)
        depth = self.setting.world.depth_m(self.setting.height_m, state["water_level"])
        index = np.round(times / 10.0)
        pressure = state["water_density"] * physics.GRAVITY_MS2 * depth / 100.0 + state["air_pressure"]
        temperature = np.where(depth > 0, state["water_temperature"], state["air_temperature"])
        return {
            "pressure": pressure + self.jitter(0, index, 0.004), "temperature": temperature + self.jitter(1, index, 0.001),
            "humidity": state["relative_humidity"], "air_temperature": state["air_temperature"],
            "unit": np.full(count, float(self._unit)), "time_ms": times,
        }  # fmt: skip

    def suffer(self, columns: Columns, fault: Suffered) -> None:
        if fault.name == "unit_changed":
            code = fault.magnitude if fault.magnitude > 1 else float(ECHO_OTHER_UNIT if self._unit != ECHO_OTHER_UNIT else 1)
            columns["unit"] = np.where(fault.hit, code, columns["unit"])
        else:
            super().suffer(columns, fault)

    def _value(self, kind: str, columns: Columns, row: int = 0) -> str:
        """The number a question of this kind is answered with."""
        if kind == "P":
            text = number(column(columns, "pressure", row) * HPA_IN[int(column(columns, "unit", row))])
        elif kind == "Q":
            text = number(column(columns, "temperature", row))
        else:
            text = f"{column(columns, 'humidity' if kind == 'RH' else 'air_temperature', row):.2f}"
        if marked(columns, "corrupted_digit", row):
            place = next(i for i, letter in enumerate(text) if letter.isdigit())
            text = text[:place] + str((int(text[place]) + 4) % 10) + text[place + 1 :]
        return text

    def encode(self, columns: Columns, first: int) -> list[bytes]:
        out = []
        for row in range(len(columns["pressure"])):
            if self._nano:
                stamp = clock(columns, row, column(columns, "time_ms", row))
                psi = column(columns, "pressure", row) * HPA_IN[1]
                when = f"{stamp:%Y/%m/%d %H:%M:%S}.{stamp.microsecond // 1000:03d}"
                out.append(f"NANO,P,{when},{psi:.6f},{column(columns, 'temperature', row):.9f}\r\n".encode())
            else:
                out.append(reply(0, self._address, self._value(self._repeats, columns, row)) if self._repeats else b"")
        return out

    def answer(self, data: bytes, look: Callable[[], Columns]) -> bytes:
        lines = (self._half + data.replace(b"\n", b"\r")).split(b"\r")
        self._half = lines.pop()[-100:]
        return b"".join(self._reply(line.decode("ascii", "replace").strip(), look) for line in lines)

    def _reply(self, line: str, look: Callable[[], Columns]) -> bytes:
        out = b""
        if self._repeats and line:
            self._repeats = self._usual  # any command ends what P4 or Q4 began
        for match in COMMAND.finditer(line):
            destination, source, command, value = int(match[1]), int(match[2]), match[3], match[4]
            if destination not in (self._address, 99):
                continue
            text = self._command(command, value, look)
            out += reply(source, self._address, text) if text else b""
        return out

    def _command(self, command: str, value: str | None, look: Callable[[], Columns]) -> str:
        if command in ("P3", "Q3", "RH", "TT"):
            return self._value(command if command in ("RH", "TT") else command[0], look())
        if command in ("P4", "Q4"):
            self._repeats = command[0]
            return self._value(command[0], look())
        if command == "UN":
            if value is not None and self._writable and value.isdigit() and int(value) in HPA_IN:
                self._unit = int(value)
            self._writable = False
            return f"UN={int(column(look(), 'unit')) if value is None else self._unit}"
        if command == "EW":
            self._writable = True
        return {"VR": "VR=M5.15", "SN": f"SN={self.setting.serial_number}"}.get(command, "")
