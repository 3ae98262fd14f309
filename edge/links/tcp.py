"""A TCP connection as a channel (LI-7550, serial servers, Modbus TCP). A peer that vanished without a word is noticed by keepalive."""

from __future__ import annotations

import asyncio
import socket

from edge.errors import LinkError
from edge.links.bytelink import Inbox

CONNECT_LIMIT_S = 10.0
WRITE_LIMIT_S = 5.0
_KEEPALIVE = (("TCP_KEEPIDLE", 10), ("TCP_KEEPALIVE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 25_000))


class _Protocol(asyncio.Protocol):
    def __init__(self) -> None:
        self.inbox = Inbox()
        self.may_write = asyncio.Event()
        self.may_write.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        opened: socket.socket = transport.get_extra_info("socket")
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEPALIVE:
            if hasattr(socket, name):
                opened.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)

    def data_received(self, data: bytes) -> None:
        self.inbox.put(data)

    def pause_writing(self) -> None:
        self.may_write.clear()

    def resume_writing(self) -> None:
        self.may_write.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.inbox.close(f"the connection broke: {exc}" if exc else "the other end closed the connection")
        self.may_write.set()


class TcpChannel:
    """An open connection."""

    def __init__(self, name: str, transport: asyncio.Transport, protocol: _Protocol) -> None:
        self.inbox = protocol.inbox
        self._name = name
        self._transport = transport
        self._protocol = protocol

    @classmethod
    async def open(cls, host: str, port: int) -> TcpChannel:
        """Connect; LinkError when nobody answers."""
        name = f"{host}:{port}"
        try:
            async with asyncio.timeout(CONNECT_LIMIT_S):
                transport, protocol = await asyncio.get_running_loop().create_connection(_Protocol, host, port)
        except TimeoutError:
            raise LinkError(f"{name}: no answer within {CONNECT_LIMIT_S:.0f} s; is it switched on and on this network?") from None
        except (OSError, ValueError, UnicodeError) as error:
            raise LinkError(f"{name}: cannot connect: {error}") from error
        return cls(name, transport, protocol)

    async def write(self, data: bytes) -> None:
        if self._transport.is_closing():
            raise LinkError(f"{self._name}: the connection is closed")
        self._transport.write(data)
        try:
            async with asyncio.timeout(WRITE_LIMIT_S):
                await self._protocol.may_write.wait()
        except TimeoutError:
            self._protocol.inbox.close("takes no bytes")
            raise LinkError(f"{self._name}: takes no bytes for {WRITE_LIMIT_S:.0f} s") from None

    def close(self) -> None:
        self.inbox.close("closed")
        self._transport.abort()
