"""The error of each flux as a step of the chain: what is missing is missing with its reason, and only that."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edge.science.eddy.chain import run
from edge.science.eddy.moments.flux_error import FLUXES, sensitivities
from edge.science.eddy.window import Window
from tests.edge.science.eddy.truth.recovery import chain_of
from tests.edge.science.eddy.truth.station import STATIONS


@pytest.fixture(scope="module", params=STATIONS[:2], ids=lambda s: s.name)
def case(request: pytest.FixtureRequest) -> tuple[Window, tuple]:
    return next(request.param.windows(1)), chain_of(request.param)


def changed(window: Window, **series: np.ndarray | None) -> Window:
    kept = {name: series.get(name, x) for name, x in window.series.items()}
    return Window(window.rate_hz, window.expected, {name: x for name, x in kept.items() if x is not None}, window.gas_form)


def errors(window: Window) -> dict[str, float]:
    return {flux: window.value(f"random_error_{flux}") for flux in FLUXES}


def test_every_flux_has_an_error_and_that_of_tau_is_twice_that_of_u_star(case: tuple[Window, tuple]) -> None:
    found = run(*case)
    assert all(0 < error < abs(found.value(flux)) for flux, error in errors(found).items())
    relative = {flux: error / abs(found.value(flux)) for flux, error in errors(found).items()}
    assert relative["momentum_flux"] == pytest.approx(2 * relative["friction_velocity"], rel=1e-3)
    assert relative["h2o_flux"] == pytest.approx(relative["latent_heat_flux"], rel=1e-6)


def test_without_co2_the_other_errors_stay(case: tuple[Window, tuple]) -> None:
    window, chain = case
    whole, without = errors(run(window, chain)), run(changed(window, co2=None), chain)
    left = errors(without)
    assert math.isnan(left["co2_flux"])
    assert without.reasons["random_error_co2_flux"]
    assert {flux: left[flux] for flux in FLUXES if flux != "co2_flux"} == pytest.approx(
        {f: e for f, e in whole.items() if f != "co2_flux"}, rel=1e-9
    )


def test_a_tenth_of_the_samples_missing_changes_the_error_little(case: tuple[Window, tuple]) -> None:
    window, chain = case
    holed = {name: np.where(np.random.default_rng(2).random(x.size) < 0.09, np.nan, x) for name, x in window.series.items()}
    for flux, error in errors(run(changed(window, **holed), chain)).items():
        assert error == pytest.approx(errors(run(window, chain))[flux], rel=0.1), flux


@pytest.mark.parametrize("value", [np.nan, 1.0])
def test_nothing_raises_where_nothing_is(case: tuple[Window, tuple], value: float) -> None:
    window, chain = case
    dead = {name: np.full(x.size, value) for name, x in window.series.items()}
    found = run(changed(window, **dead), chain)
    assert all(math.isnan(error) for error in errors(found).values())
    assert "chain" not in found.reasons


def test_slopes_of_a_linear_function_are_its_factors() -> None:
    slopes = sensitivities(
        {"a": 0.0, "b": -1e-9, "c": math.nan}, lambda v: {"f": 2 * v["a"] + 5 * v["b"]}, ["a", "b", "c", "d"], ["f", "none"]
    )
    assert slopes["f"] == pytest.approx({"a": 2.0, "b": 5.0}, rel=1e-6)
    assert all(math.isnan(slope) for slope in slopes["none"].values())
