"""The chain against air whose molecules are counted: no flux equation on the other side of the comparison."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edge.science.eddy.chain import flux_chain, run
from edge.science.eddy.lag.search import LagWindow
from edge.science.eddy.setup import Setup
from edge.science.eddy.window import Window
from tests.edge.science.eddy.turbulence import RATE_HZ, World, make_world

WINDOWS = {gas: LagWindow(-1.0, 1.0, 0.0) for gas in ("co2", "h2o")}


def fluxes_of(world: World, series: dict[str, np.ndarray], form: str, *, closed: bool, leave_out: str = "", **changes: object) -> Window:
    options = {
        "pressure_pa": world.pressure,
        "height_m": 5.0,
        "latitude_deg": 30.0,
        "averaging_s": 1800.0,
        "lag_windows": WINDOWS,
    } | changes
    length = max((x.size for x in series.values()), default=world.temperature.size)
    chain = [entry for entry in flux_chain(Setup(closed_path=closed, **options)) if entry[0] != leave_out]
    return run(Window(RATE_HZ, length, series, form), chain)


WORLDS = [
    pytest.param({}, id="day over land"),
    pytest.param({"w_t": 0.01, "w_r_h2o": 1.2e-4, "w_r_co2": -3e-8}, id="evaporating sea, hardly any CO2 flux"),
    pytest.param({"w_t": -0.03, "w_r_h2o": -1e-5, "w_r_co2": 2e-7}, id="night"),
    pytest.param({"w_t": 0.3, "w_r_h2o": 1e-5, "w_r_co2": 0.0}, id="hot and dry, no CO2 flux but what density makes"),
]


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("lag", [0, 7, -5])
def test_open_path_counts_molecules(world: dict[str, float], lag: int) -> None:
    air = make_world(**world)
    found = fluxes_of(air, air.open_path(lag), "density", closed=False).values
    check_against_count(air, found, expansion=True)
    assert found["lag_h2o_s"] == lag / RATE_HZ


@pytest.mark.parametrize("world", WORLDS)
def test_closed_path_counts_molecules_whatever_the_cell_does(world: dict[str, float]) -> None:
    air = make_world(**world | {"w_r_co2": world.get("w_r_co2") or -2e-7})
    check_against_count(air, fluxes_of(air, air.closed_path(4), "density", closed=True).values, expansion=False)


def check_against_count(air: World, found: dict[str, float], *, expansion: bool) -> None:
    """Within 0.3 % of the flux, or (open path) of what the air's expansion adds to the covariance, where that is larger.

    The rest is what the density correction itself neglects: products of three fluctuations.
    """
    for name, r in (("co2_flux", air.r_co2), ("h2o_flux", air.r_h2o)):
        expanding = abs(air.true_temperature_flux()) / 295.0 * float(np.mean(air.dry * r)) if expansion else 0.0
        true = air.true_flux(r)
        assert found[name] == pytest.approx(true, rel=3e-3, abs=3e-3 * expanding), name
    assert found["temperature_flux"] == pytest.approx(air.true_temperature_flux(), rel=3e-3, abs=2e-5)
    assert found["air_density"] == pytest.approx(air.density, rel=1e-4)


def test_without_density_correction_the_open_path_flux_would_be_wrong() -> None:
    """Guard of the guard: the raw covariance must miss the truth, else the tests above show nothing."""
    air = make_world(w_t=0.3, w_r_co2=0.0)
    found = fluxes_of(air, air.open_path(), "density", closed=False).values
    assert abs(found["cov_wind_w_co2"]) > 5e-6
    assert abs(air.true_flux(air.r_co2)) < 1e-7


def test_mole_fractions_of_moist_air_give_the_same_flux_as_of_dry_air() -> None:
    air = make_world()
    dry = air.open_path() | {"co2": air.r_co2, "h2o": air.r_h2o}
    wet = air.open_path() | {"co2": air.r_co2 / (1 + air.r_h2o), "h2o": air.r_h2o / (1 + air.r_h2o)}
    a = fluxes_of(air, dry, "dry_mole_fraction", closed=True).values
    b = fluxes_of(air, wet, "mole_fraction", closed=True).values
    assert b["co2_flux"] == pytest.approx(a["co2_flux"], rel=1e-9)


def test_momentum_and_its_sign() -> None:
    air = make_world()
    found = fluxes_of(air, air.open_path(), "density", closed=False).values
    stress = air.density * np.cov(air.wind_u, air.wind_w, bias=True)[0, 1]
    assert found["momentum_flux"] == pytest.approx(stress, rel=2e-2)
    assert found["momentum_flux"] < 0
    assert found["friction_velocity"] == pytest.approx(math.sqrt(abs(stress) / air.density), rel=1e-2)


def test_a_moving_platform_is_class_2_and_a_fixed_one_is_not() -> None:
    air = make_world(wind=8.0)
    still = fluxes_of(air, air.open_path(), "density", closed=False)
    moving = fluxes_of(air, air.open_path(), "density", closed=False, platform_moves=True)
    names = [name for name in still.values if name.startswith("class_")]
    assert len(names) == 5
    assert min(still.values[name] for name in names) < 2
    assert {moving.values[name] for name in names} == {2.0}
    assert moving.values["co2_flux"] == still.values["co2_flux"]


def test_the_trace_says_which_step_found_each_number() -> None:
    air = make_world(n=12_000)
    done = fluxes_of(air, air.open_path(3), "density", closed=False)
    owner: dict[str, str] = {}
    for entry in done.trace:
        owner.update(dict.fromkeys(entry.found, entry.step))
    assert owner.keys() == done.values.keys()
    assert owner["yaw_deg"] == "rotation"
    assert owner["sensible_heat_flux"] == "fluxes"
    lag = next(entry for entry in done.trace if entry.step == "lag")
    assert lag.after["co2"].count == lag.before["co2"].count - 3
