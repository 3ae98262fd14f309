"""A buoy of one piece: what sonic, motion sensor, position and analyser on one mast see fits together, and the textbook correction
(Edson et al. 1998: V_true = T (V_obs + rates x R) + V_platform) brings the world's own wind back."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from firmware_config.station import Mounting, Station
from simulators.instruments import Setting, make_instrument
from simulators.instruments.feed import AirFeed
from simulators.world import Site, World, WorldConfig, physics
from simulators.world.rigid import from_body
from tests.simulators.conftest import T0_MS, gill_rows, station_dict

RATE_HZ = 20
SONIC_M, SENSOR_M = 5.2, 0.8
FIRST = T0_MS // 1000 * RATE_HZ + 60 * RATE_HZ
SEA = {"significant_height_m": 2.0, "peak_period_s": 6.5, "from_deg": 40.0}
WAVE_BAND_HZ = (0.08, 0.5)


def buoy() -> Station:
    document = station_dict(platform="buoy", surface="seawater")
    instruments = {row["id"]: row for row in document["instruments"]}
    instruments["sonic"] |= {"rate": "20 Hz", "options": {"resolution": 0.001}, "mounting": {"height_m": SONIC_M, "north_offset_deg": 30.0}}
    instruments["gnss"] |= {"mounting": {"height_m": 4.0}}
    motion = {"place": "hull", "serial_number": "6", "link": "mru", "rate": "20 Hz", "mounting": {"height_m": SENSOR_M}}
    document["instruments"].append({"id": "mru", "model": "microstrain_mip", **motion})
    document["links"].append({"id": "mru", "kind": "serial", "port": "/dev/null", "baud": 115_200})
    return Station.model_validate(document)


def world_of(station: Station, **config) -> World:
    document = {"schema": 1, "seed": 21, "waves": SEA, "turbulence": {"sensors": "ideal"}, "wind_speed_ms": 9.0, "wind_from_deg": 80.0}
    return World(WorldConfig.model_validate(document | config), Site.of(station))


@pytest.fixture(scope="module")
def station() -> Station:
    return buoy()


@pytest.fixture(scope="module")
def world(station: Station) -> World:
    return world_of(station)


def make(station: Station, world: World, key: str):
    return make_instrument(Setting(station.instrument(key), station, world, AirFeed(world), world.config.of(key)))


def body_axes(u: np.ndarray, v: np.ndarray, w: np.ndarray, axes: str, offset_deg: float) -> np.ndarray:
    """Forward, starboard, down of the hull from an instrument's own axes (north mark or array ``offset_deg`` clockwise of the bow)."""
    sign, angle = (1.0 if axes == "gill" else -1.0), np.radians(offset_deg)
    mark, left = sign * u, sign * v
    return np.array([mark * np.cos(angle) + left * np.sin(angle), mark * np.sin(angle) - left * np.cos(angle), -w])


def corrected(wind_body, attitude, rates, velocity, arm_m: float) -> np.ndarray:
    """East, north, up from the wind in body axes; ``velocity`` (east, north, up) of the point ``arm_m`` below the sonic."""
    turning = np.cross(rates, [0.0, 0.0, -arm_m], axisa=0).T
    north, east, down = from_body(attitude, wind_body + turning)
    return np.array([east, north, -down]) + velocity


