"""The demo: the whole chain on simulated stations, for someone who has never seen it.

Starts a stage (`simulators.stage`), says where the page is, which processes may be killed, and what the script will break; stops
everything on Ctrl-C. The folder is kept: a second start goes on with the same data.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from simulators.bench_page import BenchPage
from simulators.servers import free_port
from simulators.stage import EXAMPLES, HALF_HOUR_MS, Stage, example_station
from simulators.world import load_world
from simulators.world.data import table

REPLAYS = "hangzhou-mudflat"
"""The example station whose instruments can play recorded half-hours."""
LEAD_S = 10.0
"""Real seconds before the first half-hour begins on a first start: time for everything to be up."""
LOOK_EVERY_S = 0.2
SCRIPT: dict[str, list[dict[str, object]]] = {
    "yueqing-mangrove": [{"after": "8min", "for": "45min", "instrument": "oxygen", "fault": "silence"}],
    "zhoushan-buoy": [{"after": "70min", "for": "20min", "link": "met", "fault": "unplugged"}],
}
"""What goes wrong by script, in world time: an instrument falls silent and comes back, a cable is pulled and plugged in again."""


def first_origin_ms(speed: float) -> int:
    """Where the world begins: shortly before the half-hour that is under way, so that the first flux is whole and soon."""
    now = time.time_ns() // 1_000_000
    return now // HALF_HOUR_MS * HALF_HOUR_MS - int(LEAD_S * 1000 * speed)


def choose_stations(count: int, replay: Sequence[Path]) -> tuple[str, ...]:
    """The first so many examples; with recorded half-hours the one that plays them is always among them."""
    if replay and REPLAYS not in EXAMPLES[:count]:
        return (*EXAMPLES[: count - 1], REPLAYS)
    return EXAMPLES[:count]


def scenario_title(world: str | None) -> str:
    """What stages its weather under this name or file, one line in both languages; WorldFileError when it is neither."""
    choice = load_world(world).scenario
    if choice is None:
        return ""
    row = table("scenarios")[choice.name]
    return f"Weather: {row['title']['en']} {row['title']['zh']}. {row['rehearse']['en']}"


def choose_port(wanted: int) -> int:
    """The wanted port, or a free one when something else has it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return free_port()
    return wanted


def _processes(stage: Stage) -> Table:
    table = Table(title="kill any of them: kill -9 PID", title_justify="left", box=None, pad_edge=False)
    table.add_column("process")
    table.add_column("pid", justify="right")
    table.add_column("log")
    for child in stage.children:
        table.add_row(child.name, str(child.pid), shorter(child.log_file))
    return table


def shorter(path: Path) -> str:
    """A path as seen from where the visitor stands, when it lies below."""
    with contextlib.suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)


async def tell_returns(stage: Stage, console: Console) -> None:
    """A line for every process that died and is back, with its new number."""
    seen = {child.name: child.starts for child in stage.children}
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        for child in stage.children:
            if child.starts > seen[child.name] and child.pid is not None:
                seen[child.name] = child.starts
                console.print(f"{child.name} ended and is back: pid {child.pid}", highlight=False)


async def run_demo(
    folder: Path,
    *,
    stations: int,
    speed: float,
    minutes: float | None,
    port: int,
    broker: str,
    replay: Sequence[Path],
    world: str | None,
    console: Console,
) -> None:
    """Run until Ctrl-C, SIGTERM or ``minutes`` of wall time. ``world``: a scenario's name or a world's file that all stations live in."""
    title = scenario_title(world)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    free = choose_port(port)
    if free != port:
        console.print(f"port {port} is in use by another program: the page gets port {free}", highlight=False)
    stage = Stage(
        folder,
        [example_station(name) for name in choose_stations(stations, replay)],
        speed=speed,
        broker_kind=broker,
        page_port=free,
        replay=replay,
        world=world,
        faults=SCRIPT,
        origin_ms=first_origin_ms(speed),
    )
    bench: BenchPage | None = None
    console.print(f"Haitan 海碳: starting {stations} stations at {speed:g}x in {folder} …")
    if title:
        console.print(title, highlight=False)
    try:
        starting = asyncio.create_task(stage.start())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            bench = BenchPage(stage)
            await bench.start()
            console.print(
                f"\n[bold]The page: {stage.url}[/bold]\nThe bench, where faults are switched on and off: {bench.url}\n"
                "Ctrl-C stops everything; a second start goes on with the same data.\n",
                soft_wrap=True,
            )
            console.print(_processes(stage))
            returns = asyncio.create_task(tell_returns(stage, console))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping, minutes * 60 if minutes else None)
            returns.cancel()
        else:
            starting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await starting
        stopping.cancel()
    finally:
        console.print("\nstopping …")
        if bench is not None:
            await bench.stop()
        await stage.stop()
        console.print("stopped")
