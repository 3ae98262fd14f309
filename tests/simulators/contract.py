"""The contract run: every driver reads its simulated instrument through a real port while the bench stages each of its faults.

One run for all: the bench's own station, every Modbus unit on a line of its own so that no fault of one is another's, read by the agent's
acquisition as in the field. The world's clock goes on in steps, when both have done their work (`SteppedClock`): a machine that stumbles
makes the run longer and changes nothing else. In each round every instrument shows one fault for `ON_S` and is well for `OFF_S`; at last every link is
unplugged and plugged in again. What was heard is kept with its world time. What was true is what a second, unspoilt copy of the same
instrument would have said, decoded by a driver of its own.

Then two stations whose files are wrong read the same bench (`WRONG`), and the probe looks at it with all faults gone.

`recording` runs once a process, whoever asks. Not here: what each fault must look like (``contract.yaml``) and the assertions.
"""

from __future__ import annotations

import asyncio
import bisect
import copy
import heapq
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import count
from pathlib import Path
from typing import Any

import yaml

import simulators
from edge.agent.acquisition import Acquisition, Source
from edge.agent.timebase import StationTime
from edge.instruments import ModbusDriver, Reading, StreamDriver, make_driver
from edge.instruments.probe import Finding, Prober
from edge.links import Limits, Reply
from firmware_config.cards import Card, load_card
from firmware_config.quantities import registry
from firmware_config.records import ClockQuality
from firmware_config.station import Instrument, Station
from simulators.faults.catalogue import FAULTS
from simulators.faults.effects import VALUE_FAULTS, Columns, Effects
from simulators.faults.timeline import ActiveFault, Entry
from simulators.instruments import Setting, Simulated, Talker, Unit, make_instrument
from simulators.instruments.feed import AirFeed
from simulators.serve.lines import spoil_values
from simulators.serve.station import Plan, StationBench
from simulators.world import WorldConfig
from tests.bench.faults_judge import AS_GOOD_AS, UNSTATED, UNSTATED_SHARE, difference

BENCH = Path(simulators.__file__).parent / "stations" / "bench"
CONTRACT: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("contract.yaml").read_text(encoding="utf-8"))
SPEED = 20.0
STEP_MS = 250.0
"""of the world's clock; each takes as long as its 20th part at least, because limits of answers are real time"""
ROUND_TRIP = 4
ORIGIN_MS = 1_790_000_000_000 // 1_800_000 * 1_800_000 + 780_000
"""thirteen minutes into a half-hour of September 2026: the HydroC has flushed after its zero, most of the run lies in one half-hour"""
BEGIN_MS = ORIGIN_MS + 30_000.0
"""all have spoken by then"""
QUIET_S = 20.0
ON_S, OFF_S = 8.0, 16.0
"""a Modbus unit fails three times in eight of its turns at most, is asked again within five, and may have to be started and warm up"""
UNPLUGGED_ON_S, UNPLUGGED_OFF_S = 20.0, 40.0
"""a link that went is opened again after 0.2, 0.5, 1 s of real time"""
WRONG_S = {"setting": 80.0, "serial number": 30.0, "card": 15.0}
"""stations with a wrong file: a wrong setting (a rate is measured twice over two real seconds), the serial number of another unit, and the
card of another model"""
OTHER_UNIT = "4711"
LOOK_MS = 1000.0
TAIL_S = 3.0
"""what was under way when a fault ended is told within so long (world)"""
RECENT_S = 4.0
"""a reading is held against what the instrument said in so long before it (world)"""


class SteppedClock:
    """The world's clock of the contract run: it stands until `step`, for everyone alike."""

    speed = SPEED

    def __init__(self, origin_ms: float) -> None:
        self._now_ms = origin_ms
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._number = count()

    def step(self) -> None:
        """On by `STEP_MS`; whoever slept until then wakes."""
        self._now_ms += STEP_MS
        while self._waiting and self._waiting[0][0] <= self._now_ms:
            sleeper = heapq.heappop(self._waiting)[2]
            if not sleeper.done():
                sleeper.set_result(None)

    def now_ms(self) -> int:
        return int(self._now_ms)

    def monotonic(self) -> float:
        return self._now_ms / 1e3

    def ms_at(self, real_monotonic: float) -> float:
        return self._now_ms

    def monotonic_at(self, real_monotonic: float) -> float:
        return self._now_ms / 1e3

    def quality(self) -> ClockQuality:
        return "synchronised"

    async def sleep(self, world_seconds: float) -> None:
        sleeper: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (self._now_ms + 1e3 * world_seconds, next(self._number), sleeper))
        await sleeper


