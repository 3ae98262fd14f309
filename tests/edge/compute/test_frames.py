"""Axes of sonics on the way from the station file to the wind's direction: nothing is guessed, nothing mirrored."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
import pytest

from edge.compute import eddy, request
from edge.compute.messages import Answer, Input, Request
from edge.science.eddy.sonic import frames
from firmware_config.station import EddyFlux, Station
from tests.edge.compute.windows import FakeRaw, columns_of, mangrove, small_world

PRESSURE = {"air_pressure": Input(1010.0, 0.5, "air_pressure@tower")}


def with_sonic(model: str, **mounting: Any) -> tuple[Station, EddyFlux]:
    """The example tower with another sonic, whose north mark points to 40 degrees."""
    station, product = mangrove()
    sonic = station.instrument(product.sonic)
    at = sonic.mounting.model_copy(update={"north_offset_deg": 40.0, **mounting})
    other = sonic.model_copy(update={"model": model, "mounting": at})
    return station.model_copy(update={"instruments": [other, *(i for i in station.instruments if i.id != sonic.id)]}), product


def asked(model: str, mode: str = "correct", **mounting: Any) -> Request:
    built = request.build_request(*with_sonic(model, **mounting), number=1, inputs=PRESSURE)
    built.product["processing"] = {"spectral": "none", "mode": mode, "rotation": "double"}
    return msgspec.json.decode(msgspec.json.encode(built), type=Request)


def answered(columns: dict[str, np.ndarray], model: str, mode: str = "correct", **mounting: Any) -> Answer:
    return eddy.compute(asked(model, mode, **mounting), FakeRaw(columns))


def test_the_two_tables_of_axes_are_one() -> None:
    for name, (u_from, mirrored) in request.AXES.items():
        there = frames.AXES[name]
        assert there.mirrored == mirrored, name
        assert there.u_from_north_mark_deg == u_from or (u_from is None and math.isnan(there.u_from_north_mark_deg)), name
    assert frames.AXES.keys() - request.AXES.keys() == {"gill_axis"}  # no model tells that it is set so


@pytest.mark.parametrize(
    ("model", "frame"),
    [
        ("gill_windmaster_ascii", {"u_from_deg": 220.0}),
        ("gill_hs_50", {"u_from_deg": 220.0}),
        ("gill_r2", {"u_from_deg": 10.0, "v_sign": -1.0}),
        ("csat3", {"u_from_deg": 40.0}),
        ("ec100_irgason_ascii", {"u_from_deg": 40.0}),
        ("metek_usonic3", {"v_sign": -1.0}),
        ("young_81000", {}),
        ("a_sonic_of_nobody", {}),
    ],
)
def test_what_is_known_of_a_sonics_axes(model: str, frame: dict[str, float]) -> None:
    station, product = with_sonic(model)
    assert request.frame_of(station.instrument(product.sonic)) == frame
    station, product = with_sonic(model, u_from_deg=77.0)
    assert request.frame_of(station.instrument(product.sonic)) == {**frame, "u_from_deg": 77.0}


def test_a_sonic_on_a_hull_that_turns_has_no_compass_direction_unless_the_hull_is_held() -> None:
    station, product = with_sonic("gill_windmaster_ascii")
    assert request.frame_of(station.instrument(product.sonic), turns=True) == {}
    afloat = station.model_copy(update={"platform": "buoy"})
    assert "u_from_deg" not in request.build_request(afloat, product, number=1, inputs=PRESSURE).geometry
    assert "u_from_deg" in request.build_request(station, product, number=1, inputs=PRESSURE).geometry
    held, _ = with_sonic("gill_windmaster_ascii", u_from_deg=77.0)
    assert request.frame_of(held.instrument(product.sonic), turns=True) == {"u_from_deg": 77.0}


@pytest.mark.parametrize("mode", ["correct", "compatible"])
def test_a_direction_that_is_not_known_is_missing_with_what_to_do(mode: str) -> None:
    columns = columns_of(small_world())
    answer = answered(columns, "young_81000", mode)
    assert answer.flags["wind_from_direction"] == 9
    assert "mounting.u_from_deg" in answer.detail["reasons"]["wind_from_direction"]
    known = answered(columns, "young_81000", mode, u_from_deg=77.0)
    assert known.values["wind_from_direction"] is not None
    for name in ("co2_flux", "friction_velocity", "sensible_heat_flux", "wind_speed"):
        assert answer.values[name] == known.values[name], name


@pytest.mark.parametrize("mode", ["correct", "compatible"])
def test_a_left_handed_sonic_gives_what_a_right_handed_one_gives(mode: str) -> None:
    columns = columns_of(small_world())
    mirrored = columns | {"V (m/s)": -columns["V (m/s)"]}
    left = answered(mirrored, "metek_usonic3", mode, u_from_deg=220.0)
    right = answered(columns, "young_81000", mode, u_from_deg=220.0)
    assert left.values == right.values
    unturned = answered(mirrored, "young_81000", mode, u_from_deg=220.0)
    assert unturned.values["wind_from_direction"] != right.values["wind_from_direction"]
