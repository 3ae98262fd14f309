"""Bytes gone wrong, a million for each instrument that prints: no exception, no slow spot, no record that passes for good and is not.

The stream is made of whole records of the instrument's cases, records with bytes flipped, cut, spliced or doubled, and noise rich in the
characters that mean something; it comes in portions of any size. The whole driver is fed: framer, decoder, judge. A false good is a frame
handed on as whole that does not stand in the stream, after the last one, with a right checksum behind it; checksums are reckoned here by
the bench's own functions. What a checksum cannot tell (one byte lets one of 256 wrong records pass, a sum does not see two bytes change
places) is told beside.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.instruments import Reading, StreamDriver
from edge.instruments.decode import bench_driver, unescape
from edge.links.framing import Request, classify_rtu, find_rtu
from firmware_config.cards import all_cards
from firmware_config.cards.schema import Card
from simulators.instruments import checksums
from tests.bench.row import Row

CASES = Path(__file__).parents[1] / "edge" / "instruments" / "cases"
MILLION = 1_000_000
SLOW_US_PER_BYTE = 50.0
"""the slowest stretch of 4 kB: at 115200 Bd a byte comes every 87 µs"""
STRETCH_BYTES = 4096
XON_XOFF = b"\x11\x13"
SYNTAX = b"\x02\x03$*()<>,:;=\t\r\n #\"'0123456789.+-ENAVa\xb4\x55\xaa\x75\x65\xcb\xfa\x00\xff"


@dataclass
class Found:
    """What a stream brought out."""

    bytes: int = 0
    seconds: float = 0.0
    slowest_us: float = 0.0
    good: int = 0
    refused: int = 0
    checksum: int = 0
    passed: int = 0
    """wrong records that a weak checksum (or none) let pass, as far as they read as records"""
    false_good: int = 0
    crashes: int = 0
    buffered: int = 0

    @property
    def us_per_byte(self) -> float:
        return self.seconds / self.bytes * 1e6


def clean_records(card: Card) -> list[bytes]:
    """Records of the instrument's cases that give a valid reading, each as on the wire."""
    driver = bench_driver(card, {})
    assert isinstance(driver, StreamDriver)
    lines = [line for path in sorted(CASES.glob(f"{card.model}/*/input.txt")) for line in path.read_bytes().splitlines()]
    wires = [bytes.fromhex(line.decode()) if _is_hex(line) else unescape(line) for line in lines]
    return [wire for wire in wires if any(reading.valid for reading in driver.feed(wire, 0.0) + driver.finish(0.0))]


def _is_hex(line: bytes) -> bool:
    return len(line) % 2 == 0 and all(byte in b"0123456789abcdefABCDEF" for byte in line)


def pieces(records: list[bytes], chance: random.Random) -> Iterator[bytes]:
    """Segments of the stream, for ever."""
    while True:
        record = bytearray(chance.choice(records))
        kind = chance.randrange(8)
        if kind == 0:
            yield chance.randbytes(chance.randrange(1, 200))
        elif kind == 1:
            yield bytes(chance.choices(SYNTAX, k=chance.randrange(1, 80)))
        elif kind == 2:
            for _ in range(chance.choice((1, 1, 2, 5))):
                record[chance.randrange(len(record))] ^= 1 << chance.randrange(8)
            yield bytes(record)
        elif kind == 3:
            yield bytes(record[: chance.randrange(len(record))])
        elif kind == 4:
            yield bytes(record[chance.randrange(len(record)) :])
        elif kind == 5:
            other, at = chance.choice(records), chance.randrange(len(record))
            yield bytes(record[:at]) + other[chance.randrange(len(other)) :]
        else:
            yield bytes(record)


def stream_of(records: list[bytes], size: int, seed: int) -> bytes:
    """So many bytes, always the same for a seed."""
    out = bytearray()
    for piece in pieces(records, random.Random(seed)):
        out += piece
        if len(out) >= size:
            return bytes(out[:size])
    raise AssertionError("unreachable")


def _told(reading: Reading) -> str:
    return repr(sorted((name, repr(value)) for name, value in reading.values.items()))


