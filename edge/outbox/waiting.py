"""Drafts that wait: without a time (the clock is unset), or as a repeat of an event there is no room for.

A draft stamped by an unset clock carries milliseconds since boot. It is stored without number together with its boot id (G). When the
clock is set it gets its time (and ``holdover``: the time was reckoned back) and a number; when its boot is over it leaves as it is, as
``unset`` with ``detail.boot_id``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from edge.outbox.room import Room, count_unnumbered, pages_for
from edge.outbox.store import CHUNK, Change, Store
from firmware_config.errors import WireError
from firmware_config.records import Draft, Sealed, content_hash

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Draft)


def encode_draft(draft: Draft) -> bytes:
    """A draft as it is kept; WireError when JSON cannot hold it."""
    try:
        return _encoder.encode(draft)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise WireError("bad_record", f"a draft of stream {draft.stream} cannot be written: {error}") from error


def keep_waiting(store: Store, drafts: Sequence[tuple[Draft, bytes]], boot_id: str) -> None:
    """Inside a change: store drafts of an unset clock."""
    for draft, text in drafts:
        store.connection.execute(
            "insert into waiting(stream, boot_id, hash, draft) values(?,?,?,?)", (draft.stream, boot_id, content_hash(text), text)
        )


class Waiting:
    """Numbers what waited, a chunk a transaction; a kill between two chunks loses and doubles nothing."""

    def __init__(self, store: Store, room: Room, boot_id: str) -> None:
        self.store = store
        self.room = room
        self.boot_id = boot_id

    def count(self) -> int:
        return int(self.store.connection.execute("select count(*) from waiting").get)

    def release(self, offset_ms: int) -> int:
        """The clock is set: UTC is ms since boot plus ``offset_ms``. Number the drafts of this boot; returns how many."""
        return self._number("boot_id = ?", offset_ms)

    def release_earlier_boots(self) -> int:
        """Drafts of boots that ended without a time leave as ``unset``."""
        return self._number("boot_id <> ?", None)

    def _number(self, where: str, offset_ms: int | None) -> int:
        chunk = f"from waiting where {where} order by id limit {CHUNK}"
        count = 0
        while sizes := self.store.ask(f"select length(draft) {chunk}", (self.boot_id,)):
            self.room.ensure(pages_for(size[0] for size in sizes))
            rows = self.store.ask(f"select id, stream, boot_id, hash, draft {chunk}", (self.boot_id,))
            self.store.numbers.reserve(Counter(row[1] for row in rows))
            with self.store.change() as change:
                for number, stream, boot_id, digest, text in rows:
                    try:
                        draft = _read(digest, text, boot_id, offset_ms)
                        self.store.insert(self.store.sealed(draft, change.next), change)
                        count += 1
                    except WireError:
                        count_unnumbered(self.store, stream, "damaged_row", 1)
                    self.store.connection.execute("delete from waiting where id=?", (number,))
        return count


def _read(digest: str, text: bytes, boot_id: str, offset_ms: int | None) -> Draft:
    """The draft as it is to be numbered; WireError when it is damaged."""
    if content_hash(text) != digest:
        raise WireError("bad_hash", "the content of a waiting draft does not match its hash")
    try:
        draft = _decoder.decode(text)
    except (ValueError, msgspec.DecodeError) as error:
        raise WireError("bad_record", f"not a draft: {error}") from error
    if offset_ms is None:
        return msgspec.structs.replace(draft, detail={**draft.detail, "boot_id": boot_id})
    return msgspec.structs.replace(draft, t=draft.t + offset_ms, clock="holdover")


class Repeats:
    """Events that come again while the outbox is short of room are counted in one, which says how often and since when."""

    def __init__(self, store: Store) -> None:
        self.store = store

    @staticmethod
    def key(draft: Draft) -> str:
        """What makes two events the same: kind, severity, and the thing they speak of."""
        thing = draft.detail.get("instrument") or draft.detail.get("series") or draft.detail.get("link") or draft.detail.get("stream")
        return f"{draft.values.get('kind')}|{draft.values.get('severity')}|{thing}"

    def fold(self, drafts: Sequence[Draft]) -> tuple[list[Draft], list[Draft]]:
        """Split into drafts to store and repeats to count (events whose like is already counted)."""
        known = {row[0] for row in self.store.connection.execute("select key from repeat")}
        store: list[Draft] = []
        again: list[Draft] = []
        for draft in drafts:
            key = self.key(draft) if draft.stream == "event" else None
            (again if key in known else store).append(draft)
            if key is not None:
                known.add(key)
        return store, again

    def mark(self, draft: Draft, count: int) -> None:
        """Inside a change: this event was stored (``count`` 0), or came again (1)."""
        if draft.stream == "event":
            self.store.connection.execute(
                "insert into repeat values(?,?,?,?) on conflict(key) do update set count=count+excluded.count, draft=excluded.draft",
                (self.key(draft), count, draft.t, encode_draft(draft)),
            )

    def take(self, change: Change) -> list[Sealed]:
        """Inside a change, when there is room again: one event for each kind that repeated. Numbers must have been reserved."""
        sealed = []
        for count, first_t, text in self.store.ask("select count, first_t, draft from repeat"):
            if count:
                draft = _decoder.decode(text)
                draft = msgspec.structs.replace(draft, detail={**draft.detail, "repeats": count, "first_t": first_t})
                sealed.append(self.store.sealed(draft, change.next))
                self.store.insert(sealed[-1], change)
        self.store.connection.execute("delete from repeat")
        return sealed

    def count(self) -> int:
        return int(self.store.connection.execute("select count(*) from repeat").get)
