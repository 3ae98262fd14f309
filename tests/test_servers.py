"""The servers that other tests lean on: they start, forget when told to, and come back on the same port."""

from __future__ import annotations

import threading

import pytest

from firmware_config.base.mqtt import Message, MqttSession
from tests.servers import Influx1, Server, Victoria, get


def _retained(server, topic: str) -> bytes | None:
    """What a fresh client is given for a topic: the retained payload, or a marker published after it."""
    seen: list[Message] = []
    got, up = threading.Event(), threading.Event()
    session = MqttSession(
        server.broker, "reader", [(topic, 1), ("ht/1/probe/reply", 1)], on_message=lambda m: (seen.append(m), got.set())[0], on_up=up.set
    )
    session.start()
    assert up.wait(20)
    session.publish("ht/1/probe/reply", b"end")
    assert got.wait(20)
    session.stop()
    return seen[0].payload if seen[0].topic == topic else None


def test_broker_delivers_retained_messages_and_forgets_them_when_wiped(mqtt_broker: Server) -> None:
    up, sent = threading.Event(), threading.Event()
    session = MqttSession(mqtt_broker.broker, "writer", on_up=up.set)
    session.start()
    assert up.wait(20)
    session.publish("ht/1/a/state", b"x", retain=True, done=lambda ok: sent.set())
    assert sent.wait(20)
    session.stop()
    assert _retained(mqtt_broker, "ht/1/a/state") == b"x"
    port = mqtt_broker.port
    mqtt_broker.kill()
    mqtt_broker.wipe()
    mqtt_broker.start()
    assert mqtt_broker.port == port
    assert _retained(mqtt_broker, "ht/1/a/state") is None


@pytest.mark.needs("influxd")
def test_influxd_keeps_its_data_over_a_kill(influxd: Influx1) -> None:
    import urllib.request

    influxd.query("create database d")
    request = urllib.request.Request(f"{influxd.url}/write?db=d&precision=ms", data=b"m,station=a f=1.5 1767225600000", method="POST")
    with urllib.request.urlopen(request) as response:
        assert response.status == 204
    influxd.kill()
    influxd.start()
    answer = influxd.query("select f from m", "d")
    assert answer["results"][0]["series"][0]["values"] == [[1767225600000, 1.5]]


@pytest.mark.needs("victoria")
def test_victoria_takes_the_v2_write_path(victoria: Victoria) -> None:
    import urllib.request

    url = f"{victoria.url}/api/v2/write?org=o&bucket=b&precision=ms"
    with urllib.request.urlopen(urllib.request.Request(url, data=b"m,station=a f=1.5 1767225600000", method="POST")) as response:
        assert response.status == 204
    assert [(s["values"], s["timestamps"]) for s in victoria.export("m_f")] == [([1.5], [1767225600000])]
    assert get(f"{victoria.url}/health") == b"OK"
