"""Block-average covariances of the rotated, lagged series: the raw material of every flux.

Population covariances (divisor N) over the pairs where both samples are present, no detrending (block average).
"""

from __future__ import annotations

import numpy as np

from edge.science.arrays import dot, mean_of_present
from edge.science.eddy.window import GASES, WIND, Window
from edge.science.statistics import covariance

PAIRS = (
    ("wind_u", "wind_w"),
    ("wind_v", "wind_w"),
    ("wind_u", "wind_u"),
    ("wind_v", "wind_v"),
    ("wind_w", "wind_w"),
    ("wind_w", "sonic_temperature"),
    ("sonic_temperature", "sonic_temperature"),
    ("wind_w", "co2"),
    ("wind_w", "h2o"),
    ("co2", "co2"),
    ("h2o", "h2o"),
)


def step(window: Window) -> Window:
    """Means as ``mean_<series>`` and covariances as ``cov_<a>_<b>``, of the series that are there."""
    names = [name for name in (*WIND, "sonic_temperature", *GASES) if name in window.series]
    values = {f"mean_{name}": mean_of_present(window.series[name]) for name in names}
    whole = {name: x - x.mean() for name in names if (x := window.series[name]).size and np.isfinite(x).all()}
    for a, b in PAIRS:
        if a in whole and b in whole:
            values[f"cov_{a}_{b}"] = dot(whole[a], whole[b]) / whole[a].size
        elif a in window.series and b in window.series:
            values[f"cov_{a}_{b}"] = covariance(window.series[a], window.series[b])
    return window.found(values)
