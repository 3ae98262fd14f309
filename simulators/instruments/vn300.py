"""VectorNav VN-300 (VN-100, VN-200 alike): binary output and text commands. ICD30004.

``FA``, group byte 01, type word (16 bits, little-endian), payload (little-endian, in the order of the bits), CRC-16 (big-endian; over
all after FA it is 0). Bits here: 0 time since start (ns), 1 GPS time (ns), 3 yaw, pitch, roll (degrees), 5 turning (rad/s), 6 latitude,
longitude, height, 7 velocity north, east, down, 8 acceleration (m/s2), 12 INS status, 14 time since the last PPS (ns). INS status: bits
0-1 mode (0 none, 1 aligning, 2 tracking, 3 satellites lost), 2 satellite fix, 4 IMU error. Text: ``$VNWRG,75,…`` sets the output,
``$VNRRG`` reads registers 1 model, 3 serial number, 4 firmware, 75; errors ``$VNERR,hh``. Settings ``type_word`` (0x1129 as a number)
and ``rate`` (a slower one, of which the declared one is a multiple).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence

import numpy as np

from simulators.faults.effects import Columns
from simulators.instruments.base import Setting, column, marked
from simulators.instruments.checksums import crc_ccitt, xor
from simulators.instruments.mip import GPS_EPOCH_S, GPS_LEAP_S, TURNING, MotionSensor, planted, three
from simulators.world import physics

USUAL_WORD = 0x1129
KNOWN_BITS = (0, 1, 3, 5, 6, 7, 8, 12, 14)
TRACKING_WITH_FIX = 2 | 1 << 2
IMU_ERROR = 1 << 4
METRES_PER_DEGREE = 111_195.0
RUNNING_BEFORE_S = 3600.0
IMU_HZ = 400.0


def packet(type_word: int, parts: Sequence[bytes]) -> bytes:
    """A group 1 message; ``parts``: the payload of each set bit, lowest first."""
    body = b"\x01" + type_word.to_bytes(2, "little") + b"".join(parts)
    return b"\xfa" + body + crc_ccitt(body).to_bytes(2, "big")


def sentence(body: str) -> bytes:
    return f"${body}*{xor(body.encode()):02X}\r\n".encode()


class Vn300(MotionSensor):
    """A VN-300 that streams one binary message."""

    own_faults = frozenset({"over_range", "ins_mode", "clock_step", "sync_inside"})
    inserts = (("reboot_banner", b"$VNRRG,01,VN-300*58\r\n"),)
    answers = True

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._word = int(float(setting.option("type_word", USUAL_WORD)))
        self._divisor = round(IMU_HZ / float(setting.settings.set_to.get("rate", setting.instrument.rate or 1)))
        self._started_ms: float | None = None
        self._half = b""

    def values(self, first: int, count: int) -> Columns:
        out = super().values(first, count)
        motion = self.setting.world.waves.motion(out["time_ms"] / 1e3).above(self.setting.height_m)
        for i, name in enumerate(("east", "north", "up")):
            out[name] = motion.position[i]
            out[f"v_{name}"] = motion.velocity[i]
        return out | {"mode": np.full(count, float(TRACKING_WITH_FIX))}

    def invalidate(self, columns: Columns, row: int, code: int) -> None:
        """The usual way: not tracking; else the status of the code."""
        columns["mode"][row] = float(code)

    def encode(self, columns: Columns, first: int) -> list[bytes]:
        stride = max(1, round((self.setting.instrument.rate or 1.0) * self._divisor / IMU_HZ))
        records = [self._packet(columns, row) if (first + row) % stride == 0 else b"" for row in range(len(columns["az"]))]
        return self.interrupted(columns, records)

    def _packet(self, columns: Columns, row: int) -> bytes:
        parts = {bit: self._part(bit, columns, row) for bit in KNOWN_BITS if self._word >> bit & 1}
        return packet(sum(1 << bit for bit in parts), list(parts.values()))

    def _part(self, bit: int, columns: Columns, row: int) -> bytes:
        now_ms = self.shifted_ms(columns, row)
        if bit in (0, 1, 14):
            if self._started_ms is None:
                self._started_ms = column(columns, "time_ms", row) - 1e3 * RUNNING_BEFORE_S
            gps_ms = now_ms - 1e3 * (GPS_EPOCH_S - GPS_LEAP_S)
            return struct.pack("<Q", max(0, round(1e6 * {0: now_ms - self._started_ms, 1: gps_ms, 14: now_ms % 1e3}[bit])))
        if bit == 12:
            mode = marked(columns, "ins_mode", row)
            status = {1: 1, 3: 3}.get(int(mode), 0) if mode else int(column(columns, "mode", row))
            return struct.pack("<H", status | (IMU_ERROR if marked(columns, "over_range", row) else 0))
        return struct.pack("<3d" if bit == 6 else "<3f", *self._three(bit, columns, row))

    def _three(self, bit: int, columns: Columns, row: int) -> tuple[float, float, float]:
        if bit == 3:
            return tuple(math.degrees(column(columns, name, row)) for name in ("yaw", "pitch", "roll"))  # type: ignore[return-value]
        if bit == 5:
            return three(columns, TURNING, row)
        if bit == 6:
            place, (east, north, up) = self.setting.station.position, three(columns, ("east", "north", "up"), row)
            longitude = place.longitude_deg + east / METRES_PER_DEGREE / math.cos(math.radians(place.latitude_deg))
            return place.latitude_deg + north / METRES_PER_DEGREE, longitude, up
        if bit == 7:
            north, east, up = three(columns, ("v_north", "v_east", "v_up"), row)
            return north, east, -up
        ax, ay, az = (physics.GRAVITY_MS2 * column(columns, name, row) for name in ("ax", "ay", "az"))
        return planted(columns, row, (ax, ay, az), "3dfafafa")

    def spoil(self, record: bytes) -> bytes:
        return record[:-1] + bytes((record[-1] ^ 0xA5,)) if record else record

    def answer(self, data: bytes, look: Callable[[], Columns]) -> bytes:
        lines = (self._half + data).replace(b"\r", b"\n").split(b"\n")
        self._half = lines.pop()[-300:]
        return b"".join(self._reply(line.decode("ascii", "replace").strip()) for line in lines if line.strip())

    def _reply(self, line: str) -> bytes:
        body, star, check = line.removeprefix("$").partition("*")
        if not line.startswith("$VN") or not star:
            return sentence("VNERR,04")
        if check != "XX" and check.upper() != f"{xor(body.encode()):02X}":
            return sentence("VNERR,03")
        parts = body.split(",")
        if parts[0] == "VNRRG" and len(parts) == 2 and parts[1].isdigit():
            registers = {1: "VN-300", 3: self.setting.serial_number, 4: self.setting.instrument.firmware or "1.0.0.0"}
            registers[75] = f"1,{self._divisor},01,{self._word:04X}"
            number = int(parts[1])
            return sentence(f"VNRRG,{number:02d},{registers[number]}" if number in registers else "VNERR,08")
        if parts[0] == "VNWRG" and parts[1:2] == ["75"] and len(parts) == 6:
            try:
                wanted, divisor = int(parts[5], 16), int(parts[3])
            except ValueError:
                return sentence("VNERR,09")
            if divisor < 1 or any(wanted >> bit & 1 and bit not in KNOWN_BITS for bit in range(16)):
                return sentence("VNERR,09")
            self._word, self._divisor = wanted, divisor
            return sentence(body)
        return sentence("VNERR,08" if parts[0] in ("VNRRG", "VNWRG") else "VNERR,04")
