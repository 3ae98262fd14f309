"""All series of the station: where readings become series, minutes become records, and newest values are found.

Where two instruments of one place give the same quantity, the first in the station file owns the series. A sonic adds wind speed and
direction where no instrument of its place gives them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from edge.agent.acquisition import Source
from edge.agent.series import AFTER_TIMEOUT, MINUTE_MS, WAIT_FOR_NEXT_MS, Newest, Series
from edge.instruments import ModbusDriver, Reading
from edge.instruments.calibration import Corrections
from firmware_config.base import log
from firmware_config.default_tests import rule_of
from firmware_config.flags import Flag
from firmware_config.quantities import series_name, split_series
from firmware_config.records import Value
from firmware_config.station import Station

logger = log.get(__name__)

SPEED, DIRECTION = "wind_speed", "wind_from_direction"


@dataclass(frozen=True)
class Minute:
    """The content of a minute record."""

    start_ms: int
    values: dict[str, Value]
    flags: dict[str, int]
    tests: dict[str, dict[str, int]]
    share: dict[str, float]
    corrected: dict[str, str]
    """series → date of the calibration whose correction its values carry"""


@dataclass(frozen=True)
class _Sonic:
    """Horizontal wind from a sonic: how it is to be read (see `edge.compute.request.frame_of`), and the series to fill."""

    frame: Mapping[str, float]
    speed: Series
    direction: Series | None


class SeriesBook:
    """See the module. ``frames``: sonic instrument → how its wind is to be read. Where the direction of its axes is not known, there is
    speed alone."""

    def __init__(self, station: Station, sources: Iterable[Source], frames: Mapping[str, Mapping[str, float]]) -> None:
        self._station = station
        self.series: dict[str, Series] = {}
        self.owners: dict[str, str] = {}
        """series → instrument"""
        self.products: dict[str, Newest] = {}
        self._of_source: dict[str, dict[str, Series]] = {}
        self._sonics: dict[str, _Sonic] = {}
        self._corrections: dict[str, Corrections] = {}
        sources = list(sources)
        for source in sources:
            self._of_source[source.instrument.id] = {
                quantity: series for quantity in sorted(source.driver.quantities) if (series := self._own(source, quantity)) is not None
            }
        for source in sources:
            if source.instrument.id in frames:
                self._add_wind(source, frames[source.instrument.id])

    def _own(self, source: Source, quantity: str) -> Series | None:
        item = source.instrument
        name = series_name(quantity, item.place)
        if name in self.series:
            if self.owners[name] != item.id:
                logger.warning("series has an owner already", series=name, owner=self.owners[name], also=item.id)
            return None
        asked = isinstance(source.driver, ModbusDriver)
        per_minute = MINUTE_MS / item.every if item.every and asked else 0.0
        self.series[name] = Series(name, rule_of(self._station, name), per_minute=per_minute, fast=item.rate is not None)
        self.owners[name] = item.id
        if source.driver.corrections is not None:
            self._corrections[name] = source.driver.corrections
        return self.series[name]

    def _add_wind(self, source: Source, frame: Mapping[str, float]) -> None:
        known = (SPEED, DIRECTION) if "u_from_deg" in frame else (SPEED,)
        found = [self._own(source, quantity) for quantity in known]
        if found[0] is not None and found[-1] is not None:
            self._sonics[source.instrument.id] = _Sonic(frame, found[0], found[1] if len(found) > 1 else None)

    # --- readings in

    def take(self, source: Source, reading: Reading, at_ms: float, utc_ms: float) -> None:
        """A reading of an instrument, taken at monotonic ``at_ms``."""
        minute = int(utc_ms // MINUTE_MS)
        mine = self._of_source[source.instrument.id]
        for quantity, value in reading.quantities.items():
            series = mine.get(quantity)
            if series is None:
                continue
            if series.fast:
                series.push_fast(value, at_ms, minute)
            elif value is None and quantity in reading.spoiled:
                series.push_spoiled(reading.spoiled[quantity], at_ms, minute)
            else:
                series.push(value, at_ms, minute, doubt=reading.doubt or (AFTER_TIMEOUT if reading.suspect else ""))
        sonic = self._sonics.get(source.instrument.id)
        if sonic is not None:
            self._take_wind(sonic, reading, at_ms, minute)

    def _take_wind(self, sonic: _Sonic, reading: Reading, at_ms: float, minute: int) -> None:
        u, v = reading.quantities.get("wind_u"), reading.quantities.get("wind_v")
        if u is None or v is None:
            return
        sonic.speed.push_fast(math.hypot(u, v), at_ms, minute)
        if sonic.direction is not None:
            v *= sonic.frame.get("v_sign", 1.0)
            sonic.direction.push_fast((sonic.frame["u_from_deg"] - math.degrees(math.atan2(v, u))) % 360.0, at_ms, minute)

    def take_product(self, name: str, value: Value, flag: int, at_ms: float) -> None:
        """The result of a product: it too may be an input of another."""
        newest = self.products.setdefault(name, Newest())
        number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
        newest.at_ms, newest.value, newest.flag = at_ms, number, flag
        if number is not None and flag in (Flag.GOOD, Flag.NOT_EVALUATED):
            newest.usable_at_ms, newest.usable = at_ms, number

    # --- minutes out

    def due(self, utc_ms: float, settle_ms: float) -> list[int]:
        """The minutes that may be closed: over for ``settle_ms``, and no value of theirs waits for its successor (nor waited too long)."""
        ripe = []
        for minute in sorted({m for series in self.series.values() for m in series.open_minutes()}):
            over_ms = utc_ms - (minute + 1) * MINUTE_MS
            if over_ms < settle_ms:
                break
            if over_ms < WAIT_FOR_NEXT_MS and any(series.waits(minute) for series in self.series.values()):
                break
            ripe.append(minute)
        return ripe

    def open_minutes(self) -> list[int]:
        return sorted({m for series in self.series.values() for m in series.open_minutes()})

    def close(self, minute: int) -> Minute:
        """The record of a minute. A series that should have brought something and did not is there as missing."""
        values: dict[str, Value] = {}
        flags: dict[str, int] = {}
        tests: dict[str, dict[str, int]] = {}
        share: dict[str, float] = {}
        for name, series in self.series.items():
            found = series.take(minute)
            if found is None:
                if series.regular:
                    values[name], flags[name] = None, int(Flag.MISSING)
                continue
            parts = split_series(name)
            for statistic, value in found.values.items():
                full = series_name(parts.quantity, parts.place, statistic or None)
                values[full], flags[full] = value, int(found.flag)
            if found.tests:
                tests[name] = found.tests
            if found.share < 1.0:
                share[name] = round(found.share, 4)
        start_ms = minute * MINUTE_MS
        return Minute(start_ms, values, flags, tests, share, self._corrected(start_ms, values))

    def _corrected(self, start_ms: int, values: Mapping[str, Value]) -> dict[str, str]:
        corrected: dict[str, str] = {}
        for name, corrections in self._corrections.items():
            date, by_quantity = corrections.of_minute(start_ms)
            if date is not None and name in values and split_series(name).quantity in by_quantity:
                corrected[name] = date.isoformat()
        return corrected

    # --- newest values

    def newest(self, name: str) -> Newest | None:
        """The newest value of a series of an instrument or product; None when there is no such series."""
        series = self.series.get(name)
        return series.newest if series is not None else self.products.get(name)
