"""The 0-1-2 class of each flux after Mauder & Foken (2004), never better than what is known about the platform.

0: fit for research; 1: fit for budgets; 2: to be left out. Screening, signal strength, random error and plausibility: `combined`.
"""

from __future__ import annotations

import math
from typing import Literal

from edge.science.eddy.window import Window

FLUXES = {
    "momentum_flux": ("momentum", ("u", "w")),
    "sensible_heat_flux": ("heat", ("w",)),
    "latent_heat_flux": ("h2o", ("w",)),
    "h2o_flux": ("h2o", ("w",)),
    "co2_flux": ("co2", ("w",)),
}
"""flux → its stationarity test and the wind components of its turbulence test"""


def mauder_foken(nonstationarity_percent: float, turbulence_percent: float) -> int:
    """Class from the deviations of the two tests: 0 if both are at most 30 %, 1 if both are at most 100 %, else 2.

    Parameters: percent. An unknown stationarity (NaN) is class 2; an unknown turbulence test (at the equator, or without z/L) allows 1 at
    best.
    Source: Mauder & Foken 2004, Universität Bayreuth, Arbeitsergebnisse 26; limits as in Foken et al. 2004, Handbook of Micrometeorology.

    >>> mauder_foken(20.0, 25.0), mauder_foken(20.0, 60.0), mauder_foken(120.0, 10.0)
    (0, 1, 2)
    """
    if math.isnan(nonstationarity_percent):
        return 2
    worst = max(nonstationarity_percent, 100.0 if math.isnan(turbulence_percent) else turbulence_percent)
    return 0 if worst <= 30.0 else 1 if worst <= 100.0 else 2


PARTIAL_LIMITS = (15.0, 30.0, 50.0, 75.0, 100.0, 250.0, 500.0, 1000.0)
"""percent; up to the first: class 1, above the last: class 9 (Foken et al. 2004, Handbook of Micrometeorology, ch. 9)"""


def partial_class(deviation_percent: float) -> int:
    """Class 1 (best) to 9 of one test's deviation, of stationarity or of turbulence.

    Parameters: percent. NaN is class 9. The table is in whole percent; here a deviation between 15 and 16 is class 2, with the whole
    percent cut off before (as the reference engine has it) class 1.

    >>> [partial_class(x) for x in (15.0, 15.5, 100.0, 1001.0)]
    [1, 2, 5, 9]
    """
    if math.isnan(deviation_percent):
        return 9
    return 1 + sum(deviation_percent > limit for limit in PARTIAL_LIMITS)


def foken(stationarity_class: int, turbulence_class: int, *, third: bool = True) -> int:
    """The overall class 1 (best) to 9 of Foken et al. 2004 (Handbook of Micrometeorology, table 9.4), from the two partial classes.

    Parameters: partial classes. 1-3: fundamental research; 4-6: general use, budgets; 7-8: for orientation; 9: to be left out. ``third``
    False gives 5 where the table's third row (stationary 1-2, turbulence 3-4) gives 3, as the reference engine did in all five cases we
    have.

    >>> foken(1, 2), foken(2, 4), foken(2, 4, third=False), foken(5, 2), foken(9, 1)
    (1, 3, 5, 6, 9)
    """
    s, t = stationarity_class, turbulence_class
    rows = (
        (1, s <= 1 and t <= 2),
        (2, s <= 2 and t <= 2),
        (3, third and s <= 2 and t <= 4),
        (4, s <= 4 and t <= 2),
        (5, s <= 4 and t <= 5),
        (6, s <= 5 and t <= 5),
        (7, s <= 6 and t <= 6),
        (8, s <= 8 and t <= 8),
    )
    return next((number for number, holds in rows if holds), 9)


def turbulence_deviation(window: Window, components: tuple[str, ...]) -> float:
    """The turbulence deviation that counts for a flux, percent: w for scalars, the worse of u and w for momentum; NaN when one is not
    known.

    >>> turbulence_deviation(Window(10.0, 1, {}, values={"turbulence_deviation_u": 9.0, "turbulence_deviation_w": 5.0}), ("u", "w"))
    9.0
    """
    found = [window.value(f"turbulence_deviation_{c}") for c in components]
    return math.nan if any(math.isnan(x) for x in found) else max(found)


WORST = {"mauder_foken": 2.0, "foken": 9.0}


def step(
    window: Window, *, platform_moves: bool, foken_third: bool = True, scheme: Literal["mauder_foken", "foken"] = "mauder_foken"
) -> Window:
    """Values ``mauder_foken_<flux>`` and ``foken_<flux>`` of the tests and ``class_<flux>``, one of them by ``scheme``, for every flux that
    exists: a moving platform, its motion still in the wind, makes every class the worst. The one class that knows the rest too:
    `combined`."""
    values: dict[str, float] = {}
    for flux, (test, components) in FLUXES.items():
        if math.isnan(window.value(flux)):
            continue
        turbulence = turbulence_deviation(window, components)
        stationarity = window.value(f"nonstationarity_{test}")
        quality = mauder_foken(stationarity, turbulence)
        values[f"foken_{flux}"] = float(foken(partial_class(stationarity), partial_class(turbulence), third=foken_third))
        values[f"mauder_foken_{flux}"] = float(quality)
        chosen = values[f"{scheme}_{flux}"]
        values[f"class_{flux}"] = WORST[scheme] if platform_moves else chosen
    return window.found(values)
