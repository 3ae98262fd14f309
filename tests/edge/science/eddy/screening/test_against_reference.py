"""The screening against EddyPro 7.0.0 on 28 real half-hours: spike counts of both methods, samples replaced, flags in digits, moments."""

from __future__ import annotations

import csv
from functools import cache

import numpy as np
import pytest

from edge.science.air import pressure_at_altitude_pa
from edge.science.eddy.rotation import angles
from edge.science.eddy.screening import amplitude, diagnostics, differences, digits, limits, mauder, moments, vickers_mahrt
from edge.science.eddy.window import Window
from tests.edge.science.eddy.reference import CASES, EC, SITES, expected, read

pytestmark = pytest.mark.needs("refdata")
case = pytest.mark.parametrize(("site", "file"), CASES or [("finse", "missing")])
SHORT = {"wind_u": "u", "wind_v": "v", "wind_w": "w", "sonic_temperature": "ts", "co2": "co2", "h2o": "h2o"}


@cache
def raw(site: str, file: str) -> Window:
    columns = read(EC / site / file)
    series = {name: columns[column] * scale + offset for name, (column, scale, offset) in SITES[site].columns.items()}
    if "PRESS_CELL" in columns:
        series |= {"cell_pressure": 1e3 * columns["PRESS_CELL"], "cell_temperature": columns["T_CELL"] + 273.15}
    rate, minutes = SITES[site].rate_hz, SITES[site].minutes
    return Window(rate, round(60 * minutes * rate), series, SITES[site].form)  # type: ignore[arg-type]


@cache
def screened(site: str, file: str) -> Window:
    """Limits, spikes and the two tests that the reference's base configuration has switched on."""
    averaging_s = 60 * SITES[site].minutes
    window = limits.step(raw(site, file), pressure_pa=pressure_at_altitude_pa(SITES[site].altitude_m))
    window = vickers_mahrt.step(window, window_s=60.0 * int(averaging_s / 360.0))
    window = amplitude.step(window, averaging_s=averaging_s, whole_division=True)
    return moments.step(window)


@cache
def fluxnet(site: str) -> dict[str, dict[str, float]]:
    with (EC / site / "expected_fluxnet.csv").open() as table:
        rows = list(csv.DictReader(table))
    wanted = ("_VM97_TEST", "_NUM_SPIKES", "_NREX", "_KID", "_ZCD", "VM97_TLAG_HF", "VM97_TLAG_SF", "VM97_AOA_HF", "VM97_NSHW_HF")
    return {row["FILENAME_HF"] + ".gz": {k: float(v) for k, v in row.items() if k.endswith(wanted)} for row in rows}


@case
def test_digits_and_counts_of_the_fluxnet_output_are_equal(site: str, file: str) -> None:
    found = digits.fluxnet(screened(site, file).values, SHORT)
    want = fluxnet(site)[file]
    assert {column: -9999.0 if np.isnan(value) else value for column, value in found.items()} == {column: want[column] for column in found}


@case
def test_digits_of_the_full_output_are_equal(site: str, file: str) -> None:
    found = digits.full_output(screened(site, file).values)
    want = expected(site, "expected.csv")[file]
    columns = [name for name in found if name in want]
    assert len(columns) == 6
    assert {name: found[name] for name in columns} == {name: want[name] for name in columns}


@case
def test_median_spike_counts_are_equal(site: str, file: str) -> None:
    found = mauder.step(raw(site, file))
    want = expected(site, variant="desp=1")[file]
    assert {n: found.value(f"spikes_{n}") for n in SHORT} == {n: want[f"{short}_spikes"] for n, short in SHORT.items()}


@cache
def stages(site: str) -> dict[tuple[str, str], dict[str, str]]:
    with (EC / site / "expected_stages.csv").open() as table:
        return {(row["stage"], row["filename"] + ".gz"): row for row in csv.DictReader(table)}


@case
@pytest.mark.parametrize("stage", ["1", "2"])
def test_moments_are_the_printed_ones(site: str, file: str, stage: str) -> None:
    """The reference divides the moments by N - 1 and the variance by N; its mean is good to a step of single precision."""
    window = raw(site, file) if stage == "1" else screened(site, file)
    want = stages(site)[stage, file]
    for name, short in SHORT.items():
        x = window.series[name]
        found = moments.shape(x, moment_divisor_less=1)
        mean_off = float(np.spacing(np.float32(abs(x.mean()))) / x.std())
        assert found.skewness == pytest.approx(float(want[f"skw({short})"]), rel=2e-5, abs=2e-6 + 3 * mean_off), name
        assert found.kurtosis == pytest.approx(float(want[f"kur({short})"]), rel=2e-5, abs=4 * abs(found.skewness) * mean_off), name


def test_the_cell_is_despiked_like_the_gases() -> None:
    """What takes the cell pressure of DE-HoH from one printed variance to the next is the same rule at 3.5 standard deviations."""
    site, file = next(c for c in CASES if c[0] == "dehoh")
    thresholds = {**vickers_mahrt.THRESHOLDS, **vickers_mahrt.CELL_THRESHOLDS}
    before = raw(site, file)
    after = vickers_mahrt.step(before, window_s=300.0, thresholds=thresholds)
    for name, short in (("cell_pressure", "pc"), ("cell_temperature", "tc")):
        for stage, window in (("1", before), ("2", after)):
            assert np.var(window.series[name]) == pytest.approx(float(stages(site)[stage, file][f"var({short})"]), rel=5e-5)
    assert after.value("spikes_cell_temperature") == 0.0
    assert {n: after.value(f"spikes_{n}") for n in SHORT} == {n: screened(site, file).value(f"spikes_{n}") for n in SHORT}


@case
def test_real_turbulence_passes_the_dropout_test_that_works(site: str, file: str) -> None:
    """The reference's dropout flag cannot rise; ours can, and does not on sound data."""
    window = amplitude.step(raw(site, file), averaging_s=60 * SITES[site].minutes)
    assert [window.value(f"hard_flag_dropout_{name}") for name in SHORT] == [0.0] * 6


@case
def test_kurtosis_of_differences_and_repeated_values_are_the_printed_ones(site: str, file: str) -> None:
    """Of the rotated series; the reference takes differences in single precision: 5e-5 in calm air, and up to two more repeated values."""
    found = differences.step(angles.step(screened(site, file)), divisor_less=1)
    for name, long_name in digits.FLUXNET_NAMES.items():
        if name not in SHORT:
            continue
        want = fluxnet(site)[file]
        assert found.value(f"kurtosis_of_differences_{name}") == pytest.approx(want[f"{long_name}_KID"], rel=5e-5), name
        single = 0 if name == "sonic_temperature" else 2
        assert 0 <= want[f"{long_name}_ZCD"] - found.value(f"repeated_{name}") <= single, name


def test_the_analysers_word_of_dehoh_is_clean() -> None:
    """INST_LI7200_… of the reference's FLUXNET output are all 0, and no sample was taken out for a diagnostic."""
    site, file = next(c for c in CASES if c[0] == "dehoh")
    word = read(EC / site / file)["GA_DIAG"]
    assert set(diagnostics.bit_counts(word, diagnostics.WORDS["li7200"]).values()) == {0}
    assert not diagnostics.bad_by_word(word, diagnostics.WORDS["li7200"]).any()
    assert fluxnet(site)[file]["CO2_DIAG_NREX"] == 0
