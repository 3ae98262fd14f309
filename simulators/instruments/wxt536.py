"""Vaisala WXT536, ASCII. Guide M211840EN.

Automatic: the composite message each period. Polled (also beside it): ``aR1`` wind, ``aR2`` air, ``aR3`` rain, ``aR5`` supervisor,
``aR0`` composite, ``aR`` all; ``?`` asks the address. Lower case asks and answers with a check sum of three characters; a wrong one
is answered with ``atX,Use chksum``. Station options: ``mode: polled`` leaves out the automatic messages, ``crc: true`` gives them a
check sum. A ``#`` in place of the unit is invalid data. While it heats, its temperature is too high by the magnitude of ``heater`` and
``aR5`` says so with the letter of Vh (N off, W on). Setting ``rain_mm``: what the rain counter stood at when the bench began.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from simulators.faults.effects import Columns
from simulators.instruments.base import Setting, Suffered, Talker, column, marked
from simulators.instruments.checksums import spoiled, vaisala_crc
from simulators.world.noise import Array

FIELDS: dict[str, tuple[str, str, str]] = {
    "Dn": ("direction_min", "%03.0f", "D"), "Dm": ("direction", "%03.0f", "D"), "Dx": ("direction_max", "%03.0f", "D"),
    "Sn": ("speed_min", "%.1f", "M"), "Sm": ("speed", "%.1f", "M"), "Sx": ("speed_max", "%.1f", "M"),
    "Ta": ("air_temperature", "%.1f", "C"), "Ua": ("relative_humidity", "%.1f", "P"), "Pa": ("air_pressure", "%.1f", "H"),
    "Rc": ("rain", "%.2f", "M"), "Rd": ("rain_duration", "%.0f", "s"), "Ri": ("rain_rate", "%.1f", "M"),
    "Th": ("heating_temperature", "%.1f", "C"), "Vh": ("heating_voltage", "%.1f", "N"), "Vs": ("supply_voltage", "%.1f", "V"),
    "Vr": ("reference_voltage", "%.3f", "V"),
}  # fmt: skip
"""Printed name → (column, number format, unit letter)."""
MESSAGES: dict[str, tuple[str, ...]] = {
    "1": ("Dn", "Dm", "Dx", "Sn", "Sm", "Sx"),
    "2": ("Ta", "Ua", "Pa"),
    "3": ("Rc", "Rd", "Ri"),
    "5": ("Th", "Vh", "Vs", "Vr"),
    "0": ("Dm", "Sm", "Sx", "Ta", "Ua", "Pa", "Rc", "Ri", "Vs"),
}
WIND = ("Dn", "Dm", "Dx", "Sn", "Sm", "Sx")
TYPICAL_INTENSITY = 0.14
BIRD_FROM_DEG, BIRD_SPEED_MS = 137.0, 0.0
"""what the wind sensor reads with something on it: always the same"""
HEATED_C = 15.0
"""how much warmer the heated part is"""


def message(address: str, letter: str, number: str, values: dict[str, str]) -> bytes:
    """One answer: ``letter`` R, or r for one with check sum; ``values``: printed name → number with its unit letter."""
    body = f"{address}{letter}{number},{','.join(f'{name}={value}' for name, value in values.items())}".encode()
    return body + (vaisala_crc(body) if letter == "r" else b"") + b"\r\n"


class Wxt536(Talker):
    """A weather transmitter, polled or automatic."""

    fields = ("air_temperature", "relative_humidity", "air_pressure", "speed", "direction", "rain")
    checksum = True
    own_faults = frozenset({"ice", "heater", "bird", "use_chksum", "counter_reset"})
    answers = True
    UPDATE_MS = 1000.0

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._address = str(setting.instrument.address if setting.instrument.address is not None else "0")
        options = setting.instrument.options
        self._automatic = setting.option("mode", "automatic") != "polled"
        self._letter = "r" if options.get("crc") else "R"
        self._rain_mm = float(setting.option("rain_mm", 0.0))
        self._resets: set[float] = set()
        self._rain_s = 0.0
        self._rained_until: float | None = None
        self._half = b""

    @property
    def streams(self) -> bool:
        return self._automatic

    @property
    def period_ms(self) -> float:
        return self.setting.period_ms if self._automatic else self.UPDATE_MS

    def values(self, first: int, count: int) -> Columns:
        times = self.times_ms(first, count)
        state = self.setting.feed.state(times)
        index = times / 1000.0
        speed = self.setting.world.wind_at(self.setting.height_m, state)
        gust = TYPICAL_INTENSITY * speed
        mean = np.maximum(speed + gust * self.jitter(0, index, 0.5), 0.0)
        direction = state["wind_from_direction"] - self.setting.instrument.mounting.north_offset_deg + self.jitter(1, index, 3.0)
        rain, duration = self._rain(times, state["rain_rate"])
        steady = np.ones(count)
        return {
            "direction": direction % 360.0, "direction_min": (direction - 9.0) % 360.0, "direction_max": (direction + 11.0) % 360.0,
            "speed": mean, "speed_min": np.maximum(mean - 1.6 * gust, 0.0), "speed_max": mean + 1.9 * gust,
            "air_temperature": state["air_temperature"] + self.jitter(2, index, 0.03),
            "relative_humidity": np.minimum(state["relative_humidity"] + self.jitter(3, index, 0.15), 100.0),
            "air_pressure": state["air_pressure"] + self.jitter(4, index, 0.03),
            "rain": rain, "rain_duration": duration, "rain_rate": state["rain_rate"],
            "heating_temperature": state["air_temperature"] + 1.2, "heating_voltage": 12.1 * steady,
            "supply_voltage": 12.6 * steady + self.jitter(5, index, 0.02), "reference_voltage": 3.475 * steady,
            "bad_wind": np.zeros(count), "bad_air": np.zeros(count),
        }  # fmt: skip

    def _rain(self, times: Array, rate: Array) -> tuple[Array, Array]:
        """The counter since switch-on: amount (mm) and seconds of rain. It starts again at 0 when the instrument does."""
        amounts, seconds = np.empty(len(times)), np.empty(len(times))
        for row, (t_ms, mm_h) in enumerate(zip(times.tolist(), rate.tolist(), strict=True)):
            elapsed_s = max(0.0, (t_ms - self._rained_until) / 1e3) if self._rained_until is not None else 0.0
            self._rained_until = max(t_ms, self._rained_until or t_ms)
            self._rain_mm += mm_h * elapsed_s / 3600.0
            self._rain_s += elapsed_s if mm_h > 0 else 0.0
            amounts[row], seconds[row] = self._rain_mm, self._rain_s
        return amounts, seconds

    def invalidate(self, columns: Columns, row: int, code: int) -> None:
        """The usual way: ice on the wind sensor; 1: temperature, humidity and pressure."""
        columns["bad_air" if code == 1 else "bad_wind"][row] = 1.0

    def suffer(self, columns: Columns, fault: Suffered) -> None:
        if fault.name == "ice":
            columns["bad_wind"] = np.where(fault.hit, 1.0, columns["bad_wind"])
        elif fault.name == "heater":
            columns["heater"] = np.where(fault.hit, 1.0, 0.0)
            for name, warmer in (("air_temperature", fault.magnitude), ("heating_temperature", HEATED_C)):
                columns[name] = columns[name] + np.where(fault.hit, warmer, 0.0)
        elif fault.name == "bird":
            for name in ("direction", "direction_min", "direction_max", "speed", "speed_min", "speed_max"):
                columns[name] = np.where(fault.hit, BIRD_FROM_DEG if name.startswith("direction") else BIRD_SPEED_MS, columns[name])
        elif fault.name == "counter_reset":
            self._begin_again(columns, fault)
        else:
            super().suffer(columns, fault)

    def _begin_again(self, columns: Columns, fault: Suffered) -> None:
        """The rain counter falls to zero once, when the fault begins, and counts on from there whether or not the fault goes on."""
        if fault.begin_ms in self._resets or not fault.hit.any():
            return
        self._resets.add(fault.begin_ms)
        first = int(np.argmax(fault.hit))
        lost_mm, lost_s = column(columns, "rain", first), column(columns, "rain_duration", first)
        self._rain_mm, self._rain_s = self._rain_mm - lost_mm, self._rain_s - lost_s
        after = np.arange(len(fault.hit)) >= first
        for name, lost in (("rain", lost_mm), ("rain_duration", lost_s)):
            columns[name] = columns[name] - np.where(after, lost, 0.0)

    def _message(self, letter: str, number: str, columns: Columns, row: int = 0) -> bytes:
        values = {}
        for name in MESSAGES[number]:
            source, pattern, unit = FIELDS[name]
            bad = column(columns, "bad_wind" if name in WIND else "bad_air", row) > 0 and (name in WIND or name in ("Ta", "Ua", "Pa"))
            unit = "W" if name == "Vh" and marked(columns, "heater", row) else unit
            number_text = pattern % column(columns, source, row)
            values[name] = (
                number_text.replace("360", "000") + ("#" if bad else unit) if unit == "D" else number_text + ("#" if bad else unit)
            )
        if number == "5":
            values["Id"] = "HEL___"
        return message(self._address, letter, number, values)

    def encode(self, columns: Columns, first: int) -> list[bytes]:
        """With ``use_chksum`` somebody else on the line asks wrongly before each record, and is told so."""
        told = [self._told_off(f"{self._address}r0") if marked(columns, "use_chksum", row) else b"" for row in range(len(columns["speed"]))]
        return [text + self._message(self._letter, "0", columns, row) for row, text in enumerate(told)]

    def answer(self, data: bytes, look: Callable[[], Columns]) -> bytes:
        lines = (self._half + data).split(b"\r\n")
        self._half = lines.pop()[-64:]
        out = b""
        for line in lines:
            out += self._reply(line.strip(b"\r\n\0 ").decode("ascii", "replace"), look)
        return out

    def _reply(self, command: str, look: Callable[[], Columns]) -> bytes:
        if command in ("?", f"{self._address}?"):
            return f"{self._address}\r\n".encode()
        if command == self._address:
            return f"{self._address}\r\n".encode()
        if command.startswith(f"{self._address}XU"):
            return self._settings(command[3:])
        if not command.startswith(self._address) or len(command) < 2 or command[1] not in "Rr":
            return b""
        number = command[2:3]
        if command[1] == "r":
            asked, given = command[:-3].encode(), command[-3:].encode("ascii", "replace")
            number = command[2:-3]
            if vaisala_crc(asked) != given:
                return self._told_off(asked.decode())
        wanted = [number] if number in MESSAGES else [n for n in MESSAGES if n != "0"] if not number else []
        columns = look()
        if command[1] == "r" and marked(columns, "use_chksum"):
            return self._told_off(command[:-3])
        return b"".join(self._message(command[1], n, columns) for n in wanted)

    def _told_off(self, asked: str) -> bytes:
        """To a question with a wrong check sum: which one would have been right."""
        body = f"{self._address}tX,Use chksum ".encode() + vaisala_crc(asked.encode("ascii", "replace"))
        return body + vaisala_crc(body) + b"\r\n"

    def _settings(self, change: str) -> bytes:
        """``aXU`` answers all communication settings, ``aXU,M=…`` changes the protocol and answers what was changed."""
        if change.startswith(",M=") and change[3:] in ("A", "a", "P", "p"):
            self._automatic = change[3:] in "Aa"
            return f"{self._address}XU{change}\r\n".encode()
        letter = ("A" if self._automatic else "P") if self._letter == "R" else ("a" if self._automatic else "p")
        text = f"{self._address}XU,A={self._address},M={letter},T=0,C=2,I=0,B=19200,D=8,P=N,S=1,L=25,N=WXT530,V=1.00"
        return b"" if change else f"{text}\r\n".encode()

    def spoil(self, record: bytes) -> bytes:
        """Only messages asked for in lower case carry a check sum; the others stay as they are."""
        return spoiled(record, len(record) - 5, len(record) - 2) if record[1:2] == b"r" else record
