"""Where the sun stands: its elevation from time and place, to tell day from night.

Good to about a third of a degree (the calendar's leap days are not followed), without refraction. Not here: radiation, twilight, the
times of rise and set.
"""

from __future__ import annotations

import math

import numpy as np


def declination_and_equation_of_time(day_angle: float) -> tuple[float, float]:
    """Declination of the sun, radians, and true less mean solar time, minutes.

    Parameters: ``day_angle`` 2 pi (d - 1) / 365 with the day of the year d, radians. NaN gives NaN. Fourier series of Spencer 1971, Search
    2(5), 172, as NOAA's Global Monitoring Laboratory uses them (General Solar Position Calculations).

    >>> declination, minutes = declination_and_equation_of_time(2 * math.pi * 171 / 365)  # 21 June
    >>> round(math.degrees(declination), 2), round(minutes, 1)
    (23.45, -1.3)
    """
    g = day_angle
    declination = (
        0.006918
        - 0.399912 * math.cos(g)
        + 0.070257 * math.sin(g)
        - 0.006758 * math.cos(2 * g)
        + 0.000907 * math.sin(2 * g)
        - 0.002697 * math.cos(3 * g)
        + 0.00148 * math.sin(3 * g)
    )
    equation = 0.000075 + 0.001868 * math.cos(g) - 0.032077 * math.sin(g) - 0.014615 * math.cos(2 * g) - 0.040849 * math.sin(2 * g)
    return declination, 229.18 * equation


def elevation_deg(t_s: float, latitude_deg: float, longitude_deg: float) -> float:
    """Elevation of the sun's centre above the horizon, degrees.

    Parameters: ``t_s`` UTC, seconds since 1970; latitude and longitude (east positive) in degrees. NaN gives NaN.
    sin h = sin phi sin delta + cos phi cos delta cos H (Spencer 1971 for delta and the equation of time).

    >>> round(elevation_deg(1_066_419_030.0, 39.742476, -105.1786), 1)  # 17 October 2003, 19:30:30 UTC; Reda & Andreas 2004: 39.87
    40.1
    """
    if not math.isfinite(t_s + latitude_deg + longitude_deg):
        return math.nan
    at = np.datetime64(int(t_s), "s")
    days = float((at - at.astype("datetime64[Y]").astype("datetime64[s]")) / np.timedelta64(86_400, "s"))  # since the year began
    minutes = 1440.0 * (days % 1.0)
    declination, equation = declination_and_equation_of_time(2.0 * math.pi / 365.0 * (days - 0.5))
    hour_angle = math.radians((minutes + equation + 4.0 * longitude_deg) / 4.0 - 180.0)
    latitude = math.radians(latitude_deg)
    sine = math.sin(latitude) * math.sin(declination) + math.cos(latitude) * math.cos(declination) * math.cos(hour_angle)
    return math.degrees(math.asin(max(-1.0, min(1.0, sine))))
