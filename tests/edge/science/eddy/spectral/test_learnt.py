"""The step with learnt cut-offs: what it multiplies, and what it says when it cannot."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edge.science.eddy.spectral import factors, in_situ, learnt, spectra
from edge.science.eddy.spectral.instruments import SONICS, Analyser, placed
from edge.science.eddy.window import Window
from tests.edge.science.eddy.spectral.test_losses_truth import slowed, turbulence

TAU = 0.4
CUTOFF = 1 / (2 * math.pi * TAU)
VALUES = {
    "wind_speed_ms": 3.0,
    "stability": -0.1,
    "wind_from_direction_deg": 0.0,
    "relative_humidity_percent": 60.0,
    "cov_wind_w_sonic_temperature": 0.2,
}
GASES: dict[str, Analyser] = {"co2": placed("li7200", separation_m=0.2, separation_azimuth_deg=180.0)}
COEFFICIENTS = {"unstable": in_situ.IbromCoefficients(0.02, 0.1)}


def window() -> tuple[Window, float, float]:
    """A period of 30 min at 4 m whose gas is slowed by 0.4 s and lagged back, its true and its measured covariance."""
    _, _, t = turbulence(18000, 10.0, 7, 4.0)
    gas = slowed(t, 10.0, TAU)
    lag = int(np.argmax([np.mean(t * np.roll(gas, -k)) for k in range(20)]))
    gas = np.roll(gas, -lag)
    made = Window(10.0, 18000, {"wind_w": t, "sonic_temperature": t, "co2": gas}, values=VALUES)
    return spectra.step(made, height_m=4.0, linear=False), float(np.mean(t * t)), float(np.mean(t * gas))


def test_the_whole_route_gives_the_true_flux_back() -> None:
    """Nothing lost by the sonic, by separation along the wind or by averaging here: the factor alone, to 1 %."""
    made, true, measured = window()
    found = learnt.step(made, method="fratini", cutoffs={"co2": CUTOFF}, analysers=GASES, height_m=4.0)
    assert found.value("spectral_factor_co2") * measured == pytest.approx(true, rel=0.01)
    assert found.value("spectral_cutoff_co2_hz") == CUTOFF


@pytest.mark.parametrize("method", ["horst", "ibrom", "fratini"])
def test_sonic_and_averaging_multiply_and_momentum_and_heat_stay(method: learnt.Method) -> None:
    made, _, _ = window()
    plain = learnt.step(made, method=method, cutoffs={"co2": CUTOFF}, analysers=GASES, height_m=4.0, coefficients=COEFFICIENTS)
    analytic = factors.step(made, sonic=SONICS["csat3"], analysers=GASES, height_m=4.0, averaging_s=1800.0)
    found = learnt.step(analytic, method=method, cutoffs={"co2": CUTOFF}, analysers=GASES, height_m=4.0, coefficients=COEFFICIENTS)
    extra = analytic.value("spectral_factor_heat_low_pass") * analytic.value("spectral_factor_co2_high_pass")
    assert extra > 1.0
    assert found.value("spectral_factor_co2") == pytest.approx(plain.value("spectral_factor_co2") * extra)
    for flux in ("momentum", "heat"):
        assert found.value(f"spectral_factor_{flux}") == analytic.value(f"spectral_factor_{flux}")


def test_separation_across_the_wind_costs() -> None:
    made, _, _ = window()
    across = {"co2": placed("li7200", separation_m=0.2, separation_azimuth_deg=90.0)}
    along, beside = (
        learnt.step(made, method="horst", cutoffs={"co2": CUTOFF}, analysers=a, height_m=4.0).value("spectral_factor_co2")
        for a in (GASES, across)
    )
    assert beside / along == pytest.approx(math.exp(2 * math.pi * 0.15 * 0.2 / 4.0), rel=1e-9)


def test_humidity_sets_the_cut_off_of_water() -> None:
    made, _, _ = window()
    slow = in_situ.HumidityDependence(math.log(2.0), -2.0, 0.0, 0.2, 0.9)
    found = learnt.step(made, method="horst", cutoffs={"h2o": slow}, analysers={"h2o": GASES["co2"]}, height_m=4.0)
    assert found.value("spectral_cutoff_h2o_hz") == pytest.approx(2.0 * math.exp(-1.2))


@pytest.mark.parametrize(
    ("method", "cutoffs", "why"),
    [
        ("horst", {}, "no cut-off was learnt"),
        ("horst", {"co2": in_situ.NotReady("periods with spectra", 4, 10)}, "only 4 of 10 periods with spectra"),
        ("horst", {"co2": -1.0}, "not possible"),
        ("ibrom", {"co2": 1.0}, "no coefficients for unstable air"),
    ],
)
def test_what_is_not_ready_keeps_the_analytic_factor_and_says_why(method: learnt.Method, cutoffs: learnt.Learnt, why: str) -> None:
    made, _, _ = window()
    analytic = factors.step(made, sonic=SONICS["csat3"], analysers=GASES, height_m=4.0, averaging_s=1800.0)
    found = learnt.step(analytic, method=method, cutoffs=cutoffs, analysers=GASES, height_m=4.0)
    assert found.value("spectral_factor_co2") == analytic.value("spectral_factor_co2")
    assert why in found.reasons["spectral_cutoff_co2_hz"]


def test_nothing_known_raises_nothing() -> None:
    found = learnt.step(Window(10.0, 100, {}), method="fratini", cutoffs={"co2": 1.0}, analysers=GASES, height_m=math.nan)
    assert "spectral_factor_co2" not in found.values
    assert "wind" in found.reasons["spectral_cutoff_co2_hz"]
