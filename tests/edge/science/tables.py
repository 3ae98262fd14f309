"""Reading the check tables of the air-sea reference data."""

from __future__ import annotations

import csv

import numpy as np

from tests.conftest import REFDATA


def table(name: str) -> dict[str, np.ndarray]:
    """Column → numbers (NaN where the field is empty or a word)."""
    with (REFDATA / "airsea" / name).open() as file:
        rows = list(csv.DictReader(file))

    def number(text: str) -> float:
        try:
            return float(text)
        except ValueError:
            return np.nan

    return {column: np.array([number(row[column] or "") for row in rows]) for column in rows[0]}
