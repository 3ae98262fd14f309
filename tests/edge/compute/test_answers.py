"""Each kind of product: from a request to values with flags, classes, shares, inputs and reasons."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge.archive.layout import Note
from edge.archive.reader import read_window
from edge.compute import air_sea, eddy, oxygen, tide
from edge.compute.messages import Answer, Input, Request
from edge.compute.request import build_request, needs_of
from firmware_config.check import load_station
from firmware_config.quantities import describe, registry
from firmware_config.sense import PRODUCES
from firmware_config.station import AirSeaFlux, OxygenSaturation, Tide
from simulators.world import physics
from tests.conftest import ROOT
from tests.edge.compute.windows import STATIONS, FakeRaw, columns_of, mangrove, small_world, write_ghg, write_live

BENCH = ROOT / "simulators/stations/bench"
BAROMETER = {"air_pressure": Input(1010.0, 0.5, "air_pressure@tower")}


def ask_eddy(raw: FakeRaw, inputs: dict[str, Input] | None = None, **station: object) -> Answer:
    whole, product = mangrove()
    request = build_request(whole, product, number=7, inputs=BAROMETER if inputs is None else inputs, raw="window")
    request.station |= station
    request.product["processing"] = {"spectral": "none"}  # these worlds lose nothing in the instruments
    return eddy.compute(request, raw)


def check_form(answer: Answer) -> None:
    """What every answer promises, whatever the kind."""
    assert answer.ok
    assert answer.flags.keys() == answer.values.keys()
    for name, value in answer.values.items():
        assert name.partition(":")[0] in registry(), name
        assert (value is None) == (answer.flags[name] == 9), name
        assert value is None or math.isfinite(value), name
        assert answer.flags[name] in (1, 2, 3, 4, 9)
    assert answer.tests.keys() <= answer.values.keys()
    assert all(flag in (3, 4) for tests in answer.tests.values() for flag in tests.values())


def test_eddy_of_a_good_window() -> None:
    air = small_world()
    answer = ask_eddy(FakeRaw(columns_of(air, 5)))
    check_form(answer)
    assert answer.id == 7
    assert answer.values["co2_flux"] == pytest.approx(1e6 * air.true_flux(air.r_co2), rel=0.01)
    assert answer.values["h2o_flux"] == pytest.approx(1e3 * air.true_flux(air.r_h2o), rel=0.01)
    assert answer.values["lag_co2"] == 0.25
    assert answer.values["co2_mole_fraction"] == pytest.approx(1e6 * air.r_co2.mean(), rel=1e-3)
    assert answer.values["h2o_mole_fraction"] == pytest.approx(1e3 * air.r_h2o.mean(), rel=1e-3)
    assert answer.classes.keys() == {
        "co2_flux", "h2o_flux", "latent_heat_flux", "sensible_heat_flux", "momentum_flux", "friction_velocity",
    }  # fmt: skip
    assert answer.inputs == {"air_pressure": "air_pressure@tower = 1010 ± 0.5", "water_level": "none = missing"}
    assert answer.share == {}
    assert "reasons" not in answer.detail


def test_every_flux_comes_with_its_standard_error_and_its_flag() -> None:
    """The registry, the check of station files and the record know the same names."""
    raw = FakeRaw(columns_of(small_world(), 5))
    good, moving = ask_eddy(raw), ask_eddy(raw, platform="buoy")
    for answer in (good, moving):
        for flux in ("co2_flux", "h2o_flux", "latent_heat_flux", "sensible_heat_flux", "momentum_flux", "friction_velocity"):
            name = f"{flux}:uncertainty"
            assert name in PRODUCES["eddy"]
            assert 0.0 < answer.values[name] < abs(answer.values[flux]), name
            assert answer.flags[name] == answer.flags[flux], name
            assert describe(f"{name}@tower")[0] == describe(f"{flux}@tower")[0]
    assert set(good.values) == set(PRODUCES["eddy"])
    assert good.flags["co2_flux:uncertainty"] != moving.flags["co2_flux:uncertainty"]
    latent, water = good.values["latent_heat_flux:uncertainty"], good.values["h2o_flux:uncertainty"]
    assert latent / water == pytest.approx(good.values["latent_heat_flux"] / good.values["h2o_flux"], rel=1e-3)


def test_a_flux_without_random_error_says_so() -> None:
    whole, product = mangrove()
    request = build_request(whole, product, number=7, inputs=BAROMETER)
    request.product["processing"] = {"spectral": "none", "random_error": "none"}
    answer = eddy.compute(request, FakeRaw(columns_of(small_world())))
    check_form(answer)
    assert answer.values["co2_flux"] is not None
    assert answer.flags["co2_flux:uncertainty"] == 9
    assert "random error" in answer.detail["reasons"]["co2_flux:uncertainty"]


def test_the_record_says_why_a_flux_is_not_class_0_and_what_could_be_seen_at_all() -> None:
    columns = columns_of(small_world(), 5)
    columns["Signal Strength"] = np.full(6000, 64.0)
    answer = ask_eddy(FakeRaw(columns))
    assert answer.classes["co2_flux"] == 1
    assert "the signal of the co2 analyser is reduced" in answer.detail["class_reasons"]["co2_flux"]
    assert answer.detail["signal_strength_percent"] == {"co2": 64.0, "h2o": 64.0}
    limits = answer.detail["detection_limit"]
    assert set(limits) == {"co2_flux", "h2o_flux", "latent_heat_flux", "sensible_heat_flux"}
    assert limits["co2_flux"] > 0.0
    no_reduced_signal = ask_eddy(FakeRaw(columns_of(small_world(), 5))).detail.get("class_reasons", {})
    assert "signal" not in str(no_reduced_signal)


def test_an_analyser_that_is_stuck_for_a_while_gives_no_flux_that_looks_good() -> None:
    """Twelve minutes of the same digits would make the flux 40 % too small."""
    air = small_world()
    columns = columns_of(air, 5)
    for name in ("CO2 (mmol/m^3)", "H2O (mmol/m^3)"):
        x = columns[name]
        x[int(0.2 * len(x)) : int(0.6 * len(x))] = x[int(0.2 * len(x))]
    answer = ask_eddy(FakeRaw(columns))
    check_form(answer)
    assert answer.flags["co2_flux"] == answer.flags["latent_heat_flux"] == 9
    assert answer.detail["stuck"].keys() == {"co2", "h2o"}
    assert answer.flags["momentum_flux"] == 1


def test_a_buoys_flux_is_class_2_and_its_flag_says_so() -> None:
    answer = ask_eddy(FakeRaw(columns_of(small_world())), platform="buoy")
    assert set(answer.classes.values()) == {2}
    assert answer.flags["co2_flux"] == 4
    assert answer.tests["co2_flux"] == {"platform_motion": 4}
    assert answer.values["co2_flux"] is not None
    assert answer.flags["wind_speed"] == 1
    for made_of_fluxes in ("obukhov_length", "stability_parameter", "wind_w_variance"):
        assert answer.values[made_of_fluxes] is not None
        assert answer.flags[made_of_fluxes] == 4, made_of_fluxes


def test_a_gap_is_told_in_the_share() -> None:
    columns = columns_of(small_world())
    columns["CO2 (mmol/m^3)"] = np.where(np.arange(6000) < 300, np.nan, columns["CO2 (mmol/m^3)"])
    answer = ask_eddy(FakeRaw(columns))
    assert answer.share == {"co2_flux": 0.95}


def test_a_dead_analyser_leaves_the_wind_and_says_why() -> None:
    columns = columns_of(small_world())
    for name in ("CO2 (mmol/m^3)", "H2O (mmol/m^3)"):
        columns[name] = np.full(6000, np.nan)
    answer = ask_eddy(FakeRaw(columns))
    check_form(answer)
    assert answer.values["co2_flux"] is None
    assert answer.flags["sensible_heat_flux"] == 9
    assert "no valid sample" in answer.detail["reasons"]["co2_flux"]
    assert answer.values["friction_velocity"] is not None
    assert "co2_flux" not in answer.classes


def test_an_empty_window_is_an_answer_too() -> None:
    answer = ask_eddy(FakeRaw({}))
    check_form(answer)
    assert set(answer.values.values()) == {None}
    assert answer.detail["reasons"]["co2_flux"]


def test_an_impossible_flux_is_reported_and_failed() -> None:
    """A sonic whose w is three times too large: sensible heat beyond what a surface can give."""
    air = small_world()
    columns = columns_of(air)
    columns["W (m/s)"] = columns["W (m/s)"] * 3
    columns["Ts (C)"] = (columns["Ts (C)"] - columns["Ts (C)"].mean()) * 5 + 20
    answer = ask_eddy(FakeRaw(columns))
    assert answer.values["sensible_heat_flux"] > 900
    assert answer.flags["sensible_heat_flux"] == 4
    assert answer.tests["sensible_heat_flux"]["plausible"] == 4


def test_pressure_comes_from_the_archive_then_the_request_then_the_open_path_analyser() -> None:
    air = small_world()
    archived = {"inputs": {"air_pressure": {"value": 1009.0, "uncertainty": 1.0, "source": "air_pressure@tower"}}}
    assert "1009" in ask_eddy(FakeRaw(columns_of(air), meta=archived)).inputs["air_pressure"]
    assert "1010" in ask_eddy(FakeRaw(columns_of(air))).inputs["air_pressure"]
    with_barometer = columns_of(air) | {"P gas (kPa)": np.full(6000, 100.5)}
    assert "1005" in ask_eddy(FakeRaw(with_barometer), inputs={}).inputs["air_pressure"]
    nothing = ask_eddy(FakeRaw(columns_of(air)), inputs={})
    assert nothing.values["co2_flux"] is None
    assert "pressure" in nothing.detail["reasons"]["co2_flux"]
    assert nothing.inputs["air_pressure"] == "none = missing"


def test_live_file_and_ghg_give_the_same_digits(tmp_path: Path) -> None:
    columns = columns_of(small_world(), 5)
    columns["CO2 (mmol/m^3)"][100:110] = np.nan
    note = Note(inputs={"air_pressure": (1009.3, 0.5, "air_pressure@tower")})
    live = write_live(tmp_path / "open.live", columns, note)
    while_open = ask_eddy(read_window(live.path), inputs={})
    live.close()
    packed = ask_eddy(read_window(write_ghg(tmp_path, columns, note)), inputs={})
    assert packed == while_open
    assert packed.values["co2_flux"] == pytest.approx(ask_eddy(FakeRaw(columns)).values["co2_flux"], rel=3e-3)


def request_of(kind: type, station: str, inputs: dict[str, Input], **more: object) -> Request:
    whole = load_station(STATIONS / station / "station.yaml").station
    product = next(p for p in whole.products if isinstance(p, kind))
    assert set(inputs) == set(needs_of(product))
    return build_request(whole, product, number=1, inputs=inputs, **more)


SEA = {
    "pco2_water": Input(520.0, 5.0, "pco2_water@surface"),
    "co2_air": Input(428.0, 6.0, "constant"),
    "wind_speed": Input(7.0, 0.3, "wind_speed@mast"),
    "water_temperature": Input(22.0, 0.2, "water_temperature@surface"),
    "salinity": Input(29.5, 2.5, "constant"),
    "air_pressure": Input(1013.0, 0.5, "air_pressure@mast"),
}
WATER = {"dissolved_oxygen": Input(8.0, 0.2, "dissolved_oxygen@surface")} | {
    k: SEA[k] for k in ("water_temperature", "salinity", "air_pressure")
}


def test_air_sea_flux_with_uncertainty_and_named_inputs() -> None:
    answer = air_sea.answer(request_of(AirSeaFlux, "zhoushan-buoy", SEA))
    check_form(answer)
    assert answer.values["air_sea_co2_flux"] > 0
    share = answer.values["air_sea_co2_flux:uncertainty"] / answer.values["air_sea_co2_flux"]
    assert 0.2 < share < 0.35
    assert answer.inputs["salinity"] == "constant = 29.5 ± 2.5"
    assert sum(part**2 for part in answer.detail["uncertainty_parts"].values()) == pytest.approx(
        answer.values["air_sea_co2_flux:uncertainty"] ** 2, rel=1e-3
    )


def test_oxygen_saturation() -> None:
    answer = oxygen.answer(request_of(OxygenSaturation, "zhoushan-buoy", WATER))
    check_form(answer)
    ratio = 100 * 8.0 / answer.values["oxygen_at_saturation"]
    assert answer.values["oxygen_saturation"] == pytest.approx(ratio, rel=1e-7)
    assert answer.values["oxygen_saturation:uncertainty"] > ratio * 0.2 / 8.0


def optode_request(inputs: dict[str, Input], **product: object) -> Request:
    """An optode at 6 m below the zero of the bench's station."""
    whole = load_station(BENCH / "station.yaml").station
    asked = OxygenSaturation.model_validate(
        {"kind": "oxygen", "place": "optode_cage", "oxygen": "dissolved_oxygen_uncorrected@optode_cage", **product}
    )
    assert set(inputs) == set(needs_of(asked))
    return build_request(whole, asked, number=1, inputs=inputs)


