"""What a station says of itself: the birth message, and the live snapshot of newest values."""

from __future__ import annotations

import datetime
from typing import Any

from edge.agent.book import SeriesBook
from edge.agent.health import SERIES, STATION
from edge.agent.products import OXYGEN_EVERY_MS
from edge.agent.series import Series
from edge.agent.timebase import StationTime
from edge.outbox import Outbox
from firmware_config import __version__
from firmware_config.calibration import in_force
from firmware_config.check import LoadedStation
from firmware_config.flags import Flag
from firmware_config.messages import Birth, BirthSeries, Live
from firmware_config.quantities import describe, registry, series_name, split_series
from firmware_config.records import significant
from firmware_config.sense import produced_by
from firmware_config.station import AirSeaFlux, Instrument, Station
from firmware_config.streams import STREAMS

STREAM_OF = {"eddy": "eddy", "air_sea": "gas", "oxygen": "gas", "tide": "tide"}
LIVE_OLDEST_S = 3600.0
"""values older than this are no longer news"""


def stream_periods(station: Station) -> dict[str, int]:
    """stream → usual period in ms (0: irregular), of the streams this station has."""
    periods = {name: stream.period_ms or 0 for name, stream in STREAMS.items() if name in {"event", "minute", "health"}}
    for product in station.products:
        stream = STREAM_OF[product.kind]
        if product.kind == "eddy":
            periods["eddy"] = periods["raw"] = product.averaging
            periods["spectra"] = 0  # a window without enough samples has none
        elif stream == "gas":
            every = product.every if isinstance(product, AirSeaFlux) else OXYGEN_EVERY_MS
            periods["gas"] = every if isinstance(product, AirSeaFlux) else periods.get("gas", every)
        else:
            periods[stream] = STREAMS[stream].period_ms or 0
    return periods


def birth(loaded: LoadedStation, book: SeriesBook, time: StationTime, outbox: Outbox, *, simulated: bool) -> Birth:
    """The whole birth message as of now."""
    station = loaded.station
    known = time.quality != "unset"
    today = datetime.datetime.fromtimestamp(time.utc_ms(time.now_ms()) / 1e3, datetime.UTC).date() if known else None
    return Birth(
        station=station.id,
        t=round(time.utc_ms(time.now_ms())),
        software=__version__,
        config_hash=loaded.config_hash,
        name={"en": station.name.en, "zh": station.name.zh},
        platform=station.platform,
        surface=station.surface,
        latitude_deg=station.position.latitude_deg,
        longitude_deg=station.position.longitude_deg,
        timezone=station.timezone,
        epoch=outbox.epoch,
        previous_epoch=outbox.previous_epoch,
        boot_id=outbox.boot_id,
        streams=stream_periods(station),
        series=_series(station, book),
        instruments=[_instrument(station, item.id, today) for item in station.instruments],
        site=loaded.site,
        simulated=simulated,
    )


def _series(station: Station, book: SeriesBook) -> dict[str, BirthSeries]:
    found = {
        name: BirthSeries(unit=describe(name)[0], instrument=book.owners[name], tests=series.quality.names, stream="minute")
        for name, series in book.series.items()
    }
    for product in station.products:
        for quantity in produced_by(product):
            name = series_name(quantity, product.place)
            found.setdefault(name, BirthSeries(unit=describe(name)[0], tests=["plausible"], stream=STREAM_OF[product.kind]))
    for name in (series_name(quantity, STATION) for quantity in SERIES):
        found[name] = BirthSeries(unit=describe(name)[0], stream="health")
    return found


def _instrument(station: Station, instrument_id: str, today: datetime.date | None) -> dict[str, Any]:
    item = station.instrument(instrument_id)
    return {
        "id": item.id,
        "model": item.model,
        "place": item.place,
        "serial_number": item.serial_number,
        "firmware": item.firmware,
        "link": item.link,
        "height_m": item.mounting.height_m,
        **_calibration(item, today),
    }


def _calibration(item: Instrument, today: datetime.date | None) -> dict[str, Any]:
    """The calibration in force, and which corrections it makes (registry's units: slope x value + offset)."""
    entry = in_force(item, today)
    if entry is None:
        return {"calibrated": ""}
    found: dict[str, Any] = {"calibrated": entry.date}
    if entry.corrections:
        found["corrections"] = {name: {"slope": one.slope, "offset": one.offset} for name, one in entry.corrections.items()}
    return found


def live(book: SeriesBook, time: StationTime, *, simulated: bool) -> Live | None:
    """Newest value, flag and age of every series; None before there is any."""
    now_ms = time.now_ms()
    values: dict[str, Any] = {}
    flags: dict[str, int] = {}
    ages_s: dict[str, float] = {}
    for name, newest in [*((name, series.newest) for name, series in book.series.items()), *book.products.items()]:
        age_s = (now_ms - newest.at_ms) / 1e3
        if age_s > LIVE_OLDEST_S:
            continue
        values[name] = None if newest.value is None else significant(newest.value, 7)
        flags[name] = _live_flag(name, newest.value, newest.flag, book.series.get(name))
        ages_s[name] = round(max(0.0, age_s), 1)
    if not values:
        return None
    return Live(t=round(time.utc_ms(now_ms)), clock=time.quality, values=values, flags=flags, ages_s=ages_s, simulated=simulated)


def _live_flag(name: str, value: float | None, flag: int, series: Series | None) -> int:
    """Values of high-rate instruments are not tested one by one; what is shown is held to the plausible range."""
    if series is None or not series.fast or value is None:
        return int(flag)
    known = registry().get(split_series(name).quantity)
    low, high = known.plausible if known else (value, value)
    return int(flag) if low <= value <= high else int(Flag.FAIL)
