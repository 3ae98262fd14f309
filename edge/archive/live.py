"""Live files: appending blocks durably, and reading back whatever a kill or a torn sector has left.

A file is a run of gzip members (``zcat`` shows it). The first holds the header as ``#haitan-live 1 {json}``; each other is one block:
``#{json note}`` and rows. A member that is whole has passed its checksum. Of one cut short at the end of the file the whole lines
are used (a prefix of a deflate stream decodes to what was written); a damaged one in the middle is left out, since its rows cannot be
trusted.

Blocking; the agent calls this from its archive thread.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edge.archive.layout import Header, Note
from edge.errors import ArchiveError

MAGIC = b"\x1f\x8b\x08"
FIRST_LINE = "#haitan-live 1 "
MAX_BLOCK_BYTES = 32_000_000
SYNC = getattr(os, "fdatasync", os.fsync)  # macOS has no fdatasync
NUMBER = r"(?:-?\d+(?:\.\d+)?(?:e[+-]\d+)?)?"


@dataclass(frozen=True)
class Block:
    """One gzip member: ``whole`` when its checksum was right; ``end`` is where it ends in the file."""

    text: str
    whole: bool
    end: int


def compress(text: str) -> bytes:
    """One gzip member without a time stamp."""
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    return packer.compress(text.encode()) + packer.flush()


def blocks_of(data: bytes) -> Iterator[Block]:
    """The members of a live file's bytes; damaged ones are skipped, a cut one comes last with ``whole`` False."""
    view, at = memoryview(data), 0
    while at < len(data):
        reader = zlib.decompressobj(31)
        try:
            text = reader.decompress(view[at:], MAX_BLOCK_BYTES)
        except zlib.error:
            at = data.find(MAGIC, at + 1)
            if at < 0:
                return
            continue
        if reader.eof:
            at = len(data) - len(reader.unused_data)
            yield Block(text.decode("utf-8", "replace"), True, at)
            continue
        after = _next_whole(data, at)
        if after < 0:
            yield Block(text.decode("utf-8", "replace"), False, len(data))
            return
        at = after  # cut, but another follows: an append after a torn one


def _next_whole(data: bytes, at: int) -> int:
    """Where the next member that is whole begins after ``at``, or -1."""
    while (at := data.find(MAGIC, at + 1)) >= 0:
        reader = zlib.decompressobj(31)
        try:
            reader.decompress(memoryview(data)[at:], MAX_BLOCK_BYTES)
        except zlib.error:
            continue
        if reader.eof:
            return at
    return -1


@dataclass(frozen=True)
class Recovered:
    """What a live file holds: the header, notes, and rows in rising order of slot without repeats.

    ``whole_bytes`` is the length of the part that can be appended to; ``tail`` the rows of the cut block after it.
    """

    header: Header
    notes: list[Note]
    blocks: list[list[str]]
    whole_bytes: int
    tail: list[str]

    @property
    def last_slot(self) -> int:
        """The last slot with a row (-1: none)."""
        for rows in reversed([*self.blocks, self.tail]):
            if rows:
                return slot_of(rows[-1])
        return -1


def slot_of(row: str) -> int:
    return int(row[: row.index("\t")])


def recover(path: Path) -> Recovered:
    """Read a live file as far as it can be trusted; ArchiveError when not even the header can."""
    data = path.read_bytes()
    header: Header | None = None
    notes: list[Note] = []
    blocks: list[list[str]] = []
    tail: list[str] = []
    last, whole_bytes = -1, 0
    row_form = re.compile("")
    for block in blocks_of(data):
        if header is None:
            header = _read_header(path, block)
            row_form = re.compile(r"\d+" + rf"\t{NUMBER}" * len(header.layout.columns) + r"\Z")
            whole_bytes = block.end
            continue
        rows, notes_here = _read_rows(block, row_form, header.slots, last)
        notes += notes_here
        if rows:
            last = slot_of(rows[-1])
        if block.whole:
            blocks.append(rows)
            whole_bytes = block.end
        else:
            tail = rows
    if header is None:
        raise ArchiveError(f"{path}: no header; the file is set aside, its window is lost")
    return Recovered(header, notes, blocks, whole_bytes, tail)


def _read_header(path: Path, block: Block) -> Header:
    line = block.text.partition("\n")[0]
    if not block.whole or not line.startswith(FIRST_LINE):
        raise ArchiveError(f"{path}: not a live file of the raw archive; it is set aside")
    try:
        return msgspec.json.decode(line[len(FIRST_LINE) :], type=Header)
    except msgspec.DecodeError as error:
        raise ArchiveError(f"{path}: its header cannot be read ({error}); the file is set aside") from error


def _read_rows(block: Block, row_form: re.Pattern[str], slots: int, last: int) -> tuple[list[str], list[Note]]:
    lines = block.text.split("\n")
    if not block.whole:
        lines.pop()  # what follows the last line end is cut
    notes: list[Note] = []
    rows: list[str] = []
    for line in lines:
        if line.startswith("#"):
            try:
                notes.append(msgspec.json.decode(line[1:], type=Note))
            except msgspec.DecodeError:
                continue
        elif line and (block.whole or row_form.match(line)) and last < (slot := slot_of(line)) < slots:
            rows.append(line + "\n")
            last = slot
    return rows, notes


class LiveFile:
    """An open live file. `append` returns when the block is on the device."""

    def __init__(self, path: Path, header: Header, handle: int, size: int) -> None:
        self.path = path
        self.header = header
        self._handle = handle
        self._size = size

    @classmethod
    def create(cls, path: Path, header: Header) -> LiveFile:
        """Begin a new file (OSError when it exists or the disk says no)."""
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        live = cls(path, header, handle, 0)
        try:
            live._write(compress(FIRST_LINE + msgspec.json.encode(header).decode() + "\n"))
            sync_folder(path.parent)
        except OSError:
            live.close()
            path.unlink(missing_ok=True)
            raise
        return live

    @classmethod
    def resume(cls, path: Path, found: Recovered) -> LiveFile:
        """Continue a file after a restart: what was cut is taken off and its whole lines are written again."""
        handle = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        os.ftruncate(handle, found.whole_bytes)
        live = cls(path, found.header, handle, found.whole_bytes)
        if found.tail:
            live.append("".join(found.tail), found.notes[-1] if found.notes else Note())
        return live

    def append(self, rows: str, note: Note) -> int:
        """Add one block; returns its size. After an OSError (disk full) the file is as it was before."""
        return self._write(compress(f"#{msgspec.json.encode(note).decode()}\n{rows}"))

    def _write(self, data: bytes) -> int:
        try:
            view = memoryview(data)
            at = self._size
            while view:
                written = os.pwrite(self._handle, view, at)
                view, at = view[written:], at + written
            SYNC(self._handle)
        except OSError:
            os.ftruncate(self._handle, self._size)
            raise
        self._size += len(data)
        return len(data)

    def close(self) -> None:
        os.close(self._handle)


def sync_folder(folder: Path) -> None:
    """Make a rename or a new name in this folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
