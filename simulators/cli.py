"""The door of this room: its command line."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class BrokerKind(StrEnum):
    AUTO = "auto"
    MOSQUITTO = "mosquitto"
    NATS = "nats"


main = typer.Typer(no_args_is_help=True, add_completion=False)


@main.callback()
def _door() -> None:
    """Haitan."""


@main.command()
def demo(
    stations: Annotated[int, typer.Option(min=1, max=3, help="how many of the three example stations")] = 3,
    speed: Annotated[float, typer.Option(min=0.1, max=200, help="world seconds per real second")] = 30.0,
    minutes: Annotated[float | None, typer.Option(min=0.1, help="stop by itself after so many minutes of wall time")] = None,
    port: Annotated[int, typer.Option(min=1024, max=65_535, help="the page's port on localhost")] = 8460,
    data: Annotated[Path, typer.Option(help="where everything is kept; a second start goes on with it")] = Path("var/demo"),
    broker: Annotated[BrokerKind, typer.Option(help="auto: Mosquitto where it is installed, else nats-server")] = BrokerKind.AUTO,
    world: Annotated[
        str | None, typer.Option(help="a scenario's name (calm, cold_front, typhoon, …) or a world's file; all stations live in it")
    ] = None,
    replay: Annotated[
        list[Path] | None,
        typer.Option(
            help="recorded half-hours to play through the mudflat pole's instruments, once for each file", exists=True, dir_okay=False
        ),
    ] = None,
) -> None:
    """The whole chain on simulated stations, with the operator's page on localhost. Ctrl-C stops everything."""
    import asyncio

    from rich.console import Console

    from firmware_config.base import log
    from simulators.demo import run_demo
    from simulators.errors import SimulatorError

    log.set_up("demo", level="WARNING")
    try:
        asyncio.run(
            run_demo(
                data,
                stations=stations,
                speed=speed,
                minutes=minutes,
                port=port,
                broker=broker,
                replay=replay or [],
                world=world,
                console=Console(),
            )
        )
    except (SimulatorError, RuntimeError, OSError) as error:
        typer.echo(f"haitan-sim demo: {error}", err=True)
        raise typer.Exit(1) from None


@main.command()
def station(
    file: Annotated[Path, typer.Argument(help="STATION.yaml", exists=True, dir_okay=False)],
    *,
    world: Annotated[
        str | None, typer.Option(help="the world's file (seed, scenario, prescribed fluxes, weather, tide) or the name of a scenario")
    ] = None,
    faults: Annotated[Path | None, typer.Option(help="timeline of faults; read again when it changes")] = None,
    speed: Annotated[float | None, typer.Option(min=0.1, max=200, help="world seconds per real second, if no clock is given")] = None,
    ports: Annotated[Path, typer.Option(help="where links to ptys and files of TCP ports go")] = Path("var/ports"),
    replay: Annotated[list[Path] | None, typer.Option(help="recorded raw files, one for each averaging window")] = None,
    replay_meta: Annotated[Path | None, typer.Option(help="note on the files: columns, rate, pressure")] = None,
    loop: Annotated[bool, typer.Option(help="begin again after the last recorded file")] = False,
    broker: Annotated[str | None, typer.Option(help="HOST:PORT: put a network between station and broker that faults can cut")] = None,
    disk: Annotated[Path | None, typer.Option(help="the station's data folder, on a small file system of its own (full_disk)")] = None,
    staged: Annotated[bool, typer.Option(help="leave faults of network, power and memory to whoever started this")] = False,
) -> None:
    """One station's instruments on ptys and TCP ports, until SIGTERM. Prints one line when they are ready."""
    import asyncio

    from firmware_config.base import log
    from firmware_config.errors import StationFileError
    from simulators.errors import SimulatorError
    from simulators.serve.door import Request, serve_station

    log.set_up("world")
    request = Request(file, ports, world, faults, speed, replay or [], replay_meta, loop=loop, broker=broker, disk=disk, staged=staged)
    try:
        asyncio.run(serve_station(request, typer.echo))
    except (SimulatorError, StationFileError) as error:
        typer.echo(f"haitan-sim station: {error}", err=True)
        raise typer.Exit(1) from None


@main.command()
def torture(
    seed: Annotated[int | None, typer.Option(help="the plan's seed; by default a new one, printed")] = None,
    minutes: Annotated[float, typer.Option(min=0.3, help="how long to strike, wall time")] = 5.0,
    speed: Annotated[float, typer.Option(min=0.1, max=200, help="world seconds per real second")] = 20.0,
    broker: Annotated[BrokerKind, typer.Option(help="auto: Mosquitto where it is installed, else nats-server")] = BrokerKind.AUTO,
    influx: Annotated[bool | None, typer.Option(help="an InfluxDB 1.x as sink, struck too; by default where installed")] = None,
    data: Annotated[Path | None, typer.Option(help="folder to use and keep; by default a temporary one, kept only after a failure")] = None,
) -> None:
    """Kills, outages and a wiped broker; then every record any outbox committed is looked for in the store. Exit 1 on any loss."""
    import asyncio
    import random
    import shutil
    import tempfile

    from firmware_config.base import log
    from simulators.errors import SimulatorError
    from simulators.servers import program
    from simulators.torture import Torture

    log.set_up("torture", level="WARNING")
    folder = data or Path(tempfile.mkdtemp(prefix="haitan-torture-"))
    run = Torture(
        folder,
        seed=random.SystemRandom().randrange(1_000_000) if seed is None else seed,
        minutes=minutes,
        speed=speed,
        broker=broker,
        influx=program("influxd") is not None if influx is None else influx,
        say=typer.echo,
    )
    try:
        good = asyncio.run(run.run())
    except (SimulatorError, RuntimeError, TimeoutError) as error:
        typer.echo(f"haitan-sim torture: {error or 'took too long to settle'} (seed {run.seed}); everything is kept in {folder}", err=True)
        raise typer.Exit(1) from None
    if good and data is None:
        shutil.rmtree(folder, ignore_errors=True)
    raise typer.Exit(0 if good else 1)
