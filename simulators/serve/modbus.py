"""Modbus servers of the bench: several units on one RS-485 line (RTU), and the same units over TCP.

An RTU line is silent for a unit it does not have and for a request with a wrong CRC; every other answer comes after the time its
bytes take on the line. Faults make answers late, short, wrong, doubled or preceded by noise. Over TCP a unit that is not there is
answered as a gateway does (exception 11).
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from simulators.faults.effects import Columns, Effects
from simulators.faults.timeline import ActiveFault
from simulators.instruments.base import Unit
from simulators.instruments.checksums import modbus_crc, spoiled
from simulators.serve.ports import Handler, Reply

MAX_REGISTERS = 125
MAX_WRITE = 123
MAX_BUFFER = 512
TURNAROUND_S = 0.012
"""World seconds a device takes before it answers."""
READ_SIZES = {3: 8, 4: 8, 1: 8, 2: 8, 5: 8, 6: 8}


@dataclass
class Bus:
    """The units of one line and what is asked of them: who answers, with which values, under which faults."""

    units: Mapping[int, Unit]
    effects: Mapping[str, Effects]
    look: Callable[[Unit], Columns]
    """one row of present values, value faults included"""
    faults: Callable[[Unit], Sequence[ActiveFault]]
    """faults of the unit that are on now"""
    now_ms: Callable[[], float]
    speed: Callable[[], float]
    baud: int | None = None
    requests: int = 0
    answered: int = 0

    def respond(self, unit: Unit, pdu: bytes) -> bytes:
        """The answer's PDU to a request's."""
        function = pdu[0]
        codes = [fault for fault in self.faults(unit) if fault.name == "exception"]
        if codes:
            return bytes((function | 0x80, int(codes[0].magnitude)))
        result = self._result(unit, pdu)
        return bytes((function | 0x80, result)) if isinstance(result, int) else result

    def _result(self, unit: Unit, pdu: bytes) -> bytes | int:
        function = pdu[0]
        if function in (3, 4) and len(pdu) == 5:
            address, count = struct.unpack(">HH", pdu[1:])
            if count > MAX_REGISTERS:
                return 3
            words = unit.read(function, address, count, lambda: self.look(unit))
            if isinstance(words, int):
                return words
            for fault in self.faults(unit):
                if fault.name == "short_answer":
                    words = words[: max(0, len(words) - max(1, int(fault.magnitude)))]
            return bytes((function, 2 * len(words))) + struct.pack(f">{len(words)}H", *words)
        if function == 6 and len(pdu) == 5:
            address, value = struct.unpack(">HH", pdu[1:])
            return unit.write(address, [value]) or pdu
        if function == 16 and len(pdu) >= 6 and len(pdu) == 6 + pdu[5] and pdu[5] == 2 * struct.unpack(">H", pdu[3:5])[0]:
            address, count = struct.unpack(">HH", pdu[1:5])
            if not 0 < count <= MAX_WRITE:
                return 3
            return unit.write(address, struct.unpack(f">{count}H", pdu[6:])) or pdu[:5]
        return 3 if function in (3, 4, 6, 16) else 1

    def answers(self, unit: Unit, request: bytes, answer: bytes, spoil: Callable[[bytes], bytes]) -> list[tuple[float, bytes]]:
        """What goes on the line, with real seconds to wait for each piece."""
        now = self.now_ms()
        faults = self.faults(unit)
        effects = self.effects[unit.id]
        wait = TURNAROUND_S + (10.0 * (len(request) + len(answer)) / self.baud if self.baud else 0.0)
        delay = wait / max(self.speed(), 0.1)
        pieces: list[tuple[float, bytes]] = []
        for fault in faults:
            if fault.name == "late_answer":
                delay += fault.magnitude
            elif fault.name == "echo":
                pieces.append((0.0, request))
        answer = effects.on_record(answer, now, faults, spoil)
        if not answer:
            return []
        self.answered += 1
        for pause_ms, piece in effects.pieces(answer, now, faults):
            pieces.append((delay + pause_ms / 1e3, piece))
        return pieces


def _send(pieces: Sequence[tuple[float, bytes]], reply: Reply) -> None:
    loop = asyncio.get_running_loop()
    for delay, data in pieces:
        if delay > 0:
            loop.call_later(delay, reply, data)
        else:
            reply(data)


def _spoil_crc(frame: bytes) -> bytes:
    return spoiled(frame, len(frame) - 2, len(frame))


def rtu_handler(bus: Bus) -> Handler:
    """A handler that cuts RTU requests out of a stream of bytes and answers them."""
    buffer = bytearray()

    def handle(data: bytes, reply: Reply) -> None:
        buffer.extend(data)
        while request := _next_request(buffer):
            unit = bus.units.get(request[0])
            bus.requests += 1
            if unit is None:
                continue
            pdu = bus.respond(unit, request[1:-2])
            moved = sum(int(fault.magnitude) for fault in bus.faults(unit) if fault.name == "other_unit")
            frame = bytes(((request[0] + moved) & 0xFF,)) + pdu
            _send(bus.answers(unit, request, frame + modbus_crc(frame), _spoil_crc), reply)
        del buffer[:-MAX_BUFFER]

    return handle


def _next_request(buffer: bytearray) -> bytes | None:
    """The first whole request in the buffer (removed, with the noise before it), or None when there is none yet."""
    for start in range(len(buffer) - 3):
        function = buffer[start + 1]
        size = READ_SIZES.get(function, 0)
        if function in (15, 16) and len(buffer) > start + 6:
            size = 9 + buffer[start + 6]
        frame = bytes(buffer[start : start + size])
        if size and len(frame) == size and modbus_crc(frame[:-2]) == frame[-2:]:
            del buffer[: start + size]
            return frame
    return None


def tcp_handler(bus: Bus) -> Handler:
    """A handler for one Modbus TCP connection (MBAP header: transaction, protocol 0, length, unit)."""
    buffer = bytearray()

    def handle(data: bytes, reply: Reply) -> None:
        buffer.extend(data)
        while len(buffer) >= 8:
            transaction, protocol, length, address = struct.unpack(">HHHB", buffer[:7])
            if protocol != 0 or not 2 <= length <= 254:
                buffer.clear()
                return
            if len(buffer) < 6 + length:
                return
            pdu = bytes(buffer[7 : 6 + length])
            del buffer[: 6 + length]
            bus.requests += 1
            unit = bus.units.get(address)
            answer = bus.respond(unit, pdu) if unit is not None else bytes((pdu[0] | 0x80, 11))
            frame = struct.pack(">HHHB", transaction, 0, len(answer) + 1, address) + answer
            _send(bus.answers(unit, b"", frame, lambda whole: whole) if unit is not None else [(0.0, frame)], reply)

    return handle
