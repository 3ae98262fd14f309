"""The carbonate system of seawater: pCO2 and pH from dissolved inorganic carbon, alkalinity, temperature and salinity.

Constants on the total hydrogen ion scale, mol per kg of solution, at one atmosphere, as collected by Dickson, Sabine & Christian (2007,
chapter 5): K1 and K2 Lueker et al. (2000), boric acid Dickson (1990), water Millero (1995), total boron Uppstrom (1974), solubility Weiss
(1974, in `physics`). Alkalinity is that of carbonate, borate and water:

    TA = [HCO3-] + 2 [CO3--] + [B(OH)4-] + [OH-] - [H+]

Lueker's fit covers salinity 19 to 43 and 2 to 35 degC; the bench goes on with it in fresher water, where it is smooth but nobody's
measurement. Phosphate, silicate, sulphate and fluoride are left out. NaN passes through.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from simulators.world import physics
from simulators.world.noise import Array

PH_LIMITS = (0.0, 14.0)
STEPS = 60
"""halvings alone would need 45 to reach rounding"""
TOLERANCE = 1e-12


@dataclass(frozen=True)
class Constants:
    """Equilibrium constants and total boron of water of one temperature and salinity; arrays of one shape."""

    k0: Array
    k1: Array
    k2: Array
    kb: Array
    kw: Array
    boron: Array


def constants(temperature_c: Array, salinity: Array) -> Constants:
    """Constants at ``temperature_c`` and practical salinity. At 25 degC and S 35: log K1 -5.8472, log K2 -8.9660, ln KB -19.7964."""
    t = np.asarray(temperature_c, dtype=np.float64) + physics.KELVIN
    s = np.maximum(np.asarray(salinity, dtype=np.float64), 0.0)
    log_t, root = np.log(t), np.sqrt(s)
    k1 = 10.0 ** -(3633.86 / t - 61.2172 + 9.67770 * log_t - 0.011555 * s + 0.0001152 * s * s)
    k2 = 10.0 ** -(471.78 / t + 25.9290 - 3.16967 * log_t - 0.01781 * s + 0.0001122 * s * s)
    borate = (-8966.90 - 2890.53 * root - 77.942 * s + 1.728 * s * root - 0.0996 * s * s) / t
    borate = borate + 148.0248 + 137.1942 * root + 1.62142 * s - (24.4344 + 25.085 * root + 0.2474 * s) * log_t + 0.053105 * root * t
    water = 148.9652 - 13847.26 / t - 23.6521 * log_t + (118.67 / t - 5.977 + 1.0495 * log_t) * root - 0.01615 * s
    # Weiss has two fits, per litre and per kilogram; that per litre, over the density, keeps flux and system consistent
    k0 = physics.co2_solubility_mol_m3_atm(temperature_c, s) / physics.seawater_density_kg_m3(temperature_c, s)
    return Constants(k0, k1, k2, np.exp(borate), np.exp(water), 0.000416 * s / 35.0)


def alkalinity(h: Array, dic: Array, k: Constants) -> Array:
    """Total alkalinity (mol/kg) of water with hydrogen ions ``h`` and inorganic carbon ``dic`` (mol/kg)."""
    carbonate = dic * k.k1 * (h + 2.0 * k.k2) / (h * h + k.k1 * h + k.k1 * k.k2)
    return np.asarray(carbonate + k.boron * k.kb / (k.kb + h) + k.kw / h - h)


def hydrogen(dic: Array, ta: Array, k: Constants) -> Array:
    """Hydrogen ions (mol/kg, total scale) of water with ``dic`` and alkalinity ``ta`` (mol/kg).

    Alkalinity falls strictly as pH falls, so that one root lies between pH 0 and 14: Newton's steps in pH, a halving of the bracket where
    a step would leave it. What has no root there comes out at the limit.
    """
    ta, dic = np.broadcast_arrays(np.asarray(ta, dtype=np.float64), np.asarray(dic, dtype=np.float64))
    low, high = (np.full(ta.shape, limit) for limit in PH_LIMITS)
    ph = np.full(ta.shape, 8.0)
    for _ in range(STEPS):
        h = 10.0**-ph
        over = alkalinity(h, dic, k) - ta
        high = np.where(over > 0, ph, high)
        low = np.where(over <= 0, ph, low)
        step = over / slope(h, dic, k)
        wanted = ph - step
        ph = np.where((wanted >= low) & (wanted <= high), wanted, 0.5 * (low + high))
        if not np.any(np.abs(step) > TOLERANCE):
            break
    return np.asarray(10.0**-ph + 0.0 * (ta + dic))


def slope(h: Array, dic: Array, k: Constants) -> Array:
    """How the alkalinity grows with pH at constant ``dic``: mol/kg for each unit of pH, always positive."""
    below = h * h + k.k1 * h + k.k1 * k.k2
    carbonate = dic * k.k1 * h * (h * h + 4.0 * h * k.k2 + k.k1 * k.k2) / (below * below)
    return np.asarray(np.log(10.0) * (carbonate + k.boron * k.kb * h / (k.kb + h) ** 2 + k.kw / h + h))


def pco2_uatm(h: Array, dic: Array, k: Constants) -> Array:
    """Partial pressure of CO2 (uatm; its fugacity is taken as the same, 0.3 % apart)."""
    return np.asarray(1e6 * dic * h * h / (h * h + k.k1 * h + k.k1 * k.k2) / k.k0)


def dic_at(pco2: Array, ta: Array | float, k: Constants) -> Array:
    """Inorganic carbon (mol/kg) of water of alkalinity ``ta`` that is in equilibrium with ``pco2`` (uatm): by halving in pH."""
    free = np.asarray(pco2, dtype=np.float64) * 1e-6 * k.k0
    low, high = (np.full(np.broadcast_shapes(free.shape, np.shape(ta)), limit) for limit in PH_LIMITS)
    for _ in range(STEPS):
        ph = 0.5 * (low + high)
        h = 10.0**-ph
        over = free * k.k1 * (h + 2.0 * k.k2) / (h * h) + k.boron * k.kb / (k.kb + h) + k.kw / h - h > ta
        low, high = np.where(over, low, ph), np.where(over, ph, high)
    h = 10.0 ** -(0.5 * (low + high))
    return np.asarray(free * (1.0 + k.k1 / h + k.k1 * k.k2 / (h * h)))


def near(h: float, dic: float, ta: float, k: tuple[float, float, float, float, float]) -> float:
    """`hydrogen` of one water from a value that is close, as from step to step of a budget; ``k``: k1, k2, kb, kw, boron.

    Newton's steps in the logarithm of h; where they do not settle (a leap of the water) the safe way is taken.
    """
    k1, k2, kb, kw, boron = k
    for _ in range(8):
        square, first = h * h, k1 * h
        below = square + first + k1 * k2
        borate = boron * kb / (kb + h)
        over = dic * (first + 2.0 * k1 * k2) / below + borate + kw / h - h - ta
        falls = dic * first * (square + 4.0 * h * k2 + k1 * k2) / (below * below) + borate * h / (kb + h) + kw / h + h
        step = over / falls
        if not -2.0 < step < 2.0:
            break
        h *= math.exp(step)
        if -1e-10 < step < 1e-10:
            return h
    one = [np.array([value]) for value in (math.nan, *k)]
    return float(hydrogen(np.array([dic]), np.array([ta]), Constants(*one))[0])