@dataclass(frozen=True)
class Case:
    """One fault of one instrument and when it was on (world time, ms)."""

    instrument: str
    model: str
    fault: str
    """with the exception code where there are several: ``exception 4``"""
    entry: dict[str, Any]
    begin_ms: float
    end_ms: float

    @property
    def name(self) -> str:
        """The fault's name in the catalogue."""
        return str(self.entry["fault"])


@dataclass(frozen=True)
class Heard:
    """One reading as the acquisition delivered it, at this world time."""

    at_ms: float
    reading: Reading


@dataclass(frozen=True)
class Counts:
    """The driver's counts at one time."""

    good: int
    bad: Counter[str]
    timeouts: int
    ignored: int
    discarded: int

    def since(self, before: Counts) -> Counts:
        return Counts(
            self.good - before.good,
            self.bad - before.bad,
            self.timeouts - before.timeouts,
            self.ignored - before.ignored,
            self.discarded - before.discarded,
        )


Said = list[tuple[float, dict[str, float | None]]]
"""Time (ms) and quantities of records, in order of time."""


@dataclass
class Recording:
    """What the contract run brought. ``said``: instrument → what an unspoilt one says, in order of time (ms), one entry a record."""

    station: Station
    heard: dict[str, list[Heard]] = field(default_factory=dict)
    said: dict[str, Said] = field(default_factory=dict)
    cases: list[Case] = field(default_factory=list)
    counts: dict[str, list[tuple[float, Counts]]] = field(default_factory=dict)
    events: list[tuple[float, str, dict[str, Any]]] = field(default_factory=list)
    measured: dict[str, list[tuple[float, dict[str, float]]]] = field(default_factory=dict)
    """instrument → what it measured in the quiet time, before any encoding, by its own names and in its own units"""
    ill: dict[tuple[str, str], Said] = field(default_factory=dict)
    """(instrument, fault) → what one says that suffers the fault, where it is a fault of values; instruments that print"""
    wrong: dict[str, Recording] = field(default_factory=dict)
    """what is wrong with the file (`WRONG_S`) → what the station with that file heard"""
    found: dict[str, Finding] = field(default_factory=dict)
    """instrument → what the probe found of it, with all faults gone"""
    quiet_ms: tuple[float, float] = (0.0, 0.0)
    fault_names: dict[str, set[str]] = field(default_factory=dict)

    def instrument_of(self, model: str) -> str:
        return next(one.id for one in self.station.instruments if one.model == model)

    def between(self, instrument: str, begin_ms: float, end_ms: float) -> list[Heard]:
        heard = self.heard[instrument]
        first = bisect.bisect_left(heard, begin_ms, key=lambda one: one.at_ms)
        return heard[first : bisect.bisect_left(heard, end_ms, key=lambda one: one.at_ms)]

    def due(self, instrument: str, begin_ms: float, end_ms: float) -> int:
        """How many records a well instrument makes in this time, by itself or asked."""
        said = self.said[instrument]
        first = bisect.bisect_left(said, begin_ms, key=lambda one: one[0])
        samples = bisect.bisect_left(said, end_ms, key=lambda one: one[0]) - first
        return (
            samples
            if self.station.instrument(instrument).options.get("mode") != "polled"
            else round((end_ms - begin_ms) / period_ms(self.station.instrument(instrument)))
        )

    def counted(self, instrument: str, begin_ms: float, end_ms: float) -> Counts:
        """What the driver counted in this time (to the nearest look at its counts)."""
        looks = self.counts[instrument]
        before, after = (min(looks, key=lambda look: abs(look[0] - at))[1] for at in (begin_ms, end_ms))
        return after.since(before)

    def lies(self, case: Case, honest: Collection[str] = ()) -> list[str]:
        """Values handed on as good while the fault was on that the instrument, had it been well, would not have said. ``honest``: quantities
        that the fault really changes, or that count from record to record."""
        card = load_card(case.model)
        found = []
        for one in self.between(case.instrument, case.begin_ms, case.end_ms + TAIL_S * 1e3):
            good = {name: value for name, value in good_values(card, one.reading).items() if name not in honest}
            if good and not self.is_true(case.instrument, card, one.at_ms, good):
                found.append(f"{(one.at_ms - case.begin_ms) / 1e3:.1f} s: {good}")
        return found

    def invented(self, case: Case) -> list[str]:
        """Values handed on as good that neither a well instrument would have said nor this one, ill as it was."""
        card = load_card(case.model)
        found = []
        for one in self.between(case.instrument, case.begin_ms, case.end_ms + TAIL_S * 1e3):
            good = good_values(card, one.reading)
            ill = self.ill[case.instrument, case.fault]
            if (
                good
                and not self.is_true(case.instrument, card, one.at_ms, good)
                and not self.is_true(case.instrument, card, one.at_ms, good, ill)
            ):
                found.append(f"{(one.at_ms - case.begin_ms) / 1e3:.1f} s: {good}")
        return found

    def is_true(self, instrument: str, card: Card, at_ms: float, good: Mapping[str, float], said: Said | None = None) -> bool:
        """Whether one record of the unspoilt instrument (or of ``said``), not long ago, said all of this within the instrument's accuracy."""
        said = self.said[instrument] if said is None else said
        oldest_ms = at_ms - RECENT_S * 1e3 - 2 * period_ms(self.station.instrument(instrument))
        for at in range(bisect.bisect_right(said, at_ms + 200.0, key=lambda one: one[0]) - 1, -1, -1):
            t_ms, quantities = said[at]
            if t_ms < oldest_ms:
                return False
            if all(name in quantities and within(card, name, value, quantities[name]) for name, value in good.items()):
                return True
        return False


