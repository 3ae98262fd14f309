"""Folders and names of the raw archive, and what it may take of the disk.

    RAW/PLACE/live/NAME.live       the open window, or one that a kill left
    RAW/PLACE/pending/NAME.ghg     packed; its records are not all committed yet
    RAW/PLACE/YYYY-MM/NAME.ghg     done
    RAW/PLACE/damaged/…            what could not be read, kept for people

Where a file lies says how far it has come: moving it is the mark, and a rename is atomic. Names begin with the station and the window's
start, so that they sort by time.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edge.archive.live import sync_folder

LIVE, PENDING, DAMAGED = "live", "pending", "damaged"
RESERVE_BYTES = 100_000_000
RESERVE_SHARE = 0.02
"""The raw archive leaves this much of the disk (the smaller of the two) to the outbox and the system."""


@dataclass(frozen=True)
class Freed:
    """A file deleted for room; ``acknowledged``: the centre knows of it."""

    name: str
    size: int
    acknowledged: bool


class Disk(Protocol):
    """Total and free bytes of a disk (as `shutil.disk_usage` gives them)."""

    @property
    def total(self) -> int: ...
    @property
    def free(self) -> int: ...


class RawStore:
    """The raw archive of one place of a station. Blocking; used from the archive thread."""

    def __init__(self, folder: Path, *, disk: Callable[[Path], Disk] = shutil.disk_usage) -> None:
        self.folder = folder
        self._disk = disk

    def live_path(self, name: str) -> Path:
        return self.folder / LIVE / f"{name}.live"

    def pending_path(self, name: str) -> Path:
        return self.folder / PENDING / f"{name}.ghg"

    def archived_path(self, name: str) -> Path:
        """Where a finished file belongs: by the month in its name."""
        stamp = name.rsplit("_", 1)[-1]
        month = f"{stamp[:4]}-{stamp[4:6]}" if stamp[:8].isdigit() and "T" in stamp else "unset"
        return self.folder / month / f"{name}.ghg"

    def free_name(self, name: str) -> str:
        """``name``, or with a letter behind it where a file of that name exists (a clock that stepped back, a changed station file)."""
        for suffix in ("", *(f"-{letter}" for letter in "bcdefghijklmnopqrstuvwxyz")):
            tried = name + suffix
            if not any(path(tried).exists() for path in (self.live_path, self.pending_path, self.archived_path)):
                return tried
        return f"{name}-{os.urandom(4).hex()}"

    def left_live(self) -> list[Path]:
        """Live files on disk, oldest first."""
        return sorted((self.folder / LIVE).glob("*.live"), key=_age)

    def left_pending(self) -> list[Path]:
        """Packed files whose records are not all committed, oldest first."""
        return sorted((self.folder / PENDING).glob("*.ghg"), key=_age)

    def set_aside(self, path: Path) -> Path:
        """Keep a file that cannot be read, out of the way."""
        target = self.folder / DAMAGED / f"{path.name}-{os.urandom(3).hex()}"
        target.parent.mkdir(exist_ok=True)
        path.rename(target)
        return target

    def finish(self, pending: Path) -> Path:
        """The window's records are committed: the file goes to its month."""
        target = self.archived_path(pending.stem)
        target.parent.mkdir(exist_ok=True)
        pending.rename(target)
        sync_folder(target.parent)
        sync_folder(pending.parent)
        return target

    def sweep(self) -> None:
        """Make the folder, and remove half-written packings that a kill left."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in (self.folder / PENDING).glob("*.new"):
            path.unlink(missing_ok=True)

    # --- room

    def archived(self) -> Iterator[Path]:
        """Finished files, oldest first."""
        if not self.folder.is_dir():
            return
        for month in sorted(path for path in self.folder.iterdir() if path.is_dir() and path.name not in {LIVE, PENDING, DAMAGED}):
            yield from sorted(month.glob("*.ghg"))

    def used_bytes(self) -> int:
        """What the archive takes, all files."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    def room_bytes(self) -> int:
        """What may still be written before the reserve of the disk is touched (negative: it is)."""
        disk = self._disk(next(path for path in (self.folder, *self.folder.parents) if path.exists()))
        return disk.free - min(RESERVE_BYTES, int(disk.total * RESERVE_SHARE))

    def make_room(self, quota_bytes: int, acknowledged: Callable[[Path], bool]) -> list[Freed]:
        """Delete the oldest files until the quota and the disk's reserve hold: acknowledged ones first, then, if need be, others."""
        excess = max(self.used_bytes() - quota_bytes, -self.room_bytes())
        freed: list[Freed] = []
        if excess <= 0:
            return freed
        for known_only in (True, False):
            for path in self.archived():
                if excess <= 0:
                    return freed
                known = acknowledged(path)
                if known_only and not known:
                    continue
                size = path.stat().st_size
                path.unlink()
                freed.append(Freed(path.stem, size, known))
                excess -= size
        return freed


def _age(path: Path) -> tuple[float, str]:
    return path.stat().st_mtime, path.name
