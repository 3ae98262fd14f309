"""A Modbus line on a pseudo-terminal for the tests of links and instruments: its far end, where devices are put, and the bus that reads it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from edge.links import ModbusBus, open_bus
from firmware_config.station import ModbusRtuLink
from tests.edge.links.peers import Pty, Rs485, until


@pytest.fixture
def modbus_link() -> ModbusRtuLink:
    return ModbusRtuLink(id="water", kind="modbus_rtu", port="none", baud=9600)


@pytest_asyncio.fixture
async def line(modbus_link: ModbusRtuLink, tmp_path: Path) -> AsyncIterator[Rs485]:
    line = Rs485(Pty(tmp_path / modbus_link.id))
    yield line
    await line.stop()
    line.pty.unplug()


@pytest_asyncio.fixture
async def bus(line: Rs485, modbus_link: ModbusRtuLink, tmp_path: Path) -> AsyncIterator[ModbusBus]:
    bus = open_bus(modbus_link, tmp_path)
    task = asyncio.create_task(bus.run())
    await until(lambda: bus.link.connected)
    yield bus
    await bus.link.close()
    await task
