"""Cards: all that are shipped are consistent; one that is not is refused with file, line, key and value."""

from pathlib import Path

import pytest
import yaml

from firmware_config.cards import CARDS, all_cards, load_card, option_problems, read_card
from firmware_config.cards.patterns import groups_of
from firmware_config.errors import ContractError, StationFileError
from firmware_config.quantities import registry

SHIPPED = (
    "aanderaa_optode_ascii",
    "contros_hydroc_co2",
    "csat3_rs232_binary",
    "ec100_irgason_ascii",
    "gill_windmaster_ascii",
    "gill_windmaster_binary_m10",
    "gps_nmea0183",
    "insitu_rdo_aquatroll_modbus",
    "keller_series30_modbus",
    "kippzonen_smp_modbus",
    "licor_li7500_grammar",
    "licor_li850_xml",
    "metek_usonic3_ascii",
    "microstrain_3dmgx_legacy_cb",
    "microstrain_mip",
    "paroscientific_digiquartz",
    "prooceanus_co2pro_atmosphere",
    "seabird_sbe26plus_ascii",
    "seabird_sbe63_ascii",
    "sunburst_sami2_pco2",
    "vaisala_gmp252_modbus",
    "vaisala_wxt536_ascii",
    "vaisala_wxt536_modbus",
    "vectornav_vn300_binary",
    "vegapuls_modbus",
    "victron_vedirect_text",
    "yosemitech_y504_modbus",
    "ysi_odo_rtu_modbus",
)
MODELS = sorted(all_cards())
MODBUS = """\
schema: 1
model: probe_modbus
title: {en: Probe, zh: 探头}
maker: nobody
role: oxygen
protocol: modbus
grade: A
sources: [a manual]
link: {baud: 9600}
modbus:
  unit: 1
  registers:
    - {field: oxygen, address: 0, type: f32}
    - {field: temperature, address: 2, type: f32}
  poll:
    - {address: 0, count: 4}
rules:
  - {field: oxygen, min: 0, max: 25, reason: "{value}"}
quantities:
  dissolved_oxygen: {field: oxygen}
options:
  mode: {allowed: [fast, slow], default: fast, text: how it measures}
"""
TEXT = """\
schema: 1
model: probe_text
title: {en: Probe, zh: 探头}
maker: nobody
role: weather
protocol: delimited
grade: A
sources: [a manual]
link: {baud: 9600}
fields:
  temperature: {unit: degC}
text:
  frame: line
  layouts:
    - {name: all, count: 2, columns: {temperature: 1}}
quantities:
  air_temperature: {field: temperature}
"""


BLOCKS = MODBUS.replace(
    """  poll:
    - {address: 0, count: 4}
""",
    """  blocks:
    at: {ph: 10, redox: 14}
    registers:
      - {field: value, address: 0, type: f32}
      - {field: quality, address: 2, type: u16}
  poll:
    - {address: 10, count: 8}
""",
).replace(
    'max: 25, reason: "{value}"}', 'max: 25, reason: "{value}"}\n  - {field: quality, blocks: [ph, redox], one_of: [0], reason: "{value}"}'
)
BINARY = """\
schema: 1
model: probe_binary
title: {en: Probe, zh: 探头}
maker: nobody
role: motion
protocol: binary
grade: A
sources: [a manual]
link: {baud: 9600}
binary:
  frame: mip
  order: big
  parts:
    - {code: 0x8004, name: one, items: [{field: accel, type: f32, count: 3}]}
    - {code: 0x8005, name: two, items: [{field: timer, type: u32}, {field: seconds, type: u32, at: 0, scale: 0.001}]}
quantities:
  acceleration_x: {field: accel, item: 0}
"""


def problems(tmp_path: Path, text: str, old: str, new: str) -> list[str]:
    """What is said of a card in which ``old`` was replaced."""
    assert old in text
    path = tmp_path / f"{yaml.safe_load(text)['model']}.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(StationFileError) as caught:
        read_card(path)
    assert all(problem.startswith(str(path)) for problem in caught.value.problems)
    return [problem.removeprefix(f"{path}:") for problem in caught.value.problems]


