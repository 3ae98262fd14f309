"""What ``haitan-edge outbox`` prints; reading is done by `edge.outbox.inspect`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from rich.console import Console
from rich.table import Table

from edge.outbox import inspect


def _when(ms: int | None) -> str:
    return "-" if ms is None else datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def check(folder: Path) -> int:
    """Print what is wrong; 0 when nothing is."""
    console = Console()
    report = inspect.check(inspect.find(folder))
    for note in report.notes:
        console.print(f"note: {note}", markup=False, soft_wrap=True)
    for problem in report.problems:
        console.print(f"[red]problem:[/red] {problem}" if console.is_terminal else f"problem: {problem}", soft_wrap=True)
    console.print(f"{report.folder}: {report.records} records, {len(report.problems)} problems", markup=False, soft_wrap=True)
    return 1 if report.problems else 0


def show(folder: Path, last: int) -> None:
    """A table per stream, then the newest records."""
    console = Console()
    folder = inspect.find(folder)
    lines = Table(title=str(folder))
    for name in ("stream", "epoch", "kept", "not acknowledged", "first", "last", "newest (UTC)"):
        lines.add_column(name, justify="left" if name in {"stream", "newest (UTC)"} else "right")
    for line in inspect.overview(folder):
        lines.add_row(*map(str, (*line.key, line.kept, line.unacknowledged, line.first, line.last)), _when(line.newest_ms))
    console.print(lines)
    for _, body in inspect.last_records(folder, last):
        console.print(body.decode("utf-8", "replace"), markup=False, highlight=False, soft_wrap=True)


def export(folder: Path, out: Path | None) -> None:
    """All records as JSON lines to a file or standard output."""
    lines = inspect.export(inspect.find(folder))
    if out is not None:
        with out.open("wb") as file:
            _write(lines, file)
    else:
        _write(lines, sys.stdout.buffer)


def _write(lines: Iterator[bytes], file: BinaryIO) -> None:
    for line in lines:
        file.write(line + b"\n")
    file.flush()
