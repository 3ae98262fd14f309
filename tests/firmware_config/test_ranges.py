"""Ranges behave as the set of integers they stand for."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_config.ranges import Ranges

spans = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 8)).map(lambda p: (p[0], p[0] + p[1])), max_size=25)


def as_set(pairs) -> set[int]:
    return {n for a, b in pairs for n in range(a, b + 1)}


@given(spans)
def test_equal_to_the_set_of_its_numbers_and_kept_sorted_and_disjoint(pairs) -> None:
    ranges = Ranges(pairs)
    expected = as_set(pairs)
    assert as_set(ranges) == expected
    assert len(ranges) == len(expected)
    kept = ranges.pairs()
    assert all(a <= b for a, b in kept)
    assert all(left[1] + 1 < right[0] for left, right in itertools.pairwise(kept)), "neighbours are merged"
    assert ranges.top == (max(expected) if expected else None)
    assert all((n in ranges) == (n in expected) for n in range(-1, 72))


@given(spans, st.integers(0, 70), st.integers(0, 20))
def test_missing_is_the_complement_within_the_window(pairs, first, length) -> None:
    gaps = list(Ranges(pairs).missing(first, first + length))
    assert as_set(gaps) == set(range(first, first + length + 1)) - as_set(pairs)


@given(spans)
def test_order_of_adding_does_not_matter(pairs) -> None:
    assert Ranges(pairs) == Ranges(reversed(pairs))


def test_a_range_that_runs_backwards_is_refused() -> None:
    with pytest.raises(ValueError, match="backwards"):
        Ranges([(3, 1)])
