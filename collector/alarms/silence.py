"""Who has gone silent: a station, one of its streams, one of its instruments, one of its series.

The four are judged against each other, never against the clock alone: a station against the centre's clock, a stream against when the
station was last heard, an instrument against the stream that would carry it, a series against its instrument. When the parent is silent
the children's ages stand still, so one fault is one alarm by construction, and the parent lists what it hides. After an absence the
children's time begins anew. What is known of a station is kept in `firmware_config` records' own times (ms UTC); "heard" is the centre's.

A restart begins every waiting time anew, but an alarm that was on stays on until something has really been heard again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from collector.alarms.condition import Condition, Phase, Reading, Timing, step
from collector.alarms.lifecycle import Alarm
from collector.alarms.rules import NoDataRule, OfflineRule, RuleSet
from collector.alarms.signals import Signal, alarm_key
from collector.alarms.texts import Both, Facts, age, series_facts, stream_label
from collector.hub import Hub, StationView
from firmware_config.flags import Flag
from firmware_config.messages import Birth, Live
from firmware_config.records import Record

Of = Literal["stream", "instrument", "series"]
MAX_CHILDREN = 50
MAX_STREAMS = 100
GAP_MS = 150_000
"""After a silence longer than this a station counts as newly there: its streams get their full time again."""
FUTURE_MS = 600_000
"""A record may end a little ahead of the centre's clock; beyond this its time says nothing."""


@dataclass
class _Heard:
    """What one station has been heard of. ``ref``: newest time at which a series could have come; ``good``: newest at which it did."""

    online_since: int
    streams: dict[str, int] = field(default_factory=dict)
    ref: dict[str, int] = field(default_factory=dict)
    good: dict[str, int] = field(default_factory=dict)
    last_heard: int = 0
    left_ms: int | None = None
    """since when its state says offline or stopping"""
    conditions: dict[str, Condition] = field(default_factory=dict)

    def behind(self, reference: int, seen: int) -> _Behind:
        return _Behind(reference - max(seen, self.online_since), reference - seen)


@dataclass(frozen=True)
class _Behind:
    """How far a child is behind its parent: counted from no earlier than the station's return, and in truth (ms)."""

    counted: int
    true: int

    def reading(self, allowed_ms: float) -> Reading:
        if self.counted >= allowed_ms:
            return Reading.BEYOND
        return Reading.WITHIN if self.true < allowed_ms else Reading.BETWEEN


@dataclass(frozen=True)
class _Child:
    """Something that a station's messages carry."""

    of: Of
    name: str
    behind: _Behind
    period_ms: int
    hides: tuple[str, ...] = ()


