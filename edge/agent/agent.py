"""The agent of one station, assembled: every part made once, given what it needs, and kept alive.

`Agent.run` returns when it is told to stop; no instrument, link, disk, broker or child failure ends it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from edge.agent import presence
from edge.agent.acquisition import Acquisition, Source
from edge.agent.book import SeriesBook
from edge.agent.fixes import Fixes
from edge.agent.folder import DataFolder
from edge.agent.health import ClockCheck, DiskSpeed, Health
from edge.agent.highrate import HighRate
from edge.agent.inputs import Inputs
from edge.agent.learning import Learning
from edge.agent.memory import InstrumentMemory
from edge.agent.minutes import Minutes
from edge.agent.products import Asker, GasProducts, TideProduct, run_gas, run_tide
from edge.agent.recorder import Recorder
from edge.agent.results import EddyResults
from edge.agent.schedule import periods
from edge.agent.tasks import keep
from edge.agent.timebase import ClockChange, StationTime
from edge.agent.windows import Windows
from edge.archive.store import RawStore
from edge.compute.client import WORKER, ScienceClient
from edge.compute.request import frame_of
from edge.instruments import Reading
from edge.outbox import Outbox
from edge.uplink import Uplink
from firmware_config import __version__
from firmware_config.base import log
from firmware_config.base.clock import Clock
from firmware_config.base.mqtt import Broker
from firmware_config.check import LoadedStation
from firmware_config.records import Draft
from firmware_config.station import AirSeaFlux, EddyFlux, OxygenSaturation, Tide

logger = log.get(__name__)

CLOCK_LOOK_S = 0.2
WATCH_LOOK_S = 0.5
HEALTH_EVERY_MS = 60_000


@dataclass
class _Eddy:
    """The parts of one eddy product."""

    highrate: HighRate
    windows: Windows
    results: EddyResults
    learning: Learning


class Agent:
    """One station's agent. ``ports``: the bench's folder of ports; ``simulated`` marks every record as not measured."""

    def __init__(
        self,
        loaded: LoadedStation,
        folder: DataFolder,
        clock: Clock,
        broker: Broker,
        *,
        ports: Path | None = None,
        simulated: bool = False,
        worker: tuple[str, ...] = WORKER,
    ) -> None:
        station = loaded.station
        self.loaded, self.folder, self.simulated = loaded, folder, simulated
        self.time = StationTime(clock, self._clock_changed)
        self.outbox = Outbox.open(folder.outbox, station.id, clock, station.storage.outbox, _log_event, simulated=simulated)
        self.recorder = Recorder(self.outbox, self.time, simulated=simulated)
        self.science = ScienceClient(worker)
        self.archive = ThreadPoolExecutor(1, thread_name_prefix="archive")
        self.packer = ThreadPoolExecutor(1, thread_name_prefix="packer")
        memory = InstrumentMemory(folder.instruments, self.archive)
        self.acquisition = Acquisition(
            station, self.time, self._deliver, ports=ports, on_change=self._report, memory=memory, given=self._given
        )
        sources = self.acquisition.sources
        eddies = [product for product in station.products if isinstance(product, EddyFlux)]
        frames = {p.sonic: frame_of(station.instrument(p.sonic), turns=station.platform != "fixed") for p in eddies}
        self.book = SeriesBook(station, sources.values(), frames)
        self.inputs = Inputs(station, self.book)
        self.eddies = [self._eddy(product) for product in eddies]
        self.tides = [
            TideProduct(station, p, sources[p.instrument], self.inputs, self.time) for p in station.products if isinstance(p, Tide)
        ]
        gas = [p for p in station.products if isinstance(p, AirSeaFlux | OxygenSaturation)]
        self.gas = GasProducts(station, gas, self.inputs, self.time) if gas else None
        self.minutes = Minutes(self.book, self.recorder, self.time)
        self.clock_check = ClockCheck()
        self.disk_speed = DiskSpeed()
        self.health = Health(folder.path, self._instrument_summaries, self._part_summaries, self.clock_check)
        self.uplink = Uplink(self.outbox, station, clock, broker, self._birth, self._live)
        self._tasks: list[asyncio.Task[None]] = []
        self._fixes = Fixes()
        self._positions = {source.instrument.id for source in sources.values() if source.driver.card.role == "position"}
        self._restart_times: set[asyncio.Task[Any]] = set()

    def _eddy(self, product: EddyFlux) -> _Eddy:
        station, sources = self.loaded.station, self.acquisition.sources
        store = RawStore(self.folder.raw(product.place))
        highrate = HighRate(product, sources[product.sonic], sources[product.gas] if product.gas else None, self.time.speed)
        learning = Learning(
            self.folder.eddy(product.place), station, product, worker=self.packer, science=self.science, recorder=self.recorder
        )
        results = EddyResults(
            station,
            product,
            store=store,
            quota_bytes=station.storage.raw // sum(isinstance(p, EddyFlux) for p in station.products),
            packer=self.packer,
            outbox=self.outbox,
            recorder=self.recorder,
            science=self.science,
            book=self.book,
            time=self.time,
            learning=learning,
        )
        windows = Windows(
            self.loaded,
            highrate,
            store=store,
            archive=self.archive,
            packer=self.packer,
            time=self.time,
            recorder=self.recorder,
            boot_id=self.outbox.boot_id,
            simulated=self.simulated,
            inputs=self.inputs.all_over,
            learnt=lambda: learning.learnt,
            closed=results.file,
            empty=results.empty,
        )
        return _Eddy(highrate, windows, results, learning)

    # --- readings

    def _deliver(self, source: Source, reading: Reading, at_ms: float) -> None:
        utc_ms = self.time.utc_ms(at_ms)
        if source.instrument.id in self._positions:
            reading = self._fixes.judged(source.instrument.id, reading)
        self.book.take(source, reading, at_ms, utc_ms)
        if source.instrument.rate is not None:
            for eddy in self.eddies:
                if source.instrument.id in eddy.highrate.instruments:
                    eddy.highrate.take(source, reading, at_ms)
        for tide in self.tides:
            if source.instrument.id == tide.instrument:
                tide.take(reading, at_ms)
        if source.instrument.id in self._positions:
            self.clock_check.take(reading, self.time.believed_utc_ms(at_ms))

    def _given(self, name: str) -> float | None:
        return self.inputs.now(name, self.time.now_ms()).value

    def _report(self, kind: str, detail: dict[str, Any]) -> None:
        self.recorder.event(kind, **detail)

    # --- the clock

    def _clock_changed(self, change: ClockChange) -> None:
        logger.warning("clock changed", step_s=change.step_ms / 1e3, before=change.before, after=change.after)
        self.minutes.clock_changed(change)
        for eddy in self.eddies:
            eddy.windows.clock_changed(change)
        if change.was_set:
            offset_ms = round(self.time.clock.now_ms() - self.time.clock.monotonic() * 1e3)
            task = asyncio.get_running_loop().create_task(self.outbox.clock_is_set_async(offset_ms))
            self._restart_times.add(task)
            task.add_done_callback(self._restart_times.discard)
        if change.step_ms:
            self.recorder.event("clock_step", step_s=round(change.step_ms / 1e3, 3))
        if change.before != change.after:
            self.recorder.event("clock_quality", before=change.before, after=change.after)

    async def _watch_clock(self) -> None:
        while True:
            self.time.look()
            await asyncio.sleep(CLOCK_LOOK_S)

    async def _watch_instruments(self) -> None:
        while True:
            await asyncio.sleep(WATCH_LOOK_S)
            self.acquisition.look(self.time.now_ms())
            self.recorder.tick()
            for eddy in self.eddies:
                for name, declared, measured in eddy.highrate.deviating_rates():
                    self.recorder.event("rate_deviates", instrument=name, declared_hz=round(declared, 4), measured_hz=round(measured, 4))

    # --- what the station says of itself

    def _instrument_summaries(self) -> dict[str, Any]:
        now_ms = self.time.now_ms()
        return {name: source.watch.summary(now_ms) for name, source in self.acquisition.sources.items()}

    def _part_summaries(self) -> dict[str, Any]:
        raw = {eddy.windows.place: eddy.windows.summary() for eddy in self.eddies}
        waiting = sum(eddy.results.waiting for eddy in self.eddies)
        science = {"pid": self.science.pid, "waiting": self.science.waiting + waiting, "failed": self.science.failed}
        return {"raw": raw, "science": science}

    async def _tell_health(self) -> None:
        began_ms = self.time.utc_ms(self.time.now_ms())
        async for end_ms in periods(self.time, HEALTH_EVERY_MS, lambda: 0.0):
            slowest_s = self.outbox.take_slowest_commit_s()
            if (change := self.disk_speed.look(slowest_s)) is not None:
                self.recorder.event(change, commit_s=round(slowest_s, 1))
            values, flags, detail = self.health.content(await self.outbox.stats_async(), slowest_s)
            t = max(end_ms - HEALTH_EVERY_MS, round(began_ms)) if began_ms < end_ms else end_ms - HEALTH_EVERY_MS
            self.recorder.put(
                Draft(stream="health", t=t, dt=max(0, end_ms - t), clock=self.time.quality, values=values, flags=flags, detail=detail)
            )

    def _birth(self) -> Any:
        return presence.birth(self.loaded, self.book, self.time, self.outbox, simulated=self.simulated)

    def _live(self) -> Any:
        return presence.live(self.book, self.time, simulated=self.simulated)

    # --- life

    def _parts(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Every part that runs for ever, by name."""
        parts: dict[str, Callable[[], Awaitable[None]]] = {
            "recorder": self.recorder.run,
            "clock": self._watch_clock,
            "instruments": self._watch_instruments,
            "minutes": self.minutes.run,
            "health": self._tell_health,
            "uplink": self.uplink.run,
        }
        asker = Asker(self.science, self.recorder, self.book, self.time)
        for tide in self.tides:
            parts[f"tide {tide.product.place}"] = partial(run_tide, tide, asker, self.recorder, self.time, self.minutes.settle_ms)
        if self.gas is not None:
            parts["gas"] = partial(run_gas, self.gas, asker, self.recorder, self.time, self.minutes.lag_ms)
        for eddy in self.eddies:
            parts[f"window {eddy.windows.place}"] = eddy.windows.run
            parts[f"results {eddy.windows.place}"] = eddy.results.run
            parts[f"learning {eddy.windows.place}"] = eddy.learning.run
        return parts | self.acquisition.parts()

    async def run(self, stop: asyncio.Event) -> None:
        """Run until ``stop`` is set, then stop cleanly."""
        folder, outbox = self.folder, self.outbox
        for warning in self.loaded.warnings:
            logger.warning("station file", warning=warning)
        logger.info("agent starts", station=self.loaded.station.id, data=str(folder.path), last_stop=folder.last_stop)
        self.recorder.event(
            "boot",
            severity="warning" if folder.last_stop == "unclean" else "info",
            version=__version__,
            config_hash=self.loaded.config_hash,
            previous=folder.last_stop,
            boot_id=outbox.boot_id,
        )
        folder.note(boot_id=outbox.boot_id, started_ms=self.time.clock.now_ms(), clean=False)
        self._tasks = [asyncio.create_task(keep(name, work, self._part_failed), name=name) for name, work in self._parts().items()]
        try:
            await stop.wait()
        finally:
            await self._stop()

    def _part_failed(self, name: str, problem: str) -> None:
        self.recorder.event("task_failed", task=name, problem=problem)

    async def _stop(self) -> None:
        """Links first, then what was measured, then the outbox; each step even if the one before fails."""
        logger.info("agent stops", station=self.loaded.station.id)
        self.recorder.event("stop")
        named = {task.get_name(): task for task in self._tasks}
        last = [task for name, task in named.items() if name in {"recorder", "uplink"}]
        await _cancel([task for task in self._tasks if task not in last])
        await _try(self.acquisition.close())
        self.acquisition.finish()
        self.minutes.finish()
        for eddy in self.eddies:
            await _try(eddy.windows.stop())
        await _try(asyncio.wait_for(self.recorder.flush(), 10.0))
        await _cancel(last)
        await _try(self.recorder.drain())
        await _try(self.science.close())
        for executor in (self.archive, self.packer):
            await asyncio.to_thread(executor.shutdown)
        self.folder.note(boot_id=self.outbox.boot_id, stopped_ms=self.time.clock.now_ms(), clean=True)
        await _try(asyncio.to_thread(self.outbox.close))


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _try(work: Awaitable[Any]) -> None:
    try:
        with contextlib.suppress(TimeoutError):
            await work
    except Exception:
        logger.exception("a step of stopping failed")


def _log_event(draft: Draft) -> None:
    logger.warning("outbox event", kind=draft.values.get("kind"), **{k: v for k, v in draft.detail.items() if not k.startswith("text_")})
