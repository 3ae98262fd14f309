"""Alarm rules: what they may say, how they are read, and which version of a rule holds for a station and a series.

The rules shipped with the program stand in ``rules.yaml``. A centre's configuration may change any of them by id, for all stations or for
those (and those series) that match a pattern, and may add its own. Everything is checked when it is read; a wrong rule is an error with
the rule's id and field, before the centre starts.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, ClassVar, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from collector.alarms.condition import Side, Timing
from collector.alarms.lifecycle import RANK, Severity
from collector.errors import AlarmRuleError
from firmware_config.units import DurationMs

PauseMs = Annotated[DurationMs | Literal[0], BeforeValidator(lambda v: 0 if v in ("0s", "none", 0) else v)]
"""A duration that may also be ``0s``."""


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Text(Model):
    """One text in both languages; placeholders in braces are filled in when the alarm comes."""

    en: str = Field(max_length=1000)
    zh: str = Field(max_length=1000)


class Guidance(Model):
    """What may be behind it, what follows from it, what to do."""

    cause: Text
    consequence: Text
    action: Text


class RuleBase(Model):
    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
    enabled: bool = True
    station: str = "*"
    """pattern of station ids this rule holds for"""
    self_clearing: bool = True
    title: Text
    message: Text
    guidance: Guidance
    placeholders: ClassVar[frozenset[str]] = frozenset({"station"})

    @model_validator(mode="after")
    def _known_placeholders(self) -> RuleBase:
        guidance = self.guidance
        for text in (self.title, self.message, guidance.cause, guidance.consequence, guidance.action):
            for _, field, spec, conversion in (part for words in (text.en, text.zh) for part in string.Formatter().parse(words)):
                if field is not None and (field not in self.placeholders or spec or conversion):
                    raise ValueError(f"placeholder {{{field}}} is not known here; use one of {', '.join(sorted(self.placeholders))}")
        return self


class Level(Model):
    limit: float
    severity: Severity


class LimitRule(RuleBase):
    """A series beyond a limit. Levels rise in severity away from normal; ``absolute`` compares the magnitude."""

    placeholders: ClassVar[frozenset[str]] = frozenset(
        {"station", "series", "place", "value", "limit", "unit", "value_percent", "limit_percent"}
    )
    kind: Literal["limit"]
    series: str
    """pattern of series names"""
    side: Side
    levels: list[Level] = Field(min_length=1, max_length=3)
    deadband: float = Field(0.0, ge=0)
    delay: PauseMs = 0
    return_delay: PauseMs = 0
    count: int = Field(0, ge=0, le=100)
    count_within: PauseMs = 0
    absolute: bool = False
    values: Literal["records", "live", "any"] = "records"
    max_age: DurationMs = 7_200_000
    """older values are history and say nothing about now"""

    @model_validator(mode="after")
    def _levels_rise(self) -> LimitRule:
        sign = 1 if self.side == "high" else -1
        for lower, upper in zip(self.levels, self.levels[1:], strict=False):
            if RANK[upper.severity] <= RANK[lower.severity] or sign * (upper.limit - lower.limit) <= 0:
                raise ValueError("levels must go from the mildest to the worst, each limit further from normal")
        if bool(self.count) != bool(self.count_within):
            raise ValueError("give count and count_within together")
        return self

    def timing(self) -> Timing:
        return Timing(self.delay, self.return_delay, self.count, self.count_within)


class OfflineRule(RuleBase):
    """A station that is silent for ``silence``, whose will spoke ``will_delay`` ago, or that said it stops ``stopping_delay`` ago."""

    placeholders: ClassVar[frozenset[str]] = frozenset({"station", "age"})
    kind: Literal["offline"]
    severity: Severity
    silence: DurationMs
    will_delay: PauseMs = 0
    stopping_delay: PauseMs = 0
    return_delay: PauseMs = 0


class NoDataRule(RuleBase):
    """A stream, instrument or series that is silent while what carries it goes on (the station, the stream, the instrument).

    It waits for ``pending``, or for ``pending_periods`` of the stream's own period where that is longer.
    """

    placeholders: ClassVar[frozenset[str]] = frozenset({"station", "age", "stream", "instrument", "series", "place", "unit"})
    kind: Literal["no_data"]
    of: Literal["stream", "instrument", "series"]
    severity: Severity
    series: str = "*"
    """pattern of the stream's, instrument's or series' name"""
    pending: DurationMs
    pending_periods: float = Field(3.0, ge=1)
    return_delay: PauseMs = 0


