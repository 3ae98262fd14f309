"""The station's two times: monotonic milliseconds for ordering and intervals, UTC for what goes on record.

Everything the agent measures is stamped in *monotonic* world milliseconds, which never jump. UTC is that plus an offset which this
class alone follows: it drifts with the clock's discipline, and when it jumps, the jump is noticed, reported and handed to whoever
must re-align. While the clock is unset the offset is zero: times are milliseconds since boot, and say so.

Not here: what a record does with the quality (see `firmware_config.records`), and deciding whether the system clock is right.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from firmware_config.base.clock import Clock
from firmware_config.records import ClockQuality

RANK: dict[ClockQuality, int] = {"synchronised": 0, "holdover": 1, "unset": 2}
STEP_MS = 200.0
"""A change of UTC against monotonic time by more than this between two looks is a step, not a slew."""
KEEP_MS = 4 * 3_600_000


def worst(qualities: list[ClockQuality]) -> ClockQuality:
    """The worst of some clock qualities (``synchronised`` when there are none)."""
    return max(qualities, key=RANK.__getitem__, default="synchronised")


@dataclass(frozen=True)
class ClockChange:
    """The clock stepped or changed its quality. ``step_ms`` is how far UTC jumped forward (0: it did not)."""

    at_ms: float
    step_ms: float
    before: ClockQuality
    after: ClockQuality

    @property
    def was_set(self) -> bool:
        """The clock had no time and now has one."""
        return self.before == "unset" and self.after != "unset"


class StationTime:
    """Monotonic time, UTC and its quality.

    ``on_change`` is called from `look` for each step and each change of quality.
    """

    def __init__(self, clock: Clock, on_change: Callable[[ClockChange], None] = lambda change: None) -> None:
        self.clock = clock
        self.on_change = on_change
        self._quality: ClockQuality = clock.quality()
        self._offset_ms = self._measured_offset()
        self._history: deque[tuple[float, ClockQuality]] = deque([(float("-inf"), self._quality)])

    def _measured_offset(self) -> float:
        now_s = time.monotonic()
        return self.clock.ms_at(now_s) - self.clock.monotonic_at(now_s) * 1e3

    @property
    def speed(self) -> float:
        return self.clock.speed

    @property
    def quality(self) -> ClockQuality:
        """The quality as of the last `look`."""
        return self._quality

    @property
    def offset_ms(self) -> float:
        """UTC minus monotonic time; 0 while the clock is unset."""
        return 0.0 if self._quality == "unset" else self._offset_ms

    def believed_utc_ms(self, at_ms: float) -> float:
        """UTC of a monotonic time as the clock itself has it, set or not."""
        return at_ms + self._offset_ms

    def now_ms(self) -> float:
        """Monotonic world time now, in milliseconds."""
        return self.clock.monotonic() * 1e3

    def at_ms(self, arrival_s: float) -> float:
        """Monotonic world time, in milliseconds, of a reading of ``time.monotonic()``."""
        return self.clock.monotonic_at(arrival_s) * 1e3

    def utc_ms(self, at_ms: float) -> float:
        """UTC of a monotonic time (the time since boot itself while the clock is unset)."""
        return at_ms + self.offset_ms

    def look(self) -> None:
        """Follow the clock; call at least every second of real time."""
        before, now = self._quality, self.now_ms()
        after, offset = self.clock.quality(), self._measured_offset()
        if abs(offset - self._offset_ms) > STEP_MS:
            offset = self._measured_offset()  # a process put aside between two readings of time must not look like a step
        step = offset - self._offset_ms
        self._offset_ms = offset
        if abs(step) <= STEP_MS:
            step = 0.0
        if after != before:
            self._quality = after
            self._history.append((now, after))
            while len(self._history) > 1 and self._history[1][0] < now - KEEP_MS:
                self._history.popleft()
        if after != before or step:
            self.on_change(ClockChange(now, step, before, after))

    def quality_over(self, first_ms: float, last_ms: float) -> ClockQuality:
        """The worst quality between two monotonic times."""
        found: list[ClockQuality] = []
        for i, (since, quality) in enumerate(self._history):
            until = self._history[i + 1][0] if i + 1 < len(self._history) else float("inf")
            if since <= last_ms and until > first_ms:
                found.append(quality)
        return worst(found)
