"""The smaller parts: time and its quality, schedules, watches, events, the science child, inputs, products, the data folder."""

from __future__ import annotations

import asyncio
import json
import sys
import time as real_time

import pytest

from collector.store.queries import Reader
from collector.store.store import Batch, Store
from edge.agent.acquisition import Turns
from edge.agent.book import SeriesBook
from edge.agent.folder import DataFolder
from edge.agent.health import ClockCheck, DiskSpeed, gnss_time_ms
from edge.agent.inputs import Inputs
from edge.agent.products import TIDE_HALF_MS, Asker, GasProducts, TideProduct, run_gas, run_tide
from edge.agent.recorder import EventLimit, _texts
from edge.agent.schedule import periods
from edge.agent.tasks import keep
from edge.agent.timebase import StationTime
from edge.agent.watch import Watch
from edge.compute.client import ScienceClient
from edge.compute.messages import Answer, Request
from edge.errors import AgentError, ScienceError
from edge.instruments import Reading
from firmware_config.check import load_station
from firmware_config.records import Draft
from tests.conftest import ROOT
from tests.edge.agent.station import BOOT_S, UTC_MS, HandClock, example, parts, source_of, sources_of

# --- time


def test_the_offset_follows_a_slew_and_tells_of_a_step():
    changes = []
    clock = HandClock()
    time = StationTime(clock, changes.append)
    for _ in range(50):
        clock.t += 1.0
        clock.offset_ms += 0.4
        time.look()
    assert changes == []
    assert time.utc_ms(time.now_ms()) == pytest.approx(clock.now_ms(), abs=1.0)
    clock.offset_ms -= 3_600_000.0
    time.look()
    (change,) = changes
    assert change.step_ms == pytest.approx(-3_600_000.0)


def test_an_unset_clock_has_no_utc_and_says_when_it_gets_one():
    changes = []
    clock = HandClock(quality="unset")
    time = StationTime(clock, changes.append)
    assert time.utc_ms(BOOT_S * 1e3) == BOOT_S * 1e3
    clock.t, clock.state = BOOT_S + 10.0, "synchronised"
    time.look()
    assert changes[0].was_set
    assert time.utc_ms(time.now_ms()) == UTC_MS + 10_000


def test_a_record_has_the_worst_quality_of_its_span():
    clock = HandClock()
    time = StationTime(clock)
    for at, state in ((100.0, "holdover"), (200.0, "synchronised"), (300.0, "unset"), (310.0, "synchronised")):
        clock.t, clock.state = BOOT_S + at, state
        time.look()

    def over(first, last):
        return time.quality_over((BOOT_S + first) * 1e3, (BOOT_S + last) * 1e3)

    assert over(0, 50) == "synchronised"
    assert over(50, 150) == over(120, 130) == "holdover"
    assert over(210, 290) == "synchronised"
    assert over(250, 305) == over(0, 400) == "unset"


async def test_periods_come_once_each_and_survive_steps():
    clock, time, _, _ = parts()
    got = []
    async for end_ms in periods(time, 60_000, lambda: 5_000.0):
        got.append((end_ms, clock.now_ms()))
        if len(got) == 3:
            clock.t += 150.0  # the reader was slow: nothing is left out
        if len(got) == 6:
            clock.offset_ms += 7_200_000.0
            time.look()
        if len(got) == 9:
            clock.offset_ms -= 7_200_000.0
            time.look()
        if len(got) == 12:
            break
    ends = [end for end, _ in got]
    assert ends[:6] == [UTC_MS + 60_000 * k for k in range(1, 7)]
    assert all(end % 60_000 == 0 and now >= end + 5_000 for end, now in got)
    assert ends[6] >= UTC_MS + 7_200_000
    assert ends[9] < UTC_MS + 7_200_000
    assert ends[9:] == [ends[9] + 60_000 * k for k in range(3)]


