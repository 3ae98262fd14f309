"""Framers of text records that are more than a line: hex with a sum (Sunburst), blocks with a sum (VE.Direct), elements (LI-COR's XML),
and lines with flow control between.

The promises of `edge.instruments.framers` hold: no exception, no endless loop, a bounded buffer, the same frames however the stream is cut.
"""

from __future__ import annotations

import re

from edge.instruments.framers import NOT_TEXT, Frame, LineFramer, _Buffered

_HEX = re.compile(rb"(?:[0-9A-F]{2})+")
_MARK = re.compile(rb"\r\nChecksum\t|:")
_CHECKSUM = b"\r\nChecksum\t"
_MESSAGE = re.compile(rb":[0-9A-Fa-f]+")


class FlowControlFramer(LineFramer):
    """Lines of an instrument that sends XON and XOFF, which stand anywhere and belong to no record."""

    def feed(self, data: bytes) -> list[Frame]:
        return super().feed(data.translate(None, b"\x11\x13"))


class HexSumFramer(LineFramer):
    """``*`` and upper-case hex to the end of the line: id, length, …, sum. ``length`` counts all bytes after the id; the sum (modulo 256)
    is taken from the length to the last byte before it, so the id itself is not protected. A line without ``*`` is handed on as it is."""

    CHECKED = True

    def _take(self, frames: list[Frame], line: bytes) -> None:
        star = line.rfind(b"*")
        if star < 0:
            super()._take(frames, line)
            return
        if b"*" in line[:star]:
            frames.append(Frame(b"", "cut off"))
        self.discarded += star
        record = line[star + 1 :]
        if not _HEX.fullmatch(record):
            self._spoiled(frames, record, "noise" if re.search(rb"[^0-9A-F]", record) else "cut off")
            return
        data = bytes.fromhex(record.decode())
        if len(data) < 3 or data[1] != len(data) - 1:
            self._spoiled(frames, record, "cut off")
        elif sum(data[1:-1]) & 0xFF != data[-1]:
            self._spoiled(frames, record, "checksum")
        else:
            frames.append(Frame(line[star:]))


class VeDirectFramer(_Buffered):
    """VE.Direct text: lines CR LF label TAB value; the block ends with ``Checksum`` TAB and one byte, whatever it is, that makes the sum
    of the block zero modulo 256. HEX messages (``:``, hex digits, LF) may stand anywhere between and are outside the sum. The body is the
    block without the first CR LF and the checksum line. A block begins where the last one ended, so a beginning that was missed is seen: it
    leaves text before the first CR LF, where noise leaves other bytes."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(max_bytes)
        self._scanned = 0
        self._lost = False

    def _reset(self) -> None:
        self._scanned = 0
        self._lost = False

    def _step(self, frames: list[Frame]) -> bool:
        found = _MARK.search(self._buffer, self._scanned, self._max + 1)
        if found is None:
            if len(self._buffer) > self._max:
                self._reset()
                self._lost = True
                return self._refuse(frames, self._max + 1, "too long")
            self._scanned = max(self._scanned, len(self._buffer) - len(_CHECKSUM) + 1)
            return False
        self._scanned = found.start()
        if found.group() == b":":
            return self._message(found.start())
        end = found.end() + 1
        if len(self._buffer) < end:
            return False
        self._close(frames, found.start(), end)
        return True

    def _message(self, at: int) -> bool:
        """Take a HEX message out; a colon that begins none stays what it is."""
        found = _MESSAGE.match(self._buffer, at, self._max + 1)
        end = found.end() if found is not None else at + 1
        if end == len(self._buffer) and end <= self._max:
            return False
        if found is not None and self._buffer[end : end + 1] == b"\n":
            del self._buffer[at : end + 1]
            self._scanned = max(0, at - len(_CHECKSUM) + 1)
        else:
            self._scanned = at + 1
        return True

    def _close(self, frames: list[Frame], at: int, end: int) -> None:
        begin = self._buffer.find(b"\r\n", 0, end)
        block = bytes(self._buffer[begin:end]) if 0 <= begin < at else b""
        body = block[2 : at - begin]
        lost = self._lost or (begin > 0 and not NOT_TEXT.search(self._buffer[:begin]))
        self._reset()
        if lost or not body:
            fault = "cut off"
        elif sum(block) & 0xFF:
            fault = "checksum"
        else:
            fault = "noise" if NOT_TEXT.search(body.replace(b"\r\n", b"\t")) else ""
        if fault:
            self._refuse(frames, end, fault)
        else:
            self.discarded += begin
            del self._buffer[:end]
            frames.append(Frame(body))


class ElementFramer(_Buffered):
    """``<root>`` to ``</root>``, in any letter case, whatever lines or reads it came in. ``root`` is a pattern of names of at most 16
    letters. A record that never closes ends where the next one opens."""

    _LONGEST = 16 + len(b"</>")

    def __init__(self, root: str, max_bytes: int) -> None:
        super().__init__(max_bytes)
        self._tag = re.compile(rb"<(/?)(?:" + root.encode() + rb")>", re.IGNORECASE)
        self._scanned = 0

    def _reset(self) -> None:
        self._scanned = 0

    def _step(self, frames: list[Frame]) -> bool:
        return self._inside(frames) if self._scanned else self._outside(frames)

    def _outside(self, frames: list[Frame]) -> bool:
        found = self._tag.search(self._buffer)
        if found is None:
            begun = self._buffer.rfind(b"<")
            self._drop(begun if begun >= 0 and len(self._buffer) - begun < self._LONGEST else len(self._buffer))
            return False
        if found.group(1):
            return self._refuse(frames, found.end(), "cut off")
        self._drop(found.start())
        self._scanned = found.end() - found.start()
        return True

    def _inside(self, frames: list[Frame]) -> bool:
        found = self._tag.search(self._buffer, self._scanned, self._max + 1)
        if found is None:
            if len(self._buffer) > self._max:
                self._reset()
                return self._refuse(frames, self._max + 1, "too long")
            self._scanned = max(self._scanned, len(self._buffer) - self._LONGEST)
            return False
        self._reset()
        if not found.group(1):
            return self._refuse(frames, found.start(), "cut off")
        body = bytes(self._buffer[: found.end()])
        if NOT_TEXT.search(body.translate(None, b"\r\n")):
            return self._refuse(frames, found.end(), "noise")
        del self._buffer[: found.end()]
        frames.append(Frame(body))
        return True

    def finish(self) -> list[Frame]:
        if not self._scanned:
            self._drop(len(self._buffer))
        return super().finish()
