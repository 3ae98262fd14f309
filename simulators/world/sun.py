"""Height of the sun and the light that reaches the surface."""

from __future__ import annotations

import numpy as np

from simulators.world.noise import Array

DAY_S = 86_400.0
YEAR_DAYS = 365.2425
UMOL_PER_W = 2.05
"""Photosynthetically active photons (umol m-2 s-1) in a watt of sunlight: 0.45 of the energy, 4.57 umol per joule of it."""


def year_angle(t_s: Array) -> Array:
    """Angle of the year in radians, 0 at the turn of the Gregorian year 1970 (within a day of it in later years)."""
    return np.asarray(2.0 * np.pi * (t_s / DAY_S / YEAR_DAYS % 1.0))


def winter(t_s: Array) -> Array:
    """How much it is winter at UTC seconds ``t_s``: 1 on the 15th of January, 0 half a year later."""
    return np.asarray(0.5 + 0.5 * np.cos(year_angle(t_s) - 2.0 * np.pi * 15.0 / YEAR_DAYS))


def sine_of_height(t_s: Array, latitude_deg: float, longitude_deg: float) -> Array:
    """Sine of the sun's height at UTC seconds ``t_s``; declination and equation of time of Spencer (1971), good to about 0.3 degrees."""
    g = year_angle(t_s)
    declination = (
        0.006918 - 0.399912 * np.cos(g) + 0.070257 * np.sin(g) - 0.006758 * np.cos(2 * g) + 0.000907 * np.sin(2 * g)
    ) - 0.002697 * np.cos(3 * g)
    declination = declination + 0.00148 * np.sin(3 * g)
    equation_min = 229.18 * (0.000075 + 0.001868 * np.cos(g) - 0.032077 * np.sin(g) - 0.014615 * np.cos(2 * g) - 0.040849 * np.sin(2 * g))
    solar_s = t_s % DAY_S + 60.0 * equation_min + 240.0 * longitude_deg
    hour_angle = 2.0 * np.pi * (solar_s / DAY_S - 0.5)
    latitude = np.radians(latitude_deg)
    return np.asarray(np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(hour_angle))


def shortwave_w_m2(sine_height: Array, cloud: Array) -> Array:
    """Global radiation: clear sky of Haurwitz (1945), dimmed by cloud cover 0-1 (Kasten & Czeplak 1980)."""
    up = np.maximum(sine_height, 1e-3)
    clear = np.where(sine_height > 0, 1098.0 * up * np.exp(-0.057 / up), 0.0)
    return np.asarray(clear * (1.0 - 0.75 * cloud**3.4))
