"""The sense of a station file: do its parts fit together?

Works on `Parts`, whatever of the file is well-formed, so that one mistake in one key does not hide another elsewhere. A check that would
need a part that is itself broken is left out rather than answered wrongly.
"""

from __future__ import annotations

import datetime
import zoneinfo
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError

from firmware_config.calibration import in_force, is_of_this_unit
from firmware_config.cards import Card, option_problems
from firmware_config.quantities import registry, series_name, split_series
from firmware_config.station import (
    AirSeaFlux,
    Calibration,
    EddyFlux,
    Instrument,
    Link,
    ModbusRtuLink,
    OxygenSaturation,
    Product,
    QualityRule,
    SerialLink,
    Source,
    Tide,
)
from firmware_config.yaml_report import KeyPath, Report, closest

MODBUS_FRAME_BYTES = 13
"""of a question (8) and of its answer without the registers (5)"""
MODBUS_LINKS = frozenset({"modbus_rtu", "modbus_tcp"})
AVERAGING_MINUTES = (10, 12, 15, 20, 30, 60)

PRODUCES: dict[str, tuple[str, ...]] = {
    "eddy": (
        "co2_flux",
        "h2o_flux",
        "latent_heat_flux",
        "sensible_heat_flux",
        "momentum_flux",
        "friction_velocity",
        "obukhov_length",
        "stability_parameter",
        "wind_speed",
        "wind_from_direction",
        "sonic_temperature",
        "wind_w_variance",
        "air_density",
        "rotation_yaw",
        "rotation_pitch",
        "lag_co2",
        "lag_h2o",
        "co2_mole_fraction",
        "h2o_mole_fraction",
        "co2_flux:uncertainty",
        "h2o_flux:uncertainty",
        "latent_heat_flux:uncertainty",
        "sensible_heat_flux:uncertainty",
        "momentum_flux:uncertainty",
        "friction_velocity:uncertainty",
    ),
    "air_sea": ("air_sea_co2_flux", "gas_transfer_velocity"),
    "oxygen": ("oxygen_saturation", "oxygen_at_saturation"),
    "tide": ("water_level", "water_level_1985"),
}
"""Quantities (and statistics of them) that each kind of product brings into being at its place; see `produced_by`."""
LEVEL_SOURCES = ("water_level", "water_pressure", "distance_to_water", "radar_level")
"""What a tide product can be made from: the first of these that its instrument gives."""
OXYGEN, OXYGEN_UNCORRECTED = "dissolved_oxygen", "dissolved_oxygen_uncorrected"
"""in this water; for the salinity set in the sensor"""


def produced_by(product: Any) -> tuple[str, ...]:
    """The quantities this product gives at its place."""
    corrects = isinstance(product, OxygenSaturation) and split_series(product.oxygen).quantity == OXYGEN_UNCORRECTED
    return (*PRODUCES[product.kind], OXYGEN, f"{OXYGEN}:uncertainty") if corrects else PRODUCES[product.kind]


@dataclass
class Parts:
    """The well-formed parts of a station file by their index in it; ``broken`` names the lists in which some part is not."""

    timezone: str | None = None
    links: dict[int, Any] = field(default_factory=dict)
    instruments: dict[int, Instrument] = field(default_factory=dict)
    quality: dict[int, QualityRule] = field(default_factory=dict)
    products: dict[int, Any] = field(default_factory=dict)
    inputs: dict[str, dict[int, Source]] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    absent: tuple[str, ...] = ()
    """what a station that reads instruments needs and this file does not have"""
    raw_only: bool = False
    """the station computes raw files and reads no instrument"""

    @classmethod
    def of(cls, data: dict[str, Any]) -> Parts:
        """What of a document can be judged on its own."""
        parts = cls(timezone=data.get("timezone") if isinstance(data.get("timezone"), str) else None)
        kinds: tuple[tuple[str, Any], ...] = (
            ("links", Link),
            ("instruments", Instrument),
            ("quality", QualityRule),
            ("products", Product),
        )
        for name, kind in kinds:
            setattr(parts, name, parts._take(name, data.get(name, []), TypeAdapter(kind)))
        inputs = data.get("inputs", {})
        for name, sources in inputs.items() if isinstance(inputs, dict) else ():
            parts.inputs[str(name)] = parts._take("inputs", sources, TypeAdapter(Source))
        parts.raw_only = "raw" in data and not data.get("links")
        parts.absent = () if parts.raw_only else tuple(key for key in ("links", "datum", "uplink") if data.get(key, []) == [])
        return parts

    def _take(self, name: str, items: Any, adapter: TypeAdapter[Any]) -> dict[int, Any]:
        taken: dict[int, Any] = {}
        for i, item in enumerate(items if isinstance(items, list) else ()):
            try:
                taken[i] = adapter.validate_python(item)
            except ValidationError:
                self.broken.add(name)
        if not isinstance(items, list):
            self.broken.add(name)
        return taken