def test_an_optode_set_to_fresh_water_tells_the_oxygen_of_the_sea() -> None:
    """The truth is the bench's own solubility: half saturated sea water, in which the sensor prints half of what fresh water holds."""
    t, s, p = (np.asarray(WATER[role].value) for role in ("water_temperature", "salinity", "air_pressure"))
    fresh, salt = (0.5 * physics.M_OXYGEN * float(physics.oxygen_solubility_mmol_m3(t, one, p)) for one in (np.asarray(0.0), s))
    answer = oxygen.answer(optode_request(WATER | {"dissolved_oxygen": Input(fresh, 0.0, "dissolved_oxygen_uncorrected@optode_cage")}))
    check_form(answer)
    assert answer.values["dissolved_oxygen"] == pytest.approx(salt, rel=2e-3)
    assert fresh > 1.15 * salt
    assert answer.values["oxygen_saturation"] == pytest.approx(50.0, rel=2e-3)
    assert answer.inputs["salinity"] == "constant = 29.5 ± 2.5"
    assert answer.detail["compensation"] == "Aanderaa TD 269"
    assert answer.detail["depth_m"] == 6.0
    spread = answer.values["dissolved_oxygen:uncertainty"]
    assert spread == pytest.approx(answer.detail["uncertainty_parts"]["salinity"], rel=0.01), "2.5 of salinity"
    assert 0.01 < spread / salt < 0.02


