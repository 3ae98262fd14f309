"""Other ends of links for tests: a pseudo-terminal, and devices on an RS-485 line written from the Modbus specification, not from our client."""

from __future__ import annotations

import asyncio
import os
import tty
from collections.abc import Awaitable, Callable
from pathlib import Path

from edge.links.bytelink import Inbox

Device = Callable[[bytes], Awaitable[bytes]]


async def until(condition: Callable[[], object]) -> None:
    """Wait for what the other end brings about."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


class Pty:
    """A pseudo-terminal whose name (a symbolic link, as udev makes it) survives its loss. Closing it is pulling the plug."""

    def __init__(self, link: Path) -> None:
        self.link = link
        self.master, slave = os.openpty()
        tty.setraw(slave)
        self.name = os.ttyname(slave)
        os.set_blocking(self.master, False)
        link.unlink(missing_ok=True)
        link.symlink_to(self.name)
        self._slave = slave  # kept open, so that the master does not see a hang-up before the station opens the port
        self.heard = Inbox()
        asyncio.get_running_loop().add_reader(self.master, self._read)

    def _read(self) -> None:
        try:
            self.heard.put(os.read(self.master, 4096))
        except BlockingIOError:
            return

    def send(self, data: bytes) -> None:
        os.write(self.master, data)

    def unplug(self) -> None:
        asyncio.get_running_loop().remove_reader(self.master)
        os.close(self.master)
        os.close(self._slave)
        self.link.unlink(missing_ok=True)


def modbus_crc(data: bytes) -> bytes:
    """CRC by the bitwise text of the Modbus over serial line specification, 6.2.2 (no table)."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return bytes((crc & 0xFF, crc >> 8))


def sealed(body: bytes) -> bytes:
    return body + modbus_crc(body)


def registers(unit: int, values: list[int], function: int = 3) -> bytes:
    """A regular answer."""
    data = b"".join(value.to_bytes(2, "big") for value in values)
    return sealed(bytes((unit, function, len(data))) + data)


class Rs485:
    """A line with devices. ``answers[unit](request)`` returns the bytes to send, after whatever it awaited; units not there stay silent."""

    def __init__(self, pty: Pty) -> None:
        self.pty = pty
        self.answers: dict[int, Device] = {}
        self.requests: list[bytes] = []
        self._task = asyncio.create_task(self._serve())
        self._answering: set[asyncio.Task[None]] = set()

    async def _serve(self) -> None:
        line = b""
        while (chunk := await self.pty.heard.get()) is not None:
            line += chunk[0]
            while len(line) >= 8 and len(line) >= (size := 9 + line[6] if line[1] == 16 else 8):
                request, line = line[:size], line[size:]
                assert sealed(request[:-2]) == request
                self.requests.append(request)
                if request[0] in self.answers:
                    task = asyncio.create_task(self._answer(self.answers[request[0]], request))
                    self._answering.add(task)
                    task.add_done_callback(self._answering.discard)

    async def _answer(self, device: Device, request: bytes) -> None:
        if answer := await device(request):
            self.pty.send(answer)

    async def stop(self) -> None:
        self._task.cancel()
        for task in self._answering:
            task.cancel()
        await asyncio.gather(self._task, *self._answering, return_exceptions=True)


def holding(unit: int, memory: Callable[[int], int]) -> Device:
    """A well-behaved device: register ``n`` holds ``memory(n)``."""

    async def device(request: bytes) -> bytes:
        start, count = int.from_bytes(request[2:4], "big"), int.from_bytes(request[4:6], "big")
        return registers(unit, [memory(start + i) & 0xFFFF for i in range(count)], request[1])

    return device
