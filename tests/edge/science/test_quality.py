"""QARTOD tests on whole series, against a real month of tide with injected faults and the flags of ioos_qc."""

from __future__ import annotations

import numpy as np
import pytest

from edge.science import quality
from tests.edge.science.tables import table


@pytest.fixture(scope="module")
def month() -> dict[str, np.ndarray]:
    return table("qc/tide_faults_flags.csv")


@pytest.mark.needs("refdata")
def test_gross_range(month: dict[str, np.ndarray]) -> None:
    found = quality.gross_range(month["level_m"], fail=(-0.5, 3.5), suspect=(0.5, 2.6))
    np.testing.assert_array_equal(found, month["gross"])


@pytest.mark.needs("refdata")
def test_differential_spike(month: dict[str, np.ndarray]) -> None:
    found = quality.spike(month["level_m"], suspect=0.10, fail=0.20)
    np.testing.assert_array_equal(found, month["spike_diff"])
    assert np.count_nonzero(found == quality.FAIL) == 8
    assert np.count_nonzero(month["spike"] == quality.FAIL) == 25  # the manual's form also fails the good neighbours


@pytest.mark.needs("refdata")
def test_rate_of_change(month: dict[str, np.ndarray]) -> None:
    """Equal wherever the value before is present; beyond a gap ioos_qc passes without looking, ours looks back over the gap."""
    level = month["level_m"]
    found = quality.rate_of_change(level, np.arange(level.size) * 3600.0, suspect=0.45 / 60)
    before = np.concatenate(([False], np.isfinite(level[:-1])))
    np.testing.assert_array_equal(found[before], month["roc"][before])


@pytest.mark.needs("refdata")
def test_flat_line(month: dict[str, np.ndarray]) -> None:
    """Spans of 3 h and 5 h of hourly values are four and six values."""
    found = quality.flat_line(month["level_m"], tolerance=0.001, suspect_count=4, fail_count=6)
    np.testing.assert_array_equal(found, month["flat"])


def test_a_step_is_no_spike_and_a_missing_value_fails_no_neighbour() -> None:
    step = np.array([1.0, 1.0, 5.0, 5.0, 5.0])
    assert quality.spike(step, suspect=1.0, fail=2.0).tolist() == [2, 1, 1, 1, 2]
    hole = np.array([1.0, 1.0, np.nan, 9.0, 1.0, 1.0])
    assert quality.spike(hole, suspect=1.0, fail=2.0).tolist() == [2, 2, 9, 2, 1, 2]


def test_open_sides_and_short_series() -> None:
    assert quality.gross_range([1e9], fail=(0.0, np.inf)).tolist() == [1]
    assert quality.spike([1.0, 2.0], suspect=0.1).tolist() == [2, 2]
    assert quality.flat_line([], tolerance=0.1).size == 0
    assert quality.rate_of_change([1.0, 9.0], [10.0, 10.0], suspect=0.1).tolist() == [2, 2]
