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
LOOK_BACK = 30
"""How many of a stream's records in one notice are looked through for the newest good value of each series."""
MAX_STREAMS = 100
GAP_MS = 150_000
"""After a silence longer than this a station counts as newly there: its streams get their full time again."""
FUTURE_MS = 600_000
"""A record may end a little ahead of the centre's clock; beyond this its time says nothing."""


@dataclass
class _Child:
    """Something that a station's messages carry, with the rule that watches it. ``condition``: where that rule stands."""

    of: Of
    name: str
    rule: NoDataRule
    key: str
    pending_ms: float
    members: tuple[str, ...]
    condition: Condition


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
    offline: dict[str, Condition] = field(default_factory=dict)
    birth: Birth | None = None
    carried: dict[str, list[str]] = field(default_factory=dict)
    """stream → the series it carries"""
    children: list[_Child] = field(default_factory=list)
    gone: list[Signal] = field(default_factory=list)
    """alarms of what the station no longer carries; they end with the next tick"""


def _reading(counted_ms: int, true_ms: int, allowed_ms: float) -> Reading:
    """How far something is behind, counted from no earlier than the station's return, and in truth."""
    if counted_ms >= allowed_ms:
        return Reading.BEYOND
    return Reading.WITHIN if true_ms < allowed_ms else Reading.BETWEEN


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

    def _of(self, station: str, view: StationView | None) -> _Heard:
        heard = self._stations.get(station)
        if heard is None:
            heard = self._stations[station] = _Heard(self._listening_since)
        if view is not None and view.birth is not None and view.birth is not heard.birth:
            self._learn(station, heard, view.birth)
        return heard

    def _learn(self, station: str, heard: _Heard, birth: Birth) -> None:
        """What a birth says the station carries, and which rules watch it; conditions that run already go on."""
        heard.birth, heard.carried = birth, {}
        instruments: dict[str, list[str]] = {}
        for series, about in birth.series.items():
            heard.carried.setdefault(about.stream, []).append(series)
            instruments.setdefault(about.instrument, []).append(series)
        periods = {series: birth.streams.get(about.stream, 0) for series, about in birth.series.items()}
        running = {child.key: child.condition for child in heard.children}
        heard.children = []

        heard.gone = []

        def watch(of: Of, name: str, period_ms: int, members: tuple[str, ...]) -> None:
            for base in self._rules.of_kind("no_data"):
                rule = self._rules.effective(base.id, station, name)
                if isinstance(rule, NoDataRule) and rule.of == of:
                    key = alarm_key(rule.id, station, name)
                    pending = max(rule.pending, rule.pending_periods * period_ms)
                    condition = running.get(key) or self._before(key)
                    heard.children.append(_Child(of, name, rule, key, pending, members, condition))

        for stream, period_ms in birth.streams.items():
            if period_ms > 0:
                watch("stream", stream, period_ms, ())
        for instrument, members in instruments.items():
            if instrument:
                watch("instrument", instrument, max(periods[series] for series in members), tuple(members))
            for series in members:
                watch("series", series, periods[series], tuple(members) if instrument else ())
        watched = {child.key for child in heard.children}
        for rule in self._rules.of_kind("no_data"):
            for alarm in self._opened.values():
                if alarm.rule == rule.id and alarm.station == station and alarm.key not in watched:
                    heard.gone.append(Signal(alarm.key, rule, station, None))

    def _before(self, key: str) -> Condition:
        """The condition as an alarm from before the restart left it."""
        alarm = self._opened.get(key)
        return Condition(Phase.ON if alarm is not None and alarm.active else Phase.OFF)

    def on_records(self, station: str, records: list[Record], view: StationView | None, now_ms: int) -> None:
        """Note which series came and which could have come."""
        heard = self._of(station, view)
        streams: dict[str, list[Record]] = {}
        for record in records:
            end = record.t + record.dt
            if heard.streams.get(record.stream, 0) <= end <= now_ms + FUTURE_MS and record.clock != "unset":
                streams.setdefault(record.stream, []).append(record)
        for stream, found in streams.items():
            found.sort(key=_end, reverse=True)
            if stream in heard.streams or len(heard.streams) < MAX_STREAMS:
                heard.streams[stream] = _end(found[0])
            sought = heard.carried.get(stream, ())
            for series in sought:
                heard.ref[series] = max(_end(found[0]), heard.ref.get(series, 0))
            for record in found[:LOOK_BACK]:
                if not sought:
                    break
                missing = []
                for series in sought:
                    if _there(record.values.get(series), record.flags.get(series)):
                        heard.good[series] = max(_end(record), heard.good.get(series, 0))
                    else:
                        missing.append(series)
                sought = missing

    def on_live(self, station: str, live: Live, view: StationView | None, now_ms: int) -> None:
        """The same for a ``live`` message, whose ages say when each value was measured."""
        heard = self._of(station, view)
        if live.clock == "unset" or live.t > now_ms + FUTURE_MS or heard.birth is None:
            return
        for series, value in live.values.items():
            if series in heard.birth.series:
                heard.ref[series] = max(live.t, heard.ref.get(series, 0))
                if _there(value, live.flags.get(series)):
                    good = live.t - int(live.ages_s.get(series, 0.0) * 1000)
                    heard.good[series] = max(good, heard.good.get(series, 0))

    def on_tick(self, hub: Hub, now_ms: int) -> Iterator[Signal]:
        """Judge every known station."""
        was_deaf, self._was_deaf = self._was_deaf, self._deaf()
        if was_deaf or self._was_deaf:
            self._listening_since = now_ms  # also at the first tick after: it hears from now on
        if self._was_deaf:
            return
        for station, view in list(hub.stations.items()):
            heard = self._of(station, view)
            if view.heard_ms is not None and view.heard_ms != heard.last_heard:
                if view.heard_ms - heard.last_heard > GAP_MS:
                    heard.online_since = max(heard.online_since, view.heard_ms)
                heard.last_heard = view.heard_ms
            state = view.state.state if view.state is not None else "online"
            heard.left_ms = None if state == "online" else heard.left_ms if heard.left_ms is not None else now_ms
            yield from self._station(station, state, heard, now_ms)
            if heard.left_ms is not None:
                heard.online_since = now_ms
                continue
            yield from heard.gone
            heard.gone.clear()
            for child in heard.children:
                yield from self._child(station, heard, child, now_ms)

    def _station(self, station: str, state: str, heard: _Heard, now_ms: int) -> Iterator[Signal]:
        silent_ms = now_ms - heard.last_heard
        counted_ms = now_ms - max(heard.last_heard, self._listening_since)
        for base in self._rules.of_kind("offline"):
            rule = self._rules.effective(base.id, station)
            if not isinstance(rule, OfflineRule):
                continue
            reading = Reading.WITHIN if state == "stopping" else _reading(counted_ms, silent_ms, rule.silence)
            if heard.left_ms is not None:
                left = now_ms - heard.left_ms >= (rule.will_delay if state == "offline" else rule.stopping_delay)
                reading = Reading.BEYOND if left else Reading.BETWEEN if reading is Reading.WITHIN else reading
            key = alarm_key(rule.id, station)
            before = heard.offline.get(key) or self._before(key)
            after = heard.offline[key] = step(before, reading, now_ms, Timing(0, rule.return_delay))
            if before.on or after.on:
                facts = Facts(self._name(station), {"age": age(silent_ms if heard.last_heard else counted_ms)})
                yield Signal(key, rule, station, rule.severity if after.on else None, facts, children=_parts(heard.birth))

    def _child(self, station: str, heard: _Heard, child: _Child, now_ms: int) -> Iterator[Signal]:
        reference, seen = _progress(heard, child)
        counted_ms = reference - max(seen, heard.online_since)
        before = child.condition
        if counted_ms < child.pending_ms and before.phase is Phase.OFF:
            return  # nearly always
        # before anything was heard since a restart nothing is known, and what was stays
        reading = _reading(counted_ms, reference - seen, child.pending_ms) if reference else Reading.BETWEEN
        child.condition = step(before, reading, now_ms, Timing(0, child.rule.return_delay))
        if before.on or child.condition.on:
            values: dict[str, str | Both] = {"age": age(counted_ms)}
            if child.of == "series":
                values |= series_facts(child.name)
            else:
                values[child.of] = stream_label(child.name) if child.of == "stream" else child.name
            severity = child.rule.severity if child.condition.on else None
            series, hides = (child.name, ()) if child.of == "series" else ("", child.members[:MAX_CHILDREN])
            yield Signal(child.key, child.rule, station, severity, Facts(self._name(station), values), series=series, children=hides)


