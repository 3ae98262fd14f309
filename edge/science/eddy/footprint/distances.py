"""What every one-dimensional footprint model gives: distances upwind of the mast, in the mean wind."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

SHARES = (0.10, 0.30, 0.50, 0.70, 0.80, 0.90)
"""shares of the flux whose distances are reported"""
OFFSET_SHARE = 0.01
"""the area nearer than the offset gives at most this share of the flux"""


@dataclass(frozen=True)
class Distances:
    """Distances upwind, m: ``peak`` where a source counts most, ``offset`` within which 1 % of the flux comes from, ``within`` the
    distances within which `SHARES` of the flux come from. NaN where not known."""

    peak: float = math.nan
    offset: float = math.nan
    within: tuple[float, ...] = field(default=(math.nan,) * len(SHARES))


UNKNOWN = Distances()


def displacement_height(canopy_height_m: float) -> float:
    """Zero-plane displacement of a canopy, m: 0.67 of its height, when nothing better is known.

    Parameters: m; NaN gives NaN. Over water the height above the water's surface is used and the displacement is 0.

    >>> round(displacement_height(4.42), 4)
    2.9614
    """
    return 0.67 * canopy_height_m


def roughness_length(canopy_height_m: float) -> float:
    """Roughness length of a canopy, m: 0.15 of its height, when nothing better is known.

    Parameters: m; NaN gives NaN.

    >>> round(roughness_length(4.42), 3)
    0.663
    """
    return 0.15 * canopy_height_m
