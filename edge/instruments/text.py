"""Delimited text: the generic decoder that a card drives. Columns to named, typed fields; nothing that does not fit is guessed.

`DelimitedDecoder` takes a frame's body (text without its checksum), finds the card's layout that fits and converts its columns. A column
that does not read as its kind rejects the whole record: without a checksum one strange character is the only sign of corruption there is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from edge.instruments.reading import Decoded, Ignored, Rejected
from firmware_config.cards.schema import Card, FieldSpec, Layout

Convert = Callable[[Sequence[str], int], Any]
"""(columns, index) → value, None when not available, ValueError when it does not read."""
_FLOAT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_INT = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_CLOCK = re.compile(r"([01]\d|2[0-3])([0-5]\d)([0-5]\d|60)(\.\d+)?")
_ANGLE = re.compile(r"(\d{1,3})(\d\d\.?\d*)")
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
        "bool": to_bool,
        "nmea_time": to_clock,
    }
    if spec.kind == "nmea_latitude":
        return lambda columns, i: to_angle(columns[i], columns[i + 1], "N", "S", 90)
    if spec.kind == "nmea_longitude":
        return lambda columns, i: to_angle(columns[i], columns[i + 1], "E", "W", 180)
    read, scale = plain[spec.kind], spec.scale
    missing = re.compile(spec.missing).fullmatch if spec.missing else None

    def convert(columns: Sequence[str], i: int) -> Any:
        text = columns[i]
        if missing is not None and missing(text):
            return None
        value = read(text)
        return value if scale == 1.0 or value is None else value * scale

    return convert


class _Layout:
    """A card's layout made ready."""

    def __init__(self, layout: Layout, fields: Mapping[str, FieldSpec]) -> None:
        self.name = layout.name
        self.separator = layout.separator
        self._count = layout.count
        self._or_more = layout.or_more
        self._match = [(column, re.compile(pattern).fullmatch) for column, pattern in layout.match.items()]
        self._constants = layout.constants
        specs = {name: fields[name].model_copy(update={"scale": scale}) for name, scale in layout.scales.items()}
        self._columns = [(name, column, converter(specs.get(name, fields[name]))) for name, column in layout.columns.items()]

    def fits(self, columns: Sequence[str]) -> bool:
        count = len(columns)
        if count < self._count or (count > self._count and not self._or_more):
            return False
        return all(match(columns[column]) for column, match in self._match)

    def decode(self, columns: Sequence[str]) -> Decoded | Rejected:
        values: dict[str, Any] = dict(self._constants)
        for name, column, convert in self._columns:
            try:
                values[name] = convert(columns, column)
            except ValueError as error:
                return Rejected("value", f"{name}: {str(error)[:40]!r} does not read as this field")
        return Decoded(self.name, values, {})


class DelimitedDecoder:
    """Text of one record to fields, as the card's layouts say."""

    def __init__(self, card: Card, options: Mapping[str, Any]) -> None:
        assert card.text is not None
        self._separator = card.text.separator
        self._layouts = [_Layout(x, card.fields) for x in card.text.layouts if card.applies(x.when, dict(options))]
        self._ignore = [re.compile(pattern).fullmatch for pattern in card.text.ignore]

    def decode(self, body: bytes) -> Decoded | Rejected | Ignored:
        """The fields, or why there are none."""
        text = body.decode("ascii", "replace")
        columns = text.split(self._separator)
        for layout in self._layouts:
            if layout.fits(columns):
                return layout.decode(columns)
        if any(match(text) for match in self._ignore):
            return Ignored(f"{text[:24]!r} is of no interest", {})
        return Rejected("layout", f"{len(columns)} columns beginning {text[:24]!r} fit no layout of the card")
