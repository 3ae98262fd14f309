"""Quartiles, kurtosis of steps and repeated values of the reference half-hours, and of nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edge.science.eddy.moments import higher
from edge.science.eddy.window import Window
from tests.edge.science.eddy.moments.test_against_reference import fluxnet
from tests.edge.science.eddy.reference import CASES, computed

NAMES = {"wind_u": "U", "wind_v": "V", "wind_w": "W", "sonic_temperature": "T_SONIC", "co2": "CO2", "h2o": "H2O"}


@pytest.mark.needs("refdata")
@pytest.mark.parametrize(("site", "file"), CASES or [("finse", "missing")])
def test_against_the_reference(site: str, file: str) -> None:
    """Ours are of the lagged series; a kurtosis differs by the samples that the lag pushes out, and by single precision."""
    window, want = computed(site, file), fluxnet(site)[file]
    found = higher.step(Window(window.rate_hz, window.expected, window.series)).value
    for name, column in NAMES.items():
        assert found(f"kurtosis_of_differences_{name}") == pytest.approx(float(want[f"{column}_KID"]), rel=1.5e-3), name
        assert abs(found(f"repeated_values_{name}") - float(want[f"{column}_ZCD"])) <= 2, name
        if name.startswith("wind"):
            quartiles = [float(want[f"{column}_{which}"]) for which in ("P25", "MEDIAN", "P75")]
            ours = [found(f"{which}_{name}") for which in ("p25", "median", "p75")]
            assert ours == pytest.approx(quartiles, rel=2e-5, abs=1e-6), name


@pytest.mark.parametrize("n", [1, 2, 3, 7, 100])
def test_quartiles_are_hazens(n: int) -> None:
    x = np.random.default_rng(n).normal(size=n)
    assert higher.quartiles(x) == pytest.approx(np.quantile(x, [0.25, 0.5, 0.75], method="hazen"))


def test_nothing_and_a_constant_give_nothing_and_a_reason() -> None:
    assert all(math.isnan(q) for q in higher.quartiles(np.full(4, np.nan)))
    found = higher.step(Window(10.0, 5, {"wind_u": np.ones(5), "wind_v": np.empty(0)}))
    assert found.values["repeated_values_wind_u"] == 4
    assert "kurtosis_of_differences_wind_u" in found.reasons
