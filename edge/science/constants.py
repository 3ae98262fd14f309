"""Physical constants, each once, with its source. All SI.

The exact values of the 2019 SI and of IUPAC are used, not the rounded ones found in older flux programs (EddyPro: R 8.314, Md 28.97, Mw
18.02, von Karman 0.41); together the rounding changes a flux by less than 0.1 %, the von Karman constant changes L and z/L by 2.5 % and no
flux.
"""

from __future__ import annotations

GAS_CONSTANT = 8.314462618
"""J mol-1 K-1 (exact in the 2019 SI to these digits)"""
CELSIUS_ZERO_K = 273.15
MOLAR_MASS_DRY_AIR = 0.02896546
"""kg mol-1 (Picard et al. 2008, Metrologia 45, 149-155: CIPM-2007, air with 400 ppm CO2)"""
MOLAR_MASS_WATER = 0.01801528
"""kg mol-1 (IUPAC)"""
MOLAR_MASS_CO2 = 0.0440095
"""kg mol-1 (IUPAC)"""
MOLAR_MASS_O2 = 0.0319988
"""kg mol-1 (IUPAC)"""
VON_KARMAN = 0.40
"""Högström 1988, Boundary-Layer Meteorology 42, 55-78"""
EARTH_ROTATION_RAD_S = 7.2921159e-5
STANDARD_PRESSURE_HPA = 1013.25
ATMOSPHERE_PA = 101325.0
SONIC_HUMIDITY_FACTOR = 0.51
"""Ts = T (1 + 0.51 q), q specific humidity (Schotanus et al. 1983, Boundary-Layer Meteorology 26, 81-93)"""
VIRTUAL_HUMIDITY_FACTOR = 0.61
"""Tv = T (1 + 0.61 q)"""
