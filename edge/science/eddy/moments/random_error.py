"""Random error of a covariance: how far the average over one period lies from that over all periods of the same weather.

Finkelstein & Sims (2001) from the covariances at lags, Mann & Lenschow (1994) from the integral scale; Mahrt's (1998) ratio tells whether
the period is of one weather at all. One standard error throughout. What a *flux* inherits from several covariances is in `flux_error`.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from edge.science.arrays import FloatArray
from edge.science.eddy.moments.integral_scale import LONGEST_LAG_S, ZERO_CROSSING, integral_scale_or_surface_s, integral_scale_s
from edge.science.eddy.moments.lagged import lagged
from edge.science.eddy.window import Window

RECORDS = 6
PAIRS = (("wind_u", "wind_w"), ("wind_v", "wind_w"), ("wind_w", "sonic_temperature"), ("wind_w", "co2"), ("wind_w", "h2o"))
UNCORRECTED = {
    "sensible_heat_flux": "cov_wind_w_sonic_temperature",
    "latent_heat_flux": "cov_wind_w_h2o",
    "h2o_flux": "cov_wind_w_h2o",
    "co2_flux": "cov_wind_w_co2",
}
"""Each flux and the covariance it is made of before any correction."""


def finkelstein_sims(
    auto_w: FloatArray,
    auto_x: FloatArray,
    cross: FloatArray,
    back: FloatArray,
    *,
    reach: int,
    samples: float,
    pairs: FloatArray | None = None,
) -> float:
    """Standard error of the covariance of w and x: sqrt(1/N sum over p of (C_ww(p) C_xx(p) + C_wx(p) C_xw(p))), p from -m to m.

    Parameters: ``auto_w``, ``auto_x``, ``cross`` (w before x) and ``back`` (x before w) (m + 1 or more,) covariances from lag 0 on, any
    units; ``reach`` m in samples, cut at what there is; ``samples`` N; ``pairs`` (m + 1 or more,) how many pairs there are at each lag,
    which gives each its share in the variance of the mean, pairs / N (1 - |p| / N in a whole period); None takes 1, as EddyPro does. NaN
    gives NaN, and so does a negative sum. Source: Finkelstein & Sims 2001, J. Geophys. Res. 106, 3503-3509, eq. 8-10.

    >>> finkelstein_sims(np.array([1.0, 0.5]), np.array([4.0, 2.0]), np.zeros(2), np.zeros(2), reach=1, samples=600)
    0.1
    """
    size = min(reach + 1, auto_w.size)
    if size < 1 or not samples > 0:
        return math.nan
    terms = auto_w[:size] * auto_x[:size] + cross[:size] * back[:size]
    if pairs is not None:
        terms = np.where(pairs[:size] > 0, terms * (pairs[:size] / samples), 0.0)
    variance = (2.0 * float(terms.sum()) - float(terms[0])) / samples
    return math.sqrt(variance) if variance >= 0.0 else math.nan


def mann_lenschow(covariance: float, variance_w: float, variance_x: float, *, integral_scale_s: float, period_s: float) -> float:
    """Standard error of the covariance: |<w'x'>| sqrt(2 tau / T (1 + r^2) / r^2), r the correlation of w and x.

    Parameters: covariance and variances, any units; integral scale tau and period T in s. NaN gives NaN; a covariance of zero gives its
    limit, sqrt(2 tau / T) sigma_w sigma_x. Source: Mann & Lenschow 1994, J. Geophys. Res. 99, 14519-14526; Lenschow et al. 1994, J. Atmos.
    Oceanic Technol. 11, 661-673.

    >>> round(mann_lenschow(0.1, 0.25, 0.16, integral_scale_s=2.0, period_s=1800.0), 6)
    0.010541
    """
    inside = 2.0 * integral_scale_s / period_s * (variance_w * variance_x + covariance * covariance)
    return math.sqrt(inside) if inside >= 0.0 else math.nan


def nonstationarity_ratio(w: FloatArray, x: FloatArray, records: int = RECORDS) -> float:
    """Scatter between the covariances of ``records`` parts over what their own scatter explains; about 1 when the period is stationary.

    Each part is cut again into as many: sigma_btw is the standard deviation of the parts' mean covariances, sigma_w the mean over the
    parts of the standard deviation within; the ratio is sigma_btw / (sigma_w / sqrt(J)). Parameters: ``w``, ``x`` (n,), rotated and
    lagged, not detrended; pairs with NaN are left out. NaN when a piece has no pair, or nothing varies. Source: Mahrt 1998, J. Atmos.
    Oceanic Technol. 15, 416-429, eq. 8 to 10.

    >>> w = np.tile([1.0, -1.0], 18); x = w * np.repeat([1.0, 3.0, 2.0, 4.0, 3.0, 5.0, 4.0, 6.0, 5.0], 4)
    >>> round(nonstationarity_ratio(w, x, records=3), 4)
    2.6458
    """
    length = w.size // (records * records)
    if not length:
        return math.nan
    a, b = (y[: length * records * records].reshape(records, records, length) for y in (w, x))
    both = np.isfinite(a) & np.isfinite(b)
    count = np.count_nonzero(both, axis=2)
    if not count.all():
        return math.nan
    if not both.all():
        a, b = np.where(both, a, 0.0), np.where(both, b, 0.0)
    a = a - (a.sum(axis=2) / count)[:, :, None]  # a alone without its mean is enough; holes are put back to zero
    if not both.all():
        a = np.where(both, a, 0.0)
    each = np.einsum("ijk,ijk->ij", a, b) / count
    within = float(each.std(axis=1, ddof=1).mean()) / math.sqrt(records)
    between = float(each.mean(axis=1).std(ddof=1))
    return between / within if within > 0.0 else math.nan


def error_of_converted(error: float, covariance: float, flux: float, *, factor: float = 1.0) -> float:
    """The error of a covariance in the unit of its flux: error |flux / covariance|, times ``factor`` (a spectral factor that ``flux`` has
    not).

    Parameters: any units. NaN gives NaN, and so does a covariance of zero. EddyPro converts with the flux before spectral correction and
    takes 1; a flux that was raised carries a raised error.

    >>> error_of_converted(0.5, -4.0, -120.0)
    15.0
    """
    return abs(error * flux / covariance) * factor if covariance else math.nan


def step(
    window: Window,
    *,
    height_m: float,
    method: Literal["finkelstein_sims", "mann_lenschow"] = "finkelstein_sims",
    until: float | None = ZERO_CROSSING,
    weighted: bool = True,
) -> Window:
    """Values ``random_error_cov_<pair>`` and ``integral_scale_<pair>_s`` of the covariances with w, ``nonstationarity_ratio_<series>``.

    ``height_m`` above the zero plane, for where the correlation gives no integral scale; ``until`` as `integral_scale.integral_scale_s`.
    The sum of Finkelstein & Sims ends at one integral scale of the pair, as EddyPro has it.
    """
    there = {name: x for name, x in window.series.items() if name in {n for pair in PAIRS for n in pair} and np.isfinite(x).any()}
    if "wind_w" not in there:
        return window.found(reasons={"random_error_cov_wind_u_wind_w": window.reasons.get("wind_w", "no vertical wind")})
    rate = window.rate_hz
    lags = lagged(there, round(2 * LONGEST_LAG_S * rate))
    auto_w = lags.covariance("wind_w", "wind_w")
    wind = window.value("wind_speed_ms")
    values: dict[str, float] = {}
    for a, b in PAIRS:
        x = a if b == "wind_w" else b
        if x not in there:
            continue
        auto, cross = lags.covariance(x, x), lags.covariance("wind_w", x)
        scale = integral_scale_or_surface_s(integral_scale_s(cross, rate, until=until), height_m, wind)
        values[f"integral_scale_{a}_{b}_s"] = scale
        pairs = lags.pairs("wind_w", x)
        if method == "mann_lenschow":
            error = mann_lenschow(
                float(cross[0]), float(auto_w[0]), float(auto[0]), integral_scale_s=scale, period_s=window.series["wind_w"].size / rate
            )
        else:
            m = -1 if math.isnan(scale) else round(scale * rate)
            back, n = lags.covariance(x, "wind_w"), float(pairs[0])
            error = finkelstein_sims(auto_w, auto, cross, back, reach=m, samples=n, pairs=pairs if weighted else None)
        values[f"random_error_cov_{a}_{b}"] = error
        values[f"nonstationarity_ratio_{x}"] = nonstationarity_ratio(there["wind_w"], there[x])
    why = "no integral scale: the correlation gives none, and there is no wind or height"
    return window.found(values, {name: why for name, value in values.items() if math.isnan(value)})


def converted_step(window: Window) -> Window:
    """Values ``random_error_<flux>`` from those of the covariances, with each flux's own factor before any correction (as EddyPro has it).

    Momentum: air density times the error of <u'w'>. No spectral factor, nothing of the other covariances in a corrected flux; `flux_error`
    has both.

    >>> found = converted_step(Window(10.0, 1, {}, values={"air_density": 1.2, "random_error_cov_wind_u_wind_w": 0.05}))
    >>> found.value("random_error_momentum_flux")
    0.06
    """
    error, v = {name: window.value(f"random_error_{name}") for name in UNCORRECTED.values()}, window.value
    values = {flux: error_of_converted(error[name], v(name), v(f"uncorrected_{flux}")) for flux, name in UNCORRECTED.items()}
    values["momentum_flux"] = v("air_density") * v("random_error_cov_wind_u_wind_w")
    reasons = {f"random_error_{flux}": "no flux, or no error of its covariance" for flux, one in values.items() if math.isnan(one)}
    return window.found({f"random_error_{flux}": one for flux, one in values.items()}, reasons)
