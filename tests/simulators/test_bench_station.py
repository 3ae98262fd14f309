"""The bench's own station as a program would meet it: every link speaks or answers, and mbpoll reads the new registers."""

from __future__ import annotations

import asyncio
import os
import subprocess
import tty
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from firmware_config.base.clock import WorldClock, WorldClockFile
from firmware_config.check import load_station
from firmware_config.station import Station
from simulators.serve.station import Plan, StationBench
from simulators.world import load_world
from tests.simulators.conftest import T0_MS
from tests.simulators.test_more_instruments import BENCH

OFTEN = {"sami": "2s", "sbe26": "2s", "weather": "2s", "proco2": "1s"}


@pytest.fixture
def serve(tmp_path: Path) -> Callable[..., Any]:
    """The bench's station served at a speed."""
    described = yaml.safe_load((BENCH / "station.yaml").read_text(encoding="utf-8"))
    for entry in described["instruments"]:
        entry["every"] = OFTEN.get(entry["id"], entry.get("every"))
    station = Station.model_validate(described)

    @asynccontextmanager
    async def run(speed: float) -> AsyncIterator[tuple[StationBench, Path]]:
        file = WorldClockFile(tmp_path / "clock.json")
        file.start(speed, T0_MS)
        ports = tmp_path / "ports"
        ports.mkdir()
        bench = StationBench(station, Plan(ports=ports, world=load_world(BENCH / "world.yaml"), clock_file=file), WorldClock(file.path))
        await bench.start()
        stop = asyncio.Event()
        running = asyncio.create_task(bench.run(stop))
        try:
            yield bench, ports
        finally:
            stop.set()
            await running

    return run


def test_its_file_passes_every_check():
    assert len(load_station(BENCH / "station.yaml").station.instruments) == 28


async def test_every_serial_link_speaks(serve):
    async with serve(10.0) as (bench, ports):
        links = [link.id for link in bench.station.links if link.kind == "serial"]
        heard: dict[str, bytes] = dict.fromkeys(links, b"")
        open_ports = {key: os.open(ports / key, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK) for key in links}
        try:
            for descriptor in open_ports.values():
                tty.setraw(descriptor)
            async with asyncio.timeout(30):
                while not all(heard.values()):
                    await asyncio.sleep(0.02)
                    for key, descriptor in open_ports.items():
                        try:
                            heard[key] += os.read(descriptor, 4096)
                        except BlockingIOError:
                            continue
        finally:
            for descriptor in open_ports.values():
                os.close(descriptor)
    assert heard["sami"].startswith(b"*54")
    assert heard["mru"].startswith(b"\x75\x65\x80")
    assert heard["charger"].startswith(b"\r\nPID\t")


@pytest.mark.needs("mbpoll")
class TestMbpoll:
    """A Modbus master nobody here wrote reads every new unit."""

    @staticmethod
    async def poll(port: Path, *arguments: str) -> list[float]:
        line = ["-m", "rtu", "-b", "9600" if port.name == "water" else "19200", "-P", "none" if port.name == "water" else "even"]
        process = await asyncio.create_subprocess_exec(
            "mbpoll", "-0", "-1", *line, *arguments, str(port), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        output, _ = await asyncio.wait_for(process.communicate(), 20)
        assert process.returncode == 0, output.decode()
        return [float(row.partition(":")[2].split("(")[0]) for row in output.decode().splitlines() if row.startswith("[")]

    async def test_reads_what_the_world_has(self, serve):
        async with serve(1.0) as (bench, ports):
            truth = bench.world.truth(bench.now_ms())
            water, air = ports / "water", ports / "air"
            floats = ("-t", "3:float", "-B")
            saturation, oxygen, _, temperature, _ = await self.poll(water, "-a", "3", "-r", "0", "-c", "5", *floats)
            assert oxygen == pytest.approx(truth["dissolved_oxygen"], abs=0.05)
            assert temperature == pytest.approx(truth["water_temperature"], abs=0.05)
            assert saturation == pytest.approx(truth["oxygen_saturation"] * truth["air_pressure"] / 1013.25, abs=0.6)
            _, distance, level = await self.poll(water, "-a", "246", "-r", "2000", "-c", "3", *floats)
            assert distance + level == pytest.approx(8.0, abs=1e-4)
            assert level == pytest.approx(truth["water_level"], abs=0.05)
            (rdo,) = await self.poll(air, "-a", "1", "-r", "37", "-c", "1", "-t", "4:float", "-B")
            assert rdo == pytest.approx(truth["dissolved_oxygen"], abs=0.05)
            head = await self.poll(air, "-a", "2", "-r", "0", "-c", "6", "-t", "4")
            assert head[:4] == [603, 107, 1, 0]
            assert (head[5] + 32_768) % 65_536 - 32_768 == pytest.approx(truth["shortwave"], abs=6)
            humidity = await self.poll(air, "-a", "3", "-r", "10", "-c", "1", "-t", "3")
            assert humidity[0] == pytest.approx(10 * truth["relative_humidity"], abs=12)
            (co2,) = await self.poll(air, "-a", "240", "-r", "0", "-c", "1", "-t", "4:float")
            assert co2 == pytest.approx(truth["co2_air"] * truth["air_pressure"] / 1013.25, abs=3.0)
