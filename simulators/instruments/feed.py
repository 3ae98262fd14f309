"""The air that blows through sonic and analyser: the world's turbulence, or a recorded half-hour while one is played.

A sonic on a buoy sees the true wind less the velocity of its own place on the mast, in the axes of the hull; an analyser there meets the
pressure of the height the sea has lifted it to. Everything is asked for by sample number on the instrument's own grid (sample k at k / rate
seconds UTC). What is handed out is the instrument's own to spoil: the world keeps its air.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from firmware_config.station import Mounting
from simulators.errors import InstrumentError
from simulators.world import World, physics
from simulators.world.noise import Array
from simulators.world.physics import GRAVITY_MS2
from simulators.world.rigid import to_body
from simulators.world.turbulence import IDEAL, Sensor

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


def _times_s(first: int, count: int, rate_hz: float) -> Array:
    return np.asarray((first + np.arange(count)) / rate_hz, dtype=np.float64)


class AirFeed:
    """Wind and gas for the instruments of one station, from the world and, when there is one, a recording."""

    def __init__(self, world: World, recording: Recording | None = None) -> None:
        self.world = world
        self.recording = recording

    def wind(self, first: int, count: int, rate_hz: float, axes: Axes, at: Mounting, head: Sensor = IDEAL) -> Wind:
        """``count`` samples for a sonic with these axes and this head, mounted so; its north offset counts from true north, on a platform
        that rides the sea from the bow. A recording comes as it was recorded."""
        parts = []
        for begin, length, recorded in self._span(first, count, rate_hz):
            if recorded:
                assert self.recording is not None
                parts.append(self.recording.wind(begin, length, rate_hz))
                continue
            step = self._step(rate_hz)
            air = self.world.air(begin * step, length, step, self._sensed(head))
            east, north, up = self._seen_from_platform(air.east, air.north, air.up, _times_s(begin, length, rate_hz), at.height_m)
            u, v = to_axes(east, north, axes, at.north_offset_deg)
            parts.append(Wind(u, v, up.copy(), physics.sonic_temperature_c(air.temperature, air.h2o * 1e-3)))
        return parts[0] if len(parts) == 1 else Wind(*(np.concatenate([getattr(p, n) for p in parts]) for n in ("u", "v", "w", "ts")))

    def gas(self, first: int, count: int, rate_hz: float, lag_s: float, at: Mounting, head: Sensor = IDEAL) -> Gas:
        """``count`` samples for an analyser with this head (a cell has no path), mounted so apart from the sonic; through its tube the air
        comes ``lag_s`` later."""
        parts = []
        for begin, length, recorded in self._span(first, count, rate_hz):
            if recorded:
                assert self.recording is not None
                parts.append(self.recording.gas(begin, length, rate_hz))
                continue
            step = self._step(rate_hz)
            air = self.world.air(begin * step - round(lag_s * self.world.turbulence.rate_hz), length, step, self._sensed(head, at))
            pressure = air.pressure + self._lifted_hpa(air.pressure, air.temperature, _times_s(begin, length, rate_hz), at.height_m)
            density = physics.dry_air_density_mol_m3(pressure, air.temperature, air.h2o * 1e-3)
            parts.append(Gas(air.co2 * density * 1e-3, air.h2o * density, air.temperature.copy(), pressure / 10.0))
        names = ("co2", "h2o", "temperature", "pressure")
        return parts[0] if len(parts) == 1 else Gas(*(np.concatenate([getattr(p, n) for p in parts]) for n in names))

    def _sensed(self, head: Sensor, at: Mounting | None = None) -> Sensor | None:
        """What an instrument makes of the air at its place; None: it measures at a point, at once, with the sonic."""
        if at is not None:
            place = {"east_m": at.eastward_separation_m, "north_m": at.northward_separation_m, "up_m": at.vertical_separation_m}
            head = replace(head, **place)
        return None if head == IDEAL or self.world.config.turbulence.sensors == "ideal" else head

    def _seen_from_platform(self, east: Array, north: Array, up: Array, t_s: Array, height_m: float) -> tuple[Array, Array, Array]:
        """A wind as it blows past a point ``height_m`` up the mast: to the platform's starboard, forward and upward."""
        if not self.world.rides:
            return east, north, up
        motion = self.world.waves.motion(t_s).above(height_m)
        v_east, v_north, v_up = motion.velocity
        forward, starboard, down = to_body(motion.attitude, np.array([north - v_north, east - v_east, v_up - up]))
        return starboard, forward, -down

    def _lifted_hpa(self, pressure: Array, temperature: Array, t_s: Array, height_m: float) -> Array | float:
        """What the heave of the platform changes in the pressure at a point of it: hydrostatic, dp = -rho g dz."""
        if not self.world.rides:
            return 0.0
        lift = self.world.waves.motion(t_s).above(height_m).position[2] - height_m
        rho = physics.M_DRY_AIR * physics.dry_air_density_mol_m3(pressure, temperature, np.zeros_like(pressure))
        return np.asarray(-rho * GRAVITY_MS2 * lift / 100.0)

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
