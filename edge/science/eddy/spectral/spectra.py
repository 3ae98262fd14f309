"""Spectra, cospectra with the vertical wind and ogives of one averaging period, in bins of equal width on the logarithm of frequency.

One real Fourier transform per series, reused for everything. Promises (defaults): the spectra of a series, summed over frequency, give its
variance after linear detrending, and the cospectra the covariance, to rounding (Parseval); the lowest ogive is 1. Gaps are bridged by
straight lines; a series with more than a third missing has no spectrum. Not here: transfer functions, ensembles over many periods
(`in_situ`).

What EddyPro does instead, each a parameter: the first 2^m samples only (``power_of_two``), the mean of the whole taken out and no trend
(``linear=False``), a Hamming window whose loss of power is restored in the mean (``taper``), and normalised with the covariance before
tapering, so that its bins do not sum to 1; missing samples at the beginning (of a gas that leads the wind) are dropped from all series, and
a second time from the one that lacks them (``drop_leading_twice``), which undoes the lag.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.science.arrays import FloatArray, dot, mean_of_present
from edge.science.eddy.spectral.cospectral_models import momentum_cospectrum, scalar_cospectrum
from edge.science.eddy.window import GASES, WIND, Window

BINS = 50
MOST_MISSING = 1 / 3
SHORTEST = 64
"""Fewer samples than this have no spectrum worth the name."""
LARGEST_PRIME = 13


@dataclass(frozen=True)
class Harmonics:
    """The Fourier amplitudes of several series over one section: all that spectra and cospectra are made of.

    ``frequency_hz`` (m,), from the lowest to half the rate; ``step_hz`` between them; ``amplitudes`` per series, (m,) complex; ``density``
    what |amplitude|^2 is multiplied by for a one-sided density per Hz, (m,); ``sections`` the series themselves without mean (and trend).
    """

    frequency_hz: FloatArray
    step_hz: float
    amplitudes: Mapping[str, NDArray[np.complex128]]
    density: FloatArray
    sections: Mapping[str, FloatArray]

    def covariance(self, a: str, b: str) -> float:
        """Population covariance of two sections."""
        x, y = self.sections[a], self.sections[b]
        return dot(x, y) / x.size - float(x.mean()) * float(y.mean())


def filled(x: FloatArray, most_missing: float = MOST_MISSING) -> FloatArray | None:
    """``x`` with straight lines over its gaps (at an end the nearest value); None when more than ``most_missing`` of it is missing.

    >>> filled(np.array([1.0, np.nan, 3.0, 4.0])), filled(np.array([1.0, np.nan]))
    (array([1., 2., 3., 4.]), None)
    """
    there = np.isfinite(x)
    present = int(np.count_nonzero(there))
    if not present or x.size - present > most_missing * x.size:
        return None
    if present == x.size:
        return x
    at = np.arange(x.size)
    return np.interp(at, at[there], x[there])


def quick_length(n: int) -> int:
    """The largest even length up to ``n`` without a prime factor above 13, so that its transform is quick; 0 when there is none.

    >>> quick_length(36000), quick_length(35999), quick_length(1)
    (36000, 35840, 0)
    """
    for length in range(n - n % 2, 1, -2):
        rest = length
        for prime in (2, 3, 5, 7, 11, LARGEST_PRIME):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return length
    return 0


def without_trend(x: FloatArray) -> FloatArray:
    """``x`` less its least-squares straight line.

    >>> without_trend(np.array([1.0, 2.0, 3.0, 6.0])).round(9)
    array([ 0.4, -0.2, -0.8,  0.6])
    """
    n = x.size
    t = np.arange(n, dtype=np.float64) - (n - 1) / 2.0
    y = x - x.mean()
    return np.asarray(y - t * (12.0 * dot(t, y) / (n * (n * n - 1.0)))) if n > 1 else y


def _margins(x: FloatArray) -> tuple[int, int]:
    there = np.isfinite(x)
    return (int(there.argmax()), int(there[::-1].argmax())) if there.any() else (0, 0)


def harmonics(
    series: Mapping[str, FloatArray],
    rate_hz: float,
    *,
    power_of_two: bool = False,
    linear: bool = True,
    taper: bool = False,
    drop_leading_twice: bool = False,
    only: Collection[str] | None = None,
) -> Harmonics | None:
    """Transforms of series on one grid, all over the same section: from where all have begun to where the first ends.

    Parameters: ``series`` (n,) each, any unit, NaN missing; a series with more than a third missing is left out; the choices as in the
    module; ``only`` these are transformed, over the section that suits all. None when nothing is left or fewer than 64 samples are common.
    The window is the periodic Hamming window 0.54 - 0.46 cos(2 pi i / n); the density is |X|^2 2 / (rate sum w^2), half of that at half the
    rate (Press et al. 2007, Numerical Recipes, section 13.4).

    >>> h = harmonics({"x": np.cos(2 * np.pi * 4 * np.arange(100) / 100)}, 10.0)
    >>> float(h.frequency_hz[3]), round(float((h.density * abs(h.amplitudes["x"]) ** 2).sum() * h.step_hz), 4)
    (0.4, 0.4997)
    """
    usable = {name: whole for name, x in series.items() if (whole := filled(x)) is not None}
    if not usable:
        return None
    margins = {name: _margins(series[name]) for name in usable}
    lead, tail = max(m[0] for m in margins.values()), max(m[1] for m in margins.values())
    starts = {name: lead + (margins[name][0] if drop_leading_twice else 0) for name in usable}
    common = min(x.size - starts[name] for name, x in usable.items()) - (0 if power_of_two else tail)
    if common < SHORTEST:
        return None
    n = 1 << (common.bit_length() - 1) if power_of_two else quick_length(common)
    sections, amplitudes = {}, {}
    wanted = usable if only is None else {name: x for name, x in usable.items() if name in only}
    window = 0.54 - 0.46 * np.cos(2.0 * np.pi * np.arange(n) / n) if taper else None
    for name, x in wanted.items():
        cut = x[starts[name] : starts[name] + n]
        section = without_trend(cut) if linear else cut - mean_of_present(series[name])
        sections[name] = section
        amplitudes[name] = np.fft.rfft(section if window is None else section * window)[1:]
    density = np.full(n // 2, 2.0 / (rate_hz * (n if window is None else dot(window, window))))
    density[-1] /= 2.0
    step_hz = rate_hz / n
    return Harmonics(np.arange(1, n // 2 + 1, dtype=np.float64) * step_hz, step_hz, amplitudes, density, sections)


def cospectrum(h: Harmonics, a: str, b: str) -> FloatArray:
    """One-sided cospectral density of two series (the spectral density when they are one), unit² Hz-1.

    Parameters: ``h`` from `harmonics`. Returns (m,), one per frequency of ``h``.

    >>> h = harmonics({"x": np.arange(64.0) % 2}, 10.0)
    >>> round(float(cospectrum(h, "x", "x")[-1] * h.step_hz), 3)
    0.25
    """
    x, y = h.amplitudes[a], h.amplitudes[b]
    product = x.real * y.real + x.imag * y.imag
    return np.asarray(product * h.density)


def bin_starts(frequency_hz: FloatArray, lowest_hz: float, highest_hz: float, bins: int = BINS) -> NDArray[np.intp]:
    """Where each bin that is not empty begins: ``bins`` of equal width on log f from ``lowest_hz`` to ``highest_hz``, upper edge included.

    Parameters: ``frequency_hz`` (m,) ascending. Returns indices into it, the first 0. EddyPro's edges, with one over the period's length as
    the lowest and half the rate as the highest frequency.

    >>> bin_starts(np.array([1.0, 2.0, 3.0, 4.0, 8.0]), 1.0, 8.0, 3)
    array([0, 2, 4])
    """
    edges = lowest_hz * (highest_hz / lowest_hz) ** (np.arange(1, bins) / bins)
    inner = np.searchsorted(frequency_hz, edges * (1.0 + 1e-12), side="right")
    starts = np.unique(np.concatenate([[0], inner]))
    return np.asarray(starts[starts < frequency_hz.size], dtype=np.intp)


def binned(
    h: Harmonics,
    *,
    lowest_hz: float,
    bins: int = BINS,
    wind_speed_ms: float = math.nan,
    height_m: float = math.nan,
    stability: float = math.nan,
) -> dict[str, FloatArray]:
    """The table of one period: a row per bin, from low to high frequency.

    Parameters: ``lowest_hz`` one over the period's length; wind, height and stability (z - d) / L for the normalised frequency and the
    model curves (NaN where they are missing). Columns: ``frequency_hz`` (mean of the bin), ``count``, ``normalised_frequency`` f (z - d) /
    U, ``spectrum_<x>`` f S / variance, ``cospectrum_<x>`` f Co / covariance with the vertical wind, ``ogive_<x>`` share of the covariance
    at and above the bin's lowest frequency, ``model_momentum``, ``model_scalar`` in the measure of the cospectra. The mean frequency times
    the mean density, as EddyPro has it.

    >>> h = harmonics({"wind_w": np.sin(np.arange(200.0)), "co2": 2 * np.sin(np.arange(200.0))}, 10.0)
    >>> table = binned(h, lowest_hz=0.05, bins=5)
    >>> sorted(table)[:4], round(float(table["ogive_co2"][0]), 9)
    (['cospectrum_co2', 'count', 'frequency_hz', 'model_momentum'], 1.0)
    """
    f = h.frequency_hz
    starts = bin_starts(f, lowest_hz, float(f[-1]), bins)
    count = np.diff(np.append(starts, f.size)).astype(np.float64)
    mean_f = np.add.reduceat(f, starts) / count
    n = mean_f * height_m / wind_speed_ms if wind_speed_ms > 0.0 else np.full(mean_f.size, np.nan)
    table = {"frequency_hz": mean_f, "count": count, "normalised_frequency": n}
    for name in h.amplitudes:
        table[f"spectrum_{name}"] = mean_f * np.add.reduceat(cospectrum(h, name, name), starts) / count / _or_nan(h.covariance(name, name))
    for name in h.amplitudes:
        if name == "wind_w" or "wind_w" not in h.amplitudes:
            continue
        sums = np.add.reduceat(cospectrum(h, "wind_w", name), starts) / _or_nan(h.covariance("wind_w", name))
        table[f"cospectrum_{name}"] = mean_f * sums / count
        table[f"ogive_{name}"] = np.cumsum(sums[::-1])[::-1] * h.step_hz
    table["model_momentum"], table["model_scalar"] = momentum_cospectrum(n, stability), scalar_cospectrum(n, stability)
    return table


def _or_nan(x: float) -> float:
    return x if x else math.nan


def step(
    window: Window,
    *,
    height_m: float,
    bins: int = BINS,
    power_of_two: bool = False,
    linear: bool = True,
    taper: bool = False,
    drop_leading_twice: bool = False,
    stability_from: str = "stability",
) -> Window:
    """Table ``spectra`` (columns of `binned`) of the rotated, lagged series; values ``spectra_samples`` and ``spectra_bins``."""
    series = {name: window.series[name] for name in (*WIND, "sonic_temperature", *GASES) if name in window.series}
    h = harmonics(series, window.rate_hz, power_of_two=power_of_two, linear=linear, taper=taper, drop_leading_twice=drop_leading_twice)
    if h is None:
        return window.found(reasons={"spectra": "no series has enough samples for a spectrum"})
    table = binned(
        h,
        lowest_hz=window.rate_hz / window.expected,
        bins=bins,
        wind_speed_ms=window.value("wind_speed_ms"),
        height_m=height_m if height_m > 0.0 else math.nan,
        stability=window.value(stability_from),
    )
    left_out = {f"spectrum_{name}": "more than a third of the samples is missing" for name in series if name not in h.amplitudes}
    values = {"spectra_samples": 2.0 * h.frequency_hz.size, "spectra_bins": float(table["count"].size)}
    return window.with_table("spectra", table).found(values, left_out)
