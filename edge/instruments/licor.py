"""LI-COR's grammar: records in parentheses with labels, or lines of values without; LI-7500 and LI-7200.

The low four bits of DiagVal are signal strength (x 6.67 %, high is good) with current software and AGC (x 6.25 %, low is good) before
version 5.3.0; which one is decided by the software version, never by the value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from edge.errors import InstrumentError
from edge.instruments.converters import converter, to_float
from edge.instruments.reading import Decoded, Ignored, Rejected
from firmware_config.cards.schema import Card
from firmware_config.station import Instrument

# Possessive throughout: text that is no record must not be tried in every possible way.
_RECORD = re.compile(r"\(\s*+([A-Za-z0-9]++)((?:\s*+\(\s*+[A-Za-z0-9]++[^()]*+\))*+)\s*+\)")
_FIELD = re.compile(r"\(\s*+([A-Za-z0-9]++)([^()]*+)\)")
_VERSION = re.compile(r"\d+(\.\d+)*")
_STRENGTH_FROM = (5, 3, 0)
_KINDS = frozenset({"Data", "Diagnostics"})


def reports_strength(version: str) -> bool:
    """Whether this software's low bits are signal strength; no version given means current software.

    >>> reports_strength("5.2.9"), reports_strength("8.9")
    (False, True)
    """
    if not version:
        return True
    found = _VERSION.match(version)
    if found is None:
        raise InstrumentError(f"software version {version!r} of a LI-COR analyser is not a version; write it as in 8.9 or 5.2.0")
    parts = [int(part) for part in found.group().split(".")]
    return (*parts, 0, 0)[:3] >= _STRENGTH_FROM


class LicorDecoder:
    """One record of the grammar to fields. ``bits``: names of the diagnostic bits of this analyser (bit set = good)."""

    def __init__(self, card: Card, instrument: Instrument, options: Mapping[str, Any]) -> None:
        assert card.text is not None
        given = dict(options)
        layout = card.text.layouts[0]
        self._separator = layout.separator or "\t"
        names = str(card.option(given, "columns") or "").split()
        self._order = names or sorted(layout.columns, key=layout.columns.__getitem__)
        self._convert = {name: converter(spec) for name, spec in card.fields.items()}
        bits = [(rule.above, rule.set_bits) for rule in card.rules if rule.set_bits and card.applies(rule.when, given)]
        self._bits = [(name, 1 << bit, above or 0) for above, names in bits for bit, name in sorted(names.items())]
        self._strength = reports_strength(str(card.option(given, "software_version") or instrument.firmware))

    def decode(self, body: bytes) -> Decoded | Rejected | Ignored:
        """Fields by label. Records of other kinds (answers, errors, other instruments of the box) are not data."""
        text = body.decode("ascii", "replace")
        if not text.startswith("("):
            return self._unlabelled(text)
        head = re.match(r"\(\s*([A-Za-z0-9]+)", text)
        if head is None:
            return Rejected("not well-formed", f"no label after the parenthesis in {text[:24]!r}")
        found = _RECORD.fullmatch(text)
        if found is None and head[1] not in _KINDS:
            return Ignored(f"{head[1][:24]} record: not data", {"kind": head[1][:24]})
        if found is None:
            return Rejected("not well-formed", f"the parentheses of {text[:24]!r} do not pair as in a record")
        pairs = [(label, text.strip()) for label, text in _FIELD.findall(found[2])]
        if len({label for label, _ in pairs}) < len(pairs):
            return Rejected("not well-formed", f"a label stands twice in {text[:24]!r}")
        filled = self._fill(head[1], {} if head[1] == "Data" else {"kind": head[1]}, pairs)
        if isinstance(filled, Decoded) and head[1] not in _KINDS:
            return Ignored(f"{head[1][:24]} record: not data", filled.values)
        return filled

    def _unlabelled(self, text: str) -> Decoded | Rejected:
        columns = text.split(self._separator)
        if len(columns) != len(self._order):
            return Rejected("layout", f"{len(columns)} values without labels; {len(self._order)} are expected (option columns)")
        return self._fill("Data", {}, list(zip(self._order, columns, strict=True)))

    def _fill(self, kind: str, values: dict[str, Any], pairs: list[tuple[str, str]]) -> Decoded | Rejected:
        for label, text in pairs:
            convert = self._convert.get(label)
            try:
                values[label] = convert((text,), 0) if convert is not None else _free(text)
            except ValueError:
                return Rejected("value", f"{label}: {text[:40]!r} does not read as this field")
        word = values.get("DiagVal")
        if isinstance(word, int):
            values["diag"] = self._diagnostics(word)
        return Decoded(kind, values, {})

    def _diagnostics(self, word: int) -> dict[str, Any]:
        found: dict[str, Any] = {name: bool(word & mask) for name, mask, above in self._bits if word > above or not above}
        low = word & 0xF
        if self._strength:
            found["signal_pct"] = round(low * 6.67, 2)
        else:
            found["agc_pct"] = round(low * 6.25, 2)
        return found


def _free(text: str) -> Any:
    """A value of a label the card does not know: number, truth value or text."""
    if text in {"TRUE", "FALSE"}:
        return text == "TRUE"
    try:
        return to_float(text)
    except ValueError:
        return text
