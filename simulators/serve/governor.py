"""The world waits for whoever cannot keep up: an instrument that is late slows the clock instead of skipping samples.

Only a world with a clock file (`firmware_config.base.clock.WorldClockFile`) can be slowed, and only who slowed it speeds it up
again. On the system's clock a line that is late catches up and that is all.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from firmware_config.base import log
from firmware_config.base.clock import WorldClockFile

logger = log.get(__name__)
LATE_S = 0.4
"""real seconds behind from which the world is slowed"""
ON_TIME_S = 0.08
PATIENCE_S = 2.0
"""real seconds on time before it is sped up by a half"""
REACT_S = 0.25
SLOWEST = 1.0


class Governor:
    """``report`` at each turn how far behind the slowest line is, in real seconds."""

    def __init__(self, file: WorldClockFile | None, real: Callable[[], float] = time.monotonic) -> None:
        self._file = file
        self._real = real
        self._speed: float | None = None
        self._changed = 0.0
        self._late_since_good = 0.0
        self.slowed = 0

    def report(self, behind_s: float) -> None:
        """Slow down when late, speed up again after a while on time."""
        if self._file is None:
            return
        now = self._real()
        if behind_s > ON_TIME_S:
            self._late_since_good = now
        if behind_s > LATE_S and now - self._changed > REACT_S:
            self._set(max(SLOWEST, (self._speed or self._nominal()) / 2.0), now)
        elif self._speed is not None and now - max(self._late_since_good, self._changed) > PATIENCE_S:
            self._set(min(self._nominal(), self._speed * 1.5), now)

    def close(self) -> None:
        """Leave the world at its own pace."""
        if self._speed is not None:
            self._set(self._nominal(), self._real())

    def _nominal(self) -> float:
        assert self._file is not None
        try:
            return float(json.loads(self._file.path.read_text(encoding="utf-8"))["nominal_speed"])
        except (OSError, ValueError, KeyError):
            return 1.0

    def _set(self, speed: float, now: float) -> None:
        assert self._file is not None
        nominal = self._nominal()
        if speed < nominal:
            self.slowed += self._speed is None or speed < self._speed
            logger.warning("the world waits for its instruments", speed=round(speed, 2), nominal=nominal)
        elif self._speed is not None:
            logger.info("the world is back at its pace", speed=nominal)
        if self._speed is not None or speed < nominal:
            self._file.set_speed(speed)
        self._speed = speed if speed < nominal else None
        self._changed = now
