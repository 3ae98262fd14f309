"""One station's instruments at work: every link of the station file as a pty or TCP port, in one process and one event loop.

`StationBench` builds the world, the instruments and the lines; ``run`` serves them until told to stop. It keeps the timeline of
faults, writes the truth log, keeps the world's clock when it owns it, and slows the world when it cannot keep up.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from firmware_config.base import log
from firmware_config.base.clock import Clock, WorldClockFile
from firmware_config.station import Station
from simulators.errors import InstrumentError
from simulators.faults.effects import Columns, Effects
from simulators.faults.timeline import ActiveFault, Timeline
from simulators.instruments import Setting, Simulated, Talker, Unit, make_instrument
from simulators.instruments.feed import AirFeed
from simulators.replay import Player, Recorded
from simulators.serve.ballast import Ballast
from simulators.serve.governor import Governor
from simulators.serve.lines import Speaker, StreamLine, counts, look
from simulators.serve.modbus import Bus, rtu_handler, tcp_handler
from simulators.serve.ports import Handler, Port, PtyPort, TcpPort
from simulators.serve.proxy import TcpProxy
from simulators.serve.stationfaults import StationFaults
from simulators.serve.truthlog import TruthLog
from simulators.world import Site, World, WorldConfig
from simulators.world.turbulence import BLOCK_S

logger = log.get(__name__)
BASE_RATE_HZ = 20
MAX_BASE_RATE_HZ = 400
TICK_S = 0.008
"""shortest real pause between two turns"""
LONGEST_PAUSE_S = 0.05
HOUSEKEEPING_S = 0.2
TARGETS_FILE = "faults.json"
"""in the folder of the ports: what can go wrong at this station, for whoever stages faults"""
SETTLED_S = 3.0
"""a recording waits until its lines have been read for so many real seconds: a station that has just come up is not judged by it"""


@dataclass
class Plan:
    """What `StationBench` is asked to do beside serving the station. ``owns_clock``: keep the world's clock file alive."""

    ports: Path
    world: WorldConfig
    site: dict[str, Any] = field(default_factory=dict)
    faults: Path | None = None
    recordings: Sequence[Recorded] = ()
    loop_recordings: bool = False
    clock_file: WorldClockFile | None = None
    owns_clock: bool = False
    broker: tuple[str, int] | None = None
    disk: Path | None = None
    staged: bool = False
    """faults of network, power and memory are carried out by whoever started this"""


def base_rate(station: Station) -> int:
    """The rate the turbulence is made at: the least common multiple of 20 Hz and the station's rates."""
    rates = [instrument.rate for instrument in station.instruments if instrument.rate is not None]
    rate = math.lcm(BASE_RATE_HZ, *(max(1, round(rate)) for rate in rates))
    if rate > MAX_BASE_RATE_HZ:
        raise InstrumentError(f"rates {', '.join(f'{r:g}' for r in rates)} Hz have no common multiple up to {MAX_BASE_RATE_HZ} Hz")
    return rate


