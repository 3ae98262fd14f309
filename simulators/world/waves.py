"""Waves at one place and the buoy they move: six degrees of freedom, every derivative exact, a function of time alone.

The sea is a sum of long-crested linear waves in deep water (omega^2 = g k) with the spectrum of JONSWAP (Hasselmann et al. 1973,
gamma 3.3) scaled to the significant height. The sea state is of the world, not of the hour. The buoy rides the water at its place:
surge, sway and heave are the water's, damped for short waves; it tilts with the slope, damped likewise; it swings slowly about its mooring.
Axes: position east, north, up; attitude as aerospace has it (yaw from north clockwise, pitch nose up, roll starboard down; z-y-x);
body axes forward, starboard, down. Specific force is what accelerometers feel: at rest (0, 0, -g).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulators.world import noise
from simulators.world.noise import Array
from simulators.world.physics import GRAVITY_MS2

PARTS = 64
PEAKEDNESS = 3.3
REFERENCE_S = 1_767_225_600.0
"""2026-01-01: angles are counted from here, so that they keep their digits"""
FOLLOWS_TO_HZ = 0.45
"""the buoy follows waves slower than this"""
TILT_PERIOD_S = 3.0
SWING = ((97.0, 6.0), (233.0, 14.0))
"""periods (s) and half ranges (degrees) of the swing about the mooring"""


@dataclass(frozen=True)
class SeaState:
    """Significant height, peak period, and where the waves come from."""

    significant_height_m: float
    peak_period_s: float
    from_deg: float


@dataclass(frozen=True)
class Motion:
    """The buoy at n instants. Rows of ``position``, ``velocity``, ``acceleration``: east, north, up (m, m s-1, m s-2); of ``attitude``
    and ``attitude_rate``: roll, pitch, yaw (rad, rad s-1); of ``rates`` (rad s-1) and ``specific_force`` (m s-2): body axes."""

    position: Array
    velocity: Array
    acceleration: Array
    attitude: Array
    attitude_rate: Array
    rates: Array
    specific_force: Array


def jonswap(frequency_hz: Array, peak_hz: float, gamma: float = PEAKEDNESS) -> Array:
    """Shape of the JONSWAP spectrum, not normalised (m2 Hz-1 times a constant); zero frequency is not allowed."""
    width = np.where(frequency_hz <= peak_hz, 0.07, 0.09)
    peak = gamma ** np.exp(-((frequency_hz - peak_hz) ** 2) / (2.0 * width**2 * peak_hz**2))
    return np.asarray(frequency_hz**-5.0 * np.exp(-1.25 * (peak_hz / frequency_hz) ** 4) * peak)


def fetch_limited(wind_ms: float, fetch_m: float) -> tuple[float, float]:
    """(significant height m, peak period s) of a sea that grew over a fetch (Hasselmann et al. 1973: Hs = 0.0016 sqrt(gF/U2) U2/g,
    fp = 3.5 g/U (gF/U2)^-0.33)."""
    scaled = GRAVITY_MS2 * fetch_m / wind_ms**2
    return 0.0016 * scaled**0.5 * wind_ms**2 / GRAVITY_MS2, wind_ms / (3.5 * GRAVITY_MS2) * scaled**0.33


class Waves:
    """The sea and what rides on it."""

    def __init__(self, seed: int, sea: SeaState, *, floats: bool) -> None:
        """``floats``: a station that stands feels nothing of the sea; its gauges do."""
        self.sea = sea
        self._floats = floats
        source = noise.key(seed, "waves")
        index = np.arange(PARTS, dtype=np.int64)
        peak = 1.0 / sea.peak_period_s
        edges = np.linspace(0.5 * peak, 4.0 * peak, PARTS + 1)
        middle = edges[:-1] + np.diff(edges) * noise.uniform(source, index)  # no common period: the sea does not repeat
        energy = jonswap(middle, peak) * np.diff(edges)
        self.frequency_hz = middle
        self.amplitude_m = sea.significant_height_m / 4.0 * np.sqrt(2.0 * energy / energy.sum())
        self._omega = 2.0 * np.pi * middle
        self._k = self._omega**2 / GRAVITY_MS2
        self._phase = 2.0 * np.pi * noise.uniform(source + 1, index)
        toward = np.radians(sea.from_deg + 180.0 + 25.0 * noise.normal(source + 2, index))
        self._east, self._north = np.sin(toward), np.cos(toward)
        self._swing_phase = 2.0 * np.pi * noise.uniform(source + 3, np.arange(len(SWING), dtype=np.int64))
        self._heading = np.radians(sea.from_deg)
        """the bow points into the waves on average"""

    def _angle(self, t_s: Array) -> Array:
        """k x - omega t + phase of each part at the place, shape (PARTS, n)."""
        return self._phase[:, None] - self._omega[:, None] * (np.atleast_1d(t_s) - REFERENCE_S)

    def elevation_m(self, t_s: Array) -> Array:
        """The water's surface above its mean."""
        return np.asarray(self.amplitude_m @ np.cos(self._angle(t_s)))

    def pressure_head_m(self, t_s: Array, depth_m: float) -> Array:
        """What the waves add to the pressure ``depth_m`` under the mean surface, as metres of water (deep-water decay exp(-k z))."""
        return np.asarray((self.amplitude_m * np.exp(-self._k * depth_m)) @ np.cos(self._angle(t_s)))

    def _derivatives(self, cosine: Array, sine: Array, t_s: Array) -> tuple[Array, Array, Array]:
        """Value, first and second derivative of sum(cosine cos(angle) + sine sin(angle)) with d angle/dt = -omega."""
        angle = self._angle(t_s)
        c, s, o = np.cos(angle), np.sin(angle), self._omega
        return cosine @ c + sine @ s, (o * cosine) @ s - (o * sine) @ c, -(o * o * cosine) @ c - (o * o * sine) @ s

    def motion(self, t_s: Array) -> Motion:
        """Where the buoy is, how it moves and lies, and what its motion sensor feels."""
        t_s = np.atleast_1d(np.asarray(t_s, dtype=np.float64))
        on = 1.0 if self._floats else 0.0
        follow = on * self.amplitude_m / (1.0 + (self.frequency_hz / FOLLOWS_TO_HZ) ** 4)
        tilt = on * self.amplitude_m * self._k / (1.0 + (self.frequency_hz * TILT_PERIOD_S / 2.0) ** 4)
        none = np.zeros(PARTS)
        along_east, along_north = -follow * self._east, -follow * self._north
        place = [self._derivatives(none, along_east, t_s), self._derivatives(none, along_north, t_s), self._derivatives(follow, none, t_s)]
        bow_east, bow_north = np.sin(self._heading), np.cos(self._heading)
        to_bow = -tilt * (self._east * bow_east + self._north * bow_north)
        to_starboard = -tilt * (self._east * bow_north - self._north * bow_east)
        roll, pitch = self._derivatives(none, -to_starboard, t_s), self._derivatives(none, to_bow, t_s)
        attitude = np.array([roll[0], pitch[0], np.zeros(len(t_s))])
        rate = np.array([roll[1], pitch[1], np.zeros(len(t_s))])
        attitude[2], rate[2] = self._yaw(t_s, on)
        position, velocity, acceleration = (np.array([row[i] for row in place]) for i in range(3))
        force = to_body(attitude, np.array([acceleration[1], acceleration[0], -acceleration[2] - GRAVITY_MS2]))
        return Motion(position, velocity, acceleration, attitude, rate, body_rates(attitude, rate), force)

    def _yaw(self, t_s: Array, on: float) -> tuple[Array, Array]:
        yaw, rate = np.full(len(t_s), self._heading), np.zeros(len(t_s))
        for (period_s, degrees), phase in zip(SWING, self._swing_phase.tolist(), strict=True):
            omega = 2.0 * np.pi / period_s
            angle = omega * (t_s - REFERENCE_S) + phase
            yaw += on * np.radians(degrees) * np.sin(angle)
            rate += on * np.radians(degrees) * omega * np.cos(angle)
        return yaw, rate

    def truth(self) -> dict[str, float]:
        """What a perfect analysis of a long record finds: heights and periods of the sea, standard deviations of the buoy (m, degrees)."""
        variance = 0.5 * self.amplitude_m**2
        follow = 1.0 / (1.0 + (self.frequency_hz / FOLLOWS_TO_HZ) ** 4)
        tilt = self._k / (1.0 + (self.frequency_hz * TILT_PERIOD_S / 2.0) ** 4)
        bow = self._east * np.sin(self._heading) + self._north * np.cos(self._heading)
        side = self._east * np.cos(self._heading) - self._north * np.sin(self._heading)
        moments = [float(np.sum(variance * self.frequency_hz**n)) for n in (0, 1, 2)]
        return {
            "significant_height": 4.0 * moments[0] ** 0.5,
            "peak_period": self.sea.peak_period_s,
            "mean_period": moments[0] / moments[1],
            "zero_crossing_period": (moments[0] / moments[2]) ** 0.5,
            "heave_deviation": float(np.sum(variance * follow**2)) ** 0.5,
            "roll_deviation": float(np.degrees(np.sum(variance * (tilt * side) ** 2) ** 0.5)),
            "pitch_deviation": float(np.degrees(np.sum(variance * (tilt * bow) ** 2) ** 0.5)),
        }


def to_body(attitude: Array, north_east_down: Array) -> Array:
    """A vector of north, east, down in body axes (z-y-x rotation by yaw, pitch, roll); shapes (3, n)."""
    (sr, sp, sy), (cr, cp, cy) = np.sin(attitude), np.cos(attitude)
    n, e, d = north_east_down
    return np.array([
        cp * cy * n + cp * sy * e - sp * d,
        (sr * sp * cy - cr * sy) * n + (sr * sp * sy + cr * cy) * e + sr * cp * d,
        (cr * sp * cy + sr * sy) * n + (cr * sp * sy - sr * cy) * e + cr * cp * d,
    ])  # fmt: skip


def body_rates(attitude: Array, rate: Array) -> Array:
    """Turning about the body's axes from the rates of roll, pitch and yaw."""
    (sr, sp, _), (cr, cp, _) = np.sin(attitude), np.cos(attitude)
    roll, pitch, yaw = rate
    return np.array([roll - yaw * sp, pitch * cr + yaw * sr * cp, -pitch * sr + yaw * cr * cp])
