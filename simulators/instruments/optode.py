"""Aanderaa oxygen optodes 4330, 4835, 4831: tab-separated lines, no check sum. Aanderaa TD 269.

``MEASUREMENT`` product, serial, then names and values: O2Concentration[uM], AirSaturation[%], Temperature[Deg.C], CalPhase, TCPhase,
C1RPh, C2RPh [Deg], C1Amp, C2Amp, RawTemp [mV]; with text off product, serial and the ten values. The concentration is that of fresh
water (the salinity set in the sensor is 0); saturation needs no salinity and is that under air of 1013.25 hPa (NomAirPress), not of today.
``*`` before a name: that parameter is in error. TCPhase = C1RPh - C2RPh. It speaks each period, or when asked (``Do Sample``) in polled
mode; ``#`` acknowledges, ``*`` refuses, ``%`` sleeps, ``!`` is ready. Settings ``product`` (4330), ``text: false``, ``polled: true``,
``values: short`` (oxygen, saturation and temperature alone), ``salinity: water`` (set to that of the water: its concentration is then
the water's), ``interval`` (seconds; it samples on a grid of this or the declared interval, whichever is shorter, and takes multiples of
it).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from simulators.faults.effects import Columns
from simulators.instruments.base import Setting, Suffered, Talker, column, marked
from simulators.world import physics
from simulators.world.noise import Array

PARAMETERS: tuple[tuple[str, str, str, str], ...] = (
    ("O2Concentration", "uM", "oxygen", "%.3f"), ("AirSaturation", "%", "saturation", "%.3f"),
    ("Temperature", "Deg.C", "temperature", "%.3f"),
    ("CalPhase", "Deg", "cal_phase", "%.3f"), ("TCPhase", "Deg", "tc_phase", "%.3f"), ("C1RPh", "Deg", "c1_phase", "%.3f"),
    ("C2RPh", "Deg", "c2_phase", "%.3f"), ("C1Amp", "mV", "c1_amplitude", "%.1f"), ("C2Amp", "mV", "c2_amplitude", "%.1f"),
    ("RawTemp", "mV", "raw_temperature", "%.1f"),
)  # fmt: skip
"""Printed name, unit, column, number format."""
C2_PHASE = 4.0
PHASE_IN_NO_OXYGEN = 60.0
NOMINAL_HPA = 1013.25
AMPLITUDES_MV = (595.0, 697.0)


def record(
    product: str,
    serial: str,
    values: Sequence[float],
    *,
    text: bool = True,
    error: Sequence[str] = (),
    brackets: str = "[]",
    count: int = 10,
) -> bytes:
    """One line; ``values`` in the order of `PARAMETERS`, the first ``count`` of them; ``error``: names of parameters in error."""
    parts = ["MEASUREMENT"] if text else []
    parts += [product, serial]
    for (name, unit, _, pattern), value in zip(PARAMETERS[:count], values[:count], strict=True):
        star = "*" if name in error else ""
        parts += [f"{star}{name}{brackets[0]}{unit}{brackets[1]}", pattern % value] if text else [pattern % value]
    return ("\t".join(parts) + "\r\n").encode()


def phase_of(oxygen_um: float, temperature_c: float) -> float:
    """Phase by Stern and Volmer with constants of the bench: the more oxygen and the warmer, the shorter the glow."""
    quench = (0.0046 + 0.00008 * (temperature_c - 20.0)) * oxygen_um
    return float(PHASE_IN_NO_OXYGEN / (1.0 + quench) * (1.0 - 0.0012 * (temperature_c - 20.0)))


class Optode(Talker):
    """One optode in the water."""

    fields = ("oxygen", "saturation", "temperature")
    checksum = False
    own_faults = frozenset({"biofouling", "foil_bleached", "foil_off", "air_in_foil", "old_brackets"})
    inserts = (
        ("indicators", b"%!"),
        ("reboot_banner", b"StartupInfo\t4330\t83\tMode\tAADI Smart Sensor Terminal Protocol\r\n"),
    )
    answers = True

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._product = str(setting.option("product", "4330"))
        self._settings = {
            "Enable Text": "yes" if setting.option("text", True) else "no",
            "Enable Polled Mode": "yes" if setting.option("polled", False) else "no",
            "Interval": f"{setting.period_ms / 1e3:g}",
            "Salinity": "0",
            "Passkey": "0",
        }
        self._interval_s = min(setting.period_ms / 1e3, float(setting.option("interval", setting.period_ms / 1e3)))
        self._settings["Interval"] = f"{float(setting.option('interval', setting.period_ms / 1e3)):g}"
        self._count = 3 if setting.option("values", "all") == "short" else len(PARAMETERS)
        self._in_salt = setting.option("salinity", "fresh") == "water"
        self._stopped = False
        self._half = b""

    @property
    def period_ms(self) -> float:
        return 1e3 * self._interval_s

    @property
    def streams(self) -> bool:
        return self._settings["Enable Polled Mode"] == "no"

    def values(self, first: int, count: int) -> Columns:
        times = self.times_ms(first, count)
        state = self.under_water(times)
        index = np.arange(first, first + count, dtype=np.float64)
        wet = self.setting.world.depth_m(self.setting.height_m, state["water_level"]) > 0
        temperature = np.where(wet, state["water_temperature"], state["air_temperature"]) + self.jitter(0, index, 0.003)
        share = np.where(wet, state["dissolved_oxygen"] / state["oxygen_at_saturation"], 1.0)
        saturation = 100.0 * share + self.jitter(1, index, 0.05)
        fresh = fresh_water_oxygen_um(saturation, temperature, state["air_pressure"])
        of_water = state["oxygen_at_saturation"] * saturation / 100.0 / physics.M_OXYGEN
        return {
            "saturation": 100.0 * fresh / fresh_water_oxygen_um(np.full(count, 100.0), temperature, np.full(count, NOMINAL_HPA)),
            "temperature": temperature, "pressure": state["air_pressure"],
            "c1_amplitude": AMPLITUDES_MV[0] + self.jitter(2, index, 0.4), "c2_amplitude": AMPLITUDES_MV[1] + self.jitter(3, index, 0.4),
            "raw_temperature": 700.0 - 22.0 * temperature, "error": np.zeros(count),
            "oxygen": np.where(wet, of_water, fresh) if self._in_salt else fresh, "shortwave": state["shortwave"],
        }  # fmt: skip

    def invalidate(self, columns: Columns, row: int, code: int) -> None:
        """The star before the concentration; 1: before every value."""
        columns["error"][row] = 2.0 if code == 1 else 1.0

    def suffer(self, columns: Columns, fault: Suffered) -> None:
        hit = fault.hit
        if fault.name == "biofouling":
            swing = fault.magnitude * (np.minimum(columns["shortwave"] / 400.0, 1.0) - 0.5)
            self._scale(columns, np.where(hit, 1.0 + swing, 1.0))
        elif fault.name == "foil_bleached":
            fade = np.where(hit, np.exp(-fault.magnitude * fault.hours), 1.0)
            for name in ("c1_amplitude", "c2_amplitude"):
                columns[name] = columns[name] * fade
        elif fault.name == "foil_off":
            for name, value in (("c1_amplitude", 4.1), ("c2_amplitude", 3.9)):
                columns[name] = np.where(hit, value, columns[name])
        elif fault.name == "air_in_foil":
            near = 100.0 + self.jitter(9, np.round(fault.times_ms), fault.magnitude)
            self._scale(columns, np.where(hit, near / columns["saturation"], 1.0))
        else:
            super().suffer(columns, fault)

    @staticmethod
    def _scale(columns: Columns, factor: Array) -> None:
        for name in ("oxygen", "saturation"):
            columns[name] = columns[name] * factor

    def _record(self, columns: Columns, row: int) -> bytes:
        cal = phase_of(column(columns, "oxygen", row), column(columns, "temperature", row))
        phases = {"cal_phase": cal, "tc_phase": cal * 1.08 + 0.9, "c1_phase": cal * 1.08 + 0.9 + C2_PHASE, "c2_phase": C2_PHASE}
        values = [phases[source] if source in phases else column(columns, source, row) for _, _, source, _ in PARAMETERS]
        error = int(marked(columns, "error", row))
        names = tuple(name for name, *_ in PARAMETERS)[: 1 if error == 1 else None] if error else ()
        text = self._settings["Enable Text"] == "yes"
        brackets = "()" if marked(columns, "old_brackets", row) else "[]"
        return record(self._product, self.setting.serial_number, values, text=text, error=names, brackets=brackets, count=self._count)

    def encode(self, columns: Columns, first: int) -> list[bytes]:
        count = len(columns["oxygen"])
        if self._stopped:
            return [b""] * count
        stride = max(1, round(float(self._settings["Interval"]) / self._interval_s))
        records = [self._record(columns, row) if (first + row) % stride == 0 else b"" for row in range(count)]
        return self.interrupted(columns, records)

    def answer(self, data: bytes, look: Callable[[], Columns]) -> bytes:
        lines = (self._half + data.replace(b"\n", b"\r")).split(b"\r")
        self._half = lines.pop()[-200:]
        out = b"".join(self._reply(line.decode("ascii", "replace").strip(" /;"), look) for line in lines)
        return out or (b"!" if data.strip(b"/;\r\n") == b"" else b"")

    def _reply(self, command: str, look: Callable[[], Columns]) -> bytes:
        if not command:
            return b""
        lower = command.lower()
        if lower in ("do sample", "do_sample"):
            return self.interrupted(look(), [self._record(look(), 0)])[0] + b"#\r\n"
        if lower in ("stop", "start", "save"):
            self._stopped = {"stop": True, "start": False}.get(lower, self._stopped)
            return b"#\r\n"
        if lower in ("get all", "get_all"):
            rows = {"Product Number": self._product, "Serial Number": self.setting.serial_number} | self._settings
            return (
                "".join(f"{key}\t{self._product}\t{rows['Serial Number']}\t{value}\r\n" for key, value in rows.items()).encode() + b"#\r\n"
            )
        match = re.fullmatch(r"set[ _](.+?)\((.*)\)", command, re.IGNORECASE)
        name = next((key for key in self._settings if match and key.lower() == match[1].replace("_", " ").lower()), None)
        if match is None or name is None:
            return b"*\tERROR\tSYNTAX ERROR\r\n"
        self._settings[name] = match[2].lower() if match[2].lower() in ("yes", "no") else match[2]
        return b"#\r\n"


def fresh_water_oxygen_um(
    saturation_percent: Array,
    temperature_c: Array,
    air_pressure_hpa: Array,
) -> Array:
    """What a sensor set to salinity 0 calls the concentration (umol/L) at this saturation."""
    full = physics.oxygen_solubility_mmol_m3(temperature_c, np.zeros_like(temperature_c), air_pressure_hpa)
    return np.asarray(saturation_percent / 100.0 * full)
