"""Waves at one place and the buoy they move: six degrees of freedom, every derivative exact, a function of time alone.

The sea is a sum of long-crested linear waves in deep water (omega^2 = g k) with the spectrum of JONSWAP (Hasselmann et al. 1973, gamma
3.3) scaled to the significant height. Each hour has a set of waves of its own, drawn for its sea state; between two hours one set goes out
as the other comes in, with cosine and sine of one angle, which keeps the variance, and the derivatives of that blend are part of velocity
and acceleration. A prescribed sea is one set that never ends.

The buoy rides the water at its place: surge, sway and heave are the water's, damped for short waves; it tilts with the slope, damped
likewise; it swings slowly about its mooring and wanders on its watch circle, the bow into the waves on average. Position is that of the
hull at the waterline. What a platform that stands feels is nothing: it lies with the bow to the north.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from simulators.world import noise
from simulators.world.noise import Array
from simulators.world.physics import GRAVITY_MS2
from simulators.world.rigid import Motion
from simulators.world.seastate import HOUR_S, Sea, SeaState

PARTS = 64
SEA_PARTS = 48
SWELL_PARTS = PARTS - SEA_PARTS
PEAKEDNESS = 3.3
SEA_BAND = (0.5, 4.0)
SWELL_BAND = (0.6, 1.8)
"""frequencies drawn, in peak frequencies"""
SEA_SPREAD_DEG, SWELL_SPREAD_DEG = 25.0, 10.0
REFERENCE_S = 1_767_225_600.0
"""2026-01-01: angles are counted from here, so that they keep their digits"""
FOLLOWS_TO_HZ = 0.45
"""the buoy follows waves slower than this; shorter ones even out along its hull"""
SWING = ((97.0, 6.0), (233.0, 14.0))
"""periods (s) and half ranges (degrees) of the swing about the mooring"""
WATCH_CIRCLE = (((541.0, 17.0), (211.0, 4.0)), ((419.0, 15.0), (173.0, 4.0)))
"""periods (s) and half ranges (m) of the wandering to east and north"""
SAME_PEAK_HZ = np.geomspace(0.04, 1.0, 200)
HOURS_KEPT = 4
MOTIONS_KEPT = 4
AT_ONCE = 240
"""instants in one matrix product: larger ones go to threads that cost more than they save"""
STEADY = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])[..., None]
"""the weights of a set that does not end"""


def jonswap(frequency_hz: Array, peak_hz: float, gamma: float = PEAKEDNESS) -> Array:
    """Shape of the JONSWAP spectrum, not normalised (m2 Hz-1 times a constant); zero frequency is not allowed."""
    width = np.where(frequency_hz <= peak_hz, 0.07, 0.09)
    peak = gamma ** np.exp(-((frequency_hz - peak_hz) ** 2) / (2.0 * width**2 * peak_hz**2))
    return np.asarray(frequency_hz**-5.0 * np.exp(-1.25 * (peak_hz / frequency_hz) ** 4) * peak)


@dataclass(frozen=True)
class Train:
    """Waves of one system: frequency (Hz), amplitude (m), phase (rad), and the unit vector of where each goes."""

    frequency_hz: Array
    amplitude_m: Array
    phase: Array
    east: Array
    north: Array

    @classmethod
    def drawn(cls, source: int, sea: SeaState, parts: int, band: tuple[float, float], spread_deg: float) -> Train:
        """``parts`` waves of a system, no two with a common period: the sea does not repeat."""
        index = np.arange(parts, dtype=np.int64)
        peak = 1.0 / sea.peak_period_s
        edges = np.linspace(band[0] * peak, band[1] * peak, parts + 1)
        middle = edges[:-1] + np.diff(edges) * noise.uniform(source, index)
        energy = jonswap(middle, peak) * np.diff(edges)
        amplitude = sea.significant_height_m / 4.0 * np.sqrt(2.0 * energy / energy.sum())
        toward = np.radians(sea.from_deg + 180.0 + spread_deg * noise.normal(source + 2, index))
        return cls(middle, amplitude, 2.0 * np.pi * noise.uniform(source + 1, index), np.sin(toward), np.cos(toward))

    def __add__(self, other: Train) -> Train:
        return Train(*(np.concatenate([getattr(one, name) for one in (self, other)]) for name in Train.__dataclass_fields__))


class WaveSet:
    """One set of waves with what the buoy makes of them. Angles are counted from ``origin_s``."""

    def __init__(self, train: Train, heading_deg: float, origin_s: float) -> None:
        """``heading_deg``: where the bow points on average, for roll and pitch."""
        self.train = train
        self._origin_s = origin_s
        self._omega = 2.0 * np.pi * train.frequency_hz
        self._k = self._omega**2 / GRAVITY_MS2
        bow_east, bow_north = np.sin(np.radians(heading_deg)), np.cos(np.radians(heading_deg))
        bow = train.east * bow_east + train.north * bow_north
        starboard = train.east * bow_north - train.north * bow_east
        follow = train.amplitude_m / (1.0 + (train.frequency_hz / FOLLOWS_TO_HZ) ** 4)
        tilt = self._k * follow
        self._sine = np.array([-follow * train.east, -follow * train.north, 0.0 * follow, tilt * starboard, -tilt * bow])
        self._cosine = np.zeros_like(self._sine)
        self._cosine[2] = follow
        o = self._omega
        self._of_cosine = np.concatenate([self._cosine, -o * self._sine, -(o * o) * self._cosine])
        self._of_sine = np.concatenate([self._sine, o * self._cosine, -(o * o) * self._sine])

    def _angle(self, t_s: Array) -> Array:
        """k x - omega t + phase of each wave at the place, shape (waves, n)."""
        return self.train.phase[:, None] - self._omega[:, None] * (t_s - self._origin_s)

    def head_m(self, t_s: Array, depth_m: float) -> Array:
        """The surface above its mean, or what is left of it in the pressure at a depth (m of water; decay exp(-k z))."""
        return np.asarray((self.train.amplitude_m * np.exp(-self._k * depth_m)) @ np.cos(self._angle(t_s)))

    def ride(self, t_s: Array) -> Array:
        """East, north, up (m), roll and pitch (rad), each with its two derivatives: shape (3, 5, n)."""
        angle = self._angle(t_s)
        out: Array = self._of_cosine @ np.cos(angle) + self._of_sine @ np.sin(angle)
        return out.reshape(3, 5, len(t_s))

    def variances(self) -> dict[str, Array | float]:
        """Spectral moments 0 to 2 (m2 Hz^n) and the variances of heave (m2), roll and pitch (rad2)."""
        wave = 0.5 * self.train.amplitude_m**2
        half = 0.5 * (self._sine**2 + self._cosine**2).sum(axis=1)
        moments = np.array([np.sum(wave * self.train.frequency_hz**n) for n in (0, 1, 2)])
        return {"moments": moments, "heave": float(half[2]), "roll": float(half[3]), "pitch": float(half[4])}


@dataclass(frozen=True)
class Hour:
    """The set of one whole hour, the sea it was drawn for, and where the bow points."""

    sea: Sea
    waves: WaveSet
    heading_deg: float


class Waves:
    """The sea and what rides on it. ``sea``: one state for ever, or the sea at a whole hour since 1970."""

    def __init__(self, seed: int, sea: SeaState | Callable[[int], Sea], *, floats: bool) -> None:
        """``floats``: a platform that stands feels nothing of the sea; its gauges do."""
        self.floats = floats
        self._seed = seed
        self._sea = sea
        self._hours: OrderedDict[int, Hour] = OrderedDict()
        self._motions: OrderedDict[bytes, Motion] = OrderedDict()
        source = noise.key(seed, "waves")
        slow = len(SWING) + sum(len(row) for row in WATCH_CIRCLE)
        self._slow_phase = 2.0 * np.pi * noise.uniform(source + 3, np.arange(slow, dtype=np.int64))

    def elevation_m(self, t_s: Array) -> Array:
        """The water's surface above its mean."""
        return self.pressure_head_m(t_s, 0.0)

    def pressure_head_m(self, t_s: Array, depth_m: float) -> Array:
        """What the waves add to the pressure ``depth_m`` under the mean surface, as metres of water (deep-water decay exp(-k z))."""
        t_s = np.atleast_1d(np.asarray(t_s, dtype=np.float64))
        out = np.empty(len(t_s))
        for part, here, later, weights in self._pieces(t_s):
            out[part] = weights[0, 0] * here.waves.head_m(t_s[part], depth_m)
            if later is not here:
                out[part] += weights[1, 0] * later.waves.head_m(t_s[part], depth_m)
        return out

    def motion(self, t_s: Array) -> Motion:
        """Where the hull is at the waterline, how it moves and lies. See `rigid.Motion.above` for other points of it."""
        t_s = np.atleast_1d(np.asarray(t_s, dtype=np.float64))
        asked = t_s.tobytes()
        if asked not in self._motions:  # the instruments of one mast ask for the same instants
            self._motions[asked] = self._moved(t_s)
            while len(self._motions) > MOTIONS_KEPT:
                self._motions.popitem(last=False)
        return self._motions[asked]

    def _moved(self, t_s: Array) -> Motion:
        ride, yaw = np.zeros((3, 5, len(t_s))), np.zeros((3, len(t_s)))
        if self.floats:
            for part, here, later, weights in self._pieces(t_s):
                ride[..., part] = _blended(here, later, weights, t_s[part])
                yaw[:, part] = _turned(here, later, weights)
            self._moor(t_s, ride, yaw)
        place, tilt = ride[:, :3], ride[:, 3:]
        angles = np.concatenate([tilt, yaw[:, None]], axis=1)
        return Motion.of((place[0], place[1], place[2]), (angles[0], angles[1], angles[2]))

    def bow_deg(self, t_s: float) -> float:
        """Where the bow points on average at an instant, degrees from north: without the swing about the mooring."""
        _, here, later, weights = next(self._pieces(np.array([float(t_s)])))
        return float(np.degrees(_turned(here, later, weights)[0, 0]))

    def _moor(self, t_s: Array, ride: Array, yaw: Array) -> None:
        """Add the slow swing about the mooring and the wandering on its circle, with their derivatives."""
        phases = iter(self._slow_phase.tolist())
        for period_s, degrees in SWING:
            yaw += np.radians(degrees) * _oscillation(t_s, period_s, next(phases))
        for axis, movements in enumerate(WATCH_CIRCLE):
            for period_s, metres in movements:
                ride[:, axis] += metres * _oscillation(t_s, period_s, next(phases))

    def _pieces(self, t_s: Array) -> Iterator[tuple[slice, Hour, Hour, Array]]:
        """Runs of instants within an hour: which they are, the hour's waves and the next one's, their weights (see `_weights`)."""
        steady = isinstance(self._sea, SeaState)
        hours = np.zeros(len(t_s)) if steady else np.floor(t_s / HOUR_S)
        borders = [*(np.flatnonzero(np.diff(hours)) + 1).tolist(), len(t_s)]
        begin = 0
        for border in borders:
            while begin < border:
                part = slice(begin, min(border, begin + AT_ONCE))
                begin = part.stop
                hour = int(hours[part.start])
                here = self._hour(hour)
                yield (part, here, here, STEADY) if steady else (part, here, self._hour(hour + 1), _weights(t_s[part] - hour * HOUR_S))

    def _hour(self, hour: int) -> Hour:
        if hour not in self._hours:
            self._hours[hour] = self._drawn(hour)
            while len(self._hours) > HOURS_KEPT:
                self._hours.popitem(last=False)
        return self._hours[hour]

    def _drawn(self, hour: int) -> Hour:
        if isinstance(self._sea, SeaState):
            steady = self._sea
            train = Train.drawn(noise.key(self._seed, "waves"), steady, PARTS, SEA_BAND, SEA_SPREAD_DEG)
            calm = SeaState(0.0, steady.peak_period_s, steady.from_deg)
            return Hour(Sea(steady, calm), WaveSet(train, steady.from_deg, REFERENCE_S), steady.from_deg)
        sea = self._sea(hour)
        source = noise.key(self._seed, f"waves/{hour}")
        train = Train.drawn(source, sea.wind_sea, SEA_PARTS, SEA_BAND, SEA_SPREAD_DEG)
        if sea.swell.significant_height_m > 0.0:
            train += Train.drawn(source + 10, sea.swell, SWELL_PARTS, SWELL_BAND, SWELL_SPREAD_DEG)
        heading = mean_direction(sea)
        return Hour(sea, WaveSet(train, heading, hour * HOUR_S), heading)

    def sea_at(self, t_s: Array) -> dict[str, Array]:
        """The true sea state at n instants: ``significant_height`` (m), ``peak_period`` (s; of the blended spectrum), ``from_direction``
        (degrees, mean by energy)."""
        t_s = np.atleast_1d(np.asarray(t_s, dtype=np.float64))
        out = {name: np.empty(len(t_s)) for name in ("significant_height", "peak_period", "from_direction")}
        for part, here, later, weights in self._pieces(t_s):
            shares = weights[:2, 0] ** 2
            seas = (here.sea, later.sea)
            spectra = np.array([_spectrum(sea) for sea in seas])
            directions = np.array([_energy_vector(sea) for sea in seas])
            out["significant_height"][part] = 4.0 * np.sqrt(shares.T @ np.array([sea.significant_height_m**2 / 16.0 for sea in seas]))
            out["peak_period"][part] = 1.0 / SAME_PEAK_HZ[np.argmax(shares.T @ spectra, axis=1)]
            out["from_direction"][part] = np.degrees(np.angle(shares.T @ directions)) % 360.0
        if isinstance(self._sea, SeaState):
            out["peak_period"][:] = self._sea.peak_period_s
        return out

    def truth(self, t_s: float) -> dict[str, float]:
        """What a perfect analysis of a long record of the sea at an instant finds: heights (m) and periods (s) of the sea, standard
        deviations of the buoy (m, degrees)."""
        _, here, later, weights = next(self._pieces(np.array([float(t_s)])))
        shares = weights[:2, 0, 0] ** 2
        both = [hour.waves.variances() for hour in (here, later)]
        moments = np.asarray(shares[0] * both[0]["moments"] + shares[1] * both[1]["moments"])
        deviation = {name: float(np.sqrt(shares[0] * both[0][name] + shares[1] * both[1][name])) for name in ("heave", "roll", "pitch")}
        return {
            "significant_height": float(4.0 * np.sqrt(moments[0])),
            "peak_period": float(self.sea_at(np.array([t_s]))["peak_period"][0]),
            "mean_period": float(moments[0] / moments[1]),
            "zero_crossing_period": float(np.sqrt(moments[0] / moments[2])),
            "heave_deviation": deviation["heave"],
            "roll_deviation": float(np.degrees(deviation["roll"])),
            "pitch_deviation": float(np.degrees(deviation["pitch"])),
        }


