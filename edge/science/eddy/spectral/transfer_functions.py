"""Transfer functions: which share of a variation of frequency f an instrument or an averaging leaves, each effect alone.

Promises: every function gives a gain between 0 and 1 over an array of frequencies in Hz, and says whether it is the gain of an amplitude,
of a power spectrum or of a cospectrum. A cospectrum meets the amplitude gain of the one signal times that of the other; a power gain enters
it by its square root for each signal. Not here: which of them belong to a flux (`factors`).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from edge.science.arrays import FloatArray, floats

DIFFUSIVITY = {"co2": 1.381e-5, "h2o": 2.178e-5, "ch4": 1.952e-5}
"""Molecular diffusivity in air at 0 C, m2 s-1 (Massman 1998, Atmospheric Environment 32, 1111-1127)"""
LAMINAR_BELOW = 2300.0
"""Reynolds number below which the flow in a tube is laminar"""
KINEMATIC_VISCOSITY = 1.46e-5
"""of air at 15 C and 1013 hPa, m2 s-1 (U.S. Standard Atmosphere 1976). EddyPro's factors fit any value from 1.36e-5 to 1.47e-5."""


def _sinc(x: FloatArray) -> FloatArray:
    return np.sinc(x / np.pi)


def block_average(frequency_hz: ArrayLike, averaging_s: float) -> FloatArray:
    """High pass of taking the mean over a period out: 1 - (sin x / x)^2, x = pi f T. Gain of a power spectrum or of a cospectrum.

    Parameters: ``frequency_hz`` (m,); ``averaging_s`` T. Source: Rannik & Vesala 1999, Boundary-Layer Meteorology 91, 259-280; Moncrieff
    et al. 2004, Handbook of Micrometeorology, ch. 2.

    >>> block_average([1e-4, 1e-3, 1.0], 1800.0).round(4)
    array([0.1021, 0.9892, 1.    ])
    """
    return np.asarray(1.0 - _sinc(np.pi * floats(frequency_hz) * averaging_s) ** 2)


def linear_detrend(frequency_hz: ArrayLike, averaging_s: float) -> FloatArray:
    """High pass of taking a straight line out of a period: 1 - s^2 - 3 (s - cos x)^2 / x^2, s = sin x / x. Power or cospectrum.

    Parameters as `block_average`. Source: Rannik & Vesala 1999, Boundary-Layer Meteorology 91, 259-280 (after Kristensen 1998).

    >>> linear_detrend([1e-4, 1e-3, 1.0], 1800.0).round(4)
    array([0.0022, 0.911 , 1.    ])
    """
    x = np.pi * floats(frequency_hz) * averaging_s
    s = _sinc(x)
    small = np.abs(x) < 1e-4
    safe = np.where(small, 1.0, x)
    line = np.where(small, x / 3.0, (s - np.cos(x)) / safe)
    return np.asarray(1.0 - s**2 - 3.0 * line**2)


def running_mean(frequency_hz: ArrayLike, window_s: float) -> FloatArray:
    """High pass of taking a centred moving average out of both signals: (1 - sin x / x)^2, x = pi f T. Power or cospectrum.

    Parameters: ``frequency_hz`` (m,); ``window_s`` T. Source: Moncrieff et al. 2004, Handbook of Micrometeorology, ch. 2.

    >>> running_mean([1e-4, 1e-3, 1.0], 250.0).round(4)
    array([0.    , 0.0099, 1.    ])
    """
    return np.asarray((1.0 - _sinc(np.pi * floats(frequency_hz) * window_s)) ** 2)


def exponential_mean(frequency_hz: ArrayLike, time_constant_s: float) -> FloatArray:
    """High pass of taking an exponentially weighted running mean out of both signals: x^2 / (1 + x^2), x = 2 pi f tau. Power or cospectrum.

    Parameters: ``frequency_hz`` (m,); ``time_constant_s`` tau. Source: McMillen 1988, Boundary-Layer Meteorology 43, 231-245; Rannik &
    Vesala 1999.

    >>> exponential_mean([1e-4, 1e-3, 1.0], 250.0).round(4)
    array([0.0241, 0.7116, 1.    ])
    """
    x2 = (2.0 * np.pi * floats(frequency_hz) * time_constant_s) ** 2
    return np.asarray(x2 / (1.0 + x2))


