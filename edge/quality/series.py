"""All tests of one series together: each value judged as it arrives, and once more when the value after it is known.

Only the spike test needs the next value; until then it is "not evaluated" and the value's flag may still change from good to suspect or
fail.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from edge.quality.checks import FlatLine, GrossRange, RateOfChange, Spike, is_missing
from firmware_config.flags import Flag, roll_up
from firmware_config.station import Bounds, QualityRule, StepTest


@dataclass(frozen=True)
class Judged:
    """One value with the flags of its tests. ``final`` is False while the spike test still waits for the next value."""

    time_s: float
    value: float | None
    tests: dict[str, Flag]
    final: bool = True

    @property
    def flag(self) -> Flag:
        """The tests rolled up into one."""
        return roll_up(self.tests, missing=self.value is None)


class SeriesQuality:
    """The tests of one series. Hand it every value in time order; it remembers what the tests need and nothing more."""

    def __init__(
        self,
        *,
        gross_range: GrossRange | None = None,
        spike: Spike | None = None,
        rate_of_change: RateOfChange | None = None,
        flat_line: FlatLine | None = None,
    ) -> None:
        self._gross_range, self._spike, self._rate, self._flat = gross_range, spike, rate_of_change, flat_line
        self._waiting: Judged | None = None

    @classmethod
    def from_rule(cls, rule: QualityRule | None, *, plausible: tuple[float, float] = (-math.inf, math.inf)) -> SeriesQuality:
        """The tests a station file asks for; without limits of its own a series is still held to the registry's plausible range."""
        if rule is None:
            return cls(gross_range=GrossRange(fail=plausible))
        gross = rule.gross_range
        flat = rule.flat_line
        return cls(
            gross_range=GrossRange(fail=plausible)
            if gross is None
            else GrossRange(fail=_closed(gross.fail), suspect=_closed(gross.suspect)),
            spike=None if rule.spike is None else Spike(suspect=rule.spike.suspect, fail=_limit(rule.spike)),
            rate_of_change=None
            if rule.rate_of_change_per_min is None
            else RateOfChange(suspect=rule.rate_of_change_per_min.suspect, fail=_limit(rule.rate_of_change_per_min)),
            flat_line=None
            if flat is None
            else FlatLine(tolerance=flat.tolerance, suspect_count=flat.suspect_count, fail_count=flat.fail_count),
        )

    @property
    def names(self) -> list[str]:
        """The tests that are run, for the birth message."""
        present = (self._gross_range, self._spike, self._rate, self._flat)
        return [name for name, test in zip(("gross_range", "spike", "rate_of_change", "flat_line"), present, strict=True) if test]

    def push(self, value: float | None, time_s: float) -> tuple[Judged, Judged | None]:
        """Judge the newest value. Returns it (``final`` False when the spike test waits) and the one before it, now final (None: there was
        none)."""
        value = None if is_missing(value) else value
        tests: dict[str, Flag] = {}
        if self._gross_range is not None:
            tests["gross_range"] = self._gross_range.check(value)
        if self._rate is not None:
            tests["rate_of_change"] = self._rate.check(value, time_s)
        if self._flat is not None:
            tests["flat_line"] = self._flat.check(value)
        if self._spike is None:
            return Judged(time_s, value, tests), None
        of_last = self._spike.check(value)
        before = None if self._waiting is None or of_last is None else _with_spike(self._waiting, of_last)
        self._waiting = Judged(time_s, value, {**tests, "spike": Flag.MISSING if value is None else Flag.NOT_EVALUATED}, final=False)
        return self._waiting, before

    def finish(self) -> Judged | None:
        """The last value, which will have no successor, as final; None when none waits."""
        last, self._waiting = self._waiting, None
        return None if last is None else replace(last, final=True)


def worst_of(judged: Iterable[Judged]) -> Flag:
    """The worst flag among some values (missing counts least: it is no statement about the others)."""
    order = {Flag.FAIL: 4, Flag.SUSPECT: 3, Flag.NOT_EVALUATED: 2, Flag.GOOD: 1, Flag.MISSING: 0}
    return max((j.flag for j in judged), key=order.__getitem__, default=Flag.MISSING)


def _with_spike(judged: Judged, flag: Flag) -> Judged:
    return replace(judged, tests={**judged.tests, "spike": flag}, final=True)


def _closed(bounds: Bounds | None) -> tuple[float, float]:
    if bounds is None:
        return -math.inf, math.inf
    return -math.inf if bounds.min is None else bounds.min, math.inf if bounds.max is None else bounds.max


def _limit(test: StepTest) -> float:
    return math.inf if test.fail is None else test.fail
