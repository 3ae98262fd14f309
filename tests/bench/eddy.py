"""What an eddy half-hour costs and how far its numbers lie from the reference and from a prescribed truth.

Cost: DE-HoH, 36,000 rows at 20 Hz, one process, one thread; the whole file through `haitan-edge flux`'s own work function, then the steps of
the correct chain. EddyPro 7.0.0 took 3.25 s for the same file on a machine of this kind (with its start of a few tens of milliseconds).
Without the reference data only the prescribed truth is measured.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.row import Row
from tests.conftest import ROOT
from tests.edge.science.eddy import bench
from tests.edge.science.eddy.held import FLUXES
from tests.edge.science.eddy.reference import EC, SITES
from tests.edge.science.eddy.truth.bench import WINDOWS, recovery

REPEATS = 15
EDDYPRO_S = 3.25
STATION = ROOT / "firmware_config" / "stations" / "reference" / "dehoh.yaml"


def rows() -> list[Row]:
    """Cost, deviations, truth."""
    return [*(cost() if EC.is_dir() else ()), *(deviations() if EC.is_dir() else ()), *truth()]


def cost() -> Iterator[Row]:
    seconds, megabytes = in_a_process_of_its_own(EC / bench.DEAREST[0] / bench.DEAREST[1])
    how = f"DE-HoH, 36,000 rows x 12 columns, gzipped CSV to FLUXNET row; median of {REPEATS} in one process after the first"
    yield Row("eddy: one file, reading included", seconds, "s", how, target=0.16)
    yield Row(
        "eddy: times faster than EddyPro", EDDYPRO_S / seconds, "x", f"EddyPro 7.0.0: {EDDYPRO_S} s (whole run)", target=20.0, at_most=False
    )
    yield Row("eddy: memory of that process", megabytes, "MB", "largest resident set", target=120.0)
    whole, steps = bench.cost(REPEATS)
    yield Row("eddy: correct chain alone", whole, "ms", f"samples in memory; median of {REPEATS}")
    for name, step_ms in sorted(steps.items(), key=lambda step: -step[1]):
        yield Row(f"eddy: step {name}", step_ms, "ms", f"{100 * step_ms / sum(steps.values()):.0f} % of all steps")


def in_a_process_of_its_own(file: Path) -> tuple[float, float]:
    """Median seconds a file, and the largest resident set (MB), of a process that does nothing else."""
    done = subprocess.run([sys.executable, "-m", "tests.bench.eddy", str(file)], cwd=ROOT, capture_output=True, text=True, check=True)
    seconds, megabytes = done.stdout.split()
    return float(seconds), float(megabytes)


def measure(file: Path) -> None:
    from edge.flux.work import Setup, compute_file
    from firmware_config.check import load_station

    setup = Setup(load_station(STATION).station, None)
    times = []
    for _ in range(REPEATS + 1):
        began = time.perf_counter()
        compute_file(setup, file)
        times.append(time.perf_counter() - began)
    print(statistics.median(times[1:]), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def deviations() -> Iterator[Row]:
    for site in SITES:
        for row in bench.deviations(site):
            how = f"largest deviation from EddyPro 7.0.0 in its band ({row.absolute:.2g} absolute, {row.file})"
            yield Row(f"compatible, {site}: {row.held.column}", row.bands, "bands", how, target=1.0)
    for flux in FLUXES:
        middle, high, far = bench.correct_beside_reference(flux)
        yield Row(f"correct: {flux}, median", 100 * middle, "%", "relative deviation from EddyPro 7.0.0, 28 half-hours", target=2.0)
        yield Row(f"correct: {flux}, 95th percentile", 100 * high, "%", f"{far} of 28 beyond 5 % and beyond 2 W m-2 or 0.2 umol m-2 s-1")


def truth() -> Iterator[Row]:
    for station, fluxes in recovery(WINDOWS).items():
        for flux, found in fluxes.items():
            band = max(2.0, 200 * found.error_of_bias())
            how = f"{WINDOWS} simulated half-hours with a prescribed flux; band: 2 % or two standard errors"
            yield Row(f"truth, {station}: {flux}, bias", abs(100 * found.bias), "%", how, target=band)
            how = "share of them whose prescribed flux lies within 1.96 stated errors"
            yield Row(f"truth, {station}: {flux}, covered, at least", 100 * found.coverage, "%", how, target=92.0, at_most=False)
            yield Row(f"truth, {station}: {flux}, covered, at most", 100 * found.coverage, "%", how, target=98.0)


if __name__ == "__main__":
    measure(Path(sys.argv[1]))
