"""The single QARTOD tests, one value at a time.

Each test keeps the little it must remember of the past, is handed one value after the other in time order, and answers with a flag.
``None`` or NaN is a missing value: it is flagged missing and never makes a neighbour fail. Same rules as the batch forms in
`edge.science.quality`.
Source: IOOS QARTOD manual for water level data, version 2.1 (2021).
"""

from __future__ import annotations

import math
from collections import deque

from firmware_config.flags import Flag


def is_missing(value: float | None) -> bool:
    """Whether there is no usable number: None, NaN or infinite."""
    return value is None or not math.isfinite(value)


def _graded(amount: float, suspect: float, fail: float) -> Flag:
    return Flag.FAIL if amount > fail else Flag.SUSPECT if amount > suspect else Flag.GOOD


class GrossRange:
    """Outside the limits of the sensor: fail; outside those of the place: suspect. Closed limits; an open side is infinite."""

    def __init__(self, *, fail: tuple[float, float], suspect: tuple[float, float] = (-math.inf, math.inf)) -> None:
        self._fail, self._suspect = fail, suspect

    def check(self, value: float | None) -> Flag:
        """The flag of this value."""
        if value is None or is_missing(value):
            return Flag.MISSING
        if not self._fail[0] <= value <= self._fail[1]:
            return Flag.FAIL
        return Flag.GOOD if self._suspect[0] <= value <= self._suspect[1] else Flag.SUSPECT


class Spike:
    """A single value that stands out on the same side from both its neighbours (differential form, see `edge.science.quality.spike`).

    A spike is only known when the next value is there, so `check` answers for the value *before* the one it is given.
    """

    def __init__(self, *, suspect: float, fail: float = math.inf) -> None:
        self._suspect, self._fail = suspect, fail
        self._last: float | None = None
        self._before_last: float | None = None
        self._any = False

    def check(self, value: float | None) -> Flag | None:
        """The flag of the value before this one; None when this is the first."""
        value = None if is_missing(value) else value
        flag = self._flag_of_last(value) if self._any else None
        self._before_last, self._last, self._any = self._last, value, True
        return flag

    def _flag_of_last(self, after: float | None) -> Flag:
        last, before = self._last, self._before_last
        if last is None:
            return Flag.MISSING
        if before is None or after is None:
            return Flag.NOT_EVALUATED
        rise, fall = last - before, last - after
        return _graded(min(abs(rise), abs(fall)) if rise * fall > 0.0 else 0.0, self._suspect, self._fail)


class RateOfChange:
    """Faster than water or air can change, per minute since the last value present. Time must come in world seconds that never go back."""

    def __init__(self, *, suspect: float, fail: float = math.inf) -> None:
        self._suspect, self._fail = suspect, fail
        self._last: tuple[float, float] | None = None

    def check(self, value: float | None, time_s: float) -> Flag:
        """The flag of this value; not evaluated when it is the first, or its time does not lie after that of the last."""
        if value is None or is_missing(value):
            return Flag.MISSING
        last, self._last = self._last, (value, time_s)
        if last is None or time_s <= last[1]:
            return Flag.NOT_EVALUATED
        return _graded(abs(value - last[0]) / (time_s - last[1]) * 60.0, self._suspect, self._fail)


class FlatLine:
    """So many equal values in a row (range within ``tolerance``) that the sensor must be stuck; flagged from the value that completes the
    run."""

    def __init__(self, *, tolerance: float, suspect_count: int = 3, fail_count: int = 5) -> None:
        self._tolerance = tolerance
        self._counts = (suspect_count, fail_count)
        self._low: deque[tuple[int, float]] = deque()
        self._high: deque[tuple[int, float]] = deque()
        self._number = 0
        self._first = 0

    def check(self, value: float | None) -> Flag:
        """The flag of this value."""
        if value is None or is_missing(value):
            self._low.clear()
            self._high.clear()
            self._first = self._number
            return Flag.MISSING
        self._take(value)
        length = self._number - self._first
        suspect, fail = self._counts
        return Flag.FAIL if length >= fail else Flag.SUSPECT if length >= suspect else Flag.GOOD

    def _take(self, value: float) -> None:
        """Keep the longest run ending here whose range is within the tolerance (monotone queues of its lowest and highest values)."""
        while self._low and self._low[-1][1] >= value:
            self._low.pop()
        while self._high and self._high[-1][1] <= value:
            self._high.pop()
        self._low.append((self._number, value))
        self._high.append((self._number, value))
        self._number += 1
        while self._high[0][1] - self._low[0][1] > self._tolerance:
            oldest = self._low if self._low[0][0] < self._high[0][0] else self._high
            self._first = oldest.popleft()[0] + 1
