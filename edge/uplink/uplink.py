"""The uplink itself: one MQTT session, one loop that sends, one that hears.

paho's thread only leaves messages in a small mailbox and wakes the event loop; everything else happens there, and the outbox's work in the
outbox's thread. No failure ends the uplink: a broken connection, a centre that is away, nonsense on a topic, a dead paho thread.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

import msgspec

from edge.errors import OutboxError
from edge.outbox import Outbox, Row
from edge.outbox.holdings import read_ack
from edge.uplink.flights import Flights, Pace
from edge.uplink.orders import Orders
from firmware_config.base import log
from firmware_config.base.clock import Clock
from firmware_config.base.mqtt import Broker, Message, MqttSession, Will
from firmware_config.errors import WireError
from firmware_config.messages import Ack, Birth, CentreState, Command, Live, StationState
from firmware_config.records import decode_message, encode_batch, encode_message
from firmware_config.station import Station
from firmware_config.topics import topic

logger = log.get(__name__)

BATCH_BYTES = 200_000
"""Bytes of bodies in one message: below every broker's limit even without compression."""
WAKE_S = 1.0
WATCH_S = 5.0
FAREWELL_S = 2.0
MOST_COMMANDS = 50


class _Mailbox:
    """What arrived and has not been looked at: only the newest of ``ack`` and ``state``, a few commands. Filled in paho's thread."""

    def __init__(self) -> None:
        self.newest: dict[str, Message] = {}
        self.commands: deque[Message] = deque(maxlen=MOST_COMMANDS)


