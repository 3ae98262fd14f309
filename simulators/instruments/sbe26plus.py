"""Sea-Bird SBE 26plus tide and wave recorder, text in real time. After the parsers of the OOI programme.

``tide: start time = 05 Jan 2014 00:00:28, p = 208.8057, pt = 14.004, t = 13.8633`` CR LF (psia, degC, degC); the time is the start of the
averaging and the line comes at its end. Bursts: ``wave: start time = …``, ``wave: ptfreq = …``, one pressure a line at 4 Hz, ``wave: end
burst``. Prompt ``S>``; commands DS, DC, TS, START, STOP. Settings ``wave_every`` (tide lines between two bursts, 0: none) and
``wave_samples`` (256).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import numpy as np

from simulators.faults.effects import Columns
from simulators.instruments.base import Setting, Suffered, Talker, clock, column, marked
from simulators.world import physics
from simulators.world.noise import Array

KPA_PER_PSI = 6.894757
WAVE_HZ = 4.0
AVERAGED_INSTANTS = 7
UNPLUGGED = (-159.7139, -8382.610)
"""pressure and its temperature without the signal of the quartz, as seen in real data"""
STAMP = "%d %b %Y %H:%M:%S"


def tide(start: datetime, p_psia: float, pt_c: float, t_c: float) -> bytes:
    return f"tide: start time = {start:{STAMP}}, p = {p_psia:8.4f}, pt = {pt_c:.3f}, t = {t_c:.4f}\r\n".encode()


def wave(start: datetime, frequency_hz: float, pressures_psia: Sequence[float], left_out: float = 0.0) -> bytes:
    """A burst; with ``left_out`` its last share is missing and so is its end."""
    keep = len(pressures_psia) - round(left_out * len(pressures_psia))
    lines = [f"wave: start time = {start:{STAMP}}", f"wave: ptfreq = {frequency_hz:.3f}", *(f"{p:10.4f}" for p in pressures_psia[:keep])]
    lines += ["wave: end burst"] if not left_out else []
    return "".join(line + "\r\n" for line in lines).encode()


class Sbe26plus(Talker):
    """One recorder on the bottom or a pile."""

    fields = ("pressure", "temperature")
    checksum = False
    own_faults = frozenset({"sensor_unplugged", "clock_step", "clock_lost", "clock_stuck", "burst_interrupted"})
    inserts = (("prompt", b"S>"), ("reboot_banner", b"SBE 26plus V 6.1e\r\nS>"))
    answers = True

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._wave_every = int(float(setting.option("wave_every", 0)))
        self._wave_samples = int(float(setting.option("wave_samples", 256)))
        self._running = True
        self._half = b""

    def _pressure_psia(self, times_ms: Array, *, waves: bool = False) -> Array:
        state = self.setting.feed.state(times_ms)
        depth = self.setting.world.depth_m(self.setting.height_m, state["water_level"])
        if waves:
            depth = depth + self.setting.world.waves.pressure_head_m(times_ms / 1e3, float(np.mean(depth)))
        kpa = state["water_density"] * physics.GRAVITY_MS2 * depth / 1e3 + state["air_pressure"] / 10.0
        return np.asarray(kpa / KPA_PER_PSI)

    def values(self, first: int, count: int) -> Columns:
        ends = self.times_ms(first, count)
        steps = self.period_ms * (np.arange(AVERAGED_INSTANTS) + 0.5) / AVERAGED_INSTANTS
        instants: Array = (ends - self.period_ms)[:, None] + steps
        pressure = self._pressure_psia(np.asarray(instants.ravel(), dtype=np.float64)).reshape(instants.shape).mean(axis=1)
        temperature = self.setting.feed.state(ends - self.period_ms / 2.0)["water_temperature"]
        index = np.arange(first, first + count, dtype=np.float64)
        return {
            "pressure": pressure + self.jitter(0, index, 0.0003), "temperature": temperature + self.jitter(1, index, 0.001),
            "quartz": temperature + 0.14, "start_ms": ends - self.period_ms,
        }  # fmt: skip

    def invalidate(self, columns: Columns, row: int, code: int) -> None:
        columns["pressure"][row], columns["quartz"][row] = UNPLUGGED

    def suffer(self, columns: Columns, fault: Suffered) -> None:
        if fault.name == "sensor_unplugged":
            for name, value in zip(("pressure", "quartz"), UNPLUGGED, strict=True):
                columns[name] = np.where(fault.hit, value, columns[name])
        else:
            super().suffer(columns, fault)

    def _tide(self, columns: Columns, row: int) -> bytes:
        p, pt, t = (column(columns, name, row) for name in ("pressure", "quartz", "temperature"))
        return tide(clock(columns, row, column(columns, "start_ms", row)), p, pt, t)

    def encode(self, columns: Columns, first: int) -> list[bytes]:
        if not self._running:
            return [b""] * len(columns["pressure"])
        out = []
        for row in range(len(columns["pressure"])):
            text = self._tide(columns, row)
            if self._wave_every and (first + row) % self._wave_every == 0:
                text += self._burst(columns, row)
            out.append(text)
        return self.interrupted(columns, out)

    def _burst(self, columns: Columns, row: int) -> bytes:
        start = column(columns, "start_ms", row)
        times = np.asarray(start + np.arange(self._wave_samples) * 1e3 / WAVE_HZ, dtype=np.float64)
        pressures = self._pressure_psia(times, waves=True).tolist()
        return wave(clock(columns, row, start), 171_756.0, pressures, marked(columns, "burst_interrupted", row))

    def answer(self, data: bytes, look: Callable[[], Columns]) -> bytes:
        lines = (self._half + data.replace(b"\n", b"\r")).split(b"\r")
        self._half = lines.pop()[-100:]
        return b"".join(self._reply(line.decode("ascii", "replace").strip().upper(), look) for line in lines)

    def _reply(self, command: str, look: Callable[[], Columns]) -> bytes:
        if command in ("START", "STOP"):
            self._running = command == "START"
            return b"S>"
        if command == "TS":
            columns = look()
            p, t = column(columns, "pressure"), column(columns, "temperature")
            return f"{p:9.4f} {t:8.4f}\r\nS>".encode()
        if command in ("DS", "DC"):
            name = "SBE 26plus" if command == "DS" else "SBE 26plus calibration"
            return f"{name} V 6.1e  SERIAL NO. {self.setting.instrument.serial_number}\r\nS>".encode()
        return b"S>" if not command else b"? CMD\r\nS>"
