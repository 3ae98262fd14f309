"""From the station file to a request: what a product needs and how it is asked for.

Used by the agent for the live station and by ``haitan-edge flux`` for files, so that both ask the same question. No NumPy here, no I/O.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from edge.compute.messages import Input, Request
from firmware_config.cards import readable_cards
from firmware_config.quantities import split_series
from firmware_config.station import AirSeaFlux, EddyFlux, Instrument, OxygenSaturation, Station, Tide

AnyProduct = EddyFlux | AirSeaFlux | OxygenSaturation | Tide

AXES: dict[str, tuple[float | None, bool]] = {
    "campbell": (0.0, False),
    "gill_spar": (180.0, False),
    "gill_r2": (330.0, True),
    "metek": (None, True),
    "young": (None, False),
}
"""Makers' axes: where a wind along +u comes from, degrees from the north mark (None: not known), and whether they are left-handed. The rows
of `edge.science.eddy.sonic.frames.AXES`, which has their sources, where NumPy is not at hand. Cards and raw files give the wind in the
maker's axes."""
AXES_OF = {
    "gill_r2": "gill_r2",
    "gill": "gill_spar",
    "campbell": "campbell",
    "csat3": "campbell",
    "irgason": "campbell",
    "metek": "metek",
    "young": "young",
}
"""A word of the card's maker or of the model → whose axes; the first that fits."""

SONIC_KINDS = {
    "gill_windmaster_ascii": "gill_windmaster",
    "gill_windmaster_binary_m10": "gill_windmaster",
    "ec100_irgason_ascii": "irgason",
    "csat3_rs232_binary": "csat3",
    "metek_usonic3_ascii": "metek_usonic3",
}
ANALYSER_KINDS = {"licor_li7500_grammar": "li7500", "ec100_irgason_ascii": "irgason"}
OXYGEN_SENSORS = {"aanderaa_optode_ascii": "aanderaa", "seabird_sbe63_ascii": "sea_bird"}
"""Whose document says how the sensor's oxygen is counted for another salinity and for depth (see `edge.science.oxygen`)."""


def needs_of(product: AnyProduct) -> dict[str, str]:
    """Role → where it comes from: the name of an entry under ``inputs`` of the station file, or a series (it contains ``@``)."""
    if isinstance(product, EddyFlux):
        return {"air_pressure": product.pressure} | ({"water_level": product.water_level} if product.water_level else {})
    if isinstance(product, AirSeaFlux):
        roles = {"pco2_water": product.pco2_water, "co2_air": product.pco2_air, "wind_speed": product.wind_speed}
        return roles | {
            "water_temperature": product.water_temperature,
            "salinity": product.salinity,
            "air_pressure": product.air_pressure,
        }
    if isinstance(product, OxygenSaturation):
        roles = {"dissolved_oxygen": product.oxygen, "water_temperature": product.water_temperature}
        roles |= {"salinity": product.salinity, "air_pressure": product.air_pressure}
        return roles | ({"water_level": product.water_level} if product.water_level else {})
    return {"air_pressure": product.air_pressure} if product.pressure_is == "absolute" else {}


def _heights(station: Station, product: AnyProduct) -> dict[str, float]:
    heights: dict[str, float] = {}
    if isinstance(product, EddyFlux):
        heights["ground"] = product.ground_m
        heights["sonic"] = station.instrument(product.sonic).mounting.height_m
        if product.gas is not None:
            heights["gas"] = station.instrument(product.gas).mounting.height_m
    elif isinstance(product, Tide):
        heights["instrument"] = station.instrument(product.instrument).mounting.height_m
    elif isinstance(product, AirSeaFlux):
        heights["wind"] = product.wind_height_m
    elif (sensor := _oxygen_sensor(station, product)) is not None:
        heights["instrument"] = sensor.mounting.height_m
    return heights


