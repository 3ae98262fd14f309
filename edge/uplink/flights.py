"""What has been sent and not acknowledged by the centre, when it is due again, and how fast the backlog may go. No I/O, no clock.

Times are real seconds (`time.monotonic`): they are limits of a protocol on a real link, whatever the speed of the world.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from edge.outbox import Row
from edge.outbox.holdings import NOTHING, Sets, subtract
from firmware_config.ranges import Ranges

LONGEST_DOUBLING = 6


@dataclass
class Flight:
    """One message on its way: the numbers in it that are not acknowledged, how often it was sent, when it is due again."""

    sets: Sets
    due_s: float
    sent: int = 1

    def count(self) -> int:
        return sum(len(numbers) for numbers in self.sets.values())


class Flights:
    """Everything on its way. ``again_after_s`` is doubled with each sending, up to 64 times."""

    def __init__(self, again_after_s: float) -> None:
        self.again_after_s = again_after_s
        self._flights: list[Flight] = []

    def __len__(self) -> int:
        return len(self._flights)

    def add(self, rows: Iterable[Row], now_s: float) -> None:
        sets: Sets = {}
        for row in rows:
            sets.setdefault(row.key, Ranges()).add(row.seq)
        self._flights.append(Flight(sets, now_s + self.again_after_s))

    def sent_again(self, flight: Flight, now_s: float) -> None:
        flight.due_s = now_s + self.again_after_s * 2 ** min(flight.sent, LONGEST_DOUBLING)
        flight.sent += 1

    def forget(self, flight: Flight) -> None:
        if flight in self._flights:
            self._flights.remove(flight)

    def acknowledged(self, acked: Sets) -> None:
        """The centre has these: what is left of each message stays on its way."""
        for flight in self._flights:
            flight.sets = {key: left for key, numbers in flight.sets.items() if (left := subtract(numbers, acked.get(key, NOTHING)))}
        self._flights = [flight for flight in self._flights if flight.sets]

    def clear(self) -> None:
        """Nothing is on its way any more: the connection broke, or the centre began anew."""
        self._flights = []

    def busy(self) -> Sets:
        """All numbers on their way (fresh sets: another thread may read them)."""
        busy: Sets = {}
        for flight in self._flights:
            for key, numbers in flight.sets.items():
                into = busy.setdefault(key, Ranges())
                for pair in numbers:
                    into.add(*pair)
        return busy

    def due(self, now_s: float) -> Flight | None:
        """The message that has waited longest beyond its time, if any."""
        late = [flight for flight in self._flights if flight.due_s <= now_s]
        return min(late, key=lambda flight: flight.due_s, default=None)

    def next_due_s(self) -> float:
        return min((flight.due_s for flight in self._flights), default=float("inf"))

    def fresh_records(self) -> int:
        """Records sent once and still young: what the centre is expected to acknowledge now."""
        return sum(flight.count() for flight in self._flights if flight.sent == 1)


class Pace:
    """So many records a second, with at most one second's worth (or one batch) saved up."""

    def __init__(self, records_per_s: float, batch: int, now_s: float) -> None:
        self.records_per_s = records_per_s
        self._most = max(records_per_s, batch)
        self._batch = batch
        self._saved = float(batch)
        self._at_s = now_s

    def allowed(self, now_s: float) -> int:
        """How many records may go now: a whole batch or none."""
        self._saved = min(self._most, self._saved + (now_s - self._at_s) * self.records_per_s)
        self._at_s = now_s
        return self._batch if self._saved >= self._batch else 0

    def took(self, records: int) -> None:
        self._saved -= records

    def wait_s(self) -> float:
        """How long until a batch may go."""
        return max(0.0, (self._batch - self._saved) / self.records_per_s)
