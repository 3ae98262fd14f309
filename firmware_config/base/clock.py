"""One clock for every program: the system's own in the field, a shared, scaled one on the bench.

In the field `SystemClock` reads the system time and asks the kernel whether it is synchronised. On the bench the environment
variable ``HAITAN_CLOCK`` names a small JSON file (origin, speed, per-station faults) that all processes of the world read;
`WorldClock` maps the machine's monotonic clock through it, so that a hundred processes agree on the world's time to within
microseconds and a world at 60x runs 60x everywhere. Time limits of protocols do not use this clock: an instrument's answer
time is real, whatever the world's speed.

The world's clock never goes back, not even over a SIGKILL of everything: `WorldClockFile` reserves the near future in the file
before the world reaches it, and a later start begins after the reservation.
"""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from firmware_config.records import ClockQuality

PLAUSIBLE_FROM_MS = 1_767_225_600_000  # 2026-01-01: no station ran this software before; an earlier time is a dead clock
ENVIRONMENT = "HAITAN_CLOCK"


class Clock(Protocol):
    """What programs may ask of time."""

    @property
    def speed(self) -> float:
        """World seconds per real second (1 in the field)."""

    def now_ms(self) -> int:
        """UTC, milliseconds since 1970, as this station believes it to be."""

    def monotonic(self) -> float:
        """World seconds from an arbitrary start, never going back: for ages and intervals of the domain."""

    def ms_at(self, real_monotonic: float) -> float:
        """UTC milliseconds (fraction kept) at a reading of ``time.monotonic()``: for arrival stamps."""

    def monotonic_at(self, real_monotonic: float) -> float:
        """`monotonic` as it was, or will be, at a reading of ``time.monotonic()``."""

    def quality(self) -> ClockQuality:
        """How far this clock may be trusted now."""

    async def sleep(self, world_seconds: float) -> None:
        """Wait so many world seconds."""


class _Timex(ctypes.Structure):
    _fields_ = [("modes", ctypes.c_uint), ("offset", ctypes.c_long), ("rest", ctypes.c_byte * 256)]


def _kernel_synchronised() -> bool:
    """True when the kernel's clock is disciplined (NTP, PTP, GNSS through chrony): ``adjtimex`` does not return TIME_ERROR."""
    if not sys.platform.startswith("linux"):
        return True
    return ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(_Timex())) not in (-1, 5)


class SystemClock:
    """The field's clock: system time, quality from the kernel, re-asked every ten seconds."""

    speed = 1.0

    def __init__(self) -> None:
        self._was_synchronised = False
        self._asked = -1e9
        self._quality: ClockQuality = "unset"

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()

    def ms_at(self, real_monotonic: float) -> float:
        return (time.time() + real_monotonic - time.monotonic()) * 1e3

    def monotonic_at(self, real_monotonic: float) -> float:
        return real_monotonic

    def quality(self) -> ClockQuality:
        if time.monotonic() - self._asked > 10:
            self._asked = time.monotonic()
            plausible = self.now_ms() >= PLAUSIBLE_FROM_MS
            if _kernel_synchronised() and plausible:
                self._was_synchronised, self._quality = True, "synchronised"
            else:
                self._quality = "holdover" if plausible else "unset"
        return self._quality

    async def sleep(self, world_seconds: float) -> None:
        await asyncio.sleep(max(0.0, world_seconds))


def _world_ms_at(world: dict[str, Any], real_monotonic: float) -> float:
    """The world's time at a reading of the machine's monotonic clock: by the segment of constant speed it falls in."""
    segment = world
    if real_monotonic < segment["monotonic_s"]:
        for segment in reversed(world.get("past", ())):
            if real_monotonic >= segment["monotonic_s"]:
                break
    return float(segment["world_ms"] + (real_monotonic - segment["monotonic_s"]) * 1e3 * segment["speed"])


