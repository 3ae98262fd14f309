"""Which numbers may have been used: a small synced file apart from the outbox, so that neither can make the other forget.

Numbers are reserved in blocks before they are given. The file holds, per stream, the first number that has certainly *not* been given.
It is kept as two copies of fixed size, overwritten in turn in place and synced: a torn write can only spoil the older copy, and no
new space is needed on a full disk. Each write raises a stream by at most one block, so that whoever finds only one copy (which may
be the older) adds one block and is safe.

Not here: what is done about reserved numbers that no record got (`edge.outbox.opening`).
"""

from __future__ import annotations

import os
from hashlib import blake2b
from pathlib import Path

import msgspec

BLOCK = 64
COPY_BYTES = 4096
COPIES = ("numbers.a", "numbers.b")


class NumbersState(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a copy. ``reserved``: stream → the first number that was certainly not given, in this epoch."""

    station: str
    epoch: int
    previous_epoch: int | None = None
    generation: int = 0
    reserved: dict[str, int] = {}


def _digest(text: bytes) -> bytes:
    return blake2b(text, digest_size=16).hexdigest().encode()


def _read(path: Path) -> NumbersState | None:
    """A copy, or None when it is missing or anything about it is wrong."""
    try:
        digest, _, text = path.read_bytes()[:COPY_BYTES].rstrip().partition(b"\n")
        if _digest(text) != digest:
            return None
        state = msgspec.json.decode(text, type=NumbersState)
    except (OSError, ValueError, msgspec.DecodeError):
        return None
    return state if min(state.reserved.values(), default=0) >= 0 else None


def sync_folder(folder: Path) -> None:
    """Make a created, renamed or removed name in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class NumbersFile:
    """The two copies on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._paths = [folder / name for name in COPIES]

    def load(self) -> tuple[NumbersState | None, bool]:
        """The newest readable copy (None: neither), and whether both were readable."""
        found = [_read(path) for path in self._paths]
        readable = [state for state in found if state is not None]
        return max(readable, key=lambda state: state.generation, default=None), len(readable) == len(COPIES)

    def write(self, state: NumbersState, *, both: bool = False) -> NumbersState:
        """Make ``state`` durable as the next generation and return it so; OSError when the device refuses."""
        for _ in COPIES if both else COPIES[:1]:
            state = msgspec.structs.replace(state, generation=state.generation + 1)
            text = msgspec.json.encode(state)
            content = _digest(text) + b"\n" + text
            if len(content) > COPY_BYTES:
                raise OSError(f"{self.folder}: {len(state.reserved)} streams do not fit into a numbers file of {COPY_BYTES} bytes")
            self._overwrite(self._paths[state.generation % 2], content.ljust(COPY_BYTES))
        return state

    def _overwrite(self, path: Path, content: bytes) -> None:
        fresh = not path.exists()
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            if os.pwrite(handle, content, 0) != len(content):
                raise OSError(f"{path}: short write (disk full?)")
            os.fsync(handle)
        finally:
            os.close(handle)
        if fresh:
            sync_folder(self.folder)


class Numbers:
    """The numbers of the present epoch: `next` per stream, never at or above what the file has reserved."""

    def __init__(self, file: NumbersFile, state: NumbersState) -> None:
        self._file = file
        self.state = state
        self.next: dict[str, int] = dict(state.reserved)

    @property
    def epoch(self) -> int:
        return self.state.epoch

    def _write(self, reserved: dict[str, int], *, both: bool = False) -> None:
        self.state = self._file.write(msgspec.structs.replace(self.state, reserved=reserved), both=both)

    def reserve(self, needs: dict[str, int]) -> None:
        """Make sure that so many numbers per stream may be given; OSError when the file cannot be written (then none may)."""
        while True:
            reserved = dict(self.state.reserved)
            for stream, count in needs.items():
                if self.next.get(stream, 0) + count > reserved.get(stream, 0):
                    reserved[stream] = reserved.get(stream, 0) + BLOCK
            if reserved == self.state.reserved:
                return
            self._write(reserved)

    def used(self, stream: str, next_number: int) -> None:
        """Records up to ``next_number - 1`` are committed."""
        self.next[stream] = next_number

    def skip_to(self, stream: str, next_number: int) -> None:
        """Never give a number below ``next_number`` (they are known to have been used)."""
        if next_number > self.next.get(stream, 0):
            self._write({**self.state.reserved, stream: max(next_number, self.state.reserved.get(stream, 0))}, both=True)
            self.next[stream] = next_number

    def name_previous(self, epoch: int) -> None:
        """The epoch before this one has become known."""
        self.state = self._file.write(msgspec.structs.replace(self.state, previous_epoch=epoch), both=True)

    def give_back(self) -> None:
        """Clean stop: what was reserved and not used is free again."""
        if self.state.reserved != self.next:
            self._write(dict(self.next))
