"""A centre for the uplink's tests: it keeps what arrives and acknowledges it, or does not, as the test says. Shares no code with the collector."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as paho
import zstandard
from paho.mqtt.enums import CallbackAPIVersion

from edge.uplink import Uplink
from firmware_config.base.mqtt import Broker
from firmware_config.messages import Birth
from firmware_config.station import Station
from tests.edge.outbox.bench import BEGIN_MS, STATION, HandClock, rows

CENTRE = "centre"


def station(**uplink: Any) -> Station:
    """The smallest station there can be; its uplink's settings are the test's."""
    return Station.model_validate(
        {
            "schema": 1,
            "id": STATION,
            "name": {"en": "A station", "zh": "站点"},
            "platform": "buoy",
            "surface": "seawater",
            "position": {"latitude_deg": 29.9, "longitude_deg": 122.7},
            "datum": {"datum_1985_m": 0.0, "chart_datum_m": 0.0},
            "contact": {"operator": "x"},
            "links": [{"id": "gnss", "kind": "serial", "port": "/dev/null", "baud": 9600}],
            "instruments": [
                {
                    "id": "gnss",
                    "model": "gps_nmea0183",
                    "place": "mast",
                    "serial_number": "1",
                    "link": "gnss",
                    "every": "1s",
                    "mounting": {"height_m": 1},
                }
            ],
            "uplink": {"host": "127.0.0.1", **uplink},
        }
    )


def birth() -> Birth:
    return Birth(station=STATION, t=BEGIN_MS, software="0", config_hash="0", simulated=True)


class Centre:
    """Subscribes as the collector would. ``got`` maps (stream, epoch, seq) to the body's bytes; ``order`` is the order of arrival."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.lock = threading.Lock()
        self.got: dict[tuple[str, int, int], bytes] = {}
        self.order: list[list[tuple[str, int, int]]] = []
        self.heard: dict[str, list[Any]] = {"birth": [], "state": [], "live": [], "reply": []}
        self.conflicts = 0
        self.doubles = 0
        self.acknowledge = True
        self.since = 1
        self.listening = True
        self.subscribed = False
        self.t = BEGIN_MS
        self.client: paho.Client | None = None

    def start(self) -> None:
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id="the-centre", clean_session=True, protocol=paho.MQTTv311)
        client.reconnect_delay_set(1, 1)
        client.will_set(f"ht/1/{CENTRE}/state", json.dumps({"state": "gone"}), qos=1, retain=True)
        client.on_connect = self._up
        client.on_subscribe = self._subscribed
        client.on_message = self._message
        self.client = client
        client.connect_async(self.broker.host, self.broker.port)
        client.loop_start()

    def stop(self) -> None:
        if self.client is not None:
            self.say(f"{CENTRE}/state", {"state": "gone"})
            self.client.disconnect()
            self.client.loop_stop()
            self.client = None

    def say(self, where: str, what: Any, *, retain: bool = True, raw: bytes | None = None) -> None:
        assert self.client is not None
        self.client.publish(f"ht/1/{where}", raw if raw is not None else json.dumps(what), qos=1, retain=retain)

    def say_state(self) -> None:
        self.say(f"{CENTRE}/state", {"state": "listening" if self.listening else "full", "since": self.since})

    def say_ack(self) -> None:
        self.t += 1
        streams: dict[str, dict[str, list[list[int]]]] = {}
        with self.lock:
            for stream, epoch, seq in sorted(self.got):
                ranges = streams.setdefault(stream, {}).setdefault(str(epoch), [])
                if ranges and ranges[-1][1] == seq - 1:
                    ranges[-1][1] = seq
                else:
                    ranges.append([seq, seq])
        self.say(f"{STATION}/ack", {"t": self.t, "streams": streams})

    def _up(self, client: paho.Client, *_: Any) -> None:
        client.subscribe([(f"ht/1/+/{leaf}", 1) for leaf in ("data", "birth", "state", "live", "reply")])

    def _subscribed(self, *_: Any) -> None:
        """Only now: what a station sends before the broker has the subscription goes to nobody, and again no sooner than its resend time."""
        self.subscribed = True
        self.say_ack()
        self.say_state()

    def _message(self, client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        who, leaf = message.topic.split("/")[2:]
        payload = message.payload
        if payload.startswith(b"\x28\xb5\x2f\xfd"):
            payload = zstandard.ZstdDecompressor().decompress(payload, max_output_size=10_000_000)
        content = json.loads(payload)
        if who == CENTRE:
            return
        if leaf != "data":
            with self.lock:
                self.heard[leaf].append(content)
            return
        with self.lock:
            batch = []
            for _, record in content["records"]:
                key = (record["stream"], record["epoch"], record["seq"])
                body = json.dumps(record, sort_keys=True).encode()
                self.doubles += key in self.got
                self.conflicts += self.got.get(key, body) != body
                self.got[key] = body
                batch.append(key)
            self.order.append(batch)
        if self.acknowledge:
            self.say_ack()


async def until(what: Callable[[], Any], limit_s: float = 30.0) -> None:
    """Wait until something holds; fail when it does not within a generous limit."""
    async with asyncio.timeout(limit_s):
        while not what():
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def carrying(outbox, broker, clock=None, *, live=lambda: None, uplink=None, **more):
    """A running uplink, cancelled (cleanly stopped) at the end."""
    more = {"linger_s": 0.02, "resend_after_s": 30.0, "settle_s": 0.3, **more}
    one = Uplink(outbox, station(**(uplink or {})), clock or HandClock(), broker, birth, live, **more)
    task = asyncio.create_task(one.run())
    try:
        yield one
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def kept(outbox):
    return rows(outbox.folder).keys()
