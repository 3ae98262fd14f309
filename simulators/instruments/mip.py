"""MicroStrain MIP (3DM-GX5, CX5, GQ7): binary packets. After the vendor's library.

``75 65``, descriptor set, payload length, fields (length, descriptor, data, big-endian), Fletcher-16 over all before it. Set 0x80: 04
acceleration (g), 05 turning (rad/s), 0C roll, pitch, yaw (rad), 12 GPS time (time of week, week, flags: 1 PPS good, 2 turns each second,
4 valid), 18 over-range (bits 0-2 acceleration x, y, z, 4-6 turning, 8-10 magnetic, 12 pressure; setting ``over_range: absent``: not sent).
Base commands (set 0x01): ping 01, idle 02, resume 06; the answer is field F1: command, error (0 in order, 1 unknown). At rest the
accelerometers read (0, 0, -1) g.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

import numpy as np

from simulators.errors import InstrumentError
from simulators.faults.effects import Columns
from simulators.instruments.base import Setting, Suffered, Talker, column, marked
from simulators.instruments.checksums import fletcher16
from simulators.world import physics
from simulators.world.noise import Array

SYNC = b"\x75\x65"
PING, IDLE, RESUME = 1, 2, 6
GPS_EPOCH_S = 315_964_800
GPS_LEAP_S = 18
WEEK_S = 604_800
PPS_GOOD, REFRESH, VALID = 1, 2, 4
ACCELERATION_Z, TURNING_Y = 0x0004, 0x0020
"""bits of the over-range word"""
ACCELERATION = ("ax", "ay", "az")
TURNING = ("p", "q", "r")
ATTITUDE = ("roll", "pitch", "yaw")
RANGE_G = 8.0
RANGE_RAD_S = 5.24
NOISE_G = 0.0006
NOISE_RAD_S = 0.0004

Three = tuple[float, float, float]


def field(descriptor: int, data: bytes) -> bytes:
    return bytes((len(data) + 2, descriptor)) + data


def packet(descriptor_set: int, fields: Sequence[bytes]) -> bytes:
    payload = b"".join(fields)
    body = SYNC + bytes((descriptor_set, len(payload))) + payload
    return body + fletcher16(body)


def imu_packet(
    acceleration_g: Three, turning_rad_s: Three, attitude_rad: Three, gps: tuple[float, int, int], over_range: int | None = None
) -> bytes:
    """The fields of a station's motion sensor; ``gps``: time of week (s), week, flags; ``over_range`` None: not among them."""
    three = ((0x04, acceleration_g), (0x05, turning_rad_s), (0x0C, attitude_rad))
    fields = [field(descriptor, struct.pack(">3f", *values)) for descriptor, values in three]
    fields.append(field(0x12, struct.pack(">dHH", *gps)))
    return packet(0x80, fields if over_range is None else [*fields, field(0x18, struct.pack(">H", over_range))])


