"""What the centre says it has, and what follows: which records are unacknowledged, which numbers can never arrive.

An acknowledgement is the centre's whole state and replaces what was believed (F). It is believed at once for sending and freeing.
Conclusions about loss are drawn only from one that the centre sent now (not from a retained copy, which may be old) and that is not
older than one already heard.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from edge.outbox.declare import Declarations
from edge.outbox.holdings import NOTHING, Sets, read_ack, subtract
from edge.outbox.store import Store
from firmware_config.base import log
from firmware_config.messages import RECORDS_LOST, Ack
from firmware_config.records import Draft
from firmware_config.streams import STREAMS

logger = log.get(__name__)

BELIEVE_OLDER_AFTER_S = 60.0
"""An acknowledgement stamped earlier than the last is ignored as overtaken, unless nothing newer came for so long (real seconds): then the
centre's clock went back."""
SAVE_EVERY_S = 60.0
LARGEST_JUMP = 10_000_000


class Acknowledgements:
    """Applies acknowledgements to the sets, saves them now and then, and audits the sets against them (D, F)."""

    def __init__(
        self,
        store: Store,
        declarations: Declarations,
        commit: Callable[[list[Draft]], object],
        real_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.store = store
        self.declarations = declarations
        self._commit = commit
        self._real_s = real_s
        self._newest_t = int(store.meta("ack_t") or 0)
        self._heard_s: float | None = None
        self._saved_s = real_s()
        self._unsaved = False
        self._audit_due = True

    def apply(self, ack: Ack, *, retained: bool) -> bool:
        """Believe ``ack``; False when it was overtaken by a newer one. WireError when it makes no sense (nothing is changed then)."""
        sets = {key: numbers for key, numbers in read_ack(ack).items() if key[0] in STREAMS}
        now_s = self._real_s()
        fresh = ack.t >= self._newest_t
        if not fresh and self._heard_s is not None and now_s - self._heard_s < BELIEVE_OLDER_AFTER_S:
            return False
        self._heard_s, self._newest_t = now_s, ack.t
        before = self.store.held.acked
        if any(subtract(numbers, sets.get(key, NOTHING)) for key, numbers in before.items()):
            self._audit_due = True
        self.store.held.acked = sets
        self._unsaved = True
        self._learn_numbers(sets)
        if self._audit_due and fresh and not retained:
            self._audit()
        return True

    def _learn_numbers(self, sets: Sets) -> None:
        """The centre may know of numbers that this folder does not: of an earlier epoch, or used by a copy of this folder."""
        numbers, last = self.store.numbers, self.store.held.last
        others = {epoch for _, epoch in sets if epoch != numbers.epoch}
        if numbers.state.previous_epoch is None and others:
            numbers.name_previous(max(others))
        for key, ranges in sets.items():
            stream, epoch = key
            top = ranges.top or 0
            if epoch != numbers.epoch:
                last[key] = max(last.get(key, -1), top)
            elif numbers.next.get(stream, 0) <= top <= numbers.next.get(stream, 0) + LARGEST_JUMP:
                numbers.skip_to(stream, top + 1)
                last[key] = top
                self._audit_due = True
                logger.warning("the centre knows newer numbers than this outbox", stream=stream, top=top)
                self._commit([self.declarations.event("numbers_from_centre", "warning", {"stream": stream, "next": top + 1})])

    def _audit(self) -> None:
        """Every number is kept, acknowledged or declared, and every declaration is kept or acknowledged itself; else say so now."""
        store, held = self.store, self.store.held
        reason = store.meta("suspect") or "not_kept"
        with store.change() as change:
            for key in list(held.last):
                if holes := held.holes(key):
                    store.give_up(key, holes, RECORDS_LOST, reason, change)
            said = store.ask("select distinct event_epoch, event_seq from gone where event_seq is not null")
            for epoch, seq in said:
                if not held.has(("event", epoch), seq):
                    store.connection.execute(
                        "update gone set event_epoch=null, event_seq=null where event_epoch=? and event_seq=?", (epoch, seq)
                    )
            store.connection.execute("delete from meta where key='suspect'")
        self._audit_due = False
        self.declarations.say()

    def save(self, *, now: bool = False) -> None:
        """Keep the last acknowledgement on the device, so that after a restart without network the right records are freed."""
        if not self._unsaved or (not now and self._real_s() - self._saved_s < SAVE_EVERY_S):
            return
        with self.store.change():
            self.store.connection.execute("delete from acked")
            self.store.connection.executemany(
                "insert into acked values(?,?,?,?)",
                [(*key, first, last) for key, ranges in self.store.held.acked.items() for first, last in ranges],
            )
            self.store.set_meta("ack_t", str(self._newest_t))
        self._saved_s, self._unsaved = self._real_s(), False
