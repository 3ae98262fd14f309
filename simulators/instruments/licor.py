"""LI-COR LI-7500A/RS/DS and LI-7200(RS) with the LI-7550: parenthesised records. LI-COR's "Configuration grammar".

``(Data (Ndx n)(DiagVal d)(CO2Raw a)(CO2D mmol/m3)(H2ORaw a)(H2OD mmol/m3)(Temp C)(Pres kPa)(Aux 0)(Cooler V))`` CR LF, no check
sum. Numbers in the document's short scientific form (1.6873e1), here with seven digits, so that dry mole fractions can be recovered
from CO2D, H2OD, Temp and Pres. DiagVal: a set bit is good; LI-7500 bits 4-7, LI-7200 bits 4-12; the low nibble is the signal
strength in steps of 6.67 %. Station option ``analyser: li7200`` makes it the enclosed-path instrument. Settings ``rate`` (a slower one,
of which the declared one is a multiple) and ``hidden`` (labels whose output is off).
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from simulators.errors import InstrumentError
from simulators.faults.effects import Columns
from simulators.instruments.base import Setting, Talker
from simulators.world.noise import Array

GOOD_LI7500 = 0b1111_0000
GOOD_LI7200 = 0b1_1111_1111_0000
SIGNAL_NIBBLE = 14
PATH_M = 0.127
"""of the LI-7500; the LI-7200 has a cell behind a tube"""
PLL = 0b0010_0000
CO2_NOISE_MMOL = 0.0045
H2O_NOISE_MMOL = 0.2
"""RMS noise of one sample at 10 Hz in ambient air: 0.11 ppm CO2, 0.0047 ppt H2O (LI-7500A brochure)."""
ENQ = 0x05
LABELS = frozenset({"Ndx", "DiagVal", "CO2Raw", "CO2D", "H2ORaw", "H2OD", "Temp", "Pres", "Aux", "Cooler"})


def number(value: float) -> str:
    """The grammar's short scientific form, seven significant digits: 16.873 is 1.6873e1."""
    mantissa, _, exponent = f"{value:.6e}".partition("e")
    power = int(exponent)
    short = mantissa.rstrip("0").rstrip(".")
    return f"{short}e{power}" if power else short


def data_record(
    ndx: int, diagnostic: int, density: tuple[float, float], air: tuple[float, float], raw: tuple[str, str] = ("1.5386e-1", "3.5775e-2")
) -> bytes:
    """One Data record. ``density``: CO2 and H2O in mmol m-3; ``air``: degC, kPa; ``raw``: the absorptances as printed (not computed)."""
    return (
        f"(Data (Ndx {ndx})(DiagVal {diagnostic})(CO2Raw {raw[0]})(CO2D {number(density[0])})(H2ORaw {raw[1]})(H2OD {number(density[1])})"
        f"(Temp {number(air[0])})(Pres {number(air[1])})(Aux 0)(Cooler 1.5756))\r\n"
    ).encode()


def _without(record: bytes, labels: set[str]) -> bytes:
    """A record whose output of these labels is off."""
    for label in labels:
        record = re.sub(rb"\(%b [^()]*\)" % label.encode(), b"", record)
    return record


