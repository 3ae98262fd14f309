"""Framers of binary records: found by the bytes they begin with, whole by their length, believed by their checksum.

The promises of `edge.instruments.framers` hold: no exception, no endless loop, a bounded buffer, the same frames however the stream is cut.
After a record that fails its check only its first byte is thrown away, so that a record that begins inside it is not lost; what begins
inside it and fails too is not told again. Work on a byte is bounded by the longest record, so time grows with the length of the stream.
"""

from __future__ import annotations

import re
from binascii import crc_hqx
from collections.abc import Mapping
from itertools import accumulate

from edge.instruments.framers import Frame, Framer, _Buffered
from edge.links.checksums import xor_of
from firmware_config.cards.binary import BinaryFormat, Part, item_bytes

CSAT3_SYNC = b"\x55\xaa"
_HEX = b"0123456789abcdefABCDEF"


def fletcher(data: bytes) -> bytes:
    """MicroStrain's Fletcher-16: two running sums modulo 256, as sent.

    >>> fletcher(bytes.fromhex("756501020201")).hex()
    'e0c6'
    """
    return bytes((sum(data) & 0xFF, sum(accumulate(data)) & 0xFF))


class SyncFramer(_Buffered):
    """Records that begin with ``sync``; a format says how long one is and whether it is whole."""

    sync: re.Pattern[bytes]
    sync_bytes = 2

    def __init__(self, max_bytes: int) -> None:
        super().__init__(max_bytes)
        self._refused = 0
        """bytes at the head of the buffer that belong to a record already refused"""

    def size(self, head: bytearray) -> int | None:
        """Bytes of the record that begins ``head``; None when too few are there to tell, 0 when none begins here."""
        raise NotImplementedError

    def fault(self, record: bytes) -> str:
        """What is wrong with a record of the right length; empty when nothing is."""
        raise NotImplementedError

    def _step(self, frames: list[Frame]) -> bool:
        found = self.sync.search(self._buffer)
        begin = found.start() if found is not None else self._tail()
        if begin:
            self._skip(begin)
        size = self.size(self._buffer) if found is not None else None
        if size is None:
            return False
        if size > len(self._buffer):
            return size > self._max and self._skip(1)
        if size == 0:
            return self._skip(1)
        record = bytes(self._buffer[:size])
        fault = self.fault(record)
        if fault:
            if not self._refused:
                frames.append(Frame(b"", fault))
                self._refused = size
            return self._skip(1)
        del self._buffer[:size]
        self._refused = max(0, self._refused - size)
        frames.append(Frame(record))
        return True

    def _tail(self) -> int:
        """Where the beginning of a sync may stand at the end of a buffer that holds none."""
        for kept in range(min(self.sync_bytes - 1, len(self._buffer)), 0, -1):
            if self._may_begin(bytes(self._buffer[-kept:])):
                return len(self._buffer) - kept
        return len(self._buffer)

    def _may_begin(self, head: bytes) -> bool:
        return False

    def _skip(self, count: int) -> bool:
        self.discarded += count
        del self._buffer[:count]
        self._refused = max(0, self._refused - count)
        return True

    def finish(self) -> list[Frame]:
        frames: list[Frame] = []
        while self._buffer:
            while self._step(frames):
                pass
            if self._buffer:
                if not self._refused and self.sync.match(self._buffer):
                    frames.append(Frame(b"", "cut off"))
                    self._refused = len(self._buffer)
                self._skip(1)
        return frames


class GillFramer(SyncFramer):
    """Gill mode 10: B4 B4, status in two bytes of which the high one is 0, and an XOR at the end; the header cancels out of it."""

    sync = re.compile(rb"\xb4\xb4")
    _HIGHEST_STATUS = 0x0B

    def __init__(self, size: int, max_bytes: int) -> None:
        super().__init__(max_bytes)
        self._size = size

    def _may_begin(self, head: bytes) -> bool:
        return head == b"\xb4"

    def size(self, head: bytearray) -> int | None:
        if len(head) < 4:
            return None
        return self._size if head[2] <= self._HIGHEST_STATUS and head[3] == 0 else 0

    def fault(self, record: bytes) -> str:
        return "" if xor_of(record) == 0 else "checksum"


class MipFramer(SyncFramer):
    """MicroStrain MIP: 75 65, descriptor set, payload length, fields, Fletcher-16 over all before it."""

    sync = re.compile(rb"\x75\x65")

    def _may_begin(self, head: bytes) -> bool:
        return head == b"\x75"

    def size(self, head: bytearray) -> int | None:
        if len(head) < 4:
            return None
        return 6 + head[3] if head[3] >= 2 else 0

    def fault(self, record: bytes) -> str:
        return "" if fletcher(record[:-2]) == record[-2:] else "checksum"


