"""``haitan-config check``: the examples are fit to sail, and each mistake is named with file, line, key, value, what is allowed and what was meant."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from firmware_config.check import load_station
from firmware_config.cli import main
from firmware_config.errors import StationFileError
from firmware_config.station import Station
from firmware_config.yaml_report import show
from tests.conftest import ROOT

STATIONS = sorted((ROOT / "firmware_config/stations").glob("*/station.yaml"))
BUOY = ROOT / "firmware_config/stations/zhoushan-buoy"


@pytest.fixture
def buoy(tmp_path: Path):
    """A way to check the buoy's file after replacing text in it."""
    shutil.copytree(BUOY, tmp_path / "buoy")
    path = tmp_path / "buoy/station.yaml"

    def check(*changes: tuple[str, str]) -> list[str]:
        text = path.read_text()
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new, 1)
        path.write_text(text)
        try:
            load_station(path)
        except StationFileError as error:
            return error.problems
        return []

    check.path = path
    return check


@pytest.mark.parametrize("path", STATIONS, ids=lambda p: p.parent.name)
def test_the_example_stations_are_fit_to_sail(path: Path) -> None:
    loaded = load_station(path)
    assert loaded.station.id == path.parent.name
    assert 27.0 < loaded.station.position.latitude_deg < 31.5, "the Zhejiang coast"
    assert 120.0 < loaded.station.position.longitude_deg < 123.5
    assert {product.kind for product in loaded.station.products} >= {"eddy", "oxygen"}
    assert len(loaded.config_hash) == 16


