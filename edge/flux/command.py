"""The ``flux`` command: files in, table out, progress and notes to standard error.

A file that cannot be used is named with its reason and skipped; the exit status is 1 then, 130 after Ctrl-C (what was computed until then
is written), 2 when nothing could be begun. Where a method needs history that the files do not carry, a first pass over them teaches it and
a second one uses it (see `learning`).
"""

from __future__ import annotations

import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from edge.flux.errors import FluxError
from edge.flux.learning import Learnt, learn
from edge.flux.pool import Failure, cores, over_files
from edge.flux.storage import with_storage
from edge.flux.table import Row, write, write_reasons
from edge.flux.work import FileResult, Setup, compute_file, product_of
from edge.science.eddy.spectral.instruments import ANALYSERS, SONICS
from firmware_config.cards import all_cards
from firmware_config.station import EddyFlux, Station
from firmware_config.yaml_report import closest

INTERRUPTED = 130


@dataclass
class Outcome:
    """Rows of the good files, what was wrong with the others, what is to be said about the good ones."""

    found: dict[str, FileResult] = field(default_factory=dict)
    bad: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False

    @property
    def rows(self) -> list[Row]:
        """In order of time, with the storage that only all of them together tell."""
        return with_storage(pair for result in self.found.values() for pair in zip(result.rows, result.states, strict=True))

    @property
    def notes(self) -> dict[str, list[str]]:
        return {name: result.notes for name, result in self.found.items() if result.notes}

    @property
    def status(self) -> int:
        return INTERRUPTED if self.interrupted else 1 if self.bad else 0


def run(
    station: Station, files: Sequence[Path], *, mode: str | None = None, out: Path | None = None, reasons: Path | None = None, jobs: int = 0
) -> int:
    """The command; returns the exit status. FluxError when nothing can be begun. ``jobs`` 0: all cores."""
    product_of(station)
    for path in (out, reasons):
        _check_writable(path)
    console = Console(stderr=True)
    for warning in unknown_kinds(station):
        console.print(f"[yellow]{warning}[/]", highlight=False, soft_wrap=True)
    outcome = compute_files(Setup(station, mode), files, jobs or cores(), console)
    if not outcome.interrupted:
        learn_and_compute_again(outcome, Setup(station, mode), files, jobs or cores(), console)
    rows = outcome.rows
    _report(outcome, rows, console)
    _write(out, lambda to: write(rows, to))
    if reasons is not None:
        _write(reasons, lambda to: write_reasons(rows, outcome.bad, to))
    return outcome.status


def learn_and_compute_again(outcome: Outcome, setup: Setup, files: Sequence[Path], jobs: int, console: Console) -> None:
    """Let the files teach what the methods need and some of them do not carry, and compute those again with it."""
    if not any(result.lacks for result in outcome.found.values()):
        return
    learnt: Learnt = {}
    for product in (one for one in setup.station.products if isinstance(one, EddyFlux)):
        facts = [one for result in outcome.found.values() for one in result.facts.get(product.place, [])]
        if not facts:
            continue
        known, ready, missing = learn(product, setup.mode, facts)
        learnt |= {product.place: known} if known else {}
        for text, said in (("learnt from these files", ready), ("not ready, the fallback is used", missing)):
            if said:
                console.print(f"{product.place}: {text}: {'; '.join(said)}", highlight=False, soft_wrap=True, markup=False)
    if not learnt:
        return
    wanting = [path for path, name in _distinct(files).items() if name in outcome.found and outcome.found[name].lacks]
    names = _distinct(files)
    for path in wanting:
        del outcome.found[names[path]]
    console.print(f"{len(wanting)} files are computed again with what was learnt", highlight=False)
    compute_files(replace(setup, learnt=learnt), wanting, jobs, console, outcome, names)


