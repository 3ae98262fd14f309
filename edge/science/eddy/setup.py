"""What a chain is made for: the facts of one window's site and instruments, the methods chosen, and what was learnt before.

Plain values, no files, no clock. `chain.flux_chain` turns them into the list of steps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from numpy.typing import ArrayLike

from edge.science.eddy.density.burba import Instrument as BurbaInstrument
from edge.science.eddy.lag.search import LagWindow
from edge.science.eddy.lag.tracker import LearntLag
from edge.science.eddy.rotation.planar_fit import Plane
from edge.science.eddy.spectral.in_situ import HumidityDependence, IbromCoefficients, NotReady
from edge.science.eddy.spectral.instruments import Analyser, Sonic


@dataclass(frozen=True)
class Setup:
    """Facts of one window.

    ``closed_path`` True when the gases are, or are made, mole fractions; ``pressure_pa`` mean air pressure (NaN: unknown); ``height_m`` of
    the sonic above the displacement height of the ground or water as it is in this window; ``roughness_length_m`` (NaN: unknown);
    ``averaging_s`` length of the period; ``lag_windows`` where each gas's lag may lie by the setup; ``u_from_deg`` where a wind along +u
    comes from in right-handed axes (NaN: unknown, no wind direction), ``mirrored`` whether the sonic's own are left-handed; ``sonic`` and
    ``analysers`` (gas → analyser) what spectral losses depend on (None: no spectral correction); ``crosswind_factors`` of a sonic that
    leaves the correction to others (None: it has made it, or its paths are not known); ``sonic_word`` and ``gas_word`` names of the
    diagnostic words, ``good_status`` of a sonic without one; ``over_water`` whether water lies below; ``mass_densities`` the gases whose
    densities were recorded in kg m-3 (they come here as mol m-3); ``surface_heating`` of an open-path analyser whose surfaces warm its
    path, as it is at this time of day (None: off); ``areas`` name → polygons in metres (east, north) around the mast, for the footprint.
    """

    closed_path: bool
    pressure_pa: float
    height_m: float
    latitude_deg: float
    averaging_s: float
    lag_windows: Mapping[str, LagWindow]
    u_from_deg: float = math.nan
    mirrored: bool = False
    roughness_length_m: float = math.nan
    sonic: Sonic | None = None
    analysers: Mapping[str, Analyser] = field(default_factory=dict)
    sonic_kind: str = ""
    sonic_firmware: str = ""
    crosswind_factors: tuple[float, float, float] | None = None
    sonic_word: str = ""
    gas_word: str = ""
    good_status: tuple[float, ...] = (0.0,)
    platform_moves: bool = False
    over_water: bool = False
    mass_densities: tuple[str, ...] = ()
    surface_heating: BurbaInstrument | None = None
    areas: Mapping[str, Sequence[ArrayLike]] = field(default_factory=dict)


@dataclass(frozen=True)
class Methods:
    """The methods chosen, named as in the station file (`processing`)."""

    mode: Literal["correct", "compatible"] = "correct"
    crosswind: bool = False
    spikes: Literal["vickers_mahrt", "mauder", "none"] = "vickers_mahrt"
    rotation: Literal["double", "triple", "planar_fit", "none"] = "double"
    lag: Literal["tracked", "maximum_with_default", "maximum", "constant", "none"] = "maximum_with_default"
    detrending: Literal["block", "linear", "running_mean", "exponential"] = "block"
    detrending_s: float | None = None
    density: bool = True
    random_error: Literal["finkelstein_sims", "mann_lenschow", "none"] = "finkelstein_sims"
    integral_scale: Literal["zero_crossing", "one_over_e", "whole"] = "zero_crossing"
    spectral: Literal["moncrieff", "horst", "ibrom", "fratini", "none"] = "moncrieff"
    separation: bool = True
    quality: Literal["mauder_foken", "foken"] = "mauder_foken"
    footprint: Literal["kljun_2004", "kormann_meixner", "hsieh"] = "kljun_2004"
    minimum_share: float = 0.9


@dataclass(frozen=True)
class Learnt:
    """What earlier windows taught: planes of wind sectors, lags by gas and humidity, cut-offs by gas (or why there is none), and
    coefficients of Ibrom's factor by stability (``unstable``, ``stable``)."""

    planes: Sequence[Plane] = ()
    lags: Mapping[str, Sequence[LearntLag]] = field(default_factory=dict)
    cutoffs: Mapping[str, float | HumidityDependence | NotReady] = field(default_factory=dict)
    ibrom: Mapping[str, IbromCoefficients] = field(default_factory=dict)
