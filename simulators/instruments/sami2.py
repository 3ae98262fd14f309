"""Sunburst SAMI2-pCO2: hexadecimal records behind ``*``, ended by CR. After the parsers and equations of the OOI programme.

``*`` id, length (bytes after the id), type, time (seconds since 1904), …, sum (of the bytes from length on, modulo 256). Types 04
measurement and 05 blank: 14 light values, battery, thermistor; 11 external pump; 80 and above control. Light: dark reference, dark
signal, 434 reference, 434 signal, 620 reference, 620 signal, ratio 434, ratio 620, and the six values again; a ratio is (signal -
dark signal) / (reference - dark reference) x 16384.

The lights are computed backwards from the water's pCO2 and temperature with the coefficients of the instrument's newest calibration
(CalT, CalA, CalB, CalC). It measures each period, with a blank before the first and before every 24th measurement (setting
``blank_every``), and answers S0, F0, F5A, L, B, T, G5A, Q5A, R, R0, R1 and C; it takes L5A and its
configuration, E5A, P01 and P03 without a word. The code it answers to an unknown command is not documented: ``?02``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from simulators.errors import InstrumentError
from simulators.faults.effects import Columns
from simulators.instruments.base import Setting, Suffered, Talker, clock, column, marked

FROM_1904_S = 2_082_844_800
MEASUREMENT, BLANK, EXTERNAL_PUMP, STOPPED = 0x04, 0x05, 0x11, 0x87
COUNTS = 4096
FULL_RATIO = 16_384
E1, E2, E3 = 0.0043, 2.136, 0.2105
COEFFICIENTS = {"calt": 5.1, "cala": 0.0441, "calb": 0.642, "calc": -1.532}
"""of the sample records; used when the station file has none"""
BLANKS = (11_643, 19_027)
DARK = (130, 90)
REFERENCES = (3238, 1988)
DYE_A434 = 0.67
"""absorbance at 434 nm of the dye in the cell"""
WATERS_UATM, WATERS_C = (1.0, 400.0, 20_000.0), (-2.0, 15.0, 40.0)
"""any water of this coast, and beyond"""
LARGEST_RATIO = E2 / E3
"""of the absorbances at 620 and 434 nm: the dye is wholly basic"""
LOW_BATTERY_FLAG = 1 << 8
FLAGS = 0x0003
CONFIGURATION = "CE6EA9B8" + "0" * 504


def checksum(body: bytes) -> int:
    """Sum of the bytes from length to the last before the sum."""
    return sum(body) & 0xFF


def record(unit: int, kind: int, t1904: int, data: bytes = b"") -> bytes:
    """Any record: ``data`` stands between time and sum."""
    body = bytes((len(data) + 7, kind)) + (t1904 & 0xFFFFFFFF).to_bytes(4, "big") + data
    return b"*" + bytes((unit, *body, checksum(body))).hex().upper().encode() + b"\r"


def lights_record(unit: int, kind: int, t1904: int, light: tuple[int, ...], battery: int, thermistor: int) -> bytes:
    """A measurement or a blank with its 14 light values."""
    return record(unit, kind, t1904, b"".join(value.to_bytes(2, "big") for value in (*light, battery, thermistor)))


def control_record(unit: int, kind: int, t1904: int, flags: int, counts: tuple[int, int, int]) -> bytes:
    """``counts``: records, errors, bytes."""
    return record(unit, kind, t1904, flags.to_bytes(2, "big") + b"".join(count.to_bytes(3, "big") for count in counts))


def thermistor_counts(temperature_c: float, full: int = COUNTS) -> int:
    """Counts (of ``full``) of a temperature: 1/T = 0.0010183 + 0.000241 R + 1.5e-7 R^3 solved for R = ln(17400 counts/(full - counts))."""
    target = 1.0 / (temperature_c + 273.15)
    r = 10.0
    for _ in range(30):
        r -= (0.0010183 + 0.000241 * r + 1.5e-7 * r**3 - target) / (0.000241 + 4.5e-7 * r * r)
    ratio = math.exp(r) / 17_400.0
    return round(full * ratio / (1.0 + ratio))


def battery_counts(volt: float, full: int = COUNTS) -> int:
    """15 V over 4096 counts, or 3/4000 V a count of 16384."""
    return round(volt * full / 15.0 if full == COUNTS else volt * 4000.0 / 3.0)


def thermistor_c(counts: int, full: int = COUNTS) -> float:
    """The temperature that such counts stand for."""
    r = math.log(counts / (full - counts) * 17_400.0)
    return 1.0 / (0.0010183 + 0.000241 * r + 1.5e-7 * r**3) - 273.15


def absorbance_ratio(pco2_uatm: float, temperature_c: float, coefficients: Mapping[str, float]) -> float:
    """A620 / A434 that the instrument's equations turn into this pCO2."""
    x = math.log10(pco2_uatm)
    wanted = coefficients["cala"] * x * x + coefficients["calb"] * x + coefficients["calc"]
    warmer = temperature_c - coefficients["calt"]
    r1 = wanted
    for _ in range(60):
        r2 = r1 + 0.008 * warmer
        r1 = wanted - (0.0075778 - 0.0012389 * r2 - 0.00048757 * r2 * r2) * warmer
    q = math.pow(10.0, -r1)
    return (E1 + E2 * q) / (1.0 + E3 * q)


