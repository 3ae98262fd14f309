"""Quartiles of the reference half-hours, and of nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edge.science.eddy.moments.quartiles import quartiles
from tests.edge.science.eddy.moments.test_against_reference import fluxnet
from tests.edge.science.eddy.reference import CASES, computed

NAMES = {"wind_u": "U", "wind_v": "V", "wind_w": "W"}


@pytest.mark.needs("refdata")
@pytest.mark.parametrize(("site", "file"), CASES or [("finse", "missing")])
def test_against_the_reference(site: str, file: str) -> None:
    window, want = computed(site, file), fluxnet(site)[file]
    for name, column in NAMES.items():
        theirs = [float(want[f"{column}_{which}"]) for which in ("P25", "MEDIAN", "P75")]
        assert quartiles(window.series[name]) == pytest.approx(theirs, rel=2e-5, abs=1e-6), name


@pytest.mark.parametrize("n", [1, 2, 3, 7, 100])
def test_quartiles_are_hazens(n: int) -> None:
    x = np.random.default_rng(n).normal(size=n)
    assert quartiles(x) == pytest.approx(np.quantile(x, [0.25, 0.5, 0.75], method="hazen"))


def test_nothing_gives_nothing() -> None:
    assert all(math.isnan(q) for q in quartiles(np.full(4, np.nan)))
