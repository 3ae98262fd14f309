"""libmodbus, a Modbus master and slave that nobody here wrote, through its C interface; and a cable between two serial ports.

Calls release the interpreter, so that a simulator in the same process can answer: call them in a thread.
"""

from __future__ import annotations

import asyncio
import ctypes
import ctypes.util
import os
import threading
import tty
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

ILLEGAL_ADDRESS = 112_345_680
"""EMBXILADD: exception 2 as an error number of libmodbus."""
_MAX_ADU = 260


class _Mapping(ctypes.Structure):
    _fields_ = (
        *((f"{what}_{kind}", ctypes.c_int) for kind in ("bits", "input_bits", "input_registers", "registers") for what in ("nb", "start")),
        ("tab_bits", ctypes.POINTER(ctypes.c_uint8)),
        ("tab_input_bits", ctypes.POINTER(ctypes.c_uint8)),
        ("tab_input_registers", ctypes.POINTER(ctypes.c_uint16)),
        ("tab_registers", ctypes.POINTER(ctypes.c_uint16)),
    )


def _library() -> Any:
    library = ctypes.CDLL(ctypes.util.find_library("modbus") or "", use_errno=True)
    context = ctypes.c_void_p
    library.modbus_new_rtu.restype = library.modbus_new_tcp.restype = context
    library.modbus_new_rtu.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.c_char, ctypes.c_int, ctypes.c_int]
    library.modbus_new_tcp.argtypes = [ctypes.c_char_p, ctypes.c_int]
    library.modbus_mapping_new.restype = ctypes.POINTER(_Mapping)
    return library


class ModbusError(Exception):
    """What libmodbus says went wrong; ``number`` is its error number."""

    def __init__(self, number: int) -> None:
        super().__init__(f"libmodbus error {number}: {os.strerror(number) if number < 1000 else 'Modbus exception'}")
        self.number = number


class _Context:
    """One connection of libmodbus. ``where``: a serial port with its speed, or a TCP port on this machine."""

    def __init__(self, where: tuple[str, int] | int) -> None:
        self.library = _library()
        if isinstance(where, int):
            pointer = self.library.modbus_new_tcp(b"127.0.0.1", where)
        else:
            pointer = self.library.modbus_new_rtu(where[0].encode(), where[1], b"N", 8, 1)
        self.pointer = ctypes.c_void_p(pointer)
        self.library.modbus_set_response_timeout(self.pointer, 3, 0)

    def done(self, result: int) -> int:
        """The result of a call; ModbusError when it is -1."""
        if result == -1:
            raise ModbusError(ctypes.get_errno())
        return result

    def unit(self, unit: int) -> None:
        self.done(self.library.modbus_set_slave(self.pointer, unit))


class Master(_Context):
    """Asks. Connects when made; use in a thread."""

    def __init__(self, where: tuple[str, int] | int) -> None:
        super().__init__(where)
        self.done(self.library.modbus_connect(self.pointer))

    def read(self, unit: int, function: int, address: int, count: int) -> list[int]:
        """Registers as words."""
        self.unit(unit)
        words = (ctypes.c_uint16 * count)()
        call = self.library.modbus_read_registers if function == 3 else self.library.modbus_read_input_registers
        assert self.done(call(self.pointer, address, count, words)) == count
        return list(words)

    def read_float(self, unit: int, function: int, address: int, order: str) -> float:
        """Two registers as libmodbus itself makes a float of them; ``order`` abcd, cdab, badc or dcba."""
        words = (ctypes.c_uint16 * 2)(*self.read(unit, function, address, 2))
        make = getattr(self.library, f"modbus_get_float_{order}")
        make.restype = ctypes.c_float
        return float(make(words))

    def write(self, unit: int, address: int, values: Sequence[int]) -> None:
        """Function 16."""
        self.unit(unit)
        self.done(self.library.modbus_write_registers(self.pointer, address, len(values), (ctypes.c_uint16 * len(values))(*values)))

    def raw(self, request: bytes) -> bytes:
        """Any request (unit, function, …) with the library's own framing; the whole answer frame."""
        self.unit(request[0])
        answer = (ctypes.c_uint8 * _MAX_ADU)()
        self.done(self.library.modbus_send_raw_request(self.pointer, (ctypes.c_uint8 * len(request))(*request), len(request)))
        return bytes(answer[: self.done(self.library.modbus_receive_confirmation(self.pointer, answer))])

    def close(self) -> None:
        self.library.modbus_close(self.pointer)
        self.library.modbus_free(self.pointer)


class Slave(_Context):
    """Answers for one unit from ``holding`` (function 3) and ``inputs`` (function 4), in a thread of its own."""

    def __init__(self, where: tuple[str, int] | int, unit: int, *, holding: Sequence[int] = (), inputs: Sequence[int] = ()) -> None:
        super().__init__(where)
        self.unit(unit)
        self.requests = 0
        self._tcp = isinstance(where, int)
        self._map = self.library.modbus_mapping_new(0, 0, len(holding), len(inputs))
        for table, values in ((self._map.contents.tab_registers, holding), (self._map.contents.tab_input_registers, inputs)):
            for i, value in enumerate(values):
                table[i] = value
        self.library.modbus_set_indication_timeout(self.pointer, 0, 100_000)
        # After a request to another unit it takes what comes within this time for that unit's answer.
        self.library.modbus_set_response_timeout(self.pointer, 0, 50_000)
        self._listening = self.done(self.library.modbus_tcp_listen(self.pointer, 1)) if self._tcp else -1
        if not self._tcp:
            self.done(self.library.modbus_connect(self.pointer))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="libmodbus slave")

    def _serve(self) -> None:
        if self._tcp:
            socket = ctypes.c_int(self._listening)
            if self.library.modbus_tcp_accept(self.pointer, ctypes.byref(socket)) == -1:
                return
        request = (ctypes.c_uint8 * _MAX_ADU)()
        while not self._stop.is_set():
            size = self.library.modbus_receive(self.pointer, request)
            if size > 0:
                self.requests += 1
                self.library.modbus_reply(self.pointer, request, size, self._map)

    @contextmanager
    def serving(self) -> Iterator[Slave]:
        self._thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            self._thread.join(10)
            if self._listening >= 0:
                os.close(self._listening)
            self.library.modbus_close(self.pointer)
            self.library.modbus_mapping_free(self._map)
            self.library.modbus_free(self.pointer)


class Cable:
    """Two pseudo-terminals with what goes in at one end coming out at the other. ``ends``: their names."""

    def __init__(self) -> None:
        self._masters, slaves = zip(*(os.openpty() for _ in range(2)), strict=True)
        self._slaves = slaves
        for slave in slaves:
            tty.setraw(slave)
        self.ends = [os.ttyname(slave) for slave in slaves]
        loop = asyncio.get_running_loop()
        for here, there in (self._masters, self._masters[::-1]):
            loop.add_reader(here, self._carry, here, there)

    @staticmethod
    def _carry(here: int, there: int) -> None:
        with suppress(OSError):
            os.write(there, os.read(here, 4096))

    def close(self) -> None:
        for descriptor in self._masters:
            asyncio.get_running_loop().remove_reader(descriptor)
        for descriptor in (*self._masters, *self._slaves):
            os.close(descriptor)
