"""MicroStrain 3DM-GX1 and GX3, legacy binary records. After the parser of the OOI programme.

0xCB, 43 bytes: acceleration (g), turning (rad/s), magnetometer (Gauss), three floats each, timer (62500 a second, 32 bits), sum of all
bytes before (16 bits), big-endian. 0xCF (setting ``record: cf``), 31 bytes: roll, pitch, yaw (rad), turning, timer, sum.
"""

from __future__ import annotations

import struct

import numpy as np

from simulators.faults.effects import Columns
from simulators.instruments.base import Setting, Suffered, column, marked
from simulators.instruments.mip import ACCELERATION, ATTITUDE, TURNING, MotionSensor, Three, planted, three, wrapped_ticks
from simulators.world.rigid import to_body

TICKS_PER_S = 62_500.0
FIELD_GAUSS = (0.33, 0.0, 0.36)
"""north, east, down: about that of the Zhejiang coast"""


def _closed(body: bytes) -> bytes:
    return body + (sum(body) & 0xFFFF).to_bytes(2, "big")


def record_cb(acceleration_g: Three, turning_rad_s: Three, magnetic_gauss: Three, timer: int) -> bytes:
    return _closed(b"\xcb" + struct.pack(">9fI", *acceleration_g, *turning_rad_s, *magnetic_gauss, timer))


def record_cf(attitude_rad: Three, turning_rad_s: Three, timer: int) -> bytes:
    return _closed(b"\xcf" + struct.pack(">6fI", *attitude_rad, *turning_rad_s, timer))


class GxLegacy(MotionSensor):
    """A 3DM-GX that streams in continuous mode."""

    can_be_invalid = False
    own_faults = frozenset({"over_range", "counter_jump", "counter_reset", "timer_wrap", "sync_inside"})

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._angles = str(setting.option("record", "cb")).lower() == "cf"

    def values(self, first: int, count: int) -> Columns:
        out = super().values(first, count)
        attitude = np.array([out[name] for name in ATTITUDE])
        magnetic = to_body(attitude, np.array([np.full(count, part) for part in FIELD_GAUSS]))
        return out | {"mx": magnetic[0], "my": magnetic[1], "mz": magnetic[2], "ticks": wrapped_ticks(out["time_ms"], TICKS_PER_S)}

    def suffer(self, columns: Columns, fault: Suffered) -> None:
        """``timer_wrap``: the timer stands so that it runs over a moment after the fault begins."""
        if fault.name == "timer_wrap":
            wrapping = wrapped_ticks(fault.since_ms - 1e3 * fault.magnitude, TICKS_PER_S)
            columns["ticks"] = np.where(fault.hit, wrapping, columns["ticks"])
        else:
            super().suffer(columns, fault)

    def encode(self, columns: Columns, first: int) -> list[bytes]:
        return [self._record(columns, row) for row in range(len(columns["az"]))]

    def _record(self, columns: Columns, row: int) -> bytes:
        """``counter_jump`` adds seconds to the timer, ``counter_reset`` starts it anew."""
        ticks = int(column(columns, "ticks", row) + marked(columns, "counter_jump", row) * TICKS_PER_S) % 2**32
        if marked(columns, "counter_reset", row):
            ticks %= int(TICKS_PER_S * 60)
        turning = three(columns, TURNING, row)
        if self._angles:
            return record_cf(planted(columns, row, three(columns, ATTITUDE, row), "3dcfcfcf"), turning, ticks)
        force = planted(columns, row, three(columns, ACCELERATION, row), "3ecbcbcb")
        return record_cb(force, turning, three(columns, ("mx", "my", "mz"), row), ticks)

    def spoil(self, record: bytes) -> bytes:
        return record[:-1] + bytes((record[-1] ^ 0xA5,)) if record else record