class WorldClock:
    """The bench's clock: reads the shared file again when it changes (looked at every 50 ms)."""

    def __init__(self, path: Path, station: str = "") -> None:
        self._path = path
        self._station = station
        self._looked = -1.0
        self._stamp: tuple[int, int] = (0, 0)
        self._world: dict[str, Any] = {}
        self._fault: dict[str, Any] = {}
        self._last_ms = 0.0
        self._refresh(force=True)

    def _refresh(self, *, force: bool = False) -> None:
        now = time.monotonic()
        if not force and now - self._looked < 0.05:
            return
        self._looked = now
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_ino)
            if stamp != self._stamp:
                self._world = json.loads(self._path.read_text(encoding="utf-8"))
                self._fault = self._world.get("stations", {}).get(self._station, {})
                self._stamp = stamp
        except (OSError, ValueError):
            if not self._world:
                raise

    @property
    def speed(self) -> float:
        self._refresh()
        return float(self._world["speed"])

    def _world_ms(self, real_monotonic: float) -> float:
        return _world_ms_at(self._world, real_monotonic)

    def now_ms(self) -> int:
        return int(self.ms_at(time.monotonic()))

    def ms_at(self, real_monotonic: float) -> float:
        self._refresh()
        return self._world_ms(real_monotonic) + float(self._fault.get("offset_ms", 0))

    def monotonic_at(self, real_monotonic: float) -> float:
        self._refresh()
        return self._world_ms(real_monotonic) / 1e3

    def true_ms(self) -> int:
        """The world's own time, free of this station's clock fault (for simulators)."""
        self._refresh()
        return int(self._world_ms(time.monotonic()))

    def monotonic(self) -> float:
        self._refresh()
        self._last_ms = max(self._last_ms, self._world_ms(time.monotonic()))
        return self._last_ms / 1e3

    def quality(self) -> ClockQuality:
        self._refresh()
        quality: ClockQuality = self._fault.get("quality", "synchronised")
        return quality

    async def sleep(self, world_seconds: float) -> None:
        until = self.monotonic() + world_seconds
        while (left := until - self.monotonic()) > 0:  # noqa: ASYNC110 - the speed may change meanwhile
            await asyncio.sleep(min(left / self.speed, 1.0))


class WorldClockFile:
    """The writer's side of the world's clock (bench programs only)."""

    RESERVE_S = 5.0
    LEAD_S = 0.2
    """A change of speed begins this much (real) later, so that every process has read of it before: no two ever disagree on the time."""
    LAPSE_S = 10.0
    """A limit that nobody renews for so long (real) lapses: who asked for it is gone."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def _edit(self) -> Iterator[dict[str, Any]]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                world = json.loads(self.path.read_text(encoding="utf-8"))
            except FileNotFoundError:
                world = {}
            except ValueError as error:  # begun anew, it would be earlier than what has been recorded in it
                raise OSError(f"{self.path}: holds no world's clock ({error}); remove it to let the world begin anew") from error
            yield world
            new = self.path.with_suffix(".new")
            new.write_text(json.dumps(world), encoding="utf-8")
            new.replace(self.path)

    def start(self, speed: float, origin_ms: int | None = None) -> None:
        """Begin (or begin again): at ``origin_ms``, by default now, but never before what an earlier run reached."""
        with self._edit() as world:
            begin = max(origin_ms if origin_ms is not None else time.time_ns() // 1_000_000, world.get("reached_ms", 0))
            world.update(world_ms=begin, monotonic_s=time.monotonic(), speed=speed, nominal_speed=speed, past=[])
            world["stations"] = {}
            world["limits"] = {}
            world.pop("wanted", None)
            self._reserve(world)

    def _reserve(self, world: dict[str, Any]) -> None:
        now = _world_ms_at(world, time.monotonic())
        world["reached_ms"] = max(world.get("reached_ms", 0), int(now + self.RESERVE_S * 1e3 * world["nominal_speed"]))

    def keep(self) -> None:
        """Call at least every second: reserves the near future."""
        with self._edit() as world:
            if world.get("limits"):
                self._pace(world)
            self._reserve(world)

    def set_speed(self, speed: float) -> None:
        """Change the pace, ``LEAD_S`` from now: time stays continuous, and the same in every process."""
        with self._edit() as world:
            world["wanted"] = speed
            self._pace(world)

    def limit(self, who: str, speed: float | None) -> None:
        """Ask that the world run no faster than ``speed`` (None: no longer). The slowest wish of all holds; renew it before `LAPSE_S`."""
        with self._edit() as world:
            limits = world.setdefault("limits", {})
            limits.pop(who, None)
            if speed is not None:
                limits[who] = [speed, time.monotonic()]
            self._pace(world)

    def _pace(self, world: dict[str, Any]) -> None:
        now = time.monotonic()
        world["limits"] = {who: wish for who, wish in world.get("limits", {}).items() if now - wish[1] < self.LAPSE_S}
        speed = min([world.get("wanted", world["nominal_speed"]), *(wish[0] for wish in world["limits"].values())])
        if speed == world["speed"]:
            return
        begins = max(now + self.LEAD_S, world["monotonic_s"])
        segment = {key: world[key] for key in ("world_ms", "monotonic_s", "speed")}
        world["past"] = [*world.get("past", []), segment][-8:]
        world.update(world_ms=_world_ms_at(world, begins), monotonic_s=begins, speed=speed)

    def set_fault(self, station: str, *, offset_ms: float | None = None, quality: ClockQuality | None = None) -> None:
        """Give one station a wrong clock (no arguments: heal it)."""
        with self._edit() as world:
            fault = {k: v for k, v in (("offset_ms", offset_ms), ("quality", quality)) if v is not None}
            world.setdefault("stations", {})[station] = fault


def open_clock(station: str = "") -> SystemClock | WorldClock:
    """The clock of this process: the bench's when ``HAITAN_CLOCK`` names its file, else the system's."""
    path = os.environ.get(ENVIRONMENT)
    return WorldClock(Path(path), station) if path else SystemClock()
