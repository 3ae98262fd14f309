"""Over tidal ground the sonic is as high as it is above what lies below it in this window: mud, plants, or water."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edge.archive.layout import Note
from edge.archive.reader import read_window
from edge.compute import eddy
from edge.compute.columns import Raw
from edge.compute.eddy_setup import setup_of
from edge.compute.messages import Input, Request
from edge.compute.request import build_request
from edge.science.eddy.setup import Setup
from firmware_config.check import load_station
from firmware_config.station import EddyFlux, Station
from tests.edge.compute.windows import STATIONS, FakeRaw, columns_of, small_world, write_ghg, write_live

PRESSURE = Input(1010.0, 0.5, "air_pressure@arm")


def station(name: str) -> tuple[Station, EddyFlux]:
    whole = load_station(STATIONS / name / "station.yaml").station
    product = next(p for p in whole.products if isinstance(p, EddyFlux))
    return whole, product.model_copy(update={"averaging": 300_000})


def request(name: str, level_m: float | None = None, **of_product: Any) -> Request:
    whole, product = station(name)
    inputs = {"air_pressure": PRESSURE}
    if level_m is not None:
        inputs["water_level"] = Input(level_m, 0.03, "water_level@bottom")
    return build_request(whole, product.model_copy(update=of_product), number=1, inputs=inputs)


def setup(name: str, level_m: float | None = None) -> Setup:
    asked = request(name, level_m)
    return setup_of(asked, pressure=PRESSURE, level=asked.inputs.get("water_level") or Input(), closed_path=False)


def air() -> Raw:
    return FakeRaw(columns_of(small_world(), 5))


def test_a_meter_and_a_half_more_water_is_a_meter_and_a_half_less_height() -> None:
    low, high = setup("hangzhou-mudflat", 0.5), setup("hangzhou-mudflat", 2.0)
    assert low.height_m - high.height_m == pytest.approx(1.5)
    assert low.height_m == pytest.approx(4.4 - 0.5)
    assert low.over_water
    assert high.over_water


@pytest.mark.parametrize("level_m", [None, -0.1, 0.01])
def test_bare_mud_is_no_water(level_m: float | None) -> None:
    """A gauge in its well reads below the ground at low water; without a level the ground is taken."""
    found = setup("hangzhou-mudflat", level_m)
    assert not found.over_water
    assert found.height_m == pytest.approx(4.4 - 0.67 * 0.1)


def test_trees_that_stand_in_the_water_keep_their_height_and_roughness_until_it_covers_them() -> None:
    dry, wet, deep = (setup("yueqing-mangrove", level_m) for level_m in (None, 1.5, 3.0))
    assert dry.height_m == wet.height_m == pytest.approx(9.0 - 0.48 - 1.7)
    assert dry.roughness_length_m == wet.roughness_length_m == 0.32
    assert (dry.over_water, wet.over_water, deep.over_water) == (False, True, True)
    assert deep.height_m == pytest.approx(6.0)
    assert deep.roughness_length_m != deep.roughness_length_m  # not known: of the water's own waves


def test_a_buoy_is_always_over_water_and_as_high_as_it_is_above_its_waterline() -> None:
    found = setup("zhoushan-buoy")
    assert found.over_water
    assert found.height_m == pytest.approx(5.2)


def test_the_footprint_follows_the_water() -> None:
    low, high = (eddy.window_of(request("hangzhou-mudflat", level, path="open"), air()) for level in (0.5, 2.0))
    for name in ("footprint_peak_m", "footprint_80_m"):
        assert high.values[name] < 0.8 * low.values[name], name
    assert high.values["stability"] == pytest.approx(low.values["stability"] * 2.4 / 3.9, rel=0.02)
    answers = [eddy.compute(request("hangzhou-mudflat", level, path="open"), air()) for level in (0.5, 2.0)]
    assert answers[0].detail["footprint"] != answers[1].detail["footprint"]
    assert answers[1].inputs["water_level"] == "water_level@bottom = 2 ± 0.03"


def test_computed_again_the_water_of_that_window_counts(tmp_path: Path) -> None:
    note = Note(inputs={"air_pressure": (1009.3, 0.5, "air_pressure@arm"), "water_level": (2.0, 0.03, "water_level@bottom")})
    columns = columns_of(small_world(), 5)
    live = write_live(tmp_path / "open.live", columns, note)
    sent = eddy.compute(request("hangzhou-mudflat", 0.5, path="open"), read_window(live.path))
    live.close()
    again = eddy.compute(request("hangzhou-mudflat", path="open"), read_window(write_ghg(tmp_path, columns, note)))
    assert again == sent
    assert again.inputs["water_level"] == "water_level@bottom = 2 ± 0.03"
