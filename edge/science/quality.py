"""QARTOD tests on whole series: arrays in, flags out, nothing else changed.

Promises: one flag per sample (1 pass, 2 not evaluated, 3 suspect, 4 fail, 9 missing); a missing sample never makes a neighbour fail. The
point-by- point forms for the running station are in `edge.quality` (pure Python, no NumPy); a test holds the two to each other.
Source of the tests: IOOS QARTOD manual for water level data, version 2.1 (2021), and the manual's flag scheme.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge.science.arrays import FloatArray, floats

Flags = NDArray[np.int8]
PASS, NOT_EVALUATED, SUSPECT, FAIL, MISSING = 1, 2, 3, 4, 9


def _flags(x: FloatArray, suspect: NDArray[np.bool_], fail: NDArray[np.bool_], evaluated: NDArray[np.bool_]) -> Flags:
    flags = np.full(x.shape, PASS, dtype=np.int8)
    flags[suspect] = SUSPECT
    flags[fail] = FAIL
    flags[~evaluated] = NOT_EVALUATED
    flags[~np.isfinite(x)] = MISSING
    return flags


def gross_range(x: ArrayLike, *, fail: tuple[float, float], suspect: tuple[float, float] = (-np.inf, np.inf)) -> Flags:
    """Outside the limits of the sensor: fail; outside those of the place: suspect.

    Parameters: ``x`` (n,); closed limits in its unit (infinite: open). NaN is flagged missing. QARTOD test 4.

    >>> gross_range([1.0, 3.0, 9.0, np.nan], fail=(0.0, 5.0), suspect=(0.0, 2.0)).tolist()
    [1, 3, 4, 9]
    """
    v = floats(x)
    outside = (v < fail[0]) | (v > fail[1])
    return _flags(v, (v < suspect[0]) | (v > suspect[1]), outside, np.ones(v.shape, dtype=np.bool_))


def spike(x: ArrayLike, *, suspect: float, fail: float = np.inf) -> Flags:
    """A single sample that stands out on the same side from both its neighbours.

    Parameters: ``x`` (n,); thresholds in its unit, per step. The height is the *smaller* of the two differences to the neighbours, zero
    when the value lies between them (differential form). The manual's form, difference to the mean of the neighbours, also fails the good
    neighbours of a spike: 25 fails for 8 faults in the reference data, this one 8. The first and last sample, and any beside a missing one,
    are not evaluated. QARTOD test 6.

    >>> spike([1.0, 1.1, 5.0, 1.2, 1.1], suspect=1.0, fail=3.0).tolist()
    [2, 1, 4, 1, 2]
    """
    v = floats(x)
    height = np.full(v.shape, np.nan)
    if v.size > 2:
        before, after = v[1:-1] - v[:-2], v[1:-1] - v[2:]
        height[1:-1] = np.where(
            before * after > 0.0, np.minimum(np.abs(before), np.abs(after)), np.where(np.isnan(before * after), np.nan, 0.0)
        )
    return _flags(v, height > suspect, height > fail, np.isfinite(height))


def rate_of_change(x: ArrayLike, time_s: ArrayLike, *, suspect: float, fail: float = np.inf) -> Flags:
    """Faster than the water or the air can change, since the last sample present.

    Parameters: ``x`` (n,); ``time_s`` (n,) increasing; thresholds in its unit per minute. The first sample present is not evaluated, nor
    one whose time does not lie after the one before. NaN is flagged missing and bridged. QARTOD test 7, per time instead of per step, so
    that a gap does not fail.

    >>> rate_of_change([1.0, 1.1, 3.1], [0.0, 60.0, 120.0], suspect=1.0).tolist()
    [2, 1, 3]
    """
    v, t = floats(x), floats(time_s)
    rate = np.full(v.shape, np.nan)
    at = np.flatnonzero(np.isfinite(v))
    if at.size > 1:
        elapsed = np.diff(t[at])
        with np.errstate(divide="ignore", invalid="ignore"):
            rate[at[1:]] = np.where(elapsed > 0.0, np.abs(np.diff(v[at])) / elapsed * 60.0, np.nan)
    return _flags(v, rate > suspect, rate > fail, np.isfinite(rate))


def flat_line(x: ArrayLike, *, tolerance: float, suspect_count: int = 3, fail_count: int = 5) -> Flags:
    """So many equal values in a row that the sensor must be stuck.

    Parameters: ``x`` (n,); values are equal when the range of the run stays within ``tolerance`` (inclusive); the counts include the sample
    itself. A sample is flagged when it completes such a run, earlier samples of the run are not. A missing sample ends a run. QARTOD test
    8.

    >>> flat_line([1.0, 2.0, 2.0, 2.0, 2.0, 2.0], tolerance=0.0).tolist()
    [1, 1, 1, 3, 3, 4]
    """
    v = floats(x)
    suspect, fail = _flat(v, tolerance, suspect_count), _flat(v, tolerance, fail_count)
    return _flags(v, suspect, fail, np.ones(v.shape, dtype=np.bool_))


def _flat(v: FloatArray, tolerance: float, count: int) -> NDArray[np.bool_]:
    flat = np.zeros(v.shape, dtype=np.bool_)
    if v.size >= count:
        runs = np.lib.stride_tricks.sliding_window_view(v, count)
        with np.errstate(invalid="ignore"):
            flat[count - 1 :] = runs.max(axis=1) - runs.min(axis=1) <= tolerance
    return flat


def roll_up(*tests: Flags) -> Flags:
    """The flag of each sample over several tests: missing, else fail, else suspect, else pass where any passed, else not evaluated.

    Parameters: flag arrays of one shape. Same rule as `firmware_config.flags.roll_up` without required tests.

    >>> roll_up(np.array([1, 2, 1], dtype=np.int8), np.array([3, 2, 4], dtype=np.int8)).tolist()
    [3, 2, 4]
    """
    every = np.stack(tests)
    worst = np.where((every == PASS).any(axis=0), PASS, NOT_EVALUATED)
    for flag in (SUSPECT, FAIL, MISSING):
        worst = np.where((every == flag).any(axis=0), flag, worst)
    return worst.astype(np.int8)
