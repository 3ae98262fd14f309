"""The MQTT session against real brokers: what arrives, what is only handed over, and what an exception does."""

from __future__ import annotations

import os
import queue
import subprocess
import threading
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_config.base.mqtt import Message, MqttSession, Will
from firmware_config.base.paho_client import BufferedSocket
from simulators.servers import Mosquitto, running

WAIT_S = 20


class Peer:
    """A session whose happenings can be awaited."""

    def __init__(self, broker, client_id: str, topics: tuple[str, ...] = (), **options) -> None:
        self.inbox: queue.Queue[Message] = queue.Queue()
        self.up, self.down = threading.Event(), threading.Event()
        options.setdefault("on_message", self.inbox.put)
        self.session = MqttSession(
            broker, client_id, subscriptions=[(t, 1) for t in topics], on_up=self.up.set, on_down=self.down.set, **options
        )
        self.session.start()

    def __enter__(self) -> Peer:
        assert self.up.wait(WAIT_S), "no connection"
        return self

    def __exit__(self, *args: object) -> None:
        self.session.stop()

    def send(self, topic: str, payload: bytes, **options) -> None:
        done = threading.Event()
        assert self.session.publish(topic, payload, done=lambda ok: done.set(), **options)
        assert done.wait(WAIT_S), "no PUBACK"


def test_messages_arrive_and_retained_ones_wait(mqtt_broker) -> None:
    with Peer(mqtt_broker.broker, "sender") as sender:
        sender.send("ht/1/a/birth", b"kept", retain=True)
        with Peer(mqtt_broker.broker, "reader", ("ht/1/+/birth", "ht/1/+/data")) as reader:
            assert reader.inbox.get(timeout=WAIT_S).payload == b"kept"
            sender.send("ht/1/a/data", b"fresh")
            assert reader.inbox.get(timeout=WAIT_S).payload == b"fresh"


def test_what_is_sent_in_answer_to_coming_up_is_never_missed(mqtt_broker) -> None:
    """By sessions the broker has never seen, so that nothing is subscribed yet: the answer meets no older subscription."""
    with Peer(mqtt_broker.broker, "sender") as sender:
        for life in range(15):
            inbox: queue.Queue[Message] = queue.Queue()
            answer = partial(sender.session.publish, f"ht/1/s{life}/ack", b"for you")
            session = MqttSession(mqtt_broker.broker, f"s{life}", [(f"ht/1/s{life}/ack", 1)], on_message=inbox.put, on_up=answer)
            session.start()
            try:
                assert inbox.get(timeout=WAIT_S).payload == b"for you"
            finally:
                session.stop()


def test_everything_of_a_connection_comes_after_it_is_up(mqtt_broker) -> None:
    """Also what a broker kept and sends before it confirms the subscription."""
    with Peer(mqtt_broker.broker, "sender") as sender:
        sender.send("ht/1/centre/state", b"listening", retain=True)
        for life in range(5):
            order: queue.Queue[str] = queue.Queue()
            session = MqttSession(
                mqtt_broker.broker, f"s{life}", [(f"ht/1/s{life}/ack", 0), ("ht/1/centre/state", 0)],
                on_message=lambda message, order=order: order.put(message.topic), on_up=lambda order=order: order.put("up"),
            )  # fmt: skip
            session.start()
            try:
                assert [order.get(timeout=WAIT_S), order.get(timeout=WAIT_S)] == ["up", "ht/1/centre/state"]
            finally:
                session.stop()


def test_an_exception_in_a_callback_does_not_end_the_session(mqtt_broker) -> None:
    seen: queue.Queue[bytes] = queue.Queue()

    def explode(message: Message) -> None:
        seen.put(message.payload)
        raise RuntimeError("handler failed")

    with Peer(mqtt_broker.broker, "reader", ("ht/1/+/data",), on_message=explode) as reader, Peer(mqtt_broker.broker, "sender") as sender:
        for payload in (b"1", b"2", b"3"):
            sender.send("ht/1/a/data", payload)
            assert seen.get(timeout=WAIT_S) == payload
        assert reader.session.alive


def test_unacknowledged_deliveries_come_again_to_the_next_life(mqtt_broker) -> None:
    with Peer(mqtt_broker.broker, "reader", ("ht/1/+/data",), manual_ack=True) as reader, Peer(mqtt_broker.broker, "sender") as sender:
        sender.send("ht/1/a/data", b"first")
        reader.session.acknowledge(reader.inbox.get(timeout=WAIT_S))
        sender.send("ht/1/a/data", b"second")
        assert reader.inbox.get(timeout=WAIT_S).payload == b"second"
    with Peer(mqtt_broker.broker, "reader", ("ht/1/+/data",), manual_ack=True) as again:
        assert again.inbox.get(timeout=WAIT_S).payload == b"second"


