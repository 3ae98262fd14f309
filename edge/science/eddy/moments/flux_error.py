"""Random error of a flux that is made of several covariances, with everything it inherits from them.

A corrected flux is, to first order, a sum over covariances with w: F = sum a_k <w'x_k'> (the carbon dioxide of an open path from those of
CO2, water and temperature; the heat flux from temperature and water; momentum from the two stress components). It is therefore the
covariance of w with *one* signal, s = sum a_k x_k, and the error after Finkelstein & Sims (2001) of that covariance holds the errors of all
its terms and what they have in common at once. The a_k contain the spectral factors: a flux that was raised carries a raised error.

Two things that the plain error leaves out are in it. The sum over lags goes on until w has forgotten itself (`reach`); ended at one
integral scale of the flux, as in EddyPro, it holds 88 to 96 % of the error. And where each window is turned into its own mean wind, the
mean of w that chance left in the window tilts the frame: F changes by dF/dangle times that mean over the wind.

Not in it: what is not chance (calibration, the model behind a spectral factor, advection), and products of four fluctuations beyond what
Gaussian signals have.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from edge.science.arrays import FloatArray, mean_of_present
from edge.science.eddy.moments.lagged import lagged
from edge.science.eddy.moments.random_error import finkelstein_sims
from edge.science.eddy.window import Step, Window
from edge.science.statistics import covariance

FLUXES = ("momentum_flux", "friction_velocity", "sensible_heat_flux", "latent_heat_flux", "h2o_flux", "co2_flux")
LONGEST_S = 60.0
TIMES_ZERO_CROSSING = 5.0


def sensitivities(
    values: Mapping[str, float],
    function: Callable[[Mapping[str, float]], Mapping[str, float]],
    inputs: Sequence[str],
    outputs: Sequence[str],
) -> dict[str, dict[str, float]]:
    """d output / d input of ``function`` at ``values``, by steps of a thousandth: output → input → derivative.

    Parameters: ``values`` name → number (an input that is missing or NaN is left out); any units. Exact for a linear function.

    >>> slopes = sensitivities({"a": 2.0, "b": 4.0}, lambda v: {"f": 3.0 * v["a"] - v["b"]}, ["a", "b"], ["f"])
    >>> {name: round(slope, 9) for name, slope in slopes["f"].items()}
    {'a': 3.0, 'b': -1.0}
    """
    found: dict[str, dict[str, float]] = {name: {} for name in outputs}
    for name in inputs:
        at = values.get(name, math.nan)
        if math.isnan(at):
            continue
        width = 1e-3 * abs(at) or 1e-9
        low, high = function({**values, name: at - width}), function({**values, name: at + width})
        for output in outputs:
            found[output][name] = (high.get(output, math.nan) - low.get(output, math.nan)) / (2.0 * width)
    return found


def reach(auto_w: FloatArray) -> int:
    """Lag, in samples, to which the sum of Finkelstein & Sims is carried: five times the first zero crossing of the autocovariance of w.

    Parameters: ``auto_w`` (m,) from lag 0 on; all of it when it does not cross. w forgets first, and each term of the sum has w in it
    twice.

    >>> reach(np.array([4.0, 2.0, -0.1, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]))
    10
    """
    below = np.flatnonzero(auto_w <= 0.0)
    return min(auto_w.size - 1, round(TIMES_ZERO_CROSSING * int(below[0])) if below.size else auto_w.size - 1)


def error_of_mean(auto: FloatArray, *, reach: int, samples: int) -> float:
    """Standard error of the mean of a series with memory: sqrt(1/N sum over p of (1 - |p|/N) C(p)), p from -reach to reach.

    Parameters: ``auto`` (m,) autocovariance from lag 0 on, any unit; NaN gives NaN, a negative sum 0. Source: Lumley & Panofsky 1964, The
    structure of atmospheric turbulence, section 1.15.

    >>> error_of_mean(np.array([4.0, 0.0]), reach=1, samples=400)
    0.1
    """
    terms = auto[: reach + 1] * (1.0 - np.arange(min(reach + 1, auto.size)) / samples)
    return math.sqrt(max(0.0, (2.0 * float(terms.sum()) - float(auto[0])) / samples)) if not math.isnan(float(terms.sum())) else math.nan


def flux_errors(
    series: Mapping[str, FloatArray], weights: Mapping[str, Mapping[str, float]], *, rate_hz: float, wind_ms: float | None
) -> dict[str, float]:
    """Standard error of each flux sum a_k <w'x_k'>: flux → error in the flux's unit.

    Parameters: ``series`` name → (n,) with ``wind_u`` and ``wind_w``, rotated, lagged and detrended as the covariances were, NaN missing;
    ``weights`` flux → series → a_k, with the spectral factors; ``wind_ms`` mean wind when each window is rotated into its own mean wind,
    None when the frame is fixed (then no error of tilt). NaN where a series is missing or a weight is NaN. Source: Finkelstein & Sims 2001,
    J. Geophys. Res. 106, 3503-3509, eq. 8-10, on the combined signal.

    >>> rng = np.random.default_rng(1); w, x = rng.normal(size=(2, 40_000))
    >>> found = flux_errors({"wind_u": x, "wind_w": w}, {"flux": {"wind_u": 2.0}}, rate_hz=10.0, wind_ms=None)
    >>> round(found["flux"], 3)  # white noise: 2 sigma_w sigma_x / sqrt(N)
    0.01
    """
    known = {flux: parts for flux, parts in weights.items() if _usable(series, parts)}
    errors = dict.fromkeys(weights, math.nan)
    if "wind_w" not in series or not known or not np.isfinite(series["wind_w"]).any():
        return errors
    alike = {flux: _direction(parts) for flux, parts in known.items()}
    first = {key: known[flux] for flux, key in reversed(alike.items())}
    signals = {key: _combined(series, parts) for key, parts in first.items()}
    lags = lagged({"wind_w": series["wind_w"], **signals}, round(min(LONGEST_S * rate_hz, series["wind_w"].size / 20)))
    auto_w = lags.covariance("wind_w", "wind_w")
    m = reach(auto_w)
    tilt = 0.0
    if wind_ms is not None:
        tilt = error_of_mean(auto_w, reach=m, samples=lags.samples["wind_w"]) / wind_ms if wind_ms > 0 else math.nan
    of_signal = {}
    for key, parts in first.items():
        cross, back, pairs = lags.covariance("wind_w", key), lags.covariance(key, "wind_w"), lags.pairs("wind_w", key)
        plain = finkelstein_sims(auto_w, lags.covariance(key, key), cross, back, reach=m, samples=float(pairs[0]), pairs=pairs)
        turned = parts.get("wind_u", 0.0) * float(auto_w[0]) - covariance(series["wind_u"], signals[key]) if tilt else 0.0
        of_signal[key] = math.hypot(plain, tilt * turned) / _largest(parts)
    return errors | {flux: _largest(parts) * of_signal[alike[flux]] for flux, parts in known.items()}


def _largest(parts: Mapping[str, float]) -> float:
    return max(abs(a) for a in parts.values())


def _direction(parts: Mapping[str, float]) -> str:
    """The ratios of the parts to the largest, to four digits: tau and u*, evaporation and latent heat are one signal, summed once."""
    unit = max(parts.values(), key=abs)
    return ", ".join(f"{name} {parts[name] / unit:.3e}" for name in sorted(parts))


def _usable(series: Mapping[str, FloatArray], parts: Mapping[str, float]) -> bool:
    return any(parts.values()) and all(name in series and math.isfinite(a) for name, a in parts.items())


def _combined(series: Mapping[str, FloatArray], parts: Mapping[str, float]) -> FloatArray:
    total = np.zeros(series["wind_w"].size)
    for name, a in parts.items():
        x = series[name]
        total += a * (x - mean_of_present(x))
    return total


COVARIANCES = {
    "cov_wind_u_wind_w": "wind_u",
    "cov_wind_v_wind_w": "wind_v",
    "cov_wind_w_sonic_temperature": "sonic_temperature",
    "cov_wind_w_h2o": "h2o",
    "cov_wind_w_co2": "co2",
}
"""Name of the covariance with w, and of its other series."""


def step(window: Window, *, fluxes_of: Step, fluxes: Sequence[str] = FLUXES, rotated: bool = True) -> Window:
    """Values ``random_error_<flux>``, one standard error in the flux's unit.

    ``fluxes_of`` computes the fluxes again from the covariances in a window's values (with the spectral factors found); it is asked about
    covariances changed by a thousandth. ``rotated``: the frame was turned into this window's mean wind.
    """
    wanted = [flux for flux in fluxes if not math.isnan(window.value(flux))]
    inputs = [name for name, x in COVARIANCES.items() if x in window.series]
    slopes = sensitivities(window.values, lambda values: fluxes_of(replace(window, values=values)).values, inputs, wanted)
    weights = {flux: {COVARIANCES[name]: a for name, a in parts.items() if a != 0.0} for flux, parts in slopes.items()}
    wind = mean_of_present(window.series["wind_u"]) if rotated and "wind_u" in window.series else None
    errors = flux_errors(window.series, weights, rate_hz=window.rate_hz, wind_ms=wind)
    reasons = {f"random_error_{flux}": "too few samples, or no memory to sum over" for flux, error in errors.items() if math.isnan(error)}
    reasons |= {f"random_error_{flux}": window.reasons.get(flux, "no flux") for flux in fluxes if flux not in errors}
    return window.found({f"random_error_{flux}": errors.get(flux, math.nan) for flux in fluxes}, reasons)
