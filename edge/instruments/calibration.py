"""What the station file's calibrations do to a unit's values: the coefficients of its own equation, and corrections of its quantities.

Promises: only the entry in force counts (`firmware_config.calibration`), from its day on, also while the station runs; an entry of another
unit never does. A correction is ``slope x value + offset`` in the registry's unit and leaves what a rule spoiled as it was sent. Does not:
touch high-rate instruments, whose raw archive must hold what the instrument said (the check refuses that).
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping

from firmware_config.calibration import in_force
from firmware_config.cards import Card
from firmware_config.station import Calibration, Correction, Instrument

Today = Callable[[], datetime.date | None]
"""The day of the station's clock (UTC); None while the clock is not set."""


def utc_today() -> datetime.date:
    """The day of this machine's clock."""
    return datetime.datetime.now(datetime.UTC).date()


def coefficients_in_force(card: Card, instrument: Instrument, today: datetime.date | None) -> dict[str, float]:
    """The coefficients the card needs, names in lower case; empty when the calibration in force has not all of them."""
    if card.calibration is None:
        return {}
    entry = in_force(instrument, today)
    given = {name.lower(): value for name, value in entry.coefficients.items()} if entry is not None else {}
    needed = [name.lower() for name in card.calibration.needed]
    return {name: given[name] for name in needed} if all(name in given for name in needed) else {}


class Corrections:
    """The corrections of one instrument; ``today`` says which day it is whenever a value comes."""

    def __init__(self, instrument: Instrument, today: Today) -> None:
        self._instrument, self._today = instrument, today
        self._known: tuple[datetime.date | None, Calibration | None] | None = None

    def on(self, day: datetime.date | None) -> tuple[datetime.date | None, Mapping[str, Correction]]:
        """(date of the entry, corrections by quantity) in force on a day; (None, {}) without any."""
        if self._known is None or self._known[0] != day:
            self._known = day, in_force(self._instrument, day)
        entry = self._known[1]
        return (entry.date, entry.corrections) if entry is not None else (None, {})

    def of_minute(self, start_ms: int) -> tuple[datetime.date | None, Mapping[str, Correction]]:
        """The corrections that the values of a minute carry (``start_ms``: UTC, or since the boot while the clock is not set)."""
        known = self._today() is not None
        return self.on(datetime.datetime.fromtimestamp(start_ms / 1e3, datetime.UTC).date() if known else None)

    def apply(self, quantities: dict[str, float | None]) -> dict[str, float]:
        """Correct these quantities in place; gives what those that were corrected were before."""
        before: dict[str, float] = {}
        for name, correction in self.on(self._today())[1].items():
            value = quantities.get(name)
            if value is not None:
                before[name] = value
                quantities[name] = correction.slope * value + correction.offset
        return before


def corrections_of(instrument: Instrument, today: Today) -> Corrections | None:
    """The corrections of an instrument; None when its file has none at any date."""
    return Corrections(instrument, today) if any(entry.corrections for entry in instrument.calibration) else None
