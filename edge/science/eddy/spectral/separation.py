"""Flux lost because wind and scalar are measured apart, from the distance alone: Horst & Lenschow (2009).

To be used with factors from the station's own spectra, which do not see the separation. Promises: attenuation (measured over true flux)
between 0 and 1 for displacements along the wind, across it and in the vertical. A displacement along the wind costs nothing when the lag of
the largest covariance is taken out. Not here: the transfer function of Moore (1986), which works on a cospectrum
(`transfer_functions.separation`).
"""

from __future__ import annotations

import math


def peaks(stability: float) -> tuple[float, float, float]:
    """Normalised frequencies n_mx, n_my, n_mz that scale displacements along the wind, across it and in the vertical.

    Parameters: ``stability`` (z - d) / L. NaN gives NaN. Source: Horst & Lenschow 2009, Boundary-Layer Meteorology 130, 275-300: 0.07 up to
    z/L = -0.1, then 2.31 - 2.240 (1.015 + 0.15 z/L)^-2; 0.15 up to -0.05, then 2.43 - 2.28 (1.01 + 0.2 z/L)^-2; 0.1 up to 0.03, then 0.43 -
    0.33 (0.964 + 1.2 z/L)^-2.

    >>> [round(n, 4) for n in peaks(-0.5)], [round(n, 4) for n in peaks(0.0)]
    ([0.07, 0.15, 0.1], [0.1357, 0.1949, 0.1])
    """
    if math.isnan(stability):
        return math.nan, math.nan, math.nan
    s = stability
    along = 0.07 if s <= -0.1 else 2.31 - 2.240 * (1.015 + 0.15 * s) ** -2
    across = 0.15 if s <= -0.05 else 2.43 - 2.28 * (1.01 + 0.2 * s) ** -2
    upright = 0.1 if s <= 0.03 else 0.43 - 0.33 * (0.964 + 1.2 * s) ** -2
    return along, across, upright


def horizontal_attenuation(separation_m: float, angle_deg: float, *, height_m: float, stability: float, lag_removed: bool = True) -> float:
    """Measured over true flux for a horizontal displacement: exp(-2 pi sqrt((n_mx x)^2 + (n_my y)^2) / z).

    Parameters: distance in m; ``angle_deg`` between the displacement and the wind (0 along, 90 across); ``height_m`` above the zero plane;
    (z - d) / L; ``lag_removed`` leaves the part along the wind out. NaN gives NaN. Source: Horst & Lenschow 2009.

    >>> round(horizontal_attenuation(0.2, 90.0, height_m=4.0, stability=-0.5), 4)
    0.954
    >>> horizontal_attenuation(0.2, 0.0, height_m=4.0, stability=-0.5)
    1.0
    """
    along, across, _ = peaks(stability)
    angle = math.radians(angle_deg)
    x = 0.0 if lag_removed else along * separation_m * math.cos(angle)
    y = across * separation_m * (0.0 if angle_deg % 180.0 == 0.0 else math.sin(angle))
    return math.exp(-2.0 * math.pi * math.hypot(x, y) / height_m)


def vertical_attenuation(above_m: float, *, height_m: float, stability: float) -> float:
    """Measured over true flux for a scalar measured ``above_m`` above the wind (below it when negative): exp(-2 pi n_mz |dz| / z).

    Parameters: m; ``height_m`` of the wind above the zero plane; (z - d) / L. Taken at the mean height of the two: a scalar below costs
    less than one above by more than this (Kristensen et al. 1997, Journal of Atmospheric and Oceanic Technology 14, 814-821). NaN gives
    NaN.

    >>> round(vertical_attenuation(0.2, height_m=4.0, stability=-0.5), 4)
    0.9698
    """
    _, _, upright = peaks(stability)
    return math.exp(-2.0 * math.pi * upright * abs(above_m) / (height_m + above_m / 2.0))


def separation_factor(
    separation_m: float, angle_deg: float, above_m: float = 0.0, *, height_m: float, stability: float, lag_removed: bool = True
) -> float:
    """Factor that gives a flux back what a displacement took: one over both attenuations.

    Parameters as `horizontal_attenuation` and `vertical_attenuation`.

    >>> round(separation_factor(0.2, 90.0, height_m=4.0, stability=-0.5), 4)
    1.0483
    """
    level = horizontal_attenuation(separation_m, angle_deg, height_m=height_m, stability=stability, lag_removed=lag_removed)
    return 1.0 / (level * vertical_attenuation(above_m, height_m=height_m, stability=stability))
