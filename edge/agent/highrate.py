"""Sonic and analyser of one eddy product: from readings to rows of the aligned grid.

A record of the instrument is a sample even when it is not valid: its place in the row stays, its values are empty, its diagnostic
word is kept. A record that could not be decoded is no sample; the fit finds that one is missing. Times are monotonic milliseconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from edge.agent.acquisition import Source
from edge.agent.grid import Aligner
from edge.agent.sampletimes import SampleLine
from edge.archive.layout import GAS_COLUMNS, SONIC_COLUMNS, Fragment, Layout, fragment
from edge.instruments import Reading, StreamDriver
from firmware_config.station import EddyFlux

COUNTERS = ("Ndx", "counter")
"""fields in which instruments count their own samples"""
SETTLE_MS = 3_000.0
SETTLE_REAL_S = 0.5
"""rows are given out when they are older than this: bytes come late, by some of the world's time and some real time"""
PATIENCE_MS, PATIENCE_REAL_S = 10_000.0, 60.0
TROUBLED_MS, TROUBLED_REAL_S = 2_000.0, 0.5
"""see `SampleLine`: some of the world's time, and some real time for schedulers"""
SLOW_WORLD = 4.0
"""In a faster world a scheduler's delay is many samples long: lateness alone tells little of lost samples, and must last long."""
RATE_TOLERANCE = 0.0015
GAMMA_R = 403.0
"""Speed of sound squared over absolute sonic temperature, m2 s-2 K-1, of a sonic that prints the speed of sound alone (a Gill, whose manual
gives no formula): T = c^2 / 403, as published processing takes it and as `edge.science.eddy.sonic.crosswind` does."""


def settle_ms(speed: float) -> float:
    """How old a row must be before it is given out."""
    return SETTLE_MS + SETTLE_REAL_S * 1e3 * speed


def _line(period_ms: float, speed: float) -> SampleLine[Any]:
    return SampleLine(
        period_ms,
        patience_ms=PATIENCE_MS if speed <= SLOW_WORLD else PATIENCE_REAL_S * 1e3 * speed,
        troubled_ms=max(TROUBLED_MS, TROUBLED_REAL_S * 1e3 * speed),
    )


@dataclass(frozen=True)
class RowText:
    """One slot of the grid with the parts of its row."""

    slot: int
    sonic: Fragment | None
    gas: Fragment | None


class HighRate:
    """The lines of one eddy product. ``sonic`` may be an integrated instrument that is its own analyser."""

    def __init__(self, product: EddyFlux, sonic: Source, gas: Source | None, speed: float) -> None:
        assert sonic.instrument.rate is not None
        self.product = product
        self.sonic, self.gas = sonic, gas
        self.integrated = gas is sonic
        self.rate_hz = sonic.instrument.rate
        self.period_ms = 1e3 / self.rate_hz
        self.layout = Layout(
            tuple(SONIC_COLUMNS), tuple(q for q in GAS_COLUMNS if gas is not None and q in gas.driver.quantities) if gas else ()
        )
        self._lines: dict[str, SampleLine[Any]] = {sonic.instrument.id: _line(self.period_ms, speed)}
        if gas is not None and not self.integrated:
            self._lines[gas.instrument.id] = _line(1e3 / (gas.instrument.rate or self.rate_hz), speed)
        self._spoiled: dict[str, int] = {}
        self.aligner = self._new_aligner(0.0)
        self._told_rate: dict[str, float] = {}

    def _new_aligner(self, origin_ms: float) -> Aligner[Any]:
        sonic = self._lines[self.sonic.instrument.id]
        gas = self._lines.get(self.gas.instrument.id) if self.gas is not None and not self.integrated else None
        return Aligner(self.period_ms, origin_ms, sonic, gas)

    @property
    def instruments(self) -> set[str]:
        return set(self._lines)

    def begin(self, origin_ms: float, first_slot: int = 0) -> None:
        """Begin a grid whose slot 0 lies at ``origin_ms``; slots before ``first_slot`` are taken."""
        self.aligner = self._new_aligner(origin_ms)
        self.aligner.skip_to(first_slot)

    def take(self, source: Source, reading: Reading, at_ms: float) -> None:
        """A reading of the sonic or the analyser."""
        wanted = self.layout.sonic if source is self.sonic else self.layout.gas
        if not any(quantity in reading.quantities for quantity in wanted):
            return  # another kind of record
        assert isinstance(source.driver, StreamDriver)
        line = self._lines[source.instrument.id]
        spoiled = source.driver.stats.bad_total + source.driver.stats.discarded_bytes
        if spoiled != self._spoiled.get(source.instrument.id, 0):
            self._spoiled[source.instrument.id] = spoiled
            line.trouble(at_ms)
        words = source.driver.diagnostics_of(reading)
        counter = next((count for name in COUNTERS if isinstance(count := reading.values.get(name), int)), None)
        payload: Any
        if self.integrated:
            payload = (self._sonic_part(words, reading), fragment(words.get("gas"), self.layout.gas, reading.quantities))
        elif source is self.sonic:
            payload = self._sonic_part(words, reading)
        else:
            payload = fragment(words.get("gas"), self.layout.gas, reading.quantities)
        line.add(at_ms, payload, counter)

    def _sonic_part(self, words: dict[str, int | None], reading: Reading) -> Fragment:
        values = reading.quantities
        sound = values.get("speed_of_sound")
        if values.get("sonic_temperature") is None and sound is not None:
            values = {**values, "sonic_temperature": sound * sound / GAMMA_R - 273.15}
        return fragment(words.get("sonic"), self.layout.sonic, values)

    def rows(self, until_ms: float, now_ms: float | None = None) -> tuple[list[RowText], int]:
        """Rows of samples taken before ``until_ms`` (infinity: all), and the first slot that is still open; see `Aligner.take`."""
        found, following = self.aligner.take(until_ms, now_ms)
        if self.integrated:
            return [RowText(row.slot, *(row.sonic or (None, None))) for row in found], following
        return [RowText(row.slot, row.sonic, row.gas) for row in found], following

    def deviating_rates(self) -> list[tuple[str, float, float]]:
        """Instruments whose measured rate differs from the declared one (id, declared, measured in Hz); each told once per new rate."""
        news = []
        for name, line in self._lines.items():
            declared, measured = 1e3 / line.nominal_ms, line.measured_rate_hz
            told = self._told_rate.get(name, declared)
            if not math.isclose(measured, told, rel_tol=RATE_TOLERANCE):
                self._told_rate[name] = measured
                if not math.isclose(measured, declared, rel_tol=RATE_TOLERANCE):
                    news.append((name, declared, measured))
        return news

    def counts(self) -> dict[str, Any]:
        """For the health record."""
        lines = {
            name: {"received": line.received, "lost": line.lost, "restarts": line.restarts, "rate_hz": round(line.measured_rate_hz, 4)}
            for name, line in self._lines.items()
        }
        aligner = self.aligner
        return {"lines": lines, "late": aligner.late, "slipped": aligner.slipped, "surplus": aligner.surplus}