def _geometry(station: Station, product: AnyProduct) -> dict[str, float]:
    if not isinstance(product, EddyFlux):
        return {}
    geometry = frame_of(station.instrument(product.sonic), turns=station.platform != "fixed")
    if product.gas is not None:
        at = station.instrument(product.gas).mounting
        geometry["eastward_separation_m"] = at.eastward_separation_m
        geometry["northward_separation_m"] = at.northward_separation_m
        geometry["vertical_separation_m"] = at.vertical_separation_m
        geometry["separation_m"] = math.hypot(at.eastward_separation_m, at.northward_separation_m, at.vertical_separation_m)
    return geometry


def _kinds(station: Station, product: AnyProduct) -> dict[str, str]:
    """What kind of sonic and analyser, as the tables of spectral losses name them (a model's own name where it has no row here), and of
    oxygen sensor."""
    if isinstance(product, OxygenSaturation):
        sensor = _oxygen_sensor(station, product)
        return {"oxygen_sensor": OXYGEN_SENSORS[sensor.model]} if sensor is not None and sensor.model in OXYGEN_SENSORS else {}
    if not isinstance(product, EddyFlux):
        return {}
    sonic = station.instrument(product.sonic)
    kinds = {"sonic_kind": SONIC_KINDS.get(sonic.model, sonic.model), "sonic_firmware": sonic.firmware}
    if product.gas is not None:
        gas = station.instrument(product.gas)
        kinds["analyser_kind"] = str(gas.options.get("analyser") or ANALYSER_KINDS.get(gas.model, gas.model))
    return kinds


def _oxygen_sensor(station: Station, product: OxygenSaturation) -> Instrument | None:
    """The instrument whose series the product takes (the first of its place that gives the quantity)."""
    wanted, cards = split_series(product.oxygen), readable_cards()[0]
    here = [item for item in station.instruments if item.place == wanted.place and item.model in cards]
    return next((item for item in here if wanted.quantity in cards[item.model].quantities), None)


def frame_of(sonic: Instrument, *, turns: bool = False) -> dict[str, float]:
    """How a sonic's horizontal wind is to be read: ``v_sign`` -1 where v must be turned round to make its axes right-handed, and
    ``u_from_deg``, where a wind along +u then comes from. What is not established is not in it: a direction is never guessed.

    ``turns``: the sonic stands on a hull that turns: its north offset counts from the bow, and where that points nobody says, so that only
    a ``mounting.u_from_deg`` (a hull that is held) gives a direction.
    """
    card = readable_cards()[0].get(sonic.model)
    named = f"{sonic.model} {card.maker if card is not None else ''}".lower()
    turn, mirrored = AXES.get(next((axes for word, axes in AXES_OF.items() if word in named), ""), (None, False))
    frame = {"v_sign": -1.0} if mirrored else {}
    if sonic.mounting.u_from_deg is not None:
        return {**frame, "u_from_deg": sonic.mounting.u_from_deg}
    return frame if turn is None or turns else {**frame, "u_from_deg": (sonic.mounting.north_offset_deg + turn) % 360.0}


def build_request(
    station: Station,
    product: AnyProduct,
    *,
    number: int,
    inputs: Mapping[str, Input],
    raw: str = "",
    samples: Mapping[str, Any] | None = None,
    learnt: Mapping[str, Any] | None = None,
) -> Request:
    """The request for one product of a station.

    ``inputs``: role → value (see `needs_of`); ``raw``: the archive file of an eddy window; ``samples``: of a tide window; ``learnt``: what
    earlier eddy windows taught, for a raw file that does not carry it.
    """
    return Request(
        id=number,
        kind=product.kind,
        station={
            "latitude_deg": station.position.latitude_deg,
            "longitude_deg": station.position.longitude_deg,
            "platform": station.platform,
            "surface": station.surface,
            "datum": station.datum.model_dump(),
            **_kinds(station, product),
        },
        product=product.model_dump(mode="json"),
        heights=_heights(station, product),
        geometry=_geometry(station, product),
        inputs=dict(inputs),
        raw=raw,
        samples=dict(samples or {}),
        learnt=dict(learnt or {}),
    )
