"""Dissolved oxygen: solubility, saturation at the barometer's pressure, and conversion between mg L-1 and umol kg-1.

Promises: Garcia & Gordon (1992) with the Benson & Krause constants, as TEOS-10's ``gsw.O2sol`` has it; NaN in, NaN out. Water at the
surface (pressure of the water column left out: less than 0.1 % in 10 m). What an optical sensor measures is a partial pressure; the
concentration it prints is that of water of the salinity set in it, and `oxygen_in_this_water` counts it for the real one as the maker's
document says. Not here: optode equations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import gsw
import numpy as np
from numpy.typing import ArrayLike

from edge.science.airsea import water_vapour_pressure_atm
from edge.science.arrays import FloatArray, floats
from edge.science.constants import MOLAR_MASS_O2, STANDARD_PRESSURE_HPA

_A = (5.80871, 3.20291, 4.17887, 5.10006, -9.86643e-2, 3.80369)
_B = (-7.01577e-3, -7.70028e-3, -1.13864e-2, -9.51519e-3)
_C = -2.75915e-7
REFERENCE_SALINITY_FACTOR = 35.16504 / 35.0
"""g kg-1 of reference-composition salinity per unit of practical salinity (Millero et al. 2008, Deep-Sea Research I 55, 50-72)"""


@dataclass(frozen=True)
class SalinityCompensation:
    """How a maker counts the oxygen of its sensor for another salinity and for the pressure of the water.

    ``salinity``: B0 to B3 of the powers of the scaled temperature; ``salinity_squared``: C0; ``pressure``: (degC, dbar) → factor.
    """

    source: str
    salinity: tuple[float, float, float, float]
    salinity_squared: float
    pressure: Callable[[FloatArray, FloatArray], FloatArray]


COMPENSATIONS = {
    "aanderaa": SalinityCompensation(
        "Aanderaa TD 269",
        (-6.24097e-3, -6.93498e-3, -6.90358e-3, -4.29155e-3),
        -3.11680e-7,
        lambda _, pressure_dbar: 1.0 + 0.032e-3 * pressure_dbar,
    ),
    "sea_bird": SalinityCompensation(
        "Sea-Bird SBE 63 manual, appendix I",
        (-6.24523e-3, -7.37614e-3, -1.03410e-2, -8.17083e-3),
        -4.88682e-7,
        lambda temperature_degC, pressure_dbar: np.exp(0.011 * pressure_dbar / (temperature_degC + 273.15)),
    ),
}
"""Both take the salinity terms of Garcia & Gordon (1992): Aanderaa those of the combined fit, Sea-Bird those of the Benson & Krause data
(in volume), which SCOR working group 142 recommends. At salinity 35 they differ by 0.27 % at 0 degC, 0.07 % at 10, 0.01 % from 20 on."""


def oxygen_in_this_water(
    oxygen: ArrayLike,
    temperature_degC: ArrayLike,
    salinity: ArrayLike,
    pressure_dbar: ArrayLike = 0.0,
    *,
    sensor_salinity: float = 0.0,
    maker: str = "sea_bird",
) -> FloatArray:
    """Oxygen of a sensor that counts for ``sensor_salinity``, counted for the water it hangs in; unit as given. NaN gives NaN.

    Parameters: oxygen (mg L-1 or umol L-1), degC, practical salinity, pressure of the water alone in dbar; any shapes that broadcast.
    ``maker``: a key of `COMPENSATIONS` (KeyError otherwise).
    Source: exp((S - S0)(B0 + B1 Ts + B2 Ts^2 + B3 Ts^3) + C0 (S^2 - S0^2)), Ts = ln((298.15 - t)/(273.15 + t)): Garcia & Gordon 1992,
    Limnology and Oceanography 37, 1307-1312, as the makers' documents have it, times the maker's pressure factor.

    >>> round(float(oxygen_in_this_water(433.88488978325478, 1.97, 33.716, 5.40, maker="aanderaa")), 3)
    345.021
    """
    how = COMPENSATIONS[maker]
    t, S = floats(temperature_degC), floats(salinity)
    scaled = np.log((298.15 - t) / (273.15 + t))
    exponent = (S - sensor_salinity) * np.polyval(how.salinity[::-1], scaled) + how.salinity_squared * (S**2 - sensor_salinity**2)
    return np.asarray(floats(oxygen) * np.exp(exponent) * how.pressure(t, floats(pressure_dbar)))


def oxygen_solubility_umol_kg(temperature_degC: ArrayLike, salinity: ArrayLike) -> FloatArray:
    """Oxygen in water at equilibrium with moist air at 1013.25 hPa, umol kg-1.

    Parameters: temperature (ITS-90) in degC, practical salinity; any shapes that broadcast. NaN gives NaN.
    Source: Garcia & Gordon 1992, Limnology and Oceanography 37, 1307-1312, eq. 8 with the constants of the Benson & Krause data, table 1.

    >>> round(float(oxygen_solubility_umol_kg(10.0, 35.0)), 6)
    274.595664
    """
    t68 = 1.00024 * floats(temperature_degC)
    S = floats(salinity)
    x = np.log((298.15 - t68) / (273.15 + t68))
    return np.exp(np.polyval(_A[::-1], x) + S * np.polyval(_B[::-1], x) + _C * S**2)


def water_density_kg_m3(temperature_degC: ArrayLike, salinity: ArrayLike) -> FloatArray:
    """Density of surface water, kg m-3 (TEOS-10 at reference composition: without a position, 0.02 kg m-3 may be missing in estuaries).

    Parameters: degC, practical salinity. NaN gives NaN. Source: IOC, SCOR & IAPSO 2010; Roquet et al. 2015 through ``gsw.rho``.

    >>> round(float(water_density_kg_m3(20.0, 35.0)), 1)
    1024.8
    """
    SA = floats(salinity) * REFERENCE_SALINITY_FACTOR
    return np.asarray(gsw.rho_t_exact(SA, floats(temperature_degC), 0.0), dtype=np.float64)


def umol_kg_to_mg_l(oxygen_umol_kg: ArrayLike, temperature_degC: ArrayLike, salinity: ArrayLike) -> FloatArray:
    """Oxygen from umol kg-1 to mg L-1 at the water's own density. NaN gives NaN.

    Parameters: umol kg-1, degC, practical salinity.

    >>> round(float(umol_kg_to_mg_l(250.0, 20.0, 35.0)), 3)
    8.198
    """
    return np.asarray(floats(oxygen_umol_kg) * water_density_kg_m3(temperature_degC, salinity) * MOLAR_MASS_O2 * 1e-3)


def mg_l_to_umol_kg(oxygen_mg_l: ArrayLike, temperature_degC: ArrayLike, salinity: ArrayLike) -> FloatArray:
    """Oxygen from mg L-1 to umol kg-1 at the water's own density. NaN gives NaN.

    Parameters: mg L-1, degC, practical salinity.

    >>> round(float(mg_l_to_umol_kg(8.198, 20.0, 35.0)), 1)
    250.0
    """
    return np.asarray(floats(oxygen_mg_l) / (water_density_kg_m3(temperature_degC, salinity) * MOLAR_MASS_O2 * 1e-3))


def oxygen_at_saturation_umol_kg(temperature_degC: ArrayLike, salinity: ArrayLike, air_pressure_hpa: ArrayLike) -> FloatArray:
    """Oxygen at equilibrium with moist air at the barometer's pressure: solubility x (P - pH2O) / (1013.25 - pH2O), umol kg-1.

    Parameters: degC, practical salinity, hPa. NaN gives NaN. Source: Benson & Krause 1984, Limnology and Oceanography 29, 620-632,
    without its virial term; vapour pressure of Weiss & Price 1980.

    >>> round(float(oxygen_at_saturation_umol_kg(10.0, 35.0, 1013.25)), 6)
    274.595664
    """
    vapour = water_vapour_pressure_atm(temperature_degC, salinity) * STANDARD_PRESSURE_HPA
    ratio = (floats(air_pressure_hpa) - vapour) / (STANDARD_PRESSURE_HPA - vapour)
    return np.asarray(oxygen_solubility_umol_kg(temperature_degC, salinity) * ratio)


def oxygen_saturation_percent(
    oxygen_mg_l: ArrayLike, temperature_degC: ArrayLike, salinity: ArrayLike, air_pressure_hpa: ArrayLike
) -> FloatArray:
    """Oxygen as percent of what the water would hold in equilibrium with the air above it.

    Parameters: mg L-1, degC, practical salinity, hPa. NaN gives NaN. Sources as the functions it uses.

    >>> full = umol_kg_to_mg_l(oxygen_at_saturation_umol_kg(18.0, 30.0, 1005.0), 18.0, 30.0)
    >>> round(float(oxygen_saturation_percent(full, 18.0, 30.0, 1005.0)), 9)
    100.0
    """
    measured = mg_l_to_umol_kg(oxygen_mg_l, temperature_degC, salinity)
    return np.asarray(100.0 * measured / oxygen_at_saturation_umol_kg(temperature_degC, salinity, air_pressure_hpa))