def test_the_models_are_there_and_consistent() -> None:
    assert set(SHIPPED) <= set(MODELS)


@pytest.mark.parametrize("model", MODELS)
def test_a_card_says_what_an_engineer_needs(model: str) -> None:
    card = load_card(model)
    assert card.title.en
    assert card.title.zh
    assert card.sources
    assert card.link.baud
    assert card.timing.answer <= card.timing.answer_longest
    assert set(card.quantities) <= set(registry())
    assert card.accuracy.keys() <= card.quantities.keys()
    assert card.unsure, "every card has facts that must be confirmed on a unit"


def test_a_card_may_be_written_by_hand(tmp_path: Path) -> None:
    for text in (BLOCKS, TEXT, BINARY):
        path = tmp_path / f"{yaml.safe_load(text)['model']}.yaml"
        path.write_text(text, encoding="utf-8")
        read_card(path)
    assert sorted(all_cards(tmp_path)) == ["probe_binary", "probe_modbus", "probe_text"]


@pytest.mark.parametrize(
    ("text", "old", "new", "expected"),
    [
        (
            MODBUS,
            "address: 2,",
            "address: 1,",
            "14: modbus.registers[1].address: 0x0001: temperature at 0x0001, 2 registers, overlaps oxygen",
        ),
        (MODBUS, "count: 4", "count: 3", "16: modbus.poll[0].count: 3: cuts temperature at 0x0002, 2 registers, in two"),
        (
            MODBUS,
            "- {address: 0, count: 4}",
            "- {address: 9, count: 4}",
            "16: modbus.poll[0].address: 0x0009: no register is described there",
        ),
        (
            MODBUS,
            "address: 2,",
            "address: 65535,",
            "modbus.registers[1].address: 0xFFFF: temperature at 0xFFFF, 2 registers, ends beyond 0xFFFF",
        ),
        (MODBUS, "unit: 1\n", "unit: 248\n", "11: modbus.unit: 248"),
        (MODBUS, "type: f32}", "type: f23}", "'f23': not one of the allowed values; allowed: f32"),
        (MODBUS, "type: f32}", "type: f32, ordre: CDAB}", "'ordre': no such key here"),
        (MODBUS, "dissolved_oxygen:", "disolved_oxygen:", "20: quantities.disolved_oxygen: 'disolved_oxygen': no such quantity"),
        (MODBUS, "{field: oxygen}", "{field: oxigen}", "20: quantities.dissolved_oxygen.field: 'oxigen': no field of this name"),
        (MODBUS, "default: fast", "default: fats", "22: options.mode.default: 'fats': not allowed itself; allowed: fast, slow"),
        (MODBUS, "count: 4}", "count: 4, when: {mood: fast}}", "modbus.poll[0].when: 'mood': no option of this name"),
        (MODBUS, "count: 4}", "count: 4, when: {mode: quick}}", "modbus.poll[0].when: 'quick': never chosen; allowed: fast, slow"),
        (MODBUS, "  poll:", "  prepare: [begin]\n  poll:", "modbus.prepare[0]: 'begin': no command of this name"),
        (MODBUS, "min: 0, max: 25,", "min: 0, one_of: [1],", "give one test"),
        (MODBUS, "model: probe_modbus", "model: other", "2: model: 'other': the file is named 'probe_modbus'"),
        (MODBUS, "maker: nobody\n", "", "maker: this key is missing"),
        (MODBUS, "maker: nobody\n", "maker: nobody\nmaker: somebody\n", "5: maker: this key stands twice"),
        (MODBUS, "grade: A", "grade: D", "7: grade: 'D': not one of the allowed values; allowed: A, B, C"),
        (
            TEXT,
            "columns: {temperature: 1}",
            "columns: {temperature: 2}",
            "layouts[0].columns.temperature: 2: beyond the record; allowed: 0 to 1",
        ),
        (TEXT, "columns: {temperature: 1}", "columns: {temprature: 1}", "'temprature': no field of this name under fields"),
        (TEXT, "{unit: degC}", "{unit: degC, missing: '[9'}", "11: fields.temperature.missing: '[9': not a pattern"),
        (TEXT, "{unit: degC}", "{unit: degC, missing: '(9+)+x'}", "an endless repeat within another can search for ever"),
        (TEXT, "{unit: degC}", "{unit: degC, missing: '(a|(?:b*c?)*?)'}", "an endless repeat within another can search for ever"),
        (TEXT, "  frame: line\n", "", "protocol delimited needs text.frame"),
        (TEXT, "  frame: line\n", '  frame: line\n  separator: ""\n', "text.separator: '': String should have at least 1 character"),
        (TEXT, "  frame: line\n", "  frame: line_sum\n", "without a sum nothing is checked"),
        (TEXT, "  frame: line\n", "  frame: line\n  sum: {kind: xor}\n", "frame line_sum and the key sum go together"),
        (TEXT, "  frame: line\n", "  frame: line_sum\n  sum: {kind: sum, base: 10}\n", "a decimal sum needs a mark"),
        (TEXT, "protocol: delimited", "protocol: modbus", "protocol modbus goes with the key modbus"),
        (MODBUS, "address: 2, type: f32", "address: 2, type: i16, decimals: places", "decimals: 'places': no register of this name"),
        (MODBUS, "address: 2, type: f32", "address: 2, type: f32, decimals: oxygen", "decimals is for a single whole number"),
        (MODBUS, "address: 0, type: f32", "address: 0, type: f32, items: 2", "overlaps oxygen at 0x0000, 4 registers"),
        (BLOCKS, "redox: 14", "redox: 12", "redox.value at 0x000C, 2 registers, overlaps ph.quality"),
        (BLOCKS, "count: 8", "count: 5", "cuts redox.value at 0x000E, 2 registers, in two"),
        (BLOCKS, "blocks: [ph, redox]", "blocks: [ph, redux]", "'redux.quality': no field of this name"),
        (BLOCKS, "{field: quality, blocks", "{field: qualty, blocks", "'ph.qualty': no field of this name"),
        (BINARY, "code: 0x8005", "code: 0x8004", "codes of mip are different from each other"),
        (BINARY, "frame: mip", "frame: csat3", "every frame but csat3"),
        (BINARY, "frame: mip", "frame: gill", "not above 255"),
        (BINARY, "{field: seconds, type: u32, at: 0", "{type: u32, at: 0", "at gives bytes a second field"),
        (BINARY, "at: 0, scale", "at: 1, scale", "at lies beyond what the part always has"),
        (BINARY, "{field: accel, item: 0}", "{field: acel, item: 0}", "'acel': no field of this name"),
        (BINARY, "protocol: binary", "protocol: delimited", "binary with the key binary"),
    ],
)
def test_a_wrong_card_is_refused_with_file_line_key_and_value(tmp_path: Path, text: str, old: str, new: str, expected: str) -> None:
    found = problems(tmp_path, text, old, new)
    assert any(expected in problem for problem in found), found


