"""What is wrong with one link or one instrument is said in plain words, and the others are read."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import serial

from edge.agent.acquisition import Acquisition, Source
from edge.agent.timebase import StationTime
from edge.instruments import Reading
from firmware_config import check
from firmware_config.base.clock import WorldClock, WorldClockFile
from firmware_config.cards import CARDS, readable_cards
from firmware_config.check import load_station
from firmware_config.errors import StationFileError
from firmware_config.station import Station
from simulators.serve.station import Plan, StationBench
from simulators.stage import example_station
from simulators.world import WorldConfig
from tests.simulators.conftest import station_dict

PORTS = ("good", "other", "spare")


@asynccontextmanager
async def read(folder: Path) -> AsyncIterator[tuple[Counter[str], list[tuple[str, dict[str, Any]]]]]:
    """Three receivers on ports of their own, read by the agent's acquisition: counts of readings, and what it reports of links."""
    links = [{"id": name, "kind": "serial", "port": "/dev/null", "baud": 9600} for name in PORTS]
    base = {"model": "gps_nmea0183", "serial_number": "1", "every": "200ms", "mounting": {"height_m": 4.0}}
    instruments = [{"id": name, "place": name, "link": name, **base} for name in PORTS]
    station = Station.model_validate(station_dict(links=links, instruments=instruments, products=[]))
    file = WorldClockFile(folder / "clock.json")
    file.start(1.0)
    clock, stop = WorldClock(file.path), asyncio.Event()
    bench = StationBench(station, Plan(folder / "ports", WorldConfig.model_validate({"schema": 1, "seed": 1}), clock_file=file), clock)
    await bench.start()
    counts: Counter[str] = Counter()
    events: list[tuple[str, dict[str, Any]]] = []

    def deliver(source: Source, reading: Reading, at_ms: float) -> None:
        counts[source.instrument.id] += reading.valid

    acquisition = Acquisition(
        station, StationTime(clock), deliver, ports=folder / "ports", on_change=lambda kind, detail: events.append((kind, detail))
    )
    serving = asyncio.create_task(bench.run(stop))
    parts: list[asyncio.Future[None]] = []

    def begin() -> None:
        parts.extend(asyncio.ensure_future(part()) for part in acquisition.parts().values())

    asyncio.get_running_loop().call_soon(begin)
    try:
        yield counts, events
    finally:
        await acquisition.close()
        await asyncio.gather(*parts)
        stop.set()
        await serving


async def until(condition) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.02)


async def test_a_port_that_another_program_holds_is_named_and_taken_when_it_is_free(tmp_path: Path) -> None:
    async with read(tmp_path) as (counts, events):
        held = serial.Serial(str((tmp_path / "ports" / "other").resolve()), 9600, exclusive=True)
        await until(lambda: counts["good"] > 3 and counts["spare"] > 3 and events)
        assert not counts["other"]
        ((kind, detail),) = events
        assert (kind, detail["link"]) == ("link_lost", "other")
        assert "another program holds this port" in detail["reason"]
        held.close()
        await until(lambda: counts["other"] > 3)
        assert events[-1][0] == "link_back"


async def test_a_speed_that_the_port_refuses_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = serial.Serial

    def picky(port: str, **settings: Any) -> serial.Serial:
        if Path(port) == (tmp_path / "ports" / "other").resolve():
            raise ValueError("Failed to set custom baud rate (9600): [Errno 22] Invalid argument")
        return real(port=port, **settings)

    monkeypatch.setattr(serial, "Serial", picky)
    async with read(tmp_path) as (counts, events):
        await until(lambda: counts["good"] > 3 and counts["spare"] > 3 and events)
        ((kind, detail),) = events
        assert kind == "link_lost"
        assert "the port refuses 9600 Bd 8N1; choose a setting it has" in detail["reason"]
        assert not counts["other"]


class TestCards:
    """A card with a mistake stops the stations that use it, and no other."""

    @pytest.fixture
    def overlapping(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for path in CARDS.glob("*.yaml"):
            shutil.copy(path, tmp_path)
        card = tmp_path / "keller_series30_modbus.yaml"
        text = card.read_text(encoding="utf-8")
        wrong = text.replace("{field: p1_bar, address: 0x0002,", "{field: p1_bar, address: 0x0001,")
        assert wrong != text
        card.write_text(wrong, encoding="utf-8")
        monkeypatch.setattr(check, "readable_cards", lambda: readable_cards(tmp_path))

    @pytest.mark.usefixtures("overlapping")
    def test_registers_that_overlap_are_named_with_card_and_line(self) -> None:
        with pytest.raises(StationFileError, match=r"keller_series30_modbus\.yaml:\d+: modbus\.registers\[1\].*overlaps ch0_bar at 0x0000"):
            load_station(example_station("zhoushan-buoy"))

    @pytest.mark.usefixtures("overlapping")
    def test_a_station_without_that_instrument_starts(self, tmp_path: Path) -> None:
        text = example_station("zhoushan-buoy").read_text(encoding="utf-8")
        begin, end = text.index("  - id: depth"), text.index("quality:")
        pressure = text.index("  - series: water_pressure@surface")
        text = text[:begin] + text[end:pressure] + text[text.index("inputs:") :]
        (tmp_path / "station.yaml").write_text(text, encoding="utf-8")
        shutil.copy(example_station("zhoushan-buoy").with_name("site.geojson"), tmp_path)
        assert "keller_series30_modbus" not in {one.model for one in load_station(tmp_path / "station.yaml").station.instruments}
