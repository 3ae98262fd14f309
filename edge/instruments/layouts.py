"""The ways a card splits a record of text: columns between separators, fixed columns, a pattern, names with values.

A layout either does not fit (None: the next one is tried), or gives the fields, or refuses the record with the reason. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from edge.instruments.converters import Convert, UnknownUnitError, converter, with_unit
from edge.instruments.reading import Decoded, Rejected
from firmware_config.cards.schema import Card, FieldSpec, Layout, Pairs

Split = Callable[[str | None], Sequence[str]]
"""Separator (None: the card's own) → the columns of the record."""
_UNIT_AFTER_NAME = re.compile(r"(.+?)[\[(]([^\[\]()]*)[\])]")


def make_layout(layout: Layout, card: Card) -> AnyLayout:
    """A card's layout made ready."""
    if layout.spans:
        return SpanLayout(layout, card.fields)
    if layout.pattern is not None:
        return PatternLayout(layout, card.fields)
    return PairsLayout(layout, card.fields, layout.pairs) if layout.pairs is not None else ColumnLayout(layout, card.fields)


class _Fields:
    """Named columns read as their kinds."""

    def __init__(self, layout: Layout, fields: Mapping[str, FieldSpec], columns: Mapping[str, int]) -> None:
        self.name = layout.name
        self.after = frozenset(layout.after)
        self._constants = layout.constants
        self._specs = {**fields, **{name: fields[name].model_copy(update={"scale": scale}) for name, scale in layout.scales.items()}}
        self._columns: list[tuple[str, int, Convert]] = [(name, i, converter(self._specs[name])) for name, i in columns.items()]

    def _read(self, columns: Sequence[str]) -> dict[str, Any] | Rejected:
        values: dict[str, Any] = dict(self._constants)
        for name, column, convert in self._columns:
            try:
                values[name] = convert(columns, column)
            except ValueError as error:
                return unreadable(name, error)
        return values

    def _decoded(self, columns: Sequence[str]) -> Decoded | Rejected:
        values = self._read(columns)
        return values if isinstance(values, Rejected) else Decoded(self.name, values, {})


class ColumnLayout(_Fields):
    """Columns between separators."""

    def __init__(self, layout: Layout, fields: Mapping[str, FieldSpec]) -> None:
        super().__init__(layout, fields, layout.columns)
        self._separator = layout.separator
        self._least = layout.count or 0
        self._most = 1_000_000 if layout.or_more else self._least
        self._match = [(column, re.compile(pattern).fullmatch) for column, pattern in layout.match.items()]
        self._alike = layout.alike

    def fits(self, columns: Sequence[str]) -> bool:
        if not self._least <= len(columns) <= self._most or not all(match(columns[column]) for column, match in self._match):
            return False
        return not self._alike or len({len(columns[column].partition(".")[2]) for column in self._alike}) == 1

    def decode(self, text: str, split: Split) -> Decoded | Rejected | None:
        columns = split(self._separator)
        return self._decoded(columns) if self.fits(columns) else None


class SpanLayout(_Fields):
    """Fixed columns: each field has its characters."""

    def __init__(self, layout: Layout, fields: Mapping[str, FieldSpec]) -> None:
        super().__init__(layout, fields, {name: i for i, name in enumerate(layout.spans)})
        self._spans = list(layout.spans.values())
        end = max(end for _, end in self._spans)
        self._shortest, self._longest = layout.length or (end, end)

    def decode(self, text: str, split: Split) -> Decoded | Rejected | None:
        if not self._shortest <= len(text) <= self._longest:
            return None
        return self._decoded([text[begin:end].strip() for begin, end in self._spans])


class PatternLayout(_Fields):
    """A pattern for the whole record; its named groups are fields."""

    def __init__(self, layout: Layout, fields: Mapping[str, FieldSpec]) -> None:
        pattern = re.compile(layout.pattern or "")
        self._fullmatch = pattern.fullmatch
        self._groups = [group for _, group in sorted((number, name) for name, number in pattern.groupindex.items())]
        super().__init__(layout, fields, {name: i for i, name in enumerate(self._groups)})

    def decode(self, text: str, split: Split) -> Decoded | Rejected | None:
        found = self._fullmatch(text)
        return None if found is None else self._decoded([found[name] or "" for name in self._groups])


class PairsLayout(ColumnLayout):
    """Names with values, after columns that have a fixed place. Order does not matter; a name may stand once."""

    def __init__(self, layout: Layout, fields: Mapping[str, FieldSpec], pairs: Pairs) -> None:
        super().__init__(layout, fields)
        self._pairs = pairs
        self._least = layout.count or pairs.begin + 1
        self._most = layout.count if layout.count and not layout.or_more else 1_000_000
        self._convert = {name: converter(spec) for name, spec in self._specs.items()}
        with_units = {name: with_unit(spec, pairs.unit) for name, spec in self._specs.items() if spec.unit or spec.units}
        self._units = with_units if pairs.unit != "none" else {}

    def decode(self, text: str, split: Split) -> Decoded | Rejected | None:
        columns = split(self._separator)
        if not self.fits(columns):
            return None
        values = self._read(columns)
        found = self._split(columns[self._pairs.begin :])
        if isinstance(values, Rejected) or isinstance(found, Rejected):
            return values if isinstance(values, Rejected) else found if isinstance(found, Rejected) else None
        marked: list[str] = []
        for printed, sent in found:
            try:
                refused = self._take(values, marked, printed, sent)
            except ValueError as error:
                return unreadable(printed, error)
            if refused is not None:
                return refused
        lacking = [name for name in self._pairs.required if name not in values]
        if lacking:
            return Rejected("cut off", f"{', '.join(lacking)} not in the record: it is not whole")
        if not marked:
            return Decoded(self.name, values, {})
        faults = {name: f"{name} is marked as in error ({self._pairs.mark})" for name in marked}
        return Decoded(self.name, {**values, "flagged": marked}, faults)

    def _split(self, parts: Sequence[str]) -> Iterable[tuple[str, str]] | Rejected:
        if not self._pairs.assign:
            return zip(parts[::2], parts[1::2], strict=True) if len(parts) % 2 == 0 else Rejected("cut off", "a name without its value")
        pairs = [part.partition(self._pairs.assign) for part in parts]
        if pairs and pairs[-1] == ("", "", ""):
            pairs.pop()  # a separator closes the record
        if not all(assign for _, assign, _ in pairs):
            bare = next(name for name, assign, _ in pairs if not assign)
            return Rejected("layout", f"{bare[:24]!r} is not name{self._pairs.assign}value")
        return [(name, sent) for name, _, sent in pairs]

    def _take(self, values: dict[str, Any], marked: list[str], printed: str, sent: str) -> Rejected | None:
        """One pair into the values; ValueError when it does not read as its field."""
        printed = printed.strip()
        error = bool(self._pairs.mark) and printed.startswith(self._pairs.mark)
        name = printed[1:] if error else printed
        unit = ""
        if self._pairs.unit == "after_name" and (found := _UNIT_AFTER_NAME.fullmatch(name)) is not None:
            name, unit = found.groups()
        field = self._pairs.names.get(name, name)
        convert = self._convert.get(field)
        if convert is None and self._pairs.others == "refuse":
            return Rejected("layout", f"{name[:24]!r} is no field of the card")
        if field in values:
            return Rejected("layout", f"{field[:24]} stands twice")
        if convert is None:
            if self._pairs.others == "keep":
                values[field] = sent
            return None
        if not sent.strip() and field in self._pairs.required:
            return Rejected("cut off", f"{field[:24]} has a name and no value")
        in_unit = self._units.get(field)
        values[field] = convert((sent,), 0) if in_unit is None else in_unit(sent, unit)
        if error:
            marked.append(field)
        return None


AnyLayout = ColumnLayout | SpanLayout | PatternLayout | PairsLayout


def unreadable(name: str, error: ValueError) -> Rejected:
    """A field whose text is not of its kind, or not in its unit."""
    if isinstance(error, UnknownUnitError):
        return Rejected("value", f"{name[:24]}: {error}")
    return Rejected("value", f"{name[:24]}: {str(error)[:60]!r} does not read as this field")
