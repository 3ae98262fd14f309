"""EddyPro's constants (documented for version 7): rounded where ours are exact. SI."""

from __future__ import annotations

GAS_CONSTANT = 8.314
GAS_CONSTANT_DRY_AIR = 287.04
"""J kg-1 K-1"""
GAS_CONSTANT_WATER_VAPOUR = 461.5
"""J kg-1 K-1"""
MOLAR_MASS_DRY_AIR = 0.02897
MOLAR_MASS_WATER = 0.01802
ROUNDED_MOLAR_MASS_WATER = 0.018
"""in evapotranspiration"""
VON_KARMAN = 0.41
GRAVITY = 9.81
SONIC_HUMIDITY_FACTOR = 0.51
STANDARD_MOLAR_VOLUME = 0.02245
"""of air, m3 mol-1, where its temperature and pressure are not known yet"""
