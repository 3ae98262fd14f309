"""The current at the surface: the tide's, along one axis, and what the wind drags along.

The water that makes the level rise must flow in (continuity): the tide's current is in proportion to the rise of the level, strongest about
mid-tide, slack about high and low water, by ``lag_min`` of the region later where the wave also travels. Its size is set by the region's
current at the main constituent alone. The wind adds ``DRIFT`` of its speed, straight downwind (Weber 1983 and many since: 2 to 3 %).
"""

from __future__ import annotations

import numpy as np

from simulators.world.noise import Array
from simulators.world.steps import STEP_S
from simulators.world.tide import Tide

DRIFT = 0.025
M2_RAD_S = 1.405189e-4


class Current:
    """East and north components of one place."""

    def __init__(self, region: dict[str, float], tide: Tide) -> None:
        self._region = region
        self._tide = tide
        main = max((constant.amplitude_m for constant in tide.constants.values()), default=0.0)
        self._scale = region["main_ms"] / (max(main, 0.05) * M2_RAD_S)

    def tidal_ms(self, t_s: Array) -> Array:
        """Along the direction of the flood, negative with the ebb."""
        at = t_s - 60.0 * self._region["lag_min"]
        before, after = self._tide.level_m(np.concatenate([at - 0.5 * STEP_S, at + 0.5 * STEP_S])).reshape(2, -1)
        return np.asarray(self._scale * (after - before) / STEP_S)

    def at(self, t_s: Array, wind_ms: Array, wind_from_deg: Array) -> tuple[Array, Array]:
        """(east, north) in m s-1 at UTC seconds ``t_s`` under the wind of then."""
        tidal, flood = self.tidal_ms(t_s), np.radians(self._region["flood_toward_deg"])
        toward = np.radians(wind_from_deg + 180.0)
        return (
            np.asarray(tidal * np.sin(flood) + DRIFT * wind_ms * np.sin(toward)),
            np.asarray(tidal * np.cos(flood) + DRIFT * wind_ms * np.cos(toward)),
        )
