"""Which records belong to a zero, span, blank or flush cycle, as the card says. Pure."""

from __future__ import annotations

from collections.abc import Callable

from edge.instruments.judge import getter
from edge.instruments.reading import Decoded
from firmware_config.cards.schema import Card


def cycle_finder(card: Card) -> Callable[[Decoded], str] | None:
    """Gives the cycle a decoded record belongs to, empty for a measurement; None when the instrument has no cycles in its records."""
    tests = [(entry, getter(entry.field) if entry.field else None) for entry in card.cycles if not entry.pattern]
    if not tests:
        return None

    def cycle_of(record: Decoded) -> str:
        for entry, get in tests:
            if (record.kind in entry.layouts) if get is None else (get(record.values) in entry.one_of):
                return entry.cycle
        return ""

    return cycle_of
