"""Two lines on one grid: what was sent together comes out in one row, whatever the lines did to it."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.agent.grid import Aligner
from edge.agent.sampletimes import SampleLine
from tests.edge.agent.test_sampletimes import arrivals_of

PERIOD = 50.0


def align(sonic, gas, *, look_ms=500.0, settle_ms=6_000.0, gas_period=PERIOD, origin_ms=0.0, **options):
    """Rows and the aligner, from two lists of ``(arrival, payload)``; rows are taken every ``look_ms``."""
    lines = SampleLine(PERIOD, **options), SampleLine(gas_period, **options)
    aligner = Aligner(PERIOD, origin_ms, *lines)
    rows, next_look = [], 0.0
    for arrival, line, payload in sorted([(a, 0, i) for a, i in sonic] + [(a, 1, i) for a, i in gas]):
        while arrival > next_look:
            rows += aligner.take(next_look - settle_ms)[0]
            next_look += look_ms
        lines[line].add(arrival, payload)
    rows += aligner.take(math.inf)[0]
    assert [row.slot for row in rows] == sorted({row.slot for row in rows})
    return rows, aligner


@settings(max_examples=20, deadline=None)
@given(
    delays=st.tuples(st.floats(0, 30), st.floats(0, 30)).filter(lambda d: abs(d[0] - d[1]) < 20),
    jitter=st.floats(0.1, 10.0),
    look_ms=st.sampled_from([250.0, 1_000.0, 15_000.0]),
    seed=st.integers(0, 2**31),
)
def test_two_lines_with_different_delays_give_back_the_rows_that_were_sent(delays, jitter, look_ms, seed):
    lines = [
        arrivals_of(2400, period_ms=PERIOD, delay_ms=delay, late=lambda r: r.expovariate(1 / jitter), seed=seed + i)
        for i, delay in enumerate(delays)
    ]
    rows, aligner = align(*lines, look_ms=look_ms)
    assert len(rows) == 2400
    assert all(row.sonic == row.gas for row in rows)
    assert len({row.slot - row.sonic for row in rows[400:]}) == 1
    assert (aligner.lost, aligner.surplus, aligner.late, aligner.slipped) == (0, 0, 0, 0)


def test_missing_stays_missing_in_its_own_column():
    rng = random.Random(5)
    missing = [frozenset(i for i in range(400, 4000) if rng.random() < 0.01) for _ in range(2)]
    lines = [
        arrivals_of(4000, period_ms=PERIOD, delay_ms=5.0 + 10 * i, late=lambda r: r.expovariate(1.0), missing=missing[i], seed=i)
        for i in (0, 1)
    ]
    rows, aligner = align(*lines)
    at = {row.slot: row for row in rows}
    assert aligner.lost == len(missing[0]) + len(missing[1])
    for slot in range(400, 4000):
        sonic, gas = (at[slot].sonic, at[slot].gas) if slot in at else (None, None)
        assert sonic == (None if slot in missing[0] else slot)
        assert gas == (None if slot in missing[1] else slot)


def test_one_line_silent_for_minutes_leaves_the_other_untouched():
    sonic = arrivals_of(6000, period_ms=PERIOD, missing=frozenset(range(1000, 4000)), late=lambda r: r.expovariate(1.0))
    gas = arrivals_of(6000, period_ms=PERIOD, delay_ms=15.0, late=lambda r: r.expovariate(1.0), seed=2)
    rows, aligner = align(sonic, gas)
    at = {row.slot: row for row in rows}
    assert all(at[slot].sonic is None and at[slot].gas == slot for slot in range(1000, 4000))
    assert all(at[slot].sonic == at[slot].gas == slot for slot in range(4100, 6000))
    assert aligner.late == 0


@pytest.mark.parametrize("drifts", [(2e-4, 2e-4), (-3e-4, -3e-4), (1e-4, -1e-4)])
def test_drifting_crystals_slip_now_and_then_and_are_counted(drifts):
    count = 36_000
    lines = [
        arrivals_of(count, period_ms=PERIOD, drift=drift, delay_ms=5.0, late=lambda r: r.expovariate(1.0), seed=i)
        for i, drift in enumerate(drifts)
    ]
    rows, aligner = align(*lines)
    both = [row for row in rows if row.sonic is not None and row.gas is not None]
    assert len(both) > count - 40
    apart = max(abs(row.sonic * (1 + drifts[0]) - row.gas * (1 + drifts[1])) for row in both)
    assert apart < 1.6  # nearest in time, but for the hysteresis of both
    off = max(abs(row.slot - row.sonic * (1 + drifts[0]) - 5.0 / PERIOD) for row in both[400:])
    assert off < 1.0  # no row is further from its slot's time than that, after half an hour of drift
    assert aligner.slipped > 0
    given = sum((row.sonic is not None) + (row.gas is not None) for row in rows)
    assert given + aligner.surplus == 2 * count


def test_a_slower_analyser_fills_every_second_slot_and_none_twice():
    sonic = arrivals_of(4000, period_ms=PERIOD, late=lambda r: r.expovariate(1.0))
    gas = arrivals_of(2000, period_ms=2 * PERIOD, late=lambda r: r.expovariate(1.0), seed=4)
    rows, _ = align(sonic, gas, gas_period=2 * PERIOD)
    gases = [row.gas for row in rows if row.gas is not None]
    assert gases == sorted(set(gases))
    assert len(gases) == 2000
    assert all(row.gas is None or abs(row.sonic - 2 * row.gas) <= 1 for row in rows if row.sonic is not None)


def test_a_moved_origin_moves_later_slots_only():
    line = SampleLine(PERIOD)
    aligner = Aligner(PERIOD, 0.0, line)
    rows = []
    for arrival, i in arrivals_of(4000, period_ms=PERIOD, late=lambda r: r.expovariate(1.0)):
        line.add(arrival, i)
        if i == 2000:
            rows += aligner.take(arrival - 3000)[0]
            before = len(rows)
            aligner.shift(-10 * PERIOD)
    rows += aligner.take(math.inf)[0]
    assert all(row.slot == row.sonic for row in rows[:before])
    assert all(row.slot == row.sonic + 10 for row in rows[before:])
    assert len(rows) + aligner.late == 4000


def test_slots_given_out_are_not_given_again():
    line = SampleLine(PERIOD)
    aligner = Aligner(PERIOD, 0.0, line)
    aligner.skip_to(100)
    for arrival, i in arrivals_of(400, period_ms=PERIOD):
        line.add(arrival, i)
    rows, following = aligner.take(math.inf)
    assert rows[0].slot == 100
    assert following == rows[-1].slot + 1
    assert aligner.late == 100
