"""Which coefficients of a unit are in force: those of the newest calibration in the station file that is not in the future."""

from __future__ import annotations

import datetime

from firmware_config.cards import Card
from firmware_config.station import Instrument


def coefficients_in_force(card: Card, instrument: Instrument, today: datetime.date) -> dict[str, float]:
    """The coefficients the card needs, names in lower case; empty when the newest calibration in force has not all of them."""
    if card.calibration is None:
        return {}
    past = [entry for entry in instrument.calibration if entry.date <= today]
    newest = max(past, key=lambda entry: entry.date, default=None)
    given = {name.lower(): value for name, value in newest.coefficients.items()} if newest is not None else {}
    needed = [name.lower() for name in card.calibration.needed]
    return {name: given[name] for name in needed} if all(name in given for name in needed) else {}
