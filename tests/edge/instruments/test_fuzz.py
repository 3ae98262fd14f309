"""A stream full of faults through every driver that listens; the long form, a million bytes each, is in the performance table."""

import pytest

from firmware_config.cards import all_cards
from tests.bench.fuzz import Found, clean_records, false_goods, fuzz, fuzz_modbus

BYTES = 60_000
LONGEST_PORTION = 4096


@pytest.mark.parametrize("model", [model for model, card in all_cards().items() if card.modbus is None])
def test_no_exception_no_frame_past_its_checksum_and_good_records_among_the_bad(model: str) -> None:
    card = all_cards()[model]
    found = fuzz(card, BYTES, seed=7)
    assert (found.crashes, found.false_good) == (0, 0)
    assert found.refused > 50
    assert found.good > 50, "whole records are a quarter of the stream"
    assert card.stream is not None
    assert found.buffered <= card.stream.max_bytes + LONGEST_PORTION


def test_no_exception_and_no_answer_past_its_checksum_on_a_modbus_line() -> None:
    found = fuzz_modbus(BYTES, seed=7)
    assert (found.crashes, found.false_good) == (0, 0)
    assert found.refused > 20
    assert found.good > 20


def test_the_count_of_false_goods_sees_one() -> None:
    card = all_cards()["gill_windmaster_ascii"]
    wire = clean_records(card)[0]
    body = wire[1 : wire.index(b"\x03")]
    wrong = wire.replace(b"\x03", b"\x030")
    assert false_goods(card, wire, [body]) == 0
    assert false_goods(card, wrong, [body]) == 1
    assert false_goods(card, wire, [body, body]) == 1
    assert false_goods(card, wire, [body + b"0"]) == 1
    assert Found(bytes=10, seconds=1e-6).us_per_byte == pytest.approx(0.1)
