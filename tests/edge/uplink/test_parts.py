"""The parts of the uplink that need no broker: what is on its way, the pace of the backlog, orders, where the broker is."""

from __future__ import annotations

import pytest

from edge.errors import UplinkError
from edge.outbox import Row
from edge.uplink import broker_for
from edge.uplink.flights import Flights, Pace
from edge.uplink.orders import Orders
from firmware_config.messages import Command
from firmware_config.ranges import Ranges
from firmware_config.station import Uplink
from tests.edge.outbox.bench import HandClock

KEY = ("minute", 7)


def some(*seqs, key=KEY):
    return [Row(id=seq, key=key, seq=seq, hash="", body=b"{}") for seq in seqs]


def test_what_is_on_its_way_is_not_sent_twice_and_leaves_with_its_acknowledgement():
    flights = Flights(60)
    flights.add(some(1, 2, 3), 0)
    flights.add(some(4, 9), 0)
    assert flights.busy() == {KEY: Ranges([(1, 4), (9, 9)])}
    flights.acknowledged({KEY: Ranges([(2, 4)])})
    assert flights.busy() == {KEY: Ranges([(1, 1), (9, 9)])}
    assert flights.fresh_records() == 2
    flights.acknowledged({KEY: Ranges([(0, 100)]), ("eddy", 7): Ranges([(0, 5)])})
    assert len(flights) == 0


def test_an_unanswered_message_is_due_after_a_minute_then_doubling_to_a_limit():
    flights = Flights(60)
    flights.add(some(1), 0)
    now, waits = 0.0, []
    for _ in range(10):
        assert flights.due(flights.next_due_s() - 0.1) is None
        waits.append(flights.next_due_s() - now)
        now = flights.next_due_s()
        flights.sent_again(flights.due(now), now)
    assert waits == [60, 120, 240, 480, 960, 1920, 3840, 3840, 3840, 3840]


def test_the_message_longest_overdue_comes_first():
    flights = Flights(60)
    flights.add(some(1), 5)
    flights.add(some(2), 0)
    assert flights.due(100).sets == {KEY: Ranges([(2, 2)])}


def test_the_backlog_keeps_its_pace_over_any_stretch_of_time():
    pace = Pace(200, 48, 0.0)
    sent, now = 0, 0.0
    while now < 100:
        while allowed := pace.allowed(now):
            pace.took(allowed)
            sent += allowed
        now += max(0.001, pace.wait_s())
    assert 200 * 100 - 48 <= sent <= 200 * 100 + 48


def test_a_slow_pace_still_sends_whole_batches():
    pace = Pace(0.5, 48, 0.0)
    assert pace.allowed(0.0) == 48
    pace.took(48)
    assert pace.allowed(95.9) == 0
    assert pace.allowed(96.1) == 48


async def test_a_failing_order_is_answered_not_raised():
    async def fails(args):
        raise RuntimeError("no")

    orders = Orders(HandClock(), {"x": fails})
    reply = await orders.carry_out(Command(id="1", command="x"))
    assert (reply.ok, reply.text) == (False, "x failed: no")
    assert await orders.carry_out(Command(id="1", command="x")) is None
    assert not (await orders.carry_out(Command(id="y" * 5000, command="x"))).ok


async def test_expiry_is_not_judged_by_a_clock_that_is_not_set():
    async def done(args):
        return {}

    orders = Orders(HandClock(state="unset"), {"x": done})
    assert (await orders.carry_out(Command(id="1", command="x", expires=1))).ok


def test_broker_of_the_station_file_and_of_the_bench(tmp_path):
    secret = tmp_path / "password"
    secret.write_text("opensesame\n")
    uplink = Uplink(host="broker.example.org", username="zhoushan", password_file=str(secret), ca=str(secret))
    broker = broker_for(uplink, {})
    assert (broker.host, broker.port, broker.username, broker.password(), broker.ca) == (
        "broker.example.org",
        8883,
        "zhoushan",
        "opensesame",
        secret,
    )
    bench = broker_for(uplink, {"HAITAN_BROKER": "127.0.0.1:1884"})
    assert (bench.host, bench.port, bench.username, bench.ca) == ("127.0.0.1", 1884, None, None)
    assert "opensesame" not in repr(broker)


@pytest.mark.parametrize("text", ["x", "x:", ":1", "x:99999", "x:-1", "x:0"])
def test_a_bench_broker_written_wrongly_is_refused(text):
    with pytest.raises(UplinkError, match="host:port"):
        broker_for(Uplink(host="h"), {"HAITAN_BROKER": text})


def test_a_missing_file_of_secrets_is_named():
    with pytest.raises(UplinkError, match=r"uplink\.ca.*/nowhere/ca\.pem"):
        broker_for(Uplink(host="h", ca="/nowhere/ca.pem"), {})
