"""When is a condition there: limit, deadband, delay and count, as a pure state machine.

One `Condition` watches one limit. It is fed readings (beyond the limit, within it, in the deadband between, or unusable) with the time
each arrived, and says whether the condition is on. It does no I/O and has no clock; the same readings give the same answer for ever.

It promises: a condition comes on only after every usable reading for ``delay_ms`` was beyond the limit, or after ``count`` separate
crossings within ``count_within_ms``; once on it goes off only after every reading for ``return_ms`` was within limit and deadband;
an unusable reading never turns it on or off (what was last known stays visible, marked ``bad``).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from typing import Literal

Side = Literal["high", "low"]


class Reading(StrEnum):
    """What one sample says about one limit."""

    BEYOND = "beyond"
    BETWEEN = "between"
    WITHIN = "within"
    BAD = "bad"


class Phase(StrEnum):
    """Where a condition stands: off, waiting out the delay, on, waiting out the return delay."""

    OFF = "off"
    RISING = "rising"
    ON = "on"
    FALLING = "falling"


@dataclass(frozen=True)
class Timing:
    """How long a reading must last. ``count`` 0: crossings are not counted."""

    delay_ms: int = 0
    return_ms: int = 0
    count: int = 0
    count_within_ms: int = 0


@dataclass(frozen=True)
class Condition:
    """``since_ms``: when the present phase began; ``rises``: times of recent crossings, for the count."""

    phase: Phase = Phase.OFF
    since_ms: int = 0
    rises: tuple[int, ...] = ()
    bad: bool = False

    @property
    def on(self) -> bool:
        return self.phase in (Phase.ON, Phase.FALLING)


def classify(value: float | None, usable: bool, *, side: Side, limit: float, deadband: float) -> Reading:
    """What ``value`` says about ``limit``. The limit itself is still normal; the deadband lies on the normal side of it.

    >>> classify(4.0, True, side="high", limit=3.9, deadband=0.5)
    <Reading.BEYOND: 'beyond'>
    """
    if value is None or not usable or not isfinite(value):
        return Reading.BAD
    excess = value - limit if side == "high" else limit - value
    if excess > 0:
        return Reading.BEYOND
    return Reading.WITHIN if excess <= -deadband else Reading.BETWEEN


def step(condition: Condition, reading: Reading, now_ms: int, timing: Timing) -> Condition:
    """The condition after one reading. A clock that went back starts a running delay again."""
    if reading is Reading.BAD:
        held = {Phase.RISING: Phase.OFF, Phase.FALLING: Phase.ON}.get(condition.phase, condition.phase)
        since = condition.since_ms if held is condition.phase else now_ms
        return Condition(held, since, condition.rises, bad=True)
    if condition.on:
        return _while_on(condition, reading, now_ms, timing)
    return _while_off(condition, reading, now_ms, timing)


def _elapsed(condition: Condition, now_ms: int) -> int:
    return now_ms - condition.since_ms


def _while_off(condition: Condition, reading: Reading, now_ms: int, timing: Timing) -> Condition:
    if reading is not Reading.BEYOND:
        since = now_ms if condition.phase is Phase.RISING else condition.since_ms
        return Condition(Phase.OFF, since, condition.rises)
    rises = condition.rises
    since = condition.since_ms
    if condition.phase is Phase.OFF or _elapsed(condition, now_ms) < 0:
        since = now_ms
        if timing.count:
            recent = tuple(t for t in rises if 0 <= now_ms - t <= timing.count_within_ms)
            rises = (*recent, now_ms)[-timing.count :]
    if now_ms - since >= timing.delay_ms or (timing.count and len(rises) >= timing.count):
        return Condition(Phase.ON, now_ms)
    return Condition(Phase.RISING, since, rises)


def _while_on(condition: Condition, reading: Reading, now_ms: int, timing: Timing) -> Condition:
    if reading is not Reading.WITHIN:
        since = condition.since_ms if condition.phase is Phase.ON else now_ms
        return Condition(Phase.ON, since)
    since = condition.since_ms if condition.phase is Phase.FALLING and _elapsed(condition, now_ms) >= 0 else now_ms
    if now_ms - since >= timing.return_ms:
        return Condition(Phase.OFF, now_ms)
    return Condition(Phase.FALLING, since)