class TestOnePiece:
    @pytest.mark.parametrize(("axes", "offset"), [("gill", 0.0), ("gill", 135.0), ("campbell", 30.0)])
    def test_with_the_motion_known_the_correction_gives_the_worlds_wind(self, station, world, axes, offset):
        count = 4000
        seen = AirFeed(world).wind(FIRST, count, RATE_HZ, axes, Mounting(height_m=SONIC_M, north_offset_deg=offset))
        motion = world.waves.motion((FIRST + np.arange(count)) / RATE_HZ).above(SENSOR_M)
        wind = body_axes(seen.u, seen.v, seen.w, axes, offset)
        found = corrected(wind, motion.attitude, motion.rates, motion.velocity, SONIC_M - SENSOR_M)
        air = world.air(FIRST, count)
        assert np.abs(found - [air.east, air.north, air.up]).max() < 1e-9
        assert np.std(seen.w - air.up) > 0.3, "there is something to correct"

    def test_without_a_motion_sensor_the_arm_begins_at_the_waterline(self, world):
        count = 500
        seen = AirFeed(world).wind(FIRST, count, RATE_HZ, "gill", Mounting(height_m=SONIC_M))
        motion = world.waves.motion((FIRST + np.arange(count)) / RATE_HZ)
        found = corrected(body_axes(seen.u, seen.v, seen.w, "gill", 0.0), motion.attitude, motion.rates, motion.velocity, SONIC_M)
        assert np.abs(found[2] - world.air(FIRST, count).up).max() < 1e-9

    def test_a_point_up_the_mast_moves_as_its_positions_do(self, world):
        step = 2.0**-9
        times = FIRST / RATE_HZ + np.array([0.0, 11.25, 700.5])
        before, here, after = (world.waves.motion(times + k * step).above(SONIC_M) for k in (-1, 0, 1))
        assert (after.position - before.position) / (2 * step) == pytest.approx(here.velocity, abs=5e-5)
        assert (after.velocity - before.velocity) / (2 * step) == pytest.approx(here.acceleration, abs=5e-5)
        east, north, up = here.acceleration
        down_again = from_body(here.attitude, here.specific_force)
        assert down_again == pytest.approx(np.array([north, east, -up - physics.GRAVITY_MS2]), abs=1e-12)

    def test_the_position_receiver_is_where_its_place_on_the_mast_is(self, station, world):
        quiet = world_of(station, instruments={"gnss": {"noise": False}})
        gnss = make(station, quiet, "gnss")
        first = T0_MS // 1000
        values = gnss.values(first, 200)
        motion = world.waves.motion(first + np.arange(200.0)).above(4.0)
        assert values["height"] == pytest.approx(motion.position[2], abs=1e-9)
        assert values["knots"] * 1852 / 3600 == pytest.approx(np.hypot(*motion.velocity[:2]), abs=1e-9)
        assert (values["latitude"] - station.position.latitude_deg) * 111_195.0 == pytest.approx(motion.position[1], abs=1e-6)

    def test_an_analyser_lifted_by_a_wave_meets_less_pressure(self, station, world):
        """dp = -rho g dz: about 12 Pa for a metre, and the density of the air with it."""
        at = Mounting(height_m=5.1)
        gas, air = AirFeed(world).gas(FIRST, 2000, RATE_HZ, 0.0, at), world.air(FIRST, 2000)
        lift = world.waves.motion((FIRST + np.arange(2000)) / RATE_HZ).above(5.1).position[2] - 5.1
        slope = np.polyfit(lift, gas.pressure * 1e3 - air.pressure * 1e2, 1)[0]
        assert slope == pytest.approx(-1.2 * physics.GRAVITY_MS2, rel=0.06)
        kelvin = gas.temperature + physics.KELVIN
        total = gas.pressure * 1e6 / (8.314462618 * kelvin)  # mmol m-3
        assert gas.h2o / (total - gas.h2o) == pytest.approx(air.h2o * 1e-3, rel=1e-6)

    def test_rides_false_stands_still_as_if_on_a_pole(self, station):
        still = world_of(station, waves={"rides": False})
        seen = AirFeed(still).wind(FIRST, 100, RATE_HZ, "gill", Mounting(height_m=SONIC_M))
        air = still.air(FIRST, 100)
        assert np.array_equal(seen.w, air.up)
        assert np.array_equal(seen.u, air.north)
        assert not make(station, still, "mru").setting.world.waves.motion(np.array([FIRST / RATE_HZ])).attitude.any()


EDGE = 60 * RATE_HZ
"""samples at either end where filters swing in"""


def _fast(frequency_hz: np.ndarray) -> np.ndarray:
    """Gain of the fast half of the complementary filter."""
    return 1.0 / (1.0 + (1.0 / 20.0 / np.maximum(frequency_hz, 1e-9)) ** 4)


def fast_integral(rate: np.ndarray) -> np.ndarray:
    """The integral of a signal without what is slow."""
    f = np.fft.rfftfreq(len(rate), 1.0 / RATE_HZ)
    spectrum = np.fft.rfft(rate - rate.mean()) * _fast(f)
    return np.fft.irfft(np.divide(spectrum, 2j * np.pi * f, out=np.zeros_like(spectrum), where=f > 0), len(rate))


