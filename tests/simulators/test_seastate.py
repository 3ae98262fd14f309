"""The sea follows the wind: the published growth laws, a sea that turns and breaks, swell that outlives the storm, motion that stays exact."""

from __future__ import annotations

import numpy as np
import pytest

from simulators.world import Site, World, WorldConfig
from simulators.world.data import table
from simulators.world.physics import GRAVITY_MS2
from simulators.world.seastate import DAY_H, HOUR_S, Fetch, SeaState, SeaStates, broken, fetch_limited, grown, sustained
from simulators.world.waves import Waves
from tests.simulators.conftest import T0_MS

OPEN = Fetch([200.0] * 8)
HOUR = 497_000 // DAY_H * DAY_H
"""the first hour of a day"""


def states(wind_ms: dict[int, float], from_deg: dict[int, float], **more) -> SeaStates:
    """The sea under a wind that changes at the given hours after HOUR (the key -999 is what blew before)."""

    def at(t_s: np.ndarray) -> dict[str, np.ndarray]:
        hours = np.round(t_s / HOUR_S) - HOUR
        speed, direction = (
            np.array([row[max(key for key in row if key <= hour)] for hour in hours], dtype=float) for row in (wind_ms, from_deg)
        )
        return {"wind_speed": speed, "wind_from_direction": direction}

    return SeaStates(at, more.pop("fetch", OPEN), **more)


class TestGrowth:
    def test_a_long_wind_raises_what_its_fetch_gives(self):
        """200 km at 15 m/s, the example of the Shore Protection Manual's equations: g F / U2 = 8717, g Hs / U2 = 0.0016 sqrt(8717) = 0.149."""
        height, period = grown(0.0, 15.0, 200_000.0, 200.0)
        assert height == pytest.approx(0.0016 * 8717.0**0.5 * 15.0**2 / GRAVITY_MS2, rel=1e-3)
        assert (height, period) == fetch_limited(15.0, 200_000.0)

    def test_it_takes_its_time(self):
        """g t / U = 68.8 (g F / U2)^(2/3): 12.4 h here; a little before, the sea is still lower."""
        hours = 68.8 * (GRAVITY_MS2 * 200_000.0 / 15.0**2) ** (2 / 3) * 15.0 / GRAVITY_MS2 / HOUR_S
        assert hours == pytest.approx(12.38, abs=0.02)
        assert grown(0.0, 15.0, 200_000.0, hours)[0] == pytest.approx(fetch_limited(15.0, 200_000.0)[0], rel=1e-9)
        assert grown(0.0, 15.0, 200_000.0, 0.9 * hours)[0] < 0.97 * fetch_limited(15.0, 200_000.0)[0]

    def test_hour_by_hour_is_as_at_once(self):
        height = 0.0
        for _ in range(8):
            height, _ = grown(height, 12.0, 300_000.0, 1.0)
        assert height == pytest.approx(grown(0.0, 12.0, 300_000.0, 8.0)[0], rel=1e-12)

    def test_no_fetch_is_too_long_for_the_fully_developed_sea(self):
        assert GRAVITY_MS2 * sustained(10.0, 1e9)[0] / 10.0**2 == pytest.approx(0.243, rel=1e-9)

    def test_a_wind_from_the_land_raises_little(self):
        fetch = Fetch([200.0, 200, 200, 200, 200, 2, 2, 2])
        on, off = (states({-999: 8.0}, {-999: direction}, fetch=fetch).at_hour(HOUR) for direction in (90.0, 270.0))
        assert on.significant_height_m > 4 * off.significant_height_m

    def test_fetch_is_a_straight_line_between_its_directions_and_closes_at_north(self):
        fetch = Fetch([100.0, 200, 0, 0, 0, 0, 0, 50])
        assert [fetch.at(angle) for angle in (0.0, 22.5, 337.5, 360.0)] == pytest.approx([100_000, 150_000, 75_000, 100_000])


