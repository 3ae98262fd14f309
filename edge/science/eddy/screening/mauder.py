"""Spikes after Mauder et al. (2013): one median and one median absolute deviation (MAD) for the whole period.

A spike is any sample further from the median than ``factor`` MAD / 0.6745 (0.6745 MAD is a standard deviation of Gaussian noise), however
long the run. It is replaced by a straight line and the test is repeated until nothing is found. Robust where many spikes would widen a
standard deviation; blind to a spike that hides inside a trend or a diurnal swing, which the moving windows of `vickers_mahrt` see.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edge.science.arrays import FloatArray
from edge.science.eddy.screening.vickers_mahrt import HARD_SHARE, Despiked, bridge, spike_values
from edge.science.eddy.window import Window

FACTOR = 7.0
MAD_PER_SD = 0.6745
SERIES = ("wind_u", "wind_v", "wind_w", "sonic_temperature", "co2", "h2o", "ch4", "gas4")


def median_and_mad(x: FloatArray) -> tuple[float, float]:
    """Median, and median absolute deviation from it.

    Parameters: ``x`` (n,), any unit, no NaN. Of an even number of samples the mean of the two middle ones. NaN for an empty array.

    >>> median_and_mad(np.array([1.0, 2.0, 3.0, 4.0, 100.0]))
    (3.0, 1.0)
    """
    if not x.size:
        return float("nan"), float("nan")
    median = _middle(x)
    return median, _middle(np.abs(x - median))


def _middle(x: FloatArray) -> float:
    """The median by one partition (`numpy.median` makes the same with more checks)."""
    half = x.size // 2
    parted = np.partition(x, half)
    upper = float(parted[half])
    return upper if x.size % 2 else 0.5 * (upper + float(parted[:half].max()))


def mauder(x: FloatArray, factor: float = FACTOR, passes: int = 10) -> Despiked:
    """Replace spikes by linear interpolation until a pass finds none.

    Parameters: ``x`` (n,), any unit; ``factor`` in MAD / 0.6745. NaN samples stay NaN and are never spikes; a spike at an end takes the
    nearest good value; with a MAD of 0 (more than half of the samples equal) nothing is judged. Events are runs of samples next to each
    other. Source: Mauder et al. 2013, Agricultural and Forest Meteorology 169, 122-135.

    >>> found = mauder(np.array([0.0, 1.0, 0.0, 1.0, 50.0, 60.0, 1.0, 0.0]))
    >>> found.events, found.replaced, found.x[4:6].tolist()
    (1, 2, [1.0, 1.0])
    """
    now = Despiked(x)
    for _ in range(passes):
        median, mad = median_and_mad(now.x[np.isfinite(now.x)])
        reach = factor * mad / MAD_PER_SD
        if not reach > 0.0:
            break
        spikes = np.flatnonzero(np.abs(now.x - median) > reach)
        if not spikes.size:
            break
        now = bridge(now, spikes, 1 + int(np.count_nonzero(np.diff(spikes) > 1)))
    return now


def step(
    window: Window,
    *,
    series: tuple[str, ...] = SERIES,
    factors: Mapping[str, float] | None = None,
    factor: float = FACTOR,
    passes: int = 10,
    hard_share: float = HARD_SHARE,
) -> Window:
    """Despike the named series, ``factors`` overriding ``factor`` for some; counts and flags as `vickers_mahrt.spike_values`."""
    found = {name: mauder(window.series[name], (factors or {}).get(name, factor), passes) for name in series if name in window.series}
    return window.with_series({name: result.x for name, result in found.items() if result.events}).found(spike_values(found, hard_share))