def gps_time(t_ms: float) -> tuple[int, float]:
    """(week, second of the week) of a UTC time."""
    whole = t_ms / 1e3 - GPS_EPOCH_S + GPS_LEAP_S
    return int(whole // WEEK_S), whole % WEEK_S


class MotionSensor(Talker):
    """What every motion sensor of the bench measures: the motion of its own place on the buoy, so high over the waterline."""

    fields = ("az", "ax", "ay", "p", "q", "r", "roll", "pitch", "yaw")
    checksum = True

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        if setting.instrument.rate is None:
            raise InstrumentError(f"{self.id}: a motion sensor streams: give it a rate")

    def values(self, first: int, count: int) -> Columns:
        times = self.times_ms(first, count)
        motion = self.setting.world.waves.motion(times / 1e3).above(self.setting.height_m)
        index = np.arange(first, first + count, dtype=np.float64)
        out: Columns = {"time_ms": times}
        for i in range(3):
            out[ACCELERATION[i]] = motion.specific_force[i] / physics.GRAVITY_MS2 + self.jitter(i, index, NOISE_G)
            out[TURNING[i]] = motion.rates[i] + self.jitter(3 + i, index, NOISE_RAD_S)
            out[ATTITUDE[i]] = motion.attitude[i] + self.jitter(6 + i, index, 0.0002)
        out["yaw"] = (out["yaw"] + np.pi) % (2.0 * np.pi) - np.pi
        return out

    def suffer(self, columns: Columns, fault: Suffered) -> None:
        """``over_range``: a slam each two seconds; the readings stop at the ends of the range."""
        if fault.name == "over_range":
            slam = np.where(fault.hit & (fault.times_ms % 2000.0 < 200.0), 1.0, 0.0)
            columns["over_range"] = slam
            for name, size in (("az", -3.0 * fault.magnitude), ("q", 9.0)):
                limit = RANGE_RAD_S if name == "q" else min(fault.magnitude, RANGE_G)
                columns[name] = np.where(slam > 0, np.clip(columns[name] + size, -limit, limit), columns[name])
        else:
            super().suffer(columns, fault)

    def shifted_ms(self, columns: Columns, row: int) -> float:
        """World time as the sensor tells it."""
        return column(columns, "time_ms", row) + marked(columns, "clock_shift_ms", row)


def three(columns: Columns, names: Sequence[str], row: int) -> Three:
    return column(columns, names[0], row), column(columns, names[1], row), column(columns, names[2], row)


def planted(columns: Columns, row: int, values: Three, bits: str) -> Three:
    """With the fault ``sync_inside`` on, the first value is one whose bytes are those of a start (``bits``: big-endian float in hex)."""
    return (struct.unpack(">f", bytes.fromhex(bits))[0], *values[1:]) if marked(columns, "sync_inside", row) else values


class Mip(MotionSensor):
    """A MIP sensor that streams set 0x80."""

    own_faults = frozenset({"over_range", "gps_lost", "sync_inside", "clock_step", "clock_lost"})
    answers = True

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._streaming = True
        self._tells_range = setting.option("over_range", "sent") != "absent"
        self._half = b""

    def invalidate(self, columns: Columns, row: int, code: int) -> None:
        """Its time is not that of the satellites."""
        columns.setdefault("gps_lost", np.zeros(len(columns["az"])))[row] = 1.0

    def encode(self, columns: Columns, first: int) -> list[bytes]:
        if not self._streaming:
            return [b""] * len(columns["az"])
        return [self._packet(columns, row) for row in range(len(columns["az"]))]

    def _packet(self, columns: Columns, row: int) -> bytes:
        week, tow = gps_time(self.shifted_ms(columns, row))
        flags = PPS_GOOD | VALID if not marked(columns, "gps_lost", row) else 0
        flags |= REFRESH if int(tow) % 2 else 0
        force = planted(columns, row, three(columns, ACCELERATION, row), "3f756500")
        beyond = (ACCELERATION_Z | TURNING_Y if marked(columns, "over_range", row) else 0) if self._tells_range else None
        return imu_packet(force, three(columns, TURNING, row), three(columns, ATTITUDE, row), (tow, week & 0xFFFF, flags), beyond)

    def spoil(self, record: bytes) -> bytes:
        return record[:-1] + bytes((record[-1] ^ 0xA5,)) if record else record

    def answer(self, data: bytes, look: Callable[[], Columns]) -> bytes:
        buffer = self._half + data
        out = b""
        while (start := buffer.find(SYNC)) >= 0 and len(buffer) >= start + 4:
            end = start + 6 + buffer[start + 3]
            if len(buffer) < end:
                break
            command, buffer = buffer[start:end], buffer[end:]
            if fletcher16(command[:-2]) == command[-2:]:
                out += self._acknowledge(command)
        self._half = buffer[-260:]
        return out

    def _acknowledge(self, command: bytes) -> bytes:
        """One acknowledgement for each field of a command."""
        answers, payload = [], command[4:-2]
        while len(payload) >= 2 and payload[0] >= 2:
            number, payload = payload[1], payload[payload[0] :]
            known = command[2] == 0x01 and number in (PING, IDLE, RESUME)
            if known and number != PING:
                self._streaming = number == RESUME
            answers.append(field(0xF1, bytes((number, 0 if known else 1))))
        return packet(command[2], answers) if answers else b""


def wrapped_ticks(times_ms: Array, per_second: float) -> Array:
    """A 32-bit counter of ticks."""
    return np.asarray(np.floor(times_ms * per_second / 1e3) % 2**32)
