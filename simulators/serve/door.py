"""From the options of ``haitan-sim station`` to a running bench: files read, clock found or made, signals heeded."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from firmware_config.base import log
from firmware_config.base.clock import ENVIRONMENT, WorldClockFile, open_clock
from firmware_config.check import load_station
from simulators.errors import PortError, SimulatorError
from simulators.replay import Recorded, load_meta, load_recorded
from simulators.serve.station import Plan, StationBench, ready_line
from simulators.world import keep_world, load_world

logger = log.get(__name__)


@dataclass(frozen=True)
class Request:
    """The options of the command."""

    file: Path
    ports: Path
    world: str | None = None
    faults: Path | None = None
    speed: float | None = None
    replay: Sequence[Path] = field(default=())
    replay_meta: Path | None = None
    loop: bool = False
    broker: str | None = None
    disk: Path | None = None
    staged: bool = False


async def serve_station(request: Request, say: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; ``say`` gets the one line that tells where everything is."""
    loaded = load_station(request.file)
    ports = request.ports.absolute()
    ports.mkdir(parents=True, exist_ok=True)
    clock_file, owns = world_clock(request.speed, ports)
    clock = open_clock()
    plan = Plan(
        ports=ports,
        world=load_world(keep_world(request.world, ports, clock.ms_at(time.monotonic()))),
        site=loaded.site,
        faults=request.faults,
        recordings=_recordings(request),
        loop_recordings=request.loop,
        clock_file=clock_file,
        owns_clock=owns,
        broker=_address(request.broker) if request.broker else None,
        disk=request.disk,
        staged=request.staged,
    )
    bench = StationBench(loaded.station, plan, clock)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    say(ready_line(bench, await bench.start()))
    await bench.run(stop)
    logger.info("stopped", counts=bench.statistics())


def world_clock(speed: float | None, ports: Path) -> tuple[WorldClockFile | None, bool]:
    """The world's clock file and whether it is ours to keep: the one HAITAN_CLOCK names, one made here for ``speed``, or none."""
    named = os.environ.get(ENVIRONMENT)
    path = Path(named) if named else ports / "clock.json"
    if named and path.is_file():
        if speed is not None:
            logger.warning("--speed is not used: HAITAN_CLOCK gives the world's clock", clock=named)
        return WorldClockFile(path), False
    if speed is None:
        if named:
            raise SimulatorError(f"HAITAN_CLOCK names {named}, which is not there; give --speed to make it")
        return None, False
    file = WorldClockFile(path)
    file.start(speed)
    os.environ[ENVIRONMENT] = str(path)
    return file, True


def _recordings(request: Request) -> list[Recorded]:
    meta = load_meta(request.replay_meta) if request.replay_meta else None
    return [load_recorded(path, meta) for path in request.replay]


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65_536:
        raise PortError(f"--broker {text!r}: write HOST:PORT")
    return host, int(port)
