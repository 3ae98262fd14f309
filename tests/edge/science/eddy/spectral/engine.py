"""What the reference engine was told of the three sites' instruments, and its numbers for every half-hour, by site."""

from __future__ import annotations

import csv
from functools import cache

import numpy as np

from edge.science.eddy.spectral.instruments import SONICS, Analyser, Sonic, Tube, placed
from tests.edge.science.eddy.reference import EC

ENGINE = {"high_pass_once": False, "rooted_paths": False, "crosswind_only": False, "highest_hz": 10.0, "trapezoid": False}
"""The choices of `factors` that are the engine's."""
SONIC: dict[str, Sonic] = {"finse": SONICS["csat3"], "dehoh": SONICS["gill_hs_50"], "usda": SONICS["csat3"]}
ANALYSER: dict[str, Analyser] = {
    "finse": placed("li7200", separation_m=0.20, separation_azimuth_deg=90.0, tube=Tube(0.711, 0.0053, 12.0)),
    "dehoh": placed("li7200", separation_m=0.0022, tube=Tube(0.711, 0.0053, 15.0)),
    "usda": placed("li7500", separation_m=0.15, separation_azimuth_deg=90.0),
}
HEIGHT = {"finse": 4.4 - 0.067, "dehoh": 45 - 22.3311, "usda": 7.11 - 2.9614}
AVERAGING = {"finse": 1800.0, "dehoh": 1800.0, "usda": 900.0}


@cache
def fluxnet(site: str) -> dict[str, dict[str, float]]:
    """Start of the period → column → number, of the table with FLUXNET names."""
    with (EC / site / "expected_fluxnet.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["TIMESTAMP_START"].isdigit()]
    return {row["TIMESTAMP_START"]: {k: float(v) for k, v in row.items() if _number(v)} for row in rows}


@cache
def variants(site: str, variant: str) -> dict[str, dict[str, float]]:
    """Start of the period → column → number of one variant."""
    with (EC / site / "expected_variants.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["variant"] == variant]
    return {start_of(row["filename"]): {k: float(v) for k, v in row.items() if _number(v)} for row in rows}


@cache
def binned(site: str) -> tuple[np.ndarray, ...]:
    """The 50 bins of each half-hour, in the order of time: rows are bins, columns as in the file after ``period_end``."""
    periods: dict[str, list[list[float]]] = {}
    with (EC / site / "expected_binned_cospectra.csv").open() as file:
        for end, *numbers in list(csv.reader(file))[1:]:
            periods.setdefault(end, []).append([float(x) for x in numbers])
    return tuple(np.array(rows) for _, rows in sorted(periods.items()))


def start_of(filename: str) -> str:
    """YYYYMMDDHHMM of a raw file's name."""
    return filename[4:12] + filename[13:17]


def _number(text: str | None) -> bool:
    try:
        return float(text or "") != -9999.0
    except ValueError:
        return False
