"""A slow disk: what syncs waits, everything else goes on, and a station on it loses nothing and says so."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulators.errors import SimulatorError
from simulators.faults.timeline import write_timeline
from simulators.slowdisk import SlowDisk
from simulators.stage import Stage
from simulators.supervise import Child
from tests.simulators.test_bench_page import slow_station

SYNCS = """
import os, sys, threading, time
beats = 0
def beat():
    global beats
    while True:
        time.sleep(0.01)
        beats += 1
threading.Thread(target=beat, daemon=True).start()
with open(sys.argv[1], "wb") as file:
    while True:
        file.write(b"x")
        file.flush()
        began, beats = time.monotonic(), 0
        os.fdatasync(file.fileno())
        print(f"{time.monotonic() - began:.3f} {beats}", flush=True)
        time.sleep(0.02)
"""


async def until(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    async with asyncio.timeout(seconds):
        while not (found := await asyncio.to_thread(condition)):
            await asyncio.sleep(0.05)
    return found


@pytest.fixture
async def program(tmp_path: Path):
    """A program that syncs again and again, and counts meanwhile."""
    child = Child("program", [sys.executable, "-c", SYNCS, str(tmp_path / "data")], tmp_path / "said.log")
    await child.start()
    yield child
    await child.stop()


def said(child: Child) -> list[tuple[float, int]]:
    """(seconds of a sync, beats meanwhile) so far."""
    return [(float(took), int(beats)) for took, beats in re.findall(r"(\S+) (\d+)\n", child.log_file.read_text())]


@pytest.mark.needs("strace")
async def test_each_sync_takes_longer_the_rest_of_the_program_goes_on_and_nothing_stays_behind(program: Child) -> None:
    disk = SlowDisk(program)
    await until(lambda: len(said(program)) > 3)
    pid = program.pid
    await disk.hold(0.4)
    began = len(said(program))
    slow = (await until(lambda: len(said(program)) >= began + 4 and said(program)[began + 1 :]))[:3]
    assert all(took >= 0.4 for took, _ in slow)
    assert all(beats > 5 for _, beats in slow), "its other threads run while one waits for the disk"
    await disk.release()
    after = len(said(program))
    quick = await until(lambda: len(said(program)) >= after + 8 and said(program)[after + 1 :])
    assert min(took for took, _ in quick) < 0.2
    assert (program.pid, program.starts) == (pid, 1)


@pytest.mark.needs("strace")
async def test_a_program_that_comes_back_finds_the_disk_as_slow_as_before(program: Child) -> None:
    disk = SlowDisk(program)
    await until(lambda: said(program))
    await disk.hold(0.3)
    program.kill()
    await until(lambda: program.starts == 2 and program.pid is not None)
    began = len(said(program))
    later = await until(lambda: [took for took, _ in said(program)[began + 1 :] if took >= 0.3])
    assert later
    await disk.release()


async def test_without_a_tracer_or_a_program_it_says_what_is_missing(program: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulators.slowdisk.shutil.which", lambda name: None)
    with pytest.raises(SimulatorError, match="Debian package strace"):
        await SlowDisk(program).hold(1.0)
    with pytest.raises(SimulatorError, match="seconds"):
        await SlowDisk(program).hold(0.0)


@pytest.mark.needs("strace")
async def test_a_tracer_that_is_refused_is_told_in_its_own_words(program: Child) -> None:
    """Another tracer is there already: the system refuses a second one."""
    first, second = SlowDisk(program), SlowDisk(program)
    await first.hold(0.1)
    with pytest.raises(SimulatorError, match=r"cannot be traced.*not permitted"):
        await second.hold(0.1)
    await first.release()


@pytest.mark.needs("strace")
@pytest.mark.timeout(400)
async def test_a_station_on_a_slow_disk_loses_nothing_and_says_so(tmp_path: Path) -> None:
    """Every sync takes longer than two minutes of the world: the alarm comes, the station tells when it is over, every minute of every series is there."""
    stage = Stage(tmp_path / "stage", [slow_station(tmp_path)], speed=60.0)
    await stage.start()
    try:
        place = stage.places["zhoushan-buoy"]

        def minutes() -> list[int]:
            return [record["t"] for record in records(stage, "minute")]

        def open_alarms() -> set[str]:
            return {alarm["rule"] for alarm in stage.api("/api/alarms?state=open")["alarms"] if alarm["condition"] == "active"}

        await until(lambda: len(minutes()) >= 2, 120)
        write_timeline(place.faults.file, [{"fault": "slow_disk", "magnitude": 2.1}])
        await until(lambda: "disk-slow" in open_alarms(), 120)
        write_timeline(place.faults.file, [])
        await until(lambda: any(record["values"]["kind"] == "disk_quick" for record in records(stage, "event")), 60)
        assert place.edge.starts == 1
    finally:
        await stage.stop()
    truth = [one for one in map(json.loads, place.faults.truth_file.read_text().splitlines()) if one["what"] == "fault"]
    assert [(one["fault"], one["state"]) for one in truth] == [("slow_disk", "begun"), ("slow_disk", "ended")]
    kinds = [record["values"]["kind"] for record in records(stage, "event") if record["t"] >= truth[0]["t"]]
    assert kinds.index("disk_slow") < kinds.index("disk_quick")
    assert not {"instrument_lost", "link_lost", "task_failed", "records_lost"} & set(kinds)
    times = sorted({record["t"] for record in records(stage, "minute")})[1:]  # the first began with the agent
    assert times == list(range(times[0], times[-1] + 1, 60_000))
    for record in records(stage, "minute")[1:]:
        assert record["values"]["dissolved_oxygen@surface"] is not None
    worst = max(record["values"]["commit_time@station"] or 0.0 for record in records(stage, "health"))
    assert worst >= 2.1


def records(stage: Stage, stream: str) -> list[dict[str, Any]]:
    """What the centre's store holds of a stream, in the order of its numbers."""
    store = stage.folder / "collector" / "store.db"
    with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as file:
        rows = file.execute("select body from records where stream = ? order by epoch, seq", (stream,)).fetchall()
    return [json.loads(body) for (body,) in rows]
