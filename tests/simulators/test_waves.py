"""The sea and the buoy on it: the spectrum as published, motion whose parts agree with each other, and a written truth that holds."""

from __future__ import annotations

import numpy as np
import pytest

from simulators.world import noise
from simulators.world.physics import GRAVITY_MS2
from simulators.world.rigid import body_rates, to_body
from simulators.world.seastate import SeaState, fetch_limited
from simulators.world.waves import REFERENCE_S, Waves, jonswap

START_S = REFERENCE_S + 86_400.0 * 40


@pytest.fixture
def sea() -> Waves:
    return Waves(3, SeaState(1.5, 6.0, 70.0), floats=True)


class TestSpectrum:
    def test_peak_enhancement_is_3_3_at_the_peak(self):
        """Hasselmann et al. (1973): at the peak the spectrum is gamma times that of Pierson and Moskowitz, far from it the same."""
        f = np.array([0.1, 0.3])
        bare = jonswap(f, 0.1, gamma=1.0)
        assert jonswap(f, 0.1) / bare == pytest.approx([3.3, 1.0], rel=1e-6)

    def test_tail_falls_with_the_fifth_power(self):
        f = np.array([1.0, 2.0])
        high = jonswap(f, 0.05)
        assert high[0] / high[1] == pytest.approx(32.0, rel=1e-3)

    def test_fetch_laws_in_their_own_units(self):
        """g Hs / U2 = 0.0016 sqrt(g F / U2) and fp U / g = 3.5 (g F / U2)^-0.33, so at g F / U2 = 10 000: 0.16 and 3.5 / 20.9."""
        wind = 10.0
        height, period = fetch_limited(wind, 10_000.0 * wind**2 / GRAVITY_MS2)
        assert GRAVITY_MS2 * height / wind**2 == pytest.approx(0.16, rel=1e-9)
        assert wind / (period * GRAVITY_MS2) == pytest.approx(3.5 * 10_000**-0.33, rel=1e-9)

    def test_a_long_record_has_the_height_that_was_asked_for(self, sea: Waves):
        eta = sea.elevation_m(START_S + np.arange(0.0, 6 * 3600.0, 0.5))
        assert 4.0 * eta.std() == pytest.approx(1.5, rel=0.03)
        assert abs(eta.mean()) < 0.01
        assert sea.truth(START_S)["significant_height"] == pytest.approx(1.5, rel=1e-12)
        crossings = np.sum((eta[:-1] < 0) & (eta[1:] >= 0))
        assert 6 * 3600.0 / crossings == pytest.approx(sea.truth(START_S)["zero_crossing_period"], rel=0.05)


class TestMotion:
    def test_velocity_and_acceleration_are_the_derivatives_of_position(self, sea: Waves):
        step = 2.0**-11  # with its multiples exact beside seconds of this century
        times = START_S + np.array([0.0, 3.75, 1234.5])
        before, here, after = (sea.motion(times + k * step) for k in (-1, 0, 1))
        assert (after.position - before.position) / (2 * step) == pytest.approx(here.velocity, abs=1e-5)
        assert (after.velocity - before.velocity) / (2 * step) == pytest.approx(here.acceleration, abs=1e-5)
        assert (after.attitude - before.attitude) / (2 * step) == pytest.approx(here.attitude_rate, abs=1e-5)

    def test_body_rates_turn_the_axes_as_they_turn(self, sea: Waves):
        """dC/dt = -[rates x] C for C the rotation into body axes: checked column by column by differences."""
        step = 2.0**-11
        t = START_S + 55.5
        here, ahead, behind = sea.motion(np.array([t])), sea.motion(np.array([t + step])), sea.motion(np.array([t - step]))
        for axis in np.eye(3):
            vector = axis[:, None]
            turned = (to_body(ahead.attitude, vector) - to_body(behind.attitude, vector))[:, 0] / (2 * step)
            expected = -np.cross(here.rates[:, 0], to_body(here.attitude, vector)[:, 0])
            assert turned == pytest.approx(expected, abs=1e-6)

    def test_specific_force_is_acceleration_less_gravity_in_body_axes(self, sea: Waves):
        motion = sea.motion(START_S + np.arange(0.0, 600.0, 0.1))
        lengths = np.linalg.norm(motion.specific_force, axis=0)
        east, north, up = motion.acceleration
        assert lengths == pytest.approx(np.sqrt(east**2 + north**2 + (up + GRAVITY_MS2) ** 2), rel=1e-12)

    def test_at_rest_a_sensor_feels_one_g_upwards(self):
        still = Waves(3, SeaState(1.5, 6.0, 70.0), floats=False).motion(np.array([START_S, START_S + 9.0]))
        assert still.specific_force == pytest.approx(np.array([[0.0, 0.0], [0.0, 0.0], [-GRAVITY_MS2, -GRAVITY_MS2]]), abs=1e-12)
        assert not still.rates.any()
        assert not still.position.any()

    def test_nose_down_shows_gravity_backwards_along_the_nose(self):
        """Pitch -90 degrees: forward points down, so the sensor feels -g along forward."""
        attitude = np.array([[0.0], [-np.pi / 2], [0.0]])
        force = to_body(attitude, np.array([[0.0], [0.0], [-GRAVITY_MS2]]))
        assert force[:, 0] == pytest.approx([-GRAVITY_MS2, 0.0, 0.0], abs=1e-12)

    def test_starboard_down_shows_gravity_to_port(self):
        attitude = np.array([[np.pi / 2], [0.0], [0.3]])
        force = to_body(attitude, np.array([[0.0], [0.0], [-GRAVITY_MS2]]))
        assert force[:, 0] == pytest.approx([0.0, -GRAVITY_MS2, 0.0], abs=1e-12)

    def test_pure_yaw_of_a_level_body_is_its_third_rate(self):
        assert body_rates(np.zeros((3, 1)), np.array([[0.0], [0.0], [0.2]]))[:, 0] == pytest.approx([0.0, 0.0, 0.2])

    def test_written_truth_is_what_a_long_record_has(self, sea: Waves):
        motion = sea.motion(START_S + np.arange(0.0, 6 * 3600.0, 0.5))
        truth = sea.truth(START_S)
        assert motion.position[2].std() == pytest.approx(truth["heave_deviation"], rel=0.03)
        assert np.degrees(motion.attitude[0].std()) == pytest.approx(truth["roll_deviation"], rel=0.03)
        assert np.degrees(motion.attitude[1].std()) == pytest.approx(truth["pitch_deviation"], rel=0.03)

    def test_bow_into_the_waves_it_pitches_more_than_it_rolls(self, sea: Waves):
        assert sea.truth(START_S)["pitch_deviation"] > 1.5 * sea.truth(START_S)["roll_deviation"]


class TestPressure:
    def test_pressure_of_long_waves_reaches_deeper(self, sea: Waves):
        times = START_S + np.arange(0.0, 1200.0, 0.5)
        heads = [sea.pressure_head_m(times, depth).std() for depth in (0.0, 5.0, 20.0)]
        assert heads[0] == pytest.approx(sea.elevation_m(times).std(), rel=1e-12)
        assert heads[0] > heads[1] > heads[2]

    def test_one_seed_one_sea(self):
        a, b, c = (Waves(seed, SeaState(1.0, 5.0, 0.0), floats=True).elevation_m(np.array([START_S])) for seed in (1, 1, 2))
        assert a == b != c
        assert noise.key(1, "waves") != noise.key(2, "waves")
