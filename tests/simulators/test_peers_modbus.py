"""Every simulated Modbus instrument read by masters nobody here wrote: libmodbus and mbpoll, on a serial line and over TCP.

They find the registers, take the answers for whole and make numbers of them; the numbers are those of the world.
"""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from firmware_config.base.clock import WorldClock, WorldClockFile
from firmware_config.cards import all_cards
from firmware_config.station import Station
from simulators.instruments import MODELS, Unit
from simulators.serve.station import Plan, StationBench
from simulators.world import WorldConfig
from tests.edge.links.libmodbus import ILLEGAL_ADDRESS, Master, ModbusError
from tests.simulators.conftest import T0_MS, station_dict

MORNING_MS = T0_MS + 13 * 3_600_000
"""The sun is up: radiation is more than the offset of the pyranometer."""
HEIGHT_M = {"vegapuls_modbus": 9.0, "vaisala_gmp252_modbus": 4.0, "vaisala_wxt536_modbus": 4.0, "kippzonen_smp_modbus": 4.0}
WET_M = -6.0
BAUD = 38400


class Value(NamedTuple):
    """One value of one model: where it lies, how it is written, and what the world says it is."""

    model: str
    function: int
    address: int
    kind: str
    """a float by its byte order, or int16"""
    true: Callable[[dict[str, float]], float]
    within: float


VALUES = [
    Value("keller_series30_modbus", 3, 0x0100, "abcd", lambda w: w["water_density"] * 9.80665 * (w["water_level"] - WET_M) / 1e5, 0.003),
    Value("keller_series30_modbus", 3, 0x0102, "abcd", lambda w: w["water_temperature"], 0.1),
    Value("yosemitech_y504_modbus", 3, 0x2600, "dcba", lambda w: w["water_temperature"], 0.1),
    Value("yosemitech_y504_modbus", 3, 0x2604, "dcba", lambda w: w["dissolved_oxygen"], 0.1),
    Value("yosemitech_y504_modbus", 3, 0x3000, "int16", lambda _: UNIT["yosemitech_y504_modbus"] << 8, 0.1),
    Value("vaisala_gmp252_modbus", 3, 0x0000, "cdab", lambda w: w["co2_air"] * w["air_pressure"] / 1013.0, 4.0),
    Value("vaisala_gmp252_modbus", 3, 0x0100, "int16", lambda w: w["co2_air"] * w["air_pressure"] / 1013.0, 5.0),
    Value("insitu_rdo_aquatroll_modbus", 3, 37, "abcd", lambda w: w["dissolved_oxygen"], 0.05),
    Value("insitu_rdo_aquatroll_modbus", 3, 45, "abcd", lambda w: w["water_temperature"], 0.05),
    Value("ysi_odo_rtu_modbus", 4, 2, "abcd", lambda w: w["dissolved_oxygen"], 0.05),
    Value("ysi_odo_rtu_modbus", 4, 6, "abcd", lambda w: w["water_temperature"], 0.05),
    Value("vegapuls_modbus", 4, 2002, "abcd", lambda w: 9.0 - w["water_level"], 0.05),
    Value("vegapuls_modbus", 4, 106, "cdab", lambda w: 9.0 - w["water_level"], 0.05),
    Value("vegapuls_modbus", 4, 2202, "badc", lambda w: 9.0 - w["water_level"], 0.05),
    Value("vaisala_wxt536_modbus", 4, 0x0A, "int16", lambda w: 10 * w["relative_humidity"], 10.0),
    Value("vaisala_wxt536_modbus", 4, 0x0E, "int16", lambda w: 10 * w["air_pressure"], 2.0),
    Value("vaisala_wxt536_modbus", 4, 0x1F, "int16", lambda w: 10 * w["air_temperature"], 3.0),
    Value("kippzonen_smp_modbus", 4, 10_006, "abcd", lambda w: w["shortwave"], 6.0),
]
ASKED = sorted(model for model, kind in MODELS.items() if issubclass(kind, Unit))
UNIT = {model: number for number, model in enumerate(ASKED, 1)}


