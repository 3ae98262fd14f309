"""Prints how the chain recovers prescribed fluxes: ``python -m tests.edge.science.eddy.truth.bench [windows]``."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table

from tests.edge.science.eddy.truth.recovery import Recovery, computed, recovered
from tests.edge.science.eddy.truth.station import STATIONS

WINDOWS = 200


def recovery(windows: int = WINDOWS) -> dict[str, dict[str, Recovery]]:
    """Station → flux → `Recovery` over that many windows."""
    return {station.name: recovered(station, computed(station, windows)) for station in STATIONS}


def main() -> None:
    windows = int(sys.argv[1]) if len(sys.argv) > 1 else WINDOWS
    table = Table("station", "flux", "bias %", "+-", "scatter %", "stated %", "in 1.96 errors %", title=f"{windows} windows of 30 minutes")
    for station, fluxes in recovery(windows).items():
        for flux, r in fluxes.items():
            numbers = (
                100 * r.bias,
                100 * r.error_of_bias(),
                100 * r.found.std(ddof=1),
                100 * (r.stated**2).mean() ** 0.5,
                100 * r.coverage,
            )
            table.add_row(station, flux, *(f"{x:.2f}" for x in numbers[:2]), *(f"{x:.1f}" for x in numbers[2:]))
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
