"""The network between station and broker: what passes, what waits, what is cut."""

from __future__ import annotations

import asyncio

import pytest

from simulators.serve.proxy import TcpProxy


@pytest.fixture
async def proxied():
    """A proxy in front of a server that echoes."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    proxy = TcpProxy("127.0.0.1", server.sockets[0].getsockname()[1])
    await proxy.start()
    yield proxy
    await proxy.stop()
    server.close()
    await server.wait_closed()


async def call(proxy: TcpProxy):
    return await asyncio.open_connection("127.0.0.1", proxy.port)


async def test_bytes_pass_unchanged_in_both_directions(proxied):
    reader, writer = await call(proxied)
    data = bytes(range(256)) * 2000
    writer.write(data)
    assert await asyncio.wait_for(reader.readexactly(len(data)), 10) == data
    assert proxied.bytes_carried == 2 * len(data)
    writer.close()


async def test_end_of_stream_passes(proxied):
    reader, writer = await call(proxied)
    writer.write(b"last")
    assert await reader.readexactly(4) == b"last"
    writer.write_eof()
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()


async def test_cut_holds_everything_and_healed_delivers_it_once(proxied):
    reader, writer = await call(proxied)
    writer.write(b"before")
    assert await reader.readexactly(6) == b"before"
    proxied.cut()
    writer.write(b"during")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.readexactly(6), 0.1)
    proxied.heal()
    assert await asyncio.wait_for(reader.readexactly(6), 5) == b"during"
    writer.close()


async def test_a_call_made_into_a_cut_hangs_and_is_lost(proxied):
    proxied.cut()
    reader, writer = await call(proxied)
    writer.write(b"hello?")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.1)
    proxied.heal()
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await asyncio.wait_for(reader.readexactly(1), 5)
    fresh_reader, fresh_writer = await call(proxied)
    fresh_writer.write(b"!")
    assert await asyncio.wait_for(fresh_reader.readexactly(1), 5) == b"!"
    fresh_writer.close()
    writer.close()


async def test_reset_closes_at_once_and_refuses_until_healed(proxied):
    reader, writer = await call(proxied)
    writer.write(b"x")
    await reader.readexactly(1)
    proxied.reset()
    for stream in (reader, (await call(proxied))[0]):
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(stream.readexactly(1), 5)
    proxied.heal()
    reader, writer = await call(proxied)
    writer.write(b"y")
    assert await asyncio.wait_for(reader.readexactly(1), 5) == b"y"
    writer.close()


async def test_a_slow_link_carries_no_more_than_its_rate(proxied):
    """20 kB at 40 kB/s through both directions: at least 0.4 s by the loop's clock (a lower bound holds on a slow machine too)."""
    proxied.slow(40_000)
    reader, writer = await call(proxied)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    writer.write(b"x" * 20_000)
    await asyncio.wait_for(reader.readexactly(20_000), 20)
    assert loop.time() - begun > 0.4
    writer.close()


async def test_a_delayed_link_is_late_and_keeps_the_order(proxied):
    """Ten pieces sent together come no sooner than 0.2 s each way, whole and in order (a lower bound holds on a slow machine too)."""
    proxied.delay(0.2)
    reader, writer = await call(proxied)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    for i in range(10):
        writer.write(bytes((i,)))
        await writer.drain()
    assert await asyncio.wait_for(reader.readexactly(10), 20) == bytes(range(10))
    assert loop.time() - begun > 0.4
    writer.close()


async def test_no_broker_behind_it_closes_the_call():
    proxy = TcpProxy("127.0.0.1", 1)
    await proxy.start()
    reader, _ = await call(proxy)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await asyncio.wait_for(reader.readexactly(1), 5)
    await proxy.stop()
