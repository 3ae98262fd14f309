"""Losses learnt from the station's own spectra: fits, readiness, humidity, separation, degraded covariances."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.science.eddy.spectral import degraded, in_situ, separation, spectra
from edge.science.eddy.window import Window
from tests.edge.science.eddy.reference import CASES, computed
from tests.edge.science.eddy.spectral.engine import fluxnet, start_of

F = np.logspace(-2.5, 1, 45)


@pytest.mark.needs("refdata")
@pytest.mark.parametrize(("site", "file"), CASES or [("finse", "missing")])
def test_degraded_heat_covariances_of_the_engine(site: str, file: str) -> None:
    """Columns W_T_SONIC_COV_IBROM and _N1626 to _N0004, within 0.01 % and 1e-6 K m s-1."""
    want = [x for column, x in fluxnet(site)[start_of(file)].items() if column.startswith("W_T_SONIC_COV_IBROM")]
    window = computed(site, file)
    table = degraded.step(window, power_of_two=True, linear=False, drop_leading_twice=True, one_too_high=True).tables["degraded_heat"]
    assert table["cov_wind_w_sonic_temperature"] == pytest.approx(np.array(want), rel=1e-4, abs=1e-6)


def test_counting_the_frequencies_right_takes_less_away() -> None:
    rng = np.random.default_rng(1)
    w = np.convolve(rng.normal(size=4000), np.ones(300) / 300, "same")
    h = spectra.harmonics({"wind_w": w, "sonic_temperature": w}, 10.0)
    assert h is not None
    right, high = (degraded.degraded_covariances(h, one_too_high=x) for x in (False, True))
    assert right[0] == pytest.approx(h.covariance("wind_w", "sonic_temperature"), rel=1e-9)
    assert (np.diff(right) < 0).all()
    assert (right[1:] > high[1:]).all()


@settings(deadline=None)
@given(cutoff=st.floats(0.02, 5.0), plateau=st.floats(0.5, 2.0), seed=st.integers(0, 999))
def test_a_cut_off_is_found_through_scatter(cutoff: float, plateau: float, seed: int) -> None:
    """Scatter of 5 % in every bin: the cut-off within 15 %."""
    scatter = np.exp(np.random.default_rng(seed).normal(0, 0.05, F.size))
    fit = in_situ.fit_cutoff(F, plateau / (1 + (F / cutoff) ** 2) * scatter)
    assert isinstance(fit, in_situ.Cutoff)
    assert fit.cutoff_hz == pytest.approx(cutoff, rel=0.15)
    assert fit.plateau == pytest.approx(plateau, rel=0.1)


def test_no_loss_seen_is_an_infinite_cut_off_and_a_factor_of_one() -> None:
    fit = in_situ.fit_cutoff(F, np.full(F.size, 1.02))
    assert isinstance(fit, in_situ.Cutoff)
    assert math.isinf(fit.cutoff_hz)
    assert in_situ.horst_factor(fit.cutoff_hz, wind_speed_ms=3.0, height_m=4.0, stability=0.1) == 1.0
    assert in_situ.fratini_factor(F, np.gradient(F), 1 / F, fit.cutoff_hz) == pytest.approx(1.0)


def test_not_ready_says_how_much_is_missing() -> None:
    assert in_situ.ensemble_ratio(np.ones((4, 45)), np.ones((4, 45))) == in_situ.NotReady("periods with spectra", 4, 10)
    assert in_situ.ensemble_ratio(np.full((20, 45), np.nan), np.ones((20, 45))) == in_situ.NotReady("periods with spectra", 0, 10)
    assert in_situ.ensemble_ratio([], []) == in_situ.NotReady("periods with spectra", 0, 10)
    assert isinstance(in_situ.fit_cutoff(F, np.full(F.size, np.nan)), in_situ.NotReady)
    few = in_situ.cutoff_of_humidity([20, 40, 60], [1.0, 0.9, 0.5], [30, 9, 30])
    assert isinstance(few, in_situ.NotReady)
    assert (few.have, few.needed) == (2, 3)
    assert isinstance(in_situ.cutoff_of_humidity([50, 50, 50], [1.0, 0.9, 0.5], [30, 30, 30]), in_situ.NotReady)
    assert isinstance(in_situ.fit_ibrom([3.0], [0.1], [1.2]), in_situ.NotReady)


def test_humidity_classes_with_few_periods_or_no_cut_off_do_not_count() -> None:
    found = in_situ.cutoff_of_humidity([10, 30, 50, 70, 90], [9.0, 1.0, 0.5, math.nan, 0.125], [1, 20, 20, 50, 20])
    assert isinstance(found, in_situ.HumidityDependence)
    assert found.cutoff_hz(30) == pytest.approx(1.0, rel=0.06)
    assert found.cutoff_hz(5) == found.cutoff_hz(30)


def test_a_small_heat_flux_takes_the_fitted_form() -> None:
    noise = np.random.default_rng(2).normal(size=F.size)
    coefficients = in_situ.IbromCoefficients(0.02, 0.1)
    want = in_situ.ibrom_factor(0.5, 4.0, coefficients)
    width = np.gradient(F)
    found = in_situ.fratini_factor(F, width, noise, 0.5, wind_speed_ms=4.0, heat_flux_is_small=True, coefficients=coefficients)
    assert found == want
    assert math.isnan(in_situ.fratini_factor(F, width, noise, 0.5, heat_flux_is_small=True))


def test_published_exponents_of_horst() -> None:
    """Horst 1997: alpha is 7/8 in neutral and unstable, 1 in stable air; n_m is 0.085 unstable. With x = 2 pi n_m tau U / z = 1 the factor
    is 2."""
    tau = 4.0 / (2 * math.pi * 0.085 * 3.0)
    cutoff = 1 / (2 * math.pi * tau)
    assert in_situ.horst_factor(cutoff, wind_speed_ms=3.0, height_m=4.0, stability=-1.0) == pytest.approx(2.0)
    doubled = in_situ.horst_factor(cutoff / 2, wind_speed_ms=3.0, height_m=4.0, stability=-1.0)
    assert doubled == pytest.approx(1.0 + 2 ** (7 / 8))
    stable = [in_situ.horst_factor(c, wind_speed_ms=3.0, height_m=4.0, stability=0.3) - 1 for c in (1.0, 0.5)]
    assert stable[1] == pytest.approx(2 * stable[0])


@pytest.mark.parametrize("edge", [-0.1, -0.05, 0.03])
def test_the_peaks_of_horst_and_lenschow_have_no_step(edge: float) -> None:
    assert separation.peaks(edge + 1e-9) == pytest.approx(separation.peaks(edge - 1e-9), abs=1e-6)


@settings(deadline=None)
@given(apart=st.floats(0.0, 1.0), angle=st.floats(0.0, 360.0), above=st.floats(-0.5, 0.5), stability=st.floats(-5.0, 5.0))
def test_separation_costs_and_never_gives(apart: float, angle: float, above: float, stability: float) -> None:
    site = {"height_m": 4.0, "stability": stability}
    factor = separation.separation_factor(apart, angle, above, **site)
    assert factor >= 1.0
    assert separation.separation_factor(apart, angle, above, lag_removed=False, **site) >= factor
    assert separation.separation_factor(apart, angle + 180.0, above, **site) == pytest.approx(factor, rel=1e-9)


@pytest.mark.parametrize("series", [{}, {"wind_w": np.full(200, np.nan), "sonic_temperature": np.ones(200)}])
def test_degrading_nothing(series: dict[str, np.ndarray]) -> None:
    assert "degraded_heat" not in degraded.step(Window(10.0, 200, series)).tables
