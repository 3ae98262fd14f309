"""Turbulence with prescribed true fluxes: wind and scalars at the base rate, made in the frequency domain, repeatable from the seed.

Half-hour blocks, aligned to UTC. In each block, variable by variable, complex Fourier amplitudes are drawn on the frequencies
k/1860 s; spectra follow Kaimal et al. (1972), cospectra with the vertical wind fall by one more -2/3 above n = 2 (Kaimal's -7/3), and
the coherent part is scaled so that the sum over the cospectrum *is* the prescribed covariance:

    s(f) = R gamma(f) sqrt(S_s/S_w) w(f) + sqrt(S_s (1 - R^2 gamma^2)) e(f)      with  R = cov / sum gamma sqrt(S_w S_s)

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
LIMIT = 0.6
"""Largest coherence factor R used when a scalar's standard deviation follows from its flux."""
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


def spectrum(variable: str, n: Array) -> Array:
    """Shape of the power spectrum at n = f z / U (Kaimal et al. 1972, neutral), not normalised."""
    if variable == "u":
        return np.asarray(1.0 / (1.0 + 33.0 * n) ** (5 / 3))
    if variable == "v":
        return np.asarray(1.0 / (1.0 + 9.5 * n) ** (5 / 3))
    if variable == "w":
        return np.asarray(1.0 / (1.0 + 5.3 * n ** (5 / 3)))
    return np.asarray(1.0 / (1.0 + 24.0 * n) ** (5 / 3))


def coherence(n: Array) -> Array:
    """gamma: 1 at low frequencies, n^(-2/3) at high ones."""
    return np.asarray((1.0 + (n / 2.0) ** 2) ** (-1 / 3))


def wind_deviations(truth: BlockTruth) -> dict[str, float]:
    """Standard deviations of u, v, w by similarity (Panofsky & Dutton 1984 forms): 2.3, 1.9 and 1.25 u* when neutral."""
    zeta = float(np.clip(truth.height_m / truth.obukhov_length, -5.0, 2.0))
    grow = (1.0 - 3.0 * zeta) ** (1 / 3) if zeta < 0 else 1.0 + 0.2 * zeta
    slow = (1.0 - 1.5 * zeta) ** (1 / 3) if zeta < 0 else 1.0 + 0.1 * zeta
    u = truth.friction_velocity
    return {"u": 2.3 * u * slow, "v": 1.9 * u * slow, "w": 1.25 * u * grow}


class Turbulence:
    """Fluctuations of u (along the mean wind), v (to its left), w, temperature and dry mole fractions at k / ``rate_hz`` seconds UTC."""

    def __init__(self, seed: int, rate_hz: int, truth_of_block: Callable[[int], BlockTruth], *, exact: bool = False) -> None:
        self.rate_hz = rate_hz
        self._seed = seed
        self._truth_of_block = truth_of_block
        self._exact = exact
        self._raw: OrderedDict[int, NDArray[np.float32]] = OrderedDict()

    def block(self, number: int) -> NDArray[np.float32]:
        """Fluctuations in the half-hour that begins at ``number`` x 1800 s: shape (6, 1800 rate), order of VARIABLES."""
        before, present, after = (self._raw_block(number + step) for step in (-1, 0, 1))
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

    def _raw_block(self, number: int) -> NDArray[np.float32]:
        if number not in self._raw:
            self._raw[number] = self._make(number)
            while len(self._raw) > 4:
                self._raw.popitem(last=False)
        return self._raw[number]

    def _make(self, number: int) -> NDArray[np.float32]:
        """One block with its seams, periodic in 1860 s."""
        truth = self._truth_of_block(number)
        count = (BLOCK_S + SEAM_S) * self.rate_hz
        bins = count // 2 - 1
        n = np.arange(1, bins + 1) / (BLOCK_S + SEAM_S) * truth.height_m / max(truth.wind_ms, 0.3)
        shapes = {name: spectrum(name, n) for name in VARIABLES}
        powers = {name: shape / shape.sum() for name, shape in shapes.items()}
        amplitudes = self._amplitudes(number, truth, powers, coherence(n))
        out = np.zeros((6, bins + 2), dtype=np.complex128)
        out[:, 1:-1] = amplitudes * (count / 2)
        return np.fft.irfft(out, n=count, axis=1).astype(np.float32)

    def _amplitudes(self, number: int, truth: BlockTruth, powers: dict[str, Array], gamma: Array) -> NDArray[np.complex128]:
        deviations = wind_deviations(truth)
        w_unit, rests = self._draws(number, len(gamma))
        out = np.empty((6, len(gamma)), dtype=np.complex128)
        out[2] = deviations["w"] * np.sqrt(powers["w"]) * w_unit
        for row, name in enumerate(VARIABLES):
            if name == "w":
                continue
            share = float(np.sum(gamma * np.sqrt(powers["w"] * powers[name])))
            covariance = truth.covariances[name]
            needed = abs(covariance) / (LIMIT * deviations["w"] * share)
            deviation = max(deviations.get(name, _FLOORS.get(name, 0.0)), needed)
            factor = covariance / (deviations["w"] * deviation * share) * gamma
            out[row] = deviation * np.sqrt(powers[name]) * (factor * w_unit + np.sqrt(1.0 - factor**2) * rests[row])
        return out

    def _draws(self, number: int, bins: int) -> tuple[NDArray[np.complex128], list[NDArray[np.complex128]]]:
        """Unit amplitudes (mean square 2) of w and of the rests; those of q and c are correlated with that of t as in real air."""
        generator = np.random.Generator(np.random.Philox(key=noise.key(self._seed, f"turbulence/{self.rate_hz}/{number}")))
        if self._exact:
            w_unit = np.sqrt(2.0) * np.exp(2j * np.pi * generator.random(bins))
            return w_unit, [1j * w_unit * generator.choice((-1.0, 1.0), bins) for _ in VARIABLES]
        draws = generator.standard_normal((7, 2 * bins)).view(np.complex128)
        rests = [draws[row] for row in range(6)]
        rests[5] = 0.7 * rests[3] + np.sqrt(1 - 0.49) * rests[5]
        rests[4] = -0.5 * rests[3] + np.sqrt(1 - 0.25) * rests[4]
        return draws[6], rests