def test_an_optode_whose_salinity_is_that_of_its_water_is_only_counted_for_depth() -> None:
    inputs = WATER | {"water_level": Input(4.0, 0.03, "water_level@gauge")}
    answer = oxygen.answer(optode_request(inputs, sensor_salinity=29.5, water_level="water_level"))
    assert answer.values["dissolved_oxygen"] == pytest.approx(8.0 * (1 + 0.032e-3 * 10.0), rel=1e-6)
    assert answer.detail["depth_m"] == 10.0
    assert answer.inputs["water_level"].startswith("water_level@gauge")


def test_an_optode_without_salinity_has_no_oxygen_and_says_why() -> None:
    answer = oxygen.answer(optode_request(WATER | {"salinity": Input(None, 0.0, "")}))
    check_form(answer)
    assert answer.values["dissolved_oxygen"] is None
    assert answer.detail["reasons"]["dissolved_oxygen"] == "no value for salinity"
    without_barometer = oxygen.answer(optode_request(WATER | {"air_pressure": Input(None, 0.0, "")}))
    assert without_barometer.values["dissolved_oxygen"] is not None
    assert without_barometer.values["oxygen_saturation"] is None


@pytest.mark.parametrize(
    ("compute", "inputs", "main"), [(air_sea.answer, SEA, "air_sea_co2_flux"), (oxygen.answer, WATER, "oxygen_saturation")]
)
def test_any_missing_input_makes_the_result_missing_and_is_named(
    compute: Callable[[Request], Answer], inputs: dict[str, Input], main: str
) -> None:
    kind = AirSeaFlux if main.startswith("air") else OxygenSaturation
    for role in inputs:
        answer = compute(request_of(kind, "zhoushan-buoy", inputs | {role: Input(None, 0.0, "")}))
        check_form(answer)
        assert answer.values[main] is None
        assert answer.values[f"{main}:uncertainty"] is None
        assert role in answer.detail["reasons"][main]


