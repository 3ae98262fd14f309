"""Campbell CSAT3, RS-232 binary. CSAT3 manual, appendix B; the order of the bytes in a word from that of the sync word.

Five 16-bit words, least significant byte first: Ux, Uy, Uz, c (two's complement), then flags (bits 15-12), a range code for each
component (11-10, 9-8, 7-6) and a counter 0-63; with ``rs 1`` the sync word 55 AA (setting ``sync: false``: without; ``unprompted: false``:
it waits for prompts; ``rate``: a slower one, of which the declared one is a multiple). Range
11 is 0.00025 m/s a bit, 10 0.0005, 01 0.001, 00 0.002; c = word 0.001 + 340. All words -32768 with F03F: acquiring; with F000: lost
trigger. ``&`` unprompted, ``P`` one prompted record, ``A<x>`` rate code, ``S`` status, ``rs`` and ``br`` settings. +Ux comes from where
the array points, +Uy to the left of that wind.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np

from simulators.errors import InstrumentError
from simulators.faults.effects import Columns
from simulators.instruments.base import Setting, Suffered, Talker, column, marked
from simulators.world.turbulence import Sensor

STEP_MS = {3: 0.00025, 2: 0.0005, 1: 0.001, 0: 0.002}
SYNC = b"\x55\xaa"
AMPLITUDE_LOW = 0b0001
HEAD = Sensor(path_m=0.115, response_s=1 / 60)
"""its path, and the time constant EddyPro 7 takes for it"""
COUNTER_TURNS_AT = 64
NOTHING = -32768
ACQUIRING, LOST_TRIGGER = 0xF03F, 0xF000
SOUND_M2_S2_K = 1.4 * 287.04
"""c^2 for each kelvin of sonic temperature (manual, appendix C, equation 9)"""


def range_of(speed: float) -> int:
    """The finest range code a component fits into."""
    return next((code for code in (3, 2, 1) if abs(speed) <= 32767 * STEP_MS[code]), 0)


def record(
    wind: tuple[float, float, float],
    c: float,
    *,
    counter: int,
    flags: int = 0,
    ranges: tuple[int, int, int] | None = None,
    sync: bool = True,
) -> bytes:
    """One record. ``wind`` (Ux, Uy, Uz) and ``c`` in m/s; ``flags``: 8 c differs, 4 poor lock, 2 amplitude high, 1 amplitude low;
    ``ranges``: the codes, by default the finest."""
    codes = ranges or (range_of(wind[0]), range_of(wind[1]), range_of(wind[2]))
    words = [max(-32768, min(32767, round(value / STEP_MS[code]))) for value, code in zip(wind, codes, strict=True)]
    words.append(max(-32768, min(32767, round((c - 340.0) / 0.001))))
    last = flags << 12 | codes[0] << 10 | codes[1] << 8 | codes[2] << 6 | counter % COUNTER_TURNS_AT
    return struct.pack("<4hH", *words, last) + (SYNC if sync else b"")


def nothing(word: int, *, sync: bool = True) -> bytes:
    """A record that says why there is no data (`ACQUIRING`, `LOST_TRIGGER`)."""
    return struct.pack("<4hH", *(NOTHING,) * 4, word) + (SYNC if sync else b"")


class Csat3(Talker):
    """A CSAT3 on its line."""

    fields = ("w", "u", "v", "ts")
    checksum = False
    own_faults = frozenset({"acquiring", "lost_trigger", "no_sync", "counter_jump", "rain", "gusts"})
    answers = True

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        if setting.instrument.rate is None:
            raise InstrumentError(f"{self.id}: a sonic streams: give it a rate")
        self._rate = setting.instrument.rate
        self._sync = bool(setting.option("sync", True))
        self._unprompted = bool(setting.option("unprompted", True))
        self._stride = max(1, round(self._rate / float(setting.settings.set_to.get("rate", self._rate))))
        self._rate_code = "0"

    def values(self, first: int, count: int) -> Columns:
        wind = self.setting.feed.wind(first, count, self._rate, "campbell", self.setting.instrument.mounting, HEAD)
        missing = np.isnan(wind.u) | np.isnan(wind.v) | np.isnan(wind.w) | np.isnan(wind.ts)
        wet = self.drops(self.times_ms(first, count)) & ~self.setting.feed.recorded(first, count, self._rate)
        flags = np.where(wet, float(AMPLITUDE_LOW), 0.0)
        return {"u": wind.u, "v": wind.v, "w": wind.w, "ts": wind.ts, "flags": flags, "acquiring": missing.astype(np.float64)}

    def invalidate(self, columns: Columns, row: int, code: int) -> None:
        """Flags in the order of the word: 8 c differs, 4 poor lock, 2 amplitude high, 1 (the usual) amplitude low."""
        columns["flags"][row] = code or AMPLITUDE_LOW

    def suffer(self, columns: Columns, fault: Suffered) -> None:
        """``gusts``: two seconds in four every component is so much larger: another range and back."""
        if fault.name == "gusts":
            gust = np.where(fault.hit & (fault.times_ms % 4000.0 < 2000.0), fault.magnitude, 0.0)
            for name in ("u", "v", "w"):
                columns[name] = columns[name] + gust
        elif fault.name == "rain":
            wet = fault.hit & (np.abs(np.sin(fault.times_ms * 0.7)) < fault.magnitude)
            columns["flags"] = np.where(wet, float(AMPLITUDE_LOW), columns["flags"])
        elif fault.name == "acquiring":
            columns["acquiring"] = np.where(fault.hit, 1.0, columns["acquiring"])
        else:
            super().suffer(columns, fault)

    def encode(self, columns: Columns, first: int) -> list[bytes]:
        if not self._unprompted:
            return [b""] * len(columns["u"])
        numbers = range(first, first + len(columns["u"]))
        return [self._record(columns, i, k // self._stride) if k % self._stride == 0 else b"" for i, k in enumerate(numbers)]

    def _record(self, columns: Columns, row: int, number: int) -> bytes:
        sync = self._sync and not marked(columns, "no_sync", row)
        if marked(columns, "lost_trigger", row):
            return nothing(LOST_TRIGGER, sync=sync)
        if marked(columns, "acquiring", row):
            return nothing(ACQUIRING, sync=sync)
        c = float(np.sqrt(SOUND_M2_S2_K * max(column(columns, "ts", row) + 273.15, 1.0)))
        wind = (column(columns, "u", row), column(columns, "v", row), column(columns, "w", row))
        counter = number + int(marked(columns, "counter_jump", row))
        return record(wind, c, counter=counter, flags=int(column(columns, "flags", row)), sync=sync)

    def answer(self, data: bytes, look: Callable[[], Columns]) -> bytes:
        out = b""
        for command in data.decode("ascii", "replace").replace("\n", "\r").split("\r"):
            text = command.strip()
            if text == "&":
                self._unprompted = True
            elif text == "P":
                self._unprompted = False
                out += self._record(look(), 0, 0)
            elif text.startswith("A") and len(text) == 2:
                self._rate_code = text[1]
            elif text in ("rs 0", "rs 1"):
                self._sync = text.endswith("1")
            elif text == "S":
                out += self._status(look())
        return out

    def _status(self, columns: Columns) -> bytes:
        """Ten characters: trigger (0 its own clock), rate code, range, data status, D/T, serial number, P/U."""
        state = 2 if marked(columns, "lost_trigger") else 1 if marked(columns, "acquiring") else 0
        serial = "".join(letter for letter in self.setting.serial_number if letter.isdigit())[-4:].rjust(4, "0")
        return f"0{self._rate_code}0{state}T{serial}{'U' if self._unprompted else 'P'}".encode()
