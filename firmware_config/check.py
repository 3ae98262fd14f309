"""Reading a station file: everything wrong with it, at once, in words an engineer can act on before sailing.

Two passes: the shape (pydantic), each problem led back to its line in the YAML; then the sense (does each instrument's link
exist, is an address used twice, does an input come from something that is measured). A problem reads
``FILE:LINE: KEY: VALUE: what is wrong; allowed: …; did you mean …?``.
"""

from __future__ import annotations

import hashlib
import json
import typing
import zoneinfo
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from firmware_config.cards import Card, all_cards, option_problems
from firmware_config.errors import StationFileError
from firmware_config.quantities import registry, series_name, split_series
from firmware_config.station import AirSeaFlux, EddyFlux, Instrument, ModbusRtuLink, OxygenSaturation, Station, Surface, Tide
from firmware_config.yaml_report import MAX_FILE_BYTES, KeyPath, Report, closest, read_yaml, shape_problems

MODBUS_LINKS = frozenset({"modbus_rtu", "modbus_tcp"})
UNION_TAGS = frozenset({"serial", "tcp", "modbus_rtu", "modbus_tcp", "eddy", "air_sea", "oxygen", "tide"})

PRODUCES: dict[str, tuple[str, ...]] = {
    "eddy": ("co2_flux", "h2o_flux", "latent_heat_flux", "sensible_heat_flux", "momentum_flux", "friction_velocity"),
    "air_sea": ("air_sea_co2_flux", "gas_transfer_velocity"),
    "oxygen": ("oxygen_saturation", "oxygen_at_saturation"),
    "tide": ("water_level", "water_level_1985"),
}
"""Quantities that each kind of product brings into being at its place."""


@dataclass(frozen=True)
class LoadedStation:
    """A station file that passed every check, with the site beside it and the hash that names this exact configuration."""

    station: Station
    site: dict[str, Any]
    config_hash: str
    path: Path


def available_series(station: Station, cards: dict[str, Card]) -> set[str]:
    """Every series the station will have: what its instruments measure and what its products make."""
    found = {
        series_name(quantity, instrument.place)
        for instrument in station.instruments
        if instrument.model in cards
        for quantity in cards[instrument.model].quantities
    }
    return found | {series_name(quantity, product.place) for product in station.products for quantity in PRODUCES[product.kind]}


def _check_links(report: Report, station: Station) -> None:
    for i, (link, count) in enumerate((link, Counter(x.id for x in station.links)[link.id]) for link in station.links):
        if count > 1:
            report.add(("links", i, "id"), f"{link.id!r}: two links have this id")
        if link.id not in {instrument.link for instrument in station.instruments}:
            report.add(("links", i, "id"), f"{link.id!r}: no instrument uses this link; remove it or name it in an instrument")
    places = Counter((getattr(link, "host", ""), link.port) for link in station.links)
    for i, link in enumerate(station.links):
        if places[getattr(link, "host", ""), link.port] > 1:
            report.add(("links", i, "port"), f"{link.port!r}: two links use this port")


def _check_instrument(report: Report, station: Station, i: int, instrument: Instrument, cards: dict[str, Card]) -> None:
    links = {link.id: link for link in station.links}
    where: KeyPath = ("instruments", i)
    card = cards.get(instrument.model)
    if card is None:
        report.nearest((*where, "model"), "no instrument card of this name", instrument.model, cards)
    link = links.get(instrument.link)
    if link is None:
        report.nearest((*where, "link"), "no link with this id", instrument.link, links)
    if card is None or link is None:
        return
    for name, text, allowed, meant in option_problems(card, instrument.options):
        report.add((*where, "options", name), text, allowed=allowed, meant=meant)
    on_bus = link.kind in MODBUS_LINKS
    if on_bus != (card.protocol == "modbus"):
        fitting = sorted(MODBUS_LINKS) if card.protocol == "modbus" else ["serial", "tcp"]
        report.add((*where, "link"), f"{instrument.link!r}: a {link.kind} link does not carry {instrument.model}", allowed=fitting)
    if on_bus and not (isinstance(instrument.address, int) and 1 <= instrument.address <= 247):
        report.add((*where, "address"), f"{instrument.address!r}: a Modbus unit number is needed", allowed=["1 to 247"])
    if on_bus and instrument.every is None:
        report.add((*where, "rate"), "a Modbus instrument is asked: give every (for example 10s) instead of rate")
    if isinstance(link, ModbusRtuLink) and instrument.every is not None and instrument.every < 200:
        report.add((*where, "every"), f"{instrument.every} ms is shorter than a serial bus can serve", allowed=["at least 200ms"])


def _check_sharing(report: Report, station: Station) -> None:
    """Ids, addresses and lines that must not be used twice."""
    ids = Counter(instrument.id for instrument in station.instruments)
    users = Counter((instrument.link, instrument.address) for instrument in station.instruments)
    kinds = {link.id: link.kind for link in station.links}
    for i, instrument in enumerate(station.instruments):
        if ids[instrument.id] > 1:
            report.add(("instruments", i, "id"), f"{instrument.id!r}: two instruments have this id")
        if kinds.get(instrument.link) in MODBUS_LINKS and users[instrument.link, instrument.address] > 1:
            report.add(("instruments", i, "address"), f"{instrument.address!r}: two instruments on {instrument.link!r} have this address")
        if kinds.get(instrument.link) in {"serial", "tcp"} and sum(x.link == instrument.link for x in station.instruments) > 1:
            report.add(("instruments", i, "link"), f"{instrument.link!r}: a stream link carries one instrument, this one has several")


