"""Case folders: ``cases/<model>/<what it shows>/`` with ``input.txt`` and ``expected.json``, in the form of the sample sets.

Every instrument has at least one.
"""

import json
from pathlib import Path

import pytest

from edge.instruments.decode import bench_driver, decode_lines
from firmware_config.cards import all_cards, load_card
from tests.edge.instruments.compare import differences, sidecar

CASES = Path(__file__).parent / "cases"
FOLDERS = sorted(path.parent for path in CASES.glob("*/*/input.txt"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_case(folder: Path) -> None:
    case = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    assert case["shows"]
    with (folder / "input.txt").open("rb") as lines:
        results = list(decode_lines(bench_driver(load_card(folder.parent.name), case["options"]), lines))
    assert not differences(results, sidecar(folder / "expected.json"))


@pytest.mark.parametrize("model", sorted(all_cards()))
def test_every_instrument_has_a_case(model: str) -> None:
    assert any(folder.parent.name == model for folder in FOLDERS)
