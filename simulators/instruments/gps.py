"""A GNSS receiver: NMEA 0183 sentences GGA, RMC and ZDA once a period, XOR check sum. Talker GN.

Stands still on a pole (metres of scatter); on a buoy it is where the hull, the waves and its place on the mast have it, with the speed of
that instant. ``invalid`` is "no fix": RMC with status V, GGA with quality 0. A number of the week that has run over puts the date 1024
weeks back; a leap second is told as second 60 of the minute it ends (staged at midnight UTC: 23:59:60 of the day before).
"""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta

import numpy as np

from simulators.faults.effects import Columns
from simulators.instruments.base import Setting, Suffered, Talker, clock, marked
from simulators.instruments.checksums import spoiled, xor
from simulators.world import noise
from simulators.world.noise import Array

METRES_PER_DEGREE = 111_195.0
WANDER = (1.2, 1800.0)
"""metres and seconds by which a position that stands seems to move"""
KNOT_MS = 1852.0 / 3600.0
ROLLOVER_MS = 1024 * 7 * 86_400_000.0


def sentence(body: str) -> bytes:
    """``$body*hh`` CR LF."""
    raw = body.encode()
    return b"$%b*%02X\r\n" % (raw, xor(raw))


def angle(value: float, width: int, letters: str) -> str:
    """Degrees as ddmm.mmmm (``width`` 2) or dddmm.mmmm (3) and the hemisphere."""
    minutes = round(abs(value) * 60.0, 4)
    return f"{int(minutes // 60):0{width}d}{minutes % 60:07.4f},{letters[0] if value >= 0 else letters[1]}"


Place = tuple[float, float]


def gga(clock: str, place: Place, fix: tuple[int, int, float], heights_m: tuple[float, float], tail: str = ",") -> bytes:
    """Fix data. ``fix``: quality (0: no fix), satellites, HDOP; ``heights_m``: above the geoid, of the geoid; ``tail``: age, station."""
    quality, satellites, hdop = fix
    if quality == 0:
        return sentence("GNGGA,,,,,,0,00,99.99,,M,,M,,")
    where = f"{angle(place[0], 2, 'NS')},{angle(place[1], 3, 'EW')}"
    return sentence(f"GNGGA,{clock},{where},{quality},{satellites:02d},{hdop:.1f},{heights_m[0]:.1f},M,{heights_m[1]:.1f},M,{tail}")


def rmc(clock: str, day: str, place: Place, motion: tuple[float, float], mode: str) -> bytes:
    """Recommended minimum; ``motion``: knots, course in degrees; ``mode`` A autonomous, R RTK, N no fix."""
    if mode == "N":
        return sentence(f"GNRMC,{clock},V,,,,,,,{day},,,N")
    where = f"{angle(place[0], 2, 'NS')},{angle(place[1], 3, 'EW')}"
    return sentence(f"GNRMC,{clock},A,{where},{motion[0]:.2f},{motion[1]:.1f},{day},,,{mode}")


def zda(clock: str, stamp: datetime) -> bytes:
    """Time and date."""
    return sentence(f"GNZDA,{clock},{stamp:%d,%m,%Y},00,00")


def _told(stamp: datetime, *, leap: bool) -> tuple[datetime, str]:
    """Date and ``hhmmss.ss`` of an instant; a leap second counts to the minute before."""
    before = stamp - timedelta(seconds=1) if leap else stamp
    return before, f"{before:%H%M}{60 if leap else before.second:02d}.{before.microsecond // 10_000:02d}"


class Receiver(Talker):
    """Prints three sentences each period."""

    fields = ("latitude", "longitude")
    checksum = True
    own_faults = frozenset({"position_jump", "leap_second", "week_rollover", "clock_stuck", "clock_lost", "checksum_missing"})

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)

    def values(self, first: int, count: int) -> Columns:
        times = self.times_ms(first, count)
        east, north, up, v_east, v_north = self._riding(times) if self.setting.world.rides else self._standing(times)
        place = self.setting.station.position
        narrow = math.cos(math.radians(place.latitude_deg))
        index = times / 1000.0
        return {
            "latitude": place.latitude_deg + (north + self.jitter(0, index, 0.4)) / METRES_PER_DEGREE,
            "longitude": place.longitude_deg + (east + self.jitter(1, index, 0.4)) / METRES_PER_DEGREE / narrow,
            "height": up + self.jitter(2, index, 0.5),
            "knots": np.hypot(v_east, v_north) / KNOT_MS,
            "course": np.degrees(np.arctan2(v_east, v_north)) % 360.0,
            "fix": np.ones(count),
        }

    def _riding(self, times_ms: Array) -> tuple[Array, Array, Array, Array, Array]:
        """East, north, up (m) of the antenna and its speed to east and north."""
        motion = self.setting.world.waves.motion(times_ms / 1e3).above(self.setting.height_m)
        return *motion.position, *motion.velocity[:2]

    def _standing(self, times_ms: Array) -> tuple[Array, Array, Array, Array, Array]:
        east, north = self._wanders(times_ms)
        before = self._wanders(times_ms - 1000.0)
        return east, north, np.full(len(times_ms), self.setting.height_m), east - before[0], north - before[1]

    def _wanders(self, times_ms: Array) -> tuple[Array, Array]:
        size, period_s = WANDER
        seconds = times_ms / 1000.0
        return size * noise.wander(self._noise + 10, seconds, period_s, 2), size * noise.wander(self._noise + 20, seconds, period_s, 2)

    def invalidate(self, columns: Columns, row: int, code: int) -> None:
        columns["fix"][row] = 0.0

    def suffer(self, columns: Columns, fault: Suffered) -> None:
        if fault.name == "position_jump":
            columns["latitude"] = columns["latitude"] + np.where(fault.hit, fault.magnitude / METRES_PER_DEGREE, 0.0)
        elif fault.name == "week_rollover":
            columns["clock_shift_ms"] = np.where(fault.hit, -ROLLOVER_MS * fault.magnitude, 0.0)
        elif fault.name == "leap_second":
            columns["leap_second"] = np.where(fault.hit & (fault.since_ms < self.period_ms), 1.0, 0.0)
        else:
            super().suffer(columns, fault)

    def encode(self, columns: Columns, first: int) -> list[bytes]:
        out = []
        for row, t_ms in enumerate(self.times_ms(first, len(columns["fix"])).tolist()):
            value = {name: float(values[row]) for name, values in columns.items()}
            stamp, time = _told(clock(columns, row, t_ms), leap=bool(marked(columns, "leap_second", row)))
            fixed = value["fix"] > 0
            place = (value["latitude"], value["longitude"])
            motion = (value["knots"], value["course"])
            said = (
                gga(time, place, (1 if fixed else 0, 17, 0.8), (value["height"], 11.6))
                + rmc(time, f"{stamp:%d%m%y}", place, motion, "A" if fixed else "N")
                + zda(time, stamp)
            )
            out.append(re.sub(rb"\*..\r\n", b"\r\n", said) if marked(columns, "checksum_missing", row) else said)
        return out

    def spoil(self, record: bytes) -> bytes:
        """Every sentence gets a wrong check sum."""
        lines = record.split(b"\r\n")
        return b"\r\n".join(spoiled(line, len(line) - 2, len(line)) if line else line for line in lines)
