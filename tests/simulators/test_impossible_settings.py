"""What no instrument can be: said at the start with the instrument's name, not met as a crash or passed over in silence."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

import simulators
from firmware_config.station import Calibration, Station
from simulators.errors import InstrumentError
from simulators.instruments import Setting, make_instrument
from simulators.instruments.feed import AirFeed
from simulators.instruments.sami2 import COEFFICIENTS

BENCH = Path(simulators.__file__).parent / "stations" / "bench" / "station.yaml"


@pytest.fixture
def sami(make_world: Callable[..., Any]) -> Callable[..., Any]:
    """The bench's SAMI2 with other coefficients."""

    station = Station.model_validate(yaml.safe_load(BENCH.read_text(encoding="utf-8")))

    def make(**coefficients: float) -> Any:
        entry = Calibration(date=date(2026, 9, 1), coefficients=COEFFICIENTS | coefficients)
        instrument = station.instrument("sami").model_copy(update={"calibration": [entry]})
        world = make_world()
        return make_instrument(Setting(instrument, station, world, AirFeed(world, None), world.config.of("sami")))

    return make


@pytest.mark.parametrize("wrong", [{"calt": 1e308}, {"calc": 1e6}, {"calb": -1e300}])
def test_coefficients_that_no_light_can_show(sami: Callable[..., Any], wrong: dict[str, float]):
    with pytest.raises(InstrumentError, match=r"sami: with .* see its calibration sheet"):
        sami(**wrong)


def test_coefficients_of_a_unit_serve(sami: Callable[..., Any]):
    assert math.isclose(sami(cala=0.0422, calb=0.6761).coefficients["cala"], 0.0422)


@pytest.mark.parametrize("rate", [50, 3, 0, "fast"])
def test_a_sonic_cannot_come_set_faster_than_the_file_or_to_no_part_of_it(instrument: Callable[..., Any], rate: float | str):
    """The air is made at the rate of the station's file: what is not one of its parts would be passed over."""
    with pytest.raises(InstrumentError, match=r"sonic: set to .* Hz in the world's file"):
        instrument("sonic", instruments={"sonic": {"set": {"rate": rate}}})
