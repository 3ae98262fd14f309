"""The driver of an instrument that prints: bytes in, readings out. One class for all; the card and the record format make the difference.

Promises: `StreamDriver.feed` never raises, whatever the bytes; every record that was there comes out, good or rejected with its reason;
nothing whose checksum fails has values. Does not: open links, keep time (the caller stamps the bytes), average or archive.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from edge.instruments.calibration import Corrections
from edge.instruments.cycles import cycle_finder
from edge.instruments.framers import Framer
from edge.instruments.judge import Judge, Quantities, getter
from edge.instruments.reading import Decoded, Ignored, Reading, Rejected, Stats
from edge.links.checksums import vaisala_crc
from firmware_config.cards import Card


class Decoder(Protocol):
    """A checked record to its fields."""

    def decode(self, body: bytes) -> Decoded | Rejected | Ignored: ...


@runtime_checkable
class Remembers(Protocol):
    """A decoder with something to keep over a restart."""

    def memory(self) -> dict[str, Any]: ...

    def recall(self, memory: Mapping[str, Any]) -> None: ...


def _request(form: str, address: str) -> bytes:
    """What asks for a record: ``{address}`` filled in, and in the place of ``{crc}`` Vaisala's check of all that stands before it."""
    before, mark, after = form.replace("{address}", address).partition("{crc}")
    return (before.encode() + vaisala_crc(before.encode()) + after.encode()) if mark else before.encode()


class StreamDriver:
    """One streaming instrument.

    ``quantities``: names it can give. ``request``: bytes that ask for one record when the station file says ``mode: polled``, else None;
    the caller sends them at each turn. ``address``: when given, records of another unit on the line are rejected.
    """

    def __init__(
        self, card: Card, options: Mapping[str, Any], framer: Framer, decoder: Decoder, *, address: str | None, without: frozenset[str]
    ) -> None:
        form = card.stream
        assert form is not None
        self.card = card
        self.stats = Stats()
        self.show_ignored = False
        """hand on what is of no interest too, as not valid (for people looking at a recording)"""
        self.show_cycles = False
        """hand on the records of a cycle whose columns are not known, without values"""
        self.corrections: Corrections | None = None
        self._cycle_of = cycle_finder(card)
        self._framer = framer
        self._decoder = decoder
        self._remembers = decoder if isinstance(decoder, Remembers) else None
        self._judge = Judge(card, options)
        self._quantities = Quantities(card, without, options)
        self._address = address
        self._address_field = form.address_field
        self._others = frozenset(layout.name for layout in (card.text.layouts if card.text else ()) if layout.any_address)
        self._diagnostics = {kind: (getter(word.field), word.base) for kind, word in card.diagnostics.items()}
        self.quantities = self._quantities.names
        asked = _request(form.request, (address or form.default_address).rjust(len(form.default_address), "0"))
        mode = card.option(dict(options), "mode") if "mode" in card.options else options.get("mode")
        self.request = asked if mode == "polled" and asked else None

    def feed(self, data: bytes, arrival_s: float) -> list[Reading]:
        """Take bytes as they came; returns the readings they completed, all stamped with their arrival."""
        return self._readings(self._framer.feed(data), arrival_s)

    def finish(self, arrival_s: float) -> list[Reading]:
        """The stream is over or was interrupted: what is left of a record is rejected as cut off."""
        return self._readings(self._framer.finish(), arrival_s)

    def memory(self) -> dict[str, Any]:
        """What the decoder must not forget over a restart (a blank that is measured once in days), as plain data; empty for most."""
        return self._remembers.memory() if self._remembers is not None else {}

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Take back what `memory` gave before; what does not read is left out."""
        if self._remembers is not None:
            self._remembers.recall(memory)

    def quantities_of(self, reading: Reading) -> dict[str, float | None]:
        """The quantities this record holds, in the registry's units; None where a value is missing or a rule spoiled it. A quantity
        the record does not carry (another sentence, another message) is absent. Use this rather than ``reading.valid``."""
        return reading.quantities

    def diagnostics_of(self, reading: Reading) -> dict[str, int | None]:
        """The status words ``sonic`` and ``gas`` of this record as integers, for the raw archive."""
        found: dict[str, int | None] = {}
        for kind, (get, base) in self._diagnostics.items():
            word = get(reading.values)
            try:
                found[kind] = int(word, 16) if base == 16 else word if isinstance(word, int) else None
            except (TypeError, ValueError):
                found[kind] = None
        return found

    def _readings(self, frames: list[Any], arrival_s: float) -> list[Reading]:
        readings = []
        for frame in frames:
            found = Rejected(frame.fault, frame.fault) if frame.fault else self._decoder.decode(frame.body)
            if not isinstance(found, Ignored):
                readings.append(self._reading(found, arrival_s))
                continue
            self.stats.ignored += 1
            if self.show_ignored or (self.show_cycles and found.cycle):
                readings.append(Reading(arrival_s, found.values, False, found.text, ignored=True, cycle=found.cycle))
        self.stats.discarded_bytes = self._framer.discarded
        return readings

    def _reading(self, found: Decoded | Rejected, arrival_s: float) -> Reading:
        if isinstance(found, Decoded) and self._is_foreign(found):
            found = Rejected("address", f"unit {found.values.get(self._address_field or '')!r} speaks; {self._address!r} is expected")
        if isinstance(found, Rejected):
            self.stats.bad[found.word] += 1
            return Reading(arrival_s, {}, False, found.text)
        verdict = self._judge.verdict(found)
        good, spoiled = self._quantities.of(found.values, verdict.spoiled, found.kind)
        before = self.corrections.apply(good) if self.corrections is not None else {}
        cycle = self._cycle_of(found) if self._cycle_of is not None else ""
        if cycle:
            good, spoiled = {name: value for name, value in good.items() if value is not None}, {}
        if verdict.words:
            self.stats.bad.update(verdict.words)
        else:
            self.stats.good += 1
        return Reading(
            arrival_s, found.values, not verdict.words, verdict.reason, quantities=good, spoiled=spoiled, uncorrected=before, cycle=cycle
        )

    def _is_foreign(self, found: Decoded) -> bool:
        if self._address is None or self._address_field is None or found.kind in self._others:
            return False
        speaker = found.values.get(self._address_field, self._address)
        numbers = isinstance(speaker, int) and self._address.isdecimal()
        return speaker != int(self._address) if numbers else str(speaker) != self._address
