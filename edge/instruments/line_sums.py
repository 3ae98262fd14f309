"""Lines of text with a checksum at their end, of whatever kind the card describes (`firmware_config.cards.sums`).

Promises those of `framers`: a frame without fault has passed its checksum. Does not: know sums that are not printed as two or four hex
digits or as a decimal number at the end of the line.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable

from edge.instruments.framers import NOT_TEXT, Frame, LineFramer
from edge.links.checksums import crc16, xor_of
from firmware_config.cards.sums import BITS, LineSum, Sum

SUMS: dict[Sum, Callable[[bytes], int]] = {
    "xor": xor_of,
    "sum": lambda data: sum(data) & 0xFF,
    "sum_negative": lambda data: -sum(data) & 0xFF,
    "crc16_modbus": crc16,
    "crc16_xmodem": lambda data: binascii.crc_hqx(data, 0),
}


class LineSumFramer(LineFramer):
    """A line whose last characters are the sum of those before; what stands before its beginning is thrown away as noise."""

    CHECKED = True

    def __init__(self, form: LineSum, max_bytes: int) -> None:
        super().__init__(max_bytes)
        self._form, self._sum = form, SUMS[form.kind]
        self._start, self._mark = form.start.encode("ascii"), form.mark.encode("ascii")
        digits = rb"[0-9A-Fa-f]{%d}" % (BITS[form.kind] // 4) if form.base == 16 else rb"[0-9]{1,%d}" % len(str(2 ** BITS[form.kind]))
        self._end = re.compile(re.escape(self._mark) + b"(" + digits + rb")[ \t]*\Z")

    def _take(self, frames: list[Frame], line: bytes) -> None:
        tail = NOT_TEXT.split(line)[-1]
        record = tail[max(tail.rfind(self._start), 0) :] if self._start else tail
        self.discarded += len(line) - len(record)
        found = self._last_sum(record)
        if not record.startswith(self._start):
            self._spoiled(frames, record, "cut off")
        elif found is None:
            self._spoiled(frames, record, "no checksum")
        else:
            self._judge(frames, record, found)

    def _last_sum(self, record: bytes) -> re.Match[bytes] | None:
        """The mark with the digits that end the record; without a mark the digits alone."""
        at = record.rfind(self._mark) if self._mark else max(0, len(record.rstrip(b" \t")) - BITS[self._form.kind] // 4)
        return self._end.match(record, at) if at >= len(self._start) else None

    def _judge(self, frames: list[Frame], record: bytes, found: re.Match[bytes]) -> None:
        body = record[len(self._start) : found.start()]
        summed = (self._start if self._form.start_counts else b"") + body + (self._mark if self._form.mark_counts else b"")
        if self._sum(summed) == int(found[1], self._form.base):
            frames.append(Frame(body))
        else:
            self._spoiled(frames, record, "checksum")
