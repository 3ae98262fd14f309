"""Sample times: an even sequence is found again under late arrivals, lost samples, stalls and drift; bytes are late, never early."""

from __future__ import annotations

import itertools
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.agent.envelope import LowerEnvelope, SampleCounter
from edge.agent.sampletimes import SampleLine

SETTLE_MS = 6_000.0


def play(arrivals, *, period_ms, settle_ms=SETTLE_MS, counters=None, **options):
    """``(samples, line)``: what comes out of a line that is fed ``(arrival, payload)`` in order."""
    line = SampleLine(period_ms, **options)
    out = []
    for arrival, payload in arrivals:
        line.add(arrival, payload, counters(payload) if counters else None)
        out += line.release(arrival - settle_ms)
    out += line.release(math.inf)
    return out, line


def arrivals_of(count, *, period_ms, drift=0.0, delay_ms=5.0, late=lambda rng: 0.0, missing=frozenset(), stalls=(), chunk_ms=0.0, seed=1):
    """Samples at even true times; each arrives after the delay and a lateness, never before an earlier one; ``stalls`` = (from, to) in ms
    during which nothing gets through; ``chunk_ms``: the reader looks only so often, on average."""
    rng, last, found = random.Random(seed), 0.0, []
    look = 0.0
    for i in range(count):
        if i in missing:
            continue
        arrival = i * period_ms * (1 + drift) + delay_ms + late(rng)
        for begin, end in stalls:
            arrival = end if begin <= arrival < end else arrival
        while chunk_ms and look < arrival:
            look += chunk_ms * rng.uniform(0.5, 1.5)
        arrival = max(arrival, look)
        last = max(last, arrival)
        found.append((last, i))
    return found


def errors(samples, *, period_ms, drift=0.0, delay_ms=5.0, after=600):
    """How far each fitted time is from the true one plus the line's constant delay, in periods."""
    return [(s.time_ms - s.payload * period_ms * (1 + drift) - delay_ms) / period_ms for s in samples if s.payload >= after]


def steps_are_true(samples):
    """Neighbours are as far apart in index as they were when they were taken."""
    return all(b.index - a.index == b.payload - a.payload for a, b in itertools.pairwise(samples))


@settings(max_examples=25, deadline=None)
@given(
    rate=st.sampled_from([10, 20, 32]),
    drift=st.floats(-3e-4, 3e-4),
    delay_ms=st.floats(0.0, 40.0),
    jitter=st.floats(0.0, 0.3),
    seed=st.integers(0, 2**31),
)
def test_even_samples_are_found_under_one_sided_jitter(rate, drift, delay_ms, jitter, seed):
    period_ms = 1000 / rate
    arrivals = arrivals_of(
        3000, period_ms=period_ms, drift=drift, delay_ms=delay_ms, late=lambda rng: rng.expovariate(1) * jitter * period_ms, seed=seed
    )
    samples, line = play(arrivals, period_ms=period_ms)
    assert [s.payload for s in samples] == list(range(3000))
    assert line.lost == line.surplus == 0
    assert steps_are_true(samples)
    assert max(map(abs, errors(samples, period_ms=period_ms, drift=drift, delay_ms=delay_ms))) < 0.3


@settings(max_examples=25, deadline=None)
@given(
    gaps=st.lists(st.tuples(st.integers(700, 4000), st.integers(1, 60)), min_size=1, max_size=6),
    drift=st.floats(-1e-4, 1e-4),
    seed=st.integers(0, 2**31),
)
def test_lost_samples_are_found_and_placed_on_an_even_line(gaps, drift, seed):
    missing = frozenset(i for begin, length in gaps for i in range(begin, begin + length))
    arrivals = arrivals_of(4500, period_ms=50, drift=drift, late=lambda rng: rng.expovariate(0.5), missing=missing, seed=seed)
    samples, line = play(arrivals, period_ms=50)
    assert line.lost == len(missing)
    assert steps_are_true(samples)
    assert max(map(abs, errors(samples, period_ms=50, drift=drift))) < 0.3


def test_one_in_five_lost_on_an_even_line():
    rng = random.Random(7)
    missing = frozenset(i for i in range(300, 6000) if rng.random() < 0.2)
    samples, line = play(arrivals_of(6000, period_ms=50, late=lambda r: r.expovariate(1.0), missing=missing), period_ms=50)
    placed = [s for s in samples if s.payload > 600]
    assert line.lost == pytest.approx(len(missing), abs=2)
    assert sum(b.index - a.index != b.payload - a.payload for a, b in itertools.pairwise(placed)) <= 0.005 * len(placed)


def test_a_stall_delivers_in_one_go_and_loses_nothing():
    arrivals = arrivals_of(
        4000, period_ms=50, late=lambda r: r.expovariate(0.5), stalls=[(60_000, 60_400), (90_000, 93_500), (150_000, 162_000)]
    )
    samples, line = play(arrivals, period_ms=50)
    assert line.lost == line.restarts == 0
    assert steps_are_true(samples)
    assert max(map(abs, errors(samples, period_ms=50))) < 0.3


