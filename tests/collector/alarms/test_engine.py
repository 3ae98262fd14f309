"""The engine in a centre: from a committed record to an alarm that was written before it was told; nothing missed over a kill; no fault ends it."""

from __future__ import annotations

import pytest

from collector.alarms.engine import AlarmEngine
from collector.errors import AlarmRuleError
from collector.hub import Notice
from firmware_config.messages import StationState
from tests.collector.alarms.bench import ALL, MINUTE, T0
from tests.collector.staged import Staged, staged

FULL = {"outbox_share@station": 0.97}


async def test_a_value_becomes_an_alarm_that_is_in_the_journal_before_anyone_hears_of_it(tmp_path):
    async with staged(tmp_path) as bench:
        bench.born()
        queue = bench.hub.subscribe()
        bench.commit(bench.draft(FULL, t=T0 - MINUTE, stream="health"))
        alarm = await bench.told(queue)
        assert (alarm["severity"], alarm["condition"], alarm["raised_ms"]) == ("high", "active", T0)
        assert alarm["message"]["en"] == "Test buoy: the buffer of unsent records is 97 % full (limit 95 %)."
        assert alarm["message"]["zh"] == "测试浮标:未发送记录的缓存已用 97 %(限值 95 %)。"
        assert alarm["guidance"]["en"].startswith("Cause: ")
        (row,) = await bench.engine.journal.transitions(alarm["id"])
        assert row.name == "raised"


async def test_the_whole_life_of_an_alarm(tmp_path):
    async with staged(tmp_path) as bench:
        bench.born()
        queue = bench.hub.subscribe()
        bench.commit(bench.draft(FULL, t=T0 - MINUTE, stream="health"))
        alarm = await bench.told(queue)
        bench.clock.now += 5000
        await bench.engine.book.acknowledge(alarm["id"], "Li", "seen")
        acknowledged = await bench.told(queue)
        assert acknowledged["acknowledged"] == {"who": "Li", "when_ms": T0 + 5000, "comment": "seen"}
        bench.clock.now = T0 + MINUTE
        bench.commit(bench.draft({"outbox_share@station": 0.1}, t=T0, stream="health"))
        cleared = await bench.told(queue)
        assert (cleared["condition"], cleared["returned_ms"], cleared["cleared_ms"]) == ("cleared", T0 + MINUTE, T0 + MINUTE)
        assert [row.name for row in await bench.engine.journal.transitions(alarm["id"])] == [
            "raised",
            "acknowledged",
            "returned",
            "cleared",
        ]


async def test_a_station_that_leaves_is_one_alarm_and_lists_what_it_hides(tmp_path):
    async with staged(tmp_path) as bench:
        bench.born()
        queue = bench.hub.subscribe()
        bench.commit(bench.draft(ALL, t=T0 - MINUTE))
        bench.clock.now += 30 * MINUTE
        alarm = await bench.told(queue)
        assert alarm["rule"] == "station-offline"
        assert "ctd" in alarm["children"]
        assert "minute" in alarm["children"]
        assert alarm["names"]["minute"]["zh"] != alarm["names"]["minute"]["en"]
        assert "ctd" not in alarm["names"], "an instrument's id is its name"
        bench.clock.now += 300 * MINUTE
        bench.hub.publish(Notice("state", "buoy", StationState(state="offline")))
        bench.commit(bench.draft(FULL, t=bench.clock.now - MINUTE, stream="health", station="other"))
        assert (await bench.told(queue))["station"] == "other"
        assert [a.rule for a in bench.engine.book.of_station("buoy")] == ["station-offline"]


async def test_open_alarms_come_back_after_a_restart_and_return_with_their_value(tmp_path):
    async with staged(tmp_path) as bench:
        bench.born()
        queue = bench.hub.subscribe()
        bench.commit(bench.draft(FULL, t=T0 - MINUTE, stream="health"))
        first = await bench.told(queue)
    async with staged(tmp_path) as bench:
        assert [alarm.id for alarm in bench.engine.book.open.values()] == [first["id"]]
        queue = bench.hub.subscribe()
        bench.commit(bench.draft({"outbox_share@station": 0.1}, t=T0 - MINUTE, stream="health", seq=1))
        assert (await bench.told(queue))["condition"] == "returned"


