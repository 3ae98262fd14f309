"""The SAMI's pCO2: the equation held against its own inverse, and where a value may not be."""

import datetime
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import InstrumentError
from edge.instruments import StreamDriver
from edge.instruments.calibration import coefficients_in_force
from edge.instruments.decode import bench_driver, takes_bench_coefficients
from edge.instruments.sunburst import celsius, pco2_uatm
from firmware_config.cards import load_card
from tests.edge.instruments.test_contract import driver, instrument

MODEL = "sunburst_sami2_pco2"
UNIT = {"calt": 5.1, "cala": 0.0441, "calb": 0.642, "calc": -1.532}
BLANK = [130, 90, 3240, 2300, 1990, 2250, 11643, 19027, 131, 90, 3242, 2299, 1991, 2250]
WATER = [130, 90, 3238, 560, 1988, 1105, 2600, 8000, 131, 90, 3240, 559, 1989, 1105]
NOW = 3_860_000_000


def absorbance_620_for(pressure: float, absorbance_434: float, unit: dict[str, float]) -> float:
    """The equation turned round, at the calibration temperature where no correction is left."""
    x = math.log10(pressure)
    k = 10 ** -(unit["cala"] * x * x + unit["calb"] * x + unit["calc"])
    return absorbance_434 * (0.0043 + 2.136 * k) / (1 + 0.2105 * k)


@given(pressure=st.floats(50, 5000), absorbance=st.floats(0.2, 1.5))
def test_the_equation_gives_back_the_pressure_that_made_the_absorbances(pressure: float, absorbance: float) -> None:
    found = pco2_uatm(absorbance, absorbance_620_for(pressure, absorbance, UNIT), UNIT["calt"], UNIT)
    assert found == pytest.approx(pressure, rel=1e-8)


@given(a434=st.floats(-2, 3), a620=st.floats(-2, 3), temperature=st.floats(-5, 45))
def test_any_absorbance_gives_a_positive_number_or_none(a434: float, a620: float, temperature: float) -> None:
    found = pco2_uatm(a434, a620, temperature, UNIT)
    assert found is None or (found > 0 and math.isfinite(found))


def test_the_thermistor_at_either_end_has_no_temperature() -> None:
    assert celsius(0, 4096) is None
    assert celsius(4096, 4096) is None
    assert celsius(16_384, 16_384) is None


def record(kind: int, time: int, light: list[int], unit: int = 84) -> bytes:
    body = bytes((39, kind)) + b"".join(
        n.to_bytes(size, "big") for n, size in [(time, 4), *((x, 2) for x in light), (0x0C30, 2), (0x08C0, 2)]
    )
    return b"*" + (bytes((unit,)) + body + bytes((sum(body) & 0xFF,))).hex().upper().encode() + b"\r"


def pressures(tested: StreamDriver, *wires: bytes) -> list[float | None]:
    return [reading.quantities.get("pco2_water") for wire in wires for reading in tested.feed(wire, 0.0)]


def with_coefficients(*entries: tuple[str, dict[str, float]]) -> StreamDriver:
    found = driver(MODEL, calibration=[{"date": date, "coefficients": given} for date, given in entries])
    assert isinstance(found, StreamDriver)
    return found


def test_a_station_without_coefficients_has_no_pco2_and_says_why() -> None:
    tested = with_coefficients()
    tested.feed(record(5, NOW, BLANK), 0.0)
    (reading,) = tested.feed(record(4, NOW + 60, WATER), 0.0)
    assert "pco2_uatm" not in reading.values
    assert not reading.valid
    assert "CalT" in reading.reason
    assert reading.quantities["sensor_temperature"] == pytest.approx(7.3815)


def test_the_newest_coefficients_in_force_are_those_that_count() -> None:
    card, old, new = load_card(MODEL), dict(zip(("CalT", "CalA", "CalB", "CalC"), UNIT.values(), strict=True)), {"CalT": 4.0}
    made = instrument(
        MODEL,
        calibration=[
            {"date": "2025-01-01", "coefficients": old},
            {"date": "2020-01-01", "coefficients": {**old, "CalT": 9.0}},
            {"date": "2026-01-01", "coefficients": {**old, **new}},
        ],
    )
    assert coefficients_in_force(card, made, datetime.date(2025, 6, 1)) == UNIT
    assert coefficients_in_force(card, made, datetime.date(2026, 1, 1)) == {**UNIT, "calt": 4.0}
    assert coefficients_in_force(card, made, datetime.date(2019, 1, 1)) == {}
    partial = instrument(MODEL, calibration=[{"date": "2025-01-01", "coefficients": new}])
    assert coefficients_in_force(card, partial, datetime.date(2025, 6, 1)) == {}


