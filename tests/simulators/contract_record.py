"""What the contract run brought, and what is true of it: readings, counts, events, and what the instruments had to say.

Plain data with the questions that are asked of it. Not here: how it is made (`tests.simulators.contract`) and what is right
(`tests.simulators.contract_judge`).
"""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from edge.instruments import Reading
from edge.instruments.probe import Finding
from firmware_config.cards import Card, load_card
from firmware_config.quantities import registry
from firmware_config.station import Instrument, Station
from tests.bench.faults_judge import AS_GOOD_AS, UNSTATED, UNSTATED_SHARE, difference

CONTRACT: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("contract.yaml").read_text(encoding="utf-8"))
TAIL_S = 3.0
"""what was under way when a fault ended is told within so long (world)"""
RECENT_S = 4.0
"""a reading is held against what the instrument said in so long before it (world)"""


@dataclass(frozen=True)
class Case:
    """One fault of one instrument and when it was on (world time, ms)."""

    instrument: str
    model: str
    fault: str
    """with the exception code where there are several: ``exception 4``"""
    entry: dict[str, Any]
    begin_ms: float
    end_ms: float

    @property
    def name(self) -> str:
        """The fault's name in the catalogue."""
        return str(self.entry["fault"])


@dataclass(frozen=True)
class Heard:
    """One reading as the acquisition delivered it, at this world time."""

    at_ms: float
    reading: Reading


@dataclass(frozen=True)
class Counts:
    """The driver's counts at one time."""

    good: int
    bad: Counter[str]
    timeouts: int
    ignored: int
    discarded: int

    def since(self, before: Counts) -> Counts:
        return Counts(
            self.good - before.good,
            self.bad - before.bad,
            self.timeouts - before.timeouts,
            self.ignored - before.ignored,
            self.discarded - before.discarded,
        )


Said = list[tuple[float, dict[str, float | None]]]
"""Time (ms) and quantities of records, in order of time."""


@dataclass
class Recording:
    """What the contract run brought. ``said``: instrument → what an unspoilt one says, in order of time (ms), one entry a record."""

    station: Station
    heard: dict[str, list[Heard]] = field(default_factory=dict)
    said: dict[str, Said] = field(default_factory=dict)
    cases: list[Case] = field(default_factory=list)
    counts: dict[str, list[tuple[float, Counts]]] = field(default_factory=dict)
    events: list[tuple[float, str, dict[str, Any]]] = field(default_factory=list)
    measured: dict[str, list[tuple[float, dict[str, float]]]] = field(default_factory=dict)
    """instrument → what it measured in the quiet time, before any encoding, by its own names and in its own units"""
    ill: dict[tuple[str, str], Said] = field(default_factory=dict)
    """(instrument, fault) → what one says that suffers the fault, where it is a fault of values; instruments that print"""
    wrong: dict[str, Recording] = field(default_factory=dict)
    """what is wrong with the file (`WRONG_S`) → what the station with that file heard"""
    found: dict[str, Finding] = field(default_factory=dict)
    """instrument → what the probe found of it, with all faults gone"""
    quiet_ms: tuple[float, float] = (0.0, 0.0)
    fault_names: dict[str, set[str]] = field(default_factory=dict)

    def instrument_of(self, model: str) -> str:
        return next(one.id for one in self.station.instruments if one.model == model)

    def between(self, instrument: str, begin_ms: float, end_ms: float) -> list[Heard]:
        heard = self.heard[instrument]
        first = bisect.bisect_left(heard, begin_ms, key=lambda one: one.at_ms)
        return heard[first : bisect.bisect_left(heard, end_ms, key=lambda one: one.at_ms)]

    def due(self, instrument: str, begin_ms: float, end_ms: float) -> int:
        """How many records a well instrument makes in this time, by itself or asked."""
        said = self.said[instrument]
        first = bisect.bisect_left(said, begin_ms, key=lambda one: one[0])
        samples = bisect.bisect_left(said, end_ms, key=lambda one: one[0]) - first
        return (
            samples
            if self.station.instrument(instrument).options.get("mode") != "polled"
            else round((end_ms - begin_ms) / period_ms(self.station.instrument(instrument)))
        )

    def counted(self, instrument: str, begin_ms: float, end_ms: float) -> Counts:
        """What the driver counted in this time (to the nearest look at its counts)."""
        looks = self.counts[instrument]
        before, after = (min(looks, key=lambda look: abs(look[0] - at))[1] for at in (begin_ms, end_ms))
        return after.since(before)

    def lies(self, case: Case, honest: Collection[str] = ()) -> list[str]:
        """Values handed on as good while the fault was on that the instrument, had it been well, would not have said. ``honest``: quantities
        that the fault really changes, or that count from record to record."""
        card = load_card(case.model)
        found = []
        for one in self.between(case.instrument, case.begin_ms, case.end_ms + TAIL_S * 1e3):
            good = {name: value for name, value in good_values(card, one.reading).items() if name not in honest}
            if good and not self.is_true(case.instrument, card, one.at_ms, good):
                found.append(f"{(one.at_ms - case.begin_ms) / 1e3:.1f} s: {good}")
        return found

    def invented(self, case: Case) -> list[str]:
        """Values handed on as good that neither a well instrument would have said nor this one, ill as it was."""
        card = load_card(case.model)
        found = []
        for one in self.between(case.instrument, case.begin_ms, case.end_ms + TAIL_S * 1e3):
            good = good_values(card, one.reading)
            ill = self.ill[case.instrument, case.fault]
            if (
                good
                and not self.is_true(case.instrument, card, one.at_ms, good)
                and not self.is_true(case.instrument, card, one.at_ms, good, ill)
            ):
                found.append(f"{(one.at_ms - case.begin_ms) / 1e3:.1f} s: {good}")
        return found

    def is_true(self, instrument: str, card: Card, at_ms: float, good: Mapping[str, float], said: Said | None = None) -> bool:
        """Whether one record of the unspoilt instrument (or of ``said``), not long ago, said all of this within the instrument's accuracy."""
        said = self.said[instrument] if said is None else said
        oldest_ms = at_ms - RECENT_S * 1e3 - 2 * period_ms(self.station.instrument(instrument))
        for at in range(bisect.bisect_right(said, at_ms + 200.0, key=lambda one: one[0]) - 1, -1, -1):
            t_ms, quantities = said[at]
            if t_ms < oldest_ms:
                return False
            if all(name in quantities and within(card, name, value, quantities[name]) for name, value in good.items()):
                return True
        return False


def good_values(card: Card, reading: Reading) -> dict[str, float]:
    """What of a reading passes as good: usable, and in the range in which the quantity can be meant (to which the station holds every
    series). Without running totals and their increases, which depend on the records before."""
    totals = {source.field for source in card.quantities.values() if source.counter}
    found = {}
    for name, value in reading.quantities.items():
        low, high = registry()[name].plausible
        if value is not None and low <= value <= high and card.quantities[name].field not in totals:
            found[name] = value
    return found


def within(card: Card, name: str, value: float, true: float | None) -> bool:
    """Whether a value is right as far as the instrument promises (1 % where its card promises nothing)."""
    if true is None:
        return False
    stated = card.accuracy.get(AS_GOOD_AS.get(name, name))
    size = abs(true)
    tolerance = (stated.absolute or 0.0) + (stated.relative or 0.0) * size if stated else UNSTATED.get(name, UNSTATED_SHARE * size)
    return difference(name, value, true) <= tolerance + 1e-6


def period_ms(instrument: Instrument) -> float:
    return 1e3 / instrument.rate if instrument.rate else float(instrument.every or 1000)
