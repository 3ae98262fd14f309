"""The Modbus bus over TCP, against pymodbus' server: another hand's reading of the protocol."""

import asyncio
import struct
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from edge.errors import LinkDown, ModbusBadAnswer, ModbusRefused, ModbusTimeout
from edge.links import Limits, ModbusBus, open_bus
from firmware_config.station import ModbusTcpLink
from tests.edge.links.peers import until

LIMITS = Limits(answer_s=5.0, longest_s=5.0)


@pytest_asyncio.fixture
async def server() -> AsyncIterator[ModbusTcpServer]:
    data = [SimData(0, values=[0] * 0x100, datatype=DataType.REGISTERS), SimData(0x100, values=[0.41233, 14.25], datatype=DataType.FLOAT32)]
    server = ModbusTcpServer(SimDevice(7, simdata=data), address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    yield server
    await server.shutdown()


async def bus_to(port: int) -> tuple[ModbusBus, asyncio.Task[None]]:
    bus = open_bus(ModbusTcpLink(id="level", kind="modbus_tcp", host="127.0.0.1", port=port))
    task = asyncio.create_task(bus.run())
    await until(lambda: bus.link.connected)
    return bus, task


def port_of(server: ModbusTcpServer) -> int:
    return server.transport.sockets[0].getsockname()[1]


async def test_floats_written_by_pymodbus_are_read(server: ModbusTcpServer) -> None:
    bus, task = await bus_to(port_of(server))
    reply = await bus.read(7, 3, 0x100, 4, LIMITS)
    assert struct.unpack(">ff", reply.payload) == pytest.approx((0.41233, 14.25), rel=1e-6)
    await bus.link.close()
    await task


async def test_registers_written_by_us_are_read_back(server: ModbusTcpServer) -> None:
    bus, task = await bus_to(port_of(server))
    await bus.write(7, 0x10, bytes.fromhex("123456789abc"), LIMITS)
    assert (await bus.read(7, 3, 0x10, 3, LIMITS)).payload == bytes.fromhex("123456789abc")
    await bus.link.close()
    await task


async def test_an_address_beyond_the_map_is_refused_by_the_device(server: ModbusTcpServer) -> None:
    bus, task = await bus_to(port_of(server))
    with pytest.raises(ModbusRefused) as caught:
        await bus.read(7, 3, 0x4000, 1, LIMITS)
    assert caught.value.code == 2
    await bus.link.close()
    await task


async def test_the_bus_comes_back_after_the_server_was_gone(server: ModbusTcpServer) -> None:
    port = port_of(server)
    bus, task = await bus_to(port)
    await bus.read(7, 3, 0x100, 2, LIMITS)
    await server.shutdown()
    await until(lambda: not bus.link.connected)
    with pytest.raises(LinkDown):
        await bus.read(7, 3, 0x100, 2, LIMITS)
    again = ModbusTcpServer(SimDevice(7, simdata=[SimData(0, values=[9] * 4, datatype=DataType.REGISTERS)]), address=("127.0.0.1", port))
    await again.serve_forever(background=True)
    await until(lambda: bus.link.connected)
    assert (await bus.read(7, 3, 0, 1, LIMITS)).payload == b"\x00\x09"
    await bus.link.close()
    await task
    await again.shutdown()


async def raw_server(behave) -> tuple[asyncio.Server, int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await behave(await reader.readexactly(12), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


def answer(request: bytes, value: int, *, transaction: bytes | None = None, unit: int | None = None) -> bytes:
    return (transaction or request[:2]) + b"\0\0\0\x05" + bytes((request[6] if unit is None else unit, 3, 2)) + value.to_bytes(2, "big")


async def test_a_late_answer_is_told_by_its_transaction_number() -> None:
    kept: list[bytes] = []

    async def behave(request: bytes, writer: asyncio.StreamWriter) -> None:
        if not kept:
            kept.append(request)
            return
        writer.write(answer(kept[0], 11) + answer(request, 22))

    server, port = await raw_server(behave)
    bus, task = await bus_to(port)
    with pytest.raises(ModbusTimeout):
        await bus.read(7, 3, 11, 1, Limits(0.05, 5.0))
    reply = await bus.read(7, 3, 22, 1, LIMITS)
    assert reply.payload == b"\x00\x16"
    assert reply.suspect
    await bus.link.close()
    await task
    server.close()


async def test_an_answer_of_another_unit_is_refused() -> None:
    async def behave(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(request, 5, unit=9))

    server, port = await raw_server(behave)
    bus, task = await bus_to(port)
    with pytest.raises(ModbusBadAnswer) as caught:
        await bus.read(7, 3, 0, 1, LIMITS)
    assert caught.value.reason == "other unit"
    await bus.link.close()
    await task
    server.close()


async def test_a_peer_that_speaks_something_else_is_left_and_tried_again() -> None:
    async def behave(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    server, port = await raw_server(behave)
    bus, task = await bus_to(port)
    with pytest.raises(LinkDown):
        await bus.read(7, 3, 0, 1, LIMITS)
    await until(lambda: bus.link.openings == 2)
    await bus.link.close()
    await task
    server.close()
