"""Faults that a stage carries out, clocks that run off, and the judge of what was noticed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from firmware_config.base.clock import WorldClock, WorldClockFile
from simulators.errors import SimulatorError
from simulators.faults.catalogue import FAULTS
from simulators.faults.timeline import Timeline, write_timeline
from simulators.serve.proxy import TcpProxy
from simulators.serve.station import TARGETS_FILE
from simulators.serve.stationfaults import StationFaults
from simulators.serve.truthlog import TruthLog
from simulators.stagefaults import StageFaults
from simulators.supervise import Child
from tests.bench.faults_judge import Judge, Seen, Span, seen_of, spans_of

NOW = 1_790_000_040_000
MINUTE = 60_000


def noted(path: Path) -> list[tuple[str, str]]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [(line["fault"], line["state"]) for line in lines if line["what"] == "fault"]


def of_nothing_but(edge: Child, folder: Path) -> StageFaults:
    """The faults of a stage whose world has no instrument, as yet none of them."""
    clock_file = WorldClockFile(folder / "clock.json")
    clock_file.start(1.0, NOW)
    (folder / TARGETS_FILE).write_text(json.dumps({"instruments": {}, "links": []}))
    write_timeline(folder / "faults.yaml", [])
    return StageFaults(folder / "faults.yaml", folder, TcpProxy("127.0.0.1", 1), edge, edge, WorldClock(clock_file.path))


class TestTimeline:
    def test_an_entry_taken_out_leaves_those_after_it_as_they_were(self, tmp_path: Path) -> None:
        file = tmp_path / "faults.yaml"
        first, second = {"fault": "no_network"}, {"after": "10min", "fault": "bad_clock"}
        write_timeline(file, [first, second])
        timeline = Timeline(file, {}, {}, NOW)
        before = timeline.faults[1]
        write_timeline(file, [second])
        assert timeline.refresh(NOW + 300_000)
        assert timeline.faults == (before,)

    def test_equal_entries_stay_two_faults(self, tmp_path: Path) -> None:
        file = tmp_path / "faults.yaml"
        write_timeline(file, [{"fault": "no_network"}] * 2)
        assert len(set(Timeline(file, {}, {}, NOW).faults)) == 2

    def test_a_power_cut_lasts_its_magnitude_unless_the_entry_says_otherwise(self, tmp_path: Path) -> None:
        file = tmp_path / "faults.yaml"
        write_timeline(file, [{"fault": "power_cut", "magnitude": 90}, {"fault": "power_cut", "for": "5s"}])
        assert [fault.end_ms - NOW for fault in Timeline(file, {}, {}, NOW).faults] == [90_000, 5_000]


class TestClock:
    @pytest.fixture
    def faults(self, tmp_path: Path):
        clock_file = WorldClockFile(tmp_path / "clock.json")
        clock_file.start(1.0, NOW)
        file = tmp_path / "faults.yaml"
        write_timeline(file, [])
        timeline = Timeline(file, {}, {}, NOW)

        def entry(**row: Any) -> StationFaults:
            write_timeline(file, [row])
            timeline.refresh(NOW)
            truth = TruthLog(tmp_path / "truth.jsonl")
            return StationFaults(timeline, truth, {}, station="st", clock_file=clock_file, proxy=None, ballast=None)

        entry.fault = lambda: json.loads((tmp_path / "clock.json").read_text())["stations"].get("st", {})
        return entry

    async def test_a_boot_in_1970_begins_the_year_and_is_unset(self, faults) -> None:
        station = faults(fault="clock_1970")
        await station.apply(NOW)
        assert faults.fault() == {"offset_ms": -NOW, "quality": "unset"}
        await station.close()
        assert faults.fault() == {}

    async def test_a_drifting_clock_drifts_by_its_magnitude(self, faults) -> None:
        station = faults(fault="clock_drift", magnitude=60)
        await station.apply(NOW)
        await station.apply(NOW + 1_800_000)
        assert faults.fault() == {"offset_ms": 30_000.0}

    async def test_without_a_time_source_it_says_holdover_and_drifts_seconds_a_day(self, faults) -> None:
        station = faults(fault="no_time_source")
        await station.apply(NOW)
        await station.apply(NOW + 3 * 86_400_000)
        assert faults.fault() == {"offset_ms": 6_000.0, "quality": "holdover"}

    async def test_what_needs_a_stage_is_refused_without_one(self, faults, tmp_path: Path) -> None:
        await faults(fault="power_cut").apply(NOW)
        assert noted(tmp_path / "truth.jsonl") == [("power_cut", "refused")]


@pytest.fixture
async def lossy(monkeypatch: pytest.MonkeyPatch):
    """A proxy in front of a server that echoes; what is lost comes again soon."""
    monkeypatch.setattr("simulators.serve.proxy.FIRST_RETRY_S", 0.001)

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    proxy = TcpProxy("127.0.0.1", server.sockets[0].getsockname()[1])
    await proxy.start()
    yield proxy
    await proxy.stop()
    server.close()


async def test_a_lossy_link_delivers_everything_in_order(lossy: TcpProxy) -> None:
    lossy.lose(0.3)
    reader, writer = await asyncio.open_connection("127.0.0.1", lossy.port)
    sent = bytes(range(256)) * 400
    writer.write(sent)
    assert await asyncio.wait_for(reader.readexactly(len(sent)), 60) == sent
    writer.close()


async def test_a_link_that_loses_everything_breaks_and_heals(lossy: TcpProxy) -> None:
    lossy.lose(1.0)
    reader, writer = await asyncio.open_connection("127.0.0.1", lossy.port)
    writer.write(b"lost")
    with contextlib.suppress(ConnectionError):
        assert await asyncio.wait_for(reader.read(), 60) == b""
    writer.close()
    lossy.heal()
    reader, writer = await asyncio.open_connection("127.0.0.1", lossy.port)
    writer.write(b"after")
    assert await asyncio.wait_for(reader.readexactly(5), 60) == b"after"
    writer.close()


@pytest.mark.skipif(sys.platform != "linux", reason="process groups and limits as on Linux")
async def test_a_power_cut_kills_all_at_once_and_gives_it_back(tmp_path: Path) -> None:
    """World, agent and what the agent has started die together; nothing runs while there is no power."""
    script = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); time.sleep(600)"
    children = [Child(name, [sys.executable, "-c", script], tmp_path / f"{name}.log") for name in ("world", "edge")]
    clock_file = WorldClockFile(tmp_path / "clock.json")
    clock_file.start(1.0, NOW)
    (tmp_path / TARGETS_FILE).write_text(json.dumps({"instruments": {}, "links": []}))
    write_timeline(tmp_path / "faults.yaml", [])
    for child in children:
        await child.start()
    proxy = TcpProxy("127.0.0.1", 1)
    faults = StageFaults(tmp_path / "faults.yaml", tmp_path, proxy, *children, WorldClock(clock_file.path))
    running = asyncio.create_task(faults.run())
    try:
        async with asyncio.timeout(60):
            while faults.timeline is None:
                await asyncio.sleep(0.02)
            pids = {child.pid for child in children}
            write_timeline(tmp_path / "faults.yaml", [{"fault": "power_cut", "magnitude": 1e6}])
            while any(child.pid is not None for child in children):
                await asyncio.sleep(0.02)
            await asyncio.sleep(1.0)
            assert [child.pid for child in children] == [None, None]
            write_timeline(tmp_path / "faults.yaml", [])
            while any(child.pid is None for child in children):
                await asyncio.sleep(0.02)
        assert not pids & {child.pid for child in children}
        assert noted(tmp_path / "truth.jsonl") == [("power_cut", "begun"), ("power_cut", "ended")]
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        for child in children:
            await child.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="limits of another process as on Linux")
async def test_little_memory_makes_a_large_allocation_fail_until_it_ends(tmp_path: Path) -> None:
    script = (
        "import mmap, time\n"
        "while True:\n"
        "    try: mmap.mmap(-1, 300_000_000).close(); print('got', flush=True)\n"
        "    except (MemoryError, OSError): print('refused', flush=True)\n"
        "    time.sleep(0.05)\n"
    )
    edge = Child("edge", [sys.executable, "-c", script], tmp_path / "edge.log")
    await edge.start()
    faults = of_nothing_but(edge, tmp_path)
    running = asyncio.create_task(faults.run())

    async def says(word: str) -> None:
        async with asyncio.timeout(30):
            while not (tmp_path / "edge.log").read_text().endswith(f"{word}\n"):
                await asyncio.sleep(0.02)

    try:
        await says("got")
        write_timeline(tmp_path / "faults.yaml", [{"fault": "little_memory", "magnitude": 16}])
        await says("refused")
        write_timeline(tmp_path / "faults.yaml", [])
        await says("got")
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await edge.stop()


class TestWhatFails:
    """A fault that cannot be undone, or a round that fails, takes no other fault with it."""

    @pytest.fixture
    async def staged(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("simulators.stagefaults.LOOK_EVERY_S", 0.01)
        edge = Child("edge", ["true"], tmp_path / "edge.log")
        faults = of_nothing_but(edge, tmp_path)
        running = asyncio.create_task(faults.run())
        yield faults
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    @staticmethod
    async def noted(faults: StageFaults, *wanted: tuple[str, str]) -> None:
        async with asyncio.timeout(20):
            while not faults.truth_file.exists() or not set(wanted) <= set(noted(faults.truth_file)):
                await asyncio.sleep(0.01)

    async def test_what_cannot_be_undone_has_ended_and_the_next_fault_begins(self, staged: StageFaults, monkeypatch) -> None:
        async def fails(fault: object, *, begin: bool) -> None:
            if not begin:
                raise SimulatorError("the agent is not running")

        monkeypatch.setattr(staged, "_memory", fails)
        write_timeline(staged.file, [{"fault": "little_memory"}])
        await self.noted(staged, ("little_memory", "begun"))
        write_timeline(staged.file, [{"fault": "no_network"}])
        await self.noted(staged, ("little_memory", "ended"), ("no_network", "begun"))

    async def test_a_round_that_fails_is_not_the_last(self, staged: StageFaults, monkeypatch) -> None:
        failed = []

        def true_ms() -> int:
            if len(failed) < 3:
                failed.append(1)
                raise RuntimeError("no time")
            return NOW

        monkeypatch.setattr(staged.clock, "true_ms", true_ms)
        write_timeline(staged.file, [{"fault": "no_network"}])
        await self.noted(staged, ("no_network", "begun"))
        assert len(failed) == 3

    async def test_of_two_slow_disks_the_other_one_waits_for_a_dead_agent(self, staged: StageFaults, monkeypatch) -> None:
        """One is taken off while there is no agent: what is left slows the next one."""
        held: list[float] = []
        dead = False

        async def attach(delay_s: float) -> None:
            if dead:
                raise SimulatorError("slow_disk: the agent is not running")
            held.append(delay_s)

        monkeypatch.setattr(staged._disk, "_attach", attach)
        monkeypatch.setattr(Child, "pid", 1)
        rows = [{"fault": "slow_disk", "magnitude": 0.5}, {"fault": "slow_disk", "magnitude": 1}]
        write_timeline(staged.file, rows)
        async with asyncio.timeout(20):
            while held[-1:] != [1]:
                await asyncio.sleep(0.01)
        dead = True
        write_timeline(staged.file, rows[:1])
        await self.noted(staged, ("slow_disk", "ended"))
        dead = False
        async with asyncio.timeout(20):
            while held[-1] != 0.5:
                await asyncio.sleep(0.01)


class TestJudge:
    """Ten minutes of a made station: the fault is on in minutes 5 to 7."""

    SPAN = Span("st", "stuck", 1.0, "oxygen", NOW + 5 * MINUTE, NOW + 8 * MINUTE)

    @staticmethod
    def minute(i: int, value: float | None, flag: int = 1) -> dict[str, Any]:
        name = "dissolved_oxygen@surface"
        return {"t": NOW + i * MINUTE, "dt": MINUTE, "clock": "synchronised", "values": {name: value}, "flags": {name: flag}}

    def find(self, faulty: dict[int, tuple[float | None, int]], alarms: list[dict[str, Any]] | None = None, fault: str = "stuck"):
        true = [self.minute(i, 8.0 + 0.01 * i) for i in range(10)]
        told = [self.minute(i, *faulty.get(i, (8.0 + 0.01 * i, 1))) for i in range(10)]
        owners = {"dissolved_oxygen@surface": "oxygen"}
        span = Span("st", fault, 1.0, "oxygen", self.SPAN.begin_ms, self.SPAN.end_ms)
        judge = Judge(
            Seen({"minute": told}, alarms or [], owners),
            Seen({"minute": true}, [], owners),
            {"oxygen": ("yosemitech_y504_modbus", "water")},
            [span],
        )
        return judge.judge(span, NOW + 10 * MINUTE)

    def test_a_wrong_value_that_passes_as_good_is_found(self) -> None:
        finding = self.find({6: (9.0, 1)})
        assert (finding.good, finding.missing, finding.noticed) == (3, 0, [])
        assert finding.lies == ["dissolved_oxygen@surface off by 0.94"]

    def test_a_wrong_value_within_the_accuracy_is_none(self) -> None:
        assert self.find({6: (8.2, 1)}).lies == []

    def test_a_flag_notices_at_the_end_of_its_minute(self) -> None:
        finding = self.find({5: (9.0, 1), 6: (9.0, 4), 7: (None, 9)})
        assert finding.noticed[0] == (120.0, "flag 4 share (dissolved_oxygen@surface)")
        assert (finding.good, finding.missing, len(finding.lies)) == (1, 2, 1)

    def test_an_alarm_of_another_instrument_is_not_its(self) -> None:
        alarm = {"rule": "no-data-instrument", "raised_ms": NOW + 6 * MINUTE, "series": "", "key": "no-data-instrument/st/oxygen"}
        assert self.find({}, [alarm]).noticed == [(60.0, "alarm no-data-instrument")]
        assert self.find({}, [{**alarm, "key": "no-data-instrument/st/oxygen2"}]).noticed == []


def test_spans_of_a_truth_log_end_or_go_on_to_its_end(tmp_path: Path) -> None:
    truth = TruthLog(tmp_path / "truth.jsonl")
    truth.note(1000, "fault", state="begun", fault="stuck", magnitude=1.0, instrument="a")
    truth.note(2000, "fault", state="begun", fault="unplugged", magnitude=1.0, link="b")
    truth.note(2500, "fault", state="refused", fault="full_disk", magnitude=0.0)
    truth.note(3000, "fault", state="ended", fault="stuck", magnitude=1.0, instrument="a")
    truth.note(4000, "stop")
    assert [(s.fault, s.target, s.begin_ms, s.end_ms) for s in spans_of(tmp_path / "truth.jsonl", "st")] == [
        ("stuck", "a", 1000, 3000),
        ("unplugged", "link:b", 2000, 4000),
    ]


def test_records_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "store.db") as store:
        store.execute("create table records (station, stream, epoch, seq, body, hash)")
        for seq in (1, 0):
            body = json.dumps({"station": "st", "stream": "minute", "epoch": 1, "seq": seq, "t": seq})
            store.execute("insert into records values ('st', 'minute', 1, ?, ?, '')", (seq, body))
    assert [r["seq"] for r in seen_of(tmp_path / "store.db", "st", [], {}).records["minute"]] == [0, 1]


def test_the_representative_plan_names_faults_that_exist() -> None:
    from simulators.stage import example_station
    from tests.bench.faults import REPRESENTATIVE, entries

    for station, rounds in REPRESENTATIVE.items():
        ids = {one["id"] for one in yaml.safe_load(example_station(station).read_text())["instruments"]}
        for row in entries(rounds, NOW):
            assert row["fault"] in FAULTS
            assert row.get("instrument", next(iter(ids))) in ids
