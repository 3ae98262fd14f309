"""Every encoder writes the documents' records: the same values give the same bytes as the sample sets, check sums included."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from simulators.instruments import ec100, gill, gps, hydroc, licor, wxt536
from simulators.instruments.checksums import campbell_signature, crc16, modbus_crc, vaisala_crc, xor
from simulators.instruments.registers import float_big, float_reversed, int32, text_words

NAN = float("nan")


@pytest.fixture
def sample(samples: Path):
    def read(instrument: str, name: str) -> bytes:
        records = json.loads((samples / f"{instrument}.json").read_text())["records"]
        return bytes.fromhex(next(r["bytes_hex"] for r in records if r["name"] == name))

    return read


class TestChecksumsAsPrinted:
    def test_modbus_frame_of_the_vendor(self):
        assert modbus_crc(bytes.fromhex("F00300000002")) == bytes.fromhex("D12A")

    def test_vaisala_strings(self):
        assert vaisala_crc(b"0r1") == b"Goe"
        assert vaisala_crc(b"0tX,Use chksum Goe") == b"IU~"

    def test_campbell_signature_of_a_letter(self):
        assert campbell_signature(b"A") == 0xAA40

    def test_gill_example(self):
        assert xor(b"Q,+001.23,-000.45,+000.12,M,+343.21,+020.85,00,") == 0x25

    @pytest.mark.parametrize("text", [b"", b"\x00", b"GNZDA,1", bytes(range(256))])
    def test_folded_xor_is_the_plain_one(self, text):
        plain = 0
        for byte in text:
            plain ^= byte
        assert xor(text) == plain

    def test_crc_of_the_check_string(self):
        """CRC-16/MODBUS and CRC-16/ARC of "123456789" as catalogued."""
        assert crc16(b"123456789", 0xFFFF) == 0x4B37
        assert crc16(b"123456789", 0) == 0xBB3D


@pytest.mark.needs("samples")
class TestRecordsOfTheSampleSets:
    def test_gill(self, sample):
        assert gill.record((1.23, -0.45, 0.12), 343.21, 20.85, 0) == sample("gill_windmaster_ascii", "m1_light")
        assert gill.record((-12.07, 8.8, -1.94), 345.02, 23.93, 0) == sample("gill_windmaster_ascii", "m1_strong")
        assert gill.record((4.40, 3.30, -0.21), 342.10, 18.96, 0x0A) == sample("gill_windmaster_ascii", "m1_gain_max")
        assert gill.record((NAN, NAN, NAN), NAN, NAN, 7) == sample("gill_windmaster_ascii", "m1_csv_blocked_all")

    def test_licor(self, sample):
        ok = licor.data_record(1545, 254, (16.873, 513.77), (20.413, 101.325))
        assert ok == sample("licor_li7500_grammar", "ok")
        chopper = licor.data_record(1801, 125, (16.0, 500.0), (20.0, 101.0))
        assert chopper == sample("licor_li7500_grammar", "chopper")
        assert licor.data_record(2000, 222, (0.0, 0.0), (20.0, 101.0)) == sample("licor_li7500_grammar", "pll")

    def test_ec100(self, sample):
        mine = ec100.record(
            (1.2345, -0.4521, 0.1183, 20.84721), (712.3341, 10.28712), (0, 0), (20.71, 101.325), (0.9871, 0.9742), counter=17
        )
        assert mine == sample("ec100_irgason_ascii", "ok")
        start = ec100.record((0.1, 0.2, 0.01, 18.1), (0.0, 0.0), (0, 5), (18.0, 101.2), (0.0, 0.0), counter=0)
        assert start == sample("ec100_irgason_ascii", "startup")
        blocked = ec100.record((NAN,) * 4, (713.0, 10.3), (16, 0), (20.7, 101.32), (0.987, 0.974), counter=63)
        assert blocked == sample("ec100_irgason_ascii", "sonic_block")

    def test_hydroc(self, sample):
        noon = datetime(2026, 3, 4, 12, 0, 2, tzinfo=UTC)
        mine = hydroc.record(noon, (102789, 99472), (0, 0, 1), (398000, 394292, 401637))
        assert mine == sample("contros_hydroc_co2", "a")
        flush = hydroc.record(noon + timedelta(minutes=33), (102795, 99470), (0, 1, 1), (250000, 250440, 255110))
        assert flush == sample("contros_hydroc_co2", "flush")

    def test_wxt(self, sample):
        wind = {"Dn": "236D", "Dm": "283D", "Dx": "031D", "Sn": "0.0M", "Sm": "1.0M", "Sx": "2.2M"}
        assert wxt536.message("0", "R", "1", wind) == sample("vaisala_wxt536_ascii", "r1")
        assert wxt536.message("0", "r", "1", {k: wind[k] for k in ("Dm", "Sm", "Sx")}) == sample("vaisala_wxt536_ascii", "crc1")
        air = {"Ta": "9.8C", "Ua": "71.0P", "Pa": "1001.2H"}
        assert wxt536.message("0", "r", "2", air) == sample("vaisala_wxt536_ascii", "crc2")

    def test_gps(self, sample):
        place = (54 + 12.3456 / 60, 7 + 45.6789 / 60)
        gga = gps.gga("120000.00", place, (4, 18, 0.7), (12.3, 44.1), "1.0,0000")
        assert gga == sample("gps_nmea0183", "gga")
        assert gps.rmc("120000.00", "040326", place, (0.42, 183.2), "R") == sample("gps_nmea0183", "rmc")
        assert gps.rmc("120001.00", "040326", place, (0.0, 0.0), "N") == sample("gps_nmea0183", "rmc_void")

    def test_modbus_numbers(self, samples):
        """The register words of the sample answers, from the values they stand for."""

        def answer(instrument: str, name: str) -> bytes:
            records = json.loads((samples / f"{instrument}.json").read_text())["records"]
            number = next(r["line_no"] for r in records if r["name"] == name)
            line = (samples / f"{instrument}.txt").read_text().splitlines()[number - 1]
            return bytes.fromhex(line.split("RSP=")[1])

        def frame(head: str, words: list[int]) -> bytes:
            body = bytes.fromhex(head) + b"".join(word.to_bytes(2, "big") for word in words)
            return body + modbus_crc(body)

        assert frame("010308", float_big(0.41233) + float_big(14.25)) == answer("keller_series30_modbus", "p1t_a")
        assert frame("010304", int32(41233)) == answer("keller_series30_modbus", "p1_int")
        assert frame("010308", float_big(float("inf")) + float_big(14.0)) == answer("keller_series30_modbus", "inf")
        values = float_reversed(18.52) + float_reversed(0.9641) + float_reversed(8.71)
        assert frame("01030c", values) == answer("yosemitech_y504_modbus", "a")


def test_grammar_numbers_are_short_and_carry_seven_digits():
    assert [licor.number(v) for v in (0.0, 16.873, 20.0, 1.5756, 0.15386)] == ["0", "1.6873e1", "2e1", "1.5756", "1.5386e-1"]
    assert float(licor.number(513.7654321)) == pytest.approx(513.7654321, rel=1e-7)


def test_high_resolution_sonic_prints_millimetres():
    assert gill.record((1.2345, -0.4567, 0.0012), 343.2, 20.85, 0, decimals=3).startswith(b"\x02Q,+001.234,-000.457,+000.001,M,")


def test_text_registers_hold_two_letters_each():
    assert text_words("YL05", 3) == [0x594C, 0x3035, 0]
