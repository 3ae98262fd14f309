"""A station whose clock is wrong: told by its own comparison with GNSS, and by the times its messages carry."""

from __future__ import annotations

import json
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from collector.alarms.clocks import ClockWatch
from collector.hub import Notice
from firmware_config.messages import Live, StationState
from firmware_config.records import Draft, encode_message, seal
from tests.collector.alarms.bench import MINUTE, T0, record
from tests.collector.running import program
from tests.collector.staged import staged
from tests.collector.station import station
from tests.servers import Mosquitto, free_port

HOUR_S = 3600.0


def health(offset_s: float | None, *, end_ms: int) -> Any:
    return record({"clock_offset@station": offset_s}, t=end_ms - MINUTE, stream="health")


def test_a_message_says_nothing_that_its_way_could_have_done() -> None:
    watch = ClockWatch(300_000)
    assert [watch.heard("buoy", offset, T0) for offset in (HOUR_S, -HOUR_S, -250.0, 2.0)] == [HOUR_S, -HOUR_S, 0.0, 0.0]


def test_gnss_has_the_word_below_what_a_message_can_show() -> None:
    watch = ClockWatch(300_000)
    assert watch.compared(health(120.0, end_ms=T0 + 120_000), T0) == 120.0
    assert watch.heard("buoy", 120.0, T0 + 1000) is None
    assert watch.heard("buoy", HOUR_S, T0 + 2000) == HOUR_S, "the clock was set wrong since"
    assert watch.heard("buoy", 120.0, T0 + 300_000) == 0.0, "the receiver has been silent for long"
    assert watch.heard("other", 120.0, T0) == 0.0


@pytest.mark.parametrize(
    ("offset_s", "end_s", "told"),
    [
        (5 * HOUR_S, 5 * HOUR_S, True),  # of now by GNSS, though it carries another time
        (-5 * HOUR_S, -5 * HOUR_S, True),
        (-1024 * 7 * 86_400.0, 0.0, True),  # the receiver has lost 1024 weeks; the record is of now
        (0.01, -86_400.0, False),  # a backlog of yesterday
        (HOUR_S, -86_400.0, False),
        (None, 0.0, False),
    ],
)
def test_only_a_comparison_of_now_counts(offset_s: float | None, end_s: float, told: bool) -> None:
    found = ClockWatch(300_000).compared(health(offset_s, end_ms=T0 + int(1000 * end_s)), T0)
    assert found == (offset_s if told else None)


async def test_one_alarm_of_a_clock_that_is_off_whoever_tells_of_it_and_it_returns(tmp_path: Path) -> None:
    """Behind by five hours, longer than a value may be old for other alarms; corrected, the next comparison ends it."""
    async with staged(tmp_path) as bench:
        bench.born()
        queue = bench.hub.subscribe()
        bench.hub.publish(Notice("clock", "buoy", -5 * HOUR_S))
        bench.commit(bench.draft({"clock_offset@station": -5 * HOUR_S}, t=T0 - int(5000 * HOUR_S), stream="health"))
        alarm = await bench.told(queue)
        assert (alarm["rule"], alarm["severity"], alarm["condition"]) == ("clock-off", "high", "active")
        assert alarm["message"]["en"] == "Test buoy: the clock is -18000 s off (limit 600 s)."
        bench.clock.now += MINUTE
        bench.commit(bench.draft({"clock_offset@station": 0.02}, t=T0, stream="health"))
        returned = await bench.told(queue)
        assert (returned["id"], returned["condition"]) == (alarm["id"], "returned")


@pytest.mark.needs("mosquitto")
def test_a_real_centre_raises_it_with_the_first_messages_and_lets_it_return(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """A station without GNSS, an hour ahead: its records are set aside as of the future, and it is not called offline."""
    port = free_port()
    http = {"port": port, "view": "open", "operators": "open"}

    def alarms() -> list[dict[str, Any]]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/alarms", timeout=5) as answer:
                return list(json.load(answer)["alarms"])
        except OSError:
            return []

    def until(condition: str) -> list[dict[str, Any]]:
        for _ in range(400):
            found = alarms()
            if any((one["rule"], one["condition"]) == ("clock-off", condition) for one in found):
                return found
            time.sleep(0.05)
        raise AssertionError(f"clock-off never {condition}: {found}")

    with program(tmp_path / "centre", mosquitto.broker, http=http), station(mosquitto.broker) as one:
        one.listening()
        ahead = int(time.time() * 1e3 + 1e3 * HOUR_S)
        draft = Draft(stream="minute", t=ahead - MINUTE, dt=MINUTE, clock="synchronised", values={"wind_speed@mast": 5.0}, simulated=True)
        one.say("state", StationState(state="online", t=ahead, simulated=True), retain=True)
        one.send([seal(draft, station="st-a", epoch=1, seq=0)])
        raised = until("active")
        (clock,) = [alarm for alarm in raised if alarm["rule"] == "clock-off"]
        assert clock["severity"] == "high"
        assert 3590 < clock["value"] < 3610
        assert not {alarm["rule"] for alarm in raised} - {"clock-off", "message-parked"}
        right = Live(t=int(time.time() * 1e3), clock="synchronised", values={"wind_speed@mast": 5.0}, simulated=True)
        one.publish("live", encode_message(right), qos=0)
        until("returned")