def station() -> Station:
    """Each model twice: on a serial line and behind TCP."""
    links = [
        {"id": "line", "kind": "modbus_rtu", "port": "/dev/null", "baud": BAUD},
        {"id": "net", "kind": "modbus_tcp", "host": "localhost", "port": 502},
    ]
    instruments = [
        {
            "id": f"{link['id']}_{number}", "model": model, "place": link["id"], "serial_number": "1001", "link": link["id"],
            "address": number, "every": "1s", "mounting": {"height_m": HEIGHT_M.get(model, WET_M)},
        }
        for link in links for model, number in UNIT.items()
    ]  # fmt: skip
    return Station.model_validate(station_dict(links=links, instruments=instruments, products=[]))


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[tuple[StationBench, tuple[str, int], int]]:
    """The bench at work; gives it, its serial port with the speed, and its TCP port."""
    file = WorldClockFile(folder / "clock.json")
    file.start(1.0, MORNING_MS)
    config = WorldConfig.model_validate({"schema": 1, "seed": 11})
    bench = StationBench(station(), Plan(folder / "ports", config, clock_file=file), WorldClock(file.path))
    places = await bench.start()
    stop = asyncio.Event()
    running = asyncio.create_task(bench.run(stop))
    try:
        yield bench, (str(folder / "ports" / "line"), BAUD), int(places["net"].rpartition(":")[2])
    finally:
        stop.set()
        await running


def test_every_model_that_is_asked_is_in_the_table() -> None:
    assert {value.model for value in VALUES} == set(ASKED)
    assert {model for model, card in all_cards().items() if card.modbus is not None and model in MODELS} == set(ASKED)


@pytest.mark.needs("libmodbus")
class TestLibmodbus:
    @staticmethod
    def look(master: Master, value: Value) -> float:
        unit = UNIT[value.model]
        if value.kind != "int16":
            return master.read_float(unit, value.function, value.address, value.kind)
        (word,) = master.read(unit, value.function, value.address, 1)
        return word - 0x10000 if word >= 0x8000 else word

    def visit(self, where: tuple[str, int] | int) -> list[Any]:
        """One master's round: the sensor that must be started, every value, the whole poll of every card, a register that is not there."""
        master = Master(where)
        try:
            oxygen = UNIT["yosemitech_y504_modbus"]
            assert master.raw(bytes((oxygen, 3, 0x25, 0, 0, 0)))[-5 : -2 or None].count(oxygen) or isinstance(where, int)
            master.raw(bytes((oxygen, 3, 0x25, 0, 0, 0)))
            time.sleep(0.6)  # it measures from 0.4 s after its start
            found: list[Any] = [self.look(master, value) for value in VALUES]
            for model, unit in UNIT.items():
                modbus = all_cards()[model].modbus
                assert modbus is not None
                found += [len(master.read(unit, read.function, read.address, read.count)) == read.count for read in modbus.poll]
            with pytest.raises(ModbusError) as refused:
                master.read(UNIT["keller_series30_modbus"], 3, 0x0F00, 1)
            assert refused.value.number == ILLEGAL_ADDRESS
            master.write(UNIT["vaisala_gmp252_modbus"], 0x0208, [0, 0x447D])  # 1012 hPa, least significant word first
            assert master.read_float(UNIT["vaisala_gmp252_modbus"], 3, 0x0208, "cdab") == 1012.0
        finally:
            master.close()
        return found

    async def test_reads_the_world_on_the_line_and_over_tcp(self, tmp_path: Path) -> None:
        async with served(tmp_path) as (bench, line, port):
            for where in (line, port):
                found = await asyncio.to_thread(self.visit, where)
                world = bench.world.truth(bench.now_ms())
                for value, number in zip(VALUES, found, strict=False):
                    assert number == pytest.approx(value.true(world), abs=value.within), f"{value.model} {value.address}"
                assert all(found[len(VALUES) :])


@pytest.mark.needs("mbpoll")
class TestMbpoll:
    @staticmethod
    async def poll(value: Value, *where: str) -> float:
        """mbpoll's own number. It knows two orders of words; bytes turned round it shows as they come."""
        table = f"{3 if value.function == 4 else 4}{'' if value.kind == 'int16' else ':float'}"
        order = ["-B"] if value.kind == "abcd" else []
        command = ["mbpoll", "-0", "-1", "-a", str(UNIT[value.model]), "-r", str(value.address), "-c", "1", "-t", table, *order, *where]
        process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        output = (await asyncio.wait_for(process.communicate(), 30))[0].decode()
        assert process.returncode == 0, f"{' '.join(command)}: {output}"
        return float(next(line for line in output.splitlines() if line.startswith("[")).partition(":")[2].split()[0])

    async def test_reads_the_world_on_the_line_and_over_tcp(self, tmp_path: Path) -> None:
        async with served(tmp_path) as (bench, line, port):
            serial = ["-m", "rtu", "-b", str(line[1]), "-P", "none", "-o", "3", line[0]]
            tcp = ["-m", "tcp", "-p", str(port), "-o", "3", "127.0.0.1"]
            for value in VALUES:
                if value.kind in {"badc", "dcba"}:
                    continue
                for where in (serial, tcp):
                    number = await self.poll(value, *where)
                    world = bench.world.truth(bench.now_ms())
                    assert number == pytest.approx(value.true(world), abs=value.within), f"{value.model} {value.address}"
