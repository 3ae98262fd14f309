"""The shapes of the HTTP interface: what is asked and what is answered. All times are UTC in milliseconds since 1970.

Bodies that come in are checked against these; answers are described by them in ``/api/openapi.json`` and held to them by the tests.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Severity = Literal["high", "medium", "low"]
HoleState = Literal["got", "expected", "late", "fetching", "lost", "unused"]
Value = float | int | str | bool | None


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Names(Model):
    """One text in both languages."""

    en: str
    zh: str


class Worst(Model):
    """The most urgent open alarm."""

    severity: Severity
    acknowledged: bool


class Queue(Model):
    """What waits at the station to be sent."""

    depth: float | None
    oldest_age_s: float | None
    share: float | None


class Summary(Model):
    """A station at a glance."""

    id: str
    name: Names
    platform: str
    surface: str
    latitude_deg: float | None
    longitude_deg: float | None
    timezone: str
    simulated: bool
    state: Literal["online", "offline", "stopping", "unknown"]
    heard_ms: int | None
    data_t: int | None
    worst: Worst | None
    alarms: int
    queue: Queue
    software: str
    config_hash: str


class Sink(Model):
    """The time-series database behind the store."""

    ok: bool
    lag_records: int | None
    parked: int
    name: str


class Centre(Model):
    """The centre itself. ``worst`` and ``alarms`` count its own open alarms, not those of the stations."""

    id: str
    state: str
    clock: str
    store_ok: bool
    sink: Sink | None
    parked: int
    version: str
    worst: Worst | None
    alarms: int


class Stations(Model):
    now: int
    centre: Centre
    stations: list[Summary]


class SeriesFacts(Model):
    unit: str
    label: Names
    instrument: str
    tests: list[str]
    stream: str


class BirthFacts(Model):
    """What the station says it is and measures."""

    series: dict[str, SeriesFacts]
    streams: dict[str, int]
    instruments: list[dict[str, Any]]
    site: dict[str, Any]


class Health(Model):
    """The newest health record; ``t`` null: none yet."""

    values: dict[str, Value]
    detail: dict[str, Any]
    t: int | None
    clock: str


class NewestValue(Model):
    t: int
    value: Value
    flag: int
    stream: str


class Detail(Summary):
    """A station, whole."""

    birth: BirthFacts
    health: Health
    newest: dict[str, NewestValue]


Column = list[float | None]


class SeriesData(Model):
    """Columns of equal length; ``min``, ``max``, ``class`` and ``share`` are null where they say nothing."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    unit: str
    label: Names
    t: list[int]
    v: list[Value]
    flag: list[int]
    min: Column
    max: Column
    class_: list[int | None] = Field(alias="class")
    share: Column


class SeriesAnswer(Model):
    """``bucket_ms`` 0: single records, else the width of the means."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    station: str
    from_: int = Field(alias="from")
    to: int
    bucket_ms: int
    series: dict[str, SeriesData]


Hole = tuple[int, int, HoleState, str]
"""first number, last number, state, reason"""
Segment = tuple[int, int, HoleState, str]
"""from, to, state, reason"""


class Epoch(Model):
    epoch: int
    top: int | None
    holes: list[Hole]


class StreamLedger(Model):
    """``ribbon``: what is there and what is not along the time axis, for streams with a period."""

    stream: str
    label: Names
    period_ms: int
    committed: int
    epochs: list[Epoch]
    ribbon: list[Segment]


class LedgerAnswer(Model):
    station: str
    streams: list[StreamLedger]


class Acknowledged(Model):
    who: str
    when_ms: int
    comment: str


class AlarmShape(Model):
    """One occurrence of an alarm. ``severity`` is the highest seen, ``severity_now`` the present one; ``station`` is empty for the centre;
    ``children``: what is silent because of it; ``names``: what the series and streams among these, and its own, are called;
    ``source_bad``: the value can no longer be judged, the last state stands."""

    id: int
    key: str
    rule: str
    station: str
    series: str
    severity: Severity
    severity_now: Severity | None
    condition: Literal["active", "returned", "cleared"]
    title: Names
    message: Names
    guidance: Names
    value: float | str | None
    limit: float | None
    unit: str
    raised_ms: int
    returned_ms: int | None
    cleared_ms: int | None
    acknowledged: Acknowledged | None
    source_bad: bool
    children: list[str]
    names: dict[str, Names]
    count: int


class Alarms(Model):
    alarms: list[AlarmShape]


class Transition(Model):
    """One row of the alarm journal."""

    name: str
    at_ms: int
    severity: Severity
    who: str
    comment: str


class AlarmHistory(Model):
    alarm: AlarmShape
    transitions: list[Transition]


class Acknowledge(Model):
    """``who`` counts only where no login is required, and must be given there."""

    comment: str = Field(default="", max_length=500)
    who: str | None = Field(default=None, max_length=60)


class Login(Model):
    name: str = Field(min_length=1, max_length=60)
    password: str = Field(min_length=1, max_length=200)


class Nothing(BaseModel):
    """An empty object."""

    model_config = ConfigDict(extra="ignore")


class Me(Model):
    name: str | None
    may_acknowledge: bool
    login_required: bool


class Problem(Model):
    """What went wrong, in words."""

    error: str


StationId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
