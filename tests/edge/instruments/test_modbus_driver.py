"""The Modbus driver with the cards of real devices, against devices on a pseudo-terminal that are written from the documents."""

import math
import struct

import pytest

from edge.instruments import ModbusDriver
from edge.links import Limits, ModbusBus
from tests.edge.instruments.test_contract import driver
from tests.edge.links.peers import Device, Rs485, holding, registers, sealed


def words(data: bytes) -> list[int]:
    return [int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)]


class Y504:
    """Yosemitech's optode: measures only after a read of no registers at 0x2500; floats with their bytes reversed."""

    def __init__(self, unit: int = 1) -> None:
        self.unit = unit
        self.running = False
        self.starts = 0
        self.when_stopped = "zeros"
        self.values = (18.52, 0.9641, 8.71)

    async def __call__(self, request: bytes) -> bytes:
        address = int.from_bytes(request[2:4], "big")
        if address == 0x2500:
            self.running = True
            self.starts += 1
            return registers(self.unit, [])
        if address == 0x0900:
            return registers(self.unit, words(b"YL0904220701\0\0"))
        if address != 0x2600:
            return sealed(bytes((self.unit, request[1] | 0x80, 2)))
        if not self.running and self.when_stopped == "exception":
            return sealed(bytes((self.unit, request[1] | 0x80, 4)))
        values = self.values if self.running else (0.0, 0.0, 0.0)
        return registers(self.unit, words(b"".join(struct.pack("<f", value) for value in values)))


def keller(unit: int, pressure_bar: float, temperature_c: float) -> Device:
    data = {
        0x0100: struct.pack(">ff", pressure_bar, temperature_c),
        0x0002: struct.pack(">f", pressure_bar),
        0x0008: struct.pack(">f", temperature_c),
    }

    async def device(request: bytes) -> bytes:
        address, count = int.from_bytes(request[2:4], "big"), int.from_bytes(request[4:6], "big")
        if address == 0x0202:
            return registers(unit, [0, 12345])
        if address not in data:
            return sealed(bytes((unit, request[1] | 0x80, 2)))
        return registers(unit, words(data[address])[:count])

    return device


