"""Cross-wind correction of sonic temperature (Liu et al. 2001), for sonics that do not make it themselves.

Sound that must cross the wind takes a longer way, so that a path reads c2 - Vn2 instead of c2, Vn being the wind normal to the path. The
temperature of a sonic is the mean over its paths, and so is the correction: (A u2 + B v2 + C w2) / 403. For three paths at equal angles
around the vertical, inclined by phi against the horizontal, A = B = 1 - cos2(phi)/2 and C = cos2(phi); the mixed products cancel.

Never for a sonic of `CORRECTED_BY_THE_SONIC`: the wind would be counted twice.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from edge.science.arrays import FloatArray
from edge.science.eddy.window import Window

SQUARED_SPEED_PER_KELVIN = 403.0
"""c2 / T of air, m2 s-2 K-1, as in Liu et al. (EddyPro's divisor 1209 is three times this, for the sum over three paths)."""

Factors = tuple[float, float, float]


def factors_of_inclination(inclination_deg: float) -> Factors:
    """A, B and C of three paths evenly around the vertical.

    Parameters: ``inclination_deg`` of the paths against the horizontal. Source: Liu et al. 2001, table 1 (column "Solent", with phi).

    >>> [round(factor, 6) for factor in factors_of_inclination(60.0)]
    [0.875, 0.875, 0.25]
    """
    c2 = math.cos(math.radians(inclination_deg)) ** 2
    return 1.0 - 0.5 * c2, 1.0 - 0.5 * c2, c2


FACTORS: Mapping[str, Factors] = MappingProxyType(
    {
        "csat3": (7.0 / 8.0, 7.0 / 8.0, 1.0 / 4.0),
        "usa1": (3.0 / 4.0, 3.0 / 4.0, 1.0 / 2.0),
        "solent_r2": (1.0 / 2.0, 1.0, 1.0 / 2.0),
        "solent_r3": factors_of_inclination(45.0),
        "windmaster": factors_of_inclination(45.0),
    }
)
"""Liu et al. 2001, Boundary-Layer Meteorology 100, 459-468, table 1: CSAT3 (60 deg), USA-1 (45 deg), Solent R2 (which listens on one path
only; the mixed product u w of that path is left out there and here), Solent R3 and WindMaster (45 deg). For another sonic, the HS
among them, give the inclination of its paths to `factors_of_inclination`."""

CORRECTED_BY_THE_SONIC = frozenset({"csat3", "csat3a", "csat3b", "irgason", "young_81000"})
"""Makers' manuals: the temperature put out has the correction (Campbell; Young 81000-90)."""


def corrected(ts_k: FloatArray, u: FloatArray, v: FloatArray, w: FloatArray, factors: Factors) -> FloatArray:
    """Sonic temperature with the cross-wind taken out.

    Parameters: ``ts_k`` (n,) K as the sonic gave it; ``u``, ``v``, ``w`` (n,) m s-1 in the sonic's own frame, before any rotation;
    ``factors`` A, B, C. NaN in any gives NaN. Ts + (A u2 + B v2 + C w2) / 403. Source: Liu et al. 2001, table 1.

    >>> float(corrected(np.array([290.0]), np.array([20.15]), np.zeros(1), np.zeros(1), (0.875, 0.875, 0.25))[0])
    290.8815625
    """
    a, b, c = (factor / SQUARED_SPEED_PER_KELVIN for factor in factors)
    out: FloatArray = u * u
    if a == b:
        out += v * v
        out *= a
    else:
        out *= a
        out += b * v * v
    out += c * w * w
    out += ts_k
    return out


def step(window: Window, *, factors: Factors, done_by_the_sonic: bool) -> Window:
    """Correct ``sonic_temperature`` unless the sonic has done it; value ``crosswind_correction`` (mean, K)."""
    names = ("sonic_temperature", "wind_u", "wind_v", "wind_w")
    if done_by_the_sonic or any(name not in window.series for name in names):
        return window
    ts, u, v, w = (window.series[name] for name in names)
    changed = corrected(ts, u, v, w, factors)
    present = np.isfinite(changed)
    mean = float((changed - ts)[present].mean()) if present.any() else math.nan
    # a temperature without its wind cannot be corrected; mixing corrected and uncorrected samples would make steps
    return window.with_series({"sonic_temperature": changed}).found({"crosswind_correction": mean})
