"""The bench's other twenty encoders: given a sample's values they print the sample's bytes, and the documents' own examples."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from simulators.instruments import (
    co2pro,
    csat3,
    digiquartz,
    gill_binary,
    gmp252,
    gx_legacy,
    li850,
    mip,
    optode,
    rdo,
    sami2,
    sbe26plus,
    sbe63,
    smp,
    usonic3,
    vedirect,
    vegapuls,
    vn300,
    wxt536_modbus,
)
from simulators.instruments.checksums import crc_ccitt, fletcher16, modbus_crc
from simulators.instruments.registers import float_big, int32, low_word_first

Reader = Callable[[str, str], bytes]


@pytest.fixture
def sample(samples: Path) -> Reader:
    """The bytes of one record of a set; for Modbus the answer."""

    def read(instrument: str, name: str) -> bytes:
        record = next(r for r in json.loads((samples / f"{instrument}.json").read_text())["records"] if r["name"] == name)
        if "bytes_hex" in record:
            return bytes.fromhex(record["bytes_hex"])
        return bytes.fromhex((samples / f"{instrument}.txt").read_text().splitlines()[record["line_no"] - 1].split("RSP=")[1])

    return read


def frame(unit: int, function: int, words: list[int]) -> bytes:
    body = bytes((unit, function, 2 * len(words))) + b"".join(word.to_bytes(2, "big") for word in words)
    return body + modbus_crc(body)


class TestAsPrinted:
    """What the vendors' documents print, without the samples."""

    def test_mip_ping(self):
        assert mip.packet(0x01, [mip.field(mip.PING, b"")]) == bytes.fromhex("756501020201e0c6")
        assert fletcher16(bytes.fromhex("756501020201")) == bytes.fromhex("e0c6")

    def test_vectornav_yaw_pitch_roll(self):
        payload = bytes.fromhex("93502E4283 3EF13F48B504BB".replace(" ", ""))
        whole = vn300.packet(0x0008, [payload])
        assert whole == bytes.fromhex("FA0108009350 2E42833EF13F48B504BB9288".replace(" ", ""))
        assert crc_ccitt(whole[1:]) == 0

    def test_vaisala_carbon_dioxide_answer(self):
        assert frame(0xF0, 3, gmp252.float_low(465.65997)) == bytes.fromhex("F00304D47A43E833AB")

    def test_sami_checksum(self):
        """``*C20711CF8F367F2B``: the sum of 07 11 CF 8F 36 7F ends in 2B."""
        assert sami2.record(0xC2, sami2.EXTERNAL_PUMP, 0xCF8F367F) == b"*C20711CF8F367F2B\r"

    def test_tide_line(self):
        assert sbe26plus.tide(datetime(2014, 1, 5, 0, 0, 28), 208.8057, 14.004, 13.8633) == (  # noqa: DTZ001 - a clock of its own
            b"tide: start time = 05 Jan 2014 00:00:28, p = 208.8057, pt = 14.004, t = 13.8633\r\n"
        )

    def test_metek_telegram(self):
        assert usonic3.record("M", (10, -3, -1), 2203) == b"M:x =    10 y =    -3 z =    -1 t =  2203\r\n"


