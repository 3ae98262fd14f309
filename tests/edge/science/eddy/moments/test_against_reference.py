"""Random errors, nonstationarity ratios and detrended moments of the reference half-hours, from their own rotated and lagged series.

Where the digits stop: the reference takes the means of a lagged pair over the pairs, here over each series; that is 1e-4 of an error.
"""

from __future__ import annotations

import csv
from functools import cache

import pytest

from edge.science.eddy.moments import detrend, random_error
from edge.science.eddy.moments.integral_scale import ONE_E_FOLD, ZERO_CROSSING
from edge.science.statistics import covariance
from tests.edge.science.eddy.reference import CASES, EC, SITES, computed, expected

pytestmark = pytest.mark.needs("refdata")
case = pytest.mark.parametrize(("site", "file"), CASES or [("finse", "missing")])
COLUMNS = {
    "sonic_temperature": ("rand_err_H", "un_H"),
    "co2": ("rand_err_co2_flux", "un_co2_flux"),
    "h2o": ("rand_err_LE", "un_LE"),
}
VARIANTS = {
    "base": {"until": ZERO_CROSSING},
    "its=0": {"until": ONE_E_FOLD},
    "ru=2": {"until": ZERO_CROSSING, "method": "mann_lenschow"},
}


@case
@pytest.mark.parametrize("variant", VARIANTS)
def test_random_errors(site: str, file: str, variant: str) -> None:
    want, window = expected(site, variant=variant)[file], computed(site, file)
    height = SITES[site].height_m
    found = random_error.step(window, height_m=height, weighted=False, **VARIANTS[variant])
    tau = found.value("random_error_cov_wind_u_wind_w") * expected(site, "expected.csv")[file]["air_density"]
    assert tau == pytest.approx(want["rand_err_Tau"], rel=2e-3)
    for name, (error, flux) in COLUMNS.items():
        ours = found.value(f"random_error_cov_wind_w_{name}")
        converted = random_error.error_of_converted(ours, window.value(f"cov_wind_w_{name}"), want[flux])
        assert converted == pytest.approx(want[error], rel=2e-3), name


def want_density(site: str, file: str) -> float:
    return expected(site, "expected.csv")[file]["air_density"]


@case
def test_nonstationarity_ratios(site: str, file: str) -> None:
    window, want = computed(site, file), fluxnet(site)[file]
    w = window.series["wind_w"]
    for name, column, rel in (("wind_u", "TAU", 1e-4), ("sonic_temperature", "H", 1e-4), ("co2", "FC", 5e-3), ("h2o", "FH2O", 5e-3)):
        assert random_error.nonstationarity_ratio(w, window.series[name]) == pytest.approx(float(want[f"{column}_NSR"]), rel=rel), name


@case
def test_linear_detrending_over_the_period(site: str, file: str) -> None:
    """The reference's option with 250 s takes out one line over the whole period, not pieces of 250 s: so its moments say."""
    window, want = computed(site, file), expected(site, variant="det=ld")[file]
    after = detrend.step(window, method="linear")
    w = after.series["wind_w"]
    for column, series in (("u_var", "wind_u"), ("w_var", "wind_w"), ("ts_var", "sonic_temperature")):
        assert covariance(after.series[series], after.series[series]) == pytest.approx(want[column], rel=1e-4), column
    assert covariance(w, after.series["sonic_temperature"]) == pytest.approx(want["w/ts_cov"], rel=1e-4, abs=1e-6)
    before = {name: window.value(f"cov_wind_w_{name}") for name in ("co2", "h2o")}
    for column, name in (("w/co2_cov", "co2"), ("w/h2o_cov", "h2o")):
        scale = expected(site, "expected.csv")[file][column] / before[name]
        assert covariance(w, after.series[name]) * scale == pytest.approx(want[column], rel=1e-3, abs=1e-6), name


@cache
def fluxnet(site: str) -> dict[str, dict[str, str]]:
    with (EC / site / "expected_fluxnet.csv").open() as file:
        return {row["FILENAME_HF"] + ".gz": row for row in csv.DictReader(file)}
