"""What passing weather does to the climate of a place: for each of a few fields a factor and an amount, at many instants.

A field of the climate comes out as ``factor x climate + amount``. Systems are applied one after the other (`scale`, `add`, `toward`), so
that any number of fronts, storms and spells pass over each other.
"""

from __future__ import annotations

import numpy as np

from simulators.world.noise import Array

AIR = ("east", "north", "stir", "temperature", "pressure", "humidity", "cloud", "rain", "breeze")
"""Wind components (m s-1), the least wind there is (m s-1), degC, hPa, %, 0-1, mm h-1; strength of the land and sea breeze (m s-1)."""
WATER = ("production", "respiration", "renewal", "river", "growth", "spray")
"""Factors on the rates of the water, on the growth of fouling and on the salt that settles."""


class Change:
    """What systems do at n instants."""

    def __init__(self, count: int) -> None:
        self._factor = {name: np.ones(count) for name in AIR + WATER}
        self._amount = {name: np.zeros(count) for name in AIR + WATER}

    def scale(self, name: str, factor: Array | float) -> None:
        """Multiply a field."""
        self._factor[name] = self._factor[name] * factor
        self._amount[name] = self._amount[name] * factor

    def add(self, name: str, amount: Array | float) -> None:
        """Add to a field."""
        self._amount[name] = self._amount[name] + amount

    def toward(self, name: str, target: Array | float, share: Array) -> None:
        """Draw a field to ``target`` by ``share`` (0 leaves it, 1 makes it the target)."""
        self.scale(name, 1.0 - share)
        self.add(name, share * target)

    def blow(self, speed_ms: Array | float, from_deg: Array | float, share: Array) -> None:
        """Draw the wind to one of this speed and direction."""
        toward = np.radians(np.asarray(from_deg) + 180.0)
        self.toward("east", speed_ms * np.sin(toward), share)
        self.toward("north", speed_ms * np.cos(toward), share)

    def of(self, name: str, climate: Array | float) -> Array:
        """The field as it is, from that of the climate."""
        return np.asarray(self._factor[name] * climate + self._amount[name])
