"""The world waits for whoever cannot keep up: a late instrument, or a slow reader, limits the clock's speed instead of skipping samples.

Only a world with a clock file (`firmware_config.base.clock.WorldClockFile`) can be limited. The limit falls to a quarter as soon as
anyone is late, then climbs back to four fifths of the speed at which the trouble began, and only slowly beyond: so it settles just
under what the machine can do. Each bench has its own limit; the slowest holds. On the system's clock a line that is late catches up
and that is all.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from firmware_config.base import log
from firmware_config.base.clock import WorldClockFile

logger = log.get(__name__)
LATE_S = 0.25
"""real seconds an instrument may be behind its schedule"""
READER_LATE_S = 0.1
"""real seconds a reader may be behind the line"""
FALL = 0.25
REACT_S = 0.4
"""A cut takes this long to show: the clock announces it 0.2 s ahead."""
CLIMB = 1.5
CLIMB_EVERY_S = 0.5
CEILING = 0.8
RAISE = 1.15
RAISE_EVERY_S = 5.0
RENEW_S = 3.0
SLOWEST = 1.0


class Governor:
    """``report`` at each turn how far behind instruments and readers are, in real seconds."""

    def __init__(self, file: WorldClockFile | None, who: str, real: Callable[[], float] = time.monotonic) -> None:
        self._file = file
        self._who = who
        self._real = real
        self._limit: float | None = None
        self._ceiling = 0.0
        self._cut_at = self._late_at = self._climbed_at = self._renewed_at = float("-inf")
        self.cuts = 0

    def report(self, behind_s: float, reader_behind_s: float = 0.0) -> None:
        """Cut the speed when someone is late, raise it again while nobody is."""
        if self._file is None:
            return
        now = self._real()
        if behind_s > LATE_S or reader_behind_s > READER_LATE_S:
            self._late_at = now
            if now - self._cut_at > REACT_S:
                self._cut(now)
        elif self._limit is not None:
            self._climb(now)
        if self._limit is not None and now - self._renewed_at > RENEW_S:
            self._ask(self._limit, now)

    def close(self) -> None:
        """Leave the world at its own pace."""
        if self._file is not None and self._limit is not None:
            self._ask(None, self._real())

    def _cut(self, now: float) -> None:
        nominal = self._nominal()
        speed = min(self._limit or nominal, nominal)
        if self._limit is None:
            logger.warning("the world waits for its instruments or their readers", nominal=nominal)
        if self._limit is None or speed > FALL * self._ceiling:
            self._ceiling = max(SLOWEST, CEILING * speed)
        self._cut_at = now
        self.cuts += 1
        self._ask(max(min(SLOWEST, nominal), FALL * speed), now)

    def _climb(self, now: float) -> None:
        assert self._limit is not None
        since = now - max(self._late_at, self._cut_at, self._climbed_at)
        if self._limit < self._ceiling:
            if since > CLIMB_EVERY_S:
                self._climbed_at = now
                self._ask(min(self._ceiling, CLIMB * self._limit), now)
        elif since > RAISE_EVERY_S:
            self._climbed_at = now
            self._ceiling *= RAISE
            if self._ceiling < self._nominal():
                self._ask(self._ceiling, now)
            else:
                logger.info("the world is back at its pace", speed=self._nominal())
                self._ask(None, now)

    def _ask(self, limit: float | None, now: float) -> None:
        assert self._file is not None
        self._limit = limit
        self._renewed_at = now
        self._file.limit(self._who, limit)

    def _nominal(self) -> float:
        assert self._file is not None
        try:
            return float(json.loads(self._file.path.read_text(encoding="utf-8"))["nominal_speed"])
        except (OSError, ValueError, KeyError):
            return 1.0
