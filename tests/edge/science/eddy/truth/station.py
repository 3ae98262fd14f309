"""A station in the prescribed air: what its sonic and its analyser record, period after period.

Instruments are filters on the signals, in the frequency domain: line averaging of the sonic and of the open path, a first-order response, the
lag, the distance between the two (which takes coherence, not variance), white noise, a tilted sonic. Densities of an open path follow from the
ideal gas law, sample by sample; a closed path gives dry mole fractions.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from edge.science.eddy.window import Window
from simulators.world import physics
from simulators.world.turbulence import BlockTruth
from tests.edge.science.eddy.truth.kaimal import draw
from tests.edge.science.eddy.turbulence import World

DRAW_HZ = 20.0
RECORD_S = 7200.0
PRESSURE_PA = 101_000.0
CO2_UMOL = 415.0
NOISE = {"wind_w": 0.01, "sonic_temperature": 0.03, "co2": 0.1, "h2o": 0.01}
"""White noise: m s-1, K, and umol and mmol per mole of dry air, whatever is recorded."""


@dataclass(frozen=True)
class Instruments:
    closed_path: bool = False
    sonic_path_m: float = 0.10
    analyser_path_m: float = 0.125
    response_s: float = 0.1
    separation_m: float = 0.15
    lag_s: float = 0.2
    tilt_deg: float = 2.0


@dataclass(frozen=True)
class Station:
    name: str
    truth: BlockTruth
    instruments: Instruments
    rate_hz: float = 10.0
    period_s: float = 1800.0
    noise: dict[str, float] = field(default_factory=lambda: NOISE, hash=False)

    @property
    def air_density(self) -> float:
        return self.truth.dry_density * (physics.M_DRY_AIR + 1e-3 * self.truth.vapour * physics.M_WATER)

    @property
    def fluxes(self) -> dict[str, float]:
        """The truth, in the units of the chain."""
        t = self.truth
        return {
            "momentum_flux": -self.air_density * t.friction_velocity**2,
            "friction_velocity": t.friction_velocity,
            "sensible_heat_flux": t.sensible_heat_flux,
            "latent_heat_flux": t.latent_heat_flux,
            "co2_flux": 1e-6 * t.co2_flux,
        }

    def windows(self, count: int, *, mirrored: bool = False) -> Iterator[Window]:
        """Averaging periods cut from records of two hours; ``mirrored``: every second record is the mirror of the one before."""
        n, per_record = round(self.period_s * self.rate_hz), int(RECORD_S // self.period_s)
        form = "dry_mole_fraction" if self.instruments.closed_path else "density"
        for number in range(-(-count // per_record)):
            drawn = number // 2 if mirrored else number
            rng = np.random.default_rng([zlib.crc32(self.name.encode()), drawn])
            series = self.record(rng, mirror=mirrored and number % 2 == 1)
            for part in range(min(per_record, count - number * per_record)):
                cut = {name: np.ascontiguousarray(x[part * n : (part + 1) * n]) for name, x in series.items()}
                yield Window(self.rate_hz, n, cut, form)  # type: ignore[arg-type]

    def record(self, rng: np.random.Generator, *, mirror: bool = False) -> dict[str, np.ndarray]:
        """Two hours of everything the logger writes."""
        t, tool = self.truth, self.instruments
        air = draw(t, rng, rate_hz=DRAW_HZ, seconds=RECORD_S, mirror=mirror)
        world = World(
            t.wind_ms + air["u"], air["v"], air["w"], t.temperature_c + 273.15 + air["t"], PRESSURE_PA,
            1e-3 * (t.vapour + air["q"]), 1e-6 * (CO2_UMOL + air["c"]),
        )  # fmt: skip
        seen = {name: x for name, x in world.open_path().items() if name not in ("co2", "h2o")}
        seen |= (
            {"co2": world.r_co2, "h2o": world.r_h2o}
            if tool.closed_path
            else {"co2": world.dry * world.r_co2, "h2o": world.dry * world.r_h2o}
        )
        gains = gains_of(tool, t.wind_ms, air["w"].size)
        elsewhere = np.exp(2j * np.pi * rng.random(gains.together.size))  # both gases are seen in one place
        apart = gains.together + np.sqrt(1.0 - gains.together**2) * elsewhere
        per_dry = t.dry_density if not tool.closed_path else 1.0
        unit = {"co2": 1e-6 * per_dry, "h2o": 1e-3 * per_dry}
        found = {}
        for name, x in seen.items():
            spectrum = np.fft.rfft(x) * (
                gains.gas * apart if name in unit else gains.temperature if name == "sonic_temperature" else gains.wind
            )
            taken = np.fft.irfft(spectrum, x.size)[:: round(DRAW_HZ / self.rate_hz)]
            found[name] = taken + self.noise.get(name, 0.0) * unit.get(name, 1.0) * rng.standard_normal(taken.size)
        angle = np.radians(tool.tilt_deg)
        u, w = found["wind_u"], found["wind_w"]
        return found | {"wind_u": np.cos(angle) * u + np.sin(angle) * w, "wind_w": np.cos(angle) * w - np.sin(angle) * u}


@dataclass(frozen=True)
class Gains:
    wind: np.ndarray
    temperature: np.ndarray
    gas: np.ndarray
    together: np.ndarray
    """Coherence kept over the distance between sonic and analyser (Moore 1986, eq. 14)"""


@cache
def gains_of(tool: Instruments, wind_ms: float, count: int) -> Gains:
    """Complex gains at the harmonics of ``count`` samples drawn."""
    f = np.fft.rfftfreq(count, 1 / DRAW_HZ)
    wave = f / wind_ms
    gas = np.exp(-2j * np.pi * f * tool.lag_s) / (1.0 + 2j * np.pi * f * tool.response_s)
    if not tool.closed_path:
        gas = gas * np.sqrt(_scalar_line(wave * tool.analyser_path_m))
    together = np.exp(-9.9 * (wave * tool.separation_m) ** 1.5)
    return Gains(np.sqrt(_vertical_line(wave * tool.sonic_path_m)), np.sqrt(_scalar_line(wave * tool.sonic_path_m)), gas, together)


def _scalar_line(n: np.ndarray) -> np.ndarray:
    """Power kept of a scalar averaged along a line (Moore 1986, eq. 7)."""
    x = 2 * np.pi * np.maximum(n, 1e-3)
    return np.where(n < 1e-3, 1.0, (3 + np.exp(-x) - 4 * (1 - np.exp(-x)) / x) / x)


def _vertical_line(n: np.ndarray) -> np.ndarray:
    """The same for w along a vertical path (Moore 1986, eq. 9)."""
    x = 2 * np.pi * np.maximum(n, 1e-3)
    return np.where(n < 1e-3, 1.0, 4 / x * (1 + np.exp(-x) / 2 - 3 * (1 - np.exp(-x)) / (2 * x)))


def _air(celsius: float, vapour: float) -> dict[str, float]:
    dry = physics.dry_air_density_mol_m3(np.array(PRESSURE_PA / 100), np.array(celsius), np.array(1e-3 * vapour))
    return {"dry_density": float(dry), "temperature_c": celsius, "vapour": vapour}


DAY = BlockTruth(0.35, 150.0, 220.0, -12.0, height_m=4.0, wind_ms=3.5, **_air(22.0, 12.0))
NIGHT = BlockTruth(0.20, -25.0, 8.0, 5.0, height_m=4.0, wind_ms=2.5, **_air(12.0, 10.0))
SEA = BlockTruth(0.30, 20.0, 110.0, 4.0, height_m=10.0, wind_ms=8.0, **_air(24.0, 18.0))
STATIONS = (
    Station("reeds by day, open path", DAY, Instruments()),
    Station("reeds at night, closed path", NIGHT, Instruments(closed_path=True)),
    Station("water by day, open path", SEA, Instruments()),
)
