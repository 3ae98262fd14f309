"""The writer's thread: group, commit, then tell the broker, the stations and the centre; in this order, always.

It is the only owner of the store. A batch that cannot be committed for lack of room is tried again until there is room, while the centre's
state says ``full``; nothing of it is acknowledged meanwhile. A damaged store is salvaged and the batch tried again. A record that no
transaction takes, for a reason nobody thought of, is parked by itself (``error``), the rest goes on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import apsw

from collector.config import StoreConfig
from collector.errors import CannotCommit, CollectorError
from collector.ingest.inbox import Group, Inbox
from collector.ingest.intake import Intake, parked
from collector.store.salvage import Salvage, open_store
from collector.store.store import Batch, Committed, Parked, Store
from firmware_config.base import log
from firmware_config.base.clock import Clock
from firmware_config.base.mqtt import Message
from firmware_config.errors import DatabaseDamaged
from firmware_config.messages import CentreState
from firmware_config.records import encode_message
from firmware_config.topics import topic

logger = log.get(__name__)
ACK_EVERY_S = 0.1
"""A station's acknowledgement goes out at most this often (real seconds)."""
IDLE_S = 1.0
RETRY_S = 1.0


class Outlet(Protocol):
    """The way to the broker; `firmware_config.base.mqtt.MqttSession` is one."""

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> bool: ...

    def acknowledge_all(self, messages: Iterable[Message]) -> None: ...


@dataclass(frozen=True)
class News:
    """What happened in one turn, for the event loop."""

    committed: Committed | None = None
    parked: tuple[Parked, ...] = ()
    full: CannotCommit | None = None
    room: bool = False
    salvage: Salvage | None = None