def time_response(frequency_hz: ArrayLike, time_constant_s: float) -> FloatArray:
    """Amplitude gain of a sensor that follows with one time constant: 1 / sqrt(1 + (2 pi f tau)^2).

    Parameters: ``frequency_hz`` (m,); ``time_constant_s`` tau. A cospectrum of a lagged pair meets it once per slow sensor: the phase is
    taken out with the lag (Peltola et al. 2021, Atmospheric Measurement Techniques 14, 5071-5088). Source: Moore 1986, Boundary-Layer
    Meteorology 37, 17-35.

    >>> time_response([0.1, 1.0, 10.0], 0.1).round(4)
    array([0.998 , 0.8467, 0.1572])
    """
    return np.asarray(1.0 / np.sqrt(1.0 + (2.0 * np.pi * floats(frequency_hz) * time_constant_s) ** 2))


def wind_path(frequency_hz: ArrayLike, path_m: float, wind_speed_ms: float) -> FloatArray:
    """Power gain of averaging the wind along a path it is measured along: (2 / (pi n)) (1 + e/2 - 3 (1 - e) / (4 pi n)), e = exp(-2 pi n).

    n = f p / U. Parameters: ``frequency_hz`` (m,); ``path_m`` p; ``wind_speed_ms`` U. Source: Kaimal et al. 1968, Journal of Applied
    Meteorology 7, 827-837; Moore 1986 (vertical wind, vertical path).

    >>> wind_path([0.0, 1.0, 10.0], 0.115, 3.0).round(4)
    array([1.    , 0.9956, 0.7942])
    """
    n = floats(frequency_hz) * path_m / wind_speed_ms
    x = 2.0 * np.pi * np.maximum(n, 1e-6)
    e = np.exp(-x)
    full = 4.0 / x * (1.0 + e / 2.0 + 1.5 * np.expm1(-x) / x)
    return np.asarray(np.where(x > 1e-3, full, 1.0))


def scalar_path(frequency_hz: ArrayLike, path_m: float, wind_speed_ms: float) -> FloatArray:
    """Power gain of averaging a scalar along a path: (1 / (2 pi n)) (3 + e - 4 (1 - e) / (2 pi n)), e = exp(-2 pi n), n = f p / U.

    Parameters as `wind_path`. Source: Gurvich 1962; Moore 1986.

    >>> scalar_path([0.0, 1.0, 10.0], 0.127, 3.0).round(4)
    array([1.    , 0.9558, 0.6283])
    """
    n = floats(frequency_hz) * path_m / wind_speed_ms
    x = 2.0 * np.pi * np.maximum(n, 1e-6)
    e = np.exp(-x)
    full = (3.0 + e + 4.0 * np.expm1(-x) / x) / x
    return np.asarray(np.where(x > 1e-3, full, 1.0 - x / 6.0))


def separation(frequency_hz: ArrayLike, separation_m: float, wind_speed_ms: float) -> FloatArray:
    """Cospectral gain of measuring wind and scalar apart, whatever the wind's direction: exp(-9.9 (f s / U)^1.5).

    Parameters: ``frequency_hz`` (m,); ``separation_m`` s; ``wind_speed_ms`` U. The part along the wind is counted too, though the lag takes
    it out (see `spectral.separation` for the part across alone). Source: Moore 1986.

    >>> separation([0.1, 1.0, 10.0], 0.15, 3.0).round(4)
    array([0.9965, 0.8952, 0.0302])
    """
    return np.asarray(np.exp(-9.9 * (floats(frequency_hz) * abs(separation_m) / wind_speed_ms) ** 1.5))


def reynolds_number(flow_l_per_min: float, diameter_m: float, kinematic_viscosity: float = KINEMATIC_VISCOSITY) -> float:
    """Reynolds number of the flow in a tube, v d / nu.

    Parameters: flow in L min-1 at the tube's temperature and pressure, inner diameter in m, viscosity in m2 s-1. NaN gives NaN.

    >>> round(reynolds_number(12.0, 0.0053))
    3291
    """
    return tube_velocity(flow_l_per_min, diameter_m) * diameter_m / kinematic_viscosity