def test_three_surfaces_and_both_platforms_are_shown() -> None:
    stations = [load_station(path).station for path in STATIONS]
    assert {s.surface for s in stations} == {"seawater", "mangrove", "mudflat"}
    assert {s.platform for s in stations} == {"buoy", "fixed"}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "platform: buoy",
            "platform: bouy",
            r":6: platform: 'bouy': not one of the allowed values; allowed: buoy, fixed, vessel; did you mean 'buoy'",
        ),
        ("baud: 38400", "baud: 99999999", r":14: links\[0\]\.baud: 99999999: .*allowed: at most 921600"),
        ("every: 2s", "every: 2", r"instruments\[2\]\.every: 2: .*write a number with one of the units ms, s, min, h, d, for example 10s"),
        ("rate: 20 Hz", "rate: 20 hz", r"instruments\[0\]\.rate: '20 hz': .*units Hz"),
        ("surface: seawater", "surfce: seawater", r"surfce: 'surfce': no such key here; .*did you mean 'surface'"),
        ("kind: serial", "kind: seriel", r"links\[0\]\.kind: 'seriel': not a known kind; allowed: .*modbus_rtu.*; did you mean 'serial'"),
        (
            "model: gill_windmaster_ascii",
            "model: gill_windmastr",
            r":23: instruments\[0\]\.model: 'gill_windmastr': no instrument card.*did you mean 'gill_windmaster_ascii'",
        ),
        ("link: pco2", "link: pc02", r"instruments\[2\]\.link: 'pc02': no link with this id; allowed: .*did you mean 'pco2'"),
        ("sonic: sonic", "sonic: irga", r"products\[0\]\.sonic: 'irga' is a gas_analyser; allowed: sonic, sonic_gas"),
        ("averaging: 30min", "averaging: 25min", r"products\[0\]\.averaging: .*allowed: 10min, 12min, 15min, 20min, 30min, 60min"),
        (
            "series: dissolved_oxygen@surface",
            "series: disolved_oxygen@surface",
            r"quality\[0\]\.series: 'disolved_oxygen': no such quantity.*did you mean 'dissolved_oxygen'",
        ),
        (
            "oxygen: dissolved_oxygen@surface",
            "oxygen: dissolved_oxygen@bottom",
            r"products\[2\]\.oxygen: .*did you mean 'dissolved_oxygen@surface'",
        ),
        (
            "{series: pco2_water@surface, max",
            "{series: pco2_water@sea, max",
            r"inputs\.pco2_water\[0\]\.series: .*did you mean 'pco2_water@surface'",
        ),
        ("Asia/Shanghai", "Asia/Shanghia", r"timezone: 'Asia/Shanghia': no such time zone.*did you mean 'Asia/Shanghai'"),
        ("latitude_deg: 29.92", "latitude_deg: 299.2", r"position\.latitude_deg: 299\.2: .*at most 90"),
        ("address: 2", "address: 1", r"instruments\[[56]\]\.address: 1: two instruments on 'water' have this address"),
        ("port: /dev/ttyS2", "port: /dev/ttyS1", r"links\[[01]\]\.port: '/dev/ttyS1': two links use this port"),
        ("date: 2026-09-14", "date: 14.9.2026", r"instruments\[1\]\.calibration\[0\]\.date: '14\.9\.2026'"),
        ("address: 2\n    every: 10s", "address: 2\n    rate: 1 Hz", r"instruments\[6\]\.rate: a Modbus instrument is asked: give every"),
        ("  salinity:", "  salinty:", r"products\[1\]: 'salinity': the air_sea product needs this input"),
        ("ca: /etc/haitan/ca.pem", "password: hunter2", r"uplink\.password: 'password': no such key here"),
        (
            "place: deck",
            "place: mast",
            r"products\[0\]\.place: wind_(speed|from_direction)@mast already comes from weather, the eddy product would give it too",
        ),
        (
            "fail: {min: 0, max: 25}",
            "fail: {min: 30, max: 25}",
            r"quality\[0\]\.gross_range\.fail\.min: 30: no value lies between this and max",
        ),
        (
            "suspect: {min: 2, max: 16}",
            "suspect: {min: 2, max: 26}",
            r"gross_range\.suspect\.max: 26: values above 25 already fail; allowed: at most 25",
        ),
        ("height_m: 5.2", "height_m: .nan", r"instruments\[0\]\.mounting\.height_m: nan: .*finite"),
        ("eastward_separation_m: 0.20", "eastward_separation_m: .inf", r"eastward_separation_m: inf: .*finite"),
        ("datum_1985_m: -0.22", "datum_1985_m: .nan", r"datum\.datum_1985_m: nan: .*finite"),
        ("rate: 20 Hz", "rate: 0 Hz", r"instruments\[0\]\.rate: '0 Hz': .*more than 0 Hz"),
        ("outbox: 500 MB", "outbox: 0 MB", r"storage\.outbox: 0: .*allowed: at least 10000000"),
        ("address: 2", "address: 2\n    options: {answer: fast}", r"instruments\[6\]\.options\.answer: 'fast' is not a duration"),
        ('software_version: "8.9"', "software_version: latest", r"options\.software_version: 'latest': not a version"),
        (
            "address: 2",
            "address: 2\n    options: {without: water_presure}",
            r"options\.without: 'water_presure'.*did you mean 'water_pressure'",
        ),
        (
            "oxygen: dissolved_oxygen@surface",
            "oxygen: water_temperature@surface",
            r"products\[2\]\.oxygen: 'water_temperature@surface' is no concentration of oxygen; allowed: dissolved_oxygen",
        ),
        (
            "oxygen: dissolved_oxygen@surface",
            "oxygen: dissolved_oxygen@surface\n    sensor_salinity: 30",
            r"products\[2\]\.sensor_salinity: 30: dissolved_oxygen@surface is that of this water already",
        ),
        ("id: zhoushan-buoy", "id: centre", r":4: id: 'centre': the centre has this id"),
        (
            "baud: 38400",
            "baud: 4800",
            r"instruments\[0\]\.rate: 20 Hz: records of 37 bytes and more need 7400 Bd, the link 'sonic' has 4800",
        ),
        ("height_m: 5.2", "height_m: -5.2", r"products\[0\]\.sonic: 'sonic' stands at height_m -5\.2, 5\.20 m below ground_m \(0\)"),
        ("id: hydroc", "id: sonic", r"instruments\[[02]\]\.id: 'sonic': two instruments have this id"),
    ],
)
def test_each_mistake_is_named(buoy, old, new, expected) -> None:
    problems = buoy((old, new))
    assert any(re.search(re.escape(str(buoy.path)) + ".*" + expected, problem) for problem in problems), problems


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("every: 2s", f"every: {'9' * 400}s", r"instruments\[2\]\.every: .*a text of 401 characters is not a duration"),
        ("every: 2s", f"every: {'9' * 305}d", r"instruments\[2\]\.every: .*a text of 306 characters is not a duration"),
        ("rate: 20 Hz", f"rate: {'9' * 400} Hz", r"instruments\[0\]\.rate: .*a text of 403 characters is not a rate"),
        ("platform: buoy", f"platform: {'b' * 100_000}", r"platform: 'bbb.*not one of the allowed values"),
    ],
    ids=["more than a float", "more than a float in ms", "rate", "word"],
)
def test_a_value_beyond_reason_is_named_and_not_printed_whole(buoy, old, new, expected) -> None:
    problems = "\n".join(buoy((old, new)))
    assert re.search(expected, problems)
    assert len(problems) < 2_000


