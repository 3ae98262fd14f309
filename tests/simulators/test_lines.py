"""Lines: every sample sits on its grid, every byte takes its time, and nothing drifts; no real time passes here."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import numpy as np
import pytest

from edge.instruments import StreamDriver, make_driver
from firmware_config.cards import load_card
from simulators.faults.effects import Effects
from simulators.faults.timeline import Timeline
from simulators.instruments.checksums import vaisala_crc, xor
from simulators.instruments.gill import HEAD
from simulators.serve.lines import Speaker, StreamLine
from tests.simulators.conftest import T0_MS, gill_rows, licor_rows


@pytest.fixture
def line(instrument, fake_port, tmp_path):
    """A line with one instrument, its clock turned by hand: ``run(until_ms, step_ms)``."""

    def make(key: str, *, baud: int | None = None, faults: str = "", recording=None, **config) -> StreamLine:
        talker = instrument(key, recording, **config)
        file = tmp_path / "faults.yaml"
        file.write_text(faults or "faults: []")
        timeline = Timeline(file, {key: talker.fault_names()}, {key: key}, float(T0_MS))
        speaker = Speaker(talker, Effects(11, key, talker.fields), int(T0_MS // talker.period_ms))
        made = StreamLine([speaker], timeline, baud, lambda: fake_port.now_ms)
        made.port = fake_port
        return made

    return make


def run(line: StreamLine, seconds: float, step_ms: float = 7.3) -> None:
    steps = np.append(np.arange(0.0, seconds * 1e3, step_ms), seconds * 1e3 + 999)
    for at in T0_MS + steps:
        line.port.now_ms = at
        line.step(at)


class TestWhatNoRecordCanHold:
    def test_silences_the_instrument_as_long_as_the_fault_lasts(self, line, fake_port):
        """An encoder without digits for a value must not end the bench: the records after it are whole, and on their grid."""
        sonic = line("sonic", faults="faults: [{after: 0s, for: 5s, instrument: sonic, fault: stuck}]")
        encode = sonic.speakers[0].talker.encode

        def narrow(columns, first):
            return [b"%d" % int(np.inf)] if first < T0_MS // 100 + 50 else encode(columns, first)

        sonic.speakers[0].talker.encode = narrow
        run(sonic, 10)
        assert len(gill_rows(fake_port.data)) == sonic.speakers[0].records
        assert 0 < sonic.speakers[0].records < 65
        assert "stuck" in sonic.speakers[0].cannot

    def test_without_a_fault_it_is_a_mistake_of_the_encoder_and_is_raised(self, line):
        sonic = line("sonic")

        def broken(columns, first):
            raise OverflowError

        sonic.speakers[0].talker.encode = broken
        with pytest.raises(OverflowError):
            run(sonic, 1)


class TestGrid:
    def test_as_many_records_as_rate_times_time_whatever_the_turns(self, line, fake_port):
        sonic = line("sonic", baud=38400)
        rng = np.random.default_rng(1)
        now = float(T0_MS)
        while now < T0_MS + 600_000:
            now = min(now + float(rng.exponential(400)), T0_MS + 600_000)
            sonic.step(now)
        sonic.step(now + 999)
        rows = len(gill_rows(fake_port.data))
        assert rows == 6010  # samples 0 … 6009: the last whole second included

    def test_sample_k_is_the_air_at_k_over_rate(self, line, fake_port):
        sonic = line("sonic", baud=38400)
        run(sonic, 20)
        wind = gill_rows(fake_port.data)
        air = sonic.speakers[0].talker.setting.world.air(T0_MS // 1000 * 20, len(wind), 2, HEAD)
        assert np.abs(wind[:, 0] - air.north).max() <= 0.005 + 1e-9  # north mark to the north: +u blows north
        assert np.abs(wind[:, 1] + air.east).max() <= 0.005 + 1e-9  # +v to its left: west
        assert np.abs(wind[:, 2] - air.up).max() <= 0.005 + 1e-9

    def test_two_lines_of_one_station_share_the_grid(self, instrument):
        """CO2 seen through the lag of the tube is the CO2 of that much earlier, sample for sample."""
        late = instrument("irga", instruments={"irga": {"lag": "300ms", "noise": False}})
        k = T0_MS // 100
        late_values = late.values(k + 3, 50)["co2"]
        still = instrument("irga", instruments={"irga": {"noise": False}}).values(k, 50)["co2"]
        assert np.array_equal(late_values, still)


class TestPace:
    def test_a_record_arrives_when_its_last_byte_has(self, line, fake_port):
        """53 bytes at 9600 Bd take 55.2 ms: never earlier, and not later than the next turn."""
        sonic = line("sonic", baud=9600)
        run(sonic, 5, step_ms=1.0)
        for k, (at, record) in enumerate(fake_port.written[:40]):
            done = k * 100.0 + len(record) * 10_000 / 9600
            assert done <= at - T0_MS < done + 2.0, k

    def test_a_line_too_slow_for_its_instrument_loses_whole_records(self, line, fake_port):
        sonic = line("sonic", baud=4800)  # 530 bytes a second do not fit 480
        run(sonic, 60, step_ms=20.0)
        assert sonic.speakers[0].overrun > 0
        assert fake_port.data.count(b"\x02") == len(gill_rows(fake_port.data))
        carried = len(fake_port.data) * 10 / 61
        assert carried == pytest.approx(4800, rel=0.05)

    def test_nobody_listening_is_counted_and_nothing_waits(self, line, fake_port):
        sonic = line("sonic", baud=38400)
        fake_port.open = False
        run(sonic, 10)
        fake_port.open = True
        before = len(fake_port.written)
        sonic.step(T0_MS + 11_050.0)
        sonic.step(T0_MS + 11_090.0)
        assert before == 0
        assert sonic.speakers[0].unread == 110
        assert len(gill_rows(fake_port.data)) == 1


class TestFaultsOnTheWire:
    def test_silence_is_a_gap_of_its_length(self, line, fake_port):
        irga = line("irga", faults="faults: [{after: 5s, for: 3s, instrument: irga, fault: silence}]")
        run(irga, 20)
        ndx = licor_rows(fake_port.data)[:, 0]
        gaps = np.diff(ndx)
        assert gaps.max() == 31
        assert np.sum(gaps > 1) == 1

    def test_wrong_checksum_spoils_the_sum_alone(self, line, fake_port):
        sonic = line("sonic", baud=38400, faults="faults: [{after: 2s, for: 3s, instrument: sonic, fault: wrong_checksum}]")
        run(sonic, 10)
        records = [part + b"\r\n" for part in fake_port.data.split(b"\r\n") if part]
        wrong = [int(r[-4:-2], 16) != xor(r[1 : r.index(b"\x03")]) for r in records]
        assert wrong == [20 <= i < 50 for i in range(len(records))]
        assert len(gill_rows(fake_port.data)) == len(records)

    def test_stuck_repeats_one_wind(self, line, fake_port):
        sonic = line("sonic", baud=38400, faults="faults: [{after: 2s, for: 3s, instrument: sonic, fault: stuck}]")
        run(sonic, 10)
        rows = gill_rows(fake_port.data)
        assert len(np.unique(rows[20:50, :3], axis=0)) == 1
        assert len(np.unique(rows[50:, :3], axis=0)) > 30

    def test_invalid_is_said_as_the_instrument_says_it(self, line, fake_port, instrument):
        sonic = line("sonic", baud=38400, faults="faults: [{after: 1s, for: 1s, instrument: sonic, fault: invalid, magnitude: 4}]")
        run(sonic, 3)
        assert fake_port.data.count(b"\x02Q,,,,M,,,04,\x03") == 10

    def test_each_talker_can_say_that_its_data_are_not_valid(self, instrument):
        said = {
            "sonic": b",07,\x03", "irga": b"(DiagVal 8158)", "irgason": b"NAN,NAN,NAN,NAN,16,", "hydroc": b",0,0,0,,,,,",
            "weather": b"#", "gnss": b",V,",
        }  # fmt: skip
        for key, text in said.items():
            talker = instrument(key)
            first = int(T0_MS // talker.period_ms) + 400
            columns = talker.values(first, 1)
            assert text not in talker.encode(columns, first)[0], key
            talker.invalidate(columns, 0, 0)
            assert text in talker.encode(columns, first)[0], key

    def test_instruments_without_a_check_sum_do_not_offer_a_wrong_one(self, instrument):
        assert "wrong_checksum" not in instrument("irga").fault_names()
        assert "wrong_checksum" in instrument("gnss").fault_names()
        assert "late_answer" not in instrument("gnss").fault_names()
        assert {"late_answer", "exception", "echo"} <= instrument("depth").fault_names()


async def ask(line: StreamLine, question: bytes) -> bytes:
    """What a line answers."""
    got: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    line.handler()(question, got.set_result)
    await asyncio.sleep(0)
    return await asyncio.wait_for(got, 2)


class TestAnswers:
    async def test_weather_transmitter_polled(self, line, fake_port):
        weather = line("weather")
        fake_port.now_ms = T0_MS + 5000.0
        composite = await ask(weather, b"0R0\r\n")
        assert composite.startswith(b"0R0,Dm=")
        assert composite.endswith(b"V\r\n")
        truth = weather.speakers[0].talker.setting.world.truth(T0_MS + 5000.0)
        fields = dict(part.split("=") for part in composite.decode().strip().split(",")[1:])
        assert float(fields["Pa"].rstrip("H")) == pytest.approx(truth["air_pressure"], abs=0.2)
        assert float(fields["Ta"].rstrip("C")) == pytest.approx(truth["air_temperature"], abs=0.2)
        assert await ask(weather, b"?\r\n") == b"0\r\n"
        run(weather, 30)
        assert fake_port.data == b"", "polled: it says nothing unasked"

    async def test_weather_transmitter_with_check_sum(self, line, fake_port):
        weather = line("weather")
        fake_port.now_ms = float(T0_MS)
        answer = (await ask(weather, b"0r2" + vaisala_crc(b"0r2") + b"\r\n")).rstrip(b"\r\n")
        assert answer[:4] == b"0r2,"
        assert answer[-3:] == vaisala_crc(answer[:-3])
        assert await ask(weather, b"0r1abc\r\n") == b"0tX,Use chksum GoeIU~\r\n"

    async def test_weather_transmitter_answers_what_the_driver_asks(self, line, fake_port):
        """With a check sum, and a digit that changed on the way is refused."""
        weather = line("weather")
        fake_port.now_ms = float(T0_MS)
        driver = make_driver(weather.speakers[0].talker.setting.instrument, load_card("vaisala_wxt536_ascii"))
        assert isinstance(driver, StreamDriver)
        assert driver.request is not None
        answer = await ask(weather, driver.request)
        (reading,) = driver.feed(answer, 0.0)
        assert reading.valid
        assert reading.quantities.keys() >= {"air_pressure", "wind_speed", "air_temperature"}
        at = answer.index(b"Pa=") + 4
        (spoiled,) = driver.feed(answer[:at] + bytes((answer[at] ^ 1,)) + answer[at + 1 :], 0.0)
        assert (spoiled.values, spoiled.valid) == ({}, False)

    async def test_a_question_may_come_in_pieces(self, line, fake_port):
        weather = line("weather")
        fake_port.now_ms = float(T0_MS)
        weather.handler()(b"0R", lambda answer: pytest.fail("half a question"))
        assert (await ask(weather, b"2\r\n")).startswith(b"0R2,Ta=")

    async def test_analyser_answers_questions_and_refuses_nonsense(self, line, fake_port):
        irga = line("irga")
        run(irga, 1)
        assert licor_rows(await ask(irga, b"(Data ?)\n")).shape == (1, 6)
        assert await ask(irga, b"(Datta 5)\n") == b"(Error (Received TRUE))\r\n"
        assert b"LI-7200" in await ask(irga, b"(EmbeddedSW ?)\n")

    async def test_sonic_in_configuration_mode_does_not_stream(self, line, fake_port):
        sonic = line("sonic", baud=38400)
        run(sonic, 1)
        assert b"CONFIGURATION MODE" in await ask(sonic, b"*")
        rows = len(gill_rows(fake_port.data))
        for at in (3000.0, 3999.0):
            sonic.step(T0_MS + at)
        assert len(gill_rows(fake_port.data)) == rows


class TestSlowTalkers:
    def test_hydroc_fields_keep_their_relation_and_tell_the_world_s_time(self, line, fake_port):
        hydroc = line("hydroc", baud=19200)
        run(hydroc, 60, step_ms=100)
        sentences = [s for s in fake_port.data.decode().split("\r\n") if s]
        assert len(sentences) == 31
        for i, sentence in enumerate(sentences):
            body, _, check = sentence[1:].partition("*")
            fields = body.split(",")
            assert f"{xor(body.encode()):02x}" == check
            assert int(fields[31]) == pytest.approx(int(fields[32]) * int(fields[13]) / 101325, abs=0.51)
            stamp = datetime.fromisoformat(f"{fields[6]}T{fields[7]}").replace(tzinfo=UTC)
            assert stamp.timestamp() * 1e3 == T0_MS + 2000 * i

    def test_hydroc_reads_the_water_and_zeroes_on_time(self, instrument):
        hydroc = instrument("hydroc")
        values = hydroc.values(T0_MS // 2000, 22_000)  # twelve hours and more
        times = hydroc.times_ms(T0_MS // 2000, 22_000)
        water = hydroc.setting.world.state(times)["pco2_water"]
        steady = (values["zero"] == 0) & (values["flush"] == 0)
        left_of_the_flush = np.exp(-600 / 90)  # what the membrane still remembers when the flush ends
        assert np.all(np.abs(values["pco2"] - water)[steady] < water[steady] * left_of_the_flush + 5 * 0.15)
        assert values["pco2"][values["zero"] == 1].max() < 3
        assert values["zero"].sum() * 2 == 120 * round(values["zero"].sum() / 60)
        assert values["flush"].sum() >= 300

    def test_position_sentences_check_and_stand_where_the_station_does(self, line, fake_port):
        gnss = line("gnss", baud=9600)
        run(gnss, 5, step_ms=50)
        sentences = [s for s in fake_port.data.decode().split("\r\n") if s]
        assert [s[3:6] for s in sentences[:3]] == ["GGA", "RMC", "ZDA"]
        for sentence in sentences:
            body, _, check = sentence[1:].partition("*")
            assert f"{xor(body.encode()):02X}" == check
        gga = sentences[0].split(",")
        assert int(gga[2][:2]) + float(gga[2][2:]) / 60 == pytest.approx(30.4, abs=1e-4)
        assert int(gga[4][:3]) + float(gga[4][3:]) / 60 == pytest.approx(121.2, abs=1e-4)


def test_gas_of_an_enclosed_path_comes_later_by_its_time_in_the_tube(station, make_world):
    """0.711 m of 5.3 mm at 1.5 L/min: 0.627 s; an open path without a word about it, at once."""
    from firmware_config.station import Station
    from simulators.instruments import Setting
    from simulators.instruments.feed import AirFeed
    from tests.simulators.conftest import station_dict

    tube = {"tube_length_m": 0.711, "tube_diameter_m": 0.0053, "flow_l_per_min": 1.5}
    product = {"kind": "eddy", "place": "mast", "sonic": "sonic", "gas": "irga", "path": "closed"}
    closed = Station.model_validate(station_dict(products=[product | tube]))
    world = make_world()

    def lag_s(which: Station) -> float:
        return Setting(which.instrument("irga"), which, world, AirFeed(world), world.config.of("irga")).lag_s

    assert lag_s(closed) == pytest.approx(0.6274, abs=1e-4)
    assert lag_s(station) == 0.0
