"""Transfer functions and factors against simulated turbulence whose cospectrum is known line by line, and against their limits.

The scalar and the wind have the same amplitude, the root of the model cospectrum, and the same random phase at every frequency: the
cospectrum of the record is the model exactly, without scatter, and what a sensor or an averaging takes away can be counted.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.science.eddy.spectral import factors, in_situ, spectra
from edge.science.eddy.spectral import transfer_functions as gain
from edge.science.eddy.spectral.cospectral_models import momentum_cospectrum, peak_frequency, scalar_cospectrum
from edge.science.eddy.spectral.instruments import ANALYSERS, SONICS, Analyser, Sonic, Tube, placed
from edge.science.eddy.window import Window

WIND, HEIGHT = 3.0, 20.0
PERFECT = Sonic(1e-9, 0.0)


def turbulence(count: int, rate_hz: float, seed: int, height_m: float = HEIGHT) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frequencies, model cospectral density on them, and a series that is wind and scalar at once."""
    f = np.arange(1, count // 2) * rate_hz / count
    co = scalar_cospectrum(f * height_m / WIND, -0.1) / f
    phase = np.exp(2j * np.pi * np.random.default_rng(seed).random(f.size))
    bins = np.zeros(count // 2 + 1, dtype=complex)
    bins[1 : f.size + 1] = np.sqrt(co * rate_hz / count / 2.0) * count * phase
    return f, co, np.fft.irfft(bins, count)


def slowed(x: np.ndarray, rate_hz: float, tau: float) -> np.ndarray:
    f = np.fft.rfftfreq(x.size, 1 / rate_hz)
    return np.fft.irfft(np.fft.rfft(x) / (1 + 2j * np.pi * f * tau), x.size)


def test_the_record_has_the_model_cospectrum() -> None:
    f, co, x = turbulence(7200, 10.0, 1)
    assert np.mean(x * x) == pytest.approx(float(co.sum() * (f[1] - f[0])), rel=1e-9)


def without_line(x: np.ndarray) -> np.ndarray:
    return np.array([spectra.without_trend(row) for row in x])


@pytest.mark.parametrize(
    ("function", "take_out"),
    [(gain.block_average, lambda x: x - x.mean(axis=1, keepdims=True)), (gain.linear_detrend, without_line)],
)
def test_averaging_costs_its_gain_once_not_squared(function, take_out) -> None:  # type: ignore[no-untyped-def]
    """400 periods of half an hour, at 20 m: the flux lost is that of the gain taken once; of the square it would be more than a fifth
    higher."""
    f, co, x = turbulence(720_000, 1.0, 2)
    left = take_out(x.reshape(400, 1800))
    lost = 1.0 - np.mean(left * left) / np.mean(x * x)
    once, twice = (1.0 - (co * function(f, 1800.0) ** p).sum() / co.sum() for p in (1, 2))
    assert lost == pytest.approx(once, rel=0.05)
    assert twice > 1.2 * once


@pytest.mark.parametrize("tau", [20.0, 100.0])
def test_running_means_cost_their_gain(tau: float) -> None:
    f, co, x = turbulence(100_000, 1.0, 3)
    spectrum, all_f = np.fft.rfft(x), np.fft.rfftfreq(x.size, 1.0)
    slow = np.fft.irfft(spectrum / (1 + 2j * np.pi * all_f * tau), x.size)
    assert np.mean((x - slow) ** 2) == pytest.approx(float((co * gain.exponential_mean(f, tau)).sum() * f[0]), rel=1e-6)
    width = int(tau) + 1
    moving = np.convolve(np.concatenate([x[-width:], x, x[:width]]), np.ones(width) / width, "same")[width:-width]
    assert np.mean((x - moving) ** 2) == pytest.approx(float((co * gain.running_mean(f, width)).sum() * f[0]), rel=5e-3)


@pytest.mark.parametrize("tau", [0.05, 0.1, 0.3, 1.0])
@pytest.mark.parametrize("height", [3.0, 20.0])
def test_the_factor_gives_back_what_a_slow_sensor_took_at_the_lag_of_the_largest_covariance(tau: float, height: float) -> None:
    """With the delay found from the cospectrum, to 0.3 %; the root of the power gain, usual and quicker, leaves up to a tenth of the
    loss."""
    f, co, x = turbulence(36_000, 20.0, 4, height)
    true, late = np.mean(x * x), slowed(x, 20.0, tau)
    measured = max(np.mean(x * np.roll(late, -lag)) for lag in range(60))
    cutoff = 1 / (2 * math.pi * tau)
    assert in_situ.fratini_factor(f, np.full(f.size, f[0]), co, cutoff) * measured == pytest.approx(true, rel=3e-3)
    root = co.sum() / (co * gain.time_response(f, tau)).sum() * measured
    assert measured < root <= 1.001 * true
    assert true - root < 0.11 * (true - measured) + 3e-3 * true


@pytest.mark.parametrize("tau", [0.1, 0.5])
def test_horst_gives_back_what_is_lost_at_the_lag_of_the_wind(tau: float) -> None:
    """To 5 %: Horst's cospectrum peaks at n = 0.085, that of Moncrieff et al., drawn here, at 0.10, and falls off more slowly."""
    _, _, x = turbulence(36_000, 20.0, 5, 4.0)
    measured = np.mean(x * slowed(x, 20.0, tau))
    factor = in_situ.horst_factor(1 / (2 * math.pi * tau), wind_speed_ms=WIND, height_m=4.0, stability=-0.1)
    assert factor * measured == pytest.approx(np.mean(x * x), rel=0.05)


def test_the_in_situ_route_recovers_cut_off_and_flux() -> None:
    """Twelve periods of 15 minutes, a sensor of 0.4 s: the cut-off to 3 %, the flux to 1 %."""
    tau, ratios = 0.4, []
    for seed in range(12):
        _, _, t = turbulence(9000, 10.0, 100 + seed, 4.0)
        gas = slowed(t, 10.0, tau)
        lag = int(np.argmax([np.mean(t * np.roll(gas, -k)) for k in range(20)]))
        h = spectra.harmonics({"wind_w": t, "sonic_temperature": t, "co2": np.roll(gas, -lag)}, 10.0)
        assert h is not None
        table = spectra.binned(h, lowest_hz=1 / 900)
        ratios.append((table["spectrum_co2"], table["spectrum_sonic_temperature"]))
        measured, true = h.covariance("wind_w", "co2"), h.covariance("wind_w", "sonic_temperature")
    ratio = in_situ.ensemble_ratio([g for g, _ in ratios], [s for _, s in ratios])
    assert not isinstance(ratio, in_situ.NotReady)
    fit = in_situ.fit_cutoff(table["frequency_hz"], ratio, highest_hz=3.0)
    assert isinstance(fit, in_situ.Cutoff)
    assert fit.cutoff_hz == pytest.approx(1 / (2 * math.pi * tau), rel=0.03)
    width = table["count"] * h.step_hz
    co = table["cospectrum_sonic_temperature"] / table["frequency_hz"]
    assert in_situ.fratini_factor(table["frequency_hz"], width, co, fit.cutoff_hz) * measured == pytest.approx(true, rel=0.01)


def test_a_perfect_instrument_over_an_endless_average_needs_no_factor() -> None:
    found = factors.factors(
        wind_speed_ms=WIND,
        height_m=HEIGHT,
        stability=-0.1,
        averaging_s=1e9,
        sonic=PERFECT,
        analysers={"co2": Analyser(1e-9, 0.0), "h2o": Analyser(1e-9, 0.0, tube=Tube(1e-6, 0.005, 12.0))},
    )
    for flux, one in found.items():
        assert one.factor == pytest.approx(1.0, abs=1e-6), flux


@settings(deadline=None)
@given(
    wind=st.floats(0.2, 20.0),
    height=st.floats(1.0, 60.0),
    stability=st.floats(-5.0, 5.0),
    tau=st.floats(0.0, 2.0),
    apart=st.floats(0.0, 0.5),
)
def test_a_factor_is_at_least_one_and_grows_with_what_costs(wind: float, height: float, stability: float, tau: float, apart: float) -> None:
    site = {"wind_speed_ms": wind, "height_m": height, "stability": stability, "averaging_s": 1800.0, "sonic": SONICS["csat3"]}
    small, large = (factors.factors(**site, analysers={"co2": Analyser(0.1, tau + more, separation_m=apart)})["co2"] for more in (0.0, 0.1))
    assert 1.0 <= small.factor < large.factor
    assert small.factor >= max(small.low_pass, small.high_pass)
    assert small.high_pass == large.high_pass


@pytest.mark.parametrize("stability", [-1.0, 0.0, 0.05, 0.5, 2.0])
def test_the_model_cospectra_sum_to_the_covariance_and_peak_where_horst_says(stability: float) -> None:
    n = np.logspace(-7, 5, 20001)
    step = math.log(n[1] / n[0])
    for model in (scalar_cospectrum, momentum_cospectrum):
        assert float(model(n, stability).sum()) * step == pytest.approx(1.0, abs=1e-3)
    peak = n[np.argmax(scalar_cospectrum(n, stability))]
    if stability <= 0.0 or stability >= 0.5:
        assert peak == pytest.approx(peak_frequency(stability), rel=0.35)


@pytest.mark.parametrize("model", [scalar_cospectrum, momentum_cospectrum])
def test_the_inertial_range_falls_as_theory_has_it(model) -> None:  # type: ignore[no-untyped-def]
    """f Co as f^-4/3 (Lumley 1964; Wyngaard & Cote 1972); the fit has -1.4."""
    low, high = model([10.0, 100.0], -0.1)
    assert math.log10(high / low) == pytest.approx(-4 / 3, abs=0.07)


def test_half_power_and_e_folding() -> None:
    assert gain.time_response([1 / (2 * math.pi * 0.1)], 0.1)[0] ** 2 == pytest.approx(0.5)
    assert gain.separation([9.9 ** (-2 / 3) * WIND / 0.2], 0.2, WIND)[0] == pytest.approx(math.exp(-1))
    assert gain.exponential_mean([1 / (2 * math.pi * 50.0)], 50.0)[0] == pytest.approx(0.5)
    assert gain.block_average([1 / 900.0, 2 / 900.0], 900.0) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "function",
    [
        lambda f: gain.time_response(f, 0.1),
        lambda f: gain.wind_path(f, 0.115, WIND),
        lambda f: gain.scalar_path(f, 0.127, WIND),
        lambda f: gain.separation(f, 0.2, WIND),
        lambda f: gain.tube(f, 4.0, 0.004, 3.0, 1.381e-5),
        lambda f: gain.tube(f, 0.7, 0.0053, 15.0, 1.381e-5),
    ],
)
def test_low_pass_gains_begin_at_one_and_fall(function) -> None:  # type: ignore[no-untyped-def]
    g = function(np.logspace(-6, 2, 400))
    assert g[0] == pytest.approx(1.0, abs=1e-4)
    assert (np.diff(g) <= 1e-12).all()
    assert g[-1] >= 0.0


def test_the_root_of_an_inertial_range_path_loss() -> None:
    """The rooted factor of heat is smaller than the engine's form, which takes a power gain for an amplitude."""
    site = {"wind_speed_ms": 5.0, "height_m": 3.0, "stability": -0.1, "averaging_s": 1800.0, "sonic": SONICS["csat3"]}
    rooted, plain = (factors.factors(**site, rooted_paths=r)["momentum"].low_pass for r in (True, False))
    assert 1.0 < rooted < plain


def test_only_the_separation_across_the_wind_costs() -> None:
    site = {"wind_speed_ms": 5.0, "height_m": 3.0, "stability": -0.1, "averaging_s": 1800.0, "sonic": SONICS["csat3"]}
    east = {"co2": placed("li7500", separation_m=0.3, separation_azimuth_deg=90.0)}
    none = factors.factors(**site, analysers={"co2": ANALYSERS["li7500"]})["co2"].factor
    assert factors.factors(**site, analysers=east, wind_from_deg=270.0)["co2"].factor == pytest.approx(none, rel=1e-9)
    assert factors.factors(**site, analysers=east, wind_from_deg=0.0)["co2"].factor > 1.02 * none


def test_laminar_tubes_tell_gases_apart() -> None:
    tube = Tube(4.0, 0.004, 3.0)
    site = {"wind_speed_ms": 3.0, "height_m": 3.0, "stability": -0.1, "averaging_s": 1800.0, "sonic": SONICS["csat3"]}
    found = factors.factors(**site, analysers=dict.fromkeys(("co2", "h2o"), placed("li7000", tube=tube)))
    assert found["co2"].factor > found["h2o"].factor > 1.0


@pytest.mark.parametrize(
    ("values", "height"),
    [({}, 3.0), ({"wind_speed_ms": math.nan}, 3.0), ({"wind_speed_ms": 0.0}, 3.0), ({"wind_speed_ms": 3.0}, -1.0)],
)
def test_without_wind_or_height_there_is_a_reason_and_no_factor(values: dict[str, float], height: float) -> None:
    window = Window(10.0, 100, {}, values=values)
    found = factors.step(window, sonic=SONICS["csat3"], analysers={"co2": ANALYSERS["li7500"]}, height_m=height, averaging_s=1800.0)
    for flux in ("momentum", "heat", "co2"):
        assert math.isnan(found.value(f"spectral_factor_{flux}"))
        assert found.reasons[f"spectral_factor_{flux}"]


def test_without_stability_the_neutral_cospectrum_stands_in_and_says_so() -> None:
    window = Window(10.0, 100, {}, values={"wind_speed_ms": 3.0})
    found = factors.step(window, sonic=SONICS["csat3"], analysers={}, height_m=3.0, averaging_s=1800.0)
    assert found.value("spectral_factor_heat") > 1.0
    assert "neutral" in found.reasons["spectral_factor_stability"]