def test_a_quantity_that_two_instruments_measure_at_a_place_is_kept_from_one_of_them(buoy) -> None:
    twice = buoy(("model: keller_series30_modbus", "model: yosemitech_y504_modbus"))
    expected = r"dissolved_oxygen@surface already comes from oxygen, depth would give it too.*options: \{without: dissolved_oxygen\}"
    assert any(re.search(expected, problem) for problem in twice), twice
    without = '\n    options: {without: "dissolved_oxygen, oxygen_saturation_sensor, water_temperature"}'
    once = buoy(("address: 2", f"address: 2{without}"))
    assert not any("already comes from" in problem for problem in once), once
    nobody = buoy(("address: 1", f"address: 1{without}"))
    assert any("dissolved_oxygen@surface" in problem for problem in nobody), nobody


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "instrument: radar",
            "instrument: barometer",
            r"'barometer' gives air_pressure.*no level comes from that; allowed: water_level, water_pr",
        ),
        ("instrument: radar", "instrument: optode", r"'optode' is a oxygen; allowed: level, pressure"),
        ("instrument: radar", "instrument: radar\n    pressure_is: absolute", r"pressure_is: 'absolute': 'radar' gives distance_to_water"),
        ("instrument: radar", "instrument: radar\n    sensor_zero_m: 2", r"sensor_zero_m: 2: distance_to_water is counted from mounting"),
        ("instrument: radar", "instrument: depth", None),
    ],
)
def test_a_level_comes_from_a_gauge_under_the_water_or_a_radar_above_it(tmp_path: Path, old, new, expected) -> None:
    shutil.copytree(ROOT / "simulators/stations/bench", tmp_path / "bench")
    path = tmp_path / "bench/station.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    if expected is None:
        load_station(path)
        return
    with pytest.raises(StationFileError, match=expected):
        load_station(path)


@pytest.mark.parametrize(
    ("baud", "every", "expected"), [(300, "500ms", r"links\[5\]\.baud: 300: .* takes 1\.\d s of each second"), (9600, "500ms", None)]
)
def test_a_bus_that_cannot_carry_what_is_asked_is_named(buoy, baud, every, expected) -> None:
    problems = buoy(
        ("port: /dev/ttyS6, baud: 9600", f"port: /dev/ttyS6, baud: {baud}"),
        ("address: 1\n    every: 10s", f"address: 1\n    every: {every}"),
    )
    assert any(re.search(expected, problem) for problem in problems) if expected else not problems, problems


