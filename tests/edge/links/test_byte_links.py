"""One contract for every byte link, on a real pseudo-terminal and on a real TCP connection: it brings bytes, notices loss, and comes back."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import pytest
import pytest_asyncio

from edge.errors import LinkDown, LinkError
from edge.links import ByteLink, LinkChange, open_link, ports_from
from edge.links import bytelink as bytelink_module
from edge.links import serial_port as serial_module
from edge.links.bytelink import Inbox
from edge.links.serial_port import open_port
from firmware_config.station import SerialLink, TcpLink
from tests.edge.links.peers import Pty, until

SERIAL = SerialLink(id="line", kind="serial", port="/dev/null", baud=115_200)
TCP = TcpLink(id="line", kind="tcp", host="127.0.0.1", port=1)


class Far(Protocol):
    """The other end of a link on the bench."""

    async def up(self) -> None: ...
    async def down(self) -> None: ...
    async def send(self, data: bytes) -> None: ...
    async def heard(self) -> bytes: ...


class FarPty:
    def __init__(self, ports: Path) -> None:
        self._path = ports / "line"

    async def up(self) -> None:
        self._pty = Pty(self._path)

    async def down(self) -> None:
        self._pty.unplug()

    async def send(self, data: bytes) -> None:
        self._pty.send(data)

    async def heard(self) -> bytes:
        chunk = await self._pty.heard.get()
        assert chunk is not None
        return chunk[0]


class FarTcp:
    def __init__(self, ports: Path) -> None:
        self._path = ports / "line.tcp"

    async def up(self) -> None:
        self._inbox = Inbox()
        self._writers: list[asyncio.StreamWriter] = []
        self._connected = asyncio.Event()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        self._path.write_text(f"{host}:{port}\n")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        self._connected.set()
        with suppress(ConnectionError):
            while data := await reader.read(4096):
                self._inbox.put(data)

    async def down(self) -> None:
        self._path.unlink()
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    async def send(self, data: bytes) -> None:
        await self._connected.wait()
        self._writers[-1].write(data)

    async def heard(self) -> bytes:
        chunk = await self._inbox.get()
        assert chunk is not None
        return chunk[0]


@pytest_asyncio.fixture(params=["serial", "tcp"])
async def far(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Far]:
    far = FarPty(tmp_path) if request.param == "serial" else FarTcp(tmp_path)
    await far.up()
    yield far
    with suppress(OSError):
        await far.down()


@pytest.fixture
def changes() -> list[LinkChange]:
    return []


@pytest_asyncio.fixture
async def link(far: Far, tmp_path: Path, changes: list[LinkChange]) -> AsyncIterator[ByteLink]:
    model = SERIAL if isinstance(far, FarPty) else TCP
    link = open_link(model, tmp_path, changes.append)
    yield link
    await link.close()


class Listener:
    """Collects what a link brings."""

    def __init__(self, link: ByteLink) -> None:
        self.data = b""
        self.stamps: list[float] = []
        self.task = asyncio.create_task(self._run(link))

    async def _run(self, link: ByteLink) -> None:
        async for data, arrival_s in link:
            self.data += data
            self.stamps.append(arrival_s)


async def test_bytes_come_through_whole_in_order_and_stamped(far: Far, link: ByteLink) -> None:
    """All 256 byte values: nothing in between (echo, CR/LF translation, flow control) may touch them."""
    listener = Listener(link)
    await until(lambda: link.connected)
    sent = bytes(range(256)) * 4
    for at in range(0, len(sent), 100):
        await far.send(sent[at : at + 100])
    await until(lambda: len(listener.data) == len(sent))
    assert listener.data == sent
    assert listener.stamps == sorted(listener.stamps)


async def test_what_is_written_arrives(far: Far, link: ByteLink) -> None:
    Listener(link)
    await until(lambda: link.connected)
    await link.write(b"(Data ?)\n")
    assert await far.heard() == b"(Data ?)\n"


async def test_unplugged_and_back_without_a_visit(far: Far, link: ByteLink, changes: list[LinkChange]) -> None:
    listener = Listener(link)
    await until(lambda: link.connected)
    await far.send(b"one")
    await until(lambda: listener.data == b"one")
    await far.down()
    await until(lambda: not link.connected)
    with pytest.raises(LinkDown):
        await link.write(b"x")
    await far.up()
    await until(lambda: link.connected)
    await far.send(b"two")
    await until(lambda: listener.data == b"onetwo")
    assert [change.up for change in changes] == [False, True]
    assert changes[0].reason
    assert changes[1].outage_s > 0


async def test_a_link_that_is_not_there_is_told_once_and_waited_for(
    far: Far, link: ByteLink, changes: list[LinkChange], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bytelink_module, "RETRY_S", (0.01,))
    attempts = 0
    opener = link._opener

    async def counted():
        nonlocal attempts
        attempts += 1
        return await opener()

    link._opener = counted
    await far.down()
    listener = Listener(link)
    await until(lambda: attempts > 5)
    assert len(changes) == 1
    assert "yet" in changes[0].reason
    await far.up()
    await until(lambda: link.connected)
    await far.send(b"here")
    await until(lambda: listener.data == b"here")
    assert [change.up for change in changes] == [False, True]


async def test_closing_ends_the_iteration_and_frees_the_port(far: Far, link: ByteLink, tmp_path: Path) -> None:
    listener = Listener(link)
    await until(lambda: link.connected)
    await link.close()
    await asyncio.wait_for(listener.task, 5)
    second = open_link(SERIAL if isinstance(far, FarPty) else TCP, tmp_path)
    again = Listener(second)
    await until(lambda: second.connected)
    await second.close()
    await again.task


async def test_a_channel_that_dies_at_once_is_not_a_return(
    tmp_path: Path, changes: list[LinkChange], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A serial server that is taken by another client accepts and hangs up: one loss, not a flood of returns."""
    monkeypatch.setattr(bytelink_module, "RETRY_S", (0.01,))

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    (tmp_path / "line.tcp").write_text(f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
    link = open_link(TCP, tmp_path, changes.append)
    listener = Listener(link)
    await until(lambda: link.openings >= 10)
    assert [change.up for change in changes] == [False]
    await link.close()
    await listener.task
    server.close()


async def test_a_far_end_that_speaks_and_hangs_up_is_called_again_within_a_second(
    tmp_path: Path, changes: list[LinkChange], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One record a connection, as some servers give it: not a call each 0.2 s, and never the long wait."""
    waits = []
    monkeypatch.setattr(ByteLink, "_pause", lambda self, attempt: _noted(waits, attempt))

    async def speak(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"21.4\r\n")
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    (tmp_path / "line.tcp").write_text(f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
    link = open_link(TCP, tmp_path, changes.append)
    listener = Listener(link)
    await until(lambda: listener.data.count(b"\n") >= 8)
    assert waits[:5] == [1, 2, 2, 2, 2]
    assert bytelink_module.RETRY_S[2] == 1.0
    await link.close()
    await listener.task
    server.close()


async def _noted(waits: list[int], attempt: int) -> None:
    waits.append(attempt)


async def test_a_serial_port_is_held_alone(tmp_path: Path) -> None:
    pty = Pty(tmp_path / "line")
    first = open_port(pty.name, 9600, "8N1")
    with pytest.raises(LinkError, match="another program holds this port"):
        open_port(pty.name, 9600, "8N1")
    first.close()
    open_port(pty.name, 9600, "8N1").close()
    pty.unplug()


@pytest.mark.parametrize("line_format", ["8E1", "7E1", "8N2", "8O1"])
async def test_a_pseudo_terminal_without_parity_is_opened_and_opened_again(tmp_path: Path, line_format: str) -> None:
    pty = Pty(tmp_path / "line")
    for _ in range(2):
        open_port(pty.name, 19_200, line_format).close()
    open_port(pty.name, 19_200, "8N1").close()
    pty.unplug()


def test_a_port_that_does_not_exist_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(LinkError, match="is the adapter plugged in"):
        open_port(str(tmp_path / "ttyS9"), 9600, "8N1")


def test_a_port_without_permission_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(serial_module.serial, "Serial", refuse)
    with pytest.raises(LinkError, match="dialout"):
        open_port("/dev/ttyS9", 9600, "8N1")


async def test_nobody_at_the_address_is_a_loss_with_its_reason(changes: list[LinkChange]) -> None:
    link = open_link(TCP, None, changes.append)
    listener = Listener(link)
    await until(lambda: changes)
    assert "127.0.0.1:1" in changes[0].reason
    await link.close()
    await listener.task


async def test_an_unplugged_port_is_read_once_and_not_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The descriptor of a lost port stays readable: with its reader still there the loop would turn at 100 %."""
    pty = Pty(tmp_path / "line")
    link = open_link(SERIAL, tmp_path)
    listener = Listener(link)
    await until(lambda: link.connected)
    reads = 0
    real_read = os.read

    def counted(fd: int, count: int) -> bytes:
        nonlocal reads
        reads += 1
        return real_read(fd, count)

    monkeypatch.setattr(serial_module.os, "read", counted)
    pty.unplug()
    await until(lambda: not link.connected)
    for _ in range(50):
        await asyncio.sleep(0)
    assert reads == 1
    await link.close()
    await listener.task


def test_the_bench_is_chosen_by_the_environment(tmp_path: Path) -> None:
    assert ports_from({}) is None
    assert ports_from({"HAITAN_PORTS": ""}) is None
    assert ports_from({"HAITAN_PORTS": str(tmp_path)}) == tmp_path


async def test_a_reader_that_sleeps_loses_the_oldest_and_knows_how_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Inbox, "LIMIT_BYTES", 100)
    inbox = Inbox()
    for i in range(30):
        inbox.put(bytes((i,)) * 10)
    inbox.close("done")
    left = b""
    while (chunk := await inbox.get()) is not None:
        left += chunk[0]
    assert left == b"".join(bytes((i,)) * 10 for i in range(20, 30))
    assert inbox.dropped_bytes == 200
