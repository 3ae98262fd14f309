"""Limit, deadband, delay and count: every cell of phase x reading, and what holds for every possible sequence of readings."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.alarms.condition import Condition, Phase, Reading, Timing, classify, step

DELAY, RETURN = 10_000, 20_000
TIMING = Timing(DELAY, RETURN)
OFF, RISING, ON, FALLING = Phase.OFF, Phase.RISING, Phase.ON, Phase.FALLING
BEYOND, BETWEEN, WITHIN, BAD = Reading.BEYOND, Reading.BETWEEN, Reading.WITHIN, Reading.BAD

# phase, reading → phase while the delay still runs, phase when it has run out
TABLE = {
    (OFF, BEYOND): (RISING, RISING),
    (OFF, BETWEEN): (OFF, OFF),
    (OFF, WITHIN): (OFF, OFF),
    (OFF, BAD): (OFF, OFF),
    (RISING, BEYOND): (RISING, ON),
    (RISING, BETWEEN): (OFF, OFF),
    (RISING, WITHIN): (OFF, OFF),
    (RISING, BAD): (OFF, OFF),
    (ON, BEYOND): (ON, ON),
    (ON, BETWEEN): (ON, ON),
    (ON, WITHIN): (FALLING, FALLING),
    (ON, BAD): (ON, ON),
    (FALLING, BEYOND): (ON, ON),
    (FALLING, BETWEEN): (ON, ON),
    (FALLING, WITHIN): (FALLING, OFF),
    (FALLING, BAD): (ON, ON),
}


@pytest.mark.parametrize(("phase", "reading"), [(p, r) for p in Phase for r in Reading])
def test_every_cell_of_the_table(phase, reading):
    early, late = TABLE[phase, reading]
    start = Condition(phase, since_ms=1000)
    wait = DELAY if phase in (OFF, RISING) else RETURN
    assert step(start, reading, 1000 + wait - 1, TIMING).phase is early
    assert step(start, reading, 1000 + wait, TIMING).phase is late
    assert step(start, reading, 1000 + wait, TIMING).bad is (reading is BAD)


def test_without_delays_it_comes_and_goes_at_once():
    on = step(Condition(), BEYOND, 5, Timing())
    assert on.phase is ON
    assert step(on, WITHIN, 6, Timing()).phase is OFF


@pytest.mark.parametrize(
    ("value", "side", "expected"),
    [
        (10.0, "high", BETWEEN),  # the limit itself is still normal
        (10.001, "high", BEYOND),
        (9.5, "high", BETWEEN),
        (9.0, "high", WITHIN),
        (10.0, "low", BETWEEN),
        (9.999, "low", BEYOND),
        (10.5, "low", BETWEEN),
        (11.0, "low", WITHIN),
        (None, "low", BAD),
        (math.nan, "high", BAD),
        (math.inf, "high", BAD),
    ],
)
def test_limit_and_deadband_of_one(value, side, expected):
    assert classify(value, True, side=side, limit=10.0, deadband=1.0) is expected


def test_an_unusable_value_says_nothing_however_large():
    assert classify(1e9, False, side="high", limit=10.0, deadband=0.0) is BAD


def test_count_raises_a_flapping_value_that_no_delay_would_catch():
    timing = Timing(delay_ms=60_000, count=3, count_within_ms=30_000)
    condition, now = Condition(), 0
    for crossing in range(3):
        assert not condition.on, crossing
        condition = step(condition, BEYOND, now, timing)
        if not condition.on:
            condition = step(condition, WITHIN, now + 1000, timing)
        now += 10_000
    assert condition.on


def test_crossings_further_apart_than_the_count_allows_never_raise():
    timing = Timing(delay_ms=60_000, count=3, count_within_ms=15_000)
    condition = Condition()
    for crossing in range(20):
        condition = step(condition, BEYOND, crossing * 10_000, timing)
        condition = step(condition, WITHIN, crossing * 10_000 + 1000, timing)
        assert not condition.on


def test_a_clock_that_went_back_starts_the_delay_again_and_never_shortens_it():
    rising = step(Condition(), BEYOND, 1_000_000, TIMING)
    back = step(rising, BEYOND, 0, TIMING)
    assert back.phase is RISING
    assert step(back, BEYOND, DELAY - 1, TIMING).phase is RISING
    assert step(back, BEYOND, DELAY, TIMING).phase is ON


walks = st.lists(st.tuples(st.sampled_from(list(Reading)), st.integers(0, 15_000)), max_size=60)


@given(walks, st.integers(0, 30_000), st.integers(0, 30_000))
def test_it_comes_on_only_after_a_whole_delay_beyond_and_goes_off_only_after_a_whole_delay_within(walk, delay, wait):
    timing = Timing(delay, wait)
    condition, now = Condition(), 0
    beyond_since = within_since = None
    for reading, pause in walk:
        now += pause
        was = condition.on
        condition = step(condition, reading, now, timing)
        beyond_since = (now if beyond_since is None else beyond_since) if reading is BEYOND else None
        within_since = (now if within_since is None else within_since) if reading is WITHIN else None
        if condition.on and not was:
            assert beyond_since is not None
            assert now - beyond_since >= delay
        if was and not condition.on:
            assert within_since is not None
            assert now - within_since >= wait
        if not was and beyond_since is not None and now - beyond_since >= delay:
            assert condition.on  # and it is never forgotten
        if reading is BAD:
            assert condition.on is was  # what is not known changes nothing


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=80))
def test_noise_smaller_than_the_deadband_makes_one_alarm_not_many(noise):
    """A value that stays within a deadband of the limit can come on at most once."""
    condition, raised = Condition(), 0
    for i, value in enumerate(noise):
        was = condition.on
        reading = classify(10.0 + value, True, side="high", limit=10.0, deadband=5.1)
        condition = step(condition, reading, i * 1000, Timing())
        raised += condition.on and not was
    assert raised <= 1
