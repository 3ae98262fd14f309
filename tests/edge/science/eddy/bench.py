"""Figures for people: how far the chains lie from the reference, and what a half-hour costs. ``python -m tests.edge.science.eddy.bench``"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from edge.science.eddy.chain import Chain, flux_chain, run
from edge.science.eddy.setup import Methods
from edge.science.eddy.window import Window
from tests.edge.science.eddy.held import BASE, CLASSES, FLUXES, Held, deviation
from tests.edge.science.eddy.reference import CASES, EC, SITES, computed, expected, window_and_setup

DEAREST = ("dehoh", "HOH_20190730-1130.csv.gz")
"""the reference half-hour of 36,000 rows"""


@dataclass(frozen=True)
class Worst:
    """The largest deviation of one quantity at one site, in its band and in its unit."""

    site: str
    held: Held
    bands: float
    absolute: float
    file: str


def deviations(site: str) -> Iterator[Worst]:
    """The compatible chain against the reference, base configuration: the worst of each quantity, over the half-hours of a site."""
    files = [file for of, file in CASES if of == site]
    for held in (*BASE, *CLASSES):
        rows = []
        for file in files:
            found, want = computed(site, file, Methods(mode="compatible")), expected(site, "expected.csv")[file]
            if held.column in want and want[held.column] != -9999.0:
                off = abs(found.value(held.value) * held.scale - want[held.column])
                rows.append(Worst(site, held, held.off(found, want), off, file.removesuffix(".csv.gz")))
        if rows:
            yield max(rows, key=lambda row: (row.bands, row.absolute))


def correct_beside_reference(flux: str) -> tuple[float, float, int]:
    """The correct chain: median and 95th percentile of the relative deviation over all half-hours, and how many lie beyond 5 % and the
    absolute band."""
    column, scale, absolute = FLUXES[flux]
    off, far = [], 0
    for site, file in CASES:
        ours, theirs = computed(site, file).value(flux) * scale, expected(site, "expected.csv")[file][column]
        off.append(deviation(ours, theirs))
        far += off[-1] > 0.05 and abs(ours - theirs) > absolute
    return statistics.median(off), sorted(off)[round(0.95 * (len(off) - 1))], far


def half_hour() -> tuple[Window, Chain]:
    """36,000 samples at 20 Hz: the half-hour of DE-HoH in the correct chain, all tests and corrections on."""
    window, setup = window_and_setup(*DEAREST)
    return window, flux_chain(setup)


def cost(repeats: int = 15) -> tuple[float, dict[str, float]]:
    """Median milliseconds of the whole chain on `half_hour`, and of each step."""
    window, chain = half_hour()
    whole, steps = [], {name: [] for name, _ in chain}
    for _ in range(repeats):
        began = time.perf_counter()
        run(window, chain)
        whole.append(1e3 * (time.perf_counter() - began))
        now = window
        for name, step in chain:
            began = time.perf_counter()
            now = step(now)
            steps[name].append(1e3 * (time.perf_counter() - began))
    return statistics.median(whole), {name: statistics.median(times) for name, times in steps.items()}


def main() -> None:
    """Print all tables."""
    console = Console()
    table = Table(
        "site",
        "quantity",
        "worst, in its band",
        "absolute",
        "half-hour",
        title="compatible chain against EddyPro 7.0.0, base configuration",
    )
    for site in SITES:
        for row in deviations(site):
            table.add_row(site, row.held.column, f"{row.bands:.3f}", f"{row.absolute:.3g}", row.file)
    console.print(table)
    table = Table(
        "quantity",
        "median %",
        "95th percentile %",
        "beyond 5 % and the absolute band",
        title="correct chain beside EddyPro 7.0.0, 28 half-hours",
    )
    for flux in FLUXES:
        middle, high, far = correct_beside_reference(flux)
        table.add_row(flux, f"{100 * middle:.2f}", f"{100 * high:.2f}", str(far))
    console.print(table)
    whole, steps = cost()
    table = Table("step", "ms", title=f"36,000 samples at 20 Hz: {whole:.1f} ms")
    for name, ms in steps.items():
        table.add_row(name, f"{ms:.2f}")
    console.print(table)


if __name__ == "__main__" and EC.is_dir():
    main()
