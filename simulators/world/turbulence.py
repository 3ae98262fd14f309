"""Turbulence with prescribed true fluxes: wind and scalars at the base rate, made in the frequency domain, repeatable from the seed.

Half-hour blocks, aligned to UTC. In each block, variable by variable, complex Fourier amplitudes are drawn on the frequencies
k/1860 s; spectra S and cospectra with the vertical wind C follow Kaimal et al. (1972, Quarterly Journal of the Royal Meteorological Society
98, 563-589), the spectra as over neutral ground, the cospectra as the stability z/L wants. C is scaled so that its sum *is* the prescribed
covariance, and a scalar or u is the part that goes with w and a rest e of its own:

    s(f) = C / S_w w(f) + sqrt(S_s - C^2 / S_w) e(f)

so the truth holds exactly in expectation, whatever the rate (a slower instrument takes every n-th sample and keeps the covariance,
aliased as in life). With statistics "natural" amplitudes and phases are random, and a window's covariance scatters about the truth as
it does at sea. With "exact" amplitudes are fixed and e is a quarter period away from w, so that the covariance of each block equals the
truth but for its seams.

Neighbouring blocks overlap by 60 s and are blended with cosine and sine, which keeps every second moment; within a seam the truth is
the same blend of the two blocks' fluxes. Averaging over an aligned half-hour loses less than 1e-3 of a flux to low frequencies: there
are none below 1/1860 Hz, but mean wind and mean scalars follow the weather within the block.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulators.world import noise, physics
from simulators.world.noise import Array

BLOCK_S = 1800
SEAM_S = 60
VARIABLES = ("u", "v", "w", "t", "c", "q")
COHERENT = 0.9
"""Largest share of an amplitude that goes with w; where the two ask for more, the spectrum of the scalar or of u is raised."""
BLOCKS_KEPT = 4
_FLOORS = {"t": 0.04, "c": 0.12, "q": 0.02}
"""Least standard deviation of temperature (K), CO2 (umol mol-1) and vapour (mmol mol-1): the air is never quite still."""


@dataclass(frozen=True)
class BlockTruth:
    """What a block is made from: fluxes, means at its middle, and the covariances that follow. Units in `World.truth`."""

    friction_velocity: float
    sensible_heat_flux: float
    latent_heat_flux: float
    co2_flux: float
    height_m: float
    wind_ms: float
    dry_density: float
    temperature_c: float
    vapour: float
    wind_toward_deg: float = 0.0
    """where the mean wind blows, clockwise from the platform's north (the bow of one that floats); for `Sensor`"""

    @property
    def heat_capacity(self) -> float:
        """rho cp of the moist air, J m-3 K-1."""
        dry = self.dry_density * physics.M_DRY_AIR
        vapour = self.dry_density * self.vapour * 1e-3 * physics.M_WATER
        return dry * physics.CP_DRY + vapour * physics.CP_VAPOUR

    @property
    def covariances(self) -> dict[str, float]:
        """w with u (m2 s-2), t (K m s-1), c (umol mol-1 m s-1), q (mmol mol-1 m s-1); c and q are dry mole fractions."""
        evaporation = self.latent_heat_flux / float(physics.latent_heat_j_kg(np.array(self.temperature_c))) / physics.M_WATER
        return {
            "u": -(self.friction_velocity**2),
            "v": 0.0,
            "t": self.sensible_heat_flux / self.heat_capacity,
            "c": self.co2_flux / self.dry_density,
            "q": 1e3 * evaporation / self.dry_density,
        }

    @property
    def obukhov_length(self) -> float:
        """Obukhov length in m from buoyancy flux <w't'> + 0.61 T <w'q'> (q specific humidity)."""
        cov = self.covariances
        kelvin = self.temperature_c + physics.KELVIN
        buoyancy = cov["t"] + 0.61 * kelvin * cov["q"] * 1e-3 * physics.M_WATER / physics.M_DRY_AIR
        if abs(buoyancy) < 1e-9:
            return float(np.copysign(1e6, -buoyancy))
        return -(self.friction_velocity**3) * kelvin / (physics.KARMAN * physics.GRAVITY_MS2 * buoyancy)

    @property
    def stability(self) -> float:
        """z/L, within what the similarity functions are known for."""
        return float(np.clip(self.height_m / self.obukhov_length, -5.0, 2.0))