class GasAnalyser(Talker):
    """A streaming LI-7500 or LI-7200."""

    fields = ("co2", "h2o", "temperature", "pressure")
    checksum = False

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        if setting.instrument.rate is None:
            raise InstrumentError(f"{self.id}: the analyser streams: give it a rate")
        self._rate = setting.instrument.rate
        model = setting.instrument.options.get("analyser", "li7500")
        if model not in ("li7500", "li7200"):
            raise InstrumentError(f"{self.id}: analyser {model!r} is not known (li7500, li7200)")
        self._good = (GOOD_LI7200 if model == "li7200" else GOOD_LI7500) | SIGNAL_NIBBLE
        self._open = model == "li7500"
        self._path_m = 0.0 if model == "li7200" else PATH_M
        self._last: bytes = b""
        self._stride = max(1, round(self._rate / float(setting.settings.set_to.get("rate", self._rate))))
        self._hidden = set(str(setting.settings.set_to.get("hidden", "")).split())

    def values(self, first: int, count: int) -> Columns:
        gas = self.setting.feed.gas(first, count, self._rate, self.setting.lag_s, self.setting.instrument.mounting, self._path_m)
        index = np.arange(first, first + count, dtype=np.float64)
        missing = np.isnan(gas.co2) | np.isnan(gas.h2o)
        live = ~self.setting.feed.recorded(first, count, self._rate)
        good = self._state_in_the_open(self.times_ms(first, count), live) if self._open else np.full(count, float(self._good))
        return {
            "co2": np.where(missing, 0.0, gas.co2) + live * self.jitter(0, index, CO2_NOISE_MMOL),
            "h2o": np.where(missing, 0.0, gas.h2o) + live * self.jitter(1, index, H2O_NOISE_MMOL),
            "temperature": np.where(np.isnan(gas.temperature), 0.0, gas.temperature),
            "pressure": np.where(np.isnan(gas.pressure), 0.0, gas.pressure),
            "diagnostic": np.where(missing, float(self._good & ~PLL), good),
        }

    def _state_in_the_open(self, times_ms: Array, live: NDArray[np.bool_]) -> Array:
        """The diagnostic of an open path: signal strength through salted and wet windows; with drops in the path no lock, as when it has no
        data."""
        steps = np.round(SIGNAL_NIBBLE * np.where(live, self.window(times_ms), 1.0))
        locked = np.where(self.drops(times_ms) & live, float(self._good & ~PLL), float(self._good))
        return np.asarray(locked - SIGNAL_NIBBLE + steps)

    def invalidate(self, columns: Columns, row: int, code: int) -> None:
        columns["diagnostic"][row] = code or (self._good & ~PLL)

    def encode(self, columns: Columns, first: int) -> list[bytes]:
        names = ("diagnostic", "co2", "h2o", "temperature", "pressure")
        rows = zip(*(columns[name].tolist() for name in names), strict=True)
        out = [data_record((first + i) & 0x7FFFFFFF, int(d), (co2, h2o), (t, p)) for i, (d, co2, h2o, t, p) in enumerate(rows)]
        if self._hidden:
            out = [_without(record, self._hidden) for record in out]
        self._last = out[-1] if out else self._last
        return [record if (first + row) % self._stride == 0 else b"" for row, record in enumerate(out)]

    def answer(self, data: bytes, look: Callable[[], Columns]) -> bytes:
        """A question gets its record, a bare ENQ one Data record, anything it does not understand an Error record."""
        if (match := re.search(rb"\(Outputs\((RS232|ENet)\(Freq ([\d.]+|\?)\)\)\)", data)) is not None:
            if match[2] == b"?":
                return b"(Outputs(%b(Freq %d)))\r\n" % (match[1], round(self._rate / self._stride))
            self._stride = max(1, round(self._rate / float(match[2])))
            return b"(Ack (Received TRUE))\r\n"
        if (shown := re.search(rb"\(Outputs\((?:RS232|ENet)\(([A-Z]\w+) (TRUE|FALSE)\)\)\)", data)) is not None and shown[
            1
        ].decode() in LABELS:
            (self._hidden.discard if shown[2] == b"TRUE" else self._hidden.add)(shown[1].decode())
            return b"(Ack (Received TRUE))\r\n"
        if ENQ in data or b"(Data ?)" in data:
            return self._last
        if b"(EmbeddedSW ?)" in data:
            version = self.setting.instrument.options.get("software_version", "8.9")
            return f"(EmbeddedSW (Version {version})(Model {'LI-7200' if self._good > 255 else 'LI-7500'}))\r\n".encode()
        if b"(Diagnostics ?)" in data:
            return b"(Diagnostics (SYNC TRUE)(PLL TRUE)(DetOK TRUE)(Chopper TRUE)(Path 63))\r\n"
        return b"(Error (Received TRUE))\r\n" if b"(" in data else b""
