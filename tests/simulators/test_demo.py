"""The demo as its visitor has it: page up, live values, a flux, an alarm by script, Ctrl-C leaves nothing behind, a second start goes on."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
import sys
from pathlib import Path

import psutil
import pytest

from simulators.judge import store_records
from simulators.servers import free_port, get
from simulators.stage import door


class Demo:
    """``haitan-sim demo`` as a child process in a session of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()

    async def __aenter__(self) -> Demo:
        command = [door("haitan-sim"), "demo", "--stations", "2", "--speed", "60", "--data", str(self.folder), "--port", str(self.port)]
        self.process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, start_new_session=True)
        assert self.process.stdout is not None
        async with asyncio.timeout(120):
            while b"The page:" not in (line := await self.process.stdout.readline()):
                assert line, "the demo ended before its page was up"
        return self

    async def __aexit__(self, *args: object) -> None:
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()
            for child in self.children():
                child.kill()

    def children(self) -> list[psutil.Process]:
        """Every process that works in this demo's folder."""
        found = []
        for process in psutil.process_iter(["cmdline", "pid"]):
            with contextlib.suppress(psutil.Error):
                if str(self.folder) in " ".join(process.info["cmdline"] or ()) and process.pid != self.process.pid:
                    found.append(process)
        return found

    async def api(self, path: str):
        return json.loads(await asyncio.to_thread(get, f"http://127.0.0.1:{self.port}{path}", 20))

    async def interrupt(self) -> int:
        """Ctrl-C; the exit status."""
        self.process.send_signal(signal.SIGINT)
        assert self.process.stdout is not None
        async with asyncio.timeout(90):
            await self.process.stdout.read()
            return await self.process.wait()


async def until(demo: Demo, path: str, condition, within: float):
    async with asyncio.timeout(within):
        while not condition(answer := await demo.api(path)):
            await asyncio.sleep(0.3)
        return answer


@pytest.mark.skipif(sys.platform != "linux", reason="process tables are read as on Linux")
@pytest.mark.needs("page")
@pytest.mark.timeout(400)
@pytest.mark.xdist_group("chain")
async def test_the_visitors_ten_minutes(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    async with Demo(folder) as demo:
        page = (await asyncio.to_thread(get, f"http://127.0.0.1:{demo.port}/", 20)).decode()
        assert re.search(r"<script[^>]+src=", page)
        stations = (await until(demo, "/api/stations", lambda a: len(a["stations"]) == 2 and all(s["data_t"] for s in a["stations"]), 60))[
            "stations"
        ]
        assert all(station["simulated"] for station in stations)
        detail = await until(demo, "/api/stations/zhoushan-buoy", lambda a: any(n.startswith("co2_flux@") for n in a["newest"]), 180)
        assert detail["newest"]["co2_flux@mast"]["value"] is None or detail["newest"]["co2_flux@mast"]["flag"] in {4, 9}, (
            "a moving platform"
        )
        alarms = (await until(demo, "/api/alarms?state=open", lambda a: a["alarms"], 180))["alarms"]
        assert any(alarm["station"] == "yueqing-mangrove" for alarm in alarms)
        assert all(alarm["title"]["zh"] and alarm["title"]["en"] for alarm in alarms)
        assert await demo.interrupt() == 0
        assert demo.children() == []
    before = store_records(folder / "collector/store.db")
    assert before
    async with Demo(folder) as again:
        newest = max(int(s["data_t"] or 0) for s in stations)
        await until(again, "/api/stations", lambda a: all((s["data_t"] or 0) > newest for s in a["stations"]), 120)
        async with asyncio.timeout(120):  # live values come before the first record of this run is kept
            while len(await asyncio.to_thread(store_records, folder / "collector/store.db")) <= len(before):
                await asyncio.sleep(0.3)
        assert await again.interrupt() == 0
        assert again.children() == []
    after = store_records(folder / "collector/store.db")
    assert len(after) > len(before)
    assert {number: rows[0] for number, rows in after.items() if number in before} == {number: rows[0] for number, rows in before.items()}