class World:
    """Seconds in the test's hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def y504(world: World, **options) -> ModbusDriver:
    made = driver("yosemitech_y504_modbus", address=1, options={"answer": "3s", "answer_longest": "3s", **options})
    assert isinstance(made, ModbusDriver)
    made._monotonic = world
    return made


def patient_gauge(**options) -> ModbusDriver:
    made = driver("keller_series30_modbus", address=2, options={"answer": "3s", "answer_longest": "3s", **options})
    assert isinstance(made, ModbusDriver)
    return made


async def test_an_optode_is_started_and_waited_for_before_its_values_count(line: Rs485, bus: ModbusBus) -> None:
    device, world = Y504(), World()
    line.answers[1] = device
    optode = y504(world)
    first = await optode.poll(bus)
    assert device.starts == 1
    assert not first.valid
    assert first.reason == "warming up after its start"
    assert set(first.quantities.values()) == {None}
    assert first.spoiled["dissolved_oxygen"] == pytest.approx(8.71)
    world.now += 8.0
    second = await optode.poll(bus)
    assert second.valid
    assert second.quantities == pytest.approx(
        {"water_temperature": 18.52, "oxygen_saturation_sensor": 96.41, "dissolved_oxygen": 8.71}, rel=1e-6
    )
    assert device.starts == 1


@pytest.mark.parametrize("symptom", ["zeros", "exception"])
async def test_an_optode_that_lost_its_power_is_started_again(line: Rs485, bus: ModbusBus, symptom: str) -> None:
    device, world = Y504(), World()
    device.when_stopped = symptom
    line.answers[1] = device
    optode = y504(world)
    await optode.poll(bus)
    world.now += 8.0
    device.running = False
    lost = await optode.poll(bus)
    assert not lost.valid
    assert lost.quantities.get("dissolved_oxygen") is None
    await optode.poll(bus)
    assert device.starts == 2
    world.now += 8.0
    assert (await optode.poll(bus)).valid


async def test_old_firmware_gives_saturation_and_no_concentration(line: Rs485, bus: ModbusBus) -> None:
    device, world = Y504(), World()
    device.values = (20.0, 0.9, 0.0)
    line.answers[1] = device
    optode = y504(world)
    await optode.poll(bus)
    world.now += 8.0
    reading = await optode.poll(bus)
    assert reading.valid
    assert reading.values["do_mgl"] == 0.0
    assert reading.quantities["dissolved_oxygen"] is None
    assert reading.quantities["oxygen_saturation_sensor"] == pytest.approx(90.0)


@pytest.mark.parametrize("wrong", [(math.nan, 0.9, 8.0), (20.0, math.inf, 8.0), (20.0, -3.0e20, 8.0)])
async def test_numbers_that_are_none_or_impossible_are_not_data(line: Rs485, bus: ModbusBus, wrong: tuple[float, float, float]) -> None:
    device, world = Y504(), World()
    device.values = wrong
    line.answers[1] = device
    optode = y504(world)
    await optode.poll(bus)
    world.now += 8.0
    reading = await optode.poll(bus)
    assert not reading.valid
    assert reading.reason


async def test_the_first_reading_after_a_timeout_is_suspect(line: Rs485, bus: ModbusBus) -> None:
    gauge = driver("keller_series30_modbus", address=2, options={"answer": "60ms", "answer_longest": "90ms"})
    assert isinstance(gauge, ModbusDriver)
    silent = await gauge.poll(bus)
    gauge.limits = Limits(3.0, 3.0)
    assert (silent.valid, silent.values) == (False, {})
    assert gauge.stats.timeouts == 1
    line.answers[2] = keller(2, 0.4123, 14.25)
    reading = await gauge.poll(bus)
    assert reading.suspect
    assert reading.valid
    assert not (await gauge.poll(bus)).suspect


async def test_skipped_polls_are_counted_apart_from_failures(line: Rs485, bus: ModbusBus) -> None:
    gauge = driver("keller_series30_modbus", address=2, options={"answer": "20ms", "answer_longest": "20ms"})
    assert isinstance(gauge, ModbusDriver)
    reasons = [(await gauge.poll(bus)).reason for _ in range(9)]
    assert reasons.count("skipped") == gauge.stats.skipped == 5
    assert gauge.stats.timeouts == 4
    assert gauge.stats.bad == {"timeout": 4}


@pytest.mark.parametrize("registers_option", ["together", "apart"])
async def test_pressure_is_read_in_one_request_or_in_two(line: Rs485, bus: ModbusBus, registers_option: str) -> None:
    line.answers[2] = keller(2, 0.4123, 14.25)
    gauge = patient_gauge(registers=registers_option)
    reading = await gauge.poll(bus)
    assert reading.quantities == pytest.approx({"water_pressure": 0.4123, "sensor_temperature": 14.25}, rel=1e-6)
    assert len(line.requests) == {"together": 1, "apart": 2}[registers_option]


@pytest.mark.parametrize("sent", [math.nan, math.inf, -math.inf])
async def test_a_channel_error_spoils_its_channel_and_no_other(line: Rs485, bus: ModbusBus, sent: float) -> None:
    line.answers[2] = keller(2, sent, 14.0)
    gauge = patient_gauge()
    reading = await gauge.poll(bus)
    assert not reading.valid
    assert reading.values == {"p1_bar": None, "tob1_c": 14.0}
    assert reading.quantities == {"water_pressure": None, "sensor_temperature": 14.0}


async def test_devices_say_who_they_are(line: Rs485, bus: ModbusBus) -> None:
    line.answers[1] = Y504()
    optode = y504(World())
    assert await optode.identify(bus) == {"serial_number": "YL0904220701"}


async def test_an_unplugged_line_is_told_as_such(bus: ModbusBus) -> None:
    await bus.link.close()
    gauge = patient_gauge()
    assert (await gauge.poll(bus)).reason == "link down"
    assert gauge.stats.bad == {"link down": 1}


async def test_an_exception_is_a_reading_with_its_code(line: Rs485, bus: ModbusBus) -> None:
    async def busy(request: bytes) -> bytes:
        return sealed(bytes((2, request[1] | 0x80, 6)))

    line.answers[2] = busy
    gauge = patient_gauge()
    reading = await gauge.poll(bus)
    assert reading.values == {"exception": 6}
    assert "busy" in reading.reason
    line.answers[2] = holding(2, lambda _: 0)
    assert (await gauge.poll(bus)).valid
