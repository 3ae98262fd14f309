"""The contract run: every driver reads its simulated instrument through a real port while the bench stages each of its faults.

One run for all: the bench's own station, every Modbus unit on a line of its own so that no fault of one is another's, read by the agent's
acquisition as in the field. The world's clock goes on in steps, when both have done their work (`SteppedClock`): a machine that stumbles
makes the run longer and changes nothing else. In each round every instrument shows one fault for `ON_S` and is well for `OFF_S`; at last
every link is unplugged and plugged in again. What was heard is kept with its world time (`contract_record`). What was true is what a second,
unspoilt copy of the same instrument would have said, decoded by a driver of its own (`contract_twins`).

Then stations whose files are wrong read the same bench (`WRONG_S`), and the probe looks at it with all faults gone.

`recording` runs once a process, whoever asks. Not here: what each fault must look like (``contract.yaml``) and the assertions.
"""

from __future__ import annotations

import asyncio
import heapq
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from edge.agent.acquisition import Acquisition, Source
from edge.agent.timebase import StationTime
from edge.instruments import Reading
from edge.instruments.probe import Prober
from firmware_config.cards import load_card
from firmware_config.records import ClockQuality
from firmware_config.station import Instrument, Station
from simulators.faults.catalogue import FAULTS
from simulators.faults.effects import VALUE_FAULTS
from simulators.faults.timeline import ActiveFault
from simulators.instruments import Setting, Simulated, make_instrument
from simulators.instruments.feed import AirFeed
from simulators.serve.station import Plan, StationBench
from tests.simulators.contract_record import RECENT_S, TAIL_S, Case, Counts, Heard, Recording
from tests.simulators.contract_stations import bench_station, bench_world, faults_of, wrong_station
from tests.simulators.contract_twins import active, measured_by, said_by

SPEED = 20.0
STEP_MS = 250.0
"""of the world's clock; each takes as long as its 20th part at least, because limits of answers are real time"""
ROUND_TRIP = 4
"""rounds of the loop between two steps"""
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
LOOK_MS = 1000.0
"""how often a driver's counts are looked at while a fault is on (world)"""


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


@cache
def recording() -> Recording:
    """The contract run, made once in this process."""
    folder = Path(tempfile.mkdtemp(prefix="haitan-contract-"))
    try:
        return asyncio.run(Run(folder).record())
    finally:
        shutil.rmtree(folder, ignore_errors=True)
