"""A small station of the bench's own, a clock that tests turn, and a port that keeps what is written to it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firmware_config.base.clock import WorldClock, WorldClockFile
from firmware_config.station import Station
from simulators.instruments import Setting, make_instrument
from simulators.instruments.feed import AirFeed
from simulators.serve.ports import Port
from simulators.serve.station import Plan, StationBench
from simulators.world import Site, World, WorldConfig

T0_MS = 1_790_000_000_000 // 1_800_000 * 1_800_000
"""A half-hour boundary in September 2026."""


def station_dict(**changes: Any) -> dict[str, Any]:
    """A station with one instrument of each kind the bench knows."""
    instruments = [
        ("sonic", "gill_windmaster_ascii", {"link": "sonic", "rate": "10 Hz"}),
        ("irga", "licor_li7500_grammar", {"link": "irga", "rate": "10 Hz", "options": {"analyser": "li7200"}}),
        ("irgason", "ec100_irgason_ascii", {"link": "irgason", "rate": "20 Hz"}),
        ("hydroc", "contros_hydroc_co2", {"link": "pco2", "every": "2s"}),
        ("weather", "vaisala_wxt536_ascii", {"link": "met", "every": "10s", "address": "0", "options": {"mode": "polled"}}),
        ("gnss", "gps_nmea0183", {"link": "gnss", "every": "1s"}),
        ("oxygen", "yosemitech_y504_modbus", {"link": "water", "every": "10s", "address": 1}),
        ("depth", "keller_series30_modbus", {"link": "water", "every": "1s", "address": 2}),
        ("level", "keller_series30_modbus", {"link": "level", "every": "1s", "address": 1}),
    ]
    wet = {"hydroc", "oxygen", "depth", "level"}
    base = {
        "schema": 1,
        "id": "bench",
        "name": {"en": "Bench", "zh": "试验台"},
        "platform": "fixed",
        "surface": "mudflat",
        "position": {"latitude_deg": 30.4, "longitude_deg": 121.2},
        "datum": {"datum_1985_m": -1.1, "chart_datum_m": -4.0},
        "contact": {"operator": "bench"},
        "links": [
            {"id": "sonic", "kind": "serial", "port": "/dev/null", "baud": 38400},
            {"id": "irga", "kind": "tcp", "host": "localhost", "port": 7200},
            {"id": "irgason", "kind": "serial", "port": "/dev/null", "baud": 115200},
            {"id": "pco2", "kind": "serial", "port": "/dev/null", "baud": 19200},
            {"id": "met", "kind": "serial", "port": "/dev/null", "baud": 19200},
            {"id": "gnss", "kind": "serial", "port": "/dev/null", "baud": 9600},
            {"id": "water", "kind": "modbus_rtu", "port": "/dev/null", "baud": 9600},
            {"id": "level", "kind": "modbus_tcp", "host": "localhost", "port": 502},
        ],
        "instruments": [
            {
                "id": key,
                "model": model,
                "place": "mast",
                "serial_number": "1001",
                "mounting": {"height_m": -6.0 if key in wet else 4.4},
                **rest,
            }
            for key, model, rest in instruments
        ],
        "products": [{"kind": "eddy", "place": "mast", "sonic": "sonic", "gas": "irga", "path": "closed"}],
        "uplink": {"host": "localhost"},
    }
    return base | changes


@pytest.fixture
def station() -> Station:
    return Station.model_validate(station_dict())


@pytest.fixture
def make_world(station: Station) -> Callable[..., World]:
    """A world for the station; keywords are keys of the world's file."""

    def make(rate_hz: int = 20, **config: Any) -> World:
        return World(WorldConfig.model_validate({"schema": 1, "seed": 11} | config), Site.of(station), rate_hz)

    return make


@pytest.fixture
def instrument(station: Station, make_world: Callable[..., World]) -> Callable[..., Any]:
    """One simulated instrument of the station in a world of its own."""

    def make(key: str, recording: Any = None, **config: Any) -> Any:
        world = make_world(**config)
        return make_instrument(Setting(station.instrument(key), station, world, AirFeed(world, recording), world.config.of(key)))

    return make


class FakePort(Port):
    """Keeps what is written with the time the test says it is."""

    def __init__(self) -> None:
        super().__init__(lambda: lambda data, reply: None)
        self.open = True
        self.now_ms = 0.0
        self.written: list[tuple[float, bytes]] = []

    @property
    def present(self) -> bool:
        return self.open

    def write(self, data: bytes) -> None:
        self.written.append((self.now_ms, data))

    @property
    def data(self) -> bytes:
        return b"".join(data for _, data in self.written)


@pytest.fixture
def fake_port() -> FakePort:
    return FakePort()


@pytest.fixture
def make_bench(station: Station, tmp_path: Path) -> Callable[..., StationBench]:
    """A bench of the station on a world clock of ``speed``; keywords go into the plan."""

    def make(speed: float = 20.0, origin_ms: int = T0_MS, world: dict[str, Any] | None = None, **plan: Any) -> StationBench:
        file = WorldClockFile(tmp_path / "clock.json")
        file.start(speed, origin_ms)
        config = WorldConfig.model_validate({"schema": 1, "seed": 11} | (world or {}))
        ports = tmp_path / "ports"
        ports.mkdir(exist_ok=True)
        return StationBench(station, Plan(ports=ports, world=config, clock_file=file, **plan), WorldClock(file.path))

    return make


GILL = re.compile(rb"\x02Q,([+-]\d+\.\d+),([+-]\d+\.\d+),([+-]\d+\.\d+),M,([+-]\d+\.\d+),([+-]\d+\.\d+),00,\x03[0-9A-F]{2}\r\n")
LICOR = re.compile(rb"\(Data \(Ndx (\d+)\)\(DiagVal (\d+)\).*?\(CO2D ([^)]+)\).*?\(H2OD ([^)]+)\)\(Temp ([^)]+)\)\(Pres ([^)]+)\)")


def gill_rows(data: bytes) -> np.ndarray:
    """u, v, w, speed of sound, sonic temperature of every whole record: read as a person reads the manual."""
    return np.array([[float(x) for x in match] for match in GILL.findall(data)])


def licor_rows(data: bytes) -> np.ndarray:
    """Ndx, DiagVal, CO2D, H2OD, Temp, Pres of every whole record."""
    return np.array([[float(x) for x in match] for match in LICOR.findall(data)])
