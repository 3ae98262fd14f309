"""What the station's agent costs at real time: a whole buoy, every instrument simulated over ptys, real broker, real collector.

Processor time and memory are the operating system's own figures for the agent's process, its science child not counted (the child's own
figures are given beside). The simulated instruments run in another process and are not counted either.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

import psutil

from simulators.stage import Stage, example_station
from tests.bench.row import Row

WARM_UP_S = 20.0
MEASURED_S = 60.0


async def _measure() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder), [example_station("zhoushan-buoy")], speed=1.0)
        try:
            await stage.start()
            await asyncio.sleep(WARM_UP_S)
            agent = psutil.Process(stage.places["zhoushan-buoy"].edge.pid)
            before, begun = agent.cpu_times(), time.monotonic()
            resident = 0
            while time.monotonic() - begun < MEASURED_S:
                resident = max(resident, agent.memory_info().rss)
                await asyncio.sleep(0.5)
            after, wall = agent.cpu_times(), time.monotonic() - begun
            used = (after.user + after.system - before.user - before.system) / wall * 100
        finally:
            await stage.stop()
    how = f"zhoushan-buoy at 1x, 7 instruments on ptys, {MEASURED_S:.0f} s after {WARM_UP_S:.0f} s of warm-up, live every 2 s; psutil, child excluded"
    return [
        Row("agent, full buoy: processor", used, "% of a core", how, target=5.0),
        Row("agent, full buoy: resident memory", resident / 1e6, "MB", how, target=100.0),
    ]


def rows() -> list[Row]:
    return asyncio.run(_measure())