def tide_request(values: list[float | None], inputs: dict[str, Input] | None = None, **product: object) -> Request:
    request = request_of(Tide, "yueqing-mangrove", {}, samples={"values": values, "interval_ms": 1000})
    request.product |= product
    request.inputs = inputs or {}
    return request


def test_a_level_whose_samples_are_all_the_same_is_doubted() -> None:
    stuck, alive = (tide.answer(tide_request([0.12 + i % 2 * ripple for i in range(181)])) for ripple in (0.0, 1e-5))
    assert (stuck.flags["water_level"], stuck.tests["water_level"]) == (3, {"flat_line": 3})
    assert alive.flags["water_level"] == 1


def test_a_gauge_that_lies_dry_measures_its_own_height_and_that_is_no_level() -> None:
    """At low water it reads nothing but its noise and the error of its zero, however long; a hand of water over it is a level."""
    for bar, flag in ((0.0, 4), (-0.002, 4), (0.004, 4), (0.006, 1)):
        answer = tide.answer(tide_request([bar + i % 2 * 1e-4 for i in range(181)]))
        assert (answer.flags["water_level"], answer.flags["water_level_1985"]) == (flag, flag), bar
    assert "lies dry" in tide.answer(tide_request([0.0, 1e-4] * 90 + [0.0])).detail["reasons"]["water_level"]
    radar = tide_request([1.0] * 90 + [1.001] * 91)
    radar.samples["quantity"] = "radar_level"
    radar.product["sensor_zero_m"] = radar.heights["instrument"] - 1.0
    assert tide.answer(radar).flags["water_level"] == 1


