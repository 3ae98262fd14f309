"""Published properties of the footprint models, and integrals done another way."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.science.eddy.footprint import hsieh, kljun2004, kljun2015, kormann_meixner, source_area
from edge.science.eddy.footprint.boundary_layer import boundary_layer_height
from edge.science.eddy.footprint.incomplete_gamma import inverse_lower, lower_regularised
from edge.science.eddy.footprint.kljun2015 import Footprint
from edge.science.eddy.footprint.step import step
from edge.science.eddy.window import Window

SOME = Footprint(120.0, 25.0)
GRID = np.arange(-4000.0, 4000.0, 8.0) + 4.0
EAST, NORTH = np.meshgrid(GRID, GRID)


@given(order=st.floats(0.2, 20.0), share=st.floats(1e-4, 0.9999))
@settings(max_examples=60, deadline=None)
def test_the_inverse_undoes_the_incomplete_gamma_function(order: float, share: float) -> None:
    assert lower_regularised(order, inverse_lower(order, share)) == pytest.approx(share, rel=1e-9)


def test_incomplete_gamma_has_the_closed_forms() -> None:
    for x in (0.01, 0.5, 1.9, 4.0, 30.0):
        assert lower_regularised(0.5, x) == pytest.approx(math.erf(math.sqrt(x)), rel=1e-12)
        assert lower_regularised(3.0, x) == pytest.approx(1 - math.exp(-x) * (1 + x + x * x / 2), rel=1e-9)
    assert math.isnan(lower_regularised(0.0, 1.0))
    assert math.isnan(inverse_lower(1.0, 1.0))


def test_kljun_2004_shares_are_the_integral_of_its_footprint() -> None:
    level = np.linspace(1e-6, 12.0, 400_000)
    f = level**kljun2004.B * np.exp(kljun2004.B * (1 - level))
    held = np.cumsum(f) / f.sum()
    for share, at in kljun2004.INTEGRAL.items():
        assert np.interp(share, held, level) == pytest.approx(at, abs=1e-3)
    for share, at in kljun2004.FIGURE_A1.items():
        assert kljun2004.INTEGRAL[share] == pytest.approx(at, abs=0.005)


def test_kormann_and_meixner_shares_are_the_integral_of_their_footprint() -> None:
    xi, mu = kormann_meixner.shape(0.3, 3.0, 4.0, -0.2)
    found = kormann_meixner.distances(0.3, 3.0, 4.0, -0.2)
    x = np.geomspace(1e-2, 1e8, 400_000)
    f = xi**mu * np.exp(-xi / x) / (math.gamma(mu) * x ** (1 + mu))
    held = np.concatenate([[0.0], np.cumsum(0.5 * (f[1:] + f[:-1]) * np.diff(x))])
    for share, at in zip((0.1, 0.3, 0.5, 0.7, 0.8, 0.9), found.within, strict=True):
        assert np.interp(at, x, held) == pytest.approx(share, abs=1e-3)
    assert x[int(np.argmax(f))] == pytest.approx(found.peak, rel=1e-3)


def test_hsieh_agrees_with_kormann_and_meixner_near_neutral() -> None:
    """Two theories of the same neutral layer: medians within a fifth."""
    wind = 0.3 / 0.4 * math.log(4.0 / 0.04)
    other = kormann_meixner.distances(0.3, wind, 4.0, 0.0)
    assert hsieh.distances(4.0, 0.04, math.inf).within[2] == pytest.approx(other.within[2], rel=0.2)


@given(stability=st.floats(-2.0, 0.9), ustar=st.floats(0.05, 1.0))
@settings(max_examples=40, deadline=None)
def test_distances_grow_with_the_share(stability: float, ustar: float) -> None:
    found = kormann_meixner.distances(ustar, 10 * ustar, 5.0, stability)
    line = (found.offset, *found.within)
    assert all(a < b for a, b in pairwise(line))


def test_stable_air_reaches_farther() -> None:
    reach = [kormann_meixner.distances(0.3, 3.0, 5.0, stability).within[5] for stability in (-1.0, -0.1, 0.0, 0.1, 0.3)]
    assert all(a < b for a, b in pairwise(reach))


def test_kljun_2015_has_its_published_peak_and_integral() -> None:
    assert kljun2015.distances(Footprint(1.0, 1.0)).peak == pytest.approx(0.87, abs=0.005)
    x = np.geomspace(0.13, 1e7, 400_000)
    f = kljun2015.scaled_footprint(x)
    total = float(np.sum(0.5 * (f[1:] + f[:-1]) * np.diff(x)))
    assert total == pytest.approx(1.0, abs=0.01)
    assert x[int(np.argmax(f))] == pytest.approx(0.87, abs=0.005)
    held = np.cumsum(f[1:] * np.diff(x)) / total
    for share in (0.1, 0.5, 0.8):
        assert np.interp(kljun2015.scaled_distance(share), x[1:], held) == pytest.approx(share, abs=2e-3)


def test_kljun_2015_wind_ratio_is_continuous_at_neutral() -> None:
    assert kljun2015.stability_function(-1e-9) == pytest.approx(0.0, abs=1e-6)
    assert kljun2015.stability_function(1e-9) == pytest.approx(0.0, abs=1e-6)
    assert kljun2015.wind_ratio_from_roughness(10.0, 0.1, 0.0) == pytest.approx(math.log(100.0))


def test_density_sums_to_the_whole_and_contours_hold_their_share() -> None:
    cells = source_area.density(SOME, 30.0, EAST, NORTH) * 64.0
    assert 0.94 < cells.sum() < 1.0  # the rest lies beyond 4 km
    for percent, (east, north) in source_area.contours(SOME, 30.0).items():
        held = source_area.inside(np.column_stack([east, north]), EAST.ravel(), NORTH.ravel())
        assert 100 * cells.ravel()[held].sum() == pytest.approx(percent, abs=0.5)
        assert (east[0], north[0]) == (east[-1], north[-1])
        assert east.size == 41


@given(direction=st.floats(0.0, 360.0), cut=st.floats(-300.0, 900.0))
@settings(max_examples=15, deadline=None)
def test_share_on_an_area_is_the_sum_of_the_density_on_it(direction: float, cut: float) -> None:
    half = [[-5e5, cut], [5e5, cut], [5e5, 5e5], [-5e5, 5e5]]
    other = [[-5e5, -5e5], [5e5, -5e5], [5e5, cut], [-5e5, cut]]
    share = source_area.share_on(SOME, direction, [half])
    assert share + source_area.share_on(SOME, direction, [other]) == pytest.approx(1.0, abs=0.002)
    cells = source_area.density(SOME, direction, EAST, NORTH) * 64.0
    beyond = 1.0 - cells.sum()
    assert cells[cut <= NORTH].sum() - 0.02 <= share <= cells[cut <= NORTH].sum() + beyond + 0.02
    assert source_area.share_on(SOME, direction, [half, half]) == share


def test_the_wind_turns_the_footprint() -> None:
    for direction, axis in ((0.0, (0, 1)), (90.0, (1, 0)), (180.0, (0, -1)), (270.0, (-1, 0))):
        east, north = source_area.contours(SOME, direction)[80.0]
        along = east * axis[0] + north * axis[1]
        assert along.min() > 0.0
        assert np.abs(east * axis[1] - north * axis[0]).max() < along.max() / 2


def test_even_odd_rule_knows_hollows_and_bad_polygons() -> None:
    notch = [[0, 0], [4, 0], [4, 4], [2, 1], [0, 4]]
    points = np.array([0.5, 2.0, 3.5, 2.0]), np.array([1.0, 3.0, 1.0, 0.5])
    assert source_area.inside(notch, *points).tolist() == [True, False, True, True]
    assert not source_area.inside([[0, 0], [1, 1]], *points).any()
    assert not source_area.inside([[0, 0], [9, 0], [math.nan, 9]], *points).any()


def test_boundary_layer_height_has_its_limits() -> None:
    assert boundary_layer_height(0.3, 1e6, 1e-4) == pytest.approx(900.0)
    assert boundary_layer_height(0.3, 10.0, 1e-4) < boundary_layer_height(0.3, 100.0, 1e-4) < 900.0
    assert boundary_layer_height(0.3, 10.0, 0.0) == 1000.0
    assert math.isnan(boundary_layer_height(0.3, math.nan, 1e-4))


VALUES = {
    "friction_velocity": 0.3,
    "stability": -0.1,
    "obukhov_length": -40.0,
    "mean_wind_u": 3.5,
    "cov_wind_w_wind_w": 0.15,
    "cov_wind_v_wind_v": 0.5,
    "wind_from_direction_deg": 135.0,
}
SITE = {"height_m": 4.0, "roughness_length_m": 0.05, "latitude_deg": 25.0}


def test_step_writes_distances_contours_and_shares() -> None:
    water = [[-500, -500], [500, -500], [500, 500], [-500, 500]]
    window = step(Window(10.0, 18000, {}, values=VALUES), **SITE, areas={"water": [water], "land": []})
    assert window.value("footprint_model") == 0
    assert 0 < window.value("footprint_peak_m") < window.value("footprint_50_m") < window.value("footprint_90_m")
    assert window.value("footprint_offset_m") < window.value("footprint_10_m")
    assert 0.9 < window.value("footprint_share_water") <= 1.0
    assert window.value("footprint_share_land") == 0.0
    assert window.tables["footprint_contours"]["east_m_80"].size == 41
    assert not window.reasons


def test_step_falls_back_in_weak_turbulence_and_leaves_the_range_with_a_word() -> None:
    window = step(Window(10.0, 18000, {}, values={**VALUES, "friction_velocity": 0.09}), **SITE)
    assert window.value("footprint_model") == 1
    assert "u*" in window.reasons["footprint_contours"]
    assert "footprint_contours" not in window.tables


@pytest.mark.parametrize("missing", sorted(VALUES))
def test_step_never_raises_and_always_gives_a_reason(missing: str) -> None:
    for bad in (math.nan, 0.0, -1.0, math.inf):
        window = step(Window(10.0, 18000, {}, values={**VALUES, missing: bad}), **SITE, areas={"water": []})
        for name in ("footprint_peak_m", "footprint_share_water"):
            assert math.isfinite(window.value(name)) or window.reasons[name]
    window = step(Window(10.0, 18000, {}), height_m=-1.0, roughness_length_m=math.nan, latitude_deg=0.0)
    assert window.reasons["footprint_peak_m"] == "the height above the surface is -1 m"
