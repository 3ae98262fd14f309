"""Instrument cards: one YAML file per model beside this module, read, checked as a whole and handed out as data.

Promises: a card that loads is consistent (fields exist, registers do not overlap and are read whole, quantities stand in the registry,
options named in ``when`` exist). A card that does not is refused with every problem at once, each naming file, line, key and value.
Does not: know how bytes become records; that is `edge.instruments`. The schema is in `firmware_config.cards.schema`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from firmware_config.cards.base import When
from firmware_config.cards.modbus import Read, Register
from firmware_config.cards.patterns import groups_of
from firmware_config.cards.schema import Card, Layout, Option
from firmware_config.errors import ContractError, StationFileError
from firmware_config.quantities import registry
from firmware_config.units import DurationMs
from firmware_config.yaml_report import KeyPath, Report, closest, read_yaml, shape_problems

__all__ = ["CARDS", "Card", "all_cards", "common_options", "load_card", "option_problems", "read_card", "readable_cards"]

CARDS = Path(__file__).parent
GRAMMAR_FIELDS = {"licor": ("diag.",), "vaisala": ("units.",), "sunburst": ("optics.",)}
"""Prefixes of fields that a record grammar makes by itself."""
_COMMON_OPTIONS = {
    "without": Option(text="quantities not wanted from this instrument, for example because another one at the same place gives them"),
}
_STREAM_OPTIONS = {
    "mode": Option(
        allowed=["automatic", "polled"], default="automatic", text="automatic: it prints by itself; polled: it is asked at each turn"
    ),
}
_MODBUS_OPTIONS = {
    "answer": Option(text="wait so long for an answer, for example 600ms; haitan-edge probe measures and proposes it"),
    "answer_longest": Option(text="no answer of this device comes later than this, for example 3s"),
}
_SETTINGS_OPTIONS = {
    "settings": Option(
        allowed=["report", "enforce"], default="report", text="what differs from this file in the instrument itself is told, or set too"
    ),
}
_DURATION: TypeAdapter[int] = TypeAdapter(DurationMs)
_VERSION = re.compile(r"\d+(\.\d+)*.{0,20}")


@cache
def readable_cards(directory: Path = CARDS) -> tuple[dict[str, Card], dict[str, list[str]]]:
    """Every card by model name that is in order, and the problems of the others: a mistake in one card stops only stations that use it."""
    cards: dict[str, Card] = {}
    problems: dict[str, list[str]] = {}
    for path in sorted(directory.glob("*.yaml")):
        try:
            cards[path.stem] = read_card(path)
        except StationFileError as error:
            problems[path.stem] = error.problems
    return cards, problems


def all_cards(directory: Path = CARDS) -> dict[str, Card]:
    """Every card by model name; StationFileError lists the problems of all cards that have any."""
    cards, problems = readable_cards(directory)
    if problems:
        raise StationFileError([problem for found in problems.values() for problem in found])
    return cards


@cache
def load_card(model: str, directory: Path = CARDS) -> Card:
    """The card of one model; ContractError names the nearest when there is none, StationFileError what is wrong with it."""
    known = sorted(path.stem for path in directory.glob("*.yaml"))
    if model not in known:
        nearest = closest(model, known)
        meant = f"; did you mean {nearest!r}?" if nearest else ""
        raise ContractError(f"no instrument card {model!r}; there are: {', '.join(known)}{meant}")
    return read_card(directory / f"{model}.yaml")


def read_card(path: Path) -> Card:
    """Read and check one card file."""
    report = Report(path)
    data = read_yaml(path, report, "an instrument card", aliases=True)
    if data is not None and not isinstance(data, dict):
        report.add((), "a card is a mapping of keys to values")
    if report.problems:
        raise StationFileError(report.problems)
    try:
        card = Card.model_validate(data)
    except ValidationError as error:
        shape_problems(report, Card, error)
        raise StationFileError(report.problems) from None
    if card.model != path.stem:
        report.add(("model",), f"{card.model!r}: the file is named {path.stem!r}; both must agree")
    _check_fields(report, card)
    _check_options(report, card)
    if card.modbus is not None:
        _check_registers(report, card.modbus.all_registers)
        _check_decimals(report, card.modbus.registers)
        _check_reads(report, card)
    if report.problems:
        raise StationFileError(report.problems)
    return card


def common_options(card: Card) -> dict[str, Option]:
    """All options an instrument of this card may have: the card's own and those of its kind."""
    common = {**_COMMON_OPTIONS, **_SETTINGS_OPTIONS} if card.settings else _COMMON_OPTIONS
    if card.modbus is not None:
        return {**common, **_MODBUS_OPTIONS, **card.options}
    polled = _STREAM_OPTIONS if card.stream is not None and card.stream.request else {}
    return {**common, **polled, **card.options}


