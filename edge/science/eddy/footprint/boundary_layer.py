"""Height of the boundary layer for the footprint, where nobody measures it.

A footprint near the ground hardly knows it: it enters as 1 - zm / h, 1 % for a mast of 10 m under 1000 m. Stable and neutral air have a
formula; convective air would need its morning profile and its history, so a fixed height stands in.
"""

from __future__ import annotations

import math

CONVECTIVE_M = 1000.0
"""taken for unstable air, right within a factor of about two by day; a footprint from a mast of 10 m changes by 1 % between 500 m and
2000 m"""
NEUTRAL_LENGTH_M = 5000.0
"""beyond this |L| the air is neutral (Kljun et al. 2015, appendix B)"""


def boundary_layer_height(friction_velocity: float, obukhov_length: float, coriolis: float) -> float:
    """Boundary layer height, m.

    Parameters: m s-1, m, f in s-1 (its sign does not matter). NaN, or u* not positive, gives NaN; at the equator, where the forms without
    convection have no bound, the convective height. Stable: h = L / 3.8 (sqrt(1 + 2.28 u* / (f L)) - 1) (Nieuwstadt 1981), neutral 0.3 u*
    / f, unstable `CONVECTIVE_M` (Kljun et al. 2015, Geosci. Model Dev. 8, appendix B).

    >>> round(boundary_layer_height(0.3, 50.0, 1e-4), 1), boundary_layer_height(0.3, -50.0, 1e-4)
    (141.3, 1000.0)
    """
    if math.isnan(obukhov_length) or math.isnan(coriolis) or not friction_velocity > 0.0:
        return math.nan
    f = abs(coriolis)
    if f < 1e-6:
        return CONVECTIVE_M
    if abs(obukhov_length) >= NEUTRAL_LENGTH_M:
        return 0.3 * friction_velocity / f
    if obukhov_length <= 0.0:
        return CONVECTIVE_M
    return obukhov_length / 3.8 * (math.sqrt(1.0 + 2.28 * friction_velocity / (f * obukhov_length)) - 1.0)
