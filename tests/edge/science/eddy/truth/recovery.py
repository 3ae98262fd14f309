"""What the chain makes of many windows of a station whose fluxes are prescribed: bias, scatter, and how often the truth lies in the stated error."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from edge.science.eddy.chain import flux_chain, run
from edge.science.eddy.density import fluxes
from edge.science.eddy.lag.search import LagWindow
from edge.science.eddy.moments import flux_error, momentum
from edge.science.eddy.setup import Methods, Setup
from edge.science.eddy.spectral.instruments import Analyser, Sonic
from edge.science.eddy.window import Window
from tests.edge.science.eddy.truth.station import PRESSURE_PA, Station

NOWHERE_M = 1e-6


def chain_of(station: Station):
    """The one place that knows how the chain is called."""
    tool = station.instruments
    analyser = Analyser(NOWHERE_M if tool.closed_path else tool.analyser_path_m, tool.response_s, separation_m=tool.separation_m)
    setup = Setup(
        closed_path=tool.closed_path,
        pressure_pa=PRESSURE_PA,
        height_m=station.truth.height_m,
        latitude_deg=30.0,
        averaging_s=station.period_s,
        lag_windows={gas: LagWindow(-0.5, 1.0, tool.lag_s) for gas in ("co2", "h2o")},
        sonic=Sonic(tool.sonic_path_m, 0.0),
        analysers={"co2": analyser, "h2o": analyser},
    )
    chain = tuple(flux_chain(setup, Methods(mode="correct")))
    if not any(name == "random_error" for name, _ in chain):
        chain = (*chain, ("random_error", partial(flux_error.step, fluxes_of=again)))
    return chain


def again(window: Window) -> Window:
    return fluxes.step(momentum.corrected_step(momentum.step(window)))


@dataclass(frozen=True)
class Recovery:
    """Of one flux over many windows: found and stated error, as fractions of the truth."""

    found: np.ndarray
    stated: np.ndarray

    @property
    def bias(self) -> float:
        return float(self.found.mean() - 1.0)

    def error_of_bias(self, group: int = 1) -> float:
        """Standard error of the bias, from the means of groups of windows (mirrored records belong into one group)."""
        means = self.found[: self.found.size // group * group].reshape(-1, group).mean(axis=1)
        return float(means.std(ddof=1) / math.sqrt(means.size))

    @property
    def in_errors(self) -> np.ndarray:
        """How many stated errors each window lies from the truth."""
        return (self.found - 1.0) / self.stated

    @property
    def coverage(self) -> float:
        """Share of windows whose truth lies within 1.96 stated errors."""
        return float(np.mean(np.abs(self.in_errors) <= 1.96))


def recovered(station: Station, windows: Sequence[Window]) -> dict[str, Recovery]:
    """Flux → recovery, with the errors the chain states."""
    return {
        flux: Recovery(
            np.array([w.value(flux) for w in windows]) / true,
            np.array([w.value(f"random_error_{flux}") for w in windows]) / abs(true),
        )
        for flux, true in station.fluxes.items()
    }


def computed(station: Station, count: int, *, mirrored: bool = False) -> list[Window]:
    """The chain's results for ``count`` windows."""
    chain = chain_of(station)
    return [run(window, chain) for window in station.windows(count, mirrored=mirrored)]