@pytest.mark.parametrize("chunk_ms", [300.0, 600.0, 999.0, 1500.0])
def test_a_reader_that_looks_seldom_still_finds_true_times(chunk_ms):
    """Scaled time on the bench: many samples at a time, of which only the last of a chunk is nearly on time."""
    arrivals = arrivals_of(9000, period_ms=100, late=lambda r: r.expovariate(0.2), chunk_ms=chunk_ms)
    samples, line = play(arrivals, period_ms=100, settle_ms=33_000, patience_ms=300_000, troubled_ms=30_000)
    assert line.lost == line.surplus == 0
    assert steps_are_true(samples)
    assert max(map(abs, errors(samples, period_ms=100, after=1500))) < 0.5


def test_bytes_that_waited_in_a_buffer_at_the_start_do_not_shift_the_line():
    waiting = [(20_000.0, i) for i in range(70)]
    after = [(20_000.0 + 50.0 * (i - 69), i) for i in range(70, 3000)]
    samples, line = play(waiting + after, period_ms=50)
    assert line.lost == 0
    assert steps_are_true(samples)
    assert samples[-1].time_ms == pytest.approx(after[-1][0], abs=1.0)


def test_after_a_long_silence_the_fit_begins_anew():
    first = arrivals_of(1000, period_ms=50)
    later = [(arrival + 600_000.0 + 17.0, i + 12_000) for arrival, i in arrivals_of(1000, period_ms=50)]
    samples, line = play(first + later, period_ms=50)
    assert line.restarts == 1
    assert samples[-1].time_ms == pytest.approx(later[-1][0], abs=2.0)
    assert line.lost == pytest.approx(11_000, abs=1)


@pytest.mark.parametrize("true_hz", [10.0, 19.0, 21.0, 25.0])
def test_a_rate_that_is_not_the_declared_one_is_measured(true_hz):
    arrivals = arrivals_of(int(400 * true_hz), period_ms=1000 / true_hz, late=lambda r: r.expovariate(0.5))
    samples, line = play(arrivals, period_ms=50.0)
    assert not line.steady
    assert line.measured_rate_hz == pytest.approx(true_hz, rel=1e-3)
    assert samples[-1].time_ms == pytest.approx(arrivals[-1][0], abs=15.0)


def test_times_go_on_after_the_declared_rate_returns():
    slow = arrivals_of(2000, period_ms=100.0)
    begin = slow[-1][0] + 50.0
    normal = [(begin + arrival, 2000 + i) for arrival, i in arrivals_of(8000, period_ms=50.0)]
    samples, line = play(slow + normal, period_ms=50.0)
    assert line.steady
    assert samples[-1].time_ms == pytest.approx(normal[-1][0], abs=5.0)
    assert [s.time_ms for s in samples[-4000:]] == sorted(s.time_ms for s in samples[-4000:])


def test_a_counter_finds_lost_samples_however_rough_the_line():
    rng = random.Random(3)
    missing = frozenset(i for i in range(500, 5000) if rng.random() < 0.1)
    arrivals = arrivals_of(5000, period_ms=50, late=lambda r: r.expovariate(1 / 200), missing=missing)
    samples, line = play(arrivals, period_ms=50, counters=lambda i: 1000 + 15 * i)
    assert line.lost == len(missing)
    assert steps_are_true([s for s in samples if s.payload > 500])


def test_a_counter_that_restarts_says_nothing_and_is_believed_again():
    counter = SampleCounter()
    for i in range(60):
        counter.lost(15 * i)
    assert counter.increment == 15
    assert counter.lost(15 * 61) == 1
    assert counter.lost(0) is None
    assert counter.lost(15) == 0
    assert counter.lost(None) is None


def test_a_counter_without_steady_increment_is_never_believed():
    rng = random.Random(2)
    counter = SampleCounter()
    assert {counter.lost(rng.randrange(10**6)) for _ in range(500)} == {None}


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0.0, 30.0), min_size=5, max_size=60), st.floats(-0.02, 0.02))
def test_the_envelope_lies_under_every_point(lateness, slope):
    envelope = LowerEnvelope(horizon_count=1e9, max_slope=1.0)
    points = [(10.0 * i, 10.0 * i * slope + late) for i, late in enumerate(lateness)]
    for x, y in points:
        envelope.add(x, y, 20.0)
    assert all(envelope.at(x) <= y + 1e-6 for x, y in points)
    assert min(y - envelope.at(x) for x, y in points) < 1e-6


def test_memory_stays_bounded_when_nothing_is_released_for_the_envelope():
    line = SampleLine(50.0)
    for arrival, i in arrivals_of(40_000, period_ms=50.0, late=lambda r: r.expovariate(0.5)):
        line.add(arrival, i)
        for _ in line.release(arrival - 1000.0):
            pass
    assert line.waiting <= 25
    assert len(line._envelope._hull) < 700
