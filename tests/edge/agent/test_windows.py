"""Averaging windows: rows reach the disk within a minute, kills cost no more, windows close, continue and realign as they should."""

from __future__ import annotations

import asyncio
import errno
import math
import shutil
import struct
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from edge.agent.highrate import HighRate
from edge.agent.windows import Windows
from edge.archive.live import recover
from edge.archive.pack import pack
from edge.archive.reader import read_window
from edge.archive.store import RawStore
from tests.edge.agent.station import BOOT_S, UTC_MS, HandClock, averaged, example, gas_reading, parts, sonic_reading, source_of
from tests.edge.archive.files import header, write

Disk = namedtuple("Disk", "total free")
WINDOW_MS = 600_000
SLOTS = 12_000


class Bench:
    """One eddy product with its windows, driven by hand: `play` feeds samples and steps every second of the world."""

    def __init__(self, folder, clock=None, disk=None, speed=1.0):
        self.clock, self.time, self.outbox, self.recorder = parts(clock)
        self.loaded = averaged(example(), WINDOW_MS)
        product = next(p for p in self.loaded.station.products if p.kind == "eddy")
        self.sonic, self.gas = source_of(self.loaded, product.sonic), source_of(self.loaded, product.gas)
        self.highrate = HighRate(product, self.sonic, self.gas, speed)
        self.disk = disk or shutil.disk_usage
        self.store = RawStore(folder / "raw", disk=self.of_disk)
        self.closed, self.empty = [], []
        self.threads = [ThreadPoolExecutor(1), ThreadPoolExecutor(1)]
        self.windows = Windows(
            self.loaded,
            self.highrate,
            store=self.store,
            archive=self.threads[0],
            packer=self.threads[1],
            time=self.time,
            recorder=self.recorder,
            boot_id=self.outbox.boot_id,
            simulated=True,
            inputs=lambda start_ms, end_ms, at_ms: {"air_pressure": (1013.0, 0.5, "air_pressure@deck")},
            learnt=lambda: {"planes": [], "lags": {}},
            closed=self.closed.append,
            empty=self.empty.append,
        )
        self.time.on_change = self.windows.clock_changed
        self.n = 0

    def of_disk(self, path):
        return self.disk(path)

    async def play(self, seconds, *, sonic=True, gas=True, late_ms=0.0, batches=1):
        """So many seconds of samples at 20 Hz, sonic and analyser, evenly or so many at once; the window's loop turns every second."""
        begin = self.clock.t
        for second in range(int(seconds)):
            for i in range(20):
                self.clock.t = begin + second + i / 20
                at_ms = (self.clock.t + (batches - 1 - i % batches) / 20) * 1e3
                if sonic:
                    self.highrate.take(self.sonic, sonic_reading(self.n / 1000), at_ms + 2 + late_ms)
                if gas:
                    self.highrate.take(self.gas, gas_reading(17.0 + self.n / 1e5, index=15 * self.n), at_ms + 12)
                self.n += 1
            self.clock.t = begin + second + 1
            self.time.look()
            await self.windows._step(self.clock.t * 1e3)

    async def settle(self):
        """What was handed to the packer is packed."""
        await asyncio.gather(*self.windows._packing)
        for draft in self.recorder._drafts:
            await self.outbox.commit_async([draft])
        self.recorder._drafts.clear()

    def live(self):
        (path,) = self.store.left_live()
        return path

    def kill(self):
        """What a SIGKILL leaves: whatever is on disk now."""
        for thread in self.threads:
            thread.shutdown()


@pytest.fixture
def bench(tmp_path):
    made = []

    def make(**options):
        made.append(Bench(tmp_path, **options))
        return made[-1]

    yield make
    for one in made:
        one.kill()


