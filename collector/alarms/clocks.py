"""How far a station's clock is off, from what arrives: its own comparison with GNSS, and the times its messages carry.

A health record tells the offset from GNSS to a fraction of a second, where the station has a fix; one that is late itself belongs to the
past. A message says when it was sent by the station's clock: it comes later than that by what the way takes, and never earlier. So a
difference from the centre's clock counts only beyond ``least_ms``, more than any usual way takes; less says nothing against the clock.

Promises: one opinion per station, told at once when a message shows a clock that is off, and again when it is right. Not here: limits and
alarms (`collector.alarms.limits`), messages of a clock that says itself it is not set.
"""

from __future__ import annotations

from firmware_config.records import Record

OFFSET = "clock_offset@station"
FRESH_MS = 300_000
"""A comparison with GNSS older than this is no longer news."""


class ClockWatch:
    """The clocks of all stations. ``least_ms``: from which difference on the times of messages count."""

    def __init__(self, least_ms: int) -> None:
        self._least_s = least_ms / 1e3
        self._compared_ms: dict[str, int] = {}
        """when the newest comparison with GNSS came"""

    def heard(self, station: str, offset_s: float, now_ms: int) -> float | None:
        """A message whose own time is ``offset_s`` later than now: by how much the clock is off (s); None: nothing to say beside GNSS."""
        if abs(offset_s) >= self._least_s:
            return offset_s
        return None if now_ms - self._compared_ms.get(station, -FRESH_MS) < FRESH_MS else 0.0

    def compared(self, record: Record, now_ms: int) -> float | None:
        """A health record: its offset from GNSS if it is of now (by its own clock, or by GNSS), else None."""
        offset_s = record.values.get(OFFSET)
        if not isinstance(offset_s, (int, float)) or isinstance(offset_s, bool):
            return None
        end_ms = record.t + record.dt
        if min(abs(now_ms - end_ms), abs(now_ms - (end_ms - 1e3 * offset_s))) > FRESH_MS:
            return None
        self._compared_ms[record.station] = now_ms
        return float(offset_s)
