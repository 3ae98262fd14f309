"""A whole centre for tests without a broker: a real store with committed records, hub, alarms and HTTP on a free port."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import msgspec

from collector import alarms
from collector.api.app import serve
from collector.centre import Centre
from collector.config import CollectorConfig
from collector.hub import Hub, Notice
from collector.ingest.views import recall, take_live, take_records
from collector.store.queries import ReaderPool
from collector.store.store import Batch, BirthBody, Parked, Store
from firmware_config.records import Draft, seal
from tests.collector.alarms.bench import T0, HandClock, birth


class Staged:
    """The centre and its store; `commit` does what ingest does: first the transaction, then hub and notice."""

    def __init__(self, folder, clock=None, **config):
        self.clock = clock or HandClock()
        self.config = CollectorConfig.model_validate({"data": folder, **config})
        self.store = Store(folder / "store.db", check=False)
        self.hub = Hub()
        self.ingest = {"state": "listening", "broker": True, "store_ok": True, "records": 0, "parked": 0}
        self.centre = Centre(
            config=self.config,
            clock=self.clock,
            hub=self.hub,
            reader=ReaderPool(folder / "store.db"),
            data=folder,
            started_ms=self.clock.now_ms(),
            status={"ingest": lambda: self.ingest},
        )
        self.numbers = {}

    def draft(self, values, *, t, station="buoy", stream="minute", dt=60_000, epoch=1, seq=None, **fields):
        """A sealed record under the next number of its stream."""
        if seq is None:
            seq = self.numbers.get((station, stream, epoch), 0)
        self.numbers[station, stream, epoch] = seq + 1
        flags = {name: 9 if value is None else 1 for name, value in values.items()} if stream != "event" else {}
        given = {"t": t, "dt": dt, "clock": "synchronised", "values": values, "flags": flags, "stream": stream, **fields}
        return seal(Draft(**given), station=station, epoch=epoch, seq=seq)

    def event(self, kind, *, t, severity="alarm", **detail):
        return self.draft({"kind": kind, "severity": severity}, t=t, stream="event", dt=0, detail=detail)

    def commit(self, *sealed, tell=True):
        """Commit records and tell the hub of them (``tell=False``: killed in between)."""
        done = self.store.commit(Batch(list(sealed)), self.clock.now_ms())
        for station, records in done.new.items():
            self.hub.station(station).heard_ms = self.clock.now_ms()
            take_records(self.hub.station(station), records)
            if tell:
                self.hub.publish(Notice("records", station, records))
        return done

    def park(self, station, reason, tell=True):
        self.store.commit(Batch(parked=[Parked(station, reason, "words", "ht/1/x/data", b"x", 1, reason)]), self.clock.now_ms())
        if tell:
            self.hub.publish(Notice("centre", station, {"kind": "parked", "reason": reason, "explanation": "words"}))

    def born(self, station="buoy", **changes):
        told = msgspec.structs.replace(birth(station), **changes)
        view = self.hub.station(station)
        view.birth, view.heard_ms = told, self.clock.now_ms()
        self.store.commit(Batch(births=[BirthBody(station, msgspec.json.encode(told))]), self.clock.now_ms())
        self.hub.publish(Notice("birth", station, told))
        return told

    def live(self, message, station="buoy"):
        view = self.hub.station(station)
        view.heard_ms = self.clock.now_ms()
        take_live(view, message)
        self.hub.publish(Notice("live", station, message))

    def recall(self):
        """What ingest does at its start: the hub as the store remembers it."""
        from collector.store.queries import Reader

        reader = Reader(self.centre.reader.path)
        for row in reader.stations():
            recall(self.hub, row.name, reader.newest(row.name), row.heard_ms)
            self.hub.station(row.name).birth = row.birth
        reader.close()

    async def told(self, queue, condition=lambda alarm: True):
        """The next alarm the hub tells of that fits."""
        while True:
            notice = await asyncio.wait_for(queue.get(), 30)
            if notice.kind == "alarm" and condition(notice.payload):
                return notice.payload

    async def told_while_time_passes(self, queue, step_ms):
        """The next alarm, with the world's clock going on by ``step_ms`` for every tick of the engine."""
        for _ in range(60):
            self.clock.now += step_ms
            try:
                return await asyncio.wait_for(self.told(queue), 0.6)
            except TimeoutError:
                continue
        raise AssertionError("no alarm came")


@asynccontextmanager
async def staged(folder, *, http=False, **config):
    """A running centre; ``http``: its settings (False: alarms only)."""
    bench = Staged(folder, **config, **({"http": http} if http else {}))
    bench.recall()
    part = None
    engine = await alarms.start(bench.centre)
    try:
        if http:
            part = await serve(bench.centre, bench.config.http)
            bench.url = f"http://127.0.0.1:{part.port}"
        bench.part, bench.engine = part, engine
        yield bench
    finally:
        if part is not None:
            await part.stop()
        await engine.stop()
        bench.centre.reader.close()
        bench.store.close()


OPEN = {"host": "127.0.0.1", "port": 0, "view": "open", "operators": "open"}
__all__ = ["OPEN", "T0", "Staged", "staged"]
