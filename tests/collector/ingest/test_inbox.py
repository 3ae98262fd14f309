"""The inbox: what belongs together comes together, nothing waits for nothing, nothing grows without bound."""

from __future__ import annotations

import threading
from concurrent.futures import Future

import pytest

from collector.ingest.inbox import Inbox
from firmware_config.base.mqtt import Message


def message(text: str = "x", size: int = 1) -> Message:
    return Message("ht/1/a/data", text.encode() * size, False, 1, 1)


def inbox(**settings) -> Inbox:
    return Inbox(**{"max_bytes": 1_000, "group_s": 30.0, "group_messages": 5, **settings})


def test_a_single_message_is_not_kept_waiting_for_company() -> None:
    box = inbox()
    box.put(message())
    assert len(box.take(60).items) == 1  # would take 30 s if it waited for a whole group


def test_what_came_meanwhile_comes_together_and_in_order() -> None:
    box = inbox(group_messages=500)
    for i in range(100):
        box.put(message(str(i)))
    assert [item.payload for item in box.take(60).items] == [str(i).encode() for i in range(100)]
    assert box.take(0).items == []


def test_a_message_ends_the_wait_of_the_writer() -> None:
    box, taken = inbox(), Future()
    writer = threading.Thread(target=lambda: taken.set_result(box.take(60)))
    writer.start()
    box.put(message("late"))
    assert [item.payload for item in taken.result(30).items] == [b"late"]
    writer.join()


def test_what_waits_is_bounded_and_the_rest_is_counted() -> None:
    box = inbox()
    assert all(box.put(message(size=100)) for _ in range(10))
    assert not box.put(message())
    assert box.refused == 1
    box.take(0)
    assert box.put(message(size=1_000))


def test_jobs_run_in_the_writers_thread_and_bring_their_answer_or_error() -> None:
    box = inbox()
    good, bad = box.submit(lambda: 42), box.submit(lambda: 1 / 0)
    for job in box.take(60).jobs:
        job()
    assert good.result(0) == 42
    with pytest.raises(ZeroDivisionError):
        bad.result(0)


def test_a_call_ends_the_wait_with_nothing() -> None:
    box = inbox()
    box.wake()
    group = box.take(60)
    assert (group.items, group.jobs) == ([], [])


def test_jobs_left_at_the_end_are_still_answered() -> None:
    box = inbox()
    future = box.submit(lambda: "done")
    box.drop_jobs()
    assert future.result(0) == "done"
