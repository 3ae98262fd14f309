"""What stands on top of the tide: the sea under low pressure, and the sea that wind drives against the coast.

Pressure: one centimetre for each hectopascal (inverse barometer). Wind: in balance the slope of the sea carries the stress of the wind
over the shelf (Pugh 1987, section 6:3),

    set-up = tau cos(angle to the coast) L / (rho g d),     tau = rho_air C_d U^2

with L the width and d the depth of the shelf, positive with onshore wind, and is reached with a response time of hours:
T d(eta)/dt = set-up - eta, integrated in ten-minute steps, every UTC day from its own spin-up of three days, so that it is a function of
time alone. Waves, the shape of bays and what tide and surge do to each other are left out.
"""

from __future__ import annotations

from collections import OrderedDict

import numpy as np

from simulators.world import physics
from simulators.world.noise import Array
from simulators.world.steps import DAY_S, STEP_S, relax, steps_of_day
from simulators.world.weather import Weather

SPIN_UP_DAYS = 3
SEA_KG_M3 = 1020.0
AIR_KG_M3 = 1.2
BAROMETER_M_HPA = -0.01
USUAL_HPA = 1015.0


def barometer_m(pressure_hpa: Array) -> Array:
    """Rise of the sea under an air pressure; 0 at 1015 hPa."""
    return np.asarray(BAROMETER_M_HPA * (pressure_hpa - USUAL_HPA))


def balance_m(wind_ms: Array, from_deg: Array, shelf: dict[str, float]) -> Array:
    """Set-up that balances a steady wind over the shelf; negative where it blows off the land."""
    stress = AIR_KG_M3 * physics.drag_coefficient(wind_ms) * wind_ms**2
    onshore = np.cos(np.radians(from_deg - shelf["onshore_from_deg"]))
    return np.asarray(stress * onshore * 1e3 * shelf["width_km"] / (SEA_KG_M3 * physics.GRAVITY_MS2 * shelf["depth_m"]))


class Surge:
    """Height of the sea above the tide; `at` interpolates the set-up linearly between ten-minute steps."""

    def __init__(self, shelf: dict[str, float], weather: Weather) -> None:
        self._shelf = shelf
        self._weather = weather
        self._days: OrderedDict[int, tuple[Array, Array]] = OrderedDict()

    def at(self, t_s: Array, pressure_hpa: Array) -> Array:
        """Surge in m at UTC seconds ``t_s`` under the air pressure of then."""
        out = barometer_m(pressure_hpa)
        days = np.floor(t_s / DAY_S).astype(np.int64)
        for day in set(days.tolist()):
            mask = days == day
            nodes, set_up = self.day(day)
            out[mask] += np.interp(t_s[mask], nodes, set_up)
        return out

    def day(self, day: int) -> tuple[Array, Array]:
        """Node times (s) and set-up (m) of one UTC day, both midnights included."""
        if day not in self._days:
            t_s, keep = steps_of_day(day, SPIN_UP_DAYS)
            air = self._weather.on_steps(t_s)
            wanted = balance_m(air["wind_speed"], air["wind_from_direction"], self._shelf)
            rate = np.full_like(t_s, 1.0 / (3600.0 * self._shelf["response_h"]))
            self._days[day] = t_s[keep], relax(rate * wanted, rate, float(wanted[0]), STEP_S)[keep]
            while len(self._days) > 4:
                self._days.popitem(last=False)
        return self._days[day]