async def test_every_row_of_a_window_is_in_its_file(bench):
    b = bench()
    await b.windows.start()
    await b.play(620)
    await b.settle()
    (path,) = b.closed
    assert path.name == "zhoushan-buoy_20261122T1100.ghg"
    window = read_window(path)
    assert window.meta["rows"] == SLOTS
    u = window.columns["U (m/s)"]
    assert np.isfinite(u).all()
    np.testing.assert_allclose(u, np.arange(SLOTS) / 1000, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(window.columns["CO2 (mmol/m^3)"], 17.0 + np.arange(SLOTS) / 1e5, rtol=1e-6)
    assert window.meta["inputs"]["air_pressure"]["value"] == 1013.0
    assert b.store.left_live() == []


async def test_what_is_on_disk_is_never_more_than_a_minute_behind(bench):
    b = bench()
    await b.windows.start()
    for _ in range(28):
        await b.play(10)
        now_slot = round((b.clock.t - BOOT_S) * 20)
        paths = b.store.left_live()
        durable = recover(paths[0]).last_slot + 1 if paths else 0
        assert now_slot - durable <= 60 * 20


async def test_after_a_kill_the_open_window_goes_on_and_lacks_at_most_a_minute(bench):
    b = bench()
    await b.windows.start()
    await b.play(300)
    b.kill()
    clock = b.clock
    clock.t += 25.0  # the time it takes to come back
    again = bench(clock=clock)
    again.n = b.n + 500
    await again.windows.start()
    assert again.outbox.events("raw_rebuilt") or again.recorder._drafts
    await again.play(300)
    await again.settle()
    (path,) = again.closed
    assert path.name == "zhoushan-buoy_20261122T1100.ghg"
    u = read_window(path).columns["U (m/s)"]
    missing = np.flatnonzero(np.isnan(u))
    assert missing.min() >= 300 * 20 - 60 * 20
    assert missing.max() < 325 * 20 + 5
    assert len(missing) <= (60 + 25) * 20 + 5
    present = np.flatnonzero(np.isfinite(u))
    np.testing.assert_allclose(u[present], present / 1000, rtol=1e-6, atol=2e-3)


async def test_a_window_that_ended_while_the_agent_was_away_is_closed_with_what_it_has(bench):
    b = bench()
    await b.windows.start()
    await b.play(200)
    b.kill()
    b.clock.t += 3600.0
    again = bench(clock=b.clock)
    await again.windows.start()
    await again.settle()
    (path,) = again.closed
    window = read_window(path)
    assert path.name == "zhoushan-buoy_20261122T1100.ghg"
    assert (200 - 60) * 20 <= window.meta["rows"] <= 200 * 20
    assert again.store.left_live() == []


async def test_packed_but_not_committed_windows_are_found_again(bench):
    b = bench()
    await b.windows.start()
    await b.play(615)
    await b.settle()
    b.kill()
    again = bench(clock=b.clock)
    await again.windows.start()
    assert again.closed == b.closed


async def test_a_clean_stop_leaves_nothing_out(bench):
    b = bench()
    await b.windows.start()
    await b.play(100)
    await b.windows.stop()
    assert recover(b.live()).last_slot == 100 * 20 - 1


async def test_an_unreadable_live_file_is_set_aside_and_told(bench):
    b = bench()
    path = b.store.live_path("zhoushan-buoy_20261122T1030")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"nothing of use")
    await b.windows.start()
    await b.settle()
    assert len(b.outbox.events("raw_damaged")) == 1
    assert len(list((b.store.folder / "damaged").iterdir())) == 1


async def test_a_clock_beyond_what_a_zip_can_say_leaves_no_window_behind(bench):
    b = bench(clock=HandClock(utc_ms=5_000_000_400_000))
    await b.windows.start()
    await b.play(720)
    await b.settle()
    assert [path.name for path in b.closed] == ["zhoushan-buoy_21280611T0900.ghg"]


async def test_a_window_that_cannot_be_packed_is_named_and_costs_no_other(bench, monkeypatch):
    b = bench()
    for name in ("a", "b"):
        write(b.store.live_path(name).parent, [range(100)], header(name=name))

    def packed_but_one(live, target):
        if live.stem == "a":
            raise struct.error("'H' format requires 0 <= number <= 65535")
        return pack(live, target)

    monkeypatch.setattr("edge.agent.windows.pack", packed_but_one)
    await b.windows.start()
    await b.settle()
    await b.windows.stop()
    assert [path.name for path in b.closed] == ["b.ghg"]
    assert b.store.live_path("a").exists()
    (event,) = b.outbox.events("raw_not_packed")
    assert "a.live" in event.detail["text_en"]
    assert b.windows.stopped == ""


async def test_one_instrument_silent_leaves_its_columns_empty(bench):
    b = bench()
    await b.windows.start()
    await b.play(300)
    await b.play(100, sonic=False)
    await b.play(215)
    await b.settle()
    columns = read_window(b.closed[0]).columns
    quiet = slice(300 * 20 + 5, 400 * 20 - 5)
    assert np.isnan(columns["U (m/s)"][quiet]).all()
    assert np.isfinite(columns["CO2 (mmol/m^3)"]).all()


async def test_a_window_without_any_sample_is_told_as_empty(bench):
    b = bench()
    await b.windows.start()
    await b.play(1210, sonic=False, gas=False)
    assert [header.start_ms for header in b.empty] == [UTC_MS, UTC_MS + WINDOW_MS]
    assert b.closed == []


async def test_an_invalid_sample_is_empty_with_its_status(bench):
    b = bench()
    await b.windows.start()
    await b.play(10)
    at_ms = b.clock.t * 1e3 + 2
    b.highrate.take(b.sonic, sonic_reading(9.0, status="07"), at_ms)
    b.highrate.take(b.gas, gas_reading(17.0, index=15 * b.n), at_ms + 10)
    b.n += 1
    b.clock.t += 0.05
    await b.play(100)
    await b.windows.stop()
    columns = read_window(b.live()).columns
    assert np.isnan(columns["U (m/s)"][200])
    assert columns["Sonic Diagnostic"][200] == 7
    assert np.isfinite(columns["CO2 (mmol/m^3)"][200])
    assert np.isfinite(columns["U (m/s)"][201])


# --- the clock