def option_problems(card: Card, given: Mapping[str, Any]) -> Iterator[tuple[str, str, list[str], str | None]]:
    """What is wrong with an instrument's ``options``: (option, what, allowed, probably meant)."""
    known = common_options(card)
    for name, value in given.items():
        if name not in known:
            yield name, f"{name!r}: {card.model} has no such option", sorted(known), closest(name, known)
        elif (allowed := known[name].allowed) is not None and value not in allowed:
            spelled = [str(x) for x in allowed]
            yield name, f"{value!r}: not a value of this option", spelled, closest(str(value), spelled)
        elif name in _MODBUS_OPTIONS:
            yield from _duration_problems(name, value)
        elif name == "without":
            for unknown in [x for x in str(value).replace(",", " ").split() if x not in card.quantities]:
                yield name, f"{unknown!r}: {card.model} gives no such quantity", sorted(card.quantities), closest(unknown, card.quantities)
        elif name == "software_version" and value != "" and not _VERSION.fullmatch(str(value)):
            yield name, f"{value!r}: not a version", ["numbers with points, as 8.9 or 5.2.0"], None


def _duration_problems(name: str, value: Any) -> Iterator[tuple[str, str, list[str], str | None]]:
    try:
        _DURATION.validate_python(value)
    except ValidationError as error:
        yield name, str(error.errors()[0]["ctx"]["error"]), [], None


def _known_fields(card: Card) -> set[str]:
    found = set(card.fields)
    if card.modbus is not None:
        found |= {register.field for register in card.modbus.all_registers}
        found |= set(card.modbus.blocks.at if card.modbus.blocks else ())
        found |= {name for command in card.modbus.commands.values() for name in command.gives}
    if card.text is not None:
        found |= {name for layout in card.text.layouts for name in layout.constants}
    for part in card.binary.parts if card.binary else ():
        found |= {item.field for item in part.items if item.field} | set(part.constants)
    return found | set(card.derived) | set(card.fields)


def _kept_as_printed(card: Card) -> bool:
    """Whether records may hold names that the card does not list."""
    return card.text is not None and any(layout.pairs is not None and layout.pairs.others == "keep" for layout in card.text.layouts)


def _used_fields(card: Card) -> Iterator[tuple[KeyPath, str]]:
    for name, source in card.quantities.items():
        yield ("quantities", name, "field"), source.field
        if source.by is not None and source.by.field is not None:
            yield ("quantities", name, "by", "field"), source.by.field
    for kind, diagnostic in card.diagnostics.items():
        yield ("diagnostics", kind, "field"), diagnostic.field
    for i, rule in enumerate(card.rules):
        own = [*rule.fields, *([rule.field] if rule.field else [])]
        for name in [f"{block}.{field}" for block in rule.blocks for field in own] if rule.blocks else own:
            yield ("rules", i, "field" if rule.field else "fields"), name
        for name in rule.spoils:
            yield ("rules", i, "spoils"), name
        for name in rule.product.of if rule.product else []:
            yield ("rules", i, "product", "of"), name
        for name in rule.sum.of if rule.sum else {}:
            yield ("rules", i, "sum", "of"), name
    for i, setting in enumerate(card.settings):
        if setting.register_field is not None:
            yield ("settings", i, "register"), setting.register_field
        for key in ("field", "shows", "counts"):
            if getattr(setting, key) and not _kept_as_printed(card):
                yield ("settings", i, key), getattr(setting, key)
    for i, cycle in enumerate(card.cycles):
        for key, names in (("field", [cycle.field] if cycle.field else []), ("means", cycle.means)):
            for name in names:
                yield ("cycles", i, key), name
    for derived, made in card.derived.items():
        for name in made.of:
            yield ("derived", derived, "of"), name
    if card.text is not None and card.text.address_field is not None:
        yield ("text", "address_field"), card.text.address_field


