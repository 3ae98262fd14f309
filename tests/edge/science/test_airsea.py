"""Air-sea exchange against the papers' tables and independent programs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.science import airsea
from tests.edge.science.tables import table

refdata = pytest.mark.needs("refdata")
CASE = {"pco2_water": 520.0, "co2_air": 428.0, "wind_speed": 7.0, "water_temperature": 22.0, "salinity": 30.0, "air_pressure": 1012.0}
seawater = {"t": st.floats(-1.5, 38), "s": st.floats(0, 40)}


def test_weiss_1974_table_ii() -> None:
    for salinity, expected in ((0, 5.366e-2), (20, 4.857e-2), (35, 4.507e-2)):
        assert float(airsea.co2_solubility_mol_l_atm(10.0, salinity)) == pytest.approx(expected, abs=1e-4)


def test_published_fugacities() -> None:
    assert 350 * float(airsea.fugacity_factor(25.0)) == pytest.approx(348.8836, abs=2e-4)
    assert 381.50806485658234 * float(airsea.fugacity_factor(8.0, 1013.25, 380e-6)) == pytest.approx(380.0, abs=0.01)
    assert 380.0 * float(airsea.fugacity_factor(8.0, 985.0, 380e-6)) == pytest.approx(378.53967828231225, abs=0.01)


def test_schmidt_numbers_of_wanninkhof_2014() -> None:
    assert float(airsea.schmidt_number_co2(20.0, 35.0)) == pytest.approx(668, abs=0.5)
    assert float(airsea.schmidt_number_co2(20.0, 0.0)) == pytest.approx(600, abs=0.5)


@refdata
def test_properties_of_the_check_table() -> None:
    want = table("gas/co2_properties.csv")
    t, s = want["t_C"], want["S"]
    has = np.isfinite(want["K0_gasex_mol_L_atm"])
    np.testing.assert_allclose(airsea.co2_solubility_mol_l_atm(t, s)[has], want["K0_gasex_mol_L_atm"][has], rtol=1e-9)
    np.testing.assert_allclose(airsea.co2_solubility_mol_kg_atm(t, s), want["K0_pyco2sys_mol_kg_atm"], rtol=1e-9)
    np.testing.assert_allclose(airsea.water_vapour_pressure_atm(t, s), want["pH2O_over_P_weissprice80"], rtol=1e-9)
    np.testing.assert_allclose(airsea.fugacity_factor(t), want["fugacity_factor"], rtol=1e-7)
    np.testing.assert_allclose(400 * airsea.fugacity_factor(t, 1013.25, 400e-6), want["fco2_of_400uatm_pyseaflux"], rtol=1e-7)
    np.testing.assert_allclose(airsea.schmidt_number_co2(t), want["sc_co2_w14"], rtol=1e-9)


@refdata
def test_transfer_velocity_of_wanninkhof_2014() -> None:
    want = table("gas/co2_transfer_velocity.csv")
    k = airsea.gas_transfer_velocity_cm_h(want["u10_ms"], airsea.schmidt_number_co2(want["t_C"]))
    np.testing.assert_allclose(k, want["kWa14_cmh"], rtol=1e-8)


@refdata
def test_the_chain_from_dry_mole_fraction_to_the_sea_surface() -> None:
    want = table("gas/xco2_chain.csv")
    t, p = want["t_eq_C"], want["p_eq_hPa"]
    pco2 = airsea.pco2_from_dry_mole_fraction(want["xco2_dry_umol_mol"], p, t, want["S"])
    np.testing.assert_allclose(pco2, want["pco2_eq_uatm"], rtol=1e-9)
    fco2 = pco2 * airsea.fugacity_factor(t, p, pco2 * 1e-6 * 1013.25 / p)
    np.testing.assert_allclose(fco2, want["fco2_eq_uatm"], rtol=1e-6)
    np.testing.assert_allclose(airsea.pco2_at_temperature(fco2, t, want["sst_C"]), want["fco2_sst_0423_uatm"], rtol=1e-6)


@refdata
def test_fluxes_of_the_ocean_observatories() -> None:
    """Their unit test: Schmidt number of 1992, 0.27, no fugacity; four digits."""
    want = table("gas/co2_flux_ooi.csv")
    t = want["t_C"]
    schmidt = 2073.1 - 125.62 * t + 3.6276 * t**2 - 0.043219 * t**3
    k = airsea.gas_transfer_velocity_cm_h(want["u10_ms"], schmidt, 0.27)
    found = airsea.co2_flux_umol_m2_s(k, airsea.co2_solubility_mol_l_atm(t, want["S"]), want["pco2w_uatm"], want["pco2a_uatm"])
    np.testing.assert_allclose(found * 1e-6, want["flux_mol_m2_s"], rtol=6e-4)


@given(**seawater, x=st.floats(200, 2000))
@settings(max_examples=60)
def test_water_in_balance_with_the_air_has_no_flux_whatever_the_wind(t: float, s: float, x: float) -> None:
    balanced = float(airsea.pco2_from_dry_mole_fraction(x, 1008.0, t, s))
    found = airsea.air_sea_co2_flux(
        pco2_water=balanced, co2_air=x, wind_speed=12.0, water_temperature=t, salinity=s, air_pressure=1008.0, wind_height_m=4.5
    )
    assert found.flux_mmol_m2_d == pytest.approx(0.0, abs=1e-6)


@given(excess=st.floats(1, 500))
@settings(max_examples=30)
def test_the_sign_is_upward_and_the_flux_proportional_to_the_difference(excess: float) -> None:
    solubility, k = 0.03, 15.0
    out = float(airsea.co2_flux_umol_m2_s(k, solubility, 400 + excess, 400))
    assert out > 0
    assert float(airsea.co2_flux_umol_m2_s(k, solubility, 400, 400 + excess)) == pytest.approx(-out)


@given(wind=st.floats(0.5, 30), height=st.floats(2, 60))
@settings(max_examples=60)
def test_wind_at_10m_lies_on_the_logarithmic_law(wind: float, height: float) -> None:
    """The found wind and the given one must belong to one friction velocity and one roughness (Edson et al. 2013)."""
    u10 = float(airsea.neutral_wind_at_10m_ms(wind, height))
    ustar = 0.4 * (u10 - wind) / math.log(10 / height) if abs(height - 10) > 0.5 else None
    if ustar is None:
        assert u10 == pytest.approx(wind, rel=0.02)
        return
    z0 = (0.0017 * min(u10, 19) - 0.005) * ustar**2 / 9.81 + 0.11 * 1.5e-5 / ustar
    assert 0.4 * u10 / math.log(10 / z0) == pytest.approx(ustar, rel=2e-3)


def test_drag_coefficient_at_10m_is_that_of_the_open_sea() -> None:
    """Edson et al. 2013, figure 6: about 1.0e-3 at 5, 1.3e-3 at 10 and 1.8e-3 at 15 m/s."""
    for wind, low, high in ((5.0, 0.9e-3, 1.15e-3), (10.0, 1.15e-3, 1.45e-3), (15.0, 1.6e-3, 2.0e-3)):
        at_4m = 0.0
        for guess in np.linspace(0.7 * wind, wind, 3001):
            if float(airsea.neutral_wind_at_10m_ms(guess, 4.0)) >= wind:
                at_4m = guess
                break
        drag = (0.4 * (wind - at_4m) / math.log(10 / 4)) ** 2 / wind**2
        assert low < drag < high


def test_missing_input_gives_no_flux() -> None:
    for name in CASE:
        assert math.isnan(airsea.air_sea_co2_flux(**CASE | {name: math.nan}, wind_height_m=4.5).flux_mmol_m2_d), name


def test_propagated_uncertainty_is_the_scatter_of_repeated_measurements() -> None:
    u = {"pco2_water": 8.0, "co2_air": 4.0, "wind_speed": 0.3, "water_temperature": 0.3, "salinity": 1.0, "air_pressure": 2.0}
    stated = airsea.air_sea_co2_flux_uncertainty(CASE, u, wind_height_m=4.5, transfer_velocity_uncertainty=0.2)
    rng = np.random.default_rng(4)
    fluxes = []
    for _ in range(3000):
        drawn = {name: value + u[name] * rng.normal() for name, value in CASE.items()}
        flux = airsea.air_sea_co2_flux(**drawn, wind_height_m=4.5).flux_mmol_m2_d
        fluxes.append(flux * (1 + 0.2 * rng.normal()))
    assert stated.total_mmol_m2_d == pytest.approx(np.std(fluxes), rel=0.06)
    assert stated.total_mmol_m2_d**2 == pytest.approx(sum(part**2 for part in stated.parts_mmol_m2_d.values()))
