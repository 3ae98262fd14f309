"""Which samples an instrument's own diagnostic word and signal strength make invalid, and what the word said how often.

For files that bring their diagnostic columns along; at a station the driver has judged them at reading time and the values are missing
already. Pure functions on columns; `step` uses them on columns that stand in the window as series. Not here: a limit for the signal
strength (a decision of the project: dirty windows are a matter of the site), and how many samples must be left (`presence`).

Sources: Campbell CSAT3 (appendix B), CSAT3B (table 8-5), IRGASON/EC150/EC155 (tables 8-1, 10-3), Gill 1561-PS-0001, LI-COR LI-7500RS,
LI-7200RS and LI-7700 manuals.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from edge.science.arrays import BoolArray, FloatArray, mean_of_present
from edge.science.eddy.window import GASES, WIND, Window

Bits = Mapping[str, int]


@dataclass(frozen=True)
class Word:
    """A diagnostic word: its bits by name (0 is the lowest), whether a set bit is good, and the bits that must not be bad."""

    bits: Bits
    set_is_good: bool
    decisive: tuple[str, ...]


def _names(*names: str) -> Bits:
    return MappingProxyType({name: bit for bit, name in enumerate(names)})


_LI7500: Bits = MappingProxyType({"sync": 4, "pll": 5, "detector": 6, "chopper": 7})
_LI7200: Bits = MappingProxyType({**_LI7500, "delta_pressure": 8, "auxiliary_input": 9, "t_in": 10, "t_out": 11, "head_detect": 12})
_CSAT3: Bits = MappingProxyType({"amplitude_low": 12, "amplitude_high": 13, "signal_lock": 14, "delta_c": 15})
_CSAT3B = _names(
    "amplitude_low", "amplitude_high", "tracking", "delta_c", "acquiring", "supply_low", "trigger", "humidity", "calibration_memory"
)  # fmt: skip
_EC100_SONIC = _names("amplitude_low", "amplitude_high", "signal_lock", "delta_c", "acquiring")
_EC100_GAS = _names(
    "bad_data", "general_fault", "starting_up", "motor_speed", "tec_temperature", "light_power", "light_temperature", "light_current",
    "head_power", "input_sync", "ambient_temperature", "ambient_pressure", "co2_i", "co2_io", "h2o_i", "h2o_io", "co2_io_variation",
    "h2o_io_variation", "co2_signal_low", "h2o_signal_low", "calibration_signature", "heater_control", "differential_pressure",
)  # fmt: skip
_LI7700: Bits = MappingProxyType(
    {
        "not_ready": 15, "no_signal": 14, "re_unlocked": 13, "bad_temp": 12, "laser_t_unreg": 11, "clock_t_unreg": 10, "motor_spinning": 9,
        "pump_on": 8, "top_heater_on": 7, "bottom_heater_on": 6, "calibrating": 5, "motor_failure": 4, "bad_aux_tc1": 3, "bad_aux_tc2": 2,
        "bad_aux_tc3": 1, "box_connected": 0,
    }
)  # fmt: skip

WORDS: Mapping[str, Word] = MappingProxyType(
    {
        "li7500": Word(_LI7500, True, ("pll", "detector", "chopper")),
        "li7200": Word(_LI7200, True, ("pll", "detector", "chopper", "delta_pressure", "head_detect")),
        "csat3": Word(_CSAT3, False, tuple(_CSAT3)),
        "csat3b": Word(_CSAT3B, False, tuple(_CSAT3B)),
        "ec100_sonic": Word(_EC100_SONIC, False, tuple(_EC100_SONIC)),
        "ec100_gas": Word(_EC100_GAS, False, tuple(name for name in _EC100_GAS if name != "heater_control")),
        "li7700": Word(_LI7700, False, ("not_ready", "no_signal", "re_unlocked", "bad_temp", "calibrating", "motor_failure")),
    }
)
"""Decisive bits of the LI-7500 (5 to 7) and LI-7200 (5 to 8 and 12) are EddyPro's; the heater's bit of an EC100 alone spoils nothing."""

GILL_GOOD = (0.0, 10.0, 11.0)
"""Gill status words of good samples: 0, and 0A and 0B (gain at its maximum, retries), which are usable."""


def _as_words(column: FloatArray) -> tuple[NDArray[np.int64], BoolArray]:
    known = np.isfinite(column) & (column >= 0.0)
    return np.where(known, column, 0.0).astype(np.int64), known


def bad_by_word(column: FloatArray, word: Word, decisive: tuple[str, ...] | None = None) -> BoolArray:
    """Samples that a diagnostic word makes invalid.

    Parameters: ``column`` (n,) the word as numbers; ``word`` from `WORDS`; ``decisive`` other bits than the word's own choice. A missing or
    negative word says nothing and condemns nothing (its sample is missing for itself, if it is).

    >>> bad_by_word(np.array([250.0, 122.0]), WORDS["li7500"]).tolist()
    [False, True]
    """
    words, known = _as_words(column)
    mask = sum(1 << word.bits[name] for name in (word.decisive if decisive is None else decisive))
    return np.asarray(known & (((words & mask) != mask) if word.set_is_good else ((words & mask) != 0)))


def bad_by_flag(column: FloatArray, good: tuple[float, ...] = (0.0,)) -> BoolArray:
    """Samples whose status is none of the good ones.

    Parameters: ``column`` (n,) status numbers; ``good`` those of good samples (`GILL_GOOD` for a Gill). A missing status condemns nothing.

    >>> bad_by_flag(np.array([0.0, 7.0, 10.0, np.nan]), GILL_GOOD).tolist()
    [False, True, False, False]
    """
    return np.asarray(np.isfinite(column) & ~np.isin(column, good))


def bad_by_sonic(column: FloatArray, word: str, good_status: tuple[float, ...] = (0.0,)) -> BoolArray:
    """Samples that a sonic's diagnostic condemns.

    Parameters: ``column`` (n,); ``word`` a name of `WORDS`, or empty: the status as it is. A CSAT3's column without any number above 15
    holds its four flags alone, as logger programs cut them off the word (whose counter runs to 63): any of them is bad.

    >>> bad_by_sonic(np.array([0.0, 4.0]), "csat3").tolist()
    [False, True]
    """
    if word == "csat3" and not (column > 15.0).any():
        word, good_status = "", (0.0,)
    return bad_by_word(column, WORDS[word]) if word else bad_by_flag(column, good_status)


def bit_counts(column: FloatArray, word: Word) -> dict[str, int]:
    """How many samples had each bit on its bad side (for an LI-7700: the named condition present).

    Parameters: ``column`` (n,) the word as numbers, NaN and negative words are left out. Returns bit name → samples.

    >>> bit_counts(np.array([240.0, 112.0, 112.0]), WORDS["li7500"])
    {'sync': 0, 'pll': 0, 'detector': 0, 'chopper': 2}
    """
    words, known = _as_words(column)
    values, times = np.unique(words[known], return_counts=True)  # words repeat: a handful of them speaks for all samples
    wanted = 0 if word.set_is_good else 1
    return {name: int(times[((values >> bit) & 1) == wanted].sum()) for name, bit in word.bits.items()}


def signal_strength(column: FloatArray, *, automatic_gain_control: bool) -> float:
    """Mean of the signal nibble (bits 0 to 3) of an LI-7500 or LI-7200 word, percent.

    Parameters: ``column`` (n,) the word; ``automatic_gain_control`` True for software before 5.3.0, whose nibble is the AGC (6.25 % a step
    and one step more, LOW is good), False for the signal strength (6.67 % a step, high is good). NaN when no word is present.

    >>> round(signal_strength(np.array([125.0]), automatic_gain_control=False), 1)
    86.7
    """
    words, known = _as_words(column)
    if not known.any():
        return math.nan
    nibble = float((words[known] & 15).mean())
    return 6.25 * (nibble + 1.0) if automatic_gain_control else 100.0 * nibble / 15.0


def to_missing(series: Mapping[str, FloatArray], bad: BoolArray) -> dict[str, FloatArray]:
    """The series with NaN where ``bad``; only those that change.

    Parameters: ``series`` name → (n,); ``bad`` (n,).

    >>> to_missing({"co2": np.array([1.0, 2.0])}, np.array([False, True]))["co2"].tolist()
    [1.0, nan]
    """
    return {name: np.where(bad, np.nan, x) for name, x in series.items()} if bad.any() else {}


def step(
    window: Window,
    *,
    sonic_word: str = "",
    gas_word: str = "",
    gases: tuple[str, ...] = GASES,
    good_status: tuple[float, ...] = (0.0,),
) -> Window:
    """Take out what the series ``sonic_diagnostic`` and ``gas_diagnostic`` condemn.

    ``sonic_word`` and ``gas_word`` are names of `WORDS`; an empty ``sonic_word`` takes the status as it is, with ``good_status``. Values
    ``diagnosed_sonic`` and ``diagnosed_gas`` (samples) and ``diagnostic_<bit>`` of the gas word; a column without any word judges nothing,
    and they are missing. An unknown name is not applied, with its reason under ``diagnostics``. Of a series ``signal_strength`` (percent)
    the mean is ``signal_strength_<gas>``: one number for all gases, as an analyser gives it of its optics (a Campbell one of CO2).
    """
    values = _strengths(window, gases)
    reasons: dict[str, str] = {}
    changed: dict[str, FloatArray] = {}
    column = window.series.get("sonic_diagnostic")
    if sonic_word and sonic_word not in WORDS:
        reasons["diagnostics"] = f"no diagnostic word is known by the name {sonic_word}: the sonic's was not applied"
    elif column is not None and np.isfinite(column).any():
        bad = bad_by_sonic(column, sonic_word, good_status)
        values["diagnosed_sonic"] = float(np.count_nonzero(bad))
        changed |= to_missing({name: window.series[name] for name in (*WIND, "sonic_temperature") if name in window.series}, bad)
    column = window.series.get("gas_diagnostic")
    if gas_word and gas_word not in WORDS:
        reasons["diagnostics"] = f"no diagnostic word is known by the name {gas_word}: the analyser's was not applied"
    elif column is not None and gas_word and np.isfinite(column).any():
        bad = bad_by_word(column, WORDS[gas_word])
        values["diagnosed_gas"] = float(np.count_nonzero(bad))
        values |= {f"diagnostic_{bit}": float(count) for bit, count in bit_counts(column, WORDS[gas_word]).items()}
        changed |= to_missing({name: window.series[name] for name in gases if name in window.series}, bad)
    return window.with_series(changed).found(values, reasons)


def _strengths(window: Window, gases: tuple[str, ...]) -> dict[str, float]:
    column = window.series.get("signal_strength")
    strength = math.nan if column is None else mean_of_present(column)
    return {} if math.isnan(strength) else {f"signal_strength_{gas}": strength for gas in gases if gas in window.series}
