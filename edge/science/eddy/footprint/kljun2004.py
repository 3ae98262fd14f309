"""The along-wind footprint parameterisation of Kljun et al. (2004), and where it holds.

Source: Kljun, Calanca, Rotach & Schmid 2004, Boundary-Layer Meteorology 112, 503-523. The scaled footprint (eq. 14) is
F* = a L^b exp(b (1 - L)) with L = (X* + d) / c, X* = (sigma_w / u*)^0.8 x / zm, and c, d linear in ln z0 (eqs. 15, 16). The distance within
which a share of the flux comes from is a fixed L for every share. It can be had in two ways that differ by up to 0.9 % from 10 % on and by
5 % at the offset: from the integral of eq. 14 (an incomplete gamma function), or from the numbers read off the paper's Fig. A1, which
EddyPro uses. A negative distance lies downwind of the mast.
"""

from __future__ import annotations

import math

from edge.science.eddy.footprint.distances import OFFSET_SHARE, SHARES, UNKNOWN, Distances
from edge.science.eddy.footprint.incomplete_gamma import inverse_lower

B = 3.682
AC = 4.277
AD = 1.685
ROUGHNESS = 3.418
"""b, and a_c (B - ln z0) = c, a_d (B - ln z0) = d"""
ALPHA = 0.8

FIGURE_A1 = {0.01: 0.302, 0.10: 0.602, 0.30: 0.912, 0.50: 1.184, 0.70: 1.502, 0.80: 1.720, 0.90: 2.054}
"""L of each share as in Fig. A1"""

INTEGRAL = {share: inverse_lower(B + 1.0, share) / B for share in FIGURE_A1}
"""L of each share from the integral of eq. 14: P(b + 1, b L) = share"""


def applies(friction_velocity: float, stability: float, height_m: float) -> bool:
    """Whether the parameterisation holds: u* >= 0.2 m s-1, -200 <= z/L <= 1, zm >= 1 m (Kljun et al. 2004).

    Parameters: m s-1, z/L, height above the displacement height in m. NaN does not hold.

    >>> applies(0.3, -0.1, 4.0), applies(0.1, -0.1, 4.0)
    (True, False)
    """
    return friction_velocity >= 0.2 and -200.0 <= stability <= 1.0 and height_m >= 1.0


def distances(
    friction_velocity: float, sigma_w: float, height_m: float, roughness_length_m: float, *, from_integral: bool = True
) -> Distances:
    """Peak, offset and distances of the shares, m.

    Parameters: u* and sigma_w in m s-1, height above the displacement height and roughness length in m, all positive, else (or with NaN)
    everything is NaN. ``from_integral`` False takes the numbers of Fig. A1, as EddyPro does. Kljun et al. 2004, eqs. 13-16 and Fig. A1.

    >>> round(distances(0.437299, 0.557872, 4.1486, 0.663, from_integral=False).within[5], 2)
    92.82
    """
    if not all(0.0 < x < math.inf for x in (friction_velocity, sigma_w, height_m, roughness_length_m)):
        return UNKNOWN
    rough = ROUGHNESS - math.log(roughness_length_m)
    if not rough > 0.0:
        return UNKNOWN
    scale = height_m * (sigma_w / friction_velocity) ** -ALPHA
    c, d = AC * rough, AD * rough
    level = INTEGRAL if from_integral else FIGURE_A1
    return Distances(
        peak=scale * (c - d),
        offset=scale * (level[OFFSET_SHARE] * c - d),
        within=tuple(scale * (level[share] * c - d) for share in SHARES),
    )
