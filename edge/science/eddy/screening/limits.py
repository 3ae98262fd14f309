"""Absolute limits: samples outside what the atmosphere can do become missing.

Limits are data handed in; `LIMITS` are those of Vickers & Mahrt (1997) as flux programs use them. Gas densities are held to the same mole
fractions at the window's mean sonic temperature and its pressure.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from edge.science.arrays import FloatArray, mean_of_present
from edge.science.constants import GAS_CONSTANT
from edge.science.eddy.window import WIND, Window

NOT_A_GAS = (*WIND, "sonic_temperature")

LIMITS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "wind_u": (-30.0, 30.0),
        "wind_v": (-30.0, 30.0),
        "wind_w": (-5.0, 5.0),
        "sonic_temperature": (233.15, 323.15),
        "co2": (200e-6, 900e-6),
        "h2o": (0.0, 0.040),
        "ch4": (0.17e-6, 1000e-6),
        "n2o": (0.032e-6, 1000e-6),
    }
)
"""Closed limits: m s-1, K, mol mol-1 (Vickers & Mahrt 1997, J. Atmos. Oceanic Technol. 14, 512-526; values of EddyPro's
default)."""


def outside_to_missing(x: FloatArray, low: float, high: float) -> tuple[FloatArray, int]:
    """Replace samples outside ``[low, high]`` by NaN.

    Parameters: ``x`` (n,), limits in its unit. NaN stays NaN and is not counted. Returns the new series (``x`` itself when nothing was
    outside) and how many samples were taken out.

    >>> outside_to_missing(np.array([1.0, 9.0]), 0.0, 5.0)[1]
    1
    """
    bad = (x < low) | (x > high) | np.isinf(x)
    count = int(np.count_nonzero(bad))
    return (np.where(bad, np.nan, x), count) if count else (x, 0)


def gas_scale(window: Window, pressure_pa: float) -> float:
    """What turns a limit given as mole fraction (mol mol-1) into the form of a window's gases.

    Parameters: ``pressure_pa`` mean pressure. Returns 1 for mole fractions, for densities p / (R T) in mol m-3 with the mean sonic
    temperature of the samples present, NaN when that is not to be had.

    >>> gas_scale(Window(10.0, 1, {}, "mole_fraction"), 1e5)
    1.0
    """
    if window.gas_form != "density":
        return 1.0
    ts = window.series.get("sonic_temperature")
    temperature = mean_of_present(ts) if ts is not None else float("nan")
    return pressure_pa / (GAS_CONSTANT * temperature) if temperature > 0.0 else float("nan")


def step(window: Window, *, pressure_pa: float, limits: Mapping[str, tuple[float, float]] = LIMITS) -> Window:
    """Apply the limits to every series that has them; densities only when pressure and temperature are known.

    Values ``outside_<series>`` (samples taken out) and ``hard_flag_absolute_limits_<series>`` (at least one).
    """
    per_fraction = gas_scale(window, pressure_pa)
    changed: dict[str, FloatArray] = {}
    counts: dict[str, float] = {}
    for name, (low, high) in limits.items():
        scale = 1.0 if name in NOT_A_GAS else per_fraction
        if name not in window.series or not np.isfinite(scale):
            continue
        x, count = outside_to_missing(window.series[name], low * scale, high * scale)
        counts[f"outside_{name}"] = float(count)
        counts[f"hard_flag_absolute_limits_{name}"] = float(count > 0)
        if count:
            changed[name] = x
    return window.with_series(changed).found(counts)
