"""What the station's outbox costs: commits a second, one record a transaction and many, each on the device before it is announced.

The outbox is the one of the agent (own thread, synchronous FULL); a record has 15 values. Beside it a bare transaction of the same SQLite,
one insert of as many bytes, shows what the disk itself allows.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from edge.outbox import Outbox
from firmware_config.base.clock import open_clock
from firmware_config.base.database import open_database
from firmware_config.records import Draft
from tests.bench.load import SERIES
from tests.bench.row import Row

MEASURED_S = 1.0
ROUNDS = 3
MANY = 48


def _draft(number: int) -> Draft:
    values = dict.fromkeys(SERIES, 20.0 + number % 97 / 7)
    flags = dict.fromkeys(SERIES, 1)
    return Draft(stream="minute", t=1_700_000_000_000 + number * 60_000, dt=60_000, clock="synchronised", values=values, flags=flags)


def _repeat(work: Callable[[], object]) -> tuple[float, float]:
    """How often a second, and processor µs each time."""
    times, begun, used = 0, time.perf_counter(), time.process_time()
    while (wall := time.perf_counter() - begun) < MEASURED_S:
        work()
        times += 1
    return times / wall, (time.process_time() - used) / times * 1e6


def _bare(folder: Path, body: bytes) -> Callable[[], object]:
    """One insert in one transaction, nothing else."""
    database = open_database(folder / "bare.db", schema="create table if not exists record(id integer primary key, body blob)", version=1)
    return lambda: database.execute("insert into record(body) values(?)", (body,))


def rows() -> list[Row]:
    """Single records, many in one transaction, and the bare transaction beside."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        numbers = iter(range(10**9))
        found: dict[str, list[tuple[float, float]]] = {"single": [], "many": [], "bare": []}
        with Outbox.open(folder / "outbox", "bench", open_clock("bench"), 500_000_000, simulated=True) as outbox:
            bare = _bare(folder, outbox.commit([_draft(next(numbers))])[0].body)
            for _ in range(ROUNDS):
                found["single"].append(_repeat(lambda: outbox.commit([_draft(next(numbers))])))
                found["many"].append(_repeat(lambda: outbox.commit([_draft(next(numbers)) for _ in range(MANY)])))
                found["bare"].append(_repeat(bare))
    rate = {kind: statistics.median(one for one, _ in them) for kind, them in found.items()}
    cost = {kind: statistics.median(one for _, one in them) for kind, them in found.items()}
    how = f"synchronous FULL, records of {len(SERIES)} values, median of {ROUNDS} times {MEASURED_S:g} s; processor "
    return [
        Row("outbox, one record a transaction", rate["single"], "commits/s", f"{how}{cost['single']:.0f} µs a commit"),
        Row(f"outbox, {MANY} records a transaction", rate["many"] * MANY, "records/s", f"{how}{cost['many'] / MANY:.0f} µs a record"),
        Row("bare SQLite, one insert a transaction", rate["bare"], "commits/s", f"same disk, settings and bytes; {cost['bare']:.0f} µs"),
    ]
