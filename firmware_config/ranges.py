"""Sets of whole numbers kept as sorted, disjoint, closed ranges: what was committed, what is missing.

Used by both ends of the delivery contract, so that an acknowledgement means the same to station and centre.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator


class Ranges:
    """A set of integers as ``[[first, last], …]``; adding in any order keeps the ranges merged."""

    __slots__ = ("_first", "_last")

    def __init__(self, pairs: Iterable[Iterable[int]] = ()) -> None:
        self._first: list[int] = []
        self._last: list[int] = []
        for first, last in pairs:
            self.add(first, last)

    def add(self, first: int, last: int | None = None) -> None:
        """Add ``first..last`` (or one number)."""
        if last is None:
            last = first
        if last < first:
            raise ValueError(f"range {first}..{last} runs backwards")
        firsts, lasts = self._first, self._last
        if firsts and first == lasts[-1] + 1:  # the usual case: the next number
            lasts[-1] = last
            return
        i = bisect_right(firsts, first)
        if i and lasts[i - 1] >= first - 1:
            i -= 1
            first = firsts[i]
        j = i
        while j < len(firsts) and firsts[j] <= last + 1:
            last = max(last, lasts[j])
            j += 1
        firsts[i:j] = [first]
        lasts[i:j] = [last]

    def __contains__(self, number: int) -> bool:
        i = bisect_right(self._first, number)
        return bool(i) and self._last[i - 1] >= number

    def missing(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """The gaps within ``first..last``, as closed ranges."""
        at = first
        for a, b in self:
            if b < at:
                continue
            if a > last:
                break
            if a > at:
                yield at, a - 1
            at = b + 1
        if at <= last:
            yield at, last

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(zip(self._first, self._last, strict=True))

    def __len__(self) -> int:
        """How many numbers are in the set."""
        return sum(b - a + 1 for a, b in self)

    def __bool__(self) -> bool:
        return bool(self._first)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ranges) and self._first == other._first and self._last == other._last

    __hash__ = None  # type: ignore[assignment]

    @property
    def top(self) -> int | None:
        """The largest number, or None when empty."""
        return self._last[-1] if self._last else None

    def pairs(self) -> list[list[int]]:
        """JSON form."""
        return [[a, b] for a, b in self]

    def __repr__(self) -> str:
        return f"Ranges({self.pairs()})"
