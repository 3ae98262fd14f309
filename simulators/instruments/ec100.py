"""Campbell EC100 electronics: IRGASON, EC150 with CSAT3A. Unprompted ASCII output, 15 comma-separated elements. EC155 and IRGASON manuals.

``Ux,Uy,Uz,Ts,sonic diagnostic,CO2 mg/m3,H2O g/m3,gas diagnostic,air temperature,pressure kPa,CO2 signal,H2O signal,differential
pressure,counter, signature`` CR LF. The signature is over everything up to the counter. Axes: +Ux comes from where the array
points, +Uy to the left of that wind.
"""

from __future__ import annotations

import math

import numpy as np

from simulators.errors import InstrumentError
from simulators.faults.effects import Columns
from simulators.instruments.base import Setting, Suffered, Talker, marked, text
from simulators.instruments.checksums import campbell_signature, spoiled
from simulators.world import noise, physics
from simulators.world.turbulence import Sensor

SONIC_HEAD = Sensor(path_m=0.115, response_s=1 / 60)
"""that of a CSAT3, with the time constant EddyPro 7 takes for it"""
GAS_HEAD = Sensor(path_m=0.154, response_s=1 / (2 * math.pi * 20))
"""at the factory's bandwidth of 20 Hz"""
ACQUIRING, AMPLITUDE_LOW = 16, 1
STARTING_UP = 0b101
SIGNALS_LOW = 0xC0001
"""bad data, CO2 and H2O signal level low: drops on the windows"""
WET_LIGHT = 0.4
"""share of the signal that drops leave"""
COUNTER_TURNS_AT = 64
SIGNAL = (0.9871, 0.9742)
WIND, SIGNALS = ("u", "v", "w", "ts"), ("co2_signal", "h2o_signal")
CO2_NOISE_MG = 0.2
H2O_NOISE_G = 0.004
"""RMS noise of one sample at 25 Hz (EC150/IRGASON specifications)."""


Pair = tuple[float, float]


def record(
    wind: tuple[float, float, float, float], gas: Pair, diagnostics: tuple[int, int], air: Pair, signal: Pair, *, counter: int
) -> bytes:
    """One record. ``wind``: Ux, Uy, Uz (m s-1), Ts (degC), NaN printed as NAN; ``gas``: CO2 (mg m-3), H2O (g m-3); ``diagnostics``:
    sonic, gas; ``air``: degC, kPa; ``signal``: CO2, H2O (0-1)."""
    parts = [text(value, "%.5f", "NAN") for value in wind]
    parts += [str(diagnostics[0]), f"{gas[0]:.4f}", f"{gas[1]:.5f}", str(diagnostics[1]), f"{air[0]:.2f}", f"{air[1]:.3f}"]
    parts += [f"{signal[0]:.4f}", f"{signal[1]:.4f}", "0", str(counter)]
    body = ",".join(parts).encode()
    return b"%b,%04x\r\n" % (body, campbell_signature(body))