async def test_turns_lie_on_multiples_and_those_that_come_too_late_are_counted():
    clock, time, _, _ = parts()
    turns = Turns(10_000, time)
    at = []
    for work_s in (1.0, 1.0, 35.0, 1.0, 9.999):
        await turns.next()
        at.append(clock.now_ms() - UTC_MS)
        clock.t += work_s
    await turns.next()
    at.append(clock.now_ms() - UTC_MS)
    assert at == [0, 10_000, 20_000, 60_000, 70_000, 80_000]
    assert turns.late == 3


# --- instruments


def watched(instrument_id):
    """A watch whose real time runs with the world's, and what it tells."""
    told, real = [], [0.0]
    driver = source_of(example(), instrument_id).driver
    item = example().station.instrument(instrument_id)
    watch = Watch(item, driver.stats, 0.0, lambda kind, detail: told.append((kind, detail)), real_s=lambda: real[0])
    return watch, told, real


def test_an_instrument_is_lost_once_and_back_once():
    watch, told, real = watched("oxygen")
    for second in range(100):
        real[0] = second
        if second < 10 or second >= 80:
            watch.heard(second * 1e3, usable=True, reason="")
        watch.look(second * 1e3)
    assert [kind for kind, _ in told] == ["instrument_lost", "instrument_back"]
    assert told[1][1]["outage_s"] == pytest.approx(71.0)
    assert watch.summary(100e3)["state"] == "ok"


def test_what_was_wrong_long_ago_is_no_reason_for_a_later_silence():
    """The link was down before the first answer; that is over, and the silence after it has another reason."""
    watch, told, real = watched("oxygen")
    watch.no_answer("link down")
    watch.heard(1e3, usable=True, reason="")
    real[0] = 200.0
    watch.look(200e3)
    assert [detail["reason"] for _, detail in told] == ["nothing arrives"]


def test_an_instrument_that_talks_nonsense_is_invalid_not_silent():
    watch, told, real = watched("sonic")
    for tenth in range(300):
        real[0] = tenth / 10
        watch.heard(tenth * 100.0, usable=False, reason="status 07")
        watch.look(tenth * 100.0)
    assert [detail["state"] for _, detail in told] == ["invalid"]
    assert told[0][1]["reason"] == "status 07"


def test_a_fast_world_does_not_cry_wolf():
    watch, told, real = watched("sonic")
    watch.heard(0.0, usable=True, reason="")
    for step in range(100):
        real[0] = step / 100
        watch.look(step * 600.0)
    assert told == []


def test_gnss_tells_the_error_of_the_clock():
    def rmc(date, clock, *, valid=True):
        return Reading(0.0, {"type": "RMC", "date": date, "time": clock}, valid)

    assert gnss_time_ms(rmc("221126", "11:00:01.50")) == UTC_MS + 1_500
    assert gnss_time_ms(rmc("991399", "11:00:00")) is None
    assert gnss_time_ms(rmc("221126", "11:00:01.50", valid=False)) is None
    check = ClockCheck()
    for late_ms in (180.0, 95.0, 400.0):
        check.take(rmc("221126", "11:00:00"), UTC_MS + 3_600_000 + late_ms)
    assert check.offset_s() == pytest.approx(3600.095)
    assert check.offset_s() is None


def test_a_disk_that_grows_slow_and_quick_again_is_told_once_each():
    speed = DiskSpeed()
    assert [speed.look(seconds) for seconds in (0.01, 1.9, 2.4, 30.0, 1.0, 0.0, 0.4, 0.02, 5.0)] == [
        *(None, None, "disk_slow", None, None),  # neither slow nor quick between the two limits, nor without a commit
        *(None, "disk_quick", None, "disk_slow"),
    ]


# --- events and records


def test_every_event_can_be_worded_in_both_languages():
    _, _, _, recorder = parts()
    for kind, text in _texts().items():
        recorder.event(kind)
        words = recorder._drafts[-1].detail
        assert words["text_en"]
        assert words["text_zh"]
        assert text["severity"] in {"info", "warning", "alarm"}


