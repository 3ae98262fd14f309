"""Stations and centre as the page shows them: made from the hub's views, never from the store, so that they cost nothing."""

from __future__ import annotations

from typing import Any

from collector.alarms.lifecycle import Alarm
from collector.alarms.show import worst
from collector.api.context import Context
from collector.hub import StationView
from firmware_config import __version__
from firmware_config.errors import ContractError
from firmware_config.messages import Birth, BirthSeries
from firmware_config.quantities import describe

NO_BIRTH = Birth(station="", t=0, software="", config_hash="")
OFFLINE_RULE = "station-offline"


def _state(view: StationView, alarms: list[Alarm]) -> str:
    """What the station says, unless it has been silent for so long that it counts as offline."""
    if any(alarm.rule == OFFLINE_RULE and alarm.active for alarm in alarms):
        return "offline"
    return view.state.state if view.state is not None else "unknown"


def _queue(view: StationView) -> dict[str, float | None]:
    values = view.health.values if view.health is not None else {}
    found = {}
    for name, quantity in (("depth", "outbox_depth"), ("oldest_age_s", "outbox_oldest_age"), ("share", "outbox_share")):
        value = values.get(f"{quantity}@station")
        found[name] = float(value) if isinstance(value, (int, float)) else None
    return found


def summary(context: Context, view: StationView) -> dict[str, Any]:
    """One station at a glance."""
    birth = view.birth or NO_BIRTH
    alarms = context.engine.book.of_station(view.id)
    simulated = birth.simulated or (view.state.simulated if view.state is not None else False)
    return {
        "id": view.id,
        "name": {"en": birth.name.get("en") or view.id, "zh": birth.name.get("zh") or birth.name.get("en") or view.id},
        "platform": birth.platform,
        "surface": birth.surface,
        "latitude_deg": birth.latitude_deg,
        "longitude_deg": birth.longitude_deg,
        "timezone": birth.timezone,
        "simulated": simulated,
        "state": _state(view, alarms),
        "heard_ms": view.heard_ms,
        "data_t": view.data_t,
        "worst": worst(alarms),
        "alarms": len(alarms),
        "queue": _queue(view),
        "software": birth.software,
        "config_hash": birth.config_hash,
    }


def label(series: str, unit: str = "") -> dict[str, Any]:
    """Unit and label of a series: the station's own unit where it gives one."""
    try:
        known, en, zh = describe(series)
    except ContractError:
        known, en, zh = "", series, series
    return {"unit": unit or known, "label": {"en": en, "zh": zh}}


def _series_facts(name: str, about: BirthSeries) -> dict[str, Any]:
    return {**label(name, about.unit), "instrument": about.instrument, "tests": about.tests, "stream": about.stream}


def detail(context: Context, view: StationView) -> dict[str, Any]:
    """A station, whole: summary, birth, health and the newest values."""
    birth, health = view.birth or NO_BIRTH, view.health
    return {
        **summary(context, view),
        "birth": {
            "series": {name: _series_facts(name, about) for name, about in birth.series.items()},
            "streams": birth.streams,
            "instruments": birth.instruments,
            "site": birth.site,
        },
        "health": {
            "values": health.values if health is not None else {},
            "detail": health.detail if health is not None else {},
            "t": health.t if health is not None else None,
            "clock": health.clock if health is not None else "unset",
        },
        "newest": {name: {"t": n.t, "value": n.value, "flag": n.flag, "stream": n.stream} for name, n in view.newest.items()},
    }


def centre(context: Context) -> dict[str, Any]:
    """The centre itself."""
    ingest, sink = context.says("ingest"), context.says("sink")
    own = context.engine.book.of_station("")
    state = str(ingest.get("state", "unknown"))
    return {
        "id": context.centre.config.centre,
        "state": state if ingest.get("broker") is not False else "no_broker",
        "clock": context.centre.clock.quality(),
        "store_ok": state not in ("full", "failed") and ingest.get("store_ok") is not False,
        "sink": _sink(sink) if sink.get("name") else None,
        "parked": int(ingest.get("parked", 0)),
        "version": __version__,
        "worst": worst(own),
        "alarms": len(own),
    }


def _sink(facts: dict[str, Any]) -> dict[str, Any]:
    lag = facts.get("lag_records")
    return {
        "ok": facts.get("ok") is not False,
        "lag_records": int(lag) if isinstance(lag, (int, float)) else None,
        "parked": int(facts.get("parked", 0)),
        "name": str(facts["name"]),
    }


def all_stations(context: Context) -> dict[str, Any]:
    views = sorted(context.centre.hub.stations.values(), key=lambda view: view.id)
    return {"now": context.centre.clock.now_ms(), "centre": centre(context), "stations": [summary(context, view) for view in views]}