class StationBench:
    """See the module. Raises InstrumentError, FaultFileError, ReplayError or WorldFileError when it cannot be built."""

    def __init__(self, station: Station, plan: Plan, clock: Clock) -> None:
        self.station = station
        self.plan = plan
        self.clock = clock
        now = self.now_ms()
        self.world = World(plan.world, Site.of(station, plan.site, plan.world.ground_m), base_rate(station))
        self.truth = TruthLog(plan.ports / "truth.jsonl")
        self.player = self._player(now)
        feed = AirFeed(self.world, self.player)
        self.instruments: dict[str, Simulated] = {
            entry.id: make_instrument(Setting(entry, station, self.world, feed, plan.world.of(entry.id))) for entry in station.instruments
        }
        self.effects = {key: Effects(plan.world.seed, key, instrument.fields) for key, instrument in self.instruments.items()}
        targets = {key: instrument.fault_names() for key, instrument in self.instruments.items()}
        self.timeline = Timeline(plan.faults, targets, {entry.id: entry.link for entry in station.instruments}, now)
        self.ports: dict[str, Port] = {}
        self.lines: list[StreamLine] = []
        self.buses: dict[str, Bus] = {}
        for instrument in self.instruments.values():
            if instrument.setting.instrument.rate is not None:
                instrument.values(int(now // instrument.period_ms), 1)  # what is made once must not make the first second late
        for link in station.links:
            self._wire(link, self.now_ms())
        self.proxy = TcpProxy(*plan.broker) if plan.broker else None
        self.governor = Governor(plan.clock_file, f"bench of {station.id}")
        self.station_faults = StationFaults(
            self.timeline,
            self.truth,
            self.ports,
            station=station.id,
            clock_file=plan.clock_file,
            proxy=self.proxy,
            ballast=Ballast(plan.disk) if plan.disk else None,
            staged=plan.staged,
        )
        self._last_truth = int(now // (BLOCK_S * 1000))
        self._housekept = 0.0

    def now_ms(self) -> float:
        """The world's own time, free of this station's clock fault, UTC ms with its fraction."""
        return self.clock.ms_at(time.monotonic())

    def speed(self) -> float:
        """World seconds per real second."""
        return self.clock.speed

    def _player(self, now: float) -> Player | None:
        if not self.plan.recordings:
            return None
        eddies = [product for product in self.station.products if product.kind == "eddy"]
        if not eddies:
            raise InstrumentError(f"station {self.station.id} computes no eddy flux: there is nothing to play recordings through")
        fed = {eddies[0].sonic, eddies[0].gas or eddies[0].sonic}
        links = {self.station.instrument(key).link for key in fed}
        return Player(
            self.plan.recordings,
            window_ms=eddies[0].averaging,
            rates_hz=[rate for key in fed if (rate := self.station.instrument(key).rate) is not None],
            now_ms=now,
            loop=self.plan.loop_recordings,
            ready=lambda: all(self.ports[link].read_for_s() >= SETTLED_S for link in links),
            told=self._tell_recording,
        )

    def _tell_recording(self, start_ms: float, recorded: Recorded) -> None:
        self.truth.note(start_ms, "recording", file=recorded.name, rows=recorded.rows)
        logger.info("recording begins", file=recorded.name, t_ms=int(start_ms))

    def _wire(self, link: Any, now: float) -> None:
        """Make the port of one link and hang its instruments on it."""
        here = [self.instruments[entry.id] for entry in self.station.instruments if entry.link == link.id]
        wrong = [i.id for i in here if isinstance(i, Unit) != link.kind.startswith("modbus")]
        if wrong:
            raise InstrumentError(f"instrument {wrong[0]} does not speak {link.kind}: its link {link.id} is of the wrong kind")
        path = self.plan.ports / (link.id if link.kind in ("serial", "modbus_rtu") else f"{link.id}.tcp")
        baud = link.baud if link.kind in ("serial", "modbus_rtu") else None
        if link.kind.startswith("modbus"):
            bus = self._bus([i for i in here if isinstance(i, Unit)], baud)
            self.buses[link.id] = bus
            make_handler: Callable[[], Handler] = partial(rtu_handler if link.kind == "modbus_rtu" else tcp_handler, bus)
            self.ports[link.id] = (PtyPort if link.kind == "modbus_rtu" else TcpPort)(path, make_handler)
            return
        speakers = [Speaker(i, self.effects[i.id], int(now // i.period_ms) + 1) for i in here if isinstance(i, Talker)]
        line = StreamLine(speakers, self.timeline, baud, self.now_ms)
        line.port = self.ports[link.id] = (PtyPort if link.kind == "serial" else TcpPort)(path, line.handler)
        self.lines.append(line)

    def _bus(self, units: Sequence[Unit], baud: int | None) -> Bus:
        return Bus(
            units={int(unit.setting.instrument.address or 1): unit for unit in units},
            effects=self.effects,
            look=self._look,
            faults=self._faults_now,
            now_ms=self.now_ms,
            speed=self.speed,
            baud=baud,
        )

    def _faults_now(self, instrument: Simulated) -> list[ActiveFault]:
        now = self.now_ms()
        return [fault for fault in self.timeline.for_instrument(instrument.id, now, now) if fault.on(now)]

    def _look(self, instrument: Simulated) -> Columns:
        return look(instrument, self.effects[instrument.id], self._faults_now(instrument), self.now_ms())

    async def start(self) -> dict[str, str]:
        """Plug everything in; returns link id → where it is."""
        self.plan.ports.mkdir(parents=True, exist_ok=True)
        for port in self.ports.values():
            await port.plug()
        places = {key: port.address for key, port in self.ports.items()}
        if self.proxy is not None:
            await self.proxy.start()
            places["broker"] = f"127.0.0.1:{self.proxy.port}"
            (self.plan.ports / "broker.tcp").write_text(places["broker"], encoding="ascii")
        seed = self.plan.world.seed
        (self.plan.ports / TARGETS_FILE).write_text(json.dumps(self.targets()), encoding="utf-8")
        self.truth.note(self.now_ms(), "start", station=self.station.id, seed=seed, speed=self.clock.speed, ports=places)
        if (scenario := self.world.weather.scenario) is not None:
            self.truth.note(scenario.begins_s * 1e3, "scenario", name=scenario.name, until=int(scenario.ends_s * 1e3), title=scenario.title)
        return places

    def targets(self) -> dict[str, Any]:
        """What can go wrong here: instrument → its link, the faults it can show, the fields a spike or a drift may hit; the links."""
        return {
            "instruments": {
                entry.id: {
                    "link": entry.link,
                    "faults": sorted(self.instruments[entry.id].fault_names()),
                    "fields": list(self.instruments[entry.id].fields),
                }
                for entry in self.station.instruments
            },
            "links": [link.id for link in self.station.links],
        }

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until ``stop`` is set; then unplug everything."""
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stopping.done():
                pause = await self.turn()
                await asyncio.wait({stopping}, timeout=pause)
        finally:
            stopping.cancel()
            await self.close()

    async def turn(self) -> float:
        """One round: lines, faults, clock. Returns the real seconds to wait. For whoever turns the world's clock himself; others `run`."""
        speed = self.clock.speed
        for port in self.ports.values():
            port.speed = max(port.speed, speed)  # what already waits must keep its room when the world slows down
            port.look()
        due, behind_s, reader_s = float("inf"), 0.0, 0.0
        for line in self.lines:
            next_due, behind_ms = line.step(self.now_ms())
            due = min(due, next_due)
            behind_s = max(behind_s, behind_ms / 1e3 / max(speed, 1e-3))
            reader_s = max(reader_s, line.port.reader_late_s())
        self.governor.report(behind_s, reader_s)
        real = time.monotonic()
        if real - self._housekept > HOUSEKEEPING_S:
            self._housekept = real
            await self._housekeep()
        return min(max((due - self.now_ms()) / 1e3 / max(speed, 1e-3), TICK_S), LONGEST_PAUSE_S)

    async def _housekeep(self) -> None:
        now = self.now_ms()
        if self.plan.owns_clock and self.plan.clock_file is not None:
            self.plan.clock_file.keep()
        self.timeline.refresh(now)
        await self.station_faults.apply(now)
        half_hour = int(now // (BLOCK_S * 1000))
        if half_hour > self._last_truth:
            start = (half_hour - 1) * BLOCK_S * 1000
            self._last_truth = half_hour
            recorded = self.player.mean_air(start) if self.player is not None else {}
            fluxes = {} if recorded else self.world.eddy_truth(start, BLOCK_S * 1000)
            state = self.world.mean_truth(start, BLOCK_S * 1000)
            self.truth.note(start, "eddy", dt=BLOCK_S * 1000, values=_short(fluxes))
            self.truth.note(start, "state", dt=BLOCK_S * 1000, values=_short({k: v for k, v in state.items() if k not in recorded}))

    async def close(self) -> None:
        """Unplug everything."""
        await self.station_faults.close()
        self.governor.close()
        for port in self.ports.values():
            await port.unplug()
        if self.proxy is not None:
            await self.proxy.stop()
        self.truth.note(self.now_ms(), "stop", counts=self.statistics())

    def statistics(self) -> dict[str, Any]:
        """What was sent, lost, unread on each link."""
        out: dict[str, Any] = {
            key: {"bytes_written": port.bytes_written, "bytes_lost": port.bytes_lost} for key, port in self.ports.items()
        }
        for line in self.lines:
            for instrument, numbers in counts(line.speakers).items():
                out[self.station.instrument(instrument).link][instrument] = numbers
        for key, bus in self.buses.items():
            out[key] |= {"requests": bus.requests, "answered": bus.answered}
        out["world"] = {"cuts": self.governor.cuts}
        return out


def _short(values: dict[str, float]) -> dict[str, float]:
    """Numbers to six digits, as they are written down."""
    return {name: float(f"{value:.6g}") for name, value in values.items()}


def ready_line(bench: StationBench, places: dict[str, str]) -> str:
    """The one line that says the bench is ready, as ``ready {json}``."""
    plan = bench.plan
    facts: dict[str, Any] = {"station": bench.station.id, "ports": str(plan.ports), "links": places, "speed": bench.clock.speed}
    if plan.clock_file is not None:
        facts["clock"] = str(plan.clock_file.path)
    return "ready " + json.dumps(facts)
