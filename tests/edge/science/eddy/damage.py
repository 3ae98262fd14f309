"""Ways in which a half-hour may be spoilt, and the fluxes that suffer: what tests do to good windows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from edge.science.eddy.window import Window

RESTS_ON = {
    "momentum_flux": {"wind_u", "wind_w"},
    "sensible_heat_flux": {"wind_w", "sonic_temperature"},
    "latent_heat_flux": {"wind_w", "h2o"},
    "h2o_flux": {"wind_w", "h2o"},
    "co2_flux": {"wind_w", "co2"},
}
CHANNELS = ("wind_u", "wind_w", "sonic_temperature", "co2", "h2o")


@dataclass(frozen=True)
class Damage:
    name: str
    changed: Callable[[Window], dict[str, np.ndarray]]
    channels: tuple[str, ...]

    def done_to(self, window: Window) -> Window:
        return replace(window, series={**window.series, **self.changed(window)})

    def fluxes(self) -> list[str]:
        return [flux for flux, series in RESTS_ON.items() if series & set(self.channels)]


def clipped(x: np.ndarray, rate_hz: float) -> np.ndarray:
    return np.clip(x, *np.nanquantile(x, [0.05, 0.95]))


def clipped_above(x: np.ndarray, rate_hz: float) -> np.ndarray:
    return np.minimum(x, np.nanquantile(x, 0.9))


def frozen(x: np.ndarray, rate_hz: float) -> np.ndarray:
    """For five minutes."""
    y, begin = x.copy(), int(0.3 * x.size)
    y[begin : begin + int(300 * rate_hz)] = y[begin]
    return y


def noise(x: np.ndarray, rate_hz: float) -> np.ndarray:
    """White, of the channel's own mean and deviation."""
    return np.nanmean(x) + np.nanstd(x) * np.random.default_rng(3).normal(size=x.size)


def spiked(x: np.ndarray, rate_hz: float) -> np.ndarray:
    """Two samples in a hundred, ten standard deviations away."""
    rng, y = np.random.default_rng(4), x.copy()
    where = rng.random(x.size) < 0.02
    y[where] += 10 * np.nanstd(x) * rng.choice([-1, 1], np.count_nonzero(where))
    return y


def repeated(x: np.ndarray, rate_hz: float) -> np.ndarray:
    """Recorded at twice the rate it was measured at."""
    return np.repeat(x[::2], 2)[: x.size]


def of_a_channel(how: Callable[[np.ndarray, float], np.ndarray], channel: str) -> Damage:
    return Damage(f"{channel} {how.__name__}", lambda window: {channel: how(window.series[channel], window.rate_hz)}, (channel,))


def swapped(a: str, b: str) -> Damage:
    return Damage(f"{a} and {b} swapped", lambda window: {a: window.series[b], b: window.series[a]}, (a, b))


def scaled(channel: str, factor: float, offset: float, name: str) -> Damage:
    return Damage(name, lambda window: {channel: window.series[channel] * factor + offset}, (channel,))


DAMAGES = [
    *(of_a_channel(how, channel) for how in (clipped, clipped_above, frozen, noise, spiked, repeated) for channel in CHANNELS),
    swapped("wind_u", "wind_w"),
    swapped("wind_v", "wind_w"),
    swapped("co2", "h2o"),
    scaled("sonic_temperature", 1.0, -273.15, "temperature in degC"),
    scaled("co2", 1e6, 0.0, "CO2 in ppm"),
    scaled("h2o", 1e3, 0.0, "water in thousandths"),
]
