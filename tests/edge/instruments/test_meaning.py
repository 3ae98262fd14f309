"""From fields to quantities: units, running totals, diagnostics, addresses; each number follows from a definition, not from our output."""

import pytest

from edge.errors import InstrumentError
from edge.instruments import StreamDriver
from edge.instruments.converters import to_angle, to_clock, to_float, to_int
from edge.instruments.licor import reports_strength
from edge.instruments.registers import in_order
from edge.links.checksums import campbell_signature, crc16, vaisala_crc, xor_of
from firmware_config.cards import load_card
from firmware_config.cards.modbus import Read
from tests.edge.instruments.test_contract import driver
from tests.edge.links.peers import modbus_crc


def gill(body: str) -> bytes:
    return b"\x02" + body.encode() + b"\x03%02X\r\n" % xor_of(body.encode())


def one(tested: StreamDriver, wire: bytes) -> dict[str, float | None]:
    (reading,) = tested.feed(wire, 0.0)
    return tested.quantities_of(reading)


@pytest.mark.parametrize(
    ("letter", "metres_per_second"), [("M", 1.0), ("N", 1852 / 3600), ("P", 1609.344 / 3600), ("K", 1 / 3.6), ("F", 0.3048 / 60)]
)
def test_wind_arrives_in_metres_per_second_whatever_the_instrument_is_set_to(letter: str, metres_per_second: float) -> None:
    found = one(driver("gill_windmaster_ascii"), gill(f"Q,+010.00,-020.00,+001.00,{letter},+343.21,+020.85,00,"))
    assert found["wind_u"] == pytest.approx(10 * metres_per_second, rel=1e-7)
    assert found["wind_v"] == pytest.approx(-20 * metres_per_second, rel=1e-7)
    assert found["sonic_temperature"] == 20.85


@pytest.mark.parametrize(
    ("sent", "quantity", "expected"),
    [
        ("Sm=10.0K", "wind_speed", 10 / 3.6),
        ("Sm=10.0N", "wind_speed", 10 * 1852 / 3600),
        ("Sm=10.0S", "wind_speed", 10 * 0.44704),
        ("Ta=68.0F", "air_temperature", 20.0),
        ("Ta=-40.0F", "air_temperature", -40.0),
        ("Pa=100970P", "air_pressure", 1009.7),
        ("Pa=1.0097B", "air_pressure", 1009.7),
        ("Pa=760.0M", "air_pressure", 1013.25),
        ("Pa=29.9213I", "air_pressure", 1013.25),
        ("Vs=12.1V", "battery_voltage", 12.1),
    ],
)
def test_weather_arrives_in_the_registry_s_units(sent: str, quantity: str, expected: float) -> None:
    found = one(driver("vaisala_wxt536_ascii"), f"0R0,{sent}\r\n".encode())
    assert found[quantity] == pytest.approx(expected, abs=2e-3)


def test_a_unit_nobody_documented_gives_no_value() -> None:
    assert one(driver("vaisala_wxt536_ascii"), b"0R0,Sm=10.0Q\r\n")["wind_speed"] is None


def test_rain_is_the_increase_of_the_counter_and_begins_anew_when_it_is_reset() -> None:
    tested = driver("vaisala_wxt536_ascii")
    totals = [1.23, 1.23, 1.50, 0.00, 0.25, None, 0.75]
    rain = [one(tested, b"0R0,Rc=#\r\n" if total is None else b"0R0,Rc=%.2fM\r\n" % total)["rainfall"] for total in totals]
    assert rain == [None, 0.0, pytest.approx(0.27), 0.0, pytest.approx(0.25), None, pytest.approx(0.5)]


def test_mass_densities_of_the_irgason_become_molar_ones() -> None:
    """44.0095 mg of CO2 and 18.01528 g of water are a millimole and a mole."""
    body = b"1,1,0,20,0,440.095,9.00764,0,20.7,101.3,0.98,0.97,0,17"
    found = one(driver("ec100_irgason_ascii"), body + b",%04x\r\n" % campbell_signature(body))
    assert found["co2_density"] == pytest.approx(10.0, rel=1e-6)
    assert found["h2o_density"] == pytest.approx(500.0, rel=1e-6)
    assert found["signal_strength"] == pytest.approx(98.0)


def test_rain_on_the_windows_spoils_the_gas_and_leaves_the_wind() -> None:
    body = b"1,1,0,20,0,440.095,9.00764,786433,20.7,101.3,0.98,0.97,0,17"
    tested = driver("ec100_irgason_ascii")
    (reading,) = tested.feed(body + b",%04x\r\n" % campbell_signature(body), 0.0)
    assert not reading.valid
    assert "CO2 signal low, H2O signal low" in reading.reason
    assert reading.quantities["co2_density"] is None
    assert reading.quantities["wind_u"] == 1.0
    assert reading.spoiled["co2_density"] == pytest.approx(10.0, rel=1e-6)
    assert tested.diagnostics_of(reading) == {"sonic": 0, "gas": 786433}


def test_status_words_go_to_the_archive_as_integers() -> None:
    tested = driver("gill_windmaster_ascii")
    (reading,) = tested.feed(gill("Q,+010.00,-020.00,+001.00,M,+343.21,+020.85,0A,"), 0.0)
    assert tested.diagnostics_of(reading) == {"sonic": 10}
    analyser = driver("licor_li7500_grammar")
    (reading,) = analyser.feed(b"(Data (Ndx 1)(DiagVal 125)(CO2D 16)(H2OD 500))", 0.0)
    assert analyser.diagnostics_of(reading) == {"gas": 125}
    assert analyser.quantities_of(reading)["co2_density"] is None
    assert analyser.quantities_of(reading)["signal_strength"] == pytest.approx(13 * 6.67)  # vendor: 125 is 87 %


