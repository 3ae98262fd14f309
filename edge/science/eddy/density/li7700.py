"""Spectroscopic terms of the LI-7700 open-path methane analyser: how warmth, pressure and water vapour change the line it looks at.

The analyser's density has to be multiplied with kappa(T, Pe), Pe the equivalent pressure P (1 + 0.455 x). As kappa follows the
fluctuations of T and x, so does the measured density, and the two density terms get a factor each: F = A (<w'c'> + B mu (c / rho_d) E /
(1 + mu s) + C c <w'T'> / T) with E the corrected evaporation. A, B and C follow from the chain rule and are derived in `multipliers`. The
table of kappa is the maker's (LI-7700 manual; -50 to 55 degC, 50 to 115 kPa) and is not printed here: we have not seen it in a source we
could check. The caller gives it; without it no methane flux of this analyser is made. Source: McDermitt et al. 2011, Applied Physics B
102, 391-405.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edge.science.arrays import FloatArray
from edge.science.eddy.density.open_path import MU

BROADENING = 0.455
"""extra broadening of the line by water vapour, against dry air"""


def equivalent_pressure_pa(pressure_pa: float, h2o_mole_fraction: float, broadening: float = BROADENING) -> float:
    """Equivalent pressure, Pa: P (1 + 0.455 x). Parameters: Pa, mol per mol of moist air. NaN gives NaN.

    >>> round(equivalent_pressure_pa(100000.0, 0.02), 3)
    100910.0
    """
    return pressure_pa * (1.0 + broadening * h2o_mole_fraction)


@dataclass(frozen=True)
class KappaTable:
    """The maker's table: ``temperature_k`` (m,) and ``pressure_pa`` (n,) in rising order, ``kappa`` (m, n)."""

    temperature_k: FloatArray
    pressure_pa: FloatArray
    kappa: FloatArray

    def at(self, temperature_k: float, pressure_pa: float) -> tuple[float, float, float]:
        """kappa, d kappa / d T (K-1) and d kappa / d Pe (Pa-1), bilinear in its cell; NaN outside of the table."""
        ts, ps = self.temperature_k, self.pressure_pa
        if not (ts[0] <= temperature_k <= ts[-1] and ps[0] <= pressure_pa <= ps[-1]):
            return math.nan, math.nan, math.nan
        i = min(int(np.searchsorted(ts, temperature_k, side="right")) - 1, ts.size - 2)
        j = min(int(np.searchsorted(ps, pressure_pa, side="right")) - 1, ps.size - 2)
        dt, dp = float(ts[i + 1] - ts[i]), float(ps[j + 1] - ps[j])
        a, b = (temperature_k - float(ts[i])) / dt, (pressure_pa - float(ps[j])) / dp
        k00, k01, k10, k11 = (float(self.kappa[m, n]) for m in (i, i + 1) for n in (j, j + 1))
        low, high = k00 + b * (k01 - k00), k10 + b * (k11 - k10)
        return low + a * (high - low), (high - low) / dt, ((k01 - k00) * (1.0 - a) + (k11 - k10) * a) / dp


@dataclass(frozen=True)
class Multipliers:
    """A of the whole, B of the water vapour term, C of the temperature term; NaN: not known."""

    a: float
    b: float
    c: float


def multipliers(
    kappa: float, kappa_t: float, kappa_p: float, *, temperature_k: float, pressure_pa: float, h2o_mole_fraction: float
) -> Multipliers:
    """A, B and C of the flux with the corrected evaporation (see the module's head).

    Parameters: kappa and its derivatives with T (K-1) and Pe (Pa-1), K, Pa, mol mol-1. NaN gives NaN. With kappa c the true density,
    <w'(kappa c)'> = kappa <w'c'> + c (kappa_T <w'T'> + kappa_P 0.455 P <w'x'>), and <w'x'> = (1 - x) R T E / (P Mw) without a flux of dry
    air, so A = kappa, B = 1 + (1 - x) 0.455 P kappa_P / kappa, C = 1 + T kappa_T / kappa. With E taken apart into its measured covariance
    and its own temperature term the last becomes the maker's 1 + (1 - x) T kappa_T / kappa + x (B - 1).

    >>> multipliers(1.0, 0.0, 0.0, temperature_k=300.0, pressure_pa=1e5, h2o_mole_fraction=0.02)
    Multipliers(a=1.0, b=1.0, c=1.0)
    """
    b = 1.0 + (1.0 - h2o_mole_fraction) * BROADENING * pressure_pa * kappa_p / kappa if kappa else math.nan
    c = 1.0 + temperature_k * kappa_t / kappa if kappa else math.nan
    return Multipliers(kappa, b, c)


def methane_flux(
    cov_w_ch4: float,
    mean_ch4: float,
    factors: Multipliers,
    *,
    evaporation: float,
    temperature_flux: float,
    temperature_k: float,
    dry_air_density: float,
    vapour_density: float,
    mu: float = MU,
) -> float:
    """Methane flux in the unit of ``cov_w_ch4``.

    Parameters: covariance and mean of the analyser's own density (mol or kg, m-3), A, B and C, corrected evaporation in kg m-2 s-1,
    temperature flux in K m s-1, K, kg m-3; mu Md / Mw. NaN gives NaN. With A = B = C = 1 it is Webb et al. 1980, eq. 24.

    >>> air = {"temperature_k": 300.0, "dry_air_density": 1.14, "vapour_density": 0.0115}
    >>> round(1e9 * methane_flux(1e-8, 8e-5, Multipliers(1.0, 1.0, 1.0), evaporation=1e-4, temperature_flux=0.1, **air), 3)
    47.77
    """
    dilution = 1.0 + mu * vapour_density / dry_air_density
    water = factors.b * mu * mean_ch4 / dry_air_density * evaporation / dilution
    return factors.a * (cov_w_ch4 + water + factors.c * mean_ch4 * temperature_flux / temperature_k)