def light_values(absorbances: tuple[float, float], blanks: tuple[float, float], lamp: float = 1.0) -> tuple[int, ...]:
    """Fourteen light values for absorbances at 434 and 620 nm; ``blanks`` in counts; ``lamp``: share of the lamps' light left."""
    ratios = [blank * 10.0**-a for blank, a in zip(blanks, absorbances, strict=True)]
    references = [DARK[0] + round(lamp * (reference - DARK[0])) for reference in REFERENCES]
    signals = [DARK[1] + round(ratio / FULL_RATIO * (reference - DARK[0])) for ratio, reference in zip(ratios, references, strict=True)]
    six = (*DARK, references[0], signals[0], references[1], signals[1])
    return (*six, round(ratios[0]), round(ratios[1]), *six)


class Sami2(Talker):
    """One instrument in the water."""

    fields = ("pco2", "temperature")
    checksum = True
    own_faults = frozenset({
        "blank_drift", "air_bubble", "reagent_out", "led_ageing", "low_light", "low_battery", "missing_blank", "memory_full", "boot_prompt",
        "clock_lost", "clock_stuck",
    })  # fmt: skip
    inserts = (("reboot_banner", b"7.7Boot>"),)
    answers = True

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        given = setting.instrument.calibration[-1].coefficients if setting.instrument.calibration else {}
        self.coefficients = COEFFICIENTS | {key.lower(): value for key, value in given.items() if key.lower() in COEFFICIENTS}
        self._check_coefficients()
        self._unit = int(float(setting.option("data_id", 0x54)))
        self._blank_every = max(1, int(float(setting.option("blank_every", 24))))
        self._full = 16_384 if int(float(setting.option("bits", 12))) == 14 else COUNTS
        self._blanked = False
        self._running = True
        self._records = 0
        self._half = b""
        self._configuration = CONFIGURATION
        self._configures = False
        self._started_ms: float | None = None

    def _check_coefficients(self) -> None:
        """No lamp could show what absurd coefficients ask for, and one instrument must not end the bench in the middle of a run."""
        for pco2_uatm in WATERS_UATM:
            for water_c in WATERS_C:
                try:
                    ratio = absorbance_ratio(pco2_uatm, water_c, self.coefficients)
                except (OverflowError, ValueError):
                    ratio = math.nan
                if not 0.0 < ratio < LARGEST_RATIO:
                    said = ", ".join(f"{name} {value:g}" for name, value in self.coefficients.items())
                    text = f"with {said} it has no absorbance for {pco2_uatm:g} uatm at {water_c:g} degC; see its calibration sheet"
                    raise InstrumentError(f"{self.id}: {text}")

    def values(self, first: int, count: int) -> Columns:
        times = self.times_ms(first, count)
        state = self.under_water(times)
        index = np.arange(first, first + count, dtype=np.float64)
        return {
            "pco2": state["pco2_water"] + self.jitter(0, index, 0.5),
            "temperature": state["water_temperature"] + self.jitter(1, index, 0.01),
            "blank434": np.full(count, float(BLANKS[0])), "blank620": np.full(count, float(BLANKS[1])),
            "lamp": np.ones(count), "low": np.zeros(count), "battery": np.full(count, 11.42), "time_ms": times,
        }  # fmt: skip

    def invalidate(self, columns: Columns, row: int, code: int) -> None:
        """No flag of its own in a record: the signals close to dark."""
        columns["low"][row] = 1.0

    def suffer(self, columns: Columns, fault: Suffered) -> None:
        grown = fault.magnitude * fault.hours
        if fault.name == "blank_drift":
            for name in ("blank434", "blank620"):
                columns[name] = columns[name] * np.where(fault.hit, 10.0**-grown, 1.0)
        elif fault.name == "led_ageing":
            columns["lamp"] = columns["lamp"] * np.where(fault.hit, np.exp(-grown), 1.0)
        elif fault.name == "low_light":
            columns["low"] = np.where(fault.hit, 1.0, columns["low"])
        elif fault.name == "low_battery":
            columns["battery"] = np.where(fault.hit, fault.magnitude, columns["battery"])
        else:
            super().suffer(columns, fault)

    def _seconds(self, columns: Columns, row: int) -> int:
        return int(clock(columns, row, column(columns, "time_ms", row)).timestamp()) + FROM_1904_S

    def _one(self, columns: Columns, row: int, kind: int) -> bytes:
        temperature = thermistor_counts(column(columns, "temperature", row), self._full)
        blanks = (column(columns, "blank434", row), column(columns, "blank620", row))
        absorbances = (0.0, 0.0)
        if marked(columns, "air_bubble", row):
            absorbances = (0.004, 0.003)
        elif kind == MEASUREMENT and not marked(columns, "reagent_out", row):
            ratio = absorbance_ratio(max(column(columns, "pco2", row), 1.0), thermistor_c(temperature, self._full), self.coefficients)
            absorbances = (DYE_A434, ratio * DYE_A434)
        if column(columns, "low", row):
            absorbances = (1.6, 1.9)
        light = light_values(absorbances, blanks, column(columns, "lamp", row))
        self._records += 1
        battery = battery_counts(column(columns, "battery", row), self._full)
        return lights_record(self._unit, kind, self._seconds(columns, row), light, battery, temperature)

    def encode(self, columns: Columns, first: int) -> list[bytes]:
        out = []
        for row in range(len(columns["pco2"])):
            text = b""
            if marked(columns, "boot_prompt", row):
                text = b"7.7Boot>"
            elif self._running and not marked(columns, "memory_full", row):
                due = not self._blanked or (first + row) % self._blank_every == 0
                if due and not marked(columns, "missing_blank", row):
                    text = self._one(columns, row, BLANK)
                    self._blanked = True
                text += self._one(columns, row, MEASUREMENT)
            out.append(text)
        return self.interrupted(columns, out)

    def spoil(self, record: bytes) -> bytes:
        return b"".join(_other_sum(part) + b"\r" for part in record.split(b"\r") if part)

    def answer(self, data: bytes, look: Callable[[], Columns]) -> bytes:
        lines = (self._half + data).replace(b"\n", b"").split(b"\r")
        self._half = lines.pop()[-520:]
        return b"".join(self._reply(line.decode("ascii", "replace").strip(), look) for line in lines if line.strip())

    def _reply(self, command: str, look: Callable[[], Columns]) -> bytes:
        columns = look()
        if marked(columns, "boot_prompt"):
            return b"7.7Boot>"
        if self._configures or command in ("L5A", "E5A") or command[:3] in ("P01", "P03"):
            return self._change(command)
        if command in ("R", "R0", "C"):
            return self._one(columns, 0, BLANK if command == "C" else MEASUREMENT)
        if command == "R1":
            return record(self._unit, EXTERNAL_PUMP, self._seconds(columns, 0))
        if command in ("G5A", "Q5A"):
            self._running = command == "G5A"
            kind, counts = (0x81 if self._running else STOPPED), (self._records, 0, 41 * self._records)
            return control_record(self._unit, kind, self._seconds(columns, 0), self._flags(columns), counts)
        if command in ("S0", "F0", "F5A"):
            now_ms = column(columns, "time_ms")
            self._started_ms = now_ms if self._started_ms is None else self._started_ms
            seconds = int((now_ms - self._started_ms) // 1000) & 0xFFFFFFFF
            counts_text = f"{self._records:06X}{0:06X}{41 * self._records:06X}"
            return f":{seconds:08X}{self._flags(columns):04X}{counts_text}{self._unit:02X}\r".encode()
        if command == "L":
            return self._configuration.encode() + b"\r"
        if command == "B":
            return f"{battery_counts(column(columns, 'battery'), self._full):04X}\r".encode()
        if command == "T":
            return f"{thermistor_counts(column(columns, 'temperature'), self._full):04X}\r".encode()
        return b"?02\r"

    def _change(self, command: str) -> bytes:
        """Commands that are obeyed in silence; the line after L5A is the new configuration (512 characters, ended by 00)."""
        if self._configures:
            text = command.removesuffix("00") if len(command) == len(CONFIGURATION) + 2 else command
            self._configuration = text if len(text) == len(CONFIGURATION) else self._configuration
        elif command == "E5A":
            self._records = 0
        self._configures = command == "L5A"
        return b""

    def _flags(self, columns: Columns) -> int:
        low = LOW_BATTERY_FLAG if column(columns, "battery") < 10.5 else 0
        return (FLAGS if self._running else FLAGS & ~2) | low | (8 if marked(columns, "memory_full") else 0)


def _other_sum(line: bytes) -> bytes:
    if not line.startswith(b"*") or len(line) < 4:
        return line
    return line[:-2] + f"{int(line[-2:], 16) ^ 0x5A:02X}".encode()
