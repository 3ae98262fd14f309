"""The sea state hour by hour: what the wind of the last days has raised at the place, and what is left of it as swell.

The wind sea grows with duration up to what fetch, full development and depth allow; its direction follows the wind within hours. When the
wind drops or the fetch grows short, what it no longer carries becomes swell, which keeps its direction and period and dies away, or is
driven again by a wind that rises. Every hour is computed from the wind of the three days before it, so that the sea is a function of seed
and time alone.

Growth (Hasselmann et al. 1973; duration and full development as in the Shore Protection Manual, 1984, with the wind at 10 m), for
F = g fetch / U^2: g Hs / U^2 = 0.0016 F^0.5, fp U / g = 3.5 F^-0.33, g t / U = 68.8 F^(2/3), F up to 0.243 in g Hs / U^2.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from simulators.world.noise import Array
from simulators.world.physics import GRAVITY_MS2

HOUR_S = 3600.0
DAY_H = 24
MEMORY_H = 72
FULL_HEIGHT = 0.243
"""g Hs / U^2 of a fully developed sea"""
DURATION = 68.8
TURNS_IN_H = 3.0
"""the wind sea follows a new direction with this time constant"""
SWELL_LASTS_H = 14.0
"""time constant of the swell's energy"""
DRIVEN_BELOW = 1.2
"""waves slower than so many wind speeds are wind sea (Hanson and Phillips 2001 part the two so)"""
BREAKS_AT = 0.5
"""greatest significant height in depths"""
SHORTEST_PERIOD_S = 1.0


@dataclass(frozen=True)
class SeaState:
    """Significant height, peak period, and where the waves come from."""

    significant_height_m: float
    peak_period_s: float
    from_deg: float


@dataclass(frozen=True)
class Sea:
    """Wind sea and swell together; ``swell`` of height 0: none."""

    wind_sea: SeaState
    swell: SeaState

    @property
    def significant_height_m(self) -> float:
        return float(np.hypot(self.wind_sea.significant_height_m, self.swell.significant_height_m))


def fetch_limited(wind_ms: float, fetch_m: float) -> tuple[float, float]:
    """(significant height m, peak period s) of a sea that grew over a fetch (Hasselmann et al. 1973: Hs = 0.0016 sqrt(gF/U2) U2/g,
    fp = 3.5 g/U (gF/U2)^-0.33)."""
    scaled = GRAVITY_MS2 * fetch_m / wind_ms**2
    return 0.0016 * scaled**0.5 * wind_ms**2 / GRAVITY_MS2, wind_ms / (3.5 * GRAVITY_MS2) * scaled**0.33


def sustained(wind_ms: float, fetch_m: float) -> tuple[float, float]:
    """(height m, period s) that a wind keeps up in the long run: by the fetch, never more than fully developed."""
    full_fetch_m = (FULL_HEIGHT / 0.0016) ** 2 * wind_ms**2 / GRAVITY_MS2
    return fetch_limited(wind_ms, min(fetch_m, full_fetch_m))


def grown(height_m: float, wind_ms: float, fetch_m: float, hours: float) -> tuple[float, float]:
    """(height m, period s) of a wind sea of ``height_m`` after so many hours of a wind; one the wind cannot carry falls to what it can.

    The sea is as old as the wind would need for its height; it is that much older afterwards.
    """
    limit_m, _ = sustained(wind_ms, fetch_m)
    if height_m >= limit_m:
        return sustained(wind_ms, fetch_m)
    scaled = (GRAVITY_MS2 * height_m / wind_ms**2 / 0.0016) ** 2
    age = DURATION * scaled ** (2 / 3) + GRAVITY_MS2 * hours * HOUR_S / wind_ms
    return sustained(wind_ms, min(fetch_m, (age / DURATION) ** 1.5 * wind_ms**2 / GRAVITY_MS2))


class Fetch:
    """Open water by direction, straight lines between the eight of a row of fetches.yaml."""

    def __init__(self, row_km: Sequence[float]) -> None:
        self._row_m = 1e3 * np.array([*row_km, row_km[0]], dtype=np.float64)

    def at(self, from_deg: float) -> float:
        """Metres of open water where the wind comes from."""
        return float(np.interp(from_deg % 360.0, np.linspace(0.0, 360.0, len(self._row_m)), self._row_m))


