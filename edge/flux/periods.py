"""Rows with times to windows of one averaging period each.

A row goes into the slot of the grid its time belongs to; a slot without a row stays missing. Rows whose times cannot be right (running
backwards, at another rate than the station file says, several at one time) refuse the file: a flux of samples in the wrong order looks
good. Periods are counted from midnight of the files' own clock.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge.flux.errors import RawFileError
from edge.science.arrays import FloatArray

Nanoseconds = NDArray[np.int64]
TOLERATED_RATE = 0.01
TOLERATED_REPEATS = 0.01
SLIVER = 0.01
"""share of a period below which the rows at a file's edge are not worth a row of the table"""
MAX_PERIODS = 5000


@dataclass(frozen=True)
class ForeignWindow:
    """A raw window read from a file of another logger; same attributes as the archive's own."""

    columns: Mapping[str, FloatArray]
    rate_hz: float
    start_ms: int
    meta: Mapping[str, object] = field(default_factory=lambda: {"foreign": True})
    """``foreign``: no instrument card has judged these samples; diagnostic words are still to be applied"""


@dataclass(frozen=True)
class Timing:
    """How the rows of a file lie in time."""

    rate_hz: float
    averaging_ms: int
    offset_minutes: int
    """of the file's clock from UTC"""
    stamp_is_end: bool = False
    """a row's time is the end of its sample (Campbell), not its start"""


def measured_rate(times_ns: Nanoseconds) -> float:
    """The rate (Hz) at which rows follow each other; gaps and repeats do not count. NaN when there are too few."""
    steps = np.diff(times_ns)
    steps = steps[steps > 0]
    if steps.size < 10:
        return math.nan
    middle = float(np.median(steps))
    return 1e9 / float(steps[np.abs(steps - middle) <= 0.5 * middle].mean())


def check_times(times_ns: Nanoseconds, rate_hz: float) -> None:
    """RawFileError when the rows cannot be placed in time."""
    steps = np.diff(times_ns)
    back = np.flatnonzero(steps < -0.5e9 / rate_hz)
    if back.size:
        row = int(back[0]) + 2
        raise RawFileError(f"its clock runs backwards {back.size} times, first at row {row} (by {-steps[back[0]] / 1e9:g} s)")
    repeats = int(np.count_nonzero(steps <= 0))
    if repeats > TOLERATED_REPEATS * times_ns.size:
        raise RawFileError(f"{repeats} of {times_ns.size} rows have the time of the row before; samples need times of their own")
    found = measured_rate(times_ns)
    if abs(found - rate_hz) > TOLERATED_RATE * rate_hz:
        raise RawFileError(f"its rows come at {found:.4g} Hz, the station file says {rate_hz:g} Hz")


def windows_of(times_ns: Nanoseconds, columns: Mapping[str, FloatArray], timing: Timing) -> tuple[list[ForeignWindow], list[str]]:
    """The windows of a file, in order, and what there is to say about them.

    ``times_ns``: the rows' times on the file's own clock, ns since 1970; ``columns``: name → (rows,) values.
    """
    check_times(times_ns, timing.rate_hz)
    step_ns, period_ns = 1e9 / timing.rate_hz, timing.averaging_ms * 1_000_000
    slots = max(1, round(period_ns / step_ns))
    origin = int(times_ns[0]) // period_ns * period_ns
    at = (times_ns - origin) / step_ns - (1.0 if timing.stamp_is_end else 0.0)
    turn = np.exp(2j * np.pi * at).mean()
    at = at - math.atan2(turn.imag, turn.real) / (2 * math.pi)  # a clock that is off the grid by a constant part of a sample
    number = np.rint(at).astype(np.int64)
    which = number // slots
    kept, notes, found = [], [], np.unique(which)
    if found.size > MAX_PERIODS:
        raise RawFileError(f"its rows lie in {found.size} periods; is its clock right?")
    repeats = number.size - np.unique(number).size
    if repeats:
        notes.append(f"{repeats} rows fell into a slot that had one already and replaced it")
    for period in found:
        inside = which == period
        count = int(np.count_nonzero(inside))
        start_ms = (origin + int(period) * period_ns) // 1_000_000 - timing.offset_minutes * 60_000
        if count < SLIVER * slots and found.size > 1:
            notes.append(f"{count} rows belong to the period before or after and are left out (less than {SLIVER:.0%} of a period)")
            continue
        slot = number[inside] - period * slots
        kept.append(ForeignWindow({name: _placed(x[inside], slot, slots) for name, x in columns.items()}, timing.rate_hz, start_ms))
    return kept, notes


def _placed(values: FloatArray, slot: Nanoseconds, slots: int) -> FloatArray:
    placed = np.full(slots, np.nan)
    placed[slot] = values
    return placed
