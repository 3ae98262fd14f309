"""Statistics that fluxes and slow series share: circular means, covariances over pairs.

Promises: a missing sample (NaN) never enters and never poisons a result; no sample present gives NaN. Not here: robust or windowed
statistics.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from edge.science.arrays import FloatArray, dot, floats


def circular_mean_deg(angles_deg: ArrayLike) -> float:
    """Mean direction of angles.

    Parameters: ``angles_deg`` (n,), degrees, any turn. NaN samples are left out. Returns degrees in [0, 360), NaN when no sample is present
    or the directions cancel (resultant below 1e-9). atan2 of the summed sines and cosines (Mardia & Jupp 2000, Directional Statistics,
    section 2.2).

    >>> round(circular_mean_deg([350.0, 20.0]), 9)
    5.0
    """
    a = np.radians(floats(angles_deg))
    a = a[np.isfinite(a)]
    if not a.size:
        return float("nan")
    s, c = float(np.sin(a).mean()), float(np.cos(a).mean())
    if s * s + c * c < 1e-18:
        return float("nan")
    return float(np.degrees(np.arctan2(s, c))) % 360.0


def circular_sd_deg(angles_deg: ArrayLike) -> float:
    """Circular standard deviation, degrees: sqrt(-2 ln R), R the length of the mean resultant (Mardia & Jupp 2000, section 2.3).

    Parameters: ``angles_deg`` (n,), degrees. NaN samples are left out; NaN when no sample is present.

    >>> round(circular_sd_deg([80.0, 100.0]), 3)
    10.026
    """
    a = np.radians(floats(angles_deg))
    a = a[np.isfinite(a)]
    if not a.size:
        return float("nan")
    r = float(np.hypot(np.sin(a).mean(), np.cos(a).mean()))
    return float(np.degrees(np.sqrt(max(0.0, -2.0 * np.log(min(1.0, max(r, 1e-300)))))))


def yamartino_sd_deg(mean_resultant: float) -> float:
    """Standard deviation of wind directions from the length R of their mean unit vector, degrees: asin(e)(1 + (2/sqrt(3) - 1) e^3),
    e = sqrt(1 - R^2).

    Parameters: R in [0, 1]; NaN gives NaN. Source: Yamartino 1984, J. Climate Appl. Meteorol. 23, 1362-1366.

    >>> round(yamartino_sd_deg(0.98), 3)
    11.492
    """
    if math.isnan(mean_resultant):
        return math.nan
    e = math.sqrt(max(0.0, 1.0 - min(1.0, mean_resultant) ** 2))
    return math.degrees(math.asin(e) * (1.0 + (2.0 / math.sqrt(3.0) - 1.0) * e**3))


def wind_from_direction_deg(u_ms: ArrayLike, v_ms: ArrayLike, u_from_deg: float) -> FloatArray:
    """Direction the wind comes from, degrees clockwise from north, sample by sample.

    Parameters: ``u_ms``, ``v_ms`` (n,) in a right-handed frame (w up); ``u_from_deg`` the compass direction from which a wind along +u
    comes (a CSAT3: where it points; a Gill: north offset + 180). NaN gives NaN. Turning the wind left (towards +v) turns its origin
    clockwise back.

    >>> float(wind_from_direction_deg(0.0, 1.0, 90.0))
    0.0
    """
    return np.asarray((u_from_deg - np.degrees(np.arctan2(floats(v_ms), floats(u_ms)))) % 360.0)


def covariance(a: FloatArray, b: FloatArray) -> float:
    """Population covariance over the pairs where both samples are present: mean(ab) - mean(a) mean(b), divisor N.

    Parameters: ``a``, ``b`` (n,), any units. A pair with a NaN is left out; NaN when there is no pair.

    >>> covariance(floats([1.0, 2.0, np.nan]), floats([1.0, 3.0, 5.0]))
    0.5
    """
    if not a.size:
        return float("nan")
    mean_a, mean_b = float(a.mean()), float(b.mean())
    if math.isfinite(mean_a) and math.isfinite(mean_b):
        return dot(a - mean_a, b - mean_b) / a.size
    both = np.isfinite(a) & np.isfinite(b)
    n = int(np.count_nonzero(both))
    if not n:
        return float("nan")
    a, b = a[both], b[both]
    return dot(a - a.mean(), b - b.mean()) / n
