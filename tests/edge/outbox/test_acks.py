"""Acknowledgements: the centre's word replaces what was believed, old words draw no conclusions, nonsense changes nothing."""

from __future__ import annotations

import pytest

from firmware_config.errors import WireError
from firmware_config.messages import Ack
from firmware_config.ranges import Ranges
from tests.edge.outbox.bench import BEGIN_MS, HandClock, ack, covered, crash, draft, events, open_outbox, rows
from tests.edge.outbox.test_room import QUOTA, fill


def pick(outbox, busy=None, *, limit=50, size=200_000, newest=0, backlog=50):
    return outbox._run(lambda: outbox._engine.pick(busy or {}, limit, size, newest=newest, backlog=backlog))


def test_an_older_state_of_the_centre_makes_records_unacknowledged_again(tmp_path):
    with open_outbox(tmp_path) as outbox:
        keys = [(s.record.stream, s.record.epoch, s.record.seq) for n in range(6) for s in outbox.commit([draft(n=n)])]
        outbox.apply_ack(ack(keys, BEGIN_MS + 1))
        assert pick(outbox) is None
        outbox.apply_ack(ack(keys[:2], BEGIN_MS + 2))
        assert [row.seq for row in pick(outbox).rows] == [2, 3, 4, 5]
        assert not events(tmp_path, "records_lost"), "they are still kept, so they are not lost"


def test_freed_here_and_forgotten_there_is_declared_lost(tmp_path):
    clock = HandClock()
    with open_outbox(tmp_path, clock, quota=QUOTA) as outbox:
        keys = fill(outbox, clock, 300, ("minute",), size=2000)
        outbox.apply_ack(ack(keys, clock.ms))
        keys += fill(outbox, clock, 200, ("minute",), size=2000, begin=300)
        freed = set(range(500)) - {key[2] for key in rows(tmp_path) if key[0] == "minute"}
        assert freed
        outbox.apply_ack(ack(keys[:5], clock.ms + 1))
        lost = [d for d in events(tmp_path, "records_lost") if d["reason"] == "not_kept"]
        assert covered(lost, "minute", outbox.epoch) == freed - set(range(5)) - covered(
            [d for d in events(tmp_path, "records_lost") if d["reason"] == "no_room"], "minute", outbox.epoch
        )


def test_a_declaration_the_centre_lost_too_is_made_again(tmp_path):
    clock = HandClock()
    outbox = open_outbox(tmp_path, clock, quota=QUOTA)
    outbox.commit([draft()])
    epoch = outbox.epoch
    crash(outbox)
    with open_outbox(tmp_path, clock, quota=QUOTA) as outbox:
        assert len(events(tmp_path, "numbers_unused")) == 1
        keys = list(rows(tmp_path))
        outbox.apply_ack(ack(keys, clock.ms))
        keys += fill(outbox, clock, 200, ("minute",), size=2000, begin=300)
        outbox.apply_ack(ack(keys, clock.ms))
        keys += fill(outbox, clock, 200, ("minute",), size=2000, begin=500)
        assert not events(tmp_path, "numbers_unused"), "acknowledged, then freed for room"
        outbox.apply_ack(ack([], clock.ms + 1))
        assert covered(events(tmp_path, "numbers_unused"), "minute", epoch) == set(range(1, 64))


def test_a_retained_acknowledgement_or_an_overtaken_one_never_declares_losses(tmp_path):
    clock = HandClock()
    with open_outbox(tmp_path, clock, quota=QUOTA) as outbox:
        keys = fill(outbox, clock, 300, ("minute",), size=2000)
        outbox.apply_ack(ack(keys, clock.ms))
        fill(outbox, clock, 200, ("minute",), size=2000, begin=300)
        before = len(events(tmp_path, "records_lost"))
        assert outbox.apply_ack(ack([], clock.ms + 1), retained=True)
        assert not outbox.apply_ack(ack([], clock.ms - 5000)), "stamped before the last one: overtaken"
        assert len(events(tmp_path, "records_lost")) == before


def test_an_older_stamp_is_believed_when_nothing_newer_comes_for_a_minute(tmp_path):
    """The centre's clock went back; its word still counts, in the end."""
    with open_outbox(tmp_path) as outbox:
        now = [1000.0]
        outbox._engine.acks._real_s = lambda: now[0]
        (sealed,) = outbox.commit([draft()])
        assert outbox.apply_ack(ack([], BEGIN_MS + 1_000_000))
        mine = ack([("minute", sealed.record.epoch, 0)], BEGIN_MS)
        assert not outbox.apply_ack(mine)
        now[0] += 61
        assert outbox.apply_ack(mine)
        assert outbox.stats().depth == 0