class Irgason(Talker):
    """A streaming IRGASON: wind and gas of one volume in one record."""

    fields = ("co2", "h2o", "w", "u", "v", "ts")
    checksum = True
    own_faults = frozenset({"rain", "window_salt", "start_up", "gas_lag", "counter_jump"})

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        if setting.instrument.rate is None:
            raise InstrumentError(f"{self.id}: the EC100 streams: give it a rate")
        self._rate = setting.instrument.rate

    def values(self, first: int, count: int) -> Columns:
        at = self.setting.instrument.mounting
        wind = self.setting.feed.wind(first, count, self._rate, "campbell", at, SONIC_HEAD)
        live = ~self.setting.feed.recorded(first, count, self._rate)
        times = self.times_ms(first, count)
        wet, window = self.drops(times) & live, np.where(live, self.window(times), 1.0)
        no_wind = np.isnan(wind.u) | np.isnan(wind.v) | np.isnan(wind.w) | np.isnan(wind.ts)
        return {
            "u": wind.u, "v": wind.v, "w": wind.w, "ts": wind.ts,
            "sonic_diagnostic": np.where(no_wind, float(ACQUIRING), np.where(wet, float(AMPLITUDE_LOW), 0.0)),
            "co2_signal": SIGNAL[0] * window, "h2o_signal": SIGNAL[1] * window,
        } | self._gas(first, count, self.setting.lag_s)  # fmt: skip

    def _gas(self, first: int, count: int, lag_s: float) -> Columns:
        """What the gas half of the record holds when the gas comes so late."""
        gas = self.setting.feed.gas(first, count, self._rate, lag_s, self.setting.instrument.mounting, GAS_HEAD)
        index = np.arange(first, first + count, dtype=np.float64)
        live = ~self.setting.feed.recorded(first, count, self._rate)
        wet = self.drops(self.times_ms(first, count)) & live
        missing = np.isnan(gas.co2) | np.isnan(gas.h2o)
        return {
            "co2": np.where(missing, 0.0, gas.co2 * physics.M_CO2 * 1e3) + live * self.jitter(0, index, CO2_NOISE_MG),
            "h2o": np.where(missing, 0.0, gas.h2o * physics.M_WATER) + live * self.jitter(1, index, H2O_NOISE_G),
            "gas_diagnostic": np.where(missing, float(STARTING_UP), np.where(wet, float(SIGNALS_LOW), 0.0)),
            "temperature": np.where(np.isnan(gas.temperature), 0.0, gas.temperature),
            "pressure": np.where(np.isnan(gas.pressure), 0.0, gas.pressure),
        }

    def invalidate(self, columns: Columns, row: int, code: int) -> None:
        columns["gas_diagnostic"][row] = code or STARTING_UP
        columns["sonic_diagnostic"][row] = ACQUIRING
        for name in WIND:
            columns[name][row] = math.nan

    def suffer(self, columns: Columns, fault: Suffered) -> None:
        """``rain``: sonic (amplitude low, or no signal at all) and gas together; ``start_up``: neither is ready; ``window_salt``: both
        signals fall and the gas stays true; ``gas_lag``: the gas of so many seconds before."""
        if fault.name in ("rain", "start_up"):
            wet = fault.name == "rain"
            which = noise.uniform(self._noise + 91, np.round(fault.times_ms).astype(np.int64))
            hit = fault.hit & (which < fault.magnitude) if wet else fault.hit
            lost = hit & (which < 0.5 * fault.magnitude) if wet else hit
            sonic = np.where(lost, float(ACQUIRING), float(AMPLITUDE_LOW))
            columns["sonic_diagnostic"] = np.where(hit, sonic, columns["sonic_diagnostic"])
            columns["gas_diagnostic"] = np.where(hit, float(SIGNALS_LOW if wet else STARTING_UP), columns["gas_diagnostic"])
            for name in WIND:
                columns[name] = np.where(lost, math.nan, columns[name])
            for name in SIGNALS if wet else ():
                columns[name] = np.where(hit, WET_LIGHT * columns[name], columns[name])
        elif fault.name == "window_salt":
            for name in SIGNALS:
                columns[name] = np.where(fault.hit, columns[name] * np.maximum(1.0 - fault.magnitude * fault.hours, 0.0), columns[name])
        elif fault.name == "gas_lag":
            first = round(float(fault.times_ms[0]) / self.period_ms)
            for name, late in self._gas(first, len(fault.times_ms), self.setting.lag_s + fault.magnitude).items():
                columns[name] = np.where(fault.hit, late, columns[name])
        else:
            super().suffer(columns, fault)

    def encode(self, columns: Columns, first: int) -> list[bytes]:
        names = (
            "u", "v", "w", "ts", "sonic_diagnostic", "co2", "h2o", "gas_diagnostic", "temperature", "pressure", "co2_signal", "h2o_signal",
        )  # fmt: skip
        rows = zip(*(columns[name].tolist() for name in names), strict=True)
        numbers = [(first + row + int(marked(columns, "counter_jump", row))) % COUNTER_TURNS_AT for row in range(len(columns["u"]))]
        return [
            record((u, v, w, ts), (co2, h2o), (int(sonic), int(gas)), (t, p), (s1, s2), counter=number)
            for number, (u, v, w, ts, sonic, co2, h2o, gas, t, p, s1, s2) in zip(numbers, rows, strict=True)
        ]

    def spoil(self, record: bytes) -> bytes:
        return spoiled(record, len(record) - 6, len(record) - 2)
