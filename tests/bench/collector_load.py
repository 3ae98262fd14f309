"""What the collector takes: records a second from the wire to the acknowledgement, with load generator and broker on the same machine.

The whole `haitan-collector run` is measured (ledger, rows, rollups, alarms, interface; no sink), with Mosquitto as deployed. Payloads are encoded
beforehand: 50 stations, records of one minute with 15 values and their flags, stamped in the past as a backlog is. The generator is one
process that writes MQTT packets to a socket with 200 publications on their way; no more than ``AHEAD`` messages are out without the
collector's own acknowledgement. The clock runs from the first publication until the acknowledgements of all stations name every record. The
store is then counted.
"""

from __future__ import annotations

import json
import os
import random
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
import yaml

from firmware_config.base.mqtt import Message, MqttSession
from firmware_config.messages import Ack, CentreState
from firmware_config.records import Draft, decode_message, encode_batch, seal, significant
from firmware_config.topics import every_station, topic
from simulators.servers import Mosquitto, free_port, running
from tests.bench.row import Row

STATIONS = 50
BATCH = 48
BATCHED_RECORDS = 240_000
SINGLE_RECORDS = 60_000
AHEAD = 2_000
WINDOW = 200
WITHIN_S = 300.0
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


def _payloads(count: int, batch: int) -> tuple[list[tuple[str, bytes]], list[int]]:
    """``(station, payload)`` in sending order, stations in turn, and how many records each station sends."""
    noise = random.Random(7)
    begin = time.time_ns() // 1_000_000 // 1_800_000 * 1_800_000 - 400 * 86_400_000
    flags = dict.fromkeys(SERIES, 1)
    each = count // STATIONS // batch * batch
    sent: list[tuple[str, bytes]] = []
    for first in range(0, each, batch):
        for number in range(STATIONS):
            station = f"station-{number:02d}"
            records = []
            for seq in range(first, first + batch):
                values = {name: significant(noise.gauss(20, 5), 6) for name in SERIES}
                draft = Draft(
                    stream="minute", t=begin + seq * 60_000, dt=60_000, clock="synchronised", values=values, flags=flags, simulated=True
                )
                sealed = seal(draft, station=station, epoch=1, seq=seq)
                records.append((sealed.hash, sealed.body))
            sent.append((station, encode_batch(records)))
    return sent, [each] * STATIONS


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


class _Acks:
    """Hears what the collector has acknowledged."""

    def __init__(self, broker: Mosquitto) -> None:
        self.held: dict[str, int] = {}
        self.changed = threading.Condition()
        self.listening = threading.Event()
        self.session = MqttSession(
            broker.broker, "bench-acks", [(every_station("ack"), 0), (topic("centre", "state"), 1)], on_message=self._on_message
        )
        self.session.start()

    def _on_message(self, message: Message) -> None:
        if message.topic.endswith("/state"):
            if decode_message(message.payload, CentreState).state == "listening":
                self.listening.set()
            return
        ranges = decode_message(message.payload, Ack).streams.get("minute", {}).get("1", [])
        with self.changed:
            self.held[message.topic.split("/")[2]] = sum(last - first + 1 for first, last in ranges)
            self.changed.notify()

    def until(self, least: int) -> None:
        with self.changed:
            if not self.changed.wait_for(lambda: sum(self.held.values()) >= least, WITHIN_S):
                raise RuntimeError(f"after {WITHIN_S} s only {sum(self.held.values())} of {least} records are acknowledged")


def _send(port: int, packets: list[bytes], acks: _Acks, batch: int) -> None:
    """Write all packets, ``WINDOW`` without PUBACK at most, ``AHEAD`` without the collector's acknowledgement at most."""
    with socket.create_connection(("127.0.0.1", port)) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = b"bench-load"
        body = b"\x00\x04MQTT\x04\x02\x00\x00" + struct.pack(">H", len(client)) + client
        link.sendall(b"\x10" + _length(len(body)) + body)
        assert len(link.recv(4)) == 4
        at = confirmed = loose = 0
        while confirmed < len(packets):
            acks.until(max(0, at - AHEAD) * batch)
            room = min(WINDOW - (at - confirmed), AHEAD, len(packets) - at)
            if room > WINDOW // 2 or at + room == len(packets):
                link.sendall(b"".join(packets[at : at + room]))
                at += room
            loose += len(link.recv(65536))  # nothing but PUBACKs of four bytes comes back
            confirmed, loose = confirmed + loose // 4, loose % 4


def _measure(count: int, batch: int) -> tuple[float, float, float, int]:
    """Records a second, processor seconds of collector and broker by 1,000 records, records."""
    with tempfile.TemporaryDirectory() as folder, running(Mosquitto(Path(folder) / "broker")) as broker:
        payloads, each = _payloads(count, batch)
        packets = [_publish(topic(station, "data"), payload, i % 65_000 + 1) for i, (station, payload) in enumerate(payloads)]
        config = Path(folder) / "collector.yaml"
        data = Path(folder) / "data"
        config.write_text(yaml.safe_dump({"data": str(data), "accept_simulated": True, "http": {"host": "127.0.0.1", "port": free_port()}}))
        acks = _Acks(broker)
        command = [sys.executable, "-c", "from collector.cli import main; main()", "run", str(config)]
        with (Path(folder) / "log").open("wb") as log:
            collector = subprocess.Popen(command, env={**os.environ, "HAITAN_BROKER": f"127.0.0.1:{broker.port}"}, stdout=log, stderr=log)
        try:
            if not acks.listening.wait(60):
                raise RuntimeError("the collector did not come up:\n" + (Path(folder) / "log").read_text()[-2000:])
            processes = [psutil.Process(collector.pid), psutil.Process(broker.process.pid)]
            before = [sum(p.cpu_times()[:2]) for p in processes]
            begun = time.perf_counter()
            _send(broker.port, packets, acks, batch)
            acks.until(sum(each))
            wall = time.perf_counter() - begun
            used = [sum(p.cpu_times()[:2]) - b for p, b in zip(processes, before, strict=True)]
        finally:
            collector.terminate()
            collector.wait(30)
            acks.session.stop()
        with sqlite3.connect(f"{(data / 'store.db').as_uri()}?mode=ro", uri=True) as connection:
            stored, numbers = connection.execute("select count(*), count(distinct station_id * 1000000 + seq) from record").fetchone()
            if not stored == numbers == sum(each):
                raise RuntimeError(f"{sum(each)} records sent, {stored} rows of {numbers} numbers stored")
        return sum(each) / wall, used[0] / sum(each) * 1e3, used[1] / sum(each) * 1e3, sum(each)


def rows() -> list[Row]:
    """The two figures of the performance table."""
    result = []
    for what, count, batch, target in (
        (f"collector, batches of {BATCH}", BATCHED_RECORDS, BATCH, 20_000),
        ("collector, single records", SINGLE_RECORDS, 1, 5_000),
    ):
        rate, collector_ms, broker_ms, total = _measure(count, batch)
        how = (
            f"{total:,} records of 15 values from {STATIONS} stations, wire to acknowledgement, Mosquitto and generator on the same"
            f" {os.cpu_count()} cores; processor by 1,000 records: collector {collector_ms * 1e3:.0f} ms, broker {broker_ms * 1e3:.0f} ms"
        )
        result.append(Row(what, rate, "records/s", how, target=target, at_most=False))
    return result


if __name__ == "__main__":
    print(json.dumps([{"what": r.what, "measured": round(r.measured), "unit": r.unit, "how": r.how} for r in rows()], indent=1))
