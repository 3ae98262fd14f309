"""When minutes are closed."""

from __future__ import annotations

import asyncio

from edge.agent.minutes import Minutes
from edge.agent.timebase import StationTime
from tests.edge.agent.station import HandClock


async def test_a_clock_set_back_meanwhile_does_not_close_the_minute_it_goes_back_to():
    """Judged by the hour before the step, the minute that now begins would be long over, and be recorded twice."""
    clock = HandClock()
    time = StationTime(clock)
    asked = asyncio.get_running_loop().create_future()

    class Book:
        def due(self, utc_ms, settle_ms):
            asked.set_result(utc_ms)
            return []

    minutes = asyncio.create_task(Minutes(Book(), None, time).run())
    await asyncio.sleep(0)  # it has looked at the clock
    clock.offset_ms -= 3_600_000.0
    time.look()
    try:
        assert await asyncio.wait_for(asked, 10) <= time.utc_ms(time.now_ms())
    finally:
        minutes.cancel()
