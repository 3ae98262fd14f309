"""Every slow series of the station: judged as it arrives, gathered by the minute, remembered as newest value and recent means.

A value is judged by the tests of the station file (`edge.quality`); what a card's rule spoiled fails, what a Modbus device said first
after a timeout is suspect. Means use flags 1 and 2 only and carry the share used. Values of high-rate instruments are
held to the gross range alone, and so are their minute means.

Times are monotonic milliseconds for order and ages; minutes are those of UTC (of the time since boot while the clock is unset).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from edge.agent.statistics import Accumulator, accumulator
from edge.quality import Judged, SeriesQuality
from firmware_config.flags import USABLE, Flag, roll_up
from firmware_config.quantities import averaging_of, registry, split_series
from firmware_config.records import significant
from firmware_config.station import Bounds, QualityRule

MINUTE_MS = 60_000
SHARE_FOR_GOOD = 0.5
"""A mean that rests on less than this share of its samples is suspect at best."""
NEVER_STILL = frozenset(
    {"wind_u", "wind_v", "wind_w", "wind_speed", "wind_from_direction", "sonic_temperature", "speed_of_sound", "co2_density", "h2o_density"}
    | {f"{name}_{axis}" for name in ("acceleration", "angular_rate") for axis in "xyz"}
)
"""Turbulent quantities, and motion with its sensor's noise: a high-rate instrument that repeats one of them has stopped measuring."""
AFTER_TIMEOUT = "after_timeout"
"""The test that the first reading of a Modbus device after a timeout does not pass."""
STUCK_FROM = 100
"""So many equal values in a row."""
WAIT_FOR_NEXT_MS = 15_000.0
"""A minute waits at most so long for the value after its last one, which the spike test needs."""
LEAP_WITHIN_S = 60.0
"""Between values further apart than this anything may have changed."""
KEEP_MINUTES = 180


@dataclass
class Newest:
    """The newest value of a series, whatever its flag, and the newest that may be used."""

    at_ms: float = -math.inf
    value: float | None = None
    flag: int = Flag.MISSING
    usable_at_ms: float = -math.inf
    usable: float | None = None


@dataclass
class Cell:
    """One series in one minute. ``doubtful``: a value that is used has a test that could not be run. ``beyond``: values of a high-rate
    instrument that no such thing can have; they make the mean only where there are no others, and it fails. ``leapt``: a value that is used
    lies further from the one used before it than a spike may stand out."""

    values: Accumulator
    beyond: Accumulator | None = None
    received: int = 0
    doubtful: bool = False
    stuck: bool = False
    leapt: bool = False
    tests: dict[str, int] = field(default_factory=dict)

    def note(self, tests: Mapping[str, int]) -> None:
        for name, flag in tests.items():
            if flag in (Flag.SUSPECT, Flag.FAIL):
                self.tests[name] = max(self.tests.get(name, 0), int(flag))


@dataclass(frozen=True)
class MinuteValue:
    """A series' minute: values by statistic (``""`` the mean), flag, tests that did not pass, share of the samples used."""

    values: dict[str, float | None]
    flag: Flag
    tests: dict[str, int]
    share: float


@dataclass(frozen=True)
class _Waiting:
    """A value in the hands of the spike test, which needs the next one."""

    minute: int
    judged: Judged
    doubt: str


