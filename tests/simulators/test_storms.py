"""Storms, fronts, surge and current: published shapes, balances that hold, the sign of what they do."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from simulators.world import fronts, storms, surge
from simulators.world.change import Change
from simulators.world.current import DRIFT
from simulators.world.fronts import Front
from simulators.world.storms import Storm
from tests.simulators.conftest import T0_MS
from tests.simulators.test_tide import SPEEDS_DEG_H

RADIUS_M, B, DEPTH_HPA, LATITUDE = 40_000.0, 1.5, 66.0, 29.7
PLACE = (29.7, 122.4)
SHELF = {"width_km": 100.0, "depth_m": 20.0, "onshore_from_deg": 90.0, "response_h": 3.0}


def at_hours(hours: float) -> datetime:
    return datetime.fromtimestamp(T0_MS / 1e3 + 3600.0 * hours, UTC)


def storm(**changes: object) -> Storm:
    base = {
        "at_s": 0.0, "passes": PLACE, "heading_deg": 0.0, "speed_ms": 7.0, "depth_hpa": DEPTH_HPA, "radius_m": RADIUS_M, "b": B,
        "rain_mm_h": 40.0, "rain_fall_m": 90e3, "reach_m": 650e3, "air_c": 25.0, "landfall_s": 1e9, "seed": 1,
    }  # fmt: skip
    return Storm(**(base | changes))


def over(systems: list[Storm] | list[Front], t_s: np.ndarray, place: tuple[float, float] = PLACE) -> Change:
    change = Change(len(t_s))
    for system in systems:
        system.pass_over(change, t_s, place, *((0.8,) if isinstance(system, Storm) else ()))
    return change


class TestHolland:
    def test_pressure_at_the_radius_of_strongest_wind(self):
        """At R the exponent is 1: 1 - 1/e of the deficit is left (Holland 1980, equation 2); at the centre all of it, far away none."""
        deficit = storms.deficit_hpa(np.array([1.0, RADIUS_M, 1e9]), RADIUS_M, B, DEPTH_HPA)
        assert deficit == pytest.approx([DEPTH_HPA, DEPTH_HPA * (1 - np.exp(-1)), 0.0], abs=1e-3)

    def test_strongest_wind_and_where_it_is(self):
        """sqrt(B (pn - pc) / (rho e)) at R where the earth does not turn (Holland 1980, equation 5)."""
        r = np.linspace(5e3, 200e3, 4001)
        wind = storms.gradient_wind_ms(r, RADIUS_M, B, DEPTH_HPA, 0.0)
        assert wind.max() == pytest.approx(np.sqrt(B * DEPTH_HPA * 100 / (storms.AIR_KG_M3 * np.e)), rel=1e-6)
        assert r[wind.argmax()] == pytest.approx(RADIUS_M, rel=2e-3)

    def test_pressure_and_wind_balance(self):
        """dp/dr = rho (V^2 / r + f V) at every distance."""
        r = np.geomspace(8e3, 500e3, 60)
        wind = storms.gradient_wind_ms(r, RADIUS_M, B, DEPTH_HPA, LATITUDE)
        slope = -100.0 * (storms.deficit_hpa(r + 5, RADIUS_M, B, DEPTH_HPA) - storms.deficit_hpa(r - 5, RADIUS_M, B, DEPTH_HPA)) / 10
        turning = 2 * storms.EARTH_RAD_S * np.sin(np.radians(LATITUDE))
        assert np.allclose(slope, storms.AIR_KG_M3 * (wind**2 / r + turning * wind), rtol=1e-5)

    def test_inflow(self):
        """Sobey et al. (1977): 10 degrees at R, 25 beyond 1.2 R."""
        assert storms.inflow_deg(np.array([0.0, 1.0, 1.1, 1.2, 9.0]), 1.0) == pytest.approx([0, 10, 17.5, 25, 25])


class TestStorm:
    def test_it_turns_counter_clockwise_and_blows_inward(self):
        """A place south of a centre that stands: wind from the west, a little from the south towards the centre."""
        change = over([storm(speed_ms=0.0)], np.array([0.0]), (PLACE[0] - 0.36, PLACE[1]))
        east, north = change.of("east", 0.0)[0], change.of("north", 0.0)[0]
        assert east > 30
        assert 0 < north < 0.5 * east

    def test_stronger_on_the_right_of_its_track(self):
        right, left = (over([storm()], np.array([0.0]), (PLACE[0], PLACE[1] + side * 0.41)) for side in (1, -1))
        speed = [float(np.hypot(c.of("east", 0.0), c.of("north", 0.0))[0]) for c in (right, left)]
        assert 3 < speed[0] - speed[1] < 7

    def test_lowest_pressure_when_the_centre_passes_and_calm_inside_it(self):
        t = np.arange(-12 * 3600.0, 12 * 3600.0, 60.0)
        change = over([storm()], t)
        pressure, wind = change.of("pressure", 1010.0), np.hypot(change.of("east", 0.0), change.of("north", 0.0))
        assert abs(t[pressure.argmin()]) <= 60
        assert pressure.min() == pytest.approx(1010.0 - DEPTH_HPA, abs=0.5)
        assert wind[np.abs(t) < 180].max() < 0.3 * wind.max()

    def test_it_decays_after_landfall_as_published(self):
        """Kaplan & DeMaria (1995): wind falls by 0.095 an hour, and wind goes with the root of the deficit."""
        fading = storm(landfall_s=0.0).deepness_hpa(np.array([-3600.0, 0.0, 10 * 3600.0]))
        assert fading[0] == fading[1] == DEPTH_HPA
        assert np.sqrt(fading[2] / DEPTH_HPA) == pytest.approx(np.exp(-0.95))

    def test_far_away_there_is_only_the_climate(self):
        change = over([storm()], np.array([-10 * 86_400.0]))
        assert [float(change.of(name, 5.0)[0]) for name in ("east", "pressure", "rain", "cloud")] == pytest.approx([5.0] * 4, abs=1e-9)

    def test_each_station_of_a_typhoon_has_its_own_distance(self, make_world):
        t = T0_MS + np.arange(8 * 3.6e6, 22 * 3.6e6, 1_200_000.0)
        scenario = {"name": "typhoon", "at": at_hours(0)}
        near = make_world(scenario=scenario | {"passes": [30.4, 121.2]}).state(t)
        usual = make_world(scenario=scenario).state(t)
        assert near["air_pressure"].min() < usual["air_pressure"].min() - 10
        assert usual["air_pressure"].min() < 1000


class TestFront:
    def test_trough_shift_fall_of_temperature_and_rain_belong_together(self):
        t = np.arange(-24 * 3600.0, 24 * 3600.0, 60.0)
        change = over([Front(0.0, drop_c=8.0)], t, fronts.REFERENCE)
        assert abs(t[change.of("pressure", 0.0).argmin()]) < 3 * 3600
        assert abs(t[change.of("rain", 0.0).argmax()]) < 1800
        direction = np.degrees(np.arctan2(-change.of("east", 0.0), -change.of("north", 0.0))) % 360
        before, after = direction[t < -5400][-1], direction[t > 3600][0]
        assert 180 < before < 250
        assert 300 < after < 360
        warm, cold = change.of("temperature", 0.0)[np.searchsorted(t, [-1800, 5400])]
        assert 6 < warm - cold < 10

    def test_it_moves_on_from_the_north_west(self):
        """150 km further along its way it comes 150 km / speed later."""
        along = np.radians(fronts.TOWARD_DEG)
        north, east = (150e3 * f(along) / fronts.EARTH_M_DEG for f in (np.cos, np.sin))
        place = (fronts.REFERENCE[0] + north, fronts.REFERENCE[1] + east / np.cos(np.radians(fronts.REFERENCE[0])))
        assert Front(0.0).arrives_s(place) == pytest.approx(150e3 / fronts.SPEED_MS, rel=1e-6)

    def test_forgotten_and_not_yet_heard_of_it_is_nothing(self):
        change = over([Front(0.0)], np.array([-20.0, 20.0]) * 86_400.0)
        assert np.all(change.of("temperature", 0.0) == 0)
        assert np.all(change.of("east", 3.0) == 3.0)

    def test_winter_has_more_of_them_than_summer(self):
        year = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
        found = [f for seed in range(12) for f in fronts.usual_fronts(seed, year, year + 365 * 86_400.0)]
        months = [datetime.fromtimestamp(f.at_s, UTC).month for f in found]
        assert sum(m in (12, 1, 2) for m in months) > 1.8 * sum(m in (6, 7, 8) for m in months)

    @pytest.mark.parametrize("cut_h", range(50, 700, 50))
    def test_a_span_cut_in_two_meets_the_same_fronts(self, cut_h):
        """What a front does at a time does not depend on what else is asked for: those that passed days before are still heard of."""
        t = T0_MS / 1e3 + np.arange(0, 30 * 86_400.0, 3600.0)
        whole, late = Change(len(t)), Change(len(t) - cut_h)
        for change, times in ((whole, t), (late, t[cut_h:])):
            for front in fronts.usual_fronts(3, float(times[0]), float(times[-1])):
                front.pass_over(change, times, PLACE)
        assert np.array_equal(whole.of("temperature", 10.0)[cut_h:], late.of("temperature", 10.0))


class TestSurge:
    def test_set_up_of_a_shelf(self):
        """tau L / (rho g d): 1.2 x 1.87e-3 x 400 x 1e5 / (1020 x 9.80665 x 20) = 0.4487 m at 20 m/s straight onshore."""
        wind = np.full(3, 20.0)
        found = surge.balance_m(wind, np.array([90.0, 180.0, 270.0]), SHELF)
        assert found == pytest.approx([0.4487, 0.0, -0.4487], abs=1e-4)

    def test_a_hectopascal_is_a_centimetre(self):
        assert surge.barometer_m(np.array([1015.0, 965.0, 1035.0])) == pytest.approx([0.0, 0.5, -0.2])

    def test_it_is_reached_with_the_response_time(self, make_world):
        """A spell of onshore wind that sets in: after the time constant more than half of the balance is there, at last all of it."""
        world = make_world(scenario={"name": "storm_surge", "at": at_hours(12)}, region="zhoushan")
        t = T0_MS / 1e3 + 3600.0 * (12 + np.array([7.0, 9.0, 20.0]))
        state = world.weather.at(t)
        balance = surge.balance_m(state["wind_speed"], state["wind_from_direction"], world.surge._shelf)
        reached = (world.surge.at(t, state["air_pressure"]) - surge.barometer_m(state["air_pressure"])) / balance
        assert 0.3 < reached[0] < reached[1] < reached[2]
        assert reached[2] == pytest.approx(1.0, abs=0.05)

    def test_level_is_tide_and_surge(self, make_world):
        """A storm whose centre passes south-west of the station: the wind blows onshore."""
        world = make_world(scenario={"name": "typhoon", "at": at_hours(0), "passes": [30.1, 120.8]})
        state = world.state(T0_MS + np.arange(6 * 3.6e6, 24 * 3.6e6, 1_800_000.0))
        assert np.allclose(state["tide_level"] + state["surge"], state["water_level_1985"], atol=1e-9)
        assert np.allclose(state["water_level_1985"] + world.site.datum_1985_m, state["water_level"], atol=1e-9)
        assert state["surge"].max() > 0.8

    def test_quiet_weather_leaves_the_tide_as_it_is(self, make_world):
        """Under a steady air the surge is a constant: a harmonic fit of the level finds the constants as test_tide does."""
        world = make_world(air_pressure_hpa=1013.0, wind_speed_ms=3.0, wind_from_deg=90.0)
        surge_m = world.state(T0_MS + np.arange(0, 3 * 86.4e6, 3.6e6))["surge"]
        assert np.ptp(surge_m) < 1e-9
        assert 0.0 < surge_m[0] < 0.05

    @pytest.mark.parametrize("region", ["zhoushan", "hangzhou"])
    def test_usual_weather_hides_no_constant_of_the_tide(self, make_world, region):
        """Two months of hourly level as it is, against the tide alone, by one least-squares fit: no amplitude moves by two centimetres."""
        world = make_world(region=region)
        t = T0_MS / 1e3 + np.arange(0, 60 * 86_400.0, 3600.0)
        level = world.tide.level_m(t)
        with_weather = level + world.surge.at(t, world.weather.at(t)["air_pressure"])
        angles = np.radians(np.outer((t - t.mean()) / 3600, [SPEEDS_DEG_H[name] for name in ("M2", "S2", "N2", "K1", "O1", "M4")]))
        design = np.hstack([np.ones((len(t), 1)), np.cos(angles), np.sin(angles)])
        apart = np.linalg.lstsq(design, with_weather, rcond=None)[0] - np.linalg.lstsq(design, level, rcond=None)[0]
        assert np.abs(apart[1:7] - 1j * apart[7:]).max() < 0.02
        assert np.std(with_weather - level) > 0.02


class TestCurrent:
    def test_strongest_at_mid_tide_and_slack_at_high_water(self, make_world):
        world = make_world(tide={"M2": {"amplitude_m": 2.0, "phase_deg": 30.0}}, wind_speed_ms=0.3)
        lag_s = 60.0 * world.current._region["lag_min"]
        t = T0_MS / 1e3 + np.arange(0, 25 * 3600.0, 60.0)
        level, flow = world.tide.level_m(t), world.current.tidal_ms(t + lag_s)
        assert abs(flow[level.argmax()]) < 0.02 * flow.max()
        assert abs(level[flow.argmax()]) < 0.05 * level.max()
        assert np.corrcoef(flow[:-1], np.diff(level))[0, 1] > 0.999
        assert flow.max() == pytest.approx(world.current._region["main_ms"], rel=0.05)

    def test_what_flows_in_is_what_the_level_rises_by(self, make_world):
        """Continuity: the current through the mouth, over its lag, sums up to the level."""
        world = make_world()
        lag_s = 60.0 * world.current._region["lag_min"]
        t = T0_MS / 1e3 + np.arange(0, 15 * 86_400.0, 300.0)
        through = np.cumsum(world.current.tidal_ms(t + lag_s)) * 300.0 / world.current._scale
        level = world.tide.level_m(t + 150.0)  # the middle of a step
        assert np.allclose(through - through.mean(), level - level.mean(), atol=0.003)

    def test_wind_drags_it_downwind(self, make_world):
        still, windy = (make_world(wind_speed_ms=w, wind_from_deg=270.0).truth(float(T0_MS)) for w in (0.3, 20.3))
        assert windy["current_east"] - still["current_east"] == pytest.approx(20.0 * DRIFT, abs=1e-6)
        assert windy["current_north"] == pytest.approx(still["current_north"], abs=1e-6)
