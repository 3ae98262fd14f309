"""A load of records for whatever subscribes and acknowledges: payloads, one generator on a socket, and an ear for the acknowledgements.

Payloads are encoded beforehand: 50 stations in turn, records of one minute with 15 values and their flags, stamped in the past as a backlog
is. The generator writes MQTT packets to a socket with `WINDOW` publications on their way; no more than `AHEAD` messages are out without
the receiver's own acknowledgement.
"""

from __future__ import annotations

import random
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from firmware_config.base.mqtt import Broker, Message, MqttSession
from firmware_config.messages import Ack, CentreState
from firmware_config.records import Draft, decode_message, encode_batch, seal, significant
from firmware_config.topics import every_station, topic

STATIONS = 50
AHEAD = 2_000
WINDOW = 200
WITHIN_S = 300.0
DAY_MS = 86_400_000
SERIES = [
    f"{quantity}@{place}"
    for place, quantities in {
        "mast": ("wind_speed", "wind_from_direction", "air_temperature", "relative_humidity", "air_pressure", "rainfall"),
        "surface": ("water_temperature", "salinity", "dissolved_oxygen", "oxygen_saturation", "pco2_water"),
        "bottom": ("water_temperature", "dissolved_oxygen", "water_pressure"),
        "station": ("battery_voltage",),
    }.items()
    for quantity in quantities
]
assert len(SERIES) == 15


@dataclass(frozen=True)
class Load:
    """MQTT packets in sending order, and how many records they and each station's share of them hold."""

    packets: list[bytes]
    batch: int
    records: int

    @property
    def each(self) -> int:
        return self.records // STATIONS


def loads(records: int, batch: int, rounds: int) -> Iterator[Load]:
    """``rounds`` loads of the same stations, whose record numbers go on from one to the next."""
    noise = random.Random(7)
    begin = time.time_ns() // 1_000_000 // 1_800_000 * 1_800_000 - 400 * DAY_MS
    flags = dict.fromkeys(SERIES, 1)
    messages = records // STATIONS // batch
    for turn in range(rounds):
        packets: list[bytes] = []
        for first in range(turn * messages * batch, (turn + 1) * messages * batch, batch):
            for number in range(STATIONS):
                station, sealed = f"station-{number:02d}", []
                for seq in range(first, first + batch):
                    values = {name: significant(noise.gauss(20, 5), 6) for name in SERIES}
                    t = begin + seq * 60_000
                    draft = Draft(stream="minute", t=t, dt=60_000, clock="synchronised", values=values, flags=flags, simulated=True)
                    sealed.append(seal(draft, station=station, epoch=1, seq=seq))
                payload = encode_batch([(one.hash, one.body) for one in sealed])
                packets.append(_publish(topic(station, "data"), payload, len(packets) % 65_000 + 1))
        yield Load(packets, batch, messages * batch * STATIONS)


def _length(size: int) -> bytes:
    out = bytearray()
    while True:
        size, digit = divmod(size, 128)
        out.append(digit | (128 if size else 0))
        if not size:
            return bytes(out)


def _publish(name: str, payload: bytes, mid: int) -> bytes:
    topic_bytes = name.encode()
    body = struct.pack(">H", len(topic_bytes)) + topic_bytes + struct.pack(">H", mid) + payload
    return b"\x32" + _length(len(body)) + body


class Acks:
    """Hears that the receiver listens, and what it has acknowledged in all."""

    def __init__(self, broker: Broker) -> None:
        self.held: dict[str, int] = {}
        self.listening = threading.Event()
        self._changed = threading.Condition()
        subscriptions = [(every_station("ack"), 0), (topic("centre", "state"), 1)]
        self.session = MqttSession(broker, "bench-acks", subscriptions, on_message=self._on_message)
        self.session.start()

    def _on_message(self, message: Message) -> None:
        if message.topic.endswith("/state"):
            if decode_message(message.payload, CentreState).state == "listening":
                self.listening.set()
            return
        ranges = decode_message(message.payload, Ack).streams.get("minute", {}).get("1", [])
        with self._changed:
            self.held[message.topic.split("/")[2]] = sum(last - first + 1 for first, last in ranges)
            self._changed.notify()

    def total(self) -> int:
        return sum(self.held.values())

    def until(self, least: int) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: self.total() >= least, WITHIN_S):
                raise RuntimeError(f"after {WITHIN_S:.0f} s only {self.total()} of {least} records are acknowledged")


def send(port: int, load: Load, acks: Acks) -> float:
    """Write all packets and wait until every record is acknowledged; seconds from the first publication to the last acknowledgement."""
    packets, already = load.packets, acks.total()
    with socket.create_connection(("127.0.0.1", port)) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = b"bench-load"
        body = b"\x00\x04MQTT\x04\x02\x00\x00" + struct.pack(">H", len(client)) + client
        link.sendall(b"\x10" + _length(len(body)) + body)
        assert len(link.recv(4)) == 4
        begun = time.perf_counter()
        at = confirmed = loose = 0
        while confirmed < len(packets):
            acks.until(already + max(0, at - AHEAD) * load.batch)
            room = min(WINDOW - (at - confirmed), AHEAD, len(packets) - at)
            if room > WINDOW // 2 or at + room == len(packets):
                link.sendall(b"".join(packets[at : at + room]))
                at += room
            loose += len(link.recv(65536))  # nothing but PUBACKs of four bytes comes back
            confirmed, loose = confirmed + loose // 4, loose % 4
        acks.until(already + load.records)
        return time.perf_counter() - begun
