"""A small centre for the alarm tests: a clock that is turned by hand, a hub, stations with births, records."""

from __future__ import annotations

from collector.hub import Hub, StationView
from firmware_config.messages import Birth, BirthSeries, Live, StationState
from firmware_config.records import Record

T0 = 1_790_000_000_000
MINUTE = 60_000


class HandClock:
    """World time that moves only when told."""

    speed = 1.0

    def __init__(self, now=T0):
        self.now = now

    def now_ms(self):
        return self.now

    def monotonic(self):
        return self.now / 1e3

    def quality(self):
        return "synchronised"


def birth(station="buoy"):
    series = {
        "water_temperature@surface": ("degC", "ctd", "minute"),
        "salinity@surface": ("1", "ctd", "minute"),
        "wind_speed@mast": ("m s-1", "met", "minute"),
        "air_pressure@mast": ("hPa", "met", "minute"),
        "co2_flux@mast": ("umol m-2 s-1", "", "eddy"),
    }
    return Birth(
        station=station,
        t=T0,
        software="1",
        config_hash="h",
        name={"en": "Test buoy", "zh": "测试浮标"},
        streams={"minute": MINUTE, "health": MINUTE, "eddy": 30 * MINUTE, "event": 0},
        series={name: BirthSeries(unit=unit, instrument=by, stream=stream) for name, (unit, by, stream) in series.items()},
        instruments=[{"id": "ctd"}, {"id": "met"}],
    )


def hub_with(*stations, heard_ms=T0):
    hub = Hub()
    for station in stations:
        hub.stations[station] = StationView(station, birth=birth(station), state=StationState(state="online"), heard_ms=heard_ms)
    return hub


def record(values, *, t, dt=MINUTE, stream="minute", station="buoy", flags=None, seq=0, detail=None, clock="synchronised"):
    known = {name: 9 if value is None else 1 for name, value in values.items()}
    return Record(
        station=station, stream=stream, epoch=1, seq=seq, t=t, dt=dt, clock=clock, values=values, flags=flags or known, detail=detail or {}
    )


def live(values, *, t, ages_s=None):
    return Live(t=t, clock="synchronised", values=values, ages_s=ages_s or {})


def event(kind, *, t, severity="alarm", seq=0, station="buoy", **detail):
    values = {"kind": kind, "severity": severity}
    return Record(station=station, stream="event", epoch=1, seq=seq, t=t, dt=0, clock="synchronised", values=values, detail=detail)


ALL = {
    "water_temperature@surface": 20.0,
    "salinity@surface": 30.0,
    "wind_speed@mast": 5.0,
    "air_pressure@mast": 1010.0,
}
