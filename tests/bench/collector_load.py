"""What the collector takes: records a second from the wire to the acknowledgement, with load generator and broker on the same machine.

The whole `haitan-collector run` is measured (ledger, rows, rollups, alarms, interface; no sink), with Mosquitto as deployed; see
`tests.bench.load` for what is sent. The clock runs from the first publication until the acknowledgements of all stations name every record.
In turn with it, round by round, the same load goes to `tests.bench.bare_loop`: a busy machine slows both, so their ratio tells more than
either. Medians of the rounds are given; at the end the store is counted.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import yaml

from simulators.servers import Mosquitto, free_port, running
from tests.bench.load import SERIES, STATIONS, Acks, Load, loads, send
from tests.bench.row import Row

BATCH = 48
ROUNDS = 3
BATCHED_RECORDS = 72_000
SINGLE_RECORDS = 15_000
TARGETS = {BATCH: (20_000, round(20_000 / 43_800, 3)), 1: (5_000, round(5_000 / 12_300, 3))}
"""Records a second, and the share of the bare loop that this was on the machine where the targets were set."""
COLLECTOR = ["-c", "from collector.cli import main; main()", "run"]
BARE_LOOP = ["-m", "tests.bench.bare_loop"]


@dataclass
class _Receiver:
    """A program that takes records, its broker, and what each round of it gave: records a second, processor µs by record."""

    name: str
    port: int
    acks: Acks
    process: psutil.Process
    broker: psutil.Process
    rates: list[float] = field(default_factory=list)
    own_us: list[float] = field(default_factory=list)
    broker_us: list[float] = field(default_factory=list)

    def take(self, load: Load) -> None:
        before = [sum(p.cpu_times()[:2]) for p in (self.process, self.broker)]
        wall_s = send(self.port, load, self.acks)
        own, broker = [sum(p.cpu_times()[:2]) - b for p, b in zip((self.process, self.broker), before, strict=True)]
        self.rates.append(load.records / wall_s)
        self.own_us.append(own / load.records * 1e6)
        self.broker_us.append(broker / load.records * 1e6)

    def told(self) -> str:
        spread = f"{min(self.rates):,.0f} to {max(self.rates):,.0f}"
        return (
            f"{spread}/s; {statistics.median(self.own_us):.0f} µs of processor a record, its broker {statistics.median(self.broker_us):.0f}"
        )


@contextlib.contextmanager
def _receiver(name: str, folder: Path, command: list[str], broker: Mosquitto) -> Iterator[_Receiver]:
    acks = Acks(broker.broker)
    with (folder / f"{name}.log").open("wb") as log:
        environment = {**os.environ, "HAITAN_BROKER": f"127.0.0.1:{broker.port}"}
        process = subprocess.Popen([sys.executable, *command], env=environment, stdout=log, stderr=log)
    try:
        if not acks.listening.wait(60):
            raise RuntimeError(f"{name} did not come up:\n" + (folder / f"{name}.log").read_text()[-2000:])
        assert broker.process is not None
        yield _Receiver(name, broker.port, acks, psutil.Process(process.pid), psutil.Process(broker.process.pid))
    finally:
        process.terminate()
        process.wait(30)
        acks.session.stop()


def _count(store: Path, sent: int) -> None:
    with contextlib.closing(sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True)) as connection:
        stored, numbers = connection.execute("select count(*), count(distinct station_id * 1000000 + seq) from record").fetchone()
    if not stored == numbers == sent:
        raise RuntimeError(f"{sent} records sent, {stored} rows of {numbers} numbers stored")


def measure(records: int, batch: int, rounds: int = ROUNDS) -> tuple[_Receiver, _Receiver]:
    """The collector and the bare loop, after ``rounds`` of about ``records`` records each."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        brokers = [stack.enter_context(running(Mosquitto(folder / f"broker-{name}"))) for name in ("collector", "bare")]
        config, data = folder / "collector.yaml", folder / "data"
        config.write_text(yaml.safe_dump({"data": str(data), "accept_simulated": True, "http": {"host": "127.0.0.1", "port": free_port()}}))
        receivers = (
            stack.enter_context(_receiver("collector", folder, [*COLLECTOR, str(config)], brokers[0])),
            stack.enter_context(_receiver("bare-loop", folder, [*BARE_LOOP, str(brokers[1].port), str(folder)], brokers[1])),
        )
        sent = 0
        for load in loads(records, batch, rounds):
            sent += load.records
            for receiver in receivers:
                receiver.take(load)
        _count(data / "store.db", sent)
        return receivers


def rows() -> list[Row]:
    """The two figures of the performance table, the bare loop beside each."""
    result = []
    for records, batch in ((BATCHED_RECORDS, BATCH), (SINGLE_RECORDS, 1)):
        collector, bare = measure(records, batch)
        target, target_share = TARGETS[batch]
        what = f"batches of {batch}" if batch > 1 else "single records"
        how = (
            f"{ROUNDS} rounds of {records:,} records of {len(SERIES)} values from {STATIONS} stations, wire to acknowledgement, broker and"
            f" generator on the same {os.cpu_count()} cores; {collector.told()}"
        )
        rate, bare_rate = statistics.median(collector.rates), statistics.median(bare.rates)
        share = statistics.median(ours / theirs for ours, theirs in zip(collector.rates, bare.rates, strict=True))
        result += [
            Row(f"collector, {what}", rate, "records/s", how, target=target, at_most=False),
            Row(f"bare loop, {what}", bare_rate, "records/s", f"the same rounds in turn: subscribe, commit, acknowledge; {bare.told()}"),
            Row(f"collector, {what}", share, "of the bare loop", "median of the rounds", target=target_share, at_most=False),
        ]
    return result
