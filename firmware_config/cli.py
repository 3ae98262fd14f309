"""The door of this room: ``haitan-config check FILE...``, what an engineer runs before sailing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

main = typer.Typer(no_args_is_help=True, add_completion=False, help="Station files, instrument cards and quantities.")


@main.callback()
def _door() -> None:
    """Haitan: the contract between stations and the centre."""


@main.command()
def check(files: Annotated[list[Path], typer.Argument(help="station files (their site.geojson is read too)")]) -> None:
    """Check station files as a whole; prints every problem and exits 1 if there is one. A warning is no problem."""
    from firmware_config.check import load_station
    from firmware_config.errors import StationFileError

    bad = 0
    for path in files:
        try:
            loaded = load_station(path)
        except StationFileError as error:
            bad += 1
            for problem in error.problems:
                typer.echo(problem, err=True)
        else:
            station = loaded.station
            for warning in loaded.warnings:
                typer.echo(f"warning: {warning}", err=True)
            typer.echo(
                f"{path}: good: {station.id}, {len(station.instruments)} instruments, {len(station.products)} products, "
                f"configuration {loaded.config_hash}"
            )
    if bad:
        typer.echo(f"{bad} of {len(files)} files are not fit to sail", err=True)
        raise typer.Exit(1)