def good_values(card: Card, reading: Reading) -> dict[str, float]:
    """What of a reading passes as good: usable, and in the range in which the quantity can be meant (to which the station holds every
    series). Without the increases of running totals, which depend on the record before."""
    found = {}
    for name, value in reading.quantities.items():
        low, high = registry()[name].plausible
        if value is not None and low <= value <= high and not card.quantities[name].counter:
            found[name] = value
    return found


def within(card: Card, name: str, value: float, true: float | None) -> bool:
    """Whether a value is right as far as the instrument promises (1 % where its card promises nothing)."""
    if true is None:
        return False
    stated = card.accuracy.get(AS_GOOD_AS.get(name, name))
    size = abs(true)
    tolerance = (stated.absolute or 0.0) + (stated.relative or 0.0) * size if stated else UNSTATED.get(name, UNSTATED_SHARE * size)
    return difference(name, value, true) <= tolerance + 1e-6


def period_ms(instrument: Instrument) -> float:
    return 1e3 / instrument.rate if instrument.rate else float(instrument.every or 1000)


def bench_station(changes: Callable[[dict[str, Any]], None] = lambda entry: None) -> dict[str, Any]:
    """The bench's own station, made quick: short periods, a line for each Modbus unit with real limits to suit. ``changes`` may alter each
    instrument's entry."""
    document: dict[str, Any] = yaml.safe_load((BENCH / "station.yaml").read_text(encoding="utf-8"))
    links = {link["id"]: link for link in document["links"]}
    used = []
    for entry in document["instruments"]:
        link = dict(links[entry["link"]])
        if link["kind"] == "modbus_rtu":
            link |= {"id": f"line_{entry['id']}", "port": f"/dev/tty_{entry['id']}"}
            entry["options"] = {**entry.get("options", {}), **CONTRACT["modbus_options"]}
        entry |= copy.deepcopy(CONTRACT["quick"].get(entry["id"], {}))
        if "rate" in entry:
            entry["rate"] = CONTRACT["rate"]
        changes(entry)
        entry["link"] = link["id"]
        used.append(link)
    return {**document, "links": used}


