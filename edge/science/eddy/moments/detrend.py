"""Fluctuations about a mean: of the whole period, about a line, about a running or a recursive mean.

Each function gives the series less its mean course. The block average keeps all the flux a period can hold; the others take slow flux out
with the slow drift, and the spectral correction must give it back (`spectral`).

No loop over samples: the running mean is a difference of running sums; the recursive mean m_i = a m_(i-1) + (1 - a) x_i is, in rows of B
samples, a product with the lower triangle of a^(i-j) inside each row and one short recursion over the rows' last values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal

import numpy as np

from edge.science.arrays import FloatArray, mean_of_present
from edge.science.eddy.window import GASES, WIND, Window

TIME_CONSTANT_S = 250.0
_ROW = 64
Method = Literal["block", "linear", "running_mean", "exponential"]


def block_average(x: FloatArray) -> FloatArray:
    """``x`` less its mean.

    Parameters: ``x`` (n,), any unit; NaN stays NaN and does not enter. Source: Moncrieff et al. 2004, Handbook of Micrometeorology, ch. 2.

    >>> block_average(np.array([1.0, np.nan, 3.0]))
    array([-1., nan,  1.])
    """
    present = np.isfinite(x)
    return np.asarray(x - (x[present].mean() if present.any() else np.nan))


def linear(x: FloatArray, piece: int | None = None) -> FloatArray:
    """``x`` less the least-squares line through it, or through each piece of ``piece`` samples (the last may be shorter).

    Parameters: ``x`` (n,), any unit; NaN stays NaN and does not enter. A piece with one sample is zero. Source: Gash & Culf 1996,
    Boundary-Layer Meteorology 79, 301-306.

    >>> linear(np.array([0.0, 1.0, 2.0, 4.0, 9.0, 9.0]), piece=3).round(3)
    array([ 0.   ,  0.   ,  0.   , -0.833,  1.667, -0.833])
    """
    size = x.size if piece is None else max(1, piece)
    if not x.size:
        return x
    out = np.empty_like(x)
    whole = x.size // size * size
    if whole:
        out[:whole] = _without_line(x[:whole].reshape(-1, size)).reshape(-1)
    if whole < x.size:
        out[whole:] = _without_line(x[None, whole:])[0]
    return out


def _without_line(rows: FloatArray) -> FloatArray:
    present = np.isfinite(rows)
    if present.all():
        t = np.arange(rows.shape[1]) - (rows.shape[1] - 1) / 2.0
        y = rows - rows.mean(axis=1, keepdims=True)
        slope = np.einsum("ij,j->i", y, t) / max(float(np.einsum("j,j->", t, t)), 1e-300)
        return np.asarray(y - slope[:, None] * t)
    count = np.maximum(present.sum(axis=1, keepdims=True), 1)
    t = np.where(present, np.arange(rows.shape[1], dtype=np.float64), 0.0)
    t = np.where(present, t - t.sum(axis=1, keepdims=True) / count, 0.0)
    y = np.where(present, rows, 0.0)
    y = np.where(present, y - y.sum(axis=1, keepdims=True) / count, np.nan)
    slope = np.einsum("ij,ij->i", np.where(present, y, 0.0), t) / np.maximum(np.einsum("ij,ij->i", t, t), 1e-300)
    return np.asarray(y - slope[:, None] * t)


def running_mean(x: FloatArray, window: int) -> FloatArray:
    """``x`` less the mean of the ``window`` samples around each (an even window is made odd); at the ends of those there are.

    Parameters: ``x`` (n,), any unit; NaN stays NaN and does not enter. Source: Moncrieff et al. 2004.

    >>> running_mean(np.array([0.0, 3.0, 0.0, 3.0]), 3)
    array([-1.5,  2. , -2. ,  1.5])
    """
    present = np.isfinite(x)
    whole = bool(present.all())
    offset = x[present].mean() if present.any() else 0.0
    y = x - offset if whole else np.where(present, x - offset, 0.0)
    half = min(window // 2, x.size)
    sums = _around(y, half)
    return (
        np.asarray(y - sums / _counts(x.size, half))
        if whole
        else np.where(present, y - sums / np.maximum(_around(present, half), 1), np.nan)
    )


def _around(x: np.ndarray, half: int) -> FloatArray:
    """Sum of each sample and up to ``half`` neighbours on either side."""
    sums = np.zeros(x.size + 2 * half + 1)
    np.cumsum(x, out=sums[half + 1 : half + 1 + x.size])
    sums[half + 1 + x.size :] = sums[half + x.size]
    return np.asarray(sums[2 * half + 1 :] - sums[: x.size])


def _counts(n: int, half: int) -> FloatArray:
    at = np.arange(n, dtype=np.float64)
    return np.asarray(np.minimum(at, half) + np.minimum(at[::-1], half) + 1.0)


def exponential(x: FloatArray, time_constant: float) -> FloatArray:
    """``x`` less its recursive mean m_i = a m_(i-1) + (1 - a) x_i, a = exp(-1 / time constant), begun at the mean of the period.

    Parameters: ``x`` (n,), any unit; ``time_constant`` in samples. A missing sample leaves the mean as it is: it enters as the period's
    mean, and stays NaN. Source: McMillen 1988, Boundary-Layer Meteorology 43, 231-245; Rannik & Vesala 1999, Boundary-Layer
    Meteorology 91, 259-280.

    >>> exponential(np.array([2.0, 0.0, 0.0, 2.0]), 1 / math.log(2.0))
    array([ 0.5   , -0.75  , -0.375 ,  0.8125])
    """
    present = np.isfinite(x)
    if not present.any():
        return x
    a = math.exp(-1.0 / time_constant)
    y = np.where(present, x - x[present].mean(), 0.0)
    rows = np.zeros((-(-y.size // _ROW), _ROW))
    rows.reshape(-1)[: y.size] = y
    powers = np.power(a, np.arange(_ROW + 1.0))
    inside = (1.0 - a) * _triangle(rows, powers)
    carried = np.empty(len(rows))
    last = 0.0
    for row, end in enumerate(inside[:, -1]):  # one step for _ROW samples
        carried[row] = last
        last = end + powers[_ROW] * last
    mean = inside + carried[:, None] * powers[1:]
    return np.where(present, y - mean.reshape(-1)[: y.size], np.nan)


def _triangle(rows: FloatArray, powers: FloatArray) -> FloatArray:
    """sum over j <= i of a^(i-j) x_j along each row, by doubling: the sum over 2 s samples is that over s, plus a^s times the s before
    them."""
    total = rows.copy()
    span = 1
    while span < rows.shape[1]:
        total[:, span:] += powers[span] * total[:, :-span]
        span *= 2
    return total


def step(window: Window, *, method: Method = "block", time_constant_s: float | None = None) -> Window:
    """Every series becomes its mean plus its fluctuations, so that means stay.

    ``time_constant_s``: length of the pieces of "linear" (None: the whole period), window of "running_mean", time constant of "exponential"
    (both `TIME_CONSTANT_S` when None). "block" changes nothing. A lost series is none of this step's doing.
    """
    if method == "block":
        return window
    samples = (time_constant_s or TIME_CONSTANT_S) * window.rate_hz
    course: Mapping[str, Callable[[FloatArray], FloatArray]] = {
        "linear": partial(linear, piece=round(samples) if time_constant_s else None),
        "running_mean": partial(running_mean, window=round(samples)),
        "exponential": partial(exponential, time_constant=samples),
    }
    names = [name for name in (*WIND, "sonic_temperature", *GASES) if name in window.series]
    without = {name: course[method](window.series[name]) for name in names}
    return window.with_series({name: y + (mean_of_present(window.series[name]) - mean_of_present(y)) for name, y in without.items()})
