"""Makers' axes to one right-handed frame (u, v horizontal, w up) and the compass direction that its u comes from.

Every chain after this module works in a right-handed frame with any direction of u; only the wind's direction and whatever stands on it
(sectors, a planar fit by sector, a footprint on a map) needs ``u_from_deg``, and a left-handed sonic needs one sign changed, without which
the cross-wind stress and every direction are mirrored.

Directions that no maker's document at hand settles are not guessed: then the frame is right-handed but ``u_from_deg`` must be given.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from edge.science.arrays import FloatArray
from edge.science.eddy.window import Window


@dataclass(frozen=True)
class Axes:
    """How a sonic puts out its wind.

    ``mirrored``: left-handed, v changes its sign. ``u_from_north_mark_deg``: where a wind along +u comes from, in degrees clockwise from
    the sonic's north mark (a yoke's pointing direction), once the frame is right-handed; NaN: not known.
    """

    mirrored: bool
    u_from_north_mark_deg: float
    source: str


AXES: Mapping[str, Axes] = MappingProxyType(
    {
        "campbell": Axes(False, 0.0, "CSAT3, CSAT3A, CSAT3B, IRGASON manuals: +u blows from the array into the block"),
        "gill_spar": Axes(False, 180.0, "R3, HS, WindMaster in the SPAR setting: +u blows towards the north mark"),
        "gill_axis": Axes(False, math.nan, "the AXIS setting is 30 degrees off SPAR; to which side is not established here"),
        "gill_r2": Axes(True, 330.0, "NCAR EOL, Wind direction quick reference: with v turned round, +v points to the north mark + 60"),
        "metek": Axes(True, math.nan, "USA-1, uSonic-3: left-handed; the direction of x is not established here"),
        "young": Axes(False, math.nan, "81000: right-handed; the direction of u is not established here"),
    }
)
"""Handedness: LI-COR, EddyPro help, Adjusting the anemometer coordinate system."""


def u_from_deg(axes: Axes, north_mark_deg: float) -> float:
    """The compass direction from which a wind along +u comes.

    Parameters: ``north_mark_deg`` where the sonic's north mark (or a yoke, away from its arm) points, degrees clockwise from true north.
    Returns degrees in [0, 360), NaN where the axes' direction is not known.

    >>> u_from_deg(AXES["gill_spar"], 235.0), u_from_deg(AXES["campbell"], 150.0)
    (55.0, 150.0)
    """
    return (north_mark_deg + axes.u_from_north_mark_deg) % 360.0


def north_offset_deg(from_deg: float) -> float:
    """The offset that EddyPro's files give for the same frame: wind direction = 180 - atan2(v, u) + offset.

    Parameters: ``from_deg`` as of `u_from_deg`. Returns degrees in [-180, 180); a CSAT3 that points north has -180.

    >>> north_offset_deg(0.0), north_offset_deg(90.0)
    (-180.0, -90.0)
    """
    return (from_deg % 360.0) - 180.0


def right_handed(u: FloatArray, v: FloatArray, axes: Axes) -> tuple[FloatArray, FloatArray]:
    """Horizontal wind in the right-handed frame.

    Parameters: ``u``, ``v`` (n,) m s-1 as the sonic gave them. NaN stays NaN. Returns ``u`` itself and ``v`` or its opposite.

    >>> right_handed(np.array([1.0]), np.array([2.0]), AXES["metek"])[1].tolist()
    [-2.0]
    """
    return (u, np.negative(v)) if axes.mirrored else (u, v)


def from_polar(speed: FloatArray, towards_deg: FloatArray) -> tuple[FloatArray, FloatArray]:
    """u and v of wind given as horizontal speed and angle.

    Parameters: ``speed`` (n,) m s-1; ``towards_deg`` (n,) angle of the vector, degrees counter-clockwise from +u. NaN gives NaN.

    >>> u, v = from_polar(np.array([2.0]), np.array([90.0]))
    >>> round(float(u[0]), 12), round(float(v[0]), 12)
    (0.0, 2.0)
    """
    angle = np.radians(towards_deg)
    return np.asarray(speed * np.cos(angle)), np.asarray(speed * np.sin(angle))


def unmirrored_step(window: Window) -> Window:
    """Turn v of a left-handed sonic round; `step` without the direction."""
    if "wind_v" not in window.series:
        return window
    return window.with_series({"wind_v": np.negative(window.series["wind_v"])})


def step(window: Window, *, axes: Axes, north_mark_deg: float) -> Window:
    """Make the wind right-handed; value ``u_from_deg``, or the reason why directions cannot be had."""
    if "wind_u" not in window.series or "wind_v" not in window.series:
        return window
    u, v = right_handed(window.series["wind_u"], window.series["wind_v"], axes)
    if axes.mirrored:
        window = window.with_series({"wind_u": u, "wind_v": v})
    found = u_from_deg(axes, north_mark_deg)
    if math.isnan(found):
        return window.found({"u_from_deg": found}, {"u_from_deg": f"{axes.source}: give the direction that +u comes from"})
    return window.found({"u_from_deg": found})
