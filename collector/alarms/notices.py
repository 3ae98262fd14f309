"""What the centre noticed itself and what stations report: conditions that come as messages rather than as values.

A condition with an "over" message ends with it; one without ends when nothing was heard of it for the rule's ``hold``. Repeats while it
is there change nothing, so a thousand parked messages of one reason are one alarm.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from collector.alarms.condition import Condition, Phase, Reading, Timing, step
from collector.alarms.lifecycle import Alarm
from collector.alarms.rules import EventRule, NoticeRule, RuleSet
from collector.alarms.signals import Signal, alarm_key
from collector.alarms.texts import Both, Facts, number, plain, stream_label
from firmware_config.records import Record

MAX_HELD = 10_000
TEXTS = ("text_en", "text", "detail", "explanation", "error")
"""Where a notice or report says in words what happened, first found."""
EVENT_AGE_MS = 30 * 86_400_000
"""A report older than this, however late it comes, belongs to the past."""


@dataclass
class _Held:
    """A condition that was told of: when last, and what it would say."""

    signal: Signal
    condition: Condition
    last_ms: int


class NoticeWatch:
    """The notice and event rules of the centre."""

    def __init__(self, rules: RuleSet, opened: Mapping[str, Alarm], name: Callable[[str], Both], now_ms: int, speed: float) -> None:
        """``speed``: world seconds per real second, for delays that are real."""
        self._rules = rules
        self._name = name
        self._speed = speed
        self._held: dict[str, _Held] = {}
        for alarm in opened.values():  # what was there before the restart is held on from now
            rule = rules.effective(alarm.rule, alarm.station)
            if alarm.active and alarm.severity_now is not None and isinstance(rule, (NoticeRule, EventRule)):
                signal = Signal(alarm.key, rule, alarm.station, alarm.severity_now, series=alarm.series)
                self._held[alarm.key] = _Held(signal, Condition(Phase.ON), now_ms)

    def on_centre(self, station: str, notice: Mapping[str, Any], now_ms: int) -> Iterator[Signal]:
        """A notice of kind ``centre``: ``kind`` and facts."""
        kind = str(notice.get("kind", ""))
        for base in self._rules.of_kind("notice"):
            rule = self._rules.effective(base.id, station)
            if not isinstance(rule, NoticeRule):
                continue
            if kind in rule.on:
                yield from self._on(self._signal(rule, station, notice), now_ms, rule)
            elif kind in rule.off:
                yield from self._off(alarm_key(rule.id, station, *_parts(rule.per, notice)), now_ms)

    def on_event(self, record: Record, now_ms: int) -> Iterator[Signal]:
        """A committed record of the event stream."""
        kind = plain(record.values.get("kind", ""), 60)
        if record.clock != "unset" and now_ms - record.t > EVENT_AGE_MS:
            return
        facts = {**record.detail, "kind": kind}
        for base in self._rules.of_kind("event"):
            rule = self._rules.effective(base.id, record.station)
            if not isinstance(rule, EventRule):
                continue
            if any(fnmatchcase(kind, pattern) for pattern in rule.off):
                yield from self._off(alarm_key(rule.id, record.station, *_parts(rule.per or ["kind"], facts)), now_ms)
                return
            if record.values.get("severity") in rule.severities and any(fnmatchcase(kind, pattern) for pattern in rule.events):
                signal = self._signal(rule, record.station, facts)
                yield from self._on(replace(signal, source_t=record.t), now_ms, rule)
                return

    def _signal(self, rule: NoticeRule | EventRule, station: str, facts: Mapping[str, Any]) -> Signal:
        per = rule.per or (["kind"] if isinstance(rule, EventRule) else [])
        text = plain(next((facts[name] for name in TEXTS if facts.get(name)), facts["kind"] if isinstance(rule, EventRule) else ""))
        told: dict[str, str | Both] = {"text": Both(text, plain(facts.get("text_zh") or text))}
        if "reason" in facts:
            told["reason"] = plain(facts["reason"], 100)
        if "stream" in facts:
            told["stream"] = stream_label(plain(facts["stream"], 60))
        if isinstance(facts.get("count"), (int, float)):
            told["count"] = number(facts["count"])
        key = alarm_key(rule.id, station, *_parts(per, facts))
        return Signal(key, rule, station, rule.severity, Facts(self._name(station), told))

    def _on(self, signal: Signal, now_ms: int, rule: NoticeRule | EventRule) -> Iterator[Signal]:
        held = self._held.get(signal.key)
        if held is None:
            if len(self._held) >= MAX_HELD:
                return
            held = self._held[signal.key] = _Held(signal, Condition(), now_ms)
        if signal.facts.values.get("text") != Both("", ""):  # one without words does not wipe out those that came before
            held.signal = signal
        held.last_ms = now_ms
        yield from self._judge(held, now_ms, rule)

    def _off(self, key: str, now_ms: int) -> Iterator[Signal]:
        held = self._held.get(key)
        if held is not None:
            yield from self._end(held, now_ms)

    def _judge(self, held: _Held, now_ms: int, rule: NoticeRule | EventRule) -> Iterator[Signal]:
        delay = int(rule.delay * self._speed) if isinstance(rule, NoticeRule) else 0
        held.condition = step(held.condition, Reading.BEYOND, now_ms, Timing(delay))
        if held.condition.on:
            yield held.signal

    def _end(self, held: _Held, now_ms: int) -> Iterator[Signal]:
        was = held.condition.on
        held.condition = step(held.condition, Reading.WITHIN, now_ms, Timing())
        self._held.pop(held.signal.key, None)
        if was:
            yield replace(held.signal, severity=None)

    def on_tick(self, now_ms: int) -> Iterator[Signal]:
        """Delays that have run out, and conditions nothing was heard of for long enough."""
        for held in list(self._held.values()):
            rule = held.signal.rule
            if not isinstance(rule, (NoticeRule, EventRule)):
                continue
            if not rule.off and now_ms - held.last_ms >= rule.hold:
                yield from self._end(held, now_ms)
            elif not held.condition.on:
                yield from self._judge(held, now_ms, rule)


def of_whom(station: str, known: Container[str], facts: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """A notice about a sender that is no station of ours is the centre's own matter: strangers must not fill the list by many names."""
    if not station or station in known:
        return station, facts
    words = next((facts[name] for name in TEXTS if facts.get(name)), "")
    return "", {**facts, "text_en": f"{plain(station, 64)}: {words}"}


def _parts(per: list[str], facts: Mapping[str, Any]) -> list[str]:
    return [plain(facts.get(name, ""), 100) for name in per]
