"""One file after the other: read, compute, report. A bad file is named with its reason and skipped; the exit status says so."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from edge.compute.columns import Raw
from edge.compute.eddy import compute, pressure_input
from edge.compute.messages import Answer, Input
from edge.compute.request import build_request, needs_of
from edge.errors import EdgeError
from edge.flux.foreign import Description, description_of, read_foreign
from edge.flux.table import row_of, write
from firmware_config.station import EddyFlux, Station


class FluxError(EdgeError):
    """A raw file cannot give a flux."""


@dataclass
class Outcome:
    """Rows of the good files and what was wrong with the others."""

    rows: list[list[str]] = field(default_factory=list)
    bad: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)


def product_of(station: Station, place: object = None) -> EddyFlux:
    """The eddy flux of a station: the one at ``place`` (from the raw file), else the first."""
    found = [product for product in station.products if isinstance(product, EddyFlux)]
    if not found:
        raise FluxError(f"station {station.id} has no product of kind eddy")
    return next((product for product in found if product.place == place), found[0])


def inputs_of(station: Station, product: EddyFlux) -> dict[str, Input]:
    """What the station file alone can give: the constants among the sources of each input."""
    found: dict[str, Input] = {}
    for role, name in needs_of(product).items():
        constant = next((source for source in station.inputs.get(name, []) if source.constant is not None), None)
        if constant is not None:
            found[role] = Input(constant.constant, constant.uncertainty, "constant of the station file")
    return found


def compute_file(station: Station, raw: Raw) -> Answer:
    """The answer for one raw window of a station. What the file itself says of its inputs goes before the station file's constants."""
    product = product_of(station, raw.meta.get("place"))
    expected = round(product.averaging / 1e3 * raw.rate_hz)
    longest = max((len(column) for column in raw.columns.values()), default=0)
    if longest > 1.01 * expected:
        period = f"{product.averaging / 60_000:g} min"
        raise FluxError(f"{longest} samples at {raw.rate_hz:g} Hz are more than one period of {period} holds ({expected})")
    request = build_request(station, product, number=0, inputs={})
    if pressure_input(request, raw).value is None:
        request = build_request(station, product, number=0, inputs=inputs_of(station, product))
    return compute(request, raw)


def read_any(path: Path, station_file: Path) -> Raw:
    """A raw window from ``.ghg`` or live file of our archive, or from a CSV with a description."""
    if path.name.endswith((".csv", ".csv.gz", ".txt", ".txt.gz")):
        description: Description = description_of(station_file)
        return read_foreign(path, description)
    from edge.archive.reader import read_window

    window: Raw = read_window(path)
    return window


def run_files(station: Station, files: Sequence[Path], read: Callable[[Path], Raw], outcome: Outcome) -> Iterator[Path]:
    """Compute file by file into ``outcome``; yields the path after each, so that progress can be shown."""
    for path in files:
        try:
            raw = read(path)
            answer = compute_file(station, raw)
            duration = product_of(station, raw.meta.get("place")).averaging
            outcome.rows.append(row_of(path.name, raw.start_ms, duration, answer))
            reasons = answer.detail.get("reasons")
            if reasons:
                outcome.notes[path.name] = "; ".join(sorted({f"{k}: {v}" for k, v in reasons.items()}))
        except Exception as error:  # one file must not cost the others
            outcome.bad[path.name] = f"{error}" if isinstance(error, EdgeError) else f"{type(error).__name__}: {error}"
        yield path


def run(station: Station, station_file: Path, files: Sequence[Path], out: Path | None) -> int:
    """The command: compute, show progress, write, report. Returns the exit status: 1 when any file was bad."""
    console = Console(stderr=True)
    outcome = Outcome()
    bar = Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console)
    with bar:
        task = bar.add_task("fluxes", total=len(files))
        for path in run_files(station, files, lambda p: read_any(p, station_file), outcome):
            bar.update(task, advance=1, description=path.name)
    for name, reasons in outcome.notes.items():
        console.print(f"[yellow]{name}[/]: {reasons}", highlight=False, soft_wrap=True)
    for name, reason in outcome.bad.items():
        console.print(f"[red]{name} skipped[/]: {reason}", highlight=False, soft_wrap=True)
    if out is None:
        write(outcome.rows, sys.stdout)
    else:
        with out.open("w", encoding="utf-8", newline="") as file:
            write(outcome.rows, file)
    return 1 if outcome.bad else 0
