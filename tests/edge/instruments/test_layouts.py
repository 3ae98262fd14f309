"""Instruments of makes nobody here has seen: a card and no code, for each way a maker may print a record."""

import json
from pathlib import Path

import pytest

from edge.instruments.decode import bench_driver, decode_lines
from firmware_config.cards import read_card
from firmware_config.errors import StationFileError

HEAD = """\
schema: 1
model: newcomer
title: {en: Newcomer, zh: 新仪器}
maker: somebody
role: weather
protocol: delimited
grade: A
sources: [a manual]
link: {baud: 9600}
quantities:
  air_temperature: {field: ta}
"""
BLANKS = """
fields: {station: {kind: text}, ta: {unit: degC}, pa: {kind: number, unit: hPa}}
text:
  frame: line
  separator: blanks
  layouts: [{name: all, count: 3, columns: {station: 0, ta: 1, pa: 2}}]
"""
SPANS = """
fields: {day: {kind: text}, ta: {scale: 0.1, unit: degC, missing: '9999'}, pa: {scale: 0.1, unit: hPa}}
text:
  frame: line
  layouts: [{name: all, spans: {day: [0, 8], ta: [8, 12], pa: [12, 17]}, length: [17, 18]}]
"""
NAMED = """
fields: {ta: {unit: degC, units: {F: [0.55555556, -17.7777778], K: [1, -273.15]}}, pa: {unit: hPa, units: {Pa: 0.01}}, state: {kind: text}}
text:
  frame: line
  separator: ";"
  layouts:
    - {name: all, pairs: {assign: "=", unit: after_value, names: {T: ta, P: pa}, required: [ta], others: skip}}
"""
IN_NAMES = """
fields: {id: {kind: text}, ta: {unit: degC}, pa: {unit: hPa, units: {kPa: 10}}}
text:
  frame: line
  separator: ","
  layouts:
    - {name: all, match: {0: 'WS\\d'}, columns: {id: 0}, pairs: {begin: 1, unit: after_name, mark: "!", names: {Temp: ta, Baro: pa}}}
"""
PATTERN = """
fields: {ta: {unit: degC}, pa: {unit: hPa}, heater: {kind: text, words: {"0": "off", "1": "on"}}}
text:
  frame: line
  lead: '(> )?'
  layouts: [{name: all, pattern: 'T (?P<ta>-?\\d+\\.\\d) C(?: at (?P<pa>\\d+) hPa)? h(?P<heater>\\d)'}]
derived:
  ta2: {of: [ta, ta], scale: 0.5, digits: 2}
"""


def decoded(folder: Path, card: str, *lines: str) -> list[dict]:
    path = folder / "newcomer.yaml"
    path.write_text(HEAD + card, encoding="utf-8")
    return list(decode_lines(bench_driver(read_card(path), {}), [line.encode() for line in lines]))


def values(folder: Path, card: str, *lines: str) -> list[dict]:
    return [row["values"] for row in decoded(folder, card, *lines)]


def test_columns_between_any_blanks(tmp_path: Path) -> None:
    assert values(tmp_path, BLANKS, r"S1   21.4  1013\r\n", r"  S1 -0.5\t1013.5\r\n", r"S1 21.4\r\n", r"S1 21.4 1013 7\r\n") == [
        {"station": "S1", "ta": 21.4, "pa": 1013},
        {"station": "S1", "ta": -0.5, "pa": 1013.5},
        {},
        {},
    ]


def test_fixed_columns(tmp_path: Path) -> None:
    found = values(tmp_path, SPANS, r"20260304 21410132\r\n", r"20260304999910132 \r\n", r"20260304 2141013\r\n", r"20260304 2x410132\r\n")
    assert found[0] == {"day": "20260304", "ta": pytest.approx(21.4), "pa": pytest.approx(1013.2)}
    assert found[1] == {"day": "20260304", "ta": None, "pa": pytest.approx(1013.2)}
    assert found[2:] == [{}, {}]


def test_names_with_values_and_their_units(tmp_path: Path) -> None:
    """Order is free, the unit goes with the number, a name may stand once, and an unknown unit is no number."""
    celsius, fahrenheit, kelvin, *refused = values(
        tmp_path,
        NAMED,
        r"P=101320 Pa;T=21.4 degC;state=ok\r\n",
        r"T=68.0F;P=1013.2hPa;\r\n",
        r"T=300.15 K;humidity=70 %\r\n",
        r"P=1013 hPa\r\n",
        r"T=21.4 R\r\n",
        r"T=21.4 degC;T=21.4 degC\r\n",
        r"T=21.4 degC;1013\r\n",
    )
    assert celsius == {"pa": pytest.approx(1013.2), "ta": 21.4, "state": "ok"}
    assert fahrenheit == {"ta": pytest.approx(20.0, abs=1e-6), "pa": 1013.2}
    assert kelvin == {"ta": pytest.approx(27.0)}
    assert refused == [{}, {}, {}, {}]


