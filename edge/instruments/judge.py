"""What a record is worth: the card's rules judge its fields, the card's mapping turns fields into quantities in the registry's units.

Pure but for the running totals (rain): the increase of a counter needs the last valid reading. A quantity whose field a rule spoiled is
None among the good ones and stands, with the value that was sent, among the spoiled.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from edge.instruments.converters import to_float
from edge.instruments.reading import Decoded
from firmware_config.cards.schema import Card, QuantitySource, Rule

Get = Callable[[Mapping[str, Any]], Any]
Check = Callable[[Mapping[str, Any]], str | None]
"""Values → None when the rule holds, else what to fill in for ``{value}``."""
_ABSENT = object()


class Verdict(NamedTuple):
    """``words``: stable reasons for counting; ``reason``: for people; ``spoiled``: field → reason."""

    words: tuple[str, ...]
    reason: str
    spoiled: dict[str, str]


_GOOD = Verdict((), "", {})


def getter(name: str) -> Get:
    """How a field is found in the values; ``a.b`` looks inside ``a``. Gives `_ABSENT` when the record does not have it."""
    outer, dot, inner = name.partition(".")
    if not dot:
        return lambda values: values.get(name, _ABSENT)

    def nested(values: Mapping[str, Any]) -> Any:
        part = values.get(outer)
        return part.get(inner, _ABSENT) if isinstance(part, dict) else _ABSENT

    return nested


def _above(get: Get, limit: float) -> Get:
    """A getter to which values that are not above the limit are absent."""

    def found(values: Mapping[str, Any]) -> Any:
        value = get(values)
        return _ABSENT if isinstance(value, int | float) and not value > limit else value

    return found


def _known(get: Get) -> Get:
    """A getter to which missing values are absent."""

    def found(values: Mapping[str, Any]) -> Any:
        value = get(values)
        return _ABSENT if value is None else value

    return found


def _number(value: Any) -> float | None:
    """A number, also one that is kept as the text it was sent as; None for anything else."""
    if isinstance(value, str):
        try:
            return to_float(value)
        except ValueError:
            return None
    return value if isinstance(value, int | float) else None


def _masked(get: Get, mask: int) -> Get:
    """A getter that sees only some bits of a whole number."""

    def found(values: Mapping[str, Any]) -> Any:
        value = get(values)
        return value & mask if isinstance(value, int) and value >= 0 else value

    return found


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return "missing" if None in value else ", ".join(map(_shown, value))
    return "missing" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def _bit_names(word: int, names: Mapping[int, str]) -> str:
    return ", ".join(names.get(bit, f"bit {bit}") for bit in range(word.bit_length()) if word >> bit & 1)


def _bits_check(rule: Rule, get: Get) -> Check:
    names = rule.set_bits or rule.clear_bits or {}
    mask = sum(1 << bit for bit in names)

    def check(values: Mapping[str, Any]) -> str | None:
        value = get(values)
        if value is _ABSENT:
            return None
        if not isinstance(value, int) or value < 0:
            return _shown(value)
        wrong = mask & ~value if rule.set_bits is not None else value
        return _bit_names(wrong, names) if wrong else None

    return check


def _product_check(rule: Rule, get: Get) -> Check:
    assert rule.product is not None
    factors, scale = [getter(name) for name in rule.product.of], rule.product.scale
    tolerance, absolute = rule.product.tolerance, rule.product.absolute

    def check(values: Mapping[str, Any]) -> str | None:
        value, found = get(values), [factor(values) for factor in factors]
        if value is _ABSENT:
            return None
        if not all(isinstance(x, int | float) for x in (value, *found)):
            return "missing"
        expected = scale * math.prod(found)
        return None if abs(value - expected) <= tolerance * abs(expected) + absolute else _shown(value)

    return check


def _value_check(rule: Rule, get: Get) -> Check:
    low, high = -math.inf if rule.min is None else rule.min, math.inf if rule.max is None else rule.max
    allowed, smallest = rule.one_of, rule.smallest or 0.0

    def holds(value: Any) -> bool:
        if allowed is not None:
            return value in allowed
        number = _number(value)
        return number is not None and low <= number <= high and (number == 0 or abs(number) >= smallest)

    def check(values: Mapping[str, Any]) -> str | None:
        value = get(values)
        if value is _ABSENT:
            return None
        if all(map(holds, value if isinstance(value, list) else (value,))):
            return None
        shown = _shown(value)
        return f"{shown}: {rule.words[shown]}" if shown in rule.words else shown

    return check


def _sum_check(rule: Rule, get: Get) -> Check:
    assert rule.sum is not None
    parts, tolerance = [(getter(name), factor) for name, factor in rule.sum.of.items()], rule.sum.tolerance

    def check(values: Mapping[str, Any]) -> str | None:
        value, found = get(values), [part(values) for part, _ in parts]
        if value is _ABSENT:
            return None
        if not all(isinstance(x, int | float) for x in (value, *found)):
            return "missing"
        expected = math.fsum(x * factor for x, (_, factor) in zip(found, parts, strict=True))
        return None if abs(value - expected) <= tolerance else _shown(value)

    return check


def _matches_check(rule: Rule, get: Get) -> Check:
    matches = re.compile(rule.matches or "").fullmatch

    def check(values: Mapping[str, Any]) -> str | None:
        value = get(values)
        return None if value is _ABSENT or (isinstance(value, str) and matches(value)) else _shown(value)

    return check


def _many_check(rule: Rule) -> Check:
    gets = [getter(name) for name in rule.fields]

    def check(values: Mapping[str, Any]) -> str | None:
        found = [get(values) for get in gets]
        if rule.present is not None:
            return "missing" if any(x is None or x is _ABSENT or (isinstance(x, list) and None in x) for x in found) else None
        present = [x for x in found if x is not _ABSENT]
        return "0" if present and all(x == 0 for x in present) else None

    return check


def _truth_check(values: Mapping[str, Any]) -> str | None:
    return ", ".join(name for name, value in values.items() if value is False) or None


def _compiled(rule: Rule) -> Check:
    if rule.field is None:
        return _truth_check if rule.all_true else _many_check(rule)
    get = getter(rule.field) if rule.above is None else _above(getter(rule.field), rule.above)
    get = _known(get) if rule.or_missing else get
    get = get if rule.mask is None else _masked(get, rule.mask)
    if rule.set_bits is not None or rule.clear_bits is not None:
        return _bits_check(rule, get)
    if rule.sum is not None or rule.matches is not None:
        return _sum_check(rule, get) if rule.sum is not None else _matches_check(rule, get)
    return _product_check(rule, get) if rule.product is not None else _value_check(rule, get)


def _each_block(rule: Rule) -> list[Rule]:
    """A rule about blocks as one rule for each of them."""
    return [
        rule.model_copy(
            update={
                "field": f"{block}.{rule.field}" if rule.field else None,
                "fields": [f"{block}.{name}" for name in rule.fields],
                "spoils": [block],
                "where_present": True,
                "reason": f"{block}: {rule.reason}",
            }
        )
        for block in rule.blocks
    ] or [rule]


def _word(rule: Rule) -> str:
    """A rule's reason without the value, for counting; the field where the reason is nothing but the value."""
    return str(rule.field) if rule.reason == "{value}" else rule.reason.replace("{value}", "…")


