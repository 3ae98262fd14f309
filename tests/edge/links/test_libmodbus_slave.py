"""Our bus and our drivers ask a slave that nobody here wrote (libmodbus), on a serial line and over TCP."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from edge.instruments import ModbusDriver, make_driver
from edge.links import ModbusBus, open_bus
from firmware_config.cards import load_card
from firmware_config.station import Instrument, ModbusRtuLink, ModbusTcpLink
from simulators.servers import free_port
from tests.edge.links.libmodbus import Cable, Slave

pytestmark = pytest.mark.needs("libmodbus")
OXYGEN_UNIT = 5
PROBE = [*struct.unpack(">24H", struct.pack(">5fI", 98.4, 8.12, 97.9, 17.25, 17.2, 123_456) + b"\xff\xff" * 12)]
"""A YSI ODO: saturation, mg/L, local saturation, two temperatures, time since its start, and no conductivity."""
GAUGE = [0] * 0x100 + [*struct.unpack(">4H", struct.pack(">2f", 0.4133, 16.5))]
"""A Keller: pressure and temperature at 0x0100, and no register after them."""


def driver(model: str, unit: int) -> ModbusDriver:
    base = {"id": "x", "model": model, "place": "surface", "serial_number": "1", "link": "water", "every": "1s", "address": unit}
    options = {"answer": "3s", "answer_longest": "3s"}
    made = make_driver(Instrument.model_validate({**base, "mounting": {"height_m": -1}, "options": options}), load_card(model))
    assert isinstance(made, ModbusDriver)
    return made


@asynccontextmanager
async def asked(bus: ModbusBus) -> AsyncIterator[ModbusBus]:
    task = asyncio.create_task(bus.run())
    async with asyncio.timeout(10):
        while not bus.link.connected:
            await asyncio.sleep(0.01)
    try:
        yield bus
    finally:
        await bus.link.close()
        await task


async def reads_both(bus: ModbusBus, unit: int) -> None:
    oxygen = await driver("ysi_odo_rtu_modbus", unit).poll(bus)
    assert oxygen.valid, oxygen.reason
    assert oxygen.quantities["dissolved_oxygen"] == pytest.approx(8.12)
    assert oxygen.quantities["water_temperature"] == pytest.approx(17.25)
    pressure = await driver("keller_series30_modbus", unit).poll(bus)
    assert pressure.valid, pressure.reason
    assert pressure.quantities["water_pressure"] == pytest.approx(0.4133)
    refused = await driver("vegapuls_modbus", unit).poll(bus)
    assert "exception 2" in refused.reason, "it has no register 2000"
    assert (await driver("ysi_odo_rtu_modbus", unit).poll(bus)).valid


async def test_a_slave_on_a_serial_line_is_read_and_another_address_is_silent(tmp_path: Path) -> None:
    cable = Cable()
    (tmp_path / "water").symlink_to(cable.ends[0])
    link = ModbusRtuLink(id="water", kind="modbus_rtu", port="none", baud=19_200)
    try:
        with Slave((cable.ends[1], 19_200), OXYGEN_UNIT, holding=GAUGE, inputs=PROBE).serving() as slave:
            async with asked(open_bus(link, tmp_path)) as bus:
                await reads_both(bus, OXYGEN_UNIT)
                other = driver("ysi_odo_rtu_modbus", OXYGEN_UNIT + 1)
                other.limits = other.limits._replace(answer_s=0.3, longest_s=0.3)
                assert "did not answer" in (await other.poll(bus)).reason
                assert (await driver("ysi_odo_rtu_modbus", OXYGEN_UNIT).poll(bus)).valid
            assert slave.requests >= 5
    finally:
        cable.close()


async def test_a_slave_over_tcp_is_read(tmp_path: Path) -> None:
    port = free_port()
    with Slave(port, 0xFF, holding=GAUGE, inputs=PROBE).serving():
        async with asked(open_bus(ModbusTcpLink(id="water", kind="modbus_tcp", host="127.0.0.1", port=port))) as bus:
            await reads_both(bus, OXYGEN_UNIT)
