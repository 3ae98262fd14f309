"""The outbox as its one thread sees it: commit, acknowledge, pick what to send, tend. See the package for what must hold.

Everything here runs in the owner thread; `edge.outbox.outbox.Outbox` is what others hold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

import apsw
import msgspec

from edge.outbox.acks import Acknowledgements
from edge.outbox.declare import Declarations
from edge.outbox.holdings import NOTHING, Sets, common, subtract
from edge.outbox.opening import Opened, open_folder
from edge.outbox.queue import MemoryQueue
from edge.outbox.room import Room, count_unnumbered, pages_for
from edge.outbox.schema import table
from edge.outbox.stats import Stats, StreamStats
from edge.outbox.store import CHUNK, Place, Row, Store
from edge.outbox.waiting import Repeats, Waiting, encode_draft, keep_waiting
from firmware_config.base import log
from firmware_config.base.clock import Clock
from firmware_config.errors import WireError
from firmware_config.messages import Ack
from firmware_config.records import Draft, Sealed
from firmware_config.streams import STREAMS

logger = log.get(__name__)

DISK_TROUBLE = (apsw.FullError, apsw.IOError, apsw.ReadOnlyError, apsw.CantOpenError, OSError)
UNREADABLE = {apsw.SQLITE_IOERR_READ, apsw.SQLITE_IOERR_SHORT_READ, apsw.SQLITE_IOERR_CORRUPTFS}
SCRUB_ROWS = 50
QUEUE_ROWS = 10
Lane = Literal["urgent", "newest", "backlog"]


class Picked(msgspec.Struct, frozen=True):
    """What to send next, and why it comes now."""

    lane: Lane
    rows: list[Row]


def is_damage(error: BaseException) -> bool:
    """Whether an error of SQLite means that the file itself is bad (and not that the disk is full or busy)."""
    return isinstance(error, (apsw.CorruptError, apsw.NotADBError)) or (
        isinstance(error, apsw.IOError) and getattr(error, "extendedresult", 0) in UNREADABLE
    )


class Engine:
    """One open outbox folder."""

    def __init__(
        self,
        folder: Path,
        station: str,
        clock: Clock,
        quota_bytes: int,
        boot_id: str,
        *,
        simulated: bool,
        on_event: Callable[[Draft], None],
    ) -> None:
        self.folder = folder
        self.station = station
        self.clock = clock
        self.quota_bytes = quota_bytes
        self.boot_id = boot_id
        self.simulated = simulated
        self.on_event = on_event
        self.queue = MemoryQueue()
        self.disk_ok = True
        self._scrub_at = ("", 0)
        self._take(open_folder(folder, station, clock, quota_bytes))

    def _take(self, opened: Opened, acked: Sets | None = None) -> None:
        """Build everything on an opened folder, then say what was found and number what may be numbered."""
        self.store: Store = opened.store
        self.room = Room(self.store, self.folder, self.quota_bytes)
        self.says = Declarations(self.store, self.room, simulated=self.simulated, on_event=self.on_event)
        self.acks = Acknowledgements(self.store, self.says, self.commit)
        self.waiting = Waiting(self.store, self.room, self.boot_id)
        self.repeats = Repeats(self.store)
        if acked is not None:
            self.store.held.acked = acked
        events = []
        if opened.salvaged:
            facts = msgspec.to_builtins(opened.salvaged)
            detail = {"salvaged": facts["records"], **{name: facts[name] for name in ("problem", "kept_as", "waiting", "stopped_by")}}
            events.append(self.says.event("outbox_damaged", "alarm", detail))
        if opened.missing:
            events.append(self.says.event("outbox_missing", "alarm", {}))
        if opened.restarted:
            state = self.store.numbers.state
            detail = {"epoch": state.epoch, "previous_epoch": state.previous_epoch}
            events.append(self.says.event("numbers_restarted", "warning", detail))
        for event in events:
            self.on_event(event)
        self.commit(events)
        with suppress(*DISK_TROUBLE):
            self.room.keep_ballast()
            self.waiting.release_earlier_boots()
            self._release_waiting()
            self.says.say()

    def recover(self, problem: str) -> None:
        """The file turned out to be damaged while in use: save what is right and go on with a new one."""
        acked = self.store.held.acked
        self._let_go(fold_log=False)
        self._take(open_folder(self.folder, self.station, self.clock, self.quota_bytes, problem=problem), acked)

    def _let_go(self, *, fold_log: bool) -> None:
        if not fold_log:
            self.store.connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        self.store.connection.close()

    # ---- commit ----------------------------------------------------------------------------------------------------------

    def commit(self, drafts: Sequence[Draft]) -> list[Sealed]:
        """Number, seal and store; when the disk refuses even after relief, keep in memory and return nothing."""
        try:
            try:
                self._store_queue()
                sealed = self._store(drafts)
            except DISK_TROUBLE as error:
                if is_damage(error):
                    raise
                self.room.relieve()
                self._store_queue()
                sealed = self._store(drafts)
        except DISK_TROUBLE as error:
            if is_damage(error):
                raise
            self._hold(drafts, error)
            return []
        self._disk_takes_records()
        if self.says.due():
            with suppress(*DISK_TROUBLE):
                self.says.say()
        return sealed

    def _store(self, drafts: Sequence[Draft]) -> list[Sealed]:
        """One transaction. Drafts that are no records are refused, with an event in their place."""
        again: list[Draft] = []
        if self.room.short:
            drafts, again = self.repeats.fold(drafts)
        if not drafts and not again:
            return []
        following = dict(self.store.numbers.next)
        sealed, unset = self._seal(drafts, following)
        self.store.numbers.reserve(Counter(item.record.stream for item in sealed))
        self.room.ensure(pages_for([len(item.body) for item in sealed] + [len(text) for _, text in unset]))
        with self.store.change() as change:
            for item in sealed:
                self.store.insert(item, change)
            keep_waiting(self.store, unset, self.boot_id)
            if self.room.short:
                for draft in drafts:
                    self.repeats.mark(draft, 0)
                for draft in again:
                    self.repeats.mark(draft, 1)
            change.next.update(following)
        return sealed

    def _seal(self, drafts: Sequence[Draft], following: dict[str, int]) -> tuple[list[Sealed], list[tuple[Draft, bytes]]]:
        sealed: list[Sealed] = []
        unset: list[tuple[Draft, bytes]] = []
        for draft in drafts:
            try:
                if draft.stream not in STREAMS:
                    raise WireError("bad_record", f"there is no stream {draft.stream!r}")
                if draft.clock == "unset":
                    unset.append((draft, encode_draft(draft)))
                else:
                    sealed.append(self.store.sealed(draft, following))
            except WireError as error:
                logger.error("record refused", stream=draft.stream, t=draft.t, problem=str(error))
                event = self.says.event("record_refused", "warning", {"stream": draft.stream, "t": draft.t, "problem": str(error)[:500]})
                if event.clock == "unset":
                    unset.append((event, encode_draft(event)))
                else:
                    sealed.append(self.store.sealed(event, following))
                self.on_event(event)
        return sealed, unset

    def _store_queue(self) -> None:
        while head := self.queue.head(QUEUE_ROWS):
            self._store(head)
            self.queue.remove(len(head))

    def _hold(self, drafts: Sequence[Draft], error: Exception) -> None:
        self.queue.put(drafts)
        if self.disk_ok:
            self.disk_ok = False
            logger.error("outbox cannot store: new records wait in memory", folder=str(self.folder), error=str(error))
            event = self.says.event("outbox_disk_full", "alarm", {"problem": str(error)})
            self.queue.put([event])
            self.on_event(event)

    def _disk_takes_records(self) -> None:
        if self.disk_ok:
            return
        with suppress(*DISK_TROUBLE):
            with self.store.change():
                for stream, count in self.queue.lost.items():
                    count_unnumbered(self.store, stream, "disk_full", count)
            lost, self.queue.lost = self.queue.lost, Counter()
            self.disk_ok = True
            logger.info("outbox stores again", lost=dict(lost))
            event = self.says.event("outbox_disk_ok", "info", {"lost": sum(lost.values())})
            self.commit([event])
            self.on_event(event)

    # ---- the clock -------------------------------------------------------------------------------------------------------

    def clock_is_set(self, offset_ms: int) -> int:
        """UTC is ms since boot plus ``offset_ms``: time and number what waited; returns how many."""
        count = self.waiting.release(offset_ms)
        self.says.say()
        return count

    def _release_waiting(self) -> None:
        if self.clock.quality() != "unset" and self.waiting.count():
            self.waiting.release(self.clock.now_ms() - int(self.clock.monotonic() * 1000))

    # ---- what to send ----------------------------------------------------------------------------------------------------

    def apply_ack(self, ack: Ack, *, retained: bool) -> bool:
        return self.acks.apply(ack, retained=retained)

    def pick(self, busy: Sets, limit: int, max_bytes: int, *, newest: int, backlog: int) -> Picked | None:
        """The next records to send that are unacknowledged and not in ``busy``: events, else of the ``newest`` commits, else the oldest."""
        while True:
            todo = {key: subtract(left, busy.get(key, NOTHING)) for key, left in self.store.held.waiting()}
            lane, places = self._choose(todo, limit, newest, backlog)
            if not places:
                return None
            if rows := self._fetch(places, max_bytes):
                return Picked(lane, rows)

    def _choose(self, todo: Sets, limit: int, newest: int, backlog: int) -> tuple[Lane, list[Place]]:
        urgent = {key: numbers for key, numbers in todo.items() if STREAMS[key[0]].urgent}
        if places := self.store.places(urgent, limit):
            return "urgent", places
        since = self.store.next_id - newest
        places = [place for place in self.store.places(todo, min(limit, newest), newest_first=True) if place.id >= since]
        if places:
            return "newest", places
        return "backlog", self.store.places(todo, min(limit, backlog)) if backlog > 0 else []

    def fetch_again(self, wanted: Sets, limit: int, max_bytes: int) -> list[Row]:
        """Those of ``wanted`` that are still kept and unacknowledged."""
        while True:
            places = self.store.places(
                {key: common(numbers, self.store.held.unacknowledged(key)) for key, numbers in wanted.items()}, limit
            )
            if not places or (rows := self._fetch(places, max_bytes)):
                return rows if places else []

    def _fetch(self, places: list[Place], max_bytes: int) -> list[Row]:
        rows, damaged = self.store.fetch(places, max_bytes)
        if damaged:
            self._set_aside(damaged)
        return rows

    def _set_aside(self, damaged: list[Place]) -> None:
        self.store.set_aside(damaged)
        logger.error("outbox rows do not match their hash", rows=[(*place.key, place.seq) for place in damaged])
        if self.says.due():
            self.says.say()

    # ---- now and then ----------------------------------------------------------------------------------------------------

    def tend(self) -> None:
        """Every few seconds: what commits left to do, and a look at some old rows."""
        if len(self.queue) or not self.disk_ok:
            self.commit(())
        with suppress(*DISK_TROUBLE):
            self._release_waiting()
            self.acks.save()
            if not self.room.short and self.repeats.count():
                self.store.numbers.reserve({"event": CHUNK})
                with self.store.change() as change:
                    self.repeats.take(change)
            if self.says.due():
                self.says.say()
        self.room.keep_ballast()
        self._scrub()

    def _scrub(self) -> None:
        """Check the hashes of the next few rows, round and round: a bad card is noticed before its rows are needed."""
        stream, after = self._scrub_at
        stream = stream or next(iter(STREAMS))
        places = [
            Place(number, (stream, epoch), seq)
            for number, epoch, seq in self.store.connection.execute(
                f"select id, epoch, seq from {table(stream)} where id > ? order by id limit ?", (after, SCRUB_ROWS)
            )
        ]
        _, damaged = self.store.fetch(places, 2**62)
        if damaged:
            self._set_aside(damaged)
        names = list(STREAMS)
        following = names[(names.index(stream) + 1) % len(names)]
        self._scrub_at = (stream, places[-1].id) if len(places) == SCRUB_ROWS else (following, 0)

    def stats(self) -> Stats:
        held = self.store.held
        now_ms = self.clock.now_ms()
        streams: dict[str, StreamStats] = {}
        unacknowledged_bytes = total_bytes = 0.0
        for stream in STREAMS:
            keys = [key for key in held.kept if key[0] == stream]
            kept = sum(len(held.kept[key]) for key in keys)
            left = {key: held.unacknowledged(key) for key in keys}
            count = sum(len(numbers) for numbers in left.values())
            size = sum(held.bytes.get(key, 0) for key in keys)
            total_bytes += size
            unacknowledged_bytes += size * count / kept if kept else 0
            age = self._age_s(self.store.places(left, 1), now_ms)
            last = held.last.get((stream, self.store.numbers.epoch), -1)
            streams[stream] = StreamStats(kept=kept, unacknowledged=count, bytes=size, last=last, oldest_age_s=age)
        file_bytes = self.room.used_bytes()
        size = round(file_bytes * unacknowledged_bytes / total_bytes) if total_bytes else 0
        waiting = self.waiting.count()
        return Stats(
            depth=sum(one.unacknowledged for one in streams.values()) + waiting + len(self.queue),
            oldest_age_s=max((one.oldest_age_s for one in streams.values() if one.oldest_age_s is not None), default=0.0),
            bytes=size,
            share=size / self.quota_bytes,
            file_bytes=file_bytes,
            quota_bytes=self.quota_bytes,
            waiting=waiting,
            queued=len(self.queue),
            undeclared_losses=sum(self.queue.lost.values()),
            disk_ok=self.disk_ok,
            epoch=self.store.numbers.epoch,
            previous_epoch=self.store.numbers.state.previous_epoch,
            streams=streams,
        )

    def _age_s(self, places: list[Place], now_ms: int) -> float | None:
        if not places:
            return None
        made = self.store.connection.execute(f"select made from {table(places[0].key[0])} where id=?", (places[0].id,)).get
        return max(0.0, (now_ms - int(made or now_ms)) / 1000)

    def holds(self, stream: str, t: int) -> bool:
        """Whether a record of this stream and time is still kept."""
        return bool(self.store.connection.execute(f"select exists(select 1 from {table(stream)} where t=?)", (t,)).get)

    def unacknowledged_times(self, stream: str) -> set[int]:
        """The times of the records of a stream that the centre does not have."""
        left = {key: numbers for key, numbers in self.store.held.waiting() if key[0] == stream}
        query = f"select t from {table(stream)} where id=?"
        return {self.store.connection.execute(query, (place.id,)).get for place in self.store.places(left, 100_000)}

    def close(self) -> None:
        """Clean stop: say what is unsaid, keep the acknowledgement, give back the numbers, fold the log into the file."""
        with suppress(*DISK_TROUBLE):
            if len(self.queue):
                self.commit(())
            self.says.say()
            self.acks.save(now=True)
        if len(self.queue):
            logger.error("records in memory are lost: the disk refused them to the end", records=len(self.queue))
        with suppress(*DISK_TROUBLE):
            self.store.numbers.give_back()
        self._let_go(fold_log=True)
