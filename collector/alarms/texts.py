"""The words of an alarm: a rule's templates filled with names, values and ages, in both languages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from collector.alarms.rules import Rule, Text
from collector.hub import StationView
from firmware_config.errors import ContractError
from firmware_config.quantities import describe, split_series
from firmware_config.streams import STREAMS

MAX_TEXT = 500
_FIELD = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True)
class Both:
    """One text in both languages."""

    en: str
    zh: str

    def get(self, language: str) -> str:
        return self.zh if language == "zh" else self.en


@dataclass(frozen=True)
class Facts:
    """What the templates may name; missing ones are left out of the sentence."""

    station: Both = Both("the centre", "中心")
    values: Mapping[str, str | Both] = field(default_factory=dict)


def station_name(view: StationView | None, station: str) -> Both:
    """The station's own name, or its id while its birth is not known."""
    if not station:
        return Both("The centre", "中心")
    names = view.birth.name if view is not None and view.birth is not None else {}
    return Both(names.get("en") or station, names.get("zh") or station)


def series_facts(series: str) -> dict[str, str | Both]:
    """Label, place and unit of a series."""
    try:
        unit, en, zh = describe(series)
        return {"series": Both(en, zh), "place": split_series(series).place, "unit": unit}
    except ContractError:
        return {"series": series, "place": "", "unit": ""}


def stream_label(stream: str) -> Both:
    known = STREAMS.get(stream)
    return Both(known.title_en, known.title_zh) if known else Both(stream, stream)


def label_of(name: str) -> Both | None:
    """How a series or stream is called, without its place; None for anything else (an instrument's id is its name)."""
    if "@" not in name:
        return stream_label(name) if name in STREAMS else None
    label = series_facts(name)["series"]
    return label if isinstance(label, Both) else None


def number(value: float) -> str:
    """Four significant digits, without an exponent where a person would not write one."""
    text = f"{value:.4g}"
    return f"{value:.0f}" if "e" in text and abs(value) < 1e12 and abs(value) >= 1 else text


def age(milliseconds: float) -> Both:
    """A duration as a person says it.

    >>> age(7_500_000).en
    '2 h 5 min'
    """
    seconds = max(0, int(milliseconds // 1000))
    if seconds < 120:
        return Both(f"{seconds} s", f"{seconds} 秒")
    minutes = seconds // 60
    if minutes < 120:
        return Both(f"{minutes} min", f"{minutes} 分钟")
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        rest_en, rest_zh = (f" {minutes} min", f" {minutes} 分钟") if minutes else ("", "")
        return Both(f"{hours} h{rest_en}", f"{hours} 小时{rest_zh}")
    days, hours = divmod(hours, 24)
    return Both(f"{days} d {hours} h", f"{days} 天 {hours} 小时")


def _fill(template: str, facts: Facts, language: str) -> str:
    def found(match: re.Match[str]) -> str:
        value = facts.station if match[1] == "station" else facts.values.get(match[1], "")
        return value.get(language) if isinstance(value, Both) else value

    return _FIELD.sub(found, template).strip()[:MAX_TEXT]


def _in_both(text: Text, facts: Facts) -> dict[str, str]:
    return {"en": _fill(text.en, facts, "en"), "zh": _fill(text.zh, facts, "zh")}


def words(rule: Rule, facts: Facts) -> dict[str, Any]:
    """Title, message and guidance of an alarm of this rule, as fields of `Alarm`."""
    parts = rule.guidance
    guidance = {
        "en": f"Cause: {parts.cause.en}\nConsequence: {parts.consequence.en}\nWhat to do: {parts.action.en}",
        "zh": f"原因:{parts.cause.zh}\n后果:{parts.consequence.zh}\n处理:{parts.action.zh}",
    }
    return {"title": _in_both(rule.title, facts), "message": _in_both(rule.message, facts), "guidance": guidance}


def plain(text: object, limit: int = 300) -> str:
    """Text from outside as one printable line of bounded length."""
    return "".join(c if c.isprintable() else " " for c in str(text))[:limit].strip()
