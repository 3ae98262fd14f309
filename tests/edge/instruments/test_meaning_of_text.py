"""What the fields of instruments that print mean: units, kinds of record kept apart, addresses. Numbers follow from definitions."""

import pytest

from edge.instruments import StreamDriver
from firmware_config.cards import load_card
from tests.edge.instruments.test_contract import driver
from tests.edge.instruments.test_meaning import one


def optode(**more: object) -> StreamDriver:
    found = driver("aanderaa_optode_ascii", **more)
    assert isinstance(found, StreamDriver)
    return found


def digiquartz(**options: object) -> StreamDriver:
    found = driver("paroscientific_digiquartz", options=options)
    assert isinstance(found, StreamDriver)
    return found


OPTODE = "4330\t1822\t250.000\t99.000\t20.000\t27.110\t30.200\t34.202\t4.002\t595.3\t697.2\t185.3\r\n"


def test_oxygen_for_another_salinity_is_not_called_the_water_s_own() -> None:
    """31.25 micromole are a milligram (Aanderaa TD 269)."""
    fresh = one(optode(), OPTODE.encode())
    assert "dissolved_oxygen" not in fresh
    assert fresh["dissolved_oxygen_uncorrected"] == pytest.approx(250 / 31.25, rel=1e-4)
    assert fresh["oxygen_saturation_sensor"] == 99.0
    salty = one(optode(options={"salinity": "water"}), OPTODE.encode())
    assert "dissolved_oxygen_uncorrected" not in salty
    assert salty["dissolved_oxygen"] == pytest.approx(250 / 31.25, rel=1e-4)


def test_a_star_and_a_dim_foil_leave_the_temperature() -> None:
    text = OPTODE.replace("595.3", "41.3")
    (reading,) = optode().feed(text.encode(), 0.0)
    assert reading.quantities["dissolved_oxygen_uncorrected"] is None
    assert reading.spoiled["oxygen_saturation_sensor"] == 99.0
    assert reading.quantities["water_temperature"] == 20.0


def test_millilitres_of_oxygen_become_milligrams() -> None:
    """A millilitre at 0 degC and 1 atm is 1.429 mg: 31.9988 g/mol over 22.3916 L/mol."""
    found = one(driver("seabird_sbe63_ascii"), b"SBE63\t0013\t\t10.000\r\n")
    assert found["dissolved_oxygen_uncorrected"] == pytest.approx(10 * 31.9988 / 22.3916, rel=1e-4)


@pytest.mark.parametrize(
    ("unit", "sent", "bar"),
    [
        ("psi", "14.695949", 1.01325),
        ("hPa", "1013.25", 1.01325),
        ("bar", "1.01325", 1.01325),
        ("kPa", "101.325", 1.01325),
        ("MPa", "0.101325", 1.01325),
        ("inHg", "29.9213", 1.01325),
        ("mmHg", "760.0", 1.01325),
        ("mH2O", "10.0", 0.980665),
    ],
)
def test_a_digiquartz_means_the_unit_of_its_option(unit: str, sent: str, bar: float) -> None:
    wire = b"*0001" + sent.encode() + b"\r\n"
    water = one(digiquartz(unit=unit), wire)
    assert water["water_pressure"] == pytest.approx(bar, rel=3e-6)
    assert "air_pressure" not in water
    air = one(digiquartz(unit=unit, measures="air"), wire)
    assert air["air_pressure"] == pytest.approx(bar * 1000, rel=3e-6)
    assert "water_pressure" not in air


def test_the_logger_writes_psi_whatever_the_option_says() -> None:
    found = one(digiquartz(unit="hPa"), b"NANO,V,2013/08/22 22:48:36.013,13.888533,26.147947328\r\n")
    assert found["water_pressure"] == pytest.approx(13.888533 * 0.06894757, rel=1e-6)
    assert found["sensor_temperature"] == pytest.approx(26.147947328)


def test_an_answer_to_another_question_is_no_pressure() -> None:
    tested = digiquartz()
    for question, has in ((b"*0100Q3", False), (b"*0100P3", True), (b"*0100UN", False), (b"*0100Q4", False)):
        tested.feed(question + b"\r\n", 0.0)
        (reading,) = tested.feed(b"*000114.5834\r\n", 0.0)
        assert ("water_pressure" in reading.quantities) is has
    (again,) = tested.feed(b"*000114.5834\r\n", 0.0)
    assert "water_pressure" not in again.quantities


def test_only_the_unit_that_is_meant_is_listened_to_and_asked() -> None:
    second = driver("paroscientific_digiquartz", address=2, options={"mode": "polled"})
    assert isinstance(second, StreamDriver)
    assert second.request == b"*0200P3\r\n"
    assert [r.valid for r in second.feed(b"*000114.5\r\n*000214.5\r\n*0100P3\r\n", 0.0)] == [False, True, True]
    assert digiquartz(mode="automatic").request is None
    first = digiquartz()
    assert first.request == b"*0100P3\r\n"
    assert [r.valid for r in first.feed(b"*000114.5\r\n*000214.5\r\n", 0.0)] == [True, False]


