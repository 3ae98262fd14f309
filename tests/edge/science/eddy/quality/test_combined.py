"""One class per flux: a broken half-hour is never class 0, a clean one stays 0, and every rule speaks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.science.eddy.quality import combined, stationarity
from edge.science.eddy.quality.classes import FLUXES, mauder_foken
from edge.science.eddy.quality.combined import Facts, combine
from edge.science.eddy.quality.rules import RULES, SERIES
from edge.science.eddy.screening import amplitude, discontinuities, limits, moments, presence, stuck, vickers_mahrt
from edge.science.eddy.window import Window
from tests.edge.science.eddy.printed import NAMES
from tests.edge.science.eddy.reference import CASES, EC, SITES, expected, read

PRINTED = {
    "qc_H": ("H", "sensible_heat_flux", 1.0),
    "qc_LE": ("LE", "latent_heat_flux", 1.0),
    "qc_co2_flux": ("co2_flux", "co2_flux", 1e-6),
}
GOOD = {
    "mauder_foken_co2_flux": 0.0,
    "co2_flux": -5e-6,
    "random_error_co2_flux": 4e-7,
    "detection_limit_co2_flux": 1e-7,
    "sensible_heat_flux": 80.0,
    "latent_heat_flux": 90.0,
    "relative_humidity_percent": 75.0,
    "spectral_factor_co2": 1.07,
    "signal_strength_co2": 95.0,
    "share_co2": 1.0,
    "lag_co2_is_default": 0.0,
    "hard_flag_spikes_co2": 0.0,
    "hard_flag_spikes_wind_w": 0.0,
}


def judged(**changes: float) -> combined.Judgement:
    return combine("co2_flux", {**GOOD, **changes}, demand_evidence=True)


def test_a_good_flux_stays_class_0() -> None:
    assert judged() == combined.Judgement(0, ())


@pytest.mark.parametrize(
    ("name", "value", "quality"),
    [
        ("mauder_foken_co2_flux", 1.0, 1),
        ("mauder_foken_co2_flux", 2.0, 2),
        ("mauder_foken_co2_flux", math.nan, 2),
        ("hard_flag_spikes_co2", 1.0, 2),
        ("hard_flag_dropout_wind_w", 1.0, 2),
        ("hard_flag_discontinuities_co2", 1.0, 1),
        ("hard_flag_steadiness_horizontal_wind", 1.0, 1),
        ("hard_flag_something_new_co2", 1.0, 1),
        ("soft_flag_skewness_kurtosis_co2", 1.0, 1),
        ("nonstationarity_variance_co2", 97.0, 1),
        ("share_co2", 0.93, 1),
        ("share_wind_w", 0.5, 2),
        ("diagnostic_share_co2", 0.2, 2),
        ("signal_strength_co2", 65.0, 1),
        ("signal_strength_co2", 20.0, 2),
        ("random_error_co2_flux", 6e-6, 1),
        ("random_error_co2_flux", 3e-5, 2),
        ("random_error_co2_flux", math.nan, 1),
        ("detection_limit_co2_flux", 1e-5, 1),
        ("co2_flux", 5e-4, 2),
        ("spectral_factor_co2", 1.8, 1),
        ("spectral_factor_co2", 4.0, 2),
        ("lag_co2_is_default", 1.0, 1),
        ("relative_humidity_percent", 110.0, 1),
        ("latent_heat_flux", 1900.0, 2),
        ("cov_sonic_temperature_sonic_temperature", 25.0, 2),
        ("clipped_share_co2", 0.05, 2),
        ("clipped_share_wind_w", 0.004, 1),
        ("neighbour_correlation_co2", 0.01, 2),
        ("neighbour_correlation_co2", 0.15, 1),
        ("repeat_share_co2", 0.5, 1),
        ("samples_per_expected", 2.0, 2),
        ("joint_break", 9.0, 1),
        ("relative_humidity_percent", 2.0, 2),
        ("relative_humidity_percent", 7.0, 1),
    ],
)
def test_each_rule_speaks(name: str, value: float, quality: int) -> None:
    found = judged(**{name: value})
    assert found.quality == quality
    assert found.reasons


def test_what_concerns_another_series_does_not_speak() -> None:
    assert judged(hard_flag_spikes_h2o=1.0, share_sonic_temperature=0.2).quality == 0
    values = {**GOOD, "hard_flag_spikes_h2o": 1.0}
    assert combine("co2_flux", values, Facts(open_path=True)).quality == 2  # the density correction needs the vapour


def test_one_sample_out_of_the_limits_is_a_spike_and_many_are_not() -> None:
    assert judged(hard_flag_absolute_limits_co2=1.0, outside_co2=1.0, expected_samples=18000.0).quality == 0
    assert judged(hard_flag_absolute_limits_co2=1.0, outside_co2=900.0, expected_samples=18000.0).quality == 2


def test_motion_and_water_have_their_say() -> None:
    assert combine("co2_flux", GOOD, Facts(platform_moves=True)).quality == 2
    assert combine("co2_flux", GOOD, Facts(platform_moves=True, motion_removed=True)).quality == 1
    wet = combine("co2_flux", GOOD, Facts(over_water=True, open_path=True))
    assert (wet.quality, wet.reasons) == (1, ("CO2 of an undried open path over water",))
    assert combine("co2_flux", GOOD, Facts(over_water=True, open_path=True, dried=True)).quality == 0
    heat = {"mauder_foken_sensible_heat_flux": 0.0, "sensible_heat_flux": 80.0}
    assert combine("sensible_heat_flux", heat, Facts(over_water=True, open_path=True)).quality == 0


def test_upward_momentum_is_doubted() -> None:
    assert combine("momentum_flux", {"mauder_foken_momentum_flux": 0.0, "momentum_flux": 0.02}).quality == 1


@given(quality=st.integers(0, 2), name=st.sampled_from(sorted(GOOD)), value=st.floats(allow_nan=True, allow_infinity=True))
@settings(max_examples=60, deadline=None)
def test_no_rule_makes_a_flux_better_and_no_number_raises(quality: int, name: str, value: float) -> None:
    found = judged(**{name: value, "mauder_foken_co2_flux": float(quality)})
    assert quality <= found.quality <= 2
    assert bool(found.reasons) == (found.quality > 0)


def test_every_rule_has_a_source_or_a_reasoning_and_a_limit() -> None:
    for rule in RULES:
        assert len(rule.source) > 15
        assert rule.makes in (1, 2)
        assert math.isfinite(rule.above) != math.isfinite(rule.below)


def test_step_judges_the_fluxes_that_exist() -> None:
    window = combined.step(Window(10.0, 18000, {}, values=GOOD), facts=Facts(over_water=True, open_path=True))
    assert window.value("class_co2_flux") == 1.0
    assert window.reasons["class_co2_flux"] == "CO2 of an undried open path over water"
    assert math.isnan(window.value("class_momentum_flux"))
    assert combined.step(Window(10.0, 18000, {}), facts=Facts()).values == {}
    assert set(SERIES) >= {"momentum_flux", "co2_flux"}


@pytest.mark.needs("refdata")
@pytest.mark.parametrize(("site", "file"), CASES, ids=NAMES)
def test_the_reference_s_false_good_flags_are_seen(site: str, file: str) -> None:
    """Where the reference prints class 0 and a random error above the flux, the one class is not 0."""
    row = expected(site, "expected.csv")[file]
    for flag, (column, flux, unit) in PRINTED.items():
        values = {
            f"mauder_foken_{flux}": row[flag],
            flux: row[column] * unit,
            f"random_error_{flux}": row[f"rand_err_{column}"] * unit,
        }
        found = combine(flux, values).quality
        assert found >= row[flag]
        if row[f"rand_err_{column}"] > abs(row[column]):
            assert found > 0


def screened(raw: dict[str, np.ndarray]) -> Window:
    """The screening of a half-hour; turbulence is taken as developed and the fluxes as ordinary, to see what screening and stationarity
    say."""
    site = SITES["dehoh"]
    series = {name: raw[column] * scale + offset for name, (column, scale, offset) in site.columns.items()}
    window = stuck.step(Window(20.0, 36000, series, "dry_mole_fraction"))
    window = presence.step(window)
    window = limits.step(window, pressure_pa=98943.6)
    window = vickers_mahrt.step(window, window_s=300.0)
    window = amplitude.step(window, averaging_s=1800.0)
    window = moments.step(window)
    window = discontinuities.step(window, pressure_pa=98943.6)
    window = stationarity.step(window, variances=True)
    fluxes = {"sensible_heat_flux": 100.0, "latent_heat_flux": 100.0, "co2_flux": -1e-5, "momentum_flux": -0.3}
    found = {k: v for k, v in fluxes.items() if not _lost(window, k)}
    tests = {f"mauder_foken_{flux}": float(mauder_foken(window.value(f"nonstationarity_{FLUXES[flux][0]}"), 0.0)) for flux in fluxes}
    return combined.step(window.found({**found, **tests}), facts=Facts())


def _lost(window: Window, flux: str) -> bool:
    return any(name not in window.series for name in SERIES[flux] if name != "horizontal_wind")


def _bursts(x: np.ndarray) -> np.ndarray:
    return np.where(np.arange(x.size) % 60 == 7, x + 15.0 * np.nanstd(x), x)


def _freeze(x: np.ndarray) -> np.ndarray:
    return np.where(np.arange(x.size) % 6000 < 3500, x[100], x)


def _coarse(x: np.ndarray) -> np.ndarray:
    return np.round(x / (4 * np.nanstd(x))) * 4 * np.nanstd(x)


def _gaps(x: np.ndarray) -> np.ndarray:
    return np.where(np.arange(x.size) % 100 < 8, np.nan, x)


def _fall(x: np.ndarray) -> np.ndarray:
    return np.where(np.arange(x.size) > 18000, x - 12.0 * np.nanstd(x), x)


@pytest.mark.needs("refdata")
@pytest.mark.parametrize("damage", [_bursts, _freeze, _coarse, _gaps, _fall])
@pytest.mark.parametrize(
    ("column", "flux"), [("W", "sensible_heat_flux"), ("T_SONIC", "sensible_heat_flux"), ("CO2", "co2_flux"), ("H2O", "latent_heat_flux")]
)
def test_a_damaged_half_hour_is_never_class_0(damage: object, column: str, flux: str) -> None:
    raw = read(EC / "dehoh" / CASES[[site for site, _ in CASES].index("dehoh")][1])
    raw[column] = damage(raw[column])  # type: ignore[operator]
    window = screened(raw)
    assert math.isnan(window.value(f"class_{flux}")) or window.value(f"class_{flux}") >= 1.0


@pytest.mark.needs("refdata")
def test_the_same_half_hour_undamaged_is_class_0() -> None:
    window = screened(read(EC / "dehoh" / CASES[[site for site, _ in CASES].index("dehoh")][1]))
    assert {window.value(f"class_{flux}") for flux in ("sensible_heat_flux", "latent_heat_flux", "co2_flux")} == {0.0}