def test_nothing_is_accepted_while_disconnected_and_it_comes_back_by_itself(mqtt_broker) -> None:
    with Peer(mqtt_broker.broker, "sender") as sender:
        mqtt_broker.kill()
        assert sender.down.wait(WAIT_S)
        assert not sender.session.publish("ht/1/a/data", b"lost")
        sender.up.clear()
        mqtt_broker.wipe()
        mqtt_broker.start()
        assert sender.up.wait(60), "did not reconnect"
        sender.send("ht/1/a/data", b"after")


def test_the_will_speaks_when_the_connection_dies(mqtt_broker) -> None:
    with Peer(mqtt_broker.broker, "reader", ("ht/1/+/state",)) as reader:
        dying = Peer(mqtt_broker.broker, "station", will=Will("ht/1/a/state", b"offline"))
        assert dying.up.wait(WAIT_S)
        dying.session._client.socket().close()  # cable out: no DISCONNECT is sent
        message = reader.inbox.get(timeout=60)
        assert (message.topic, message.payload) == ("ht/1/a/state", b"offline")
        dying.session.stop()


async def test_waiting_for_the_broker_ends_with_its_answer_or_with_false(mqtt_broker) -> None:
    with Peer(mqtt_broker.broker, "sender") as sender:
        assert await sender.session.publish_and_wait("ht/1/a/data", b"x")
        mqtt_broker.pause()
        try:
            assert not await sender.session.publish_and_wait("ht/1/a/data", b"y", timeout_s=0.3)
        finally:
            mqtt_broker.resume()


@pytest.mark.needs("mosquitto")
def test_a_wrong_password_is_logged_and_tried_again_not_fatal(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Guarded(Mosquitto):
        def command(self) -> list[str]:
            command = super().command()
            config = self.folder / "mosquitto.conf"
            text = config.read_text().replace("allow_anonymous true", f"allow_anonymous false\npassword_file {self.folder}/users")
            config.write_text(text + ("user root\n" if os.geteuid() == 0 else ""))  # or it cannot read a root-only folder
            return command

    server = Guarded(tmp_path / "guarded")
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(server.folder / "users"), "station", "right"], check=True)
    with running(server):
        monkeypatch.setenv("HAITAN_MQTT_PASSWORD", "wrong")
        refused = Peer(replace(server.broker, username="station"), "station")
        assert not refused.up.wait(1.5)
        assert refused.session.alive
        refused.session.stop()
        monkeypatch.setenv("HAITAN_MQTT_PASSWORD", "right")
        with Peer(replace(server.broker, username="station"), "station"):
            pass


class Dripping:
    """A socket that gives what it holds in its own pieces, as a network does."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces

    def recv(self, size: int) -> bytes:
        if not self.pieces:
            raise BlockingIOError
        piece, rest = self.pieces[0][:size], self.pieces[0][size:]
        self.pieces[:1] = [rest] if rest else []
        return piece


@given(
    pieces=st.lists(st.binary(min_size=1, max_size=200_000), max_size=6), sizes=st.lists(st.integers(1, 90_000), min_size=1, max_size=20)
)
@settings(deadline=None, max_examples=50)
def test_a_buffered_socket_gives_every_byte_once_and_in_order(pieces: list[bytes], sizes: list[int]) -> None:
    buffered = BufferedSocket(Dripping(list(pieces)))
    got, turn = b"", 0
    while True:
        size = sizes[turn % len(sizes)]
        turn += 1
        try:
            piece = buffered.recv(size)
        except BlockingIOError:
            break
        assert 0 < len(piece) <= size
        got += piece
        assert buffered.pending() + len(got) <= sum(map(len, pieces))
    assert got == b"".join(pieces)
    assert buffered.pending() == 0


def test_many_deliveries_acknowledged_at_once_do_not_come_again(mqtt_broker) -> None:
    with Peer(mqtt_broker.broker, "reader", ("ht/1/+/data",), manual_ack=True) as reader, Peer(mqtt_broker.broker, "sender") as sender:
        for i in range(150):
            sender.session.publish("ht/1/a/data", str(i).encode())
        first = [reader.inbox.get(timeout=WAIT_S) for _ in range(150)]
        reader.session.acknowledge_all(first)
        sender.send("ht/1/a/data", b"end")
        assert reader.inbox.get(timeout=WAIT_S).payload == b"end"
        reader.session.stop()  # only "end" is not acknowledged
    with Peer(mqtt_broker.broker, "reader", ("ht/1/+/data",), manual_ack=True) as reader:
        assert reader.inbox.get(timeout=WAIT_S).payload == b"end"


def test_nothing_is_remembered_of_messages_nobody_waits_for(mqtt_broker) -> None:
    """Their numbers come again after 65535 messages: one that was remembered would then pass for the PUBACK of another message."""
    with Peer(mqtt_broker.broker, "sender") as sender:
        for qos in (0, 1):
            for _ in range(20):
                sender.session.publish("ht/1/a/live", b"x", qos=qos)
        sender.send("ht/1/a/data", b"its PUBACK comes after all others")
        assert sender.session._early == set()
        assert sender.session._waiting == {}
