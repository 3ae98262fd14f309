"""Sets of numbers: the range arithmetic against plain sets, over any input."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.outbox.holdings import Holdings, common, subtract, union
from firmware_config.ranges import Ranges

numbers = st.sets(st.integers(0, 60))


def ranges(plain):
    return Ranges((n, n) for n in plain)


def plain(some):
    return {n for a, b in some for n in range(a, b + 1)}


@settings(deadline=None)
@given(numbers, numbers)
def test_difference_intersection_and_union(a, b):
    assert plain(subtract(ranges(a), ranges(b))) == a - b
    assert plain(common(ranges(a), ranges(b))) == a & b
    assert plain(union(ranges(a), ranges(b))) == a | b


@settings(deadline=None)
@given(numbers, numbers, numbers, st.integers(-1, 60))
def test_every_number_up_to_the_last_is_accounted_for(kept, acked, gone, last):
    key = ("minute", 1)
    held = Holdings({key: ranges(kept)}, {key: ranges(acked)}, {key: ranges(gone)}, {key: last})
    assert plain(held.unacknowledged(key)) == kept - acked
    assert plain(held.freeable(key)) == kept & acked
    assert plain(held.holes(key)) == set(range(last + 1)) - kept - acked - gone
    held.drop(key, ranges(gone))
    assert plain(held.kept.get(key, Ranges())) == kept - gone