def _check_series(report: Report, station: Station, cards: dict[str, Card]) -> None:
    have = available_series(station, cards)
    for i, rule in enumerate(station.quality):
        if "@" not in rule.series:
            report.add(("quality", i, "series"), f"{rule.series!r}: a series reads quantity@place", meant=closest(rule.series, have))
            continue
        parts = split_series(rule.series)
        if parts.quantity not in registry():
            report.nearest(("quality", i, "series"), "no such quantity", parts.quantity, registry())
        elif parts.place != "*" and rule.series not in have:
            report.nearest(("quality", i, "series"), "nothing of this station gives this series", rule.series, have)
    for name, sources in station.inputs.items():
        for i, source in enumerate(sources):
            if source.series is not None and source.series not in have:
                report.nearest(("inputs", name, i, "series"), "nothing of this station gives this series", source.series, have)


def _check_products(report: Report, station: Station, cards: dict[str, Card]) -> None:
    instruments = {instrument.id: instrument for instrument in station.instruments}

    def known(where: KeyPath, instrument_id: str, roles: set[str]) -> None:
        if instrument_id not in instruments:
            report.nearest(where, "no instrument with this id", instrument_id, instruments)
            return
        card = cards.get(instruments[instrument_id].model)
        if card is not None and card.role not in roles:
            report.add(where, f"{instrument_id!r} is a {card.role}", allowed=sorted(roles))

    for i, product in enumerate(station.products):
        where: KeyPath = ("products", i)
        names: list[str] = []
        if isinstance(product, EddyFlux):
            known((*where, "sonic"), product.sonic, {"sonic", "sonic_gas"})
            if product.gas is not None:
                known((*where, "gas"), product.gas, {"gas_analyser", "sonic_gas"})
            if product.averaging % 60_000 or not 600_000 <= product.averaging <= 3_600_000 or 3_600_000 % product.averaging:
                report.add((*where, "averaging"), f"{product.averaging} ms", allowed=["10min", "12min", "15min", "20min", "30min", "60min"])
            names = [product.pressure]
        elif isinstance(product, AirSeaFlux):
            names = [product.pco2_water, product.pco2_air, product.wind_speed, product.water_temperature, product.salinity]
            names.append(product.air_pressure)
        elif isinstance(product, OxygenSaturation):
            names = [product.water_temperature, product.salinity, product.air_pressure]
            if product.oxygen not in (have := available_series(station, cards)):
                report.nearest((*where, "oxygen"), "nothing of this station gives this series", product.oxygen, have)
        elif isinstance(product, Tide):
            known((*where, "instrument"), product.instrument, {"pressure"})
            names = [product.air_pressure] if product.pressure_is == "absolute" else []
        for name in names:
            if name not in station.inputs:
                report.nearest(where, f"the {product.kind} product needs this input; add it under inputs", name, station.inputs)


def _read_site(report: Report, path: Path) -> dict[str, Any]:
    """``site.geojson`` beside the station: polygons with ``surface`` and ``elevation_1985_m``."""
    site_report = Report(path)
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ValueError(f"larger than {MAX_FILE_BYTES} bytes")
        site = json.loads(path.read_text(encoding="utf-8"))
        features = site["features"] if site["type"] == "FeatureCollection" else None
        if not isinstance(features, list):
            raise ValueError("not a GeoJSON FeatureCollection")
        for i, feature in enumerate(features):
            surface = feature["properties"]["surface"]
            if surface not in typing.get_args(Surface):
                site_report.nearest(("features", i, "properties", "surface"), "not a surface", surface, typing.get_args(Surface))
            if not isinstance(feature["properties"]["elevation_1985_m"], int | float):
                site_report.add(("features", i, "properties", "elevation_1985_m"), "a height in metres (1985 datum) is needed")
            if feature["geometry"]["type"] not in {"Polygon", "MultiPolygon"}:
                site_report.add(("features", i, "geometry"), "a surface is an area", allowed=["Polygon", "MultiPolygon"])
    except OSError as error:
        site_report.add((), f"cannot be read: {error.strerror}; a station has its surfaces beside it")
        site = {}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        site_report.add((), f"not a site file: {error!r}; see the example stations")
        site = {}
    report.problems += site_report.problems
    return typing.cast("dict[str, Any]", site)


def load_station(path: Path) -> LoadedStation:
    """Read and check a station file; StationFileError lists every problem found."""
    path = Path(path)
    report = Report(path)
    data = read_yaml(path, report, "a station file")
    if data is not None and not isinstance(data, dict):
        report.add((), "a station file is a mapping of keys to values")
    if report.problems:
        raise StationFileError(report.problems)
    site = _read_site(report, path.parent / "site.geojson")
    try:
        station = Station.model_validate(data)
    except ValidationError as error:
        shape_problems(report, Station, error, UNION_TAGS)
        raise StationFileError(report.problems) from None
    cards = all_cards()
    if station.timezone not in zoneinfo.available_timezones():
        meant = closest(station.timezone, zoneinfo.available_timezones())
        report.add(("timezone",), f"{station.timezone!r}: no such time zone", allowed=["IANA names such as Asia/Shanghai"], meant=meant)
    _check_links(report, station)
    for i, instrument in enumerate(station.instruments):
        _check_instrument(report, station, i, instrument, cards)
    _check_sharing(report, station)
    _check_products(report, station, cards)
    _check_series(report, station, cards)
    if report.problems:
        raise StationFileError(report.problems)
    digest = hashlib.sha256(path.read_bytes() + b"\0" + json.dumps(site, sort_keys=True).encode()).hexdigest()[:16]
    return LoadedStation(station, site, digest, path)
