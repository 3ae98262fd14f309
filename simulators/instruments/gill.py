"""Gill WindMaster and WindMaster Pro, ASCII mode 1 (UVW). Manual 1561-PS-0001.

``STX id,u,v,w,units,sos,ts,status,ETX checksum CR LF``; the check sum is the exclusive or of all bytes between STX and ETX. Axes:
+u blows towards the north mark, +v to its left, +w up. Resolution 0.01 m/s, or 0.001 m/s with the J2 setting (station option
``resolution: 0.001``); temperature and speed of sound 0.01. ``status`` 01-07: the wind fields are empty (error format O1).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import numpy as np

from simulators.errors import InstrumentError
from simulators.faults.effects import Columns
from simulators.instruments.base import Setting, Suffered, Talker, column, marked
from simulators.instruments.checksums import spoiled, xor
from simulators.world import noise
from simulators.world.noise import Array
from simulators.world.turbulence import Sensor

SOUND_M2_S2_K = 403.0
"""Square of the speed of sound for each kelvin of sonic temperature: what published processing of this sonic takes (T = c^2 / 403)."""
BLOCKED = 7
GAIN_AT_MAXIMUM, RETRIES = 0x0A, 0x0B
HEAD = Sensor(path_m=0.125, response_s=1 / 32)
"""its path, and the time constant EddyPro 7 takes for it"""
RATES_HZ = {18: 1, 20: 4, 21: 5, 22: 8, 23: 10, 24: 16, 25: 20, 26: 32}
"""of setting P"""
SPOILT = {"half_rate", "wrong_mode", "start_lost"}
"""own faults of records"""
NO_WIND = (math.nan, math.nan, math.nan)
_FORMATS = {2: "%s,%+07.2f,%+07.2f,%+07.2f,M,%+07.2f,%+07.2f,%02X,", 3: "%s,%+08.3f,%+08.3f,%+08.3f,M,%+07.2f,%+07.2f,%02X,"}
"""by decimals of the velocities"""


def record(wind: tuple[float, float, float], sos: float, ts: float, status: int, *, decimals: int = 2, unit_id: str = "Q") -> bytes:
    """One record; NaN gives empty fields. ``decimals`` of the velocities: 2, or 3 with the J2 setting."""
    empty = math.isnan(wind[0])
    body = f"{unit_id},,,,M,,,{status:02X}," if empty else _FORMATS[decimals] % (unit_id, *wind, sos, ts, status)
    raw = body.encode()
    return b"\x02%b\x03%02X\r\n" % (raw, xor(raw))


def polar(u: float, v: float, status: int, *, unit_id: str = "Q") -> bytes:
    """A record of ASCII mode 2: where the wind comes from (degrees from the north mark) and its speed, without signs."""
    direction = round(math.degrees(math.atan2(v, -u))) % 360
    body = (
        f"{unit_id},,,M,{status:02X}," if 1 <= status <= BLOCKED else f"{unit_id},{direction:03d},{math.hypot(u, v):06.2f},M,{status:02X},"
    )
    raw = body.encode()
    return b"\x02%b\x03%02X\r\n" % (raw, xor(raw))


class WindMaster(Talker):
    """A streaming WindMaster."""

    fields = ("w", "u", "v", "ts")
    checksum = True
    own_faults = frozenset({"rain", "ice", "path_blocked", "start_lost", "wrong_mode", "half_rate"})
    inserts = (("configuration_banner", b"\r\nCONFIGURATION MODE\r\n\r\n"), ("reboot_banner", b"WINDMASTER 2329.701.01\r\n"))
    answers = True

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        if setting.instrument.rate is None:
            raise InstrumentError(f"{self.id}: a sonic streams: give it a rate")
        self._rate = setting.instrument.rate
        resolution = float(setting.instrument.options.get("resolution", 0.01))
        if resolution not in (0.01, 0.001):
            raise InstrumentError(f"{self.id}: resolution {resolution:g} is none of the instrument's (0.01 and 0.001)")
        self._decimals = 3 if resolution == 0.001 else 2
        self._configuring = False
        self._stride = setting.stride

    def values(self, first: int, count: int) -> Columns:
        wind = self.setting.feed.wind(first, count, self._rate, "gill", self.setting.instrument.mounting, HEAD)
        times = self.times_ms(first, count)
        wet = self.drops(times) & ~self.setting.feed.recorded(first, count, self._rate)
        missing = np.isnan(wind.u) | np.isnan(wind.v) | np.isnan(wind.w) | np.isnan(wind.ts)
        status = np.where(missing, float(BLOCKED), np.where(wet, self.rain_status(times), 0.0))
        return {"u": wind.u, "v": wind.v, "w": wind.w, "ts": wind.ts, "status": status}

    def rain_status(self, times_ms: Array) -> Array:
        """What it says of drops in its paths: blocked, or a signal found at the highest gain or after retries."""
        which = noise.uniform(self._noise + 90, np.round(times_ms).astype(np.int64))
        return np.where(which < 0.4, float(BLOCKED), np.where(which < 0.7, float(GAIN_AT_MAXIMUM), float(RETRIES)))

    def invalidate(self, columns: Columns, row: int, code: int) -> None:
        columns["status"][row] = code or BLOCKED

    def suffer(self, columns: Columns, fault: Suffered) -> None:
        """``rain``: blocked or marginal in turn; ``ice``: all paths; ``path_blocked``: the path of its magnitude."""
        if fault.name == "rain":
            hit = fault.hit & (noise.uniform(self._noise + 91, np.round(fault.times_ms).astype(np.int64)) < fault.magnitude)
            columns["status"] = np.where(hit, self.rain_status(fault.times_ms), columns["status"])
        elif fault.name in ("ice", "path_blocked"):
            columns["status"] = np.where(fault.hit, float(BLOCKED) if fault.name == "ice" else fault.magnitude, columns["status"])
        else:
            super().suffer(columns, fault)

    def encode(self, columns: Columns, first: int) -> list[bytes]:
        if self._configuring:
            return [b""] * len(columns["u"])
        sos = np.sqrt(SOUND_M2_S2_K * np.maximum(columns["ts"] + 273.15, 1.0))
        out = []
        names = ("u", "v", "w", "ts", "status")
        rows = zip(*(columns[name].tolist() for name in names), sos.tolist(), strict=True)
        for u, v, w, ts, status, c in rows:
            code = int(status)
            wind = NO_WIND if 1 <= code <= BLOCKED else (u, v, w)
            out.append(record(wind, c, ts, code, decimals=self._decimals))
        for row, said in enumerate(out) if self._stride > 1 or SPOILT & columns.keys() else ():
            if (first + row) % self._stride or (marked(columns, "half_rate", row) and (first + row) % 2):
                out[row] = b""
            elif marked(columns, "wrong_mode", row):
                out[row] = polar(column(columns, "u", row), column(columns, "v", row), int(column(columns, "status", row)))
            elif marked(columns, "start_lost", row):
                out[row] = said[1:]
        return self.interrupted(columns, out)

    def spoil(self, record: bytes) -> bytes:
        return spoiled(record, len(record) - 4, len(record) - 2)

    def answer(self, data: bytes, look: Callable[[], Columns]) -> bytes:
        """``*`` enters the configuration mode (it stops streaming), ``Pn`` sets the rate, ``Q`` leaves it, ``&`` asks the unit letter."""
        if b"*" in data:
            self._configuring = True
            return b"\r\nCONFIGURATION MODE\r\n\r\n"
        if self._configuring and (match := re.search(rb"P(\d\d)[\r\n]", data)) is not None and int(match[1]) in RATES_HZ:
            self._stride = max(1, round(self._rate / RATES_HZ[int(match[1])]))
        if self._configuring and b"Q" in data and (b"\r" in data or b"\n" in data):
            self._configuring = False
        return b"\x02Q\x0351\r\n" if data.strip() == b"&" else b""
