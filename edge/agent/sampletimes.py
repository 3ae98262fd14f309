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

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

Payload = TypeVar("Payload")

HORIZON_MS = 600_000.0
"""Arrivals older than this no longer shape the fit."""
SLOPE_AFTER_MS = 30_000.0
"""Until so much time is covered the nominal period is taken as true."""
MAX_SLOPE = 2e-3
"""A crystal is not off by more than this share; anything beyond is a wrong rate, not drift."""
RATE_WINDOW_MS = 60_000.0
WRONG_RATE = 0.005
LATE = 0.7
"""In periods: a sample this late may have lost brothers."""
ON_TIME = 0.5
EARLY = 0.6
BUFFERED = 8


class SampleCounter:
    """Lost samples from an instrument's own counter, once it has shown a constant increment."""

    LEARN = 50

    def __init__(self) -> None:
        self._last: int | None = None
        self._seen: Counter[int] = Counter()
        self.increment: int | None = None

    def lost(self, value: int | None) -> int | None:
        """Samples missing before this one; None when the counter cannot tell (absent, reset, still learning)."""
        last, self._last = self._last, value
        if value is None or last is None:
            return None
        delta = value - last
        if self.increment is None:
            self._seen[delta] += 1
            if (total := self._seen.total()) >= self.LEARN:
                step = self._seen.most_common(1)[0][0]
                if step > 0 and sum(n for d, n in self._seen.items() if d > 0 and d % step == 0) >= 0.95 * total:
                    self.increment = step
                self._seen.clear()
            return None
        if delta <= 0 or delta % self.increment or delta > 10_000 * self.increment:
            return None
        return delta // self.increment - 1


class LowerEnvelope:
    """The line under points that can only lie above it; x is a count, y milliseconds less ``count * period``."""

    def __init__(self, horizon_count: float, slope_after_count: float, max_slope: float) -> None:
        self._horizon = horizon_count
        self._slope_after = slope_after_count
        self._max_slope = max_slope
        self._hull: list[tuple[float, float]] = []
        self.slope = 0.0
        self._x = 0.0
        self._y = 0.0

    @property
    def empty(self) -> bool:
        return not self._hull

    def clear(self) -> None:
        self._hull.clear()
        self.slope = 0.0

    def add(self, x: float, y: float) -> None:
        """Add a point to the right of all others and fit again."""
        hull = self._hull
        while len(hull) > 1 and hull[-1][0] >= x:  # the count was set back
            hull.pop()
        while len(hull) > 1:
            (x1, y1), (x2, y2) = hull[-2], hull[-1]
            if (y2 - y1) * (x - x2) < (y - y2) * (x2 - x1):
                break
            hull.pop()
        hull.append((x, y))
        while len(hull) > 2 and hull[1][0] < x - self._horizon:
            del hull[0]
        self._fit()

    def _fit(self) -> None:
        hull = self._hull
        first, last = hull[0][0], hull[-1][0]
        if last - first < self._slope_after:
            self.slope = 0.0
            self._x, self._y = min(hull, key=lambda point: point[1])
            return
        middle = (first + last) / 2
        i = next(i for i in range(1, len(hull)) if hull[i][0] >= middle)
        (x1, y1), (x2, y2) = hull[i - 1], hull[i]
        self.slope = max(-self._max_slope, min(self._max_slope, (y2 - y1) / (x2 - x1)))
        self._x, self._y = min(hull, key=lambda point: point[1] - self.slope * point[0])

    def lower(self, x: float, y: float) -> None:
        """Move the line down (only down) to pass through a point that lies under it."""
        if y < self.at(x):
            self._x, self._y = x, y

    def at(self, x: float) -> float:
        return self._y + self.slope * (x - self._x)


@dataclass
class _Suspicion:
    """Samples have been late since ``first``: lost ones before them, or a mere delay? ``late`` = (index, arrival, lateness) of each.

    Many that arrive at once (``burst``) come from a buffer, and a buffer keeps the oldest: what is missing comes after the burst.
    """

    first: int
    late: list[tuple[int, float, float]]
    burst: bool = True
    judged: int = 0
    """those before this one were found too uneven to tell"""

    def lasted(self, needed: int, needed_ms: float) -> bool:
        """Whether enough samples over enough time wait for a judgement."""
        late = self.late
        return not self.burst and len(late) - self.judged >= needed and late[-1][1] - late[self.judged][1] >= needed_ms


@dataclass(frozen=True)
class TimedSample(Generic[Payload]):
    """A sample with its place in the instrument's own even sequence (lost ones counted) and its fitted time."""

    index: int
    time_ms: float
    payload: Payload