@pytest.mark.needs("samples")
class TestStreamsOfTheSampleSets:
    def test_gill_binary(self, sample: Reader):
        name = "gill_windmaster_binary_m10"
        assert gill_binary.record((1.23, -0.45, 0.12), 343.21, 0) == sample(name, "m10_a")
        assert gill_binary.record((-17.05, 22.4, -3.01), 340.0, 0) == sample(name, "m10_b")
        assert gill_binary.record((0.0, 0.0, 0.01), 331.3, 0) == sample(name, "m10_c")

    def test_csat3(self, sample: Reader):
        name = "csat3_rs232_binary"
        assert csat3.record((1.23, -0.45, 0.12), 343.21, counter=5) == sample(name, "r0")
        assert csat3.record((9.876, -12.5, 1.01), 345.0, counter=6) == sample(name, "r1")
        assert csat3.record((60.0, -50.0, 10.0), 330.2, counter=0, ranges=(0, 0, 1)) == sample(name, "r3")
        assert csat3.record((2.0, 0.4, 0.0), 341.0, counter=17, flags=csat3.AMPLITUDE_LOW) == sample(name, "amp_low")
        assert csat3.nothing(csat3.ACQUIRING) == sample(name, "nan_acquiring")
        assert csat3.nothing(csat3.LOST_TRIGGER) == sample(name, "lost_trigger")

    def test_metek(self, sample: Reader):
        name = "metek_usonic3_ascii"
        assert usonic3.record("H", (-1245, 880, -41), -312) == sample(name, "b")
        assert usonic3.record("M", (0, 0, 0), 1999) == sample(name, "c")
        assert usonic3.record("M", (10, -3, -1), 2203, tight=True) == sample(name, "tight")

    def test_li850(self, sample: Reader):
        values = {"celltemp": 51.221, "cellpres": 98.321, "co2": 420.12, "h2o": 12.345, "h2odewpoint": 9.87, "ivolt": 12.031}
        assert li850.data_record(values) == sample("licor_li850_xml", "a")
        assert li850.element("li850", "ack", "true") == sample("licor_li850_xml", "ack")

    def test_sami(self, sample: Reader):
        light = (130, 90, 3240, 2300, 1990, 2250, 11643, 19027, 131, 90, 3242, 2299, 1991, 2250)
        blank = sami2.lights_record(0x54, sami2.BLANK, 3_860_000_000, light, 0x0C30, 2240)
        assert blank == sample("sunburst_sami2_pco2", "blank")
        light = (130, 90, 3238, 560, 1988, 1105, 2478, 8950, 131, 90, 3240, 559, 1989, 1105)
        m1 = sami2.lights_record(0x54, sami2.MEASUREMENT, 3_860_003_600, light, 0x0C2E, sami2.thermistor_counts(7.4923))
        assert m1 == sample("sunburst_sami2_pco2", "m1")
        assert sami2.record(0x54, sami2.EXTERNAL_PUMP, 3_860_021_600) == sample("sunburst_sami2_pco2", "ext_pump")
        stop = sami2.control_record(0x54, 0x85, 3_860_021_600, 65, (11, 0, 2609))
        assert stop == sample("sunburst_sami2_pco2", "control_stop")

    @pytest.mark.parametrize(
        ("pco2", "temperature", "ratio434", "ratio620"),
        [(679.2807, 7.4923, 2478, 8950), (427.7044, 12.5165, 2899, 6525), (947.394, 6.8946, 2319, 10582)],
    )
    def test_sami_lights_backwards_from_the_pressure(self, pco2: float, temperature: float, ratio434: int, ratio620: int):
        """With the sample's blank and its ratio at 434 nm, the ratio at 620 nm follows from pCO2 and temperature alone."""
        a434 = -math.log10(ratio434 / sami2.BLANKS[0])
        a620 = sami2.absorbance_ratio(pco2, temperature, sami2.COEFFICIENTS) * a434
        light = sami2.light_values((a434, a620), sami2.BLANKS)
        assert light[6] == ratio434
        assert light[7] == ratio620

    def test_co2pro(self, sample: Reader):
        name = "prooceanus_co2pro_atmosphere"
        stamp = datetime(2026, 3, 4, 12, 0, 11)  # noqa: DTZ001 - the instrument's own clock
        water = co2pro.record(stamp, (43032, 40423), 397.04, 40.1, (21.221, 28.48), 1026, (39.9, 40.4), letter="W")
        assert water == sample(name, "water")
        cold = co2pro.record(stamp.replace(hour=11, minute=50), (42011, 39002), 511.2, 31.4, (25.1, 26.01), 1022, (31.2, 31.9), letter="W")
        assert cold == sample(name, "warmup")

    def test_optode(self, sample: Reader):
        name = "aanderaa_optode_ascii"
        values = (241.006, 93.120, 19.874, 29.402, 31.877, 35.901, 4.024, 590.1, 690.8, 262.0)
        assert optode.record("4330", "1822", values) == sample(name, "b")
        assert optode.record("4330", "1822", values, error=("O2Concentration",)) == sample(name, "star")
        assert optode.record("4831", "134", values, text=False) == sample(name, "notext")

    def test_sbe63(self, sample: Reader):
        assert sbe63.format_3("0013", 4.304) == sample("seabird_sbe63_ascii", "f3_a")
        assert sbe63.format_3("2155", 5.871) == sample("seabird_sbe63_ascii", "f3_b")
        stamp = datetime(2026, 3, 4, 12, 0, 1)  # noqa: DTZ001 - the instrument's own clock
        assert sbe63.format_2(stamp, 17.822, 20114, 6.12, 11.874) == sample("seabird_sbe63_ascii", "f2_b")

    def test_sbe26plus(self, sample: Reader):
        name = "seabird_sbe26plus_ascii"
        stamp = datetime(2026, 3, 4, 12, 0)  # noqa: DTZ001 - the instrument's own clock
        assert sbe26plus.tide(stamp, 29.4021, 14.004, 13.8633) == sample(name, "a")
        broken = sbe26plus.tide(datetime(2026, 3, 5, 1, 10, 54), *sbe26plus.UNPLUGGED, 34.6843)  # noqa: DTZ001
        assert broken == sample(name, "broken")
        burst = sbe26plus.wave(stamp.replace(minute=15), 171_756.0, [29.8438])
        assert burst.splitlines(keepends=True)[1] == b"wave: ptfreq = 171756.000\r\n"
        wanted = [sample(name, part) for part in ("wave_start", "wave_val", "wave_end")]
        assert [line for i, line in enumerate(burst.splitlines(keepends=True)) if i != 1] == wanted

    def test_digiquartz(self, sample: Reader):
        assert digiquartz.reply(0, 1, digiquartz.number(14.5834)) == sample("paroscientific_digiquartz", "a")
        assert digiquartz.reply(0, 1, digiquartz.number(29.400512)) == sample("paroscientific_digiquartz", "b")

    def test_mip(self, sample: Reader):
        a = mip.imu_packet((0.01, -0.02, -1.0), (0.001, 0.002, -0.003), (0.05, -0.02, 1.57), (302400.0, 2408, 5))
        assert a == sample("microstrain_mip", "a")
        b = mip.imu_packet((0.11, -0.05, -0.98), (0.02, -0.01, 0.0), (0.09, -0.06, 1.58), (302400.1, 2408, 7))
        assert b == sample("microstrain_mip", "b")

    def test_legacy_record(self, sample: Reader):
        a = gx_legacy.record_cb((0.01, -0.02, -1.0), (0.001, 0.002, -0.003), (0.2, 0.0, 0.4), 62500)
        assert a == sample("microstrain_3dmgx_legacy_cb", "a")

    def test_vectornav(self, sample: Reader):
        import struct

        parts = [struct.pack("<Q", 123_481_789_000)]
        parts += [struct.pack("<3f", *v) for v in ((43.6, 1.9, -0.05), (0.02, -0.01, 0.001), (0.2, -0.1, -9.7))]
        assert vn300.packet(vn300.USUAL_WORD, [*parts, struct.pack("<H", 6)]) == sample("vectornav_vn300_binary", "b")

    def test_victron(self, sample: Reader):
        labels = {"PID": "0xA053", "FW": "159", "V": "12800", "I": "1500", "VPV": "18340", "PPV": "42", "CS": "3", "ERR": "0"}
        assert vedirect.block(labels) == sample("victron_vedirect_text", "a")
        short = vedirect.block({"V": "12800", "I": "10"})
        assert short + vedirect.HEX_MESSAGE == sample("victron_vedirect_text", "hex_interleaved")


