"""The book of open alarms: takes signals, writes what changed into the journal, and only then tells.

One change at a time (a lock), so that an acknowledgement and a return cannot cross. What is told was committed before, with one
exception that is deliberate: when the journal cannot be written (disk full), alarms are still raised and shown, their rows wait in memory
in order and are written when there is room, and acknowledging is refused meanwhile. Better an alarm that a restart forgets than none.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import apsw
import msgspec

from collector.alarms import texts
from collector.alarms.journal import Journal
from collector.alarms.lifecycle import RANK, Alarm, Event, Transition, advance, observe
from collector.alarms.signals import Signal
from collector.errors import AlarmNotFound, AlarmSettled, JournalUnavailable
from firmware_config.base import log
from firmware_config.base.clock import Clock

logger = log.get(__name__)
MAX_WAITING = 20_000
FLOOD_RULE = "alarm-flood"


class AlarmBook:
    """All open alarms by key. Used from the event loop only."""

    def __init__(self, journal: Journal, clock: Clock, tell: Callable[[Alarm], None], *, max_open_per_station: int = 200) -> None:
        """``tell`` is called with every changed alarm after its commit; it must not block."""
        self._journal = journal
        self._clock = clock
        self._tell = tell
        self._max_open = max_open_per_station
        self._lock = asyncio.Lock()
        self._waiting: list[Transition] = []
        self._sources: dict[str, int] = {}
        self._last_id = 0
        self.open: dict[str, Alarm] = {}
        self.journal_error = ""
        self.flooded: dict[str, int] = {}
        self.counts: Counter[str] = Counter()

    async def restore(self) -> None:
        """Open the journal and take up every alarm as it stood."""
        self.open = {alarm.key: alarm for alarm in await self._journal.open()}
        self._last_id = await self._journal.last_id()
        self._sources = await self._journal.newest_sources()

    def of_station(self, station: str) -> list[Alarm]:
        return [alarm for alarm in self.open.values() if alarm.station == station]

    def find_open(self, alarm_id: int) -> Alarm | None:
        return next((alarm for alarm in self.open.values() if alarm.id == alarm_id), None)

    async def take(self, signals: Sequence[Signal], cursors: Sequence[tuple[str, int]] = ()) -> None:
        """Apply signals in order and commit what they change in one transaction."""
        async with self._lock:
            staged: dict[str, Alarm] = {}
            rows: list[Transition] = []
            for signal in signals:
                decided = self._decide(signal, staged)
                if decided:
                    staged[signal.key] = decided[-1].after
                    rows.extend(decided)
            if rows or cursors or self._waiting:
                await self._write(rows, cursors)
                self._adopt(rows)

    async def withdraw(self, keys: Iterable[str]) -> None:
        """Clear alarms whose rule is gone."""
        async with self._lock:
            now = self._clock.now_ms()
            rows = [row for key in keys if key in self.open for row in advance(self.open[key], Event.WITHDRAW, now)]
            if rows:
                await self._write(rows, ())
                self._adopt(rows)

    async def acknowledge(self, alarm_id: int, who: str, comment: str) -> Alarm:
        """Acknowledge an open alarm; one that is acknowledged already stays with the first name.

        Raises AlarmNotFound, AlarmSettled (it is cleared), JournalUnavailable (nothing was changed).
        """
        async with self._lock:
            alarm = self.find_open(alarm_id)
            if alarm is None:
                if await self._journal.find(alarm_id) is None:
                    raise AlarmNotFound(f"there is no alarm {alarm_id}")
                raise AlarmSettled(f"alarm {alarm_id} is cleared already")
            rows = advance(alarm, Event.ACKNOWLEDGE, self._clock.now_ms(), who=who, comment=comment)
            if not rows:
                return alarm
            try:
                await self._journal.write([*self._waiting, *rows])
            except apsw.Error as error:
                self._failed(error)
                raise JournalUnavailable(f"alarm {alarm_id} was not acknowledged: the journal cannot be written ({error})") from error
            self._written()
            self._adopt(rows)
            return rows[-1].after

    def _decide(self, signal: Signal, staged: dict[str, Alarm]) -> tuple[Transition, ...]:
        current = staged.get(signal.key, self.open.get(signal.key))
        now, severity = self._clock.now_ms(), signal.severity
        if severity is None:
            return advance(current, Event.OFF, now) if current is not None and current.active else ()
        if signal.source_t is not None:
            if signal.source_t <= self._sources.get(signal.key, -1):
                return ()  # this report was taken before (a restart, a store filled again)
            self._sources[signal.key] = signal.source_t
        if current is None or not current.open:
            if not self._room(signal, staged):
                return ()
            self._last_id += 1
            current = Alarm(id=self._last_id, key=signal.key, rule=signal.rule.id, station=signal.station)
        elif current.active and RANK[severity] <= RANK[current.severity]:
            return observe(current, now, severity=severity, bad=signal.bad, source_t=signal.source_t)
        event = Event.WORSE if current.active else Event.ON
        return advance(_filled(current, signal), event, now, severity=severity)

    def _room(self, signal: Signal, staged: dict[str, Alarm]) -> bool:
        if signal.rule.id == FLOOD_RULE:
            return True
        new = sum(alarm.station == signal.station and alarm.open for key, alarm in staged.items() if key not in self.open)
        standing = len(self.of_station(signal.station)) + new
        if standing < self._max_open:
            return True
        self.counts["suppressed"] += 1
        self.flooded[signal.station] = standing
        return False

    async def _write(self, rows: Sequence[Transition], cursors: Sequence[tuple[str, int]]) -> None:
        try:
            await self._journal.write([*self._waiting, *rows], cursors)
        except apsw.Error as error:
            self._failed(error)
            self._waiting.extend(rows)
            if len(self._waiting) > MAX_WAITING:
                self.counts["rows_given_up"] += len(self._waiting) - MAX_WAITING
                del self._waiting[: len(self._waiting) - MAX_WAITING]
        else:
            self._written()

    def _failed(self, error: apsw.Error) -> None:
        self.counts["journal_failures"] += 1
        if not self.journal_error:
            logger.error("alarm journal cannot be written; alarms are shown, rows wait in memory", reason=str(error))
        self.journal_error = str(error)

    def _written(self) -> None:
        self._waiting.clear()
        if self.journal_error:
            logger.info("alarm journal is written again")
        self.journal_error = ""

    def _adopt(self, rows: Sequence[Transition]) -> None:
        """Committed rows become what is known, and are told."""
        changed: dict[int, Alarm] = {}
        for row in rows:
            alarm = row.after
            self.counts[row.name] += 1
            changed[alarm.id] = alarm
            if alarm.open:
                self.open[alarm.key] = alarm
            else:
                self.open.pop(alarm.key, None)
        for alarm in changed.values():
            self._tell(alarm)


def _filled(alarm: Alarm, signal: Signal) -> Alarm:
    """The alarm with what the signal says of value, limit and words."""
    return msgspec.structs.replace(
        alarm,
        series=signal.series,
        value=signal.value,
        limit=signal.limit,
        unit=signal.unit,
        children=list(signal.children),
        self_clearing=signal.rule.self_clearing,
        source_bad=signal.bad,
        source_t=signal.source_t if signal.source_t is not None else alarm.source_t,
        **texts.words(signal.rule, signal.facts),
    )
