"""The door of this room: its command line."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from collector.api.door import user

if TYPE_CHECKING:
    from collector.config import CollectorConfig
    from collector.sink.reconcile import Compared

main = typer.Typer(no_args_is_help=True, add_completion=False)
main.add_typer(user, name="user")
ConfigFile = Annotated[Path | None, typer.Argument(help="COLLECTOR.yaml; without it every setting has its default", show_default=False)]
DataFolder = Annotated[Path | None, typer.Option("--data", help="Data folder, instead of the file's", show_default=False)]


@main.callback()
def _door() -> None:
    """The centre of a Haitan network: takes records in, keeps them, watches them, shows them, hands them on."""


def _fail(error: object) -> NoReturn:
    typer.echo(f"error: {error}", err=True)
    raise typer.Exit(2)


def _config(file: Path | None, data: Path | None) -> CollectorConfig:
    from collector.config import load_config
    from collector.errors import ConfigError

    try:
        return load_config(file, data=data)
    except ConfigError as error:
        _fail(error)


@main.command()
def run(config: ConfigFile = None, data: DataFolder = None) -> None:
    """Run the centre until SIGTERM or Ctrl-C."""
    from collector.errors import CollectorError
    from collector.run import run_until_signal
    from firmware_config.base import log

    settings = _config(config, data)
    log.set_up("haitan-collector")
    try:
        asyncio.run(run_until_signal(settings))
    except CollectorError as error:
        _fail(error)


@main.command()
def export(
    *,
    station: Annotated[str, typer.Option(help="Station id")],
    stream: Annotated[str, typer.Option(help="Stream: eddy, minute, tide, gas, health, event, …")],
    config: ConfigFile = None,
    data: DataFolder = None,
    begin: Annotated[str, typer.Option("--from", help="First time, ISO 8601, UTC without an offset")] = "1970-01-01",
    end: Annotated[str, typer.Option("--to", help="Time after the last")] = "2200-01-01",
    form: Annotated[str, typer.Option("--format", help="csv or jsonl (bodies as the station wrote them)")] = "csv",
    out: Annotated[Path | None, typer.Option(help="File to write, instead of standard output", show_default=False)] = None,
    superseded: Annotated[bool, typer.Option(help="Also records that were recomputed since, or have no time")] = False,
) -> None:
    """Write the records of a station and stream as CSV or JSON lines."""
    from collector.export import export_csv, export_json_lines, names_of, parse_time

    if form not in {"csv", "jsonl"}:
        _fail(f"--format {form}: write csv or jsonl")
    try:
        from_ms, to_ms = parse_time(begin), parse_time(end)
    except ValueError as error:
        _fail(error)
    with _reader(_config(config, data)) as reader, _output(out) as target, _progress(from_ms, to_ms) as seen:
        records = reader.records(station, stream, from_ms, to_ms, superseded=superseded)
        if form == "csv":
            count = export_csv(records, names_of(reader, station, stream), target, seen)
        else:
            count = export_json_lines(records, target, seen)
        damaged = reader.damaged
    typer.echo(f"{count} records" + (f", {damaged} damaged rows left out" if damaged else ""), err=True)
    raise typer.Exit(1 if damaged else 0)


@main.command()
def reconcile(
    *,
    config: ConfigFile = None,
    data: DataFolder = None,
    begin: Annotated[str, typer.Option("--from", help="First day, ISO 8601 (UTC)")] = "1970-01-01",
    end: Annotated[str, typer.Option("--to", help="Day after the last")] = "2200-01-01",
    wait: Annotated[str, typer.Option(help="Wait so long for the sink to hand on what is committed now, for example 120s")] = "",
    resend: Annotated[bool, typer.Option(help="Write what is missing or different again, then compare once more")] = False,
) -> None:
    """Compare the store with the time-series database, point by point; exit 1 on any difference."""
    from pydantic import TypeAdapter, ValidationError

    from collector.errors import SinkRefused, SinkUnavailable
    from collector.export import parse_time
    from firmware_config.units import DurationMs

    settings = _config(config, data)
    if settings.sink is None:
        _fail("no sink is configured")
    try:
        from_ms, to_ms = parse_time(begin), parse_time(end)
        wait_s = TypeAdapter(DurationMs).validate_python(wait) / 1e3 if wait else 0.0
    except (ValueError, ValidationError) as error:
        _fail(error)
    with _reader(settings) as reader:
        top = _wait_for_sink(reader, settings.sink.name, wait_s)
        try:
            found = _compare_twice(reader, settings, top, (from_ms, to_ms), resend=resend)
        except (SinkUnavailable, SinkRefused) as error:
            _fail(error)
        waiting = reader.top_id() - top
    _print_compared(found)
    if waiting > 0:
        typer.echo(f"{waiting} newer records were not handed on yet and are not compared", err=True)
    raise typer.Exit(1 if any(one.differences for one in found) else 0)


def _wait_for_sink(reader: Any, name: str, wait_s: float) -> int:
    """Up to which row to compare: everything committed now if the sink gets there in time, else what it has handed on."""
    top, until = int(reader.top_id()), time.monotonic() + wait_s
    while reader.sink_cursor(name) < top and time.monotonic() < until:
        time.sleep(0.25)
    cursor = int(reader.sink_cursor(name))
    if wait_s and cursor < top:
        typer.echo(f"the sink has handed on {cursor} of {top} rows", err=True)
        return top  # what is not there after this time is a difference
    return min(top, cursor)


def _compare_twice(reader: Any, settings: CollectorConfig, top: int, span: tuple[int, int], *, resend: bool) -> list[Compared]:
    """A difference counts only when it is there at a second look: rows may be replaced while we compare."""
    from collector.sink.reconcile import compare
    from collector.sink.reconcile import resend as write_again
    from collector.sink.targets import influxql, open_target

    assert settings.sink is not None
    sink = settings.sink

    def look() -> list[Compared]:
        return list(compare(reader, lambda statement: influxql(sink, statement), top_id=top, from_ms=span[0], to_ms=span[1]))

    found = look()
    differences = [difference for one in found for difference in one.differences]
    if differences and resend:
        target = open_target(sink)
        typer.echo(f"{write_again(reader, differences, target.write)} points written again", err=True)
        target.close()
    elif differences:
        time.sleep(2.0)
    return look() if differences else found


def _print_compared(found: list[Compared]) -> None:
    from rich.console import Console
    from rich.table import Table

    from collector.export import iso

    table = Table("station", "stream", "records", "points", "differences")
    for one in found:
        table.add_row(one.station, one.stream, str(one.records), str(one.points), str(len(one.differences)))
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(table)
    for one in found:
        for difference in one.differences[:20]:
            when = iso(difference.time_ns // 1_000_000)
            typer.echo(f"{difference.what}: {one.station} {one.stream} {when}: {difference.detail}")
        if len(one.differences) > 20:
            typer.echo(f"… and {len(one.differences) - 20} more of {one.station} {one.stream}")


@contextlib.contextmanager
def _reader(settings: CollectorConfig) -> Iterator[Any]:
    from collector.store.queries import Reader

    path = settings.data / "store.db"
    if not path.is_file():
        _fail(f"{path} does not exist; give the collector's data folder with --data")
    reader = Reader(path)
    try:
        yield reader
    finally:
        reader.close()


@contextlib.contextmanager
def _output(out: Path | None) -> Iterator[IO[str]]:
    if out is None:
        yield sys.stdout
        return
    with out.open("w", encoding="utf-8", newline="") as file:
        yield file


@contextlib.contextmanager
def _progress(from_ms: int, to_ms: int) -> Iterator[Any]:
    """A bar on standard error once it takes longer than two seconds: how far in time we are."""
    from rich.console import Console
    from rich.progress import Progress

    begun = time.monotonic()
    bar = Progress(console=Console(stderr=True), transient=True)
    task = bar.add_task("writing", total=None, visible=True)
    shown = False

    def seen(t_ms: int) -> None:
        nonlocal shown
        if not shown and time.monotonic() - begun > 2.0:
            shown = True
            bar.start()
        if shown and from_ms > 0:
            bar.update(task, total=to_ms - from_ms, completed=t_ms - from_ms)

    try:
        yield seen
    finally:
        if shown:
            bar.stop()
