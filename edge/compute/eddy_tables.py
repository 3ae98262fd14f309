"""The tables of a finished eddy window as they travel: spectra for a record of their own, the footprint's lines for that of the fluxes.

Short by rounding: four significant digits, whole metres. A window without spectra or footprint gives nothing; its values say why.
"""

from __future__ import annotations

import math

from edge.science.eddy.footprint.step import TABLE
from edge.science.eddy.window import GASES, Window

Columns = dict[str, list[float | None]]
SPECTRA = ("wind_u", "wind_w", "sonic_temperature", *GASES)
COSPECTRA = ("wind_u", "sonic_temperature", *GASES)
COLUMNS = (
    "frequency_hz",
    "normalised_frequency",
    *(f"spectrum_{name}" for name in SPECTRA),
    *(f"cospectrum_{name}" for name in COSPECTRA),
    *(f"ogive_{name}" for name in COSPECTRA),
    "model_momentum",
    "model_scalar",
)
"""of the table ``spectra``: frequency times density over variance (with the vertical wind: over covariance), ogives, model curves"""
CONTOURS = (50, 80)
EVERY = 2
"""one point of so many of a contour: 21 draw it"""


def spectra_of(window: Window) -> Columns:
    """The columns of the window's spectra, a row per bin from low to high frequency; None where there is no number.

    >>> import numpy as np
    >>> spectra_of(Window(10.0, 1, {}, tables={"spectra": {"frequency_hz": np.array([0.0012345678, np.nan])}}))
    {'frequency_hz': [0.001235, None]}
    """
    table = window.tables.get("spectra", {})
    return {name: [_rounded(float(x)) for x in table[name]] for name in COLUMNS if name in table}


def _rounded(x: float) -> float | None:
    return float(f"{x:.4g}") if math.isfinite(x) else None


def contours_of(window: Window) -> Columns:
    """East and north of the lines that hold 50 and 80 % of the footprint, whole metres from the mast, closed."""
    table = window.tables.get(TABLE, {})
    names = [f"{axis}_m_{percent}" for percent in CONTOURS for axis in ("east", "north")]
    return {name: [round(float(x)) for x in table[name][::EVERY]] for name in names if name in table}