def available_series(instruments: Iterable[Instrument], products: Iterable[Any], cards: dict[str, Card]) -> set[str]:
    """Every series a station will have: what its instruments measure and what its products make."""
    measured = {
        series_name(quantity, instrument.place)
        for instrument in instruments
        if instrument.model in cards
        for quantity in cards[instrument.model].quantities_given(instrument.options)
    }
    return measured | {series_name(quantity, product.place) for product in products for quantity in produced_by(product)}


def check_sense(report: Report, parts: Parts, cards: dict[str, Card]) -> None:
    """Put everything that does not fit into the report."""
    if parts.timezone is not None and parts.timezone not in zoneinfo.available_timezones():
        meant = closest(parts.timezone, zoneinfo.available_timezones())
        report.add(("timezone",), f"{parts.timezone!r}: no such time zone", allowed=["IANA names such as Asia/Shanghai"], meant=meant)
    for key in parts.absent:
        report.add((key,), "this key is missing; add it")
    _check_links(report, parts)
    links = {link.id: link for link in parts.links.values()}
    for i, instrument in parts.instruments.items():
        if parts.raw_only:
            _check_described(report, i, instrument)
        else:
            links_known = not {"links"} & {*parts.broken, *parts.absent}
            _check_instrument(report, i, instrument, cards, links, links_known=links_known)
    _check_sharing(report, parts, links)
    _check_speeds(report, parts, links, cards)
    _check_products(report, parts, cards)
    _check_sources(report, parts, cards)
    if not {"instruments", "products"} & parts.broken:
        _check_series(report, parts, available_series(parts.instruments.values(), parts.products.values(), cards))


def _check_links(report: Report, parts: Parts) -> None:
    ids = Counter(link.id for link in parts.links.values())
    ends = Counter((getattr(link, "host", ""), link.port) for link in parts.links.values())
    used = {instrument.link for instrument in parts.instruments.values()}
    for i, link in parts.links.items():
        if ids[link.id] > 1:
            report.add(("links", i, "id"), f"{link.id!r}: two links have this id")
        if ends[getattr(link, "host", ""), link.port] > 1:
            report.add(("links", i, "port"), f"{link.port!r}: two links use this port")
        if link.id not in used and "instruments" not in parts.broken:
            report.add(("links", i, "id"), f"{link.id!r}: no instrument uses this link; remove it or name it in an instrument")


def _check_instrument(
    report: Report, i: int, instrument: Instrument, cards: dict[str, Card], links: dict[str, Any], *, links_known: bool
) -> None:
    where: KeyPath = ("instruments", i)
    card, link = cards.get(instrument.model), links.get(instrument.link)
    if card is None:
        report.nearest((*where, "model"), "no instrument card of this name", instrument.model, cards)
    else:
        for name, text, allowed, meant in option_problems(card, instrument.options):
            report.add((*where, "options", name), text, allowed=allowed, meant=meant)
    if not instrument.link:
        report.add((*where, "link"), "this key is missing; add it")
    elif link is None and links_known:
        report.nearest((*where, "link"), "no link with this id", instrument.link, links)
    if card is None or link is None:
        return
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


def check_calibrations(report: Report, warnings: Report, parts: Parts, cards: dict[str, Card], today: datetime.date) -> None:
    """Errors: corrections that name nothing, or of what must stay as it was measured. Warnings: a unit without the coefficients it needs,
    a newest calibration that is not in force."""
    for i, instrument in parts.instruments.items():
        card = cards.get(instrument.model)
        if card is None:
            continue
        for k, entry in enumerate(instrument.calibration):
            _check_corrections(report, ("instruments", i, "calibration", k, "corrections"), instrument, entry, card)
        if not parts.raw_only:
            _warn_of_calibrations(warnings, ("instruments", i, "calibration"), instrument, card, today)