class TestStorm:
    @pytest.fixture
    def after(self) -> SeaStates:
        """A storm from the east that ends at HOUR; then a breeze from the west."""
        return states({-999: 18.0, 0: 3.0}, {-999: 90.0, 0: 270.0})

    def test_energy_of_the_storm_is_in_the_swell_when_it_ends(self, after: SeaStates):
        before, first = after.at_hour(HOUR - 1), after.at_hour(HOUR)
        released = before.wind_sea.significant_height_m**2 - first.wind_sea.significant_height_m**2
        assert first.swell.significant_height_m**2 == pytest.approx(released, rel=1e-9)
        assert (first.swell.peak_period_s, first.swell.from_deg) == pytest.approx((before.wind_sea.peak_period_s, 90.0))

    def test_swell_dies_away_and_keeps_its_direction_and_period(self, after: SeaStates):
        early, late = after.at_hour(HOUR + 5), after.at_hour(HOUR + 19)
        assert late.swell.significant_height_m**2 / early.swell.significant_height_m**2 == pytest.approx(np.exp(-1.0), rel=0.01)
        assert late.swell.peak_period_s == pytest.approx(early.swell.peak_period_s, rel=0.01)
        assert late.swell.from_deg == pytest.approx(90.0, abs=1.0)
        assert late.wind_sea.significant_height_m < 0.5

    def test_a_wind_that_rises_again_drives_its_own_swell_on(self):
        sea = states({-999: 12.0, 0: 9.0, 6: 12.0}, {-999: 90.0})
        before, again = sea.at_hour(HOUR - 1), sea.at_hour(HOUR + 20)
        assert again.significant_height_m == pytest.approx(before.significant_height_m, rel=1e-6)
        assert again.swell.significant_height_m == 0.0

    def test_the_sea_turns_after_the_wind(self):
        sea = states({-999: 8.0}, {-999: 20.0, 0: 80.0})
        turned = [sea.at_hour(HOUR + i).wind_sea.from_deg for i in (-1, 0, 3, 20)]
        assert turned[0] == pytest.approx(20.0, abs=0.1)
        assert 25.0 < turned[1] < 45.0 < turned[2] < 75.0 < turned[3] < 80.1


class TestDepth:
    def test_no_sea_is_higher_than_half_the_depth(self):
        low = broken(states({-999: 15.0}, {-999: 90.0}).at_hour(HOUR), 1.2)
        assert low.significant_height_m == pytest.approx(0.6)

    def test_where_it_is_dry_there_is_no_sea(self):
        assert broken(states({-999: 15.0}, {-999: 90.0}).at_hour(HOUR), -0.4).significant_height_m == 0.0

    def test_the_tide_on_a_flat_lets_the_waves_in_and_out(self, station):
        config = WorldConfig.model_validate({"schema": 1, "seed": 11, "wind_speed_ms": 10.0, "ground_m": 0.0})
        world = World(config, Site.of(station, ground_m=0.0))
        hours = T0_MS // 3_600_000 * 3_600_000 + 3_600_000.0 * np.arange(25)  # the sea is drawn for whole hours
        state = world.state(hours)
        surge = 0.3
        assert np.all(state["significant_wave_height"] <= 0.5 * np.maximum(state["water_level"] + surge, 0.0) + 1e-9)
        assert state["significant_wave_height"].max() > 0.2


