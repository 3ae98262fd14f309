"""At which rate, or in which interval, records really come: noticed from their arrivals, told only when it is sure.

Records that are lost must not look like another rate, and a fast bench hands records out in lumps: two windows must agree, and the
result must be a rate the instrument can have, or an interval that its records really keep.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

WINDOW_MS = 10_000.0
WINDOW_REAL_S = 2.0
"""a window is at least so long in both times"""
FEWEST = 20
FEWEST_SLOW = 5
SAME_RATE = 0.08
"""neighbouring rates of an instrument (4 and 5, 8 and 10, 16 and 20 Hz) differ by a fifth and more"""
SAME_INTERVAL = 0.2
LIKELY_HZ = (1.0, 2.0, 4.0, 5.0, 8.0, 10.0, 16.0, 20.0, 25.0, 32.0, 40.0, 50.0, 60.0, 100.0)
LIKELY_WITHIN = 0.03
"""for an instrument whose rates are not known; a share of records lost at random seldom makes one of these"""


class RateWatch:
    """Of one instrument. ``wanted``: Hz, or the interval in seconds when ``slow``; ``known_hz``: the rates it has, empty when not known."""

    def __init__(
        self, wanted: float, *, slow: bool, known_hz: tuple[float, ...] = (), real_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._wanted, self._slow, self._known_hz, self._real_s = wanted, slow, known_hz, real_s
        self._began: tuple[float, float] | None = None
        self._records = 0
        self._gaps_ms: list[float] = []
        self._last_ms = 0.0
        self._votes: list[float] = []

    def restart(self) -> None:
        """The instrument was away, or was just set: what came before does not count."""
        self._began, self._votes = None, []

    def take(self, records: int, at_ms: float) -> float | None:
        """So many records came at ``at_ms`` of the world; gives the rate (Hz) or interval (s) when a window made it sure."""
        if records == 0:
            return None
        if self._began is None:
            self._begin(at_ms)
            return None
        self._records += records
        self._gaps_ms.append(at_ms - self._last_ms)
        self._last_ms = at_ms
        elapsed_ms = at_ms - self._began[0]
        enough = self._records >= (FEWEST_SLOW if self._slow else FEWEST)
        if not enough or elapsed_ms < WINDOW_MS or self._real_s() - self._began[1] < WINDOW_REAL_S:
            return None
        period_ms, typical_ms = elapsed_ms / self._records, median(self._gaps_ms)
        self._begin(at_ms)
        if self._slow and 0.5 * period_ms < typical_ms and abs(typical_ms / period_ms - 1) > SAME_RATE:
            self._votes = []  # uneven, and not in lumps: records are missing
            return None
        self._votes = [*self._votes[-1:], period_ms]
        if len(self._votes) < 2 or abs(self._votes[0] / self._votes[1] - 1) > SAME_RATE:
            return None
        found = self._interval_s(period_ms / 1e3) if self._slow else self._rate_hz(1e3 / period_ms)
        if found is not None:
            self._votes = []
        return found

    def _begin(self, at_ms: float) -> None:
        self._began, self._records, self._gaps_ms, self._last_ms = (at_ms, self._real_s()), 0, [], at_ms

    def _interval_s(self, seconds: float) -> float:
        return self._wanted if abs(seconds / self._wanted - 1) < SAME_INTERVAL else float(f"{seconds:.2g}")

    def _rate_hz(self, rate_hz: float) -> float | None:
        """The rate this is, of those it may be; None when it is none of them (records are lost)."""
        if abs(rate_hz / self._wanted - 1) < SAME_RATE:
            return self._wanted
        if self._known_hz:
            candidates, within = self._known_hz, SAME_RATE
        else:
            simple = [self._wanted * k for k in range(2, 11)] + [self._wanted / k for k in range(2, 11)]
            candidates, within = (*LIKELY_HZ, *simple), LIKELY_WITHIN
        near = [value for value in candidates if abs(rate_hz / value - 1) < within]
        return min(near, key=lambda value: abs(rate_hz - value)) if near else None
