"""A small world for the tests: correlated air whose molecules are counted, so that the true flux is known without any flux equation.

The air obeys the ideal gas law at constant pressure; no dry air passes the level in the mean (Webb, Pearman & Leuning's condition). The true flux of a
gas is then the mean of w times its number of molecules.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

R = 8.314462618
MD, MW = 0.02896546, 0.01801528
RATE_HZ = 20.0


@dataclass(frozen=True)
class World:
    wind_u: np.ndarray
    wind_v: np.ndarray
    wind_w: np.ndarray
    temperature: np.ndarray
    pressure: float
    r_h2o: np.ndarray
    r_co2: np.ndarray

    @property
    def dry(self) -> np.ndarray:
        """mol of dry air per m3"""
        return self.pressure / (R * self.temperature * (1.0 + self.r_h2o))

    @property
    def q(self) -> np.ndarray:
        return MW * self.r_h2o / (MW * self.r_h2o + MD)

    @property
    def sonic_temperature(self) -> np.ndarray:
        return self.temperature * (1.0 + 0.51 * self.q)

    @property
    def density(self) -> float:
        return float(np.mean(self.dry * (MD + MW * self.r_h2o)))

    def true_flux(self, r: np.ndarray) -> float:
        """mol m-2 s-1 by counting molecules"""
        return float(np.mean(self.wind_w * self.dry * r))

    def true_temperature_flux(self) -> float:
        return float(np.mean((self.wind_w - self.wind_w.mean()) * (self.temperature - self.temperature.mean())))

    def open_path(self, lag: int = 0) -> dict[str, np.ndarray]:
        """What a sonic and an open-path analyser see; the gas ``lag`` samples late."""
        return self._wind() | {"co2": np.roll(self.dry * self.r_co2, lag), "h2o": np.roll(self.dry * self.r_h2o, lag)}

    def closed_path(self, lag: int = 0, seed: int = 9) -> dict[str, np.ndarray]:
        """The same air after a tube: another temperature and pressure, both fluctuating, same mole fractions."""
        rng = np.random.default_rng(seed)
        n = self.temperature.size
        cell_t, cell_p = 303.0 + 0.3 * rng.normal(size=n), 0.96 * self.pressure + 80.0 * rng.normal(size=n)
        dry = cell_p / (R * cell_t * (1.0 + self.r_h2o))
        gas = {"co2": dry * self.r_co2, "h2o": dry * self.r_h2o, "cell_temperature": cell_t, "cell_pressure": cell_p}
        return self._wind() | {name: np.roll(x, lag) for name, x in gas.items()}

    def _wind(self) -> dict[str, np.ndarray]:
        return {
            "wind_u": self.wind_u,
            "wind_v": self.wind_v,
            "wind_w": self.wind_w,
            "sonic_temperature": self.sonic_temperature,
        }


def red_noise(rng: np.random.Generator, n: int, scale: int = 40) -> np.ndarray:
    """Smooth noise of unit variance: white noise through two running means."""
    x = rng.normal(size=n + 4 * scale)
    for _ in range(2):
        x = np.convolve(x, np.ones(scale) / scale, mode="valid")
    x = x[:n]
    return (x - x.mean()) / x.std()


def unrelated(x: np.ndarray, base: np.ndarray, reach: int = 30) -> np.ndarray:
    """``x`` without what it happens to share with ``base`` at any lag up to ``reach``: so that a true lag is also the lag of the largest covariance."""
    shifted = np.stack([np.roll(base, lag) for lag in range(-reach, reach + 1)], axis=1)
    rest = x - shifted @ np.linalg.solve(shifted.T @ shifted + 1e-6 * base.size * np.eye(2 * reach + 1), shifted.T @ x)
    return (rest - rest.mean()) / rest.std()


def make_world(
    seed: int = 1,
    n: int = 36_000,
    *,
    w_t: float = 0.12,
    w_r_h2o: float = 8e-5,
    w_r_co2: float = -4e-7,
    wind: float = 6.0,
    pressure: float = 101_000.0,
) -> World:
    """Air with roughly the given covariances (K m s-1, m s-1 mol mol-1); the exact flux is what `World.true_flux` counts."""
    rng = np.random.default_rng(seed)
    base = red_noise(rng, n)
    others = [unrelated(red_noise(rng, n), base) for _ in range(4)]
    w = 0.35 * base
    u = wind - 0.5 * base + 1.0 * others[0]
    v = 0.9 * others[1]
    temperature = 295.0 + w_t / 0.35 * base + 0.3 * others[2]
    r_h2o = 0.015 + w_r_h2o / 0.35 * base + 3e-4 * others[3]
    r_co2 = 420e-6 + w_r_co2 / 0.35 * base + 5e-7 * others[2]
    dry = pressure / (R * temperature * (1.0 + r_h2o))
    return World(u, v, w - np.mean(w * dry) / np.mean(dry), temperature, pressure, r_h2o, r_co2)
