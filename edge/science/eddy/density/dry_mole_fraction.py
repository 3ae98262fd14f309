"""Dry mole fraction, sample by sample, for analysers that measure the air's temperature and pressure in their cell.

A flux of dry mole fraction needs no density correction afterwards. Right only where humidity, temperature and pressure come from the same
cell at the same instant; an open path has no such cell (see `density`).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from edge.science.arrays import FloatArray, floats
from edge.science.constants import GAS_CONSTANT
from edge.science.eddy.window import Window


def from_density(gas_mol_m3: ArrayLike, h2o_mol_m3: ArrayLike, temperature_k: ArrayLike, pressure_pa: ArrayLike) -> FloatArray:
    """Moles of gas per mole of dry air, from molar densities in the cell.

    Parameters: all (n,) or scalar: gas and water vapour in mol m-3, cell temperature in K, cell pressure in Pa. NaN in any gives NaN.
    r = n_gas / (P / (R T) - n_h2o). Ibrom et al. 2007, Tellus B 59, 937-946; Burba et al. 2012, Global Change Biology 18, 385-399.

    >>> round(1e6 * float(from_density(0.016, 0.5, 298.15, 100000.0)), 3)
    401.611
    """
    return np.asarray(floats(gas_mol_m3) / (floats(pressure_pa) / (GAS_CONSTANT * floats(temperature_k)) - floats(h2o_mol_m3)))


def from_mole_fraction(gas: ArrayLike, h2o: ArrayLike) -> FloatArray:
    """Moles of gas per mole of dry air, from mole fractions of moist air: r = x / (1 - x_h2o). NaN in any gives NaN.

    Parameters: (n,) or scalar, mol mol-1.

    >>> round(1e6 * float(from_mole_fraction(400e-6, 0.02)), 3)
    408.163
    """
    return np.asarray(floats(gas) / (1.0 - floats(h2o)))


def step(window: Window) -> Window:
    """Turn both gases into dry mole fractions; a gas whose companions are missing is dropped with the reason."""
    if window.gas_form == "dry_mole_fraction" or not {"co2", "h2o"} & set(window.series):
        return window
    needs = ["h2o"] if window.gas_form == "mole_fraction" else ["h2o", "cell_temperature", "cell_pressure"]
    lacking = [name for name in needs if name not in window.series]
    if lacking:
        why = f"no dry mole fraction without {', '.join(lacking)}"
        return window.without({gas: why for gas in ("co2", "h2o") if gas in window.series})
    water = window.series["h2o"]
    dry: dict[str, FloatArray] = {}
    for gas in ("co2", "h2o"):
        if gas not in window.series:
            continue
        if window.gas_form == "mole_fraction":
            dry[gas] = from_mole_fraction(window.series[gas], water)
        else:
            dry[gas] = from_density(window.series[gas], water, window.series["cell_temperature"], window.series["cell_pressure"])
    return replace(window.with_series(dry), gas_form="dry_mole_fraction")
