"""Every hole on the operator's page is expected, late, being fetched, lost or a number that was never used: never unknown."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from collector.api import models
from collector.api.ledger import ENDED, Standing, _holes, _merged
from collector.store.queries import Declared, EpochLedger
from firmware_config.messages import StationState
from firmware_config.ranges import Ranges
from tests.collector.alarms.bench import ALL, MINUTE, T0
from tests.collector.api.conftest import get

DAY = 1440 * MINUTE
FROM = T0 - DAY


class Sea:
    """A station whose minute records are committed or held back by their number."""

    def __init__(self, bench, state="online"):
        self.bench = bench
        bench.born(epoch=1)
        bench.hub.station("buoy").state = StationState(state=state)
        self.start = T0 - 100 * MINUTE

    def minutes(self, first, last, *, offset=0, epoch=1):
        """Records number first..last; number n begins n + offset minutes after the start."""
        made = [self.bench.draft(ALL, t=self.start + (n + offset) * MINUTE, seq=n, epoch=epoch) for n in range(first, last + 1)]
        self.bench.commit(*made)

    async def ledger(self, client, **span):
        answer = await get(client, "/api/ledger", station="buoy", **{"from": FROM, "to": T0 + DAY, **span})
        models.LedgerAnswer.model_validate(answer)
        return next(stream for stream in answer["streams"] if stream["stream"] == "minute")

    def at(self, minute):
        return self.start + minute * MINUTE


async def test_a_complete_stream_is_one_bar_without_holes(centre):
    async with centre() as (bench, client):
        sea = Sea(bench)
        sea.minutes(0, 99)
        stream = await sea.ledger(client)
        assert stream["ribbon"] == [[sea.start, T0, "got", ""]]
        assert stream["epochs"] == [{"epoch": 1, "top": 99, "holes": []}]
        assert (stream["committed"], stream["period_ms"], stream["label"]["zh"]) == (100, MINUTE, "分钟统计")


async def test_missing_numbers_are_being_fetched_while_the_station_is_there_and_late_while_it_is_not(centre):
    async with centre() as (bench, client):
        sea = Sea(bench)
        sea.minutes(0, 39)
        sea.minutes(60, 99)
        stream = await sea.ledger(client)
        assert stream["epochs"][0]["holes"] == [[40, 59, "fetching", ""]]
        assert stream["ribbon"] == [
            [sea.start, sea.at(40), "got", ""],
            [sea.at(40), sea.at(60), "fetching", ""],
            [sea.at(60), T0, "got", ""],
        ]
        bench.hub.station("buoy").state = StationState(state="offline")
        stream = await sea.ledger(client)
        assert stream["epochs"][0]["holes"] == [[40, 59, "late", ""]]
        sea.minutes(40, 59)
        assert (await sea.ledger(client))["ribbon"] == [[sea.start, T0, "got", ""]]


async def test_what_the_station_declared_lost_is_lost_with_its_reason_and_unused_numbers_are_no_loss(centre):
    async with centre() as (bench, client):
        sea = Sea(bench)
        sea.minutes(0, 39)
        sea.minutes(60, 99, offset=4)
        bench.commit(
            bench.event(
                "records_lost", t=T0, severity="warning", stream="minute", epoch=1, ranges=[[40, 49]], reason="outbox full", count=10
            ),
            bench.event("numbers_unused", t=T0, severity="info", stream="minute", epoch=1, ranges=[[50, 59]], reason="power cut"),
        )
        stream = await sea.ledger(client)
        assert stream["epochs"][0]["holes"] == [[40, 49, "lost", "outbox full"], [50, 59, "unused", "power cut"]]
        assert stream["ribbon"][1][2:] == ["lost", "outbox full"]


async def test_time_in_which_the_station_made_no_record_is_not_a_loss(centre):
    async with centre() as (bench, client):
        sea = Sea(bench)
        sea.minutes(0, 39)
        sea.minutes(40, 60, offset=20)  # switched off for twenty minutes: the numbers go on
        stream = await sea.ledger(client)
        assert stream["epochs"][0]["holes"] == []
        assert stream["ribbon"][1] == [sea.at(40), sea.at(60), "unused", "no record was made"]


async def test_the_next_record_is_expected_until_it_is_late(centre):
    async with centre() as (bench, client):
        sea = Sea(bench)
        sea.minutes(0, 99)
        bench.clock.now = T0 + 80_000
        assert (await sea.ledger(client))["ribbon"][-1] == [T0, T0 + 80_000, "expected", ""]
        bench.clock.now = T0 + 20 * MINUTE
        assert (await sea.ledger(client))["ribbon"][-1] == [T0, T0 + 20 * MINUTE, "late", ""]
        bench.commit(bench.draft({"outbox_depth@station": 20}, t=T0, stream="health"))
        assert (await sea.ledger(client))["ribbon"][-1] == [T0, T0 + 20 * MINUTE, "fetching", ""]


async def test_a_hole_in_the_past_is_judged_by_what_came_after_it(centre):
    async with centre() as (bench, client):
        sea = Sea(bench)
        sea.minutes(0, 39)
        sea.minutes(80, 99)
        stream = await sea.ledger(client, to=sea.at(60))
        assert stream["ribbon"] == [[sea.start, sea.at(40), "got", ""], [sea.at(40), sea.at(60), "fetching", ""]]
        stream = await sea.ledger(client, **{"from": sea.at(50), "to": sea.at(70)})
        assert stream["ribbon"] == [[sea.at(50), sea.at(70), "fetching", ""]]


async def test_what_an_epoch_did_not_deliver_is_lost_when_the_station_begins_another(centre):
    async with centre() as (bench, client):
        sea = Sea(bench)
        sea.minutes(0, 39)
        sea.minutes(50, 59)
        bench.born(epoch=2, previous_epoch=1)
        sea.minutes(0, 29, offset=70, epoch=2)
        stream = await sea.ledger(client)
        assert stream["epochs"][0]["holes"] == [[40, 49, "lost", ENDED]]
        assert stream["ribbon"] == [
            [sea.start, sea.at(40), "got", ""],
            [sea.at(40), sea.at(50), "lost", ENDED],
            [sea.at(50), sea.at(60), "got", ""],
            [sea.at(60), sea.at(70), "lost", ENDED],
            [sea.at(70), T0, "got", ""],
        ]


async def test_a_tide_value_every_six_minutes_that_covers_three_leaves_no_holes(centre):
    async with centre() as (bench, client):
        bench.born(streams={"tide": 360_000})
        bench.hub.station("buoy").state = StationState(state="online")
        records = [bench.draft({"water_level@creek": 1.0}, t=T0 - 3_600_000 + i * 360_000, dt=181_000, stream="tide") for i in range(10)]
        bench.commit(*records)
        answer = await get(client, "/api/ledger", station="buoy", **{"from": FROM, "to": T0})
        (tide,) = answer["streams"]
        assert {segment[2] for segment in tide["ribbon"]} == {"got"}


async def test_a_stream_that_never_came_is_expected_not_unknown(centre):
    async with centre() as (bench, client):
        bench.born()
        answer = await get(client, "/api/ledger", station="buoy", **{"from": FROM, "to": T0})
        assert {stream["stream"]: {segment[2] for segment in stream["ribbon"]} for stream in answer["streams"]} == {
            "eddy": {"expected"},
            "minute": {"expected"},
            "health": {"expected"},
        }


async def test_a_period_that_is_too_long_is_refused(centre):
    async with centre() as (bench, client):
        bench.born()
        await get(client, "/api/ledger", status=400, station="buoy", **{"from": 0, "to": T0})
        await get(client, "/api/ledger", status=404, station="nobody", **{"from": FROM, "to": T0})


pairs = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 10)), max_size=6).map(lambda found: [(a, a + n) for a, n in found])


@settings(max_examples=200, deadline=None)
@given(pairs, st.lists(st.tuples(st.integers(0, 60), st.integers(0, 10), st.sampled_from(["lost", "unused"])), max_size=4), st.booleans())
def test_every_number_up_to_the_top_is_either_got_or_in_exactly_one_hole_with_a_state(committed, declared, online):
    numbers = Ranges(committed)
    entry = EpochLedger("minute", 1, numbers, [Declared(a, a + n, kind, "why", 0) for a, n, kind in declared])
    holes = _holes(entry, Standing(online, False, 1, {}, 0))
    top = max([numbers.top or -1 if numbers else -1, *(a + n for a, n, _ in declared)], default=-1)
    for number in range(top + 1):
        covering = [hole for hole in holes if hole[0] <= number <= hole[1]]
        assert len(covering) == (0 if number in numbers else 1), number
        if covering:
            said = {kind for a, n, kind in declared if a <= number <= a + n}
            assert covering[0][2] in (said or {"fetching" if online else "late"})


def test_neighbours_of_one_state_are_one_segment_and_empty_ones_vanish():
    parts = [(0, 5, "got", ""), (5, 5, "late", ""), (5, 9, "got", ""), (9, 12, "late", ""), (12, 13, "late", "x")]
    assert _merged(parts) == [(0, 9, "got", ""), (9, 12, "late", ""), (12, 13, "late", "x")]
