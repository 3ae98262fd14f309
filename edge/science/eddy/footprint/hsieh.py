"""The approximate analytical footprint of Hsieh et al. (2000), along the wind.

Source: Hsieh, Katul & Chi 2000, Advances in Water Resources 23, 765-772: the cumulative footprint is exp(-D zu^P |L|^(1 - P) /
(k^2 x)), zu = zm (ln(zm / z0) - 1 + z0 / zm), with D, P = 0.28, 0.59 unstable, 0.97, 1 neutral (|zu / L| < 0.04), 2.44, 1.33 stable. Not
checked against EddyPro's digits: no reference run with this model is at hand.
"""

from __future__ import annotations

import math

from edge.science.constants import VON_KARMAN
from edge.science.eddy.footprint.distances import OFFSET_SHARE, SHARES, UNKNOWN, Distances

NEUTRAL = 0.04


def length_scale(height_m: float, roughness_length_m: float, obukhov_length: float, *, von_karman: float = VON_KARMAN) -> float:
    """D zu^P |L|^(1 - P) / k^2, m: the one length of the model.

    Parameters: m above the displacement height, m, m (infinite: neutral). NaN, or a height not above the roughness length, gives NaN.

    >>> round(length_scale(4.0, 0.04, float("inf")), 3)
    87.668
    """
    if not (0.0 < roughness_length_m < height_m < math.inf) or math.isnan(obukhov_length) or obukhov_length == 0.0:
        return math.nan
    zu = height_m * (math.log(height_m / roughness_length_m) - 1.0 + roughness_length_m / height_m)
    ratio = zu / obukhov_length
    if abs(ratio) < NEUTRAL:
        return 0.97 * zu / von_karman**2
    d, p = (2.44, 1.33) if ratio > 0.0 else (0.28, 0.59)
    return float(d * zu**p * abs(obukhov_length) ** (1.0 - p) / von_karman**2)


def distances(height_m: float, roughness_length_m: float, obukhov_length: float, *, von_karman: float = VON_KARMAN) -> Distances:
    """Peak, offset and distances of the shares, m: half of the length at the peak, -length / ln(share) for a share.

    Parameters: as `length_scale`.

    >>> round(distances(4.0, 0.04, float("inf")).within[5], 1)
    832.1
    """
    length = length_scale(height_m, roughness_length_m, obukhov_length, von_karman=von_karman)
    if math.isnan(length):
        return UNKNOWN
    return Distances(0.5 * length, -length / math.log(OFFSET_SHARE), tuple(-length / math.log(share) for share in SHARES))
