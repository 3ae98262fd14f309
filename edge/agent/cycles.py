"""Zero, span, blank and flush cycles of instruments: records of their own, an event each, apart from what is measured.

Promises: a reading that belongs to a cycle never reaches a minute or a product with what the cycle spoils (the driver leaves it out); each
cycle that is over gives one ``cycle_ended`` with how long it lasted, how many records it had, and mean and deviation of the fields the card
names. Does not: judge a zero or a blank; that is for people and for the instrument's own equation.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from edge.agent.statistics import Arithmetic
from edge.agent.timebase import StationTime
from edge.instruments import Reading
from edge.instruments.judge import getter
from firmware_config.cards import Card
from firmware_config.records import significant
from firmware_config.station import Instrument

NAMES_ZH = {"zero": "调零", "span": "量程标定", "blank": "空白测量", "flush": "冲洗"}
OVER_AFTER_PERIODS = 5
OVER_AFTER_MS = 60_000.0


@dataclass
class _Open:
    """A cycle that is going on."""

    cycle: str
    begin_ms: float
    last_ms: float
    count: int = 0
    reason: str = ""
    sums: dict[str, Arithmetic] = field(default_factory=dict)


class Cycles:
    """The cycles of one instrument. ``report(kind, detail)`` takes the events; times are monotonic milliseconds."""

    def __init__(self, card: Card, instrument: Instrument, time: StationTime, report: Callable[[str, dict[str, Any]], None]) -> None:
        self._instrument, self._time, self._report = instrument, time, report
        self._means: dict[str, list[tuple[str, Callable[..., Any]]]] = {
            entry.cycle: [(name, getter(name)) for name in entry.means] for entry in card.cycles
        }
        self._by_kind = {entry.cycle for entry in card.cycles if entry.layouts}
        period_ms = 1e3 / instrument.rate if instrument.rate else float(instrument.every or 1000)
        self._over_ms = max(OVER_AFTER_MS, OVER_AFTER_PERIODS * period_ms)
        self._open: _Open | None = None

    def take(self, reading: Reading, at_ms: float) -> None:
        """Any reading of the instrument; one that is no record at all ends nothing."""
        if not reading.cycle and not reading.values:
            return
        if self._open is not None and self._open.cycle != reading.cycle:
            self.end()
        if not reading.cycle:
            return
        if self._open is None:
            self._open = _Open(reading.cycle, at_ms, at_ms)
        now = self._open
        now.last_ms = at_ms
        now.count += 1
        if reading.reason and reading.cycle in self._by_kind:  # of one told by a flag the reason is the flag itself
            now.reason = reading.reason
        for name, get in self._means.get(reading.cycle, ()):
            value = get(reading.values)
            if isinstance(value, int | float) and math.isfinite(value):
                now.sums.setdefault(name, Arithmetic()).add(value)

    def look(self, now_ms: float) -> None:
        """Notice that nothing follows; call now and then."""
        if self._open is not None and now_ms - self._open.last_ms > self._over_ms:
            self.end()

    def end(self) -> None:
        """The cycle that is open is over: tell of it."""
        over, self._open = self._open, None
        if over is None:
            return
        found = {name: sums.result() for name, sums in over.sums.items()}
        mean = {name: significant(result[""], 7) for name, result in found.items()}
        deviation = {name: significant(result["sd"], 4) for name, result in found.items() if "sd" in result}
        detail: dict[str, Any] = {
            "instrument": self._instrument.id,
            "place": self._instrument.place,
            "cycle": over.cycle,
            "cycle_zh": NAMES_ZH[over.cycle],
            "count": over.count,
            "lasted_s": round((over.last_ms - over.begin_ms) / 1e3, 1),
            "mean": mean,
            "sd": deviation,
            "means": ", ".join(f"{name} {value:g}" for name, value in mean.items()) or "-",
        }
        if self._time.quality != "unset":
            detail |= {"begin": round(self._time.utc_ms(over.begin_ms)), "end": round(self._time.utc_ms(over.last_ms))}
        if over.reason:
            detail["problem"] = over.reason
        self._report("cycle_ended", detail)