def test_a_flapping_link_is_told_a_few_times_then_as_one_with_a_count():
    limit = EventLimit()
    said = [limit.allows("link_lost" if i % 2 == 0 else "link_back", None, {"link": "x", "n": i}, i * 1e3) for i in range(100)]
    assert sum(said) == EventLimit.MOST
    assert limit.allows("link_lost", None, {"link": "other"}, 50e3)
    assert limit.due(100e3) == []
    ((kind, _, detail),) = limit.due(601e3)
    assert kind == "link_back"
    assert detail["n"] == 99  # what is true in the end
    assert detail["repeats"] == 100 - EventLimit.MOST


@pytest.mark.parametrize("every_ms", [200.0, 1_000.0, 7_000.0, 60_000.0, 599_000.0])
@pytest.mark.parametrize("late_ms", [0.0, 40.0, 700_000.0])
def test_a_link_that_flaps_for_hours_is_told_of_for_hours(every_ms: float, late_ms: float):
    """Whatever the pace, and however late somebody asks what is due: a few each while, none lost from the count."""
    limit, now_ms, told, held = EventLimit(), 0.0, 0, 0
    asked_ms = 0.0
    flaps = min(20_000, int(6 * EventLimit.WHILE_MS / every_ms) + 1)
    for i in range(flaps):
        now_ms = i * every_ms
        told += limit.allows("link_lost" if i % 2 == 0 else "link_back", None, {"link": "x"}, now_ms)
        if now_ms >= asked_ms + max(500.0, late_ms):
            asked_ms = now_ms
            for _, _, detail in limit.due(now_ms):
                told, held = told + 1, held + detail["repeats"] - 1
    for _, _, detail in limit.due(now_ms + 2 * EventLimit.WHILE_MS):
        told, held = told + 1, held + detail["repeats"] - 1
    assert told + held == flaps
    assert told <= (EventLimit.MOST + 1) * (now_ms / EventLimit.WHILE_MS + 2)


async def test_drafts_are_committed_in_order_and_marked():
    _, _, outbox, recorder = parts()
    task = asyncio.create_task(recorder.run())
    for minute in range(700):
        recorder.put(Draft(stream="minute", t=UTC_MS + minute * 60_000, dt=60_000, clock="synchronised", values={}))
    sealed = await recorder.commit([Draft(stream="eddy", t=UTC_MS, dt=1, clock="synchronised", values={})])
    assert len(sealed) == 1
    assert [record.t for record in outbox.of("minute")] == [UTC_MS + minute * 60_000 for minute in range(700)]
    assert outbox.records[-1].stream == "eddy"
    assert all(record.simulated for record in outbox.records)
    task.cancel()


async def test_after_a_clock_that_went_to_2036_and_came_back_the_newer_minute_stands(tmp_path, monkeypatch):
    """At the centre, and whatever the wall clock said in between: a record made in 2036 holds only its own time."""
    wall_s = iter(range(2_092_608_000, 0, -30_000_000))
    monkeypatch.setattr("time.time", lambda: float(next(wall_s)))
    minute, year_2036 = 60_000, 2_092_608_000_000
    times = (UTC_MS, UTC_MS + minute, year_2036, UTC_MS + minute, UTC_MS + minute, UTC_MS + 2 * minute)
    _, _, _, recorder = parts()
    drafts = [
        Draft(stream="minute", t=t, dt=minute, clock="synchronised", values={"wind_speed@mast": float(made)}, flags={"wind_speed@mast": 1})
        for made, t in enumerate(times)
    ]
    sealed = await recorder.commit(drafts)
    for order in (sealed, sealed[::-1]):
        store = Store(tmp_path / f"{order[0].record.seq}.db", check=False)
        for one in order:
            store.commit(Batch([one]), UTC_MS)
        standing = Reader(store.path).records("test", "minute", 0, year_2036 + 1)
        assert {one.record.t: one.record.values["wind_speed@mast"] for one in standing} == dict(zip(times, range(6), strict=True))


