"""Storage, the methane analyser's line and the warm analyser: against the physics done another way."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.science.eddy.density import burba, li7700, storage
from edge.science.eddy.density.open_path import MU, open_path_gas
from edge.science.eddy.window import Window

R, MW, MD = 8.314462618, 0.01801528, 0.02896546
AIR = {
    "air_temperature_k": 290.0,
    "air_density": 1.2,
    "heat_capacity": 1010.0,
    "latent_heat": 2.46e6,
    "dry_molar_volume": 0.0245,
    "co2_dry_mole_fraction": 410e-6,
    "h2o_dry_mole_fraction": 0.012,
}
BEFORE = {**AIR, "air_temperature_k": 289.5, "co2_dry_mole_fraction": 415e-6, "h2o_dry_mole_fraction": 0.0115, "seconds_before": 1800.0}


def stored(before: dict[str, float] | None, height: float = 10.0) -> Window:
    return storage.step(Window(10.0, 18000, {}, values=AIR), before=before, height_m=height, seconds=1800.0)


def test_storage_is_what_the_column_gained() -> None:
    window = stored(BEFORE)
    assert window.value("sensible_heat_storage") * 1800.0 == pytest.approx(10.0 * 1.2 * 1010.0 * 0.5)
    assert window.value("co2_storage") * 1800.0 == pytest.approx(10.0 / 0.0245 * -5e-6)
    assert window.value("h2o_storage") * 1800.0 == pytest.approx(10.0 / 0.0245 * 5e-4)
    assert window.value("latent_heat_storage") == pytest.approx(window.value("h2o_storage") * MW * 2.46e6)


def test_warming_alone_stores_no_gas() -> None:
    window = stored({**AIR, "air_temperature_k": 285.0, "seconds_before": 1800.0})
    assert window.value("co2_storage") == 0.0


def test_storage_needs_the_window_just_before() -> None:
    assert stored(None).reasons["co2_storage"] == "no window before"
    assert "9000 s" in stored({**BEFORE, "seconds_before": 9000.0}).reasons["co2_storage"]
    assert stored({"seconds_before": 1800.0}).reasons["sensible_heat_storage"]
    assert stored(BEFORE, height=-1.0).reasons["h2o_storage"] == "the height is -1 m"


def made_table() -> li7700.KappaTable:
    """A smooth made-up table (not the instrument's)."""
    t, p = np.arange(223.15, 329.0, 1.0), np.arange(5e4, 11.6e4, 1e3)
    return li7700.KappaTable(t, p, (t[:, None] / 298.15) ** 0.6 * (0.7 + 0.3 * p[None, :] / 1e5))


def test_table_gives_value_and_slopes_and_nothing_outside() -> None:
    kappa, by_t, by_p = made_table().at(295.3, 98700.0)
    assert kappa == pytest.approx((295.3 / 298.15) ** 0.6 * (0.7 + 0.3 * 0.987), rel=1e-5)
    assert by_t == pytest.approx(0.6 * kappa / 295.3, rel=2e-3)
    assert by_p == pytest.approx((295.3 / 298.15) ** 0.6 * 0.3e-5, rel=1e-4)
    assert math.isnan(made_table().at(400.0, 1e5)[0])
    assert math.isnan(made_table().at(math.nan, 1e5)[0])


def test_molecules_counted_through_a_line_that_follows_the_air() -> None:
    """An open-path analyser that divides by kappa(T, Pe) at every sample: the corrected flux is that of the molecules."""
    rng = np.random.default_rng(4)
    n, pressure = 200_000, 1e5
    s = rng.normal(size=n)
    temperature = 295.0 + 0.2 * s + 0.1 * rng.normal(size=n)
    wet = 0.02 + 3e-4 * s + 2e-4 * rng.normal(size=n)  # moles of water per mole of dry air
    methane = 2e-6 + 1e-9 * rng.normal(size=n) + 2e-10 * s
    dry = pressure / (R * temperature) / (1.0 + wet)
    w = 0.3 * rng.normal(size=n) + 0.1 * s
    w -= np.sum(w * dry) / np.sum(dry)  # no flux of dry air
    x = wet / (1.0 + wet)
    line = lambda t, p: (t / 298.15) ** 0.6 * (0.7 + 0.3 * p / 1e5)  # noqa: E731
    seen = methane * dry / line(temperature, li7700.equivalent_pressure_pa(pressure, x))
    truth = float(np.mean(w * dry * methane))

    mean_t, mean_x = float(temperature.mean()), float(x.mean())
    table = made_table()
    k, kt, kp = table.at(mean_t, li7700.equivalent_pressure_pa(pressure, mean_x))
    factors = li7700.multipliers(k, kt, kp, temperature_k=mean_t, pressure_pa=pressure, h2o_mole_fraction=mean_x)
    air = {"temperature_k": mean_t, "dry_air_density": float(dry.mean()) * MD, "vapour_density": float((dry * wet).mean()) * MW}
    evaporation = float(np.mean(w * dry * wet)) * MW
    heat = float(np.mean((w - w.mean()) * temperature))
    cov = float(np.mean((w - w.mean()) * seen))
    found = li7700.methane_flux(cov, float(seen.mean()), factors, evaporation=evaporation, temperature_flux=heat, **air)
    assert found == pytest.approx(truth, rel=0.01)
    plain = li7700.methane_flux(
        cov, float(seen.mean()), li7700.Multipliers(k, 1.0, 1.0), evaporation=evaporation, temperature_flux=heat, **air
    )
    assert plain != pytest.approx(truth, rel=0.1)


@given(x=st.floats(0.0, 0.04), t=st.floats(260.0, 310.0), slope=st.floats(-0.004, 0.004))
@settings(max_examples=30, deadline=None)
def test_multipliers_are_the_makers_form_with_the_evaporation_taken_apart(x: float, t: float, slope: float) -> None:
    factors = li7700.multipliers(0.97, slope, 2e-6, temperature_k=t, pressure_pa=1e5, h2o_mole_fraction=x)
    dilution = 1.0 / (1.0 - x)  # 1 + mu sigma
    whole = factors.c + factors.b * (dilution - 1.0)  # factor of c <w'T'>/T when E0 stands in the place of E
    assert whole / dilution == pytest.approx(1.0 + (1.0 - x) * t * slope / 0.97 + x * (factors.b - 1.0))


def test_without_a_spectroscopic_effect_it_is_webb() -> None:
    air = {"evaporation": 1e-4, "temperature_flux": 0.1, "temperature_k": 300.0, "dry_air_density": 1.14, "vapour_density": 0.0115}
    one = li7700.Multipliers(1.0, 1.0, 1.0)
    assert li7700.methane_flux(1e-8, 8e-5, one, mu=MU, **air) == pytest.approx(open_path_gas(1e-8, 8e-5, **air))


SAME = burba.Regression(0.0, 1.0)
PART = burba.Surface(0.05, 0.02)


def heat(**changes: float) -> burba.SurfaceHeat:
    warm = burba.Regression(2.0, 1.0)
    return burba.surface_heat(
        burba.Instrument(PART, PART, PART, warm, warm, warm), **{"temperature_c": -10.0, "wind": 3.0, "conductivity": 0.024, **changes}
    )


def test_a_surface_as_warm_as_the_air_gives_no_heat() -> None:
    found = burba.surface_heat(burba.Instrument(PART, PART, PART, SAME, SAME, SAME), temperature_c=-10.0, wind=3.0, conductivity=0.024)
    assert (found.bottom, found.top, found.spar, found.total) == (0.0, 0.0, 0.0, 0.0)


def test_round_surfaces_give_the_heat_of_a_plate_when_their_layer_is_thin() -> None:
    plate = burba.plate_heat(1.0, 0.024, 1e-6)
    assert burba.sphere_heat(1.0, 0.024, 1e-6, 0.02) == pytest.approx(plate, rel=1e-3)
    assert burba.cylinder_heat(1.0, 0.024, 1e-6, 0.02) == pytest.approx(plate, rel=1e-3)
    assert burba.sphere_heat(1.0, 0.024, 5e-3, 0.02) > burba.cylinder_heat(1.0, 0.024, 5e-3, 0.02) > burba.plate_heat(1.0, 0.024, 5e-3)


def test_wind_carries_more_heat_and_calm_or_missing_gives_nan() -> None:
    assert heat(wind=6.0).total > heat(wind=3.0).total > 0.0
    for bad in (0.0, -1.0, math.nan):
        assert math.isnan(heat(wind=bad).total)


def test_a_regression_uses_radiation_only_where_it_has_a_coefficient() -> None:
    assert burba.Regression(1.0, 1.0).at(5.0) == 6.0
    assert burba.Regression(1.0, 1.0, 0.002, -0.1).at(5.0, 500.0, 2.0) == pytest.approx(6.8)
    assert math.isnan(burba.Regression(1.0, 1.0, 0.002).at(5.0))
