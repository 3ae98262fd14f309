"""What the outbox holds, as sets of numbers in memory: kept, acknowledged, gone; and the differences that decide what to do.

A key is ``(stream, epoch)``. All sets are ranges, so a million records in order cost a few numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from firmware_config.errors import WireError
from firmware_config.messages import Ack
from firmware_config.ranges import Ranges

Key = tuple[str, int]
Sets = dict[Key, Ranges]

NOTHING = Ranges()
MOST_RANGES = 100_000


def subtract(these: Ranges, those: Ranges) -> Ranges:
    """The numbers of ``these`` that are not in ``those``; one pass over both."""
    if not those or not these:
        return Ranges(these)
    left = Ranges()
    taken = iter(those)
    a, b = next(taken)
    for first, last in these:
        at: int | None = first
        while at is not None and at <= last:
            while b < at:
                following = next(taken, None)
                if following is None:
                    a = b = 2**63
                else:
                    a, b = following
            if a > last:
                left.add(at, last)
                at = None
            else:
                if a > at:
                    left.add(at, a - 1)
                at = b + 1
    return left


def common(these: Ranges, those: Ranges) -> Ranges:
    """The numbers in both."""
    return subtract(these, subtract(these, those))


def union(*sets: Ranges) -> Ranges:
    """The numbers in any of them."""
    return Ranges(pair for one in sets for pair in one)


def read_ack(ack: Ack) -> Sets:
    """An acknowledgement as sets; WireError ``bad_ack`` when it does not make sense."""
    sets: Sets = {}
    count = 0
    for stream, epochs in ack.streams.items():
        for text, pairs in epochs.items():
            if not (text.isascii() and text.isdigit()) or int(text) >= 2**53:
                raise WireError("bad_ack", f"acknowledgement of {stream[:50]}: epoch {text[:50]!r} is not a number")
            count += len(pairs)
            if count > MOST_RANGES:
                raise WireError("bad_ack", f"acknowledgement of more than {MOST_RANGES} ranges")
            if any(not 0 <= a <= b < 2**53 for a, b in pairs):
                raise WireError("bad_ack", f"acknowledgement of {stream[:50]} epoch {text}: a range makes no sense")
            sets[stream, int(text)] = Ranges(pairs)
    return sets


@dataclass
class Holdings:
    """``last`` is the highest number ever given (or declared) per key: D of the outbox's invariants speaks of ``0..last``."""

    kept: Sets = field(default_factory=dict)
    acked: Sets = field(default_factory=dict)
    gone: Sets = field(default_factory=dict)
    last: dict[Key, int] = field(default_factory=dict)
    bytes: dict[Key, int] = field(default_factory=dict)
    """bytes of the bodies kept"""

    def unacknowledged(self, key: Key) -> Ranges:
        return subtract(self.kept.get(key, NOTHING), self.acked.get(key, NOTHING))

    def freeable(self, key: Key) -> Ranges:
        return common(self.kept.get(key, NOTHING), self.acked.get(key, NOTHING))

    def holes(self, key: Key) -> Ranges:
        """Numbers nobody can account for: neither kept, nor acknowledged, nor declared."""
        if (last := self.last.get(key, -1)) < 0:
            return NOTHING
        known = union(*(sets.get(key, NOTHING) for sets in (self.kept, self.acked, self.gone)))
        return subtract(Ranges([(0, last)]), known)

    def waiting(self) -> Iterator[tuple[Key, Ranges]]:
        """Every key with something unacknowledged."""
        for key in self.kept:
            if left := self.unacknowledged(key):
                yield key, left

    def drop(self, key: Key, numbers: Ranges) -> None:
        """These are not kept any more."""
        left = subtract(self.kept.get(key, NOTHING), numbers)
        if left:
            self.kept[key] = left
        else:
            self.kept.pop(key, None)

    def has(self, key: Key, seq: int) -> bool:
        """Whether the centre has this record or will be sent it."""
        return seq in self.kept.get(key, NOTHING) or seq in self.acked.get(key, NOTHING)
