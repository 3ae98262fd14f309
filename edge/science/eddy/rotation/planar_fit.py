"""Planar fit: the frame of the surface, from the mean winds of many windows, by wind sector.

Over a slope or a leaning mast the mean streamlines lie in a plane. Its tilt, found from weeks of windows, turns every window alike, so
that a single window's mean vertical wind (a real one, or a low-frequency one) is not forced to zero as double rotation does. `fit` says
for each sector whether there are enough windows yet; a window of a sector that is not ready is rotated twice and says so.
Source: Wilczak et al. 2001, Boundary-Layer Meteorology 99, 127-150, eq. 36 to 48. Not here: keeping the history of windows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from edge.science.arrays import FloatArray, floats
from edge.science.eddy.rotation.angles import Rotated, common_samples, double_rotation, turned, with_rotated
from edge.science.eddy.window import WIND, Window


@dataclass(frozen=True)
class Plane:
    """Mean streamlines of one wind sector, w = b0 + b1 u + b2 v in the sonic's frame; ``windows`` it rests on (0: given)."""

    from_deg: float
    to_deg: float
    b0_ms: float
    b1: float
    b2: float
    windows: int = 0


@dataclass(frozen=True)
class Fitted:
    """The planes that are ready, and for every sector how many windows it has."""

    planes: tuple[Plane, ...]
    windows: tuple[int, ...]
    least_windows: int


def matrix_of(plane: Plane) -> FloatArray:
    """The (3, 3) rotation into the plane: rows are the new axes; the third is normal to the plane, the second has no u component.

    >>> matrix_of(Plane(270.0, 360.0, 0.0042295, 0.0282999, -0.0198708)).round(6)[2]
    array([-0.028283,  0.019859,  0.999403])
    """
    normal = np.array([-plane.b1, -plane.b2, 1.0]) / math.sqrt(plane.b1**2 + plane.b2**2 + 1.0)
    across = np.array([0.0, 1.0, plane.b2]) / math.hypot(1.0, plane.b2)
    return np.array([np.cross(across, normal), across, normal])


def in_sector(direction_deg: float, plane: Plane) -> bool:
    """Whether a wind direction belongs to a plane's sector ``[from, to)``, which may pass through north. NaN belongs to the whole circle.

    >>> north = Plane(330.0, 30.0, 0.0, 0.0, 0.0)
    >>> in_sector(350.0, north), in_sector(30.0, north), in_sector(30.0, Plane(0.0, 360.0, 0.0, 0.0, 0.0))
    (True, False, True)
    """
    width = (plane.to_deg - plane.from_deg) % 360.0 or 360.0
    return width == 360.0 or (direction_deg - plane.from_deg) % 360.0 < width


def fit(
    u_ms: ArrayLike,
    v_ms: ArrayLike,
    w_ms: ArrayLike,
    direction_deg: ArrayLike,
    *,
    sectors: int = 4,
    least_windows: int = 30,
    least_wind_ms: float = 1.0,
    most_vertical_wind_ms: float = 0.5,
) -> Fitted:
    """Planes of equal sectors from the mean winds of many windows.

    Parameters: means of each window before rotation, (n,), m s-1, and its wind direction, degrees. A window with NaN, with a horizontal
    wind below ``least_wind_ms`` or a vertical one above ``most_vertical_wind_ms`` is left out. A sector with fewer than
    ``least_windows``, or whose winds do not span a plane, has no plane yet. Least squares of Wilczak et al. 2001, eq. 48.

    >>> angle = np.radians(np.arange(0.0, 360.0, 5.0)); u, v = 4 * np.cos(angle), 4 * np.sin(angle)
    >>> found = fit(u, v, 0.02 + 0.05 * u - 0.03 * v, np.degrees(angle), sectors=1)
    >>> [round(x, 6) for x in (found.planes[0].b0_ms, found.planes[0].b1, found.planes[0].b2)]
    [0.02, 0.05, -0.03]
    """
    u, v, w, direction = (floats(x) for x in (u_ms, v_ms, w_ms, direction_deg))
    if sectors == 1:
        direction = np.zeros(u.shape)  # the whole circle needs none: it may be unknown
    good = np.isfinite(u) & np.isfinite(v) & np.isfinite(w) & np.isfinite(direction)
    good &= (np.hypot(u, v) >= least_wind_ms) & (np.abs(w) <= most_vertical_wind_ms)
    width = 360.0 / sectors
    planes, counts = [], []
    for number in range(sectors):
        here = good & ((direction % 360.0) // width == number)
        count = int(np.count_nonzero(here))
        counts.append(count)
        if count >= max(3, least_windows):
            terms = np.column_stack([np.ones(count), u[here], v[here]])
            found, _, rank, _ = np.linalg.lstsq(terms, w[here], rcond=1e-6)
            if rank == 3:
                b0, b1, b2 = (float(b) for b in found)
                planes.append(Plane(number * width, (number + 1) * width, b0, b1, b2, count))
    return Fitted(tuple(planes), tuple(counts), least_windows)


def planar_rotation(u: FloatArray, v: FloatArray, w: FloatArray, plane: Plane) -> Rotated:
    """Turn into the plane, then about its normal until mean v is zero. Mean w keeps what the plane leaves (the
    bias b0 is the sonic's offset and is taken out).

    Parameters: (n,), m s-1; a sample with any component missing is missing in all three.

    >>> one = np.ones(3)
    >>> flat = planar_rotation(3 * one, 4 * one, (0.1 + 0.05 * 3) * one, Plane(0, 360, 0.1, 0.05, 0.0))
    >>> round(float(flat.w[0]), 9) + 0.0, round(float(flat.v[0]), 9) + 0.0, round(flat.yaw_deg, 2)
    (0.0, 0.0, 53.1)
    """
    u, v, w = common_samples(u, v, w)
    along, across, up = turned(matrix_of(plane), u, v, w - plane.b0_ms)
    present = np.isfinite(along)
    if not present.any():
        return Rotated(u, v, w, math.nan, math.nan)
    yaw = math.atan2(float(across[present].mean()), float(along[present].mean()))
    cosine, sine = math.cos(yaw), math.sin(yaw)
    return Rotated(along * cosine + across * sine, across * cosine - along * sine, up, math.degrees(yaw) % 360.0, math.nan)


def step(window: Window, *, planes: Sequence[Plane]) -> Window:
    """Rotate by the plane of the window's wind sector; by double rotation, with ``planar_fit_ready`` 0, where there is none yet."""
    if any(name not in window.series for name in WIND):
        return window
    u, v, w = (window.series[name] for name in WIND)
    direction = window.value("wind_from_direction_deg")
    plane = next((p for p in planes if in_sector(direction, p)), None)
    rotated = double_rotation(u, v, w) if plane is None else planar_rotation(u, v, w, plane)
    return with_rotated(window, rotated).found({"planar_fit_ready": float(plane is not None)})
