"""What a simulated instrument has to say when nothing goes wrong on the way: a second copy, well or ill, read by a driver of its own.

The truth of the contract run. A copy lives in the same world as the instrument on the bench and has the same noise.
"""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import Any

from edge.instruments import ModbusDriver, Reading, StreamDriver, make_driver
from edge.links import Limits, Reply
from firmware_config.cards import load_card
from firmware_config.station import Instrument
from simulators.faults.catalogue import FAULTS
from simulators.faults.effects import Columns, Effects
from simulators.faults.timeline import ActiveFault, Entry
from simulators.instruments import Simulated, Talker, Unit
from simulators.serve.lines import spoil_values
from tests.simulators.contract_record import Case, Said


def active(case: Case) -> ActiveFault:
    """A case as the bench's timeline has it."""
    entry = Entry.model_validate({**case.entry, "after": 0})
    magnitude = FAULTS[case.name].magnitude if entry.magnitude is None else entry.magnitude
    return ActiveFault(entry, case.begin_ms, case.end_ms, magnitude, 0)


def measured_by(twin: Simulated, begin_ms: float, end_ms: float) -> list[tuple[float, dict[str, float]]]:
    """The values of an instrument's samples in this time, as it has them before it encodes them."""
    first = int(begin_ms // twin.period_ms) - 1
    samples = int((end_ms - begin_ms) // twin.period_ms) + 2
    rows = rows_of(twin.values(first, samples))
    times = twin.times_ms(first, samples).tolist()
    return [(t_ms, {name: float(values[0]) for name, values in row.items()}) for t_ms, row in zip(times, rows, strict=True)]


def said_by(twin: Simulated, item: Instrument, begin_ms: float, end_ms: float, suffers: tuple[Case, int] | None = None) -> Said:
    """Quantities of what a simulated instrument says in this time, read by a driver of its own from a line on which nothing goes wrong.
    ``suffers``: a fault of values and the world's seed."""
    driver = make_driver(item, load_card(item.model), count(0.0, 1000.0).__next__)
    first = int(begin_ms // twin.period_ms)
    samples = int((end_ms - begin_ms) // twin.period_ms) + 1
    columns = twin.values(first, samples)
    if suffers is not None:
        case, seed = suffers
        spoil_values(twin, Effects(seed, item.id, twin.fields), [active(case)], columns, twin.times_ms(first, samples))
    if isinstance(twin, Unit):
        assert isinstance(driver, ModbusDriver)
        return asked(twin, driver, columns, first)
    assert isinstance(twin, Talker)
    assert isinstance(driver, StreamDriver)
    return printed(twin, driver, columns, first)


def printed(twin: Talker, driver: StreamDriver, columns: Columns, first: int) -> Said:
    """Each record a talker says, by itself or asked, with its time."""
    rows = rows_of(columns)
    question = driver.request
    records = [twin.answer(question, partial(dict, row)) for row in rows] if question is not None else twin.encode(columns, first)
    times = twin.times_ms(first, len(rows)).tolist()
    return [
        (t_ms, one.quantities)
        for t_ms, record in zip(times, records, strict=True)
        for one in driver.feed(record, 0.0)
        if one.values
    ]  # fmt: skip


def asked(twin: Unit, driver: ModbusDriver, columns: Columns, first: int) -> Said:
    """Each of a unit's own samples as its driver reads it."""
    rows = rows_of(columns)

    class Line:
        row: Columns

        def take_turn(self, unit: int) -> bool:
            return True

        async def read(self, unit: int, function: int, address: int, count: int, limits: Limits) -> Reply:
            words = twin.read(function, address, count, lambda: self.row)
            assert not isinstance(words, int)
            return Reply(b"".join(word.to_bytes(2, "big") for word in words), 0.0, 0.0, False)

    line: Any = Line()
    said: Said = []
    for t_ms, row in zip(twin.times_ms(first, len(rows)).tolist(), rows, strict=True):
        line.row = row
        said.append((t_ms, _now(driver.poll(line)).quantities))
    return said


def rows_of(columns: Columns) -> list[Columns]:
    """One sample at a time."""
    length = len(next(iter(columns.values())))
    return [{name: values[row : row + 1] for name, values in columns.items()} for row in range(length)]


def _now(poll: Any) -> Reading:
    """The result of a coroutine that waits for nothing."""
    try:
        poll.send(None)
    except StopIteration as done:
        result: Reading = done.value
        return result
    raise AssertionError("it waits")
