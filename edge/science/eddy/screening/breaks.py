"""Breaks: several series that step at the same moment, where one air ends and another begins.

A passing front does that, and so does a file put together from two, a clock that was set, or an instrument that was moved. Fluxes over
such a moment belong to neither side, also those whose own series hardly step. Each series' step is measured by how much it usually changes
in that time, so no limits in units are needed; the second largest ratio counts, since one series alone may have a fault of its own
(`discontinuities`). Numbers only. Two halves of like weather make no break, and no test finds them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from edge.science.arrays import FloatArray
from edge.science.eddy.window import GASES, WIND, Window

PIECE_S = 2.0


def joint_break(series: Sequence[FloatArray], piece: int) -> float:
    """The largest step that two series take together, in units of their usual change.

    Parameters: ``series`` (n,) each, any units, one length; ``piece`` samples. Means over pieces are compared with those two pieces later;
    each change is divided by the root mean square of all changes of its series, and of the ratios at each place the second largest is
    taken. NaN samples are left out; NaN with fewer than two series or three pieces.

    >>> x, y = np.sin(np.arange(400.0)), np.cos(np.arange(400.0))
    >>> step = np.where(np.arange(400) < 200, 0.0, 9.0)
    >>> round(joint_break([x, y], 10), 1), round(joint_break([x + step, y], 10), 1), round(joint_break([x + step, y - step], 10), 1)
    (1.0, 0.4, 4.3)
    """
    ratios = [ratio for x in series if (ratio := _ratios(x, piece)) is not None]
    return float(np.sort(np.array(ratios), axis=0)[-2].max()) if len(ratios) > 1 else math.nan


def _ratios(x: FloatArray, piece: int) -> FloatArray | None:
    pieces = x[: x.size // piece * piece].reshape(-1, piece)
    means = pieces.mean(axis=1)
    if not math.isfinite(float(means.sum())):
        there = np.isfinite(pieces)
        count = np.count_nonzero(there, axis=1)
        means = np.where(there, pieces, 0.0).sum(axis=1) / np.where(count > 0, count, np.nan)
    changes = np.nan_to_num(np.abs(means[2:] - means[:-2]))
    usual = math.sqrt(float(np.mean(changes * changes))) if changes.size else 0.0
    return np.asarray(changes / usual) if 0.0 < usual < math.inf else None


def step(window: Window, *, piece_s: float = PIECE_S) -> Window:
    """Value ``joint_break`` of wind, sonic temperature and gases."""
    there = [window.series[name] for name in (*WIND, "sonic_temperature", *GASES) if name in window.series]
    found = joint_break(there, max(1, round(piece_s * window.rate_hz)))
    return window if math.isnan(found) else window.found({"joint_break": found})
