"""The air that blows through sonic and analyser: the world's turbulence, or a recorded half-hour while one is played.

Everything is asked for by sample number on the instrument's own grid (sample k at k / rate seconds UTC). What is handed out is the
instrument's own to spoil: the world keeps its air.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from simulators.errors import InstrumentError
from simulators.world import World, physics
from simulators.world.noise import Array

Axes = Literal["gill", "campbell"]
NAN = float("nan")


@dataclass(frozen=True)
class Wind:
    """What a sonic sees: components along its own axes (m s-1) and sonic temperature (degC); NaN = missing."""

    u: Array
    v: Array
    w: Array
    ts: Array


@dataclass(frozen=True)
class Gas:
    """What an analyser sees: molar densities (mmol m-3), temperature (degC) and pressure (kPa) of the same gas; NaN = missing."""

    co2: Array
    h2o: Array
    temperature: Array
    pressure: Array


class Recording(Protocol):
    """A recorded half-hour in place of the world (see `simulators.replay`)."""

    def span(self, first: int, count: int, rate_hz: float) -> Iterator[tuple[int, int, bool]]:
        """``first, count`` cut into pieces ``(first, count, recorded)``."""

    def wind(self, first: int, count: int, rate_hz: float) -> Wind: ...

    def gas(self, first: int, count: int, rate_hz: float) -> Gas: ...

    def mean_air(self, t_ms: float) -> dict[str, float]:
        """Truths about the air that differ from the world's while the recording plays (empty: none)."""


def to_axes(east: Array, north: Array, axes: Axes, offset_deg: float) -> tuple[Array, Array]:
    """Wind to the east and north as components along an instrument's axes.

    ``gill``: +u blows towards the north mark, +v to the left of it; the mark points to ``offset_deg`` from true north.
    ``campbell``: +u comes from where the array points (``offset_deg``), +v to the left of the wind that blows straight in.
    """
    angle = np.radians(offset_deg)
    forward = north * np.cos(angle) + east * np.sin(angle)
    left = -east * np.cos(angle) + north * np.sin(angle)
    return (forward, left) if axes == "gill" else (-forward, -left)


class AirFeed:
    """Wind and gas for the instruments of one station, from the world and, when there is one, a recording."""

    def __init__(self, world: World, recording: Recording | None = None) -> None:
        self.world = world
        self.recording = recording

    def wind(self, first: int, count: int, rate_hz: float, axes: Axes, offset_deg: float) -> Wind:
        """``count`` samples for a sonic with these axes, its north mark at ``offset_deg``. A recording comes as it was recorded."""
        parts = []
        for begin, length, recorded in self._span(first, count, rate_hz):
            if recorded:
                assert self.recording is not None
                parts.append(self.recording.wind(begin, length, rate_hz))
                continue
            step = self._step(rate_hz)
            air = self.world.air(begin * step, length, step)
            u, v = to_axes(air.east, air.north, axes, offset_deg)
            parts.append(Wind(u, v, air.up.copy(), physics.sonic_temperature_c(air.temperature, air.h2o * 1e-3)))
        return parts[0] if len(parts) == 1 else Wind(*(np.concatenate([getattr(p, n) for p in parts]) for n in ("u", "v", "w", "ts")))

    def gas(self, first: int, count: int, rate_hz: float, lag_s: float = 0.0) -> Gas:
        """``count`` samples for an analyser the air reaches ``lag_s`` after the sonic."""
        parts = []
        for begin, length, recorded in self._span(first, count, rate_hz):
            if recorded:
                assert self.recording is not None
                parts.append(self.recording.gas(begin, length, rate_hz))
                continue
            step = self._step(rate_hz)
            air = self.world.air(begin * step - round(lag_s * self.world.turbulence.rate_hz), length, step)
            density = physics.dry_air_density_mol_m3(air.pressure, air.temperature, air.h2o * 1e-3)
            parts.append(Gas(air.co2 * density * 1e-3, air.h2o * density, air.temperature.copy(), air.pressure / 10.0))
        names = ("co2", "h2o", "temperature", "pressure")
        return parts[0] if len(parts) == 1 else Gas(*(np.concatenate([getattr(p, n) for p in parts]) for n in names))

    def recorded(self, first: int, count: int, rate_hz: float) -> NDArray[np.bool_]:
        """Which of these samples come from a recording (which brings its own noise)."""
        mask = np.zeros(count, dtype=np.bool_)
        for begin, length, recorded in self._span(first, count, rate_hz):
            mask[begin - first : begin - first + length] = recorded
        return mask

    def state(self, times_ms: Array) -> dict[str, Array]:
        """The world's state, with the recording's own air where one is playing."""
        state = self.world.state(times_ms)
        if self.recording is not None:
            for row, t_ms in enumerate(times_ms.tolist()):
                for name, value in self.recording.mean_air(t_ms).items():
                    state[name][row] = value
        return state

    def _span(self, first: int, count: int, rate_hz: float) -> Iterator[tuple[int, int, bool]]:
        if self.recording is None:
            yield first, count, False
        else:
            yield from self.recording.span(first, count, rate_hz)

    def _step(self, rate_hz: float) -> int:
        base = self.world.turbulence.rate_hz
        step = round(base / rate_hz)
        if abs(step * rate_hz - base) > 1e-6:
            raise InstrumentError(f"a rate of {rate_hz:g} Hz does not divide the world's {base} Hz")
        return step
