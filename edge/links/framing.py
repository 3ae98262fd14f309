"""Modbus on the wire: requests as bytes, answers out of bytes; RTU (CRC, no transaction number) and TCP (MBAP header). Pure.

An RTU answer names neither the register nor the request. `find_rtu` therefore takes only a frame of the asked unit and function with
exactly the asked number of bytes and a right CRC, wherever it begins (noise and the echo of the request may stand before it); everything
else is told apart so that it can be counted.
"""

from __future__ import annotations

from typing import NamedTuple

from edge.links.checksums import crc16

MBAP_BYTES = 7
MAX_ADU = 260
EXCEPTIONS = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "device failure",
    5: "acknowledge",
    6: "busy",
    8: "memory parity",
    10: "gateway path",
    11: "gateway target does not answer",
}


class Request(NamedTuple):
    """What is asked: read so many ``words`` (function 3 or 4; 0 is a command of some vendors), or write
    ``values`` (function 16, or 6: one register)."""

    unit: int
    function: int
    address: int
    words: int
    values: bytes = b""

    @property
    def pdu(self) -> bytes:
        head = bytes((self.function,)) + self.address.to_bytes(2, "big")
        if self.function == 6:
            return head + self.values
        head += self.words.to_bytes(2, "big")
        return head + bytes((len(self.values),)) + self.values if self.function == 16 else head

    @property
    def rtu(self) -> bytes:
        """The frame on a serial line."""
        body = bytes((self.unit,)) + self.pdu
        return body + crc16(body).to_bytes(2, "little")

    def tcp(self, transaction: int) -> bytes:
        """The frame on a TCP connection."""
        return transaction.to_bytes(2, "big") + b"\0\0" + (len(self.pdu) + 1).to_bytes(2, "big") + bytes((self.unit,)) + self.pdu

    @property
    def answer_bytes(self) -> int:
        """Length of the regular RTU answer."""
        return 8 if self.function in {6, 16} else 5 + 2 * self.words


class Answer(NamedTuple):
    """``payload``: the data bytes of a regular answer; ``exception``: the device's code, 0 for a regular answer."""

    payload: bytes
    exception: int = 0


def answer_of(request: Request, unit: int, pdu: bytes) -> Answer | str:
    """A frame's content as the answer to ``request``, or the word that says what is wrong with it."""
    if unit != request.unit:
        return "other unit"
    if len(pdu) == 2 and pdu[0] == request.function | 0x80:
        return Answer(b"", pdu[1])
    if not pdu or pdu[0] != request.function:
        return "other function"
    if request.function in {6, 16}:
        return Answer(pdu[1:]) if pdu[1:] == request.pdu[1:5] else "other register"
    if len(pdu) < 2 or pdu[1] != 2 * request.words or len(pdu) != 2 + 2 * request.words:
        return "length"
    return Answer(pdu[2:])


def _length_at(data: bytes, at: int) -> int:
    """Length of the RTU answer that would begin here, judged by its second and third byte."""
    function = data[at + 1]
    if function & 0x80:
        return 5
    return 8 if function in {5, 6, 15, 16} else 5 + data[at + 2]


def find_rtu(request: Request, received: bytes) -> Answer | None:
    """The answer to ``request`` among the received bytes, or None if it is not (whole) there. Where several stand one after the other the
    last is taken: those before it answered an earlier request."""
    answer, at = None, 0
    while at < len(received) - 4:
        if received[at] == request.unit and received[at + 1] & 0x7F == request.function:
            end = at + _length_at(received, at)
            if end <= len(received) and crc16(received[at:end]) == 0:
                found = answer_of(request, received[at], received[at + 1 : end - 2])
                if isinstance(found, Answer):
                    answer, at = found, end
                    continue
        at += 1
    return answer


def classify_rtu(request: Request, received: bytes) -> str:
    """Why the received bytes hold no answer: ``timeout`` (nothing but our own echo), a foreign or wrong frame, or ``checksum``."""
    rest = received.replace(request.rtu, b"", 1)
    if not rest:
        return "timeout"
    for at in range(len(rest) - 4):
        end = at + _length_at(rest, at)
        if end <= len(rest) and crc16(rest[at:end]) == 0:
            found = answer_of(request, rest[at], rest[at + 1 : end - 2])
            if isinstance(found, str):
                return found
    return "checksum"


class MbapFrame(NamedTuple):
    transaction: int
    unit: int
    pdu: bytes


def take_mbap(buffer: bytearray) -> MbapFrame | None:
    """Cut the first whole frame off the buffer; ValueError when what stands there cannot be Modbus TCP."""
    if len(buffer) < MBAP_BYTES:
        return None
    length = int.from_bytes(buffer[4:6], "big")
    if buffer[2:4] != b"\0\0" or not 2 <= length <= MAX_ADU - 6:
        raise ValueError("not Modbus TCP")
    if len(buffer) < 6 + length:
        return None
    frame = MbapFrame(int.from_bytes(buffer[0:2], "big"), buffer[6], bytes(buffer[7 : 6 + length]))
    del buffer[: 6 + length]
    return frame