def _watched(card: Card, bodies: list[bytes]) -> tuple[Any, list[bytes]]:
    """A driver, and the list to which every frame goes that its framer hands on as whole."""
    driver = bench_driver(card, {})
    assert isinstance(driver, StreamDriver)
    inner = driver._decoder

    class Watch:
        def decode(self, body: bytes) -> Any:
            bodies.append(body)
            return inner.decode(body)

    driver._decoder = Watch()
    return driver, bodies


def fuzz(card: Card, size: int, seed: int = 1) -> Found:
    """Feed one driver. A stretch that raises counts as a crash and the next begins with a new driver."""
    records = clean_records(card)
    driver: Any = bench_driver(card, {})
    known = {_told(reading) for wire in records for reading in driver.feed(wire, 0.0) + driver.finish(0.0) if reading.valid}
    known |= {_told(reading) for reading in driver.feed(b"".join(records), 0.0) + driver.finish(0.0) if reading.valid}
    stream, chance = stream_of(records, size, seed), random.Random(seed + 1)
    found = Found(bytes=size)
    driver, watched = _watched(card, [])
    for start in range(0, size, STRETCH_BYTES):
        stretch = stream[start : start + STRETCH_BYTES]
        readings: list[Reading] = []
        begun, at = time.process_time(), 0
        try:
            while at < len(stretch):
                portion = chance.choice((1, 7, 64, 64, 512, 4096))
                readings += driver.feed(stretch[at : at + portion], 0.0)
                at += portion
        except Exception:
            found.crashes += 1
            driver, watched = _watched(card, watched)
        spent = time.process_time() - begun
        found.seconds += spent
        found.slowest_us = max(found.slowest_us, spent / len(stretch) * 1e6)
        found.buffered = max(found.buffered, len(driver._framer._buffer))
        found.good += sum(reading.valid for reading in readings)
        found.refused += sum(not reading.valid for reading in readings)
        found.checksum += sum(reading.reason == "checksum" for reading in readings)
        found.passed += sum(reading.valid and _told(reading) not in known for reading in readings)
    found.false_good = false_goods(card, stream, watched)
    return found


def false_goods(card: Card, stream: bytes, bodies: list[bytes]) -> int:
    """How many frames are not in the stream, in order, whole and with a right checksum."""
    stream = stream.translate(None, XON_XOFF) if card.text is not None else stream
    at = wrong = 0
    for body in bodies:
        place = _standing(card, stream, body, at)
        if place < 0:
            wrong += 1
        else:
            at = place
    return wrong


def _standing(card: Card, stream: bytes, body: bytes, at: int) -> int:
    """Where the next such record with a right checksum ends; -1 when there is none."""
    while (place := stream.find(body, at)) >= 0:
        end = place + len(body)
        behind = checked(card, stream[max(0, place - 2) : place], body, stream[end : end + 16])
        if behind is not None:
            return end + behind
        at = place + 1
    return -1


def line_sum(card: Card, body: bytes, after: bytes) -> int | None:
    """As `checked`, of a line whose sum the card describes."""
    form = card.text.sum
    start, mark = form.start.encode(), form.mark.encode()
    summed = (start if form.start_counts else b"") + body + (mark if form.mark_counts else b"")
    value = {
        "xor": checksums.xor(summed),
        "sum": sum(summed) % 256,
        "sum_negative": (256 - sum(summed) % 256) % 256,
        "crc16_modbus": int.from_bytes(checksums.modbus_crc(summed), "little"),
        "crc16_xmodem": checksums.crc_ccitt(summed),
    }[form.kind]
    printed = b"%d" % value if form.base == 10 else b"%0*X" % (4 if form.kind.startswith("crc16") else 2, value)
    behind = mark + printed
    return len(behind) if after.upper().startswith(behind.upper()) else None


