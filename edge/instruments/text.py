"""Delimited text: the generic decoder that a card drives. Columns to named, typed fields; nothing that does not fit is guessed.

`DelimitedDecoder` takes a frame's body (text without its checksum), finds the card's layout that fits and converts its columns. A column
that does not read as its kind rejects the whole record. It remembers nothing but the kind of the last record, for layouts that only follow
another.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from edge.instruments.layouts import make_layout
from edge.instruments.reading import Decoded, Ignored, Rejected
from firmware_config.cards.schema import Card


class DelimitedDecoder:
    """Text of one record to fields, as the card's layouts say."""

    def __init__(self, card: Card, options: Mapping[str, Any]) -> None:
        assert card.text is not None
        self._separator = card.text.separator
        self._layouts = [make_layout(x, card) for x in card.text.layouts if card.applies(x.when, dict(options))]
        self._ignore = [re.compile(pattern).fullmatch for pattern in card.text.ignore]
        self._lead = re.compile(card.text.lead).match if card.text.lead else None
        self._cycles = [(entry.cycle, re.compile(entry.pattern).fullmatch) for entry in card.cycles if entry.pattern]
        self._derived = list(card.derived.items())
        self._last = ""

    def decode(self, body: bytes) -> Decoded | Rejected | Ignored:
        """The fields, or why there are none."""
        text = body.decode("ascii", "replace")
        if self._lead is not None:
            lead = self._lead(text)
            if lead is None and not any(match(text) for match in self._ignore):
                return Rejected("layout", f"{text[:24]!r} does not begin as a record does")
            text = text[lead.end() :] if lead is not None else text
            if not text.strip():
                return Ignored("a prompt alone", {})
        return self._record(text)

    def _record(self, text: str) -> Decoded | Rejected | Ignored:
        splits: dict[str, Sequence[str]] = {}

        def split(separator: str | None) -> Sequence[str]:
            by = separator or self._separator
            if by not in splits:
                splits[by] = text.split() if by == "blanks" else text.split(by)
            return splits[by]

        follows_only = ""
        for layout in self._layouts:
            if layout.after and self._last not in layout.after:
                follows_only = follows_only or ("" if layout.decode(text, split) is None else layout.name)
                continue
            found = layout.decode(text, split)
            if isinstance(found, Decoded):
                self._last = layout.name
                return self._with_derived(found) if self._derived else found
            if found is not None:
                return found
        for cycle, matches in self._cycles:
            if matches(text):
                return Ignored(f"{text[:24]!r} is of a {cycle} cycle, its columns are not known", {}, cycle)
        if any(match(text) for match in self._ignore):
            return Ignored(f"{text[:24]!r} is of no interest", {})
        if follows_only:
            return Rejected("order", f"{text[:24]!r} is a {follows_only} record without the one it belongs to")
        return Rejected("layout", f"{len(split(None))} columns beginning {text[:24]!r} fit no layout of the card")

    def _with_derived(self, found: Decoded) -> Decoded:
        for name, made in self._derived:
            factors = [found.values.get(factor) for factor in made.of]
            if not all(factor in found.values for factor in made.of):
                continue
            product: float | None = made.scale
            for factor in factors:
                product = None if product is None or not isinstance(factor, int | float) else product * factor
            found.values[name] = round(product, made.digits) if product is not None and made.digits is not None else product
        return found
