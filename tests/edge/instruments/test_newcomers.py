"""An instrument is added with a card and no code: cards written here from the documents alone decode the sample sets of devices that the
station has no other knowledge of: four over Modbus (three byte orders, both functions, word pairs, exceptions) and one that prints text."""

import re
import textwrap
from pathlib import Path

import pytest

import edge.instruments
from edge.instruments import ModbusDriver
from edge.instruments.decode import bench_driver, decode_lines
from firmware_config.cards import all_cards, read_card
from tests.edge.instruments.compare import differences, sidecar

CARDS = sorted((Path(__file__).parent / "newcomers").glob("*.yaml"))
WRITES = {"vaisala_gmp252_modbus": {6}}
"""Lines that record a write; a card describes reading."""


@pytest.mark.needs("samples")
@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.stem)
def test_a_card_alone_decodes_the_samples(path: Path, samples: Path) -> None:
    driver = bench_driver(read_card(path), {})
    with (samples / f"{path.stem}.txt").open("rb") as lines:
        results = list(decode_lines(driver, lines))
    skipped = WRITES.get(path.stem, set())
    expected = [entry for entry in sidecar(samples / f"{path.stem}.json") if entry["line_no"] not in skipped]
    assert not differences([result for result in results if result["line_no"] not in skipped], expected)


def test_both_kinds_are_among_them() -> None:
    kinds = {isinstance(bench_driver(read_card(path), {}), ModbusDriver) for path in CARDS}
    assert kinds == {True, False}


def test_the_cards_of_the_guide_work_as_printed(tmp_path: Path) -> None:
    """README.md beside the drivers shows one card of each kind; a guide that does not work is worse than none."""
    guide = (Path(edge.instruments.__file__).parent / "README.md").read_text(encoding="utf-8")
    cards = [textwrap.dedent(block) for block in re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL)]
    names = [re.search(r"^model: (\w+)$", card, re.MULTILINE)[1] for card in cards]
    for name, card in zip(names, cards, strict=True):
        (tmp_path / f"{name}.yaml").write_text(card, encoding="utf-8")
    assert sorted(all_cards(tmp_path)) == sorted(names) == ["my_probe_modbus", "my_station"]
    lines = re.findall(r"WS;.*?\\r\\n", guide)
    results = list(decode_lines(bench_driver(all_cards(tmp_path)["my_station"], {}), [line.encode() for line in lines]))
    assert [result["values"] for result in results] == [{"ta": 21.4, "pa": 1013.2, "status": 0}, {"ta": None, "pa": 1013.2, "status": 4}]
    assert [result["valid"] for result in results] == [True, False]
