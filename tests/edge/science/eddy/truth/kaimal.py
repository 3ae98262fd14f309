"""Spectra and cospectra of the surface layer over flat ground, and Gaussian air that has exactly these.

Power spectra after Kaimal et al. (1972; the shapes of `simulators.world.turbulence`), cospectra of Kaimal et al. (1972) as Moncrieff et al. (1997)
write them; k = f z / U. The air is drawn in the frequency domain on a record much longer than an averaging period: so a period loses the flux of
low frequencies as in nature, and its covariance scatters about the prescribed one as in nature. The prescribed covariance is the sum over the
whole cospectrum, up to half the drawing rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from simulators.world.turbulence import VARIABLES, BlockTruth, spectrum, wind_deviations

COHERENCE = 0.9
"""Largest coherence (amplitude) of u or a scalar with w; where Kaimal's fits ask for more, the spectrum of the scalar is raised."""
SCALAR_DEVIATION = 2.6
"""Standard deviation of a scalar in units of flux / u* (neutral 2 to 3: Kaimal & Finnigan 1994)."""


def cospectrum(name: str, k: np.ndarray, stability: float) -> np.ndarray:
    """Shape of the cospectral density of w with u or a scalar, per unit of k, not normalised."""
    if stability > 0:
        a = 0.124 * (1 + 7.9 * stability) ** 0.75 if name == "u" else 0.284 * (1 + 6.4 * stability) ** 0.75
        return 1.0 / (a + 2.34 * a**-1.1 * k**2.1)
    if name == "u":
        return np.where(k < 0.24, 20.78 / (1 + 31.0 * k) ** 1.575, 12.66 / (1 + 9.6 * k) ** 2.4)
    return np.where(k < 0.54, 12.92 / (1 + 26.7 * k) ** 1.375, 4.378 / (1 + 3.8 * k) ** 2.4)


@dataclass(frozen=True)
class Harmonics:
    """For each variable the amplitude of its part that goes with w, and of the rest (m,); the harmonics are multiples of 1 / record."""

    with_w: dict[str, np.ndarray]
    rest: dict[str, np.ndarray]


@cache
def harmonics(truth: BlockTruth, rate_hz: float, seconds: float) -> Harmonics:
    k = np.arange(1, round(rate_hz * seconds) // 2) / seconds * truth.height_m / truth.wind_ms
    covariances, sd = truth.covariances, wind_deviations(truth)
    power_w = _of_sum(spectrum("w", k), sd["w"] ** 2)
    with_w, rest = {"w": np.sqrt(power_w)}, {"w": np.zeros(k.size)}
    for name in VARIABLES:
        if name == "w":
            continue
        cross = _of_sum(cospectrum(name, k, truth.height_m / truth.obukhov_length), covariances[name]) if name != "v" else np.zeros(k.size)
        spread = sd[name] if name in sd else SCALAR_DEVIATION * abs(covariances[name]) / truth.friction_velocity
        power = np.maximum(_of_sum(spectrum(name, k), spread**2), (cross / COHERENCE) ** 2 / power_w)
        with_w[name], rest[name] = cross / np.sqrt(power_w), np.sqrt(power - cross**2 / power_w)
    return Harmonics(with_w, rest)


def draw(truth: BlockTruth, rng: np.random.Generator, *, rate_hz: float, seconds: float, mirror: bool = False) -> dict[str, np.ndarray]:
    """Fluctuations of u, v, w (m s-1), t (K), c (umol mol-1, dry) and q (mmol mol-1, dry), ``rate_hz * seconds`` samples each, without mean.

    ``mirror`` turns the sign of all that does not go with w: just as likely air, in which chance adds to a covariance what it took from the other.
    """
    amplitudes = harmonics(truth, rate_hz, seconds)
    draws = rng.standard_normal((len(VARIABLES), 2 * amplitudes.rest["w"].size)).view(np.complex128)
    unit = dict(zip(VARIABLES, draws, strict=True))
    w, sign = unit["w"].copy(), -1.0 if mirror else 1.0
    unit["q"] = 0.7 * unit["t"] + np.sqrt(1 - 0.49) * unit["q"]  # scalars have more in common than w
    unit["c"] = -0.5 * unit["t"] + np.sqrt(1 - 0.25) * unit["c"]
    return {
        name: _series(amplitudes.with_w[name] * w + sign * amplitudes.rest[name] * unit[name], round(rate_hz * seconds)) for name in VARIABLES
    }  # fmt: skip


def _of_sum(shape: np.ndarray, total: float) -> np.ndarray:
    return total * shape / shape.sum()


def _series(amplitudes: np.ndarray, count: int) -> np.ndarray:
    """Real series of ``count`` samples; a draw of mean square 2 gives each harmonic the variance amplitude^2."""
    bins = np.zeros(count // 2 + 1, dtype=np.complex128)
    bins[1 : amplitudes.size + 1] = amplitudes * (count / 2)
    return np.fft.irfft(bins, count)
