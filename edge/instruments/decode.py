"""Recorded bytes to readings, without an instrument: what ``haitan-edge decode`` prints.

A line holds one record: text with Python's escapes for control bytes, plain hex, or ``REQ=<hex> RSP=<hex>`` (``RSP=-`` is silence) for
Modbus. Raw input is the bytes as they were on the line; on a Modbus line requests and answers in turn. Each record gives one result; a
line with two records gives two with the same number, a line with none is rejected with a reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain, pairwise
from typing import Any

from edge.errors import InstrumentError
from edge.instruments import Driver, make_driver
from edge.instruments.modbus import ModbusDriver
from edge.instruments.reading import Reading
from edge.instruments.stream import StreamDriver
from edge.links.checksums import crc16
from edge.links.framing import EXCEPTIONS, Answer, Request, answer_of, classify_rtu, find_rtu
from firmware_config.cards import Card
from firmware_config.cards.modbus import Read
from firmware_config.station import Instrument

WRITE, WRITE_ONE = 16, 6
"""functions that write registers"""
MAX_LINE_BYTES = 65_536
MAX_TAPPED_BYTES = 50_000_000
_ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{2}|[rntabfv0\\'\"])")
_PLAIN = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v", b"0": b"\0"}
_HEX = re.compile(rb"(?:[0-9a-fA-F]{2}){4,}")
_PAIR = re.compile(rb"\s*REQ=([0-9a-fA-F]*)\s+RSP=([0-9a-fA-F]*|-)\s*")


def bench_driver(card: Card, options: dict[str, float | str | bool]) -> Driver:
    """A driver of this card outside any station. Coefficients are taken from the options by their names (all or none), else they are those
    the card gives for the bench."""
    own = {name: value for name, value in options.items() if name not in _coefficient_names(card, options)}
    instrument = Instrument.model_validate(
        {
            "id": "bench",
            "model": card.model,
            "place": "bench",
            "serial_number": "",
            "link": "bench",
            "every": "1s",
            "mounting": {"height_m": 0},
            "calibration": [{"date": "2000-01-01", "coefficients": _coefficients(card, options)}],
            "options": own,
        }
    )
    driver = make_driver(instrument, card)
    if isinstance(driver, StreamDriver):
        driver.show_ignored = True
    return driver


def takes_bench_coefficients(card: Card, options: dict[str, float | str | bool]) -> bool:
    """Whether a bench driver would take the card's own coefficients, which are nobody's."""
    return card.calibration is not None and not _coefficient_names(card, options)


def _coefficient_names(card: Card, options: dict[str, float | str | bool]) -> set[str]:
    needed = {name.lower() for name in card.calibration.needed} if card.calibration is not None else set()
    return {name for name in options if name.lower() in needed}


def _coefficients(card: Card, options: dict[str, float | str | bool]) -> dict[str, float | str | bool]:
    if card.calibration is None or takes_bench_coefficients(card, options):
        return dict(card.calibration.bench) if card.calibration is not None else {}
    given = {name: options[name] for name in _coefficient_names(card, options)}
    lacking = [name for name in card.calibration.needed if name.lower() not in {x.lower() for x in given}]
    wrong = [name for name, value in given.items() if isinstance(value, bool | str)]
    if lacking or wrong:
        raise InstrumentError(f"calibration of {card.model}: {', '.join(lacking or wrong)} {'is missing' if lacking else 'is no number'}")
    return given


def unescape(line: bytes) -> bytes:
    """Python's escapes to the bytes they stand for; a backslash that begins none stays.

    >>> unescape(rb"\\x02Q\\r\\n")
    b'\\x02Q\\r\\n'
    """
    return _ESCAPE.sub(lambda found: bytes((int(found[1][1:], 16),)) if found[1][:1] == b"x" else _PLAIN.get(found[1], found[1]), line)


def wire_bytes(line: bytes) -> bytes:
    """The bytes that a recorded line stands for: plain hex, or text with escapes."""
    return bytes.fromhex(line.decode()) if _HEX.fullmatch(line) else unescape(line)


def decode_lines(driver: Driver, lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Results of recorded lines, in order; empty lines are passed over."""
    for number, line in enumerate(lines, 1):
        line = line.rstrip(b"\r\n")
        if not line.strip():
            continue
        if len(line) > MAX_LINE_BYTES:
            yield _result(number, _no(f"a line of {len(line)} bytes; the limit is {MAX_LINE_BYTES}"))
            continue
        readings = _exchange(driver, line) if isinstance(driver, ModbusDriver) else _printed(driver, line)
        for reading in readings:
            yield _result(number, reading)


