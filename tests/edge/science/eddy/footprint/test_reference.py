"""The distances of the reference engine on 28 half-hours, from the numbers it printed."""

from __future__ import annotations

import math

import pytest

from edge.science.eddy.footprint import kljun2004, kormann_meixner
from edge.science.eddy.footprint.distances import SHARES, Distances
from tests.edge.science.eddy.printed import NAMES, fluxnet
from tests.edge.science.eddy.reference import CASES, expected

pytestmark = pytest.mark.needs("refdata")

ENGINE_VON_KARMAN = 0.41
PERCENT = {share: f"{100 * share:.0f}" for share in SHARES}


def height(site: str, file: str) -> float:
    row = fluxnet(site)[file]
    return row["BADM_INST_HEIGHT_SA"] - row["DISPLACEMENT_HEIGHT"]


def kormann(site: str, file: str) -> Distances:
    row = fluxnet(site)[file]
    return kormann_meixner.distances(
        row["USTAR"], row["WS"], height(site, file), row["ZL"], von_karman=ENGINE_VON_KARMAN, whole_metres=True
    )


@pytest.mark.parametrize(("site", "file"), CASES, ids=NAMES)
def test_default_model_and_its_distances(site: str, file: str) -> None:
    row, printed = fluxnet(site)[file], expected(site, "expected.csv")[file]
    applies = kljun2004.applies(row["USTAR"], row["ZL"], height(site, file))
    assert printed["model"] == (0 if applies else 1)
    if applies:
        found = kljun2004.distances(row["USTAR"], row["W_SIGMA"], height(site, file), row["ROUGHNESS_LENGTH"], from_integral=False)
    else:
        found = kormann(site, file)
    assert found.peak == pytest.approx(row["FETCH_MAX"], rel=1e-4)
    assert found.offset == pytest.approx(row["FETCH_OFFSET"], rel=1e-3)
    for share, x in zip(SHARES, found.within, strict=True):
        assert x == pytest.approx(row[f"FETCH_{PERCENT[share]}"], rel=1e-4)


@pytest.mark.parametrize(("site", "file"), CASES, ids=NAMES)
def test_kormann_and_meixner(site: str, file: str) -> None:
    printed = expected(site, variant="foot=2")[file]
    found = kormann(site, file)
    assert found.peak == pytest.approx(printed["x_peak"], rel=1e-4)
    for share, x in zip(SHARES, found.within, strict=True):
        if f"x_{PERCENT[share]}%" in printed:
            assert x == printed[f"x_{PERCENT[share]}%"]


def test_the_integral_of_kljun_2004_is_within_a_percent_of_the_figure() -> None:
    row = fluxnet("usda")[next(file for site, file in CASES if site == "usda")]
    args = (row["USTAR"], row["W_SIGMA"], 4.1486, row["ROUGHNESS_LENGTH"])
    figure, integral = kljun2004.distances(*args, from_integral=False), kljun2004.distances(*args)
    assert integral.peak == figure.peak
    for a, b in zip(integral.within, figure.within, strict=True):
        assert a == pytest.approx(b, rel=0.01)
    assert not math.isclose(integral.offset, figure.offset, rel_tol=0.02)
