"""Framers: cut records out of a stream of bytes, check their checksum, find the beginning again after garbage.

Promises, for any bytes in any portions: no exception, no endless loop, a buffer bounded by ``max_bytes``, and the same frames whether the
stream came in one piece or byte by byte. A frame without fault has passed its checksum, where its format has one. What was thrown away is
counted in ``discarded`` (line ends apart). Does not: know what a record means.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Protocol

from edge.links.checksums import campbell_signature, xor_of

NOT_TEXT = re.compile(rb"[^\t\x20-\x7e]")
_NOT_PRINTED = re.compile(rb"[^\x20-\x7e]")
_LINE_END = re.compile(rb"[\r\n]")
_PARENTHESIS = re.compile(rb"[()]")
_OUTSIDE = re.compile(rb"[(\r\n]")
_BEFORE = re.compile(rb"\A[^\w\s+.-]+")
"""no record of columns begins so"""
_SIGNATURE = re.compile(rb"[0-9A-Fa-f]{4}")


class Frame(NamedTuple):
    """A record (``fault`` empty) or the remains of one with the reason it is refused."""

    body: bytes
    fault: str = ""


class Framer(Protocol):
    """Bytes in, frames out."""

    discarded: int

    def feed(self, data: bytes) -> list[Frame]:
        """Take the next portion; returns what it completed, in order."""

    def finish(self) -> list[Frame]:
        """The stream ends here: what is left is a record cut off (or a last line without its end)."""


class _Buffered:
    """Keeps the bytes that do not make a frame yet."""

    def __init__(self, max_bytes: int) -> None:
        self._buffer = bytearray()
        self._max = max_bytes
        self.discarded = 0

    def feed(self, data: bytes) -> list[Frame]:
        self._buffer += data
        frames: list[Frame] = []
        while self._step(frames):
            pass
        return frames

    def finish(self) -> list[Frame]:
        left = bytes(self._buffer).strip(b"\r\n")
        self._buffer.clear()
        self._reset()
        if not left:
            return []
        self.discarded += len(left)
        return [Frame(b"", "cut off")]

    def _step(self, frames: list[Frame]) -> bool:
        """Consume something and return True, or return False when more bytes are needed."""
        raise NotImplementedError

    def _reset(self) -> None:
        """Forget where in a record we were."""

    def _drop(self, count: int) -> None:
        part = self._buffer[:count]
        self.discarded += count - part.count(b"\r") - part.count(b"\n")
        del self._buffer[:count]

    def _refuse(self, frames: list[Frame], count: int, fault: str) -> bool:
        """Throw ``count`` bytes away as a record with a fault."""
        self._drop(count)
        frames.append(Frame(b"", fault))
        return True


class XorFramer(_Buffered):
    """``start`` text ``end`` and two hex digits: the XOR of all bytes between (Gill: STX and ETX; NMEA and HydroC: ``$`` and ``*``)."""

    def __init__(self, start: bytes, end: bytes, max_bytes: int) -> None:
        super().__init__(max_bytes)
        self._start = start
        self._end = end
        self._stop = re.compile(rb"[^\x20-\x7e]|" + re.escape(start) + b"|" + re.escape(end))

    def _step(self, frames: list[Frame]) -> bool:
        begin = self._buffer.find(self._start)
        if begin != 0:
            self._drop(begin if begin > 0 else len(self._buffer))
            if begin < 0:
                return False
        found = self._stop.search(self._buffer, 1, self._max + 1)
        if found is None:
            return len(self._buffer) > self._max and self._refuse(frames, self._max + 1, "too long")
        at, stop = found.start(), found.group()
        if stop == self._start:
            return self._refuse(frames, at, "cut off")
        if stop != self._end:
            return self._refuse(frames, at + 1, "cut off" if stop in b"\r\n" else "noise")
        digits = self._buffer[at + 1 : at + 3]
        if not all(byte in b"0123456789abcdefABCDEF" for byte in digits):
            return self._refuse(frames, at + 1, "no checksum")
        if len(digits) < 2:
            return False
        body = bytes(self._buffer[1:at])
        if xor_of(body) != int(digits, 16):
            return self._refuse(frames, at + 3, "checksum")
        del self._buffer[: at + 3]
        frames.append(Frame(body))
        return True

    def finish(self) -> list[Frame]:
        if not self._buffer.startswith(self._start):
            self._drop(len(self._buffer))
        return super().finish()


class LineFramer(_Buffered):
    """A line of text ended by CR, LF or both, without checksum: one strange byte in it refuses the whole line, and so does a missing end
    (its last number may lack digits).

    ``after_noise``: what reads the line knows how a record begins, so that what stands before the last strange byte is thrown away and the
    rest is handed on.
    """

    CHECKED = False
    """the line has a checksum of its own, and is whole without an end too"""

    def __init__(self, max_bytes: int, *, after_noise: bool = False) -> None:
        super().__init__(max_bytes)
        self._skipping = False
        self._after_noise = after_noise

    def _step(self, frames: list[Frame]) -> bool:
        found = _LINE_END.search(self._buffer, 0, self._max + 1)
        if found is not None:
            line = bytes(self._buffer[: found.start()])
            del self._buffer[: found.end()]
            if self._skipping:
                self.discarded += len(line)
            elif line:
                self._take(frames, line)
            self._skipping = False
            return True
        if len(self._buffer) <= self._max:
            return False
        if not self._skipping:
            frames.append(Frame(b"", "too long"))
        self._skipping = True
        self._drop(self._max + 1)
        return True

    def _take(self, frames: list[Frame], line: bytes) -> None:
        tail = NOT_TEXT.split(line)[-1]
        if not tail or (len(tail) < len(line) and not self._after_noise):
            self._spoiled(frames, line, "noise")
        else:
            self.discarded += len(line) - len(tail)
            frames.append(Frame(tail))

    def _spoiled(self, frames: list[Frame], line: bytes, fault: str) -> None:
        self.discarded += len(line)
        frames.append(Frame(b"", fault))

    def finish(self) -> list[Frame]:
        if self._skipping:
            self._drop(len(self._buffer))
        frames: list[Frame] = []
        line = bytes(self._buffer)
        self._buffer.clear()
        self._reset()
        if line and self.CHECKED:
            self._take(frames, line)
        elif line:
            self._spoiled(frames, line, "cut off")
        return frames

    def _reset(self) -> None:
        self._skipping = False


class SignatureFramer(LineFramer):
    """A line that ends in a comma and Campbell's signature (four hex digits) over everything before that comma."""

    CHECKED = True

    def _take(self, frames: list[Frame], line: bytes) -> None:
        tail = _BEFORE.sub(b"", NOT_TEXT.split(line)[-1])
        self.discarded += len(line) - len(tail)
        body, comma, signature = tail.rpartition(b",")
        if not comma or not _SIGNATURE.fullmatch(signature):
            self._spoiled(frames, tail, "no checksum" if comma else "cut off")
        elif campbell_signature(body) != int(signature, 16):
            self._spoiled(frames, tail, "checksum")
        else:
            frames.append(Frame(body))


