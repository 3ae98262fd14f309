"""Instruments: from bytes to readings with quantities, driven by the cards of `firmware_config.cards`.

    driver = make_driver(instrument, load_card(instrument.model))
    for reading in driver.feed(data, arrival_s):            # StreamDriver: what prints
        driver.quantities_of(reading)
    reading = await driver.poll(bus)                        # ModbusDriver: what is asked

A driver hands on what the instrument said: no caching, no gap filling, no smoothing; None for what is not valid, nothing for what a
record does not carry. README.md beside this file tells how an instrument is added.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from pydantic import TypeAdapter, ValidationError

from edge.errors import InstrumentError
from edge.instruments.block_framers import ElementFramer, FlowControlFramer, HexSumFramer, VeDirectFramer
from edge.instruments.calibration import Today, coefficients_in_force, corrections_of, utc_today
from edge.instruments.framers import Framer, LineFramer, ParenthesesFramer, SignatureFramer, XorFramer
from edge.instruments.modbus import ModbusDriver
from edge.instruments.reading import Reading, Stats
from edge.instruments.stream import Decoder, StreamDriver
from edge.links.modbus import Limits
from firmware_config.cards import Card, option_problems
from firmware_config.cards.schema import Frame, TextFormat
from firmware_config.station import Instrument
from firmware_config.units import DurationMs

__all__ = ["Driver", "ModbusDriver", "Reading", "Stats", "StreamDriver", "make_driver"]

Driver = StreamDriver | ModbusDriver
_DURATION: TypeAdapter[int] = TypeAdapter(DurationMs)


def make_driver(instrument: Instrument, card: Card, monotonic: Callable[[], float] = time.monotonic, today: Today = utc_today) -> Driver:
    """The driver of one instrument of a station. ``monotonic``: seconds of the world's clock; ``today``: its day, which decides which
    calibration is in force. InstrumentError when file and card disagree."""
    for name, text, allowed, _ in option_problems(card, instrument.options):
        raise InstrumentError(
            f"instrument {instrument.id}, option {name}: {text}" + (f"; allowed: {', '.join(allowed)}" if allowed else "")
        )
    options: dict[str, Any] = dict(instrument.options)
    without = frozenset(str(options.get("without", "")).replace(",", " ").split())
    if card.modbus is None:
        address = None if instrument.address is None else str(instrument.address)
        if address is None and card.text is not None and card.text.only_address:
            address = card.text.default_address
        made = StreamDriver(card, options, _framer(card), _decoder(card, instrument, options, today), address=address, without=without)
        made.corrections = corrections_of(instrument, today)
        return made
    if isinstance(instrument.address, str):
        raise InstrumentError(f"instrument {instrument.id}: address {instrument.address!r} is not a Modbus unit number")
    unit = card.modbus.unit if instrument.address is None else instrument.address
    limits = Limits(_seconds(instrument, "answer", card.timing.answer), _seconds(instrument, "answer_longest", card.timing.answer_longest))
    asked = ModbusDriver(card, unit, options, limits=limits, without=without, monotonic=monotonic)
    asked.corrections = corrections_of(instrument, today)
    return asked


def _seconds(instrument: Instrument, name: str, default_ms: int) -> float:
    try:
        return _DURATION.validate_python(instrument.options[name]) / 1000 if name in instrument.options else default_ms / 1000
    except ValidationError as error:
        raise InstrumentError(f"instrument {instrument.id}, option {name}: {error.errors()[0]['ctx']['error']}") from None


def _line_sum(form: TextFormat) -> Framer:
    from edge.instruments.line_sums import LineSumFramer

    assert form.sum is not None
    return LineSumFramer(form.sum, form.max_bytes)


FRAMERS: dict[Frame, Callable[[TextFormat], Framer]] = {
    "line": lambda form: (FlowControlFramer if form.flow_control else LineFramer)(form.max_bytes, after_noise=bool(form.lead)),
    "line_sum": _line_sum,
    "line_signature": lambda form: SignatureFramer(form.max_bytes),
    "stx_etx_xor": lambda form: XorFramer(b"\x02", b"\x03", form.max_bytes),
    "nmea_xor": lambda form: XorFramer(b"$", b"*", form.max_bytes),
    "vedirect": lambda form: VeDirectFramer(form.max_bytes),
}
"""What a card's ``text.frame`` stands for."""


def _framer(card: Card) -> Framer:
    if card.binary is not None:
        from edge.instruments.binary_framers import framer_of

        return framer_of(card.binary)
    assert card.text is not None
    size = card.text.max_bytes
    if card.protocol == "licor":
        return ParenthesesFramer(size)
    if card.protocol == "vaisala":
        return LineFramer(size, after_noise=True)
    if card.protocol == "elements":
        return ElementFramer(card.text.root, size)
    if card.protocol == "sunburst":
        return HexSumFramer(size)
    assert card.text.frame is not None
    return FRAMERS[card.text.frame](card.text)


def _decoder(card: Card, instrument: Instrument, options: dict[str, Any], today: Today) -> Decoder:
    if card.binary is not None:
        from edge.instruments.binary import decoder_of

        return decoder_of(card.binary)
    if card.protocol == "licor":
        from edge.instruments.licor import LicorDecoder

        return LicorDecoder(card, instrument, options)
    if card.protocol == "vaisala":
        from edge.instruments.vaisala import VaisalaDecoder

        assert card.text is not None
        return VaisalaDecoder(card.text.default_address if instrument.address is None else str(instrument.address))
    if card.protocol == "elements":
        from edge.instruments.elements import ElementsDecoder

        return ElementsDecoder(card)
    if card.protocol == "sunburst":
        from edge.instruments.sunburst import SunburstDecoder

        return SunburstDecoder(card, options, lambda: coefficients_in_force(card, instrument, today()))
    from edge.instruments.text import DelimitedDecoder

    return DelimitedDecoder(card, options)
