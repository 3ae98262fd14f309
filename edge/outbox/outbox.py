"""The outbox as others hold it: every call is handed to the one thread that owns the file.

Each method waits for its result; the same with ``_async`` can be awaited. A file that turns out to be damaged in the middle of a call is
salvaged and the call is made again on the new file, so callers never see damage, only the events that tell of it.
"""

from __future__ import annotations

import asyncio
import fcntl
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TextIO, TypeVar

import apsw

from edge.errors import OutboxError
from edge.outbox.engine import Engine, Picked, is_damage
from edge.outbox.holdings import Sets
from edge.outbox.stats import Stats
from edge.outbox.store import Row
from firmware_config.base import log
from firmware_config.base.clock import Clock
from firmware_config.messages import Ack
from firmware_config.records import Draft, Sealed

logger = log.get(__name__)
T = TypeVar("T")


def machine_boot_id() -> str:
    """The kernel's id of this boot; where there is none, one of this process."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return secrets.token_hex(16)


class Outbox:
    """The open outbox of one station. Make one with `open`; `close` it for a clean stop."""

    def __init__(self, folder: Path, lock: TextIO, engine: Engine, executor: ThreadPoolExecutor, owner: int) -> None:
        self.folder = folder
        self._lock = lock
        self._engine = engine
        self._executor = executor
        self._owner = owner
        self._closed = False
        self._listeners: list[Callable[[], None]] = []
        self._slowest_s = 0.0

    @classmethod
    def open(
        cls,
        directory: Path,
        station_id: str,
        clock: Clock,
        quota_bytes: int,
        on_event: Callable[[Draft], None] = lambda draft: None,
        *,
        boot_id: str | None = None,
        simulated: bool = False,
    ) -> Outbox:
        """Open or begin the outbox in ``directory`` (whatever state it was left in).

        ``on_event`` is told, in the owner thread, of each event that the outbox has committed or queued *itself* (numbers unused, records
        lost, damage, disk full): for the log or a lamp, not to be committed again. ``simulated`` marks these events.
        OutboxError: another process uses the folder, it belongs to another station, or it cannot be written.
        """
        executor = ThreadPoolExecutor(1, thread_name_prefix="outbox")
        try:
            directory.mkdir(parents=True, exist_ok=True)
            lock = (directory / "lock").open("w")
        except OSError as error:
            raise OutboxError(f"the outbox folder {directory} cannot be written: {error}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise OutboxError(f"another process uses the outbox in {directory}; stop it, or choose another data folder") from error
        make = partial(
            Engine, directory, station_id, clock, quota_bytes, boot_id or machine_boot_id(), simulated=simulated, on_event=on_event
        )
        try:
            engine, owner = executor.submit(_open, make, directory).result()
        except BaseException:
            executor.shutdown()
            lock.close()
            raise
        return cls(directory, lock, engine, executor, owner)

    def _submit(self, call: Callable[[], T]) -> Future[T]:
        if self._closed:
            raise OutboxError(f"the outbox in {self.folder} is closed")
        return self._executor.submit(self._guarded, call)

    def _guarded(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except apsw.Error as error:
            if not (is_damage(error) or isinstance(error, apsw.ConnectionClosedError)):  # closed: an earlier salvage could not end
                raise
            self._engine.recover(str(error))
            return call()

    def _run(self, call: Callable[[], T]) -> T:
        return call() if threading.get_ident() == self._owner else self._submit(call).result()

    async def _await(self, call: Callable[[], T]) -> T:
        return await asyncio.wrap_future(self._submit(call))

    # ---- records ---------------------------------------------------------------------------------------------------------

    def commit(self, drafts: Sequence[Draft]) -> list[Sealed]:
        """Number, seal and store drafts in one transaction; durable when this returns.

        Not among what is returned: drafts of an unset clock (they wait, durably), drafts that could not be written as a record (an event
        ``record_refused`` stands in), and all of them when the disk is full (they wait in memory).
        """
        return self._run(partial(self._commit, drafts))

    async def commit_async(self, drafts: Sequence[Draft]) -> list[Sealed]:
        return await self._await(partial(self._commit, drafts))

    def _commit(self, drafts: Sequence[Draft]) -> list[Sealed]:
        began_s = time.monotonic()
        try:
            sealed = self._guarded(lambda: self._engine.commit(drafts))
        except (apsw.Error, OSError, OutboxError) as error:
            logger.exception("outbox cannot be salvaged now: records wait in memory", folder=str(self.folder), error=str(error))
            self._engine.queue.put(drafts)
            return []
        finally:
            self._slowest_s = max(self._slowest_s, time.monotonic() - began_s)
        for tell in self._listeners:
            tell()
        return sealed

    def take_slowest_commit_s(self) -> float:
        """How long the slowest commit since the last call took (real seconds, the disk's own time); 0 without one."""
        slowest_s, self._slowest_s = self._slowest_s, 0.0
        return slowest_s

    def clock_is_set(self, offset_ms: int) -> int:
        """The clock has been set: UTC is ms since boot plus ``offset_ms``. Times and numbers what waited; returns how many."""
        return self._run(lambda: self._clock_is_set(offset_ms))

    async def clock_is_set_async(self, offset_ms: int) -> int:
        return await self._await(lambda: self._clock_is_set(offset_ms))

    def _clock_is_set(self, offset_ms: int) -> int:
        count = self._engine.clock_is_set(offset_ms)
        for tell in self._listeners:
            tell()
        return count

    def holds(self, stream: str, t: int) -> bool:
        """Whether a record of this stream and time is still kept (reads the stream's table: for starting up, not for the hot path)."""
        return self._run(lambda: self._engine.holds(stream, t))

    def unacknowledged_times(self, stream: str) -> set[int]:
        """The times of the records of a stream that the centre does not have."""
        return self._run(lambda: self._engine.unacknowledged_times(stream))

    # ---- delivery --------------------------------------------------------------------------------------------------------

    def apply_ack(self, ack: Ack, *, retained: bool = False) -> bool:
        """Believe the centre's committed state; False when it was overtaken by a newer one. WireError ``bad_ack``: it makes no sense."""
        return self._run(lambda: self._engine.apply_ack(ack, retained=retained))

    async def apply_ack_async(self, ack: Ack, *, retained: bool = False) -> bool:
        return await self._await(lambda: self._engine.apply_ack(ack, retained=retained))

    async def pick_async(self, busy: Sets, limit: int, max_bytes: int, *, newest: int, backlog: int) -> Picked | None:
        """What to send next, see `Engine.pick`."""
        return await self._await(lambda: self._engine.pick(busy, limit, max_bytes, newest=newest, backlog=backlog))

    async def fetch_again_async(self, wanted: Sets, limit: int, max_bytes: int) -> list[Row]:
        return await self._await(lambda: self._engine.fetch_again(wanted, limit, max_bytes))

    def listen(self, tell: Callable[[], None]) -> None:
        """``tell`` is called, in the owner thread, after every commit; it must be quick."""
        self._listeners.append(tell)

    # ---- state -----------------------------------------------------------------------------------------------------------

    def tend(self) -> None:
        """Housekeeping, every few seconds (the uplink does it)."""
        self._run(self._engine.tend)

    async def tend_async(self) -> None:
        await self._await(self._engine.tend)

    def stats(self) -> Stats:
        return self._run(self._engine.stats)

    async def stats_async(self) -> Stats:
        return await self._await(self._engine.stats)

    @property
    def epoch(self) -> int:
        return self._engine.store.numbers.epoch

    @property
    def previous_epoch(self) -> int | None:
        """The epoch before this one, when numbers were lost and it is known."""
        return self._engine.store.numbers.state.previous_epoch

    @property
    def closed(self) -> bool:
        return self._closed

    @property
    def boot_id(self) -> str:
        return self._engine.boot_id

    def close(self) -> None:
        """Clean stop. Safe to call twice."""
        if self._closed:
            return
        try:
            self._submit(self._engine.close).result()
        finally:
            self._closed = True
            self._executor.shutdown()
            self._lock.close()

    def __enter__(self) -> Outbox:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


def _open(make: Callable[[], Engine], directory: Path) -> tuple[Engine, int]:
    """In the owner thread: open; on a full disk give up the ballast and try once more."""
    try:
        return make(), threading.get_ident()
    except (apsw.Error, OSError):
        with suppress(OSError):
            (directory / "ballast").unlink(missing_ok=True)
    try:
        return make(), threading.get_ident()
    except (apsw.Error, OSError) as error:
        raise OutboxError(f"the outbox in {directory} cannot be opened: {error}; is the disk full, or read-only?") from error