class LegacyFramer(SyncFramer):
    """MicroStrain's older records: one byte says what follows and how long it is; the 16-bit sum of all bytes before it at the end."""

    sync_bytes = 1

    def __init__(self, sizes: Mapping[int, int], max_bytes: int) -> None:
        super().__init__(max_bytes)
        self._sizes = {code: 1 + size + 2 for code, size in sizes.items()}
        self.sync = re.compile(b"[" + b"".join(b"\\x%02x" % code for code in sizes) + b"]")

    def size(self, head: bytearray) -> int | None:
        return self._sizes.get(head[0], 0)

    def fault(self, record: bytes) -> str:
        return "" if sum(record[:-2]) & 0xFFFF == int.from_bytes(record[-2:], "big") else "checksum"


class VectorNavFramer(SyncFramer):
    """VectorNav: FA, group byte, type word, payload, CRC16 (over everything after FA, itself included, it is 0); text ``$VN…*hh`` between.

    The length of a record follows from the bits of its type word, so only the one group whose bits are known is taken.
    """

    sync = re.compile(rb"\xfa|\$")
    sync_bytes = 1
    _GROUP = 1
    _STOP = re.compile(rb"[^\x20-\x7e]|\*")
    _LONGEST_TEXT = 256

    def __init__(self, sizes: Mapping[int, int], max_bytes: int) -> None:
        super().__init__(max_bytes)
        self._sizes = [(1 << bit, size) for bit, size in sizes.items()]
        self._known = sum(mask for mask, _ in self._sizes)

    def size(self, head: bytearray) -> int | None:
        if head[0] != 0xFA:
            return self._text_size(head)
        if len(head) > 1 and head[1] != self._GROUP:
            return 0
        if len(head) < 4:
            return None
        word = head[2] | head[3] << 8
        return 4 + sum(size for mask, size in self._sizes if word & mask) + 2 if word and not word & ~self._known else 0

    def _text_size(self, head: bytearray) -> int | None:
        if not b"$VN".startswith(head[:3]):
            return 0
        stop = self._STOP.search(head, 1, self._LONGEST_TEXT)
        if stop is None:
            return None if len(head) < self._LONGEST_TEXT else 0
        return stop.end() + 2 if stop.group() == b"*" else stop.start()

    def fault(self, record: bytes) -> str:
        if record[0] == 0xFA:
            return "" if crc_hqx(record[1:], 0) == 0 else "checksum"
        body, star, digits = record[1:].rpartition(b"*")
        if not star:
            return "cut off"
        if len(digits) != 2 or not all(byte in _HEX for byte in digits):
            return "no checksum"
        return "" if xor_of(body) == int(digits, 16) else "checksum"


class Csat3Framer(_Buffered):
    """Campbell CSAT3 with ``rs 1``: ten bytes and then 55 AA. There is no checksum; the place of the sync word is the only sign there is.

    A record counts when it lies exactly between two sync words (or at the beginning). Otherwise all up to the next sync word is thrown
    away. A sync word among the data of a record whose counter does not follow the last one is the true one: we were out of step. The ten
    characters that answer ``S`` may stand between two records and are passed over.
    """

    _STATUS = re.compile(rb"\d[0-9A-Za-z]\d\d[DT][\d ]{4}[PU]")
    _DATA = 10
    _RECORD = 12

    def __init__(self, max_bytes: int) -> None:
        super().__init__(max_bytes)
        self._lost = False
        self._counter: int | None = None

    def _step(self, frames: list[Frame]) -> bool:
        if self._lost:
            at = self._buffer.find(CSAT3_SYNC)
            self._lost = at < 0
            dropped = at + 2 if at >= 0 else len(self._buffer) - self._buffer.endswith(CSAT3_SYNC[:1])
            self.discarded += dropped
            del self._buffer[:dropped]
            return at >= 0
        if len(self._buffer) < self._RECORD:
            return False
        data = bytes(self._buffer[: self._DATA])
        counter = data[8] & 0x3F
        follows = self._counter is None or counter == (self._counter + 1) & 0x3F
        if self._buffer[self._DATA : self._RECORD] != CSAT3_SYNC or (CSAT3_SYNC in data and not follows):
            if self._STATUS.fullmatch(data) is not None:
                self.discarded += self._DATA
                del self._buffer[: self._DATA]
                return True
            frames.append(Frame(b"", "out of step with the sync word"))
            self._lost = True
            return True
        del self._buffer[: self._RECORD]
        self._counter = counter
        frames.append(Frame(data))
        return True

    def finish(self) -> list[Frame]:
        left, lost = len(self._buffer), self._lost
        self._buffer.clear()
        self._lost, self._counter = False, None
        self.discarded += left
        return [Frame(b"", "cut off")] if left and not lost else []


def part_bytes(part: Part) -> int:
    """Length of a part with everything that may be in it."""
    return sum(item_bytes(item) for item in part.items if item.at is None)


def framer_of(form: BinaryFormat) -> Framer:
    """The framer a card asks for."""
    sizes = {part.code: part_bytes(part) for part in form.parts}
    if form.frame == "gill":
        return GillFramer(2 + next(iter(sizes.values())) + 1, form.max_bytes)
    if form.frame == "mip":
        return MipFramer(form.max_bytes)
    if form.frame == "microstrain_legacy":
        return LegacyFramer(sizes, form.max_bytes)
    return VectorNavFramer(sizes, form.max_bytes) if form.frame == "vectornav" else Csat3Framer(form.max_bytes)