def wrong_station(what: str) -> dict[str, Any]:
    """The bench's station with a file that is wrong: ``setting`` (what ``contract.yaml`` says under ``wrong``; a Modbus unit has another
    number), ``serial number`` (of other units), or ``card`` (each instrument is called the next of its kind)."""
    document = bench_station()
    entries: list[dict[str, Any]] = document["instruments"]
    if what == "serial number":
        for entry in entries:
            entry["serial_number"] = OTHER_UNIT
        return document
    if what == "setting":
        for entry in entries:
            modbus = load_card(entry["model"]).modbus is not None
            change = {"address": entry["address"] + 1} if modbus else copy.deepcopy(CONTRACT["wrong"].get(entry["id"], {}))
            entry |= {**change, "options": {**entry.get("options", {}), **change.get("options", {})}}
        return document
    kinds = [[entry for entry in entries if (load_card(entry["model"]).modbus is None) is prints] for prints in (True, False)]
    for kind in kinds:
        borrowed = [copy.deepcopy(entry) for entry in [*kind[1:], kind[0]]]
        for entry, other in zip(kind, borrowed, strict=True):
            own = {key: entry[key] for key in ("id", "place", "serial_number", "link", "mounting")}
            if "address" in entry and load_card(other["model"]).modbus is not None:
                own["address"] = entry["address"]
            entry.clear()
            entry |= {**other, **own}
    return document


def bench_world() -> WorldConfig:
    document = yaml.safe_load((BENCH / "world.yaml").read_text(encoding="utf-8"))
    document["instruments"] = document.get("instruments", {}) | CONTRACT["world"]
    return WorldConfig.model_validate(document)


