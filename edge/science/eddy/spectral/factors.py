"""Factor by which a measured covariance is multiplied for what the instruments and the averaging lose: int Co df / int TF Co df.

After Moncrieff et al. (1997): a model cospectrum, and the product of all transfer functions of both signals. Promises: momentum, heat and
each gas, the factor as a whole and its low-pass and high-pass parts alone (their product is the whole to first order). Not here: applying a
factor to a flux; losses learnt from the station's own spectra (`in_situ`).

Where EddyPro and the physics part, the choice is a parameter; the defaults are the physics:

- ``high_pass_once``: a cospectrum meets the gain of the averaging once (only products of the same frequency are left in a covariance).
  EddyPro applies it to both signals: the square.
- ``rooted_paths``: a path's power gain enters by its root for each signal, for temperature the scalar's form. EddyPro takes the wind's
  power gain as if it were an amplitude's, for temperature too.
- ``crosswind_only``: the part of the separation along the wind is taken out with the lag.
- ``highest_hz``, ``trapezoid``: EddyPro integrates to 10 Hz, by left rectangles.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from edge.science.arrays import FloatArray, dot
from edge.science.eddy.spectral import transfer_functions as gain
from edge.science.eddy.spectral.cospectral_models import momentum_cospectrum, scalar_cospectrum
from edge.science.eddy.spectral.instruments import Analyser, Sonic
from edge.science.eddy.window import Window

Detrending = Literal["block", "linear", "running_mean", "exponential"]
"""What was taken out of the series before the covariance."""
LOWEST_HZ = 1 / 5000
GRID_FROM_HZ = 1 / 7200


@dataclass(frozen=True)
class Factors:
    """The factor of one flux, and what it would be for the low-pass and the high-pass losses alone."""

    factor: float
    low_pass: float
    high_pass: float


NOT_KNOWN = Factors(math.nan, math.nan, math.nan)


def frequency_grid(
    *, lowest_hz: float = LOWEST_HZ, highest_hz: float = 100.0, steps: int = 500, trapezoid: bool = True
) -> tuple[FloatArray, FloatArray]:
    """Frequencies (Hz) above ``lowest_hz`` and the width each stands for: equal steps of the logarithm, counted from 1/7200 Hz.

    With ``highest_hz=10, trapezoid=False`` the grid of EddyPro. Frequencies below 1/5000 Hz are no turbulence of the surface layer.

    >>> f, width = frequency_grid(highest_hz=10.0, trapezoid=False)
    >>> f.size, round(float(f[-1]), 9)
    (484, 10.0)
    """
    f = GRID_FROM_HZ * (highest_hz / GRID_FROM_HZ) ** (np.arange(1, steps + 1) / steps)
    f = f[f > lowest_hz]
    if not trapezoid:
        return f, np.append(np.diff(f), 0.0)
    width = np.gradient(f)  # half the way to either neighbour inside; at an end the way to the only one
    width[[0, -1]] /= 2.0
    return f, width


def high_pass(frequency_hz: FloatArray, detrending: Detrending, time_s: float) -> FloatArray:
    """Gain that taking out a mean or trend leaves of a cospectrum.

    Parameters: ``frequency_hz`` (m,); ``time_s`` the averaging period (block, linear) or the time constant of the running mean.

    >>> high_pass(np.array([1e-3]), "block", 1800.0).round(4)
    array([0.9892])
    """
    forms = {
        "block": gain.block_average,
        "linear": gain.linear_detrend,
        "running_mean": gain.running_mean,
        "exponential": gain.exponential_mean,
    }
    return forms[detrending](frequency_hz, time_s)


def sonic_gains(
    frequency_hz: FloatArray, sonic: Sonic, wind_speed_ms: float, *, rooted_paths: bool = True
) -> tuple[FloatArray, FloatArray]:
    """Amplitude gains of a sonic: of each wind component, and of its temperature.

    Parameters: ``frequency_hz`` (m,); ``rooted_paths`` see the module. The wind's form is that of a path along the component; a sonic's
    paths are inclined, which changes the loss by a fraction of itself (Horst & Oncley 2006, Boundary-Layer Meteorology 119, 375-395).

    >>> [g.round(4) for g in sonic_gains(np.array([5.0]), Sonic(0.115, 1 / 60), 3.0)]
    [array([0.8512]), array([0.7969])]
    """
    response = gain.time_response(frequency_hz, sonic.time_constant_s)
    wind = gain.wind_path(frequency_hz, sonic.path_m, wind_speed_ms)
    if not rooted_paths:
        return response * wind, response * wind
    scalar = gain.scalar_path(frequency_hz, sonic.path_m, wind_speed_ms)
    return response * np.sqrt(wind), response * np.sqrt(scalar)


def effective_separation(analyser: Analyser, wind_from_deg: float, *, crosswind_only: bool = True) -> float:
    """Horizontal separation that costs flux, m: the part across the wind, or the whole where the direction is not known.

    Parameters: ``wind_from_deg`` where the wind comes from, degrees; ``crosswind_only`` False takes the whole always.

    >>> round(effective_separation(Analyser(0.127, 0.1, separation_m=0.2, separation_azimuth_deg=90.0), 60.0), 6)
    0.1
    """
    angle = analyser.separation_azimuth_deg - wind_from_deg
    if not crosswind_only or math.isnan(angle):
        return abs(analyser.separation_m)
    return abs(analyser.separation_m * math.sin(math.radians(angle)))


def analyser_gain(
    frequency_hz: FloatArray,
    analyser: Analyser,
    wind_speed_ms: float,
    *,
    gas: str = "co2",
    separation_m: float | None = None,
    viscosity: float = gain.KINEMATIC_VISCOSITY,
) -> FloatArray:
    """Amplitude gain of an analyser with its place and tube: response, path, separation, tube.

    Parameters: ``frequency_hz`` (m,); ``separation_m`` horizontal, the analyser's own when None; ``viscosity`` of the air in the tube, m2
    s-1.

    >>> analyser_gain(np.array([1.0]), Analyser(0.127, 0.1, separation_m=0.15), 3.0).round(4)
    array([0.7411])
    """
    apart = analyser.separation_m if separation_m is None else separation_m
    total = gain.time_response(frequency_hz, analyser.time_constant_s)
    total = total * np.sqrt(gain.scalar_path(frequency_hz, analyser.path_m, wind_speed_ms))
    for distance in (apart, analyser.vertical_separation_m):
        if distance:
            total = total * gain.separation(frequency_hz, distance, wind_speed_ms)
    if analyser.tube is not None:
        t = analyser.tube
        diffusivity = gain.DIFFUSIVITY.get(gas, gain.DIFFUSIVITY["co2"])
        total = total * gain.tube(frequency_hz, t.length_m, t.diameter_m, t.flow_l_per_min, diffusivity, viscosity)
    return np.asarray(total)


def correction_factor(cospectrum: FloatArray, width: FloatArray, low: FloatArray, high: FloatArray) -> Factors:
    """The factor of one flux from its cospectrum and its two gains on one grid.

    Parameters: ``cospectrum`` Co(f), any unit, ``width`` of each frequency, ``low`` and ``high`` gains of the cospectrum, all (m,). NaN
    gives NaN. Source: Moncrieff et al. 1997.

    >>> one = np.ones(2)
    >>> correction_factor(one, one, 0.5 * one, 0.8 * one)
    Factors(factor=2.5, low_pass=2.0, high_pass=1.25)
    """
    weight = cospectrum * width
    whole = float(weight.sum())
    parts = (dot(weight, low * high), dot(weight, low), dot(weight, high))
    return Factors(*(whole / part if part > 0.0 else math.nan for part in parts))


def factors(
    *,
    wind_speed_ms: float,
    height_m: float,
    stability: float,
    averaging_s: float,
    sonic: Sonic,
    analysers: Mapping[str, Analyser] | None = None,
    wind_from_deg: float = math.nan,
    detrending: Detrending = "block",
    time_constant_s: float | None = None,
    high_pass_once: bool = True,
    rooted_paths: bool = True,
    crosswind_only: bool = True,
    highest_hz: float = 100.0,
    trapezoid: bool = True,
    viscosity: float = gain.KINEMATIC_VISCOSITY,
) -> dict[str, Factors]:
    """Factors of ``momentum``, ``heat`` and each gas of ``analysers``.

    Parameters: ``height_m`` above the zero plane; ``stability`` (z - d) / L of the uncorrected fluxes; ``time_constant_s`` of a running
    mean (None: ``averaging_s``); the choices as in the module. A wind speed, height or stability that is missing or impossible gives NaN.

    >>> one = factors(wind_speed_ms=3.0, height_m=4.0, stability=-0.1, averaging_s=1800.0, sonic=Sonic(0.115, 1 / 60),
    ...     analysers={"co2": Analyser(0.127, 0.1, separation_m=0.15)})
    >>> [round(one[name].factor, 4) for name in ("momentum", "heat", "co2")]
    [1.006, 1.0158, 1.0662]
    """
    gases = analysers or {}
    if not (wind_speed_ms > 0.0 and height_m > 0.0) or math.isnan(stability):
        return dict.fromkeys(("momentum", "heat", *gases), NOT_KNOWN)
    f, width = frequency_grid(highest_hz=highest_hz, trapezoid=trapezoid)
    n = f * height_m / wind_speed_ms
    momentum, scalar = momentum_cospectrum(n, stability) / f, scalar_cospectrum(n, stability) / f
    high = high_pass(f, detrending, averaging_s if time_constant_s is None else time_constant_s)
    if not high_pass_once:
        high = high**2
    wind, temperature = sonic_gains(f, sonic, wind_speed_ms, rooted_paths=rooted_paths)
    found = {
        "momentum": correction_factor(momentum, width, wind**2, high),
        "heat": correction_factor(scalar, width, wind * temperature, high),
    }
    done: dict[tuple[object, ...], Factors] = {}
    for gas, analyser in gases.items():
        key = (analyser, gas if _is_laminar(analyser, viscosity) else "")
        if key not in done:
            apart = effective_separation(analyser, wind_from_deg, crosswind_only=crosswind_only)
            of_gas = analyser_gain(f, analyser, wind_speed_ms, gas=gas, separation_m=apart, viscosity=viscosity)
            done[key] = correction_factor(scalar, width, wind * of_gas, high)
        found[gas] = done[key]
    return found


def _is_laminar(analyser: Analyser, viscosity: float) -> bool:
    t = analyser.tube
    return t is not None and gain.reynolds_number(t.flow_l_per_min, t.diameter_m, viscosity) < gain.LAMINAR_BELOW


def step(
    window: Window,
    *,
    sonic: Sonic,
    analysers: Mapping[str, Analyser],
    height_m: float,
    averaging_s: float,
    detrending: Detrending = "block",
    time_constant_s: float | None = None,
    stability_from: str = "stability",
    high_pass_once: bool = True,
    rooted_paths: bool = True,
    crosswind_only: bool = True,
    highest_hz: float = 100.0,
    trapezoid: bool = True,
    viscosity: float | None = None,
) -> Window:
    """Values ``spectral_factor_<flux>``, with ``_low_pass`` and ``_high_pass``, for momentum, heat and each gas in ``analysers``.

    ``stability_from`` names the value of (z - d) / L to take. Without stability the neutral cospectrum stands in, with its reason kept;
    ``viscosity`` None: of the air as it is in this window.
    """
    wind = window.value("wind_speed_ms")
    stability = window.value(stability_from)
    reasons: dict[str, str] = {}
    if math.isnan(stability):
        stability = 0.0
        reasons["spectral_factor_stability"] = "the stability is not known: the neutral cospectrum was taken"
    if viscosity is None:
        air = gain.kinematic_viscosity(window.value("air_temperature_k"), window.value("air_pressure_pa"))
        viscosity = gain.KINEMATIC_VISCOSITY if math.isnan(air) else air
    each = factors(
        wind_speed_ms=wind,
        height_m=height_m,
        stability=stability,
        averaging_s=averaging_s,
        sonic=sonic,
        analysers=analysers,
        wind_from_deg=window.value("wind_from_direction_deg"),
        detrending=detrending,
        time_constant_s=time_constant_s,
        high_pass_once=high_pass_once,
        rooted_paths=rooted_paths,
        crosswind_only=crosswind_only,
        highest_hz=highest_hz,
        trapezoid=trapezoid,
        viscosity=viscosity,
    )
    values: dict[str, float] = {}
    for flux, one in each.items():
        values[f"spectral_factor_{flux}"] = one.factor
        values[f"spectral_factor_{flux}_low_pass"] = one.low_pass
        values[f"spectral_factor_{flux}_high_pass"] = one.high_pass
        if math.isnan(one.factor):
            reasons[f"spectral_factor_{flux}"] = _why(window, wind, height_m)
    return window.found(values, reasons)


def _why(window: Window, wind: float, height_m: float) -> str:
    if math.isnan(wind):
        return next((window.reasons[name] for name in ("wind_u", "wind_v", "wind_w") if name in window.reasons), "no mean wind")
    if not height_m > 0.0:
        return f"the height above the surface is {height_m:g} m"
    return f"no cospectrum at a wind of {wind:g} m s-1"