def test_a_line_speed_that_just_fits_is_left_alone(buoy) -> None:
    assert not buoy(("baud: 38400", "baud: 9600"))


def test_all_mistakes_are_reported_at_once_whatever_their_kind(buoy) -> None:
    problems = buoy(
        ("platform: buoy", "platform: bouy"),
        ("model: gill_windmaster_ascii", "model: gill"),
        ("every: 2s", "every: 2"),
        ("link: met", "link: mett"),
    )
    for key in ("platform", "instruments[0].model", "instruments[2].every", "instruments[3].link"):
        assert any(f" {key}: " in problem for problem in problems), (key, problems)


def test_a_key_that_stands_twice_hides_no_other_mistake(buoy) -> None:
    problems = buoy(("platform: buoy", "platform: buoy\nplatform: bouy"))
    assert any("platform: this key stands twice" in problem for problem in problems), problems
    assert any("did you mean 'buoy'?" in problem for problem in problems), problems


def test_a_broken_part_does_not_bring_false_complaints_about_others(buoy) -> None:
    """The sonic's own mistake is one problem: that it is missing elsewhere (products, series, links) is not said."""
    problems = buoy(("rate: 20 Hz", "rate: 20 hz"))
    assert len(problems) == 1, problems


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "a station file is a mapping"),
        ("- 1\n- 2\n", "a station file is a mapping"),
        ("schema: 1\nid: [unclosed\n", "not valid YAML"),
        ("schema: 1\nschema: 1\n", "this key stands twice"),
        ("a: &x 1\nb: *x\n", "aliases"),
        ("schema: 1\n? [a, b]\n: 1\n", r":2: \(file\): a key is a word"),
        ("id:\n  ? {a: b}\n  : 1\n", ":2: id: a key is a word"),
        ("a: " + "[" * 5000, "not valid YAML"),
        ("x" * 1_000_001, "larger than"),
        ("\x00", "not valid YAML"),
    ],
)
def test_files_that_are_no_station_files(tmp_path: Path, text, expected) -> None:
    path = tmp_path / "station.yaml"
    path.write_text(text)
    with pytest.raises(StationFileError, match=expected):
        load_station(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id: a\nschema: 0x" + "f" * 20_000, ":2: not valid YAML: a number of 20002 characters"),
        ("id: a\n? 0x" + "f" * 20_000 + "\n: 1", ":2: not valid YAML: a number of 20002 characters"),
        ("height: 1" + ":59" * 1000 + ".5", ":1: not valid YAML: a number of 3003 characters"),
    ],
    ids=["hexadecimal", "key", "base sixty"],
)
def test_a_number_of_thousands_of_digits_is_refused(tmp_path: Path, text, expected) -> None:
    path = tmp_path / "station.yaml"
    path.write_text(text)
    with pytest.raises(StationFileError, match=expected):
        load_station(path)


@pytest.mark.parametrize("value", ['!!int ""', '!!float ""', "!!bool maybe", "!!timestamp yesterday"])
def test_a_value_that_is_not_what_its_tag_says_is_refused(tmp_path: Path, value) -> None:
    path = tmp_path / "station.yaml"
    path.write_text(f"id: {value}\n")
    with pytest.raises(StationFileError, match="not valid YAML: a value is not of the type that its tag"):
        load_station(path)


def test_a_value_that_python_does_not_write_out_is_shown_all_the_same() -> None:
    assert show(16**20_000) == "a number of thousands of digits"
    assert show("9" * 1000)[190:] == "9999999999… (1002 characters)"
    assert show("20 hz") == "'20 hz'"


