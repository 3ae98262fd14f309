"""The whole chain on one machine: broker, collector, and for each station a world with instruments and an agent, as separate processes.

The demo and the torture test stand on it. Nothing here is simulated twice: agent and collector are the programs that go to the field,
started through their doors, wired to the bench by environment only (clock, ports, broker).

A stage folder holds everything and can be started again: the clock goes on where it was, outboxes and store continue.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import shutil
import time
import urllib.error
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, TextIO

import yaml

from firmware_config.base import log
from firmware_config.base.clock import ENVIRONMENT, WorldClock, WorldClockFile
from simulators.errors import StageError
from simulators.faults.timeline import write_timeline
from simulators.serve.proxy import TcpProxy
from simulators.servers import Influx1, Mosquitto, Nats, find_broker, free_port, get, program
from simulators.stagefaults import StageFaults
from simulators.supervise import Child
from simulators.world import keep_world

logger = log.get(__name__)

EXAMPLES = ("zhoushan-buoy", "yueqing-mangrove", "hangzhou-mudflat")
HALF_HOUR_MS = 1_800_000
READY_WITHIN_S = 60.0


def example_station(name: str) -> Path:
    """The station file of one of the examples that come with the contract."""
    return Path(str(files("firmware_config").joinpath("stations", name, "station.yaml")))


def door(name: str) -> str:
    """The command of a room, as installed beside this Python."""
    found = program(name)
    if found is None:
        raise StageError(f"{name} is not installed beside this Python: run the bench from its environment (make demo)")
    return found


@dataclass
class StationPlace:
    """One station of the stage: its files, its link to the broker, its two processes."""

    id: str
    file: Path
    folder: Path
    link: TcpProxy
    world: Child
    edge: Child
    faults: StageFaults

    @property
    def data(self) -> Path:
        return self.folder / "data"


@dataclass
class Stage:
    """See the module. ``speed`` is world seconds per real second; ``influx`` adds an InfluxDB 1.x as the collector's sink."""

    folder: Path
    stations: Sequence[Path]
    speed: float = 1.0
    broker_kind: str = "auto"
    page_port: int | None = None
    replay: Sequence[Path] = ()
    world: str | None = None
    """a scenario's name or a world's file that all stations live in; when its scenario begins is kept in the folder"""
    influx: bool = False
    faults: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """scripted faults by station id, as timeline entries"""
    origin_ms: int | None = None
    places: dict[str, StationPlace] = field(init=False, default_factory=dict)
    broker: Mosquitto | Nats = field(init=False)
    database: Influx1 | None = field(init=False, default=None)
    collector: Child = field(init=False)
    children: list[Child] = field(init=False, default_factory=list)
    _world: Path | None = field(init=False, default=None)
    _lock: TextIO | None = field(init=False, default=None)
    _clock_task: asyncio.Task[None] | None = field(init=False, default=None)
    _links: list[TcpProxy] = field(init=False, default_factory=list)
    _fault_tasks: list[asyncio.Task[None]] = field(init=False, default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.page_port}"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    async def start(self) -> None:
        """Start everything; returns when the page answers. Raises StageError saying which part did not come up and where its log is."""
        self._take_folder()
        self.clock_file = WorldClockFile(self.folder / "clock.json")
        self.clock_file.start(self.speed, self.origin_ms)
        now_ms = WorldClock(self.clock_file.path).true_ms()
        self._world = await asyncio.to_thread(keep_world, self.world, self.folder, now_ms)
        self._clock_task = asyncio.create_task(self._keep_clock())
        self.broker = find_broker(self.broker_kind, self.folder / "broker")
        self.broker_child = await self._child("broker", self.broker.command(), {})
        if self.influx:
            self.database = Influx1(self.folder / "influxd")
            self.database_child = await self._child("influxd", self.database.command(), {})
        self.page_port = self.page_port or free_port()
        config = self._collector_file()
        self.collector = await self._child("collector", [door("haitan-collector"), "run", str(config)], {})
        await self._until(self.broker.ready, "broker")
        for path in self.stations:
            await self._start_station(path)
        await self._until(self._page_answers, "collector")

    def _take_folder(self) -> None:
        self.folder = self.folder.absolute()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = (self.folder / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StageError(f"{self.folder} is in use by another demo or torture test; give another folder with --data") from None

    async def _keep_clock(self) -> None:
        while True:
            self._keep_clock_once()
            await asyncio.sleep(1.0)

    def _keep_clock_once(self) -> None:
        try:
            self.clock_file.keep()
        except OSError as error:  # no file descriptor left, or no room: the next second may have some
            logger.warning("the world's clock cannot be kept", problem=str(error))

    def _environment(self) -> dict[str, str]:
        return {ENVIRONMENT: str(self.folder / "clock.json"), "HAITAN_BROKER": f"127.0.0.1:{self.broker.port}"}

    async def _child(self, name: str, command: Sequence[str], environment: dict[str, str]) -> Child:
        child = Child(name, command, self.logs / f"{name}.log", {**self._environment(), **environment})
        self.children.append(child)
        await child.start()
        return child

    async def _until(self, condition: Any, name: str) -> None:
        until = time.monotonic() + READY_WITHIN_S
        while not await asyncio.to_thread(condition):
            if time.monotonic() > until:
                raise StageError(f"{name} does not answer after {READY_WITHIN_S:.0f} s; its log: {self.logs / f'{name}.log'}")
            await asyncio.sleep(0.05)

    def _page_answers(self) -> bool:
        with contextlib.suppress(OSError, urllib.error.URLError):
            get(f"{self.url}/healthz", 2)
            return True
        return False

    def _collector_file(self) -> Path:
        config: dict[str, Any] = {
            "data": str(self.folder / "collector"),
            "accept_simulated": True,
            "http": {"host": "127.0.0.1", "port": self.page_port, "view": "open", "operators": "open"},
        }
        if self.database is not None:
            config["sink"] = {"kind": "influx1", "url": self.database.url}
        path = self.folder / "collector.yaml"
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        return path

    async def _start_station(self, file: Path) -> None:
        station_id = yaml.safe_load(file.read_text(encoding="utf-8"))["id"]
        folder = self.folder / "stations" / station_id
        ports = folder / "ports"
        shutil.rmtree(ports, ignore_errors=True)  # links of an earlier life lead nowhere
        ports.mkdir(parents=True)
        faults = folder / "faults.yaml"
        write_timeline(faults, self.faults.get(station_id, []))
        link = TcpProxy("127.0.0.1", self.broker.port)
        await link.start()
        self._links.append(link)
        replayed = bool(self.replay) and self._takes_replay(file)
        if replayed:
            file = self._for_replay(file, folder / "station")
        world_command = [door("haitan-sim"), "station", str(file), "--ports", str(ports), "--faults", str(faults), "--staged"]
        if self._world is not None:
            world_command += ["--world", str(self._world)]
        for raw in self.replay if replayed else ():
            world_command += ["--replay", str(raw)]
        world = await self._child(f"world-{station_id}", world_command, {})
        edge = await self._child(
            f"edge-{station_id}",
            [door("haitan-edge"), "run", str(file), "--data", str(folder / "data")],
            {"HAITAN_PORTS": str(ports), "HAITAN_BROKER": f"127.0.0.1:{link.port}"},
        )
        carried = StageFaults(faults, ports, link, world, edge, WorldClock(self.clock_file.path))
        self._fault_tasks.append(asyncio.create_task(carried.run(), name=f"faults of {station_id}"))
        self.places[station_id] = StationPlace(station_id, file, folder, link, world, edge, carried)

    @staticmethod
    def _takes_replay(file: Path) -> bool:
        """Recorded turbulence goes to stations with an enclosed-path analyser: it sends each sample's own temperature and pressure."""
        products = yaml.safe_load(file.read_text(encoding="utf-8")).get("products", [])
        return any(product["kind"] == "eddy" and product.get("path") == "closed" for product in products)

    @staticmethod
    def _for_replay(file: Path, folder: Path) -> Path:
        """The station as it plays recordings: without spectral correction, for the losses in them are of the instruments that made them."""
        station = yaml.safe_load(file.read_text(encoding="utf-8"))
        for product in station["products"]:
            if product["kind"] == "eddy":
                product["processing"] = {**product.get("processing", {}), "spectral": "none"}
        folder.mkdir(exist_ok=True)
        if (site := file.with_name("site.geojson")).exists():
            shutil.copy(site, folder)
        copy = folder / file.name
        copy.write_text(yaml.safe_dump(station, allow_unicode=True, sort_keys=False), encoding="utf-8")
        return copy

    def api(self, path: str) -> Any:
        """A JSON answer of the centre."""
        return json.loads(get(f"{self.url}{path}", 20))

    @staticmethod
    async def _all(stops: Iterable[Awaitable[None]]) -> None:
        """Wait for all of them: one that fails is told and keeps no other running."""
        for ended in await asyncio.gather(*stops, return_exceptions=True):
            if isinstance(ended, Exception):
                logger.error("a part of the stage did not stop well", problem=repr(ended))

    async def stop(self) -> None:
        """Stop stations first, then their worlds, then the centre, then the servers; what they owe each other is on disk."""
        for task in self._fault_tasks:
            task.cancel()
        await asyncio.gather(*self._fault_tasks, return_exceptions=True)
        order = ("edge-", "world-", "collector", "influxd", "broker")
        for prefix in order:
            await self._all(child.stop() for child in self.children if child.name.startswith(prefix))
        await self._all(link.stop() for link in self._links)
        if self._clock_task is not None:
            self._clock_task.cancel()
            await asyncio.gather(self._clock_task, return_exceptions=True)
            self._keep_clock_once()
        if self._lock is not None:
            self._lock.close()
