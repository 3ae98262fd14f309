"""An instrument is added with a card and no code: cards written here from the documents alone decode the sample sets of devices that the
station has no other knowledge of: four over Modbus (three byte orders, both functions, word pairs, exceptions) and one that prints text."""

from pathlib import Path

import pytest

from edge.instruments import ModbusDriver
from edge.instruments.decode import bench_driver, decode_lines
from firmware_config.cards import read_card
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