def test_tide_level_in_both_datums() -> None:
    request = tide_request([0.12 - 1e-5, 0.12 + 1e-5] * 90 + [0.12])
    answer = tide.answer(request)
    check_form(answer)
    column = 0.12e5 / (1015.0 * 9.7918)  # normal gravity at 28.35 N
    level = answer.values["water_level"]
    assert level == pytest.approx(column + request.heights["instrument"], abs=1e-3)
    assert answer.values["water_level_1985"] == pytest.approx(level - request.station["datum"]["datum_1985_m"])
    assert answer.values["water_level:sd"] == pytest.approx(1e-5 / 0.1, rel=0.02)
    assert answer.values["water_level:count"] == 181
    assert answer.flags["water_level"] == 1


def test_tide_with_few_samples_is_never_better_than_they_allow() -> None:
    for count, flag in ((170, 1), (120, 3), (60, 4)):
        answer = tide.answer(tide_request([0.12 + i % 2 * 1e-5 for i in range(count)] + [None] * (181 - count)))
        assert answer.flags["water_level"] == flag
        assert answer.share["water_level"] == pytest.approx(count / 181, abs=1e-4)
    nothing = tide.answer(tide_request([None] * 181))
    assert nothing.flags["water_level"] == 9
    assert nothing.detail["reasons"]["water_level"] == "no valid sample"


def test_an_absolute_gauge_without_barometer_gives_no_level() -> None:
    answer = tide.answer(tide_request([1.12] * 181, pressure_is="absolute"))
    check_form(answer)
    assert answer.values["water_level"] is None
    assert "air_pressure" in answer.detail["reasons"]["water_level"]
    good = tide.answer(tide_request([1.12] * 181, {"air_pressure": Input(1000.0, 0.5, "air_pressure@tower")}, pressure_is="absolute"))
    gauge = tide.answer(tide_request([0.12] * 181))
    assert good.values["water_level"] == pytest.approx(gauge.values["water_level"], abs=1e-6)


@pytest.mark.parametrize(
    ("quantity", "samples", "zero", "level"),
    [("water_level", 1.5, 0.0, 1.5), ("radar_level", 1.5, -0.75, 0.75), ("distance_to_water", 9.25, 0.0, -1.25)],
)
def test_a_radar_gives_a_level_too(quantity: str, samples: float, zero: float, level: float) -> None:
    """From 8 m above the station's zero, in waves of 0.4 m that even out over 181 s; twenty samples without an echo cost their share."""
    whole = load_station(BENCH / "station.yaml").station
    radar = next(p for p in whole.products if p.kind == "tide")
    sign = -1.0 if quantity == "distance_to_water" else 1.0
    waves = [None if k < 20 else samples + sign * 0.4 * math.sin(2 * math.pi * k / 7.0) for k in range(181)]
    waves[100] = samples + sign * 6.0  # a bird under it
    request = build_request(whole, radar, number=1, inputs={}, samples={"values": waves, "interval_ms": 1000, "quantity": quantity})
    request.product["sensor_zero_m"] = zero
    answer = tide.answer(request)
    check_form(answer)
    assert answer.values["water_level"] == pytest.approx(level, abs=0.005)
    assert answer.values["water_level:sd"] == pytest.approx(0.4 / math.sqrt(2), rel=0.02)
    assert answer.share["water_level"] == pytest.approx(160 / 181, abs=1e-4)
    assert answer.detail["outliers"] == 1
    assert answer.flags["water_level"] == 3, "a share below 0.9"
    assert answer.values["water_level_1985"] == answer.values["water_level"], "the bench's zero is that of the datum"
