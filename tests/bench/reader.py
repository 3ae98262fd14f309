"""A station's acquisition alone, until SIGTERM: ``python -m tests.bench.reader STATION_FILE``; prints how many readings each instrument gave."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from pathlib import Path

from edge.agent.acquisition import Acquisition, Source
from edge.agent.timebase import StationTime
from edge.instruments import Reading
from edge.links import ports_from
from firmware_config.base import log
from firmware_config.base.clock import open_clock
from firmware_config.check import load_station


async def read(file: Path) -> Counter[str]:
    """Links, framers, decoders, judging and turns; nobody takes the readings."""
    station = load_station(file).station
    found: Counter[str] = Counter()

    def deliver(source: Source, reading: Reading, at_ms: float) -> None:
        found[source.instrument.id] += 1

    acquisition = Acquisition(station, StationTime(open_clock(station.id)), deliver, ports=ports_from(os.environ))
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    tasks = [asyncio.ensure_future(part()) for part in acquisition.parts().values()]
    await stop.wait()
    await acquisition.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return found


if __name__ == "__main__":
    log.set_up("bench", level="ERROR")
    sys.stdout.write(json.dumps(asyncio.run(read(Path(sys.argv[1])))))