def _progress(heard: _Heard, child: _Child) -> tuple[int, int]:
    """How far the parent has come, and how far the child: the same while nothing can be said of it."""
    if child.of == "stream":
        return heard.last_heard, heard.streams.get(child.name, 0)
    ref, good = heard.ref, heard.good
    if child.of == "series":
        if child.name not in good or child.name not in ref:  # what never came is not expected
            return 0, 0
        lead = max((good.get(series, 0) for series in child.members), default=ref[child.name])
        return min(lead, ref[child.name]), good[child.name]
    behind, reference, seen = None, 0, 0
    for series in child.members:  # an instrument is as far as its best series
        if series in ref:
            late = ref[series] - max(good.get(series, 0), heard.online_since)
            if behind is None or late < behind:
                behind, reference, seen = late, ref[series], good.get(series, 0)
    return reference, seen


def _end(record: Record) -> int:
    return record.t + record.dt


def _there(value: object, flag: int | None) -> bool:
    return value is not None and flag != Flag.MISSING


def _parts(birth: Birth | None) -> tuple[str, ...]:
    """What an offline station hides: its instruments and streams."""
    if birth is None:
        return ()
    instruments = [str(instrument.get("id", "")) for instrument in birth.instruments]
    return tuple(part for part in (*instruments, *birth.streams) if part)[:MAX_CHILDREN]
