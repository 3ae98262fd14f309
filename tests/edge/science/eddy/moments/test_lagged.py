"""Covariances at lags by blocks of short transforms are the plain sums over pairs, whatever the length, the lag and the gaps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.science.eddy.moments.lagged import lagged


def plain(a: np.ndarray, b: np.ndarray, lag: int) -> float:
    a, b = a - np.nanmean(a), b - np.nanmean(b)
    products = a[: a.size - lag] * b[lag:]
    return float(np.nanmean(products)) if np.isfinite(products).any() else float("nan")


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(2, 400),
    longest=st.integers(1, 60),
    segment=st.integers(0, 3),
    gaps=st.lists(st.integers(0, 399), max_size=9),
    seed=st.integers(0, 99),
)
def test_equal_to_the_sum_over_pairs(n: int, longest: int, segment: int, gaps: list[int], seed: int) -> None:
    a, b = np.random.default_rng(seed).normal(5.0, 1.0, (2, n))
    holes = [gap for gap in gaps if gap < n]
    if len(set(holes)) < n:
        b[holes] = np.nan
    found = lagged({"a": a, "b": b}, longest)
    covariances = found.covariance("a", "b", segment=segment)
    assert covariances.size > longest
    for p, value in enumerate(covariances):
        lag = segment * found.block + p
        expected = plain(a, b, lag) if lag < n else float("nan")
        assert value == pytest.approx(expected, abs=1e-12, nan_ok=True), lag


def test_nothing_present_is_nan_and_nothing_raises() -> None:
    found = lagged({"a": np.full(50, np.nan), "b": np.ones(50)}, 8)
    assert np.isnan(found.covariance("a", "b")).all()
    assert found.samples == {"a": 0, "b": 50}
    assert np.isnan(lagged({"a": np.empty(0)}, 8).covariance("a", "a")).all()
