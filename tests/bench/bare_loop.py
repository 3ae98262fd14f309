"""The least a centre can do: subscribe, commit, acknowledge. ``python -m tests.bench.bare_loop PORT FOLDER``

What the collector's figures are held against, since machines differ and are busy: the same MQTT session, the same settings of SQLite
(write-ahead log, synchronous FULL, one transaction for all that came meanwhile), the same acknowledgements at most every 0.1 s. It unpacks a
batch, reads each record's number (an acknowledgement must name it) and keeps each once; it checks nothing, places nothing on a time axis,
rolls nothing up, serves nobody.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from pathlib import Path

import msgspec

from firmware_config.base.database import open_database
from firmware_config.base.mqtt import Broker, Message, MqttSession
from firmware_config.messages import Ack, CentreState
from firmware_config.ranges import Ranges
from firmware_config.records import decode_batch, encode_message
from firmware_config.topics import every_station, parse_topic, topic

SCHEMA = """create table if not exists record(
  id integer primary key, station text not null, epoch integer not null, seq integer not null, hash text not null, body blob not null,
  unique(station, epoch, seq))"""
GROUP_MESSAGES = 100
PAUSE_S = 0.01
ACK_EVERY_S = 0.1


class _Number(msgspec.Struct):
    epoch: int
    seq: int


_number = msgspec.json.Decoder(_Number).decode


class BareLoop:
    def __init__(self, port: int, folder: Path) -> None:
        self._database = open_database(folder / "bare.db", schema=SCHEMA, version=1, page_bytes=8192)
        self._database.execute("pragma wal_autocheckpoint=2000; pragma cache_size=-64000")
        self._waiting: deque[Message] = deque()
        self._more = threading.Event()
        self._held: dict[str, dict[int, Ranges]] = {}
        self._session = MqttSession(
            Broker("127.0.0.1", port),
            "bare-loop",
            [(every_station("data"), 1)],
            on_message=self._take,
            on_up=self._say_listening,
            manual_ack=True,
        )

    def _say_listening(self) -> None:
        self._session.publish(topic("centre", "state"), encode_message(CentreState(state="listening", t=0, since=0)), retain=True)

    def _take(self, message: Message) -> None:
        self._waiting.append(message)
        self._more.set()

    def run(self) -> None:
        self._session.start()
        due: set[str] = set()
        acknowledged_at = 0.0
        while True:
            self._more.wait(ACK_EVERY_S)
            if self._waiting and len(self._waiting) < GROUP_MESSAGES:
                time.sleep(PAUSE_S)
            self._more.clear()
            group = [self._waiting.popleft() for _ in range(min(len(self._waiting), GROUP_MESSAGES))]
            if self._waiting:
                self._more.set()
            if group:
                due |= self._commit(group)
                self._session.acknowledge_all(group)
            if due and time.monotonic() - acknowledged_at >= ACK_EVERY_S:
                self._acknowledge(due)
                due, acknowledged_at = set(), time.monotonic()

    def _commit(self, group: list[Message]) -> set[str]:
        rows = []
        for message in group:
            station, _ = parse_topic(message.topic)
            for digest, body in decode_batch(message.payload):
                number = _number(body)
                rows.append((station, number.epoch, number.seq, digest, body))
        self._database.execute("begin immediate")
        self._database.executemany("insert or ignore into record(station, epoch, seq, hash, body) values(?,?,?,?,?)", rows)
        self._database.execute("commit")
        for station, epoch, seq, _, _ in rows:
            self._held.setdefault(station, {}).setdefault(epoch, Ranges()).add(seq)
        return {row[0] for row in rows}

    def _acknowledge(self, stations: set[str]) -> None:
        now_ms = time.time_ns() // 1_000_000
        for station in stations:
            ack = Ack(t=now_ms, streams={"minute": {str(epoch): list(numbers) for epoch, numbers in self._held[station].items()}})
            self._session.publish(topic(station, "ack"), encode_message(ack), retain=True)


if __name__ == "__main__":
    BareLoop(int(sys.argv[1]), Path(sys.argv[2])).run()
