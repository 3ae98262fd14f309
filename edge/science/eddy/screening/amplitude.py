"""Amplitude resolution and dropouts after Vickers & Mahrt (1997): both from the same histograms of moving windows.

Each window's samples fall into 100 bins over the smaller of its range and seven standard deviations. A signal so weak that the instrument's
digits show leaves most bins empty (amplitude resolution). A signal that sticks to one value for seconds stays in one bin (dropout): what
counts is the longest run of consecutive samples in one bin, as a percentage of the window's samples, with a stricter limit where the bin
lies among the lowest or highest tenth of the window's samples, because a signal rarely rests at its extremes. The tests only flag.

Not here: the removal of stuck samples (`stuck`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.science.arrays import FloatArray
from edge.science.eddy.window import Window

BINS = 100
STANDARD_DEVIATIONS = 7.0
EMPTY_PERCENT = 70.0
CENTRAL_PERCENT = 10.0
EXTREME_PERCENT = 6.0
EXTREME_TAIL = 0.1
SERIES = ("wind_u", "wind_v", "wind_w", "sonic_temperature", "co2", "h2o", "ch4", "gas4")


@dataclass(frozen=True)
class Amplitude:
    """Worst windows of a series: percentage of empty bins, longest run in a central and in an extreme bin (percent of the samples)."""

    empty_percent: float
    central_run_percent: float
    extreme_run_percent: float


def window_samples(averaging_s: float, rate_hz: float) -> int:
    """Samples of one window: a fifteenth of the averaging period in whole minutes (2 min of 30), at least one minute.

    Parameters: averaging period in s, sampling rate in Hz. Rule of EddyPro.

    >>> window_samples(1800.0, 20.0)
    2400
    """
    return max(2, round(60.0 * max(1, int(averaging_s / 60.0 / 15.0)) * rate_hz))


def amplitude(
    x: FloatArray, window: int, *, bins: int = BINS, standard_deviations: float = STANDARD_DEVIATIONS, tail: float = EXTREME_TAIL
) -> Amplitude:
    """The worst of all windows, which overlap by half.

    Parameters: ``x`` (n,), any unit; ``window`` in samples (a shorter series is one window); ``bins`` (at most 250) over the smaller of a
    window's range and ``standard_deviations`` of it about its mean; ``tail`` share of a window's samples that is extreme on each side. A
    NaN belongs to no bin and ends a run; windows with less than half of their samples or without spread are left out, all NaN when none is
    left. A run shorter than a hundredth of the window may count as none.
    Source: Vickers & Mahrt 1997, J. Atmos. Oceanic Technol. 14, 512-526, their tests of amplitude resolution and dropouts.

    >>> amplitude(np.tile([0.0, 1.0], 100), window=200)
    Amplitude(empty_percent=98.0, central_run_percent=0.0, extreme_run_percent=0.0)
    """
    window = min(window, x.size)
    found: list[FloatArray] = []
    for begin in (0, window // 2):
        rows = x[begin : begin + (x.size - begin) // max(1, window) * window].reshape(-1, max(1, window))
        if rows.size:
            found.append(_windows(rows, bins, standard_deviations, tail))
    table = np.concatenate(found) if found else np.empty((0, 3))
    good = table[np.isfinite(table[:, 0])]
    worst = good.max(axis=0) if good.size else np.full(3, np.nan)
    return Amplitude(*(float(value) for value in worst))


def _windows(rows: FloatArray, bins: int, standard_deviations: float, tail: float) -> FloatArray:
    """Empty bins, longest central and longest extreme run (percent) of each row; NaN for a row that cannot be judged."""
    which, samples = _bin_numbers(rows, bins, standard_deviations)
    number, places = rows.shape[0], bins + 2
    flat = np.add(which, places * np.arange(number)[:, None], dtype=np.intp).ravel()
    counts = np.bincount(flat, minlength=number * places).reshape(number, places)[:, 1:-1]
    middle = (np.cumsum(counts, axis=1) - 0.5 * counts) / np.maximum(counts.sum(axis=1), 1)[:, None]
    extreme = np.abs(middle - 0.5) > 0.5 - tail
    percent = np.empty((number, 3))
    percent[:, 0] = 100.0 * (counts == 0).sum(axis=1) / bins
    percent[:, 1:] = _longest_runs(which, extreme).T * (100.0 / np.maximum(samples, 1.0))[:, None]
    percent[samples < max(2.0, 0.5 * rows.shape[1])] = np.nan
    return percent


def _bin_numbers(rows: FloatArray, bins: int, standard_deviations: float) -> tuple[NDArray[np.uint8], FloatArray]:
    """Bin 1 to ``bins`` of each sample (0 or ``bins`` + 1: in none) and samples per window (0 for a window without spread)."""
    whole = bool(np.isfinite(rows.sum()))
    present = None if whole else np.isfinite(rows)
    filled = rows if present is None else np.where(present, rows, 0.0)
    samples = np.full(rows.shape[0], float(rows.shape[1])) if present is None else present.sum(axis=1).astype(np.float64)
    mean = filled.sum(axis=1) / np.maximum(samples, 1.0)
    y = rows - mean[:, None]
    if present is not None:
        y[~present] = 0.0
    reach = 0.5 * standard_deviations * np.sqrt(np.einsum("ij,ij->i", y, y) / np.maximum(samples - 1.0, 1.0))
    low, high = y.min(axis=1), y.max(axis=1)  # a missing sample stands at the mean here and moves neither
    by_range = high - low <= 2.0 * reach
    first, width = np.where(by_range, low, -reach), np.where(by_range, high - low, 2.0 * reach)
    spread = (width > 1e-9 * np.abs(mean) + 1e-300) & np.isfinite(width)
    scale = np.where(spread, bins * (1.0 - 1e-12) / np.where(spread, width, 1.0), 0.0)
    y *= scale[:, None]
    y += (1.0 - first * scale)[:, None]
    which = np.clip(y, 0.0, bins + 1.0, out=y).astype(np.uint8)
    which[~spread] = 0
    if present is not None:
        which[~present] = 0
    return which, np.where(spread, samples, 0.0)


def _longest_runs(which: NDArray[np.uint8], extreme: NDArray[np.bool_]) -> FloatArray:
    """Longest run of one bin in the central and in the extreme bins of each window, (2, windows) samples.

    Halving first: of neighbours that are equal only those survive that begin a run of at least a hundredth of the window.
    """
    number, length = which.shape
    alike = which[:, 1:] == which[:, :-1]
    reach = 1
    while 2 * reach <= length // 100:
        alike = alike[:, reach:] & alike[:, :-reach]
        reach *= 2
    longest = np.zeros((2, number))
    at = np.flatnonzero(alike)
    if not at.size:
        return longest
    row, place = np.divmod(at, alike.shape[1])
    begins = np.flatnonzero(np.concatenate(([True], (np.diff(at) > 1) | (np.diff(row) > 0))))
    lengths = np.diff(begins, append=at.size) + reach
    row, in_bin = row[begins], which[row[begins], place[begins]].astype(np.intp)
    real = (in_bin > 0) & (in_bin <= extreme.shape[1])
    row, in_bin, lengths = row[real], in_bin[real], lengths[real]
    np.maximum.at(longest, (extreme[row, in_bin - 1].astype(np.intp), row), lengths)
    return longest


def is_dropout(
    found: Amplitude, central_percent: float = CENTRAL_PERCENT, extreme_percent: float = EXTREME_PERCENT, *, whole_division: bool = False
) -> bool:
    """Whether a signal stuck to one value for too long in some window.

    Parameters: ``found`` from `amplitude`; limits in percent of a window's samples. ``whole_division`` True divides run by window in whole
    numbers before it multiplies, as EddyPro does: then only a window that is one single run is a dropout, and the flag is dead.

    >>> is_dropout(Amplitude(20.0, 12.0, 1.0)), is_dropout(Amplitude(20.0, 12.0, 1.0), whole_division=True)
    (True, False)
    """
    central, extreme = found.central_run_percent, found.extreme_run_percent
    if whole_division:
        central, extreme = 100.0 * (central // 100.0), 100.0 * (extreme // 100.0)
    return central > central_percent or extreme > extreme_percent


def step(
    window: Window,
    *,
    averaging_s: float,
    series: tuple[str, ...] = SERIES,
    bins: int = BINS,
    standard_deviations: float = STANDARD_DEVIATIONS,
    empty_percent: float = EMPTY_PERCENT,
    central_percent: float = CENTRAL_PERCENT,
    extreme_percent: float = EXTREME_PERCENT,
    whole_division: bool = False,
) -> Window:
    """Values ``amplitude_resolution_<series>`` (percent of empty bins), ``dropout_<series>`` and ``dropout_extreme_<series>`` (longest run,
    percent of a window) with ``hard_flag_amplitude_resolution_<series>`` and ``hard_flag_dropout_<series>``."""
    values: dict[str, float] = {}
    samples = window_samples(averaging_s, window.rate_hz)
    for name in series:
        if name not in window.series:
            continue
        found = amplitude(window.series[name], samples, bins=bins, standard_deviations=standard_deviations)
        if np.isnan(found.empty_percent):
            continue
        values[f"amplitude_resolution_{name}"] = found.empty_percent
        values[f"dropout_{name}"], values[f"dropout_extreme_{name}"] = found.central_run_percent, found.extreme_run_percent
        values[f"hard_flag_amplitude_resolution_{name}"] = float(found.empty_percent >= empty_percent)
        values[f"hard_flag_dropout_{name}"] = float(is_dropout(found, central_percent, extreme_percent, whole_division=whole_division))
    return window.found(values)
