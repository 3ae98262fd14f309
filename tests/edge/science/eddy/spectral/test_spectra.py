"""Spectra: Parseval, known signals, gaps; and the bins of EddyPro 7.0.0 on real half-hours."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.science.eddy.spectral import spectra
from edge.science.eddy.window import Window
from tests.edge.science.eddy.reference import CASES, computed
from tests.edge.science.eddy.spectral.engine import HEIGHT, binned

ENGINE = {"power_of_two": True, "linear": False, "taper": True, "drop_leading_twice": True}
NAMES = ("wind_u", "wind_v", "wind_w", "sonic_temperature", "co2", "h2o")
SPECTRA = dict(zip(NAMES, range(3, 9), strict=True))
COSPECTRA = dict(zip(("wind_u", "wind_v", "sonic_temperature", "co2", "h2o"), range(11, 16), strict=True))


@pytest.mark.needs("refdata")
@pytest.mark.parametrize(("site", "file"), CASES or [("finse", "missing")])
def test_the_bins_of_the_engine(site: str, file: str) -> None:
    """Spectra within 0.01 %, cospectra within 0.1 % or, where contributions of both signs cancel in a bin, 1e-4 of the covariance.

    The daytime ones are equal to the digits printed; a small covariance at night is the difference of large contributions, and the series
    of the two chains differ in the sixth digit.
    """
    files = [name for s, name in CASES if s == site]
    want = binned(site)[files.index(file)]
    table = spectra.step(computed(site, file), height_m=HEIGHT[site], **ENGINE).tables["spectra"]
    assert np.array_equal(table["count"], want[:, 0])
    assert table["frequency_hz"] == pytest.approx(want[:, 1], rel=1e-5)
    assert table["normalised_frequency"] == pytest.approx(want[:, 2], rel=2e-5)
    for name, column in SPECTRA.items():
        assert table[f"spectrum_{name}"] == pytest.approx(want[:, column], rel=1e-4), name
    for name, column in COSPECTRA.items():
        assert table[f"cospectrum_{name}"] == pytest.approx(want[:, column], rel=1e-3, abs=1e-4), name


def noise(n: int, seed: int = 1) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    w = np.cumsum(rng.normal(size=n)) * 0.05 + rng.normal(size=n)
    return {"wind_w": w, "co2": 0.5 * w + rng.normal(size=n), "h2o": rng.normal(size=n) - 0.2 * w}


@settings(deadline=None)
@given(n=st.integers(100, 3000), seed=st.integers(0, 99))
def test_the_bins_sum_to_variance_and_covariance(n: int, seed: int) -> None:
    h = spectra.harmonics(noise(n, seed), 20.0)
    assert h is not None
    for a, b in (("wind_w", "wind_w"), ("wind_w", "co2"), ("wind_w", "h2o")):
        assert spectra.cospectrum(h, a, b).sum() * h.step_hz == pytest.approx(h.covariance(a, b), rel=1e-9)
    table = spectra.binned(h, lowest_hz=20.0 / n)
    assert table["count"].sum() == h.frequency_hz.size
    assert table["ogive_co2"][0] == pytest.approx(1.0, rel=1e-9)
    share = table["spectrum_wind_w"] / table["frequency_hz"] * table["count"] * h.step_hz
    assert share.sum() == pytest.approx(1.0, rel=1e-9)


def test_the_covariance_of_the_section_is_that_of_the_detrended_series() -> None:
    series = noise(3600)
    h = spectra.harmonics(series, 10.0)
    assert h is not None
    t = np.arange(3600)
    w, c = (x - np.polyval(np.polyfit(t, x, 1), t) for x in (series["wind_w"], series["co2"]))
    assert h.covariance("wind_w", "co2") == pytest.approx(float(np.mean(w * c)), rel=1e-9)


def test_a_sine_stands_in_the_bin_of_its_frequency() -> None:
    t = np.arange(36000) / 20.0
    table = spectra.binned(spectra.harmonics({"wind_w": np.sin(2 * np.pi * 0.5 * t)}, 20.0), lowest_hz=1 / 1800)  # type: ignore[arg-type]
    power = table["spectrum_wind_w"] / table["frequency_hz"] * table["count"]
    assert power.max() / power.sum() > 0.99
    assert table["frequency_hz"][power.argmax()] == pytest.approx(0.5, rel=0.12)


def test_tapering_keeps_the_power_of_noise_in_the_mean() -> None:
    x = {"wind_w": np.random.default_rng(3).normal(size=32768)}
    h = spectra.harmonics(x, 20.0, taper=True)
    assert h is not None
    assert spectra.cospectrum(h, "wind_w", "wind_w").sum() * h.step_hz == pytest.approx(1.0, abs=0.03)


def test_gaps_are_bridged_and_too_many_leave_a_series_out_with_the_reason() -> None:
    series = noise(3600)
    series["co2"] = series["co2"].copy()
    series["co2"][:7] = np.nan
    series["co2"][100:130] = np.nan
    series["h2o"] = np.where(np.arange(3600) % 5 < 2, np.nan, series["h2o"])
    found = spectra.step(Window(10.0, 3600, series), height_m=3.0)
    table = found.tables["spectra"]
    assert np.isfinite(table["cospectrum_co2"]).all()
    assert "spectrum_h2o" not in table
    assert "third" in found.reasons["spectrum_h2o"]
    assert found.value("spectra_samples") <= 3593


@pytest.mark.parametrize("x", [np.full(500, np.nan), np.zeros(500), np.empty(0), np.ones(10)])
def test_nothing_to_transform(x: np.ndarray) -> None:
    found = spectra.step(Window(10.0, 500, {"wind_w": x, "co2": x}), height_m=3.0)
    table = found.tables.get("spectra")
    assert table is None or np.isnan(table["spectrum_co2"]).all()
    assert table is not None or "spectra" in found.reasons
