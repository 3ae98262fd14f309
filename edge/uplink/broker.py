"""Where a station's broker is, and by which secrets: from the station file, or the bench's."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from edge.errors import UplinkError
from firmware_config.base import log
from firmware_config.base.mqtt import Broker
from firmware_config.station import Uplink

logger = log.get(__name__)
ENVIRONMENT = "HAITAN_BROKER"
PASSWORD = "HAITAN_MQTT_PASSWORD"


def broker_for(uplink: Uplink, environment: Mapping[str, str] | None = None) -> Broker:
    """The broker of a station file's ``uplink``; ``HAITAN_BROKER=host:port`` names the bench's instead (no TLS, no secrets of the field).

    UplinkError when HAITAN_BROKER is not ``host:port`` or a file of secrets is not there.
    """
    environment = os.environ if environment is None else environment
    if bench := environment.get(ENVIRONMENT):
        host, _, port = bench.rpartition(":")
        if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65_536:
            raise UplinkError(f"{ENVIRONMENT}={bench!r}: write host:port, for example 127.0.0.1:1883")
        return Broker(host.strip("[]"), int(port), username=uplink.username if PASSWORD in environment else None)
    files = {key: Path(path) if (path := getattr(uplink, key)) else None for key in ("password_file", "ca", "certificate", "key")}
    for key, path in files.items():
        if path is not None and not path.is_file():
            raise UplinkError(f"uplink.{key}: there is no file {path}")
    if files["ca"] is None and uplink.host not in {"127.0.0.1", "localhost", "::1"}:
        logger.warning("the uplink is not encrypted: give uplink.ca (and certificate, key) in the station file", host=uplink.host)
    return Broker(
        uplink.host,
        uplink.port,
        username=uplink.username,
        password_file=files["password_file"],
        ca=files["ca"],
        certificate=files["certificate"],
        key=files["key"],
    )
