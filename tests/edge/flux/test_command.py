"""``haitan-edge flux`` as a user calls it: reference files in, FLUXNET table out; bad files named and skipped."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner, Result

from edge.archive.layout import Note
from edge.archive.reader import read_window
from edge.cli import main
from edge.compute.eddy import compute
from edge.compute.request import build_request
from tests.edge.compute.windows import STATIONS, columns_of, mangrove, small_world, write_ghg

FINSE = {
    "start": "FIN_%Y%m%d-%H%M",
    "rate": "10 Hz",
    "columns": {
        "U (m/s)": "u",
        "V (m/s)": "v",
        "W (m/s)": "w",
        "Ts (C)": "ts_degC",
        "CO2 dry (umol/mol)": "co2_ppm",
        "H2O dry (mmol/mol)": "h2o_ppt",
    },
}
USDA = {
    "start": "USD_%Y%m%d-%H%M",
    "utc_offset": "-08:00",
    "rate": "20 Hz",
    "columns": {
        "U (m/s)": "u",
        "V (m/s)": "v",
        "W (m/s)": "w",
        "Ts (C)": "ts_degC",
        "CO2 (mmol/m^3)": {"column": "co2_mg_m3", "scale": 1 / 44.0095},
        "H2O (mmol/m^3)": {"column": "h2o_g_m3", "scale": 1000 / 18.01528},
        "P gas (kPa)": "press_kPa",
    },
}


def station_file(folder: Path, example: str, description: dict | None, *, product: dict, pressure: float | None) -> Path:
    """An example station with the eddy product of another site, and the description of its files beside it."""
    whole = yaml.safe_load((STATIONS / example / "station.yaml").read_text(encoding="utf-8"))
    eddy = next(p for p in whole["products"] if p["kind"] == "eddy")
    eddy.update(product)
    weather = next(i for i in whole["instruments"] if i["model"] == "vaisala_wxt536_ascii")
    whole["inputs"]["air_pressure"] = [{"series": f"air_pressure@{weather['place']}", "max_age": "30min"}]
    if pressure is not None:
        whole["inputs"]["air_pressure"].append({"constant": pressure, "uncertainty": 10.0})
    path = folder / "site.yaml"
    path.write_text(yaml.safe_dump(whole, allow_unicode=True), encoding="utf-8")
    (folder / "site.geojson").write_text((STATIONS / example / "site.geojson").read_text(encoding="utf-8"), encoding="utf-8")
    if description is not None:
        (folder / "site.raw.yaml").write_text(yaml.safe_dump(description), encoding="utf-8")
    return path


def finse(folder: Path, **changes: object) -> Path:
    tube = {"cell_volume_cm3": 16.09, "displacement_m": 0.067}
    return station_file(folder, "hangzhou-mudflat", FINSE | changes, product=tube, pressure=874.026)


def flux(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["flux", *(str(a) for a in arguments)])


def rows_of(text: str) -> dict[str, dict[str, str]]:
    return {row["FILENAME_HF"]: row for row in csv.DictReader(io.StringIO(text))}


def csv_file(folder: Path, name: str = "FIN_20180720-1600.csv", rows: int = 18_000) -> Path:
    """A file in the form of the reference data, of air whose flux is known."""
    air = small_world(max(rows, 2000))
    table = np.stack([air.wind_u, air.wind_v, air.wind_w, air.sonic_temperature - 273.15, air.r_co2 * 1e6, air.r_h2o * 1e3], axis=1)[:rows]
    path = folder / name
    np.savetxt(path, table, fmt="%.9g", delimiter=",", header="u,v,w,ts_degC,co2_ppm,h2o_ppt", comments="")
    return path


@pytest.mark.needs("refdata")
def test_reference_files_give_the_references_fluxes(tmp_path: Path, refdata: Path) -> None:
    names = ["FIN_20180720-1600", "FIN_20180720-1830", "FIN_20180721-0930"]
    files = [refdata / "ec" / "finse" / f"{name}.csv.gz" for name in names]
    with (refdata / "ec" / "finse" / "expected_variants.csv").open() as table:
        expected = {row["filename"]: row for row in csv.DictReader(table) if row["variant"] == "hf=0"}
    out = tmp_path / "fluxes.csv"
    result = flux(finse(tmp_path), *files, "--out", out, "--mode", "correct")
    assert result.exit_code == 0, result.output
    found = rows_of(out.read_text())
    assert len(found) == 3
    for name in names:
        row, want = found[f"{name}.csv.gz"], expected[f"{name}.csv"]
        for ours, theirs, absolute in (("USTAR", "u*", 0), ("TAU", "Tau", 0), ("H", "H", 0.5), ("LE", "LE", 0.5), ("FC", "co2_flux", 0.05)):
            assert float(row[ours]) == pytest.approx(float(want[theirs]), rel=0.03, abs=absolute), (name, ours)
        assert float(row["CO2_TLAG_USED"]) == pytest.approx(float(want["co2_time_lag"]))
        assert row["FC_SSITC_TEST"] == want["qc_co2_flux"]


@pytest.mark.needs("refdata")
def test_the_open_path_reference_uses_its_own_barometer(tmp_path: Path, refdata: Path) -> None:
    product = {"averaging": "15min", "displacement_m": 2.9614, "canopy_m": 4.42}
    station = station_file(tmp_path, "zhoushan-buoy", USDA, product=product, pressure=1013.0)
    result = flux(station, refdata / "ec" / "usda" / "USD_20120607-1245.csv.gz")
    assert result.exit_code == 0, result.output
    row = rows_of(result.stdout)["USD_20120607-1245.csv.gz"]
    assert float(row["FC"]) == pytest.approx(-15.4338, rel=0.03)
    assert float(row["LE"]) == pytest.approx(416.443, rel=0.03)
    assert (row["TIMESTAMP_START"], row["TIMESTAMP_END"]) == ("201206080445", "201206080500")  # 12:45 UTC-8 in UTC+8
    assert row["FC_SSITC_TEST"] == "2"  # the example station is a buoy


def test_a_bad_file_is_named_and_skipped_and_the_rest_computed(tmp_path: Path) -> None:
    good = csv_file(tmp_path)
    wrong_name = csv_file(tmp_path, "noon.csv")
    empty = tmp_path / "FIN_20180720-1700.csv"
    empty.write_text("u,v,w,ts_degC,co2_ppm,h2o_ppt\n")
    strange = tmp_path / "FIN_20180720-1730.csv"
    strange.write_text("a,b\n1,2\n")
    too_long = csv_file(tmp_path, "FIN_20180720-1800.csv", rows=36_000)
    broken = tmp_path / "FIN_20180720-1900.csv.gz"
    broken.write_bytes(gzip.compress(good.read_bytes())[:5000])
    absent = tmp_path / "FIN_20180720-1930.csv"
    no_archive = tmp_path / "x.ghg"
    no_archive.write_bytes(b"PK\x03\x04 nothing")
    result = flux(finse(tmp_path), good, wrong_name, empty, strange, too_long, broken, absent, no_archive)
    assert result.exit_code == 1
    assert list(rows_of(result.stdout)) == [good.name]
    told = " ".join(result.stderr.split())
    for path, word in (
        (wrong_name, "does not read as"), (empty, "no data"), (strange, "none of the columns"), (too_long, "more than one period"),
        (broken, "cannot be read"), (absent, "cannot be read"), (no_archive, "skipped"),
    ):  # fmt: skip
        assert f"{path.name} skipped" in told
        assert word in told


def test_fields_that_are_no_numbers_are_missing_not_fatal(tmp_path: Path) -> None:
    path = csv_file(tmp_path)
    clean = float(rows_of(flux(finse(tmp_path), path).stdout)[path.name]["FC"])
    lines = path.read_text().splitlines()
    lines[500], lines[900], lines[1200] = "NAN,x,,,-9999,", "1.0,2.0", ""
    path.write_text("\n".join(lines) + "\n")
    result = flux(finse(tmp_path), path)
    assert result.exit_code == 0, result.output
    assert float(rows_of(result.stdout)[path.name]["FC"]) == pytest.approx(clean, rel=0.01)


def test_half_a_file_gives_missing_values_and_the_reason(tmp_path: Path) -> None:
    path = csv_file(tmp_path, rows=9_000)
    result = flux(finse(tmp_path), path)
    row = rows_of(result.stdout)[path.name]
    assert {row[name] for name in ("TAU", "H", "LE", "FC", "USTAR", "FC_SSITC_TEST")} == {"-9999"}
    assert "50 %" in result.stderr


def test_our_own_archive_gives_the_digits_the_station_sent(tmp_path: Path) -> None:
    note = Note(inputs={"air_pressure": (1009.3, 0.5, "air_pressure@tower")})
    path = write_ghg(tmp_path, columns_of(small_world(12_000), 5), note)
    station, product = mangrove()
    product = product.model_copy(update={"averaging": 600_000})
    sent = compute(build_request(station, product, number=1, inputs={}), read_window(path))
    file = station_file(tmp_path, "yueqing-mangrove", None, product={"averaging": "10min"}, pressure=None)
    result = flux(file, path)
    assert result.exit_code == 0, result.output
    row = rows_of(result.stdout)[path.name]
    for ours, quantity in (("FC", "co2_flux"), ("LE", "latent_heat_flux"), ("TAU", "momentum_flux"), ("ZL", "stability_parameter")):
        assert row[ours] == f"{sent.values[quantity]:.6g}"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"rate": "10"}, "rate"),
        ({"columns": {"U": "u"}}, "not a column of ours"),
        ({"colums": {}}, "colums"),
        ({"utc_offset": "8"}, "utc_offset"),
    ],
)
def test_a_wrong_description_says_what_is_wrong(tmp_path: Path, change: dict, word: str) -> None:
    result = flux(finse(tmp_path, **change), csv_file(tmp_path, rows=100))
    assert result.exit_code == 1
    assert word in result.stderr


def test_no_description_says_where_it_must_lie(tmp_path: Path) -> None:
    station = finse(tmp_path)
    (tmp_path / "site.raw.yaml").unlink()
    result = flux(station, csv_file(tmp_path, rows=100))
    assert result.exit_code == 1
    assert "site.raw.yaml" in result.stderr


def test_a_wrong_station_file_is_refused_before_anything_is_computed(tmp_path: Path) -> None:
    station = finse(tmp_path)
    station.write_text(station.read_text(encoding="utf-8").replace("kind: eddy", "kind: edy"), encoding="utf-8")
    result = flux(station, csv_file(tmp_path, rows=100))
    assert result.exit_code == 2
    assert "edy" in result.stderr
