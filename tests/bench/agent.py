"""What the station's agent costs at real time: a whole buoy, every instrument simulated over ptys, real broker, real collector.

Processor time and memory are the operating system's own figures for the agent's process, its science child not counted (what
that takes is told beside; it runs when a product is due). The simulated instruments run in another process and are not counted either. To compare: bare reading of a
sonic, an analyser, motion and position costs 0.7 % of a core, of ten Modbus devices 0.3 %; ThingsBoard's gateway 6 to 9 % for the
Modbus part alone.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

import psutil

from simulators.stage import Stage, example_station
from tests.bench.row import Row

WARM_UP_S = 15.0
MEASURED_S = 45.0


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
            children = agent.children(recursive=True)
            child = f"{len(children)} of {sum(c.memory_info().rss for c in children) / 1e6:.0f} MB" if children else "none ran"
            used = (after.user + after.system - before.user - before.system) / wall * 100
        finally:
            await stage.stop()
    how = (
        f"zhoushan-buoy at 1x, 7 instruments on ptys, {MEASURED_S:.0f} s after {WARM_UP_S:.0f} s of warm-up, live every 2 s; figures of the"
        f" kernel; science child not counted ({child})"
    )
    return [
        Row("agent, full buoy: processor", used, "% of a core", how, target=5.0),
        Row("agent, full buoy: resident memory", resident / 1e6, "MB", how, target=100.0),
    ]


def rows() -> list[Row]:
    return asyncio.run(_measure())
