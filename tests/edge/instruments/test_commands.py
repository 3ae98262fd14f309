"""The commands ``haitan-edge decode`` and ``haitan-edge probe`` as a person at a terminal meets them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge.cli import main
from edge.instruments.command import parse_options
from tests.edge.instruments.compare import differences, sidecar

GOOD = b"\x02Q,+001.23,-000.45,+000.12,M,+343.21,+020.85,00,\x0325\r\n"


def decoded(*arguments: str, given: bytes = b"") -> list[dict]:
    result = CliRunner().invoke(main, ["decode", *arguments], input=given)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.needs("samples")
def test_a_sample_file_gives_one_object_a_record(samples: Path) -> None:
    """As a program of its own: what it prints is nothing but the objects."""
    command = [
        str(Path(sys.executable).with_name("haitan-edge")),
        "decode",
        "licor_li7500_grammar",
        str(samples / "licor_li7500_grammar.txt"),
    ]
    result = subprocess.run(command, capture_output=True, check=True, timeout=60)
    assert result.stderr == b""
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert all(list(row) == ["line_no", "valid", "values", "reason"] for row in rows)
    assert not differences(rows, sidecar(samples / "licor_li7500_grammar.json"))


def test_standard_input_escaped_hex_and_raw_bytes_say_the_same() -> None:
    escaped = rb"\x02Q,+001.23,-000.45,+000.12,M,+343.21,+020.85,00,\x0325\r\n" + b"\n"
    (one,) = decoded("gill_windmaster_ascii", given=escaped)
    assert one["values"]["u"] == 1.23
    assert decoded("gill_windmaster_ascii", "-", given=GOOD.hex().encode() + b"\n") == [one]
    assert decoded("gill_windmaster_ascii", "-", "--raw", given=GOOD) == [one]
    assert [row["line_no"] for row in decoded("gill_windmaster_ascii", "--raw", given=GOOD * 3)] == [1, 2, 3]


def test_lines_keep_their_numbers_over_empty_ones_and_each_line_is_answered() -> None:
    rows = decoded(
        "gill_windmaster_ascii", given=b"\n" + GOOD.rstrip() + b"\n\n\nnothing\n\xff\xfe\\x\\xzz\n" + b"a" * 70_000 + b"\n" + GOOD
    )
    assert [row["line_no"] for row in rows] == [2, 5, 6, 7, 8]
    assert [row["valid"] for row in rows] == [True, False, False, False, True]
    assert all(row["reason"] for row in rows if not row["valid"])


def test_an_option_of_the_instrument_is_taken() -> None:
    record = b"(Data (Ndx 1)(DiagVal 255)(CO2D 16)(H2OD 500))\n"
    assert [row["valid"] for row in decoded("licor_li7500_grammar", given=record)] == [True]
    assert [row["valid"] for row in decoded("licor_li7500_grammar", "--option", "analyser=li7200", given=record)] == [False]
    assert parse_options(["a=1", "b=true", "c=x", "d="]) == {"a": 1, "b": True, "c": "x", "d": ""}


def test_a_card_file_can_be_tried_before_it_joins_the_others() -> None:
    card = Path(__file__).parent / "newcomers" / "hach_ldo_modbus.yaml"
    (row,) = decoded(str(card), given=b"REQ=f70300000002d09d RSP=f703042206073a0466\n")
    assert row["values"] == pytest.approx({"do_mgl": 8.71, "temp_c": 18.5})


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["gill_windmastr_ascii"], "did you mean 'gill_windmaster_ascii'"),
        (["gill_windmaster_ascii", "no-such-file"], "no-such-file"),
        (["gill_windmaster_ascii", "--option", "colour=red"], "allowed"),
        (["gill_windmaster_ascii", "--option", "colour"], "name=value"),
        (["no-such-card.yaml"], "cannot be read"),
    ],
)
def test_what_cannot_be_decoded_is_said_and_told_by_the_exit_status(arguments: list[str], says: str) -> None:
    result = CliRunner().invoke(main, ["decode", *arguments])
    assert result.exit_code == 2
    assert says in result.stderr


def test_probe_refuses_a_station_file_that_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "station.yaml"
    path.write_text("id: 1\n")
    result = CliRunner().invoke(main, ["probe", str(path)])
    assert result.exit_code == 2
    assert "station.yaml" in result.stderr


def test_probe_of_an_example_station_without_its_ports_names_each_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAITAN_PORTS", str(tmp_path))
    root = Path(__file__).parents[3]
    result = CliRunner().invoke(main, ["probe", str(root / "firmware_config/stations/zhoushan-buoy/station.yaml")])
    assert result.exit_code == 1
    for name in ("sonic", "irga", "hydroc", "weather", "gnss", "oxygen", "depth"):
        assert name in result.stdout
