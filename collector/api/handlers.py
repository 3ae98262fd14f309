"""The questions of the HTTP interface, one function each. Parameters are checked by their annotations; everything has a limit.

The names of the annotations are what ``/api/openapi.json`` describes (see `collector.api.openapi`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

from aiohttp import web
from aiohttp_pydantic.decorator import inject_params
from aiohttp_pydantic.oas.typing import r200, r400, r401, r404, r409, r429, r503
from pydantic import Field, ValidationError

from collector.alarms.show import shown
from collector.alarms.texts import plain
from collector.api import ledger, series, stations
from collector.api.context import CONTEXT, Context, encoded_answer, json_answer, problem
from collector.api.models import (
    Acknowledge,
    AlarmHistory,
    Alarms,
    AlarmShape,
    Detail,
    LedgerAnswer,
    Login,
    Me,
    Nothing,
    Problem,
    SeriesAnswer,
    StationId,
    Stations,
)
from collector.hub import StationView

Handler = TypeVar("Handler", bound=Callable[..., Any])
MAX_MS = 2**53
FromMs = Annotated[int, Field(alias="from", ge=0, lt=MAX_MS, description="begin of the period, ms UTC")]
ToMs = Annotated[int, Field(alias="to", ge=0, lt=MAX_MS, description="end of the period (not in it), ms UTC")]
SeriesNames = Annotated[str, Field(alias="series", min_length=1, max_length=4_000, description="series names, separated by commas")]
Points = Annotated[int, Field(ge=1, le=series.MAX_POINTS, description="at most so many values a series; more become half-hour means")]
Limit = Annotated[int, Field(ge=1, le=2_000)]
AlarmId = Annotated[int, Field(ge=1, lt=MAX_MS)]


async def refused(error: ValidationError, context: str) -> web.Response:
    """What is wrong with a request, in words."""
    told = "; ".join(f"{'.'.join(str(part) for part in e['loc']) or context}: {e['msg']}" for e in error.errors(include_url=False)[:10])
    return problem(400, f"{context}: {told}"[:1_000])


def checked(handler: Handler) -> Handler:
    """Parameters come from path, query and body as the handler's annotations say; what does not fit never reaches it."""
    made: Handler = inject_params(on_validation_error=refused).and_request(handler)
    return made


def _view(context: Context, station: str) -> StationView | None:
    return context.centre.hub.stations.get(station)


def _period_problem(from_ms: int, to_ms: int, longest_ms: int) -> web.Response | None:
    if to_ms <= from_ms:
        return problem(400, "from must lie before to")
    if to_ms - from_ms > longest_ms:
        return problem(400, f"the period is too long; at most {longest_ms // 86_400_000} days are answered at once")
    return None


@checked
async def get_stations(request: web.Request) -> r200[Stations] | r401[Problem]:
    """The centre and every station at a glance.

    Tags: stations
    """
    return json_answer(stations.all_stations(request.app[CONTEXT]))


@checked
async def get_station(request: web.Request, station_id: StationId, /) -> r200[Detail] | r401[Problem] | r404[Problem]:
    """One station: what it says it is, its health, its newest values.

    Tags: stations
    """
    context = request.app[CONTEXT]
    view = _view(context, station_id)
    return problem(404, f"station {station_id} is not known") if view is None else json_answer(stations.detail(context, view))


@checked
async def get_series(
    request: web.Request, station: StationId, series_: SeriesNames, from_ms: FromMs, to_ms: ToMs, points: Points = 1_000
) -> r200[SeriesAnswer] | r400[Problem] | r401[Problem] | r404[Problem] | r503[Problem]:
    """Values of some series over a period: single records while there are few enough, else means over half-hours or multiples.

    Tags: data
    """
    context = request.app[CONTEXT]
    names = list(dict.fromkeys(name for name in series_.split(",") if name))
    if not 1 <= len(names) <= series.MAX_SERIES:
        return problem(400, f"ask for 1 to {series.MAX_SERIES} series at once")
    if wrong := _period_problem(from_ms, to_ms, series.MAX_SPAN_MS):
        return wrong
    view = _view(context, station)
    if view is None:
        return problem(404, f"station {station} is not known")
    births = view.birth.series if view.birth is not None else {}
    units = {name: births[name].unit for name in names if name in births}
    body = await context.ask(lambda reader: series.answer(reader, station, names, from_ms, to_ms, points=points, units=units))
    return encoded_answer(body)