async def test_what_was_committed_just_before_a_kill_is_made_up_for(tmp_path):
    async with staged(tmp_path) as bench:
        bench.born()
        bench.commit(bench.event("outbox_damaged", t=T0, text_en="The outbox was damaged", text_zh="发件箱损坏"), tell=False)
        bench.park("buoy", "bad_hash", tell=False)
        queue = bench.hub.subscribe()
        # the engine asks the store at its first tick
        rules = {(await bench.told(queue))["rule"] for _ in range(2)}
        assert rules == {"station-event", "message-parked"}
    async with staged(tmp_path) as bench:  # and asking again raises nothing twice
        bench.commit(bench.draft(FULL, t=T0 - MINUTE, stream="health"))
        queue = bench.hub.subscribe()
        await bench.told(queue, lambda alarm: alarm["rule"] == "outbox-filling")
        counts = {alarm.rule: alarm.count for alarm in bench.engine.book.open.values()}
        assert counts == {"station-event": 1, "message-parked": 1, "outbox-filling": 1}


async def test_a_queue_that_overflowed_is_made_up_for_from_the_store(tmp_path):
    async with staged(tmp_path) as bench:
        bench.born()
        queue = bench.hub.subscribe()
        bench.commit(bench.draft(FULL, t=T0 - MINUTE, stream="health"))
        await bench.told(queue)
        bench.commit(bench.event("outbox_damaged", t=T0), tell=False)
        bench.hub.missed += 1
        assert (await bench.told(queue))["rule"] == "station-event"


async def test_centre_conditions_follow_what_the_parts_say_of_themselves(tmp_path):
    async with staged(tmp_path) as bench:
        bench.born()
        queue = bench.hub.subscribe()
        bench.ingest["store_ok"] = False
        assert (await bench.told(queue))["key"] == "store-full/"
        bench.ingest["store_ok"] = True
        assert (await bench.told(queue))["condition"] == "returned"
        bench.ingest["broker"] = False
        lost = await bench.told_while_time_passes(queue, 10_000)
        assert (lost["rule"], lost["station"], lost["message"]["zh"][:5]) == ("broker-lost", "", "中心与消息")
        bench.clock.now += 60 * MINUTE  # long deaf: no station is blamed
        bench.ingest["broker"] = True
        assert (await bench.told(queue))["condition"] == "returned"
        assert {alarm.rule for alarm in bench.engine.book.open.values()} == {"store-full", "broker-lost"}


async def test_a_fault_in_judging_is_counted_and_the_next_value_is_judged(tmp_path):
    async with staged(tmp_path) as bench:
        bench.born()
        queue = bench.hub.subscribe()
        bench.hub.publish(Notice("records", "buoy", "not a list of records"))
        bench.hub.publish(Notice("live", "buoy", None))
        bench.hub.publish(Notice("centre", "buoy", {"kind": ["unhashable"]}))
        bench.commit(bench.draft(FULL, t=T0 - MINUTE, stream="health"))
        assert (await bench.told(queue))["rule"] == "outbox-filling"
        assert bench.engine.counts["errors"] >= 2
        assert bench.engine.alive


async def test_an_alarm_whose_rule_was_switched_off_is_withdrawn_at_the_next_start(tmp_path):
    async with staged(tmp_path) as bench:
        bench.born()
        queue = bench.hub.subscribe()
        bench.commit(bench.draft(FULL, t=T0 - MINUTE, stream="health"))
        alarm = await bench.told(queue)
    async with staged(tmp_path, alarms={"rules": [{"id": "outbox-filling", "enabled": False}]}) as bench:
        assert bench.engine.book.open == {}
        assert [row.name for row in await bench.engine.journal.transitions(alarm["id"])] == ["raised", "withdrawn"]


async def test_a_wrong_rule_stops_the_start_with_its_name(tmp_path):
    bench = Staged(tmp_path, alarms={"rules": [{"id": "batery-low"}]})
    with pytest.raises(AlarmRuleError, match="batery-low"):
        AlarmEngine(
            hub=bench.hub,
            clock=bench.clock,
            data=tmp_path,
            settings=bench.config.alarms,
            reader=bench.centre.reader,
            status=bench.centre.status,
        )
    bench.store.close()


async def test_many_strangers_are_one_alarm_of_the_centre_now_and_after_a_restart(tmp_path):
    async with staged(tmp_path) as bench:
        bench.born()
        queue = bench.hub.subscribe()
        for i in range(50):
            bench.park(f"stranger-{i}", "unknown_station")
        bench.park("buoy", "bad_hash")
        told = [await bench.told(queue), await bench.told(queue)]
        assert {alarm["key"] for alarm in told} == {"message-parked//unknown_station", "message-parked/buoy/bad_hash"}
        assert "stranger-" in next(alarm["message"]["en"] for alarm in told if not alarm["station"])
    async with staged(tmp_path) as bench:
        queue = bench.hub.subscribe()
        bench.commit(bench.draft(FULL, t=T0 - MINUTE, stream="health"))
        await bench.told(queue, lambda alarm: alarm["rule"] == "outbox-filling")
        assert len(bench.engine.book.open) == 3
