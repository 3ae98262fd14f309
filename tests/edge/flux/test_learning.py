"""Files of a tower that leans, with gases that come late: what the files teach is what is true, and it is used."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from tests.edge.compute.windows import columns_of, small_world, write_ghg
from tests.edge.flux.stations import SAMPLES, START, air, csv_text, document, flux, rows_of

FILES = 20
LATE = 2
"""samples the gases come after the wind: 0.2 s"""
PLANE = (0.03, 0.06, -0.04)
"""w = b0 + b1 u + b2 v of the leaning sonic"""
ARCHIVE_STATION = Path(__file__).resolve().parents[3] / "firmware_config" / "stations" / "yueqing-mangrove" / "station.yaml"


def leaning(table: np.ndarray, turn_deg: float) -> np.ndarray:
    """The same air from another direction, seen by a sonic whose mean streamlines lie in `PLANE`; gases late."""
    u, v, w, *rest = table.T
    a = np.radians(turn_deg)
    along, across = u * np.cos(a) - v * np.sin(a), u * np.sin(a) + v * np.cos(a)
    late = [rest[0], *(np.roll(gas, LATE) for gas in rest[1:])]
    return np.stack([along, across, w + PLANE[0] + PLANE[1] * along + PLANE[2] * across, *late], axis=1)


def files(folder: Path, count: int = FILES) -> list[Path]:
    table, made = air(), []
    for i in range(count):
        path = folder / f"T_{START + timedelta(minutes=10 * i):%Y%m%d-%H%M}.csv"
        path.write_text(csv_text(leaning(np.roll(table, 250 * i, axis=0), 15.0 * i)))
        made.append(path)
    return made


def station(folder: Path, **processing: Any) -> Path:
    whole = document()
    whole["products"][0]["processing"] = processing
    path = folder / "leaning.yaml"
    path.write_text(yaml.safe_dump(whole, allow_unicode=True), encoding="utf-8")
    return path


FIT = {"sectors": 1, "least_windows": 20}


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], list[dict[str, str]]]:
    """The files, and what they give with the true plane in the station file."""
    folder = tmp_path_factory.mktemp("given")
    made = files(folder)
    plane = {"from_deg": 0, "to_deg": 360, "b0_ms": PLANE[0], "b1": PLANE[1], "b2": PLANE[2]}
    result = flux(station(folder, rotation="planar_fit", planar_fit={"planes": [plane]}, lag="maximum_with_default"), *made)
    assert result.exit_code == 0, result.stderr
    return made, rows_of(result.stdout)


def test_plane_and_lag_are_taught_by_the_files_and_used(tmp_path: Path, given: tuple[list[Path], list[dict[str, str]]]) -> None:
    made, expected = given
    result = flux(station(tmp_path, rotation="planar_fit", planar_fit=FIT, lag="tracked"), *made, "--jobs", "2")
    assert result.exit_code == 0, result.stderr
    assert f"planar fit 0-360 rests on {FILES} windows" in result.stderr
    assert f"lag co2 0.20 s ({FILES} windows)" in result.stderr
    assert f"{FILES} files are computed again" in result.stderr
    found = rows_of(result.stdout)
    assert len(found) == FILES
    for column in ("FC", "H", "TAU"):
        assert [float(row[column]) for row in found] == pytest.approx([float(row[column]) for row in expected], rel=2e-3), column


def test_with_too_few_files_it_is_said_what_is_missing_and_nothing_is_computed_twice(
    tmp_path: Path, given: tuple[list[Path], list[dict[str, str]]]
) -> None:
    result = flux(station(tmp_path, rotation="planar_fit", planar_fit=FIT), *given[0][:3])
    assert result.stderr.count("not ready") == 1
    assert "planar fit 0-360 has 3 of 20 windows" in result.stderr
    assert "lag co2 3 windows with a clear maximum; 20 are needed" in result.stderr
    assert "again" not in result.stderr
    assert len(rows_of(result.stdout)) == 3


def test_methods_that_need_no_history_have_one_pass_in_silence(tmp_path: Path, given: tuple[list[Path], list[dict[str, str]]]) -> None:
    for chosen in ({"lag": "maximum_with_default"}, {"mode": "compatible"}):
        result = flux(station(tmp_path, **chosen), *given[0][:2])
        assert "learnt" not in result.stderr
        assert "not ready" not in result.stderr


def test_the_lag_nobody_chose_is_the_engines_in_its_mode(tmp_path: Path, given: tuple[list[Path], list[dict[str, str]]]) -> None:
    """A mode at the command line decides too: nothing is learnt then, and the numbers are those of the method named."""
    few = given[0][:2]
    unsaid = flux(station(tmp_path), *few, "--mode", "compatible")
    assert "not ready" not in unsaid.stderr
    assert rows_of(unsaid.stdout) == rows_of(flux(station(tmp_path, lag="maximum_with_default", mode="compatible"), *few).stdout)


def test_a_file_that_carries_what_was_learnt_is_left_with_it(tmp_path: Path) -> None:
    columns = columns_of(small_world(SAMPLES), 4)
    carries, bare = (
        write_ghg(tmp_path, columns, name=f"test_20260528T20{minute}", learnt=learnt) for minute, learnt in ((30, {"lags": {}}), (40, None))
    )
    assert "lag co2" not in flux(ARCHIVE_STATION, carries).stderr
    assert "lag co2" in flux(ARCHIVE_STATION, bare).stderr
