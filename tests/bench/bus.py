"""Ten devices on one RS-485 line at 9600 Bd, two of them dead and one slow: do the others keep their turns?

The line is the bench's: a real pseudo-terminal on which every answer comes after the time that its bytes and those of the request take.
The agent's own acquisition asks, with the cards' times. Intervals are those between the readings of one device, in seconds of the world.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from edge.agent.acquisition import Acquisition, Source
from edge.agent.timebase import StationTime
from edge.instruments import Reading
from firmware_config.base.clock import WorldClock, WorldClockFile
from firmware_config.station import Station
from simulators.serve.station import Plan, StationBench
from simulators.world import WorldConfig
from tests.bench.row import Row

BAUD = 9600
EVERY_S = 2.0
MODELS = (
    "keller_series30_modbus", "ysi_odo_rtu_modbus", "kippzonen_smp_modbus", "vaisala_wxt536_modbus", "vegapuls_modbus",
    "keller_series30_modbus", "insitu_rdo_aquatroll_modbus", "vaisala_gmp252_modbus", "keller_series30_modbus", "ysi_odo_rtu_modbus",
)  # fmt: skip
DEAD = ("device_9", "device_10")
SLOW = "device_3"
SLOW_BY_S = 0.3
MEASURED_S = 100.0


def station(**options: str) -> Station:
    """Ten instruments on the line, addresses 1 to 10. ``options``: of each of them."""
    instruments = [
        {
            "id": f"device_{number}", "model": model, "place": f"p{number}", "serial_number": "1001", "link": "line", "address": number,
            "every": f"{EVERY_S:g}s", "mounting": {"height_m": 4.0}, "options": options,
        }
        for number, model in enumerate(MODELS, 1)
    ]  # fmt: skip
    return Station.model_validate(
        {
            "schema": 1, "id": "bench", "name": {"en": "Bench", "zh": "试验台"}, "platform": "fixed", "surface": "seawater",
            "position": {"latitude_deg": 30.4, "longitude_deg": 121.2}, "datum": {"datum_1985_m": -1.1, "chart_datum_m": -4.0},
            "contact": {"operator": "bench"}, "uplink": {"host": "localhost"}, "products": [], "instruments": instruments,
            "links": [{"id": "line", "kind": "modbus_rtu", "port": "/dev/null", "baud": BAUD}],
        }
    )  # fmt: skip


async def arrivals(folder: Path, seconds: float, **options: str) -> dict[str, list[float]]:
    """UTC seconds of every reading with values, by device, over so many seconds; turns lie on whole multiples of the period."""
    file = WorldClockFile(folder / "clock.json")
    file.start(1.0)
    clock = WorldClock(file.path)
    faults = [{"instrument": name, "fault": "silence"} for name in DEAD]
    faults.append({"instrument": SLOW, "fault": "late_answer", "magnitude": SLOW_BY_S})
    (folder / "faults.yaml").write_text(yaml.safe_dump({"faults": faults}))
    plan = Plan(folder / "ports", WorldConfig.model_validate({"schema": 1, "seed": 11}), faults=folder / "faults.yaml", clock_file=file)
    bench, stop = StationBench(station(**options), plan, clock), asyncio.Event()
    await bench.start()
    found: dict[str, list[float]] = {entry.id: [] for entry in bench.station.instruments}

    def deliver(source: Source, reading: Reading, at_ms: float) -> None:
        found[source.instrument.id].append((at_ms + station_time.offset_ms) / 1e3)

    station_time = StationTime(clock)
    acquisition = Acquisition(bench.station, station_time, deliver, ports=folder / "ports")
    tasks: list[asyncio.Task[Any]] = [asyncio.create_task(bench.run(stop))]
    tasks += [asyncio.ensure_future(part()) for part in acquisition.parts().values()]
    try:
        for _ in range(round(seconds)):
            file.keep()
            await asyncio.sleep(1.0)
    finally:
        stop.set()
        await acquisition.close()
        for task in tasks[1:]:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)
    return found


def intervals(times: list[float]) -> list[float]:
    return [b - a for a, b in pairwise(times)]


def rows() -> list[Row]:
    """The worst of the eight living devices: how far its median interval is off, and the share of its turns that it had."""
    with tempfile.TemporaryDirectory() as name:
        found = asyncio.run(arrivals(Path(name), MEASURED_S))
    living = {device: times for device, times in found.items() if device not in DEAD}
    off = max(abs(statistics.median(intervals(times)) / EVERY_S - 1) for times in living.values()) * 100
    had = {device: len(times) / (MEASURED_S / EVERY_S) * 100 for device, times in living.items()}
    worst = min(had, key=lambda device: had[device])
    how = (
        f"ten devices at {BAUD} Bd asked every {EVERY_S:g} s for {MEASURED_S:g} s, two dead, one slow by {SLOW_BY_S:g} s; cards' own times"
    )
    return [
        Row("busy RS-485 line: median interval off", off, "%", how, target=10.0),
        Row("busy RS-485 line: turns had", had[worst], "%", f"the worst of eight ({worst}), start included", target=90.0, at_most=False),
    ]