def tube_velocity(flow_l_per_min: float, diameter_m: float) -> float:
    """Mean velocity in a tube, m s-1.

    Parameters as `reynolds_number`.

    >>> round(tube_velocity(12.0, 0.0053), 4)
    9.0654
    """
    return flow_l_per_min * 1e-3 / 60.0 / (math.pi * (diameter_m / 2.0) ** 2)


def kinematic_viscosity(temperature_k: float, pressure_pa: float) -> float:
    """Kinematic viscosity of air, m2 s-1: Sutherland's law (1.458e-6 T^1.5 / (T + 110.4)) over the density of dry air.

    Parameters: K, Pa. NaN gives NaN. Source: U.S. Standard Atmosphere 1976, eq. 51.

    >>> round(1e5 * kinematic_viscosity(288.15, 101325.0), 3)
    1.461
    """
    return 1.458e-6 * temperature_k * math.sqrt(temperature_k) / (temperature_k + 110.4) * 287.05 * temperature_k / pressure_pa


def tube_laminar(frequency_hz: ArrayLike, length_m: float, diameter_m: float, flow_l_per_min: float, diffusivity: float) -> FloatArray:
    """Amplitude gain of a scalar behind a tube with laminar flow: exp(-(pi r f)^2 L / (6 D v)).

    Parameters: ``frequency_hz`` (m,); tube length and inner diameter in m, flow in L min-1, molecular ``diffusivity`` D in m2 s-1
    (`DIFFUSIVITY`). Source: Lenschow & Raupach 1991, Journal of Geophysical Research 96 D8, 15259-15268; Moncrieff et al. 1997.

    >>> tube_laminar([0.1, 1.0, 5.0], 4.0, 0.004, 6.0, 1.381e-5).round(4)
    array([0.9976, 0.787 , 0.0025])
    """
    f, v = floats(frequency_hz), tube_velocity(flow_l_per_min, diameter_m)
    return np.asarray(np.exp(-((np.pi * diameter_m / 2.0 * f) ** 2) * length_m / (6.0 * diffusivity * v)))


def tube_turbulent(
    frequency_hz: ArrayLike, length_m: float, diameter_m: float, flow_l_per_min: float, viscosity: float = KINEMATIC_VISCOSITY
) -> FloatArray:
    """Amplitude gain of a scalar behind a tube with turbulent flow: exp(-80 r f^2 Re^(-1/8) L / v^2).

    Parameters as `tube_laminar`, kinematic ``viscosity`` in m2 s-1. The same for every gas; walls that hold water vapour back are not in
    it. Source: Lenschow & Raupach 1991, eq. 7.

    >>> tube_turbulent([0.1, 1.0, 10.0], 0.711, 0.0053, 12.0).round(4)
    array([1.    , 0.9993, 0.9355])
    """
    f, v = floats(frequency_hz), tube_velocity(flow_l_per_min, diameter_m)
    re = reynolds_number(flow_l_per_min, diameter_m, viscosity)
    return np.asarray(np.exp(-80.0 * diameter_m / 2.0 * f**2 * re**-0.125 * length_m / v**2))


def tube(
    frequency_hz: ArrayLike,
    length_m: float,
    diameter_m: float,
    flow_l_per_min: float,
    diffusivity: float,
    viscosity: float = KINEMATIC_VISCOSITY,
) -> FloatArray:
    """Amplitude gain of a scalar behind a tube, laminar below Re = 2300, turbulent above.

    Parameters as `tube_laminar` and `tube_turbulent`.

    >>> tube([10.0], 0.711, 0.0053, 12.0, 1.381e-5).round(4)
    array([0.9355])
    """
    if reynolds_number(flow_l_per_min, diameter_m, viscosity) < LAMINAR_BELOW:
        return tube_laminar(frequency_hz, length_m, diameter_m, flow_l_per_min, diffusivity)
    return tube_turbulent(frequency_hz, length_m, diameter_m, flow_l_per_min, viscosity)