class Uplink:
    """Carries an outbox to the centre until `run` is cancelled. All times given here are real seconds.

    ``window``: messages awaiting their PUBACK (the backlog uses at most half). ``linger_s``: how long a commit waits for company.
    ``resend_after_s``: when a record that was sent and not acknowledged is sent again, doubling; None: 60 s in the field, less (at least
    5 s) in a faster world. ``settle_s``: how long after a connect the acknowledgement is awaited before anything is sent.
    ``session``: makes the MQTT session (another one in tests).
    """

    def __init__(
        self,
        outbox: Outbox,
        station: Station,
        clock: Clock,
        broker: Broker,
        birth: Callable[[], Birth],
        live: Callable[[], Live | None] = lambda: None,
        *,
        window: int = 20,
        linger_s: float = 0.1,
        resend_after_s: float | None = None,
        settle_s: float = 1.0,
        session: Callable[..., MqttSession] = MqttSession,
    ) -> None:
        self.outbox = outbox
        self.station = station
        self.clock = clock
        self.broker = broker
        self.counts: Counter[str] = Counter()
        self.connected = False
        self.centre: CentreState | None = None
        self._birth = birth
        self._live = live
        self._window = window
        self._linger_s = linger_s
        self._settle_s = settle_s
        self._make_session = session
        self._batch = station.uplink.batch
        self._newest = 2 * station.uplink.batch
        self._metered = station.uplink.plan_mb_per_month is not None
        self._flights = Flights(resend_after_s if resend_after_s is not None else min(60.0, max(5.0, 60.0 / clock.speed)))
        self._pace = Pace(station.uplink.backlog_records_per_s, self._batch, time.monotonic())
        self._orders = Orders(clock, {"ping": self._ping, "resend": self._resend})
        self._mailbox = _Mailbox()
        self._link = 0
        self._slots = {"front": 0, "backlog": 0}
        self._send_from_s = 0.0
        self._previous_epoch: int | None = None
        self._simulated = False
        self._session: MqttSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self._heard = asyncio.Event()
        self._committed = False
        self._held_back = False

    # ---- life ------------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Carry on until cancelled; then say ``stopping`` and disconnect."""
        self._loop = asyncio.get_running_loop()
        self.outbox.listen(partial(self._from_thread, self._on_commit))
        self._start_session()
        try:
            async with asyncio.TaskGroup() as tasks:
                for name in ("_pump", "_hear", "_watch", "_live_loop"):
                    tasks.create_task(self._for_ever(getattr(self, name)), name=f"uplink{name}")
        finally:
            await self._farewell()

    async def _for_ever(self, turn: Callable[[], Awaitable[None]]) -> None:
        """Turn after turn; one that fails is logged (once for each kind of failure in a row) and tried again."""
        said = ""
        while True:
            try:
                await turn()
                said = ""
            except Exception as error:
                self.counts["failures"] += 1
                if said != (said := repr(error)):
                    logger.exception("uplink stumbled and goes on", station=self.station.id)
                await asyncio.sleep(WAKE_S)
                if isinstance(error, OutboxError) and self.outbox.closed:
                    return

    def _start_session(self) -> None:
        station = self.station
        will = StationState(state="offline", t=self.clock.now_ms(), clock=self.clock.quality(), simulated=self._simulated)
        self._session = self._make_session(
            self.broker,
            station.id,
            ((topic(station.id, "ack"), 0), (topic(station.id, "cmd"), 1), (topic(station.uplink.centre, "state"), 0)),
            on_message=self._on_message,
            on_up=partial(self._from_thread, self._on_up),
            on_down=partial(self._from_thread, self._on_down),
            will=Will(topic(station.id, "state"), encode_message(will)),
        )
        self._session.start()

    async def _farewell(self) -> None:
        session = self._session
        if session is None:
            return
        state = StationState(state="stopping", t=self.clock.now_ms(), clock=self.clock.quality(), simulated=self._simulated)
        with suppress(Exception):
            await session.publish_and_wait(topic(self.station.id, "state"), encode_message(state), retain=True, timeout_s=FAREWELL_S)
        await asyncio.to_thread(session.stop)

    async def _watch(self) -> None:
        """Housekeeping of the outbox; and paho's thread, which can die without a word."""
        await asyncio.sleep(WATCH_S)
        session = self._session
        if session is not None and not session.alive:
            logger.error("the MQTT thread died: a new session is begun", station=self.station.id)
            self.counts["sessions_restarted"] += 1
            self._on_down()
            with suppress(Exception):
                await asyncio.to_thread(session.stop)
            self._start_session()
        await self.outbox.tend_async()

    # ---- from other threads ----------------------------------------------------------------------------------------------

    def _from_thread(self, call: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody is left to be told
            if self._loop is not None:
                self._loop.call_soon_threadsafe(call)

    def _on_message(self, message: Message) -> None:
        """In paho's thread."""
        leaf = message.topic.rpartition("/")[2]
        if leaf == "cmd":
            self._mailbox.commands.append(message)
        else:
            self._mailbox.newest[leaf] = message
        self._from_thread(self._heard.set)

    def _on_commit(self) -> None:
        self._committed = True
        self._wake.set()

    def _on_up(self) -> None:
        self._begin_link()
        self.connected = True
        self.counts["connects"] += 1
        self.announce()

    def _on_down(self) -> None:
        self.connected = False
        self._mailbox.newest.clear()
        self._begin_link()

    def _begin_link(self) -> None:
        """A new connection, or none: nothing is on its way, the centre's state is unknown until it is heard."""
        self._link += 1
        self._flights.clear()
        self._slots = {"front": 0, "backlog": 0}
        self.centre = None
        self._send_from_s = time.monotonic() + self._settle_s

    def announce(self) -> None:
        """Publish birth and state (at each connect; call it again when the birth changes). From the event loop only."""
        if self._session is None:
            return
        try:
            birth = msgspec.structs.replace(
                self._birth(), epoch=self.outbox.epoch, previous_epoch=self.outbox.previous_epoch, boot_id=self.outbox.boot_id
            )
            self._simulated = birth.simulated
            self._previous_epoch = birth.previous_epoch
            self._session.publish(topic(self.station.id, "birth"), encode_message(birth), retain=True)
        except Exception:
            logger.exception("the birth message cannot be made", station=self.station.id)
        state = StationState(state="online", t=self.clock.now_ms(), clock=self.clock.quality(), simulated=self._simulated)
        self._session.publish(topic(self.station.id, "state"), encode_message(state), retain=True)

    # ---- hearing ---------------------------------------------------------------------------------------------------------

    async def _hear(self) -> None:
        await self._heard.wait()
        self._heard.clear()
        for leaf, take in (("state", self._take_state), ("ack", self._take_ack)):
            if (message := self._mailbox.newest.pop(leaf, None)) is not None:
                await self._checked(f"bad_{leaf}", message, take)
        while self._mailbox.commands:
            await self._checked("bad_command", self._mailbox.commands.popleft(), self._take_command)

    async def _checked(self, count: str, message: Message, take: Callable[[Message], Awaitable[None]]) -> None:
        """Nonsense from outside is counted and ignored."""
        try:
            await take(message)
        except WireError as error:
            self.counts[count] += 1
            if self.counts[count] == 1:
                logger.warning(
                    "a message makes no sense and is ignored", topic=message.topic[:200], reason=error.reason, problem=str(error)[:500]
                )

    async def _take_state(self, message: Message) -> None:
        state = decode_message(message.payload, CentreState)
        before, self.centre = self.centre, state
        if before is not None and before.since != state.since:
            self._flights.clear()
        if before is None or before.state != state.state:
            logger.info("centre", state=state.state, station=self.station.id)
        self._wake.set()

    async def _take_ack(self, message: Message) -> None:
        ack = decode_message(message.payload, Ack)
        acked = read_ack(ack)
        if await self.outbox.apply_ack_async(ack, retained=message.retain):
            self.counts["acks"] += 1
            self._flights.acknowledged(acked)
        self._send_from_s = 0.0
        if self.outbox.previous_epoch != self._previous_epoch:
            self.announce()
        self._wake.set()

    async def _take_command(self, message: Message) -> None:
        if message.retain:
            raise WireError("retained", "a retained command would be carried out again at each connect")
        reply = await self._orders.carry_out(decode_message(message.payload, Command))
        self.counts["commands"] += 1
        if reply is not None and self._session is not None:
            self._session.publish(topic(self.station.id, "reply"), encode_message(reply))

    async def _ping(self, args: dict[str, object]) -> dict[str, object]:
        del args
        stats = await self.outbox.stats_async()
        return {"depth": stats.depth, "oldest_age_s": stats.oldest_age_s, "on_their_way": len(self._flights), "counts": dict(self.counts)}

    async def _resend(self, args: dict[str, object]) -> dict[str, object]:
        del args
        self._flights.clear()
        self._wake.set()
        return {"depth": (await self.outbox.stats_async()).depth}

    # ---- sending ---------------------------------------------------------------------------------------------------------

    @property
    def listening(self) -> bool:
        """Whether the centre can take records now, as far as is known."""
        return self.connected and self.centre is not None and self.centre.state == "listening"

    async def _pump(self) -> None:
        """Wait for a reason to send, then send as long as there is something and the window is open."""
        with suppress(TimeoutError):  # not wait_for, which can swallow a cancellation before Python 3.12
            async with asyncio.timeout(self._wait_s()):
                await self._wake.wait()
        self._wake.clear()
        if self._committed and self._linger_s:
            await asyncio.sleep(self._linger_s)
        self._committed = False
        while self._may_send() and await self._send_one():
            pass

    def _wait_s(self) -> float:
        """How long to sleep when nothing wakes the pump."""
        if not self.listening or sum(self._slots.values()) >= self._window:
            return WAKE_S
        until_s = self._pace.wait_s() if self._held_back else self._flights.next_due_s() - time.monotonic()
        return min(WAKE_S, max(0.02, until_s))

    def _may_send(self) -> bool:
        return self.listening and time.monotonic() >= self._send_from_s and sum(self._slots.values()) < self._window

    async def _send_one(self) -> bool:
        """Pick, encode and publish one message; False when there is nothing to send now."""
        link, now_s = self._link, time.monotonic()
        room = self._slots["backlog"] < max(1, self._window // 2)
        allowed = self._pace.allowed(now_s) if room else 0
        self._held_back = room and not allowed
        backlog = allowed if self._flights.fresh_records() < self._window * self._batch else 0
        picked = await self.outbox.pick_async(self._flights.busy(), self._batch, BATCH_BYTES, newest=self._newest, backlog=backlog)
        flight = self._flights.due(now_s) if allowed and (picked is None or picked.lane == "backlog") else None
        if flight is not None:
            rows = await self.outbox.fetch_again_async(flight.sets, self._batch, BATCH_BYTES)
            if not rows:
                self._flights.forget(flight)
                return True
        elif picked is None:
            return False
        else:
            rows = picked.rows
        if link != self._link or not self.listening:
            return False
        lane = "front" if flight is None and picked is not None and picked.lane != "backlog" else "backlog"
        if not self._publish(rows, link, lane):
            return False
        if flight is not None:
            self._flights.sent_again(flight, now_s)
            self.counts["records_again"] += len(rows)
        else:
            self._flights.add(rows, now_s)
        return True

    def _publish(self, rows: list[Row], link: int, lane: str) -> bool:
        payload = encode_batch(((row.hash, row.body) for row in rows), compress=True if self._metered else None)
        done = partial(self._from_thread_done, link, lane)
        if self._session is None or not self._session.publish(topic(self.station.id, "data"), payload, done=done):
            return False
        self._slots[lane] += 1
        if lane == "backlog":
            self._pace.took(len(rows))
        self.counts.update(messages=1, records=len(rows), bytes=len(payload))
        return True

    def _from_thread_done(self, link: int, lane: str, ok: bool) -> None:
        self._from_thread(partial(self._on_puback, link, lane, ok))

    def _on_puback(self, link: int, lane: str, ok: bool) -> None:
        if link == self._link and ok:
            self._slots[lane] -= 1
            self._wake.set()

    async def _live_loop(self) -> None:
        """Real time: it is for eyes, and a matter of the link's cost."""
        await asyncio.sleep(self.station.uplink.live_every / 1000)
        if not self._live_is_on() or not self.listening or self._session is None:
            return
        message = self._live()
        if message is not None:
            self._session.publish(topic(self.station.id, "live"), encode_message(message), qos=0)
            self.counts["live"] += 1

    def _live_is_on(self) -> bool:
        """Off on a metered plan, unless the station file says ``live: true`` in so many words."""
        uplink = self.station.uplink
        return uplink.live and (not self._metered or "live" in uplink.model_fields_set)
