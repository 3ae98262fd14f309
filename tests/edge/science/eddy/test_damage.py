"""Spoilt half-hours: missing with a reason, or class 1 or 2 with a reason; never an exception, never class 0."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

from edge.science.eddy.chain import flux_chain, run
from edge.science.eddy.setup import Methods, Setup
from edge.science.eddy.window import Window
from tests.edge.science.eddy.damage import DAMAGES, RESTS_ON, Damage
from tests.edge.science.eddy.reference import CASES, computed, window_and_setup
from tests.edge.science.eddy.test_truth import WINDOWS
from tests.edge.science.eddy.turbulence import RATE_HZ, World, make_world

NEW = ("clipped", "noise", "repeats its samples", "more samples than", "step at one moment", "drier than air gets", "very dry")
damages = pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.name)
modes = pytest.mark.parametrize("mode", ["correct", "compatible"])
N = 12_000


@cache
def good() -> tuple[tuple[str, str], ...]:
    """Four half-hours whose fluxes are all of class 0."""
    fine = [case for case in CASES if all(computed(*case).value(f"class_{flux}") == 0.0 for flux in RESTS_ON)]
    return tuple(fine[:4])


@pytest.mark.needs("refdata")
@damages
def test_a_spoilt_half_hour_is_never_class_0(damage: Damage) -> None:
    assert len(good()) == 4
    for case in good():
        window, setup = window_and_setup(*case)
        done = run(damage.done_to(window), flux_chain(setup))
        for flux in damage.fluxes():
            assert_doubted(done, flux)


def assert_doubted(done: Window, flux: str) -> None:
    assert "chain" not in done.reasons
    if math.isnan(done.value(flux)):
        assert done.reasons[flux]
        assert f"class_{flux}" not in done.values
    else:
        assert done.value(f"class_{flux}") >= 1.0, flux
        assert done.reasons[f"class_{flux}"]


@pytest.mark.needs("refdata")
def test_what_tells_damage_says_nothing_of_undamaged_half_hours() -> None:
    for case in CASES:
        for flux in RESTS_ON:
            why = computed(*case).reasons.get(f"class_{flux}", "")
            assert not any(words in why for words in NEW), (case, why)


@cache
def air(**changes: float) -> World:
    return make_world(seed=7, n=N, **changes)


def setup_of(world: World) -> Setup:
    return Setup(
        closed_path=True, pressure_pa=world.pressure, height_m=5.0, latitude_deg=30.0, averaging_s=N / RATE_HZ, lag_windows=WINDOWS
    )


def closed(world: World) -> dict[str, np.ndarray]:
    return world.open_path() | {"co2": world.r_co2, "h2o": world.r_h2o}


def computed_of(series: dict[str, np.ndarray], mode: str, *, rate_hz: float = RATE_HZ, expected: int = N) -> Window:
    chain = flux_chain(setup_of(air()), Methods(mode=mode))  # type: ignore[arg-type]
    return run(Window(rate_hz, expected, series, "dry_mole_fraction"), chain)


@damages
@modes
def test_no_damage_raises_and_nothing_is_missing_without_a_reason(damage: Damage, mode: str) -> None:
    """Compatible classes are EddyPro's, which trust more; numbers and reasons are told in both modes."""
    whole = Window(RATE_HZ, N, closed(air()), "dry_mole_fraction")
    done = computed_of(dict(damage.done_to(whole).series), mode)
    assert "chain" not in done.reasons
    for flux in RESTS_ON:
        if math.isnan(done.value(flux)):
            assert done.reasons[flux]
        else:
            assert done.value(f"class_{flux}") in (0.0, 1.0, 2.0)
        if mode == "correct" and flux in damage.fluxes():
            assert_doubted(done, flux)


@modes
def test_a_rate_half_of_the_declared_one_leaves_half_a_window(mode: str) -> None:
    done = computed_of({name: x[::2] for name, x in closed(air()).items()}, mode)
    for flux in RESTS_ON:
        assert math.isnan(done.value(flux))
        assert "50 %" in done.reasons[flux]


def test_a_rate_twice_the_declared_one_is_class_2() -> None:
    done = computed_of(closed(air()), "correct", rate_hz=RATE_HZ / 2, expected=N // 2)
    for flux in RESTS_ON:
        assert done.value(f"class_{flux}") == 2.0
        assert "more samples than the period holds" in done.reasons[f"class_{flux}"]


def test_half_the_window_from_another_day() -> None:
    """Other air: 5 K warmer, drier, other wind. All fluxes are doubted, also those whose own series hardly differ."""
    one, other = closed(air()), closed(air(wind=3.0))
    other = other | {"sonic_temperature": other["sonic_temperature"] + 5.0, "h2o": other["h2o"] - 4e-3}
    done = computed_of({name: np.concatenate([x[: N // 2], other[name][N // 2 :]]) for name, x in one.items()}, "correct")
    for flux in RESTS_ON:
        assert done.value(f"class_{flux}") >= 1.0
        assert "step at one moment" in done.reasons[f"class_{flux}"]


@modes
@pytest.mark.parametrize("channel", ["wind_u", "wind_v", "wind_w", "sonic_temperature", "co2", "h2o"])
@pytest.mark.parametrize("how", ["absent", "constant", "empty"])
def test_a_channel_that_gives_nothing_costs_the_fluxes_that_need_it(channel: str, how: str, mode: str) -> None:
    series = closed(air())
    if how == "absent":
        del series[channel]
    else:
        series[channel] = np.full(N, 1.0 if how == "constant" else math.nan)
    done = computed_of(series, mode)
    lost = {flux for flux, needs in RESTS_ON.items() if channel in needs or channel in ("wind_u", "wind_v")}
    for flux in lost:
        assert math.isnan(done.value(flux)), flux
        assert done.reasons[flux]
        assert f"class_{flux}" not in done.values


@modes
@pytest.mark.parametrize("series", [{}, {"wind_w": np.zeros(0)}, {"wind_w": np.full(N, np.nan)}], ids=["none", "empty", "missing"])
def test_nothing_at_all_is_an_answer_with_reasons(series: dict[str, np.ndarray], mode: str) -> None:
    done = computed_of(series, mode)
    assert "chain" not in done.reasons
    for flux in RESTS_ON:
        assert math.isnan(done.value(flux))
        assert done.reasons[flux]


def test_the_undamaged_window_of_these_tests_is_good() -> None:
    """Guard: what is doubted above is doubted for its damage."""
    done = computed_of(closed(air()), "correct")
    why = {flux: done.reasons.get(f"class_{flux}", "") for flux in RESTS_ON}
    assert not any(words in reasons for reasons in why.values() for words in NEW), why
    assert done.value("class_co2_flux") < 2.0
