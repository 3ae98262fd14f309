"""The station's power: a panel, a charger and a battery whose charge balances, as a function of time.

Every UTC day is computed from its own spin-up of twelve days at ten-minute steps:

    dQ/dt = charged - drawn,   charged = min(panel / voltage, what the battery still takes),   0.05 C <= Q <= C

The panel gives its nominal power at 1000 W m-2; the load is constant. Voltages are those of a lead battery of 12 V: they follow the
charge, the current and, while the sun charges, the charger's stages (bulk, absorption at 14.4 V, float at 13.6 V).
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from simulators.world.noise import Array
from simulators.world.weather import Weather

DAY_S = 86_400
STEP_S = 600
SPIN_UP_DAYS = 12
NAMES = ("charge", "voltage", "current", "panel_voltage", "panel_power", "charger_state", "load_current")
OFF, BULK, ABSORPTION, FLOAT = 0, 3, 4, 5
EMPTY_SHARE = 0.05
RESISTANCE_OHM = 0.03


@dataclass(frozen=True)
class Plant:
    """What is on board: battery (A h), panel (W at 1000 W m-2), load (W)."""

    battery_ah: float = 200.0
    panel_w: float = 200.0
    load_w: float = 22.0


class Power:
    """Charge and currents; `at` interpolates linearly between ten-minute steps (the charger's state holds through its step)."""

    def __init__(self, weather: Weather, plant: Plant | None = None) -> None:
        self.plant = plant or Plant()
        self._weather = weather
        self._days: OrderedDict[int, tuple[Array, dict[str, Array]]] = OrderedDict()

    def at(self, t_s: Array) -> dict[str, Array]:
        """``charge`` (share), ``voltage`` and ``panel_voltage`` (V), ``current`` into the battery and ``load_current`` (A),
        ``panel_power`` (W), ``charger_state`` (0 off, 3 bulk, 4 absorption, 5 float) at UTC seconds ``t_s``."""
        t_s = np.atleast_1d(np.asarray(t_s, dtype=np.float64))
        days = np.floor(t_s / DAY_S).astype(np.int64)
        out = {name: np.empty_like(t_s) for name in NAMES}
        for day in set(days.tolist()):
            mask = days == day
            nodes, values = self.day(day)
            for name in NAMES:
                if name == "charger_state":
                    out[name][mask] = values[name][((t_s[mask] - nodes[0]) // STEP_S).astype(np.int64)]
                else:
                    out[name][mask] = np.interp(t_s[mask], nodes, values[name])
        return out

    def day(self, day: int) -> tuple[Array, dict[str, Array]]:
        """Node times (s) and values of one UTC day, both midnights included."""
        if day not in self._days:
            t_s = (day - SPIN_UP_DAYS) * float(DAY_S) + STEP_S * np.arange((SPIN_UP_DAYS + 1) * DAY_S // STEP_S + 1, dtype=np.float64)
            values = self._integrate(self._weather.on_steps(t_s)["shortwave"])
            keep = slice(SPIN_UP_DAYS * DAY_S // STEP_S, None)
            self._days[day] = t_s[keep], {name: series[keep] for name, series in values.items()}
            while len(self._days) > 3:
                self._days.popitem(last=False)
        return self._days[day]

    def _integrate(self, light: Array) -> dict[str, Array]:
        """Step by step; ``charge`` of a step is that at its beginning, the currents are those through it."""
        plant, hours = self.plant, STEP_S / 3600.0
        rows = {name: np.empty_like(light) for name in NAMES}
        charge = 0.8
        for i, available_w in enumerate((plant.panel_w * np.maximum(light, 0.0) / 1000.0).tolist()):
            resting = 11.6 + 1.2 * charge
            load_a = plant.load_w / resting
            takes_a = (1.0 - charge) * plant.battery_ah / hours + load_a
            taper_a = load_a + (plant.battery_ah / 5.0) * min(1.0, (1.0 - charge) / 0.15 + 0.01)
            charged_a = min(available_w / 13.4, takes_a, taper_a)
            if charge <= EMPTY_SHARE and charged_a < load_a:
                load_a = charged_a  # the battery protects itself: the load goes off
            state = OFF if available_w < 1.0 else FLOAT if charge > 0.985 else ABSORPTION if charge > 0.88 else BULK
            current = charged_a - load_a
            voltage = {ABSORPTION: 14.4, FLOAT: 13.6}.get(state, resting + RESISTANCE_OHM * current) if current > 0 else resting
            values = (charge, voltage, current, 18.5 if state else 0.02, charged_a * 13.4, float(state), load_a)
            for name, value in zip(NAMES, values, strict=True):
                rows[name][i] = value
            charge = min(1.0, max(0.0, charge + current * hours / plant.battery_ah))
        return rows