async def test_a_part_that_fails_is_reported_and_started_again(monkeypatch):
    monkeypatch.setattr("edge.agent.tasks.PAUSES_S", (0.0,))
    runs, told = [], []

    async def work():
        runs.append(1)
        if len(runs) < 4:
            raise RuntimeError(f"trouble {len(runs)}")

    await keep("x", work, lambda name, problem: told.append((name, problem)))
    assert told == [("x", f"RuntimeError: trouble {n}") for n in (1, 2, 3)]


# --- the science child

CHILD = """
import json, os, sys, time
for line in sys.stdin:
    request = json.loads(line)
    kind = request["kind"]
    if kind == "crash": os._exit(3)
    if kind == "hang": time.sleep(60)
    if kind == "babble": print("nonsense", flush=True); continue
    if kind == "foreign": print(json.dumps({"id": 0, "ok": True}), flush=True)
    if kind == "refuse": print(json.dumps({"id": request["id"], "ok": False, "error": "cannot"}), flush=True); continue
    print(json.dumps({"id": request["id"], "ok": True, "values": {"n": request["id"]}, "detail": {"pid": os.getpid()}}), flush=True)
"""


@pytest.fixture
async def science():
    client = ScienceClient((sys.executable, "-c", CHILD), timeout_s=1.0, first_pause_s=0.01, room=5)
    yield client
    await client.close()


async def test_a_child_is_started_once_and_kept(science):
    assert science.pid is None
    first, second = await science.ask(Request(id=0, kind="x")), await science.ask(Request(id=0, kind="x"))
    assert first.detail["pid"] == second.detail["pid"] == science.pid


@pytest.mark.parametrize("kind", ["crash", "babble", "hang"])
async def test_a_child_that_fails_costs_one_result(science, kind):
    bad = asyncio.create_task(science.ask(Request(id=0, kind=kind)))
    await asyncio.sleep(0)
    good = await science.ask(Request(id=0, kind="x"))
    with pytest.raises(ScienceError, match=kind):
        await bad
    assert good.ok
    assert (science.failed, science.failures_in_a_row) == (1, 0)


async def test_a_killed_child_is_replaced(science):
    import os
    import signal

    first = await science.ask(Request(id=0, kind="x"))
    os.kill(first.detail["pid"], signal.SIGKILL)
    await science._child.wait()
    second = await science.ask(Request(id=0, kind="x"))
    assert second.detail["pid"] != first.detail["pid"]


async def test_an_error_of_science_is_an_error_here_and_the_child_lives(science):
    with pytest.raises(ScienceError, match="cannot"):
        await science.ask(Request(id=0, kind="refuse"))
    pid = science.pid
    assert (await science.ask(Request(id=0, kind="foreign"))).detail["pid"] == pid


async def test_what_is_urgent_goes_first_and_what_is_too_much_is_refused(science):
    order = []

    async def ask(name, priority):
        await science.ask(Request(id=0, kind="x"), priority=priority)
        order.append(name)

    tasks = [asyncio.create_task(ask(name, priority)) for name, priority in (("a", 5), ("b", 5), ("c", 0))]
    await asyncio.gather(*tasks)
    assert order.index("c") < order.index("b")
    tasks = [asyncio.create_task(science.ask(Request(id=0, kind="x"))) for _ in range(8)]
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(isinstance(one, ScienceError) for one in done) == 3


async def test_no_child_at_all_is_an_error_and_no_more():
    client = ScienceClient(("/nowhere/python",), first_pause_s=0.01)
    with pytest.raises(ScienceError):
        await client.ask(Request(id=0, kind="x"))
    await client.close()


async def test_the_real_child_answers():
    client = ScienceClient()
    answer = await client.ask(Request(id=0, kind="ping"))
    assert answer.ok
    with pytest.raises(ScienceError, match="nonsense"):
        await client.ask(Request(id=0, kind="nonsense"))
    await client.close()
    assert client.pid is None


# --- inputs and products


