"""The chain: a list of named steps, walked from the first to the last, each writing down what it did.

`flux_chain` is the list for one window of a fixed or moving sonic with an open- or closed-path analyser. Another method is another list.
`run` never raises for bad data: a step that cannot do its work leaves its numbers out with the reason, and the rest goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from edge.science.eddy.density import air_state, dry_mole_fraction, fluxes
from edge.science.eddy.lag import search as lag
from edge.science.eddy.lag.search import LagWindow
from edge.science.eddy.moments import covariances, momentum, stability
from edge.science.eddy.quality import classes, integral_turbulence, stationarity
from edge.science.eddy.rotation import angles as rotation
from edge.science.eddy.screening import limits, presence, stuck
from edge.science.eddy.screening import vickers_mahrt as despike
from edge.science.eddy.sonic import mean_wind
from edge.science.eddy.window import Step, Window, trace_of

Chain = Sequence[tuple[str, Step]]


def flux_chain(
    *,
    closed_path: bool,
    pressure_pa: float,
    height_m: float,
    latitude_deg: float,
    averaging_s: float,
    lag_windows: Mapping[str, LagWindow],
    u_from_deg: float = 180.0,
    platform_moves: bool = False,
    minimum_share: float = presence.MINIMUM_SHARE,
) -> Chain:
    """The steps for one window.

    Parameters: ``closed_path`` True when the gases are, or are made, mole fractions; ``pressure_pa`` mean air pressure (NaN: unknown);
    ``height_m`` of the sonic above the zero plane of the surface; ``averaging_s`` length of the period (a sixth of it, in whole minutes, is
    the despiking window); ``lag_windows`` per gas; ``u_from_deg`` where a wind along +u comes from.
    """
    despike_s = 60.0 * max(1, int(averaging_s / 60.0 / 6.0))
    dry: list[tuple[str, Step]] = [("dry_mole_fraction", dry_mole_fraction.step)] if closed_path else []
    return (
        ("stuck", stuck.step),
        ("presence", partial(presence.step, minimum_share=minimum_share)),
        *dry,
        ("limits", partial(limits.step, pressure_pa=pressure_pa)),
        ("despike", partial(despike.step, window_s=despike_s)),
        ("presence_after_screening", partial(presence.step, minimum_share=minimum_share)),
        ("mean_wind", partial(mean_wind.step, u_from_deg=u_from_deg)),
        ("rotation", rotation.step),
        ("lag", partial(lag.step, windows=lag_windows)),
        ("covariances", covariances.step),
        ("air_state", partial(air_state.step, pressure_pa=pressure_pa)),
        ("momentum", momentum.step),
        ("fluxes", fluxes.step),
        ("stability", partial(stability.step, height_m=height_m)),
        ("stationarity", stationarity.step),
        ("integral_turbulence", partial(integral_turbulence.step, latitude_deg=latitude_deg)),
        ("classes", partial(classes.step, platform_moves=platform_moves)),
    )


def run(window: Window, chain: Chain) -> Window:
    """Walk the chain; the result carries one `window.Trace` per step."""
    with np.errstate(all="ignore"):
        for name, step in chain:
            try:
                after = step(window)
            except (ArithmeticError, LookupError, ValueError, TypeError) as error:
                return _abandoned(window, name, error)
            window = replace(after, trace=(*window.trace, trace_of(name, window, after)))
    return window


def _abandoned(window: Window, name: str, error: Exception) -> Window:
    """A window whose step failed keeps no number: one found before the failure would look good without its class."""
    return replace(window, values={}, reasons={**window.reasons, "chain": f"step {name} failed: {type(error).__name__}: {error}"})