def _check_corrections(report: Report, where: KeyPath, instrument: Instrument, entry: Calibration, card: Card) -> None:
    measured = card.quantities_given(instrument.options)
    for name, correction in entry.corrections.items():
        if name not in measured:
            report.nearest((*where, name), f"{instrument.model} gives no such quantity", name, measured)
        elif instrument.rate is not None:
            text = "a high-rate instrument is not corrected here: its raw archive holds what it said; set it in the instrument itself"
            report.add((*where, name), text)
        elif measured[name].counter and correction.offset:
            report.add((*where, name, "offset"), f"{correction.offset:g}: {name} is the increase of a counter; it has a slope alone")


def _warn_of_calibrations(warnings: Report, where: KeyPath, instrument: Instrument, card: Card, today: datetime.date) -> None:
    entries = sorted(enumerate(instrument.calibration), key=lambda pair: pair[1].date)
    now = in_force(instrument, today)
    counts = f"that of {now.date} counts" if now is not None else "none counts"
    if entries:
        k, newest = entries[-1]
        if not is_of_this_unit(newest, instrument):
            text = f"{newest.serial_number!r}: the newest calibration is of another unit than {instrument.serial_number!r}; {counts}"
            warnings.add((*where, k, "serial_number"), text)
        elif newest.date > today:
            warnings.add((*where, k, "date"), f"{newest.date}: in the future; until then {counts}")
    needed = {name.lower(): name for name in card.calibration.needed} if card.calibration is not None else {}
    for k, entry in entries:
        for name in entry.coefficients:
            if name.lower() not in needed:
                names = ", ".join(needed.values()) or "none"
                warnings.add((*where, k, "coefficients", name), f"not used: the coefficients of {instrument.model} are {names}")
    given = {name.lower() for name in now.coefficients} if now is not None else set()
    lacking = [name for lower, name in needed.items() if lower not in given]
    if lacking:
        place: KeyPath = (*where, instrument.calibration.index(now), "coefficients") if now is not None else where[:-1]
        warnings.add(
            place, f"without {', '.join(lacking)} (see the maker's sheet of this unit) there is no {card.role} from {instrument.id}"
        )


def _check_described(report: Report, i: int, instrument: Instrument) -> None:
    """An instrument that is only described: its model needs no card, since nobody decodes it."""
    if instrument.link:
        report.add(("instruments", i, "link"), f"{instrument.link!r}: this station has no links; leave it out")


def _check_sharing(report: Report, parts: Parts, links: dict[str, Any]) -> None:
    """Ids, addresses and lines that must not be used twice."""
    ids = Counter(instrument.id for instrument in parts.instruments.values())
    users = Counter((instrument.link, instrument.address) for instrument in parts.instruments.values())
    riders = Counter(instrument.link for instrument in parts.instruments.values())
    for i, instrument in parts.instruments.items():
        kind = links[instrument.link].kind if instrument.link in links else None
        if ids[instrument.id] > 1:
            report.add(("instruments", i, "id"), f"{instrument.id!r}: two instruments have this id")
        if kind in MODBUS_LINKS and users[instrument.link, instrument.address] > 1:
            report.add(("instruments", i, "address"), f"{instrument.address!r}: two instruments on {instrument.link!r} have this address")
        if kind in {"serial", "tcp"} and riders[instrument.link] > 1:
            report.add(("instruments", i, "link"), f"{instrument.link!r}: a stream link carries one instrument, this one has several")


def _check_speeds(report: Report, parts: Parts, links: dict[str, Any], cards: dict[str, Card]) -> None:
    """A line that is too slow for what has to go over it: records would be cut, or turns left out, for ever."""
    busy: dict[str, float] = {}
    for i, instrument in parts.instruments.items():
        card, link = cards.get(instrument.model), links.get(instrument.link)
        if isinstance(link, SerialLink) and card is not None and instrument.rate is not None and card.link.record_bytes is not None:
            needed = card.link.record_bytes * instrument.rate * _bits(link.format)
            if needed > link.baud:
                text = f"{instrument.rate:g} Hz: records of {card.link.record_bytes} bytes and more need {needed:.0f} Bd"
                report.add(("instruments", i, "rate"), f"{text}, the link {link.id!r} has {link.baud}; set both faster, or the rate lower")
        elif isinstance(link, ModbusRtuLink) and card is not None and card.modbus is not None and instrument.every is not None:
            reads = [read for read in card.modbus.poll if card.applies(read.when, instrument.options)]
            asked = sum(MODBUS_FRAME_BYTES + 2 * read.count for read in reads)
            busy[link.id] = busy.get(link.id, 0.0) + asked * _bits(link.format) / link.baud / (instrument.every / 1e3)
    for i, link in parts.links.items():
        if (share := busy.get(link.id, 0.0)) > 1.0:
            text = (
                f"{link.baud}: what its instruments are asked takes {share:.1f} s of each second; ask less often, or set all of them faster"
            )
            report.add(("links", i, "baud"), text)


