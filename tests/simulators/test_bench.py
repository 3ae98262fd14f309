"""The whole bench of a station on a world clock: real ports, faults that come and go, truth that is written down, a world that waits."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import serial
import yaml

from firmware_config.base.clock import WorldClock, WorldClockFile
from simulators.errors import InstrumentError, SimulatorError
from simulators.instruments.gill import HEAD
from simulators.serve.ballast import Ballast
from simulators.serve.governor import Governor
from simulators.serve.station import StationBench, base_rate
from simulators.world.world import TRUTH_UNITS
from tests.simulators.conftest import T0_MS, gill_rows, licor_rows, station_dict
from tests.simulators.test_ports import until


@asynccontextmanager
async def running(bench: StationBench):
    stop = asyncio.Event()
    places = await bench.start()
    task = asyncio.create_task(bench.run(stop))
    try:
        yield places
    finally:
        stop.set()
        await task


def truth(tmp_path: Path) -> list[dict]:
    return [json.loads(line) for line in (tmp_path / "ports/truth.jsonl").read_text().splitlines()]


def faults_noted(tmp_path: Path) -> list[tuple[str, str]]:
    return [(line["fault"], line["state"]) for line in truth(tmp_path) if line["what"] == "fault"]


async def read_for_ever(port: serial.Serial) -> None:
    while True:
        port.read(4096)
        await asyncio.sleep(0.001)


class TestStreams:
    async def test_sonic_and_analyser_at_sixty_times_lose_nothing_and_share_the_grid(self, make_bench, tmp_path):
        """Two minutes of the world in two seconds: consecutive samples of the world's own air on both lines."""
        bench = make_bench(speed=60.0)
        async with running(bench) as places:
            port = serial.Serial(str(tmp_path / "ports/sonic"), 38400, timeout=0)
            host, _, number = places["irga"].rpartition(":")
            reader, writer = await asyncio.open_connection(host, int(number))
            wind, gas = bytearray(), bytearray()
            async with asyncio.timeout(30):
                while wind.count(b"\n") < 1200 or gas.count(b"\n") < 1200:
                    wind += port.read(65_536)
                    gas += await reader.read(65_536)
            writer.close()
            port.close()
        rows, ndx = gill_rows(wind), licor_rows(gas)[:, 0]
        assert np.all(np.diff(ndx) == 1)
        k = int(T0_MS // 100)
        world = bench.world.air(k * 2, 40_000, 2, HEAD).up
        start = next(i for i in range(len(world) - 20) if np.abs(world[i : i + 20] - rows[:20, 2]).max() < 0.0051)
        assert np.abs(world[start : start + len(rows)] - rows[:, 2]).max() < 0.0051
        assert bench.statistics()["sonic"]["sonic"]["overrun"] == 0

    async def test_true_fluxes_are_noted_for_each_half_hour(self, make_bench, tmp_path):
        bench = make_bench(speed=200.0, origin_ms=T0_MS + 1_790_000, world={"fluxes": {"co2_flux": -8.0}})
        async with running(bench):
            await until(lambda: any(line["what"] == "eddy" for line in truth(tmp_path)), seconds=20)
        noted = next(line for line in truth(tmp_path) if line["what"] == "eddy")
        assert (noted["t"], noted["dt"]) == (T0_MS, 1_800_000)
        assert noted["values"]["co2_flux"] == pytest.approx(-8.0)
        assert noted["values"]["momentum_flux"] < 0
        state = next(line for line in truth(tmp_path) if line["what"] == "state")
        assert (state["t"], state["dt"]) == (T0_MS, 1_800_000)
        assert set(state["values"]) == set(TRUTH_UNITS)

    async def test_its_scenario_is_noted_with_its_beginning(self, make_bench, tmp_path):
        at = datetime.fromtimestamp(T0_MS / 1e3, UTC)
        bench = make_bench(origin_ms=T0_MS, world={"scenario": {"name": "squall", "at": at, "after": "10min"}})
        async with running(bench):
            pass
        noted = next(line for line in truth(tmp_path) if line["what"] == "scenario")
        assert (noted["t"], noted["name"]) == (T0_MS + 600_000, "squall")
        assert noted["until"] - noted["t"] == 12 * 3_600_000

    def test_the_turbulence_is_made_at_a_common_multiple_of_all_rates(self, station):
        assert base_rate(station) == 20
        from firmware_config.station import Station

        odd = station_dict()
        odd["instruments"][0]["rate"] = "32 Hz"
        assert base_rate(Station.model_validate(odd)) == 160
        odd["instruments"][1]["rate"] = "37 Hz"
        with pytest.raises(InstrumentError, match="37"):
            base_rate(Station.model_validate(odd))


class TestFaults:
    @pytest.fixture
    def timeline(self, tmp_path):
        file = tmp_path / "faults.yaml"

        def write(*entries: dict) -> Path:
            file.write_text(yaml.safe_dump({"faults": list(entries)}))
            return file

        return write

    async def test_a_cable_is_pulled_and_put_back_serial_and_tcp(self, make_bench, timeline, tmp_path):
        pull = [{"after": "20s", "for": "20s", "link": link, "fault": "unplugged"} for link in ("sonic", "irga")]
        bench = make_bench(speed=20.0, faults=timeline(*pull))
        ports = tmp_path / "ports"
        async with running(bench) as places:
            port = serial.Serial(str(ports / "sonic"), 38400, timeout=0)
            await until(lambda: not (ports / "sonic").is_symlink() and not (ports / "irga.tcp").exists())
            with pytest.raises((serial.SerialException, OSError)):
                await read_for_ever(port)
            await until(lambda: (ports / "sonic").is_symlink() and (ports / "irga.tcp").exists())
            again = serial.Serial(str(ports / "sonic"), 38400, timeout=0)
            got = bytearray()
            await until(lambda: got.extend(again.read(4096)) or len(gill_rows(got)) > 3)
            again.close()
            assert (ports / "irga.tcp").read_text() == places["irga"]
        assert sorted(faults_noted(tmp_path)) == [("unplugged", "begun")] * 2 + [("unplugged", "ended")] * 2
        begun = next(line for line in truth(tmp_path) if line.get("state") == "begun")
        assert begun["link"] in ("sonic", "irga")
        assert begun["t"] - bench.timeline.faults[0].begin_ms < 20_000

    async def test_the_station_s_clock_goes_wrong_and_is_healed(self, make_bench, timeline, tmp_path):
        entry = {"after": "5s", "for": "30s", "fault": "bad_clock", "magnitude": 7200, "quality": "holdover"}
        bench = make_bench(speed=20.0, faults=timeline(entry))
        theirs = WorldClock(tmp_path / "clock.json", "bench")
        async with running(bench):
            await until(lambda: theirs.quality() == "holdover")
            assert theirs.now_ms() - bench.now_ms() == pytest.approx(7_200_000, abs=1000)
            await until(lambda: theirs.quality() == "synchronised")
            assert theirs.now_ms() - bench.now_ms() == pytest.approx(0, abs=1000)
        assert faults_noted(tmp_path) == [("bad_clock", "begun"), ("bad_clock", "ended")]

    async def test_a_fault_is_staged_live_by_appending_to_the_file(self, make_bench, timeline, tmp_path):
        file = timeline()
        bench = make_bench(speed=20.0, faults=file)
        async with running(bench):
            timeline({"instrument": "sonic", "fault": "silence"})
            await until(lambda: ("silence", "begun") in faults_noted(tmp_path))
            timeline()
            await until(lambda: ("silence", "ended") in faults_noted(tmp_path))

    async def test_what_cannot_be_done_here_is_refused_and_said(self, make_bench, timeline, tmp_path):
        bench = make_bench(speed=20.0, faults=timeline({"fault": "no_network"}, {"fault": "full_disk"}))
        async with running(bench):
            await until(lambda: len(faults_noted(tmp_path)) == 2)
        assert set(faults_noted(tmp_path)) == {("no_network", "refused"), ("full_disk", "refused")}
        assert any("--broker" in line.get("reason", "") for line in truth(tmp_path))

    async def test_no_network_cuts_the_way_to_the_broker(self, make_bench, timeline, tmp_path):
        async def answer(reader, writer):
            while data := await reader.read(100):
                writer.write(data)

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        broker = ("127.0.0.1", server.sockets[0].getsockname()[1])
        bench = make_bench(speed=20.0, broker=broker, faults=timeline())
        async with running(bench) as places:
            host, _, port = places["broker"].rpartition(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(b"one")
            assert await reader.readexactly(3) == b"one"
            timeline({"fault": "no_network"})
            await until(lambda: ("no_network", "begun") in faults_noted(tmp_path))
            writer.write(b"two")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.readexactly(3), 0.2)
            timeline()
            assert await asyncio.wait_for(reader.readexactly(3), 5) == b"two"
            writer.close()
        server.close()
        await server.wait_closed()


class TestGovernor:
    """The world waits for who is late and settles under what the machine can do. Real time is the test's."""

    @pytest.fixture
    def governed(self, tmp_path):
        file = WorldClockFile(tmp_path / "clock.json")
        file.start(60.0, T0_MS)
        now = [100.0]
        return Governor(file, "test", lambda: now[0]), now, lambda: json.loads(file.path.read_text())["speed"]

    def test_on_time_nothing_happens(self, governed):
        governor, _, speed = governed
        governor.report(0.2, 0.05)
        assert speed() == 60
        assert governor.cuts == 0

    @pytest.mark.parametrize("late", [(0.3, 0.0), (0.0, 0.15)])
    def test_a_late_instrument_or_reader_cuts_the_speed_at_once(self, governed, late):
        governor, now, speed = governed
        governor.report(*late)
        assert speed() == 15
        governor.report(*late)  # too soon to judge the effect
        assert speed() == 15
        now[0] += 0.5
        governor.report(*late)
        assert speed() == 3.75

    def test_it_climbs_back_under_the_trouble_and_slowly_to_its_own_pace(self, governed):
        governor, now, speed = governed
        governor.report(1.0)
        speeds = []
        for _ in range(200):
            now[0] += 0.2
            governor.report(0.0)
            speeds.append(speed())
        assert speeds == sorted(speeds)
        assert 48 in speeds, "four fifths of the speed at which trouble began"
        assert speeds[-1] == 60

    def test_it_settles_where_the_machine_can_follow(self, governed):
        """A reader who manages 25x: after the first seconds the speed swings about that, and he is rarely late."""
        governor, now, speed = governed
        late, speeds = 0, []
        for step in range(3000):
            now[0] += 0.1
            slow = speed() > 25
            governor.report(0.0, 0.5 if slow else 0.0)
            late += slow and step > 300
            speeds.append(speed())
        assert 12 < np.mean(speeds[300:]) < 26
        assert late / 2700 < 0.1

    def test_never_slower_than_real_time_and_free_at_the_end(self, governed):
        governor, now, speed = governed
        for _ in range(12):
            now[0] += 1
            governor.report(9.0)
        assert speed() == 1
        governor.close()
        assert speed() == 60


class TestBallast:
    def test_a_large_disk_is_never_filled(self, tmp_path):
        with pytest.raises(SimulatorError, match="tmpfs"):
            Ballast(tmp_path, largest_bytes=1000).fill()
        assert not (tmp_path / ".ballast").exists()

    def test_a_small_one_is_full_until_released(self, tmp_path):
        """On a real tmpfs of 2 MB in a mount namespace of its own."""
        script = f"""
import errno, sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from simulators.serve.ballast import Ballast
place = Path({str(tmp_path)!r})
ballast = Ballast(place)
assert ballast.fill() > 1_000_000
try:
    (place / "data").write_bytes(b"x" * 5000)
except OSError as error:
    assert error.errno == errno.ENOSPC
else:
    raise SystemExit("there was room")
ballast.release()
(place / "data").write_bytes(b"x" * 5000)
assert ballast.fill(leave_bytes=500_000) > 500_000
(place / "more").write_bytes(b"x" * 400_000)
"""
        if subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode:
            pytest.skip("no mount namespace can be made here")
        command = f'mount -t tmpfs -o size=2m tmpfs {tmp_path} && exec "$0" -'
        run = subprocess.run(
            ["unshare", "-rm", "sh", "-c", command, sys.executable], input=script, text=True, capture_output=True, timeout=60
        )
        assert run.returncode == 0, run.stderr


class TestDoor:
    """The command, as the demo and an engineer use it."""

    @pytest.fixture
    def example(self) -> Path:
        return Path(__file__).parents[2] / "firmware_config/stations/hangzhou-mudflat/station.yaml"

    @staticmethod
    def command(*arguments: object) -> list[str]:
        return [sys.executable, "-c", "from simulators.cli import main; main()", "station", *map(str, arguments)]

    def test_serves_an_example_station_says_where_and_stops_on_sigterm(self, example, tmp_path):
        environment = {key: value for key, value in os.environ.items() if key != "HAITAN_CLOCK"}
        command = self.command(example, "--ports", tmp_path / "ports", "--speed", "30")
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("ready ")
        ready = json.loads(line.removeprefix("ready "))
        assert set(ready["links"]) == {"sonic", "irga", "met", "gnss", "water", "level"}
        assert (tmp_path / "ports/sonic").is_symlink()
        assert (tmp_path / "ports/irga.tcp").read_text() == ready["links"]["irga"]
        assert WorldClock(Path(ready["clock"])).speed == 30
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert not (tmp_path / "ports/sonic").is_symlink()
        assert [line["what"] for line in truth(tmp_path)][-1] == "stop"

    def test_a_wrong_timeline_stops_it_before_it_starts(self, example, tmp_path):
        (tmp_path / "faults.yaml").write_text("faults: [{instrument: sonar, fault: silence}]")
        command = self.command(example, "--ports", tmp_path / "ports", "--faults", tmp_path / "faults.yaml")
        run = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert run.returncode == 1
        assert "sonar" in run.stderr
        assert "Traceback" not in run.stderr
