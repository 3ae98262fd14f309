"""Deviations, partial classes and overall flags of the reference engine on 28 half-hours."""

from __future__ import annotations

import dataclasses
import math

import pytest

from edge.science.eddy.quality import classes, integral_turbulence, stationarity
from edge.science.eddy.window import Window
from tests.edge.science.eddy.printed import NAMES, fluxnet, quality
from tests.edge.science.eddy.reference import CASES, computed, expected

pytestmark = pytest.mark.needs("refdata")

VARIANCES = ("wind_u", "wind_w", "sonic_temperature", "co2", "h2o")
TESTS = ("momentum", "heat", "co2", "h2o")
FLUXES = {"qc_Tau": "momentum_flux", "qc_H": "sensible_heat_flux", "qc_LE": "latent_heat_flux", "qc_co2_flux": "co2_flux"}


def printed_window(site: str, file: str) -> Window:
    """The reference's own numbers for the turbulence test, and our own series for stationarity."""
    p, f = expected(site, "expected.csv")[file], fluxnet(site)[file]
    values = {
        "friction_velocity": f["USTAR"],
        "stability": f["ZL"],
        "temperature_scale": f["TSTAR"],
        "cov_wind_u_wind_u": p["u_var"],
        "cov_wind_w_wind_w": p["w_var"],
        "cov_sonic_temperature_sonic_temperature": p["ts_var"],
        **dict.fromkeys(FLUXES.values(), 1.0),
    }
    ours = computed(site, file)
    window = stationarity.step(dataclasses.replace(ours, values=values, reasons={}), whole_percent=True, variances=True)
    latitude = f["BADM_LOCATION_LAT"]
    window = integral_turbulence.step(
        window, latitude_deg=latitude, whole_percent=True, earth_rotation_rad_s=integral_turbulence.SOLAR_DAY_ROTATION_RAD_S
    )
    return classes.step(window, platform_moves=False, foken_third=False)


@pytest.mark.parametrize(("site", "file"), CASES, ids=NAMES)
def test_every_deviation_and_partial_class_is_the_reference_s(site: str, file: str) -> None:
    window, printed = printed_window(site, file), quality(site)[file]
    found = [window.value(f"nonstationarity_variance_{name}") for name in VARIANCES]
    found += [window.value(f"nonstationarity_{name}") for name in TESTS]
    assert found == printed[:9]
    assert [classes.partial_class(x) for x in found[5:]] == printed[9:13]
    turbulence = [window.value(f"turbulence_deviation_{name}") for name in ("u", "w", "temperature")]
    assert turbulence == printed[13:16]
    # the flag printed for u is the one that enters momentum: the worse of u and w
    u, w, temperature = turbulence
    assert [classes.partial_class(x) for x in (max(u, w), w, temperature)] == printed[16:19]


@pytest.mark.parametrize(("site", "file"), CASES, ids=NAMES)
def test_both_overall_schemes_are_the_reference_s(site: str, file: str) -> None:
    window = printed_window(site, file)
    printed, nine = expected(site, "expected.csv")[file], expected(site, variant="qc=2")[file]
    for column, flux in FLUXES.items():
        assert window.value(f"mauder_foken_{flux}") == printed[column], flux
        assert window.value(f"foken_{flux}") == nine[column], flux


def test_the_third_class_of_the_table_is_ours() -> None:
    assert classes.foken(1, 3) == 3
    assert all(classes.foken(s, t) <= classes.foken(s, t + 1) for s in range(1, 10) for t in range(1, 9))


def test_whole_percent_cuts_off_and_leaves_what_is_not_a_number() -> None:
    assert stationarity.whole_percent_of(30.99) == 30.0
    assert math.isinf(stationarity.whole_percent_of(math.inf))
    assert math.isnan(stationarity.whole_percent_of(math.nan))
