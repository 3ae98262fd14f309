"""What a station keeps of its own windows survives kills, full disks and damage, and is used for the windows that open next."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from edge.agent import learning as module
from edge.agent.learning import EVERY_WINDOWS, Learning
from edge.compute import history
from edge.compute.messages import Answer
from edge.errors import ScienceError
from tests.edge.agent.station import example, parts

HALF_HOUR_MS = 1_800_000
ROW = {"from_percent": None, "to_percent": None, "shortest_s": 0.3, "longest_s": 0.5, "default_s": 0.4, "windows": 30}


class Science:
    """Answers with what it is given; ``ready``: the parts that are."""

    def __init__(self):
        self.asked, self.ready, self.fails = [], {"lag co2": True, "lag h2o": False}, False

    async def ask(self, request, *, priority=0):
        self.asked.append(request)
        if self.fails:
            raise ScienceError("learn: the science process ended")
        newest = max((facts["t"] for facts in history.read(Path(request.raw))[0]), default=0)
        learnt = {"lags": {name.removeprefix("lag "): [ROW] for name, ready in self.ready.items() if ready}}
        status = {name: {"ready": ready, "says": "30 windows"} for name, ready in self.ready.items()}
        return Answer(id=1, ok=True, detail={"learnt": learnt, "status": status, "history": {"newest": newest, "windows": 1}})


class Bench:
    def __init__(self, folder, science=None, **product):
        _, _, self.outbox, self.recorder = parts()
        station = example().station
        self.product = next(p for p in station.products if p.kind == "eddy").model_copy(update=product)
        self.science = science or Science()
        self.folder = folder / "eddy"
        self.thread = ThreadPoolExecutor(1)
        self.learning = Learning(self.folder, station, self.product, worker=self.thread, science=self.science, recorder=self.recorder)

    async def work(self, first=0, count=0):
        """So many windows, and what they lead to."""
        task = asyncio.create_task(self.learning.run())
        await self.quiet()
        for i in range(first, first + count):
            await self.learning.take(i * HALF_HOUR_MS, {"lag": {"co2": 0.4}})
            await self.quiet()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def quiet(self):
        """Until the loop has nothing more to do at once and the thread is idle."""
        for _ in range(3):
            await asyncio.sleep(0)
            await asyncio.get_running_loop().run_in_executor(self.thread, lambda: None)

    @property
    def history(self):
        return self.folder / "history.jsonl"

    @property
    def events(self):
        return [draft.detail for draft in self.recorder._drafts if draft.values["kind"] == "eddy_learnt"]


@pytest.fixture
def bench(tmp_path):
    made = []

    def make(*args, **options):
        made.append(Bench(tmp_path, *args, **options))
        return made[-1]

    yield make
    for one in made:
        one.thread.shutdown()


async def test_after_enough_windows_science_is_asked_and_the_next_window_is_given_what_it_found(bench):
    b = bench()
    assert b.learning.learnt == {"lags": {}}
    await b.work(count=EVERY_WINDOWS - 1)
    assert not b.science.asked
    again = bench(b.science)
    b.history.unlink()
    await again.work(count=EVERY_WINDOWS)
    (request,) = again.science.asked
    assert (request.kind, request.raw) == ("learn", str(b.history))
    assert set(request.station) == {"sonic_key", "gas_key"}
    assert again.learning.learnt["lags"] == {"co2": [ROW]}
    assert len(b.history.read_bytes().splitlines()) == EVERY_WINDOWS


async def test_a_restart_knows_what_was_learnt_and_learns_only_from_what_came_since(bench):
    first = bench()
    await first.work(count=EVERY_WINDOWS)
    same = bench()
    assert same.learning.learnt == first.learning.learnt
    await same.work()
    assert not same.science.asked
    await same.work(EVERY_WINDOWS, 1)
    behind = bench()
    await behind.work()
    assert len(behind.science.asked) == 1


@pytest.mark.parametrize("content", [None, b"", b'{"learnt"', b"[]", b'{"made_for":"x","newest":1,"learnt":{},"status":{}}'])
async def test_without_a_good_learnt_file_it_is_learnt_again_at_the_start(bench, content):
    first = bench()
    await first.work(count=EVERY_WINDOWS)
    first.folder.joinpath("learnt.json").unlink()
    if content is not None:
        first.folder.joinpath("learnt.json").write_bytes(content)
    again = bench()
    assert again.learning.learnt == {"lags": {}}
    await again.work()
    assert again.learning.learnt == first.learning.learnt


async def test_an_event_tells_only_what_became_ready_or_was_lost(bench):
    b = bench()
    await b.work(count=EVERY_WINDOWS)
    await b.work(EVERY_WINDOWS, EVERY_WINDOWS)
    assert [event["became_ready"] for event in b.events] == ["lag co2 30 windows"]
    b.science.ready = {"lag co2": False, "lag h2o": True}
    await b.work(2 * EVERY_WINDOWS, EVERY_WINDOWS)
    assert [(event["became_ready"], event["lost"]) for event in b.events[1:]] == [("lag h2o 30 windows", "lag co2")]
    assert b.events[1]["place"] == "mast"


async def test_a_failing_science_costs_one_learning_and_is_told(bench):
    b = bench()
    b.science.fails = True
    await b.work(count=EVERY_WINDOWS)
    assert [draft.values["kind"] for draft in b.recorder._drafts] == ["science_failed"]
    assert b.learning.learnt == {"lags": {}}
    b.science.fails = False
    await b.work(EVERY_WINDOWS, EVERY_WINDOWS)
    assert b.learning.learnt["lags"]


async def test_an_answer_that_makes_no_sense_is_a_failure_like_any_other(bench):
    class Odd(Science):
        async def ask(self, request, *, priority=0):
            self.asked.append(request)
            return Answer(id=1, ok=True, detail={"learnt": [], "status": 3, "history": {}})

    b = bench(Odd())
    await b.work(count=EVERY_WINDOWS)
    assert b.learning.learnt == {"lags": {}}
    assert not b.folder.joinpath("learnt.json").exists()


async def test_a_torn_line_costs_itself_alone(bench):
    b = bench()
    await b.work(count=3)
    b.history.write_bytes(b.history.read_bytes()[:-20])  # killed while writing
    again = bench()
    await again.work(3, 1)
    lines = b.history.read_bytes().splitlines()
    assert len(lines) == 4
    assert json.loads(lines[3])["t"] == 3 * HALF_HOUR_MS
    assert json.loads(lines[1])["t"] == HALF_HOUR_MS


async def test_the_history_is_bounded(bench):
    short = example().station.products[0].processing.planar_fit.model_copy(update={"history": 20 * HALF_HOUR_MS})
    processing = example().station.products[0].processing.model_copy(update={"planar_fit": short})
    b = bench(processing=processing)
    await b.work(count=10)
    with b.history.open("ab") as file:
        file.write(b"nonsense\n")
    again = bench(b.science, processing=processing)
    for i in range(10, 60):
        await again.learning.take(i * HALF_HOUR_MS, {"lag": {}})
        assert len(b.history.read_bytes().splitlines()) <= 22
    times = [json.loads(line)["t"] // HALF_HOUR_MS for line in b.history.read_bytes().splitlines()]
    assert times == list(range(60 - len(times), 60))
    assert not list(b.folder.glob("*.new"))


async def test_a_disk_that_refuses_costs_the_lesson_and_nothing_else(bench, monkeypatch):
    b = bench()

    def full(_handle):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(module.os, "fsync", full)
        await b.work(count=EVERY_WINDOWS)
    assert not b.science.asked
    await b.work(count=EVERY_WINDOWS)
    assert b.learning.learnt["lags"]


async def test_what_was_learnt_is_used_though_it_cannot_be_saved(bench, monkeypatch):
    b = bench()

    def full(_path, _content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(b.learning, "_replace", full)
    await b.work(count=EVERY_WINDOWS)
    assert b.learning.learnt["lags"]
    assert not b.folder.joinpath("learnt.json").exists()


async def test_another_mounting_or_other_methods_begin_anew(bench):
    first = bench()
    await first.work(count=EVERY_WINDOWS)
    other = bench(processing=first.product.processing.model_copy(update={"rotation": "planar_fit"}))
    assert other.learning.learnt == {"planes": [], "lags": {}}


async def test_methods_that_learn_nothing_still_keep_the_history(bench):
    processing = example().station.products[0].processing.model_copy(update={"mode": "compatible"})
    b = bench(processing=processing)
    assert b.learning.learnt == {}
    await asyncio.wait_for(b.learning.run(), 5)  # nothing to do
    await b.work(count=EVERY_WINDOWS)
    assert not b.science.asked
    assert len(b.history.read_bytes().splitlines()) == EVERY_WINDOWS


def test_no_numpy_in_the_agent():
    code = "import sys, edge.agent.learning; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
