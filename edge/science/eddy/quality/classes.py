"""The 0-1-2 class of each flux after Mauder & Foken (2004), never better than what is known about the platform.

0: fit for research; 1: fit for budgets; 2: to be left out. Not yet in the class: screening results, signal strength, random error.
"""

from __future__ import annotations

import math

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


def step(window: Window, *, platform_moves: bool) -> Window:
    """Values ``mauder_foken_<flux>`` of the tests and ``class_<flux>``, never better, for every flux that exists: a moving platform, its
    motion still in the wind, makes every class 2."""
    values: dict[str, float] = {}
    for flux, (test, components) in FLUXES.items():
        if math.isnan(window.value(flux)):
            continue
        turbulence = max((window.value(f"turbulence_deviation_{c}") for c in components), key=lambda d: math.inf if math.isnan(d) else d)
        quality = mauder_foken(window.value(f"nonstationarity_{test}"), turbulence)
        values[f"mauder_foken_{flux}"] = float(quality)
        values[f"class_{flux}"] = 2.0 if platform_moves else float(quality)
    return window.found(values)
