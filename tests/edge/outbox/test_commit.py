"""What commit promises: durable, numbered once, exactly these bytes; and what happens to drafts that are no records."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace

import pytest

from edge.errors import OutboxError
from edge.outbox import Outbox
from tests.edge.outbox.bench import STATION, HandClock, ack, covered, crash, draft, events, open_outbox, rows


def test_what_commit_returned_is_in_the_file_as_the_same_bytes(tmp_path):
    with open_outbox(tmp_path) as outbox:
        sealed = outbox.commit([draft(n=n) for n in range(3)] + [draft("eddy", 9)])
        assert {(s.record.stream, s.record.epoch, s.record.seq): s.body for s in sealed} == rows(tmp_path)
        assert [s.record.seq for s in sealed] == [0, 1, 2, 0]
        assert outbox.stats().depth == 4


def test_the_slowest_commit_is_told_once_and_a_failed_one_counts(tmp_path, monkeypatch):
    """A clock of the test's own goes on while the disk takes its time."""
    now = [100.0]
    monkeypatch.setattr("edge.outbox.outbox.time", SimpleNamespace(monotonic=lambda: now[0]))
    with open_outbox(tmp_path) as outbox:
        outbox.take_slowest_commit_s()
        commit = outbox._engine.commit
        for took_s in (0.02, 3.0, 0.5):

            def slow(drafts, took_s=took_s):
                now[0] += took_s
                return commit(drafts)

            monkeypatch.setattr(outbox._engine, "commit", slow)
            outbox.commit([draft(n=0)])
        assert outbox.take_slowest_commit_s() == pytest.approx(3.0)
        assert outbox.take_slowest_commit_s() == 0.0

        def fails(drafts):
            now[0] += 7.0
            raise OutboxError("no disk")

        monkeypatch.setattr(outbox._engine, "commit", fails)
        assert outbox.commit([draft(n=1)]) == []
        assert outbox.take_slowest_commit_s() == pytest.approx(7.0)
        monkeypatch.setattr(outbox._engine, "commit", commit)


def test_clean_stop_leaves_no_gap(tmp_path):
    for n in range(3):
        with open_outbox(tmp_path) as outbox:
            outbox.commit([draft(n=n)])
    assert sorted(key[2] for key in rows(tmp_path) if key[0] == "minute") == [0, 1, 2]
    assert not events(tmp_path, "numbers_unused")


def test_after_a_crash_the_reserved_gap_is_declared_unused(tmp_path):
    outbox = open_outbox(tmp_path)
    outbox.commit([draft(n=0), draft(n=1)])
    epoch = outbox.epoch
    crash(outbox)
    with open_outbox(tmp_path) as outbox:
        (sealed,) = outbox.commit([draft(n=2)])
    unused = covered(events(tmp_path, "numbers_unused"), "minute", epoch)
    assert unused == set(range(2, sealed.record.seq))
    assert sealed.record.epoch == epoch


def test_a_draft_that_json_cannot_hold_is_refused_and_the_others_are_kept(tmp_path):
    with open_outbox(tmp_path) as outbox:
        good = draft(n=1)
        outbox.commit(
            [draft(values={"x@y": object()}), good, draft("minute", size=300_000), draft("nonsense"), draft(flags={"x@y": "good"})]
        )
    kept = rows(tmp_path)
    assert [json.loads(body)["detail"] for key, body in kept.items() if key[0] == "minute"] == [{"n": 1}]
    assert len(events(tmp_path, "record_refused")) == 4


def test_nan_becomes_missing_not_a_broken_record(tmp_path):
    with open_outbox(tmp_path) as outbox:
        (sealed,) = outbox.commit([draft(values={"x@y": math.nan, "x@z": 1.5, "x@w": -math.inf}, flags={"x@y": 1, "x@z": 1})])
    content = json.loads(sealed.body)
    assert content["values"] == {"x@y": None, "x@z": 1.5, "x@w": None}
    assert content["flags"] == {"x@y": 9, "x@z": 1, "x@w": 9}, "a missing value is not good"
    assert sealed.record.values == content["values"]


def test_second_process_is_refused_while_the_first_has_it(tmp_path):
    with open_outbox(tmp_path), pytest.raises(OutboxError, match="another process"):
        open_outbox(tmp_path)


def test_folder_of_another_station_is_refused(tmp_path):
    with open_outbox(tmp_path) as outbox:
        outbox.commit([draft()])
    with pytest.raises(OutboxError, match="zhoushan"):
        Outbox.open(tmp_path, "yueqing", HandClock(), 10_000_000)
    (tmp_path / "numbers.a").unlink()
    (tmp_path / "numbers.b").unlink()
    with pytest.raises(OutboxError, match="zhoushan"):
        Outbox.open(tmp_path, "yueqing", HandClock(), 10_000_000)


def test_calls_after_close_are_refused_and_close_twice_is_harmless(tmp_path):
    outbox = open_outbox(tmp_path)
    outbox.close()
    outbox.close()
    with pytest.raises(OutboxError, match="closed"):
        outbox.commit([draft()])


async def test_async_forms_give_the_same(tmp_path):
    outbox = open_outbox(tmp_path)
    sealed = await outbox.commit_async([draft()])
    assert (await outbox.stats_async()).depth == 1
    assert await outbox.apply_ack_async(ack([(s.record.stream, s.record.epoch, s.record.seq) for s in sealed]))
    assert outbox.stats().depth == 0
    outbox.close()


def test_stats_tell_depth_age_and_share_of_what_the_centre_lacks(tmp_path):
    clock = HandClock()
    with open_outbox(tmp_path, clock, quota=4_000_000) as outbox:
        first = outbox.commit([draft(n=n, size=1000) for n in range(100)])
        clock.pass_s(300)
        outbox.commit([draft("eddy", 1)])
        stats = outbox.stats()
        assert (stats.depth, stats.oldest_age_s) == (101, 300.0)
        assert sum(map(len, rows(tmp_path).values())) <= stats.bytes <= stats.file_bytes
        assert stats.share == stats.bytes / 4_000_000
        outbox.apply_ack(ack([(s.record.stream, s.record.epoch, s.record.seq) for s in first]))
        stats = outbox.stats()
        assert (stats.depth, stats.oldest_age_s, stats.streams["minute"].kept) == (1, 0.0, 100)
        assert stats.share < 0.01
        assert outbox.holds("minute", first[0].record.t)
        assert not outbox.holds("minute", first[0].record.t - 1)


def test_own_events_carry_the_mark_of_simulation_and_both_languages(tmp_path):
    outbox = open_outbox(tmp_path, simulated=True)
    outbox.commit([draft()])
    crash(outbox)
    heard = []
    with open_outbox(tmp_path, simulated=True, on_event=heard.append):
        pass
    assert heard
    assert all(event.simulated and event.detail["text_en"] and event.detail["text_zh"] for event in heard)
    assert all(json.loads(body)["station"] == STATION for body in rows(tmp_path).values())
