"""Where the inputs of products come from: the sources of the station file in order, each with age limit and uncertainty.

A value that is suspect, failed or too old is passed over for the next source; a constant is always there. What was used is named.
"""

from __future__ import annotations

from edge.agent.book import SeriesBook
from edge.agent.series import MINUTE_MS
from edge.compute.messages import Input
from firmware_config.station import Source, Station

DIRECT = {"max_age": "30min", "uncertainty": 0.0}
"""for a series named directly, without an entry under ``inputs``"""
NOTHING = Input(value=None, source="no source")


class Inputs:
    """Resolves names of the station file's ``inputs`` (or series: names with ``@``)."""

    def __init__(self, station: Station, book: SeriesBook) -> None:
        self._station = station
        self._book = book

    def _sources(self, name: str) -> list[Source]:
        if "@" in name:
            return [Source.model_validate({"series": name, **DIRECT})]
        return self._station.inputs.get(name, [])

    def now(self, name: str, at_ms: float) -> Input:
        """The input at this (monotonic) moment: the newest usable value of the first source that has one."""
        for source in self._sources(name):
            if source.constant is not None:
                return Input(source.constant, source.uncertainty, "constant")
            newest = self._book.newest(source.series or "")
            if newest is not None and newest.usable is not None and at_ms - newest.usable_at_ms <= source.max_age:
                return Input(newest.usable, source.uncertainty, source.series or "")
        return NOTHING

    def over(self, name: str, start_ms: float, end_ms: float, at_ms: float) -> Input:
        """The input over ``[start_ms, end_ms)`` UTC: the mean of the first source's usable minutes, else its newest value at ``at_ms``
        (monotonic), else the next source."""
        for source in self._sources(name):
            if source.constant is not None:
                return Input(source.constant, source.uncertainty, "constant")
            series = self._book.series.get(source.series or "")
            found = series.mean_over(int(start_ms // MINUTE_MS), int(-(-end_ms // MINUTE_MS))) if series is not None else None
            if found is not None:
                return Input(float(f"{found[0]:.8g}"), source.uncertainty, source.series or "")
            newest = self._book.newest(source.series or "")
            if newest is not None and newest.usable is not None and at_ms - newest.usable_at_ms <= source.max_age:
                return Input(newest.usable, source.uncertainty, source.series or "")
        return NOTHING

    def all_over(self, start_ms: float, end_ms: float, at_ms: float) -> dict[str, tuple[float, float, str]]:
        """Every input of the station file that has a value (see `over`), as the raw archive notes it: (value, uncertainty, source)."""
        found = {name: self.over(name, start_ms, end_ms, at_ms) for name in self._station.inputs}
        return {name: (one.value, one.uncertainty, one.source) for name, one in found.items() if one.value is not None}