def compute_files(
    setup: Setup,
    files: Sequence[Path],
    jobs: int,
    console: Console,
    outcome: Outcome | None = None,
    names: dict[Path, str] | None = None,
) -> Outcome:
    """All files, with progress; what is finished when Ctrl-C comes is kept. ``outcome``: of files before, to which these are added, under
    the ``names`` they have there."""
    outcome = Outcome() if outcome is None else outcome
    all_names = _distinct(files) if names is None else names
    names = {path: all_names[path] for path in dict.fromkeys(files)}
    bar = Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console)
    try:
        with _terminate_as_interrupt(), bar:
            task = bar.add_task("fluxes", total=len(names))
            for done in over_files(partial(compute_file, setup), list(names), jobs):
                _take(outcome, names[done.path], done.result)
                bar.update(task, advance=1, description=done.path.name)
    except KeyboardInterrupt:
        outcome.interrupted = True
        count = sum(len(result.rows) for result in outcome.found.values())
        console.print(f"stopped: {count} periods are written", highlight=False)
    return outcome


def _take(outcome: Outcome, name: str, result: FileResult | Failure) -> None:
    if isinstance(result, Failure):
        outcome.bad[name] = result.reason
        return
    outcome.found[name] = result


def _distinct(files: Sequence[Path]) -> dict[Path, str]:
    """Each file once, with the name it has in messages: its own, or its path where two have the same."""
    often = Counter(path.name for path in dict.fromkeys(files))
    return {path: path.name if often[path.name] == 1 else str(path) for path in files}


def unknown_kinds(station: Station) -> Iterator[str]:
    """Instruments of the eddy product that have neither a card nor a row in the table of paths: their spectral losses stay uncorrected."""
    product, cards = product_of(station), all_cards()
    for role, known in ((product.sonic, SONICS), (product.gas, ANALYSERS)):
        model = station.instrument(role).model if role is not None else None
        if model is not None and model not in cards and model not in known:
            nearest = closest(model, known)
            meant = f"; did you mean {nearest!r}?" if nearest else ""
            yield f"{role}: model {model!r} is not known, its spectral losses cannot be corrected; there are {', '.join(known)}{meant}"


def _report(outcome: Outcome, rows: Sequence[Row], console: Console) -> None:
    """Reasons of missing numbers, once each with how often; notes and skipped files by name."""
    missing: dict[str, list[Row]] = {}
    for row in rows:
        for reason in dict.fromkeys(row.reasons.values()):
            missing.setdefault(reason, []).append(row)
    for reason, lacking in missing.items():
        of = list(dict.fromkeys(name for row in lacking for name, why in row.reasons.items() if why == reason))
        shown = ", ".join(of[:6]) + (f" and {len(of) - 6} more" if len(of) > 6 else "")
        where = lacking[0].name + (f" and {len(lacking) - 1} more periods" if len(lacking) > 1 else "")
        console.print(f"missing {shown}: {reason} ({where})", highlight=False, soft_wrap=True, markup=False)
    for name, notes in outcome.notes.items():
        console.print(f"{name}: {'; '.join(notes)}", highlight=False, soft_wrap=True, markup=False)
    for name, reason in outcome.bad.items():
        console.print(f"{name} skipped: {reason}", style="red", highlight=False, soft_wrap=True, markup=False)


def _check_writable(path: Path | None) -> None:
    """Said before hours of computing, not after."""
    if path is None:
        return
    if path.is_dir():
        raise FluxError(f"{path} is a folder; name a file")
    try:
        with path.open("a", encoding="utf-8"):
            pass
    except OSError as error:
        raise FluxError(f"{path} cannot be written: {error.strerror}") from error


def _write(path: Path | None, fill: Callable[[TextIO], None]) -> None:
    if path is None:
        fill(sys.stdout)
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        fill(file)


@contextmanager
def _terminate_as_interrupt() -> Iterator[None]:
    """SIGTERM ends the command as Ctrl-C does, where signals can be set."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, interrupt)
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
