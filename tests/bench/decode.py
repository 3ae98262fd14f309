"""What decoding costs: microseconds a record for each instrument, from bytes to quantities, framing and judging included.

The records come from the case folders of the instruments, the valid ones of each, played again and again in portions of 64 bytes, as a
serial line brings them; for Modbus the longest answer is decoded and judged, the bus not included.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

from edge.instruments import ModbusDriver, StreamDriver
from edge.instruments.decode import bench_driver, wire_bytes
from firmware_config.cards import all_cards
from firmware_config.cards.modbus import Read
from firmware_config.cards.schema import Card
from tests.bench.row import Row

CASES = Path(__file__).parents[1] / "edge" / "instruments" / "cases"
MEASURED_S = 0.5
PORTION = 64
_READ = re.compile(rb"REQ=(..0[34]\w{12}) RSP=((?:\w\w){7,})", re.ASCII)


def _lines(card: Card) -> list[bytes]:
    return [line for path in sorted(CASES.glob(f"{card.model}/*/input.txt")) for line in path.read_bytes().splitlines()]


def _printed(card: Card) -> tuple[float, int]:
    driver = bench_driver(card, {})
    assert isinstance(driver, StreamDriver)
    good = [wire for wire in map(wire_bytes, _lines(card)) if any(r.valid for r in driver.feed(wire, 0.0) + driver.finish(0.0))]
    stream = b"".join(good) * 20
    portions = [stream[at : at + PORTION] for at in range(0, len(stream), PORTION)]
    records, begun = 0, time.process_time()
    while (spent := time.process_time() - begun) < MEASURED_S:
        for portion in portions:
            records += len(driver.feed(portion, 0.0))
    return spent, records


def _exchange(line: bytes) -> tuple[Read, bytes] | None:
    """What a recorded line asks and what it answers; None for anything but a read that was answered."""
    found = _READ.fullmatch(line)
    if found is None:
        return None
    asked, answer = (bytes.fromhex(part.decode()) for part in found.groups())
    if answer[1] != asked[1] or answer[2] != 2 * int.from_bytes(asked[4:6], "big") or not answer[2]:
        return None
    return Read(function=asked[1], address=int.from_bytes(asked[2:4], "big"), count=int.from_bytes(asked[4:6], "big")), answer[3:-2]


def _asked(card: Card) -> tuple[float, int]:
    driver = bench_driver(card, {})
    assert isinstance(driver, ModbusDriver)
    found = [pair for pair in map(_exchange, _lines(card)) if pair is not None and driver.decode(*pair).valid]
    read, payload = max(found, key=lambda pair: len(pair[1]))
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
