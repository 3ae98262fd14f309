"""A full station of twelve instruments at real time: what its agent costs, what of it is reading and decoding; and nothing lost at 20 times.

The buoy of the examples with a motion sensor, radiation, a radar level, a Sea-Bird and an Aanderaa oxygen sensor and the charger beside its
own. ``reading`` is the agent's acquisition alone (links, framers, drivers, judging, turns) on the same simulated instruments with nobody
taking the readings: a program of its own, so that the kernel's figures are its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
import yaml

from edge.archive.reader import read_window
from simulators.judge import Verdict, judge, outbox_records
from simulators.stage import Stage, door, example_station
from tests.bench.row import Row

WARM_UP_S = 15.0
MEASURED_S = 45.0
ROUNDS = 3
FAST = 20.0
FAST_S = 60.0
ADDED = {
    "motion": ("microstrain_mip", "mast", {"kind": "serial", "baud": 115200}, {"rate": "20 Hz"}),
    "radiation": ("kippzonen_smp_modbus", "roof", "water", {"every": "10s", "address": 3}),
    "level": ("vegapuls_modbus", "bow", "water", {"every": "10s", "address": 4}),
    "ctd": ("seabird_sbe63_ascii", "deep", {"kind": "serial", "baud": 9600}, {"every": "2s"}),
    "second_oxygen": ("aanderaa_optode_ascii", "bottom", {"kind": "serial", "baud": 9600}, {"every": "5s"}),
    "power": ("victron_vedirect_text", "hull", {"kind": "serial", "baud": 19200}, {"every": "1s"}),
}
"""instrument → model, place, its own link or the name of one, the rest"""
LEFT_OUT = "depth"
STATION = "zhoushan-buoy"


def full_station(folder: Path) -> Path:
    """The station file with its site beside it."""
    data = yaml.safe_load(example_station(STATION).read_text(encoding="utf-8"))
    data["instruments"] = [one for one in data["instruments"] if one["id"] != LEFT_OUT]
    data["quality"] = [one for one in data["quality"] if not one["series"].startswith("water_pressure")]
    for number, (key, (model, place, link, rest)) in enumerate(ADDED.items(), 10):
        if isinstance(link, dict):
            data["links"].append({"id": key, "port": f"/dev/ttyS{number}", "format": "8N1", **link})
        height = 4.0 if place in {"mast", "roof", "bow", "hull"} else -1.0
        entry = {"id": key, "model": model, "place": place, "serial_number": f"10{number}", "link": link if isinstance(link, str) else key}
        data["instruments"].append({**entry, "mounting": {"height_m": height}, **rest})
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(example_station(STATION).with_name("site.geojson"), folder)
    path = folder / "station.yaml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


def share(process: psutil.Process, seconds: float) -> float:
    """Processor of a process over so many seconds, per cent of a core."""
    before, begun = sum(process.cpu_times()[:2]), time.monotonic()
    time.sleep(seconds)
    return (sum(process.cpu_times()[:2]) - before) / (time.monotonic() - begun) * 100


def rounds(process: psutil.Process) -> list[float]:
    time.sleep(WARM_UP_S)
    return [share(process, MEASURED_S / ROUNDS) for _ in range(ROUNDS)]


async def whole(folder: Path) -> list[float]:
    """The agent with all its parts, broker and centre beside it."""
    stage = Stage(folder / "stage", [full_station(folder / "file")], speed=1.0)
    try:
        await stage.start()
        return await asyncio.to_thread(rounds, psutil.Process(stage.places[STATION].edge.pid))
    finally:
        await stage.stop()


@contextmanager
def bench_of(folder: Path) -> Iterator[dict[str, str]]:
    """The simulated instruments of the full station at real time; gives the environment in which a program finds them."""
    ports = folder / "ports"
    command = [door("haitan-sim"), "station", str(full_station(folder / "file")), "--ports", str(ports), "--speed", "1"]
    with (folder / "world.log").open("wb") as log:
        world = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
    try:
        assert world.stdout is not None
        ready = json.loads(world.stdout.readline().decode().removeprefix("ready "))
        yield {**os.environ, "HAITAN_PORTS": str(ports), "HAITAN_CLOCK": ready["clock"]}
    finally:
        world.terminate()
        world.wait(30)


def reading(folder: Path) -> tuple[list[float], dict[str, int]]:
    """The acquisition alone; its share, and how many readings of each instrument it had."""
    with bench_of(folder) as environment:
        command = [sys.executable, "-m", "tests.bench.reader", str(folder / "file" / "station.yaml")]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
        try:
            found = rounds(psutil.Process(process.pid))
        finally:
            process.terminate()
            output = process.communicate(timeout=30)[0]
    return found, json.loads(output)


class Fast(NamedTuple):
    """A run at many times real time: world seconds, high-rate samples that there were and that the archive lacks, bytes that found no
    reader once the agent was up, and the verdict on the records."""

    world_s: float
    samples: int
    missing: int
    overrun: int
    verdict: Verdict


async def fast(folder: Path) -> Fast:
    """The whole chain at 20 times for a minute; the agent is stopped first, then what it owes has arrived."""
    stage = Stage(folder / "stage", [full_station(folder / "file")], speed=FAST)
    try:
        await stage.start()
        await asyncio.sleep(FAST_S)
        place, store = stage.places[STATION], stage.folder / "collector" / "store.db"
        outbox = await asyncio.to_thread(outbox_records, STATION, place.data / "outbox" / "outbox.db")
        verdict = await asyncio.to_thread(judge, {STATION: outbox}, store)
        for _ in range(30):
            if not verdict.lost:
                break
            await asyncio.sleep(1.0)
            verdict = await asyncio.to_thread(judge, {STATION: outbox}, store)
    finally:
        await stage.stop()
    truth = [json.loads(line) for line in (place.folder / "ports" / "truth.jsonl").read_text(encoding="utf-8").splitlines()]
    counts = truth[-1]["counts"]
    overrun = sum(one["overrun"] for link in counts.values() for one in link.values() if isinstance(one, dict))
    samples, missing = archived(place.data / "raw")
    return Fast((truth[-1]["t"] - truth[0]["t"]) / 1e3, samples, missing, overrun, verdict)


def archived(raw: Path) -> tuple[int, int]:
    """Slots between the first and the last sample in all windows of the raw archive, and how many of them hold no wind or no gas."""
    windows = [read_window(path) for path in sorted(raw.rglob("*")) if path.suffix in {".ghg", ".live"}]
    rows = []
    for window in sorted(windows, key=lambda one: one.start_ms):
        wind, gas = (next(values for name, values in window.columns.items() if name.startswith(word)) for word in ("U ", "CO2"))
        rows.append(np.isfinite(wind) & np.isfinite(gas))
    there = np.concatenate(rows)
    first, last = np.flatnonzero(there)[[0, -1]]
    return int(last - first + 1), int(last - first + 1 - there.sum())


def rows() -> list[Row]:
    """Processor of the whole agent and of reading alone, medians of rounds; and what was lost at 20 times."""
    with tempfile.TemporaryDirectory() as name:
        agent = asyncio.run(whole(Path(name) / "whole"))
        alone, counted = reading(Path(name) / "reading")
        quick = asyncio.run(fast(Path(name) / "fast"))
    silent = [key for key in (*ADDED, "sonic", "irga", "hydroc", "weather", "gnss", "oxygen") if not counted.get(key)]
    spread = f"12 instruments at 1x, medians of {ROUNDS} times {MEASURED_S / ROUNDS:.0f} s, figures of the kernel; "
    how = f"{FAST_S:.0f} s at up to {FAST:g}x gave {quick.world_s:.0f} s of the world; {quick.samples} slots between first and last sample"
    wrong = len(quick.verdict.lost) + len(quick.verdict.altered) + len(quick.verdict.doubled) + len(quick.verdict.unexplained)
    return [
        Row("full station: agent", statistics.median(agent), "% of a core", f"{spread}{min(agent):.1f} to {max(agent):.1f}", target=5.0),
        Row(
            "full station: reading and decoding", statistics.median(alone), "% of a core",
            f"{spread}{min(alone):.1f} to {max(alone):.1f}; acquisition alone; {f'SILENT: {silent}' if silent else 'all were heard'}", target=3.0,
        ),
        Row("full station at 20x: samples missing", quick.missing, "slots", f"{how}; {quick.overrun} records overran their line", target=0),
        Row("full station at 20x: records lost or wrong", wrong, "records", f"{quick.verdict.committed} committed, counted at the centre", target=0),
    ]  # fmt: skip
