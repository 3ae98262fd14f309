"""Values that are possible one by one and wrong all the same: a digit that changed, an instrument or a receiver that repeats itself."""

from __future__ import annotations

import pytest

from edge.agent.fixes import STALE_FROM, Fixes
from edge.agent.health import ClockCheck
from edge.agent.series import Series
from edge.instruments import Reading, StreamDriver, make_driver
from firmware_config.cards import load_card
from firmware_config.check import load_station
from firmware_config.default_tests import rule_of
from firmware_config.flags import Flag
from firmware_config.station import Station
from simulators.instruments import gps
from tests.conftest import ROOT

BENCH = load_station(ROOT / "simulators/stations/bench/station.yaml").station
BUOY = load_station(ROOT / "firmware_config/stations/zhoushan-buoy/station.yaml").station


def series(name: str, station: Station = BENCH) -> Series:
    return Series(name, rule_of(station, name))


@pytest.mark.parametrize("wrong", [1913.2, 1103.2, 1033.2, 1016.9])
def test_one_digit_of_a_barometer_that_changed_on_the_line_is_in_no_mean(wrong: float) -> None:
    """No checksum, a possible number: it stands out from its neighbours."""
    pressure = series("air_pressure@barometer_port")
    for i in range(60):
        pressure.push(wrong if i == 30 else 1013.2 + 0.01 * (i % 3), 1000.0 * i, 0)
    pressure.push(1013.2, 60_000.0, 1)
    minute = pressure.take(0)
    assert minute is not None
    assert minute.values[""] == pytest.approx(1013.21, abs=0.001)
    assert minute.tests.keys() & {"spike", "gross_range"}


@pytest.mark.parametrize(
    ("name", "station", "value"),
    [("pco2_water@surface", BENCH, 411.237), ("latitude@mast", BUOY, 29.9200123), ("latitude@mast_top", BENCH, 30.4), ("distance_to_water@gauge", BENCH, 9.503)],
)  # fmt: skip
def test_a_value_that_never_changes_is_not_used_for_long(name: str, station: Station, value: float) -> None:
    stuck, alive = series(name, station), series(name, station)
    for i in range(240):
        stuck.push(value, 2000.0 * i, 0)
        alive.push(value + 1e-3 * (i % 2), 2000.0 * i, 0)
    assert stuck.newest.flag in (Flag.SUSPECT, Flag.FAIL)
    assert stuck.newest.usable_at_ms < 2000.0 * 180
    assert alive.newest.flag == Flag.GOOD


def receiver() -> StreamDriver:
    instrument = next(item for item in BUOY.instruments if item.id == "gnss")
    driver = make_driver(instrument, load_card("gps_nmea0183"))
    assert isinstance(driver, StreamDriver)
    return driver


def sentences(clock: str) -> bytes:
    place = (29.92, 122.72)
    return gps.gga(clock, place, (1, 12, 0.9), (4.0, 11.0)) + gps.rmc(clock, "221126", place, (0.4, 10.0), "A")


def test_a_receiver_that_repeats_its_last_time_has_no_position_and_judges_no_clock() -> None:
    driver, fixes, check = receiver(), Fixes(), ClockCheck()

    def say(clock: str) -> list[Reading]:
        found = [fixes.judged("gnss", reading) for reading in driver.feed(sentences(clock), 0.0)]
        for reading in found:
            check.take(reading, 1_795_345_500_000.0)  # 2026-11-22 11:05:00
        return found

    assert all(reading.valid for n in range(5) for reading in say(f"11040{n}.00"))
    assert check.offset_s() == 56.0
    repeated = [say("110405.00") for _ in range(STALE_FROM + 2)]
    assert all(reading.valid for reading in repeated[0])
    check.offset_s()
    for reading in repeated[-1]:
        assert not reading.valid
        assert reading.reason == "the receiver repeats 11:04:05.00"
        assert set(reading.quantities.values()) == {None}
        assert reading.spoiled.keys() >= {"latitude", "longitude"}
    say("110405.00")
    assert check.offset_s() is None
    assert all(reading.valid for reading in say("110412.00"))
