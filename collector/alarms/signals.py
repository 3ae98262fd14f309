"""What a watch tells the engine: this thing is (or is no longer) the matter, with what an alarm of it would say."""

from __future__ import annotations

from dataclasses import dataclass, field

from collector.alarms.lifecycle import Severity
from collector.alarms.rules import Rule
from collector.alarms.texts import Both, Facts


@dataclass(frozen=True)
class Signal:
    """``severity`` None: it is over. ``bad``: the source can no longer be judged, the last state stands. ``source_t``: time of the station
    event behind it, by which one that was already taken is known again."""

    key: str
    rule: Rule
    station: str
    severity: Severity | None
    facts: Facts = field(default_factory=Facts)
    series: str = ""
    value: float | str | None = None
    limit: float | None = None
    unit: str = ""
    children: tuple[str, ...] = ()
    bad: bool = False
    source_t: int | None = None


def alarm_key(rule_id: str, station: str, *parts: str) -> str:
    """The name of what is watched: one open alarm at most per key."""
    return "/".join((rule_id, station, *(part.replace("/", "_")[:120] for part in parts if part)))


__all__ = ["Both", "Facts", "Signal", "alarm_key"]
