"""Texts to values: numbers, truth values, clocks and angles as instruments print them, and how a card's field is read.

Nothing is guessed: a text that is not of its kind is a ValueError, for without a checksum one strange character is the only sign of
corruption there is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

from firmware_config.cards.schema import FieldSpec

Convert = Callable[[Sequence[str], int], Any]
"""(columns, index) → value, None when not available, ValueError when it does not read."""
_FLOAT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_INT = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_CLOCK = re.compile(r"([01]\d|2[0-3])([0-5]\d)([0-5]\d|60)(\.\d+)?")
_ANGLE = re.compile(r"(\d{1,3})(\d\d\.?\d*)")
_VALUE_WITH_UNIT = re.compile(r"\s*([+-]?[\d.]+(?:[eE][+-]?\d+)?)\s*(.*?)\s*")
_NO_VALUE = frozenset({"", "nan", "na", "n/a"})
_WORDS = {"TRUE": True, "FALSE": False, "1": True, "0": False}


def to_float(text: str) -> float | None:
    """A finite decimal number; None for nothing and NaN; ValueError for anything else (also ``1_0`` and ``inf``, which Python would take).

    >>> to_float("+001.23"), to_float("NAN")
    (1.23, None)
    """
    if not _FLOAT.fullmatch(text):
        text = text.strip()
        if text.lower() in _NO_VALUE:
            return None
        if not _FLOAT.fullmatch(text):
            raise ValueError(text)
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def to_int(text: str) -> int | None:
    """A whole number of at most 18 digits; None for nothing and NaN."""
    text = text.strip()
    if _INT.fullmatch(text):
        return int(text)
    if text.lower() in _NO_VALUE:
        return None
    raise ValueError(text)


def to_number(text: str) -> int | float | None:
    """Whole when printed whole, else a float.

    >>> to_number("1026"), to_number("1026.0")
    (1026, 1026.0)
    """
    return to_int(text) if _INT.fullmatch(text.strip()) else to_float(text)


def to_bool(text: str) -> bool | None:
    text = text.strip()
    if not text:
        return None
    try:
        return _WORDS[text.upper()]
    except KeyError:
        raise ValueError(text) from None


def to_clock(text: str) -> str | None:
    """``hhmmss.ss`` as ``hh:mm:ss.ss``; second 60 is a leap second.

    >>> to_clock("120000.00")
    '12:00:00.00'
    """
    if not text:
        return None
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise ValueError(text)
    return f"{found[1]}:{found[2]}:{found[3]}{found[4] or ''}"


def to_angle(text: str, hemisphere: str, positive: str, negative: str, limit: float) -> float | None:
    """NMEA's ``dddmm.mmmm`` and hemisphere as degrees.

    >>> to_angle("5412.3456", "N", "N", "S", 90)
    54.20576
    """
    if not text and not hemisphere:
        return None
    found = _ANGLE.fullmatch(text)
    if found is None or hemisphere not in {positive, negative} or (minutes := float(found[2])) >= 60:
        raise ValueError(f"{text} {hemisphere}")
    degrees = int(found[1]) + minutes / 60
    if degrees > limit:
        raise ValueError(f"{text} {hemisphere}")
    return degrees if hemisphere == positive else -degrees


def converter(spec: FieldSpec) -> Convert:
    """How a column of this field is read."""
    plain: dict[str, Callable[[str], Any]] = {
        "text": lambda text: text.strip() or None,
        "int": to_int,
        "float": to_float,
        "number": to_number,
        "bool": to_bool,
        "nmea_time": to_clock,
    }
    if spec.kind == "nmea_latitude":
        return lambda columns, i: to_angle(columns[i], columns[i + 1], "N", "S", 90)
    if spec.kind == "nmea_longitude":
        return lambda columns, i: to_angle(columns[i], columns[i + 1], "E", "W", 180)
    read, scale, words = plain[spec.kind], spec.scale, spec.words
    missing = re.compile(spec.missing).fullmatch if spec.missing else None

    def convert(columns: Sequence[str], i: int) -> Any:
        text = columns[i]
        if missing is not None and missing(text):
            return None
        if words:
            try:
                return words[text.strip()]
            except KeyError:
                raise ValueError(text) from None
        value = read(text)
        return value if scale == 1.0 or value is None else value * scale

    return convert


class UnknownUnitError(ValueError):
    """A number that reads, in a unit that the card's field does not have: what it has, and what it could have."""

    def __init__(self, found: str, known: str) -> None:
        super().__init__(f"{found}; the card's field has {known} (others stand in its units, '' for none)")


def with_unit(spec: FieldSpec, place: str) -> Callable[[str, str], Any]:
    """(text, unit printed with the name) → value in the field's own unit; ValueError for a unit the card does not know. ``place``:
    ``after_name`` or ``after_value`` (the text then holds number and unit)."""
    convert = converter(spec)
    table = {unit: to if isinstance(to, tuple) else (to, 0.0) for unit, to in spec.units.items()}

    def read(text: str, unit: str) -> Any:
        if place == "after_value" and (found := _VALUE_WITH_UNIT.fullmatch(text)) is not None:
            text, unit = found.groups()
        value = convert((text,), 0)
        if value is None or unit == spec.unit:
            return value
        if unit not in table:
            known = ", ".join(repr(one) for one in dict.fromkeys([spec.unit, *table]))
            raise UnknownUnitError(f"{text[:24]!r} has the unit {unit[:24]!r}" if unit else f"{text[:24]!r} has no unit", known)
        factor, offset = table[unit]
        return value if factor == 1 and offset == 0 else value * factor + offset

    return read
