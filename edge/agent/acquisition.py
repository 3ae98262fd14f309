"""Reading the instruments: one task per link that prints, one per device that is asked.

Promises: a link that fails, babbles or blocks never touches another; every reading is counted by its driver; a device is asked on
turns that lie on whole multiples of its period, without drift, and a turn that comes while the last one still runs is left out and counted.
Not here: opening links (`edge.links`), decoding (`edge.instruments`), what becomes of a reading (``deliver``).
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from edge.agent.cycles import Cycles
from edge.agent.memory import InstrumentMemory
from edge.agent.timebase import StationTime
from edge.agent.watch import Watch
from edge.errors import LinkDown, LinkError
from edge.instruments import Driver, ModbusDriver, Reading, StreamDriver, make_driver
from edge.instruments.feeding import Feeder, Given
from edge.instruments.settings import SettingsKeeper
from edge.links import ByteLink, LinkChange, ModbusBus, open_bus, open_link
from firmware_config.base import log
from firmware_config.cards import load_card
from firmware_config.station import Instrument, ModbusRtuLink, ModbusTcpLink, Station, TcpLink

logger = log.get(__name__)


@dataclass(frozen=True)
class Source:
    """One instrument of the station with its driver and its watch."""

    instrument: Instrument
    driver: Driver
    watch: Watch


Deliver = Callable[[Source, Reading, float], None]


class Turns:
    """Turns on whole multiples of a period of UTC. ``late`` counts those that were let pass."""

    def __init__(self, every_ms: int, time: StationTime) -> None:
        self._every_ms = every_ms
        self._time = time
        self._last_ms: float | None = None
        self.late = 0

    async def next(self) -> None:
        """Wait for the next turn."""
        now_ms = self._time.now_ms()
        earliest_ms = now_ms if self._last_ms is None else max(now_ms, self._last_ms + 0.5 * self._every_ms)
        offset_ms = self._time.offset_ms
        due_ms = math.ceil((earliest_ms + offset_ms) / self._every_ms) * self._every_ms - offset_ms
        if self._last_ms is not None:
            self.late += max(0, round((due_ms - self._last_ms) / self._every_ms) - 1)
        self._last_ms = due_ms
        await self._time.clock.sleep((due_ms - now_ms) / 1e3)


class Acquisition:
    """All links and instruments of a station."""

    def __init__(
        self,
        station: Station,
        time: StationTime,
        deliver: Deliver,
        *,
        ports: Path | None = None,
        on_change: Callable[[str, dict[str, Any]], None] = lambda kind, detail: None,
        memory: InstrumentMemory | None = None,
        given: Given = lambda name: None,
    ) -> None:
        """``given``: the station's inputs by name, for instruments that need a number of the station."""
        self._station = station
        self._time = time
        self._deliver = deliver
        self._ports = ports
        self._on_change = on_change
        self._memory = memory or InstrumentMemory(None)
        self._faults = 0
        self._links: list[ByteLink] = []
        self.sources = {item.id: self._source(item) for item in station.instruments}
        self._feeders = {
            name: Feeder(source.driver.card, source.instrument.options, given, time.clock.monotonic)
            for name, source in self.sources.items()
        }
        self._settings = {name: self._keeper(source) for name, source in self.sources.items()}
        for name, source in self.sources.items():
            self._recall(source, self._memory.recall(name))
        self._cycles = {
            name: Cycles(source.driver.card, source.instrument, time, on_change)
            for name, source in self.sources.items()
            if source.driver.card.cycles
        }

    def _source(self, instrument: Instrument) -> Source:
        driver = make_driver(instrument, load_card(instrument.model), self._time.clock.monotonic, self._today)
        if isinstance(driver, StreamDriver):
            driver.show_cycles = True
        return Source(instrument, driver, Watch(instrument, driver.stats, self._time.now_ms(), self._on_change))

    def _today(self) -> datetime.date | None:
        if self._time.quality == "unset":
            return None
        return datetime.datetime.fromtimestamp(self._time.utc_ms(self._time.now_ms()) / 1e3, datetime.UTC).date()

    def look(self, now_ms: float) -> None:
        """Notice what did not come, and write down what must not be forgotten; call now and then (monotonic ms)."""
        for source in self.sources.values():
            source.watch.look(now_ms)
            self._keep(source)
        for cycles in self._cycles.values():
            cycles.look(now_ms)

    def finish(self) -> None:
        """The agent stops: tell of cycles that are open, and write down what was not yet."""
        for source in self.sources.values():
            self._keep(source)
        for cycles in self._cycles.values():
            cycles.end()

    def _keeper(self, source: Source) -> SettingsKeeper:
        tcp = any(isinstance(link, TcpLink) and link.id == source.instrument.link for link in self._station.links)
        return SettingsKeeper(source.driver.card, source.instrument, self._on_change, self._time.now_ms, output="ENet" if tcp else "RS232")

    def parts(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """The tasks to run, by name; each runs for ever."""
        parts: dict[str, Callable[[], Awaitable[None]]] = {}
        for link in self._station.links:
            here = [source for source in self.sources.values() if source.instrument.link == link.id]
            if isinstance(link, ModbusRtuLink | ModbusTcpLink):
                bus = open_bus(link, self._ports, self._link_changed)
                self._links.append(bus.link)
                parts[f"bus {link.id}"] = bus.run
                for source in here:
                    parts[f"device {source.instrument.id}"] = partial(self._poll, source, bus)
                    if (keeper := self._settings[source.instrument.id]).settings and isinstance(source.driver, ModbusDriver):
                        parts[f"settings {source.instrument.id}"] = partial(keeper.run_registers, source.driver, bus)
            else:
                stream = open_link(link, self._ports, self._link_changed)
                self._links.append(stream)
                parts[f"link {link.id}"] = partial(self._listen, here, stream)
                for source in here:
                    if (keeper := self._settings[source.instrument.id]).speaks:
                        parts[f"settings {source.instrument.id}"] = partial(keeper.run, stream.write)
                    if isinstance(source.driver, StreamDriver) and source.driver.request is not None:
                        parts[f"device {source.instrument.id}"] = partial(self._ask, source, stream)
        return parts

    async def close(self) -> None:
        """Release every port."""
        for link in self._links:
            await link.close()

    def _link_changed(self, change: LinkChange) -> None:
        if change.up:
            self._on_change("link_back", {"link": change.link, "outage_s": round(change.outage_s * self._time.speed, 1)})
        else:
            self._on_change("link_lost", {"link": change.link, "reason": change.reason})

    # --- what prints

    async def _listen(self, sources: list[Source], link: ByteLink) -> None:
        opening = link.openings
        async for data, arrival_s in link:
            at_ms = self._time.at_ms(arrival_s)
            fresh = link.openings != opening
            opening = link.openings
            for source in sources:
                assert isinstance(source.driver, StreamDriver)
                if fresh:
                    self._take_all(source, source.driver.finish(arrival_s), at_ms)
                readings = source.driver.feed(data, arrival_s)
                self._take_all(source, readings, at_ms)
                self._settings[source.instrument.id].hear(data, readings, at_ms, fresh=fresh)

    async def _ask(self, source: Source, link: ByteLink) -> None:
        assert isinstance(source.driver, StreamDriver)
        assert source.driver.request is not None
        turns = Turns(source.instrument.every or 1000, self._time)
        while True:
            await turns.next()
            source.watch.late = turns.late
            try:
                await link.write(source.driver.request)
            except LinkDown:
                source.watch.no_answer("link down")
            except LinkError as error:
                source.watch.no_answer(str(error))

    # --- what is asked

    async def _poll(self, source: Source, bus: ModbusBus) -> None:
        assert isinstance(source.driver, ModbusDriver)
        turns = Turns(source.instrument.every or 1000, self._time)
        opening = bus.link.openings
        while True:
            await turns.next()
            source.watch.late = turns.late
            reading = await source.driver.poll(bus)
            if reading.values:
                fresh, opening = bus.link.openings != opening, bus.link.openings
                at_ms = self._time.at_ms(reading.arrival_s)
                feeder = self._feeders[source.instrument.id]
                self._take_all(source, [feeder.judged(reading)], at_ms)
                await feeder.serve(source.driver, bus, reading)
                self._settings[source.instrument.id].hear_poll(reading, at_ms, fresh=fresh)
            elif reading.reason != "skipped":
                source.watch.no_answer(reading.reason)
                self._settings[source.instrument.id].no_answer()

    def _recall(self, source: Source, memory: dict[str, Any]) -> None:
        if isinstance(source.driver, StreamDriver):
            source.driver.recall(memory)
        self._settings[source.instrument.id].recall(memory)

    def _keep(self, source: Source) -> None:
        """Write down what must not be forgotten, if there is something new."""
        known = source.driver.memory() if isinstance(source.driver, StreamDriver) else {}
        self._memory.keep(source.instrument.id, known | self._settings[source.instrument.id].memory())

    def _take_all(self, source: Source, readings: list[Reading], at_ms: float) -> None:
        cycles = self._cycles.get(source.instrument.id)
        for reading in readings:
            if cycles is not None:
                cycles.take(reading, at_ms)
            usable = any(value is not None for value in reading.quantities.values())
            if reading.cycle:
                source.watch.in_cycle(at_ms)
            else:
                source.watch.heard(at_ms, usable=usable, reason=reading.reason or "no value")
            if not reading.values:
                continue
            try:
                self._deliver(source, reading, at_ms)
            except Exception:
                self._faults += 1
                if self._faults in {1, 10, 100} or self._faults % 1000 == 0:
                    logger.exception("reading could not be taken in", instrument=source.instrument.id, times=self._faults)
