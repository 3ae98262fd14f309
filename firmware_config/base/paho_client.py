"""paho's client, reading the socket in large pieces and acknowledging many deliveries with one write.

paho asks the socket for one byte, then one more, then the rest: four system calls a message, at each of which its thread gives up the
interpreter and has to win it back from the program's other threads. `BufferedSocket` answers them from memory, in the same way as
paho's own wrapper for websockets and as a TLS socket do (``pending`` tells paho's loop that more is there). Nothing else of paho is
changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import paho.mqtt.client as paho

PIECE_BYTES = 65_536


class BufferedSocket:
    """A non-blocking socket with a read buffer; everything else is the socket's own."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._buffer = b""
        self._at = 0

    def recv(self, size: int) -> bytes:
        """Up to ``size`` bytes; b"" at the end, BlockingIOError (SSLWantReadError) when there are none now."""
        if self._at >= len(self._buffer):
            self._buffer = self._inner.recv(max(size, PIECE_BYTES))
            self._at = 0
        piece = self._buffer[self._at : self._at + size]
        self._at += len(piece)
        return piece

    def pending(self) -> int:
        """Bytes that can be had without asking the network."""
        inner = getattr(self._inner, "pending", None)
        return len(self._buffer) - self._at + (inner() if inner is not None else 0)

    def fileno(self) -> int:
        return int(self._inner.fileno())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class BufferedClient(paho.Client):
    def _create_socket(self) -> Any:
        return BufferedSocket(super()._create_socket())

    def acknowledge(self, mids: Iterable[int]) -> None:
        """PUBACK for QoS 1 deliveries of a client with manual_ack, in one piece."""
        packets = b"".join([b"\x40\x02" + mid.to_bytes(2, "big") for mid in mids])
        if packets:
            self._packet_queue(paho.PUBACK, packets, 0, 1)