def _check_fields(report: Report, card: Card) -> None:
    """Names: of quantities, of fields wherever one is used, of columns, and patterns that must compile."""
    known = _known_fields(card)
    made = GRAMMAR_FIELDS.get(card.protocol, ())
    for name in card.quantities.keys() | card.accuracy.keys():
        if name not in registry():
            key = "quantities" if name in card.quantities else "accuracy"
            report.nearest((key, name), "no such quantity in firmware_config/quantities.yaml (a new one is a row there)", name, registry())
    for where, name in _used_fields(card):
        if name not in known and not name.startswith(made or ("\0",)):
            report.nearest(where, "no field of this name", name, known)
    for name, spec in card.fields.items():
        _check_pattern(report, ("fields", name, "missing"), spec.missing)
    for i, layout in enumerate(card.text.layouts if card.text else []):
        _check_layout(report, card, ("text", "layouts", i), layout)
    for i, pattern in enumerate(card.text.ignore if card.text else []):
        _check_pattern(report, ("text", "ignore", i), pattern)
    for key in ("lead", "root"):
        _check_pattern(report, ("text", key), getattr(card.text, key) if card.text else None)
    for i, rule in enumerate(card.rules):
        _check_pattern(report, ("rules", i, "matches"), rule.matches)
    for i, cycle in enumerate(card.cycles):
        _check_pattern(report, ("cycles", i, "pattern"), cycle.pattern)
    _check_layout_names(report, card)
    _check_settings(report, card)


def _check_settings(report: Report, card: Card) -> None:
    """Each setting's name once at a time, its options known, its register one that can be written."""
    options = {*card.options, *_STREAM_OPTIONS}
    alone = [setting.name for setting in card.settings if not setting.when and setting.wanted not in {"rate", "every"}]
    registers = {register.field: register for register in card.modbus.all_registers} if card.modbus else {}
    for i, setting in enumerate(card.settings):
        if alone.count(setting.name) > 1:
            report.add(("settings", i, "name"), f"{setting.name!r}: two settings have this name")
        named = [("when", name) for name in setting.when] + [
            ("wanted", x) for x in [setting.wanted.removeprefix("options.")] if x != setting.wanted
        ]
        for key, name in named:
            if name not in options:
                report.nearest(("settings", i, key), "no option of this name", name, options)
        if setting.write_function is not None:
            register = registers.get(setting.register_field or setting.field)
            if register is None or register.type == "text" or register.items is not None:
                report.add(("settings", i, "write_function"), "only a register that is a single number is written")
            elif setting.write_function == 6 and register.size != 1:
                report.add(("settings", i, "write_function"), f"6: writes one register, {_span(register)}", allowed=["16"])


def _check_layout_names(report: Report, card: Card) -> None:
    """Kinds of record named by layouts and quantities. A grammar's kinds are its own."""
    kinds = {layout.name for layout in card.text.layouts} if card.text else set()
    for i, layout in enumerate(card.text.layouts if card.text else []):
        for name in layout.after:
            if name not in kinds:
                report.nearest(("text", "layouts", i, "after"), "no layout of this name", name, kinds)
    for quantity, source in card.quantities.items():
        for name in source.layouts if card.protocol == "delimited" else []:
            if name not in kinds:
                report.nearest(("quantities", quantity, "layouts"), "no layout of this name", name, kinds)


def _check_layout(report: Report, card: Card, where: KeyPath, layout: Layout) -> None:
    count = layout.count or (layout.pairs.begin if layout.pairs else 0)
    groups = _check_pattern(report, (*where, "pattern"), layout.pattern)
    for name, column in layout.columns.items():
        spec = card.fields.get(name)
        width = 2 if spec is not None and spec.kind in {"nmea_latitude", "nmea_longitude"} else 1
        if spec is not None and not 0 <= column <= count - width:
            report.add((*where, "columns", name), f"{column}: beyond the record", allowed=[f"0 to {count - width}"])
    for name, (begin, end) in layout.spans.items():
        if not 0 <= begin < end:
            report.add((*where, "spans", name), f"[{begin}, {end}]: begin is not before end")
    named: dict[str, Collection[str]] = {"columns": layout.columns, "spans": layout.spans, "pattern": groups}
    if layout.pairs is not None:
        named["pairs"] = {*layout.pairs.names.values(), *layout.pairs.required}
    for key, names in named.items():
        for name in names:
            if name not in card.fields:
                place = (*where, key, name) if key in {"columns", "spans"} else (*where, key)
                report.nearest(place, "no field of this name under fields", name, card.fields)
            elif key != "columns" and card.fields[name].kind in {"nmea_latitude", "nmea_longitude"}:
                report.add((*where, key), f"{name!r}: an NMEA angle is read from two columns")
    for name in layout.scales:
        if layout.pairs is None and name not in {*layout.columns, *layout.spans, *groups}:
            report.nearest((*where, "scales", name), "no column of this name in the layout", name, layout.columns)
    for column, pattern in layout.match.items():
        if not 0 <= column < count:
            report.add((*where, "match", column), f"{column}: beyond the record", allowed=[f"0 to {count - 1}"])
        _check_pattern(report, (*where, "match", column), pattern)


