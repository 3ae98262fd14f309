"""Links: how bytes get in and out of the station. Serial lines, TCP connections, and Modbus buses on either.

`open_link` gives a `ByteLink`: ``async for data, arrival_s in link`` brings chunks for ever, through every unplugging. `open_bus` gives a
`ModbusBus`, on which several devices are asked in turn. Neither raises because the other end is away: they open again, and say so once.
The environment variable HAITAN_PORTS turns a station to the bench's ports (`edge.links.bench`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from edge.links.bench import ports_from, serial_path, tcp_address
from edge.links.bytelink import ByteLink, Channel, LinkChange
from edge.links.modbus import Limits, ModbusBus, Reply, UnitState
from firmware_config.station import ModbusRtuLink, ModbusTcpLink, SerialLink, TcpLink

__all__ = ["ByteLink", "Limits", "LinkChange", "ModbusBus", "Reply", "UnitState", "open_bus", "open_link", "ports_from"]

AnyLink = SerialLink | TcpLink | ModbusRtuLink | ModbusTcpLink


def open_link(link: AnyLink, ports: Path | None = None, on_change: Callable[[LinkChange], None] | None = None) -> ByteLink:
    """The byte stream of a link of the station file. Nothing is opened before it is iterated. ``ports``: the bench's folder
    (`ports_from`)."""
    opener: Callable[[], Awaitable[Channel]]
    if isinstance(link, SerialLink | ModbusRtuLink):
        line = link

        async def opener() -> Channel:
            from edge.links.serial_port import SerialChannel

            return await SerialChannel.open(serial_path(line, ports), line.baud, line.format)
    else:
        connection = link

        async def opener() -> Channel:
            from edge.links.tcp import TcpChannel

            return await TcpChannel.open(*tcp_address(connection, ports))

    return ByteLink(link.id, opener, on_change)


def open_bus(
    link: ModbusRtuLink | ModbusTcpLink, ports: Path | None = None, on_change: Callable[[LinkChange], None] | None = None
) -> ModbusBus:
    """The Modbus bus of a link; start its ``run`` in a task."""
    stream = open_link(link, ports, on_change)
    return ModbusBus(stream, "rtu", link.baud) if isinstance(link, ModbusRtuLink) else ModbusBus(stream, "tcp")
