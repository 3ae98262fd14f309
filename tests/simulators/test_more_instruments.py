"""The bench's own station with every model: values follow the world, commands are answered, each fault is there and shows itself."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import simulators
from firmware_config.station import Station
from simulators.faults.catalogue import FAULTS
from simulators.faults.own import OWN
from simulators.instruments import MODELS, Setting, Simulated, Talker, Unit, make_instrument
from simulators.instruments.base import Suffered
from simulators.instruments.checksums import crc_ccitt, fletcher16, xor
from simulators.instruments.feed import AirFeed
from simulators.instruments.sami2 import COUNTS, FROM_1904_S
from simulators.instruments.y504 import Y504
from simulators.world import Site, World, load_world
from simulators.world.physics import GRAVITY_MS2
from tests.simulators.conftest import T0_MS

BENCH = Path(simulators.__file__).parent / "stations" / "bench"
Make = Callable[..., Any]
SHOWING = {"wave_every": 2, "wave_samples": 8, "format": 2, "dialect": "nano", "rain_mm": 12.4}
"""settings under which every fault of an instrument has something to show itself in"""


@pytest.fixture(scope="module")
def all_instruments() -> Station:
    return Station.model_validate(yaml.safe_load((BENCH / "station.yaml").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def the_world(all_instruments: Station) -> World:
    """One world for the module: its half-hours are made once. Nothing stands between its sensors and the truth: they have just been cleaned,
    and those of the wind are ideal, so that all sonics meet the same."""
    config = load_world(BENCH / "world.yaml")
    ideal = config.turbulence.model_copy(update={"sensors": "ideal"})
    config = config.model_copy(update={"cleaned": datetime.fromtimestamp(T0_MS / 1e3, UTC), "turbulence": ideal})
    return World(config, Site.of(all_instruments), 20)


@pytest.fixture
def make(all_instruments: Station, the_world: World) -> Make:
    """A new instrument of the bench's station; keywords are its settings."""

    def one(key: str, **set_to: Any) -> Any:
        settings = the_world.config.of(key)
        settings = settings.model_copy(update={"set_to": settings.set_to | set_to, "noise": False})
        return make_instrument(Setting(all_instruments.instrument(key), all_instruments, the_world, AirFeed(the_world), settings))

    return one


