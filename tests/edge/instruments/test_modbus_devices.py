"""Devices that a card alone describes, on a pseudo-terminal: what the whole poll gives in the registry's units. The registers are filled here
from the documents, on their own."""

import struct

import pytest

from edge.instruments import ModbusDriver, Reading
from edge.links import ModbusBus
from firmware_config.cards import load_card
from tests.edge.instruments.test_contract import driver
from tests.edge.links.peers import Rs485, registers, sealed

UNIT = 7


class Memory:
    """A device with some registers; any other is an illegal address (exception 2)."""

    def __init__(self, function: int) -> None:
        self.function = function
        self.words: dict[int, int] = {}

    def put(self, address: int, form: str, *values: float) -> "Memory":
        data = struct.pack(">" + form, *values)
        for i in range(0, len(data), 2):
            self.words[address + i // 2] = int.from_bytes(data[i : i + 2], "big")
        return self

    def put_low_first(self, address: int, form: str, value: float) -> "Memory":
        high, low = struct.unpack(">HH", struct.pack(">" + form, value))
        return self.put(address, "HH", low, high)

    async def __call__(self, request: bytes) -> bytes:
        address, count = int.from_bytes(request[2:4], "big"), int.from_bytes(request[4:6], "big")
        asked = [self.words.get(address + i) for i in range(count)]
        if request[1] != self.function or None in asked:
            return sealed(bytes((UNIT, request[1] | 0x80, 2)))
        return registers(UNIT, asked, request[1])


async def poll(line: Rs485, bus: ModbusBus, model: str, memory: Memory, **options: str) -> Reading:
    line.answers[UNIT] = memory
    made = driver(model, address=UNIT, options={"answer": "3s", "answer_longest": "3s", **options})
    assert isinstance(made, ModbusDriver)
    return await made.poll(bus)


def gmp252(device: int = 0, co2: int = 0, error: int = 0) -> Memory:
    memory = Memory(3).put_low_first(0, "f", 412.5).put(0x0800, "HHH", device, co2, 0)
    return memory.put_low_first(0x0208, "f", 1013.25).put_low_first(0x0803, "I", error)


async def test_a_carbon_dioxide_probe_is_judged_by_its_status_words(line: Rs485, bus: ModbusBus) -> None:
    reading = await poll(line, bus, "vaisala_gmp252_modbus", gmp252())
    assert reading.valid
    assert reading.quantities == {"co2_air": 412.5}
    dirty = await poll(line, bus, "vaisala_gmp252_modbus", gmp252(2, 0, 0x40))
    assert dirty.reason == "device status: error; error: low received signal (dirty optics, condensation)"
    assert (dirty.quantities, dirty.spoiled) == ({"co2_air": None}, {"co2_air": 412.5})
    starting = await poll(line, bus, "vaisala_gmp252_modbus", gmp252(co2=258))
    assert starting.reason == "CO2 status: not reliable, not ready, starting up"


def rdo(oxygen: tuple[float, int, int, int], temperature: tuple[float, int, int, int]) -> Memory:
    memory = Memory(3)
    for address, (value, parameter, unit, quality) in ((37, oxygen), (45, temperature), (53, (92.5, 21, 177, 0))):
        memory.put(address, "fHHHfH", value, parameter, unit, quality, 0.0, 48)
    return memory


async def test_blocks_are_judged_each_for_itself_and_say_their_unit(line: Rs485, bus: ModbusBus) -> None:
    """8412 micrograms are 8.412 mg; 64.4 degF are 18 degC."""
    model = "insitu_rdo_aquatroll_modbus"
    reading = await poll(line, bus, model, rdo((8412.0, 20, 118, 0), (64.4, 1, 2, 0)))
    assert reading.valid
    assert reading.quantities == pytest.approx(
        {"dissolved_oxygen": 8.412, "water_temperature": 18.0, "oxygen_saturation_sensor": 92.5}, rel=1e-6
    )
    missing = await poll(line, bus, model, rdo((0.0, 20, 117, 7), (18.0, 1, 1, 0)))
    assert not missing.valid
    assert missing.reason == "oxygen: quality 7: sensor communication error (cap or sensor missing)"
    assert missing.quantities == {"dissolved_oxygen": None, "water_temperature": 18.0, "oxygen_saturation_sensor": 92.5}
    assert missing.spoiled == {"dissolved_oxygen": 0.0}


async def test_an_optode_without_a_value_says_so_with_all_ones(line: Rs485, bus: ModbusBus) -> None:
    memory = Memory(4).put(0, "fffffI", 96.5, 8.75, 97.0, 18.5, 18.25, 60_000)
    reading = await poll(line, bus, "ysi_odo_rtu_modbus", memory)
    assert reading.quantities == {"dissolved_oxygen": 8.75, "oxygen_saturation_sensor": 96.5, "water_temperature": 18.5}
    memory.put(2, "HH", 0xFFFF, 0xFFFF)
    without = await poll(line, bus, "ysi_odo_rtu_modbus", memory)
    assert not without.valid
    assert without.quantities == {"dissolved_oxygen": None, "oxygen_saturation_sensor": 96.5, "water_temperature": 18.5}


@pytest.mark.parametrize(("unit", "metres"), [("m", 3.5), ("mm", 0.0035), ("ft", 1.0668)])
async def test_a_radar_distance_is_in_metres_whatever_the_sensor_is_set_to(line: Rs485, bus: ModbusBus, unit: str, metres: float) -> None:
    memory = Memory(4).put(2000, "If", 0, 3.5)
    assert (await poll(line, bus, "vegapuls_modbus", memory, unit=unit)).quantities == pytest.approx({"distance_to_water": metres})
    assert (await poll(line, bus, "vegapuls_modbus", memory, unit=unit, pv="level")).quantities == pytest.approx({"radar_level": metres})


async def test_a_lost_echo_holds_its_last_value_and_that_is_not_data(line: Rs485, bus: ModbusBus) -> None:
    reading = await poll(line, bus, "vegapuls_modbus", Memory(4).put(2000, "If", 1, 3.5))
    assert (reading.quantities, reading.spoiled) == ({"distance_to_water": None}, {"distance_to_water": 3.5})
    assert "lost echo" in reading.reason


def wxt() -> Memory:
    memory = Memory(4).put(0x0A, "4H4H5H", 824, 810, 840, 825, 10097, 10090, 10101, 10096, 1820, 1750, 1903, 1822, 1820)
    return memory.put(0x1F, "4h4h", -5, -16, 4, -6, 105, 90, 120, 101)


async def test_weather_in_tenths_gives_the_means(line: Rs485, bus: ModbusBus) -> None:
    expected = {
        "relative_humidity": 82.5,
        "air_pressure": 1009.6,
        "wind_from_direction": 182.2,
        "air_temperature": -0.6,
        "dew_point_temperature": 10.1,
    }
    assert (await poll(line, bus, "vaisala_wxt536_modbus", wxt())).quantities == pytest.approx(expected)
    with_radiation = wxt().put(0x1B, "4h", 8000, 10, 9000, 7500)
    reading = await poll(line, bus, "vaisala_wxt536_modbus", with_radiation, radiation="connected")
    assert reading.quantities == pytest.approx({**expected, "shortwave_radiation": 750.0})


async def test_a_sensor_of_the_weather_transmitter_that_fails_spoils_nothing_else(line: Rs485, bus: ModbusBus) -> None:
    reading = await poll(line, bus, "vaisala_wxt536_modbus", wxt().put(0x1F, "4h", *[32767] * 4))
    assert not reading.valid
    assert reading.quantities["air_temperature"] is None
    assert reading.quantities["air_pressure"] == pytest.approx(1009.6)


@pytest.mark.parametrize(("scale", "raw", "expected"), [(0, 812, 812.0), (1, 8123, 812.3), (-1, 81, 810.0), (0, -4, -4.0)])
async def test_radiation_has_its_decimal_point_where_the_scale_factor_says(
    line: Rs485, bus: ModbusBus, scale: int, raw: int, expected: float
) -> None:
    memory = Memory(4).put(0, "HHHHhhhhhH", 605, 107, 1, 0, scale, raw, raw, 2, 215, 120)
    reading = await poll(line, bus, "kippzonen_smp_modbus", memory)
    assert reading.quantities == pytest.approx({"shortwave_radiation": expected, "sensor_temperature": 21.5, "battery_voltage": 12.0})


@pytest.mark.parametrize(
    "model",
    [
        "vaisala_gmp252_modbus",
        "insitu_rdo_aquatroll_modbus",
        "ysi_odo_rtu_modbus",
        "vegapuls_modbus",
        "vaisala_wxt536_modbus",
        "kippzonen_smp_modbus",
    ],
)
async def test_a_device_that_is_another_one_is_told_by_its_exception(line: Rs485, bus: ModbusBus, model: str) -> None:
    reading = await poll(line, bus, model, Memory(load_card(model).modbus.poll[0].function))
    assert (reading.valid, reading.values, reading.quantities) == (False, {"exception": 2}, {})