def carbon(kind: str, letter: str = "M") -> bytes:
    return f"#2026/03/04 12:00:11, {letter},43032,40423,400.00,40.1,21.221,28.480,1000,39.9,40.4,{kind}\r\n".encode()


def test_water_and_air_of_one_detector_are_kept_apart_and_a_zero_is_neither() -> None:
    """pCO2 (uatm) = xCO2 (ppm) x p / 1013.25 hPa."""
    tested = driver("prooceanus_co2pro_atmosphere")
    assert isinstance(tested, StreamDriver)
    water, air = one(tested, carbon("W")), one(tested, carbon("A"))
    assert water["pco2_water"] == air["pco2_air"] == pytest.approx(400 * 1000 / 1013.25, abs=5e-4)
    assert water["xco2_water"] == air["xco2_air"] == 400.0
    assert not {"pco2_air", "xco2_air"} & set(water)
    assert not {"pco2_water", "xco2_water"} & set(air)
    assert tested.feed(carbon("W", "Z"), 0.0) == []
    assert tested.stats.ignored == 1


def test_a_clock_that_lies_spoils_nothing_but_the_time() -> None:
    tested = driver("prooceanus_co2pro_atmosphere")
    assert isinstance(tested, StreamDriver)
    (reading,) = tested.feed(carbon("W").replace(b"2026", b"3765"), 0.0)
    assert not reading.valid
    assert "3765" in reading.reason
    assert reading.quantities["xco2_water"] == 400.0


def test_tide_and_burst_are_two_quantities() -> None:
    """1 psi = 6.894757 kPa."""
    tested = driver("seabird_sbe26plus_ascii")
    assert isinstance(tested, StreamDriver)
    tide = one(tested, b"tide: start time = 04 Mar 2026 12:00:00, p =  29.4021, pt = 14.004, t = 13.8633\r\n")
    assert tide["water_pressure"] == pytest.approx(29.4021 * 0.06894757, rel=1e-6)
    tested.feed(b"wave: start time = 04 Mar 2026 12:15:00\r\n", 0.0)
    assert set(one(tested, b"   29.8438\r\n")) == {"water_pressure_burst"}


def test_a_cold_cell_spoils_the_gas_and_not_the_pressure() -> None:
    (reading,) = driver("licor_li850_xml").feed(
        b"<li850><data><celltemp>3.5e1</celltemp><cellpres>9.8e1</cellpres><co2>4.2e2</co2><h2o>1.1e1</h2o></data></li850>", 0.0
    )
    assert reading.quantities["co2_mole_fraction_cell"] is None
    assert reading.quantities["h2o_mole_fraction_cell"] is None
    assert reading.quantities["gas_pressure"] == 98.0


def test_a_charger_s_texts_become_volts_amperes_and_watts() -> None:
    lines = b"\r\nV\t12210\r\nI\t-830\r\nVPV\t18340\r\nPPV\t42\r\nSOC\t876\r\nChecksum\t"
    found = one(driver("victron_vedirect_text"), lines + bytes((-sum(lines) & 0xFF,)))
    assert found == {
        "battery_voltage": pytest.approx(12.21),
        "battery_current": pytest.approx(-0.83),
        "panel_voltage": pytest.approx(18.34),
        "panel_power": 42.0,
        "battery_charge": pytest.approx(87.6),
    }


def test_a_charger_s_fault_is_told_beside_what_it_measures_which_stays_true() -> None:
    lines = b"\r\nV\t15100\r\nI\t0\r\nCS\t2\r\nERR\t2\r\nChecksum\t"
    (reading,) = driver("victron_vedirect_text").feed(lines + bytes((-sum(lines) & 0xFF,)), 0.0)
    assert reading.valid
    assert reading.quantities == {"battery_voltage": pytest.approx(15.1), "battery_current": 0.0, "charger_error": 2.0}


def test_centimetres_per_second_become_metres() -> None:
    found = one(driver("metek_usonic3_ascii"), b"M:x =   100 y =   -50 z =     3 t =  2203\r\n")
    assert found == {
        "wind_u": pytest.approx(1.0), "wind_v": pytest.approx(-0.5), "wind_w": pytest.approx(0.03), "sonic_temperature": pytest.approx(22.03),
    }  # fmt: skip


@pytest.mark.parametrize("model", ["metek_usonic3_ascii", "seabird_sbe63_ascii", "sunburst_sami2_pco2", "victron_vedirect_text"])
def test_what_is_not_certain_is_said_in_the_card(model: str) -> None:
    assert load_card(model).unsure