def spectrum(variable: str, n: Array) -> Array:
    """Shape of the power spectrum at n = f z / U (Kaimal et al. 1972, neutral), not normalised."""
    if variable == "u":
        return np.asarray(1.0 / (1.0 + 33.0 * n) ** (5 / 3))
    if variable == "v":
        return np.asarray(1.0 / (1.0 + 9.5 * n) ** (5 / 3))
    if variable == "w":
        return np.asarray(1.0 / (1.0 + 5.3 * n ** (5 / 3)))
    return np.asarray(1.0 / (1.0 + 24.0 * n) ** (5 / 3))


def cospectrum(variable: str, n: Array, stability: float) -> Array:
    """Shape of the cospectrum of w with u or a scalar at n = f z / U for ``stability`` z/L (Kaimal et al. 1972), not normalised."""
    if stability > 0.0:
        n0 = 0.10 * (1.0 + 7.9 * stability) ** 0.75 if variable == "u" else 0.23 * (1.0 + 6.4 * stability) ** 0.75
        return np.asarray(1.0 / (1.0 + 1.5 * (n / n0) ** 2.1))
    if variable == "u":
        return np.asarray(14.0 / (1.0 + 9.6 * n) ** 2.4)
    return np.where(n < 1.0, 11.0 / (1.0 + 13.3 * n) ** 1.75, 4.4 / (1.0 + 3.8 * n) ** 2.4)


def scalar_deviation(covariance: float, truth: BlockTruth) -> float:
    """Standard deviation of a scalar by similarity, in the scalar's unit: 2 |<w's'>| / u* when neutral (Kaimal & Finnigan 1994)."""
    zeta = truth.stability
    share = (1.0 - 9.5 * zeta) ** (-1 / 3) if zeta < 0 else 1.0 / (1.0 + 0.5 * zeta)
    return 2.0 * share * abs(covariance) / truth.friction_velocity


def wind_deviations(truth: BlockTruth) -> dict[str, float]:
    """Standard deviations of u, v, w by similarity (Panofsky & Dutton 1984 forms): 2.3, 1.9 and 1.25 u* when neutral."""
    zeta = truth.stability
    grow = (1.0 - 3.0 * zeta) ** (1 / 3) if zeta < 0 else 1.0 + 0.2 * zeta
    slow = (1.0 - 1.5 * zeta) ** (1 / 3) if zeta < 0 else 1.0 + 0.1 * zeta
    u = truth.friction_velocity
    return {"u": 2.3 * u * slow, "v": 1.9 * u * slow, "w": 1.25 * u * grow}


@dataclass(frozen=True)
class Sensor:
    """What a fast instrument does to the air it measures, as functions of frequency (at the block's mean wind U, n = f path / U).

    It averages along its path: amplitudes fall by the square roots of Moore's (1986) power transfer functions, for the wind
    (2 / pi n)(1 + e/2 - 3 (1 - e) / 4 pi n) and for scalars (3 + e - 4 (1 - e) / 2 pi n) / 2 pi n, with e = exp(-2 pi n).
    It stands apart from the sonic: what is across the wind, or above, parts its scalars from the wind's by exp(-9.9 (f s / U)^1.5) of the
    amplitude (Moore 1986), the rest being other air of the same statistics; what is along the wind comes later by distance / U. Metres
    to the platform's east, north, and up. It follows with a time constant tau, by 1 / (1 + 2 pi i f tau): less and later.
    """

    path_m: float = 0.0
    response_s: float = 0.0
    east_m: float = 0.0
    north_m: float = 0.0
    up_m: float = 0.0

    def placed(self, truth: BlockTruth) -> tuple[float, float]:
        """(seconds the air arrives later than at the sonic, metres across the wind) in a block."""
        toward = np.radians(truth.wind_toward_deg)
        along = self.east_m * np.sin(toward) + self.north_m * np.cos(toward)
        aside = self.east_m * np.cos(toward) - self.north_m * np.sin(toward)
        return float(along / _speed(truth)), float(np.hypot(aside, self.up_m))


IDEAL = Sensor()
"""measures at a point, at once, where the sonic is"""


def _speed(truth: BlockTruth) -> float:
    return max(truth.wind_ms, 0.3)


SHORT_PATH = 1e-3
"""n below which the limits of the formulae stand in for their differences of nearly equal numbers"""


def wind_path(n: Array) -> Array:
    """Share of the wind's variance that is left by averaging over a path, n = f path / U (Kaimal et al. 1968; Moore 1986)."""
    x = 2.0 * np.pi * np.maximum(n, SHORT_PATH)
    e = np.exp(-x)
    return np.where(n < SHORT_PATH, 1.0, 4.0 / x * (1.0 + e / 2.0 - 3.0 * (1.0 - e) / (2.0 * x)))


