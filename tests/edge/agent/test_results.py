"""Finished windows become records once, whatever is killed or fails between the file and the commit."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from edge.agent.book import SeriesBook
from edge.agent.results import EddyResults
from edge.archive.names import window_name
from edge.archive.pack import pack
from edge.archive.store import RawStore
from edge.compute.messages import Answer
from edge.errors import ScienceError
from firmware_config.flags import Flag
from tests.edge.agent.station import UTC_MS, example, parts
from tests.edge.archive.files import header, write


class Science:
    """``fails``: how often it cannot."""

    def __init__(self, fails=0):
        self.asked, self.fails = [], fails

    async def ask(self, request, *, priority=0):
        self.asked.append(request)
        if len(self.asked) <= self.fails:
            raise ScienceError("eddy: the science process ended")
        values = {"co2_flux": -1.5, "co2_flux:uncertainty": 0.2}
        spectra, facts = {"frequency_hz": [0.1, 0.2], "spectrum_co2": [0.3, None]}, {"lag": {"co2": 0.1}}
        fields = {"flags": dict.fromkeys(values, 1), "classes": {"co2_flux": 2}, "inputs": {"p": "x"}}
        return Answer(id=1, ok=True, values=values, spectra=spectra, facts=facts, **fields)


class Bench:
    def __init__(self, folder, *, science=None, quota=10**12):
        _, self.time, self.outbox, self.recorder = parts()
        loaded = example()
        self.product = next(p for p in loaded.station.products if p.kind == "eddy")
        self.store = RawStore(folder / "raw")
        self.science = science or Science()
        self.book = SeriesBook(loaded.station, [], {})
        self.thread = ThreadPoolExecutor(1)
        self.results = EddyResults(
            loaded.station,
            self.product,
            store=self.store,
            quota_bytes=quota,
            packer=self.thread,
            outbox=self.outbox,
            recorder=self.recorder,
            science=self.science,
            book=self.book,
            time=self.time,
            learning=self,
        )
        self.taught = []

    async def take(self, t, facts):
        self.taught.append((t, facts))

    def packed(self, *, start_ms=UTC_MS, name=None, **more):
        """A file in ``pending``, as the windows hand it over."""
        name = name or window_name("buoy", start_ms, more.get("boot_id", ""))
        live = write(self.store.folder / "live", [range(100, 400)], head=header(name=name, start_ms=start_ms, **more))
        path = pack(live, self.store.pending_path(name)).path
        live.unlink()
        return path

    async def work(self, *paths, until=lambda outbox: True):
        """Hand these over and wait until they are done (and ``until`` holds)."""
        for path in paths:
            self.results.file(path)
        running = [asyncio.create_task(self.recorder.run()), asyncio.create_task(self.results.run())]
        while self.store.left_pending() or self.results.waiting or self.recorder._drafts or not until(self.outbox):
            await asyncio.sleep(0.005)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


@pytest.fixture
def bench(tmp_path):
    made = []

    def make(**options):
        made.append(Bench(tmp_path, **options))
        return made[-1]

    yield make
    for one in made:
        one.thread.shutdown()


async def test_a_window_gives_its_raw_and_its_eddy_record(bench):
    b = bench()
    path = b.packed()
    await b.work(path)
    (raw,) = b.outbox.of("raw")
    (eddy,) = b.outbox.of("eddy")
    assert (raw.t, raw.dt) == (eddy.t, eddy.dt) == (UTC_MS, 60_000)
    assert raw.detail["name"] == path.name
    assert len(raw.detail["sha256"]) == 64
    assert raw.detail["rows"] == 300
    assert eddy.values == {"co2_flux@mast": -1.5, "co2_flux:uncertainty@mast": 0.2}
    assert eddy.flags.keys() == eddy.values.keys()
    assert eddy.classes == {"co2_flux@mast": 2}
    (spectra,) = b.outbox.of("spectra")
    assert (spectra.t, spectra.dt, spectra.values) == (UTC_MS, 60_000, {})
    assert spectra.detail == {"place": "mast", "frequency_hz": [0.1, 0.2], "spectrum_co2": [0.3, None]}
    assert b.taught == [(UTC_MS, {"lag": {"co2": 0.1}})]
    assert b.store.archived_path(path.stem).exists()
    assert b.science.asked[0].inputs["air_pressure"].value == 1013.0
    assert b.book.newest("co2_flux@mast").usable == -1.5


@pytest.mark.parametrize("known", [(), ("raw",), ("spectra",), ("raw", "spectra"), ("raw", "eddy", "spectra")])
async def test_found_again_after_a_kill_only_what_is_missing_is_recorded(bench, known):
    first = bench()
    path = first.packed()
    content = path.read_bytes()
    await first.work(path)
    again = bench()
    again.outbox.records = [record for record in first.outbox.records if record.stream in known]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)  # as if killed before the file was moved
    await again.work(path)
    for stream in ("raw", "eddy", "spectra"):
        assert len(again.outbox.of(stream)) == 1
    assert len(again.science.asked) == ("eddy" not in known)


async def test_the_records_of_a_window_are_committed_together(bench):
    b = bench()
    commits = []
    commit = b.outbox.commit_async

    async def noted(drafts):
        commits.append([draft.stream for draft in drafts])
        return await commit(drafts)

    b.outbox.commit_async = noted
    await b.work(b.packed())
    assert ["raw", "eddy", "spectra"] in commits


async def test_a_window_without_clock_teaches_nothing(bench):
    b = bench()
    await b.work(b.packed(start_ms=1_800_000, boot_id="47d60bf7-b044"), until=lambda outbox: outbox.of("spectra"))
    assert b.taught == []


async def test_a_failure_of_science_costs_that_result_and_is_told(bench):
    b = bench(science=Science(fails=1))
    first, second = b.packed(), b.packed(start_ms=UTC_MS + 60_000)
    await b.work(first, second)
    assert [record.t for record in b.outbox.of("raw")] == [UTC_MS, UTC_MS + 60_000]
    assert [record.t for record in b.outbox.of("eddy")] == [UTC_MS + 60_000]
    (event,) = b.outbox.events("science_failed")
    assert event.detail["t"] == UTC_MS


async def test_a_second_part_of_a_window_is_raw_data_with_its_own_time_and_no_second_product(bench):
    b = bench()
    await b.work(b.packed(), b.packed(name="buoy_20261122T1100-b"))
    assert [record.t for record in b.outbox.of("raw")] == [UTC_MS, UTC_MS + 5_000]  # its first row is slot 100 at 20 Hz
    assert len(b.outbox.of("eddy")) == 1


async def test_a_window_without_samples_is_a_record_of_missing_values(bench):
    b = bench()
    b.results.empty(header())
    await b.work(until=lambda outbox: outbox.of("eddy"))
    (eddy,) = b.outbox.of("eddy")
    assert eddy.values["co2_flux@mast"] is None
    assert set(eddy.flags.values()) == {Flag.MISSING}
    b.results.empty(header())
    await b.work()
    assert len(b.outbox.of("eddy")) == 1


async def test_a_window_without_clock_is_recorded_as_unset(bench):
    b = bench()
    await b.work(b.packed(start_ms=1_800_000, boot_id="47d60bf7-b044"), until=lambda outbox: outbox.of("eddy"))
    assert {record.clock for record in b.outbox.records} == {"unset"}
    assert b.outbox.of("eddy")[0].t == 1_800_000


async def test_a_file_that_cannot_be_read_is_set_aside_and_told(bench):
    b = bench()
    path = b.packed()
    path.write_bytes(b"no zip")
    await b.work(path, until=lambda outbox: outbox.events("raw_damaged"))
    assert len(list((b.store.folder / "damaged").iterdir())) == 1


def freed(outbox):
    return outbox.events("raw_freed")


async def test_over_the_quota_old_files_go_and_it_is_told(bench):
    b = bench(quota=1)
    await b.work(b.packed(), until=freed)
    (event,) = b.outbox.events("raw_freed")
    assert (event.detail["count"], event.detail["acknowledged"], event.values["severity"]) == (1, 1, "info")
    assert list(b.store.archived()) == []


async def test_files_the_centre_does_not_know_are_told_as_a_warning(bench):
    b = bench(quota=1)
    b.outbox.unacknowledged_times = lambda stream: {UTC_MS}
    await b.work(b.packed(), until=freed)
    (event,) = b.outbox.events("raw_freed")
    assert (event.detail["acknowledged"], event.values["severity"]) == (0, "warning")