class Writer:
    """See the module. ``tell`` is called in this thread; ``outlet`` may be replaced while it runs."""

    def __init__(
        self, *, centre: str, path: Path, settings: StoreConfig, inbox: Inbox, intake: Intake, clock: Clock, tell: Callable[[News], None]
    ) -> None:
        self.inbox = inbox
        self.outlet: Outlet | None = None
        self.full = False
        self._centre = centre
        self._path = path
        self._settings = settings
        self._intake = intake
        self._clock = clock
        self._tell = tell
        self._since = clock.now_ms()
        self._stop = threading.Event()
        self._announce = threading.Event()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._due: set[str] = set()
        self._greeted: set[str] = set()
        self._acks_at = 0.0
        self._ack_ms = 0
        self.acks = 0
        """acknowledgements handed to the broker since the start"""
        try:
            self.store = self._open("")
        except (OSError, apsw.Error) as error:
            raise CollectorError(f"{path}: the store cannot be opened: {error}; is the disk full, or read-only?") from error

    # --- from other threads

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End after the present group; returns when the store is closed. What was not committed was not acknowledged either."""
        self._stop.set()
        self.inbox.wake()
        if self._thread.is_alive():
            self._thread.join()
        self.inbox.drop_jobs()
        self.store.close()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def announce(self) -> None:
        """The broker is there (again): tell every station its state, then that the centre listens."""
        self._announce.set()
        self.inbox.wake()

    def greet(self, station: str) -> None:
        """A station was heard of: it gets an acknowledgement in this run at least once, if with nothing in it."""
        if station not in self._greeted:
            self.inbox.submit(lambda: self._due.add(station))
            self._greeted.add(station)

    def rebuild(self, problem: str) -> None:
        """Readers met damaged rows: salvage the store."""
        self.inbox.submit(lambda: self._salvage(problem))

    def state(self) -> CentreState:
        return CentreState(state="full" if self.full else "listening", t=self._clock.now_ms(), since=self._since)

    # --- in the writer's thread

    def _open(self, problem: str) -> Store:
        settings = self._settings
        store, salvage = open_store(
            self._path,
            now_ms=self._clock.now_ms(),
            problem=problem,
            check_below=settings.check_below,
            quota_bytes=settings.quota,
            reserve_bytes=settings.reserve,
            parked_rows=settings.parked_rows,
        )
        self._intake.known.update(store.stations())
        if salvage is not None:
            self._tell(News(salvage=salvage))
        return store

    def _salvage(self, problem: str) -> None:
        free = self.store.free_bytes
        self.store.close()
        while not self._stop.is_set():
            try:
                self.store = self._open(problem)
            except (OSError, apsw.Error) as error:  # most likely no room for a second file
                self._wait_for_room(CannotCommit("io", f"the damaged store cannot be salvaged now: {error}"))
                continue
            self.store.free_bytes = free
            self._due.update(self.store.stations())
            self._has_room()
            return

    def _run(self) -> None:
        while not self._stop.is_set():
            group = self.inbox.take(ACK_EVERY_S if self._due else IDLE_S)
            try:
                self._turn(group)
            except Exception:  # not expected; what was not acknowledged comes again
                logger.exception("a turn of the writer failed")

    def _turn(self, group: Group) -> None:
        if self._announce.is_set():
            self._say_everything()
        for job in group.jobs:
            job()
        if group.items:
            batch = self._intake.sort(group.items, self._clock.now_ms(), clock_is_set=self._clock.quality() != "unset")
            committed = self._commit(batch)
            if committed is None:
                return
            if self.outlet is not None:
                self.outlet.acknowledge_all([item for item in group.items if isinstance(item, Message)])
            self._due |= committed.touched
            self._tell(News(committed, tuple(batch.parked)))
        self._send_acks()

    def _commit(self, batch: Batch) -> Committed | None:
        """Commit a batch, however long it takes; None when the program ends before that."""
        salvaged = False
        while not self._stop.is_set():
            try:
                committed = self.store.commit(batch, self._clock.now_ms())
            except CannotCommit as refusal:
                self._wait_for_room(refusal)
            except DatabaseDamaged as damage:
                if salvaged:  # a sound file cannot take it either: it is the batch
                    return self._commit_apart(batch, damage)
                self._salvage(str(damage))
                salvaged = True
            except Exception as error:
                return self._commit_apart(batch, error)
            else:
                self._has_room()
                return committed
        return None

    def _commit_apart(self, batch: Batch, error: Exception) -> Committed | None:
        """Something in the batch breaks the transaction: find it by halves, and park it."""
        if len(batch.accepted) <= 1:
            logger.error("a record breaks the transaction, parked", exc_info=error)
            for sealed in batch.accepted:
                batch.parked.append(parked(sealed.record.station, "error", repr(error), "", sealed.body))
            return self._commit(Batch([], batch.parked, batch.births)) if batch.accepted else Committed()
        middle = len(batch.accepted) // 2
        whole = Committed()
        for half in (Batch(batch.accepted[:middle], batch.parked, batch.births), Batch(batch.accepted[middle:])):
            part = self._commit(half)
            if part is None:
                return None
            whole.absorb(part)
            batch.parked.extend(p for p in half.parked if p not in batch.parked)
        return whole

    def _wait_for_room(self, refusal: CannotCommit) -> None:
        if not self.full:
            self.full = True
            logger.error("the store takes nothing, waiting for room", reason=str(refusal))
            self._publish_state()
            self._tell(News(full=refusal))
        if self._stop.wait(RETRY_S):
            return
        if self._announce.is_set():
            self._say_everything()

    def _has_room(self) -> None:
        if self.full:
            self.full = False
            logger.info("the store takes records again")
            self._publish_state()
            self._tell(News(room=True))

    # --- to the stations

    def _publish_state(self) -> None:
        if self.outlet is not None:
            self.outlet.publish(topic(self._centre, "state"), encode_message(self.state()), retain=True)

    def _say_everything(self) -> None:
        self._announce.clear()
        self._publish_acks(sorted(set(self.store.stations()) | self._greeted))
        self._publish_state()

    def _send_acks(self) -> None:
        if self._due and time.monotonic() - self._acks_at >= ACK_EVERY_S:
            self._publish_acks(self._due)
            self._due = set()

    def _publish_acks(self, stations: Iterable[str]) -> None:
        """Retained: the whole committed state of each; lost when the broker is away, said again when it is back."""
        self._acks_at = time.monotonic()
        self._ack_ms = max(self._ack_ms, self._clock.now_ms())
        for station in stations:
            if self.outlet is not None:
                payload = encode_message(self.store.acknowledgement(station, self._ack_ms))
                self.outlet.publish(topic(station, "ack"), payload, retain=True)
                self.acks += 1
