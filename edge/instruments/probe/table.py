"""The table and the hints that ``haitan-edge probe`` shows: readable on a telephone call, one plain sentence an instrument."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from edge.instruments.probe import Finding, Prober
from edge.links import ports_from
from firmware_config.base.clock import open_clock
from firmware_config.check import load_station


def run_probe(path: Path, *, search: bool, listen_s: float | None, console: Console) -> bool:
    """Probe a station and print what was found; True when every instrument is in order. StationFileError when the file is wrong."""
    station = load_station(path).station
    ports = ports_from(os.environ)
    with Progress(TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), console=console, transient=True) as progress:
        task = progress.add_task(f"listening to {station.id}")
        prober = Prober(
            station,
            ports,
            search=search,
            speed=open_clock(station.id).speed,
            listen_s=listen_s,
            advance=lambda seconds: progress.advance(task, seconds),
        )
        progress.update(task, total=prober.seconds_expected())
        found = asyncio.run(prober.run())
    console.print(overview(found))
    for line in hints(found):
        console.print(line, soft_wrap=True)
    return all(finding.good for finding in found)


def _ms(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1000:.0f}"


def overview(found: list[Finding]) -> Table:
    """One row an instrument."""
    table = Table(title="What answers", title_justify="left")
    for heading in ("instrument", "settings", "records", "times ms (median, 95 %, longest)", "verdict"):
        table.add_column(heading, overflow="fold")
    for finding in found:
        bad = sum(finding.rejected.values())
        times = ", ".join(_ms(finding.quantile_s(share)) for share in (0.5, 0.95, 1.0)) if finding.times_s else ""
        mark = "[green]✓[/green] " if finding.good else "[red]✗[/red] "
        table.add_row(
            f"{finding.instrument.id}\n{finding.card.title.en}",
            finding.settings,
            f"{finding.records}" + (f", {bad} rejected" if bad else ""),
            times,
            mark + escape(finding.verdict),
        )
    return table


def hints(found: list[Finding]) -> list[str]:
    """What the instruments said of themselves and now measure, limits to set, and facts of their cards that nobody has confirmed yet."""
    lines: list[str] = []
    for finding in found:
        name = finding.instrument.id
        said = {"serial number in the station file": finding.instrument.serial_number} | finding.identity
        lines.append(f"{name}: " + escape(", ".join(f"{key} {value}" for key, value in said.items())))
        values = {key: value for key, value in finding.values.items() if value is not None}
        if values:
            lines.append("  measures " + ", ".join(f"{key} {value:.6g}" for key, value in values.items()))
        if finding.proposal:
            proposal = ", ".join(f"{key}: {value}" for key, value in finding.proposal.items())
            lines.append(f"  measured over {len(finding.times_s)} answers; proposed: options: {{{proposal}}}")
        lines += [f"  to be confirmed on the unit: {escape(fact)}" for fact in finding.card.unsure]
    return lines
