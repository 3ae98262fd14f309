"""What EddyPro does where none of the 28 reference half-hours goes: each branch against its rule and an independent small computation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge.compute.columns import CELL_ENDS, series_of
from edge.science.eddy.chain import flux_chain, run
from edge.science.eddy.lag.search import LagWindow
from edge.science.eddy.setup import Methods, Setup
from edge.science.eddy.window import Window
from tests.edge.compute.windows import FakeRaw
from tests.edge.science.eddy.reference import EC, expected, read, window_and_setup
from tests.edge.science.eddy.turbulence import RATE_HZ, World, make_world

N = 12_000
LAGS = dict.fromkeys(("co2", "h2o"), LagWindow(-0.6, 0.6, 0.0))
AIR: World = make_world(seed=4, n=N)
OPEN = Setup(False, AIR.pressure, 5.0, 30.0, N / RATE_HZ, LAGS)
MOLES = AIR.pressure / (8.314462618 * float(AIR.sonic_temperature.mean()))
"""of air in a cubic metre"""
FLUXES = ("momentum_flux", "sensible_heat_flux", "latent_heat_flux", "co2_flux")


def found(series: dict[str, np.ndarray], mode: str = "compatible", setup: Setup = OPEN) -> Window:
    return run(Window(RATE_HZ, N, series, "density"), flux_chain(setup, Methods(mode=mode)))  # type: ignore[arg-type]


def with_co2(run_length: int, ppm: float) -> dict[str, np.ndarray]:
    series = AIR.open_path()
    co2 = series["co2"].copy()
    co2[4000 : 4000 + run_length] = ppm * 1e-6 * MOLES
    return series | {"co2": co2}


def test_densities_meet_coarse_limits_first_and_those_of_the_fractions_after_the_lag() -> None:
    """1500 ppm passes the coarse limit of 2000: three such samples are a spike, five are none and go when pressure and temperature are
    known. 2500 ppm goes at once."""
    plain = found(AIR.open_path())
    one = found(with_co2(3, 1500.0))
    assert (one.value("spikes_co2"), one.value("outside_co2")) == (plain.value("spikes_co2") + 1, 0)
    assert one.value("hard_flag_absolute_limits_co2") == 0.0
    run_of_five = found(with_co2(5, 1500.0))
    assert (run_of_five.value("spikes_co2"), run_of_five.value("outside_co2")) == (plain.value("spikes_co2"), 5)
    assert run_of_five.value("hard_flag_absolute_limits_co2") == 1.0
    assert np.count_nonzero(np.isnan(run_of_five.series["co2"])) == 5 + abs(round(run_of_five.value("lag_co2_s") * RATE_HZ))
    beyond = found(with_co2(3, 2500.0))
    assert (beyond.value("spikes_co2"), beyond.value("outside_co2")) == (plain.value("spikes_co2"), 3)
    assert found(with_co2(3, 1500.0), "correct").value("outside_co2") == 3  # the correct chain knows the pressure from the start


@pytest.mark.parametrize(("kept", "bad"), [(4.0, 1), (63.0, 1), (0x4000, 1), (0.0, 0)])
def test_a_sonics_flag_other_than_zero_drops_its_sample(kept: float, bad: int) -> None:
    word = np.zeros(N)
    word[100] = kept
    done = found(AIR.open_path() | {"sonic_diagnostic": word}, setup=replace(OPEN, sonic_word="csat3"))
    assert done.value("diagnosed_sonic") == bad
    assert np.count_nonzero(np.isnan(done.series["wind_w"])) == bad


def test_the_four_flags_of_a_csat3_that_a_logger_cut_off_its_word_count_in_the_correct_chain_too() -> None:
    flags = np.zeros(N)
    flags[[7, 8]] = 1.0, 12.0
    of_word = np.arange(N) % 64 + 2688.0
    setup = replace(OPEN, sonic_word="csat3")
    assert found(AIR.open_path() | {"sonic_diagnostic": flags}, "correct", setup).value("diagnosed_sonic") == 2
    assert found(AIR.open_path() | {"sonic_diagnostic": of_word}, "correct", setup).value("diagnosed_sonic") == 0


@pytest.mark.needs("refdata")
def test_the_cell_is_despiked_before_densities_become_dry_mole_fractions() -> None:
    """The variance of the cell's pressure after stage 2 as the reference printed it."""
    file = "HOH_20190730-1130.csv.gz"
    window, setup = window_and_setup("dehoh", file)
    raw = read(EC / "dehoh" / file)
    cell = {"cell_temperature": raw["T_CELL"] + 273.15, "cell_pressure": 1e3 * raw["PRESS_CELL"]}
    done = run(window.with_series(cell), flux_chain(setup, Methods(mode="compatible")))
    trace = next(one for one in done.trace if one.step == "spikes")
    assert trace.after["cell_pressure"].sd ** 2 == pytest.approx(74.2625, rel=1e-4)
    row = expected("dehoh", "expected.csv")[file]
    assert row  # the spike counts of the other series stay: test_reference


@pytest.mark.needs("refdata")
def test_the_cells_temperature_from_its_ends_is_what_the_analyser_gives() -> None:
    raw = read(EC / "dehoh" / "HOH_20190730-1130.csv.gz")
    ends = dict(zip(CELL_ENDS, (raw["T_CELL_IN"], raw["T_CELL_OUT"]), strict=True))
    series, _ = series_of(FakeRaw(ends))
    np.testing.assert_allclose(series["cell_temperature"], raw["T_CELL"] + 273.15, atol=1.5e-4)
    native, _ = series_of(FakeRaw(ends | {"T gas (C)": raw["T_CELL"] + 1.0}))
    np.testing.assert_allclose(native["cell_temperature"], raw["T_CELL"] + 274.15)


@pytest.mark.needs("refdata")
@pytest.mark.parametrize("mode", ["correct", "compatible"])
@pytest.mark.parametrize("form", ["density", "mole_fraction"])
def test_densities_and_moist_fractions_of_a_cell_give_back_the_dry_ones(mode: str, form: str) -> None:
    """DE-HoH turned into what the same analyser would have given in its other outputs."""
    file = "HOH_20190730-1130.csv.gz"
    window, setup = window_and_setup("dehoh", file)
    raw = read(EC / "dehoh" / file)
    cell = {"cell_temperature": raw["T_CELL"] + 273.15, "cell_pressure": 1e3 * raw["PRESS_CELL"]}
    moist = 1.0 / (1.0 + window.series["h2o"])
    scale = moist * cell["cell_pressure"] / (8.314462618 * cell["cell_temperature"]) if form == "density" else moist
    other = replace(
        window.with_series({gas: window.series[gas] * scale for gas in ("co2", "h2o")} | cell),
        gas_form=form,  # type: ignore[arg-type]
    )
    chain = flux_chain(setup, Methods(mode=mode))  # type: ignore[arg-type]
    dry, back = run(window, chain), run(other, chain)
    for flux in FLUXES:
        assert back.value(flux) == pytest.approx(dry.value(flux), rel=1e-3), flux
