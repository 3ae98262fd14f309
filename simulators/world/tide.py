"""The tide from harmonic constants, with the real astronomical arguments, so that a harmonic fit of the level finds the constants again.

    level(t) = mean + sum f_i(t) A_i cos(V_i(t) + u_i(t) - g_i)

V from the mean longitudes of moon and sun (Meeus 1998, chapters 22 and 47), f and u from the longitude of the node (Pugh 1987).
Longitudes are good to a hundredth of a degree for this century; the constants are Greenwich phase lags, times are UTC.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulators.errors import WorldFileError
from simulators.world.data import table
from simulators.world.noise import Array

J2000_S = 946_728_000.0
"""2000-01-01 12:00 UTC; the seventy seconds to terrestrial time do not matter here."""
CENTURY_S = 36_525 * 86_400.0

_LONGITUDES = {  # degrees at J2000 and per Julian century
    "s": (218.3164477, 481267.88123421),
    "h": (280.4664567, 36000.7697489),
    "p": (83.3532465, 4069.0137287),
    "N": (125.0445479, -1934.1362891),
    "p1": (282.93735, 1.71946),
}


def longitudes(t_s: Array) -> Array:
    """[T, s, h, p, N, p1] in degrees at UTC seconds ``t_s``; shape (6, n)."""
    t = np.atleast_1d(np.asarray(t_s, dtype=np.float64))
    centuries = (t - J2000_S) / CENTURY_S
    rows = [t % 86_400.0 / 240.0]
    rows += [start + rate * centuries for start, rate in _LONGITUDES.values()]
    return np.array(rows)


def nodal(name: str | None, node_deg: Array) -> tuple[Array, Array]:
    """Nodal factor f and angle u (degrees) (Pugh 1987, table 4:3)."""
    n = np.radians(node_deg)
    if name == "M2":
        return 1.0 - 0.037 * np.cos(n), -2.1 * np.sin(n)
    if name == "K1":
        return 1.006 + 0.115 * np.cos(n), -8.9 * np.sin(n)
    if name == "O1":
        return 1.009 + 0.187 * np.cos(n), 10.8 * np.sin(n)
    if name == "K2":
        return 1.024 + 0.286 * np.cos(n), -17.7 * np.sin(n)
    return np.ones_like(n), np.zeros_like(n)


@dataclass(frozen=True)
class Constant:
    """Amplitude (m) and Greenwich phase lag (degrees) of one constituent."""

    amplitude_m: float
    phase_deg: float


class Tide:
    """Level above mean sea level from harmonic constants."""

    def __init__(self, constants: dict[str, Constant]) -> None:
        known = table("constituents")
        unknown = sorted(set(constants) - set(known))
        if unknown:
            raise WorldFileError(f"tide: constituent {unknown[0]} is not known; known are {', '.join(known)}")
        self.constants = constants
        self._rows = [(known[name], constant) for name, constant in constants.items()]

    def level_m(self, t_s: Array) -> Array:
        """Height above mean sea level at UTC seconds ``t_s``."""
        angles = longitudes(t_s)
        total = np.zeros(angles.shape[1])
        for row, constant in self._rows:
            factor, turn = nodal(row.get("nodal"), angles[4])
            if row.get("square"):
                factor, turn = factor**2, 2.0 * turn
            argument = np.asarray(row["argument"], dtype=np.float64) @ angles + row["phase"] + turn - constant.phase_deg
            total += factor * constant.amplitude_m * np.cos(np.radians(argument))
        return total