def first_of(instrument: Simulated) -> int:
    return int(T0_MS // instrument.period_ms) + 1


def rows(instrument: Simulated, count: int = 1) -> Any:
    return instrument.values(first_of(instrument), count)


def spoken(talker: Talker, count: int = 1, columns: Any = None) -> list[bytes]:
    return talker.encode(rows(talker, count) if columns is None else columns, first_of(talker))


def suffering(instrument: Simulated, name: str, count: int, *, magnitude: float | None = None, begun_h: float = 0.0) -> Any:
    """Values with one own fault on in all samples since ``begun_h`` before the first."""
    columns, times = rows(instrument, count), instrument.times_ms(first_of(instrument), count)
    size = FAULTS[name].magnitude if magnitude is None else magnitude
    instrument.suffer(columns, Suffered(name, size, np.ones(count, dtype=np.bool_), times, float(times[0]) - 3.6e6 * begun_h))
    return columns


def told(instrument: Any, columns: Any, count: int) -> list[Any]:
    """What goes out: records, or register maps."""
    if isinstance(instrument, Talker):
        return instrument.encode(columns, first_of(instrument))
    return [instrument.registers({name: values[row : row + 1] for name, values in columns.items()}) for row in range(count)]


def truth_at(instrument: Simulated) -> dict[str, float]:
    return instrument.setting.world.truth(float(instrument.times_ms(first_of(instrument), 1)[0]))


def float_at(registers: dict[int, int], address: int, order: str = "ABCD") -> float:
    raw = struct.pack(">HH", registers[address], registers[address + 1])
    value: float = struct.unpack(">f", bytes(raw["ABCD".index(letter)] for letter in order))[0]
    return value


class TestTheStation:
    def test_it_has_every_model_once(self, all_instruments: Station):
        assert sorted(i.model for i in all_instruments.instruments) == sorted(MODELS)

    def test_every_own_fault_is_someones_and_every_name_is_known(self, all_instruments: Station, make: Make):
        offered = set().union(*(make(i.id).fault_names() for i in all_instruments.instruments))
        assert {name for name, *_ in OWN} <= offered
        assert offered <= set(FAULTS)

    @pytest.mark.parametrize(
        "name", ["flip", "truncated", "merged", "split", "garbage", "missing_bytes", "silence", "stuck", "spike", "drift"]
    )
    def test_common_faults_are_everyones(self, all_instruments: Station, make: Make, name: str):
        assert all(name in make(i.id).fault_names() for i in all_instruments.instruments)

    def test_each_own_fault_changes_what_goes_out(self, all_instruments: Station, make: Make):
        """Forty samples, two hours into the fault: some record or register is another than without it."""
        for entry in all_instruments.instruments:
            probe = make(entry.id)
            names = set(probe.own_faults) | {name for name, _ in getattr(probe, "inserts", ())}
            for name in sorted(names):
                settings = SHOWING if name not in {"corrupted_digit", "unit_changed"} else {}
                well, ill = make(entry.id, **settings), make(entry.id, **settings)
                if name == "compensation_stale":  # shows itself only once a pressure has been written
                    assert well.write(0x0208, [0, 0x447A]) is None
                    assert ill.write(0x0208, [0, 0x447A]) is None
                for one in (well, ill):
                    if isinstance(one, Y504):
                        one.measuring = True
                begun = 0.0 if name in {"reboot_banner", "zero_cycle", "leap_second"} else 2.0
                without = told(well, rows(well, 40), 40)
                assert told(ill, suffering(ill, name, 40, begun_h=begun), 40) != without, f"{entry.id}: {name}"

    def test_invalid_changes_what_goes_out(self, all_instruments: Station, make: Make):
        for entry in all_instruments.instruments:
            instrument = make(entry.id)
            if "invalid" not in instrument.fault_names():
                continue
            columns = rows(instrument, 1)
            instrument.invalidate(columns, 0, 0)
            assert told(instrument, columns, 1) != told(make(entry.id), rows(make(entry.id), 1), 1), entry.id

    def test_a_spoilt_record_differs_in_its_check_alone(self, all_instruments: Station, make: Make):
        for entry in all_instruments.instruments:
            talker = make(entry.id)
            if isinstance(talker, Unit) or not talker.checksum or entry.model == "vaisala_wxt536_ascii":
                continue
            record = spoken(talker)[0]
            spoilt = talker.spoil(record)
            assert len(spoilt) == len(record), entry.id
            assert 1 <= sum(a != b for a, b in zip(spoilt, record, strict=True)) <= 6, entry.id


class TestWind:
    def test_what_one_sonic_suffers_is_not_in_the_air_of_another(self, make: Make):
        before = rows(make("csat"), 5)["u"].copy(), rows(make("csat"), 5)["w"].copy()
        irgason = make("irgason")
        columns = rows(irgason, 5)
        irgason.invalidate(columns, 2, 0)
        assert math.isnan(columns["w"][2])
        after = rows(make("csat"), 5)
        assert np.array_equal(after["u"], before[0])
        assert np.array_equal(after["w"], before[1])

    def test_three_sonics_of_one_wind_in_their_own_axes(self, make: Make):
        """Gill and METEK: +u blows towards the mark; Campbell: +Ux comes from where the array points."""
        binary = struct.unpack("<2sH3hH5hB", spoken(make("sonic_binary"))[0])
        u, v, w = (value / 100.0 for value in binary[2:5])
        words = struct.unpack("<4hH", spoken(make("csat"))[0][:10])
        steps = [0.002, 0.001, 0.0005, 0.00025]
        ux, uy, uz = (words[i] * steps[words[4] >> 10 - 2 * i & 3] for i in range(3))
        assert (ux, uy, uz) == pytest.approx((-u, -v, w), abs=0.006)
        metek = spoken(make("metek"))[0].decode()
        x, y, z, t = (
            int(part.split("=")[1].split()[0]) for part in metek.replace(" y", "|y").replace(" z", "|z").replace(" t", "|t").split("|")
        )
        assert (x, y, z) == pytest.approx((100 * u, 100 * v, 100 * w), abs=1.01)
        assert (words[3] * 0.001 + 340.0) ** 2 / 401.856 - 273.15 == pytest.approx(t / 100, abs=0.011)

    def test_binary_check_is_over_the_whole_record(self, make: Make):
        for record in spoken(make("sonic_binary"), 20):
            assert len(record) == 23
            assert xor(record) == 0

    def test_the_finest_range_that_fits(self):
        from simulators.instruments.csat3 import range_of

        assert [range_of(v) for v in (0.0, 8.1, -8.3, 16.5, 33.0)] == [3, 3, 2, 1, 0]

    def test_counter_turns_at_64_and_a_jump_is_that_long(self, make: Make):
        csat = make("csat")
        counters = [record[8] & 63 for record in spoken(csat, 130)]
        assert set(np.diff(counters).tolist()) == {1, -63}
        jumped = [record[8] & 63 for record in told(csat, suffering(csat, "counter_jump", 5), 5)]
        assert jumped == [(c + 17) % 64 for c in counters[:5]]

    def test_csat_commands(self, make: Make):
        csat = make("csat")
        assert csat.answer(b"S\r", lambda: rows(csat)) == b"0000T1005U"
        assert len(csat.answer(b"P\r", lambda: rows(csat))) == 12
        assert spoken(csat) == [b""], "prompted: it says nothing unasked"
        csat.answer(b"rs 0\r&\r", lambda: rows(csat))
        assert len(spoken(csat)[0]) == 10

    def test_gill_polled(self, make: Make):
        sonic = make("sonic_binary")
        sonic.answer(b"?", lambda: rows(sonic))
        assert spoken(sonic) == [b""]
        assert len(sonic.answer(b"Q", lambda: rows(sonic))) == 23
        sonic.answer(b"!", lambda: rows(sonic))
        assert len(spoken(sonic)[0]) == 23

    def test_heater_toggles_with_a_step_of_temperature(self, make: Make):
        metek = make("metek")
        plain, heated = rows(metek, 400), suffering(metek, "heater", 400)
        letters = [record[:1] for record in told(metek, heated, 400)]
        assert letters.count(b"H") == 300
        step = heated["t"] - plain["t"]
        assert [round(float(s), 3) for s in sorted(set(np.round(step, 6)))] == [0.0, 0.6]


class TestCarbonDioxide:
    def test_closed_cell_shows_the_moist_mole_fraction(self, make: Make):
        li850 = make("closed_irga")
        truth, text = truth_at(li850), spoken(li850)[0].decode()
        co2 = float(text.split("<co2>")[1].split("<")[0])
        moist = 1.0 + truth["h2o_mole_fraction"] / 1e3
        assert co2 == pytest.approx(truth["co2_air"] / moist, abs=0.01)

    def test_li850_commands_in_either_case(self, make: Make):
        li850 = make("closed_irga")
        ask = lambda text: li850.answer(text, lambda: rows(li850))  # noqa: E731
        assert ask(b"<LI850><DATA>?</DATA></LI850>\n").startswith(b"<li850><data><celltemp>")
        assert ask(b"<li850><rs232><flowrate>true</flowrate><ivolt>FALSE</ivolt></rs232></li850>\n") == b"<li850><ack>true</ack></li850>\n"
        assert b"<flowrate>" in spoken(li850)[0]
        assert b"<ivolt>" not in spoken(li850)[0]
        assert ask(b"<li850><nonsense>1</nonsense></li850>\n") == b"<li850><ack>false</ack></li850>\n"
        assert ask(b"<li850><data>?</da") == b""

    def test_sami_lights_lead_back_to_the_water(self, make: Make):
        """The documents' equations, forwards, on what the instrument printed; a light ratio of 16 384 steps carries about 1 %."""
        sami = make("sami")
        blank, measured = (bytes.fromhex(r[1:].decode()) for r in spoken(sami)[0].split(b"\r")[:2])
        assert (blank[2], measured[2]) == (5, 4)
        light = struct.unpack(">16H", measured[7:-1])
        blanks = struct.unpack(">16H", blank[7:-1])
        assert sum(measured[1:-1]) & 0xFF == measured[-1]
        assert measured[1] == len(measured) - 1
        r = math.log(light[15] / (COUNTS - light[15]) * 17400.0)
        t = 1.0 / (0.0010183 + 0.000241 * r + 1.5e-7 * r**3) - 273.15
        ratio = math.log10(light[7] / blanks[7]) / math.log10(light[6] / blanks[6])
        r1 = -math.log10((ratio - 0.0043) / (2.136 - 0.2105 * ratio))
        warmer, (a, b, c) = t - 4.6539, (0.0422, 0.6761, -1.5798)
        r2 = r1 + 0.008 * warmer
        rt = r1 + (0.0075778 - 0.0012389 * r2 - 0.00048757 * r2 * r2) * warmer
        pco2 = 10 ** ((-b + math.sqrt(b * b - 4 * a * (c - rt))) / (2 * a))
        truth = truth_at(sami)
        assert t == pytest.approx(truth["water_temperature"], abs=0.03)
        assert pco2 == pytest.approx(truth["pco2_water"], rel=0.01)
        seconds = int.from_bytes(measured[3:7], "big") - FROM_1904_S
        assert seconds == int(sami.times_ms(first_of(sami), 1)[0] // 1000)

    def test_sami_dark_and_blank_faults(self, make: Make):
        sami = make("sami")
        (record,) = told(sami, suffering(sami, "missing_blank", 1), 1)
        assert record.count(b"*") == 1
        (lost,) = told(sami, suffering(sami, "clock_lost", 1), 1)
        assert int(lost[7:15], 16) == 0, "seconds since 1904 begin again"
        assert told(sami, suffering(sami, "boot_prompt", 1), 1) == [b"7.7Boot>"]
        assert told(sami, suffering(sami, "memory_full", 1), 1) == [b""]

    def test_sami_commands(self, make: Make):
        sami = make("sami")
        ask = lambda text: sami.answer(text, lambda: rows(sami))  # noqa: E731
        assert ask(b"\r\r") == b""
        assert len(ask(b"S0\r")) == 1 + 32 + 1
        assert ask(b"R1\r").startswith(b"*540711")
        assert ask(b"C\r")[5:7] == b"05"
        assert len(ask(b"L\r")) == 513
        assert ask(b"XYZ\r") == b"?02\r"
        new = b"A5" * 256
        assert ask(b"L5A\r" + new + b"00\r") == b""
        assert ask(b"L\r") == new + b"\r"
        assert ask(b"E5A\rP01 08\r") == b""
        assert ask(b"S0\r")[13:19] == b"000000", "the records are gone"

    def test_water_and_air_lines_in_turn(self, make: Make):
        pro = make("proco2")
        lines = [line.decode().strip() for line in spoken(pro, 26)]
        kinds = "".join(line[-1] if ", M," in line else "z" for line in lines)
        assert kinds.count("W") == 16
        assert kinds.count("A") == 8
        assert kinds.count("z") == 2
        settled = [i for i in range(1, 26) if kinds[i] == kinds[i - 1]]
        for i in settled:
            fields = lines[i].split(",")
            truth = pro.setting.world.truth(float(pro.times_ms(first_of(pro) + i, 1)[0]))
            partial = float(fields[4]) * float(fields[8]) / 1013.25
            wanted = truth["pco2_water"] if kinds[i] == "W" else truth["co2_air"] * (truth["air_pressure"] + 12.0) / 1013.25
            assert partial == pytest.approx(wanted, rel=1e-3)

    def test_hydroc_zeroes_when_asked_and_comes_back_through_its_membrane(self, make: Make):
        hydroc = make("hydroc")
        water = [line.split(b",") for line in spoken(hydroc, 400)]
        fields = [line.split(b",") for line in told(hydroc, suffering(hydroc, "zero_cycle", 400), 400)]
        since_s = 2.0 * np.arange(400)
        assert [int(f[18]) for f in fields] == [int(t < 120) for t in since_s]
        assert [int(f[19]) for f in fields] == [int(120 <= t < 720) for t in since_s]
        share = np.array([int(f[31]) / int(w[31]) for f, w in zip(fields, water, strict=True)])
        assert share[since_s < 120].max() == 0.0
        assert share[since_s == 120 + 90] == pytest.approx(1 - np.exp(-1), abs=0.001), "one time constant"
        assert share[-1] == pytest.approx(1.0, abs=0.002)

    def test_hydroc_leak_is_vapour_beside_the_carbon_dioxide(self, make: Make):
        hydroc = make("hydroc")
        well, ill = (told(hydroc, columns, 1)[0].split(b",") for columns in (rows(hydroc), suffering(hydroc, "leak", 1, magnitude=20)))
        assert int(ill[13]) - int(well[13]) == 2000
        assert int(ill[31]) == pytest.approx(int(well[31]), abs=2), "the partial pressure stays"
        assert int(ill[32][:6]) < int(well[32][:6])

    def test_hydroc_without_its_pump_holds_the_water_of_then(self, make: Make):
        hydroc = make("hydroc")
        fields = [line.split(b",") for line in told(hydroc, suffering(hydroc, "pump_off", 40, begun_h=2), 40)]
        assert {f[20] for f in fields} == {b"0"}
        then = hydroc.under_water(hydroc.times_ms(first_of(hydroc), 1) - 7.2e6)["pco2_water"][0]
        assert [int(f[31]) for f in fields] == pytest.approx([1000 * then] * 40, abs=2)

    def test_slow_membranes_are_late_by_their_time_where_the_water_changes_steadily(self, make: Make):
        """Behind a first-order lag a ramp is late by the time constant: with hours behind it the fault's water is that of so long ago."""
        hydroc = make("hydroc")
        slow = suffering(hydroc, "slow_membrane", 1, magnitude=300, begun_h=2)["pco2"][0]
        times = hydroc.times_ms(first_of(hydroc), 1)
        now, then = (hydroc.under_water(times - late_ms)["pco2_water"][0] for late_ms in (0.0, 300e3))
        assert slow == pytest.approx(then, abs=0.1 * abs(now - then))
        just_begun = suffering(hydroc, "slow_membrane", 1, magnitude=300)["pco2"][0]
        assert just_begun == pytest.approx(now, rel=1e-4)

    def test_probe_reads_true_once_it_is_told_the_pressure(self, make: Make):
        gmp = make("co2_air")
        truth = truth_at(gmp)
        before = float_at(gmp.registers(rows(gmp)), 0, "CDAB")
        assert before == pytest.approx(truth["co2_air"] * truth["air_pressure"] / 1013.25, rel=1e-5)
        high, low = struct.unpack(">HH", struct.pack(">f", truth["air_pressure"]))
        assert gmp.write(0x0208, [low, high]) is None
        assert float_at(gmp.registers(rows(gmp)), 0, "CDAB") == pytest.approx(truth["co2_air"], rel=1e-5)
        stale = gmp.registers(suffering(gmp, "compensation_stale", 1))
        assert float_at(stale, 0, "CDAB") == pytest.approx(before, rel=1e-6)
        assert gmp.write(0x0208, [0, 0]) == 3
        assert gmp.write(0x0000, [0, 0]) == 2

    def test_probe_that_starts_up_has_no_value_and_says_so(self, make: Make):
        gmp = make("co2_air")
        registers = gmp.registers(suffering(gmp, "start_up", 1))
        assert math.isnan(float_at(registers, 0, "CDAB"))
        assert registers[0x0801] == 258
        assert registers[0x0100] == 0x8000


class TestOxygen:
    def test_four_makers_of_one_water(self, make: Make):
        truth = truth_at(make("odo"))
        odo, rdo = make("odo"), make("rdo")
        assert float_at(odo.registers(rows(odo)), 2) == pytest.approx(truth["dissolved_oxygen"], rel=1e-6)
        assert float_at(odo.registers(rows(odo)), 4) == pytest.approx(truth["oxygen_saturation"], rel=1e-5)
        assert float_at(rdo.registers(rows(rdo)), 37) == pytest.approx(truth["dissolved_oxygen"], rel=1e-5)
        optode = make("optode")
        saturation = float(spoken(optode)[0].split(b"\t")[6])
        truth = truth_at(optode)
        vapour_hpa = 24.0  # at 20 degC, within what a factor of a hundredth lets it vary
        nominal = (truth["air_pressure"] - vapour_hpa) / (1013.25 - vapour_hpa)
        assert saturation == pytest.approx(truth["oxygen_saturation"] * nominal, rel=2e-4)

    def test_concentration_of_fresh_water_or_of_the_water_as_set(self, make: Make):
        """Water of salt holds less: at the same saturation a sensor set to salinity 0 tells more than there is."""
        truth = truth_at(make("optode"))
        fresh, told_salt = (float(spoken(make("optode", salinity=s))[0].split(b"\t")[4]) for s in ("fresh", "water"))
        assert told_salt == pytest.approx(truth["dissolved_oxygen"] / 0.0319988, abs=0.002)
        assert fresh > 1.02 * told_salt
        ml_l = float(spoken(make("sbe63", salinity="water"))[0].split(b"\t")[3])
        assert ml_l == pytest.approx(truth_at(make("sbe63"))["dissolved_oxygen"] / 0.0319988 / 44.66, abs=0.0006)

    def test_optode_phases_belong_together(self, make: Make):
        values = [float(v) for v in spoken(make("optode"))[0].split(b"\t")[4::2]]
        assert values[4] == pytest.approx(values[5] - values[6], abs=0.0011)

    def test_optode_polled(self, make: Make):
        optode = make("optode")
        ask = lambda text: optode.answer(text, lambda: rows(optode))  # noqa: E731
        assert ask(b"\r\n") == b"!"
        assert ask(b"Set Enable Polled Mode(yes)\r\n") == b"#\r\n"
        assert not optode.streams
        assert ask(b"Do Sample\r\n").startswith(b"MEASUREMENT\t4330\t")
        assert b"Serial Number" in ask(b"Get All\r\n")
        assert ask(b"Set Colour(red)\r\n").startswith(b"*")

    def test_cap_missing_shows_sentinel_and_quality(self, make: Make):
        rdo = make("rdo")
        registers = rdo.registers(suffering(rdo, "cap_missing", 1))
        assert registers[41] == 7
        assert float_at(registers, 37) == 0.0
        assert registers[3] == 1 << 9
        assert registers[49] == 0, "its thermometer is well"

    def test_changed_unit_carries_its_number(self, make: Make):
        rdo = make("rdo")
        changed = rdo.registers(suffering(rdo, "unit_changed", 1))
        assert changed[40] == 118
        assert float_at(changed, 37) == pytest.approx(1000 * truth_at(rdo)["dissolved_oxygen"], rel=1e-5)
        assert rdo.write(40, [118]) is None
        assert rdo.write(40, [99]) == 3
        assert rdo.registers(rows(rdo))[40] == 118

    @pytest.mark.parametrize(("function", "address", "count", "wanted"), [(3, 0, 2, 1), (4, 1, 2, 2), (4, 0, 3, 2), (4, 32, 2, 2)])
    def test_odo_reads_whole_values_at_even_addresses(self, make: Make, function: int, address: int, count: int, wanted: int):
        odo = make("odo")
        assert odo.read(function, address, count, lambda: rows(odo)) == wanted

    def test_odo_time_since_boot_falls_at_a_reset(self, make: Make):
        odo = make("odo")
        well, reset = odo.registers(rows(odo)), odo.registers(suffering(odo, "counter_reset", 1, begun_h=0.01))
        assert reset[10] << 16 | reset[11] == 36_000
        assert (well[10] << 16 | well[11]) > 36_000

    def test_probe_that_does_not_start_gives_zeros_or_refuses(self, make: Make):
        probe = make("oxygen")
        well = rows(probe)

        def read(address: int, count: int, columns: Any) -> Any:
            return probe.read(3, address, count, lambda: columns)

        assert read(0x2500, 0, well) == []
        assert any(read(0x2600, 6, well))
        assert read(0x2500, 0, suffering(probe, "not_started", 1)) == []
        assert not any(read(0x2600, 6, suffering(probe, "not_started", 1)))
        assert read(0x2600, 6, suffering(probe, "not_started", 1, magnitude=4)) == 4
        assert any(read(0x0900, 7, suffering(probe, "not_started", 1, magnitude=4))), "it is there"
        assert not any(read(0x2600, 6, well)), "and has to be started again"

    def test_another_order_of_bytes_is_the_same_number_turned_over(self, make: Make):
        probe = make("oxygen")
        probe.measuring = True
        well, ill = probe.registers(rows(probe)), probe.registers(suffering(probe, "byte_order", 1))
        for address in (0x2600, 0x2602, 0x2604):
            assert float_at(ill, address, "ABCD") == float_at(well, address, "DCBA") > 0

    def test_wiper_leaves_part_of_the_oxygen_and_the_temperature(self, make: Make):
        probe = make("oxygen")
        well, ill = rows(probe), suffering(probe, "wiper", 1, magnitude=0.25)
        assert ill["oxygen"] == pytest.approx(0.25 * well["oxygen"])
        assert ill["temperature"] == well["temperature"]


class TestLevel:
    def test_gauge_probe_and_what_is_wrong_with_its_zero_and_its_tube(self, make: Make):
        depth = make("depth")
        times = depth.times_ms(first_of(depth), 1)
        state = depth.setting.feed.state(times)

        def pressure(name: str, **how: float) -> float:
            return float_at(depth.registers(suffering(depth, name, 1, **how)), 0x0100)

        well = float_at(depth.registers(rows(depth)), 0x0100)
        assert pressure("air_left_in") - well == pytest.approx(state["air_pressure"][0] / 1000, abs=1e-6)
        assert pressure("zero_shifted", magnitude=0.25) - well == pytest.approx(0.25, abs=1e-6)
        assert float_at(depth.registers(suffering(depth, "zero_shifted", 1, magnitude=0.25)), 0x0380) == 0.25, "coefficient 64 tells"
        then = depth.setting.feed.state(times - 7.2e6)
        warmer = state["air_temperature"][0] - then["air_temperature"][0]
        assert abs(warmer) > 0.05
        assert pressure("vent_wet", begun_h=2.0) - well == pytest.approx(-3.5e-3 * warmer, abs=1e-6)

    def test_infinity_and_its_integers(self, make: Make):
        depth = make("depth")
        for sign, integer in ((1.0, (0x7FFF, 0xFFFF)), (-1.0, (0x8000, 0x0000))):
            registers = depth.registers(suffering(depth, "overflow", 1, magnitude=sign))
            assert float_at(registers, 0x0100) == sign * math.inf
            assert (registers[0x0012], registers[0x0013]) == integer

    def test_clogged_tube_is_late_and_at_last_flat(self, make: Make):
        depth = make("depth")
        times = depth.times_ms(first_of(depth), 1)

        def true_bar(before_s: float) -> float:
            state = depth.setting.feed.state(times - 1e3 * before_s)
            return float(state["water_density"][0] * GRAVITY_MS2 * (state["water_level"][0] + 6.5) / 1e5)

        late = suffering(depth, "clogged_tube", 1, magnitude=600, begun_h=2)["pressure"][0]
        assert late == pytest.approx(true_bar(600), abs=0.15 * abs(true_bar(600) - true_bar(0)))
        flat = suffering(depth, "clogged_tube", 1, magnitude=1e9, begun_h=2)["pressure"][0]
        assert flat == pytest.approx(true_bar(7200), abs=1e-4)

    def test_only_a_gauge_probe_has_a_tube_to_the_air(self, the_world: World):
        document = yaml.safe_load((BENCH / "station.yaml").read_text(encoding="utf-8"))
        document["products"].append({"kind": "tide", "place": "keller_tube", "instrument": "depth", "pressure_is": "absolute"})
        station = Station.model_validate(document)
        absolute = make_instrument(
            Setting(station.instrument("depth"), station, the_world, AirFeed(the_world), the_world.config.of("depth"))
        )
        gauge = {"vent_wet", "air_left_in"}
        assert absolute.fault_names() & gauge == set()
        assert "clogged_tube" in absolute.fault_names()

    def test_tide_recorder_averages_from_its_start(self, make: Make):
        sbe = make("sbe26")
        line = spoken(sbe)[0].decode().splitlines()[0]
        start = datetime.strptime(line[19:39], "%d %b %Y %H:%M:%S").replace(tzinfo=UTC)
        assert start.timestamp() * 1e3 == sbe.times_ms(first_of(sbe), 1)[0] - sbe.period_ms
        truth = sbe.setting.world.truth(start.timestamp() * 1e3 + sbe.period_ms / 2)
        kpa = truth["water_density"] * GRAVITY_MS2 * (truth["water_level"] + 7.0) / 1e3 + truth["air_pressure"] / 10
        assert float(line.split("p = ")[1].split(",")[0]) * 6.894757 == pytest.approx(kpa, abs=0.02)

    def test_burst_carries_the_waves(self, make: Make):
        sbe = make("sbe26", wave_every=1, wave_samples=512)
        lines = spoken(sbe)[0].decode().splitlines()
        assert lines[1].startswith("wave: start time = ")
        assert lines[-1] == "wave: end burst"
        pressures = np.array([float(line) for line in lines[3:-1]])
        assert len(pressures) == 512
        head = pressures.std() * 6.894757e3 / 1020.0 / GRAVITY_MS2
        wanted = sbe.setting.world.waves.pressure_head_m(sbe.times_ms(first_of(sbe), 1)[0] / 1e3 + np.arange(0, 7200.0), 7.0).std()
        assert head == pytest.approx(wanted, rel=0.5), "128 s of a sea"
        ill = make("sbe26", wave_every=1)
        assert b"end burst" not in told(ill, suffering(ill, "burst_interrupted", 1), 1)[0]

    def test_barometer_is_asked_and_set(self, make: Make):
        paros = make("barometer", continuous=False)
        ask = lambda text: paros.answer(text, lambda: rows(paros)).decode()  # noqa: E731
        truth = truth_at(paros)
        assert not paros.streams
        assert float(ask(b"*0100P3\r\n")[5:]) == pytest.approx(truth["air_pressure"], abs=0.001)
        assert ask(b"*0100UN\r\n") == "*0001UN=2\r\n"
        assert ask(b"*0100UN=1\r\n") == "*0001UN=2\r\n", "no write without EW"
        assert ask(b"*0100EW*0100UN=1\r\n") == "*0001UN=1\r\n"
        assert float(ask(b"*0100P3\r\n")[5:]) == pytest.approx(truth["air_pressure"] * 100 / 6894.757, abs=1e-4)
        assert ask(b"*0200P3\r\n") == ""
        assert ask(b"*0100P4\r\n").startswith("*0001")
        assert paros.streams

    def test_radar_blocks_tell_one_distance_in_four_orders(self, make: Make):
        radar = make("radar")
        registers = radar.registers(rows(radar))
        wanted = 8.0 - truth_at(radar)["water_level"]
        for address, order in ((2002, "ABCD"), (106, "CDAB"), (2102, "DCBA"), (2202, "BADC"), (1302, "ABCD")):
            assert float_at(registers, address, order) == pytest.approx(wanted, abs=1e-5), address
        assert float_at(registers, 2004) == pytest.approx(truth_at(radar)["water_level"], abs=1e-5)
        assert registers[104] == 45
        assert radar.write(3000, [1]) is None
        assert float_at(radar.registers(rows(radar)), 1302, "CDAB") == pytest.approx(wanted, abs=1e-5)

    def test_lost_echo_holds_the_value_and_says_so(self, make: Make):
        radar = make("radar")
        columns = suffering(radar, "lost_echo", 3)
        assert len(set(columns["distance"].tolist())) == 1
        assert radar.registers(columns)[2001] == 1


class TestAirAndLight:
    def test_weather_registers_are_tenths(self, make: Make):
        weather = make("weather_bus")
        registers, truth = weather.registers(rows(weather)), truth_at(weather)
        assert registers[0x0A] == pytest.approx(10 * truth["relative_humidity"], abs=0.51)
        assert registers[0x0E] == pytest.approx(10 * truth["air_pressure"], abs=0.51)
        assert registers[0x15] == pytest.approx(10 * truth["wind_from_direction"], abs=0.51)
        assert registers[0x00] >> 8 == 6
        assert weather.read(3, 0x0A, 4, lambda: rows(weather)) != 1
        cold = rows(weather)
        cold["air_temperature"] = np.array([-0.5])
        assert weather.registers(cold)[0x1F] == 0xFFFB

    def test_transmitter_tells_of_its_heating_with_a_letter(self, make: Make):
        weather = make("weather", mode="polled")
        well, ill = rows(weather), suffering(weather, "heater", 1, magnitude=0.6)
        before, after = (weather.answer(b"0R5\r\n", lambda c=c: c).decode() for c in (well, ill))
        assert ",Vh=12.1N," in before
        assert ",Vh=12.1W," in after
        assert ill["air_temperature"] - well["air_temperature"] == pytest.approx(0.6)

    def test_ice_marks_the_wind_and_a_bird_holds_it(self, make: Make):
        weather = make("weather", mode="polled")
        iced, air = (weather.answer(b"0R%d\r\n" % n, lambda: suffering(weather, "ice", 1)).decode() for n in (1, 2))
        assert [field[-1] for field in iced.strip().split(",")[1:]] == ["#"] * 6
        assert "#" not in air
        blown, held = (
            [record.split(b",")[1:3] for record in told(weather, columns, 40)]
            for columns in (rows(weather, 40), suffering(weather, "bird", 40))
        )
        for of_wind, of_bird in zip(zip(*blown, strict=True), zip(*held, strict=True), strict=True):  # direction, speed
            assert len(set(of_bird)) == 1
            assert not set(of_bird) & set(of_wind)

    def test_the_text_use_chksum_stands_for_the_answer(self, make: Make):
        weather = make("weather", mode="polled")
        ill = suffering(weather, "use_chksum", 1)
        assert weather.answer(b"0r1Goe\r\n", lambda: ill) == b"0tX,Use chksum GoeIU~\r\n", "as the guide prints it"
        assert weather.answer(b"0R1\r\n", lambda: ill).startswith(b"0R1,Dn="), "where no check sum is asked for none is missed"

    def test_rain_counter_that_is_reset_counts_on_from_zero(self, make: Make):
        weather = make("weather", rain_mm=12.4)
        assert rows(weather)["rain"][0] == pytest.approx(12.4)
        assert suffering(weather, "counter_reset", 3)["rain"] == pytest.approx([0.0, 0.0, 0.0], abs=0.1)
        assert rows(weather)["rain"][0] < 1.0, "it does not find again what it has forgotten"

    def test_dew_point_is_where_the_vapour_saturates(self, make: Make):
        from simulators.instruments.wxt536_modbus import dew_point_c
        from simulators.world.physics import saturation_vapour_pressure_hpa

        t = np.array([-5.0, 3.0, 27.0])
        assert dew_point_c(saturation_vapour_pressure_hpa(t)) == pytest.approx(t, abs=1e-6)

    @pytest.mark.parametrize(("scale", "factor"), [(-1, 10.0), (0, 1.0), (1, 0.1)])
    def test_pyranometer_scale_factor(self, make: Make, scale: int, factor: float):
        smp = make("pyranometer", scale=scale)
        registers = smp.registers(rows(smp))
        light = float_at(registers, 10_006)
        raw = registers[5] - 65_536 if registers[5] > 32_767 else registers[5]
        assert raw * factor == pytest.approx(light, abs=0.51 * factor)
        assert light == pytest.approx(truth_at(smp)["shortwave"], abs=3.0)

    def test_night_reads_a_little_below_zero(self, make: Make):
        smp = make("pyranometer")
        day = smp.values(first_of(smp), 86_400)["radiation"]
        assert -3.0 < day.min() < 0.0


class TestMotion:
    def test_three_sensors_of_one_buoy(self, make: Make):
        mru, old, ins = make("mru"), make("old_mru"), make("vectornav")
        packet, record, binary = spoken(mru)[0], spoken(old)[0], spoken(ins)[0]
        assert fletcher16(packet[:-2]) == packet[-2:]
        assert sum(record[:-2]) & 0xFFFF == int.from_bytes(record[-2:], "big")
        assert crc_ccitt(binary[1:]) == 0
        force = np.array(struct.unpack(">3f", packet[6:18]))
        attitude = np.array(struct.unpack(">3f", packet[34:46]))
        assert struct.unpack(">3f", record[1:13]) == pytest.approx(force, abs=1e-6)
        assert struct.unpack("<3f", binary[36:48]) == pytest.approx(force * GRAVITY_MS2, abs=1e-5)
        yaw, pitch, roll = struct.unpack("<3f", binary[12:24])
        assert np.radians([roll, pitch, yaw]) == pytest.approx(attitude, abs=1e-6)
        motion = mru.setting.world.waves.motion(mru.times_ms(first_of(mru), 1) / 1e3).above(mru.setting.height_m)
        assert force == pytest.approx(motion.specific_force[:, 0] / GRAVITY_MS2, abs=1e-6)
        assert np.abs(motion.position).max() > 0, "it rides"

    def test_gps_time_is_ahead_of_utc_by_the_leap_seconds(self, make: Make):
        mru = make("mru")
        packet = spoken(mru)[0]
        tow, week, flags = struct.unpack(">dHH", packet[48:60])
        utc = datetime(1980, 1, 6, tzinfo=UTC).timestamp() + week * 604_800 + tow - 18
        assert utc * 1e3 == pytest.approx(mru.times_ms(first_of(mru), 1)[0], abs=1e-3)
        assert flags & 0b101 == 0b101

    def test_mip_commands(self, make: Make):
        mru = make("mru")
        ask = lambda data: mru.answer(data, lambda: rows(mru))  # noqa: E731
        ping = bytes.fromhex("756501020201e0c6")
        assert ask(ping[:3]) == b""
        assert ask(ping[3:]) == bytes.fromhex("75650104 04f10100".replace(" ", "")) + fletcher16(bytes.fromhex("7565010404f10100"))
        idle = bytes.fromhex("756501020202")
        assert ask(idle + fletcher16(idle))[7:8] == b"\0"
        assert spoken(mru) == [b""]
        assert ask(idle + b"\0\0") == b"", "a wrong check is no command"

    def test_timer_is_62500_a_second_and_wraps(self, make: Make):
        old = make("old_mru")
        ticks = [int.from_bytes(record[37:41], "big") for record in spoken(old, 12)]
        assert set(np.diff(ticks).tolist()) == {6250}

    def test_timer_runs_over_a_second_after_the_fault_begins(self, make: Make):
        old = make("old_mru")
        ticks = [int.from_bytes(record[37:41], "big") for record in told(old, suffering(old, "timer_wrap", 15), 15)]
        assert ticks[9] == 2**32 - 6250
        assert ticks[10:12] == [0, 6250]

    def test_vectornav_registers(self, make: Make):
        ins = make("vectornav")
        ask = lambda text: ins.answer(text, lambda: rows(ins))  # noqa: E731
        assert ask(b"$VNRRG,01*XX\r\n").startswith(b"$VNRRG,01,VN-300*")
        assert ask(b"$VNWRG,75,1,10,01,0009*XX\r\n").startswith(b"$VNWRG,75,1,10,01,0009*")
        assert len(spoken(ins)[0]) == 4 + 8 + 12 + 2
        assert ask(b"$VNRRG,01*00\r\n").startswith(b"$VNERR,03*")
        assert ask(b"$VNRRG,99*XX\r\n").startswith(b"$VNERR,08*")

    def test_start_bytes_inside_the_data(self, make: Make):
        for key, start in (("mru", b"\x75\x65"), ("old_mru", b"\xcb\xcb"), ("vectornav", b"\xfa\xfa")):
            sensor = make(key)
            (record,) = told(sensor, suffering(sensor, "sync_inside", 1), 1)
            assert start in record[1:-2], key


class TestPower:
    def test_block_sums_to_zero_and_follows_the_battery(self, make: Make):
        charger = make("charger")
        (record,) = spoken(charger)
        assert sum(record) % 256 == 0
        labels = dict(line.split(b"\t", 1) for line in record.split(b"\r\n")[1:])
        at = charger.setting.world.power.at(charger.times_ms(first_of(charger), 1) / 1e3)
        assert int(labels[b"V"]) == pytest.approx(1e3 * at["voltage"][0], abs=0.51)
        assert int(labels[b"I"]) == pytest.approx(1e3 * at["current"][0], abs=0.51)
        assert int(labels[b"PPV"]) == pytest.approx(at["panel_power"][0], abs=0.51)

    def test_check_byte_that_is_a_line_feed(self, make: Make):
        charger = make("charger")
        (record,) = told(charger, suffering(charger, "checksum_line_feed", 1), 1)
        assert record[-1:] == b"\n"
        assert sum(record) % 256 == 0
