"""Gill WindMaster and WindMaster Pro, binary mode 10. Manual 1561-PS-0001.

``B4 B4``, status (16 bits, high byte 0), U, V, W, speed of sound (0.01 m/s), four analogue inputs, PRT, the exclusive or of all
bytes: 23 bytes, little-endian; velocities signed, speed of sound unsigned. Nothing in the velocities says "not valid": with status
01-07 they stay zero. Axes and commands are those of the ASCII instrument; with polling on (``?``; off: ``!``) the unit letter asks
for one record.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np

from simulators.faults.effects import Columns
from simulators.instruments import gill
from simulators.instruments.base import Setting, column, marked
from simulators.instruments.checksums import xor

HEADER = b"\xb4\xb4"


def record(wind: tuple[float, float, float], sos: float, status: int) -> bytes:
    """One record; ``wind`` and ``sos`` in m/s. Analogue inputs and PRT are not connected: 0."""
    velocities = [max(-32768, min(32767, round(100.0 * value))) for value in wind]
    body = HEADER + struct.pack("<H3hH5h", status, *velocities, round(100.0 * sos) & 0xFFFF, 0, 0, 0, 0, 0)
    return body + bytes((xor(body),))


class BinaryWindMaster(gill.WindMaster):
    """A WindMaster that speaks binary."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._polled = False

    def encode(self, columns: Columns, first: int) -> list[bytes]:
        if self._configuring or self._polled:
            return [b""] * len(columns["u"])
        return self.interrupted(columns, [self._record(columns, row, first + row) for row in range(len(columns["u"]))])

    def _record(self, columns: Columns, row: int, number: int) -> bytes:
        if marked(columns, "half_rate", row) and number % 2:
            return b""
        status, ts = int(column(columns, "status", row)), column(columns, "ts", row)
        u, v, w = (column(columns, name, row) for name in ("u", "v", "w"))
        blocked = 1 <= status <= gill.BLOCKED
        sos = 0.0 if blocked else float(np.sqrt(gill.SOUND_M2_S2_K * max(ts + 273.15, 1.0)))
        if marked(columns, "wrong_mode", row):
            return gill.record(gill.NO_WIND if blocked else (u, v, w), sos, ts, status)
        whole = record((0.0, 0.0, 0.0) if blocked else (u, v, w), sos, status)
        return whole[len(HEADER) :] if marked(columns, "start_lost", row) else whole

    def spoil(self, record: bytes) -> bytes:
        return record[:-1] + bytes((record[-1] ^ 0x55,)) if record else record

    def answer(self, data: bytes, look: Callable[[], Columns]) -> bytes:
        if not self._configuring and b"*" not in data:
            if b"?" in data:
                self._polled = True
            elif b"!" in data:
                self._polled = False
            elif self._polled and data.strip() == b"Q":
                return self._record(look(), 0, 0)
        return super().answer(data, look)
