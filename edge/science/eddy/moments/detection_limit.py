"""What a flux must exceed to be told from none, and how much of a signal's variance is the instrument's noise.

The detection limit is the covariance of w with the signal at lags so far that no turbulence connects them: what is left is chance and
noise. The noise is what is missing of a signal's variance when its autocovariance is followed back to lag 0. Not here: the random error of
a flux that is there (`random_error`, `flux_error`), which is larger.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edge.science.arrays import FloatArray, dot
from edge.science.eddy.moments.lagged import Lagged, lagged
from edge.science.eddy.window import GASES, Window

FAR_FROM_S, FAR_TO_S = 150.0, 180.0
"""Lags of the far covariances (Spirig et al. 2005; Langford et al. 2015)"""
NOISE_LAGS_S = 0.5
"""Lags the autocovariance is followed back from: inside the inertial subrange at most heights"""


@dataclass(frozen=True)
class FarCovariance:
    """Standard deviation of the covariances at far lags about their mean, and their root mean square (which keeps an offset)."""

    sd: float
    rmse: float


def far_covariance(before: FloatArray, after: FloatArray) -> FarCovariance:
    """Scatter of the covariances at far lags on both sides.

    Parameters: ``before``, ``after`` (m,) covariances at lags of -180 to -150 s and of 150 to 180 s, any unit; NaN are left out. Three
    times ``sd`` is the detection limit of Wienhold et al. 1995, Atmospheric Environment 29, 1101-1109 and Spirig et al. 2005, Atmospheric
    Chemistry and Physics 5, 465-481; ``rmse`` is that of Langford et al. 2015, Atmospheric Measurement Techniques 8, 4197-4213, with the
    scatter of both sides taken in quadrature: sqrt((sd_-^2 + mean_-^2 + sd_+^2 + mean_+^2) / 2).

    >>> far_covariance(np.array([1.0, -1.0]), np.array([3.0, 1.0]))
    FarCovariance(sd=1.0, rmse=1.7320508075688772)
    """
    sides = [x[np.isfinite(x)] for x in (before, after)]
    if not all(x.size for x in sides):
        return FarCovariance(math.nan, math.nan)
    sd = math.sqrt(sum(float(x.var()) for x in sides) / 2.0)
    return FarCovariance(sd, math.sqrt(sum(dot(x, x) / x.size for x in sides) / 2.0))


def far_lags(lags: Lagged, a: str, b: str, rate_hz: float, *, from_s: float = FAR_FROM_S, to_s: float = FAR_TO_S) -> FloatArray:
    """Covariances of ``a`` with ``b`` at lags from ``from_s`` to ``to_s``, in the segments of ``lags`` that hold them.

    Parameters: transformed series, rate in Hz, lags in s. Returns (m,); NaN where the period is shorter than the lag.

    >>> found = far_lags(lagged({"w": np.ones(2000), "c": np.ones(2000)}, 100), "w", "c", 10.0)
    >>> found.size, float(np.abs(found).max())
    (301, 0.0)
    """
    first, last = round(from_s * rate_hz), round(to_s * rate_hz)
    segments = range(first // lags.block, last // lags.block + 1)
    joined = np.concatenate([lags.covariance(a, b, segment=segment) for segment in segments])
    return joined[first - segments[0] * lags.block : last - segments[0] * lags.block + 1]


def noise_sd(auto: FloatArray, lags: int, *, exponent: float = 2.0 / 3.0) -> float:
    """Standard deviation of the white noise in a signal: the root of C(0) less the autocovariance followed from its first lags back to 0.

    Parameters: ``auto`` (m,) autocovariance from lag 0 on, any unit squared; ``lags`` how many after lag 0 the line C(p) = C' - a
    p^exponent is fitted to (2/3: the inertial subrange; 1: a straight line). 0 where the extrapolation exceeds C(0); NaN with fewer than
    two lags. Source: Lenschow et al. 2000, J. Atmos. Oceanic Technol. 17, 1330-1347; Mauder et al. 2013, Agricultural and Forest
    Meteorology 169, 122-135.

    >>> round(noise_sd(np.array([1.25, 0.9, 0.8, 0.7]), 3, exponent=1.0), 9)
    0.5
    """
    y = auto[1 : lags + 1]
    if y.size < 2 or not np.isfinite(auto[: lags + 1]).all():
        return math.nan
    t = np.arange(1, y.size + 1) ** exponent
    d = t - t.mean()
    slope = dot(d, y) / dot(d, d)
    return math.sqrt(max(0.0, float(auto[0]) - (float(y.mean()) - slope * float(t.mean()))))


def noise_error(noise: float, sd_w: float, samples: int) -> float:
    """Standard error that white noise alone gives a covariance with w: noise sigma_w / sqrt(N).

    Parameters: any units. NaN gives NaN. Source: Lenschow & Kristensen 1985, J. Atmos. Oceanic Technol. 2, 68-81; Mauder et al. 2013.

    >>> noise_error(0.1, 0.5, 10_000)
    0.0005
    """
    return noise * sd_w / math.sqrt(samples) if samples > 0 else math.nan


OF_FLUXES = {
    "sensible_heat_flux": ("sonic_temperature", "heat"),
    "latent_heat_flux": ("h2o", "h2o"),
    "h2o_flux": ("h2o", "h2o"),
    "co2_flux": ("co2", "co2"),
}
"""flux → series of its covariance with w, name of its spectral factor"""


def of_flux(limit: float, covariance: float, uncorrected: float, factor: float = 1.0) -> float:
    """The detection limit of a covariance as one of its flux: limit |uncorrected flux / covariance| times the spectral factor.

    Parameters: limit and covariance in one unit, the flux that the covariance alone gives, the factor its losses are corrected with. NaN,
    or a covariance of zero, gives NaN. What the density correction adds is no part of it: it is not measured by this covariance.

    >>> round(of_flux(0.01, -0.2, -240.0, 1.1), 9)
    13.2
    """
    return limit * abs(uncorrected / covariance) * factor if covariance else math.nan


def of_fluxes_step(window: Window) -> Window:
    """Values ``detection_limit_<flux>``, in the flux's unit (see `of_flux`); after the step of the covariances and that of the fluxes."""
    v = window.value
    values: dict[str, float] = {}
    reasons: dict[str, str] = {}
    for flux, (series, factor) in OF_FLUXES.items():
        name = f"cov_wind_w_{series}"
        if f"detection_limit_{name}" not in window.values:
            continue
        found = of_flux(
            v(f"detection_limit_{name}"), v(name), v(f"uncorrected_{flux}"), window.values.get(f"spectral_factor_{factor}", 1.0)
        )
        values[f"detection_limit_{flux}"] = found
        if math.isnan(found):
            reasons[f"detection_limit_{flux}"] = window.reasons.get(f"detection_limit_{name}", "no flux, or no covariance of it")
    return window.found(values, reasons)


def step(window: Window, *, noise_lags_s: float = NOISE_LAGS_S) -> Window:
    """Values ``detection_limit_cov_wind_w_<gas>`` (three standard deviations), ``far_rmse_cov_wind_w_<gas>``, ``noise_<series>``."""
    names = [name for name in ("wind_w", "sonic_temperature", *GASES) if name in window.series]
    if "wind_w" not in names:
        return window
    near = max(2, round(noise_lags_s * window.rate_hz))
    lags = lagged({name: window.series[name] for name in names}, round((FAR_TO_S - FAR_FROM_S) * window.rate_hz))
    values: dict[str, float] = {}
    for name in names:
        values[f"noise_{name}"] = noise_sd(lags.covariance(name, name), near)
        if name == "wind_w":
            continue
        far = far_covariance(far_lags(lags, name, "wind_w", window.rate_hz), far_lags(lags, "wind_w", name, window.rate_hz))
        values[f"detection_limit_cov_wind_w_{name}"] = 3.0 * far.sd
        values[f"far_rmse_cov_wind_w_{name}"] = far.rmse
    missing = "the period is too short for covariances at far lags, or the series has no samples"
    return window.found(values, {name: missing for name, value in values.items() if math.isnan(value)})
