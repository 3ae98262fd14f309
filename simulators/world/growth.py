"""What settles on a station between two visits: salt on windows in the air, a living film on everything under water.

Both follow from the time since the last cleaning alone, in ten-minute steps through the weather that was:

    salt (g m-2)   d(salt)/dt = a (U / 10)^2.5 - w rain salt: spray grows steeply with the wind, a millimetre of rain takes a quarter
    film (mm)      logistic from the 10 um that stay behind (not counted) to 1.2 mm, 7 % a day at 20 degC and twice that ten degrees warmer

A film of thickness L lets oxygen through by diffusion with the time L^2 / 2D (Crank 1975; D 1.2e-9 m2 s-1 in a biofilm, Stewart 1998), so
that what is below answers late, and makes or eats oxygen in itself: in balance rate L^2 / 2D at its base. Rates are the bench's own:
small between regular visits, large when nobody came for half a year.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from simulators.world import noise
from simulators.world.noise import Array
from simulators.world.steps import DAY_S, STEP_S, STEPS
from simulators.world.water import Water
from simulators.world.weather import Weather

VISIT_S = 14.0 * DAY_S
SALT_G_M2_DAY = 0.06
SPRAY_POWER = 2.5
WASHED_PER_MM = 0.25
SALT_MOST_G_M2 = 40.0
FILM_FIRST_MM, FILM_MOST_MM = 0.01, 1.2
GROWTH_PER_DAY, Q10 = 0.07, 2.0
REMEMBERED_S = 200.0 * DAY_S
"""further back than this nothing is looked for: windows are washed and films full grown by then"""
DIFFUSION_M2_S = 1.2e-9
MADE_MMOL_M3_S, EATEN_MMOL_M3_S = 0.09, 0.05
"""oxygen a film makes in full light and eats in the dark"""
HALF_LIGHT_W_M2 = 150.0


@dataclass(frozen=True)
class Behind:
    """What a film of some thickness does to a sensor below it: how late it answers (s) and by how much oxygen (mmol m-3) it is off."""

    late_s: Array
    oxygen_mmol_m3: Array


def behind_film(film_mm: Array, shortwave_w_m2: Array) -> Behind:
    """Delay and oxygen of its own of a film of ``film_mm`` in this light."""
    late_s = (film_mm * 1e-3) ** 2 / (2.0 * DIFFUSION_M2_S)
    light = shortwave_w_m2 / (shortwave_w_m2 + HALF_LIGHT_W_M2)
    return Behind(late_s, np.asarray(late_s * ((MADE_MMOL_M3_S + EATEN_MMOL_M3_S) * light - EATEN_MMOL_M3_S)))


def clear_share(salt_g_m2: Array) -> Array:
    """Share of the light a salted window still passes."""
    return np.asarray(1.0 / (1.0 + salt_g_m2 / 12.0))


class Growth:
    """Salt and film of one station. ``cleaned_s``: UTC second of the last cleaning; None: every second week, at a time of the seed."""

    def __init__(self, seed: int, weather: Weather, water: Water, cleaned_s: float | None) -> None:
        self._weather = weather
        self._water = water
        self._cleaned_s = cleaned_s
        share = float(noise.uniform(noise.key(seed, "visits"), np.array([0]))[0])
        self._visit_s = np.floor(VISIT_S * share / STEP_S) * STEP_S
        self._days: OrderedDict[int, tuple[Array, Array, Array]] = OrderedDict()

    def at(self, t_s: Array) -> tuple[Array, Array]:
        """(salt in g m-2, film in mm) at UTC seconds ``t_s``."""
        salt, film = np.empty_like(t_s), np.empty_like(t_s)
        days = np.floor(t_s / DAY_S).astype(np.int64)
        for day in set(days.tolist()):
            mask = days == day
            nodes, salts, films = self._day(day)
            salt[mask], film[mask] = np.interp(t_s[mask], nodes, salts), np.interp(t_s[mask], nodes, films)
        return salt, film

    def _day(self, day: int) -> tuple[Array, Array, Array]:
        if day not in self._days:
            nodes = day * float(DAY_S) + STEP_S * np.arange(STEPS + 1.0)
            visits = self._visits(nodes)
            salt, film = np.zeros_like(nodes), np.zeros_like(nodes)
            for visit in set(visits.tolist()):
                mine = visits == visit
                salt[mine], film[mine] = self._since(visit, nodes[mine])
            self._days[day] = nodes, salt, film
            while len(self._days) > 4:
                self._days.popitem(last=False)
        return self._days[day]

    def _visits(self, t_s: Array) -> Array:
        """The cleaning that counts at each time; it takes the step before."""
        regular = np.floor((t_s - self._visit_s) / VISIT_S) * VISIT_S + self._visit_s
        return regular if self._cleaned_s is None else np.where(t_s >= self._cleaned_s, self._cleaned_s, regular)

    def _since(self, cleaned_s: float, t_s: Array) -> tuple[Array, Array]:
        """From a cleaning to the whole steps ``t_s``."""
        begin = max(cleaned_s, float(t_s[-1]) // DAY_S * DAY_S - REMEMBERED_S)
        if begin >= t_s[-1]:
            return np.zeros_like(t_s), np.zeros_like(t_s)
        nodes = np.append(begin, np.arange(begin // STEP_S + 1.0, t_s[-1] // STEP_S + 1.0) * STEP_S)
        steps = np.diff(nodes)
        air, factor = self._weather.on_steps(nodes[1:]), self._weather.on_water(nodes[1:])
        gain = factor.of("spray", SALT_G_M2_DAY) / DAY_S * (air["wind_speed"] / 10.0) ** SPRAY_POWER
        loss = WASHED_PER_MM * air["rain_rate"] / 3600.0 + gain / SALT_MOST_G_M2
        left = np.exp(-loss * steps)
        settled = gain * np.where(loss > 0, -np.expm1(-loss * steps) / np.maximum(loss, 1e-30), steps)
        salts, salt = [0.0], 0.0
        for stays, more in zip(left.tolist(), settled.tolist(), strict=True):
            salt = salt * stays + more
            salts.append(salt)
        rate = factor.of("growth", GROWTH_PER_DAY) / DAY_S * Q10 ** ((self._water.offshore_c(nodes[1:]) - 20.0) / 10.0)
        grown = np.concatenate([[0.0], np.cumsum(rate * steps)])
        film = FILM_MOST_MM / (1.0 + (FILM_MOST_MM / FILM_FIRST_MM - 1.0) * np.exp(-grown))
        return np.interp(t_s, nodes, salts), np.interp(t_s, nodes, film - FILM_FIRST_MM)
