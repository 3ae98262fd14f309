"""Absolute limits of gases recorded per volume, as EddyPro 7 applies them: coarse ones first, those of the mole fractions after the lag.

Where it differs from `edge.science.eddy.screening.limits`: before pressure and temperature are known only what no air can hold is taken out
(CO2 0 to 2000 umol mol-1, H2O 0 to 80 mmol mol-1 at 0.02245 m3 mol-1), so that a sample between the two is despiked and interpolated like
any other, or kept through despiking and taken out when the lag is found.
"""

from __future__ import annotations

from types import MappingProxyType

from edge.science.arrays import FloatArray
from edge.science.eddy.compatible.constants import STANDARD_MOLAR_VOLUME
from edge.science.eddy.screening import limits
from edge.science.eddy.window import GASES, Window

COARSE = MappingProxyType({"co2": (0.0, 2000e-6 / STANDARD_MOLAR_VOLUME), "h2o": (0.0, 0.080 / STANDARD_MOLAR_VOLUME)})
"""mol m-3"""
OF_FRACTIONS = MappingProxyType({gas: limits.LIMITS[gas] for gas in GASES})
OF_SONIC = MappingProxyType({name: limits.LIMITS[name] for name in limits.NOT_A_GAS})


def coarse_step(window: Window, *, pressure_pa: float) -> Window:
    """Values as `limits.step`, which mole fractions get; of densities only the sonic's series get exact limits, the gases coarse ones, and
    value ``coarse_density_limits`` (1)."""
    if window.gas_form != "density":
        return limits.step(window, pressure_pa=pressure_pa)
    found = limits.step(window, pressure_pa=pressure_pa, limits=OF_SONIC)
    changed: dict[str, FloatArray] = {}
    counts = {"coarse_density_limits": 1.0}
    for gas in (name for name in GASES if name in window.series):
        x, count = limits.outside_to_missing(window.series[gas], *COARSE[gas])
        counts |= {f"outside_{gas}": float(count), f"hard_flag_absolute_limits_{gas}": float(count > 0)}
        if count:
            changed[gas] = x
    return found.with_series(changed).found(counts)


def exact_step(window: Window, *, pressure_pa: float) -> Window:
    """The limits of the mole fractions where only coarse ones were applied; what they take out is added to what those took."""
    if "coarse_density_limits" not in window.values:
        return window
    names = [f"outside_{gas}" for gas in GASES if gas in window.series]
    found = limits.step(window.found(dict.fromkeys(names, 0.0)), pressure_pa=pressure_pa, limits=OF_FRACTIONS)
    counts: dict[str, float] = {}
    for name in names:
        both = window.value(name) + found.value(name)
        counts |= {name: both, f"hard_flag_absolute_limits_{name.removeprefix('outside_')}": float(both > 0)}
    return found.found(counts)