def decode_raw(driver: Driver, chunks: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Results of a recorded byte stream; ``line_no`` counts its records."""
    readings = _conversation(driver, _whole(chunks)) if isinstance(driver, ModbusDriver) else _stream(driver, chunks)
    for number, reading in enumerate(readings, 1):
        yield _result(number, reading)


def _whole(chunks: Iterable[bytes]) -> bytes:
    data = bytearray()
    for chunk in chunks:
        data += chunk
        if len(data) > MAX_TAPPED_BYTES:
            raise InstrumentError(f"a tapped Modbus line of more than {MAX_TAPPED_BYTES} bytes; decode it in parts")
    return bytes(data)


def _result(number: int, reading: Reading) -> dict[str, Any]:
    return {"line_no": number, "valid": reading.valid, "values": reading.values, "reason": reading.reason}


def _no(reason: str, values: dict[str, Any] | None = None) -> Reading:
    return Reading(0.0, values or {}, False, reason)


def _printed(driver: StreamDriver, line: bytes) -> list[Reading]:
    """The records of a line. Beside a record, remains of another on the same line are noise; alone they are what the line holds. The end of
    the line is the end of a record that is a line itself."""
    data, text = wire_bytes(line), driver.card.text
    of_lines = text is not None and (text.frame or "line").startswith("line")
    found = driver.feed(data + b"\n" if of_lines and not data.endswith((b"\r", b"\n")) else data, 0.0) + driver.finish(0.0)
    return [reading for reading in found if reading.values] or found[:1] or [_no(_nothing_in(driver.card))]


def _nothing_in(card: Card) -> str:
    """Why bytes may hold no record at all: what the card's frame looks for is not there."""
    frame = card.stream.frame if card.stream is not None else None
    return "no record of this instrument in these bytes" + (f"; its card says that a record has the frame {frame!r}" if frame else "")


def _stream(driver: StreamDriver, chunks: Iterable[bytes]) -> Iterator[Reading]:
    for chunk in chunks:
        yield from driver.feed(chunk, 0.0)
    yield from driver.finish(0.0)


def _exchange(driver: ModbusDriver, line: bytes) -> list[Reading]:
    found = _PAIR.fullmatch(line)
    if found is None or len(found[1]) % 2 or (len(found[2]) % 2 and found[2] != b"-"):
        return [_no("a Modbus line reads REQ=<hex> RSP=<hex>, with RSP=- for no answer")]
    request = _request(bytes.fromhex(found[1].decode()))
    if isinstance(request, str):
        return [_no(request)]
    if found[2] == b"-":
        return [_no("no answer")]
    frame = bytes.fromhex(found[2].decode())
    if len(frame) < 5 or crc16(frame) != 0:
        return [_no("checksum" if len(frame) >= 5 else "cut off")]
    return [_judged(driver, request, answer_of(request, frame[0], frame[1:-2]))]


def _request(frame: bytes) -> Request | str:
    if len(frame) != _request_bytes(frame) or crc16(frame) != 0:
        return "the request is not a whole frame with a right checksum"
    if frame[1] == WRITE:
        return Request(frame[0], WRITE, int.from_bytes(frame[2:4], "big"), int.from_bytes(frame[4:6], "big"), frame[7:-2])
    if frame[1] == WRITE_ONE:
        return Request(frame[0], WRITE_ONE, int.from_bytes(frame[2:4], "big"), 1, frame[4:6])
    if frame[1] not in {3, 4}:
        return f"function {frame[1]} reads nothing"
    return Request(frame[0], frame[1], int.from_bytes(frame[2:4], "big"), int.from_bytes(frame[4:6], "big"))


def _request_bytes(frame: bytes) -> int:
    """Length of the request that begins here, if one does: 0 when it is none that a card describes."""
    if len(frame) < 8 or frame[1] not in {3, 4, WRITE, WRITE_ONE}:
        return 0
    if frame[1] != WRITE:
        return 8
    return 9 + frame[6] if frame[6] == 2 * int.from_bytes(frame[4:6], "big") > 0 else 0


def _judged(driver: ModbusDriver, request: Request, answer: Answer | str) -> Reading:
    assert driver.card.modbus is not None
    if isinstance(answer, str):
        return _no(f"not the answer to this request: {answer}")
    if answer.exception:
        return _no(f"exception {answer.exception} ({EXCEPTIONS.get(answer.exception, 'unknown')})", {"exception": answer.exception})
    if request.function in {WRITE, WRITE_ONE}:
        return driver.decode_write(request.address, request.values)
    for command in driver.card.modbus.commands.values():
        if (command.function, command.address, command.count) == (request.function, request.address, request.words):
            return Reading(0.0, dict(command.gives), True)
    if request.words == 0:
        return _no(f"no command of the card reads 0 registers at 0x{request.address:04X}")
    # A recorded request may be larger than any the schema lets a card make; the map does not mind.
    return driver.decode(Read.model_construct(function=request.function, address=request.address, count=request.words), answer.payload)


def _requests(data: bytes) -> Iterator[tuple[int, int]]:
    """Where requests begin and end, one at a time: a tapped line is long, and a list of its bytes many times that."""
    for at in range(len(data) - 7):
        end = at + _request_bytes(data[at : at + 8])
        if end > at and crc16(data[at:end]) == 0:
            yield at, end


def _conversation(driver: ModbusDriver, data: bytes) -> Iterator[Reading]:
    """Requests found by their checksum (an answer to a read never has eight bytes), each with what follows it."""
    for (start, end), (following, _) in pairwise(chain(_requests(data), [(len(data), 0)])):
        request = _request(data[start:end])
        if isinstance(request, str):
            continue
        received = data[end:following]
        answer = find_rtu(request, received)
        yield _no("no answer" if not received else classify_rtu(request, received)) if answer is None else _judged(driver, request, answer)
