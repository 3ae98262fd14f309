"""The uplink with real brokers: what the outbox keeps arrives, whatever the broker and the centre do; and nothing is taken for delivered."""

from __future__ import annotations

import asyncio
import contextlib
import sys

import pytest

from edge.uplink import Uplink
from firmware_config.base.mqtt import MqttSession
from firmware_config.messages import Live
from tests.edge.outbox.bench import STATION, HandClock, draft
from tests.edge.uplink.bench import CENTRE, Centre, birth, carrying, kept, station, until

pytestmark = pytest.mark.needs("mosquitto")


@pytest.fixture
def centre(mosquitto):
    centre = Centre(mosquitto.broker)
    yield centre
    centre.stop()


async def test_nothing_is_sent_while_the_centre_does_not_listen(outbox, mosquitto, centre):
    centre.listening = False
    centre.start()
    outbox.commit([draft(n=n) for n in range(5)])
    async with carrying(
        outbox, mosquitto.broker, live=lambda: Live(t=1, clock="synchronised", values={}), uplink={"live_every": "50ms"}
    ) as uplink:
        await until(lambda: uplink.centre is not None and uplink.centre.state == "full")
        outbox.commit([draft("event", 1)])
        await until(lambda: centre.heard["birth"])
        assert not uplink.listening
        assert not centre.got
        assert not centre.heard["live"]
        centre.listening = True
        centre.say_state()
        await until(lambda: centre.got.keys() == kept(outbox))
        await until(lambda: centre.heard["live"])
        await until(lambda: outbox.stats().depth == 0)
        centre.stop()
        await until(lambda: not uplink.listening)
        outbox.commit([draft("eddy", 1)])
        assert outbox.stats().depth == 1


async def test_a_puback_is_no_promise(outbox, mosquitto, centre):
    """The broker takes everything; the centre says nothing: all of it stays unacknowledged, and is sent again, later and later."""
    centre.acknowledge = False
    centre.start()
    outbox.commit([draft(n=n) for n in range(10)])
    async with carrying(outbox, mosquitto.broker, resend_after_s=0.3) as uplink:
        await until(lambda: centre.doubles >= 20)
        assert outbox.stats().depth == 10
        due = [flight.due_s for flight in uplink._flights._flights]
        assert len(due) >= 1
        assert all(flight.sent >= 3 for flight in uplink._flights._flights)
        centre.say_ack()
        await until(lambda: outbox.stats().depth == 0)
        assert len(uplink._flights) == 0
    assert centre.conflicts == 0


async def test_a_new_life_of_the_centre_gets_what_the_old_one_did_not_commit(outbox, mosquitto, centre):
    centre.acknowledge = False
    centre.start()
    outbox.commit([draft(n=n) for n in range(10)])
    async with carrying(outbox, mosquitto.broker):
        await until(lambda: len(centre.got) == 10)
        with centre.lock:
            centre.got.clear()  # it died before it committed
        centre.since, centre.acknowledge = 2, True
        centre.say_state()
        await until(lambda: outbox.stats().depth == 0)
        assert centre.got.keys() == kept(outbox)


async def test_a_centre_restored_from_a_backup_is_refilled_by_itself(outbox, mosquitto, centre):
    centre.start()
    outbox.commit([draft(n=n) for n in range(50)])
    async with carrying(outbox, mosquitto.broker):
        await until(lambda: outbox.stats().depth == 0)
        with centre.lock:
            for key in [key for key in centre.got if key[2] >= 20]:
                del centre.got[key]
        centre.say_ack()
        await until(lambda: len(centre.got) == 50)
        await until(lambda: outbox.stats().depth == 0)


async def test_events_first_then_newest_and_the_backlog_does_not_starve_new_data(outbox, mosquitto, centre):
    outbox.commit([draft("minute", n) for n in range(400)])
    outbox.commit([draft("event", n) for n in range(3)])
    async with carrying(outbox, mosquitto.broker, uplink={"batch": 10, "backlog_records_per_s": 40}):
        centre.start()
        await until(lambda: len(centre.order) >= 4)
        first = centre.order[:3]
        assert [key[0] for key in first[0]] == ["event"] * 3
        assert first[1] == [("minute", outbox.epoch, seq) for seq in range(399, 389, -1)] or first[1][0][2] > 380
        await until(lambda: any(key == ("minute", outbox.epoch, 0) for batch in centre.order for key in batch))
        (new,) = outbox.commit([draft("eddy", 1)])
        key = ("eddy", outbox.epoch, new.record.seq)
        await until(lambda: key in centre.got)
        assert len(centre.got) < 400, "the new record came before the backlog was through"