def slow_part(value: np.ndarray) -> np.ndarray:
    """What the integral leaves out."""
    f = np.fft.rfftfreq(len(value), 1.0 / RATE_HZ)
    return np.fft.irfft(np.fft.rfft(value) * (1.0 - _fast(f)), len(value))


def euler_rates(attitude: np.ndarray, rates: np.ndarray) -> np.ndarray:
    """Rates of roll and pitch from turning about the body's axes."""
    (roll, pitch, _), (p, q, r) = attitude, rates
    return np.array([p + np.tan(pitch) * (q * np.sin(roll) + r * np.cos(roll)), q * np.cos(roll) - r * np.sin(roll)])


def in_band(a: np.ndarray, b: np.ndarray) -> float:
    """Covariance of two signals within the wave band, without the ends."""
    a, b = a[EDGE:-EDGE], b[EDGE:-EDGE]
    f = np.fft.rfftfreq(len(a), 1.0 / RATE_HZ)
    cross = (np.fft.rfft(a - a.mean()) * np.fft.rfft(b - b.mean()).conj()).real * 2.0 / len(a) ** 2
    return float(cross[(f >= WAVE_BAND_HZ[0]) & (f <= WAVE_BAND_HZ[1])].sum())


class TestAsInstrumentsTellIt:
    """The same from what stands in the records: a sonic of 1 mm/s, a motion sensor of floats with its noise, nothing known beside them."""

    COUNT = 1000 * RATE_HZ

    def told(self, station: Station, world: World) -> tuple[np.ndarray, np.ndarray]:
        """Wind in body axes from the sonic's lines; specific force (m s-2), rates and yaw from the motion sensor's packets (7, n)."""
        sonic, mru = make(station, world, "sonic"), make(station, world, "mru")
        rows = gill_rows(b"".join(sonic.encode(sonic.values(FIRST, self.COUNT), FIRST)))
        packets = mru.encode(mru.values(FIRST, self.COUNT), FIRST)
        numbers = np.array(
            [struct.unpack(">3f", p[6:18]) + struct.unpack(">3f", p[20:32]) + struct.unpack(">f", p[42:46]) for p in packets]
        )
        assert len(rows) == len(numbers) == self.COUNT
        return body_axes(*rows[:, :3].T, "gill", 30.0), np.concatenate([numbers[:, :3] * physics.GRAVITY_MS2, numbers[:, 3:]], axis=1).T

    def test_vertical_wind_and_stress_of_the_wave_band_come_back_within_two_per_cent(self, station, world):
        """Tilt by a complementary filter (gravity below 1/20 Hz, turning above), velocity by integrating the accelerations above it."""
        wind, motion = self.told(station, world)
        force, rates, yaw = motion[:3], motion[3:6], motion[6]
        tilt = np.array([np.arctan2(-force[1], -force[2]), np.arctan2(force[0], np.hypot(force[1], force[2]))])
        angles = np.array([slow_part(tilt[i]) + fast_integral(rates[i]) for i in (0, 1)])
        for _ in range(3):  # rates of the body are not yet those of the angles
            turning = euler_rates(np.array([*angles, yaw]), rates)
            angles = np.array([slow_part(tilt[i]) + fast_integral(turning[i]) for i in (0, 1)])
        attitude = np.array([*angles, yaw])
        north, east, down = from_body(attitude, force) + np.array([[0.0], [0.0], [physics.GRAVITY_MS2]])
        velocity = np.array([fast_integral(axis) for axis in (east, north, -down)])
        air = world.air(FIRST, self.COUNT)
        true = np.array([air.east, air.north, air.up])
        found = corrected(wind, attitude, rates, velocity, SONIC_M - SENSOR_M)
        raw_north, raw_east, raw_down = from_body(attitude, wind)
        along = true[:2].mean(axis=1) / np.hypot(*true[:2].mean(axis=1))
        (ww, uw), (ww_found, uw_found), (ww_raw, uw_raw) = (
            (in_band(up, up), in_band(along[0] * e + along[1] * n, up)) for e, n, up in (true, found, (raw_east, raw_north, -raw_down))
        )
        assert ww_raw > 2.0 * ww, "uncorrected it is the buoy that is measured"
        assert abs(uw_raw / uw - 1.0) > 0.2
        assert ww_found == pytest.approx(ww, rel=0.02)
        assert uw_found == pytest.approx(uw, rel=0.02)
