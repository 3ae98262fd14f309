"""The whole agent as it goes to the field, on simulated instruments at scaled time: killed in the middle of a window, it goes on."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml

from edge.archive.pack import packed_from
from edge.archive.reader import read_window
from edge.compute import history
from edge.compute.client import ScienceClient
from edge.compute.messages import Input
from edge.compute.request import build_request, needs_of
from edge.outbox import inspect
from firmware_config.base.clock import WorldClockFile
from firmware_config.check import load_station
from simulators.stage import door, example_station

SPEED = 60.0
WINDOW_MS = 1_800_000
ORIGIN_MS = 1_795_345_200_000 + 30_000  # half a minute into a window
PATIENCE_S = 300.0


class World:
    """A station's instruments on ptys, a clock that runs sixty times as fast, no broker; the agent is started and stopped by the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "station.yaml"
        self.ports = folder / "ports"
        self.ports.mkdir()
        content = yaml.safe_load(example_station("hangzhou-mudflat").read_text(encoding="utf-8"))
        content["products"][0]["averaging"] = "30min"
        self.file.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
        site = example_station("hangzhou-mudflat").parent / "site.geojson"
        (folder / "site.geojson").write_text(site.read_text(encoding="utf-8"), encoding="utf-8")
        self.loaded = load_station(self.file)
        self.clock = WorldClockFile(folder / "clock.json")
        self.clock.start(SPEED, ORIGIN_MS)
        self.environment = {
            **os.environ,
            "HAITAN_CLOCK": str(self.clock.path),
            "HAITAN_PORTS": str(self.ports),
            "HAITAN_BROKER": "127.0.0.1:9",
        }
        self.children: list[subprocess.Popen[bytes]] = []
        self.start("haitan-sim", "station", str(self.file), "--ports", str(self.ports))
        until(lambda: len(list(self.ports.iterdir())) >= len(self.loaded.station.links), "instruments", self)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def raw(self) -> Path:
        return self.data / "raw" / "mast"

    def start(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        log = (self.folder / f"{program}.log").open("ab")
        child = subprocess.Popen([door(program), *arguments], env=self.environment, stdout=log, stderr=log)
        self.children.append(child)
        return child

    def agent(self) -> subprocess.Popen[bytes]:
        return self.start("haitan-edge", "run", str(self.file), "--data", str(self.data))

    def records(self, stream: str) -> list[dict]:
        try:
            folder = inspect.find(self.data)
        except Exception:
            return []
        found = [json.loads(line)["record"] for line in inspect.export(folder)]
        return [record for record in found if record["stream"] == stream]

    def close(self) -> None:
        for child in reversed(self.children):
            if child.poll() is None:
                child.kill()
            child.wait()


def until(condition, what: str, world: World) -> None:
    """Wait for what other processes do; the world's clock is kept meanwhile."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, f"{what} did not come; logs in {world.folder}"
        world.clock.keep()
        time.sleep(0.05)


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.close()


def live_bytes(world: World) -> int:
    return sum(path.stat().st_size for path in world.raw.glob("live/*.live"))


@pytest.mark.timeout(700)
@pytest.mark.xdist_group("chain")
def test_a_killed_agent_continues_its_window_and_no_product_comes_twice(world):
    agent = world.agent()
    until(lambda: live_bytes(world) > 20_000, "some blocks of raw data", world)
    agent.send_signal(signal.SIGKILL)
    agent.wait()
    died_ms = world_now(world)
    agent = world.agent()
    until(lambda: len(world.records("eddy")) >= 2, "two averaging periods", world)
    again_ms = min(r["t"] for r in world.records("event") if r["values"]["kind"] == "raw_rebuilt")
    agent.send_signal(signal.SIGTERM)
    assert agent.wait(30) == 0
    assert json.loads((world.data / "run.json").read_text())["clean"] is True

    # each product once, each file as its record says
    for stream in ("eddy", "spectra", "raw", "tide", "gas", "minute"):
        times = [record["t"] for record in world.records(stream)]
        assert len(times) == len(set(times)), stream
    for record in world.records("raw"):
        packed = packed_from(next(world.raw.glob(f"20*/{record['detail']['name']}")))
        assert (packed.sha256, packed.rows) == (record["detail"]["sha256"], record["detail"]["rows"])
    assert all(record["simulated"] for record in world.records("eddy"))
    boots = [r["detail"]["previous"] for r in world.records("event") if r["values"]["kind"] == "boot"]
    assert boots == ["none", "unclean"]

    # the window that was open at the kill lacks a minute and the time the agent was away, no more
    first = world.records("raw")[0]
    window = read_window(next(world.raw.glob(f"20*/{first['detail']['name']}")))
    present = np.flatnonzero(np.isfinite(window.columns["W (m/s)"]))
    gaps = np.diff(present)
    longest_ms = gaps.max() * 1000 / window.rate_hz
    settling_ms = 10_000  # a line's first samples after a start come late
    assert longest_ms <= 60_000 + (again_ms - died_ms) + settling_ms
    assert np.sum(gaps > 600) <= 1

    # science on the archived file gives the digits that were sent
    taught = []
    for record in world.records("eddy"):
        name = next(r["detail"]["name"] for r in world.records("raw") if r["t"] == record["t"])
        answer = asyncio.run(compute(world, next(world.raw.glob(f"20*/{name}"))))
        assert {f"{q}@mast": v for q, v in answer.values.items()} == record["values"]
        assert read_window(next(world.raw.glob(f"20*/{name}"))).meta["learnt"] == {"lags": {}}
        taught += [record["t"]] if answer.facts else []  # a window with hardly a sample (a slow machine's first) teaches nothing

    # and every window that may teach is in the history that later ones learn from
    facts, damaged = history.read(world.data / "eddy" / "mast" / "history.jsonl")
    assert ([one["t"] for one in facts], damaged) == (sorted(taught), 0)
    assert taught


def world_now(world: World) -> float:
    content = json.loads(world.clock.path.read_text())
    return content["world_ms"] + (time.monotonic() - content["monotonic_s"]) * 1e3 * content["speed"]


async def compute(world: World, path: Path):
    station = world.loaded.station
    product = next(p for p in station.products if p.kind == "eddy")
    archived = packed_from(path).inputs
    inputs = {role: Input(*archived[name]) for role, name in needs_of(product).items() if name in archived}
    client = ScienceClient()
    try:
        return await client.ask(build_request(station, product, number=0, inputs=inputs, raw=str(path)))
    finally:
        await client.close()


def test_a_wrong_station_file_is_refused_with_every_error(tmp_path):
    text = example_station("zhoushan-buoy").read_text(encoding="utf-8")
    file = tmp_path / "station.yaml"
    file.write_text(text.replace("kind: serial", "kind: serail", 1).replace("rate: 20 Hz", "rate: 20 Hx", 1), encoding="utf-8")
    done = subprocess.run([door("haitan-edge"), "run", str(file)], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert done.returncode == 2
    assert "serail" in done.stderr
    assert "20 Hx" in done.stderr
    assert list(tmp_path.iterdir()) == [file]


def test_the_agent_process_never_imports_numpy():
    code = "import sys, edge.run; assert not {'numpy', 'pandas', 'scipy', 'gsw', 'pymodbus'} & set(sys.modules), sorted(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