@checked
async def get_ledger(
    request: web.Request, station: StationId, from_ms: FromMs, to_ms: ToMs
) -> r200[LedgerAnswer] | r400[Problem] | r401[Problem] | r404[Problem] | r503[Problem]:
    """What is there of each stream and what is not: numbers and time, every hole with its state.

    Tags: data
    """
    context = request.app[CONTEXT]
    if wrong := _period_problem(from_ms, to_ms, ledger.MAX_SPAN_MS):
        return wrong
    view = _view(context, station)
    if view is None:
        return problem(404, f"station {station} is not known")
    facts = stations.summary(context, view)
    standing = ledger.Standing(
        online=facts["state"] == "online",
        waiting=bool(facts["queue"]["depth"]),
        epoch=view.birth.epoch if view.birth is not None else None,
        periods=dict(view.birth.streams) if view.birth is not None else {},
        now_ms=context.centre.clock.now_ms(),
    )
    return json_answer(await context.ask(lambda reader: ledger.answer(reader, station, from_ms=from_ms, to_ms=to_ms, standing=standing)))


@checked
async def get_alarms(
    request: web.Request,
    state: Literal["open", "all"] = "open",
    station: Annotated[str, Field(max_length=64, description="only of this station; 'centre' of the centre itself")] = "",
    limit: Limit = 500,
    before: Annotated[
        int, Field(ge=0, lt=MAX_MS, description="only alarms with a smaller number (for the next page); 0: from the newest")
    ] = 0,
) -> r200[Alarms] | r401[Problem]:
    """Alarms, newest first: those that are open, or all that the journal holds.

    Tags: alarms
    """
    engine = request.app[CONTEXT].engine
    of = None if not station else "" if station == "centre" else station
    if state == "all":
        found = await engine.journal.history(station=of, before=before or None, limit=limit)
    else:
        opened = sorted(engine.book.open.values(), key=lambda alarm: alarm.id, reverse=True)
        found = [a for a in opened if (of is None or a.station == of) and (not before or a.id < before)][:limit]
    return json_answer({"alarms": [shown(alarm) for alarm in found]})


@checked
async def get_alarm(request: web.Request, alarm_id: AlarmId, /) -> r200[AlarmHistory] | r401[Problem] | r404[Problem]:
    """One alarm and everything that happened to it.

    Tags: alarms
    """
    engine = request.app[CONTEXT].engine
    alarm = engine.book.find_open(alarm_id) or await engine.journal.find(alarm_id)
    if alarm is None:
        return problem(404, f"there is no alarm {alarm_id}")
    rows = await engine.journal.transitions(alarm_id)
    told = [{"name": r.name, "at_ms": r.at_ms, "severity": r.after.severity, "who": r.who, "comment": r.comment} for r in rows]
    return json_answer({"alarm": shown(alarm), "transitions": told})


@checked
async def post_acknowledge(
    request: web.Request, alarm_id: AlarmId, /, body: Acknowledge
) -> r200[AlarmShape] | r400[Problem] | r401[Problem] | r404[Problem] | r409[Problem] | r503[Problem]:
    """Acknowledge an alarm: "I have seen it, it is mine". One that is acknowledged already stays with the first name.

    Tags: alarms
    """
    context = request.app[CONTEXT]
    me = await context.gate.me(request)
    if not me["may_acknowledge"]:
        return problem(401, "log in to acknowledge")
    who = me["name"] or plain(body.who or "", 60)
    if not who:
        return problem(400, "who: give your name")
    return json_answer(shown(await context.engine.book.acknowledge(alarm_id, who, plain(body.comment, 500))))


@checked
async def post_login(request: web.Request, body: Login) -> r200[Me] | r401[Problem] | r429[Problem] | r503[Problem]:
    """Begin a session (a cookie).

    Tags: session
    """
    me = await request.app[CONTEXT].gate.login(request, body.name, body.password)
    return problem(401, "name or password is wrong") if me is None else json_answer(me)


@checked
async def post_logout(request: web.Request, body: Nothing) -> r200[Me]:
    """End the session.

    Tags: session
    """
    return json_answer(await request.app[CONTEXT].gate.logout(request))


@checked
async def get_me(request: web.Request) -> r200[Me]:
    """Who this session is and what it may do.

    Tags: session
    """
    return json_answer(await request.app[CONTEXT].gate.me(request))


@checked
async def get_live(request: web.Request) -> r200[Nothing] | r401[Problem] | r503[Problem]:
    """Server-sent events: ``station``, ``live``, ``alarm``, ``record``, ``centre`` as they happen, ``ping`` every five seconds.

    Tags: live
    """
    context = request.app[CONTEXT]
    return await context.feed.serve(request, lambda: context.gate.may_view(request))


ROUTES: tuple[tuple[str, str, Any], ...] = (
    ("GET", "/api/stations", get_stations),
    ("GET", "/api/stations/{station_id}", get_station),
    ("GET", "/api/series", get_series),
    ("GET", "/api/ledger", get_ledger),
    ("GET", "/api/alarms", get_alarms),
    ("GET", "/api/alarms/{alarm_id}", get_alarm),
    ("POST", "/api/alarms/{alarm_id}/acknowledge", post_acknowledge),
    ("POST", "/api/login", post_login),
    ("POST", "/api/logout", post_logout),
    ("GET", "/api/me", get_me),
    ("GET", "/api/live", get_live),
)
