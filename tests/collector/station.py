"""A station as the collector's tests need it: sends what it is told, hears acknowledgements and the centre's state."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import msgspec

from firmware_config.base.mqtt import Broker, Message, MqttSession
from firmware_config.messages import Ack, CentreState
from firmware_config.ranges import Ranges
from firmware_config.records import Sealed, decode_message, encode_batch
from firmware_config.topics import topic

T = TypeVar("T")
WITHIN_S = 40.0


class Watch:
    """A value that changes in other threads; `until` waits for a change that makes a condition true."""

    def __init__(self) -> None:
        self._changed = threading.Condition()

    def change(self, action: Callable[[], None]) -> None:
        with self._changed:
            action()
            self._changed.notify_all()

    def until(self, condition: Callable[[], T], what: str = "it", within_s: float = WITHIN_S) -> T:
        end = time.monotonic() + within_s
        with self._changed:
            while not (found := condition()):
                left = end - time.monotonic()
                assert left > 0, f"{what} did not happen within {within_s} s"
                self._changed.wait(left)
            return found


class TestStation(Watch):
    """Connected under its own id until `close`."""

    __test__ = False

    def __init__(self, broker: Broker, station: str = "st-a", centre: str = "centre") -> None:
        super().__init__()
        self.id = station
        self.acks: list[Ack] = []
        self.states: list[CentreState] = []
        self.up = False
        self.session = MqttSession(
            broker,
            f"station-{station}",
            [(topic(station, "ack"), 1), (topic(centre, "state"), 1)],
            on_message=self._on_message,
            on_up=lambda: self.change(lambda: setattr(self, "up", True)),
        )
        self.session.start()
        self.until(lambda: self.up, "connecting")

    def _on_message(self, message: Message) -> None:
        if message.topic.endswith("/ack"):
            ack = decode_message(message.payload, Ack)
            self.change(lambda: self.acks.append(ack))
        else:
            state = decode_message(message.payload, CentreState)
            self.change(lambda: self.states.append(state))

    def close(self) -> None:
        self.session.stop()

    def listening(self) -> None:
        self.until(lambda: self.states and self.states[-1].state == "listening", "the centre listening")

    def publish(self, leaf: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        if not qos:
            assert self.session.publish(topic(self.id, leaf), payload, qos=0, retain=retain)
            return
        sent = threading.Event()
        assert self.session.publish(topic(self.id, leaf), payload, retain=retain, done=lambda ok: sent.set())
        assert sent.wait(WITHIN_S)

    def say(self, leaf: str, message: msgspec.Struct, **how: bool) -> None:
        self.publish(leaf, msgspec.json.encode(message), **how)

    def send(self, records: Iterable[Sealed]) -> None:
        self.publish("data", encode_batch([(one.hash, one.body) for one in records]))

    def acked(self, stream: str = "minute", epoch: int = 1) -> Ranges:
        """What the newest acknowledgement says of a stream."""
        return Ranges(self.acks[-1].streams.get(stream, {}).get(str(epoch), [])) if self.acks else Ranges()

    def until_acked(self, *pairs: tuple[int, int], stream: str = "minute", epoch: int = 1) -> None:
        self.until(lambda: self.acks and self.acked(stream, epoch) == Ranges(pairs), f"acknowledgement of {pairs}")


@contextmanager
def station(broker: Broker, name: str = "st-a") -> Iterator[TestStation]:
    made = TestStation(broker, name)
    try:
        yield made
    finally:
        made.close()
