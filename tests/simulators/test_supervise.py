"""The bench's processes come back when killed, and stop when told."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

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
