"""The analytical footprint of Kormann & Meixner (2001) for any stratification, along the wind.

Source: Kormann & Meixner 2001, Boundary-Layer Meteorology 99, 207-224. Power laws for wind and diffusivity (exponents m and n) are
matched to the surface-layer profiles at the height of measurement (eq. 36); the crosswind-integrated footprint (eq. 21) is f = xi^mu
exp(-xi / x) / (Gamma(mu) x^(1 + mu)), its integral an incomplete gamma function, its peak at xi / (1 + mu).
"""

from __future__ import annotations

import math

from edge.science.constants import VON_KARMAN
from edge.science.eddy.footprint.distances import OFFSET_SHARE, SHARES, UNKNOWN, Distances
from edge.science.eddy.footprint.incomplete_gamma import inverse_lower


def shape(
    friction_velocity: float, wind_speed: float, height_m: float, stability: float, *, von_karman: float = VON_KARMAN
) -> tuple[float, float]:
    """The flux length scale xi (m) and the exponent mu of the footprint.

    Parameters: m s-1, m s-1, m above the displacement height, z/L. NaN, or a value that is not positive, gives NaN. Kormann & Meixner 2001,
    eqs. 19 and 36.

    >>> [round(x, 3) for x in shape(0.3, 3.0, 4.0, 0.0)]
    [64.0, 1.0]
    """
    if not all(0.0 < x < math.inf for x in (friction_velocity, wind_speed, height_m)) or not math.isfinite(stability):
        return math.nan, math.nan
    z = stability
    if z > 0.0:
        phi_m = phi_c = 1.0 + 5.0 * z
        n = 1.0 / (1.0 + 5.0 * z)
    else:
        phi_m, phi_c = (1.0 - 16.0 * z) ** -0.25, (1.0 - 16.0 * z) ** -0.5
        n = (1.0 - 24.0 * z) / (1.0 - 16.0 * z)
    m = friction_velocity * phi_m / (von_karman * wind_speed)
    diffusivity = von_karman * friction_velocity * height_m / phi_c
    r = 2.0 + m - n
    return wind_speed * height_m**2 / (r * r * diffusivity), (1.0 + m) / r


def distances(
    friction_velocity: float,
    wind_speed: float,
    height_m: float,
    stability: float,
    *,
    von_karman: float = VON_KARMAN,
    whole_metres: bool = False,
) -> Distances:
    """Peak, offset and distances of the shares, m.

    Parameters: as `shape`. ``whole_metres`` True gives the shares' distances as a sum in steps of one metre finds them (EddyPro): the first
    whole metre at which the sum, which reaches half a metre further, has the share.

    >>> round(distances(0.3, 3.0, 4.0, 0.0).peak, 3)
    32.0
    """
    xi, mu = shape(friction_velocity, wind_speed, height_m, stability, von_karman=von_karman)
    if not (xi > 0.0 and mu > 0.0):
        return UNKNOWN

    def within(share: float) -> float:
        x = xi / inverse_lower(mu, 1.0 - share)
        return float(max(1, math.ceil(x - 0.5))) if whole_metres else x

    return Distances(xi / (1.0 + mu), within(OFFSET_SHARE), tuple(within(share) for share in SHARES))
