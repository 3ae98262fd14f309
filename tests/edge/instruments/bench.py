"""Instruments of the bench behind real pseudo-terminals, read by the agent's acquisition: what they deliver and which events are told."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from edge.agent.acquisition import Acquisition, Source
from edge.agent.memory import InstrumentMemory
from edge.agent.timebase import StationTime
from edge.instruments import Reading
from firmware_config.base.clock import WorldClock, WorldClockFile
from firmware_config.station import Station
from simulators.serve.station import Plan, StationBench
from simulators.world import WorldConfig
from tests.conftest import ROOT
from tests.simulators.conftest import station_dict

EVERY_INSTRUMENT = ROOT / "simulators/stations/bench/station.yaml"
Event = tuple[str, dict[str, Any]]


def of_the_bench(*names: str, **changes: dict[str, Any]) -> dict[str, Any]:
    """The bench's own station with these instruments alone (all when none is named), ``changes`` by instrument."""
    whole = yaml.safe_load(EVERY_INSTRUMENT.read_text(encoding="utf-8"))
    items = [item for item in whole["instruments"] if not names or item["id"] in names]
    for item in items:
        more = dict(changes.get(item["id"], {}))
        item["options"] = {**item.get("options", {}), **more.pop("options", {})}
        item.update(more)
    used = {item["link"] for item in items}
    return {**whole, "instruments": items, "links": [link for link in whole["links"] if link["id"] in used]}


def one_line(item: dict[str, Any]) -> dict[str, Any]:
    """A station of one instrument on a serial line."""
    links = [{"id": item["link"], "kind": "serial", "port": "/dev/null", "baud": 9600}]
    return station_dict(links=links, instruments=[item], products=[])


class Bench:
    """A station on the bench; `power_off` and `power_on` take its instruments away and start them as they leave the factory."""

    def __init__(self, folder: Path, station: dict[str, Any], factory: dict[str, dict[str, Any]], speed: float) -> None:
        self.station = Station.model_validate(station)
        self.ports = folder / "ports"
        self.file = WorldClockFile(folder / "clock.json")
        self.file.start(speed)
        self.clock = WorldClock(self.file.path)
        self.factory = factory
        self.events: list[Event] = []
        self.good: Counter[str] = Counter()
        self.readings: dict[str, list[Reading]] = {}
        self.taken: list[tuple[Source, Reading, float]] = []
        self.acquisition: Acquisition
        self._stop = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None

    async def power_on(self) -> None:
        own = {"zero_every"}  # what the bench's file has a word for beside what is set in the instrument
        sets = {
            name: {"set": {k: v for k, v in values.items() if k not in own}, **{k: v for k, v in values.items() if k in own}}
            for name, values in self.factory.items()
        }
        world = WorldConfig.model_validate({"schema": 1, "seed": 1, "instruments": sets})
        bench = StationBench(self.station, Plan(self.ports, world, clock_file=self.file), self.clock)
        await bench.start()
        self._stop = asyncio.Event()
        self._serving = asyncio.create_task(bench.run(self._stop))

    async def power_off(self) -> None:
        self._stop.set()
        assert self._serving is not None
        await self._serving

    def of(self, kind: str, instrument: str = "") -> list[dict[str, Any]]:
        return [detail for name, detail in self.events if name == kind and instrument in {"", detail.get("instrument")}]

    def told(self, kind: str) -> set[tuple[str, str, str, str]]:
        """(instrument, setting, found, wanted) of every event of a kind."""
        return {(x["instrument"], x["setting"], x["found"], x["wanted"]) for x in self.of(kind)}

    def deliver(self, source: Source, reading: Reading, at_ms: float) -> None:
        self.good[source.instrument.id] += reading.valid
        self.readings.setdefault(source.instrument.id, []).append(reading)
        self.taken.append((source, reading, at_ms))


@asynccontextmanager
async def running(
    folder: Path, station: dict[str, Any], factory: dict[str, dict[str, Any]] | None = None, *, speed: float = 10.0,
    memory: InstrumentMemory | None = None,
) -> AsyncIterator[Bench]:  # fmt: skip
    """The bench served and read; ``factory``: instrument → how it is set when it is switched on."""
    bench = Bench(folder, station, factory or {}, speed)
    await bench.power_on()
    bench.acquisition = Acquisition(
        bench.station, StationTime(bench.clock), bench.deliver, ports=bench.ports, memory=memory,
        on_change=lambda kind, detail: bench.events.append((kind, detail)),
    )  # fmt: skip
    parts = [asyncio.ensure_future(part()) for part in bench.acquisition.parts().values()]
    try:
        yield bench
    finally:
        for part in parts:
            part.cancel()
        await asyncio.gather(*parts, return_exceptions=True)
        await bench.acquisition.close()
        bench.acquisition.finish()
        await bench.power_off()


async def until(condition: Callable[[], object], limit_s: float = 40) -> None:
    async with asyncio.timeout(limit_s):
        while not condition():
            await asyncio.sleep(0.02)