def test_names_with_their_unit_in_columns_by_turns(tmp_path: Path) -> None:
    good, marked, *refused = decoded(
        tmp_path,
        IN_NAMES,
        r"WS1,Temp[degC],21.4,Baro(kPa),101.32\r\n",
        r"WS1,!Temp[degC],21.4,Baro[hPa],1013.2\r\n",
        r"WS1,Temp[degC],21.4,Baro[kPa]\r\n",
        r"WS1,Temp[degC],21.4,Wind[m/s],3\r\n",
        r"XY,Temp[degC],21.4\r\n",
    )
    assert good["values"] == {"id": "WS1", "ta": 21.4, "pa": pytest.approx(1013.2)}
    assert marked["values"] == {"id": "WS1", "ta": 21.4, "pa": 1013.2, "flagged": ["ta"]}
    assert not marked["valid"]
    assert [row["values"] for row in refused] == [{}, {}, {}]


def test_a_pattern_with_words_parts_that_may_lack_and_a_derived_field(tmp_path: Path) -> None:
    assert values(tmp_path, PATTERN, r"> T 21.4 C at 1013 hPa h1\r\n", r"T -2.0 C h0\r\n", r"T 21.4 C h7\r\n", r"> \r\n") == [
        {"ta": 21.4, "pa": 1013.0, "heater": "on", "ta2": round(21.4 * 21.4 / 2, 2)},
        {"ta": -2.0, "pa": None, "heater": "off", "ta2": 2.0},
        {},
        {},
    ]


def test_a_record_that_belongs_to_another_is_taken_after_it_alone(tmp_path: Path) -> None:
    card = """
fields: {ta: {unit: degC}, id: {kind: text}}
text:
  frame: line
  layouts:
    - {name: begin, pattern: 'BEGIN (?P<id>\\w+)'}
    - {name: value, pattern: '(?P<ta>\\d+\\.\\d)', after: [begin, value]}
    - {name: end, pattern: '(?P<id>END)'}
"""
    rows = decoded(tmp_path, card, "1.0", "BEGIN a", "1.0", "noise", "2.0", "END", "3.0")
    assert [row["valid"] for row in rows] == [False, True, True, False, True, True, False]
    assert "without the one it belongs to" in rows[0]["reason"]


@pytest.mark.parametrize(
    ("card", "old", "new", "says"),
    [
        (BLANKS, "count: 3, ", "", "columns go with count"),
        (BLANKS, "columns: {", "pattern: x, columns: {", "give one way to split a record"),
        (SPANS, "ta: [8, 12]", "ta: [12, 8]", "begin is not before end"),
        (SPANS, "ta: [8, 12]", "tb: [8, 12]", "'tb': no field of this name"),
        (NAMED, "T: ta", "T: tb", "'tb': no field of this name"),
        (NAMED, "required: [ta]", "required: [tb]", "'tb': no field of this name"),
        (PATTERN, "(?P<ta>", "(?P<tb>", "'tb': no field of this name"),
        (PATTERN, "(?P<ta>", "(?P<ta", "not a pattern"),
        (PATTERN, "of: [ta, ta]", "of: [ta, tb]", "'tb': no field of this name"),
        (PATTERN, "lead: '(> )?'", "lead: '(> )?('", "not a pattern"),
        (PATTERN, "heater: {kind: text", "heater: {kind: nmea_latitude", "an NMEA angle is read from two columns"),
        (IN_NAMES, "columns: {id: 0}", "columns: {id: 1}", "beyond the record"),
        (BLANKS, "{name: all,", "{name: all, after: [some],", "no layout of this name"),
    ],
)
def test_a_layout_that_cannot_work_is_refused(tmp_path: Path, card: str, old: str, new: str, says: str) -> None:
    assert old in card
    path = tmp_path / "newcomer.yaml"
    path.write_text(HEAD + card.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(StationFileError) as caught:
        read_card(path)
    assert any(says in problem for problem in caught.value.problems), json.dumps(caught.value.problems)


def test_a_unit_that_the_field_does_not_have_is_told_as_one(tmp_path: Path) -> None:
    printed, bare = decoded(tmp_path, NAMED, "T=21.4 R", "T=21.4")
    assert printed["reason"] == "T: '21.4' has the unit 'R'; the card's field has 'degC', 'F', 'K' (others stand in its units, '' for none)"
    assert "'21.4' has no unit" in bare["reason"]
    [taken] = decoded(tmp_path, NAMED.replace("K: [1, -273.15]", '"": 1'), "T=21.4")
    assert taken["values"] == {"ta": 21.4}