def book_with(loaded, **values):
    """A book whose series have these newest values, at boot."""
    sources = sources_of(loaded)
    book = SeriesBook(loaded.station, sources.values(), {})
    for source in sources.values():
        quantities = {q: v for q, v in values.items() if q in source.driver.quantities}
        if quantities:
            book.take(source, Reading(0.0, {"x": 1}, True, quantities=quantities), BOOT_S * 1e3, UTC_MS)
    return book, sources


def test_inputs_fall_back_in_order_and_say_what_was_used():
    loaded = example()
    book, _ = book_with(loaded, air_pressure=1019.0)
    inputs = Inputs(loaded.station, book)
    now_ms = BOOT_S * 1e3
    fresh = inputs.now("air_pressure", now_ms + 60_000)
    stale = inputs.now("air_pressure", now_ms + 1_800_001)
    assert (fresh.value, fresh.source) == (1019.0, "air_pressure@deck")
    assert stale.source == "constant"
    assert stale.uncertainty > fresh.uncertainty
    assert inputs.now("water_temperature", now_ms).value is None
    assert inputs.now("dissolved_oxygen@surface", now_ms).value is None
    assert inputs.all_over(UTC_MS, UTC_MS + 60_000, now_ms).keys() == {"air_pressure", "co2_air", "salinity"}


def test_a_failed_value_is_passed_over():
    loaded = example()
    book, _ = book_with(loaded, air_pressure=200.0)
    assert Inputs(loaded.station, book).now("air_pressure", BOOT_S * 1e3).source == "constant"


class Science:
    """Answers like the child: what it was asked is kept."""

    def __init__(self, *, fails=False):
        self.asked = []
        self.fails = fails

    async def ask(self, request, *, priority=0):
        self.asked.append(request)
        if self.fails:
            raise ScienceError("tide: no")
        return Answer(id=1, ok=True, values={"water_level": 1.5, "water_level:sd": 0.1}, flags={"water_level": 1, "water_level:sd": 1})


def tide_bench(*, fails=False):
    clock, time, _, recorder = parts()
    loaded = example("hangzhou-mudflat")
    book, sources = book_with(loaded)
    product = next(p for p in loaded.station.products if p.kind == "tide")
    inputs = Inputs(loaded.station, book)
    tide = TideProduct(loaded.station, product, sources[product.instrument], inputs, time)
    science = Science(fails=fails)
    return clock, time, recorder, book, tide, science, Asker(science, recorder, book, time)


def level_reading(value, **more):
    return Reading(0.0, {"p1_bar": value}, True, quantities={"water_pressure": value}, **more)


async def test_a_tide_value_rests_on_181_seconds_around_the_tenth_of_an_hour():
    clock, time, recorder, book, tide, science, asker = tide_bench()
    task = asyncio.create_task(run_tide(tide, asker, recorder, time, lambda: 1_000.0))
    original = clock.sleep

    async def sleep(world_seconds):
        """While the product waits, the instrument speaks once a second."""
        until = clock.t + world_seconds
        while clock.t < until - 1e-6:
            await original(min(1.0, until - clock.t))
            at_ms = round(clock.t) * 1e3
            if at_ms > (tide._samples[-1][0] if tide._samples else 0):
                tide.take(level_reading((at_ms - BOOT_S * 1e3) / 1e3, suspect=at_ms == (BOOT_S + 360) * 1e3), at_ms)

    clock.sleep = sleep
    while not recorder._drafts:
        await asyncio.sleep(0)
    task.cancel()
    (request,) = science.asked
    centre = UTC_MS + 360_000
    assert request.samples["centre_ms"] == centre
    assert request.samples["t_ms"] == [centre + 1000 * k for k in range(-90, 91)]
    values = request.samples["values"]
    assert values[90] is None  # first after a timeout
    assert values[0] == 270.0
    assert request.samples["interval_ms"] == 1000
    draft = recorder._drafts[0]
    assert (draft.stream, draft.t, draft.dt) == ("tide", centre - TIDE_HALF_MS, 181_000)
    assert draft.values["water_level@bottom"] == 1.5
    assert draft.values["water_level:sd@bottom"] == 0.1
    assert book.newest("water_level@bottom").usable == 1.5


