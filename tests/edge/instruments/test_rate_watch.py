"""The rate at which records come: told when it is another one, and never because records are lost or come in lumps."""

from __future__ import annotations

import random

import pytest

from edge.instruments.rate_watch import RateWatch


def watched(wanted: float, arrivals_s: list[tuple[float, int]], *, slow: bool = False, known: tuple[float, ...] = ()) -> list[float]:
    """What is told of records that come so many at a time; real time and the world's are one."""
    now = [0.0]
    watch = RateWatch(wanted, slow=slow, known_hz=known, real_s=lambda: now[0])
    told = []
    for now[0], records in arrivals_s:
        found = watch.take(records, now[0] * 1e3)
        if found is not None:
            told.append(found)
    return told


def every(period_s: float, count: int = 900) -> list[tuple[float, int]]:
    return [(period_s * k, 1) for k in range(count)]


@pytest.mark.parametrize(("rate", "told"), [(20.0, 20.0), (10.0, 10.0), (19.2, 20.0), (32.0, 32.0), (16.0, 16.0)])
def test_a_rate_is_one_the_instrument_has(rate: float, told: float) -> None:
    assert set(watched(20.0, every(1 / rate), known=(1, 4, 5, 8, 10, 16, 20, 32))) == {told}


@pytest.mark.parametrize("known", [(1.0, 4.0, 5.0, 8.0, 10.0, 16.0, 20.0, 32.0), ()])
def test_a_third_of_the_records_lost_is_no_other_rate(known: tuple[float, ...]) -> None:
    chance = random.Random(3)
    assert watched(20.0, [entry for entry in every(0.05, 3000) if chance.random() > 0.33], known=known) == []


def test_a_rate_of_an_instrument_whose_rates_nobody_knows_is_told_too() -> None:
    assert set(watched(20.0, every(0.1))) == {10.0}
    assert set(watched(15.0, every(1 / 7.5))) == {7.5}


@pytest.mark.parametrize(("period_s", "told"), [(2.0, 2.0), (2.2, 2.0), (4.0, 4.0), (1.0, 1.0)])
def test_an_interval_is_told_when_it_is_a_fifth_off(period_s: float, told: float) -> None:
    assert set(watched(2.0, every(period_s, 60), slow=True)) == {told}


def test_an_interval_with_holes_is_none_and_lumps_are_counted() -> None:
    chance = random.Random(5)
    assert set(watched(2.0, [entry for entry in every(2.0, 400) if chance.random() > 0.3], slow=True)) <= {2.0}
    lumps = [(10.0 * k + 0.001 * i, 1) for k in range(60) for i in range(5)]
    assert set(watched(2.0, lumps, slow=True)) == {2.0}


def test_one_window_is_not_believed() -> None:
    assert watched(20.0, every(0.1, 110), known=(10.0, 20.0)) == []
