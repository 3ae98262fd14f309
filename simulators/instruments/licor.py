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
from simulators.instruments.base import Setting, Suffered, Talker, column
from simulators.world import noise
from simulators.world.noise import Array
from simulators.world.turbulence import Sensor

GOOD_LI7500 = 0b1111_0000
GOOD_LI7200 = 0b1_1111_1111_0000
SIGNAL_NIBBLE = 14
RESPONSE_S = 0.1
"""what EddyPro 7 takes for both heads"""
HEADS = {"li7500": Sensor(path_m=0.127, response_s=RESPONSE_S), "li7200": Sensor(response_s=RESPONSE_S)}
"""of the LI-7500; the LI-7200 has a cell behind a tube"""
SYNC, PLL, DETECTOR, CHOPPER = 1 << 4, 1 << 5, 1 << 6, 1 << 7
CO2_NOISE_MMOL = 0.0045
H2O_NOISE_MMOL = 0.2
"""RMS noise of one sample at 10 Hz in ambient air: 0.11 ppm CO2, 0.0047 ppt H2O (LI-7500A brochure)."""
RAIN_SPIKE_MMOL = 5.0
RAIN_LIGHT = (0.15, 0.6)
"""What drops do to a sample: standard deviation of what CO2 is thrown off by, and the share of the light they leave."""
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


def diagnostics_record(word: int) -> bytes:
    """The Diagnostics record that goes with a DiagVal."""
    states = (("SYNC", SYNC), ("PLL", PLL), ("DetOK", DETECTOR), ("Chopper", CHOPPER))
    said = "".join(f"({name} {'TRUE' if word & bit else 'FALSE'})" for name, bit in states)
    return f"(Diagnostics {said}(Path 63))\r\n".encode()


def dimmed(word: Array, share: Array) -> Array:
    """DiagVal with the signal strength of its low bits at a share of what it was."""
    steps = word % 16
    return np.asarray(word - steps + np.round(steps * share))


def _without(record: bytes, labels: set[str]) -> bytes:
    """A record whose output of these labels is off."""
    for label in labels:
        record = re.sub(rb"\(%b [^()]*\)" % label.encode(), b"", record)
    return record


class GasAnalyser(Talker):
    """A streaming LI-7500 or LI-7200."""

    fields = ("co2", "h2o", "temperature", "pressure")
    checksum = False
    own_faults = frozenset({"rain", "window_salt", "out_of_temperature", "pll_lost", "counter_reset"})
    inserts = (("command_error", b"(Error (Received TRUE))\r\n"),)

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        if setting.instrument.rate is None:
            raise InstrumentError(f"{self.id}: the analyser streams: give it a rate")
        self._rate = setting.instrument.rate
        model = setting.instrument.options.get("analyser", "li7500")
        if model not in HEADS:
            raise InstrumentError(f"{self.id}: analyser {model!r} is not known ({', '.join(HEADS)})")
        self._good = (GOOD_LI7200 if model == "li7200" else GOOD_LI7500) | SIGNAL_NIBBLE
        self._open = model == "li7500"
        self._head = HEADS[model]
        self._last: bytes = b""
        self._stride = max(1, round(self._rate / float(setting.settings.set_to.get("rate", self._rate))))
        self._hidden = set(str(setting.settings.set_to.get("hidden", "")).split())

    def fault_names(self) -> set[str]:
        """Its TCP port may be shared or met within a record; no rain falls into a tube."""
        link = next(one for one in self.setting.station.links if one.id == self.setting.instrument.link)
        names = super().fault_names() | ({"second_client", "partial_at_connect"} if link.kind == "tcp" else set())
        return names if self._open else names - {"rain"}

    def values(self, first: int, count: int) -> Columns:
        gas = self.setting.feed.gas(first, count, self._rate, self.setting.lag_s, self.setting.instrument.mounting, self._head)
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
            "ndx": index,
        }

    def _state_in_the_open(self, times_ms: Array, live: NDArray[np.bool_]) -> Array:
        """The diagnostic of an open path: signal strength through salted and wet windows; with drops in the path no lock, as when it has no
        data."""
        steps = np.round(SIGNAL_NIBBLE * np.where(live, self.window(times_ms), 1.0))
        locked = np.where(self.drops(times_ms) & live, float(self._good & ~PLL), float(self._good))
        return np.asarray(locked - SIGNAL_NIBBLE + steps)

    def invalidate(self, columns: Columns, row: int, code: int) -> None:
        columns["diagnostic"][row] = code or (self._good & ~PLL)

    def suffer(self, columns: Columns, fault: Suffered) -> None:
        """``rain``: in samples with drops the signal falls and CO2 is thrown off; ``window_salt``: the signal falls, the gas stays true;
        ``out_of_temperature``, ``pll_lost``: the bits of DiagVal; ``counter_reset``: Ndx counts from the fault's beginning."""
        word = columns["diagnostic"]
        if fault.name == "rain":
            key, at = self._noise + 91, np.round(fault.times_ms).astype(np.int64)
            hit = fault.hit & (noise.uniform(key, at) < fault.magnitude)
            low, high = RAIN_LIGHT
            columns["diagnostic"] = np.where(hit, dimmed(word, low + (high - low) * noise.uniform(key + 1, at)), word)
            columns["co2"] = columns["co2"] + np.where(hit, RAIN_SPIKE_MMOL * noise.normal(key + 2, at), 0.0)
        elif fault.name == "window_salt":
            columns["diagnostic"] = np.where(fault.hit, dimmed(word, np.maximum(1.0 - fault.magnitude * fault.hours, 0.0)), word)
        elif fault.name in ("out_of_temperature", "pll_lost"):
            which = int(fault.magnitude)
            bits = PLL if fault.name == "pll_lost" else CHOPPER * (which & 1) | DETECTOR * (which >> 1 & 1)
            columns["diagnostic"] = np.where(fault.hit, (word.astype(np.int64) & ~bits).astype(np.float64), word)
        elif fault.name == "counter_reset":
            columns["ndx"] = np.where(fault.hit, fault.since_ms // self.period_ms, columns["ndx"])
        else:
            super().suffer(columns, fault)

    def encode(self, columns: Columns, first: int) -> list[bytes]:
        names = ("ndx", "diagnostic", "co2", "h2o", "temperature", "pressure")
        rows = zip(*(columns[name].tolist() for name in names), strict=True)
        out = [data_record(int(ndx) & 0x7FFFFFFF, int(d), (co2, h2o), (t, p)) for ndx, d, co2, h2o, t, p in rows]
        if self._hidden:
            out = [_without(record, self._hidden) for record in out]
        self._last = out[-1] if out else self._last
        sent = [record if (first + row) % self._stride == 0 else b"" for row, record in enumerate(out)]
        return self.interrupted(columns, sent)

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
            return diagnostics_record(int(column(look(), "diagnostic")))
        return b"(Error (Received TRUE))\r\n" if b"(" in data else b""