def checked(card: Card, before: bytes, body: bytes, after: bytes) -> int | None:
    """Bytes of the checksum behind the body; None when it is wrong or something else stands there."""
    frame = card.binary.frame if card.binary is not None else card.text.frame if card.text is not None else ""
    if card.protocol not in {"delimited", "binary"}:
        return 0
    if frame in {"stx_etx_xor", "nmea_xor"}:
        start, end = (b"\x02", b"\x03") if frame == "stx_etx_xor" else (b"$", b"*")
        return 3 if before[-1:] == start and after[:1] == end and after[1:3].upper() == b"%02X" % checksums.xor(body) else None
    if frame == "line_sum":
        return line_sum(card, body, after)
    if frame == "line_signature":
        return 5 if after[:1] == b"," and after[1:5].upper() == b"%04X" % checksums.campbell_signature(body) else None
    if frame == "vedirect":
        whole = b"\r\n" + body + after[: len(b"\r\nChecksum\t") + 1]
        return len(whole) - len(body) - 2 if before == b"\r\n" and sum(whole) % 256 == 0 else None
    if frame == "mip":
        return 0 if checksums.fletcher16(body[:-2]) == body[-2:] else None
    if frame == "gill":
        return 0 if checksums.xor(body) == 0 else None
    if frame == "microstrain_legacy":
        return 0 if sum(body[:-2]) % 65_536 == int.from_bytes(body[-2:], "big") else None
    if frame == "vectornav" and body[:1] == b"\xfa":
        return 0 if checksums.crc_ccitt(body[1:]) == 0 else None
    if frame == "vectornav":
        return 0 if body[:1] == b"$" and b"%02X" % checksums.xor(body[1:-3]) == body[-2:].upper() else None
    if frame == "csat3":
        return 2 if after[:2] == b"\x55\xaa" else None
    return 0


def fuzz_modbus(size: int, seed: int = 1) -> Found:
    """The answers of a Modbus line gone wrong: what waits for one answer sees noise, cut, spliced, foreign and flipped frames. A false good
    is an answer whose frame, of the asked unit, function and length with a right CRC, is not in what was received."""
    chance, found = random.Random(seed), Found(bytes=size)
    while size > 0:
        request = Request(chance.randrange(1, 4), chance.choice((3, 4)), chance.randrange(65_536), chance.randrange(1, 30))
        frames = []
        for _ in range(3):
            body = bytes((chance.randrange(1, 4), chance.choice((3, 4)), 2 * chance.choice((request.words, 5)))) + chance.randbytes(60)
            body = body[: 3 + body[2]]
            frames.append(body + checksums.modbus_crc(body))
        received = b"".join(piece for piece, _ in zip(pieces(frames, chance), range(chance.randrange(1, 20)), strict=False))
        begun = time.process_time()
        try:
            answer = find_rtu(request, received)
            if answer is None:
                classify_rtu(request, received)
        except Exception:
            found.crashes += 1
            answer = None
        spent = time.process_time() - begun
        size -= len(received)
        found.seconds += spent
        found.slowest_us = max(found.slowest_us, spent / max(len(received), 256) * 1e6)
        found.refused += answer is None
        if answer is not None:
            found.good += 1
            head = bytes((request.unit, request.function, len(answer.payload)))
            body = bytes((request.unit, request.function | 0x80, answer.exception)) if answer.exception else head + answer.payload
            right = bool(answer.exception) or len(answer.payload) == 2 * request.words
            found.false_good += not right or body + checksums.modbus_crc(body) not in received
    return found


def rows() -> list[Row]:
    """One row an instrument that prints: its slowest stretch; a crash or a false good makes it endless."""
    out = []
    for card in all_cards().values():
        if card.modbus is not None:
            continue
        out.append(_row(card.model, fuzz(card, MILLION)))
    return [*out, _row("answers on a Modbus line", fuzz_modbus(MILLION))]


def _row(name: str, found: Found) -> Row:
    how = (
        f"{found.good} good, {found.refused} refused; {found.crashes} crashes, {found.false_good} false goods, {found.passed} that no"
        f" checksum can tell; at most {found.buffered} bytes kept; {found.us_per_byte:.2f} µs/byte in the mean"
    )
    measured = float("inf") if found.crashes or found.false_good else found.slowest_us
    return Row(f"a million wrong bytes: {name}", measured, "µs/byte, slowest 4 kB", how, target=SLOW_US_PER_BYTE)
