"""What befalls analysers, a sonic and a receiver of positions shows in their records as their documents say: bits, words, signals, clocks."""

from __future__ import annotations

import re
import struct
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from edge.agent.health import gnss_time_ms
from edge.instruments import StreamDriver, make_driver
from firmware_config.cards import load_card
from simulators.instruments.base import Suffered
from tests.simulators import test_more_instruments as every_model
from tests.simulators.test_more_instruments import Make, first_of, rows, spoken, suffering, told

all_instruments, the_world, make = every_model.all_instruments, every_model.the_world, every_model.make
"""fixtures: the bench's own station, its world, and how an instrument of it is made"""


class TestEddyFaults:
    """Analysers show what happens to them as their documents say: bits of DiagVal, words of the EC100, signal strength."""

    @staticmethod
    def licor(record: bytes) -> dict[str, float]:
        return {label: float(value) for label, value in re.findall(r"\((\w+) ([\d.e+-]+)\)", record.decode())}

    def test_heat_and_lost_lock_are_bits_of_diagval_and_words_of_diagnostics(self, make: Make):
        """Bits 7 chopper, 6 detector, 5 PLL; the sign of each stands in the Diagnostics record too."""
        irga = make("irga")
        word = lambda name, size: int(self.licor(told(irga, suffering(irga, name, 1, magnitude=size), 1)[0])["DiagVal"])  # noqa: E731
        assert int(self.licor(spoken(irga)[0])["DiagVal"]) == 254
        assert [word("out_of_temperature", size) for size in (1.0, 2.0, 3.0)] == [126, 190, 62]
        assert word("pll_lost", 1.0) == 222
        said = irga.answer(b"(Diagnostics ?)\n", lambda: suffering(irga, "out_of_temperature", 1, magnitude=2.0))
        assert said == b"(Diagnostics (SYNC TRUE)(PLL TRUE)(DetOK FALSE)(Chopper TRUE)(Path 63))\r\n"

    def test_rain_takes_signal_and_throws_co2_off_and_salt_takes_signal_alone(self, make: Make):
        irga = make("irga")
        dry, wet = (list(map(self.licor, records)) for records in (spoken(irga, 200), told(irga, suffering(irga, "rain", 200), 200)))
        hit = [a["DiagVal"] != b["DiagVal"] for a, b in zip(dry, wet, strict=True)]
        assert 60 < sum(hit) < 140
        assert [a["CO2D"] != b["CO2D"] for a, b in zip(dry, wet, strict=True)] == hit
        assert all(b["DiagVal"] < a["DiagVal"] and int(b["DiagVal"]) >> 4 == 15 for a, b, on in zip(dry, wet, hit, strict=True) if on)
        salted = [self.licor(told(irga, suffering(irga, "window_salt", 1, begun_h=hours), 1)[0]) for hours in (0.0, 5.0, 20.0)]
        assert [int(one["DiagVal"]) for one in salted] == [254, 247, 240], "a tenth of the light each hour, of fourteen steps"
        assert {one["CO2D"] for one in salted} == {dry[0]["CO2D"]}

    def test_the_index_begins_again(self, make: Make):
        irga = make("irga")
        assert [int(self.licor(record)["Ndx"]) for record in told(irga, suffering(irga, "counter_reset", 3), 3)] == [0, 1, 2]

    def test_an_error_record_stands_before_the_data(self, make: Make):
        irga = make("irga")
        assert told(irga, suffering(irga, "command_error", 1), 1) == [b"(Error (Received TRUE))\r\n" + spoken(irga)[0]]

    def test_rain_is_told_by_sonic_and_gas_together(self, make: Make):
        irgason = make("irgason")
        lines = [record.decode().split(",") for record in told(irgason, suffering(irgason, "rain", 200), 200)]
        assert {(int(line[4]), int(line[7])) for line in lines} == {(0, 0), (1, 0xC0001), (16, 0xC0001)}
        assert all((line[0] == "NAN") == (line[4] == "16") for line in lines)
        assert all(float(line[10]) < 0.5 for line in lines if line[7] != "0")

    def test_start_up_and_salt_of_the_ec100(self, make: Make):
        irgason = make("irgason")
        line = told(irgason, suffering(irgason, "start_up", 1), 1)[0].decode().split(",")
        assert (line[0], line[4], line[7]) == ("NAN", "16", "5"), "bits 0 and 2 of the gas word: bad data, starting up"
        clean, salted = (
            one.decode().split(",") for one in (spoken(irgason)[0], told(irgason, suffering(irgason, "window_salt", 1, begun_h=5.0), 1)[0])
        )
        assert [float(a) / float(b) for a, b in zip(salted[10:12], clean[10:12], strict=True)] == pytest.approx([0.5, 0.5], abs=1e-3)
        assert salted[:10] == clean[:10]

    def test_late_gas_is_the_gas_of_then_beside_the_wind_of_now(self, make: Make):
        irgason = make("irgason")
        plain = [record.decode().split(",") for record in spoken(irgason, 40)]
        late = [record.decode().split(",") for record in told(irgason, suffering(irgason, "gas_lag", 40), 40)]
        assert [line[:5] for line in late] == [line[:5] for line in plain]
        assert [float(line[5]) for line in late[20:]] == pytest.approx([float(line[5]) for line in plain[:20]], abs=1e-3)
        assert late[20][5] != plain[20][5]

    def test_gusts_change_the_range_and_not_the_reading(self, make: Make):
        csat = make("csat")
        calm, words = rows(csat, 40), [struct.unpack("<4hH", record[:10]) for record in told(csat, suffering(csat, "gusts", 40), 40)]
        steps = [0.002, 0.001, 0.0005, 0.00025]
        codes = [word[4] >> 6 & 3 for word in words]
        assert set(codes) == {3, 2}, "12 m/s are beyond the 8.19 m/s of the finest range"
        uz = [word[2] * steps[code] for word, code in zip(words, codes, strict=True)]
        off = np.array(uz) - calm["w"]
        assert set(np.round(off, 2).tolist()) == {0.0, 12.0}