def test_not_utf8_and_not_there(tmp_path: Path) -> None:
    path = tmp_path / "station.yaml"
    with pytest.raises(StationFileError, match="cannot be read"):
        load_station(path)
    path.write_bytes(b"id: \xff\xfe")
    with pytest.raises(StationFileError, match="UTF-8"):
        load_station(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "site.geojson.*a station has its surfaces beside it"),
        ("{", "not a site file"),
        ('{"type":"Feature"}', "not a site file"),
        ('{"type":"FeatureCollection","features":[{"properties":{"surface":"mud"}}]}', "not a site file|not a surface"),
    ],
)
def test_the_site_is_checked_too(buoy, text, expected) -> None:
    site = buoy.path.parent / "site.geojson"
    site.unlink() if text is None else site.write_text(text)
    assert any(re.search(expected, problem) for problem in buoy())


def test_the_command_prints_every_problem_and_says_so_by_its_exit_status(buoy) -> None:
    runner = CliRunner()
    good = runner.invoke(main, ["check", *map(str, STATIONS)])
    assert good.exit_code == 0
    assert good.output.count("good") == len(STATIONS)
    buoy(("platform: buoy", "platform: bouy"))
    bad = runner.invoke(main, ["check", str(STATIONS[0]), str(buoy.path)])
    assert bad.exit_code == 1
    assert "did you mean 'buoy'?" in bad.output
    assert "1 of 2" in bad.output


def test_the_hash_names_this_exact_configuration(buoy) -> None:
    before = load_station(buoy.path).config_hash
    assert load_station(buoy.path).config_hash == before
    buoy(("height_m: 5.2", "height_m: 5.3"))
    assert load_station(buoy.path).config_hash != before


def test_secrets_have_no_place_in_a_station_file() -> None:
    fields = Station.model_fields["uplink"].annotation.model_fields
    assert not {name for name in fields if name in {"password", "token", "secret"}}


RAW_ONLY = """
schema: 1
id: tower
name: {en: Tower, zh: 塔}
platform: fixed
surface: mangrove
position: {latitude_deg: 28.0, longitude_deg: 121.0}
contact: {operator: nobody}
instruments:
  - {id: sonic, model: csat3_rs232_binary, place: tower, serial_number: "1", rate: 20 Hz, mounting: {height_m: 5.0}}
inputs:
  air_pressure: [{constant: 1013.0}]
products:
  - {kind: eddy, place: tower, sonic: sonic}
raw:
  rate: 20 Hz
  start: "T_%Y%m%d-%H%M"
  columns: {wind_u: u, wind_v: v, wind_w: w, sonic_temperature: {column: ts, unit: kelvin}, h2o: {column: q, unit: g/m3}}
"""


def test_a_station_that_only_computes_raw_files_needs_no_links_and_no_site(tmp_path: Path) -> None:
    path = tmp_path / "tower.yaml"
    path.write_text(RAW_ONLY, encoding="utf-8")
    raw = load_station(path).station.raw
    assert raw is not None
    assert raw.columns["sonic_temperature"].conversion("sonic_temperature").offset == -273.15
    assert raw.columns["h2o"].conversion("h2o").scale == pytest.approx(1000 / 18.01528, rel=1e-10)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("raw:", "rawe:", r"links: this key is missing"),
        ('"1", rate', '"1", link: irga, rate', r"instruments\[0\]\.link: 'irga': this station has no links"),
        ("unit: kelvin", "unit: K", r"columns\.sonic_temperature: 'K' is not a unit of sonic_temperature; there are degC, kelvin"),
        ("h2o: {column: q, unit: g/m3}", "h2o: q", r"columns\.h2o: give its unit; there are mmol/m3"),
        ("unit: g/m3", "unit: mmol/mol, dry: yes", None),
        ("h2o: {", "humidity: {", r"columns\.humidity: not a variable"),
        ("wind_w: w, ", "", r"wind_w is not named"),
        ("rate: 20 Hz\n  start", "rate: 0 Hz\n  start", r"more than 0 Hz"),
    ],
)
def test_what_is_wrong_with_a_description_of_raw_files_is_named(tmp_path: Path, old, new, expected) -> None:
    assert old in RAW_ONLY
    path = tmp_path / "tower.yaml"
    path.write_text(RAW_ONLY.replace(old, new, 1), encoding="utf-8")
    if expected is None:
        load_station(path)
        return
    with pytest.raises(StationFileError, match=expected):
        load_station(path)


