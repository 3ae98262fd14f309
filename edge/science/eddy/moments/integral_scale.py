"""Integral time scale of a covariance: for how long the product of two signals remembers itself.

From the cross-correlation, or from height and wind where that gives none. Not here: the random error that is made of it (`random_error`).
"""

from __future__ import annotations

import math

import numpy as np

from edge.science.arrays import FloatArray

ZERO_CROSSING = 0.0
ONE_E_FOLD = math.exp(-1.0)
LONGEST_LAG_S = 10.0


def integral_scale_s(
    covariance: FloatArray, rate_hz: float, *, until: float | None = ZERO_CROSSING, longest_s: float = LONGEST_LAG_S
) -> float:
    """Sum of |r| dt from lag 0 to before the first lag whose correlation is at or below ``until``, s.

    Parameters: ``covariance`` (m,) of w with the signal from lag 0 on, any unit (r is its ratio to the value at lag 0, so the sign of the
    flux does not matter); ``until`` None sums all; ``longest_s`` the last lag used when the correlation does not fall so far. NaN when the
    covariance at lag 0 is zero or missing. Source: Wyngaard 1973; the sum to the first zero crossing: Rannik et al. 2009, 2016.

    >>> integral_scale_s(np.array([-4.0, -2.0, -1.0, 1.0, 2.0]), 10.0)
    0.175
    >>> integral_scale_s(np.array([4.0, 2.0, 1.0, -1.0]), 10.0, until=ONE_E_FOLD)
    0.15
    """
    if not covariance.size or not covariance[0] or math.isnan(covariance[0]):
        return math.nan
    r = covariance[: round(longest_s * rate_hz) + 1] / covariance[0]
    below = np.flatnonzero(r <= until) if until is not None else np.empty(0)
    return float(np.abs(r[: int(below[0])] if below.size else r).sum() / rate_hz)


def surface_layer_scale_s(height_m: float, wind_ms: float) -> float:
    """(z - d) / U, the time scale of the eddies that carry the flux, s.

    Parameters: height above the zero plane in m, mean wind in m s-1. NaN without wind or height. Source: Wyngaard 1973, Workshop on
    Micrometeorology, as used by Billesbach 2011, Agricultural and Forest Meteorology 151, 394-405.

    >>> surface_layer_scale_s(4.0, 2.0)
    2.0
    """
    return height_m / wind_ms if height_m > 0 and wind_ms > 0 else math.nan


def integral_scale_or_surface_s(scale_s: float, height_m: float, wind_ms: float, *, longest_s: float = 2 * LONGEST_LAG_S) -> float:
    """``scale_s``, or `surface_layer_scale_s` where there is none or it is longer than ``longest_s``.

    Parameters in s, m, m s-1. A sum of |r| of more than twice the longest lag means that the covariance at lag 0 is no maximum. EddyPro
    falls back at a limit between 14.8 and 25.2 s in the reference data.

    >>> integral_scale_or_surface_s(25.2, 4.5, 1.5), integral_scale_or_surface_s(2.5, 4.5, 1.5)
    (3.0, 2.5)
    """
    return scale_s if scale_s <= longest_s else surface_layer_scale_s(height_m, wind_ms)
