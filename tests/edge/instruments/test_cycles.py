"""Zero, flush and blank cycles on the bench: records of their own, and no mean of the water's pCO2 knows of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edge.agent.book import SeriesBook
from edge.agent.cycles import Cycles
from edge.agent.timebase import StationTime
from edge.instruments import Reading
from firmware_config.cards import load_card
from firmware_config.flags import Flag
from firmware_config.station import Station
from tests.edge.agent.station import HandClock
from tests.edge.instruments.bench import of_the_bench, one_line, running, until

PCO2 = {"hydroc": "pco2_water@surface", "proco2": "pco2_water@pco2_well", "sami": "pco2_water@sami_cage"}


async def test_cycles_are_records_of_their_own_and_touch_no_mean(tmp_path: Path) -> None:
    station = of_the_bench(*PCO2, sami={"every": "1min"})
    factory = {"hydroc": {"zero_every": "16min"}, "sami": {"blank_every": 3}}
    async with running(tmp_path, station, factory, speed=200) as bench:
        hydroc_told = lambda: [told["cycle"] for told in bench.of("cycle_ended", "hydroc")]  # noqa: E731
        await until(lambda: hydroc_told()[-1:] == ["flush"] and len(hydroc_told()) >= 3)
        assert all(bench.of("cycle_ended", name) for name in PCO2)
        zero = next(told for told in bench.of("cycle_ended", "hydroc")[1:] if told["cycle"] == "zero")
        flush = bench.of("cycle_ended", "hydroc")[-1]
        assert 110 <= zero["lasted_s"] <= 120
        assert zero["count"] == pytest.approx(60, abs=3)
        assert zero["mean"]["xco2_ppm"] < 2  # there is no CO2 in a zero
        assert 590 <= flush["lasted_s"] <= 600
        assert zero["end"] - zero["begin"] == pytest.approx(1e3 * zero["lasted_s"], abs=60)
        for told in bench.of("cycle_ended", "proco2"):
            assert (told["cycle"], told["count"], told["mean"]) == ("zero", 1, {})  # its columns are not documented
        for told in bench.of("cycle_ended", "sami"):
            assert (told["cycle"], told["count"]) == ("blank", 1)
            assert told["mean"]["blank434"] == pytest.approx(11643 / 16384, rel=0.01)
        assert not bench.of("instrument_lost")
        book = SeriesBook(bench.station, bench.acquisition.sources.values(), {})
        for source, reading, at_ms in bench.taken:
            book.take(source, reading, at_ms, at_ms)
            if reading.cycle:
                assert "pco2_water" not in {**reading.quantities, **reading.spoiled}
        means: dict[str, list[float]] = {name: [] for name in PCO2.values()}
        for minute in book.open_minutes():
            closed = book.close(minute)
            for name, found in means.items():
                if (value := closed.values.get(name)) is not None:
                    assert isinstance(value, float)
                    assert closed.flags[name] != Flag.FAIL  # suspect: a minute that a cycle took the most of
                    found.append(value)
        for name, found in means.items():
            assert len(found) > 3, name
            assert max(found) < 1.25 * min(found), name  # a zero or a flush among them would be far below


def one(every: str = "2s") -> tuple[Cycles, list[dict[str, Any]], HandClock]:
    item = {"id": "hydroc", "model": "contros_hydroc_co2", "place": "surface", "serial_number": "1", "link": "x", "every": every}
    station = Station.model_validate(one_line({**item, "mounting": {"height_m": -1}}))
    told: list[dict[str, Any]] = []
    clock = HandClock()
    card = load_card("contros_hydroc_co2")
    return Cycles(card, station.instruments[0], StationTime(clock), lambda _, detail: told.append(detail)), told, clock


def reading(cycle: str, xco2: float) -> Reading:
    return Reading(0.0, {"xco2_ppm": xco2}, not cycle, cycle=cycle)


def test_a_cycle_that_nothing_follows_ends_by_itself_and_noise_ends_none() -> None:
    cycles, told, _ = one()
    for second in range(0, 20, 2):
        cycles.take(reading("zero", 0.2 + 0.1 * (second % 4)), second * 1e3)
        cycles.take(Reading(0.0, {}, False, "checksum"), second * 1e3)
    cycles.look(18e3 + 59e3)
    assert told == []
    cycles.look(18e3 + 61e3)
    (over,) = told
    assert (over["cycle"], over["count"], over["lasted_s"]) == ("zero", 10, 18.0)
    assert over["mean"] == {"xco2_ppm": pytest.approx(0.3)}
    assert over["sd"] == {"xco2_ppm": pytest.approx(0.1054, rel=1e-3)}  # ten values 0.1 from their mean, n - 1


def test_while_the_clock_is_not_set_a_cycle_has_a_length_and_no_times() -> None:
    cycles, told, clock = one()
    clock.state = "unset"
    cycles._time.look()
    cycles.take(reading("flush", 200.0), 0.0)
    cycles.take(reading("", 400.0), 2e3)
    (over,) = told
    assert "begin" not in over
    assert (over["cycle"], over["lasted_s"], over["sd"]) == ("flush", 0.0, {})
