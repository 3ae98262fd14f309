"""``haitan-edge flux`` as a user calls it: FLUXNET table out; bad files named and skipped; bad samples missing with their reason."""

from __future__ import annotations

import csv
import gzip
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.archive.layout import Note
from edge.archive.reader import read_window
from edge.compute.eddy import compute
from edge.compute.request import build_request
from edge.errors import EdgeError
from edge.flux.pool import Failure, over_files
from edge.flux.table import columns
from edge.flux.work import Setup, compute_file
from firmware_config.check import load_station
from tests.conftest import ROOT
from tests.edge.compute.windows import STATIONS, columns_of, mangrove, small_world, write_ghg
from tests.edge.flux.deadly import work
from tests.edge.flux.stations import (
    COLUMNS,
    SAMPLES,
    START,
    air,
    csv_file,
    csv_text,
    document,
    flux,
    rows_of,
    stamps,
    station,
    station_file,
    toa5,
)

REFERENCE = ROOT / "firmware_config" / "stations" / "reference"
FLUXES = ("TAU", "H", "LE", "FC", "FH2O", "USTAR")


@pytest.mark.needs("refdata")
@pytest.mark.parametrize("site", ["finse", "dehoh", "usda"])
def test_one_command_computes_a_reference_site_again(tmp_path: Path, refdata: Path, site: str) -> None:
    files = sorted((refdata / "ec" / site).glob("*.csv.gz"))[:4]
    out = tmp_path / "fluxes.csv"
    result = flux(REFERENCE / f"{site}.yaml", *files, "--mode", "compatible", "--out", out)
    assert result.exit_code == 0, result.output
    with (refdata / "ec" / site / "expected_fluxnet.csv").open() as file:
        expected = {row["FILENAME_HF"]: row for row in csv.DictReader(file)}
    rows = rows_of(out.read_text())
    assert [row["FILENAME_HF"] for row in rows] == [path.name for path in files]
    for row in rows:
        want = expected[row["FILENAME_HF"].removesuffix(".gz")]
        assert (row["TIMESTAMP_START"], row["TIMESTAMP_END"]) == (want["TIMESTAMP_START"], want["TIMESTAMP_END"])
        for name, absolute in (("TAU", 0), ("USTAR", 0), ("H", 0.01), ("LE", 0.01), ("FC", 1e-3), ("FH2O", 1e-3)):
            assert float(row[name]) == pytest.approx(float(want[name]), rel=1e-3, abs=absolute), name
        for name in (
            "U_UNROT",
            "WS",
            "WS_MAX",
            "WD",
            "T_SONIC",
            "TA_EP",
            "PA_EP",
            "RH_EP",
            "VPD_EP",
            "CO2",
            "CO2_MIXING_RATIO",
            "H2O",
            "U_SIGMA",
            "U_MEDIAN",
            "CO2_MOLAR_DENSITY",
        ):
            assert float(row[name]) == pytest.approx(float(want[name]), rel=3e-4), name
        for name in (
            "FILE_NR",
            "CO2_TLAG_USED",
            "H2O_TLAG_USED",
            "U_NUM_SPIKES",
            "CO2_NUM_SPIKES",
            "H_SSITC_TEST",
            "FC_SSITC_TEST",
            "U_VM97_TEST",
            "CO2_MEAS_TYPE",
            "FOOTPRINT_MODEL",
        ):
            assert float(row[name]) == pytest.approx(float(want[name])), name


def test_names_and_their_order_are_fluxnets(refdata: Path) -> None:
    path = refdata / "ec" / "finse" / "expected_fluxnet.csv"
    if not path.exists():
        pytest.skip("no reference data")
    with path.open() as file:
        theirs = next(csv.reader(file))
    assert [name for name in columns() if name not in theirs] == []


def test_our_own_archive_gives_the_digits_the_station_sent(tmp_path: Path) -> None:
    note = Note(inputs={"air_pressure": (1009.3, 0.5, "air_pressure@tower")})
    path = write_ghg(tmp_path, columns_of(small_world(12_000), 5), note)
    whole, product = mangrove()
    product = product.model_copy(update={"averaging": 600_000})
    sent = compute(build_request(whole, product, number=1, inputs={}), read_window(path))
    description = yaml.safe_load((STATIONS / "yueqing-mangrove" / "station.yaml").read_text(encoding="utf-8"))
    next(p for p in description["products"] if p["kind"] == "eddy")["averaging"] = "10min"
    (tmp_path / "site.yaml").write_text(yaml.safe_dump(description, allow_unicode=True), encoding="utf-8")
    (tmp_path / "site.geojson").write_text((STATIONS / "yueqing-mangrove" / "site.geojson").read_text(encoding="utf-8"), encoding="utf-8")
    result = flux(tmp_path / "site.yaml", path)
    assert result.exit_code == 0, result.output
    row = rows_of(result.stdout)[0]
    for ours, quantity in (("FC", "co2_flux"), ("LE", "latent_heat_flux"), ("TAU", "momentum_flux"), ("ZL", "stability_parameter")):
        assert row[ours] == f"{sent.values[quantity]:.6g}"


