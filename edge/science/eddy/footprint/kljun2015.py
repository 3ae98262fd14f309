"""The flux footprint prediction of Kljun et al. (2015): two-dimensional, in scaled form.

Source: Kljun, Calanca, Rotach & Schmid 2015, Geosci. Model Dev. 8, 3695-3713, with the parameters of the combined fit (eqs. 17 and 19). The
crosswind-integrated footprint (eq. 14) is F* = a (X* - d)^b exp(-c / (X* - d)); across the wind it is a normal distribution of width
sigma_y (eqs. 10 and 18). Distances are upwind of the mast. Laying it over a map: `source_area`.
Not here: the roughness sublayer and footprints above the mixed layer, for which the paper makes no claim (see `outside_of_range`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from edge.science.arrays import FloatArray, floats
from edge.science.eddy.footprint.distances import OFFSET_SHARE, SHARES, UNKNOWN, Distances
from edge.science.eddy.footprint.incomplete_gamma import inverse_lower

A, B, C, D = 1.4524, -1.9914, 1.4622, 0.1359
AC, BC, CC = 2.17, 1.66, 20.0
VON_KARMAN = 0.4
"""the value the parameters were fitted with"""
NEUTRAL_LENGTH_M = 5000.0
LOWEST_USTAR, LOWEST_STABILITY, ROUGHNESS_HEIGHTS = 0.1, -15.5, 20.0


@dataclass(frozen=True)
class Footprint:
    """The footprint of one window: ``length_m`` turns X* into metres (x = X* length), ``width_m`` sigma_y* into sigma_y; NaN: not known."""

    length_m: float
    width_m: float

    @property
    def known(self) -> bool:
        """Whether there is anything to draw."""
        return self.length_m > 0.0 and self.width_m > 0.0 and math.isfinite(self.length_m * self.width_m)


def stability_function(stability: float) -> float:
    """Psi_M of the wind profile: -5.3 z/L stable; with chi = (1 - 19 z/L)^(1/4) unstable ln((1 + chi^2) / 2) + 2 ln((1 + chi) / 2) - 2
    atan(chi) + pi / 2.

    Parameters: ``stability`` zm/L. NaN gives NaN. Kljun et al. 2015, eq. 5 (Högström 1996).

    >>> stability_function(0.1), round(stability_function(-1.0), 4)
    (-0.53, 1.2051)
    """
    if stability > 0.0:
        return -5.3 * stability
    chi = (1.0 - 19.0 * stability) ** 0.25
    return math.log((1.0 + chi * chi) / 2.0) + 2.0 * math.log((1.0 + chi) / 2.0) - 2.0 * math.atan(chi) + math.pi / 2.0


def wind_ratio_from_roughness(height_m: float, roughness_length_m: float, stability: float) -> float:
    """k u / u* = ln(zm / z0) - Psi_M, where no wind speed is used.

    Parameters: m above the displacement height, m, zm/L. NaN, or a length that is not positive, gives NaN. Kljun et al. 2015, eq. 8.

    >>> round(wind_ratio_from_roughness(10.0, 0.1, 0.0), 4)
    4.6052
    """
    if not (height_m > 0.0 and roughness_length_m > 0.0):
        return math.nan
    return math.log(height_m / roughness_length_m) - stability_function(stability)


def roughness_from_wind(height_m: float, wind_ratio: float, stability: float) -> float:
    """Roughness length of the surface as this window's wind feels it, m: zm exp(-(k u / u* + Psi_M)).

    Parameters: m above the displacement height, k u / u*, zm/L. NaN, or a height or ratio that is not positive, gives NaN. Kljun et al.
    2015, eq. 8, solved for z0.

    >>> round(roughness_from_wind(10.0, wind_ratio_from_roughness(10.0, 0.1, -0.5), -0.5), 9)
    0.1
    """
    if not (height_m > 0.0 and wind_ratio > 0.0) or math.isnan(stability):
        return math.nan
    return height_m * math.exp(-(wind_ratio + stability_function(stability)))


def outside_of_range(
    friction_velocity: float, stability: float, height_m: float, boundary_layer_m: float, roughness_length_m: float = math.nan
) -> tuple[str, ...]:
    """What of the paper's range is not kept: u* > 0.1 m s-1, zm/L >= -15.5, zm below the boundary layer's height, and zm > 20 z0.

    Parameters: m s-1, zm/L, m, m, m (NaN: not asked). Any other NaN is a reason of its own. Kljun et al. 2015, eq. 27.

    >>> outside_of_range(0.3, -0.2, 10.0, 1000.0, 0.1)
    ()
    """
    kept = {
        f"u* is not above {LOWEST_USTAR} m/s": friction_velocity > LOWEST_USTAR,
        f"z/L is below {LOWEST_STABILITY}": stability >= LOWEST_STABILITY,
        "the height is not within the boundary layer": 0.0 < height_m < boundary_layer_m,
        f"the height is not above {ROUGHNESS_HEIGHTS:g} roughness lengths": math.isnan(roughness_length_m)
        or height_m > ROUGHNESS_HEIGHTS * roughness_length_m,
    }
    return tuple(why for why, good in kept.items() if not good)


def footprint(
    friction_velocity: float, sigma_v: float, height_m: float, stability: float, boundary_layer_m: float, wind_ratio: float
) -> Footprint:
    """The footprint of one window.

    Parameters: u* and sigma_v in m s-1, height above the displacement height in m, zm/L, boundary layer height in m, ``wind_ratio`` k u /
    u* (measured, k = 0.4, or `wind_ratio_from_roughness`). NaN or a value that is not positive: nothing known. Kljun et al. 2015, eqs.
    6-8 (length) and 11-13 (width, with its stability factor).

    >>> f = footprint(0.3, 0.6, 10.0, -0.1, 1000.0, 4.0)
    >>> round(f.length_m, 3), round(f.width_m, 3)
    (40.404, 24.997)
    """
    positive = (friction_velocity, sigma_v, height_m, boundary_layer_m - height_m, wind_ratio)
    if not all(0.0 < x < math.inf for x in positive) or not math.isfinite(stability):
        return Footprint(math.nan, math.nan)
    length = height_m / (1.0 - height_m / boundary_layer_m) * wind_ratio
    unstable = stability <= 0.0 or stability < height_m / NEUTRAL_LENGTH_M
    inverse = 1e-5 / abs(stability) if stability else math.inf
    factor = min(1.0, inverse + (0.80 if unstable else 0.55))
    return Footprint(length, height_m * sigma_v / friction_velocity / factor)


def scaled_footprint(scaled_x: ArrayLike) -> FloatArray:
    """F*(X*), the crosswind-integrated footprint in scaled form; 0 up to X* = d.

    Parameters: any shape, no dimension. NaN gives NaN. Kljun et al. 2015, eq. 14.

    >>> round(float(scaled_footprint(0.87)), 3)
    0.367
    """
    t = floats(scaled_x) - D
    inside = np.where(t > 1e-3, t, 1.0)
    return np.asarray(np.where(np.isnan(t), np.nan, np.where(t > 1e-3, A * inside**B * np.exp(-C / inside), 0.0)))


def scaled_width(scaled_x: ArrayLike) -> FloatArray:
    """sigma_y*(X*), the crosswind width in scaled form; 0 at the mast.

    Parameters: any shape, no dimension. NaN gives NaN. Kljun et al. 2015, eq. 18.

    >>> round(float(scaled_width(1.0)), 4)
    0.6101
    """
    x = np.maximum(floats(scaled_x), 0.0)
    return np.asarray(AC * np.sqrt(BC * x * x / (1.0 + CC * x)))


def scaled_distance(share: float) -> float:
    """X* within which a share of the flux comes from: d + c / q, q with the upper incomplete gamma function of order -b - 1 equal to the
    share.

    Parameters: ``share`` in (0, 1), else NaN. The exact integral of eq. 14; the paper takes b = -2 here, which gives d - c / ln(share), 2
    % less at 80 %.

    >>> round(scaled_distance(0.8), 3), round(D - C / math.log(0.8), 3)
    (6.816, 6.689)
    """
    return D + C / inverse_lower(-B - 1.0, 1.0 - share)


def distances(found: Footprint) -> Distances:
    """Peak, offset and distances of the shares along the wind, m. The peak is at X* = d - c / b = 0.87 (Kljun et al. 2015, eq. 20).

    >>> round(distances(Footprint(100.0, 20.0)).peak, 1)
    87.0
    """
    if not found.known:
        return UNKNOWN
    scale = found.length_m
    return Distances(scale * (D - C / B), scale * scaled_distance(OFFSET_SHARE), tuple(scale * scaled_distance(s) for s in SHARES))
