"""Figures for people: how far the chain lies from the reference, and what it costs. ``python -m tests.edge.science.eddy.bench``

`deviations` gives the worst and the median deviation of each quantity per site; `cost` the time of a half-hour and of each step.
"""

from __future__ import annotations

import statistics
import time

from rich.console import Console
from rich.table import Table

from edge.science.eddy.chain import Chain, flux_chain, run
from edge.science.eddy.setup import Setup
from edge.science.eddy.window import Window
from tests.edge.science.eddy.reference import CASES, SITES, computed, expected
from tests.edge.science.eddy.turbulence import make_world

COLUMNS = {
    "friction_velocity": ("u*", 1.0),
    "momentum_flux": ("Tau", 1.0),
    "sensible_heat_flux": ("H", 1.0),
    "latent_heat_flux": ("LE", 1.0),
    "co2_flux": ("co2_flux", 1e6),
}


def deviations() -> list[tuple[str, str, float, float, float, str]]:
    """(site, quantity, median %, worst %, absolute deviation there, file) against the rows ``hf=0``."""
    rows = []
    for site in SITES:
        for name, (column, scale) in COLUMNS.items():
            found = []
            for case_site, file in CASES:
                if case_site == site:
                    ours, theirs = computed(site, file).value(name) * scale, expected(site)[file][column]
                    found.append((100 * abs(ours / theirs - 1), abs(ours - theirs), file))
            worst = max(found)
            rows.append((site, name, statistics.median(f[0] for f in found), worst[0], worst[1], worst[2].removesuffix(".csv.gz")))
    return rows


def half_hour() -> tuple[Window, Chain]:
    """36,000 samples at 20 Hz of an open-path system."""
    from edge.science.eddy.lag.search import open_path_window

    air = make_world()
    windows = {gas: open_path_window(0.15) for gas in ("co2", "h2o")}
    chain = flux_chain(Setup(False, air.pressure, 5.0, 30.0, 1800.0, windows))
    return Window(20.0, 36_000, air.open_path(3), "density"), chain


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
    """Print both tables."""
    console = Console()
    table = Table(
        "site", "quantity", "median %", "worst %", "there, absolute", "file", title="against EddyPro 7.0.0 without spectral correction"
    )
    for site, name, median, worst, absolute, file in deviations():
        table.add_row(site, name, f"{median:.4f}", f"{worst:.4f}", f"{absolute:.3g}", file)
    console.print(table)
    whole, steps = cost()
    table = Table("step", "ms", title=f"36,000 samples at 20 Hz: {whole:.1f} ms")
    for name, ms in steps.items():
        table.add_row(name, f"{ms:.2f}")
    console.print(table)


if __name__ == "__main__":
    main()
