"""Damaged lines of instruments that print, through whole drivers: nothing raises, and where a record has a checksum nothing false passes.

HAITAN_FUZZ_BYTES makes it longer. An 8-bit sum lets one of 256 wrong blocks pass by chance: a few are allowed where the damage is heavy.
"""

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge.cli import main
from edge.instruments import StreamDriver
from edge.instruments.decode import bench_driver
from firmware_config.cards import load_card
from tests.edge.instruments.compare import sampled

FUZZ_BYTES = int(os.environ.get("HAITAN_FUZZ_BYTES", "60000"))
PRINTING = [model for model in sampled() if load_card(model).text is not None]
SUMMED = {"sunburst_sami2_pco2": 0, "victron_vedirect_text": 1 / 256}
"""Model → share of wrong records that may pass; a hex record has its length beside the sum, a single damage never passes either."""


def wires(samples: Path, model: str) -> list[bytes]:
    return [bytes.fromhex(record["bytes_hex"]) for record in json.loads((samples / f"{model}.json").read_text())["records"]]


def damaged(parts: list[bytes], seed: int) -> Iterator[bytes]:
    """Whole records, records with a byte changed, lost or cut, and noise, by turns of the dice."""
    dice, sent = random.Random(seed), 0
    while sent < FUZZ_BYTES:
        wire, at, kind = dice.choice(parts), 0, dice.randrange(6)
        at = dice.randrange(len(wire))
        yield (part := {
            0: wire,
            1: wire,
            2: wire[:at] + dice.randbytes(1) + wire[at + 1 :],
            3: wire[:at] + wire[at + dice.randrange(1, 4) :],
            4: wire[:at],
            5: dice.randbytes(dice.randrange(1, 120)),
        }[kind])  # fmt: skip
        sent += len(part)


def measured(values: dict) -> str:
    """What a record says, without what depends on the record before it and without the id that no sum protects."""
    return json.dumps({name: value for name, value in values.items() if name not in {"pco2_uatm", "optics", "id"}}, sort_keys=True)


@pytest.mark.needs("samples")
@pytest.mark.parametrize("model", PRINTING)
def test_damage_is_survived_and_each_record_is_good_or_has_its_reason(model: str, samples: Path) -> None:
    tested = bench_driver(load_card(model), {})
    assert isinstance(tested, StreamDriver)
    good = 0
    for part in damaged(wires(samples, model), 11):
        for reading in tested.feed(part, 0.0):
            assert bool(reading.reason) is not reading.valid
            good += reading.valid
    assert good > FUZZ_BYTES / 2000


@pytest.mark.needs("samples")
@pytest.mark.parametrize("model", SUMMED)
def test_a_damaged_record_with_a_sum_is_not_taken_for_another(model: str, samples: Path) -> None:
    parts = wires(samples, model)
    clean = {measured(reading.values) for part in parts for reading in bench_driver(load_card(model), {}).feed(part, 0.0)}
    tested = bench_driver(load_card(model), {})
    wrong = refused = 0
    for part in damaged(parts, 12):
        for reading in tested.feed(part, 0.0):
            wrong += reading.valid and measured(reading.values) not in clean
            refused += not reading.valid
    assert wrong <= SUMMED[model] * refused


@pytest.mark.needs("samples")
def test_decode_says_whose_coefficients_it_takes(samples: Path) -> None:
    path = str(samples / "sunburst_sami2_pco2.txt")
    bench = CliRunner().invoke(main, ["decode", "sunburst_sami2_pco2", path])
    own = CliRunner().invoke(
        main, ["decode", "sunburst_sami2_pco2", path, *(f"--option={x}" for x in ("CalT=5.1", "CalA=0.0441", "CalB=0.642", "CalC=-1.6"))]
    )
    assert "CalT=5.1" in bench.stderr
    assert own.stderr == ""
    first, second = (json.loads(result.stdout.splitlines()[1])["values"]["pco2_uatm"] for result in (bench, own))
    assert first == pytest.approx(679.2807, rel=3e-6)  # the sample's sidecar
    assert second != first
