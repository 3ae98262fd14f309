"""The alarm engine: listens to the centre's hub, lets the watches judge, and keeps the book.

One task in the event loop. It sleeps until something is published or half a real second has passed, takes everything that waits as one
group, and commits what follows from it in one transaction. A fault in one rule or one message is logged and counted and ends nothing.
What was committed to the store while the engine was away (killed, or its queue overflowed) is read from the store and made up for.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import apsw

from collector.alarms import texts
from collector.alarms.book import AlarmBook
from collector.alarms.catchup import missed_since
from collector.alarms.clocks import FRESH_MS, OFFSET, ClockWatch
from collector.alarms.journal import Journal
from collector.alarms.lifecycle import Alarm
from collector.alarms.limits import LimitWatch
from collector.alarms.notices import EVENT_AGE_MS, NoticeWatch, of_whom
from collector.alarms.rules import RuleSet
from collector.alarms.settings import AlarmSettings
from collector.alarms.show import shown
from collector.alarms.signals import Both, Signal
from collector.alarms.silence import SilenceWatch
from collector.errors import JournalUnavailable
from collector.hub import Hub, Notice
from collector.store.queries import ReaderPool
from firmware_config.base import log
from firmware_config.base.clock import Clock
from firmware_config.flags import Flag
from firmware_config.messages import Live
from firmware_config.records import Record, Value

logger = log.get(__name__)
TICK_REAL_S = 0.5
GROUP = 100
CURSOR_EVERY_REAL_S = 20.0
UNDERWAY_REAL_MS = 5_000
"""What was committed so lately may not have been published yet."""
OVERLAP_MS = 3_600_000
FIRST_LOOK_BACK_MS = 7 * 86_400_000
STANDING = (
    ("ingest", "broker", "broker_down", "broker_up"),
    ("ingest", "store_ok", "disk_full", "disk_ok"),
    ("sink", "ok", "sink_down", "sink_up"),
)
"""part of the centre, fact it reports, and the notices that stand for false and true"""
Status = Mapping[str, Callable[[], dict[str, Any]]]


class AlarmEngine:
    """The alarms of one centre. `start` restores and begins; `stop` ends cleanly; `book` is what the API reads."""

    def __init__(self, *, hub: Hub, clock: Clock, data: Path, settings: AlarmSettings, reader: ReaderPool | None, status: Status) -> None:
        """``data``: folder of ``alarms.db``. ``status``: what the centre's parts say of themselves (``ingest``: broker; ``sink``: ok).
        Raises AlarmRuleError when a rule is wrong."""
        self._hub = hub
        self._clock = clock
        self._reader = reader
        self._status = status
        self.rules = RuleSet(settings.rules)
        self.journal = Journal(data / "alarms.db")
        self.book = AlarmBook(self.journal, clock, self._publish, max_open_per_station=settings.max_open_per_station)
        self.counts: Counter[str] = Counter()
        self._task: asyncio.Task[None] | None = None
        self._ticked = self._cursor_at = 0.0
        self._missed = hub.missed
        self._behind = True
        self._complained = -1e9
        self._store_silent = False

    async def start(self) -> None:
        """Restore the open alarms and begin to watch. JournalUnavailable when the journal cannot be opened."""
        try:
            await self.book.restore()
        except apsw.Error as error:
            raise JournalUnavailable(f"{self.journal.path} cannot be opened: {error}; make room or mend the permissions") from error
        now = self._clock.now_ms()
        opened = self.book.open
        self._limits = LimitWatch(self.rules, opened, self._name)
        self._silence = SilenceWatch(self.rules, opened, self._name, now, self._deaf)
        self._clocks = ClockWatch(max(FRESH_MS, int(UNDERWAY_REAL_MS * self._clock.speed)))
        self._notices = NoticeWatch(self.rules, opened, self._name, now, self._clock.speed)
        await self.book.withdraw([alarm.key for alarm in opened.values() if not self._still_ruled(alarm)])
        if self.journal.damage:
            await self.book.take(list(self._notices.on_centre("", {"kind": "journal_damaged", "text": self.journal.damage}, now)))
        self._queue = self._hub.subscribe()
        self._task = asyncio.create_task(self._run(), name="alarms")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._hub.unsubscribe(self._queue)
        await self.journal.close()

    @property
    def alive(self) -> bool:
        return self._task is not None and not self._task.done()

    def _still_ruled(self, alarm: Alarm) -> bool:
        name = alarm.series or alarm.key.rsplit("/", 1)[-1]
        return self.rules.effective(alarm.rule, alarm.station, name) is not None

    def _name(self, station: str) -> Both:
        return texts.station_name(self._hub.stations.get(station), station)

    def _publish(self, alarm: Alarm) -> None:
        self._hub.publish(Notice("alarm", alarm.station, shown(alarm)))

    def _complain(self, what: str) -> None:
        """Count a fault of ours; its traceback goes to the log at most once a minute."""
        self.counts["errors"] += 1
        if time.monotonic() - self._complained > 60:
            self._complained = time.monotonic()
            logger.exception("alarms: fault while judging; going on", what=what)

    async def _run(self) -> None:
        while True:
            try:
                await self._once()
            except Exception:
                self._complain("group")
                await asyncio.sleep(1.0)

    async def _once(self) -> None:
        group: list[Notice] = []
        wait = self._ticked + TICK_REAL_S - time.monotonic()
        if wait > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):  # wait_for may swallow the end of the task before Python 3.12
                    group.append(await self._queue.get())
        while len(group) < GROUP and not self._queue.empty():
            group.append(self._queue.get_nowait())
        signals: list[Signal] = []
        for notice in group:
            self._judge(notice, signals)
        if time.monotonic() - self._ticked >= TICK_REAL_S:
            self._ticked = time.monotonic()
            await self._make_up(signals)
            self._collect(signals, self._of_tick, "tick")
        await self.book.take(signals, self._cursors())

    def _collect(self, signals: list[Signal], judge: Callable[[], Iterable[Signal]], what: str) -> None:
        try:
            signals.extend(judge())
        except Exception:
            self._complain(what)

    def _judge(self, notice: Notice, signals: list[Signal]) -> None:
        """What follows from one notice; each record of a batch is judged on its own."""
        now, station, payload = self._clock.now_ms(), notice.station, notice.payload
        if notice.kind == "records":
            self._collect(signals, partial(self._of_records, station, payload, now), "records")
            for record in payload if isinstance(payload, list) else ():
                self._collect(signals, partial(self._of_record, station, record, now), "record")
        elif notice.kind == "clock":
            self._collect(signals, partial(self._of_clock, station, self._clocks.heard(station, payload, now), now), "clock")
        elif notice.kind == "live":
            self._collect(signals, partial(self._of_live, station, payload, now), "live")
        elif notice.kind == "centre":
            self._collect(signals, partial(self._of_centre, station, payload, now), "centre")

    def _of_records(self, station: str, records: list[Record], now: int) -> Iterable[Signal]:
        self._silence.on_records(station, records, self._hub.stations.get(station), now)
        return ()

    def _of_record(self, station: str, record: Record, now: int) -> Iterator[Signal]:
        if record.stream == "event":
            yield from self._notices.on_event(record, now)
        elif record.clock != "unset":
            values = {name: value for name, value in record.values.items() if name != OFFSET}
            end = record.t + record.dt
            yield from self._limits.on_values("records", station, t_end=end, values=values, flags=record.flags, now_ms=now)
            yield from self._of_clock(station, self._clocks.compared(record, now), now)

    def _of_clock(self, station: str, offset_s: float | None, now: int) -> Iterator[Signal]:
        """A clock is judged by when word of it came, whatever it says itself."""
        if offset_s is not None:
            values: dict[str, Value] = {OFFSET: offset_s}
            yield from self._limits.on_values("records", station, t_end=now, values=values, flags={OFFSET: Flag.GOOD}, now_ms=now)

    def _of_centre(self, station: str, facts: Mapping[str, Any], now: int) -> Iterator[Signal]:
        whom, told = of_whom(station, self._hub.stations, facts)
        return self._notices.on_centre(whom, told, now)

    def _of_live(self, station: str, live: Live, now: int) -> Iterator[Signal]:
        self._silence.on_live(station, live, self._hub.stations.get(station), now)
        if live.clock != "unset":
            yield from self._limits.on_values("live", station, t_end=live.t, values=live.values, flags=live.flags, now_ms=now)

    def _says(self, part: str) -> Mapping[str, Any]:
        """What a part of the centre says of itself now; nothing when it does not run."""
        try:
            return self._status[part]() if part in self._status else {}
        except Exception:
            self._complain(f"status of {part}")
            return {}

    def _deaf(self) -> bool:
        return self._says("ingest").get("broker") is False

    def _of_tick(self) -> Iterator[Signal]:
        now = self._clock.now_ms()
        yield from self._silence.on_tick(self._hub, now)
        for notice in self._standing():
            yield from self._notices.on_centre("", notice, now)
        for station, count in self.book.flooded.items():
            yield from self._notices.on_centre(station, {"kind": "alarm_flood", "count": count}, now)
        self.book.flooded.clear()
        yield from self._notices.on_tick(now)

    def _standing(self) -> Iterator[dict[str, Any]]:
        """How things stand, told again at each tick, so that no lost message can hold or hide a condition."""
        for part, fact, bad, good in STANDING:
            facts = self._says(part)
            if isinstance(facts.get(fact), bool):
                yield {"kind": good} if facts[fact] else {"kind": bad, "text": facts.get("error") or ""}
        error = self.book.journal_error
        yield {"kind": "journal_full", "text": error} if error else {"kind": "journal_ok"}

    def _cursors(self) -> list[tuple[str, int]]:
        """From time to time: up to when the store was watched."""
        due = time.monotonic() - self._cursor_at >= CURSOR_EVERY_REAL_S
        if self._behind or not due or not self._queue.empty():
            return []
        self._cursor_at = time.monotonic()
        return [("watched_ms", self._clock.now_ms() - int(UNDERWAY_REAL_MS * self._clock.speed))]

    async def _make_up(self, signals: list[Signal]) -> None:
        """Read from the store what was missed; tried again at the next tick when the store does not answer."""
        if self._hub.missed != self._missed:
            self._missed, self._behind = self._hub.missed, True
        if not self._behind or self._reader is None:
            return
        now = self._clock.now_ms()
        since = await self.journal.cursor("watched_ms")
        first = since is None
        start = now - FIRST_LOOK_BACK_MS if since is None else since
        try:
            missed = await self._reader.run(lambda r: missed_since(r, start, 0 if first else OVERLAP_MS, start - EVENT_AGE_MS))
        except Exception as error:
            if not self._store_silent:
                logger.info("alarms: the store cannot be asked yet for what was missed; trying on", reason=str(error))
            self._store_silent = True
            return
        self._behind = self._store_silent = False
        for record in missed.events:
            self._collect(signals, partial(self._notices.on_event, record, now), "event")
        for station, facts in missed.notices:
            self._collect(signals, partial(self._notices.on_centre, station, facts, now), "notice")
