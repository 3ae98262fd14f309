"""The chain finds the fluxes that were prescribed, and the error it states is the error it makes.

Air with Kaimal's spectra and cospectra, seen through instruments with paths, response times, distance, lag, noise and tilt (`station`). `bench` does
the same with more windows.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

from edge.science.eddy.moments import random_error
from edge.science.eddy.window import Window
from tests.edge.science.eddy.truth.recovery import computed, recovered
from tests.edge.science.eddy.truth.station import STATIONS, Station

WINDOWS = 64
PER_MIRRORED_PAIR = 8
each = pytest.mark.parametrize("station", STATIONS, ids=lambda s: s.name)


@cache
def windows(station: Station) -> list[Window]:
    return computed(station, WINDOWS, mirrored=True)


@each
def test_fluxes_are_recovered_on_average(station: Station) -> None:
    """Within 2 % or two standard errors of the mean. u* and tau are of the length of a vector: chance makes them longer, by less than 1 %."""
    for flux, found in recovered(station, windows(station)).items():
        assert abs(found.bias) <= max(0.02, 2.0 * found.error_of_bias(PER_MIRRORED_PAIR)), flux
        assert found.error_of_bias(PER_MIRRORED_PAIR) < 0.01, flux


def test_the_stated_error_is_the_scatter_about_the_truth() -> None:
    """Mean square of (found - truth) / error is 1; over 3 stations, 32 pairs of windows and about two independent fluxes it scatters by 0.1."""
    squares = [np.mean(found.in_errors**2) for station in STATIONS for found in recovered(station, windows(station)).values()]
    assert 0.8 < np.mean(squares) < 1.2


def test_the_truth_lies_within_1_96_errors_in_95_of_100_windows() -> None:
    """The share over all stations and fluxes scatters by less than 2 %, that of one by 4 %."""
    share = [
        found.coverage
        for station in STATIONS
        for flux, found in recovered(station, windows(station)).items()
        if flux != "friction_velocity"
    ]
    assert 0.92 <= np.mean(share) <= 0.98
    assert min(share) >= 0.85


def plain_errors(station: Station, flux: str, pair: str) -> np.ndarray:
    """Errors as EddyPro has them (one covariance, ended at one integral scale, no spectral factor), as fractions of the truth."""
    found = []
    for window in windows(station):
        bare = Window(window.rate_hz, window.expected, window.series, window.gas_form, {"wind_speed_ms": window.value("wind_speed_ms")})
        error = random_error.step(bare, height_m=station.truth.height_m, weighted=False).value(f"random_error_cov_{pair}")
        found.append(random_error.error_of_converted(error, window.value(f"cov_{pair}"), window.value(f"uncorrected_{flux}")))
    return np.array(found) / abs(station.fluxes[flux])


def test_the_plain_error_is_too_small_where_one_covariance_makes_the_flux() -> None:
    """Closed path: ended at one integral scale and without the spectral factor it lacks a tenth or more."""
    station = STATIONS[1]
    stated = recovered(station, windows(station))["co2_flux"].stated
    assert np.mean(plain_errors(station, "co2_flux", "wind_w_co2") / stated) < 0.9


def test_the_plain_error_is_too_large_where_two_covariances_cancel() -> None:
    """Open path by day: what expansion does to the density of CO2 is taken out again with the temperature; its chance goes with it."""
    station = STATIONS[0]
    stated = recovered(station, windows(station))["co2_flux"].stated
    assert np.mean(plain_errors(station, "co2_flux", "wind_w_co2") / stated) > 1.2


def test_the_air_is_what_was_prescribed() -> None:
    """Covariances of whole records, over which nothing low is lost, against the prescribed ones."""
    from tests.edge.science.eddy.truth.kaimal import draw

    truth = STATIONS[0].truth
    drawn = [draw(truth, np.random.default_rng(seed), rate_hz=20.0, seconds=7200.0) for seed in range(12)]
    for name, expected in truth.covariances.items():
        found = np.array([np.mean(air["w"] * air[name]) for air in drawn])
        spread = np.mean([air["w"].std() * air[name].std() for air in drawn])
        assert abs(found.mean() - expected) < max(3.0 * found.std(ddof=1) / math.sqrt(12), 1e-3 * spread), name
