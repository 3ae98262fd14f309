"""Oxygen, inorganic carbon and alkalinity of a mixed layer, step by step.

The three go together: respiration needs oxygen, the flux of gas needs the pCO2 that follows from carbon and alkalinity. Implicit Euler, but
for the gas flux, which takes the pCO2 of the step before; what is consumed can never become negative.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from simulators.world import carbonate
from simulators.world.noise import Array
from simulators.world.steps import STEP_S

PHOTOSYNTHETIC_QUOTIENT = 1.1
NITRATE_SHARE = 16.0 / 106.0
HALF_OXYGEN = 12.0
"""mmol m-3 of oxygen at which respiration is half of what it would be"""


@dataclass(frozen=True)
class Drive:
    """What acts on the layer at each step, and what its water is: arrays of one length, the constants as in `carbonate.Constants`."""

    production: Array
    """gross, mmol m-2 s-1 of carbon"""
    respiration: Array
    """with oxygen in plenty, mmol m-2 s-1 of carbon"""
    oxygen_in: Array
    """mmol m-3 s-1, from the air and the water around"""
    oxygen_out: Array
    """s-1"""
    dissolved_out: Array
    """s-1, of carbon and alkalinity"""
    alkalinity_in: Array
    carbon_in: Array
    """mmol m-3 s-1"""
    piston: Array
    """mmol m-2 s-1 of CO2 for each uatm of difference"""
    pco2_air: Array
    """uatm"""
    per_kg: Array
    """mol kg-1 for each mmol m-3"""
    k0: Array
    k1: Array
    k2: Array
    kb: Array
    kw: Array
    boron: Array


@dataclass(frozen=True)
class Course:
    """The layer through time: mmol m-3, fluxes into it in mmol m-2 s-1, uatm, total scale."""

    oxygen: Array
    net_production: Array
    alkalinity: Array
    carbon: Array
    co2_gas_exchange: Array
    pco2: Array
    ph: Array


def integrate(drive: Drive, depth_m: float, oxygen: float, alkalinity: float, carbon: float, pco2: float) -> Course:
    """From a state (mmol m-3, uatm), kept as the first, through every step of ``drive``."""
    steps = zip(*(getattr(drive, field.name).tolist() for field in fields(drive)), strict=True)
    out = np.empty((7, len(drive.production)))
    share = STEP_S * PHOTOSYNTHETIC_QUOTIENT / depth_m
    h = 1e-8
    for i, (made, breathed, o_in, o_out, loss, ta_in, dic_in, piston, air, per_kg, k0, k1, k2, kb, kw, boron) in enumerate(steps):
        net = gas = 0.0
        if i > 0:
            hunger = breathed / (oxygen + HALF_OXYGEN)
            oxygen = (oxygen + share * made + STEP_S * o_in) / (1.0 + share * hunger + STEP_S * o_out)
            net = made - hunger * oxygen
            gas = piston * (air - pco2)
            alkalinity = (alkalinity + STEP_S * (ta_in + NITRATE_SHARE * net / depth_m)) / (1.0 + STEP_S * loss)
            carbon = (carbon + STEP_S * (dic_in + (gas - net) / depth_m)) / (1.0 + STEP_S * loss)
        dic = carbon * per_kg
        h = carbonate.near(h, dic, alkalinity * per_kg, (k1, k2, kb, kw, boron))
        pco2 = 1e6 * dic * h * h / (h * h + k1 * h + k1 * k2) / k0
        out[:, i] = oxygen, net, alkalinity, carbon, gas, pco2, h
    oxygens, nets, alkalinities, carbons, gases, pressures, hydrogens = out
    return Course(oxygens, nets, alkalinities, carbons, gases, pressures, -np.log10(hydrogens))
