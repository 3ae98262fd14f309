"""A Modbus line on a pseudo-terminal: its far end, where devices are put, and the bus that reads it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from edge.links import ModbusBus, open_bus
from firmware_config.station import ModbusRtuLink
from tests.edge.links.peers import Pty, Rs485
from tests.edge.links.test_modbus_bus import until


@pytest_asyncio.fixture
async def line(tmp_path: Path) -> AsyncIterator[Rs485]:
    line = Rs485(Pty(tmp_path / "water"))
    yield line
    await line.stop()
    line.pty.unplug()


@pytest_asyncio.fixture
async def bus(line: Rs485, tmp_path: Path) -> AsyncIterator[ModbusBus]:
    bus = open_bus(ModbusRtuLink(id="water", kind="modbus_rtu", port="none", baud=9600), tmp_path)
    task = asyncio.create_task(bus.run())
    await until(lambda: bus.link.connected)
    yield bus
    await bus.link.close()
    await task
