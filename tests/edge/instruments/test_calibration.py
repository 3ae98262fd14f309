"""What the station file's calibrations do to values: from their day on, of their unit alone, and never behind the reader's back."""

from __future__ import annotations

import datetime
import struct

import pytest

from edge.agent.book import SeriesBook
from edge.agent.minutes import Minutes
from edge.agent.recorder import Recorder
from edge.agent.timebase import StationTime
from edge.instruments import ModbusDriver, StreamDriver, make_driver
from firmware_config.cards import load_card
from firmware_config.cards.modbus import Read
from firmware_config.station import Instrument
from tests.edge.agent.station import UTC_MS, HandClock, MemoryOutbox
from tests.edge.instruments.bench import one_line
from tests.edge.instruments.test_contract import instrument

MODEL = "seabird_sbe63_ascii"
LINE = b"SBE63\t1\t\t05.000\r\n"
SENT = 5.0 * 1.42903
"""ml/L in mg/L (Weiss 1970)"""
TWO_POINT = {"dissolved_oxygen_uncorrected": {"slope": 1.02, "offset": -0.1}}
MARCH, JUNE = {"date": "2026-03-01", "corrections": TWO_POINT}, {"date": "2026-06-01"}


class Days:
    """A calendar in the test's hand."""

    def __init__(self, day: str | None) -> None:
        self.day = day

    def __call__(self) -> datetime.date | None:
        return datetime.date.fromisoformat(self.day) if self.day else None


def made(today: Days, *calibration: dict, **more) -> StreamDriver:
    item = instrument(MODEL, calibration=list(calibration), **more)
    driver = make_driver(item, load_card(MODEL), today=today)
    assert isinstance(driver, StreamDriver)
    return driver


def oxygen(driver: StreamDriver, line: bytes = LINE) -> float | None:
    (reading,) = driver.feed(line, 0.0)
    return reading.quantities["dissolved_oxygen_uncorrected"]


def test_a_correction_counts_from_its_day_on_and_ends_with_the_next_calibration() -> None:
    today = Days("2026-02-28")
    driver = made(today, MARCH, JUNE)
    found = {}
    for today.day in ("2026-02-28", "2026-03-01", "2026-05-31", "2026-06-01"):
        found[today.day] = oxygen(driver)
    corrected = 1.02 * SENT - 0.1
    assert list(found.values()) == pytest.approx([SENT, corrected, corrected, SENT])


def test_the_reading_keeps_what_was_sent_and_what_a_rule_spoiled_is_not_corrected() -> None:
    driver = made(Days("2026-04-01"), MARCH)
    (reading,) = driver.feed(LINE, 0.0)
    assert reading.values["do_mll"] == 5.0
    assert reading.uncorrected == {"dissolved_oxygen_uncorrected": pytest.approx(SENT)}
    (spoiled,) = driver.feed(b"SBE63\t1\t\t25.000\r\n", 0.0)
    assert spoiled.quantities == {"dissolved_oxygen_uncorrected": None}
    assert spoiled.spoiled == {"dissolved_oxygen_uncorrected": pytest.approx(25.0 * 1.42903)}
    assert spoiled.uncorrected == {}


def test_a_calibration_of_another_unit_does_not_count_and_the_one_before_it_does() -> None:
    other = {"date": "2026-05-01", "serial_number": "4711", "corrections": {"dissolved_oxygen_uncorrected": {"offset": 3.0}}}
    assert oxygen(made(Days("2026-06-01"), MARCH, other)) == pytest.approx(1.02 * SENT - 0.1)
    assert oxygen(made(Days("2026-06-01"), MARCH, other, serial_number="4711")) == pytest.approx(SENT + 3.0)


def test_while_the_clock_is_not_set_the_newest_calibration_counts() -> None:
    assert oxygen(made(Days(None), {"date": "2020-01-01"}, MARCH)) == pytest.approx(1.02 * SENT - 0.1)


def test_what_is_asked_over_modbus_is_corrected_too() -> None:
    wanted = [{"date": "2026-03-01", "corrections": {"water_pressure": {"offset": 0.01}}}]
    driver = make_driver(
        instrument("keller_series30_modbus", calibration=wanted), load_card("keller_series30_modbus"), today=Days("2026-04-01")
    )
    assert isinstance(driver, ModbusDriver)
    reading = driver.decode(Read(address=0x0100, count=4), struct.pack(">ff", 0.5, 14.0))
    assert reading.quantities == {"water_pressure": pytest.approx(0.51), "sensor_temperature": pytest.approx(14.0)}
    assert reading.values["p1_bar"] == pytest.approx(0.5)


async def test_a_minute_of_corrected_values_says_so() -> None:
    from edge.agent.acquisition import Source
    from edge.agent.watch import Watch
    from firmware_config.station import Station

    item = {"id": "ctd", "model": MODEL, "place": "ctd", "serial_number": "1", "link": "ctd", "every": "1s", "mounting": {"height_m": -2.0}}
    station = Station.model_validate(one_line({**item, "calibration": [MARCH]}))
    clock = HandClock()
    time = StationTime(clock)
    entry: Instrument = station.instruments[0]
    driver = make_driver(entry, load_card(MODEL), today=Days("2026-11-22"))
    source = Source(entry, driver, Watch(entry, driver.stats, 0.0))
    book, outbox = SeriesBook(station, [source], {}), MemoryOutbox()
    recorder = Recorder(outbox, time, simulated=False)
    assert isinstance(driver, StreamDriver)
    for second in range(60):
        (reading,) = driver.feed(LINE, 0.0)
        book.take(source, reading, second * 1e3, UTC_MS + second * 1e3)
    Minutes(book, recorder, time).finish()
    await recorder.drain()
    (record,) = outbox.of("minute")
    assert record.detail == {"corrected": {"dissolved_oxygen_uncorrected@ctd": "2026-03-01"}}
    assert record.values["dissolved_oxygen_uncorrected@ctd"] == pytest.approx(1.02 * SENT - 0.1)