class SilenceWatch:
    """The offline and no-data rules of the centre."""

    def __init__(
        self, rules: RuleSet, opened: Mapping[str, Alarm], name: Callable[[str], Both], started_ms: int, deaf: Callable[[], bool]
    ) -> None:
        """``deaf``: True while the centre itself has no connection (then nobody else is at fault)."""
        self._rules = rules
        self._opened = opened
        self._name = name
        self._deaf = deaf
        self._was_deaf = False
        self._listening_since = started_ms
        self._stations: dict[str, _Heard] = {}

    def _of(self, station: str) -> _Heard:
        return self._stations.setdefault(station, _Heard(self._listening_since))

    def on_records(self, station: str, records: list[Record], view: StationView | None, now_ms: int) -> None:
        """Note which series came and which could have come."""
        heard = self._of(station)
        birth = view.birth if view is not None else None
        for record in records:
            end = record.t + record.dt
            if record.clock == "unset" or end > now_ms + FUTURE_MS or end < heard.streams.get(record.stream, 0):
                continue
            if record.stream in heard.streams or len(heard.streams) < MAX_STREAMS:
                heard.streams[record.stream] = end
            for series, about in birth.series.items() if birth is not None else ():
                if about.stream == record.stream:
                    _note(heard, series, end, end if _there(record.values.get(series), record.flags.get(series)) else None)

    def on_live(self, station: str, live: Live, view: StationView | None, now_ms: int) -> None:
        """The same for a ``live`` message, whose ages say when each value was measured."""
        if live.clock == "unset" or live.t > now_ms + FUTURE_MS or view is None or view.birth is None:
            return
        heard = self._of(station)
        for series, value in live.values.items():
            if series in view.birth.series:
                good = live.t - int(live.ages_s.get(series, 0.0) * 1000) if _there(value, live.flags.get(series)) else None
                _note(heard, series, live.t, good)

    def on_tick(self, hub: Hub, now_ms: int) -> Iterator[Signal]:
        """Judge every known station."""
        was_deaf, self._was_deaf = self._was_deaf, self._deaf()
        if was_deaf or self._was_deaf:
            self._listening_since = now_ms  # also at the first tick after: it hears from now on
        if self._was_deaf:
            return
        for station, view in list(hub.stations.items()):
            heard = self._of(station)
            if view.heard_ms is not None and view.heard_ms != heard.last_heard:
                if view.heard_ms - heard.last_heard > GAP_MS:
                    heard.online_since = max(heard.online_since, view.heard_ms)
                heard.last_heard = view.heard_ms
            state = view.state.state if view.state is not None else "online"
            heard.left_ms = None if state == "online" else heard.left_ms if heard.left_ms is not None else now_ms
            yield from self._station(station, view, heard, now_ms)
            if heard.left_ms is not None:
                heard.online_since = now_ms
            elif view.birth is not None:
                for child in (*_streams(view.birth, heard), *_instruments(view.birth, heard)):
                    yield from self._child(station, heard, child, now_ms)

    def _station(self, station: str, view: StationView, heard: _Heard, now_ms: int) -> Iterator[Signal]:
        state = view.state.state if view.state is not None else "online"
        silent = _Behind(now_ms - max(heard.last_heard, self._listening_since), now_ms - heard.last_heard)
        for base in self._rules.of_kind("offline"):
            rule = self._rules.effective(base.id, station)
            if not isinstance(rule, OfflineRule):
                continue
            reading = Reading.WITHIN if state == "stopping" else silent.reading(rule.silence)
            if heard.left_ms is not None:
                left = now_ms - heard.left_ms >= (rule.will_delay if state == "offline" else rule.stopping_delay)
                reading = Reading.BEYOND if left else Reading.BETWEEN if reading is Reading.WITHIN else reading
            key = alarm_key(rule.id, station)
            was, on = self._step(heard, key, reading, now_ms, rule.return_delay)
            if on or was:
                facts = Facts(self._name(station), {"age": age(silent.true if heard.last_heard else silent.counted)})
                yield Signal(key, rule, station, rule.severity if on else None, facts, children=_parts(view))

    def _child(self, station: str, heard: _Heard, child: _Child, now_ms: int) -> Iterator[Signal]:
        for base in self._rules.of_kind("no_data"):
            if not isinstance(base, NoDataRule) or base.of != child.of:
                continue
            rule = self._rules.effective(base.id, station, child.name)
            if not isinstance(rule, NoDataRule):
                continue
            reading = child.behind.reading(max(rule.pending, rule.pending_periods * child.period_ms))
            key = alarm_key(rule.id, station, child.name)
            was, on = self._step(heard, key, reading, now_ms, rule.return_delay)
            if on or was:
                severity = rule.severity if on else None
                series = child.name if child.of == "series" else ""
                yield Signal(key, rule, station, severity, self._facts(station, child), series=series, children=child.hides[:MAX_CHILDREN])

    def _facts(self, station: str, child: _Child) -> Facts:
        values: dict[str, str | Both] = {"age": age(child.behind.counted)}
        if child.of == "series":
            values |= series_facts(child.name)
        else:
            values[child.of] = stream_label(child.name) if child.of == "stream" else child.name
        return Facts(self._name(station), values)

    def _step(self, heard: _Heard, key: str, reading: Reading, now_ms: int, return_ms: int) -> tuple[bool, bool]:
        """``(was on, is on)``."""
        condition = heard.conditions.get(key)
        if condition is None:
            alarm = self._opened.get(key)
            condition = Condition(Phase.ON if alarm is not None and alarm.active else Phase.OFF)
        after = heard.conditions[key] = step(condition, reading, now_ms, Timing(0, return_ms))
        return condition.on, after.on


def _note(heard: _Heard, series: str, ref: int, good: int | None) -> None:
    heard.ref[series] = max(ref, heard.ref.get(series, 0))
    if good is not None:
        heard.good[series] = max(good, heard.good.get(series, 0))


def _there(value: object, flag: int | None) -> bool:
    return value is not None and flag != Flag.MISSING


def _streams(birth: Birth, heard: _Heard) -> Iterator[_Child]:
    for stream, period_ms in birth.streams.items():
        if period_ms > 0:
            yield _Child("stream", stream, heard.behind(heard.last_heard, heard.streams.get(stream, 0)), period_ms)


def _instruments(birth: Birth, heard: _Heard) -> Iterator[_Child]:
    groups: dict[str, list[str]] = {}
    for series, about in birth.series.items():
        if series in heard.ref:
            groups.setdefault(about.instrument, []).append(series)
    for instrument, members in groups.items():
        lead = max(heard.ref[series] for series in members)
        if instrument:
            least = min((heard.behind(heard.ref[s], heard.good.get(s, 0)) for s in members), key=lambda behind: behind.counted)
            period = max(birth.streams.get(birth.series[series].stream, 0) for series in members)
            yield _Child("instrument", instrument, least, period, tuple(members))
            lead = max(heard.good.get(series, 0) for series in members)
        for series in members:
            if series in heard.good:  # what never came is not expected
                behind = heard.behind(min(lead, heard.ref[series]), heard.good[series])
                yield _Child("series", series, behind, birth.streams.get(birth.series[series].stream, 0))


def _parts(view: StationView) -> tuple[str, ...]:
    """What an offline station hides: its instruments and streams."""
    if view.birth is None:
        return ()
    instruments = [str(instrument.get("id", "")) for instrument in view.birth.instruments]
    return tuple(part for part in (*instruments, *view.birth.streams) if part)[:MAX_CHILDREN]
