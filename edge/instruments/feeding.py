"""What an instrument needs of the station while it runs: a CO2 probe its air pressure.

Some instruments count with a number they do not measure, and take it from whoever asks them. Until it is that of the air around it, each
value is a possible one and wrong. Promises: the number is written when it is not the station's, into memory that does not wear out (the
card names no other), at most every `BETWEEN_S`; a reading that was made with another one is marked (``doubt``), also when the instrument
takes the write and does not use it. A number the station file gives itself (the option of the register's name) is left to its settings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import msgspec

from edge.errors import ModbusError
from edge.instruments.modbus import ModbusDriver
from edge.instruments.reading import Reading
from edge.links.modbus import ModbusBus
from firmware_config.cards import Card
from firmware_config.cards.modbus import Feed

DOUBT = "compensation"
"""name of the test that such a reading does not pass"""
BETWEEN_S = 10.0
Given = Callable[[str], float | None]
"""Name of an input of the station → its value now."""


class Feeder:
    """One instrument's feeds."""

    def __init__(self, card: Card, options: Mapping[str, Any], given: Given, monotonic: Callable[[], float]) -> None:
        feeds = card.modbus.feeds if card.modbus is not None else []
        self._feeds = [feed for feed in feeds if options.get(feed.field, "") == ""]
        self._given = given
        self._monotonic = monotonic
        self._wrote_s: dict[str, float] = {}

    def _value(self, feed: Feed) -> float | None:
        value = self._given(feed.input)
        return value if value is not None and feed.min <= value <= feed.max else None

    def judged(self, reading: Reading) -> Reading:
        """The reading, in doubt where it was made with another number than the station's, or nobody knows the right one."""
        if not reading.quantities or all(self._fits(feed, reading, feed.apart) for feed in self._feeds):
            return reading
        return msgspec.structs.replace(reading, doubt=DOUBT)

    def _fits(self, feed: Feed, reading: Reading, apart: float) -> bool:
        value, taken = self._value(feed), reading.values.get(feed.field)
        return value is not None and isinstance(taken, int | float) and abs(taken - value) <= apart

    async def serve(self, driver: ModbusDriver, bus: ModbusBus, reading: Reading) -> None:
        """Write what has moved since; a device that refuses or does not answer is asked again later."""
        for feed in self._feeds:
            value, now_s = self._value(feed), self._monotonic()
            if value is None or self._fits(feed, reading, feed.apart / 4):
                continue
            if now_s - self._wrote_s.get(feed.field, -BETWEEN_S) >= BETWEEN_S:
                self._wrote_s[feed.field] = now_s
                with suppress(ModbusError):
                    await driver.write(bus, feed.field, value, 16)
