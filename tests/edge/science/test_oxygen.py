"""Oxygen against Garcia & Gordon, TEOS-10 and the SCOR working group's recommendations."""

from __future__ import annotations

import gsw
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.science import oxygen
from tests.edge.science.tables import table

water = {"t": st.floats(-1.5, 40), "s": st.floats(0, 42)}


def test_published_solubilities() -> None:
    """gsw and GSW-R documentation; the 1992 paper's check value is for IPTS-68 (t68 = 10: 274.610)."""
    for sp, pt, expected in (
        (35.0, 10.0, 274.5956644859288),
        (34.7118, 28.8099, 194.682543169294),
        (35.0256, 22.7862, 214.6559360234014),
        (34.7366, 6.8272, 295.1580761415903),
    ):
        assert float(oxygen.oxygen_solubility_umol_kg(pt, sp)) == pytest.approx(expected, rel=1e-12)
    assert float(oxygen.oxygen_solubility_umol_kg(10.0 / 1.00024, 35.0)) == pytest.approx(274.610, abs=1e-3)


@given(**water)
@settings(max_examples=80)
def test_solubility_is_gsws_everywhere(t: float, s: float) -> None:
    assert float(oxygen.oxygen_solubility_umol_kg(t, s)) == pytest.approx(float(gsw.O2sol_SP_pt(s, t)), rel=1e-12)


@given(**water, c=st.floats(0.01, 30))
@settings(max_examples=40)
def test_conversion_there_and_back(t: float, s: float, c: float) -> None:
    assert float(oxygen.umol_kg_to_mg_l(oxygen.mg_l_to_umol_kg(c, t, s), t, s)) == pytest.approx(c, rel=1e-12)


@given(**water, p=st.floats(900, 1050))
@settings(max_examples=40)
def test_water_in_balance_is_full_at_any_pressure(t: float, s: float, p: float) -> None:
    full = oxygen.umol_kg_to_mg_l(oxygen.oxygen_at_saturation_umol_kg(t, s, p), t, s)
    assert float(oxygen.oxygen_saturation_percent(full, t, s, p)) == pytest.approx(100.0)
    assert float(oxygen.oxygen_at_saturation_umol_kg(t, s, p)) == pytest.approx(
        float(oxygen.oxygen_solubility_umol_kg(t, s)) * p / 1013.25, rel=0.015
    )


def test_fresh_water_at_sea_level() -> None:
    """APHA's table for fresh water at 1013.25 hPa: 9.09 mg/L at 20 degC, 14.6 at 0 degC, 8.26 at 25 degC."""
    for t, expected in ((0.0, 14.62), (20.0, 9.09), (25.0, 8.26)):
        full = float(oxygen.umol_kg_to_mg_l(oxygen.oxygen_at_saturation_umol_kg(t, 0.0, 1013.25), t, 0.0))
        assert full == pytest.approx(expected, abs=0.01)


@pytest.mark.needs("refdata")
def test_saturation_of_the_scor_working_group() -> None:
    """Their solubility is the paper's other fit (mL/L): equal to 0.02 %. At the surface only (no water pressure)."""
    want = table("gas/o2_scor_wg142.csv")
    surface = want["P_dbar"] == 0
    mg_l = want["O2_umolL"] * 31.9988e-3
    found = oxygen.oxygen_saturation_percent(mg_l, want["T_C"], want["S"], want["patm_hPa"])
    np.testing.assert_allclose(found[surface], want["O2sat_pct"][surface], rtol=2e-4)


def test_oxygen_counted_for_salinity_and_depth_as_published() -> None:
    """The worked number of OOI's optode documentation; their density is that of the place."""
    found = oxygen.oxygen_in_this_water(433.88488978325478, 1.97, 33.716, 5.40, maker="aanderaa")
    density = gsw.rho_t_exact(gsw.SA_from_SP(33.716, 5.40, 87.64, -52.82), 1.97, 0.0)
    assert float(found) / density * 1e3 == pytest.approx(335.967894709, rel=1e-6)


@pytest.mark.needs("refdata")
def test_oxygen_counted_for_salinity_and_depth_of_the_check_table() -> None:
    want = table("gas/do_saltpress_ooi.csv")
    found = oxygen.oxygen_in_this_water(want["do_umol_L"], want["t_C"], want["SP"], want["p_dbar"], maker="aanderaa")
    SA = gsw.SA_from_SP(want["SP"], want["p_dbar"], want["lon"], want["lat"])
    CT = gsw.CT_from_t(SA, want["t_C"], want["p_dbar"])
    np.testing.assert_allclose(found / gsw.rho(SA, CT, 0.0) * 1e3, want["do_umol_kg"], rtol=1e-6)


@pytest.mark.needs("refdata")
def test_salt_changes_the_concentration_and_not_the_partial_pressure() -> None:
    """The SCOR tables: the same partial pressure in fresh and in salt water. Their factor for the vapour is in no maker's document (0.07 %)."""
    want = table("gas/o2_scor_wg142.csv")
    per_hpa = {
        (t, s): c / p for t, s, d, c, p in zip(*(want[k] for k in ("T_C", "S", "P_dbar", "O2_umolL", "pO2_hPa")), strict=True) if d == 0
    }
    salty = [(t, s) for t, s in per_hpa if s > 0 and (t, 0.0) in per_hpa]
    assert len(salty) >= 5
    for t, s in salty:
        ratio = per_hpa[t, s] / per_hpa[t, 0.0]
        assert float(oxygen.oxygen_in_this_water(1.0, t, s)) == pytest.approx(ratio, rel=1e-3), (t, s)
        assert float(oxygen.oxygen_in_this_water(1.0, t, s, maker="aanderaa")) == pytest.approx(ratio, rel=4e-3), (t, s)


@given(**water, set_to=st.floats(0, 42), maker=st.sampled_from(sorted(oxygen.COMPENSATIONS)))
@settings(max_examples=40)
def test_a_sensor_set_to_the_salinity_of_its_water_needs_no_correction(t: float, s: float, set_to: float, maker: str) -> None:
    """And counting from one salinity to another and back changes nothing."""
    there = oxygen.oxygen_in_this_water(9.0, t, s, sensor_salinity=set_to, maker=maker)
    assert float(oxygen.oxygen_in_this_water(there, t, set_to, sensor_salinity=s, maker=maker)) == pytest.approx(9.0, rel=1e-12)
    assert float(oxygen.oxygen_in_this_water(9.0, t, s, sensor_salinity=s, maker=maker)) == pytest.approx(9.0, rel=1e-12)
    assert float(oxygen.oxygen_in_this_water(9.0, t, s, 100.0, maker=maker)) > float(oxygen.oxygen_in_this_water(9.0, t, s, maker=maker))


@pytest.mark.needs("refdata")
def test_solubility_and_density_of_the_check_table() -> None:
    want = table("gas/o2_solubility.csv")
    np.testing.assert_allclose(oxygen.oxygen_solubility_umol_kg(want["pt_C"], want["SP"]), want["o2sol_gsw_umol_kg"], rtol=1e-9)
    np.testing.assert_allclose(oxygen.water_density_kg_m3(want["pt_C"], want["SP"]), want["rho_gsw_kg_m3"], rtol=5e-6)
