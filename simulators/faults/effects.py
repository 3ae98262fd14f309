"""What faults do to values before they are encoded and to records after. Which record is hit follows from the seed: repeatable.

Columns are one array per field, one value per sample; NaN is "not available".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from simulators.faults.timeline import ActiveFault
from simulators.world import noise
from simulators.world.noise import Array

Columns = dict[str, Array]
VALUE_FAULTS = frozenset({"stuck", "spike", "drift"})


class Effects:
    """The faults of one instrument, with what must be remembered from sample to sample."""

    def __init__(self, seed: int, instrument: str, fields: Sequence[str]) -> None:
        """``fields``: the measured fields, the first is hit by a spike or a drift unless the entry names another."""
        self._fields = tuple(fields)
        self._key = noise.key(seed, f"faults/{instrument}")
        self._frozen: dict[tuple[int, float], dict[str, float]] = {}
        self._held = b""

    def on_values(self, columns: Columns, times_ms: Array, faults: Sequence[ActiveFault]) -> None:
        """Change columns in place for faults of `VALUE_FAULTS` that are on."""
        for fault in faults:
            if fault.name not in VALUE_FAULTS:
                continue
            hit = (times_ms >= fault.begin_ms) & (times_ms < fault.end_ms)
            if not hit.any():
                continue
            field = fault.entry.field if fault.entry.field in columns else self._fields[0]
            if fault.name == "stuck":
                self._stick(columns, hit, fault)
            elif fault.name == "drift":
                columns[field] = columns[field] + np.where(hit, fault.magnitude * (times_ms - fault.begin_ms) / 3.6e6, 0.0)
            else:
                index = times_ms.astype(np.int64)
                hit &= noise.uniform(self._key, index) < fault.entry.share
                sign = np.where(noise.uniform(self._key + 1, index) < 0.5, -1.0, 1.0)
                columns[field] = columns[field] + np.where(hit, sign * fault.magnitude, 0.0)

    def _stick(self, columns: Columns, hit: NDArray[np.bool_], fault: ActiveFault) -> None:
        first = int(np.argmax(hit))
        frozen = self._frozen.setdefault(
            (fault.number, fault.begin_ms), {name: float(columns[name][first]) for name in self._fields if name in columns}
        )
        for name, value in frozen.items():
            columns[name] = np.where(hit, value, columns[name])

    @property
    def holding(self) -> bool:
        """A record waits for the next one (``merged``)."""
        return bool(self._held)

    def on_record(self, record: bytes, t_ms: float, faults: Sequence[ActiveFault], spoil: Callable[[bytes], bytes]) -> bytes:
        """One record (or answer) after the faults on at ``t_ms``; empty when it is not sent at all, or not yet."""
        record = self._spoiled(record, t_ms, faults, spoil)
        held, self._held = self._held, b""
        if not held and record and any(fault.name == "merged" and fault.on(t_ms) for fault in faults):
            self._held = record
            return b""
        return held + record

    def pieces(self, record: bytes, t_ms: float, faults: Sequence[ActiveFault]) -> list[tuple[float, bytes]]:
        """A record as it comes: in one piece, or (``split``) in two with a pause before the second (ms)."""
        pause = max((fault.magnitude for fault in faults if fault.name == "split" and fault.on(t_ms)), default=0.0)
        if not pause or len(record) < 2:
            return [(0.0, record)]
        cut = 1 + int(self._chance(t_ms, 9) * (len(record) - 1))
        return [(0.0, record[:cut]), (pause, record[cut:])]

    def _spoiled(self, record: bytes, t_ms: float, faults: Sequence[ActiveFault], spoil: Callable[[bytes], bytes]) -> bytes:
        noise_before = b""
        for fault in faults:
            if not fault.on(t_ms):
                continue
            if fault.name == "silence":
                return b""
            if fault.name == "wrong_checksum" and self._chance(t_ms, 2) < fault.magnitude:
                record = spoil(record)
            elif fault.name == "garbage":
                record = self._garble(record, t_ms, fault.magnitude)
            elif fault.name == "missing_bytes":
                keep = self._per_byte(len(record), t_ms, 4) >= fault.magnitude
                record = bytes(np.frombuffer(record, np.uint8)[keep])
            elif fault.name == "parity":
                record = bytes(byte if byte.bit_count() % 2 else 0 for byte in record)
            elif fault.name == "flip" and record and self._chance(t_ms, 7) < fault.magnitude:
                record = self._flip(record, t_ms)
            elif fault.name == "truncated":
                record = record[: len(record) - round(fault.magnitude * len(record))]
            elif fault.name == "noise" and record:
                noise_before = self.noise_bytes(max(1, int(fault.magnitude)), t_ms)
        return noise_before + record

    def noise_bytes(self, count: int, t_ms: float) -> bytes:
        """Random bytes as a disturbed line makes them."""
        return bytes((self._per_byte(count, t_ms, 5) * 256).astype(np.uint8))

    def _flip(self, record: bytes, t_ms: float) -> bytes:
        place = int(self._chance(t_ms, 8) * 8 * len(record))
        raw = bytearray(record)
        raw[place // 8] ^= 1 << place % 8
        return bytes(raw)

    def _garble(self, record: bytes, t_ms: float, share: float) -> bytes:
        raw = np.frombuffer(record, np.uint8).copy()
        hit = self._per_byte(len(raw), t_ms, 3) < share
        raw[hit] = (self._per_byte(len(raw), t_ms, 6)[hit] * 256).astype(np.uint8)
        return bytes(raw)

    def _chance(self, t_ms: float, stream: int) -> float:
        return float(noise.uniform(self._key + stream, np.array([int(t_ms)]))[0])

    def _per_byte(self, count: int, t_ms: float, stream: int) -> Array:
        return noise.uniform(self._key + stream, np.arange(count) + 1009 * int(t_ms))