def mean_direction(sea: Sea) -> float:
    """Where the waves come from, wind sea and swell weighed by their energy."""
    return float(np.degrees(np.angle(_energy_vector(sea)))) % 360.0


def _energy_vector(sea: Sea) -> complex:
    trains = [(one.significant_height_m**2, one.from_deg) for one in (sea.wind_sea, sea.swell)]
    total = sum(energy * np.exp(1j * np.radians(from_deg)) for energy, from_deg in trains)
    return complex(total) if total else complex(1e-12 * np.exp(1j * np.radians(sea.wind_sea.from_deg)))


def _spectrum(sea: Sea) -> Array:
    """Spectral density on `SAME_PEAK_HZ` times a constant, wind sea and swell."""
    total = np.full(len(SAME_PEAK_HZ), 0.0)
    for one in (sea.wind_sea, sea.swell):
        shape = jonswap(SAME_PEAK_HZ, 1.0 / one.peak_period_s)
        total += max(one.significant_height_m, 1e-6 if one is sea.wind_sea else 0.0) ** 2 * shape / np.trapezoid(shape, SAME_PEAK_HZ)
    return total


def _weights(into_s: Array) -> Array:
    """Weight of an hour's waves and of the next hour's, and how far the way is gone, each with two derivatives: shape (3, 3, n)."""
    u = into_s / HOUR_S
    way = u**3 * (10.0 - 15.0 * u + 6.0 * u * u)
    way_1 = 30.0 * u**2 * (1.0 - u) ** 2 / HOUR_S
    way_2 = 60.0 * u * (1.0 - u) * (1.0 - 2.0 * u) / HOUR_S**2
    turn, turn_1, turn_2 = (0.5 * np.pi * part for part in (way, way_1, way_2))
    c, s = np.cos(turn), np.sin(turn)
    down = [c, -s * turn_1, -c * turn_1**2 - s * turn_2]
    up = [s, c * turn_1, -s * turn_1**2 + c * turn_2]
    return np.array([down, up, [way, way_1, way_2]])


