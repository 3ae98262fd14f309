"""The array type of the science package and the few things every module does with it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


def floats(values: ArrayLike) -> FloatArray:
    """``values`` as an array of doubles (any shape; a scalar becomes an array without dimensions); no copy where none is needed."""
    return np.asarray(values, dtype=np.float64)


def count_finite(x: FloatArray) -> int:
    """How many samples of ``x`` are present (neither NaN nor infinite)."""
    return int(np.count_nonzero(np.isfinite(x)))


def mean_of_present(x: FloatArray) -> float:
    """Mean over the samples present; NaN when there is none.

    >>> mean_of_present(floats([1.0, np.nan, 3.0]))
    2.0
    """
    total = float(x.sum())
    if x.size and math.isfinite(total):
        return total / x.size
    present = x[np.isfinite(x)]
    return float(present.mean()) if present.size else float("nan")


def sd_of_present(x: FloatArray) -> float:
    """Population standard deviation (divisor N) over the samples present; NaN when there is none.

    >>> sd_of_present(floats([1.0, np.nan, 3.0]))
    1.0
    """
    present = x if x.size and math.isfinite(float(x.sum())) else x[np.isfinite(x)]
    return float(present.std()) if present.size else float("nan")


def dot(a: FloatArray, b: FloatArray) -> float:
    """Sum of products of two (n,) arrays without NaN, in one fixed order.

    Not BLAS: its threads make the last digits depend on the machine, and wait for each other on a busy one (a file computed again must give
    the same digits).

    >>> dot(floats([1.0, 2.0]), floats([3.0, 4.0]))
    11.0
    """
    return float(np.einsum("i,i->", a, b))
