"""Run the benchmarks named on the command line (all, without names) and print one table.

What cannot be measured is told in its row and does not keep the others from the table. The exit status is 1 when a target is missed or
something could not be measured. On a busy machine the figures say less: its load is told below the table.
"""

from __future__ import annotations

import importlib
import math
import os
import sys
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from firmware_config.base import log
from tests.bench.row import Row

NAMES = ("decode", "fuzz", "bus", "eddy", "outbox", "agent", "full", "collector_load", "contract", "faults")


def _rows(name: str) -> Iterable[Row]:
    try:
        found: list[Row] = importlib.import_module(f"tests.bench.{name}").rows()
    except Exception as error:
        return [Row(name, float("nan"), "", f"could not be measured: {type(error).__name__}: {error}", target=0.0)]
    return found


def main() -> int:
    log.set_up("bench", level="ERROR")
    begun_with = os.getloadavg()[0]
    console = Console(width=None if sys.stdout.isatty() else 160)
    table = Table(title="Haitan: performance as measured now, on this machine", title_justify="left")
    for heading in ("what", "measured", "unit", "target", "reached", "how"):
        table.add_column(heading, overflow="fold", justify="right" if heading in {"measured", "target"} else "left")
    missed = 0
    for name in sys.argv[1:] or NAMES:
        with console.status(f"measuring: {name}"):
            rows = _rows(name)
        for row in rows:
            target = "" if row.target is None else f"{'≤' if row.at_most else '≥'} {row.target:,.5g}"
            verdict = {None: "", True: "yes", False: "NO"}[row.reached]
            missed += row.reached is False
            measured = "–" if math.isnan(row.measured) else f"{row.measured:,.4g}" if row.measured < 1e4 else f"{row.measured:,.0f}"
            table.add_row(row.what, measured, row.unit, target, verdict, row.how)
    table.caption_justify = "left"
    table.caption = f"load of the {os.cpu_count()} cores (1 min): {begun_with:.1f} at the beginning, {os.getloadavg()[0]:.1f} at the end"
    console.print(table)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