class TestReceiver:
    """GGA, RMC and ZDA of one second, with what may be wrong about their time and place."""

    @staticmethod
    def said(receiver: Any, fault: str, **how: Any) -> list[list[str]]:
        return [line.split(",") for line in told(receiver, suffering(receiver, fault, 1, **how), 1)[0].decode().splitlines()]

    def test_a_week_that_has_run_over_is_1024_weeks_ago(self, make: Make):
        gnss = make("gnss")
        now = datetime.fromtimestamp(gnss.times_ms(first_of(gnss), 1)[0] / 1e3, UTC)
        _, rmc, zda = self.said(gnss, "week_rollover")
        assert rmc[9] == f"{now - timedelta(weeks=1024):%d%m%y}"
        assert zda[2:5] == [rmc[9][:2], rmc[9][2:4], f"20{rmc[9][4:]}"]
        assert rmc[1] == zda[1] == f"{now:%H%M%S}.00"

    def test_a_station_takes_the_place_beside_such_a_date_and_not_the_time(self, make: Make):
        """Else its clock would seem to be off by twenty years."""
        gnss = make("gnss")
        driver = make_driver(gnss.setting.instrument, load_card("gps_nmea0183"))
        assert isinstance(driver, StreamDriver)
        _, well, _ = driver.feed(spoken(gnss)[0], 0.0)
        place, rolled, _ = driver.feed(told(gnss, suffering(gnss, "week_rollover", 1), 1)[0], 1.0)
        assert gnss_time_ms(well) == gnss.times_ms(first_of(gnss), 1)[0]
        assert gnss_time_ms(rolled) is None
        assert place.valid
        assert rolled.quantities["latitude"] == well.quantities["latitude"]

    def test_a_leap_second_is_the_sixtieth_of_its_minute(self, make: Make):
        gnss = make("gnss")
        midnight = datetime(2027, 1, 1, tzinfo=UTC).timestamp()
        columns = gnss.values(int(midnight), 2)
        times = gnss.times_ms(int(midnight), 2)
        gnss.suffer(columns, Suffered("leap_second", 1.0, np.ones(2, dtype=np.bool_), times, float(times[0])))
        leap, after = (record.decode().splitlines()[2].split(",") for record in gnss.encode(columns, int(midnight)))
        assert leap[1:5] == ["235960.00", "31", "12", "2026"]
        assert after[1:5] == ["000001.00", "01", "01", "2027"]

    def test_a_leap_to_the_north_is_that_long(self, make: Make):
        gnss = make("gnss")
        here, there = (line.decode().split(",") for line in (spoken(gnss)[0], told(gnss, suffering(gnss, "position_jump", 1), 1)[0]))
        minutes = [float(one[2][:2]) * 60 + float(one[2][2:]) for one in (here, there)]
        assert (minutes[1] - minutes[0]) * 1853.25 == pytest.approx(500.0, abs=0.3)
        assert there[4] == here[4]

    def test_a_clock_that_stands_still(self, make: Make):
        gnss = make("gnss")
        records = told(gnss, suffering(gnss, "clock_stuck", 5), 5)
        assert len({record.decode().split(",")[1] for record in records}) == 1

    def test_sentences_without_check_sum(self, make: Make):
        gnss = make("gnss")
        assert told(gnss, suffering(gnss, "checksum_missing", 1), 1)[0] == re.sub(rb"\*[0-9A-F]{2}", b"", spoken(gnss)[0])


class TestMotion:
    @pytest.mark.parametrize(("mode", "attitude_stands"), [(1.0, False), (3.0, True)])
    def test_attitude_stands_without_satellites_and_not_while_the_sensor_aligns(self, make: Make, mode: float, attitude_stands: bool):
        """Modes 1 and 3 of the INS status: both are told, and the acceleration is good in either."""
        sensor = make("vectornav")
        driver = make_driver(sensor.setting.instrument, load_card("vectornav_vn300_binary"))
        assert isinstance(driver, StreamDriver)
        (reading,) = driver.feed(told(sensor, suffering(sensor, "ins_mode", 1, magnitude=mode), 1)[0], 0.0)
        assert f"INS mode {mode:.0f}" in reading.reason
        assert (reading.quantities["pitch"] is not None) == attitude_stands
        assert reading.quantities["acceleration_z"] is not None