class TestOneSea:
    def test_it_is_a_function_of_time_whatever_was_asked_before(self):
        one, other = (states({-999: 9.0, 3: 14.0, 30: 5.0}, {-999: 45.0}) for _ in range(2))
        hours = [HOUR + 40, HOUR - 3, HOUR + 2, HOUR + 23, HOUR + 24]
        assert {h: one.at_hour(h) for h in hours} == {h: other.at_hour(h) for h in sorted(hours)}

    def test_motion_stays_exact_while_one_hours_waves_make_way_for_the_next(self):
        """Position, velocity, acceleration and attitude in the middle of a change and across a whole hour."""
        rising = states({-999: 4.0, 0: 16.0}, {-999: 60.0, 0: 130.0})
        waves = Waves(5, rising.at_hour, floats=True)
        step = 2.0**-9
        times = HOUR * HOUR_S + np.array([1800.25, 3599.5, 3600.0 - step / 2, 3600.0, 3600.0 + step / 2, 5400.0])
        before, here, after = (waves.motion(times + k * step) for k in (-1, 0, 1))
        for height in (0.0, 5.0):
            b, h, a = (one.above(height) for one in (before, here, after))
            assert (a.position - b.position) / (2 * step) == pytest.approx(h.velocity, abs=3e-5)
            assert (a.velocity - b.velocity) / (2 * step) == pytest.approx(h.acceleration, abs=3e-5)
        assert (after.attitude - before.attitude) / (2 * step) == pytest.approx(here.attitude_rate, abs=3e-5)
        assert (after.rates - before.rates) / (2 * step) == pytest.approx(here.angular_acceleration, abs=3e-5)

    def test_the_height_of_every_moment_is_that_of_the_waves(self):
        """Four deviations of the surface over many draws of the same growing sea, against what the truth says at those instants."""
        rising = states({-999: 3.0, 0: 14.0}, {-999: 60.0})
        at = (HOUR + 6) * HOUR_S + 1500.0
        elevations = [Waves(seed, rising.at_hour, floats=False).elevation_m(at + np.arange(0.0, 120.0, 0.7)) for seed in range(60)]
        truth = Waves(1, rising.at_hour, floats=False).sea_at(np.array([at + 60.0]))
        assert 4.0 * np.std(elevations) == pytest.approx(truth["significant_height"][0], rel=0.05)

    def test_wind_sea_and_swell_are_told_apart_by_their_peak(self):
        """When the swell is the higher of the two its period is the sea's, and its direction nearly so."""
        after = states({-999: 18.0, 0: 3.0}, {-999: 90.0, 0: 270.0})
        truth = Waves(1, after.at_hour, floats=False).sea_at(np.array([(HOUR + 4) * HOUR_S]))
        assert truth["peak_period"][0] == pytest.approx(after.at_hour(HOUR + 4).swell.peak_period_s, rel=0.02)
        assert truth["from_direction"][0] == pytest.approx(90.0, abs=2.0)


class TestWorld:
    def test_truth_tells_the_sea_and_it_follows_the_weather(self, make_world):
        calm, storm = (make_world(wind_speed_ms=speed, wind_from_deg=90.0).truth(T0_MS) for speed in (3.0, 15.0))
        assert storm["significant_wave_height"] > 3 * calm["significant_wave_height"] > 0
        assert storm["wave_peak_period"] > calm["wave_peak_period"]
        assert storm["wave_from_direction"] == pytest.approx(90.0, abs=0.5)

    def test_a_prescribed_sea_stays_as_it_is(self, make_world):
        world = make_world(waves={"significant_height_m": 1.2, "peak_period_s": 6.0, "from_deg": 70.0})
        for hours in (0, 7, 100):
            truth = world.truth(T0_MS + hours * 3_600_000)
            assert [truth[name] for name in ("significant_wave_height", "wave_peak_period", "wave_from_direction")] == pytest.approx(
                [1.2, 6.0, 70.0]
            )

    def test_what_is_prescribed_of_it_is_as_prescribed_and_the_rest_is_the_winds(self, make_world):
        free, given = make_world(wind_speed_ms=8.0), make_world(wind_speed_ms=8.0, waves={"significant_height_m": 0.3})
        a, b = free.truth(T0_MS), given.truth(T0_MS)
        assert b["significant_wave_height"] == pytest.approx(0.3)
        assert b["wave_peak_period"] == a["wave_peak_period"]


def test_a_calm_sea_still_has_a_direction() -> None:
    still = Waves(1, SeaState(0.0, 5.0, 40.0), floats=True)
    assert still.sea_at(np.array([0.0]))["from_direction"] == pytest.approx([40.0])


def test_every_region_knows_its_open_water_in_eight_directions() -> None:
    assert set(table("fetches")) == set(table("regions"))
    assert all(len(row) == 8 and min(row) > 0 for row in table("fetches").values())