@pytest.mark.parametrize(
    "streams",
    [
        {"minute": {"x": [(0, 1)]}},
        {"minute": {"-1": [(0, 1)]}},
        {"minute": {"1": [(5, 1)]}},
        {"minute": {"1": [(-3, 1)]}},
        {"minute": {"1": [(0, 2**60)]}},
        {"minute": {"1": [(n, n) for n in range(0, 300_000, 2)]}},
        {"minute": {str(2**60): [(0, 1)]}},
    ],
)
def test_nonsense_is_refused_whole(tmp_path, streams):
    with open_outbox(tmp_path) as outbox:
        outbox.commit([draft()])
        with pytest.raises(WireError, match="acknowledgement"):
            outbox.apply_ack(Ack(t=BEGIN_MS, streams=streams))
        assert outbox.stats().depth == 1


def test_streams_nobody_knows_here_are_ignored(tmp_path):
    with open_outbox(tmp_path) as outbox:
        assert outbox.apply_ack(Ack(t=BEGIN_MS, streams={"later_stream": {"5": [(0, 7)]}}))
        assert outbox.stats().depth == 0


def test_numbers_the_centre_has_beyond_ours_are_never_given(tmp_path):
    """The folder is an old copy of one that went on elsewhere."""
    clock = HandClock()
    with open_outbox(tmp_path, clock) as outbox:
        outbox.commit([draft(n=n) for n in range(3)])
        epoch = outbox.epoch
        outbox.apply_ack(ack([("minute", epoch, seq) for seq in (*range(3), *range(10, 500))], clock.ms))
        (sealed,) = outbox.commit([draft(n=9)])
        assert sealed.record.seq == 500
        assert covered(events(tmp_path, "records_lost"), "minute", epoch) == set(range(3, 10))


def test_an_absurd_jump_of_numbers_is_not_followed(tmp_path):
    with open_outbox(tmp_path) as outbox:
        outbox.commit([draft()])
        outbox.apply_ack(Ack(t=BEGIN_MS, streams={"minute": {str(outbox.epoch): [(0, 2**50)]}}))
        assert outbox.commit([draft()])[0].record.seq == 1


def test_the_acknowledgement_is_known_after_a_restart_without_network(tmp_path):
    clock = HandClock()
    with open_outbox(tmp_path, clock) as outbox:
        keys = fill(outbox, clock, 5)
        outbox.apply_ack(ack(keys[:9], clock.ms))
    with open_outbox(tmp_path, clock) as outbox:
        assert outbox.stats().depth == len(keys) - 9


def test_events_go_first_then_the_newest_then_the_oldest(tmp_path):
    clock = HandClock()
    with open_outbox(tmp_path, clock) as outbox:
        fill(outbox, clock, 30, ("minute", "eddy"))
        fill(outbox, clock, 2, ("event",), begin=40)
        fill(outbox, clock, 10, ("minute",), begin=50)
        busy: dict = {}
        lanes = []
        while picked := pick(outbox, busy, limit=5, newest=10):
            lanes.append((picked.lane, [(row.key[0], row.seq) for row in picked.rows]))
            for row in picked.rows:
                busy.setdefault(row.key, Ranges()).add(row.seq)
        assert lanes[0] == ("urgent", [("event", 0), ("event", 1)])
        assert lanes[1] == ("newest", [("minute", seq) for seq in (39, 38, 37, 36, 35)])
        assert lanes[2] == ("newest", [("minute", seq) for seq in (34, 33, 32, 31, 30)])
        assert lanes[3] == ("backlog", [("minute", 0), ("eddy", 0), ("minute", 1), ("eddy", 1), ("minute", 2)])
        assert all(lane == "backlog" for lane, _ in lanes[3:])
        assert sum(len(some) for _, some in lanes) == 72


def test_a_batch_is_limited_by_bytes_but_never_empty(tmp_path):
    with open_outbox(tmp_path) as outbox:
        outbox.commit([draft("spectra", n, size=50_000) for n in range(5)])
        assert len(pick(outbox, size=120_000).rows) == 2
        assert len(pick(outbox, size=10).rows) == 1


def test_backlog_waits_when_it_may_not_go(tmp_path):
    with open_outbox(tmp_path) as outbox:
        outbox.commit([draft(n=n) for n in range(5)])
        assert pick(outbox, newest=2, backlog=0).lane == "newest"
        assert pick(outbox, newest=0, backlog=0) is None
        assert len(pick(outbox, newest=0, backlog=2).rows) == 2