class Judge:
    """The card's rules under the options of one instrument."""

    def __init__(self, card: Card, options: Mapping[str, Any]) -> None:
        rules = [one for rule in card.rules if card.applies(rule.when, dict(options)) for one in _each_block(rule)]
        self._rules = [(_compiled(rule), rule) for rule in rules]

    def verdict(self, record: Decoded) -> Verdict:
        """Which rules a record fails, and which of its fields that spoils."""
        failed = [
            (rule, shown)
            for check, rule in self._rules
            if (not rule.layouts or record.kind in rule.layouts)
            and (not rule.where_present or not record.values.keys().isdisjoint(rule.spoils))
            and (shown := check(record.values)) is not None
        ]
        if not failed and not record.faults:
            return _GOOD
        spoiled = dict(record.faults)
        reasons = list(record.faults.values())
        for rule, shown in failed:
            reason = rule.reason.replace("{value}", shown)
            reasons.append(reason)
            for name in rule.spoils or record.values:
                spoiled.setdefault(name, reason)
        words = tuple(_word(rule) for rule, _ in failed) + (("marked as not valid",) if record.faults else ())
        return Verdict(words, "; ".join(reasons), spoiled)


class _Source:
    """One quantity of the card made ready."""

    def __init__(self, name: str, source: QuantitySource, option: Any) -> None:
        self.name = name
        self.source = source
        self.root = source.field.partition(".")[0]
        self.get = getter(source.field)
        self.layouts = frozenset(source.layouts)
        self._option = option
        self._item, self._above = source.item, source.above
        self._power, self._scale, self._offset = source.power, source.scale, source.offset
        self._unit = getter(source.by.field) if source.by is not None and source.by.field is not None else None
        self._table: dict[Any, tuple[float, float]] = (
            {k: v if isinstance(v, tuple) else (v, 0.0) for k, v in source.by.table.items()} if source.by is not None else {}
        )
        self._last: float | None = None

    def value(self, raw: Any, values: Mapping[str, Any]) -> float | None:
        """The raw field in the registry's unit; None when missing, of an unknown unit, or what the card says means "not measured"."""
        if isinstance(raw, list):
            raw = raw[self._item] if self._item is not None and self._item < len(raw) else None
        raw = None if isinstance(raw, bool) else _number(raw)
        if raw is None or (self._above is not None and not raw > self._above):
            return None
        if self._table:
            unit = self._unit(values) if self._unit is not None else _ABSENT
            scale, offset = self._table.get(self._option if unit is _ABSENT else unit, (math.nan, 0.0))
            raw = raw * scale + offset
        value = float((raw if self._power == 1 else raw**self._power) * self._scale + self._offset)
        return value if math.isfinite(value) else None

    def counted(self, total: float | None) -> float | None:
        """The increase of a running total since the last one; a total that fell began again from zero."""
        if total is None:
            return None
        last, self._last = self._last, total
        if last is None:
            return None
        return total - last if total >= last else total


class Quantities:
    """From fields to quantities, as the card says; ``without`` names quantities the station does not want from this instrument."""

    def __init__(self, card: Card, without: frozenset[str], options: Mapping[str, Any] | None = None) -> None:
        given = dict(options or {})
        self._sources = [
            _Source(name, source, card.option(given, source.by.option) if source.by is not None and source.by.option is not None else None)
            for name, source in card.quantities.items()
            if name not in without and card.applies(source.when, given)
        ]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(source.name for source in self._sources)

    def of(self, values: Mapping[str, Any], spoiled: Mapping[str, str], kind: str = "") -> tuple[dict[str, float | None], dict[str, float]]:
        """(good, spoiled) quantities of the fields this record (of this ``kind``) has."""
        good: dict[str, float | None] = {}
        bad: dict[str, float] = {}
        for source in self._sources:
            raw = source.get(values)
            if raw is _ABSENT or (source.layouts and kind not in source.layouts):
                continue
            value = source.value(raw, values)
            if spoiled and (source.root in spoiled or source.source.field in spoiled):
                good[source.name] = None
                if value is not None and not source.source.counter:
                    bad[source.name] = value
            else:
                good[source.name] = source.counted(value) if source.source.counter else value
        return good, bad
