"""The bench's processes come back when killed, and stop when told."""

from __future__ import annotations

import asyncio
import errno
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from firmware_config.base.clock import WorldClockFile
from simulators.stage import Stage
from simulators.supervise import Child

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]


async def until(condition, timeout: float = 20.0) -> None:
    async with asyncio.timeout(timeout):
        while not condition():
            await asyncio.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_killed_process_is_started_again(tmp_path: Path) -> None:
    child = Child("sleeper", SLEEPER, tmp_path / "log")
    await child.start()
    first = child.pid
    assert child.kill()
    await until(lambda: child.starts == 2 and child.pid is not None)
    assert child.pid != first
    await child.stop()
    assert child.pid is None


async def test_a_held_process_stays_away_until_released(tmp_path: Path) -> None:
    child = Child("sleeper", SLEEPER, tmp_path / "log")
    await child.start()
    child.hold()
    child.kill()
    await until(lambda: child.pid is None)
    await asyncio.sleep(0.8)  # longer than the first restart delay: it would be back by now
    assert child.starts == 1
    child.release()
    await until(lambda: child.starts == 2)
    await child.stop()


async def test_stop_kills_what_does_not_listen(tmp_path: Path) -> None:
    deaf = [
        sys.executable,
        "-c",
        "import signal,time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('up',flush=True)\ntime.sleep(600)",
    ]
    child = Child("deaf", deaf, tmp_path / "log")
    await child.start()
    await until(lambda: (tmp_path / "log").exists() and b"up" in (tmp_path / "log").read_bytes())
    pid = child.pid
    assert pid is not None
    await child.stop(timeout_s=0.3)
    assert not alive(pid)


async def test_a_process_that_cannot_stay_up_is_tried_with_growing_pauses(tmp_path: Path) -> None:
    child = Child("crasher", [sys.executable, "-c", "raise SystemExit(3)"], tmp_path / "log")
    await child.start()
    await until(lambda: child.starts >= 2)
    await child.stop()
    assert child.starts < 10


def failing(times: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """As when there is no file descriptor left, so many times."""
    failed: list[int] = []
    spawn = asyncio.create_subprocess_exec

    async def fails(*command: Any, **rest: Any) -> asyncio.subprocess.Process:
        if len(failed) < times:
            failed.append(1)
            raise OSError(errno.EMFILE, "Too many open files")
        return await spawn(*command, **rest)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", fails)
    return failed


async def test_a_process_that_cannot_be_started_now_is_started_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulators.supervise.FIRST_DELAY_S", 0.01)
    failed = failing(2, monkeypatch)
    child = Child("sleeper", SLEEPER, tmp_path / "log")
    async with asyncio.timeout(20):
        await child.start()
    assert (len(failed), child.starts, child.pid is not None) == (2, 1, True)
    await child.stop()
    assert child.pid is None


async def test_a_stage_stops_everything_though_one_part_fails_at_it(tmp_path: Path) -> None:
    def broken() -> None:
        raise RuntimeError("nothing to prepare")

    stage = Stage(tmp_path, [])
    stage.clock_file = WorldClockFile(tmp_path / "clock.json")
    stage.clock_file.start(1.0, 0)
    (tmp_path / "clock.json").unlink()
    (tmp_path / "clock.json").mkdir()  # cannot be read
    stage._clock_task = asyncio.create_task(stage._keep_clock())
    edge, world, broker = stage.children = [Child(name, SLEEPER, tmp_path / "log") for name in ("edge-st", "world-st", "broker")]
    for child in (edge, world, broker):
        await child.start()
    edge.prepare = broken
    edge.kill()
    await until(lambda: edge._task is not None and edge._task.done())

    assert not stage._clock_task.done()
    await stage.stop()
    assert [child.pid for child in stage.children] == [None] * 3
