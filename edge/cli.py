"""The door of this room: its command line."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

main = typer.Typer(no_args_is_help=True, add_completion=False)


@main.callback()
def _door() -> None:
    """Haitan."""


@main.command()
def run(
    station: Annotated[Path, typer.Argument(help="station file (YAML)")],
    data: Annotated[Path | None, typer.Option(help="folder for outbox and raw files; data/STATION when not given")] = None,
) -> None:
    """Run the station: read its instruments, keep the raw data, compute, deliver. Stops cleanly on SIGTERM or Ctrl-C."""
    from edge.errors import EdgeError
    from edge.run import run_station
    from firmware_config.errors import ContractError, StationFileError

    try:
        run_station(station, data)
    except StationFileError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    except (EdgeError, ContractError) as error:
        typer.echo(f"haitan-edge run: {error}", err=True)
        raise typer.Exit(2) from None


class FluxMode(StrEnum):
    """How to compute."""

    CORRECT = "correct"
    COMPATIBLE = "compatible"


@main.command()
def flux(
    station: Annotated[Path, typer.Argument(help="station file (YAML)")],
    raw: Annotated[list[Path], typer.Argument(help="raw files: .ghg of our archive; CSV, TOA5, TOB1 as the station file says")],
    mode: Annotated[
        FluxMode | None,
        typer.Option(
            help="correct: every step as its paper has it; compatible: as EddyPro 7 does, faults included; "
            "as the station file says when not given"
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="table to write; standard output when not given")] = None,
    reasons: Annotated[Path | None, typer.Option(help="table of why numbers are missing and files were skipped")] = None,
    jobs: Annotated[int, typer.Option(min=0, help="processes; 0: one for each core")] = 0,
) -> None:
    """Eddy-covariance fluxes of raw files: FLUXNET names and units, -9999 = missing. Exit status 1 when a file was skipped."""
    from edge.errors import EdgeError
    from edge.flux.command import run
    from firmware_config.check import load_station
    from firmware_config.errors import StationFileError

    try:
        loaded = load_station(station)
        status = run(loaded.station, raw, mode=mode.value if mode else None, out=out, reasons=reasons, jobs=jobs)
    except StationFileError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    except EdgeError as error:
        typer.echo(f"haitan-edge flux: {error}", err=True)
        raise typer.Exit(2) from None
    raise typer.Exit(status)


@main.command()
def decode(
    instrument: Annotated[str, typer.Argument(help="name of an instrument card, or the path of a card file")],
    file: Annotated[str, typer.Argument(help="recorded lines, or - for standard input")] = "-",
    raw: Annotated[bool, typer.Option("--raw", help="the input is bytes as they were on the line")] = False,
    option: Annotated[list[str] | None, typer.Option(help="an option of the instrument, for example analyser=li7200")] = None,
) -> None:
    """Decode recorded bytes: one JSON object per record, {line_no, valid, values, reason}."""
    from edge.errors import EdgeError
    from edge.instruments.command import run_decode
    from firmware_config.errors import ContractError

    try:
        run_decode(instrument, file, raw=raw, options=option or [])
    except (ContractError, EdgeError, OSError) as error:
        typer.echo(f"haitan-edge decode: {error}", err=True)
        raise typer.Exit(2) from None


outbox = typer.Typer(no_args_is_help=True, help="Look into an outbox folder; safe while the agent runs.")
main.add_typer(outbox, name="outbox")
OutboxFolder = Annotated[Path, typer.Argument(metavar="DIR", help="outbox folder, or the station's data folder")]


def _refuse(error: Exception) -> typer.Exit:
    typer.echo(f"haitan-edge outbox: {error}", err=True)
    return typer.Exit(2)


@outbox.command("check")
def outbox_check(directory: OutboxFolder) -> None:
    """Integrity of the file, hash of every record, numbers and gaps. Exit status 1 when something is damaged."""
    from edge.errors import OutboxError
    from edge.outbox import commands

    try:
        code = commands.check(directory)
    except OutboxError as error:
        raise _refuse(error) from None
    raise typer.Exit(code)


@outbox.command("show")
def outbox_show(
    directory: OutboxFolder, last: Annotated[int, typer.Option(min=0, max=1000, help="how many of the newest records to print")] = 5
) -> None:
    """What is kept, by stream, and the newest records."""
    from edge.errors import OutboxError
    from edge.outbox import commands

    try:
        commands.show(directory, last)
    except OutboxError as error:
        raise _refuse(error) from None


@outbox.command("export")
def outbox_export(
    directory: OutboxFolder, out: Annotated[Path | None, typer.Option(help="file to write; else standard output")] = None
) -> None:
    """Every record as one JSON line: {hash, ok, record}."""
    from edge.errors import OutboxError
    from edge.outbox import commands

    try:
        commands.export(directory, out)
    except (OutboxError, OSError) as error:
        raise _refuse(error) from None


@main.command()
def probe(
    station: Annotated[Path, typer.Argument(help="station file (YAML)")],
    search: Annotated[bool, typer.Option("--search", help="where nothing answers, try other speeds and unit numbers")] = False,
    listen: Annotated[float | None, typer.Option(help="seconds to listen to each instrument that prints", min=1, max=600)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON array, for another program")] = False,
) -> None:
    """Find what answers on each link, how fast, and what to set. Exit status 1 when an instrument is not in order."""
    from rich.console import Console

    from edge.instruments.probe.report import run_probe
    from firmware_config.base import log
    from firmware_config.errors import StationFileError

    log.set_up("haitan-edge probe", level="ERROR")
    try:
        good = run_probe(station, search=search, listen_s=listen, console=Console(), as_json=as_json)
    except StationFileError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    raise typer.Exit(0 if good else 1)


@main.command()
def instruments(
    model: Annotated[str | None, typer.Argument(help="name of an instrument card; every card when not given")] = None,
    zh: Annotated[bool, typer.Option("--zh", help="in Chinese")] = False,
) -> None:
    """The instruments this station can read: grade of their facts, quality of their drivers, and what they are exempt from and why."""
    from rich.console import Console

    from edge.errors import EdgeError
    from edge.instruments.quality.table import print_instruments
    from firmware_config.errors import ContractError

    try:
        print_instruments(Console(), model, chinese=zh)
    except (ContractError, EdgeError) as error:
        typer.echo(f"haitan-edge instruments: {error}", err=True)
        raise typer.Exit(2) from None
