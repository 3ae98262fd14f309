"""The minute records: each minute of UTC once, when its values are judged; the first and last of a run cover what the run saw of them."""

from __future__ import annotations

import asyncio

from edge.agent.book import SeriesBook
from edge.agent.recorder import Recorder
from edge.agent.series import MINUTE_MS
from edge.agent.timebase import ClockChange, StationTime
from firmware_config.records import Draft

SETTLE_MS = 1_000.0
SETTLE_REAL_S = 0.1
LOOK_S = 0.1


class Minutes:
    """Closes the minutes of a book and records them."""

    def __init__(self, book: SeriesBook, recorder: Recorder, time: StationTime) -> None:
        self._book = book
        self._recorder = recorder
        self._time = time
        self._began_ms = time.utc_ms(time.now_ms())
        self._offset_ms = time.offset_ms

    def settle_ms(self) -> float:
        """How long after its end a minute may still receive values: what has arrived must have been read."""
        return max(SETTLE_MS, SETTLE_REAL_S * 1e3 * self._time.speed)

    def lag_ms(self) -> float:
        """How long after its end a minute is surely closed."""
        return 16_000.0 + 3 * self.settle_ms()

    async def run(self) -> None:
        """Close minutes as they become due, for ever."""
        while True:
            looked_ms = self._time.utc_ms(self._time.now_ms())
            await asyncio.sleep(LOOK_S)  # what had arrived by then has been read
            utc_ms = min(looked_ms, self._time.utc_ms(self._time.now_ms()))  # a clock set back meanwhile: the new minute is not over
            for minute in self._book.due(utc_ms, self.settle_ms()):
                self._record(minute, (minute + 1) * MINUTE_MS)

    def clock_changed(self, change: ClockChange) -> None:
        """UTC means something else from now on: what is open is closed under the old one."""
        before_ms = change.at_ms + self._offset_ms
        for minute in self._book.open_minutes():
            self._record(minute, min((minute + 1) * MINUTE_MS, max(round(before_ms), minute * MINUTE_MS + 1)))
        self._offset_ms = self._time.offset_ms
        self._began_ms = self._time.utc_ms(change.at_ms)

    def finish(self) -> None:
        """The agent stops: record what is open."""
        now_ms = round(self._time.utc_ms(self._time.now_ms()))
        for minute in self._book.open_minutes():
            self._record(minute, min((minute + 1) * MINUTE_MS, max(now_ms, minute * MINUTE_MS + 1)))

    def _record(self, minute: int, end_ms: int) -> None:
        content = self._book.close(minute)
        t = content.start_ms
        if t < self._began_ms < end_ms:
            t = round(self._began_ms)
        begin_ms = t - self._offset_ms
        self._recorder.put(
            Draft(
                stream="minute",
                t=t,
                dt=end_ms - t,
                clock=self._time.quality_over(begin_ms, begin_ms + end_ms - t),
                values=content.values,
                flags=content.flags,
                tests=content.tests,
                share=content.share,
                detail={"corrected": content.corrected} if content.corrected else {},
            )
        )