class ParenthesesFramer(_Buffered):
    """LI-COR's grammar: a record is a pair of parentheses with pairs inside, whatever the reads or lines it came in.

    Text outside parentheses is handed on as a line when a line end follows it (a record without labels), else thrown away. A record that
    never closes ends where the next one opens; pairs that stand alone are the remains of a record whose beginning was lost, and are refused
    together, once.
    """

    _OPENERS = (b"(Data", b"(Diagnostics")
    _DEEPEST = 16

    def __init__(self, max_bytes: int) -> None:
        super().__init__(max_bytes)
        self._depth = 0
        self._deepest = 0
        self._scanned = 0
        self._skipping = False
        self._remains = False

    def _reset(self) -> None:
        self._depth = self._scanned = 0

    def _step(self, frames: list[Frame]) -> bool:
        return self._outside(frames) if self._depth == 0 else self._inside(frames)

    def _outside(self, frames: list[Frame]) -> bool:
        found = _OUTSIDE.search(self._buffer)
        if found is None:
            if len(self._buffer) > self._max:
                self._drop(len(self._buffer))
                self._skipping = True
            return False
        at, skipping, self._skipping = found.start(), self._skipping or found.start() > self._max, False
        if found.group() == b"(":
            self._drop(at)
            self._depth = self._deepest = self._scanned = 1
            return True
        self._remains = False
        line = bytes(self._buffer[:at]).strip()
        del self._buffer[: at + 1]
        if b"\t" in line and not skipping and not NOT_TEXT.search(line):
            frames.append(Frame(line))
        else:
            self.discarded += len(line)
        return True

    def _inside(self, frames: list[Frame]) -> bool:
        found = _PARENTHESIS.search(self._buffer, self._scanned, self._max)
        if found is None:
            self._scanned = min(len(self._buffer), self._max)
            return len(self._buffer) > self._max and self._broken(frames, self._max, "too long")
        at = found.start()
        if found.group() == b"(":
            opener = self._opener(at)
            if opener is None:
                return False
            if opener:
                return self._broken(frames, at, "cut off")
            self._depth += 1
            self._deepest = max(self._deepest, self._depth)
            self._scanned = at + 1
            return self._depth <= self._DEEPEST or self._broken(frames, at + 1, "not well-formed")
        self._depth -= 1
        self._scanned = at + 1
        if self._depth == 0:
            self._close(frames, at + 1)
        return True

    def _close(self, frames: list[Frame], end: int) -> None:
        body = bytes(self._buffer[:end])
        del self._buffer[:end]
        self._reset()
        again, self._remains = self._remains, self._deepest < 2
        fault = "cut off" if self._remains else "noise" if _NOT_PRINTED.search(body.translate(None, b"\t\r\n")) else ""
        self.discarded += len(body) if fault else 0
        if not (again and self._remains):
            frames.append(Frame(b"" if fault else body, fault))

    def _opener(self, at: int) -> bool | None:
        """Whether a new record opens here; None when too few bytes are there to tell."""
        text = bytes(self._buffer[at : at + 13])
        for opener in self._OPENERS:
            if text.startswith(opener) and len(text) > len(opener):
                return text[len(opener) : len(opener) + 1] in {b" ", b"(", b"\t"}
            if len(text) <= len(opener) and opener.startswith(text):
                return None
        return False

    def _broken(self, frames: list[Frame], count: int, fault: str) -> bool:
        self._reset()
        self._remains = False
        return self._refuse(frames, count, fault)

    def finish(self) -> list[Frame]:
        frames = super().finish() if self._depth else self.feed(b"\n")
        self._remains = self._skipping = False
        return frames