class SampleLine(Generic[Payload]):
    """The samples of one instrument on their way from arrival to a fitted time.

    ``nominal_ms`` is the declared period, ``confirm_ms`` how long lateness must last on a jittery line before samples count as lost,
    ``gap_ms`` the silence after which the fit begins anew. Counts: ``received``, ``lost`` (never came), ``surplus`` (came in the
    place of another: given to nobody).
    """

    def __init__(self, nominal_ms: float, *, confirm_ms: float = 2_000.0, gap_ms: float = 60_000.0) -> None:
        self.nominal_ms = nominal_ms
        self.period_ms = nominal_ms
        self.confirm_ms = confirm_ms
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
        self._jitter_ms = nominal_ms  # assumed until known
        self._suspicion: _Suspicion | None = None
        self._inserted: deque[tuple[int, int]] = deque(maxlen=8)
        self._block: tuple[float, float] | None = None
        self._block_end_ms = 0.0
        self._envelope = self._new_envelope()
        self._rate_points: list[tuple[int, float]] = []
        self._rate_votes = 0

    def _new_envelope(self) -> LowerEnvelope:
        period = self.period_ms
        return LowerEnvelope(HORIZON_MS / period, SLOPE_AFTER_MS / period, MAX_SLOPE * period)

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

    def settled_ms(self, until_ms: float) -> float:
        """Up to when, at most ``until_ms``, nothing more can come out of `release`: samples under suspicion wait."""
        return until_ms if self._suspicion is None else min(until_ms, self.time_of(self._suspicion.first))

    def release(self, until_ms: float) -> Iterator[TimedSample[Payload]]:
        """Hand out, in order and once, the samples taken before ``until_ms`` by the present fit (infinity: all, suspicion or not)."""
        pending = self._pending
        if until_ms == float("inf"):
            self._suspicion = None
        while pending:
            index = self._first_waiting()
            if self._suspicion is not None and index >= self._suspicion.first:
                return
            time_ms = self.time_of(index)
            if time_ms > until_ms:
                return
            yield TimedSample(index, time_ms, pending.popleft()[1])  # type: ignore[arg-type]

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
        self._last_ms = arrival_ms
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
        self._envelope.add(index, arrival_ms - index * self.period_ms)
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
        if trusted or late_ms <= (ON_TIME if suspicion else LATE) * period:
            self._suspicion = None
            self._jitter_ms = max(late_ms, 0.995 * self._jitter_ms)
            self._shape(index, arrival_ms, late_ms)
            return
        if suspicion is None:
            suspicion = self._suspicion = _Suspicion(index, [(index, arrival_ms, late_ms)])
            return
        if suspicion.burst and arrival_ms - suspicion.late[-1][1] >= 0.2 * period:
            suspicion.burst = False
            if len(suspicion.late) >= BUFFERED:
                suspicion.late.clear()
        suspicion.late.append((index, arrival_ms, late_ms))
        needed_ms = 1.5 * period if self._jitter_ms < 0.25 * period else self.confirm_ms
        while self._suspicion is not None and self._suspicion.lasted(3, needed_ms):
            self._decide(self._suspicion)

    def _decide(self, suspicion: _Suspicion) -> None:
        """Late by whole periods, the same all along, means lost samples; else wait, and in the end accept a new delay."""
        period, late = self.period_ms, suspicion.late
        recent = late[suspicion.judged :]
        half = (recent[0][1] + recent[-1][1]) / 2
        low = min(ms for _, _, ms in recent)
        first_low = min(ms for _, at, ms in recent if at <= half)
        count = round(low / period)
        if count and abs(low - count * period) < 0.35 * period and round(first_low / period) == count:
            start = len(late)
            while start and late[start - 1][2] > (count - 0.35) * period:
                start -= 1
            self._shift(late[start][0], count)
            self._next += count
            self.lost += count
            self._inserted.append((late[start][0], count))
            self._suspicion = self._remaining(late[start:], count)
        elif late[-1][1] - late[0][1] > 3 * self.confirm_ms:
            self.restarts += 1
            self._anchor(late[-1][0], late[-1][1])
        else:
            suspicion.judged = len(late) - 1

    def _remaining(self, late: list[tuple[int, float, float]], count: int) -> _Suspicion | None:
        """The samples still late after ``count`` lost ones were put before them: more may be lost in between."""
        left = [(index + count, at, ms - count * self.period_ms) for index, at, ms in late]
        since = len(left)
        while since and left[since - 1][2] > LATE * self.period_ms:
            since -= 1
        return _Suspicion(left[since][0], left[since:], burst=False) if since < len(left) else None

    def _shape(self, index: int, arrival_ms: float, late_ms: float) -> None:
        y = arrival_ms - index * self.period_ms
        if late_ms < 0:
            self._envelope.lower(index, y)
        if self._block is None or y - self._envelope.slope * (index - self._block[0]) < self._block[1]:
            self._block = (index, y)
        if arrival_ms >= self._block_end_ms:
            self._envelope.add(*self._block)
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
