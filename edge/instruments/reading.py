"""What a driver hands on: one decoded record, judged, with the quantities it holds; and the counts of a driver's life."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import msgspec


class Reading(msgspec.Struct):
    """One record of an instrument.

    ``arrival_s``: ``time.monotonic()`` of the chunk that completed it. ``values``: the documented field names, None = not available, empty
    when the record was rejected. ``valid``: the whole record may be used as data; ``reason`` says why not. ``suspect``: first Modbus
    reading after a timeout. ``quantities``: what may be used, in the registry's units (None = missing or spoiled), corrected as the station
    file says; it can hold good values while ``valid`` is False, where the fault spoils only part of the record. ``spoiled``: quantities a
    rule spoiled, with the value that was sent. ``uncorrected``: what the corrected quantities were before. ``cycle``: the record belongs to
    a zero, span, blank or flush cycle; it has then no quantity that such a cycle spoils.
    """

    arrival_s: float
    values: dict[str, Any]
    valid: bool
    reason: str = ""
    suspect: bool = False
    doubt: str = ""
    """name of a test that the reading as a whole does not pass (made with an air pressure that is not the station's): its values are
    suspect"""
    quantities: dict[str, float | None] = {}
    spoiled: dict[str, float] = {}
    uncorrected: dict[str, float] = {}
    cycle: str = ""
    ignored: bool = False
    """an intact record of no interest, handed on only where people look (``show_ignored``)"""


class Decoded(NamedTuple):
    """A record taken apart: its kind, its fields, and fields the record itself marks as not valid (with the reason)."""

    kind: str
    values: dict[str, Any]
    faults: dict[str, str]


class Rejected(NamedTuple):
    """A record that cannot be taken apart: a stable word for counting and the whole reason."""

    word: str
    text: str


class Ignored(NamedTuple):
    """An intact record of no interest (another sentence, an answer to a command): not bad, not data."""

    text: str
    values: dict[str, Any]
    cycle: str = ""
    """the cycle it belongs to, where its columns are not known"""


class Stats(msgspec.Struct):
    """Counts since the start. ``bad``: by stable reason; ``ignored``: intact records of no interest; ``skipped``: polls left out because
    the device did not answer before (they are not failures)."""

    good: int = 0
    bad: Counter[str] = msgspec.field(default_factory=Counter)
    ignored: int = 0
    timeouts: int = 0
    skipped: int = 0
    discarded_bytes: int = 0

    @property
    def bad_total(self) -> int:
        return sum(self.bad.values())