class SeaStates:
    """The sea at whole hours since 1970. ``wind``: the weather at UTC seconds; ``depth_m``: water under the place (None: not known)."""

    def __init__(self, wind: Callable[[Array], Mapping[str, Array]], fetch: Fetch, depth_m: Callable[[Array], Array] | None = None) -> None:
        self._wind, self._fetch, self._depth_m = wind, fetch, depth_m
        self._days: OrderedDict[int, list[Sea]] = OrderedDict()

    def at_hour(self, hour: int) -> Sea:
        """Wind sea and swell, broken to what the depth allows."""
        day = hour // DAY_H
        if day not in self._days:
            self._days[day] = self._day(day)
            while len(self._days) > 4:
                self._days.popitem(last=False)
        return self._days[day][hour % DAY_H]

    def _day(self, day: int) -> list[Sea]:
        times = HOUR_S * np.arange(day * DAY_H - MEMORY_H, (day + 1) * DAY_H, dtype=np.float64)
        weather = self._wind(times)
        history = _History(self._fetch)
        seas = [history.step(*one) for one in zip(weather["wind_speed"].tolist(), weather["wind_from_direction"].tolist(), strict=True)]
        if self._depth_m is not None:
            seas = [broken(sea, depth) for sea, depth in zip(seas, self._depth_m(times).tolist(), strict=True)]
        return seas[-DAY_H:]


class _History:
    """The sea while the hours go by; heights as energy (m2), directions as unit vectors of where waves come from."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._sea_m, self._sea_from = 0.0, complex(0.0)
        self._swell_m2, self._swell_s, self._swell_from = 0.0, SHORTEST_PERIOD_S, complex(0.0)
        self._period_s = SHORTEST_PERIOD_S

    def step(self, wind_ms: float, from_deg: float) -> Sea:
        wind_from = complex(np.exp(1j * np.radians(from_deg)))
        if not self._sea_m:
            self._sea_from = wind_from
        self._swell_m2 *= float(np.exp(-1.0 / SWELL_LASTS_H))
        if self._is_driven(wind_ms, wind_from):
            self._sea_m, self._swell_m2 = float(np.hypot(self._sea_m, self._swell_m2**0.5)), 0.0
        height, period = grown(self._sea_m, wind_ms, self._fetch.at(from_deg), 1.0)
        self._release(self._sea_m**2 - height**2)
        self._sea_from += (1.0 - np.exp(-1.0 / TURNS_IN_H)) * (wind_from - self._sea_from)
        self._sea_m, self._period_s = height, max(period, SHORTEST_PERIOD_S)
        return Sea(SeaState(height, self._period_s, _degrees(self._sea_from)), self._swell())

    def _is_driven(self, wind_ms: float, wind_from: complex) -> bool:
        """Swell slower than 1.2 times the wind along it is driven by the wind: it is wind sea again."""
        along = float(np.real(wind_from * np.conj(self._swell_from))) / max(abs(self._swell_from), 1e-9)
        return GRAVITY_MS2 * self._swell_s / (2.0 * np.pi) < DRIVEN_BELOW * wind_ms * along

    def _release(self, energy_m2: float) -> None:
        """What the wind sea gives off (nothing while it grows) joins the swell, with its period and direction."""
        if energy_m2 <= 0.0:
            return
        left, total = self._swell_m2, self._swell_m2 + energy_m2
        self._swell_s = (left * self._swell_s + energy_m2 * self._period_s) / total
        self._swell_from = (left * self._swell_from + energy_m2 * self._sea_from) / total
        self._swell_m2 = total

    def _swell(self) -> SeaState:
        return SeaState(self._swell_m2**0.5, self._swell_s, _degrees(self._swell_from))


def broken(sea: Sea, depth_m: float) -> Sea:
    """The sea where the water is only so deep: both parts lower in the same measure, none where it is dry."""
    most_m = BREAKS_AT * max(depth_m, 0.0)
    if sea.significant_height_m <= most_m:
        return sea
    share = most_m / sea.significant_height_m
    lower = [SeaState(one.significant_height_m * share, one.peak_period_s, one.from_deg) for one in (sea.wind_sea, sea.swell)]
    return Sea(*lower)


def _degrees(direction: complex) -> float:
    return float(np.degrees(np.angle(direction))) % 360.0