class NoticeRule(RuleBase):
    """Something the centre noticed itself. Without ``off`` it counts as returned when nothing was heard of it for ``hold``. The delay is
    in real seconds also when the bench's world runs faster: it is about programs, not about the sea."""

    placeholders: ClassVar[frozenset[str]] = frozenset({"station", "text", "reason", "stream", "count"})
    kind: Literal["notice"]
    severity: Severity
    on: list[str] = Field(min_length=1)
    off: list[str] = []
    per: list[str] = []
    """facts that make it an alarm of its own (one per reason)"""
    delay: PauseMs = 0
    hold: DurationMs = 3_600_000


class EventRule(RuleBase):
    """Something a station reported in its event stream. ``events`` and ``off`` are patterns of event kinds; first matching rule wins."""

    placeholders: ClassVar[frozenset[str]] = frozenset({"station", "text", "reason", "stream", "count"})
    kind: Literal["event"]
    severity: Severity
    events: list[str] = Field(min_length=1)
    off: list[str] = []
    severities: list[Literal["info", "warning", "alarm"]] = ["alarm"]
    per: list[str] = []
    hold: DurationMs = 3_600_000


Rule = LimitRule | OfflineRule | NoDataRule | NoticeRule | EventRule
_ADAPTER: TypeAdapter[Rule] = TypeAdapter(Annotated[Rule, Field(discriminator="kind")])


def _checked(raw: Mapping[str, Any], where: str) -> Rule:
    try:
        return _ADAPTER.validate_python(dict(raw))
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors(include_url=False))
        raise AlarmRuleError(f"alarm rule {raw.get('id')!r} ({where}): {told}") from error


@cache
def default_rules() -> tuple[Mapping[str, Any], ...]:
    """The shipped rules as plain data."""
    return tuple(yaml.safe_load(files("collector.alarms").joinpath("rules.yaml").read_text(encoding="utf-8")))


class RuleSet:
    """The rules of one centre: the shipped ones with the centre's changes."""

    def __init__(self, changes: Sequence[Mapping[str, Any]] = (), defaults: Iterable[Mapping[str, Any]] | None = None) -> None:
        """``changes``: entries of the configuration's ``alarms: rules:``. Raises AlarmRuleError naming the rule and the field."""
        self._raw: dict[str, dict[str, Any]] = {}
        self._narrow: list[dict[str, Any]] = []
        for raw in default_rules() if defaults is None else defaults:
            self._raw[raw["id"]] = dict(raw)
        for change in changes:
            self._take(change)
        self.rules: tuple[Rule, ...] = tuple(_checked(raw, "rules") for raw in self._raw.values())
        self._known: dict[tuple[str, str, str], Rule | None] = {}
        self._made: dict[tuple[str | int, ...], Rule] = {(rule.id,): rule for rule in self.rules}

    def _take(self, change: Mapping[str, Any]) -> None:
        name = change.get("id")
        if not isinstance(name, str):
            raise AlarmRuleError(f"alarm rule without id: {dict(change)!r}; every entry names the rule it changes or adds")
        base = self._raw.get(name)
        if base is None:
            if "kind" not in change:
                raise AlarmRuleError(f"alarm rule {name!r} is not known; one of {', '.join(self._raw)}; a new rule needs its kind")
            self._raw = {name: dict(change), **self._raw}  # before the shipped ones: where the first match counts, it is the centre's
            return
        merged = {**base, **change}
        _checked(merged, "changed in the configuration")
        if "station" in change or "series" in change:
            self._narrow.append(dict(change))
        else:
            self._raw[name] = merged

    def of_kind(self, kind: str) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.rules if rule.kind == kind)

    def effective(self, rule_id: str, station: str, name: str = "") -> Rule | None:
        """The rule as it holds for this station and series (stream, instrument); None where it does not apply or is switched off."""
        key = (rule_id, station, name)
        if key not in self._known:
            if len(self._known) > 50_000:
                self._known.clear()
            self._known[key] = self._resolve(*key)
        return self._known[key]

    def _resolve(self, rule_id: str, station: str, name: str) -> Rule | None:
        raw = self._raw.get(rule_id)
        if raw is None or not _applies(raw, station, name):
            return None
        changes = [i for i, change in enumerate(self._narrow) if change["id"] == rule_id and _applies(change, station, name)]
        made = self._made.get((rule_id, *changes))
        if made is None:
            for i in changes:
                raw = {**raw, **self._narrow[i]}
            made = self._made[rule_id, *changes] = _checked(raw, f"as changed for station {station!r}")
        return made if made.enabled else None


def _applies(raw: Mapping[str, Any], station: str, name: str) -> bool:
    return fnmatchcase(station, raw.get("station", "*")) and fnmatchcase(name, raw.get("series", "*"))