WEATHER = "    serial_number: T2320441\n"


@pytest.mark.parametrize(
    ("serial", "corrections", "expected"),
    [
        (WEATHER, "{air_presure: {offset: 0.4}}", r"corrections\.air_presure: .*gives no such quantity.*did you mean 'air_pressure'"),
        (WEATHER, "{air_pressure: {slope: 0}}", r"corrections\.air_pressure\.slope: 0: .*more than 0"),
        (WEATHER, "{rainfall: {slope: 1.05, offset: 1}}", r"corrections\.rainfall\.offset: 1: rainfall is the increase of a counter"),
        (
            "    serial_number: WM-214507\n",
            "{wind_w: {offset: 0.01}}",
            r"corrections\.wind_w: a high-rate instrument is not corrected here",
        ),
        (WEATHER, "{rainfall: {slope: 1.05}, air_pressure: {offset: 0.4}}", None),
    ],
)
def test_a_correction_names_a_slow_quantity_of_its_instrument(buoy, serial: str, corrections: str, expected: str | None) -> None:
    problems = buoy((serial, f"{serial}    calibration: [{{date: 2026-01-02, corrections: {corrections}}}]\n"))
    assert (not problems) if expected is None else any(re.search(expected, problem) for problem in problems), problems


SAMI = """
  - id: sami
    model: sunburst_sami2_pco2
    place: cage
    serial_number: C0042
    link: sami
    every: 15min
    mounting: {height_m: -1}
"""
WHOLE = "coefficients: {CalT: 5, CalA: 0.04, CalB: 0.6, CalC: -1.5}"


@pytest.mark.parametrize(
    ("calibration", "expected"),
    [
        ([], [r"instruments\[7\]: without CalT, CalA, CalB, CalC .* there is no pco2 from sami"]),
        ([f"date: 2026-01-02, {WHOLE}"], []),
        (
            ["date: 2026-01-02, coefficients: {calt: 5, CalD: 1}"],
            [r"coefficients\.CalD: not used: .* are CalT, CalA", r"without CalA, CalB, CalC"],
        ),
        (
            [f"date: 2025-01-02, {WHOLE}", f"date: 2026-01-02, serial_number: C0043, {WHOLE}"],
            [
                r"calibration\[1\]\.serial_number: 'C0043': the newest calibration is of another unit than 'C0042'; that of 2025-01-02 counts"
            ],
        ),
        ([f"date: 2999-01-02, {WHOLE}"], [r"calibration\[0\]\.date: 2999-01-02: in the future; until then none counts", r"without CalT"]),
    ],
)
def test_a_calibration_that_does_not_serve_is_warned_of_and_refuses_nothing(buoy, calibration: list[str], expected: list[str]) -> None:
    entries = "".join(f"      - {{{entry}}}\n" for entry in calibration)
    link = "  - {id: sami, kind: serial, port: /dev/ttyS77, baud: 57600}\n"
    problems = buoy(
        ("\nlinks:\n", f"\nlinks:\n{link}"), ("\nquality:", SAMI + (f"    calibration:\n{entries}" if entries else "") + "\nquality:")
    )
    assert problems == []
    warnings = load_station(buoy.path).warnings
    assert len(warnings) == len(expected)
    for warning, pattern in zip(warnings, expected, strict=True):
        assert re.search(pattern, warning), warning
        assert re.match(rf"{re.escape(str(buoy.path))}:\d+: ", warning)
    told = CliRunner().invoke(main, ["check", str(buoy.path)])
    assert told.exit_code == 0
    assert told.output.count("warning: ") == len(expected)