def faults_of(instrument: str, names: set[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every fault of an instrument as (what it is called here, entry of the timeline)."""
    modbus = "short_answer" in names
    for name in sorted(names):
        more = CONTRACT["modbus_entries" if modbus and name in CONTRACT["modbus_entries"] else "entries"].get(name, {})
        entry: dict[str, Any] = {"instrument": instrument, "fault": name, **more}
        if name == "exception":
            yield from ((f"exception {code}", {**entry, "magnitude": code}) for code in CONTRACT["exceptions"])
        else:
            yield name, entry


class Run:
    """One bench and one agent's acquisition in this process, at the bench's speed or as fast as the machine can."""

    def __init__(self, folder: Path) -> None:
        self.station = Station.model_validate(bench_station())
        self.clock = SteppedClock(ORIGIN_MS)
        self.recording = Recording(self.station)
        self.ports = folder / "ports"
        self.rounds: dict[float, list[ActiveFault]] = {}
        """when a round begins → its faults"""

    async def record(self) -> Recording:
        """The whole run."""
        bench = StationBench(self.station, Plan(self.ports, bench_world()), self.clock)
        self.recording.fault_names = {key: one.fault_names() for key, one in bench.instruments.items()}
        self.recording.quiet_ms = (BEGIN_MS, BEGIN_MS + QUIET_S * 1e3)
        self._plan(BEGIN_MS + QUIET_S * 1e3)
        async with turning(bench, self.clock):
            async with reading(self.station, self.ports, self.clock, self.recording) as acquisition:
                await self._watch(bench, acquisition, max(case.end_ms for case in self.recording.cases) + UNPLUGGED_OFF_S * 1e3)
            end_ms = self.clock.now_ms()
            for what, seconds in WRONG_S.items():
                self.recording.wrong[what] = await self._misled(what, seconds)
            found = await Prober(self.station, self.ports, speed=SPEED, listen_s=2.0).run()
        self._say(bench, BEGIN_MS - 2 * RECENT_S * 1e3, end_ms)
        self.recording.found = {one.instrument.id: one for one in found}
        return self.recording

    async def _misled(self, what: str, seconds: float) -> Recording:
        """A station with a wrong file reads the bench for so many seconds of the world."""
        station = Station.model_validate(wrong_station(what))
        into = Recording(station)
        async with reading(station, self.ports, self.clock, into) as acquisition:
            await self.clock.sleep(seconds)
            self._look(acquisition, into)
        return into

    def _plan(self, begin_ms: float) -> None:
        """All rounds; each row of the timeline is a case."""
        last = begin_ms
        for item in self.station.instruments:
            for number, (label, entry) in enumerate(faults_of(item.id, self.recording.fault_names[item.id])):
                on_ms = begin_ms + number * (ON_S + OFF_S) * 1e3
                self._add(item, label, entry, on_ms, ON_S)
                last = max(last, on_ms + (ON_S + OFF_S) * 1e3)
        for item in self.station.instruments:
            self._add(item, "unplugged", {"link": item.link, "fault": "unplugged"}, last, UNPLUGGED_ON_S)

    def _add(self, item: Instrument, label: str, entry: dict[str, Any], begin_ms: float, seconds: float) -> None:
        case = Case(item.id, item.model, label, entry, begin_ms, begin_ms + seconds * 1e3)
        self.recording.cases.append(case)
        self.rounds.setdefault(begin_ms, []).append(active(case))

    async def _watch(self, bench: StationBench, acquisition: Acquisition, end_ms: float) -> None:
        """Until the end: each round is put in force just before it begins, and every driver's counts are looked at each second while
        it is on."""
        spans = {(case.begin_ms, case.end_ms + TAIL_S * 1e3) for case in self.recording.cases}
        looks = {
            min(begin_ms + LOOK_MS * n, last_ms) for begin_ms, last_ms in spans for n in range(int((last_ms - begin_ms) / LOOK_MS) + 2)
        }
        ahead = {begin - STEP_MS: begin for begin in self.rounds}
        for at_ms in sorted({*looks, *ahead, end_ms}):
            await self.clock.sleep((at_ms - self.clock.now_ms()) / 1e3)
            if at_ms in ahead:
                bench.timeline.faults = tuple(self.rounds[ahead[at_ms]])
            if at_ms in looks:
                self._look(acquisition)

    def _look(self, acquisition: Acquisition, into: Recording | None = None) -> None:
        for key, source in acquisition.sources.items():
            stats = source.driver.stats
            counts = Counts(stats.good, Counter(stats.bad), stats.timeouts, stats.ignored, stats.discarded_bytes)
            (into or self.recording).counts.setdefault(key, []).append((self.clock.now_ms(), counts))

    def _say(self, bench: StationBench, begin_ms: float, end_ms: float) -> None:
        """What copies of the instruments say over the run: one that nothing is done to, and for each fault of values one that suffers it."""
        feed = AirFeed(bench.world)

        def copy_of(item: Instrument) -> Simulated:
            return make_instrument(Setting(item, self.station, bench.world, feed, bench.plan.world.of(item.id)))

        for item in self.station.instruments:
            self.recording.said[item.id] = said_by(copy_of(item), item, begin_ms, end_ms)
            self.recording.measured[item.id] = measured_by(copy_of(item), *self.recording.quiet_ms)
        for case in self.recording.cases:
            item = self.station.instrument(case.instrument)
            speaks = load_card(item.model).modbus is None and item.options.get("mode") != "polled"
            if speaks and (case.name in {*VALUE_FAULTS, "invalid"} or FAULTS[case.name].scope == "own"):
                seed = bench.plan.world.seed
                self.recording.ill[case.instrument, case.fault] = said_by(copy_of(item), item, case.begin_ms, case.end_ms, (case, seed))


def active(case: Case) -> ActiveFault:
    """A case as the bench's timeline has it."""
    entry = Entry.model_validate({**case.entry, "after": 0})
    magnitude = FAULTS[case.name].magnitude if entry.magnitude is None else entry.magnitude
    return ActiveFault(entry, case.begin_ms, case.end_ms, magnitude, 0)


def measured_by(twin: Simulated, begin_ms: float, end_ms: float) -> list[tuple[float, dict[str, float]]]:
    """The values of an instrument's samples in this time, as it has them before it encodes them."""
    first = int(begin_ms // twin.period_ms) - 1
    samples = int((end_ms - begin_ms) // twin.period_ms) + 2
    rows = rows_of(twin.values(first, samples))
    times = twin.times_ms(first, samples).tolist()
    return [(t_ms, {name: float(values[0]) for name, values in row.items()}) for t_ms, row in zip(times, rows, strict=True)]


def said_by(twin: Simulated, item: Instrument, begin_ms: float, end_ms: float, suffers: tuple[Case, int] | None = None) -> Said:
    """Quantities of what a simulated instrument says in this time, read by a driver of its own from a line on which nothing goes wrong.
    ``suffers``: a fault of values and the world's seed."""
    driver = make_driver(item, load_card(item.model), count(0.0, 1000.0).__next__)
    first = int(begin_ms // twin.period_ms)
    samples = int((end_ms - begin_ms) // twin.period_ms) + 1
    columns = twin.values(first, samples)
    if suffers is not None:
        case, seed = suffers
        spoil_values(twin, Effects(seed, item.id, twin.fields), [active(case)], columns, twin.times_ms(first, samples))
    if isinstance(twin, Unit):
        assert isinstance(driver, ModbusDriver)
        return asked(twin, driver, columns, first)
    assert isinstance(twin, Talker)
    assert isinstance(driver, StreamDriver)
    return printed(twin, driver, columns, first)


@asynccontextmanager
async def turning(bench: StationBench, clock: SteppedClock) -> AsyncIterator[None]:
    """A bench at work, its clock going on step by step. No reader can be late where the clock waits, so none is looked for."""
    await bench.start()
    for port in bench.ports.values():
        setattr(port, "reader_late_s", lambda: 0.0)  # noqa: B010 - of this port alone; asking the kernel at each step costs more than all reading

    async def turn() -> None:
        while True:
            began_s = time.monotonic()
            clock.step()
            await bench.turn()
            for _ in range(ROUND_TRIP):  # request, answer and its reading each take a round of the loop, however busy the machine is
                await asyncio.sleep(0.002)
            await asyncio.sleep(max(0.0, began_s + STEP_MS / 1e3 / SPEED - time.monotonic()))

    work = asyncio.create_task(turn())
    try:
        yield
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await bench.close()


@asynccontextmanager
async def reading(station: Station, ports: Path, clock: SteppedClock, into: Recording) -> AsyncIterator[Acquisition]:
    """The agent's acquisition at work; what it delivers and tells goes into the recording."""
    station_time = StationTime(clock)
    into.heard = {item.id: [] for item in station.instruments}

    def deliver(source: Source, one: Reading, at_ms: float) -> None:
        into.heard[source.instrument.id].append(Heard(at_ms, one))

    def told(kind: str, detail: dict[str, Any]) -> None:
        into.events.append((station_time.now_ms(), kind, detail))

    acquisition = Acquisition(station, station_time, deliver, ports=ports, on_change=told)
    parts = [asyncio.ensure_future(part()) for part in acquisition.parts().values()]
    try:
        yield acquisition
    finally:
        for part in parts:
            part.cancel()
        await asyncio.gather(*parts, return_exceptions=True)
        await acquisition.close()


def printed(twin: Talker, driver: StreamDriver, columns: Columns, first: int) -> Said:
    """Each record a talker says, by itself or asked, with its time."""
    rows = rows_of(columns)
    question = driver.request
    records = [twin.answer(question, partial(dict, row)) for row in rows] if question is not None else twin.encode(columns, first)
    times = twin.times_ms(first, len(rows)).tolist()
    return [
        (t_ms, one.quantities)
        for t_ms, record in zip(times, records, strict=True)
        for one in driver.feed(record, 0.0)
        if one.values
    ]  # fmt: skip


def asked(twin: Unit, driver: ModbusDriver, columns: Columns, first: int) -> Said:
    """Each of a unit's own samples as its driver reads it."""
    rows = rows_of(columns)

    class Line:
        row: Columns

        def take_turn(self, unit: int) -> bool:
            return True

        async def read(self, unit: int, function: int, address: int, count: int, limits: Limits) -> Reply:
            words = twin.read(function, address, count, lambda: self.row)
            assert not isinstance(words, int)
            return Reply(b"".join(word.to_bytes(2, "big") for word in words), 0.0, 0.0, False)

    line: Any = Line()
    said: Said = []
    for t_ms, row in zip(twin.times_ms(first, len(rows)).tolist(), rows, strict=True):
        line.row = row
        said.append((t_ms, _now(driver.poll(line)).quantities))
    return said


def rows_of(columns: Columns) -> list[Columns]:
    """One sample at a time."""
    length = len(next(iter(columns.values())))
    return [{name: values[row : row + 1] for name, values in columns.items()} for row in range(length)]


def _now(poll: Any) -> Reading:
    """The result of a coroutine that waits for nothing."""
    try:
        poll.send(None)
    except StopIteration as done:
        result: Reading = done.value
        return result
    raise AssertionError("it waits")


@cache
def recording() -> Recording:
    """The contract run, made once in this process."""
    folder = Path(tempfile.mkdtemp(prefix="haitan-contract-"))
    try:
        return asyncio.run(Run(folder).record())
    finally:
        shutil.rmtree(folder, ignore_errors=True)