def _blended(here: Hour, later: Hour, weights: Array, t_s: Array) -> Array:
    """The ride of one hour going out and the next coming in, by the product rule."""
    if later is here:
        return here.waves.ride(t_s)
    total = np.zeros((3, 5, len(t_s)))
    for hour, (w, w_1, w_2) in zip((here, later), weights[:2], strict=True):
        value, first, second = hour.waves.ride(t_s)
        total += np.array([w * value, w * first + w_1 * value, w * second + 2.0 * w_1 * first + w_2 * value])
    return total


def _turned(here: Hour, later: Hour, weights: Array) -> Array:
    """The mean heading with its derivatives (rad), the short way round from one hour's to the next's: shape (3, n)."""
    turn = np.radians((later.heading_deg - here.heading_deg + 180.0) % 360.0 - 180.0)
    way = turn * weights[2]
    way[0] += np.radians(here.heading_deg)
    return np.asarray(way)


def _oscillation(t_s: Array, period_s: float, phase: float) -> Array:
    """A sine of half range 1 and its derivatives, shape (3, n)."""
    omega = 2.0 * np.pi / period_s
    angle = omega * (t_s - REFERENCE_S) + phase
    sine = np.sin(angle)
    return np.array([sine, omega * np.cos(angle), -(omega**2) * sine])