def _check_pattern(report: Report, where: KeyPath, pattern: str | None) -> list[str]:
    """The names of the pattern's groups."""
    try:
        return groups_of(pattern or "")
    except ValueError as error:
        report.add(where, str(error))
        return []


def _check_options(report: Report, card: Card) -> None:
    for name, source in card.quantities.items():
        if source.by is not None and source.by.option is not None and source.by.option not in card.options:
            report.nearest(("quantities", name, "by", "option"), "no option of this name", source.by.option, card.options)
    for name, option in card.options.items():
        if option.allowed is not None and option.default not in option.allowed:
            report.add(("options", name, "default"), f"{option.default!r}: not allowed itself", allowed=[str(x) for x in option.allowed])
    for where, when in _conditions(card):
        for name, value in when.items():
            if name not in card.options:
                report.nearest((*where, "when"), "no option of this name", name, card.options)
            elif value not in (card.options[name].allowed or [value]):
                report.add((*where, "when"), f"{value!r}: never chosen", allowed=[str(x) for x in card.options[name].allowed or []])


def _conditions(card: Card) -> Iterator[tuple[KeyPath, When]]:
    for i, rule in enumerate(card.rules):
        yield ("rules", i), rule.when
    for i, layout in enumerate(card.text.layouts if card.text else []):
        yield ("text", "layouts", i), layout.when
    for i, read in enumerate(card.modbus.poll if card.modbus else []):
        yield ("modbus", "poll", i), read.when
    for name, source in card.quantities.items():
        yield ("quantities", name), source.when


def _span(register: Register) -> str:
    return f"{register.field} at 0x{register.address:04X}, {register.size} register{'s' if register.size > 1 else ''}"


def _check_registers(report: Report, registers: list[Register]) -> None:
    """No two values may share a register of the same function."""
    furthest: dict[int, Register] = {}
    for i, register in sorted(enumerate(registers), key=lambda pair: pair[1].address):
        before = furthest.get(register.function)
        if before is not None and before.address + before.size > register.address:
            report.add(("modbus", "registers", i, "address"), f"0x{register.address:04X}: {_span(register)}, overlaps {_span(before)}")
        if before is None or register.address + register.size > before.address + before.size:
            furthest[register.function] = register
    for i, register in enumerate(registers):
        if register.address + register.size > 65_536:
            report.add(("modbus", "registers", i, "address"), f"0x{register.address:04X}: {_span(register)}, ends beyond 0xFFFF")


def _check_decimals(report: Report, registers: list[Register]) -> None:
    names = {register.field for register in registers}
    for i, register in enumerate(registers):
        if register.decimals is not None and register.decimals not in names:
            report.nearest(("modbus", "registers", i, "decimals"), "no register of this name", register.decimals, names)


def _check_reads(report: Report, card: Card) -> None:
    """Each request holds whole values, and at least one."""
    assert card.modbus is not None
    for key, reads in (("poll", card.modbus.poll), ("identify", card.modbus.identify)):
        for i, read in enumerate(reads):
            inside = [r for r in card.modbus.all_registers if _overlap(read, r, alike=card.modbus.same_registers)]
            if not inside:
                report.add(("modbus", key, i, "address"), f"0x{read.address:04X}: no register is described there")
            for register in inside:
                if register.address < read.address or register.address + register.size > read.address + read.count:
                    report.add(("modbus", key, i, "count"), f"{read.count}: cuts {_span(register)}, in two")
    for i, name in enumerate(card.modbus.prepare):
        if name not in card.modbus.commands:
            report.nearest(("modbus", "prepare", i), "no command of this name", name, card.modbus.commands)


def _overlap(read: Read, register: Register, *, alike: bool) -> bool:
    return (
        (alike or read.function == register.function)
        and register.address < read.address + read.count
        and read.address < register.address + register.size
    )