async def test_nonsense_from_outside_is_counted_and_ignored(outbox, mosquitto, centre):
    centre.start()
    async with carrying(outbox, mosquitto.broker) as uplink:
        await until(lambda: uplink.listening)
        for raw in (b"", b"{", b"\xff" * 100, b"[1,2]", b'{"t":1}', b"\x28\xb5\x2f\xfd" + b"x" * 50, b"[" * 100_000, b"x" * 600_000):
            for leaf, count in (("ack", "bad_ack"), ("cmd", "bad_command")):
                before = uplink.counts[count]
                centre.say(f"{STATION}/{leaf}", None, raw=raw, retain=False)
                await until(lambda count=count, before=before: uplink.counts[count] > before)
        centre.say(f"{STATION}/ack", {"t": 1, "streams": {"minute": {"1": [[5, 2]]}}}, retain=False)
        centre.say(f"{CENTRE}/state", {"state": "sleeping"}, retain=False)
        await until(lambda: uplink.counts["bad_state"] == 1)
        outbox.commit([draft()])
        await until(lambda: outbox.stats().depth == 0)


async def test_commands_are_answered_once_and_not_when_expired(outbox, mosquitto, centre):
    centre.start()
    clock = HandClock()
    async with carrying(outbox, mosquitto.broker, clock) as uplink:
        await until(lambda: uplink.listening)
        for command in (
            {"id": "1", "command": "ping"},
            {"id": "1", "command": "ping"},
            {"id": "2", "command": "reboot"},
            {"id": "3", "command": "resend", "expires": clock.ms - 1},
            {"id": "4", "command": "resend", "expires": clock.ms + 1000},
        ):
            centre.say(f"{STATION}/cmd", command, retain=False)
        await until(lambda: len(centre.heard["reply"]) >= 4)
        replies = {reply["id"]: reply for reply in centre.heard["reply"]}
        assert {name: reply["ok"] for name, reply in replies.items()} == {"1": True, "2": False, "3": False, "4": True}
        assert "not supported" in replies["2"]["text"]
        assert "expired" in replies["3"]["text"]
        assert replies["1"]["detail"]["depth"] == 0
        centre.say(f"{STATION}/cmd", {"id": "5", "command": "ping"}, retain=True)
        await until(lambda: len(centre.heard["reply"]) == 5)
    async with carrying(outbox, mosquitto.broker, clock) as uplink:
        await until(lambda: uplink.counts["bad_command"] == 1)  # the retained one, met again at the next connect
        assert len(centre.heard["reply"]) == 5


async def test_resend_on_command(outbox, mosquitto, centre):
    centre.acknowledge = False
    centre.start()
    outbox.commit([draft(n=n) for n in range(5)])
    async with carrying(outbox, mosquitto.broker):
        await until(lambda: len(centre.got) == 5)
        centre.say(f"{STATION}/cmd", {"id": "a", "command": "resend"}, retain=False)
        await until(lambda: centre.doubles == 5)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_the_dead_mqtt_thread_is_noticed_and_replaced(outbox, mosquitto, centre, monkeypatch):
    monkeypatch.setattr("edge.uplink.uplink.WATCH_S", 0.05)
    centre.start()
    async with carrying(outbox, mosquitto.broker) as uplink:
        await until(lambda: uplink.listening)
        session: MqttSession = uplink._session
        session._client.loop_misc = sys.exit  # paho's loop leaves, as after an exception; nobody is told
        await until(lambda: not session.alive)
        await until(lambda: uplink.counts["sessions_restarted"] == 1)
        outbox.commit([draft()])
        await until(lambda: outbox.stats().depth == 0)


async def test_a_birth_that_cannot_be_made_does_not_stop_the_records(outbox, mosquitto, centre):
    centre.start()
    outbox.commit([draft()])
    one = Uplink(outbox, station(), HandClock(), mosquitto.broker, lambda: 1 / 0, linger_s=0.02, settle_s=0.2)
    task = asyncio.create_task(one.run())
    await until(lambda: outbox.stats().depth == 0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_live_values_go_at_their_pace_and_are_off_on_a_metered_plan(outbox, mosquitto, centre):
    centre.start()
    shown = Live(t=7, clock="synchronised", values={"air_temperature@mast": 3.5}, flags={"air_temperature@mast": 1})
    async with carrying(outbox, mosquitto.broker, live=lambda: shown, uplink={"live_every": "50ms"}):
        await until(lambda: len(centre.heard["live"]) >= 3)
    assert centre.heard["live"][0]["values"] == {"air_temperature@mast": 3.5}
    for uplink, on in (({"plan_mb_per_month": 30}, False), ({"plan_mb_per_month": 30, "live": True}, True), ({"live": False}, False)):
        assert Uplink(outbox, station(**uplink), HandClock(), mosquitto.broker, birth)._live_is_on() is on


async def test_the_will_says_offline_when_the_station_is_killed(outbox, mosquitto, centre):
    centre.start()
    one = Uplink(outbox, station(), HandClock(), mosquitto.broker, birth)
    task = asyncio.create_task(one.run())
    await until(lambda: one.listening)
    one._session._client._sock.shutdown(2)
    one._session._client.disconnect = lambda: None
    await until(lambda: any(state["state"] == "offline" for state in centre.heard["state"]))
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
