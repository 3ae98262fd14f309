"""Model cospectra over a homogeneous surface: where in frequency a flux of momentum or of a scalar lies.

Promises: each model is frequency times cospectrum over covariance, f Co(f) / <w'x'>, a number without unit, as a function of the normalised
frequency n = f (z - d) / U; its integral over ln n is 1 to a few percent (they are fits). Not here: any measured cospectrum (`spectra`).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from edge.science.arrays import FloatArray, floats

STABLE_WIDTH = 2.34
"""Coefficient of B = 2.34 A^-1.1 (Moncrieff et al. 1997)"""


def _stable(n: FloatArray, a: float) -> FloatArray:
    return np.asarray(n / (a + STABLE_WIDTH * math.pow(a, -1.1) * n**2.1))


def scalar_cospectrum(normalised_frequency: ArrayLike, stability: float) -> FloatArray:
    """f Co(f) / <w'x'> of a scalar (temperature or gas).

    Parameters: ``normalised_frequency`` n = f (z - d) / U, (m,), above 0; ``stability`` (z - d) / L. Stable where it is above 0: n / (A + B
    n^2.1), A = 0.284 (1 + 6.4 z/L)^0.75, B = 2.34 A^-1.1; else 12.92 n / (1 + 26.7 n)^1.375 below n = 0.54 and 4.378 n / (1 + 3.8 n)^2.4
    above. NaN gives NaN. Source: Moncrieff et al. 1997, Journal of Hydrology 188-189, 589-611, after Kaimal et al. 1972.

    >>> scalar_cospectrum([0.1, 1.0], -0.2).round(4), scalar_cospectrum([0.1, 1.0], 0.2).round(4)
    (array([0.2162, 0.1015]), array([0.1771, 0.1901]))
    """
    n = floats(normalised_frequency)
    if math.isnan(stability):
        return np.full(n.shape, np.nan)
    if stability > 0.0:
        return _stable(n, 0.284 * (1.0 + 6.4 * stability) ** 0.75)
    return np.where(n < 0.54, 12.92 * n / (1.0 + 26.7 * n) ** 1.375, 4.378 * n / (1.0 + 3.8 * n) ** 2.4)


def momentum_cospectrum(normalised_frequency: ArrayLike, stability: float) -> FloatArray:
    """f Co(f) / <u'w'> of momentum.

    Parameters and source as `scalar_cospectrum`; A = 0.124 (1 + 7.9 z/L)^0.75 when stable; else 20.78 n / (1 + 31.0 n)^1.575 below n = 0.24
    and 12.66 n / (1 + 9.6 n)^2.4 above.

    >>> momentum_cospectrum([0.1, 1.0], -0.2).round(4), momentum_cospectrum([0.1, 1.0], 0.2).round(4)
    (array([0.2252, 0.0438]), array([0.2968, 0.0918]))
    """
    n = floats(normalised_frequency)
    if math.isnan(stability):
        return np.full(n.shape, np.nan)
    if stability > 0.0:
        return _stable(n, 0.124 * (1.0 + 7.9 * stability) ** 0.75)
    return np.where(n < 0.24, 20.78 * n / (1.0 + 31.0 * n) ** 1.575, 12.66 * n / (1.0 + 9.6 * n) ** 2.4)


def peak_frequency(stability: float) -> float:
    """Normalised frequency n_m at which f Co(f) of a scalar has its peak, over a low smooth surface.

    Parameters: ``stability`` (z - d) / L. 0.085 when unstable; 2.0 - 1.915 / (1 + 0.5 z/L) when stable. NaN gives NaN. Source: Horst 1997,
    Boundary-Layer Meteorology 82, 219-233 (from Kaimal et al. 1972).

    >>> peak_frequency(-0.5), round(peak_frequency(0.5), 3)
    (0.085, 0.468)
    """
    if math.isnan(stability):
        return math.nan
    return 0.085 if stability <= 0.0 else 2.0 - 1.915 / (1.0 + 0.5 * stability)
