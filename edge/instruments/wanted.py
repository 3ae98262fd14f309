"""What the station file wants of an instrument's own settings, and whether what was found is that. Pure."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from firmware_config.cards import Card
from firmware_config.cards.settings import CardSetting
from firmware_config.station import Instrument

LONGEST_SAID = 40


def option_of(card: Card, options: dict[str, Any], name: str) -> Any:
    """An option as given, else the card's default, else that of the options every printing instrument has."""
    return card.option(options, name) if name in card.options else options.get(name, "automatic")


def wanted_of(setting: CardSetting, card: Card, instrument: Instrument) -> Any:
    """What the station file wants of a setting; None: it says nothing (or says it where it changes, ``unchanged``)."""
    if setting.wanted.startswith("= "):
        return setting.wanted[2:]
    if setting.wanted == "rate":
        return instrument.rate
    if setting.wanted == "every":
        return None if instrument.every is None else instrument.every / 1000
    if setting.wanted in {"serial_number", "firmware"}:
        return getattr(instrument, setting.wanted) or None
    if setting.wanted == "unchanged":
        return None
    given = option_of(card, dict(instrument.options), setting.wanted.removeprefix("options."))
    return None if given == "" else given


def same(found: Any, wanted: Any) -> bool:
    """Whether two values are one setting. A number in the file or from the instrument is compared as a number (whole ones exactly: serial
    numbers differ in their last digit); two texts as texts in any case, or as whole numbers where both are such.

    >>> same("2.0e1", 20.0), same("0030", "30"), same("Yes", "yes"), same("10", 20), same("8.10", "8.1")
    (True, True, True, False, False)
    >>> same(12345678, "12345679"), same("YL09-7", "YL09-7 ")
    (False, True)
    """
    found, wanted = (value.strip() if isinstance(value, str) else value for value in (found, wanted))
    with suppress(ValueError):
        return int(str(found)) == int(str(wanted))
    if isinstance(found, str) and isinstance(wanted, str):
        return found.casefold() == wanted.casefold()
    with suppress(ValueError, TypeError):
        return abs(float(found) - float(wanted)) <= 1e-6 * abs(float(wanted))
    return str(found).casefold() == str(wanted).casefold()


def comparable(found: Any, wanted: Any) -> bool:
    """A register or a status that tells a number says nothing about a name: a serial number such as WM-214508 in the file has none.

    >>> comparable(104568, "104568"), comparable(104568, "WM-104568"), comparable("YL09", "WM-104568")
    (True, False, True)
    """
    return not isinstance(found, int | float) or not isinstance(wanted, str) or wanted.strip().isdecimal()


def said(value: Any) -> str:
    """A value in a sentence: short."""
    text = f"{value + 0.0:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= LONGEST_SAID else f"{text[:LONGEST_SAID]}…"
