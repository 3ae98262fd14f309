"""What a slower sensor would have left of the measured heat covariance, at a row of cut-off frequencies.

The measured temperature, which loses little, is degraded like a gas; covariance over degraded covariance is the factor a gas with that
cut-off needs. A station collects these to learn the coefficients of `in_situ.fit_ibrom` without keeping its spectra. EddyPro counts its
frequencies one too high here (the mean at the first frequency, and so on): ``one_too_high``; that takes too much away at low cut-offs
(DE-HoH: 5 % at 0.004 Hz).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from edge.science.arrays import FloatArray, dot, floats
from edge.science.eddy.spectral.in_situ import first_order_gain
from edge.science.eddy.spectral.spectra import Harmonics, cospectrum, harmonics
from edge.science.eddy.window import Window

CUTOFFS_HZ = (math.inf, 1.626, 0.614, 0.277, 0.133, 0.065, 0.032, 0.016, 0.008, 0.004)
"""Cut-off frequencies of EddyPro's columns W_T_SONIC_COV_IBROM, _N1626 … _N0004; infinite: not degraded."""


def degraded_covariances(
    h: Harmonics,
    cutoffs_hz: ArrayLike = CUTOFFS_HZ,
    *,
    series: str = "sonic_temperature",
    lag_removed: bool = True,
    one_too_high: bool = False,
) -> FloatArray:
    """Covariance of the vertical wind with a series slowed to each cut-off, (k,) in the unit of the covariance.

    Parameters: ``h`` from `spectra.harmonics` without taper; ``cutoffs_hz`` (k,); ``lag_removed`` as in `in_situ.first_order_gain`. The
    product of the means of the two sections is counted in full. Source: Ibrom et al. 2007, Agricultural and Forest Meteorology 147,
    140-156.

    >>> from edge.science.eddy.spectral.spectra import harmonics
    >>> x = np.sin(np.pi / 5 * np.arange(100))
    >>> h = harmonics({"wind_w": x, "sonic_temperature": x}, 10.0, linear=False)
    >>> degraded_covariances(h, [math.inf, 1.0]).round(4)
    array([0.5   , 0.3536])
    """
    co = cospectrum(h, "wind_w", series) * h.step_hz
    means = float(h.sections["wind_w"].mean()) * float(h.sections[series].mean())
    shift = h.step_hz if one_too_high else 0.0
    found = []
    for cutoff in floats(cutoffs_hz):
        gain = first_order_gain(h.frequency_hz + shift, float(cutoff), lag_removed=lag_removed)
        lowest = float(first_order_gain(np.array([shift]), float(cutoff), lag_removed=lag_removed)[0])
        found.append(dot(co, gain) + means * lowest)
    return np.array(found)


def step(
    window: Window, *, power_of_two: bool = False, linear: bool = True, drop_leading_twice: bool = False, one_too_high: bool = False
) -> Window:
    """Table ``degraded_heat``: ``cutoff_hz`` and ``cov_wind_w_sonic_temperature`` at it. Choices as in `spectra`."""
    names = ("wind_w", "sonic_temperature")
    if any(name not in window.series for name in names):
        return window
    h = harmonics(
        window.series, window.rate_hz, power_of_two=power_of_two, linear=linear, drop_leading_twice=drop_leading_twice, only=names
    )
    if h is None or any(name not in h.amplitudes for name in names):
        return window.found(reasons={"degraded_heat": "wind or temperature has not enough samples for a spectrum"})
    table = {"cutoff_hz": floats(CUTOFFS_HZ), "cov_wind_w_sonic_temperature": degraded_covariances(h, one_too_high=one_too_high)}
    return window.with_table("degraded_heat", table)
