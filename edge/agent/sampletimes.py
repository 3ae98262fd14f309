"""Sample times of a high-rate instrument, from a fit of arrival time against sample count.

An instrument samples evenly; its bytes arrive late by an amount that is never negative and often large (buffers, scheduling,
retransmission). So the true time of sample n lies on a straight line *under* all arrivals: its lower envelope. The fit keeps the
lower convex hull of the least late samples of the last minutes and takes the hull's edge over the middle, the line that minimises the
summed lateness (Moon, Skelly and Towsley 1999, IEEE INFOCOM, on clock skew). Samples that never came are found by the instrument's own
counter where it has a steady one, else by arrivals that stay late by a whole number of sample periods; since that takes a while to
tell from a mere delay, samples are handed out only after a delay of the caller's choice.

Pure: no clock, no I/O; times are monotonic milliseconds. Memory is bounded by the hand-out delay and the horizon.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from edge.agent.envelope import LowerEnvelope, SampleCounter

Payload = TypeVar("Payload")

HORIZON_MS = 600_000.0
"""Arrivals older than this no longer shape the fit."""
SLOPE_AFTER_MS = {True: 30_000.0, False: 120_000.0}
"""Until so much time is covered the nominal period is taken as true; where samples are seldom late by a period, and elsewhere."""
BURN_IN_MS = {True: 5_000.0, False: 30_000.0}
"""What arrives first, out of buffers, does not shape the slope."""
MAX_SLOPE = 1e-3
"""A crystal is not off by more than this share; anything beyond is a wrong rate, not drift."""
RATE_WINDOW_MS = 60_000.0
WRONG_RATE = 0.005
LATE = 0.7
"""In periods: a sample this late may have lost brothers."""
ON_TIME = 0.5
EARLY = 0.6
BUFFERED = 8
QUIET = 0.2
"""Roughness below which three late samples in a row tell that others are missing; see `SampleLine`"""
TROUBLE_REACH = 5.0
"""How long before late samples, in troubled times, spoiled bytes still explain them"""
MEMORY = 50.0
"""samples over which roughness is averaged"""


@dataclass
class _Suspicion:
    """Samples have been late since ``first``: lost ones before them, or a mere delay? ``late`` = (index, arrival, lateness) of each.

    Many that arrive at once (``burst``) come from a buffer, and a buffer keeps the oldest: what is missing comes after the burst.
    """

    first: int
    since_ms: float
    late: list[tuple[int, float, float]]
    burst: bool = True
    judged: int = 0
    """those before this one were found too uneven to tell"""
    undecided: int = 0

    def lasted(self, least_ms: float) -> bool:
        """Whether enough samples over so much time wait for a judgement."""
        late = self.late
        return not self.burst and len(late) - self.judged >= 3 and late[-1][1] - late[self.judged][1] >= least_ms


@dataclass(frozen=True)
class TimedSample(Generic[Payload]):
    """A sample with its place in the instrument's own even sequence (lost ones counted) and its fitted time."""

    index: int
    time_ms: float
    payload: Payload


