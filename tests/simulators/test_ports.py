"""Real ptys and sockets: raw bytes both ways, readers that come, stall and go, plugs pulled and put back."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest
import serial

from simulators.serve.lateness import LatenessGauge, unread_by_peers
from simulators.serve.ports import LINUX, PtyPort, TcpPort

EVERY_BYTE = bytes(range(256))


async def until(condition, port=None, seconds: float = 5.0) -> None:
    """Wait for an event, turning the port's loop as its owner would."""
    async with asyncio.timeout(seconds):
        while not condition():
            if port is not None:
                port.look()
            await asyncio.sleep(0.002)


def echo_handler():
    return lambda data, reply: reply(data)


@pytest.fixture
async def pty(tmp_path: Path):
    port = PtyPort(tmp_path / "sonic", echo_handler)
    await port.plug()
    yield port
    await port.unplug()


@pytest.fixture
def open_serial(tmp_path: Path):
    opened = []

    def open_it(name: str = "sonic") -> serial.Serial:
        opened.append(serial.Serial(str(tmp_path / name), 9600, timeout=0))
        return opened[-1]

    yield open_it
    for each in opened:
        each.close()


class TestPty:
    async def test_every_byte_passes_unchanged_both_ways(self, pty, open_serial):
        reader = open_serial()
        await until(lambda: pty.present, pty)
        reader.write(EVERY_BYTE)
        got = bytearray()

        def all_there() -> bool:
            got.extend(reader.read(4096))
            return len(got) >= 256

        await until(all_there, pty)
        assert bytes(got) == EVERY_BYTE

    async def test_raw_also_for_one_who_sets_nothing(self, pty, tmp_path):
        """CR, LF and ^C survive a reader that opens the device like a file, also the second time."""
        for _ in range(2):
            descriptor = os.open(tmp_path / "sonic", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            await until(lambda: pty.present, pty)
            pty.write(b"a\r\nb\x03\n")
            got = b""

            def read(descriptor=descriptor) -> bool:
                nonlocal got
                try:
                    got += os.read(descriptor, 100)
                except BlockingIOError:
                    return False
                return len(got) >= 6

            await until(read, pty)
            os.close(descriptor)
            assert got == b"a\r\nb\x03\n"
            if LINUX:
                await until(lambda: not pty.present, pty)

    @pytest.mark.skipif(not LINUX, reason="the hang-up state of a pty is dependable on Linux only")
    async def test_what_nobody_reads_is_lost_and_counted(self, pty, open_serial):
        pty.write(b"early")
        assert pty.bytes_lost == 5
        reader = open_serial()
        await until(lambda: pty.present, pty)
        reader.close()
        await until(lambda: not pty.present, pty)
        pty.write(b"late")
        assert pty.bytes_lost == 9
        again = open_serial()
        await until(lambda: pty.present, pty)
        pty.write(b"now")
        got = bytearray()
        await until(lambda: got.extend(again.read(100)) or bool(got), pty)
        assert bytes(got) == b"now"

    async def test_a_stalled_reader_has_a_line_buffer_and_no_more(self, pty, open_serial):
        reader = open_serial()
        await until(lambda: pty.present, pty)
        for _ in range(400):
            pty.write(b"x" * 100)
        assert pty.bytes_lost > 0
        kept = 40_000 - pty.bytes_lost
        got = bytearray()
        await until(lambda: got.extend(reader.read(65_536)) or len(got) >= kept, pty)
        assert len(got) == kept == pty.bytes_written

    async def test_in_a_fast_world_the_buffer_grows_with_the_speed(self, pty, open_serial):
        reader = open_serial()
        await until(lambda: pty.present, pty)
        pty.speed = 60.0
        for _ in range(400):
            pty.write(b"x" * 100)
        assert pty.bytes_lost == 0
        got = bytearray()
        await until(lambda: got.extend(reader.read(65_536)) or len(got) >= 40_000, pty)

    async def test_unplugged_is_seen_and_the_link_returns(self, pty, open_serial, tmp_path):
        reader = open_serial()
        await until(lambda: pty.present, pty)
        await pty.unplug()
        assert not (tmp_path / "sonic").exists()
        assert not (tmp_path / "sonic").is_symlink()
        with pytest.raises((serial.SerialException, OSError)):
            reader.write(b"x")
        await pty.plug()
        open_serial()
        await until(lambda: pty.present, pty)


class TestTcp:
    @pytest.fixture
    async def tcp(self, tmp_path):
        port = TcpPort(tmp_path / "irga.tcp", echo_handler)
        await port.plug()
        yield port
        await port.unplug()

    @staticmethod
    async def connect(port: TcpPort):
        host, _, number = port.address.rpartition(":")
        return await asyncio.open_connection(host, int(number))

    async def test_streams_to_all_and_answers_one(self, tcp):
        clients = [await self.connect(tcp) for _ in range(2)]
        await until(lambda: len(tcp._clients) == 2)
        tcp.write(b"stream")
        for reader, _ in clients:
            assert await reader.readexactly(6) == b"stream"
        clients[0][1].write(b"?")
        assert await clients[0][0].readexactly(1) == b"?"
        tcp.write(b"!")
        assert await clients[1][0].readexactly(1) == b"!"
        for _, writer in clients:
            writer.close()

    async def test_unplugged_closes_and_returns_on_the_same_port(self, tcp, tmp_path):
        file = tmp_path / "irga.tcp"
        before = file.read_text()
        reader, writer = await self.connect(tcp)
        await until(lambda: tcp.present)
        await tcp.unplug()
        assert not file.exists()
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        with pytest.raises(OSError, match=r"refused|Connect"):
            await asyncio.open_connection("127.0.0.1", int(before.rpartition(":")[2]))
        await tcp.plug()
        assert file.read_text() == before
        writer.close()

    async def test_a_second_client_reads_along_as_long_as_the_fault_is_on(self, tcp):
        reader, writer = await self.connect(tcp)
        await until(lambda: len(tcp._clients) == 1)
        for _ in range(3):  # as the line says it at every turn
            tcp.suffer({"second_client": 2.0})
        await until(lambda: len(tcp._clients) == 3)
        tcp.write(b"stream")
        assert await reader.readexactly(6) == b"stream"
        assert tcp.bytes_written == 18
        tcp.suffer({})
        await until(lambda: len(tcp._clients) == 1)
        tcp.write(b"still")
        assert await reader.readexactly(5) == b"still"
        writer.close()

    async def test_the_connection_breaks_once_and_each_new_one_begins_within_a_record(self, tcp):
        reader, writer = await self.connect(tcp)
        await until(lambda: tcp.present)
        tcp.write(b"(Data (Ndx 1)(Aux 0))\r\n")
        assert len(await reader.readexactly(23)) == 23
        tcp.suffer({"partial_at_connect": 10.0})
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        writers = [writer]
        for _ in range(2):
            again, writer = await self.connect(tcp)
            writers.append(writer)
            assert await again.readexactly(10) == b"(Aux 0))\r\n"
            tcp.suffer({"partial_at_connect": 10.0})
        assert len(tcp._clients) == 2, "it breaks only when the fault begins"
        tcp.suffer({})
        last, writer = await self.connect(tcp)
        await until(lambda: len(tcp._clients) == 3)
        tcp.write(b"whole")
        assert await last.readexactly(5) == b"whole"
        for one in [*writers, writer]:
            one.close()

    async def test_nobody_there_is_counted(self, tcp):
        tcp.write(b"12345")
        assert tcp.bytes_lost == 5


class TestLateness:
    async def test_a_reader_on_a_socket_who_does_not_read_is_seen_in_the_kernel_s_table(self, tmp_path):
        if not LINUX:
            pytest.skip("only Linux tells")
        port = TcpPort(tmp_path / "irga.tcp", echo_handler)
        await port.plug()
        with socket.create_connection(("127.0.0.1", int(port.address.rpartition(":")[2]))) as client:
            await until(lambda: port.present)
            port.write(b"x" * 20_000)
            mine = client.getsockname()[1]
            await until(lambda: unread_by_peers(port._port).get(mine) == 20_000)
            assert port._unread() == 20_000
            while client.recv(65_536, socket.MSG_DONTWAIT | socket.MSG_PEEK) and len(client.recv(20_000)) < 20_000:
                pass
            await until(lambda: port._unread() == 0)
        await port.unplug()

    def test_bytes_become_seconds_through_the_flow(self):
        """100 kB/s written, 30 kB not taken: 0.3 s late; nothing when little waits or the reader has stopped."""
        now = [0.0]
        gauge = LatenessGauge(lambda: now[0])
        written = 0

        def run(seconds: float, unread: int) -> float:
            nonlocal written
            late = 0.0
            for _ in range(round(seconds / 0.1)):
                now[0] += 0.1
                written += 10_000
                late = gauge.late_s(written, lambda: unread)
            return late

        assert run(2, 1000) == 0
        assert run(2, 30_000) == pytest.approx(0.3, rel=0.15)
        held = written - 30_000
        for _ in range(50):
            now[0] += 0.1
            written += 10_000
            late = gauge.late_s(written, lambda left=written - held: left)
        assert late == 0