def test_a_bad_file_is_named_and_skipped_and_the_rest_computed(tmp_path: Path) -> None:
    good = csv_file(tmp_path)
    broken = tmp_path / "T_20200601-1210.csv.gz"
    broken.write_bytes(gzip.compress(good.read_bytes())[:5000])
    absent = tmp_path / "T_20200601-1220.csv"
    reasons = tmp_path / "reasons.csv"
    result = flux(station_file(tmp_path), broken, good, absent, tmp_path, "--reasons", reasons)
    assert result.exit_code == 1
    assert [row["FILENAME_HF"] for row in rows_of(result.stdout)] == [good.name]
    for path, word in ((broken, "cut short"), (absent, "No such file"), (tmp_path, "a folder")):
        assert re.search(rf"{re.escape(path.name)} skipped: .*{word}", result.stderr)
    told = {row["FILENAME_HF"]: row["REASON"] for row in rows_of(reasons.read_text()) if not row["NAME"]}
    assert set(told) == {broken.name, absent.name, tmp_path.name}


def test_rows_come_in_order_of_time_whatever_the_number_of_processes(tmp_path: Path) -> None:
    files = []
    for i in (4, 2, 0, 3, 1):
        files.append(tmp_path / f"T_20200601-12{i}0.csv")
        files[-1].write_text(csv_text(air() * (1 + 0.01 * i)))
    outputs = [flux(station_file(tmp_path), *files, "--jobs", jobs) for jobs in (1, 2)]
    assert [result.exit_code for result in outputs] == [0, 0], outputs[1].output
    assert outputs[0].stdout == outputs[1].stdout
    assert [row["TIMESTAMP_START"] for row in rows_of(outputs[0].stdout)] == [f"2020060112{i}0" for i in range(5)]


def test_two_periods_of_one_file_are_two_rows(tmp_path: Path) -> None:
    path = tmp_path / "any name.dat"
    path.write_bytes(toa5(np.concatenate([air(), air()]), stamps(2 * SAMPLES)))
    rows = rows_of(flux(station_file(tmp_path), path).stdout)
    assert [row["TIMESTAMP_START"] for row in rows] == ["202006011200", "202006011210"]
    assert rows[0]["FC"] == rows[1]["FC"] != "-9999"


def test_the_table_is_in_the_stations_standard_time(tmp_path: Path) -> None:
    path = csv_file(tmp_path)
    changed = {**document(utc_offset="+00:00"), "timezone": "Europe/Oslo"}
    (tmp_path / "tower.yaml").write_text(yaml.safe_dump(changed), encoding="utf-8")
    assert rows_of(flux(tmp_path / "tower.yaml", path).stdout)[0]["TIMESTAMP_START"] == "202006011300"  # no daylight saving in June


def test_the_mode_on_the_command_line_goes_before_the_station_files(tmp_path: Path) -> None:
    path = csv_file(tmp_path)
    by_option = {mode: flux(station_file(tmp_path), path, "--mode", mode).stdout for mode in ("correct", "compatible")}
    assert by_option["correct"] != by_option["compatible"]
    assert flux(station_file(tmp_path), path).stdout == by_option["correct"]
    changed = document()
    changed["products"][0]["processing"] = {"mode": "compatible"}
    (tmp_path / "tower.yaml").write_text(yaml.safe_dump(changed), encoding="utf-8")
    assert flux(tmp_path / "tower.yaml", path).stdout == by_option["compatible"]
    assert flux(tmp_path / "tower.yaml", path, "--mode", "correct").stdout == by_option["correct"]


