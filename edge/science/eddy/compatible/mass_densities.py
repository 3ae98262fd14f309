"""Gas densities recorded in kg m-3, turned into mol m-3 with EddyPro's rounded molar masses instead of ours (water vapour: 0.026 %)."""

from __future__ import annotations

from types import MappingProxyType

from edge.science.constants import MOLAR_MASS_CO2
from edge.science.constants import MOLAR_MASS_WATER as TRUE_MOLAR_MASS_WATER
from edge.science.eddy.compatible.constants import MOLAR_MASS_WATER
from edge.science.eddy.window import Window

FACTORS = MappingProxyType({"co2": MOLAR_MASS_CO2 / 0.04401, "h2o": TRUE_MOLAR_MASS_WATER / MOLAR_MASS_WATER})


def step(window: Window, *, gases: tuple[str, ...]) -> Window:
    """The densities of ``gases`` as EddyPro would have them from the same file."""
    if window.gas_form != "density":
        return window
    return window.with_series({gas: window.series[gas] * FACTORS[gas] for gas in gases if gas in window.series})
