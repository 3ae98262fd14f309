"""Tests that every station runs: for what they hold, and that a station file's own tests come first."""

from __future__ import annotations

import pytest

from firmware_config.check import load_station
from firmware_config.default_tests import default_tests, rule_of
from firmware_config.quantities import registry
from firmware_config.station import FlatLineTest, QualityRule, StepTest
from tests.conftest import ROOT

BUOY = load_station(ROOT / "firmware_config/stations/zhoushan-buoy/station.yaml").station
POLE = load_station(ROOT / "firmware_config/stations/hangzhou-mudflat/station.yaml").station


def test_they_are_of_real_quantities_and_leave_room_within_what_is_plausible() -> None:
    for quantity, tests in default_tests().items():
        low, high = registry()[quantity].plausible
        assert tests.spike is None or (tests.spike.fail or 0) < (high - low) / 2, quantity
        assert tests.flat_line is None or 30 <= tests.flat_line.suspect_count < tests.flat_line.fail_count, quantity
        assert tests.flat_line is None or tests.flat_line.tolerance == 0, quantity


def test_a_station_s_own_test_takes_the_place_of_one_and_leaves_the_others() -> None:
    own = StepTest(suspect=0.5)
    rules = [QualityRule(series="air_pressure@*", spike=own), QualityRule(series="water_pressure@surface")]
    station = BUOY.model_copy(update={"quality": rules})
    anywhere, surface = rule_of(station, "air_pressure@deck"), rule_of(station, "water_pressure@surface")
    assert anywhere is not None
    assert surface is not None
    assert (anywhere.spike, anywhere.flat_line) == (own, default_tests()["air_pressure"].flat_line)
    assert surface.spike == default_tests()["water_pressure"].spike
    assert rule_of(station, "salinity@surface") is None


@pytest.mark.parametrize("quantity", ["latitude", "longitude"])
def test_a_position_may_stand_still_on_a_pole_and_never_on_a_buoy(quantity: str) -> None:
    afloat, ashore = rule_of(BUOY, f"{quantity}@mast"), rule_of(POLE, f"{quantity}@mast")
    assert afloat is not None
    assert isinstance(afloat.flat_line, FlatLineTest)
    assert ashore is None
