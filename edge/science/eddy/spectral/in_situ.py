"""Spectral losses of a gas learnt from the station's own spectra: the cut-off frequency of the whole system, and factors from it.

Temperature and gas are carried by the same eddies; where the gas spectrum falls below that of temperature the system (tube, filters, cell)
is too slow. Promises: pure functions from spectra of many periods to a cut-off, and from a cut-off to a factor; when there is not enough to
learn from, a `NotReady` with the number that is needed, never a guess. Not here: choosing the periods (strong fluxes, steady, daytime for
water), storing them, applying the factor; the loss by separation (`separation`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from edge.science.arrays import FloatArray, dot, floats
from edge.science.eddy.spectral.cospectral_models import peak_frequency

FEWEST_PERIODS = 10
"""Spectra an ensemble needs before its mean is smooth enough for a fit (EddyPro's smallest class)."""
FEWEST_BINS = 8
GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0


@dataclass(frozen=True)
class NotReady:
    """There is not enough yet: ``have`` of ``needed`` of what."""

    what: str
    have: int
    needed: int

    def __str__(self) -> str:
        return f"{self.have} of {self.needed} {self.what}"


@dataclass(frozen=True)
class Cutoff:
    """A fitted cut-off frequency (half power, Hz; infinite when no loss is seen), the plateau of the ratio, and the rms of its
    logarithm."""

    cutoff_hz: float
    plateau: float
    rms: float


@dataclass(frozen=True)
class HumidityDependence:
    """Cut-off of water vapour as exp(c0 + c1 RH + c2 RH^2), RH as a share between the lowest and the highest humidity learnt."""

    c0: float
    c1: float
    c2: float
    lowest: float
    highest: float

    def cutoff_hz(self, humidity_percent: float) -> float:
        """The cut-off at a relative humidity in percent; beyond what was learnt, that of the nearest learnt humidity."""
        rh = min(max(humidity_percent / 100.0, self.lowest), self.highest)
        return math.exp(self.c0 + self.c1 * rh + self.c2 * rh * rh)


@dataclass(frozen=True)
class IbromCoefficients:
    """Factor = 1 + a1 U / (a2 + fc): a1 in s-1 (m s-1)-1, a2 in Hz."""

    a1: float
    a2: float


def first_order_gain(frequency_hz: ArrayLike, cutoff_hz: float, *, lag_removed: bool = True) -> FloatArray:
    """Gain of a cospectrum whose scalar is slowed by a first-order system: 1 / sqrt(1 + (f/fc)^2), or 1 / (1 + (f/fc)^2).

    Parameters: ``frequency_hz`` (m,); ``cutoff_hz`` fc (infinite: 1); ``lag_removed`` the delay of the system was taken out with the lag of
    the largest covariance (the root), else its phase still costs covariance (no root). Source: Horst 1997; Peltola et al. 2021, Atmospheric
    Measurement Techniques 14, 5071-5088.

    >>> first_order_gain([0.1, 1.0], 1.0).round(4), first_order_gain([1.0], 1.0, lag_removed=False)
    (array([0.995 , 0.7071]), array([0.5]))
    """
    power = 1.0 / (1.0 + (floats(frequency_hz) / cutoff_hz) ** 2)
    return np.sqrt(power) if lag_removed else power


def delayed_gain(frequency_hz: ArrayLike, cutoff_hz: float, delay_s: float) -> FloatArray:
    """Gain of a cospectrum whose scalar is slowed by a first-order system and then moved ``delay_s`` earlier, exactly.

    (cos wt + w tau sin wt) / (1 + (w tau)^2), w = 2 pi f, tau = 1 / (2 pi fc), t the delay: real part of the response with the shift;
    between the two forms of `first_order_gain`. Parameters: ``frequency_hz`` (m,); Hz; s. Source: Peltola et al. 2021.

    >>> delayed_gain([1.0], 1.0, 0.0), delayed_gain([1.0], 1.0, 0.125).round(4)
    (array([0.5]), array([0.7071]))
    """
    x = floats(frequency_hz) / cutoff_hz
    phase = 2.0 * np.pi * floats(frequency_hz) * delay_s
    return np.asarray((np.cos(phase) + x * np.sin(phase)) / (1.0 + x * x))


def delay_of_largest_covariance(frequency_hz: ArrayLike, weight: ArrayLike, cutoff_hz: float) -> float:
    """The delay (s) a first-order system adds to the lag at which the covariance is largest.

    Parameters: ``frequency_hz`` and ``weight`` (m,), cospectrum times width; ``cutoff_hz`` fc. Between 0 and 1 / (2 pi fc), which slow
    eddies have and fast ones do not; 0 for an infinite cut-off. Source: Peltola et al. 2021.

    >>> f = np.logspace(-3, 1, 200); width = np.gradient(f)
    >>> round(2 * math.pi * 1.0 * delay_of_largest_covariance(f, width / (0.05 + f) ** 2.3, 1.0), 2)
    0.73
    """
    if not math.isfinite(cutoff_hz):
        return 0.0
    f, w = floats(frequency_hz), floats(weight)
    sign = math.copysign(1.0, float(w.sum()))
    best, _ = _least(lambda t: -sign * dot(w, delayed_gain(f, cutoff_hz, t)), 0.0, 1.0 / (2.0 * math.pi * cutoff_hz), 21)
    return best


def ensemble_ratio(gas: ArrayLike, temperature: ArrayLike, *, fewest: int = FEWEST_PERIODS) -> FloatArray | NotReady:
    """Ratio of the mean normalised spectrum of a gas to that of temperature, bin by bin, (m,).

    Parameters: ``gas``, ``temperature`` (periods, m), f S / variance on the same bins; a NaN is left out of both. `NotReady` with fewer
    than ``fewest`` periods that have anything; a bin without any is NaN.

    >>> ensemble_ratio(np.full((10, 2), 0.1), np.full((10, 2), 0.2)), str(ensemble_ratio(np.ones((3, 2)), np.ones((3, 2))))
    (array([0.5, 0.5]), '3 of 10 periods with spectra')
    """
    g, t = floats(gas), floats(temperature)
    both = np.isfinite(g) & np.isfinite(t)
    have = int(both.any(axis=1).sum()) if g.ndim == 2 else 0
    if have < fewest:
        return NotReady("periods with spectra", have, fewest)
    above, below = np.where(both, g, 0.0).sum(axis=0), np.where(both, t, 0.0).sum(axis=0)
    return np.asarray(np.divide(above, below, out=np.full(below.shape, np.nan), where=below > 0.0))


def fit_cutoff(
    frequency_hz: ArrayLike,
    gas_ratio: ArrayLike,
    *,
    lowest_hz: float = 0.005,
    highest_hz: float = math.inf,
    weights: ArrayLike | None = None,
) -> Cutoff | NotReady:
    """Cut-off fc and plateau A of ratio = A / (1 + (f/fc)^2), least squares of the logarithm.

    Parameters: ``frequency_hz``, ``gas_ratio``, ``weights`` (m,); only finite positive ratios from ``lowest_hz`` to ``highest_hz`` are
    used: choose the highest below where the analyser's noise lifts its spectrum. `NotReady` with fewer than 8 of them; a cut-off beyond
    three times the highest frequency used is infinite (no loss seen). Source: Ibrom et al. 2007, Agricultural and Forest Meteorology 147,
    140-156.

    >>> f = np.logspace(-2, 0.7, 20)
    >>> fit = fit_cutoff(f, 1.1 / (1 + (f / 0.8) ** 2))
    >>> round(fit.cutoff_hz, 4), round(fit.plateau, 4)
    (0.8, 1.1)
    """
    f, r = floats(frequency_hz), floats(gas_ratio)
    weight = np.ones(f.shape) if weights is None else floats(weights)
    used = np.isfinite(r) & (r > 0.0) & (f >= lowest_hz) & (f <= highest_hz) & (weight > 0.0)
    if int(used.sum()) < FEWEST_BINS:
        return NotReady("frequency bins with a ratio", int(used.sum()), FEWEST_BINS)
    f2, log_r, weight = f[used] ** 2, np.log(r[used]), weight[used] / float(weight[used].sum())

    def of(log_cutoff: float) -> tuple[float, float]:
        left = log_r + np.log1p(f2 * math.exp(-2.0 * log_cutoff))
        plateau = dot(weight, left)
        return dot(weight, (left - plateau) ** 2), plateau

    low, high = math.log(math.sqrt(float(f2.min())) / 3.0), math.log(math.sqrt(float(f2.max())) * 3.0)
    best, at_end = _least(lambda x: of(x)[0], low, high)
    squares, plateau = of(best)
    cutoff = math.inf if at_end == 1 else math.nan if at_end == -1 else math.exp(best)
    return Cutoff(cutoff, math.exp(plateau), math.sqrt(squares))


def _least(cost: Callable[[float], float], low: float, high: float, points: int = 61) -> tuple[float, int]:
    """Where ``cost`` is least between two ends (a row of points, then the golden section), and -1 or 1 when that is an end."""
    xs = np.linspace(low, high, points)
    best = int(np.argmin([cost(float(x)) for x in xs]))
    if best in (0, points - 1):
        return float(xs[best]), -1 if best == 0 else 1
    a, b = float(xs[best - 1]), float(xs[best + 1])
    for _ in range(40):
        c, d = b - GOLDEN * (b - a), a + GOLDEN * (b - a)
        a, b = (a, d) if cost(c) < cost(d) else (c, b)
    return (a + b) / 2.0, 0


def cutoff_of_humidity(
    humidity_percent: ArrayLike, cutoff_hz: ArrayLike, counts: ArrayLike, *, fewest: int = FEWEST_PERIODS, fewest_classes: int = 3
) -> HumidityDependence | NotReady:
    """Dependence of the cut-off of water vapour on relative humidity, from the cut-offs of humidity classes, weighted with their periods.

    Parameters: mean relative humidity in percent, cut-off in Hz, number of periods, (k,) each. A class with fewer than ``fewest`` periods
    or without a finite cut-off is left out; `NotReady` below ``fewest_classes`` classes. A straight line of ln fc with three classes, a
    parabola with more. Source: Ibrom et al. 2007 (water clings to tubes).

    >>> found = cutoff_of_humidity([20, 40, 60, 80], [2.0, 1.0, 0.5, 0.25], [20, 20, 20, 20])
    >>> round(found.cutoff_hz(50), 4), round(found.cutoff_hz(99), 4)
    (0.7071, 0.25)
    """
    rh, fc, n = floats(humidity_percent) / 100.0, floats(cutoff_hz), floats(counts)
    used = (n >= fewest) & np.isfinite(fc) & (fc > 0.0) & np.isfinite(rh)
    if int(used.sum()) < fewest_classes:
        return NotReady(f"humidity classes with {fewest} periods and a cut-off", int(used.sum()), fewest_classes)
    rh, log_fc, n = rh[used], np.log(fc[used]), n[used]
    degree = 1 if rh.size <= 3 else 2
    powers = [rh**p for p in range(degree + 1)]
    normal = np.array([[dot(n * a, b) for b in powers] for a in powers])
    right = np.array([dot(n * a, log_fc) for a in powers])
    try:
        c = [*np.linalg.solve(normal, right).tolist(), 0.0]
    except np.linalg.LinAlgError:
        return NotReady("different humidities", int(np.unique(rh).size), degree + 1)
    return HumidityDependence(c[0], c[1], c[2], float(rh.min()), float(rh.max()))


def horst_factor(cutoff_hz: float, *, wind_speed_ms: float, height_m: float, stability: float) -> float:
    """Factor of a flux measured with a first-order sensor: 1 + (2 pi n_m tau U / z)^alpha, tau = 1 / (2 pi fc).

    Parameters: Hz, m s-1, m above the zero plane, (z - d) / L. alpha = 7/8 neutral and unstable, 1 stable; n_m from
    `cospectral_models.peak_frequency`. For a covariance at the lag of the wind (the delay of the sensor not taken out). NaN gives NaN.
    Source: Horst 1997, Boundary-Layer Meteorology 82, 219-233.

    >>> round(horst_factor(1.0, wind_speed_ms=3.0, height_m=4.0, stability=-0.1), 4)
    1.0899
    """
    alpha = 7.0 / 8.0 if stability <= 0.0 else 1.0
    x = peak_frequency(stability) * wind_speed_ms / (height_m * cutoff_hz)
    return math.nan if math.isnan(x) or x < 0.0 else 1.0 + math.pow(x, alpha)


def fit_ibrom(
    wind_speed_ms: ArrayLike, cutoff_hz: ArrayLike, factor: ArrayLike, *, fewest: int = FEWEST_PERIODS
) -> IbromCoefficients | NotReady:
    """Coefficients of `ibrom_factor` from degraded heat covariances: least squares over periods and cut-offs.

    Parameters: (k,) each; ``factor`` covariance over degraded covariance (`degraded`) of one stability class (unstable and stable apart).
    Values that are not finite or below 1 are left out. `NotReady` with fewer than ``fewest``. Source: Ibrom et al. 2007.

    >>> u, fc = np.repeat([2.0, 4.0, 6.0], 4), np.tile([0.05, 0.2, 0.6, 1.6], 3)
    >>> found = fit_ibrom(u, fc, 1 + 0.02 * u / (0.1 + fc))
    >>> round(found.a1, 5), round(found.a2, 5)
    (0.02, 0.1)
    """
    u, fc, excess = floats(wind_speed_ms), floats(cutoff_hz), floats(factor) - 1.0
    used = np.isfinite(u) & np.isfinite(fc) & np.isfinite(excess) & (excess >= 0.0) & (u > 0.0) & (fc > 0.0)
    if int(used.sum()) < fewest:
        return NotReady("pairs of covariance and degraded covariance", int(used.sum()), fewest)
    u, fc, excess = u[used], fc[used], excess[used]

    def of(log_a2: float) -> tuple[float, float]:
        x = u / (math.exp(log_a2) + fc)
        a1 = dot(x, excess) / dot(x, x)
        left = excess - a1 * x
        return dot(left, left), a1

    best, _ = _least(lambda x: of(x)[0], math.log(1e-4), math.log(10.0))
    return IbromCoefficients(of(best)[1], math.exp(best))


def ibrom_factor(cutoff_hz: float, wind_speed_ms: float, coefficients: IbromCoefficients) -> float:
    """Factor of a gas flux: 1 + a1 U / (a2 + fc).

    Parameters: Hz, m s-1, coefficients of the stability class (`fit_ibrom`). NaN gives NaN. Source: Ibrom et al. 2007.

    >>> round(ibrom_factor(0.4, 5.0, IbromCoefficients(0.02, 0.1)), 9)
    1.2
    """
    return 1.0 + coefficients.a1 * wind_speed_ms / (coefficients.a2 + cutoff_hz)


def fratini_factor(
    frequency_hz: ArrayLike,
    width_hz: ArrayLike,
    cospectrum_w_t: ArrayLike,
    cutoff_hz: float,
    *,
    wind_speed_ms: float = math.nan,
    heat_flux_is_small: bool = False,
    coefficients: IbromCoefficients | None = None,
    lag_removed: bool = True,
) -> float:
    """Factor of a gas flux from this period's own cospectrum of w and temperature, degraded with the gas's cut-off.

    Parameters: ``frequency_hz``, ``width_hz`` (count times the step of the frequencies), ``cospectrum_w_t`` (m,) Co(f), any unit;
    ``cutoff_hz`` fc; ``lag_removed`` with the delay that the largest covariance takes out. Where the heat flux is small its cospectrum is
    noise, and `ibrom_factor` stands in (NaN without ``coefficients``); so it does when the degraded covariance is not smaller than the
    whole and of its sign. Source: Fratini et al. 2012, Agricultural and Forest Meteorology 165, 53-63.

    >>> f = np.logspace(-3, 1, 200); width = np.gradient(f)
    >>> round(fratini_factor(f, width, 1.0 / (0.05 + f) ** 2.3, 1.0), 3)
    1.022
    """
    f, weight = floats(frequency_hz), floats(cospectrum_w_t) * floats(width_hz)
    known = np.isfinite(weight)
    f, weight = f[known], weight[known]
    whole = float(weight.sum())
    delay = delay_of_largest_covariance(f, weight, cutoff_hz) if lag_removed and not heat_flux_is_small else 0.0
    left = dot(weight, delayed_gain(f, cutoff_hz, delay))
    if not heat_flux_is_small and whole * left > 0.0 and abs(left) <= abs(whole):
        return whole / left
    return ibrom_factor(cutoff_hz, wind_speed_ms, coefficients) if coefficients is not None else math.nan
