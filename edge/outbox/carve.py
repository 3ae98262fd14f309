"""Reading what is left of a damaged SQLite file without SQLite: the rows on every leaf page that can still be read.

SQLite gives up on a file whose first page is torn, and silently drops the end of a write-ahead log behind one wrong bit. Here each
page of the file and each frame of the log is looked at on its own, in the published file format (sqlite.org/fileformat2.html): leaf
pages of tables, cells, records, overflow chains. Whatever comes out may be nonsense; the caller keeps only rows whose hash is right.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from edge.outbox.schema import PAGE_BYTES

LOG_HEADER = 32
FRAME_HEADER = 24
FRAME_BYTES = FRAME_HEADER + PAGE_BYTES
TABLE_LEAF = 0x0D
LOCAL_MOST = PAGE_BYTES - 35
LOCAL_LEAST = (PAGE_BYTES - 12) * 32 // 255 - 23
LONGEST_ROW = 1_000_000
Column = int | str | bytes | float | None


class _Pages:
    """Random access to the pages of the file, with those of the log laid over; None where nothing can be read."""

    def __init__(self, database: Path, log: Path) -> None:
        self._database = os.open(database, os.O_RDONLY) if database.exists() else -1
        self._log = os.open(log, os.O_RDONLY) if log.exists() else -1
        self.count = os.fstat(self._database).st_size // PAGE_BYTES if self._database >= 0 else 0
        self.frames = max(0, os.fstat(self._log).st_size - LOG_HEADER) // FRAME_BYTES if self._log >= 0 else 0
        self._newest: dict[int, int] = {}
        for frame in range(self.frames):
            header = self._read(self._log, LOG_HEADER + frame * FRAME_BYTES, 4)
            if header:
                self._newest[int.from_bytes(header, "big")] = frame

    @staticmethod
    def _read(handle: int, at: int, size: int) -> bytes | None:
        try:
            content = os.pread(handle, size, at)
        except OSError:
            return None
        return content if len(content) == size else None

    def of_file(self, number: int) -> bytes | None:
        return self._read(self._database, (number - 1) * PAGE_BYTES, PAGE_BYTES) if 0 < number <= self.count else None

    def of_log(self, frame: int) -> bytes | None:
        return self._read(self._log, LOG_HEADER + frame * FRAME_BYTES + FRAME_HEADER, PAGE_BYTES)

    def newest(self, number: int) -> bytes | None:
        frame = self._newest.get(number)
        return self.of_file(number) if frame is None else self.of_log(frame)

    def every(self) -> Iterator[tuple[bytes, int]]:
        """Every page image with the offset of its header (the first page begins with the file's header)."""
        for number in range(1, self.count + 1):
            if page := self.of_file(number):
                yield page, 100 if number == 1 else 0
        for frame in range(self.frames):
            if page := self.of_log(frame):
                yield page, 0

    def close(self) -> None:
        for handle in (self._database, self._log):
            if handle >= 0:
                os.close(handle)


def carve_rows(database: Path, log: Path) -> Iterator[tuple[int, list[Column]]]:
    """``(rowid, columns)`` of every cell of a table leaf that reads like a row; the same row may come several times."""
    pages = _Pages(database, log)
    try:
        for page, header in pages.every():
            if page[header] == TABLE_LEAF:
                yield from _rows_of(page, header, pages)
    finally:
        pages.close()


def _rows_of(page: bytes, header: int, pages: _Pages) -> Iterator[tuple[int, list[Column]]]:
    cells = int.from_bytes(page[header + 3 : header + 5], "big")
    for index in range(min(cells, PAGE_BYTES // 4)):
        pointer = header + 8 + 2 * index
        at = int.from_bytes(page[pointer : pointer + 2], "big")
        if not header + 8 <= at < PAGE_BYTES - 4:
            continue
        try:
            size, at = _varint(page, at)
            rowid, at = _varint(page, at)
            if size > LONGEST_ROW:
                continue
            for payload in _payloads(page, at, size, pages):
                yield rowid, _columns(payload)
        except (IndexError, ValueError):
            continue


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for index in range(9):
        byte = data[at + index]
        if index == 8:
            return value << 8 | byte, at + 9
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + index + 1
    raise ValueError("unreachable")


def _payloads(page: bytes, at: int, size: int, pages: _Pages) -> Iterator[bytes]:
    """The payload of a cell: once, or for a long one as the file has it and as the log has it."""
    if size <= LOCAL_MOST:
        yield page[at : at + size]
        return
    local = LOCAL_LEAST + (size - LOCAL_LEAST) % (PAGE_BYTES - 4)
    local = local if local <= LOCAL_MOST else LOCAL_LEAST
    for look_up in (pages.newest, pages.of_file):
        payload = bytearray(page[at : at + local])
        following = int.from_bytes(page[at + local : at + local + 4], "big")
        while len(payload) < size and (overflow := look_up(following)) is not None:
            payload += overflow[4 : 4 + size - len(payload)]
            following = int.from_bytes(overflow[:4], "big")
        if len(payload) == size:
            yield bytes(payload)


def _columns(payload: bytes) -> list[Column]:
    end, at = _varint(payload, 0)
    content = end
    columns: list[Column] = []
    while at < end:
        kind, at = _varint(payload, at)
        size = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0)[kind] if kind < 12 else (kind - 12) // 2
        piece = payload[content : content + size]
        if len(piece) != size:
            raise ValueError("a column runs past its row")
        columns.append(_value(kind, piece))
        content += size
    return columns


def _value(kind: int, piece: bytes) -> Column:
    if kind == 0:
        return None
    if kind < 7:
        return int.from_bytes(piece, "big", signed=True)
    if kind in (8, 9):
        return kind - 8
    if kind >= 12:
        return piece if kind % 2 == 0 else piece.decode("utf-8")
    raise ValueError("a column type that is not used here")
