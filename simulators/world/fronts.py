"""Cold fronts and squalls: a trough of pressure, a shift of the wind with a gust, colder air behind, a band of cloud and rain, clearing.

A front is a line that moves; each place meets it when it arrives there. With s the time since (positive behind the line), D the time the
shift takes and b = (1 + tanh(2 s / D)) / 2 the share of the air that is the one behind:

    pressure     -trough / cosh(s / D_p) + rise b (1 - exp(-s / D_p)) exp(-s / D_e)
    temperature  warming ahead, -drop b exp(-s / D_e)
    wind         drawn to the wind ahead by (1 - b) exp(s / D_a), to the wind behind by b exp(-s / D_e); gust exp(-(s / D)^2)
    rain         rate exp(-(s / D_r)^2), cloud likewise and wider

the shape textbooks draw for a katafront (Wallace & Hobbs 2006, chapter 8): kinematic, no dynamics. Everything is smooth in time.

`usual_fronts` gives those of a year as they come from the seed: in every span of five days one or none, stronger and more often in winter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from simulators.world import noise
from simulators.world.change import Change
from simulators.world.noise import Array
from simulators.world.sun import winter

HOUR_S = 3600.0
SLOT_S = 5 * 86_400.0
REFERENCE = (30.0, 121.8)
"""Where a front stands at its time: latitude and longitude"""
SPEED_MS, TOWARD_DEG = 11.0, 150.0
EARTH_M_DEG = 111_195.0
FORGOTTEN = 12.0
"""so many times of ebbing behind a front, and so many of warning ahead of it, it is nothing at all"""


@dataclass(frozen=True)
class Front:
    """One front; times in s, ``at_s`` UTC at the reference. The defaults are those of a front of winter at full strength."""

    at_s: float
    drop_c: float = 6.0
    trough_hpa: float = 4.0
    rise_hpa: float = 8.0
    ahead_ms: float = 5.0
    ahead_from_deg: float = 215.0
    behind_ms: float = 10.0
    behind_from_deg: float = 345.0
    gust_ms: float = 5.0
    rain_mm_h: float = 5.0
    shift_s: float = 0.7 * HOUR_S
    rain_s: float = 1.0 * HOUR_S
    warning_s: float = 9.0 * HOUR_S
    pressure_s: float = 4.0 * HOUR_S
    ebb_s: float = 22.0 * HOUR_S

    def arrives_s(self, place: tuple[float, float]) -> float:
        """When the line is over ``place`` (latitude, longitude in degrees)."""
        north = (place[0] - REFERENCE[0]) * EARTH_M_DEG
        east = (place[1] - REFERENCE[1]) * EARTH_M_DEG * np.cos(np.radians(REFERENCE[0]))
        heading = np.radians(TOWARD_DEG)
        return float(self.at_s + (east * np.sin(heading) + north * np.cos(heading)) / SPEED_MS)

    def pass_over(self, change: Change, t_s: Array, place: tuple[float, float]) -> None:
        """Add this front to what happens at ``t_s`` (UTC seconds)."""
        s = t_s - self.arrives_s(place)
        here = (s > -FORGOTTEN * self.warning_s) & (s < FORGOTTEN * self.ebb_s)
        if not here.any():
            return
        s = np.clip(s, -FORGOTTEN * self.warning_s, FORGOTTEN * self.ebb_s)
        after = np.maximum(s, 0.0)
        behind = 0.5 * (1.0 + np.tanh(2.0 * s / self.shift_s))
        near = here * np.exp(np.minimum(s, 0.0) / self.warning_s)
        ebb = here * np.exp(-after / self.ebb_s)
        change.blow(self.ahead_ms, self.ahead_from_deg, 0.9 * near * (1.0 - behind))
        change.blow(self.behind_ms, self.behind_from_deg, 0.85 * behind * ebb)
        toward = np.radians(self.behind_from_deg + 180.0)
        gust = self.gust_ms * np.exp(-((s / self.shift_s) ** 2))
        change.add("east", gust * np.sin(toward))
        change.add("north", gust * np.cos(toward))
        change.add("temperature", 0.2 * self.drop_c * near * (1.0 - behind) - self.drop_c * behind * ebb)
        change.add("pressure", -self.trough_hpa * here / np.cosh(s / self.pressure_s))
        change.add("pressure", self.rise_hpa * behind * (1.0 - np.exp(-after / self.pressure_s)) * ebb)
        wet = np.exp(-((s / self.rain_s) ** 2))
        clearing = behind * (1.0 - np.exp(-after / (2.0 * self.rain_s))) * ebb
        change.toward("cloud", 0.97, np.exp(-((s / (3.0 * self.rain_s)) ** 2)))
        change.toward("cloud", 0.12, 0.8 * clearing)
        change.toward("humidity", 95.0, wet)
        change.toward("humidity", 48.0, 0.6 * clearing)
        change.add("rain", self.rain_mm_h * wet)


def usual_fronts(seed: int, first_s: float, last_s: float) -> Iterator[Front]:
    """The fronts that touch [``first_s``, ``last_s``], a function of the seed."""
    source = noise.key(seed, "weather/fronts")
    slots = np.arange(np.floor(first_s / SLOT_S) - 2, np.floor(last_s / SLOT_S) + 2, dtype=np.int64)
    chance, when, how = (noise.uniform(source + row, slots) for row in range(3))
    at_s = (slots + 0.2 + 0.6 * when) * SLOT_S
    cold = winter(at_s)
    strength = (0.4 + 0.6 * how) * (0.35 + 0.65 * cold)
    for t, size, here in zip(at_s.tolist(), strength.tolist(), (chance < 0.25 + 0.55 * cold).tolist(), strict=True):
        if here:
            yield Front(
                t, drop_c=6.0 * size, trough_hpa=4.0 * size, rise_hpa=8.0 * size, behind_ms=4.0 + 7.0 * size, gust_ms=5.0 * size,
                rain_mm_h=5.0 * size,
            )  # fmt: skip
