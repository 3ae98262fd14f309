"""Flags roll up as the design says; names of quantities, series, streams and topics hold together."""

from __future__ import annotations

import itertools

import pytest

from firmware_config.errors import ContractError, WireError
from firmware_config.flags import Flag, roll_up
from firmware_config.quantities import averaging_of, describe, quantity, registry, split_series
from firmware_config.streams import DROP_ORDER, STREAMS
from firmware_config.topics import parse_topic, topic


@pytest.mark.parametrize("flags", list(itertools.product([1, 2, 3, 4], repeat=3)))
def test_roll_up_is_worst_first_and_good_only_when_all_required_passed(flags) -> None:
    tests = dict(zip("abc", flags, strict=True))
    rolled = roll_up(tests, required="abc")
    if 4 in flags:
        assert rolled is Flag.FAIL
    elif 3 in flags:
        assert rolled is Flag.SUSPECT
    elif flags == (1, 1, 1):
        assert rolled is Flag.GOOD
    else:
        assert rolled is Flag.NOT_EVALUATED


def test_no_value_is_missing_whatever_the_tests_say_and_no_test_is_not_good() -> None:
    assert roll_up({"a": 1}, missing=True) is Flag.MISSING
    assert roll_up({}) is Flag.NOT_EVALUATED
    assert roll_up({"a": 1}, required=("a", "never_ran")) is Flag.NOT_EVALUATED


def test_every_quantity_is_complete_and_its_range_is_a_range() -> None:
    for row in registry().values():
        assert row.unit
        assert row.label_en
        assert row.label_zh
        assert row.plausible[0] < row.plausible[1], row.name
        assert row.averaging in {"arithmetic", "circular", "sum", "last"}


def test_series_names_come_apart_and_explain_themselves() -> None:
    assert split_series("co2_flux:sd@mast") == split_series("co2_flux:sd@mast")
    parts = split_series("water_temperature:max@surface")
    assert (parts.quantity, parts.statistic, parts.place) == ("water_temperature", "max", "surface")
    assert describe("co2_flux@mast") == ("umol m-2 s-1", "CO2 flux", "CO2 通量")
    assert describe("something_new@mast")[0] == ""
    assert averaging_of("wind_from_direction@mast") == "circular"
    assert averaging_of("wind_from_direction:sd@mast") == "arithmetic"
    with pytest.raises(ContractError, match="quantity@place"):
        split_series("co2_flux")
    with pytest.raises(ContractError, match="add it there"):
        quantity("co2_fluxx")


def test_a_full_station_gives_up_what_the_design_says_and_never_fluxes_or_events() -> None:
    assert DROP_ORDER == ("raw", "spectra", "health", "minute", "tide", "gas")
    assert set(STREAMS) - set(DROP_ORDER) == {"eddy", "event"}


@pytest.mark.parametrize(
    "bad", ["", "ht/1/a", "ht/1/a/data/x", "ht/2/a/data", "ht/1/a b/data", "ht/1/a/other", "ht/1/../data", "ht/1/" + "a" * 65 + "/data"]
)
def test_foreign_topics_are_refused(bad) -> None:
    with pytest.raises(WireError):
        parse_topic(bad)


def test_topics_round_trip() -> None:
    assert parse_topic(topic("zhoushan-buoy", "data")) == ("zhoushan-buoy", "data")
    with pytest.raises(WireError):
        topic("a/b", "data")
