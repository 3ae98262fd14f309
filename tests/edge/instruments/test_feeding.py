"""A CO2 probe has no barometer: it is told the station's, and what it said with another pressure is in doubt."""

from __future__ import annotations

import struct

import pytest

from edge.agent.series import Series
from edge.instruments import ModbusDriver, Reading, make_driver
from edge.instruments.feeding import BETWEEN_S, DOUBT, Feeder
from edge.links import ModbusBus
from firmware_config.cards import load_card
from firmware_config.flags import Flag
from firmware_config.station import Instrument
from tests.edge.links.peers import Rs485, registers, sealed

MODEL = "vaisala_gmp252_modbus"
TRUE_PPM = 430.0


class Probe:
    """Says a part in a thousand too much for each hPa that the air has more than it was told. ``deaf``: takes a pressure, keeps its own."""

    def __init__(self, air_hpa: float) -> None:
        self.air_hpa, self.told_hpa, self.deaf = air_hpa, 1013.25, False
        self.writes: list[float] = []

    async def __call__(self, request: bytes) -> bytes:
        address, count = struct.unpack(">HH", request[2:6])
        if request[1] == 16:
            assert address == 0x0208, "the volatile register alone"
            low, high = struct.unpack(">HH", request[7:11])
            self.writes.append(struct.unpack(">f", struct.pack(">HH", high, low))[0])
            self.told_hpa = self.told_hpa if self.deaf else self.writes[-1]
            return sealed(request[:6])
        memory = {0x0000: TRUE_PPM * self.air_hpa / self.told_hpa, 0x0208: self.told_hpa}
        if address not in memory:
            return registers(240, [0] * count)
        high, low = struct.unpack(">HH", struct.pack(">f", memory[address]))
        return registers(240, [low, high])


class Bench:
    """The probe on a line, and a station whose barometer is in the test's hand (None: it has none)."""

    def __init__(self, line: Rs485, bus: ModbusBus, barometer_hpa: float | None, **options: float) -> None:
        item = {"id": "co2", "model": MODEL, "place": "mast", "serial_number": "1", "link": "bus", "address": 240, "every": "2s"}
        more = {"mounting": {"height_m": 5}, "options": {"answer": "3s", "answer_longest": "3s", **options}}
        instrument = Instrument.model_validate(item | more)
        made = make_driver(instrument, load_card(MODEL))
        assert isinstance(made, ModbusDriver)
        self.driver, self.bus, self.barometer_hpa, self.now_s = made, bus, barometer_hpa, 0.0
        self.probe = Probe(air_hpa=985.0)
        line.answers[240] = self.probe
        self.feeder = Feeder(made.card, instrument.options, self.given, lambda: self.now_s)

    def given(self, name: str) -> float | None:
        assert name == "air_pressure"
        return self.barometer_hpa

    async def turn(self, after_s: float = BETWEEN_S) -> Reading:
        """Poll as the agent does."""
        self.now_s += after_s
        reading = await self.driver.poll(self.bus)
        await self.feeder.serve(self.driver, self.bus, reading)
        return self.feeder.judged(reading)


async def test_the_station_s_barometer_makes_the_reading_right(line: Rs485, bus: ModbusBus) -> None:
    """28 hPa below the probe's own setting: 2.8 % too little, in doubt until the probe knows; written when it moves, not each time."""
    bench = Bench(line, bus, 985.0)
    first = await bench.turn()
    assert first.doubt == DOUBT
    assert first.quantities["co2_air"] == pytest.approx(TRUE_PPM * 985.0 / 1013.25, rel=1e-6)
    second = await bench.turn()
    assert second.doubt == ""
    assert second.quantities["co2_air"] == pytest.approx(TRUE_PPM, rel=1e-6)
    bench.barometer_hpa = 985.2
    await bench.turn()
    assert bench.probe.writes == [985.0]
    bench.barometer_hpa = 984.5
    assert (await bench.turn()).doubt == ""
    assert bench.probe.writes == [985.0, 984.5]


async def test_a_probe_that_lost_its_power_is_told_again(line: Rs485, bus: ModbusBus) -> None:
    bench = Bench(line, bus, 985.0)
    await bench.turn()
    bench.probe.told_hpa = 1013.25
    assert (await bench.turn()).doubt == DOUBT
    assert (await bench.turn()).doubt == ""


async def test_a_probe_that_does_not_use_what_it_is_told_stays_in_doubt_and_is_not_written_to_without_end(
    line: Rs485, bus: ModbusBus
) -> None:
    bench = Bench(line, bus, 985.0)
    bench.probe.deaf = True
    readings = [await bench.turn(after_s=BETWEEN_S / 4) for _ in range(8)]
    assert {reading.doubt for reading in readings} == {DOUBT}
    assert len(bench.probe.writes) == 2


@pytest.mark.parametrize("barometer_hpa", [None, 98.5])
async def test_without_a_barometer_or_with_an_impossible_one_nothing_is_written_and_all_is_in_doubt(
    line: Rs485, bus: ModbusBus, barometer_hpa: float | None
) -> None:
    bench = Bench(line, bus, barometer_hpa)
    assert (await bench.turn()).doubt == DOUBT
    assert bench.probe.writes == []


async def test_a_pressure_that_the_station_file_gives_is_left_to_it(line: Rs485, bus: ModbusBus) -> None:
    bench = Bench(line, bus, 985.0, pressure_hpa=1000.0)
    assert (await bench.turn()).doubt == ""
    assert bench.probe.writes == []


def test_a_reading_in_doubt_is_shown_and_is_in_no_mean() -> None:
    series = Series("co2_air@mast", None)
    for i, doubt in enumerate([DOUBT, "", ""]):
        series.push(418.0 if doubt else 430.0, 1000.0 * i, 0, doubt=doubt)
    minute = series.take(0)
    assert minute is not None
    assert minute.values[""] == 430.0
    assert minute.tests == {DOUBT: Flag.SUSPECT}
