"""Bad windows: the right fields missing, each with its reason; never an exception, never a number that looks good."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.science.eddy.chain import flux_chain, run
from edge.science.eddy.setup import Methods, Setup
from edge.science.eddy.spectral.instruments import SONICS, placed
from edge.science.eddy.window import Window
from tests.edge.science.eddy.test_truth import WINDOWS, fluxes_of
from tests.edge.science.eddy.turbulence import RATE_HZ, make_world

N = 6_000
AIR = make_world(seed=3, n=N)
FLUXES = {"co2_flux", "h2o_flux", "latent_heat_flux", "sensible_heat_flux", "momentum_flux", "friction_velocity"}
WIND_ONLY = {"momentum_flux", "friction_velocity"}
nan = np.full(N, np.nan)


def missing_of(done: Window) -> set[str]:
    return {name for name in FLUXES if math.isnan(done.value(name))}


def check(series: dict[str, np.ndarray], missing: set[str], word: str, **changes: object) -> Window:
    done = fluxes_of(AIR, series, "density", closed=False, **changes)
    assert missing_of(done) == missing
    for name in missing:
        assert word in done.reasons[name], done.reasons[name]
        assert f"class_{name}" not in done.values
    return done


def with_(**changed: np.ndarray) -> dict[str, np.ndarray]:
    return AIR.open_path() | changed


def without(*names: str) -> dict[str, np.ndarray]:
    return {name: x for name, x in AIR.open_path().items() if name not in names}


def test_good_air_gives_everything() -> None:
    assert missing_of(fluxes_of(AIR, AIR.open_path(), "density", closed=False)) == set()


def test_no_valid_sample() -> None:
    check(dict.fromkeys(AIR.open_path(), nan), FLUXES, "no valid sample")


@pytest.mark.parametrize("component", ["wind_u", "wind_v", "wind_w"])
def test_one_constant_wind_component(component: str) -> None:
    check(with_(**{component: np.full(N, 1.37)}), FLUXES, "constant")


def test_all_nan_gas_keeps_the_momentum() -> None:
    done = check(with_(co2=nan, h2o=nan), FLUXES - WIND_ONLY, "no valid sample")
    assert math.isfinite(done.value("obukhov_length"))


def test_no_co2_alone_costs_the_co2_flux_alone() -> None:
    check(with_(co2=nan), {"co2_flux"}, "no valid sample")


def test_a_constant_gas_is_no_zero_flux() -> None:
    check(with_(co2=np.full(N, 0.016)), {"co2_flux"}, "constant")


def test_a_dead_hygrometer_costs_the_open_path_co2_flux_too() -> None:
    """Without evaporation there is no density correction."""
    check(with_(h2o=np.full(N, 0.6)), FLUXES - WIND_ONLY, "constant")


def test_half_a_window() -> None:
    half = {name: np.where(np.arange(N) < N // 2, x, np.nan) for name, x in AIR.open_path().items()}
    check(half, FLUXES, "50 %")


def test_a_short_file_is_measured_against_the_whole_period() -> None:
    series = {name: x[: N // 2] for name, x in AIR.open_path().items()}
    chain = flux_chain(Setup(False, AIR.pressure, 5.0, 30.0, N / RATE_HZ, WINDOWS))
    done = run(Window(RATE_HZ, N, series, "density"), chain)
    assert missing_of(done) == FLUXES


def test_nine_tenths_are_enough_and_said() -> None:
    gap = {name: np.where(np.arange(N) < 0.95 * N, x, np.nan) for name, x in AIR.open_path().items()}
    done = fluxes_of(AIR, gap, "density", closed=False)
    assert missing_of(done) == set()
    assert done.value("share_wind_w") == pytest.approx(0.95)


def test_missing_columns() -> None:
    check(without("co2", "h2o"), FLUXES - WIND_ONLY, "no such column")
    check(without("wind_w"), FLUXES, "no such column")
    check({}, FLUXES, "no ")


def test_without_sonic_temperature_there_is_momentum_flux_no_more_but_the_friction_velocity() -> None:
    check(without("sonic_temperature"), FLUXES - {"friction_velocity"}, "no ")


def test_no_barometer() -> None:
    check(AIR.open_path(), FLUXES - {"friction_velocity"}, "no air pressure", pressure_pa=math.nan)


def test_swapped_columns_are_noticed() -> None:
    """CO2 and water the wrong way round: both lie outside what air can hold."""
    series = AIR.open_path()
    check(with_(co2=series["h2o"], h2o=series["co2"]), {"co2_flux"}, "no valid sample")


def test_humidity_that_cannot_be() -> None:
    check(with_(h2o=AIR.open_path()["h2o"] * 2.4), FLUXES - WIND_ONLY, "not possible")


def test_a_closed_path_without_its_cell_gives_no_gas_flux() -> None:
    done = fluxes_of(AIR, AIR.open_path(), "density", closed=True)
    assert missing_of(done) == FLUXES - WIND_ONLY
    assert "cell_temperature" in done.reasons["co2_flux"]


def test_a_gas_without_lag_window_gives_no_flux() -> None:
    check(AIR.open_path(), {"co2_flux"}, "lag", lag_windows={"h2o": WINDOWS["h2o"]})


def test_a_spike_in_every_series_is_taken_out() -> None:
    series = {name: x.copy() for name, x in AIR.open_path().items()}
    clean = fluxes_of(AIR, AIR.open_path(), "density", closed=False)
    for name, size in (("wind_w", 4.9), ("co2", 0.03), ("h2o", 1.4), ("sonic_temperature", 320.0)):
        series[name][1000] = size
    found = fluxes_of(AIR, series, "density", closed=False)
    for name in FLUXES:
        assert found.value(name) == pytest.approx(clean.value(name), rel=2e-3), name
    assert found.value("spikes_co2") == clean.value("spikes_co2") + 1


values = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True, width=64), st.sampled_from([0.0, -9999.0, 1e300, -1e300, 1e-300, 7999.0, math.nan])
)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_anything_at_all_ends_in_numbers_with_reasons(data: st.DataObject) -> None:
    """Whatever the samples, the heights and the pressure: no exception, no step that failed, a reason for every flux that is missing."""
    n = data.draw(st.integers(0, 40))
    series = {
        name: np.array(data.draw(st.lists(values, min_size=n, max_size=n)), dtype=float)
        for name in data.draw(st.sets(st.sampled_from([*AIR.open_path(), "cell_temperature", "cell_pressure"])))
    }
    form = data.draw(st.sampled_from(["density", "mole_fraction", "dry_mole_fraction"]))
    setup = Setup(
        closed_path=data.draw(st.booleans()),
        pressure_pa=data.draw(values),
        height_m=data.draw(values),
        latitude_deg=data.draw(st.floats(-90, 90)),
        averaging_s=data.draw(st.floats(0.1, 1e4)),
        lag_windows=WINDOWS,
        roughness_length_m=data.draw(values),
        sonic=SONICS["csat3"],
        analysers={"co2": placed("li7500"), "h2o": placed("li7500")},
    )
    methods = Methods(
        mode=data.draw(st.sampled_from(["correct", "compatible"])),
        spikes=data.draw(st.sampled_from(["vickers_mahrt", "mauder", "none"])),
        rotation=data.draw(st.sampled_from(["double", "triple", "planar_fit", "none"])),
        lag=data.draw(st.sampled_from(["tracked", "maximum", "constant", "none"])),
        detrending=data.draw(st.sampled_from(["block", "linear", "running_mean", "exponential"])),
        density=data.draw(st.booleans()),
    )
    chain = flux_chain(setup, methods)
    done = run(Window(RATE_HZ, max(1, n), series, form), chain)
    assert "chain" not in done.reasons, done.reasons["chain"]
    for name in missing_of(done):
        assert done.reasons[name]


@given(scale=st.sampled_from(["wind_u", "wind_v", "wind_w", "sonic_temperature", "co2", "h2o"]), factor=values)
@settings(max_examples=60, deadline=None)
def test_a_channel_scaled_by_nonsense_never_breaks_the_chain(scale: str, factor: float) -> None:
    series = {name: x[:1200] for name, x in AIR.open_path().items()}
    with np.errstate(all="ignore"):
        series[scale] = series[scale] * factor
    chain = flux_chain(Setup(False, AIR.pressure, 5.0, 30.0, 60.0, WINDOWS))
    done = run(Window(RATE_HZ, 1200, series, "density"), chain)
    assert "chain" not in done.reasons, done.reasons["chain"]
