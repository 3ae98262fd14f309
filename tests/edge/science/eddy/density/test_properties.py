"""The reference's printed properties of the air, from the sonic temperature, the pressure and the humidity it printed."""

from __future__ import annotations

import math

import pytest

from edge.science import air as ours
from edge.science.eddy.compatible.air import engine_air, saturation_vapour_pressure_simple_pa
from edge.science.eddy.density import properties
from edge.science.eddy.window import Window
from tests.edge.science.eddy.printed import NAMES, fluxnet
from tests.edge.science.eddy.reference import CASES, expected


@pytest.mark.needs("refdata")
@pytest.mark.parametrize(("site", "file"), CASES, ids=NAMES)
def test_air_of_the_reference_to_its_digits(site: str, file: str) -> None:
    p, f = expected(site, "expected.csv")[file], fluxnet(site)[file]
    humidity = {"h2o_mol_m3": 1e-3 * p["h2o_molar_density"]} if site == "usda" else {"h2o_dry_mole_fraction": 1e-3 * p["h2o_mixing_ratio"]}
    air = engine_air(p["sonic_temperature"], p["air_pressure"], **humidity)
    more = properties.derived(air)
    rho_cp = more.heat_capacity_per_volume
    pairs = {
        "temperature": (air.temperature_k, p["air_temperature"]),
        "e": (air.vapour_pressure_pa, p["e"]),
        "es": (more.saturation_vapour_pressure_pa, p["es"]),
        "VPD": (more.vapour_pressure_deficit_pa, p["VPD"]),
        "RH": (air.relative_humidity_percent, p["RH"]),
        "Tdew": (more.dew_point_k, p["Tdew"]),
        "q": (air.specific_humidity, p["specific_humidity"]),
        "density": (air.density_kg_m3, p["air_density"]),
        "dry density": (air.dry_density_kg_m3, f["DRYAIR_DENSITY"]),
        "vapour density": (air.vapour_density_kg_m3, p["water_vapor_density"]),
        "vapour ratio": (more.vapour_to_dry_air_ratio, f["VAPOR_DRYAIR_RATIO"]),
        "dry pressure": (more.dry_air_pressure_pa, 1e3 * f["DRYAIR_PARTIAL_PRESSURE"]),
        "molar volume": (more.moist_molar_volume_m3, p["air_molar_volume"]),
        "dry molar volume": (air.dry_molar_volume_m3, f["DRYAIR_MV"]),
        "cp": (air.heat_capacity, p["air_heat_capacity"]),
        "rho cp": (rho_cp, f["AIR_RHO_CP"]),
        "lambda": (air.latent_heat, f["SPECIFIC_HEAT_EVAP"]),
    }
    wrong = {name: pair for name, pair in pairs.items() if pair[0] != pytest.approx(pair[1], rel=1e-4)}
    # the humidity is printed with six digits, a small deficit is the difference of two large numbers
    assert not {k: v for k, v in wrong.items() if k != "VPD" or abs(v[0] - v[1]) > 0.05}, wrong


@pytest.mark.needs("refdata")
@pytest.mark.parametrize(("site", "file"), CASES, ids=NAMES)
def test_scales_of_the_reference_to_its_digits(site: str, file: str) -> None:
    p, f = expected(site, "expected.csv")[file], fluxnet(site)[file]
    scale = properties.temperature_scale_k(p["H"], f["AIR_RHO_CP"], p["u*"])
    assert scale == pytest.approx(p["T*"], rel=1e-4)
    assert properties.turbulent_kinetic_energy(p["u_var"], f["V_SIGMA"] ** 2, p["w_var"]) == pytest.approx(p["TKE"], rel=1e-4)
    assert properties.bowen_ratio(p["H"], p["LE"]) == pytest.approx(p["bowen_ratio"], rel=1e-4)
    depth = properties.evapotranspiration_mm(1e-3 * p["h2o_flux"], molar_mass_water=0.018)
    assert depth == pytest.approx(p["ET"], rel=1e-4)
    theta = properties.potential_temperature_k(p["air_temperature"], p["air_pressure"])
    length = -theta * p["u*"] ** 3 / (0.41 * 9.81 * p["H"] / f["AIR_RHO_CP"])
    assert length == pytest.approx(p["L"], rel=1e-4)


def test_saturation_forms_agree() -> None:
    for t in range(0, 41, 5):
        simple = saturation_vapour_pressure_simple_pa(273.15 + t)
        assert simple == pytest.approx(float(ours.saturation_vapour_pressure_pa(273.15 + t)), rel=0.005)


def test_dew_point_undoes_the_saturation_pressure() -> None:
    for t in (274.0, 285.0, 300.0):
        assert properties.dew_point_k(float(ours.saturation_vapour_pressure_pa(t))) == pytest.approx(t, abs=0.03)


def test_engine_air_is_our_air_within_its_shortcut() -> None:
    engine = engine_air(300.0, 1e5, h2o_mol_m3=0.8)
    ourselves = ours.air_from_sonic(300.0, 1e5, h2o_mol_m3=0.8)
    assert engine.temperature_k == pytest.approx(ourselves.temperature_k, abs=0.02)
    assert engine.density_kg_m3 == pytest.approx(ourselves.density_kg_m3, rel=1e-3)


@pytest.mark.parametrize("bad", [math.nan, 0.0, -1.0, math.inf])
def test_nothing_raises_on_bad_numbers(bad: float) -> None:
    for args in ((bad, 1e5, 0.01), (290.0, bad, 0.01), (290.0, 1e5, bad)):
        properties.derived(engine_air(args[0], args[1] if args[1] else math.nan, h2o_dry_mole_fraction=args[2]))
    window = properties.step(Window(10.0, 100, {}, values={"air_temperature_k": bad}), averaging_s=1800.0)
    assert window.reasons["dew_point_k"]


def test_step_gives_what_a_table_prints() -> None:
    air = ours.air_from_sonic(300.0, 1e5, h2o_dry_mole_fraction=0.02)
    names = {
        "air_temperature_k": air.temperature_k,
        "air_pressure_pa": air.pressure_pa,
        "vapour_pressure_pa": air.vapour_pressure_pa,
        "air_density": air.density_kg_m3,
        "dry_air_density": air.dry_density_kg_m3,
        "vapour_density": air.vapour_density_kg_m3,
        "specific_humidity": air.specific_humidity,
        "dry_molar_volume": air.dry_molar_volume_m3,
        "relative_humidity_percent": air.relative_humidity_percent,
        "heat_capacity": air.heat_capacity,
        "latent_heat": air.latent_heat,
        "sensible_heat_flux": 50.0,
        "latent_heat_flux": 100.0,
        "h2o_flux": 100.0 / air.latent_heat / 0.01801528,
        "friction_velocity": 0.3,
        "cov_wind_u_wind_u": 1.0,
        "cov_wind_v_wind_v": 0.6,
        "cov_wind_w_wind_w": 0.2,
    }
    window = properties.step(Window(10.0, 100, {}, values=names), averaging_s=1800.0)
    assert not window.reasons
    assert window.value("bowen_ratio") == 0.5
    assert window.value("turbulent_kinetic_energy") == pytest.approx(0.9)
    assert window.value("evapotranspiration_mm_h") == pytest.approx(2 * window.value("evapotranspiration_mm"))
    assert window.value("evapotranspiration_mm_h") == pytest.approx(100.0 / air.latent_heat * 3600)
    assert window.value("saturation_vapour_pressure_pa") == pytest.approx(float(ours.saturation_vapour_pressure_pa(air.temperature_k)))
