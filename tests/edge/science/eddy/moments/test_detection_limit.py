"""Noise and detection limit of signals whose noise is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edge.science.eddy.moments import detection_limit
from edge.science.eddy.moments.lagged import lagged
from edge.science.eddy.window import Window
from tests.edge.science.eddy.truth.kaimal import draw
from tests.edge.science.eddy.truth.station import DAY

RATE = 10.0


@pytest.fixture(scope="module")
def air() -> dict[str, np.ndarray]:
    """Drawn at 100 Hz and sampled at 10, so that eddies smaller than the sampling are in it."""
    drawn = draw(DAY, np.random.default_rng(4), rate_hz=10 * RATE, seconds=1800.0)
    return {name: np.ascontiguousarray(x[::10]) for name, x in drawn.items()}


@pytest.mark.parametrize("noise", [0.8, 2.0])
def test_white_noise_is_found_beside_turbulence(air: dict[str, np.ndarray], noise: float) -> None:
    """Noise of 0.4 and 0.9 of the deviation of the signal."""
    x = air["c"] + noise * np.random.default_rng(1).normal(size=air["c"].size)
    found = detection_limit.noise_sd(lagged({"c": x}, 20).covariance("c", "c"), 5)
    assert found == pytest.approx(noise, rel=0.08)


def test_without_noise_less_than_a_seventh_of_the_deviation_is_found(air: dict[str, np.ndarray]) -> None:
    auto = lagged({"c": air["c"]}, 20).covariance("c", "c")
    assert detection_limit.noise_sd(auto, 5) < math.sqrt(auto[0]) / 7


def test_the_far_covariances_of_white_noise_scatter_as_theory_says(air: dict[str, np.ndarray]) -> None:
    """sigma_w sigma_x / sqrt(N - lag) for a white signal; three times that is the limit."""
    n = air["w"].size
    x = np.random.default_rng(2).normal(size=n)
    found = detection_limit.step(Window(RATE, n, {"wind_w": air["w"], "co2": x}))
    expected = air["w"].std() / math.sqrt(n - 165 * RATE)
    assert found.value("detection_limit_cov_wind_w_co2") / 3.0 == pytest.approx(expected, rel=0.25)
    assert found.value("far_rmse_cov_wind_w_co2") == pytest.approx(expected, rel=0.25)
    assert detection_limit.noise_error(1.0, air["w"].std(), n) == pytest.approx(expected, rel=0.1)
    assert found.value("noise_co2") == pytest.approx(1.0, rel=0.03)


def test_an_offset_at_far_lags_is_in_the_rmse_and_not_in_the_scatter() -> None:
    found = detection_limit.far_covariance(np.full(9, 2.0), np.full(9, -2.0))
    assert (found.sd, found.rmse) == (0.0, 2.0)


def test_a_short_or_empty_period_has_no_limit_and_says_so() -> None:
    for n in (0, 1, 600):
        found = detection_limit.step(Window(RATE, n, {"wind_w": np.arange(n) % 3.0, "co2": np.arange(n) % 5.0}))
        assert math.isnan(found.value("detection_limit_cov_wind_w_co2"))
        assert "detection_limit_cov_wind_w_co2" in found.reasons
    assert detection_limit.step(Window(RATE, 5, {})).values == {}


def test_the_limit_of_a_flux_is_that_of_its_covariance_in_the_fluxs_unit() -> None:
    values = {
        "detection_limit_cov_wind_w_sonic_temperature": 0.01,
        "cov_wind_w_sonic_temperature": -0.1,
        "uncorrected_sensible_heat_flux": -120.0,
        "spectral_factor_heat": 1.05,
        "detection_limit_cov_wind_w_co2": 1e-6,
        "cov_wind_w_co2": 0.0,
        "uncorrected_co2_flux": 0.0,
    }
    found = detection_limit.of_fluxes_step(Window(10.0, 1, {}, values=values))
    assert found.value("detection_limit_sensible_heat_flux") == pytest.approx(0.01 * 1200.0 * 1.05)
    assert math.isnan(found.value("detection_limit_co2_flux"))
    assert found.reasons["detection_limit_co2_flux"]
    assert "detection_limit_h2o_flux" not in found.values
