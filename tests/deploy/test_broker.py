"""The broker as deployed: certificates from our script, and nobody writes where it may not."""

from __future__ import annotations

import queue
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware_config.base.mqtt import Broker, Message, MqttSession
from simulators.servers import Mosquitto, program, running
from tests.conftest import ROOT

pytestmark = pytest.mark.needs("mosquitto")
WAIT_S = 20
CERTIFICATES = ROOT / "deploy/certificates.sh"


class Deployed(Mosquitto):
    """Mosquitto with the repository's own configuration, only paths, port and user replaced."""

    def command(self) -> list[str]:
        text = (ROOT / "deploy/mosquitto/haitan.conf").read_text()
        (self.folder / "acl").write_text((ROOT / "deploy/mosquitto/acl").read_text())
        text = text.replace("/etc/mosquitto/haitan", str(self.folder)).replace("listener 8883", f"listener {self.port} 127.0.0.1")
        config = self.folder / "mosquitto.conf"
        config.write_text(text + "\nuser root\n")
        return [program("mosquitto") or "mosquitto", "-c", str(config)]


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    server = Deployed(tmp_path_factory.mktemp("deployed"))
    for words in (["ca"], ["broker", "127.0.0.1"], ["client", "centre"], ["client", "buoy"], ["client", "tower"]):
        subprocess.run([str(CERTIFICATES), str(server.folder), *words], check=True)
    with running(server):
        yield server


class Client:
    def __init__(self, server: Deployed, identity: str, topics: tuple[str, ...] = ()) -> None:
        folder = server.folder
        broker = Broker(
            "127.0.0.1", server.port, ca=folder / "ca.pem", certificate=folder / f"{identity}.pem", key=folder / f"{identity}.key"
        )
        self.inbox: queue.Queue[Message] = queue.Queue()
        self.up = threading.Event()
        self.session = MqttSession(broker, identity, subscriptions=[(t, 1) for t in topics], on_up=self.up.set, on_message=self.inbox.put)

    def __enter__(self) -> Client:
        self.session.start()
        assert self.up.wait(WAIT_S), "no connection"
        return self

    def __exit__(self, *args: object) -> None:
        self.session.stop()

    def send(self, topic: str) -> None:
        done = threading.Event()
        assert self.session.publish(topic, b"x", done=lambda ok: done.set())
        assert done.wait(WAIT_S)

    def topics(self, count: int) -> list[str]:
        return sorted(self.inbox.get(timeout=WAIT_S).topic for _ in range(count))


def test_a_station_writes_only_its_own_branch(deployed: Deployed) -> None:
    with Client(deployed, "centre", ("ht/1/+/data", "ht/1/+/birth")) as centre, Client(deployed, "buoy") as buoy:
        for topic in ("ht/1/tower/data", "ht/1/tower/birth", "ht/1/buoy/data"):
            buoy.send(topic)  # Mosquitto acknowledges and drops what is not allowed
        buoy.send("ht/1/buoy/birth")
        assert centre.topics(2) == ["ht/1/buoy/birth", "ht/1/buoy/data"]
        assert centre.inbox.empty()


def test_a_station_reads_its_acks_and_the_centres_state_and_nothing_else(deployed: Deployed) -> None:
    wide = ("ht/1/+/data", "ht/1/+/ack", "ht/1/+/cmd", "ht/1/+/state")
    with Client(deployed, "tower", wide) as tower, Client(deployed, "buoy") as buoy, Client(deployed, "centre") as centre:
        buoy.send("ht/1/buoy/data")
        centre.send("ht/1/buoy/ack")
        centre.send("ht/1/tower/ack")
        centre.send("ht/1/tower/cmd")
        centre.send("ht/1/centre/state")
        assert tower.topics(3) == ["ht/1/centre/state", "ht/1/tower/ack", "ht/1/tower/cmd"]
        assert tower.inbox.empty()


def test_a_station_cannot_speak_as_the_centre(deployed: Deployed) -> None:
    with Client(deployed, "tower", ("ht/1/tower/ack", "ht/1/centre/state")) as tower, Client(deployed, "buoy") as buoy:
        buoy.send("ht/1/tower/ack")
        buoy.send("ht/1/centre/state")
        with Client(deployed, "centre") as centre:
            centre.send("ht/1/tower/ack")
        assert tower.topics(1) == ["ht/1/tower/ack"]
        assert tower.inbox.empty()


def test_without_a_certificate_of_ours_nobody_connects(deployed: Deployed, tmp_path: Path) -> None:
    for words in (["ca"], ["client", "buoy"]):
        subprocess.run([str(CERTIFICATES), str(tmp_path), *words], check=True)
    foreign = Broker(
        "127.0.0.1", deployed.port, ca=deployed.folder / "ca.pem", certificate=tmp_path / "buoy.pem", key=tmp_path / "buoy.key"
    )
    up = threading.Event()
    for broker in (foreign, Broker("127.0.0.1", deployed.port, ca=deployed.folder / "ca.pem"), Broker("127.0.0.1", deployed.port)):
        session = MqttSession(broker, "buoy", on_up=up.set)
        session.start()
        assert not up.wait(0.7)
        session.stop()


def test_keys_are_private_and_a_second_authority_is_refused(deployed: Deployed) -> None:
    assert (deployed.folder / "buoy.key").stat().st_mode & 0o077 == 0
    again = subprocess.run([str(CERTIFICATES), str(deployed.folder), "ca"], capture_output=True, text=True)
    assert again.returncode == 1
    assert "lock every station out" in again.stderr