class Series:
    """One series. ``per_minute``: how many values a full minute should bring (0: as its fullest of late); ``fast``: of a high-rate
    instrument."""

    def __init__(self, name: str, rule: QualityRule | None, *, per_minute: float = 0.0, fast: bool = False) -> None:
        self.name = name
        self.fast = fast
        self.newest = Newest()
        self.averaging = averaging_of(name)
        known = registry().get(split_series(name).quantity)
        plausible = known.plausible if known else (-math.inf, math.inf)
        if rule is not None and fast:
            rule = rule.model_copy(update={"spike": None, "rate_of_change_per_min": None, "flat_line": None})
        self.quality = SeriesQuality.from_rule(rule, plausible=plausible)
        self._low, self._high = plausible if rule is None or rule.gross_range is None else _open_or(rule.gross_range.fail)
        self._leap = math.inf if rule is None or rule.spike is None or self.averaging == "circular" else rule.spike.suspect
        self._counted: tuple[float, float] | None = None
        """time (s) and value that were used last"""
        self._required = tuple(self.quality.names)
        self._expected = per_minute
        self._received: deque[int] = deque(maxlen=10)
        self._cells: dict[int, Cell] = {}
        self._waiting: _Waiting | None = None
        self._may_stick = fast and split_series(name).quantity in NEVER_STILL
        self._repeated = 0
        self.means: deque[tuple[int, float]] = deque(maxlen=KEEP_MINUTES)
        """(minute, mean) of the last usable minutes"""

    def _cell(self, minute: int) -> Cell:
        cell = self._cells.get(minute)
        if cell is None:
            cell = self._cells[minute] = Cell(accumulator(self.averaging))
        return cell

    # --- values in

    def push_fast(self, value: float | None, at_ms: float, minute: int) -> None:
        """A value of a high-rate instrument (None: not valid)."""
        cell = self._cell(minute)
        cell.received += 1
        newest = self.newest
        self._repeated = self._repeated + 1 if value == newest.value else 1
        newest.at_ms, newest.value = at_ms, value
        if value is None:
            newest.flag = Flag.MISSING
            return
        if self._may_stick and self._repeated >= STUCK_FROM:
            newest.flag = Flag.FAIL
            cell.stuck = True
            return
        if not self._low <= value <= self._high:  # on a line without checksum one lost byte makes 13.49 into 1349
            newest.flag = Flag.FAIL
            cell.beyond = cell.beyond or accumulator(self.averaging)
            cell.beyond.add(value)
            return
        cell.values.add(value)
        newest.flag = Flag.NOT_EVALUATED
        newest.usable_at_ms, newest.usable = at_ms, value

    def push(self, value: float | None, at_ms: float, minute: int, *, doubt: str = "") -> None:
        """A reading's value (None: the instrument gave none); ``doubt``: name of the test that the reading as a whole does not pass."""
        judged, before = self.quality.push(value, at_ms / 1e3)
        waited, self._waiting = self._waiting, None
        if before is not None and waited is not None:
            self._count(waited.minute, before, waited.doubt)
        self._cell(minute).received += 1
        self._remember(judged.value, self._flag(judged, doubt), at_ms)
        if judged.final:
            self._count(minute, judged, doubt)
        else:
            self._waiting = _Waiting(minute, judged, doubt)

    def push_spoiled(self, value: float, at_ms: float, minute: int) -> None:
        """A value that the instrument itself, or its card's rules, say is not valid: shown, used for nothing."""
        cell = self._cell(minute)
        cell.received += 1
        cell.tests["instrument"] = int(Flag.FAIL)
        self._remember(value, Flag.FAIL, at_ms)

    def _flag(self, judged: Judged, doubt: str) -> Flag:
        tests: dict[str, int] = {name: int(flag) for name, flag in judged.tests.items()}
        if doubt:
            tests[doubt] = int(Flag.SUSPECT)
        return roll_up(tests, missing=judged.value is None, required=self._required)

    def _remember(self, value: float | None, flag: Flag, at_ms: float) -> None:
        newest = self.newest
        newest.at_ms, newest.value, newest.flag = at_ms, value, flag
        if value is not None and flag in USABLE:
            newest.usable_at_ms, newest.usable = at_ms, value

    def _count(self, minute: int, judged: Judged, doubt: str) -> None:
        cell = self._cells.get(minute)
        if cell is None or judged.value is None:
            return
        cell.note(judged.tests)
        if doubt:
            cell.note({doubt: int(Flag.SUSPECT)})
        flag = self._flag(judged, doubt)
        if flag in USABLE:
            cell.values.add(judged.value)
            cell.doubtful |= flag != Flag.GOOD
            if self._leaps(judged.time_s, judged.value):
                cell.leapt = True
                cell.note({"spike": int(Flag.SUSPECT)})

    def _leaps(self, time_s: float, value: float) -> bool:
        """Whether a value that passed the spike test leaps all the same: two spikes side by side hide one another."""
        last, self._counted = self._counted, (time_s, value)
        return last is not None and time_s - last[0] <= LEAP_WITHIN_S and abs(value - last[1]) > self._leap

    # --- minutes out

    @property
    def regular(self) -> bool:
        """Whether every minute should bring a value."""
        return self._expected >= 1 or len(self._received) >= 3 or self.fast

    def waits(self, minute: int) -> bool:
        """Whether a value of this minute or an earlier one is still in the hands of the spike test."""
        return self._waiting is not None and self._waiting.minute <= minute

    def open_minutes(self) -> list[int]:
        return sorted(self._cells)

    def take(self, minute: int) -> MinuteValue | None:
        """Close a minute; None when nothing was received in it."""
        if self._waiting is not None and self._waiting.minute == minute:
            waited, self._waiting = self._waiting, None
            self._count(minute, waited.judged, waited.doubt)
        cell = self._cells.pop(minute, None)
        if cell is None:
            return None
        used = cell.beyond if cell.beyond is not None and not cell.values.count else cell.values
        values = {name: significant(value, 7) for name, value in used.result().items()}
        mean = values.setdefault("", None)
        self._received.append(cell.received)
        expected = math.floor(self._expected or max(self._received)) - 1
        share = cell.values.count / max(1, cell.received, expected)
        of_mean = (
            {name: int(flag) for name, flag in self.quality.push(mean, 0.0)[0].tests.items()} if self.fast and mean is not None else {}
        )
        if cell.stuck:
            of_mean["flat_line"] = int(Flag.FAIL)
        if used is cell.beyond:
            of_mean["gross_range"] = int(Flag.FAIL)
        cell.note(of_mean if cell.beyond is None else {**of_mean, "gross_range": int(Flag.FAIL)})
        flag = self._flag_of_mean(cell, mean, share, of_mean)
        if mean is not None and flag in USABLE:
            self.means.append((minute, mean))
        return MinuteValue(values, flag, cell.tests, share)

    def _flag_of_mean(self, cell: Cell, mean: float | None, share: float, of_mean: Mapping[str, int]) -> Flag:
        if mean is None:
            return Flag.MISSING
        if Flag.FAIL in of_mean.values():
            return Flag.FAIL
        if share < SHARE_FOR_GOOD or cell.leapt or Flag.SUSPECT in of_mean.values():
            return Flag.SUSPECT
        return Flag.NOT_EVALUATED if cell.doubtful else Flag.GOOD

    def mean_over(self, first_minute: int, end_minute: int) -> tuple[float, int] | None:
        """Mean of the usable minutes in ``[first_minute, end_minute)`` and how many there were."""
        gathered = accumulator(self.averaging)
        for minute, mean in self.means:
            if first_minute <= minute < end_minute:
                gathered.add(mean)
        found = gathered.result()
        return (found[""], gathered.count) if found else None


def _open_or(bounds: Bounds) -> tuple[float, float]:
    """Limits as numbers; an open side is infinite."""
    return -math.inf if bounds.min is None else bounds.min, math.inf if bounds.max is None else bounds.max
