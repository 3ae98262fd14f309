"""Whole periods of UTC, each once, whatever the clock does."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable

from edge.agent.timebase import StationTime

LOOK_S = 30.0
"""world seconds; the clock may step while we wait"""


def next_multiple(ms: float, step_ms: int) -> int:
    """The first multiple of ``step_ms`` after ``ms``."""
    return (math.floor(ms / step_ms) + 1) * step_ms


async def periods(time: StationTime, every_ms: int, lag_ms: Callable[[], float]) -> AsyncIterator[int]:
    """The multiples of ``every_ms`` (UTC) from now on, each when it is ``lag_ms()`` past, for ever.

    None is left out because the reader was slow; those that a step of the clock jumped over are, and none comes twice in one go because it
    stepped back by less than a period.
    """
    due_ms = next_multiple(time.utc_ms(time.now_ms()), every_ms)
    offset_ms = time.offset_ms
    while True:
        utc_ms = time.utc_ms(time.now_ms())
        if abs(time.offset_ms - offset_ms) > every_ms / 2:
            due_ms = next_multiple(utc_ms, every_ms)
        offset_ms = time.offset_ms
        left_ms = due_ms + lag_ms() - utc_ms
        if left_ms > 0:
            await time.clock.sleep(min(left_ms / 1e3, max(LOOK_S, time.speed)))
            continue
        yield due_ms
        due_ms += every_ms
