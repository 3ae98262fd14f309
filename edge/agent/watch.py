"""How each instrument does: counts for the health record, and the two moments worth an event, lost and back.

An instrument is *lost* when it has given no valid reading for a while (several of its own periods, never less than ten seconds of
the world nor a moment of real time, so that a fast bench does not cry wolf; longer at the start); it is *back* with the first valid one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from edge.instruments import Stats
from firmware_config.base import log
from firmware_config.station import Instrument

logger = log.get(__name__)

LOST_AFTER_PERIODS = 5
LONGEST_CYCLE_MS = 3_600_000.0
"""an instrument that zeroes or flushes for longer is stuck"""
LOST_AFTER_MS = 10_000.0
LOST_AFTER_REAL_S = 2.0
START_REAL_S = 15.0


@dataclass
class Watch:
    """State of one instrument; ``stats`` are its driver's counts. ``changed(kind, detail)`` is called when it is lost or back."""

    instrument: Instrument
    stats: Stats
    started_ms: float
    changed: Callable[[str, dict[str, Any]], None] = lambda kind, detail: None
    late: int = 0
    """polls left out because the one before took too long"""
    state: str = "starting"
    """starting, ok, silent (nothing arrives), invalid (something arrives, nothing valid)"""
    last_good_ms: float | None = None
    last_any_ms: float | None = None
    last_reason: str = ""
    cycle_began_ms: float | None = None
    last_cycle_ms: float | None = None
    real_s: Callable[[], float] = time.monotonic
    _patient_until_s: float = field(init=False)

    def __post_init__(self) -> None:
        self._patient_until_s = self.real_s() + START_REAL_S

    @property
    def period_ms(self) -> float:
        item = self.instrument
        return 1e3 / item.rate if item.rate is not None else float(item.every or 1000)

    def heard(self, at_ms: float, *, usable: bool, reason: str) -> None:
        """A reading came; ``usable``: it holds at least one valid value."""
        self.last_any_ms = at_ms
        if not usable:
            self.last_reason = reason
            return
        was_ms, self.last_good_ms = self.last_good_ms, at_ms
        self.cycle_began_ms = None
        self.last_reason = ""  # what was wrong before a good reading explains nothing that comes after it
        if self.state in {"silent", "invalid"}:
            self.state = "ok"
            self._tell("instrument_back", outage_s=round((at_ms - (was_ms if was_ms is not None else self.started_ms)) / 1e3, 1))
        self.state = "ok"
        self._patient_until_s = self.real_s() + LOST_AFTER_REAL_S

    def in_cycle(self, at_ms: float) -> None:
        """A reading of a zero, span, blank or flush cycle came: no data, and no fault."""
        self.last_any_ms = at_ms
        self.last_reason = "zero, blank or flush cycle"
        if self.cycle_began_ms is None:
            self.cycle_began_ms = at_ms
        if at_ms - self.cycle_began_ms <= LONGEST_CYCLE_MS:
            self.last_cycle_ms = at_ms

    def no_answer(self, reason: str) -> None:
        """It was asked and gave nothing."""
        self.last_reason = reason

    def look(self, now_ms: float) -> None:
        """Notice silence; call now and then."""
        limit = max(LOST_AFTER_MS, LOST_AFTER_PERIODS * self.period_ms)
        since_ms = max(at_ms for at_ms in (self.started_ms, self.last_good_ms, self.last_cycle_ms) if at_ms is not None)
        if self.state in {"silent", "invalid"} or now_ms - since_ms <= limit or self.real_s() <= self._patient_until_s:
            return
        quiet = self.last_any_ms is None or now_ms - self.last_any_ms > limit
        self.state = "silent" if quiet else "invalid"
        reason = self.last_reason or "nothing arrives"
        self._tell("instrument_lost", state=self.state, reason=reason)

    def _tell(self, kind: str, **detail: Any) -> None:
        logger.info(kind.replace("_", " "), instrument=self.instrument.id, **detail)
        self.changed(kind, {"instrument": self.instrument.id, "place": self.instrument.place, **detail})

    def summary(self, now_ms: float) -> dict[str, Any]:
        """For the health record."""
        last = self.last_good_ms
        return {
            "good": self.stats.good,
            "bad": self.stats.bad_total,
            "reasons": dict(self.stats.bad.most_common(5)),
            "timeouts": self.stats.timeouts,
            "skipped": self.stats.skipped + self.late,
            "last_age_s": None if last is None else round((now_ms - last) / 1e3, 1),
            "state": self.state,
        }