def test_a_blank_is_never_a_measurement_and_only_a_good_one_counts() -> None:
    tested = with_coefficients(("2020-01-01", UNIT))
    (blank,) = tested.feed(record(5, NOW, BLANK), 0.0)
    assert blank.valid
    assert blank.values["kind"] == "blank"
    assert "pco2_water" not in blank.quantities
    assert blank.quantities["blank_ratio_434"] == pytest.approx(11643 / 16384, rel=1e-5)
    first, bad, second = pressures(
        tested, record(4, NOW + 60, WATER), record(5, NOW + 120, [*BLANK[:3], 120, *BLANK[4:]]), record(4, NOW + 180, WATER)
    )
    assert bad is None
    assert first == second == pytest.approx(pco2_uatm(-math.log10(2600 / 11643), -math.log10(8000 / 19027), celsius(0x08C0, 4096), UNIT))


def test_a_unit_that_was_not_meant_gives_no_blank_either() -> None:
    tested = driver(MODEL, address=84, calibration=[{"date": "2020-01-01", "coefficients": UNIT}])
    assert pressures(tested, record(5, NOW, BLANK, unit=85), record(4, NOW + 60, WATER)) == [None, None]


def test_a_blank_measured_while_the_clock_was_lost_replaces_none_that_has_its_time() -> None:
    tested = driver(MODEL, calibration=[{"date": "2020-01-01", "coefficients": UNIT}])
    lost = 3600  # an hour after the first of January 1904
    before, while_lost, after = pressures(tested, record(5, NOW, BLANK), record(4, NOW + 60, WATER)), [], []
    while_lost += pressures(tested, record(4, lost, WATER), record(5, lost + 60, BLANK), record(4, lost + 120, WATER))
    after += pressures(tested, record(4, NOW + 600, WATER))
    assert [value is not None for value in before + while_lost + after] == [False, True, False, False, True, True]
    assert before[1] == while_lost[2] == after[0]


def test_a_blank_outlives_a_restart_where_it_is_handed_over() -> None:
    before, after = with_coefficients(("2020-01-01", UNIT)), with_coefficients(("2020-01-01", UNIT))
    before.feed(record(5, NOW, BLANK), 0.0)
    memory = json.loads(json.dumps(before.memory()))
    (forgotten,) = pressures(after, record(4, NOW + 60, WATER))
    after.recall(memory)
    fresh, stale = pressures(after, record(4, NOW + 60, WATER), record(4, NOW + 4 * 86_400, WATER))
    assert forgotten is None
    assert fresh == pressures(before, record(4, NOW + 60, WATER))[0] is not None
    assert stale is None


@pytest.mark.parametrize(
    "memory", [{}, {"blanks": 3}, {"blanks": {"84": [1, 2]}}, {"blanks": {"84": [NOW, 0, 1]}}, {"blanks": {"x": [NOW, 9, 9]}}]
)
def test_a_memory_that_is_damaged_is_no_blank(memory: dict) -> None:
    tested = with_coefficients(("2020-01-01", UNIT))
    tested.recall(memory)
    assert pressures(tested, record(4, NOW + 60, WATER)) == [None]


def test_most_instruments_remember_nothing() -> None:
    assert driver("gill_windmaster_ascii").memory() == {}


def test_the_bench_takes_coefficients_all_or_none() -> None:
    card = load_card(MODEL)
    own = {"CalT": 4.0, "cala": 0.04, "calb": 0.6, "CalC": -1.5}
    assert takes_bench_coefficients(card, {})
    assert not takes_bench_coefficients(card, own)
    tested = bench_driver(card, own)
    assert isinstance(tested, StreamDriver)
    _, found = pressures(tested, record(5, NOW, BLANK), record(4, NOW + 60, WATER))
    given = {name.lower(): value for name, value in own.items()}
    assert found == pytest.approx(pco2_uatm(-math.log10(2600 / 11643), -math.log10(8000 / 19027), celsius(0x08C0, 4096), given))
    with pytest.raises(InstrumentError, match="CalA, CalB, CalC is missing"):
        bench_driver(card, {"CalT": 4.0})


@pytest.mark.parametrize("at", range(3, 81))
def test_one_digit_changed_is_never_a_record(at: int) -> None:
    """All but the id, which the sum leaves out."""
    wire = record(5, NOW, BLANK)
    for digit in b"0123456789ABCDEF":
        if wire[at] != digit:
            (reading,) = with_coefficients().feed(wire[:at] + bytes((digit,)) + wire[at + 1 :], 0.0)
            assert not reading.values
