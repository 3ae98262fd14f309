"""Drafts of an unset clock: durable at once, numbered when there is a time or when their boot is over, exactly once."""

from __future__ import annotations

import json

from tests.edge.outbox.bench import BEGIN_MS, HandClock, crash, draft, events, open_outbox, rows


def unset(n):
    return draft(n=n, clock="unset").__class__(
        stream="minute", t=100_000 + n * 60_000, dt=60_000, clock="unset", values={"air_temperature@mast": float(n)}, detail={"n": n}
    )


def minutes(folder):
    return [json.loads(body) for key, body in sorted(rows(folder).items()) if key[0] == "minute"]


def test_they_wait_without_number_through_a_kill_and_get_times_when_the_clock_is_set(tmp_path):
    clock = HandClock(ms=0, state="unset")
    outbox = open_outbox(tmp_path, clock, boot_id="one")
    assert outbox.commit([unset(0), unset(1)]) == []
    crash(outbox)
    with open_outbox(tmp_path, clock, boot_id="one") as outbox:
        outbox.commit([unset(2)])
        assert rows(tmp_path) == {}
        assert outbox.stats().waiting == 3
        assert outbox.stats().depth == 3
        clock.state, clock.ms = "synchronised", BEGIN_MS
        assert outbox.clock_is_set(BEGIN_MS - 100_000) == 3
        assert outbox.clock_is_set(BEGIN_MS - 100_000) == 0
    found = minutes(tmp_path)
    assert [(r["t"], r["clock"], r["seq"], r["detail"]["n"]) for r in found] == [
        (BEGIN_MS + n * 60_000, "holdover", n, n) for n in range(3)
    ]


def test_a_boot_that_ended_without_a_time_leaves_as_unset(tmp_path):
    clock = HandClock(ms=0, state="unset")
    outbox = open_outbox(tmp_path, clock, boot_id="one")
    outbox.commit([unset(0), unset(1)])
    crash(outbox)
    with open_outbox(tmp_path, clock, boot_id="two") as outbox:
        outbox.commit([unset(7)])
        assert outbox.stats().waiting == 1
    found = minutes(tmp_path)
    assert [(r["t"], r["clock"], r["detail"]) for r in found] == [
        (100_000, "unset", {"n": 0, "boot_id": "one"}),
        (160_000, "unset", {"n": 1, "boot_id": "one"}),
    ]


def test_clock_set_between_two_lives_of_the_agent_in_one_boot(tmp_path):
    clock = HandClock(ms=0, seconds=100.0, state="unset")
    outbox = open_outbox(tmp_path, clock, boot_id="one")
    outbox.commit([unset(0)])
    crash(outbox)
    clock.state, clock.ms, clock.seconds = "holdover", BEGIN_MS, 400.0
    with open_outbox(tmp_path, clock, boot_id="one"):
        pass
    (found,) = minutes(tmp_path)
    assert (found["t"], found["clock"]) == (BEGIN_MS - 300_000, "holdover")


def test_nothing_is_said_of_unused_numbers_before_there_is_a_time(tmp_path):
    clock = HandClock()
    outbox = open_outbox(tmp_path, clock, boot_id="one")
    outbox.commit([draft()])
    crash(outbox)
    clock.state = "unset"
    with open_outbox(tmp_path, clock, boot_id="two") as outbox:
        assert not events(tmp_path, "numbers_unused")
        clock.state = "synchronised"
        outbox.clock_is_set(BEGIN_MS)
        assert len(events(tmp_path, "numbers_unused")) == 1


def test_first_start_ever_without_a_clock_still_has_an_epoch_of_its_own(tmp_path):
    clock = HandClock(ms=0, state="unset")
    with open_outbox(tmp_path / "a", clock) as one, open_outbox(tmp_path / "b", clock) as two:
        assert one.epoch != two.epoch
        assert min(one.epoch, two.epoch) > 2**40


def test_a_damaged_waiting_draft_is_counted_as_lost_and_the_others_go(tmp_path):
    clock = HandClock(ms=0, state="unset")
    with open_outbox(tmp_path, clock, boot_id="one") as outbox:
        outbox.commit([unset(n) for n in range(3)])
        outbox._run(lambda: outbox._engine.store.connection.execute("update waiting set draft = cast('x' as blob) where id = 2"))
        clock.state, clock.ms = "synchronised", BEGIN_MS
        outbox.clock_is_set(BEGIN_MS)
    assert [r["detail"]["n"] for r in minutes(tmp_path)] == [0, 2]
    (lost,) = events(tmp_path, "records_lost")
    assert (lost["stream"], lost["count"], lost["ranges"]) == ("minute", 1, [])
