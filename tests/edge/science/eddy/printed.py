"""The reference's printed numbers of every half-hour, side by side: main results, FLUXNET output, quality details, option variants."""

from __future__ import annotations

import csv
from functools import cache

from tests.edge.science.eddy.reference import CASES, EC

NAMES = [f"{site}-{file[:-7]}" for site, file in CASES]
"""test ids"""


@cache
def fluxnet(site: str) -> dict[str, dict[str, float]]:
    """file → column → number, of the FLUXNET-named output (-9999 and text left out)."""
    with (EC / site / "expected_fluxnet.csv").open() as file:
        rows = {row["FILENAME_HF"] + ".gz": row for row in csv.DictReader(file)}
    return {name: _numbers(row) for name, row in rows.items()}


@cache
def quality(site: str) -> dict[str, list[int]]:
    """file → the nineteen quality numbers in the order of the file: nine deviations of variances and covariances, four partial classes, three
    deviations of the turbulence test, three partial classes."""
    with (EC / site / "expected_qc_details.csv").open() as file:
        return {row[0] + ".gz": [int(x) for x in row[4:23]] for row in csv.reader(file) if row[0].endswith(".csv")}


def _numbers(row: dict[str, str]) -> dict[str, float]:
    found = {}
    for name, text in row.items():
        try:
            number = float(text)
        except (TypeError, ValueError):
            continue
        if number != -9999.0:
            found[name] = number
    return found
