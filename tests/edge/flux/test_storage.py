"""Storage between windows: warmer and richer air from one file to the next is what the column took up, and a gap has none."""

from __future__ import annotations

import itertools
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from edge.flux.storage import State, with_storage
from edge.flux.table import Row, columns
from edge.science.constants import GAS_CONSTANT, MOLAR_MASS_WATER
from tests.edge.flux.stations import START, air, csv_text, flux, rows_of, station_file

HEIGHT_M, SECONDS = 5.0, 600.0
SINGLE = ("SH_SINGLE", "SLE_SINGLE", "SET_SINGLE", "SC_SINGLE", "SH2O_SINGLE")


def files(folder: Path, minutes: tuple[int, ...]) -> list[Path]:
    """The same air, each file 0.5 K warmer, with 3 umol mol-1 more CO2 and 0.2 mmol mol-1 more water than the one before."""
    made = []
    for i, minute in enumerate(minutes):
        table = air() + np.array([0, 0, 0, 0.5, 3.0, 0.2]) * i
        made.append(folder / f"T_{START + timedelta(minutes=minute):%Y%m%d-%H%M}.csv")
        made[-1].write_text(csv_text(table))
    return made


@pytest.mark.parametrize("mode", ["correct", "compatible"])
def test_what_the_column_takes_up_between_files(tmp_path: Path, mode: str) -> None:
    made = files(tmp_path, (0, 10, 20, 40))
    result = flux(station_file(tmp_path), *reversed(made), "--mode", mode, "--reasons", tmp_path / "reasons.csv")
    assert result.exit_code == 0, result.stderr
    rows = rows_of(result.stdout)
    assert [row["FILENAME_HF"] for row in rows] == [path.name for path in made]
    for row in rows[1:3]:
        temperature, pressure = float(row["TA_EP"]) + 273.15, 1e3 * float(row["PA_EP"])
        dry = (pressure - 100.0 * float(row["VAPOR_PARTIAL_PRESSURE"])) / (GAS_CONSTANT * temperature)
        if mode == "compatible":  # which takes the volume at the sonic temperature
            dry = 1.0 / float(row["DRYAIR_MV"])
        vapour = dry * 0.2e-3 * HEIGHT_M / SECONDS
        assert float(row["SC_SINGLE"]) == pytest.approx(dry * 3.0 * HEIGHT_M / SECONDS, rel=2e-3)
        assert float(row["SH2O_SINGLE"]) == pytest.approx(1e3 * vapour, rel=2e-3)
        assert float(row["SET_SINGLE"]) == pytest.approx(3600.0 * MOLAR_MASS_WATER * vapour, rel=2e-3)
        assert float(row["SLE_SINGLE"]) == pytest.approx(float(row["SPECIFIC_HEAT_EVAP"]) * MOLAR_MASS_WATER * vapour, rel=2e-3)
    for before, row in itertools.pairwise(rows[:3]):
        warmer = float(row["TA_EP"]) - float(before["TA_EP"])
        assert warmer == pytest.approx(0.5, abs=0.05)
        assert float(row["SH_SINGLE"]) == pytest.approx(float(row["AIR_RHO_CP"]) * warmer * HEIGHT_M / SECONDS, rel=2e-3)
    for row in (rows[0], rows[3]):
        assert {row[name] for name in SINGLE} == {"-9999"}
    reasons = [row for row in rows_of((tmp_path / "reasons.csv").read_text()) if row["NAME"] in SINGLE]
    assert {row["FILENAME_HF"] for row in reasons} == {made[0].name, made[3].name}
    assert result.stderr.count("no window before") == 1


def test_products_and_repeats_are_told_apart() -> None:
    def pair(place: str, start_ms: int, name: str, co2: float) -> tuple[Row, State]:
        numbers = {"co2_dry_mole_fraction": co2, "dry_molar_volume": 0.025}
        return Row(start_ms, name, ["", "", name, *("-9999" for _ in columns())], {}), State(place, start_ms, 600_000, 5.0, numbers)

    given = [pair("a", 0, "a0", 4e-4), pair("b", 600_000, "b1", 1.0), pair("a", 600_000, "a1", 4.3e-4), pair("a", 600_000, "again", 4.6e-4)]
    at = 3 + list(columns()).index("SC_SINGLE")
    found = {row.name: row.fields[at] for row in with_storage(given)}
    assert found["a0"] == found["b1"] == "-9999"
    assert float(found["a1"]) == pytest.approx(1e6 * 40.0 * 3e-5 * 5.0 / 600.0)
    assert float(found["again"]) == pytest.approx(2 * float(found["a1"]))