def _half(table: np.ndarray) -> np.ndarray:
    return table[: len(table) // 2]


def _constant(column: int) -> Callable[[np.ndarray], np.ndarray]:
    def change(table: np.ndarray) -> np.ndarray:
        table[:, column] = table[0, column]
        return table

    return change


def _none(*which: int) -> Callable[[np.ndarray], np.ndarray]:
    def change(table: np.ndarray) -> np.ndarray:
        table[:, list(which)] = np.nan
        return table

    return change


@pytest.mark.parametrize("mode", ["correct", "compatible"])
@pytest.mark.parametrize(
    ("change", "missing"),
    [
        (_none(0, 1, 2, 3, 4, 5), FLUXES),
        (_half, FLUXES),
        (_none(2), FLUXES),
        (_none(4), ("FC",)),
        (_none(5), ("LE", "FH2O")),
        (_none(3), ("H",)),
    ],
    ids=["nothing", "half", "no w", "no co2", "no h2o", "no temperature"],
)  # fmt: skip
def test_what_cannot_be_had_is_missing_with_its_reason(tmp_path: Path, change, missing: tuple[str, ...], mode: str) -> None:
    path = tmp_path / "T_20200601-1200.csv"
    path.write_text(csv_text(change(air())))
    result = compute_file(Setup(station(tmp_path), mode), path)
    row = dict(zip(("TIMESTAMP_START", "TIMESTAMP_END", "FILENAME_HF", *columns()), result.rows[0].fields, strict=True))
    for name in missing:
        assert row[name] == "-9999", name
        assert result.rows[0].reasons[name], name


@pytest.mark.parametrize(("column", "missing"), [(2, FLUXES), (4, ("FC",)), (5, ("LE", "FH2O"))])
def test_a_stuck_channel_gives_no_flux(tmp_path: Path, column: int, missing: tuple[str, ...]) -> None:
    path = tmp_path / "T_20200601-1200.csv"
    path.write_text(csv_text(_constant(column)(air())))
    row = rows_of(flux(station_file(tmp_path), path).stdout)[0]
    assert {row[name] for name in missing} == {"-9999"}


def test_rejections_by_a_diagnostic_are_counted_only_where_there_was_one(tmp_path: Path) -> None:
    """0 says that it was looked at: without a column, or with an empty one, nobody looked."""
    path = tmp_path / "T_20200601-1200.csv"
    lines = csv_text(air()).splitlines()
    given = {**COLUMNS, "sonic_diagnostic": "s", "gas_diagnostic": "g"}
    every = str(SAMPLES)
    for words, counts in (
        ("0,8191", ("0", "0", "0")),
        ("63,NAN", ("0", "-9999", "-9999")),
        ("NAN,0", ("-9999", every, every)),
    ):
        path.write_text("\n".join([lines[0] + ",s,g", *(f"{line},{words}" for line in lines[1:])]) + "\n")
        row = rows_of(flux(station_file(tmp_path, columns=given), path).stdout)[0]
        assert tuple(row[f"{of}_DIAG_NREX"] for of in ("SONIC", "CO2", "H2O")) == counts
    row = rows_of(flux(station_file(tmp_path), csv_file(tmp_path)).stdout)[0]
    assert {row[f"{of}_DIAG_NREX"] for of in ("SONIC", "CO2", "H2O")} == {"-9999"}


def test_reasons_are_told_once_with_how_often(tmp_path: Path) -> None:
    files = []
    for i in range(3):
        files.append(tmp_path / f"T_20200601-12{i}0.csv")
        files[-1].write_text(csv_text(_half(air())))
    result = flux(station_file(tmp_path), *files, "--reasons", tmp_path / "reasons.csv")
    assert result.exit_code == 0
    assert result.stderr.count("50 %") >= 1
    assert "and 2 more periods" in result.stderr
    written = rows_of((tmp_path / "reasons.csv").read_text())
    assert {row["FILENAME_HF"] for row in written} == {path.name for path in files}
    assert all(row["REASON"] for row in written)


def test_fields_that_are_no_numbers_cost_their_sample_only(tmp_path: Path) -> None:
    path = csv_file(tmp_path)
    clean = float(rows_of(flux(station_file(tmp_path), path).stdout)[0]["FC"])
    lines = path.read_text().splitlines()
    lines[500], lines[900], lines[1200] = "NAN,x,,,-9999,", "1.0,2.0", ""
    path.write_text("\n".join(lines) + "\n")
    result = flux(station_file(tmp_path), path)
    assert result.exit_code == 0, result.output
    assert "1 fields are no numbers" in result.stderr
    assert "1 rows have not the 6 fields" in result.stderr
    assert float(rows_of(result.stdout)[0]["FC"]) == pytest.approx(clean, rel=0.01)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_never_raises_anything_but_its_reason(tmp_path: Path, data: st.DataObject) -> None:
    """Bytes cut, changed and put in anywhere in each kind of file."""
    whole = data.draw(st.sampled_from(DAMAGEABLE))
    at = data.draw(st.integers(0, len(whole)))
    what = data.draw(st.binary(max_size=40))
    take = data.draw(st.integers(0, 400))
    path = tmp_path / "T_20200601-1200.dat"
    path.write_bytes(whole[:at] + what + whole[at + take :])
    try:
        result = compute_file(Setup(SMALL, "correct"), path)
    except EdgeError as error:
        assert str(error)
        return
    for row in result.rows:
        assert all(field == "-9999" or np.isfinite(float(field)) for field in row.fields[3:])


def _small() -> tuple[list[bytes], object]:
    import tempfile

    table = air(400)
    with tempfile.TemporaryDirectory() as folder:
        plain = csv_text(table).encode()
        own = write_ghg(Path(folder), columns_of(small_world(2_000), 5)).read_bytes()
        return [plain, gzip.compress(plain), toa5(table, stamps(400)), own], station(Path(folder))


DAMAGEABLE, SMALL = _small()


def test_a_process_that_dies_costs_its_file_only() -> None:
    files = [Path(name) for name in ("a", "b", "dies", "raises", "c", "d")]
    done = {outcome.path.name: outcome.result for outcome in over_files(work, files, 2)}
    assert set(done) == {path.name for path in files}
    assert [done[name] for name in "abcd"] == ["a", "b", "c", "d"]
    assert isinstance(done["dies"], Failure)
    assert "died" in done["dies"].reason
    assert done["raises"] == Failure("RuntimeError: no such luck")


def test_ctrl_c_keeps_what_is_computed(tmp_path: Path) -> None:
    files, text = [], csv_text(air())
    for i in range(40):
        files.append(tmp_path / f"T_{START + timedelta(minutes=10 * i):%Y%m%d-%H%M}.csv")
        files[-1].write_text(text)
    out = tmp_path / "out.csv"
    command = [sys.executable, "-m", "tests.edge.flux.run_flux", "flux", station_file(tmp_path), *files, "--out", out, "--jobs", "2"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, start_new_session=True, text=True, timeout=100, check=False)
    assert run.returncode == 130, run.stderr
    assert "stopped: " in run.stderr
    assert "Traceback" not in run.stderr
    rows = rows_of(out.read_text())
    assert 3 <= len(rows) < 40
    assert [row["TIMESTAMP_START"] for row in rows] == sorted(row["TIMESTAMP_START"] for row in rows)


def test_what_cannot_be_begun_is_said_before_anything_is_computed(tmp_path: Path) -> None:
    path, good = csv_file(tmp_path), station_file(tmp_path)
    for arguments, word in (
        ((good, path, "--out", tmp_path), "is a folder"),
        ((good, path, "--out", tmp_path / "no" / "f.csv"), "cannot be written"),
    ):
        result = flux(*arguments)
        assert result.exit_code == 2
        assert word in result.stderr
    good.write_text(good.read_text(encoding="utf-8").replace("kind: eddy", "kind: edy"), encoding="utf-8")
    result = flux(good, path)
    assert result.exit_code == 2
    assert "edy" in result.stderr


def test_a_station_that_says_nothing_of_raw_files_refuses_them(tmp_path: Path) -> None:
    result = flux(STATIONS / "yueqing-mangrove" / "station.yaml", csv_file(tmp_path))
    assert result.exit_code == 1
    assert "no raw section" in result.stderr


def test_an_unknown_instrument_is_told_with_the_nearest_name(tmp_path: Path) -> None:
    changed = document()
    changed["instruments"][1]["model"] = "li7201"
    (tmp_path / "tower.yaml").write_text(yaml.safe_dump(changed), encoding="utf-8")
    result = flux(tmp_path / "tower.yaml", csv_file(tmp_path))
    assert result.exit_code == 0
    assert "did you mean 'li7200'" in result.stderr


@pytest.mark.parametrize("site", ["finse", "dehoh", "usda"])
def test_the_reference_stations_cannot_be_run(tmp_path: Path, site: str) -> None:
    from edge.run import run_station

    assert load_station(REFERENCE / f"{site}.yaml").station.id == site
    with pytest.raises(EdgeError, match="has no links"):
        run_station(REFERENCE / f"{site}.yaml", tmp_path)