def _bits(line_format: str) -> int:
    """Bits on the wire for one byte: start, data, parity, stop."""
    return 1 + int(line_format[0]) + (line_format[1] != "N") + int(line_format[2])


def _check_products(report: Report, parts: Parts, cards: dict[str, Card]) -> None:
    instruments = {instrument.id: instrument for instrument in parts.instruments.values()}

    def known(where: KeyPath, instrument_id: str, roles: set[str]) -> None:
        if instrument_id not in instruments:
            if "instruments" not in parts.broken:
                report.nearest(where, "no instrument with this id", instrument_id, instruments)
            return
        card = cards.get(instruments[instrument_id].model)
        if card is not None and card.role not in roles:
            report.add(where, f"{instrument_id!r} is a {card.role}", allowed=sorted(roles))

    for i, product in parts.products.items():
        where: KeyPath = ("products", i)
        if isinstance(product, EddyFlux):
            known((*where, "sonic"), product.sonic, {"sonic", "sonic_gas"})
            _check_height(report, i, product, instruments.get(product.sonic))
            if product.gas is not None:
                known((*where, "gas"), product.gas, {"gas_analyser", "sonic_gas"})
            if product.averaging not in {minutes * 60_000 for minutes in AVERAGING_MINUTES}:
                allowed = [f"{minutes}min" for minutes in AVERAGING_MINUTES]
                report.add((*where, "averaging"), f"{product.averaging} ms does not divide the hour usefully", allowed=allowed)
        elif isinstance(product, Tide):
            known((*where, "instrument"), product.instrument, {"pressure", "level"})
            _check_tide(report, i, product, instruments.get(product.instrument), cards)
        for name in input_names(product):
            if name not in parts.inputs:
                report.nearest(where, f"the {product.kind} product needs this input; add it under inputs", name, parts.inputs)


def _check_height(report: Report, i: int, product: EddyFlux, sonic: Instrument | None) -> None:
    """A sonic measures above the ground and the plants' zero plane: below it there is no flux to compute."""
    if sonic is None:
        return
    displacement_m = product.displacement_m if product.displacement_m is not None else 0.67 * product.canopy_m
    over_m = sonic.mounting.height_m - product.ground_m - displacement_m
    if over_m <= 0:
        of = f"ground_m ({product.ground_m:g}) and the displacement height ({displacement_m:g})"
        text = (
            f"{sonic.id!r} stands at height_m {sonic.mounting.height_m:g}, {-over_m:.2f} m below {of}; heights count up from the zero mark"
        )
        report.add(("products", i, "sonic"), text)


def _check_tide(report: Report, i: int, product: Tide, instrument: Instrument | None, cards: dict[str, Card]) -> None:
    """A level comes from a pressure under the water, a distance or a level; each with the keys that belong to it."""
    card = cards.get(instrument.model) if instrument is not None else None
    if instrument is None or card is None or card.role not in {"pressure", "level"}:
        return
    gives = card.quantities_given(instrument.options)
    source = next((quantity for quantity in LEVEL_SOURCES if quantity in gives), None)
    if source is None:
        text = f"{instrument.id!r} gives {', '.join(sorted(gives)) or 'nothing'}, as its options are; no level comes from that"
        report.add(("products", i, "instrument"), text, allowed=list(LEVEL_SOURCES))
        return
    if source != "water_pressure" and product.pressure_is == "absolute":
        report.add(("products", i, "pressure_is"), f"'absolute': {instrument.id!r} gives {source}, no pressure; leave this key out")
    if source in {"water_pressure", "distance_to_water"} and product.sensor_zero_m:
        text = f"{product.sensor_zero_m:g}: {source} is counted from mounting.height_m of {instrument.id!r}; leave this key out"
        report.add(("products", i, "sensor_zero_m"), text)


def input_names(product: Any) -> list[str]:
    """The station inputs a product reads."""
    if isinstance(product, EddyFlux):
        return [product.pressure] + ([product.water_level] if product.water_level is not None else [])
    if isinstance(product, AirSeaFlux):
        water = [product.pco2_water, product.water_temperature, product.salinity]
        return [*water, product.pco2_air, product.wind_speed, product.air_pressure]
    if isinstance(product, OxygenSaturation):
        water = [product.water_temperature, product.salinity, product.air_pressure]
        return water + ([product.water_level] if product.water_level is not None else [])
    return [product.air_pressure] if product.pressure_is == "absolute" else []


