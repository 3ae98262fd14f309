"""What becomes of an alarm: raised, acknowledged, returned, cleared. A table and one pure function over it.

States are those of ISA-18.2 that this centre knows so far (normal; active and not acknowledged; active and acknowledged; returned and
not acknowledged); latched, shelved, suppressed and out of service are further rows and columns of the same table.

Rules: an alarm that returned and was acknowledged, in either order, is cleared. A self-clearing rule (informational, low severity)
clears at its return without anyone. The highest severity seen stays until the alarm is cleared, and an alarm that gets worse after
it was acknowledged must be acknowledged again.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

import msgspec

Severity = Literal["low", "medium", "high"]
SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high")
RANK: Mapping[str, int] = MappingProxyType({name: rank for rank, name in enumerate(SEVERITIES)})


class State(StrEnum):
    NORMAL = "normal"
    ACTIVE_UNACKNOWLEDGED = "active_unacknowledged"
    ACTIVE_ACKNOWLEDGED = "active_acknowledged"
    RETURNED_UNACKNOWLEDGED = "returned_unacknowledged"


class Event(StrEnum):
    ON = "on"
    WORSE = "worse"
    OFF = "off"
    ACKNOWLEDGE = "acknowledge"
    WITHDRAW = "withdraw"
    """The rule or the station is no longer watched."""


_N, _AU, _AA, _RU = State.NORMAL, State.ACTIVE_UNACKNOWLEDGED, State.ACTIVE_ACKNOWLEDGED, State.RETURNED_UNACKNOWLEDGED

TABLE: Mapping[tuple[State, Event], State] = MappingProxyType(
    {
        (_N, Event.ON): _AU,
        (_N, Event.WORSE): _AU,
        (_N, Event.OFF): _N,
        (_N, Event.ACKNOWLEDGE): _N,
        (_N, Event.WITHDRAW): _N,
        (_AU, Event.ON): _AU,
        (_AU, Event.WORSE): _AU,
        (_AU, Event.OFF): _RU,
        (_AU, Event.ACKNOWLEDGE): _AA,
        (_AU, Event.WITHDRAW): _N,
        (_AA, Event.ON): _AA,
        (_AA, Event.WORSE): _AU,
        (_AA, Event.OFF): _N,
        (_AA, Event.ACKNOWLEDGE): _AA,
        (_AA, Event.WITHDRAW): _N,
        (_RU, Event.ON): _AU,
        (_RU, Event.WORSE): _AU,
        (_RU, Event.OFF): _RU,
        (_RU, Event.ACKNOWLEDGE): _N,
        (_RU, Event.WITHDRAW): _N,
    }
)


def next_state(state: State, event: Event, *, self_clearing: bool = False) -> State:
    """The state after ``event``; every cell of the table is defined."""
    after = TABLE[state, event]
    return State.NORMAL if self_clearing and after is State.RETURNED_UNACKNOWLEDGED else after


class Acknowledgement(msgspec.Struct, frozen=True):
    who: str
    when_ms: int
    comment: str


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """One occurrence of one alarm, from raised to cleared.

    ``key`` names what is watched (rule, station and thing): at most one occurrence of a key is open. ``value`` and ``limit`` are those
    at raising or at the last worsening. ``severity`` is the highest seen, ``severity_now`` the present one (None: returned).
    ``children``: what this alarm hides (an offline station's streams). ``count``: how often it came on. ``source_t``: time of the newest
    station event behind it. ``station`` is empty for the centre itself.
    """

    id: int
    key: str
    rule: str
    station: str
    series: str = ""
    state: State = State.NORMAL
    severity: Severity = "low"
    severity_now: Severity | None = None
    title: dict[str, str] = {}
    message: dict[str, str] = {}
    guidance: dict[str, str] = {}
    value: float | str | None = None
    limit: float | None = None
    unit: str = ""
    raised_ms: int = 0
    returned_ms: int | None = None
    cleared_ms: int | None = None
    acknowledged: Acknowledgement | None = None
    self_clearing: bool = False
    source_bad: bool = False
    children: list[str] = []
    count: int = 0
    source_t: int | None = None

    @property
    def open(self) -> bool:
        return self.state is not State.NORMAL

    @property
    def active(self) -> bool:
        return self.state in (State.ACTIVE_UNACKNOWLEDGED, State.ACTIVE_ACKNOWLEDGED)

    @property
    def needs_acknowledging(self) -> bool:
        return self.state in (State.ACTIVE_UNACKNOWLEDGED, State.RETURNED_UNACKNOWLEDGED)


TransitionName = Literal[
    "raised", "worse", "returned", "acknowledged", "cleared", "withdrawn", "changed", "source_bad", "source_good", "repeated"
]


class Transition(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the journal: what happened to an alarm, and how the alarm stood afterwards."""

    name: TransitionName
    at_ms: int
    after: Alarm
    who: str = ""
    comment: str = ""


def advance(
    alarm: Alarm, event: Event, now_ms: int, *, severity: Severity | None = None, who: str = "", comment: str = ""
) -> tuple[Transition, ...]:
    """What ``event`` does to ``alarm``: the transitions in order, none when it changes nothing.

    ``severity`` goes with ON and WORSE. The caller fills in texts and values beforehand; this function owns state, severity, times,
    acknowledgement and count.
    """
    before = alarm.state
    after = next_state(before, event, self_clearing=alarm.self_clearing and alarm.severity == "low")
    if event in (Event.ON, Event.WORSE):
        return _come_on(alarm, event, after, now_ms, severity or alarm.severity)
    if after is before:
        return ()
    if event is Event.ACKNOWLEDGE:
        mark = Acknowledgement(who=who, when_ms=now_ms, comment=comment)
        seen = msgspec.structs.replace(alarm, state=after, acknowledged=mark)
        first = Transition(name="acknowledged", at_ms=now_ms, after=seen, who=who, comment=comment)
    elif event is Event.WITHDRAW:
        gone = msgspec.structs.replace(alarm, state=after, severity_now=None, cleared_ms=now_ms)
        return (Transition(name="withdrawn", at_ms=now_ms, after=gone),)
    else:
        gone = msgspec.structs.replace(alarm, state=after, severity_now=None, returned_ms=now_ms, source_bad=False)
        first = Transition(name="returned", at_ms=now_ms, after=gone)
    if after is not State.NORMAL:
        return (first,)
    cleared = msgspec.structs.replace(first.after, cleared_ms=now_ms)
    return first, Transition(name="cleared", at_ms=now_ms, after=cleared)


def observe(alarm: Alarm, now_ms: int, *, severity: Severity, bad: bool, source_t: int | None) -> tuple[Transition, ...]:
    """What a further sign of an active alarm that got no worse changes: its present severity, its source, a repeated report."""
    rows: list[Transition] = []
    if bad != alarm.source_bad:
        alarm = msgspec.structs.replace(alarm, source_bad=bad)
        rows.append(Transition(name="source_bad" if bad else "source_good", at_ms=now_ms, after=alarm))
    if severity != alarm.severity_now:
        alarm = msgspec.structs.replace(alarm, severity_now=severity)
        rows.append(Transition(name="changed", at_ms=now_ms, after=alarm))
    if source_t is not None and source_t > (alarm.source_t or 0):
        alarm = msgspec.structs.replace(alarm, source_t=source_t, count=alarm.count + 1)
        rows.append(Transition(name="repeated", at_ms=now_ms, after=alarm))
    return tuple(rows)


def _come_on(alarm: Alarm, event: Event, after: State, now_ms: int, severity: Severity) -> tuple[Transition, ...]:
    fresh = not alarm.active
    worse = event is Event.WORSE and RANK[severity] > RANK[alarm.severity]
    if not fresh and not worse:
        return ()
    changed = msgspec.structs.replace(
        alarm,
        state=after,
        severity=severity if alarm.state is State.NORMAL or RANK[severity] > RANK[alarm.severity] else alarm.severity,
        severity_now=severity,
        raised_ms=now_ms if alarm.state is State.NORMAL else alarm.raised_ms,
        returned_ms=None,
        acknowledged=None if after is State.ACTIVE_UNACKNOWLEDGED else alarm.acknowledged,
        count=alarm.count + 1 if fresh else alarm.count,
    )
    return (Transition(name="raised" if fresh else "worse", at_ms=now_ms, after=changed),)
