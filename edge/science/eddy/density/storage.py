"""Storage below the instruments, from one height: what the air between the surface and the sonic takes up or gives off in a window.

What leaves the surface is the turbulent flux plus this. Positive when the air gains (the part of an upward surface flux that did not
reach the sonic). One height stands for the whole column, so it is an estimate for low masts; for a tower a profile is needed. The change
is taken between the means of the window before and of this one. Not here: a profile; the term of a window whose predecessor is missing
(it is missing, with its reason).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from edge.science.constants import MOLAR_MASS_WATER
from edge.science.eddy.window import Window

NEEDED = ("air_temperature_k", "co2_dry_mole_fraction", "h2o_dry_mole_fraction")
"""the numbers of the window before that the caller keeps"""


def one_point(now: float, before: float, height_m: float, seconds: float) -> float:
    """h (x_now - x_before) / dt, in the unit of x times m s-1.

    Parameters: two means in any unit of concentration per volume, height above the ground or the water in m, time between the middles of
    the two windows in s. NaN, or a height or time that is not positive, gives NaN. Aubinet et al. 2012, Eddy Covariance, section 1.4.2.

    >>> round(1e6 * one_point(16.6e-3, 16.5e-3, 10.0, 1800.0), 4)
    0.5556
    """
    return height_m * (now - before) / seconds if height_m > 0.0 and seconds > 0.0 else math.nan


def step(window: Window, *, before: Mapping[str, float] | None, height_m: float, seconds: float, tolerance: float = 0.01) -> Window:
    """Values ``sensible_heat_storage``, ``latent_heat_storage`` (W m-2), ``h2o_storage``, ``co2_storage`` (mol m-2 s-1).

    ``before`` the values of the window before (None: there is none), with `NEEDED` and ``seconds_before``, the time between the starts of
    the two windows: unless that is one period ``seconds`` (within ``tolerance``), they are not consecutive. Gases as the change of the
    dry mole fraction times the mean density of dry air: warming or moistening of the column is no storage of the gas (Finnigan 2009)."""
    names = ("sensible_heat_storage", "latent_heat_storage", "h2o_storage", "co2_storage")
    if before is None:
        return _missing(window, names, "no window before")
    apart = before.get("seconds_before", math.nan)
    if not abs(apart - seconds) <= tolerance * seconds:
        return _missing(window, names, f"the window before is {apart:g} s away, not {seconds:g} s")
    v = window.value

    def change(name: str) -> float:
        return one_point(v(name), before.get(name, math.nan), height_m, seconds)

    dry = 1.0 / v("dry_molar_volume") if v("dry_molar_volume") > 0.0 else math.nan
    h2o = dry * change("h2o_dry_mole_fraction")
    values = {
        "sensible_heat_storage": v("air_density") * v("heat_capacity") * change("air_temperature_k"),
        "latent_heat_storage": v("latent_heat") * MOLAR_MASS_WATER * h2o,
        "h2o_storage": h2o,
        "co2_storage": dry * change("co2_dry_mole_fraction"),
    }
    lacking = [name for name, value in values.items() if not math.isfinite(value)]
    why = f"the height is {height_m:g} m" if not height_m > 0.0 else "a mean of this window or of the one before is missing"
    return window.found({**values, **dict.fromkeys(lacking, math.nan)}, dict.fromkeys(lacking, why))


def _missing(window: Window, names: tuple[str, ...], why: str) -> Window:
    return window.found(dict.fromkeys(names, math.nan), dict.fromkeys(names, why))
