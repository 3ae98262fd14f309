"""Fixtures: a started real server for a test (``mosquitto``, ``nats``, ``influxd``, ``victoria``) or each broker in turn (``mqtt_broker``).

@pytest.mark.needs("mosquitto")
def test_something(mosquitto: Mosquitto) -> None:
    session = MqttSession(mosquitto.broker, "me")
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from simulators.servers import Influx1, Mosquitto, Nats, Server, Victoria, find_broker, free_port, get, program, running

__all__ = ["Influx1", "Mosquitto", "Nats", "Server", "Victoria", "find_broker", "free_port", "get", "program", "running"]


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    with running(Mosquitto(tmp_path / "mosquitto")) as server:
        yield server


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[Nats]:
    with running(Nats(tmp_path / "nats")) as server:
        yield server


@pytest.fixture(
    params=[pytest.param("mosquitto", marks=pytest.mark.needs("mosquitto")), pytest.param("nats", marks=pytest.mark.needs("nats"))]
)
def mqtt_broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Mosquitto | Nats]:
    """Each broker in turn."""
    kind = {"mosquitto": Mosquitto, "nats": Nats}[request.param]
    with running(kind(tmp_path / request.param)) as server:
        yield server


@pytest.fixture
def influxd(tmp_path: Path) -> Iterator[Influx1]:
    with running(Influx1(tmp_path / "influxd")) as server:
        yield server


@pytest.fixture
def victoria(tmp_path: Path) -> Iterator[Victoria]:
    with running(Victoria(tmp_path / "victoria")) as server:
        yield server
