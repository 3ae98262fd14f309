"""An instrument is added with a card and no code: a device that the station has no other knowledge of, and the cards of the guide."""

import re
import textwrap
from functools import reduce
from operator import xor
from pathlib import Path

import pytest

import edge.instruments
from edge.instruments.decode import bench_driver, decode_lines
from edge.links.checksums import crc16
from firmware_config.cards import all_cards, read_card

CARD = Path(__file__).parent / "newcomers" / "hach_ldo_modbus.yaml"


def exchange(unit: int, address: int, *words: int) -> bytes:
    """A recorded read of holding registers."""

    def frame(content: bytes) -> str:
        return (content + crc16(content).to_bytes(2, "little")).hex()

    asked = bytes((unit, 3)) + address.to_bytes(2, "big") + len(words).to_bytes(2, "big")
    answer = bytes((unit, 3, 2 * len(words))) + b"".join(word.to_bytes(2, "big") for word in words)
    return f"REQ={frame(asked)} RSP={frame(answer)}".encode()


def test_a_card_alone_reads_a_device_that_is_not_shipped() -> None:
    """Registers as the maker's manual has them: mg/L in thousandths, degrees in hundredths, whole percent ten registers further."""
    driver = bench_driver(read_card(CARD), {})
    first, second = decode_lines(driver, [exchange(247, 0, 8710, 1850), exchange(247, 11, 93)])
    assert first["values"] == pytest.approx({"do_mgl": 8.71, "temp_c": 18.5})
    assert second["values"] == {"sat_pct": 93}
    assert first["valid"]
    assert second["valid"]
    assert read_card(CARD).model not in all_cards()


def test_a_card_alone_reads_lines_whose_checksum_is_described_as_data() -> None:
    """A current meter: the sum stands behind a star, and no dollar sign before the record."""
    driver = bench_driver(read_card(CARD.with_name("current_meter.yaml")), {})
    good, tilted = "CM3,20260304T120010Z,0.213,-0.105,14.82,OK", "CM3,20260304T120020Z,0.210,---,14.82,TILT"
    lines = [f"{body}*{reduce(xor, body.encode()):02X}\\r\\n" for body in (good, tilted)]
    first, second, third = decode_lines(driver, [line.encode() for line in [*lines, lines[0].replace("0.213", "0.218")]])
    assert first["valid"]
    assert first["values"] == {"east": 0.213, "north": -0.105, "temperature": 14.82, "state": "OK"}
    assert not second["valid"]
    assert second["values"]["north"] is None
    assert third["values"] == {}
    assert third["reason"] == "checksum"


def test_the_cards_of_the_guide_work_as_printed(tmp_path: Path) -> None:
    """README.md beside the drivers shows one card of each kind; a guide that does not work is worse than none."""
    guide = (Path(edge.instruments.__file__).parent / "README.md").read_text(encoding="utf-8")
    blocks = [textwrap.dedent(block) for block in re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL)]
    cards = [block for block in blocks if block.startswith("schema:")]  # the others are parts of a station file
    names = [re.search(r"^model: (\w+)$", card, re.MULTILINE)[1] for card in cards]
    for name, card in zip(names, cards, strict=True):
        (tmp_path / f"{name}.yaml").write_text(card, encoding="utf-8")
    assert sorted(all_cards(tmp_path)) == sorted(names) == ["my_probe_modbus", "my_station"]
    lines = re.findall(r"WS;.*?\\r\\n", guide)
    results = list(decode_lines(bench_driver(all_cards(tmp_path)["my_station"], {}), [line.encode() for line in lines]))
    assert [result["values"] for result in results] == [{"ta": 21.4, "pa": 1013.2, "status": 0}, {"ta": None, "pa": 1013.2, "status": 4}]
    assert [result["valid"] for result in results] == [True, False]
