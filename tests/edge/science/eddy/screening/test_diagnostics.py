"""Diagnostic words as the makers print them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edge.science.eddy.screening import diagnostics
from edge.science.eddy.window import Window

WORDS = diagnostics.WORDS


@pytest.mark.parametrize(
    ("word", "value", "bad"),
    [
        ("li7500", 125, True),  # LI-COR's example: chopper not ok, 87 %
        ("li7500", 250, False),
        ("li7500", 0b1110_0000, False),  # sync is not among the decisive bits
        ("li7500", 0b1101_1010, True),
        ("li7200", 8191, False),
        ("li7200", 0b1_0001_1110_1111, False),  # thermocouples and reference voltage do not decide
        ("li7200", 0b0_1111_1111_1111, True),  # head not detected
        ("li7200", 0b1_1110_1111_1111, True),  # differential pressure
        ("csat3", 0x0020, False),  # a counter alone
        ("csat3", 0xF03F, True),
        ("csat3", 0x4AC1, True),
        ("csat3b", 0, False),
        ("csat3b", 256, True),
        ("ec100_sonic", 16, True),
        ("ec100_gas", 0xC0001, True),  # rain
        ("ec100_gas", 1 << 21, False),  # heater control alone
        ("li7700", 1, False),  # box connected
        ("li7700", 1 << 14, True),
    ],
)
def test_words_of_the_makers(word: str, value: int, bad: bool) -> None:
    assert diagnostics.bad_by_word(np.array([float(value)]), WORDS[word]).tolist() == [bad]


def test_signal_strength_of_both_softwares() -> None:
    """LI-COR's example 125 is 87 %; clean windows of the old software stand near 50."""
    assert diagnostics.signal_strength(np.array([125.0]), automatic_gain_control=False) == pytest.approx(87, abs=0.5)
    assert diagnostics.signal_strength(np.array([247.0]), automatic_gain_control=True) == 50.0
    assert math.isnan(diagnostics.signal_strength(np.array([np.nan]), automatic_gain_control=True))


def test_samples_are_taken_out_of_the_right_series_and_bits_are_counted() -> None:
    x = np.arange(5.0)
    series = dict.fromkeys(("wind_u", "wind_v", "wind_w", "sonic_temperature", "co2", "h2o"), x)
    series |= {"sonic_diagnostic": np.array([0, 7, 10, np.nan, 0.0]), "gas_diagnostic": np.array([8191, 4095, 8191, np.nan, 8187.0])}
    found = diagnostics.step(Window(1, 5, series), gas_word="li7200", good_status=diagnostics.GILL_GOOD)
    assert np.isnan(found.series["wind_w"]).tolist() == [False, True, False, False, False]
    assert np.isnan(found.series["co2"]).tolist() == [False, True, False, False, False]
    assert (found.value("diagnosed_sonic"), found.value("diagnosed_gas")) == (1.0, 1.0)
    assert (found.value("diagnostic_head_detect"), found.value("diagnostic_chopper")) == (1.0, 0.0)


def test_an_unknown_word_is_not_applied_and_says_so() -> None:
    window = Window(1, 2, {"co2": np.ones(2), "gas_diagnostic": np.zeros(2)})
    found = diagnostics.step(window, gas_word="li9999")
    assert found.series["co2"] is window.series["co2"]
    assert "li9999" in found.reasons["diagnostics"]


def test_the_column_of_the_signal_strength_gives_its_mean_for_every_gas_there_is() -> None:
    series = {"co2": np.ones(4), "h2o": np.ones(4), "signal_strength": np.array([90.0, np.nan, 94.0, 98.0])}
    found = diagnostics.step(Window(10.0, 4, series))
    assert (found.value("signal_strength_co2"), found.value("signal_strength_h2o")) == (94.0, 94.0)
    assert "signal_strength_h2o" not in diagnostics.step(Window(10.0, 4, {**series, "signal_strength": np.full(4, np.nan)})).values
    assert "signal_strength_h2o" not in diagnostics.step(Window(10.0, 4, {"co2": series["co2"]})).values


def test_a_word_that_was_never_given_has_judged_nothing() -> None:
    words = {"sonic_diagnostic": np.zeros(4), "gas_diagnostic": np.full(4, 250.0)}
    series = {"wind_u": np.ones(4), "co2": np.ones(4)}
    judged = diagnostics.step(Window(10.0, 4, series | words), gas_word="li7500")
    assert (judged.values["diagnosed_sonic"], judged.values["diagnosed_gas"]) == (0.0, 0.0)
    silent = diagnostics.step(Window(10.0, 4, series | dict.fromkeys(words, np.full(4, np.nan))), gas_word="li7500")
    assert not {"diagnosed_sonic", "diagnosed_gas"} & silent.values.keys()
