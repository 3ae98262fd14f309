"""The world: published physics, budgets that close, the same truth from the same seed wherever one begins to look."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from simulators.errors import WorldFileError
from simulators.world import carbonate, noise, physics, sun
from simulators.world.chemistry import PHOTOSYNTHETIC_QUOTIENT
from simulators.world.config import WorldConfig, load_world
from simulators.world.steps import STEP_S
from simulators.world.world import TRUTH_UNITS, Site, World, nearest_region
from tests.simulators.conftest import T0_MS

DAY_MS = 86_400_000


def one(value: float) -> np.ndarray:
    return np.array([value])


class TestPhysicsAsPublished:
    def test_seawater_density(self):
        """UNESCO technical paper 44: check values of the one-atmosphere equation."""
        assert physics.seawater_density_kg_m3(one(5.0), one(35.0))[0] == pytest.approx(1027.67547, abs=1e-5)
        assert physics.seawater_density_kg_m3(one(5.0), one(0.0))[0] == pytest.approx(999.96675, abs=1e-5)

    def test_co2_solubility(self):
        """Weiss (1974), table II: 4.507e-2 mol L-1 atm-1 at 10 degC and S 35, 5.366e-2 in fresh water."""
        assert physics.co2_solubility_mol_m3_atm(one(10.0), one(35.0))[0] == pytest.approx(45.07, abs=0.02)
        assert physics.co2_solubility_mol_m3_atm(one(10.0), one(0.0))[0] == pytest.approx(53.66, abs=0.02)

    def test_oxygen_solubility(self):
        """Garcia & Gordon (1992): 274.61 umol/kg at 10 degC (IPTS-68) and S 35."""
        t90 = one(10.0 / 1.00024)
        per_kg = physics.oxygen_solubility_mmol_m3(t90, one(35.0), one(1013.25)) / physics.seawater_density_kg_m3(t90, one(35.0)) * 1e3
        assert per_kg[0] == pytest.approx(274.61, abs=0.005)

    def test_schmidt_numbers(self):
        """Wanninkhof (2014), table 1: 668 for CO2 and 568 for O2 in seawater at 20 degC."""
        assert physics.schmidt_co2(one(20.0))[0] == pytest.approx(668, abs=0.5)
        assert physics.schmidt_oxygen(one(20.0))[0] == pytest.approx(568, abs=0.5)

    def test_vapour_pressure(self):
        """611.657 Pa at the triple point, 2339.3 Pa at 20 degC (IAPWS)."""
        assert physics.saturation_vapour_pressure_hpa(one(0.01))[0] == pytest.approx(6.11657, abs=1e-3)
        assert physics.saturation_vapour_pressure_hpa(one(20.0))[0] == pytest.approx(23.393, abs=2e-3)

    def test_sun_over_the_tropics_and_at_noon(self):
        """At the June solstice the sun stands overhead at 23.44 N; at equinox noon its height is 90 degrees less the latitude."""
        june = datetime(2026, 6, 21, 12, 2, tzinfo=UTC).timestamp()
        assert sun.sine_of_height(one(june), 23.44, 0.0)[0] == pytest.approx(1.0, abs=2e-4)
        march = datetime(2026, 3, 20, 12, 7, tzinfo=UTC).timestamp()
        assert np.degrees(np.arcsin(sun.sine_of_height(one(march), 30.0, 0.0)[0])) == pytest.approx(60.0, abs=0.6)


class TestNoise:
    def test_same_place_same_number_and_other_names_others(self):
        index = np.arange(1000)
        first = noise.normal(noise.key(7, "a"), index)
        assert np.array_equal(first, noise.normal(noise.key(7, "a"), index))
        assert abs(np.corrcoef(first, noise.normal(noise.key(7, "b"), index))[0, 1]) < 0.15
        assert abs(np.corrcoef(first, noise.normal(noise.key(8, "a"), index))[0, 1]) < 0.15

    def test_normal_numbers_are_standard(self):
        values = noise.normal(noise.key(1, "x"), np.arange(-100_000, 100_000))
        assert abs(values.mean()) < 4 / np.sqrt(200_000)
        assert values.var() == pytest.approx(1.0, abs=4 * np.sqrt(2 / 200_000))

    def test_smooth_noise_has_unit_variance_between_its_nodes_too(self):
        t = np.arange(0.0, 40_000.0) + 0.5
        values = noise.smooth(noise.key(1, "x"), t * 10.0, 10.0)
        assert values.var() == pytest.approx(1.0, abs=0.04)
        assert np.abs(np.diff(noise.smooth(noise.key(1, "x"), np.arange(0, 1000, 0.1), 10.0))).max() < 0.15


class TestRepeatable:
    def test_a_restart_continues_the_same_world(self, make_world):
        """Looked at from the start or from later on: the same numbers, bit by bit."""
        early, late = make_world(), make_world()
        times = T0_MS + np.arange(0, 2 * DAY_MS, 7_777_777)
        for t in times:
            early.state(np.array([float(t)]))
        at = np.array([float(times[-1])])
        first, second = early.state(at), late.state(at)
        assert {name: first[name][0] for name in first} == {name: second[name][0] for name in second}
        k = int(times[-1] / 1000 * 20)
        assert np.array_equal(early.air(k, 50).temperature, late.air(k, 50).temperature)

    def test_another_seed_is_another_world_with_the_same_tide(self, make_world):
        a, b = make_world(seed=1), make_world(seed=2)
        t = float(T0_MS)
        assert a.truth(t)["air_temperature"] != b.truth(t)["air_temperature"]
        assert a.tide.level_m(one(t / 1e3)) == b.tide.level_m(one(t / 1e3))

    def test_weather_remembered_by_the_day_is_the_weather(self, make_world):
        """Whichever span asked first, and whether a day was made before or with others: bit by bit what `at` says."""
        weather = make_world().weather
        start = T0_MS // DAY_MS * 86_400.0
        weather.on_steps(start + 600.0 * np.arange(200.0, 230.0))
        span = start + 600.0 * np.arange(-50.0, 500.0)
        remembered, made = weather.on_steps(span), weather.at(span)
        assert all(np.array_equal(remembered[name], made[name]) for name in made)

    def test_no_seam_at_midnight_nor_at_the_half_hour(self, make_world):
        world = make_world()
        midnight = T0_MS // DAY_MS * DAY_MS + DAY_MS
        for edge in (midnight, T0_MS + 1_800_000):
            state = world.state(np.array([edge - 60_000.0, edge - 1.0, edge, edge + 60_000.0]))
            for name in set(TRUTH_UNITS) - {"wind_from_direction"}:
                before, left, right, after = state[name]
                slope = max(abs(after - right), abs(left - before))
                assert abs(right - left) <= slope / 60_000 * 3 + 1e-6 * max(1.0, abs(right)), name


BUDGETS = {
    "dissolved_oxygen_mmol_m3": {"oxygen_production": 1, "oxygen_gas_exchange": 1, "oxygen_exchange": 1},
    "dic_mmol_m3": {"net_production": -1, "co2_gas_exchange": 1, "carbon_exchange": 1},
    "alkalinity_mmol_m3": {"alkalinity_production": 1, "alkalinity_exchange": 1},
    "salinity": {"salt_exchange": 1, "salt_dilution": 1},
    "water_temperature": {"heat_from_above": 1, "heat_exchange": 1},
}
"""State of the water and the terms by which it changes."""


class TestBudgets:
    @pytest.fixture(params=[None, "typhoon", "bloom_and_hypoxia"])
    def day(self, make_world, request):
        at = datetime.fromtimestamp(T0_MS / 1e3, UTC)
        world = make_world() if request.param is None else make_world(scenario={"name": request.param, "at": at})
        return world.water, world.water.day(int(T0_MS // DAY_MS) + 1)[1]

    @pytest.mark.parametrize("state", BUDGETS)
    def test_it_changes_by_the_sum_of_its_terms(self, day, state):
        water, v = day
        content = water.heat_capacity if state == "water_temperature" else water.depth_m
        gained = np.diff(v[state]) * content
        terms = STEP_S * sum(sign * v[name] for name, sign in BUDGETS[state].items())[1:]
        assert np.allclose(gained, terms, rtol=0, atol=1e-12 * content * np.abs(v[state]).max())
        assert np.ptp(v[state]) > 0

    def test_oxygen_is_made_in_step_with_carbon_taken_and_alkalinity_with_nitrate(self, day):
        _, v = day
        assert np.allclose(v["oxygen_production"], PHOTOSYNTHETIC_QUOTIENT * v["net_production"])
        assert np.allclose(v["alkalinity_production"], 16 / 106 * v["net_production"])

    def test_rain_freshens_the_water_by_its_depth(self, make_world):
        """A squall's rain over four metres of water takes its share of the salt."""
        squall = {"name": "squall", "at": datetime.fromtimestamp(T0_MS / 1e3, UTC)}
        t_s = T0_MS / 1e3 + np.arange(0.0, 6 * 3600.0, 60.0)
        plain, wet = make_world(wind_speed_ms=1.0), make_world(wind_speed_ms=1.0, scenario=squall)
        fell_m = sum(sign * world.weather.at(t_s)["rain_rate"].sum() / 60e3 for sign, world in ((1, wet), (-1, plain)))
        assert fell_m > 0.02
        before, after = np.log(wet.water.at(t_s[[0, -1]])["salinity"] / plain.water.at(t_s[[0, -1]])["salinity"])
        assert before - after == pytest.approx(fell_m / wet.water.depth_m, rel=0.3)

    def test_light_makes_and_dark_eats(self, make_world):
        net = make_world().water.day(int(T0_MS // DAY_MS))[1]["net_production"]
        assert net.max() > 0 > net.min()

    def test_pco2_and_ph_are_those_of_its_carbon_and_alkalinity(self, day):
        _, v = day
        k = carbonate.constants(v["water_temperature"], v["salinity"])
        per_kg = 1e-3 / physics.seawater_density_kg_m3(v["water_temperature"], v["salinity"])
        dic, ta = v["dic_mmol_m3"] * per_kg, v["alkalinity_mmol_m3"] * per_kg
        assert np.allclose(carbonate.alkalinity(10.0 ** -v["ph_total"], dic, k), ta, rtol=1e-9)
        assert np.allclose(carbonate.pco2_uatm(carbonate.hydrogen(dic, ta, k), dic, k), v["pco2_water"], rtol=1e-7)

    def test_oxygen_peaks_in_the_afternoon_and_pco2_falls_by_then(self, make_world):
        """Ten cloudless days in the shallow bay: the mean day's oxygen maximum lies between local noon and sunset, pCO2's minimum likewise."""
        world = make_world(cloud=0.0, region="yueqing", tide={"S2": {"amplitude_m": 0.01, "phase_deg": 0}})
        hours = T0_MS // DAY_MS * DAY_MS / 1e3 + np.arange(240) * 3600.0
        water, air = world.water.at(hours), world.weather.at(hours)
        local = (np.arange(24) + 121.2 / 15) % 24
        full = physics.oxygen_solubility_mmol_m3(water["water_temperature"], water["salinity"], air["air_pressure"])
        oxygen = 100.0 * (water["dissolved_oxygen_mmol_m3"] / full).reshape(10, 24).mean(0)
        pco2 = water["pco2_water"].reshape(10, 24).mean(0)
        assert 12 < local[oxygen.argmax()] < 20
        assert oxygen.max() - oxygen.min() > 1
        assert pco2.argmin() != pco2.argmax()

    def test_gas_flux_over_water_is_bulk_flux_of_its_own_truth(self, make_world):
        """F = k K0 (pCO2 water - pCO2 air), computed here once more from the truth alone."""
        world = World(WorldConfig(schema=1, seed=5), Site(29.9, 122.7, "seawater", True, -0.22, -22.0, 5.2))
        s = world.truth(float(T0_MS))
        t, salt = one(s["water_temperature"]), one(s["salinity"])
        k_cm_h = 0.251 * s["wind_speed"] ** 2 * (physics.schmidt_co2(t)[0] / 660) ** -0.5
        air = s["co2_air"] * (s["air_pressure"] / 1013.25 - physics.water_vapour_atm(t, salt)[0])
        expected = k_cm_h / 3.6e5 * physics.co2_solubility_mol_m3_atm(t, salt)[0] * (s["pco2_water"] - air)
        assert s["co2_flux"] == pytest.approx(expected, rel=2e-3)


class TestClimate:
    def test_a_year_has_the_rain_and_the_air_of_this_coast(self, make_world):
        """Zhejiang's coast has 1.0 to 1.9 m of rain a year, falling in less than a quarter of the hours, 16 to 19 degC and 1013 to 1018 hPa
        on the average (here of eight years)."""
        year = datetime(2026, 1, 1, tzinfo=UTC).timestamp() + np.arange(0, 365 * 86_400.0, 3600.0)
        years = [make_world(seed=seed).weather.at(year) for seed in range(8)]
        rain, air_c, hpa = (np.array([air[name] for air in years]) for name in ("rain_rate", "air_temperature", "air_pressure"))
        assert 1000 < rain.sum() / 8 < 1900
        assert 0.03 < (rain > 0).mean() < 0.25
        assert 16 < air_c.mean() < 19
        assert 1013 < hpa.mean() < 1018


class TestSurface:
    def test_mudflat_is_dry_at_low_water_and_flooded_at_high(self, make_world):
        world = make_world()
        state = world.state(T0_MS + np.arange(0, DAY_MS, 600_000.0))
        assert state["flooded"][state["water_level"] < world.site.ground_m].max() == 0
        assert state["flooded"][state["water_level"] > world.site.ground_m + 0.5].min() == 1
        assert 0 < state["flooded"].mean() < 1

    def test_vegetation_takes_carbon_by_day_and_gives_it_by_night(self, station):
        site = Site(28.3, 121.2, "mangrove", False, -1.42, 0.48, 9.0)
        state = World(WorldConfig(schema=1, seed=5), site).state(T0_MS + np.arange(0, 2 * DAY_MS, 3_600_000.0))
        assert state["co2_flux"][state["par"] > 800].max() < 0
        assert state["co2_flux"][state["par"] == 0].min() > 0
        assert state["latent_heat_flux"][state["shortwave"] > 500].min() > 50

    def test_wind_grows_with_height_and_passes_ten_metres_at_its_speed(self, make_world):
        world = make_world(wind_speed_ms=8.0)
        state = world.state(np.array([float(T0_MS)]))
        over = np.array([2.0, 4.0, 10.0, 20.0])
        wind = world.surface.wind_at(over, np.full(4, 8.0), np.full(4, state["flooded"][0]))
        assert np.all(np.diff(wind) > 0)
        assert wind[2] == pytest.approx(8.0)


class TestFile:
    def test_defaults_need_no_file(self):
        assert load_world(None).seed == 1

    def test_wrong_key_is_named(self, tmp_path):
        file = tmp_path / "world.yaml"
        file.write_text("seed: 3\nwind: 4\n")
        with pytest.raises(WorldFileError, match="wind"):
            load_world(file)

    def test_unknown_region_is_named_with_those_known(self, tmp_path):
        file = tmp_path / "world.yaml"
        file.write_text("region: atlantis\n")
        with pytest.raises(WorldFileError, match=r"atlantis.*zhoushan"):
            load_world(file)

    def test_prescribed_values_hold(self, make_world):
        truth = make_world(wind_speed_ms=9.0, fluxes={"co2_flux": -7.5}, air_pressure_hpa=990.0).truth(float(T0_MS))
        assert (truth["wind_speed"], truth["co2_flux"], truth["air_pressure"]) == pytest.approx((9.0, -7.5, 990.0))

    @pytest.mark.parametrize(
        ("place", "name"), [((29.92, 122.72), "zhoushan"), ((28.347, 121.181), "yueqing"), ((30.374, 121.228), "hangzhou")]
    )
    def test_nearest_region(self, place, name):
        assert nearest_region(*place) == name