class SampleLine(Generic[Payload]):
    """The samples of one instrument on their way from arrival to a fitted time.

    ``nominal_ms`` is the declared period, ``hold_ms`` how long samples that may come after lost ones are held back at most,
    ``gap_ms`` the silence after which the fit begins anew. On a line whose samples come evenly three late ones in a row tell that others
    are missing; on a rough one (chunks, a loaded machine) lateness must last ``patience_ms``, or ``troubled_ms`` if `trouble` was
    reported. Counts: ``received``, ``lost`` (never came), ``surplus`` (came in the place of another: given to nobody).
    """

    def __init__(
        self,
        nominal_ms: float,
        *,
        hold_ms: float = 10_000.0,
        gap_ms: float = 60_000.0,
        patience_ms: float = 10_000.0,
        troubled_ms: float = 2_000.0,
    ) -> None:
        self.nominal_ms = nominal_ms
        self.period_ms = nominal_ms
        self.hold_ms = hold_ms
        self.gap_ms = gap_ms
        self.received = 0
        self.lost = 0
        self.surplus = 0
        self.restarts = 0
        self._counter = SampleCounter()
        self._pending: deque[list[Payload | int]] = deque()
        self._next = 0
        self._used = -1
        self._last_ms: float | None = None
        self._patience_ms = patience_ms
        self._troubled_ms = troubled_ms
        self._trouble_ms = -math.inf
        self._rough = 1.0  # until known
        self._lateness = 1.0
        self._suspicion: _Suspicion | None = None
        self._inserted: deque[tuple[int, int]] = deque(maxlen=8)
        self._block: tuple[float, float] | None = None
        self._block_end_ms = 0.0
        self._burn_in_from_ms: float | None = None
        self._envelope = self._new_envelope()
        self._rate_points: list[tuple[int, float]] = []
        self._rate_votes = 0

    def _new_envelope(self) -> LowerEnvelope:
        period = self.period_ms
        return LowerEnvelope(HORIZON_MS / period, MAX_SLOPE * period)

    # --- what others ask

    @property
    def steady(self) -> bool:
        """Whether the instrument keeps its declared rate."""
        return self.period_ms == self.nominal_ms

    @property
    def measured_rate_hz(self) -> float:
        """The rate as fitted."""
        return 1e3 / (self.period_ms + self._envelope.slope)

    @property
    def waiting(self) -> int:
        return len(self._pending)

    def time_of(self, index: int) -> float:
        """The fitted time of the sample with this index."""
        return self._envelope.at(index) + index * self.period_ms

    def _held_from(self, now_ms: float) -> int | None:
        """The first sample that is held back: under suspicion, and not for too long."""
        suspicion = self._suspicion
        return suspicion.first if suspicion is not None and suspicion.since_ms > now_ms - self.hold_ms else None

    def settled_ms(self, until_ms: float, now_ms: float) -> float:
        """Up to when, at most ``until_ms``, nothing more can come out of `release`."""
        held = self._held_from(now_ms)
        return until_ms if held is None else min(until_ms, self.time_of(held))

    def release(self, until_ms: float, now_ms: float | None = None) -> Iterator[TimedSample[Payload]]:
        """Hand out, in order and once, the samples taken before ``until_ms`` by the present fit (infinity: all, suspicion or not).

        ``now_ms`` (``until_ms`` when not given) tells how long samples under suspicion have been held back.
        """
        if until_ms == math.inf:
            self._suspicion = None
        held = self._held_from(until_ms if now_ms is None else now_ms)
        while self._pending:
            index = self._first_waiting()
            time_ms = self.time_of(index)
            if time_ms > until_ms or (held is not None and index >= held):
                return
            yield TimedSample(index, time_ms, self._pending.popleft()[1])  # type: ignore[arg-type]

    # --- arrivals

    def add(self, arrival_ms: float, payload: Payload, counter: int | None = None) -> None:
        """A sample arrived."""
        self.received += 1
        stated = self._counter.lost(counter)
        if stated:
            self._next += stated
            self.lost += stated
        elif self._last_ms is None or (stated is None and arrival_ms - self._last_ms > self.gap_ms):
            self._begin(arrival_ms)
        index = self._next
        self._feel(arrival_ms)
        late_ms = arrival_ms - self.time_of(index)
        if late_ms < -EARLY * self.period_ms:
            index = self._too_early(index, late_ms)
            late_ms = arrival_ms - self.time_of(index)
        self._next = index + 1
        self._watch_rate(arrival_ms)
        if index <= self._used:
            self.surplus += 1
            return
        self._used = index
        self._pending.append([index, payload])
        self._judge(index, arrival_ms, late_ms, trusted=stated is not None)

    def _feel(self, arrival_ms: float) -> None:
        """How unevenly samples arrive: 0 at whole periods apart, 1 at random or in one go."""
        if self._last_ms is not None:
            apart = (arrival_ms - self._last_ms) / self.period_ms
            rough = 1.0 if apart < 0.5 else 2.0 * abs(apart - round(apart))
            self._rough += (rough - self._rough) / MEMORY
        self._last_ms = arrival_ms

    def trouble(self, arrival_ms: float) -> None:
        """Bytes were lost or spoiled on the line: samples may be missing."""
        self._trouble_ms = arrival_ms

    def _begin(self, arrival_ms: float) -> None:
        """First sample, or first after a long silence: anchor the line here, skipping the places of what is missing."""
        if self._last_ms is not None:
            missing = max(0, round((arrival_ms - self.time_of(self._next)) / self.period_ms))
            self._next += missing
            self.lost += missing
            self.restarts += 1
        self._anchor(self._next, arrival_ms)

    def _anchor(self, index: int, arrival_ms: float) -> None:
        self._envelope = self._new_envelope()
        self._envelope.add(index, arrival_ms - index * self.period_ms, math.inf)
        self._burn_in_from_ms = arrival_ms
        self._suspicion = None
        self._inserted.clear()
        self._block = None
        self._block_end_ms = arrival_ms + 1_000.0
        self._rate_points = []

    def _too_early(self, index: int, late_ms: float) -> int:
        """Bytes cannot be early: either samples were wrongly taken for lost, or the whole line lies too high. The index to use."""
        self._suspicion = None
        if not self._inserted:
            self._envelope.lower(index, self._envelope.at(index) + late_ms)
            return index
        surplus = round(-late_ms / self.period_ms)
        while surplus and self._inserted:
            first, count = self._inserted.pop()
            taken = min(surplus, count)
            if count > taken:
                self._inserted.append((first, count - taken))
            surplus -= taken
            self.lost -= taken
            index -= taken
            if self._pending and self._first_waiting() <= first:
                self._shift(first, -taken)
        return index

    def _first_waiting(self) -> int:
        return self._pending[0][0]  # type: ignore[return-value]

    def _shift(self, first: int, count: int) -> None:
        """Move all waiting samples from ``first`` on by ``count`` places."""
        for sample in self._pending:
            if sample[0] >= first:  # type: ignore[operator]
                sample[0] += count  # type: ignore[operator]
        self._used += count
        self._block = None

    def _judge(self, index: int, arrival_ms: float, late_ms: float, *, trusted: bool) -> None:
        """Let a sample shape the fit, or keep it under suspicion of coming after lost ones."""
        suspicion, period = self._suspicion, self.period_ms
        self._lateness += (min(10.0, late_ms / period) - self._lateness) / (4 * MEMORY)
        self._shape(index, arrival_ms, late_ms)  # late ones too: they lie above the line, unless its slope is wrong
        if trusted or late_ms <= (ON_TIME if suspicion else LATE) * period:
            self._suspicion = None
            return
        if suspicion is None:
            self._suspicion = _Suspicion(index, arrival_ms, [(index, arrival_ms, late_ms)])
            return
        if suspicion.burst and arrival_ms - suspicion.late[-1][1] >= 0.2 * period:
            suspicion.burst = False
            if len(suspicion.late) >= BUFFERED:
                suspicion.late.clear()
        suspicion.late.append((index, arrival_ms, late_ms))
        while self._suspicion is not None and self._suspicion.lasted(self._needed_ms(self._suspicion)):
            self._decide(self._suspicion)

    def _needed_ms(self, suspicion: _Suspicion) -> float:
        """How long lateness must last before it is judged."""
        if self._rough < QUIET:
            return 1.5 * self.period_ms
        troubled = self._trouble_ms > suspicion.late[0][1] - TROUBLE_REACH * self._troubled_ms
        return self._troubled_ms if troubled else self._patience_ms

    def _decide(self, suspicion: _Suspicion) -> None:
        """Late by whole periods, the same all along, means lost samples; else wait, and in the end accept a new delay."""
        period, late = self.period_ms, suspicion.late
        recent = late[suspicion.judged :]
        low = min(ms for _, _, ms in recent)
        first_low = min(ms for _, _, ms in recent[: (len(recent) + 1) // 2])
        count = round(low / period)
        whole = abs(low - count * period) < (0.2 if self._rough < QUIET else 0.35) * period
        if count and whole and round(first_low / period) == count:
            start = len(late)
            while start and late[start - 1][2] > (count - 0.35) * period:
                start -= 1
            self._shift(late[start][0], count)
            self._next += count
            self.lost += count
            self._inserted.append((late[start][0], count))
            self._suspicion = self._remaining(late[start:], count)
        elif suspicion.undecided >= 3:
            self.restarts += 1
            self._anchor(late[-1][0], late[-1][1])
        else:
            suspicion.judged = len(late) - 1
            suspicion.undecided += 1

    def _remaining(self, late: list[tuple[int, float, float]], count: int) -> _Suspicion | None:
        """The samples still late after ``count`` lost ones were put before them: more may be lost in between."""
        left = [(index + count, at, ms - count * self.period_ms) for index, at, ms in late]
        since = len(left)
        while since and left[since - 1][2] > LATE * self.period_ms:
            since -= 1
        return _Suspicion(*left[since][:2], left[since:], burst=False) if since < len(left) else None

    def _shape(self, index: int, arrival_ms: float, late_ms: float) -> None:
        y = arrival_ms - index * self.period_ms
        if late_ms < 0:
            self._envelope.lower(index, y)
        if self._block is None or y - self._envelope.slope * (index - self._block[0]) < self._block[1]:
            self._block = (index, y)
        if arrival_ms >= self._block_end_ms:
            prompt = self._lateness < 1.0
            x, lowest = self._block
            self._envelope.add(x, lowest, SLOPE_AFTER_MS[prompt] / self.period_ms)
            if self._burn_in_from_ms is not None and arrival_ms - self._burn_in_from_ms > BURN_IN_MS[prompt]:
                self._burn_in_from_ms = None
                self._envelope.begin_again()
            self._block = None
            self._block_end_ms = arrival_ms + 1_000.0

    # --- a rate that is not the declared one

    def _watch_rate(self, arrival_ms: float) -> None:
        points = self._rate_points
        if points and arrival_ms - points[-1][1] < RATE_WINDOW_MS / 60:
            return
        points.append((self.received, arrival_ms))
        if arrival_ms - points[0][1] < RATE_WINDOW_MS:
            return
        (n0, t0), (n1, t1) = points[0], points[-1]
        measured = (t1 - t0) / (n1 - n0)
        straight = all(abs(t - t0 - (n - n0) * measured) < max(self.nominal_ms, measured) for n, t in points)
        wrong = abs(measured / self.period_ms - 1) > WRONG_RATE and straight
        self._rate_votes = self._rate_votes + 1 if wrong else 0
        self._rate_points = []
        if self._rate_votes >= 2:
            self._rate_votes = 0
            self.period_ms = self.nominal_ms if abs(measured / self.nominal_ms - 1) < WRONG_RATE / 3 else measured
            self.restarts += 1
            self._anchor(self._next - 1, arrival_ms)