@pytest.mark.needs("samples")
class TestRegistersOfTheSampleSets:
    def test_gmp252(self, sample: Reader):
        name = "vaisala_gmp252_modbus"
        assert frame(0xF0, 3, gmp252.float_low(400.0)) == sample(name, "co2_400")
        assert frame(0xF0, 3, gmp252.float_low(float("nan"))) == sample(name, "co2_nan")
        assert frame(0xF0, 3, [2, 0, 0, *low_word_first(int32(0x40))]) == sample(name, "status_lowrx")

    def test_rdo(self, sample: Reader):
        name = "insitu_rdo_aquatroll_modbus"
        _, parameter, available = rdo.BLOCKS["oxygen"]
        assert frame(1, 3, rdo.block(8.412, parameter, 117, 0, available)) == sample(name, "do")
        assert frame(1, 3, rdo.block(8.412, parameter, 117, rdo.MISSING, available)) == sample(name, "no_cap")
        assert frame(1, 3, rdo.block(8.412, parameter, 117, rdo.ERROR, available)) == sample(name, "err3")
        assert frame(1, 3, rdo.block(92.5, 21, 177, 0, rdo.BLOCKS["saturation"][2])) == sample(name, "sat")

    def test_ysi(self, sample: Reader):
        words = [word for value in (96.4, 8.71, 97.1, 18.52, 18.5) for word in float_big(value)]
        assert frame(1, 4, words) == sample("ysi_odo_rtu_modbus", "a")

    def test_vegapuls(self, sample: Reader):
        name = "vegapuls_modbus"
        words = float_big(3.4521)
        assert frame(246, 4, [0, 0, *vegapuls.ordered(words, 0)]) == sample(name, "abcd_a")
        assert frame(246, 4, vegapuls.ordered(words, 1)) == sample(name, "cdab")
        assert frame(246, 4, vegapuls.ordered(words, 2)) == sample(name, "dcba")

    def test_wxt(self, sample: Reader):
        name = "vaisala_wxt536_modbus"
        tenths = wxt536_modbus.tenths
        pressure_and_wind = (1009.7, 1009.0, 1010.1, 1009.6, 182.0, 175.0, 190.3, 182.2, 182.0)
        assert frame(1, 4, [tenths(v) for v in pressure_and_wind]) == sample(name, "dir_p")
        assert frame(1, 4, [tenths(v) for v in (-0.5, -1.6, 0.4, -0.6)]) == sample(name, "ta_neg")
        assert frame(1, 4, wxt536_modbus.four(float("nan"), 18.0, 0.5)) == sample(name, "ta_err")

    def test_smp(self, sample: Reader):
        name = "kippzonen_smp_modbus"
        assert frame(1, 4, smp.head(1, 0, 0, 812.0, 2, 21.5, 12.0)) == sample(name, "a")
        assert frame(1, 4, smp.head(1, 0, 1, 812.3, 2, 21.5, 12.0)) == sample(name, "b")
        assert frame(1, 4, smp.head(1, 4, 0, 0.0, 2, 21.5, 12.0)) == sample(name, "fault")
