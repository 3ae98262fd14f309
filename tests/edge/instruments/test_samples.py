"""Every sample record of every instrument decodes to exactly what its sidecar says, or is rejected with a reason."""

from pathlib import Path

import pytest

from edge.instruments.decode import bench_driver, decode_lines, decode_raw
from edge.instruments.modbus import ModbusDriver
from firmware_config.cards import all_cards, load_card
from tests.edge.instruments.compare import differences, sampled, sidecar

MODELS = sampled()


@pytest.mark.needs("samples")
@pytest.mark.parametrize("model", MODELS)
def test_a_sample_set_decodes_as_its_sidecar_says(model: str, samples: Path) -> None:
    expected = sidecar(samples / f"{model}.json")
    assert expected
    with (samples / f"{model}.txt").open("rb") as lines:
        results = list(decode_lines(bench_driver(load_card(model), {}), lines))
    assert not differences(results, expected)


@pytest.mark.needs("samples")
@pytest.mark.parametrize("model", [m for m in MODELS if all_cards()[m].modbus is None])
def test_a_sample_set_as_one_stream_gives_the_same_good_records(model: str, samples: Path) -> None:
    """Run together as they would be on the line: noise and cut records between them cost nothing but themselves."""
    import json

    sent = b"".join(bytes.fromhex(record["bytes_hex"]) for record in json.loads((samples / f"{model}.json").read_text())["records"])
    expected = [entry for entry in sidecar(samples / f"{model}.json") if entry["expect"]]
    results = [result for result in decode_raw(bench_driver(load_card(model), {}), [sent]) if result["values"]]
    for number, (result, entry) in enumerate(zip(results, expected, strict=True)):
        result["line_no"] = entry["line_no"] = number
    assert not differences(results, expected)


@pytest.mark.needs("samples")
@pytest.mark.parametrize("model", [m for m in MODELS if all_cards()[m].modbus is not None])
def test_a_tapped_modbus_line_decodes_like_its_single_exchanges(model: str, samples: Path) -> None:
    driver = bench_driver(load_card(model), {})
    assert isinstance(driver, ModbusDriver)
    lines = (samples / f"{model}.txt").read_text().split("\n")
    tapped = b"".join(bytes.fromhex(part.partition("=")[2]) for line in lines for part in line.split() if not part.endswith("=-"))
    results = list(decode_raw(driver, [tapped]))
    expected = sidecar(samples / f"{model}.json")
    for number, (result, entry) in enumerate(zip(results, expected, strict=True)):
        result["line_no"] = entry["line_no"] = number
    assert not differences(results, expected)
