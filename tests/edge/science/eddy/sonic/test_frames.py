"""Frames of sonics: the reference's wind directions and yaw, and invariants that hold for any sonic."""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.science.eddy.rotation import angles, planar_fit
from edge.science.eddy.screening import vickers_mahrt
from edge.science.eddy.sonic import frames, mean_wind
from edge.science.eddy.window import Window
from tests.edge.science.eddy.reference import CASES, EC, SITES, expected, read

MARKS = {"finse": ("campbell", 0.0), "usda": ("campbell", 0.0), "dehoh": ("gill_spar", 235.0)}


@pytest.mark.needs("refdata")
@pytest.mark.parametrize(("site", "file"), CASES or [("finse", "missing")])
def test_wind_direction_and_yaw_are_the_references(site: str, file: str) -> None:
    columns = read(EC / site / file)
    series = {name: columns[c] * scale + zero for name, (c, scale, zero) in SITES[site].columns.items() if name.startswith("wind")}
    name, mark = MARKS[site]
    window = frames.step(Window(SITES[site].rate_hz, series["wind_u"].size, series), axes=frames.AXES[name], north_mark_deg=mark)
    window = vickers_mahrt.step(window, window_s=60.0 * int(SITES[site].minutes / 6))
    found = angles.step(mean_wind.step(window, u_from_deg=window.value("u_from_deg")))
    want = expected(site, "expected.csv")[file]
    assert abs((found.value("wind_from_direction_deg") - want["wind_dir"] + 180) % 360 - 180) < 0.002
    assert found.value("yaw_deg") == pytest.approx(want["yaw"], abs=0.002)
    assert found.value("pitch_deg") == pytest.approx(want["pitch"], abs=0.0005)


@pytest.mark.needs("refdata")
@pytest.mark.parametrize("site", ["finse", "usda"])
def test_the_offset_of_a_campbell_is_the_one_the_reference_prints(site: str) -> None:
    with (EC / site / "expected_fluxnet.csv").open() as table:
        offsets = {float(row["BADM_SA_OFFSET_NORTH"]) for row in csv.DictReader(table)} - {-9999.0}
    assert offsets == {frames.north_offset_deg(frames.u_from_deg(frames.AXES["campbell"], MARKS[site][1]))}


@given(st.floats(0, 359), st.floats(0.1, 20), st.floats(0, 359), st.sampled_from(["campbell", "gill_spar", "gill_r2"]))
def test_a_wind_comes_out_of_any_sonic_with_the_direction_it_had(wind_from: float, speed: float, mark: float, name: str) -> None:
    """Blow a known wind at the sonic: components along its axes, in its own handedness, must give the direction back."""
    axes = frames.AXES[name]
    towards_u = (mark + axes.u_from_north_mark_deg + 180) % 360  # compass direction that +u points to
    towards_v = towards_u - 90 if not axes.mirrored else towards_u + 90  # left of u from above, or right when mirrored
    blows_to = math.radians(wind_from + 180)
    u, v = (np.array([speed * math.cos(blows_to - math.radians(axis))]) for axis in (towards_u, towards_v))
    window = frames.step(Window(1, 1, {"wind_u": u, "wind_v": v, "wind_w": np.zeros(1)}), axes=axes, north_mark_deg=mark)
    found = mean_wind.step(window, u_from_deg=window.value("u_from_deg"))
    assert abs((found.value("wind_from_direction_deg") - wind_from + 180) % 360 - 180) < 1e-6


def test_an_r2s_v_points_sixty_degrees_from_its_mark_once_it_is_right_handed() -> None:
    """NCAR EOL: with V turned round, the direction of +V is the north arrow + 60; u stands 90 degrees clockwise of v."""
    towards_u = frames.u_from_deg(frames.AXES["gill_r2"], 0.0) + 180
    assert (towards_u - 90) % 360 == 60


@pytest.mark.parametrize("name", ["metek", "young", "gill_axis"])
def test_a_direction_that_is_not_known_is_missing_with_its_reason(name: str) -> None:
    window = Window(1, 2, {"wind_u": np.ones(2), "wind_v": np.ones(2), "wind_w": np.ones(2)})
    found = frames.step(window, axes=frames.AXES[name], north_mark_deg=0.0)
    assert math.isnan(found.value("u_from_deg"))
    assert "give the direction" in found.reasons["u_from_deg"]
    assert found.series["wind_v"][0] == (-1.0 if name == "metek" else 1.0)


def test_a_window_without_wind_is_left_alone() -> None:
    window = Window(1, 2, {"co2": np.ones(2)})
    assert frames.step(window, axes=frames.AXES["metek"], north_mark_deg=0.0) is window


def test_polar_wind_keeps_its_speed() -> None:
    u, v = frames.from_polar(np.array([3.0, np.nan]), np.array([210.0, 10.0]))
    assert np.hypot(u, v)[0] == pytest.approx(3.0)
    assert np.isnan(u[1])


def test_a_plane_of_the_whole_circle_needs_no_direction() -> None:
    """A sonic whose axes' direction is not known still learns its plane and is turned into it."""
    angle = np.radians(np.arange(0.0, 360.0, 5.0))
    u, v = 4 * np.cos(angle), 4 * np.sin(angle)
    found = planar_fit.fit(u, v, 0.05 * u - 0.03 * v, np.full(u.size, np.nan), sectors=1)
    assert (found.planes[0].b1, found.planes[0].b2) == (pytest.approx(0.05), pytest.approx(-0.03))
    assert planar_fit.fit(u, v, 0.05 * u - 0.03 * v, np.full(u.size, np.nan), sectors=2).planes == ()
    assert planar_fit.in_sector(math.nan, found.planes[0])
    assert not planar_fit.in_sector(math.nan, planar_fit.Plane(0.0, 180.0, 0.0, 0.0, 0.0))
