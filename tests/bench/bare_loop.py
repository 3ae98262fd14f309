"""The least a centre can do: subscribe, commit, acknowledge. ``python -m tests.bench.bare_loop PORT FOLDER``

What the collector's figures are held against, since machines differ and are busy: the same MQTT session, the same settings of SQLite
(write-ahead log, synchronous FULL, one transaction for all that came meanwhile), the same acknowledgements at most every 0.1 s. It unpacks a
batch and writes hash and body of each record; it checks nothing, numbers nothing, rolls nothing up, serves nobody.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from pathlib import Path

from firmware_config.base.database import open_database
from firmware_config.base.mqtt import Broker, Message, MqttSession
from firmware_config.messages import Ack, CentreState
from firmware_config.records import decode_batch, encode_message
from firmware_config.topics import every_station, parse_topic, topic

SCHEMA = "create table if not exists record(id integer primary key, station text not null, hash text not null, body blob not null)"
GROUP_MESSAGES = 100
PAUSE_S = 0.01
ACK_EVERY_S = 0.1


class BareLoop:
    def __init__(self, port: int, folder: Path) -> None:
        self._database = open_database(folder / "bare.db", schema=SCHEMA, version=1, page_bytes=8192)
        self._database.execute("pragma wal_autocheckpoint=2000; pragma cache_size=-64000")
        self._waiting: deque[Message] = deque()
        self._more = threading.Event()
        self._counts: dict[str, int] = {}
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
            rows += [(station, digest, body) for digest, body in decode_batch(message.payload)]
        self._database.execute("begin immediate")
        self._database.executemany("insert into record(station, hash, body) values(?,?,?)", rows)
        self._database.execute("commit")
        for station, _, _ in rows:
            self._counts[station] = self._counts.get(station, 0) + 1
        return {station for station, _, _ in rows}

    def _acknowledge(self, stations: set[str]) -> None:
        now_ms = time.time_ns() // 1_000_000
        for station in stations:
            ack = Ack(t=now_ms, streams={"minute": {"1": [(0, self._counts[station] - 1)]}})
            self._session.publish(topic(station, "ack"), encode_message(ack), retain=True)


if __name__ == "__main__":
    BareLoop(int(sys.argv[1]), Path(sys.argv[2])).run()
