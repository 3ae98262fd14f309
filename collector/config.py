"""The centre's settings, one YAML file; every key has a default, so that ``haitan-collector run`` works without a file.

Durations, sizes and rates are written with their unit (``10s``, ``200 MB``); unknown keys are refused; secrets are named (a file, an
environment variable), never written here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from collector.alarms.settings import AlarmSettings
from collector.api.settings import HttpSettings
from collector.errors import ConfigError
from firmware_config.base.files import read_regular
from firmware_config.base.mqtt import Broker
from firmware_config.units import DurationMs, SizeBytes
from firmware_config.yaml_report import show

BROKER_ENVIRONMENT = "HAITAN_BROKER"
MAX_FILE_BYTES = 1_000_000


class Model(BaseModel):
    """Base of every part: unknown keys are errors, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class BrokerConfig(Model):
    """Where the MQTT broker is. The password comes from ``password_file`` or the environment variable HAITAN_MQTT_PASSWORD."""

    host: str = "127.0.0.1"
    port: int = Field(default=1883, ge=1, le=65_535)
    username: str | None = None
    password_file: Path | None = None
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


class IngestConfig(Model):
    """How messages are grouped into transactions, and what is refused."""

    group: DurationMs = 150
    """a transaction takes what arrives within this time of its first message, sooner when messages pause"""
    group_messages: int = Field(default=100, ge=1, le=10_000)
    """… or so many messages; keep it at half of the broker's ``max_inflight_messages`` or less"""
    future: DurationMs = 300_000
    """a record that begins later than this after the centre's own time is parked"""
    max_stations: int = Field(default=1_000, ge=1)
    queue: SizeBytes = 256_000_000
    """messages waiting for their transaction; beyond it they are let go (stations send them again)"""


class StoreConfig(Model):
    quota: SizeBytes | None = None
    """largest size of ``store.db``; none: the disk decides"""
    reserve: SizeBytes = 200_000_000
    """room on the disk that ingest leaves free, for the alarm journal and the log"""
    check_below: SizeBytes = 2_000_000_000
    """a store smaller than this is checked from end to end at every start; a larger one when it shows damage"""
    parked_rows: int = Field(default=10_000, ge=10)


class InfluxV1(Model):
    """InfluxDB 1.x: ``/write`` over plain HTTP."""

    kind: Literal["influx1"]
    url: str = "http://127.0.0.1:8086"
    database: str = "haitan"
    retention_policy: str | None = None
    username: str | None = None
    password_file: Path | None = None
    create: bool = True
    """create the database when it is missing"""
    batch: int = Field(default=1_000, ge=1, le=5_000)
    timeout: DurationMs = 10_000

    @property
    def name(self) -> str:
        return f"influx1 {self.url} {self.database}"


class InfluxV2(Model):
    """InfluxDB 1.8, 2.x, 3.x and VictoriaMetrics: ``/api/v2/write``. The token comes from ``token_file`` or HAITAN_INFLUX_TOKEN."""

    kind: Literal["influx2", "influx3"]
    url: str = "http://127.0.0.1:8086"
    bucket: str = "haitan"
    org: str = "haitan"
    token_file: Path | None = None
    batch: int = Field(default=1_000, ge=1, le=5_000)
    timeout: DurationMs = 10_000

    @property
    def name(self) -> str:
        return f"{self.kind} {self.url} {self.bucket}"


SinkConfig = Annotated[InfluxV1 | InfluxV2, Field(discriminator="kind")]


class CollectorConfig(Model):
    """COLLECTOR.yaml, whole."""

    centre: str = Field(default="centre", pattern=r"^[A-Za-z0-9_-]{1,64}$")
    data: Path = Path("var/collector")
    accept_simulated: bool = False
    """a production centre refuses what a simulator made"""
    stations: frozenset[str] | None = None
    """only these stations are heard; none: every station the broker lets in"""
    broker: BrokerConfig = BrokerConfig()
    ingest: IngestConfig = IngestConfig()
    store: StoreConfig = StoreConfig()
    sink: SinkConfig | None = None
    http: HttpSettings = HttpSettings()
    alarms: AlarmSettings = AlarmSettings()

    @model_validator(mode="after")
    def _centre_is_no_station(self) -> CollectorConfig:
        if self.stations is not None and self.centre in self.stations:
            raise ValueError(f"the centre's id {self.centre!r} is also in stations; give the centre an id of its own")
        return self

    def mqtt(self, environment: Mapping[str, str] = os.environ) -> Broker:
        """The broker to use; HAITAN_BROKER=host:port overrides it on the bench (no TLS, no password)."""
        override = environment.get(BROKER_ENVIRONMENT)
        if override:
            host, _, port = override.rpartition(":")
            if not host or not port.isdigit():
                raise ConfigError([f"{BROKER_ENVIRONMENT}={override!r}: write host:port"])
            return Broker(host, int(port))
        return Broker(**self.broker.model_dump())


def load_config(path: Path | None, **overrides: Any) -> CollectorConfig:
    """Read COLLECTOR.yaml (none: defaults only); ``overrides`` replace top-level keys. ConfigError names every problem at once."""
    try:
        read = yaml.safe_load(read_regular(path, MAX_FILE_BYTES).decode()) if path is not None else {}
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:  # ValueError: not UTF-8, or a number of thousands of digits
        raise ConfigError([f"{path}: cannot be read: {error}"]) from error
    if read is not None and not isinstance(read, dict):
        raise ConfigError([f"{path}: must be a mapping of keys, found {type(read).__name__}"])
    try:
        return CollectorConfig.model_validate({**(read or {}), **{k: v for k, v in overrides.items() if v is not None}})
    except ValidationError as error:
        where = path or "settings"
        problems = [
            f"{where}: {'.'.join(str(part) for part in p['loc']) or '(whole file)'}: {p['msg']} (found {show(p['input'])})"
            for p in error.errors()
        ]
        raise ConfigError(problems) from error
