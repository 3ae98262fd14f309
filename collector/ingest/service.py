"""Ingest as a part of the centre: the MQTT session, the writer's thread, and what the hub is told.

Messages arrive in paho's thread, which only passes them on: data to the inbox of the writer, everything small (state, birth, live) to the
event loop. The session is persistent and acknowledges by hand, so the broker delivers again what was not committed; but the stations do
not rely on that.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import apsw

from collector.centre import Centre
from collector.config import CollectorConfig
from collector.hub import Notice
from collector.ingest.inbox import Inbox
from collector.ingest.intake import Intake, check_time, parked
from collector.ingest.smallmail import SmallMail
from collector.ingest.views import recall, take_live, take_records, take_state
from collector.ingest.writer import News, Writer
from collector.store.queries import Reader
from firmware_config.base import log
from firmware_config.base.mqtt import Broker, Message, MqttSession, Will
from firmware_config.errors import WireError
from firmware_config.messages import CentreState, Live, StationState
from firmware_config.records import ClockQuality, decode_message, encode_message
from firmware_config.topics import every_station, parse_topic, topic

logger = log.get(__name__)
WATCH_S = 2.0
SCRUB_ROWS = 500
MAX_LIVE_VALUES = 2_000
FAREWELL_S = 5.0
NOTICE_EVERY_MS = 1_800_000
"""The same trouble of the same station is told again after this time at the earliest, while it lasts."""
SUBSCRIPTIONS = tuple((every_station(leaf), qos) for leaf, qos in (("data", 1), ("state", 1), ("birth", 1), ("live", 0)))


class Ingest:
    """`start` connects and begins to commit; `stop` says ``gone`` and ends with the present transaction."""

    def __init__(self, centre: Centre, broker: Broker) -> None:
        self._centre = centre
        self._broker = broker
        self._loop = asyncio.get_running_loop()
        config: CollectorConfig = centre.config
        settings = config.ingest
        self.intake = Intake(
            centre=config.centre,
            accept_simulated=config.accept_simulated,
            future_ms=settings.future,
            stations=config.stations,
            max_stations=settings.max_stations,
        )
        self.inbox = Inbox(max_bytes=settings.queue, group_s=settings.group / 1e3, group_messages=settings.group_messages)
        self.counts: dict[str, int] = dict.fromkeys(("records", "same", "conflicts", "parked", "live", "salvaged"), 0)
        self._told: dict[tuple[str, str, str], tuple[int, int]] = {}
        self._early: list[News] | None = []
        """what the writer told before the other parts could listen"""
        self.writer = Writer(
            centre=config.centre,
            path=centre.data / "store.db",
            settings=config.store,
            inbox=self.inbox,
            intake=self.intake,
            clock=centre.clock,
            tell=self._from_writer,
        )
        self._session = self._new_session()
        self.tasks: list[asyncio.Task[None]] = []
        self._damaged_seen = self._scrubbed = 0
        self._small = SmallMail()
        centre.status["ingest"] = self.status

    def _new_session(self) -> MqttSession:
        centre_id = self._centre.config.centre
        gone = CentreState(state="gone", t=self._centre.clock.now_ms())
        return MqttSession(
            self._broker,
            f"haitan-centre-{centre_id}",
            SUBSCRIPTIONS,
            on_message=self._on_message,
            on_up=self.writer.announce,
            will=Will(topic(centre_id, "state"), encode_message(gone)),
            manual_ack=True,
        )

    async def start(self) -> None:
        remembered = await self._centre.reader.run(_remember)
        for station, records, heard_ms, birth in remembered:
            recall(self._centre.hub, station, records, heard_ms)
            self._centre.hub.station(station).birth = birth
        early, self._early = self._early or [], None
        for news in early:
            self._on_news(news)
        self.writer.outlet = self._session
        self.writer.start()
        self._session.start()
        self.tasks.append(asyncio.create_task(self._keep_watch()))

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, RuntimeError):
                await task
        await asyncio.to_thread(self.writer.stop)
        gone = CentreState(state="gone", t=self._centre.clock.now_ms())
        with contextlib.suppress(TimeoutError):
            await self._session.publish_and_wait(
                topic(self._centre.config.centre, "state"), encode_message(gone), retain=True, timeout_s=FAREWELL_S
            )
        await asyncio.to_thread(self._session.stop)

    def status(self) -> dict[str, Any]:
        """``state`` listening or full; ``broker``: connected; counts since the start; ``since`` of the state."""
        state = self.writer.state()
        return {
            "state": state.state,
            "since": state.since,
            "broker": self._session.connected,
            "store_ok": not self.writer.full,
            "refused_for_memory": self.inbox.refused,
            "acks": self.writer.acks,
            **self.counts,
        }

    # --- paho's thread

    def _on_message(self, message: Message) -> None:
        try:
            station, leaf = parse_topic(message.topic)
        except WireError as error:
            self._session.acknowledge(message)
            self.inbox.put(parked("", error.reason, str(error), message.topic, message.payload))
            return
        if leaf == "data":
            if not self.inbox.put(message):
                self._session.acknowledge(message)  # no promise: the station sends it again
            return
        self._session.acknowledge(message)
        if station != self._centre.config.centre and self._small.put(station, leaf, message):
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be told
                self._loop.call_soon_threadsafe(self._hear_small)

    def _from_writer(self, news: News) -> None:
        if self._early is not None:
            self._early.append(news)
            return
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be told
            self._loop.call_soon_threadsafe(self._on_news, news)

    # --- the event loop

    def _hear_small(self) -> None:
        for station, leaf, message in self._small.take():
            self._on_small(station, leaf, message)

    def _on_small(self, station: str, leaf: str, message: Message) -> None:
        try:
            {"state": self._on_state, "birth": self._on_birth, "live": self._on_live}[leaf](station, message)
        except WireError as error:
            payload = b"" if leaf == "live" else message.payload
            self.inbox.put(parked(station, error.reason, str(error), message.topic, payload))
            return
        self.writer.greet(station)

    def _on_state(self, station: str, message: Message) -> None:
        state = decode_message(message.payload, StationState)
        self.intake.admit(station)
        self.intake.check_simulated(state.simulated)
        take_state(self._centre.hub.station(station), state, self._centre.clock.now_ms(), retained=message.retain)
        self._centre.hub.publish(Notice("state", station, state))
        if not message.retain and state.state != "offline":
            self._compare_clocks(station, state.t, state.clock)

    def _on_birth(self, station: str, message: Message) -> None:
        birth, kept = self.intake.birth(station, message.payload)
        view = self._centre.hub.station(station)
        view.birth = birth
        if not message.retain:
            view.heard_ms = self._centre.clock.now_ms()
        self.inbox.put(kept)
        self._centre.hub.publish(Notice("birth", station, birth))

    def _on_live(self, station: str, message: Message) -> None:
        live = decode_message(message.payload, Live)
        if len(live.values) > MAX_LIVE_VALUES:
            raise WireError("too_large", f"live message of {len(live.values)} values; the limit is {MAX_LIVE_VALUES}")
        self.intake.admit(station)
        self.intake.check_simulated(live.simulated)
        clock = self._centre.clock
        view = self._centre.hub.station(station)
        view.heard_ms = clock.now_ms()  # also of one whose clock is wrong
        self._compare_clocks(station, live.t, live.clock)
        if live.clock != "unset":
            check_time(live.t, self.intake.latest(clock.now_ms(), clock_is_set=clock.quality() != "unset"))
        self.counts["live"] += 1
        take_live(view, live)
        self._centre.hub.publish(Notice("live", station, live))

    def _compare_clocks(self, station: str, sent_ms: int, quality: ClockQuality) -> None:
        """Tell by how much the time in a message that was sent just now differs from ours; a clock that is not set says nothing."""
        ours = self._centre.clock
        if sent_ms > 0 and quality != "unset" and ours.quality() != "unset":
            self._centre.hub.publish(Notice("clock", station, (sent_ms - ours.now_ms()) / 1e3))

    def _on_news(self, news: News) -> None:
        hub = self._centre.hub
        if news.committed is not None:
            self._on_committed(news)
        for one in news.parked:
            self.counts["parked"] += 1
            station = one.station if one.station in self.intake.known else ""  # a stranger is no station of ours
            if station and one.reason == "future":
                hub.station(station).heard_ms = self._centre.clock.now_ms()  # its clock is wrong; it is there all the same
            self._tell_now_and_then("parked", station, one.reason, {"explanation": one.explanation, "topic": one.topic})
        if news.full is not None:
            hub.publish(Notice("centre", "", {"kind": "disk_full", "text": str(news.full), "reason": news.full.reason}))
        if news.room:
            hub.publish(Notice("centre", "", {"kind": "disk_ok"}))
        if news.salvage is not None:
            self.counts["salvaged"] += 1
            saved = news.salvage
            facts = {"kind": "store_damaged", "text": saved.problem, "kept": saved.kept, "file": str(saved.damaged)}
            facts |= {"count": saved.lost, "lost_by_station": saved.lost_by_station} if saved.lost is not None else {}
            hub.publish(Notice("centre", "", facts))

    def _on_committed(self, news: News) -> None:
        assert news.committed is not None
        now, hub = self._centre.clock.now_ms(), self._centre.hub
        for station in news.committed.touched:
            hub.station(station).heard_ms = now
        for station, records in news.committed.new.items():
            take_records(hub.station(station), records)
            self.counts["records"] += len(records)
            hub.publish(Notice("records", station, records))
        self.counts["same"] += news.committed.same
        for (station, stream, epoch, seq), kept, came in news.committed.conflicts:
            self.counts["conflicts"] += 1
            text = f"number {stream} {epoch}/{seq} came with other content"
            self._tell_now_and_then("conflict", station, stream, {"epoch": epoch, "seq": seq, "kept": kept, "came": came, "text": text})

    def _tell_now_and_then(self, kind: str, station: str, what: str, facts: dict[str, Any]) -> None:
        """A notice of the same kind, station and reason goes out once per `NOTICE_EVERY_MS`, with the count since the last."""
        now = self._centre.clock.now_ms()
        key = kind, station, what
        last, count = self._told.get(key, (None, 0))
        if last is not None and 0 <= now - last < NOTICE_EVERY_MS:
            self._told[key] = last, count + 1
            return
        if len(self._told) > 10_000:
            self._told.clear()
        self._told[key] = now, 0
        name = "reason" if kind == "parked" else "stream"
        self._centre.hub.publish(Notice("centre", station, {"kind": kind, name: what, "count": count + 1, **facts}))

    async def _keep_watch(self) -> None:
        """Restart what died without a word; have the store salvaged when readers met damaged rows."""
        while True:
            await asyncio.sleep(WATCH_S)
            if not self._session.alive:
                logger.error("the MQTT thread has died, starting another")
                self._session = self.writer.outlet = self._new_session()
                self._session.start()
            if not self.writer.alive:
                raise RuntimeError("the writer's thread has died")
            await self._scrub()
            if self._centre.reader.damaged > self._damaged_seen:
                self._damaged_seen = self._centre.reader.damaged
                self.writer.rebuild(f"{self._damaged_seen} rows do not match their hash")

    async def _scrub(self) -> None:
        """Look at the next rows, round and round: a spoilt one is noticed while its station may still hold it."""
        with contextlib.suppress(apsw.Error, UnicodeDecodeError, OSError):  # counted by the reader, or the file is being replaced
            self._scrubbed = await self._centre.reader.run(lambda reader: reader.scrub(self._scrubbed, SCRUB_ROWS))


def _remember(reader: Reader) -> list[tuple[str, Any, int | None, Any]]:
    return [(row.name, reader.newest(row.name), row.heard_ms, row.birth) for row in reader.stations()]