def scalar_path(n: Array) -> Array:
    """Share of a scalar's variance that is left by averaging over a path (Gurvich 1962; Moore 1986)."""
    x = 2.0 * np.pi * np.maximum(n, SHORT_PATH)
    e = np.exp(-x)
    return np.where(n < SHORT_PATH, 1.0 - np.pi * n / 3.0, (3.0 + e - 4.0 * (1.0 - e) / x) / x)


def apart(frequency_hz: Array, separation_m: float, wind_ms: float) -> Array:
    """Share of a covariance that is left when the scalar is measured so far from the wind (Moore 1986)."""
    return np.asarray(np.exp(-9.9 * (frequency_hz * separation_m / wind_ms) ** 1.5))


class Turbulence:
    """Fluctuations of u (along the mean wind), v (to its left), w, temperature and dry mole fractions at k / ``rate_hz`` seconds UTC."""

    def __init__(self, seed: int, rate_hz: int, truth_of_block: Callable[[int], BlockTruth], *, exact: bool = False) -> None:
        self.rate_hz = rate_hz
        self._seed = seed
        self._truth_of_block = truth_of_block
        self._exact = exact
        self._raw: OrderedDict[tuple[int, Sensor | None], NDArray[np.float32]] = OrderedDict()
        self._drawn: OrderedDict[tuple[int, bool], NDArray[np.complex128]] = OrderedDict()
        self._shaped: tuple[BlockTruth | None, dict[str, Array], dict[str, Array]] = (None, {}, {})
        self._sensors: set[Sensor | None] = set()

    def block(self, number: int, sensor: Sensor | None = None) -> NDArray[np.float32]:
        """Fluctuations in the half-hour that begins at ``number`` x 1800 s: shape (6, 1800 rate), order of VARIABLES; as they are at a
        point, or as a sensor has them (the same air, with what it averages away and what it meets elsewhere)."""
        before, present, after = (self._raw_block(number + step, sensor) for step in (-1, 0, 1))
        half = SEAM_S * self.rate_hz // 2
        length = BLOCK_S * self.rate_hz
        out = present[:, half : half + length].copy()
        rise = 0.5 * np.pi * (np.arange(2 * half, dtype=np.float32) + 0.5) / (2 * half)
        up, down = np.sin(rise), np.cos(rise)
        out[:, :half] = out[:, :half] * up[half:] + before[:, length + half :] * down[half:]
        out[:, length - half :] = out[:, length - half :] * down[:half] + after[:, :half] * up[:half]
        return out

    def truth_at(self, t_s: float) -> list[tuple[BlockTruth, float]]:
        """Blocks in force at an instant with their weights (one outside the seams, two within)."""
        number = int(t_s // BLOCK_S)
        into = t_s - number * BLOCK_S
        half = SEAM_S / 2
        if half <= into <= BLOCK_S - half:
            return [(self._truth_of_block(number), 1.0)]
        other = number - 1 if into < half else number + 1
        past_boundary = into if into < half else into - BLOCK_S
        angle = 0.5 * np.pi * (past_boundary + half) / SEAM_S
        later, earlier = float(np.sin(angle) ** 2), float(np.cos(angle) ** 2)
        weights = (later, earlier) if into < half else (earlier, later)
        return [(self._truth_of_block(number), weights[0]), (self._truth_of_block(other), weights[1])]

    def _raw_block(self, number: int, sensor: Sensor | None) -> NDArray[np.float32]:
        if (number, sensor) not in self._raw:
            self._sensors.add(sensor)
            self._raw[number, sensor] = self._make(number, sensor)
            while len(self._raw) > BLOCKS_KEPT * len(self._sensors):
                self._raw.popitem(last=False)
        return self._raw[number, sensor]

    def _make(self, number: int, sensor: Sensor | None) -> NDArray[np.float32]:
        """One block with its seams, periodic in 1860 s."""
        count = (BLOCK_S + SEAM_S) * self.rate_hz
        amplitudes = self._amplitudes(number) if sensor is None else self._sensed(number, sensor)
        out = np.zeros((6, amplitudes.shape[1] + 2), dtype=np.complex128)
        out[:, 1:-1] = amplitudes * (count / 2)
        return np.fft.irfft(out, n=count, axis=1).astype(np.float32)

    def _frequencies_hz(self) -> Array:
        bins = (BLOCK_S + SEAM_S) * self.rate_hz // 2 - 1
        return np.arange(1, bins + 1) / (BLOCK_S + SEAM_S)

    def _sensed(self, number: int, sensor: Sensor) -> NDArray[np.complex128]:
        """The amplitudes as a sensor has them; rows 0 to 2 wind, 3 to 5 scalars."""
        truth, f, out = self._truth_of_block(number), self._frequencies_hz(), self._amplitudes(number).copy()
        later_s, aside_m = sensor.placed(truth)
        if aside_m > 0.0:
            left = apart(f, aside_m, _speed(truth))
            out[3:] = left * out[3:] + np.sqrt(1.0 - left**2) * self._amplitudes(number, elsewhere=True)[3:]
        n = f * sensor.path_m / _speed(truth)
        out[:3] *= np.sqrt(wind_path(n))
        out[3:] *= np.sqrt(scalar_path(n)) * np.exp(-2j * np.pi * f * later_s)
        return np.asarray(out / (1.0 + 2j * np.pi * f * sensor.response_s))

    def _amplitudes(self, number: int, *, elsewhere: bool = False) -> NDArray[np.complex128]:
        """Complex amplitudes of a block, shape (6, bins); ``elsewhere``: of other air that is made from the same truth."""
        if (number, elsewhere) not in self._drawn:
            self._drawn[number, elsewhere] = self._draw(number, elsewhere)
            while len(self._drawn) > 2 * BLOCKS_KEPT:
                self._drawn.popitem(last=False)
        return self._drawn[number, elsewhere]

    def _shapes(self, truth: BlockTruth) -> tuple[dict[str, Array], dict[str, Array]]:
        """Share of each variable's variance and of its covariance with w by frequency: the same for both airs of a block."""
        if self._shaped[0] is not truth:
            n = self._frequencies_hz() * truth.height_m / _speed(truth)
            powers, shares = (
                {name: one / one.sum() for name, one in kinds.items()}
                for kinds in (
                    {name: spectrum(name, n) for name in ("u", "v", "w", "t")},
                    {name: cospectrum(name, n, truth.stability) for name in ("u", "t")},
                )
            )
            for like_t in ("c", "q"):
                powers[like_t], shares[like_t] = powers["t"], shares["t"]
            self._shaped = (truth, powers, shares | {"v": np.zeros_like(n)})
        return self._shaped[1], self._shaped[2]

    def _draw(self, number: int, elsewhere: bool) -> NDArray[np.complex128]:
        truth = self._truth_of_block(number)
        powers, shares = self._shapes(truth)
        deviations = wind_deviations(truth)
        amplitude_w = deviations["w"] * np.sqrt(powers["w"])
        w_unit, rests = self._units(number, len(amplitude_w), elsewhere)
        out = np.empty((6, len(amplitude_w)), dtype=np.complex128)
        out[2] = amplitude_w * w_unit
        for row, name in enumerate(VARIABLES):
            if name == "w":
                continue
            covariance = truth.covariances[name]
            with_w = covariance * shares[name] / amplitude_w
            deviation = deviations[name] if name in deviations else max(_FLOORS[name], scalar_deviation(covariance, truth))
            power = np.maximum(deviation**2 * powers[name], (with_w / COHERENT) ** 2)
            if elsewhere and self._exact:  # no part of it in step with the wind here
                with_w = np.zeros_like(with_w)
            out[row] = with_w * w_unit + np.sqrt(power - with_w**2) * rests[row]
        return out

    def _units(self, number: int, bins: int, elsewhere: bool) -> tuple[NDArray[np.complex128], list[NDArray[np.complex128]]]:
        """Unit amplitudes (mean square 2) of w and of the rests; those of q and c are correlated with that of t as in real air."""
        name = f"turbulence/{self.rate_hz}/{number}"
        generator = np.random.Generator(np.random.Philox(key=noise.key(self._seed, name)))
        if self._exact:
            w_unit = np.sqrt(2.0) * np.exp(2j * np.pi * generator.random(bins))
            if elsewhere:
                generator = np.random.Generator(np.random.Philox(key=noise.key(self._seed, f"{name}/elsewhere")))
            return w_unit, [1j * w_unit * generator.choice((-1.0, 1.0), bins) for _ in VARIABLES]
        if elsewhere:
            generator = np.random.Generator(np.random.Philox(key=noise.key(self._seed, f"{name}/elsewhere")))
        draws = generator.standard_normal((7, 2 * bins)).view(np.complex128)
        rests = [draws[row] for row in range(6)]
        rests[5] = 0.7 * rests[3] + np.sqrt(1 - 0.49) * rests[5]
        rests[4] = -0.5 * rests[3] + np.sqrt(1 - 0.25) * rests[4]
        return draws[6], rests
