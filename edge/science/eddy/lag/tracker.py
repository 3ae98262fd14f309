"""The lag followed from past windows: per gas, and for water vapour per class of relative humidity.

A window alone finds its lag where the covariance is largest; when the flux is weak (at night, over water) that place is noise and jumps.
The tracker learns from the windows whose covariance stood well above its random error where the lag really lies, and leaves the search only
the neighbourhood of it; with nothing to find there, the learnt lag is the default. Water vapour clings to tube walls the longer the more
humid the air is, so its lag has classes of humidity. A gas without enough good windows says that it is not ready, and is searched for as
the setup alone allows. After the time-lag optimiser of EddyPro (median, 1.5 MAD / 0.6745, at least 0.1 s). Not here: keeping the history.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from edge.science.air import air_from_sonic
from edge.science.arrays import FloatArray, floats, mean_of_present
from edge.science.eddy.lag.search import LagWindow, maximise_covariance, shift_by_lag
from edge.science.eddy.window import GASES, Window

HUMIDITY_CLASSES: tuple[float, ...] = (0.0, 30.0, 50.0, 65.0, 80.0, 90.0, 130.0)
"""percent; finer where sorption makes the lag of water vapour grow"""
LEAST_WINDOWS = 20
LEAST_SIGNIFICANCE = 3.0
"""|covariance| over its random error, for a window that may teach"""
SPREADS = 1.5
NARROWEST_S = 0.1
MAD_TO_SD = 1.0 / 0.6745


@dataclass(frozen=True)
class LearntLag:
    """Where the lag of one gas lies for relative humidities in ``[from_percent, to_percent)``, from so many windows."""

    from_percent: float
    to_percent: float
    window: LagWindow
    windows: int


def learn(
    lag_s: ArrayLike, significance: ArrayLike, humidity_percent: ArrayLike | None = None, *, least_windows: int = LEAST_WINDOWS
) -> tuple[LearntLag, ...]:
    """Search windows from past lags of one gas; classes without enough good windows are left out (all of them: not ready).

    Parameters: (n,) lags that were true maxima, s (NaN: the default was taken, or there was none); |covariance| / random error; relative
    humidity in percent (None: one class for all). Windows below `LEAST_SIGNIFICANCE` or with NaN teach nothing. Each class: median +-
    max(0.1 s, 1.5 MAD / 0.6745), default the median.

    >>> lags = [0.4, 0.5, 0.4, 0.4, 0.3, 1.9] * 5
    >>> found = learn(lags, [9.0, 9.0, 9.0, 9.0, 9.0, 1.0] * 5)[0]
    >>> found.windows, [round(x, 3) for x in (found.window.shortest_s, found.window.default_s, found.window.longest_s)]
    (25, [0.3, 0.4, 0.5])
    """
    lags, clear = floats(lag_s), floats(significance)
    humidity = None if humidity_percent is None else floats(humidity_percent)
    good = np.isfinite(lags) & (clear >= LEAST_SIGNIFICANCE)
    if humidity is None:
        edges: Sequence[float] = (-math.inf, math.inf)
        humidity = np.zeros(lags.shape)
    else:
        edges = HUMIDITY_CLASSES
        good &= np.isfinite(humidity)
    learnt = []
    for low, high in itertools.pairwise(edges):
        here = lags[good & (humidity >= low) & (humidity < high)]
        if here.size >= least_windows:
            learnt.append(LearntLag(low, high, _around(here), int(here.size)))
    return tuple(learnt)


def _around(lags: FloatArray) -> LagWindow:
    middle = float(np.median(lags))
    reach = max(NARROWEST_S, SPREADS * MAD_TO_SD * float(np.median(np.abs(lags - middle))))
    return LagWindow(middle - reach, middle + reach, middle)


def window_for(learnt: Sequence[LearntLag], humidity_percent: float) -> LagWindow | None:
    """The search window at a humidity; of the nearest class where its own has not learnt yet; None without any.

    Parameters: percent; NaN takes the class with most windows.

    >>> dry, wet = LagWindow(0.1, 0.3, 0.2), LagWindow(0.5, 0.9, 0.7)
    >>> known = (LearntLag(0.0, 30.0, dry, 40), LearntLag(80.0, 90.0, wet, 25))
    >>> window_for(known, 95.0) == wet, window_for(known, 40.0) == dry
    (True, True)
    """
    if not learnt:
        return None
    if math.isnan(humidity_percent):
        return max(learnt, key=lambda one: one.windows).window

    def distance(one: LearntLag) -> float:
        return max(one.from_percent - humidity_percent, humidity_percent - one.to_percent, 0.0)

    return min(learnt, key=distance).window


def step(window: Window, *, windows: Mapping[str, LagWindow], learnt: Mapping[str, Sequence[LearntLag]], pressure_pa: float) -> Window:
    """Take out each gas's lag within what was learnt; within ``windows`` (see `search.step`) for a gas that has not learnt yet. Values of
    `search.step`, ``lag_<gas>_tracked`` 1 or 0, and of a tracked gas ``lag_<gas>_wide_s``: where the covariance is largest within
    ``windows`` (NaN: on their edge), so that a lag that moves away for good can be learnt anew."""
    humidity = _relative_humidity_percent(window, pressure_pa)
    found = {gas: window_for(learnt.get(gas, ()), humidity) for gas in GASES}
    known = {gas: one for gas, one in found.items() if one is not None}
    tracked = {f"lag_{gas}_tracked": float(gas in known) for gas in GASES if gas in window.series}
    wide = {f"lag_{gas}_wide_s": _wide_lag(window, gas, windows.get(gas)) for gas in known if gas in window.series}
    return shift_by_lag(window, {**windows, **known}).found({**tracked, **wide})


def _wide_lag(window: Window, gas: str, edges: LagWindow | None) -> float:
    w = window.series.get("wind_w")
    if w is None or edges is None:
        return math.nan
    lag = maximise_covariance(w, window.series[gas], window.rate_hz, edges)
    return math.nan if lag.is_default else lag.samples / window.rate_hz


def _relative_humidity_percent(window: Window, pressure_pa: float) -> float:
    """From the means before the lag is taken out; NaN when it cannot be told."""
    water, sonic = window.series.get("h2o"), window.series.get("sonic_temperature")
    if water is None or sonic is None:
        return math.nan
    mean = mean_of_present(water)
    temperature = mean_of_present(sonic)
    if window.gas_form == "density":
        return air_from_sonic(temperature, pressure_pa, h2o_mol_m3=mean).relative_humidity_percent
    dry = mean if window.gas_form == "dry_mole_fraction" else mean / (1.0 - mean)
    return air_from_sonic(temperature, pressure_pa, h2o_dry_mole_fraction=dry).relative_humidity_percent
