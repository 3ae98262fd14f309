"""A station to test the agent's parts with: an example's instruments with their real drivers, a clock one moves by hand, an outbox in memory."""

from __future__ import annotations

import asyncio
from functools import cache

import msgspec

from edge.agent.acquisition import Source
from edge.agent.recorder import Recorder
from edge.agent.timebase import StationTime
from edge.agent.watch import Watch
from edge.instruments import Reading, make_driver
from firmware_config.cards import load_card
from firmware_config.check import LoadedStation, load_station
from firmware_config.records import seal
from simulators.stage import example_station

UTC_MS = 1_795_345_200_000  # 2026-11-22 11:00
BOOT_S = 5_000.0


class HandClock:
    """A world that stands still until it is moved."""

    def __init__(self, utc_ms=UTC_MS, quality="synchronised", speed=1.0):
        self.t = BOOT_S
        self.offset_ms = utc_ms - BOOT_S * 1e3
        self.state = quality
        self.speed = speed

    def now_ms(self):
        return round(self.t * 1e3 + self.offset_ms)

    def monotonic(self):
        return self.t

    def monotonic_at(self, real_monotonic):
        return self.t

    def ms_at(self, real_monotonic):
        return self.t * 1e3 + self.offset_ms

    def quality(self):
        return self.state

    async def sleep(self, world_seconds):
        self.t += max(0.0, world_seconds)
        await asyncio.sleep(0)


class MemoryOutbox:
    """Commits into a list. ``full``: refuses like a full disk."""

    def __init__(self):
        self.records = []
        self.full = False
        self.boot_id = "47d60bf7-b044-4040-8117-930d5623d17d"

    async def commit_async(self, drafts):
        if self.full:
            return []
        sealed = [seal(draft, station="test", epoch=1, seq=len(self.records) + i) for i, draft in enumerate(drafts)]
        self.records += [one.record for one in sealed]
        return sealed

    def holds(self, stream, t):
        return any(record.stream == stream and record.t == t for record in self.records)

    def unacknowledged_times(self, stream):
        return set()

    def stats(self):
        return Nothing()

    def of(self, stream):
        return [record for record in self.records if record.stream == stream]

    def events(self, kind):
        return [record for record in self.of("event") if record.values["kind"] == kind]


class Nothing(msgspec.Struct):
    queued: int = 0


@cache
def example(name="zhoushan-buoy") -> LoadedStation:
    return load_station(example_station(name))


def averaged(loaded: LoadedStation, averaging_ms: int) -> LoadedStation:
    """The same station with another averaging period of its eddy product."""
    products = [p.model_copy(update={"averaging": averaging_ms}) if p.kind == "eddy" else p for p in loaded.station.products]
    station = loaded.station.model_copy(update={"products": products})
    return LoadedStation(station, loaded.site, loaded.config_hash, loaded.path)


def source_of(loaded: LoadedStation, instrument_id: str) -> Source:
    instrument = loaded.station.instrument(instrument_id)
    driver = make_driver(instrument, load_card(instrument.model))
    return Source(instrument, driver, Watch(instrument, driver.stats, 0.0))


def sources_of(loaded: LoadedStation) -> dict[str, Source]:
    return {item.id: source_of(loaded, item.id) for item in loaded.station.instruments}


def sonic_reading(u, v=0.0, w=0.0, ts=15.0, *, status="00"):
    values = {"wind_u": u, "wind_v": v, "wind_w": w, "sonic_temperature": ts}
    if status not in ("00", "0A", "0B"):
        values = dict.fromkeys(values)
    return Reading(0.0, {"status": status}, status == "00", quantities=values)


def gas_reading(co2, h2o=500.0, *, index=None, diagnostic=254):
    values = {"co2_density": co2, "h2o_density": h2o, "gas_temperature": 14.0, "gas_pressure": 101.3, "signal_strength": 93.0}
    return Reading(0.0, {"DiagVal": diagnostic, "Ndx": index}, True, quantities=values)


def parts(clock=None):
    """``(clock, time, outbox, recorder)``, ready to use inside an event loop."""
    clock = clock or HandClock()
    time, outbox = StationTime(clock), MemoryOutbox()
    return clock, time, outbox, Recorder(outbox, time, simulated=True)
