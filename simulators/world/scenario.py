"""A scenario: named weather that a world lives through, from the moment it begins (data: scenarios.yaml).

Systems are functions of time, place and seed alone. A world that begins again in the middle of a typhoon is in the middle of it, and all
stations of one stage live in one typhoon, each at its own distance. Before it begins and after it is over the climate of the region holds,
with the season the scenario wants.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from simulators.world import noise, sun
from simulators.world.change import WATER, Change
from simulators.world.data import table
from simulators.world.fronts import Front
from simulators.world.noise import Array
from simulators.world.storms import Storm

HOUR_S = 3600.0
SHOWERS = 1.3
"""how much showers scatter about their mean rate"""


def names() -> list[str]:
    """The scenarios there are."""
    return list(table("scenarios"))


@dataclass(frozen=True)
class Spell:
    """A stretch of weather (see scenarios.yaml for what each field does); hours from the beginning."""

    from_h: float
    until_h: float
    ramp_h: float
    wind_ms: float | None = None
    wind_from_deg: float = 0.0
    stir_ms: float | None = None
    breeze_ms: float | None = None
    temperature_c: float = 0.0
    pressure_hpa: float = 0.0
    humidity: float | None = None
    cloud: float | None = None
    rain_mm_h: float | None = None
    showers_h: float | None = None
    production: float = 1.0
    respiration: float = 1.0
    renewal: float = 1.0
    river: float = 1.0
    growth: float = 1.0
    spray: float = 1.0

    def share(self, hours: Array) -> Array:
        """0 outside, 1 inside, smooth over ``ramp_h`` at both ends."""
        up = np.clip((hours - self.from_h) / self.ramp_h, 0.0, 1.0)
        down = np.clip((self.until_h - hours) / self.ramp_h, 0.0, 1.0)
        both = np.minimum(up, down)
        return np.asarray(both * both * (3.0 - 2.0 * both))

    def pass_over(self, change: Change, t_s: Array, hours: Array, seed: int) -> None:
        """Add the spell to what happens."""
        share = self.share(hours)
        if self.wind_ms is not None:
            change.blow(self.wind_ms, self.wind_from_deg, 0.92 * share)
        for name, target in (("stir", self.stir_ms), ("breeze", self.breeze_ms), ("humidity", self.humidity), ("cloud", self.cloud)):
            if target is not None:
                change.toward(name, target, share)
        if self.rain_mm_h is not None:
            change.toward("rain", self._rain(t_s, seed), share)
        change.add("temperature", self.temperature_c * share)
        change.add("pressure", self.pressure_hpa * share)
        self.on_water(change, share)

    def on_water(self, change: Change, share: Array) -> None:
        """Factors on the rates of the water."""
        for name in WATER:
            change.scale(name, 1.0 + (getattr(self, name) - 1.0) * share)

    def _rain(self, t_s: Array, seed: int) -> Array | float:
        assert self.rain_mm_h is not None
        if self.showers_h is None:
            return self.rain_mm_h
        showers = noise.wander(noise.key(seed, f"weather/showers/{self.from_h}"), t_s, self.showers_h * HOUR_S)
        return self.rain_mm_h * np.clip(1.0 + SHOWERS * showers, 0.0, 3.0)


class Scenario:
    """One scenario that begins at ``begins_s`` (UTC seconds). ``passes``: where the centre of its storms goes over, else as in the data."""

    def __init__(self, name: str, begins_s: float, seed: int, passes: tuple[float, float] | None = None) -> None:
        row: dict[str, Any] = table("scenarios")[name]
        self.name = name
        self.begins_s = begins_s
        self.ends_s = begins_s + row["hours"] * HOUR_S
        self.title: dict[str, str] = row["title"]
        self.season_shift_s = _season_shift_s(begins_s, row.get("season"))
        self.cleaned_s = begins_s - row["uncleaned_days"] * 86_400.0 if "uncleaned_days" in row else None
        self._seed = seed
        self._spells = [Spell(**spell) for spell in row.get("spells", ())]
        self._fronts = [Front(begins_s + front["at_h"] * HOUR_S, **_without(front, "at_h")) for front in row.get("fronts", ())]
        self._storms = [_storm(storm, begins_s, passes, seed) for storm in row.get("storms", ())]

    def leaves_out(self, front: Front) -> bool:
        """True for a usual front that would come in its way."""
        return bool(self.begins_s - 86_400.0 < front.at_s < self.ends_s)

    def pass_over(self, change: Change, t_s: Array, place: tuple[float, float], exposure: float) -> None:
        """Add everything to what happens at ``t_s`` (UTC seconds)."""
        hours = (t_s - self.begins_s) / HOUR_S
        for front in self._fronts:
            front.pass_over(change, t_s, place)
        for spell in self._spells:
            spell.pass_over(change, t_s, hours, self._seed)
        for storm in self._storms:
            storm.pass_over(change, t_s, place, exposure)

    def on_water(self, change: Change, t_s: Array) -> None:
        """Only the factors on the rates of the water."""
        hours = (t_s - self.begins_s) / HOUR_S
        for spell in self._spells:
            spell.on_water(change, spell.share(hours))


def _without(row: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != key}


def _storm(row: dict[str, Any], begins_s: float, passes: tuple[float, float] | None, seed: int) -> Storm:
    return Storm(
        at_s=begins_s + row["at_h"] * HOUR_S,
        passes=passes or (row["passes"][0], row["passes"][1]),
        heading_deg=row["heading_deg"],
        speed_ms=row["speed_ms"],
        depth_hpa=row["depth_hpa"],
        radius_m=1e3 * row["radius_km"],
        b=row["b"],
        rain_mm_h=row["rain_mm_h"],
        rain_fall_m=1e3 * row["rain_km"],
        reach_m=1e3 * row["reach_km"],
        air_c=row["air_c"],
        landfall_s=row["landfall_h"] * HOUR_S,
        seed=seed,
    )


def _season_shift_s(begins_s: float, season: list[int] | None) -> float:
    """Seconds from the calendar's day to the day whose climate holds, at most half a year."""
    if season is None:
        return 0.0
    year = datetime.fromtimestamp(begins_s, UTC).year
    shift = datetime(year, season[0], season[1], tzinfo=UTC).timestamp() - begins_s
    length = sun.YEAR_DAYS * sun.DAY_S
    return (shift + 0.5 * length) % length - 0.5 * length