def test_a_tide_value_may_come_from_a_radar():
    _, time, _, _ = parts()
    loaded = load_station(ROOT / "simulators/stations/bench/station.yaml")
    book, sources = book_with(loaded)
    product = next(p for p in loaded.station.products if p.kind == "tide")
    tide = TideProduct(loaded.station, product, sources["radar"], Inputs(loaded.station, book), time)
    at_ms = BOOT_S * 1e3
    for lost in (False, True):  # an echo that is lost holds its last distance: nothing to make a level from
        reading = Reading(0.0, {"pv": 9.5}, not lost, quantities={"distance_to_water": None if lost else 9.5})
        tide.take(reading, at_ms + 1000.0 * lost)
    request = tide.request(round(time.utc_ms(at_ms)))
    assert request.samples["quantity"] == "distance_to_water"
    assert request.samples["values"] == [9.5, None]
    assert request.heights["instrument"] == 8.0
    assert request.inputs == {}


async def test_science_that_fails_costs_this_level_and_is_told():
    _, time, recorder, _, tide, _, asker = tide_bench(fails=True)
    task = asyncio.create_task(run_tide(tide, asker, recorder, time, lambda: 0.0))
    while len(recorder._drafts) < 2:
        await asyncio.sleep(0)
    task.cancel()
    assert {draft.values["kind"] for draft in recorder._drafts} == {"science_failed"}
    assert recorder._drafts[0].detail["product"] == "tide"


async def test_all_gas_products_of_a_station_share_one_record():
    clock, time, _, recorder = parts()
    loaded = example()
    book, sources = book_with(loaded, pco2_water=410.0, dissolved_oxygen=8.0)
    for i in range(1, 6):
        oxygen = Reading(0.0, {"x": 1}, True, quantities={"dissolved_oxygen": 8.0})
        book.take(sources["oxygen"], oxygen, BOOT_S * 1e3 + i * 1e4, UTC_MS + i * 1e4)
    book.close(UTC_MS // 60_000)
    products = [p for p in loaded.station.products if p.kind in ("air_sea", "oxygen")]
    gas = GasProducts(loaded.station, products, Inputs(loaded.station, book), time)
    science = Science()
    task = asyncio.create_task(run_gas(gas, Asker(science, recorder, book, time), recorder, time, lambda: 20_000.0))
    while not recorder._drafts:
        await asyncio.sleep(0)
    task.cancel()
    assert {request.kind for request in science.asked} == {"air_sea", "oxygen"}
    asked = next(request for request in science.asked if request.kind == "oxygen")
    assert asked.inputs["dissolved_oxygen"].value == 8.0
    draft = recorder._drafts[0]
    assert (draft.stream, draft.t, draft.dt) == ("gas", UTC_MS, 1_800_000)
    assert clock.now_ms() >= UTC_MS + 1_820_000


# --- the data folder


def test_two_agents_never_share_a_folder(tmp_path):
    first = DataFolder(tmp_path / "data")
    with pytest.raises(AgentError, match="another agent"):
        DataFolder(tmp_path / "data")
    first.close()
    DataFolder(tmp_path / "data").close()


def test_how_the_last_run_ended(tmp_path):
    folder = DataFolder(tmp_path)
    assert folder.last_stop == "none"
    folder.note(clean=False)
    folder.close()
    folder = DataFolder(tmp_path)
    assert folder.last_stop == "unclean"
    folder.note(clean=True)
    folder.close()
    assert DataFolder(tmp_path).last_stop == "clean"


@pytest.mark.parametrize("content", ["", "{", "[]", '"x"', "\x00\x01"])
def test_a_damaged_note_is_no_reason_not_to_start(tmp_path, content):
    (tmp_path / "run.json").write_text(content)
    folder = DataFolder(tmp_path)
    assert folder.last_stop == "none"
    folder.note(clean=True, started_ms=round(real_time.time()))
    assert json.loads((tmp_path / "run.json").read_text())["clean"] is True
    folder.close()
