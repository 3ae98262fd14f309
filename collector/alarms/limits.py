"""Values beyond limits: one small state machine per rule, station, series and level.

Values come with committed records (or with ``live``, where a rule asks for it). Only what is newer than the last value seen and not older
than the rule's ``max_age`` counts: a backlog of last week is history, not an alarm. Delays run on the centre's clock from the arrival of
the values, so that a station's wrong clock cannot hasten or hold an alarm. A failed or missing value never raises anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, field

from collector.alarms.condition import Condition, Phase, classify, step
from collector.alarms.lifecycle import RANK, Alarm, Severity
from collector.alarms.rules import LimitRule, RuleSet
from collector.alarms.signals import Signal, alarm_key
from collector.alarms.texts import Both, Facts, number, series_facts
from firmware_config.flags import Flag
from firmware_config.records import Value

UNUSABLE = frozenset({Flag.FAIL, Flag.MISSING})
MAX_PER_STATION = 5_000


@dataclass
class _Limit:
    """One rule on one series of one station."""

    rule: LimitRule
    key: str
    conditions: list[Condition]
    newest_t: int = -1
    was: tuple[Severity | None, bool] = (None, False)
    shown: dict[str, str | Both] = field(default_factory=dict)

    def take(self, value: Value, flag: int, now_ms: int) -> None:
        """Judge one value against every level."""
        number_or_none = float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
        if number_or_none is not None and self.rule.absolute:
            number_or_none = abs(number_or_none)
        rule, timing = self.rule, self.rule.timing()
        for i, level in enumerate(rule.levels):
            reading = classify(number_or_none, flag not in UNUSABLE, side=rule.side, limit=level.limit, deadband=rule.deadband)
            self.conditions[i] = step(self.conditions[i], reading, now_ms, timing)

    @property
    def level(self) -> int | None:
        """The worst level that is on."""
        return max((i for i, condition in enumerate(self.conditions) if condition.on), default=None)


class LimitWatch:
    """All limit rules of the centre."""

    def __init__(self, rules: RuleSet, opened: Mapping[str, Alarm], name: Callable[[str], Both]) -> None:
        """``opened``: open alarms by key, whose conditions start as on. ``name``: a station's name."""
        self._rules = rules
        self._ids = [rule.id for rule in rules.of_kind("limit")]
        self._opened = opened
        self._name = name
        self._limits: dict[str, dict[str, tuple[_Limit, ...]]] = {}
        self._seen: dict[str, set[str]] = {}
        self.unwatched = 0

    def on_values(
        self, source: str, station: str, *, t_end: int, values: Mapping[str, Value], flags: Mapping[str, int], now_ms: int
    ) -> Iterator[Signal]:
        """``source``: records or live. ``t_end``: end of what the values cover (ms UTC)."""
        seen = self._seen.get(station)
        if seen is None:
            seen, self._limits[station] = self._seen.setdefault(station, set()), {}
        if not values.keys() <= seen:
            self._watch(station, values.keys() - seen, seen)
        watched = self._limits[station]
        for series in values.keys() & watched.keys():  # most series have no limits
            value = values[series]
            for limit in watched[series]:
                rule = limit.rule
                if rule.values not in ("any", source) or t_end <= limit.newest_t or now_ms - t_end > rule.max_age:
                    continue
                limit.newest_t = t_end
                flag = flags.get(series, Flag.NOT_EVALUATED if value is not None else Flag.MISSING)
                limit.take(value, flag, now_ms)
                yield from self._tell(limit, station, series, value)

    def _watch(self, station: str, names: Set[str], seen: set[str]) -> None:
        for series in names:
            if len(seen) >= MAX_PER_STATION:  # a station that makes up names must not fill the memory
                self.unwatched += 1
                continue
            seen.add(series)
            rules = (self._rules.effective(rule_id, station, series) for rule_id in self._ids)
            limits = tuple(self._begin(rule, station, series) for rule in rules if isinstance(rule, LimitRule))
            if limits:
                self._limits[station][series] = limits

    def _begin(self, rule: LimitRule, station: str, series: str) -> _Limit:
        key = alarm_key(rule.id, station, series)
        alarm = self._opened.get(key)
        now = alarm.severity_now if alarm is not None and alarm.active else None
        conditions = [Condition(Phase.ON if now is not None and RANK[level.severity] <= RANK[now] else Phase.OFF) for level in rule.levels]
        return _Limit(rule, key, conditions, was=(now, False), shown=series_facts(series))

    def _tell(self, limit: _Limit, station: str, series: str, value: Value) -> Iterator[Signal]:
        level, bad = limit.level, limit.conditions[0].bad
        severity = limit.rule.levels[level].severity if level is not None else None
        if severity is None and limit.was[0] is None:
            limit.was = (None, bad)
            return
        limit.was = (severity, bad)
        crossed = limit.rule.levels[level if level is not None else 0].limit
        shown = float(value) if isinstance(value, (int, float)) else None
        facts = dict(limit.shown)
        facts["limit"], facts["limit_percent"] = number(crossed), number(crossed * 100)
        if shown is not None:
            facts["value"], facts["value_percent"] = number(shown), number(shown * 100)
        unit = facts.get("unit", "")
        yield Signal(
            limit.key,
            limit.rule,
            station,
            severity,
            Facts(self._name(station), facts),
            series=series,
            value=shown,
            limit=crossed,
            unit=unit if isinstance(unit, str) else "",
            bad=bad,
        )
