"""An alarm as people and the HTTP interface see it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from collector.alarms.lifecycle import RANK, Alarm
from collector.alarms.texts import label_of


def condition(alarm: Alarm) -> str:
    """active, returned or cleared."""
    return "active" if alarm.active else "returned" if alarm.open else "cleared"


def shown(alarm: Alarm) -> dict[str, Any]:
    """JSON-ready; ``severity`` is the highest seen, ``severity_now`` the present one."""
    return {
        "id": alarm.id,
        "key": alarm.key,
        "rule": alarm.rule,
        "station": alarm.station,
        "series": alarm.series,
        "severity": alarm.severity,
        "severity_now": alarm.severity_now,
        "condition": condition(alarm),
        "title": alarm.title,
        "message": alarm.message,
        "guidance": alarm.guidance,
        "value": alarm.value,
        "limit": alarm.limit,
        "unit": alarm.unit,
        "raised_ms": alarm.raised_ms,
        "returned_ms": alarm.returned_ms,
        "cleared_ms": alarm.cleared_ms,
        "acknowledged": msgspec.to_builtins(alarm.acknowledged) if alarm.acknowledged else None,
        "source_bad": alarm.source_bad,
        "children": list(alarm.children),
        "names": _names(alarm),
        "count": alarm.count,
    }


def _names(alarm: Alarm) -> dict[str, dict[str, str]]:
    """The words for the series and streams it is about, so that a page needs to know nothing else of the station."""
    labels = {name: label_of(name) for name in (alarm.series, *alarm.children) if name}
    return {name: {"en": label.en, "zh": label.zh} for name, label in labels.items() if label is not None}


def urgency(alarm: Alarm) -> tuple[bool, int, int]:
    """Sort key, most urgent last: not acknowledged before acknowledged, then severity, then the newest."""
    return alarm.needs_acknowledging, RANK[alarm.severity], alarm.raised_ms


def worst(alarms: Iterable[Alarm]) -> dict[str, Any] | None:
    """The most urgent of some open alarms, for a station's symbol."""
    found = max(alarms, key=urgency, default=None)
    return None if found is None else {"severity": found.severity, "acknowledged": not found.needs_acknowledging}
