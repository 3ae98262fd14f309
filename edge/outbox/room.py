"""Room: the quota in pages, what is freed when it is used up, and the ballast that makes a full disk survivable.

First go acknowledged records, oldest first; then unacknowledged ones by `streams.DROP_ORDER`, oldest first, each declared (E); then drafts
that wait for the clock, in the same order. Never an unacknowledged event or eddy record. Deletes come in chunks, which succeed on a full
disk where one large delete does not.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import apsw

from edge.outbox.schema import PAGE_BYTES
from edge.outbox.store import CHUNK, Place, Store
from firmware_config.base import log
from firmware_config.ranges import Ranges
from firmware_config.streams import DROP_ORDER

logger = log.get(__name__)

BALLAST_BYTES = 1_500_000
CELL_BYTES = 90
"""What a row costs beside its body: its other columns, its index entry, headers."""


def pages_for(sizes: Iterable[int]) -> int:
    """Pages that bodies of these sizes take, generously."""
    small = large = 0
    for size in sizes:
        if size + CELL_BYTES <= PAGE_BYTES - 35:
            small += size + CELL_BYTES
        else:
            large += 2 + size // (PAGE_BYTES - 4)
    return large + (small * 5) // (PAGE_BYTES * 4) + 1


class Room:
    """Keeps the database within its quota. ``short`` while records had to be dropped, or could not be stored, for lack of room."""

    def __init__(self, store: Store, folder: Path, quota_bytes: int) -> None:
        self.store = store
        self.quota_bytes = quota_bytes
        self.short = False
        self._ballast = folder / "ballast"
        self._folder = folder
        self._pages = int(store.connection.execute("pragma max_page_count").get)
        self._margin = 12 + min(self._pages // 64, 64)

    def _free_pages(self) -> int:
        used, free = (self.store.connection.execute(f"pragma {name}").get for name in ("page_count", "freelist_count"))
        return self._pages - int(used) + int(free)

    def used_bytes(self) -> int:
        """Bytes of the file that hold something."""
        return (self._pages - self._free_pages()) * PAGE_BYTES

    def ensure(self, pages: int) -> None:
        """Free until ``pages`` fit, as far as the rules allow; what still does not fit, SQLite will refuse."""
        needed = pages + self._margin
        if self._free_pages() >= needed:
            if self.short and self._free_pages() > needed + self._pages // 10:
                self.short = False
            return
        self.short = False  # until something must be dropped for it
        target = min(needed + self._pages // 50, self._pages)
        while self._free_pages() < target:
            if not (self._free_acknowledged() or self._drop(target - self._free_pages()) or self._drop_waiting()):
                self.short = True
                return

    def _free_acknowledged(self) -> bool:
        held = self.store.held
        places = self.store.places({key: held.freeable(key) for key in held.kept}, CHUNK)
        if places:
            with self.store.change() as change:
                self.store.delete(places, change)
        return bool(places)

    def _drop(self, pages: int) -> bool:
        """A chunk of the stream that is given up first, no more than frees ``pages``; its numbers are declared later, merged."""
        self.short = True
        held = self.store.held
        for stream in DROP_ORDER:
            places = self.store.places({key: held.unacknowledged(key) for key in held.kept if key[0] == stream}, CHUNK)
            if places:
                self._give_up(self._enough(places, pages))
                return True
        return False

    def _enough(self, places: list[Place], pages: int) -> list[Place]:
        """The first of these places that together free so many pages (all, when they do not)."""
        size = 0
        for count, place in enumerate(places, start=1):
            size += CELL_BYTES + self.store.size(place)
            if size > pages * PAGE_BYTES:
                return places[:count]
        return places

    def _give_up(self, places: list[Place]) -> None:
        with self.store.change() as change:
            self.store.delete(places, change)
            for key in {place.key for place in places}:
                numbers = Ranges((place.seq, place.seq) for place in places if place.key == key)
                self.store.give_up(key, numbers, "records_lost", "no_room", change)

    def _drop_waiting(self) -> bool:
        for stream in DROP_ORDER:
            ids = self.store.connection.execute("select id from waiting where stream=? order by id limit ?", (stream, CHUNK)).fetchall()
            if ids:
                with self.store.change():
                    self.store.connection.executemany("delete from waiting where id=?", ids)
                    count_unnumbered(self.store, stream, "no_room", len(ids))
                return True
        return False

    # ---- a full disk -----------------------------------------------------------------------------------------------------

    def relieve(self) -> None:
        """The disk refused: give up the ballast, fold the log back into the file, and free a chunk so that pages can be used again."""
        with suppress(OSError):
            self._ballast.unlink(missing_ok=True)
        with suppress(apsw.Error):
            self.store.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            self._free_acknowledged()
            self.store.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)

    def keep_ballast(self) -> None:
        """Put the ballast (back) when there is ample room on the disk."""
        try:
            if self._ballast.exists() or shutil.disk_usage(self._folder).free < 2 * BALLAST_BYTES:
                return
            handle = os.open(self._ballast, os.O_WRONLY | os.O_CREAT, 0o644)
            try:
                for _ in range(BALLAST_BYTES // 100_000):
                    os.write(handle, b"\xa5" * 100_000)
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError:
            with suppress(OSError):
                self._ballast.unlink(missing_ok=True)


def count_unnumbered(store: Store, stream: str, reason: str, count: int) -> None:
    """Inside a change: so many drafts were lost before they had a number."""
    store.connection.execute(
        "insert into unnumbered values(?,?,?) on conflict(stream, reason) do update set count=count+excluded.count", (stream, reason, count)
    )
