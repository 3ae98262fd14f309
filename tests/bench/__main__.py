"""Run the benchmarks named on the command line (all, without names) and print one table."""

from __future__ import annotations

import importlib
import sys

from rich.console import Console
from rich.table import Table

NAMES = ("decode", "eddy", "outbox", "agent", "collector_load")


def main() -> int:
    console = Console(width=None if sys.stdout.isatty() else 160)
    table = Table(title="Haitan: performance as measured now, on this machine", title_justify="left")
    for heading in ("what", "measured", "unit", "target", "reached", "how"):
        table.add_column(heading, overflow="fold", justify="right" if heading in {"measured", "target"} else "left")
    missed = 0
    for name in sys.argv[1:] or NAMES:
        with console.status(f"measuring: {name}"):
            rows = importlib.import_module(f"tests.bench.{name}").rows()
        for row in rows:
            target = "" if row.target is None else f"{'≤' if row.at_most else '≥'} {row.target:,g}"
            verdict = {None: "", True: "yes", False: "NO"}[row.reached]
            missed += row.reached is False
            table.add_row(
                row.what, f"{row.measured:,.4g}" if row.measured < 1e4 else f"{row.measured:,.0f}", row.unit, target, verdict, row.how
            )
    console.print(table)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
