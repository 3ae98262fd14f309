"""What the spectral losses of an instrument depend on: measuring paths and time constants, by kind of instrument.

Each line has its source and a grade: A a manual, B the reference engine's table (EddyPro 7.0.0, as it uses them), C general knowledge, not
checked against a document. A station that knows better gives its own `Sonic` or `Analyser`. The time constant of 0.1 s of the LI-COR
analysers is the engine's: cautious for an analyser set to a bandwidth of 10 or 20 Hz (0.016 or 0.008 s), whose factor it makes too large.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from types import MappingProxyType


@dataclass(frozen=True)
class Tube:
    """Intake tube: length and inner diameter in m, flow in L min-1 at the tube's own temperature and pressure."""

    length_m: float
    diameter_m: float
    flow_l_per_min: float


@dataclass(frozen=True)
class Sonic:
    """Path in m and time constant in s of a sonic anemometer."""

    path_m: float
    time_constant_s: float
    grade: str = "C"


@dataclass(frozen=True)
class Analyser:
    """Path in m, time constant in s and place of a gas analyser.

    ``separation_m`` horizontal and ``vertical_separation_m`` distance from the sonic's centre; ``separation_azimuth_deg`` compass direction
    from the sonic to the analyser (or its intake), NaN when not known; ``tube`` None for an open path.
    """

    path_m: float
    time_constant_s: float
    separation_m: float = 0.0
    vertical_separation_m: float = 0.0
    separation_azimuth_deg: float = math.nan
    tube: Tube | None = None
    grade: str = "C"


SONICS = MappingProxyType(
    {
        "csat3": Sonic(0.115, 1 / 60, "B"),
        "csat3b": Sonic(0.115, 1 / 60, "B"),
        "irgason": Sonic(0.115, 1 / 60, "C"),  # the head of a CSAT3A: the same paths
        "gill_hs": Sonic(0.125, 1 / 50, "B"),
        "gill_hs_50": Sonic(0.125, 1 / 50, "B"),
        "gill_hs_100": Sonic(0.125, 1 / 100, "B"),
        "gill_r3_50": Sonic(0.125, 1 / 50, "B"),
        "gill_r3_100": Sonic(0.125, 1 / 100, "B"),
        "gill_windmaster": Sonic(0.125, 1 / 32, "B"),
        "gill_windmaster_pro": Sonic(0.125, 1 / 40, "B"),
        "metek_usa1": Sonic(0.131, 1 / 25, "B"),
        "metek_usonic3": Sonic(0.131, 1 / 50, "B"),
        "young_81000": Sonic(0.150, 1 / 40, "B"),
    }
)
"""By kind. HS-50 with 1/50 s is what gives the reference's factors of DE-HoH."""

ANALYSERS = MappingProxyType(
    {
        "li7500": Analyser(0.127, 0.1, grade="B"),
        "li7200": Analyser(0.127, 0.1, grade="B"),
        "li7700": Analyser(0.500, 0.1, grade="B"),
        "li7000": Analyser(0.152, 0.1, grade="B"),
        "li6262": Analyser(0.152, 0.1, grade="B"),
        "irgason": Analyser(0.154, 1 / (2 * math.pi * 20), grade="C"),  # bandwidth 20 Hz, settable
        "ec150": Analyser(0.154, 1 / (2 * math.pi * 20), grade="C"),
        "ec155": Analyser(0.120, 0.05, grade="C"),  # cell of 5.9 cm3, flushed in 50 ms at 7 L min-1 (manual)
    }
)
"""By kind, without place and tube: see `placed`."""


def placed(
    kind: str,
    *,
    separation_m: float = 0.0,
    vertical_separation_m: float = 0.0,
    separation_azimuth_deg: float = math.nan,
    tube: Tube | None = None,
) -> Analyser:
    """The analyser of a kind of `ANALYSERS` at its place on the mast. Parameters as `Analyser`; raises KeyError for an unknown kind.

    >>> placed("li7500", separation_m=0.15).path_m
    0.127
    """
    return replace(
        ANALYSERS[kind],
        separation_m=separation_m,
        vertical_separation_m=vertical_separation_m,
        separation_azimuth_deg=separation_azimuth_deg,
        tube=tube,
    )