def test_aliases_that_stand_for_more_than_fits_in_memory_are_looked_at_once(tmp_path: Path) -> None:
    """Thirty lists, each ten times the one before: walked one by one they would take for ever."""
    bomb = "unsure: [&a0 [x]]\n" + "".join(f"z{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 31))
    found = problems(tmp_path, MODBUS, "maker: nobody\n", f"maker: nobody\n{bomb}")
    assert any("'z30': no such key here" in problem for problem in found), found


def test_every_problem_is_said_at_once(tmp_path: Path) -> None:
    text = MODBUS.replace("{field: oxygen}", "{field: oxigen}").replace("default: fast", "default: fats")
    assert len(problems(tmp_path, text, "address: 2,", "address: 1,")) == 3


def test_the_nearest_spelling_is_offered(tmp_path: Path) -> None:
    assert "did you mean 'dissolved_oxygen'?" in problems(tmp_path, MODBUS, "dissolved_oxygen:", "disolved_oxygen:")[0]
    with pytest.raises(ContractError, match="did you mean 'gps_nmea0183'"):
        load_card("gps_nmea183")


@pytest.mark.parametrize("content", [b"", b"[1, 2]", b"a: [", b"\xff\xfe", b"a: !!python/object/apply:os.system [ls]"])
def test_a_file_that_is_no_card_is_refused_not_run(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(content)
    with pytest.raises(StationFileError):
        read_card(path)


def test_an_option_of_a_station_file_is_checked_against_the_card() -> None:
    card = load_card("licor_li7500_grammar")
    assert list(option_problems(card, {"analyser": "li7200", "software_version": "8.9"})) == []
    wrong_value, wrong_name = option_problems(card, {"analyser": "li7700", "analyzer": "li7200"})
    assert wrong_value[0] == "analyser"
    assert "li7500" in wrong_value[2]
    assert wrong_name[3] == "analyser"


def test_no_two_cards_name_the_same_model_and_every_file_is_one() -> None:
    assert {path.stem for path in CARDS.glob("*.yaml")} == {card.model for card in all_cards().values()}


@pytest.mark.parametrize(
    ("text", "more", "expected"),
    [
        (
            MODBUS,
            "settings: [{name: x, zh: 某, register: oxigen, wanted: unchanged}]",
            "settings[0].register: 'oxigen': no field of this name",
        ),
        (
            MODBUS,
            "settings: [{name: x, zh: 某, register: oxygen, wanted: '= 1', write_function: 6}]",
            "6: writes one register, oxygen at 0x0000, 2",
        ),
        (
            MODBUS,
            "settings: [{name: x, zh: 某, register: oxygen, wanted: unchanged, write_function: 16}]",
            "cannot be written: nobody says",
        ),
        (
            MODBUS,
            "settings: [{name: x, zh: 某, register: oxygen, wanted: options.unit}]",
            "settings[0].wanted: 'unit': no option of this name",
        ),
        (MODBUS, "settings: [{name: x, zh: 某, register: oxygen, wanted: sometimes}]", "wanted 'sometimes'"),
        (TEXT, "settings: [{name: x, zh: 某, field: temperature, shows: temperature, wanted: rate}]", "read a setting in one way"),
        (
            TEXT,
            "settings: [{name: x, zh: 某, field: temperature, wanted: serial_number, write_function: 6}]",
            "only a register that is a single",
        ),
        (TEXT, "settings: [{name: x, zh: 某, ask: '?', answer: 'a(b)', wanted: rate}]", "answer has no group named value"),
        (TEXT, "settings: [{name: x, zh: 某, measured: true, counts: temprature, wanted: every}]", "'temprature': no field of this name"),
        (TEXT, "cycles: [{cycle: zero, field: temprature, one_of: [0]}]", "cycles[0].field: 'temprature': no field of this name"),
        (TEXT, "cycles: [{cycle: zero, field: temperature}]", "a cycle is told in one way"),
        (TEXT, "cycles: [{cycle: zero, pattern: '[0'}]", "cycles[0].pattern: '[0': not a pattern"),
        (TEXT, "cycles: [{cycle: zeroing, pattern: 'Z.*'}]", "cycles[0].cycle: 'zeroing': not one of the allowed values"),
        (TEXT, "cycles: [{cycle: zero, pattern: 'Z.*', means: [temperature]}]", "has no means"),
    ],
)
def test_a_setting_or_cycle_that_cannot_be_is_refused(tmp_path: Path, text: str, more: str, expected: str) -> None:
    found = problems(tmp_path, f"{text}{more}\n", "schema: 1", "schema: 1")
    assert any(expected in problem for problem in found), found


@pytest.mark.parametrize("pattern", [r"(?:9+)++x", r"[+-]?\d+(\.\d+)?", r"(?:[0-9A-F]{2}){256,257}", "", r"(?P<value>\d+),\s*(x|y)+"])
def test_a_pattern_that_cannot_search_for_ever_may_stand(pattern: str) -> None:
    assert groups_of(pattern) == (["value"] if "value" in pattern else [])
