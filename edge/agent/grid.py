"""One grid for a sonic and an analyser on separate lines.

The grid runs at the sonic's declared rate from an origin; a slot is a whole number. A sonic sample keeps its place in its
instrument's own sequence (so that drift of a crystal or noise of the fit never swaps neighbours) until it is more than three quarters
of a slot away from its fitted time; then it slips by one slot, counted. An analyser sample goes to the slot whose sonic sample is
nearest in fitted time, by the same rule. A slot without sample stays empty; no sample ever fills two slots; where two claim one, the
later is counted and given to nobody.

Pure: times are monotonic milliseconds, payloads are opaque.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from edge.agent.sampletimes import SampleLine

Payload = TypeVar("Payload")
SLIP_AT = 0.75
"""In slots: how far a sample may be from its slot's time before it slips."""


@dataclass
class _Placer(Generic[Payload]):
    """Gives the samples of one line their slots."""

    line: SampleLine[Payload]
    period_ms: float
    ready: deque[tuple[int, Payload]] = field(default_factory=deque)
    leans: list[tuple[float, float]] = field(default_factory=lambda: [(-math.inf, 0.0)])
    """(time, distance of the sample from its slot's time in slots) of the samples placed last"""
    slot: int | None = None
    index: int = 0
    slipped: int = 0
    surplus: int = 0

    def place(self, until_ms: float, now_ms: float, origin_ms: float, leans: Sequence[tuple[float, float]]) -> None:
        """Move the line's samples up to ``until_ms`` to ``ready``, each with its slot; ``leans`` is how the guiding line's samples lie."""
        even = self.line.steady and self.line.nominal_ms == self.period_ms
        self.leans = self.leans[-1:]
        guide = 0
        for sample in self.line.release(until_ms, now_ms):
            while guide + 1 < len(leans) and leans[guide + 1][0] <= sample.time_ms + self.period_ms / 2:
                guide += 1
            own = (sample.time_ms - origin_ms) / self.period_ms
            phase = own - leans[guide][1]
            slot = math.floor(phase + 0.5)
            if even and self.slot is not None:
                expected = self.slot + sample.index - self.index
                if abs(phase - expected) <= SLIP_AT:
                    slot = expected
                else:
                    self.slipped += 1
            if self.slot is not None and slot <= self.slot:
                self.surplus += 1
                continue
            self.slot, self.index = slot, sample.index
            self.leans.append((sample.time_ms, own - slot))
            self.ready.append((slot, sample.payload))


NO_LEAN = ((-math.inf, 0.0),)


@dataclass(frozen=True)
class Row(Generic[Payload]):
    """One slot of the grid that has at least one sample."""

    slot: int
    sonic: Payload | None
    gas: Payload | None


class Aligner(Generic[Payload]):
    """Rows of the common grid, in order and once, from one or two lines.

    ``origin_ms`` is the monotonic time of slot 0. Counts: ``late`` = samples that came after their slot had been given out;
    ``slipped`` and ``surplus`` of both lines together.
    """

    def __init__(self, period_ms: float, origin_ms: float, sonic: SampleLine[Payload], gas: SampleLine[Payload] | None = None) -> None:
        self.period_ms = period_ms
        self.origin_ms = origin_ms
        self.late = 0
        self._next = -(2**62)
        self._sonic = _Placer(sonic, period_ms)
        self._gas = _Placer(gas, period_ms) if gas is not None else None

    @property
    def _placers(self) -> list[_Placer[Payload]]:
        return [self._sonic] if self._gas is None else [self._sonic, self._gas]

    @property
    def slipped(self) -> int:
        return sum(placer.slipped for placer in self._placers)

    @property
    def surplus(self) -> int:
        return sum(placer.surplus + placer.line.surplus for placer in self._placers)

    @property
    def lost(self) -> int:
        return sum(placer.line.lost for placer in self._placers)

    def skip_to(self, slot: int) -> None:
        """Nothing before this slot will be given out."""
        self._next = max(self._next, slot)

    def shift(self, ms: float) -> None:
        """Move the origin: slots given out so far stand, later samples find the places of the new one. After a move of more than a slot
        samples that have a place already belong nowhere; they are counted as late."""
        self.origin_ms += ms
        if abs(ms) > self.period_ms:
            for placer in self._placers:
                self.late += len(placer.ready)
                placer.ready.clear()

    def slot_at(self, time_ms: float) -> int:
        """The slot that a monotonic time falls in."""
        return math.floor((time_ms - self.origin_ms) / self.period_ms)

    def take(self, until_ms: float, now_ms: float | None = None) -> tuple[list[Row[Payload]], int]:
        """Rows of samples taken before ``until_ms``, and the first slot that is still open.

        Pass ``now`` less the delay that lines need to settle; infinity gives out all there is (and leaves the next slot as it was).
        Where only what lies before an earlier time is wanted, ``now_ms`` is that settled now.
        """
        now_ms = until_ms if now_ms is None else now_ms
        behind_ms = 2 * self.period_ms  # an analyser sample is placed when the sonic sample beside it is
        self._sonic.place(until_ms, now_ms, self.origin_ms, NO_LEAN)
        settled_ms = self._sonic.line.settled_ms(until_ms, now_ms)
        if self._gas is not None:
            self._gas.place(until_ms - behind_ms, now_ms, self.origin_ms, self._sonic.leans)
            settled_ms = min(settled_ms, self._gas.line.settled_ms(until_ms - behind_ms, now_ms))
        limit = 2**62 if until_ms == math.inf else self.slot_at(settled_ms) - 1
        rows = self._merge(limit)
        if limit < 2**62:
            self._next = max(self._next, limit)
        elif rows:
            self._next = rows[-1].slot + 1
        return rows, self._next

    def _merge(self, limit: int) -> list[Row[Payload]]:
        rows: list[Row[Payload]] = []
        sonic = self._sonic.ready
        gas = self._gas.ready if self._gas is not None else deque()
        while True:
            a = sonic[0][0] if sonic else limit
            b = gas[0][0] if gas else limit
            slot = min(a, b)
            if slot >= limit:
                return rows
            row = Row(slot, sonic.popleft()[1] if a == slot else None, gas.popleft()[1] if b == slot else None)
            if slot < self._next:
                self.late += (row.sonic is not None) + (row.gas is not None)
                continue
            rows.append(row)
