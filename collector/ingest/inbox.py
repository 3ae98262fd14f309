"""Where messages and jobs wait for the writer's thread.

Filled from other threads, emptied by one. `take` gathers what belongs into one transaction: it waits for the first item, then until
messages pause, the time of a group is over or enough have come, whatever is first; so a single message is not kept waiting and a
flood is not committed one by one. What waits is bounded in bytes; beyond that `put` refuses.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TypeVar

from collector.store.store import BirthBody, Parked
from firmware_config.base.mqtt import Message

T = TypeVar("T")
Item = Message | Parked | BirthBody
PAUSE_S = 0.01
"""Messages that come closer together than this belong into one group."""


@dataclass
class Group:
    """What one turn of the writer works on; both may be empty."""

    items: list[Item] = field(default_factory=list)
    jobs: list[Callable[[], None]] = field(default_factory=list)


class Inbox:
    def __init__(self, *, max_bytes: int, group_s: float, group_messages: int) -> None:
        self._max_bytes = max_bytes
        self._group_s = group_s
        self._group_messages = group_messages
        self._items: deque[Item] = deque()
        self._jobs: deque[Callable[[], None]] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._called = False
        self.refused = 0

    def put(self, item: Item) -> bool:
        """Add an item; False (and counted) when too much waits already."""
        size = len(item.payload) if isinstance(item, Message | Parked) else len(item.body)
        with self._changed:
            if self._bytes + size > self._max_bytes:
                self.refused += 1
                return False
            self._bytes += size
            self._items.append(item)
            if len(self._items) in {1, self._group_messages}:
                self._changed.notify()
        return True

    def submit(self, job: Callable[[], T]) -> Future[T]:
        """Have the writer's thread do something between two transactions."""
        future: Future[T] = Future()

        def run() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(job())
                except BaseException as error:
                    future.set_exception(error)

        with self._changed:
            self._jobs.append(run)
            self._changed.notify()
        return future

    def wake(self) -> None:
        """Make the next (or present) `take` return at once, if with nothing."""
        with self._changed:
            self._called = True
            self._changed.notify()

    def take(self, timeout_s: float) -> Group:
        """The next group; empty after ``timeout_s`` without anything."""
        with self._changed:
            until = time.monotonic() + timeout_s
            while not (self._items or self._jobs or self._called) and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)
            self._gather()
            self._called = False
            group = Group(list(self._items), list(self._jobs))
            self._items.clear()
            self._jobs.clear()
            self._bytes = 0
            return group

    def _gather(self) -> None:
        until = time.monotonic() + self._group_s
        while self._items and not (self._jobs or self._called) and len(self._items) < self._group_messages:
            before, left = len(self._items), until - time.monotonic()
            if left <= 0:
                return
            self._changed.wait(min(PAUSE_S, left))
            if len(self._items) == before:
                return

    def drop_jobs(self) -> None:
        """Refuse what still waits to be done (at the end)."""
        with self._changed:
            jobs, self._jobs = list(self._jobs), deque()
        for job in jobs:
            job()
