"""Where a link is: in the field what the station file says, on the bench what stands in the folder that HAITAN_PORTS names.

``DIR/<link id>`` is a symbolic link to a pseudo-terminal for serial and modbus_rtu; ``DIR/<link id>.tcp`` holds ``127.0.0.1:PORT`` for tcp
and modbus_tcp. The folder is looked at anew at every opening, because a simulator that restarts comes back somewhere else.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from edge.errors import LinkError
from firmware_config.station import ModbusRtuLink, ModbusTcpLink, SerialLink, TcpLink

ENVIRONMENT = "HAITAN_PORTS"


def ports_from(environ: Mapping[str, str]) -> Path | None:
    """The bench's folder of ports, or None in the field."""
    return Path(environ[ENVIRONMENT]) if environ.get(ENVIRONMENT) else None


def serial_path(link: SerialLink | ModbusRtuLink, ports: Path | None) -> str:
    """The device to open; LinkError when the bench does not have it (yet)."""
    if ports is None:
        return link.port
    path = ports / link.id
    if not path.exists():
        raise LinkError(f"link {link.id}: the bench has no port {path} (yet)")
    return os.path.realpath(path)


def tcp_address(link: TcpLink | ModbusTcpLink, ports: Path | None) -> tuple[str, int]:
    """Host and port to connect to; LinkError when the bench does not have it (yet)."""
    if ports is None:
        return link.host, link.port
    path = ports / f"{link.id}.tcp"
    try:
        host, _, port = path.read_text(encoding="ascii").strip().rpartition(":")
        return host, int(port)
    except (OSError, ValueError):
        raise LinkError(f"link {link.id}: the bench has no address in {path} (yet)") from None