def test_agc_is_never_called_signal_strength() -> None:
    old = driver("licor_li7500_grammar", options={"software_version": "5.2.9"})
    assert "signal_strength" not in one(old, b"(Data (Ndx 1)(DiagVal 254)(CO2D 16)(H2OD 500))")
    also_old = driver("licor_li7500_grammar", firmware="4.0.0")
    assert "signal_strength" not in one(also_old, b"(Data (Ndx 1)(DiagVal 254)(CO2D 16)(H2OD 500))")


@pytest.mark.parametrize(
    ("version", "strength"), [("", True), ("5.2.9", False), ("5.3", True), ("5.3.0", True), ("5.10.1", True), ("8.9", True)]
)
def test_the_software_version_decides(version: str, strength: bool) -> None:
    assert reports_strength(version) is strength


def test_a_version_that_is_none_is_refused_at_start() -> None:
    with pytest.raises(InstrumentError, match="not a version"):
        driver("licor_li7500_grammar", options={"software_version": "newest"})


def test_a_unit_that_was_not_meant_is_not_listened_to() -> None:
    tested = driver("gill_windmaster_ascii", address="A")
    (reading,) = tested.feed(gill("Q,+010.00,-020.00,+001.00,M,+343.21,+020.85,00,"), 0.0)
    assert not reading.values
    assert tested.stats.bad == {"address": 1}
    assert tested.feed(gill("A,+010.00,-020.00,+001.00,M,+343.21,+020.85,00,"), 0.0)[0].valid


def test_what_asks_for_a_record_is_there_when_the_station_file_says_polled() -> None:
    assert driver("vaisala_wxt536_ascii").request is None
    assert driver("vaisala_wxt536_ascii", address=0, options={"mode": "polled"}).request == b"0r0Kld\r\n", "as the maker prints it"
    third = driver("vaisala_wxt536_ascii", address=3, options={"mode": "polled"}).request
    assert third is not None
    assert third[:3] + third[-2:] == b"3r0\r\n"
    assert vaisala_crc(third[:-5]) == third[-5:-2]
    assert driver("gill_windmaster_ascii", options={"mode": "polled"}).request == b"Q"


def test_wind_of_an_nmea_sentence_is_counted_from_the_unit_s_address() -> None:
    """Vaisala: transducer id = address + 0 minimum, 1 average, 2 maximum."""

    def sentence(body: str) -> bytes:
        return b"$" + body.encode() + b"*%02X\r\n" % xor_of(body.encode())

    found = one(driver("vaisala_wxt536_ascii", address=2), sentence("WIXDR,A,320,D,3,S,0.2,M,3,S,0.9,M,4"))
    assert found == {"wind_from_direction": 320.0, "wind_speed": 0.2, "wind_speed_of_gust": 0.9}


@pytest.mark.parametrize("text", ["1_0", "inf", "1e999", "0x10", "٣", "1,5", "--1", "1.2.3", "e5", "+"])
def test_a_text_that_only_python_takes_for_a_number_is_none(text: str) -> None:
    with pytest.raises(ValueError):
        to_float(text)


def test_numbers_dates_and_angles() -> None:
    assert [to_float(text) for text in ("+001.23", "-.5", " 7 ", "1.5386e-1", "NAN", "")] == [1.23, -0.5, 7.0, 0.15386, None, None]
    assert [to_int(text) for text in ("007", "-3", "")] == [7, -3, None]
    for wrong in ("1.5", "9" * 19, "1_0"):
        with pytest.raises(ValueError):
            to_int(wrong)
    assert to_clock("235960") == "23:59:60"
    assert to_angle("12243.20", "E", "E", "W", 180) == pytest.approx(122.72)
    with pytest.raises(ValueError):
        to_angle("", "N", "N", "S", 90)


def test_checksums_reproduce_what_vendors_print() -> None:
    assert crc16(bytes.fromhex("F00300000002")).to_bytes(2, "little") == bytes.fromhex("D12A")  # Vaisala GMP252
    assert vaisala_crc(b"0r1") == b"Goe"  # Vaisala WXT530
    assert vaisala_crc(b"0tX,Use chksum Goe") == b"IU~"
    assert campbell_signature(b"A") == 0xAA40
    assert xor_of(b"--WIQ,XDR") == 0x2D  # NMEA query in the WXT manual
    assert crc16(bytes(range(256))).to_bytes(2, "little") == modbus_crc(bytes(range(256)))


def test_byte_orders() -> None:
    value = bytes.fromhex("11223344")
    assert {order: in_order(value, order).hex() for order in ("ABCD", "CDAB", "BADC", "DCBA")} == {
        "ABCD": "11223344",
        "CDAB": "33441122",
        "BADC": "22114433",
        "DCBA": "44332211",
    }


def test_the_serial_number_of_a_keller_is_one_number_of_32_bits() -> None:
    gauge = driver("keller_series30_modbus")
    read = load_card("keller_series30_modbus").modbus.identify[0]
    assert read == Read(address=0x0202, count=2)
    assert gauge.decode(read, bytes.fromhex("00019887")).values == {"serial_number": 0x19887}
