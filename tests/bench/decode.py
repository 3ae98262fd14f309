"""What decoding costs: microseconds a record for each instrument, from bytes to quantities, framing and judging included.

The records come from the case folders of the instruments, the valid ones of each, played again and again in portions of 64 bytes, as a
serial line brings them; for Modbus the answer is decoded and judged, the bus not included.
"""

from __future__ import annotations

import time
from pathlib import Path

from edge.instruments import ModbusDriver, StreamDriver
from edge.instruments.decode import bench_driver, unescape
from firmware_config.cards import all_cards
from firmware_config.cards.schema import Card
from tests.bench.row import Row

CASES = Path(__file__).parents[1] / "edge" / "instruments" / "cases"
MEASURED_S = 0.5
PORTION = 64


def _printed(card: Card) -> tuple[float, int]:
    driver = bench_driver(card, {})
    assert isinstance(driver, StreamDriver)
    lines = [line for path in sorted(CASES.glob(f"{card.model}/*/input.txt")) for line in path.read_bytes().splitlines()]
    good = [wire for wire in map(unescape, lines) if any(r.valid for r in driver.feed(wire, 0.0) + driver.finish(0.0))]
    stream = b"".join(good) * 20
    portions = [stream[at : at + PORTION] for at in range(0, len(stream), PORTION)]
    records, begun = 0, time.process_time()
    while (spent := time.process_time() - begun) < MEASURED_S:
        for portion in portions:
            records += len(driver.feed(portion, 0.0))
    return spent, records


def _asked(card: Card) -> tuple[float, int]:
    driver = bench_driver(card, {})
    assert isinstance(driver, ModbusDriver)
    assert card.modbus is not None
    read = card.modbus.poll[0]
    payload = bytes.fromhex("3ed31ceb41640000" if read.count == 4 else "28944142cf763f295c0b4188")
    records, begun = 0, time.process_time()
    while (spent := time.process_time() - begun) < MEASURED_S:
        for _ in range(200):
            driver.decode(read, payload)
        records += 200
    return spent, records


def rows() -> list[Row]:
    """One row an instrument."""
    found = []
    for card in all_cards().values():
        spent_s, records = _printed(card) if card.modbus is None else _asked(card)
        how = "valid records of the cases in portions of 64 bytes" if card.modbus is None else "answers, without the bus"
        found.append(Row(f"decoding: {card.model}", spent_s / records * 1e6, "µs/record", f"{how}; {records} records, processor time"))
    return found