async def test_a_small_step_realigns_at_the_next_window(bench):
    b = bench()
    await b.windows.start()
    await b.play(300)
    b.clock.offset_ms += 5_000.0
    await b.play(920)
    await b.settle()
    first, second = (read_window(path) for path in b.closed)
    assert first.meta["rows"] == SLOTS
    assert second.start_ms == UTC_MS + WINDOW_MS
    u = second.columns["U (m/s)"]
    assert np.isnan(u[: 5 * 20 - 1]).all()  # by the corrected clock the window began five seconds before its first row
    assert np.isfinite(u[5 * 20 + 4 :]).all()  # the few that had their places on the old grid are given up


async def test_a_small_step_back_drops_only_what_was_written_already(bench):
    b = bench()
    await b.windows.start()
    await b.play(300)
    b.clock.offset_ms -= 5_000.0
    await b.play(930)
    await b.settle()
    second = read_window(b.closed[1])
    assert second.meta["rows"] >= SLOTS - 4
    assert second.columns["U (m/s)"][4] == pytest.approx((SLOTS + 104) / 1000, abs=2e-3)


async def test_a_large_step_ends_the_window_and_loses_no_row(bench):
    b = bench()
    await b.windows.start()
    await b.play(300)
    b.clock.offset_ms += 3_600_000.0
    await b.play(300)
    await b.windows.stop()
    await b.settle()
    (path,) = b.closed
    assert read_window(path).meta["rows"] >= 299 * 20
    later = recover(b.live())
    assert later.header.start_ms == UTC_MS + 3_600_000
    assert sum(map(len, later.blocks)) + read_window(path).meta["rows"] == 600 * 20


async def test_a_step_back_into_a_written_window_makes_a_second_part(bench):
    b = bench()
    await b.windows.start()
    await b.play(300)
    b.clock.offset_ms -= 120_000.0
    await b.play(100)
    await b.windows.stop()
    await b.settle()
    assert [path.name for path in b.closed] == ["zhoushan-buoy_20261122T1100.ghg"]
    assert b.live().name == "zhoushan-buoy_20261122T1100-b.live"


async def test_without_a_clock_windows_run_on_the_time_since_boot(bench):
    b = bench(clock=HandClock(quality="unset"))
    await b.windows.start()
    await b.play(100)
    b.clock.state = "synchronised"
    await b.play(100)
    await b.windows.stop()
    await b.settle()
    (unset,) = b.closed
    window = read_window(unset)
    assert unset.name.startswith("zhoushan-buoy_boot47d60bf7_")
    assert (window.start_ms, window.meta["clock"]) == (4_800_000, "unset")
    assert recover(b.live()).header.start_ms == UTC_MS


# --- the disk


async def test_a_full_disk_stops_the_raw_archive_says_so_and_ends_with_the_trouble(bench):
    b = bench()
    await b.windows.start()
    await b.play(130)
    b.disk = lambda path: Disk(1_000_000_000, 1_000)
    await b.play(130)
    assert b.windows.summary()["stopped"]
    b.disk = shutil.disk_usage
    await b.play(70)
    await b.settle()
    assert len(b.outbox.events("raw_stopped")) == 1
    (resumed,) = b.outbox.events("raw_resumed")
    assert resumed.detail["lost_rows"] == 0
    assert b.windows.summary()["stopped"] == ""
    rows = [line for block in recover(b.live()).blocks for line in block]
    assert len(rows) >= (330 - 70) * 20


async def test_a_disk_full_for_long_costs_rows_and_their_number_is_told(bench, monkeypatch):
    monkeypatch.setattr("edge.agent.windows.MOST_WAITING_ROWS", 1000)
    b = bench()
    await b.windows.start()
    b.disk = lambda path: Disk(1_000_000_000, 1_000)
    await b.play(200)
    b.disk = shutil.disk_usage
    await b.play(70)
    await b.settle()
    (resumed,) = b.outbox.events("raw_resumed")
    rows = sum(map(len, recover(b.live()).blocks))
    durable = rows + resumed.detail["lost_rows"]
    assert resumed.detail["lost_rows"] > 1000
    assert (270 - 70) * 20 <= durable <= 270 * 20


async def test_an_error_while_writing_is_a_full_disk_too(bench, monkeypatch):
    b = bench()
    await b.windows.start()
    await b.play(130)

    def broken(self, data):
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("edge.archive.live.LiveFile._write", broken)
        await b.play(65)
    assert "Input/output" in b.windows.summary()["stopped"]
    await b.play(65)
    assert b.windows.summary()["stopped"] == ""
    assert math.isfinite(b.clock.t)


async def test_samples_held_back_across_the_end_of_a_window_do_not_hold_the_agent(bench):
    """Late samples may come after lost ones and wait for a judgement; meanwhile the window's end passes, and then it closes."""
    b = bench(speed=60.0)
    await b.windows.start()
    await b.play(595, batches=5)
    await b.play(12, late_ms=130.0, batches=5)  # each step must end although the last samples of the window are held back
    assert not b.closed
    await b.play(40, batches=5)
    await b.settle()
    assert len(b.closed) == 1
    u = read_window(b.closed[0]).columns["U (m/s)"]
    np.testing.assert_allclose(u, np.arange(SLOTS) / 1000, rtol=1e-6, atol=1e-9)