def _check_sources(report: Report, parts: Parts, cards: dict[str, Card]) -> None:
    """A series has one source: neither two instruments nor an instrument and a product made from others may give the same one."""
    givers: dict[str, list[tuple[KeyPath, str]]] = {}
    for i, instrument in parts.instruments.items():
        card = cards.get(instrument.model)
        for quantity in card.quantities_given(instrument.options) if card is not None else ():
            givers.setdefault(series_name(quantity, instrument.place), []).append((("instruments", i, "place"), instrument.id))
    for i, product in parts.products.items():
        own = {product.sonic, product.gas} if isinstance(product, EddyFlux) else set()
        for quantity in produced_by(product):
            others = [giver for giver in givers.get(series_name(quantity, product.place), []) if giver[1] not in own]
            givers[series_name(quantity, product.place)] = [*others, (("products", i, "place"), f"the {product.kind} product")]
    for series, sources in givers.items():
        if len(sources) > 1:
            where, name = sources[-1]
            text = f"{series} already comes from {sources[0][1]}, {name} would give it too; give one of them a place of its own"
            if where[0] == "instruments":
                text += f", or keep it from {name} with options: {{without: {split_series(series).quantity}}}"
            report.add(where, text)


def _check_series(report: Report, parts: Parts, have: set[str]) -> None:
    nothing = "nothing of this station gives this series"
    for i, rule in parts.quality.items():
        where: KeyPath = ("quality", i, "series")
        if "@" not in rule.series:
            report.add(where, f"{rule.series!r}: a series reads quantity@place", meant=closest(rule.series, have))
            continue
        named = split_series(rule.series)
        if named.quantity not in registry():
            report.nearest(where, "no such quantity", named.quantity, registry())
        elif named.place != "*" and rule.series not in have:
            report.nearest(where, nothing, rule.series, have)
    for i, rule in parts.quality.items():
        _check_bounds(report, i, rule)
    for name, sources in parts.inputs.items():
        for i, source in sources.items():
            if source.series is not None and source.series not in have:
                report.nearest(("inputs", name, i, "series"), nothing, source.series, have)
    for i, product in parts.products.items():
        if isinstance(product, OxygenSaturation):
            _check_oxygen(report, i, product, have)


def _check_oxygen(report: Report, i: int, product: OxygenSaturation, have: set[str]) -> None:
    quantity = split_series(product.oxygen).quantity
    if product.oxygen not in have:
        report.nearest(("products", i, "oxygen"), "nothing of this station gives this series", product.oxygen, have)
    elif quantity not in {OXYGEN, OXYGEN_UNCORRECTED}:
        report.add(("products", i, "oxygen"), f"{product.oxygen!r} is no concentration of oxygen", allowed=[OXYGEN, OXYGEN_UNCORRECTED])
    if product.sensor_salinity is not None and quantity == OXYGEN:
        text = f"{product.sensor_salinity:g}: {product.oxygen} is that of this water already; leave this key out"
        report.add(("products", i, "sensor_salinity"), text)


def _check_bounds(report: Report, i: int, rule: QualityRule) -> None:
    """Limits that no value could meet, or a suspect limit beyond the failing one, which could never speak."""
    if rule.gross_range is None:
        return
    where: KeyPath = ("quality", i, "gross_range")
    fail, suspect = rule.gross_range.fail, rule.gross_range.suspect
    for name, bounds in (("fail", fail), ("suspect", suspect)):
        if bounds is not None and bounds.min is not None and bounds.max is not None and bounds.min >= bounds.max:
            report.add((*where, name, "min"), f"{bounds.min:g}: no value lies between this and max ({bounds.max:g})")
            return
    if suspect is None:
        return
    if fail.min is not None and suspect.min is not None and suspect.min < fail.min:
        report.add(
            (*where, "suspect", "min"), f"{suspect.min:g}: values below {fail.min:g} already fail", allowed=[f"at least {fail.min:g}"]
        )
    if fail.max is not None and suspect.max is not None and suspect.max > fail.max:
        report.add(
            (*where, "suspect", "max"), f"{suspect.max:g}: values above {fail.max:g} already fail", allowed=[f"at most {fail.max:g}"]
        )
