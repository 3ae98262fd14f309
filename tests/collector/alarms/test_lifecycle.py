"""Raised, acknowledged, returned, cleared: every cell of state x event, and what holds on every walk through them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.alarms.lifecycle import RANK, SEVERITIES, TABLE, Alarm, Event, State, advance, next_state, observe

N, AU, AA, RU = State
ON, WORSE, OFF, ACK, WITHDRAW = Event
EXPECTED = {
    N: {ON: AU, WORSE: AU, OFF: N, ACK: N, WITHDRAW: N},
    AU: {ON: AU, WORSE: AU, OFF: RU, ACK: AA, WITHDRAW: N},
    AA: {ON: AA, WORSE: AU, OFF: N, ACK: AA, WITHDRAW: N},
    RU: {ON: AU, WORSE: AU, OFF: RU, ACK: N, WITHDRAW: N},
}


def alarm(state=N, **fields):
    known = {"id": 1, "key": "k", "rule": "r", "station": "s", "severity": "medium", "state": state, "raised_ms": 5}
    if state in (AU, AA):
        known["severity_now"] = "medium"
    return Alarm(**{**known, **fields})


@pytest.mark.parametrize(("state", "event"), [(s, e) for s in State for e in Event])
def test_every_cell_of_the_table(state, event):
    assert next_state(state, event) is EXPECTED[state][event]
    assert len(TABLE) == len(State) * len(Event)


def test_a_self_clearing_alarm_never_waits_for_anyone_after_it_returned():
    assert next_state(AU, OFF, self_clearing=True) is N


def names(rows):
    return [row.name for row in rows]


def test_return_then_acknowledge_clears():
    (raised,) = advance(alarm(), ON, 10, severity="high")
    (returned,) = advance(raised.after, OFF, 20)
    assert (returned.after.state, returned.after.returned_ms, returned.after.severity_now) == (RU, 20, None)
    rows = advance(returned.after, ACK, 30, who="Li", comment="seen")
    assert names(rows) == ["acknowledged", "cleared"]
    done = rows[-1].after
    assert (done.state, done.cleared_ms, done.acknowledged.who, done.acknowledged.comment) == (N, 30, "Li", "seen")


def test_acknowledge_then_return_clears():
    (raised,) = advance(alarm(), ON, 10, severity="high")
    (acknowledged,) = advance(raised.after, ACK, 20, who="Li")
    assert acknowledged.after.state is AA
    rows = advance(acknowledged.after, OFF, 30)
    assert names(rows) == ["returned", "cleared"]
    assert (rows[-1].after.returned_ms, rows[-1].after.cleared_ms) == (30, 30)


def test_low_severity_clears_itself_unless_its_rule_forbids_and_unless_it_was_worse_before():
    low = alarm(severity="low", self_clearing=True)
    (raised,) = advance(low, ON, 10, severity="low")
    assert names(advance(raised.after, OFF, 20)) == ["returned", "cleared"]
    (worse,) = advance(raised.after, WORSE, 15, severity="high")
    assert names(advance(worse.after, OFF, 20)) == ["returned"]
    kept = advance(alarm(severity="low", self_clearing=False), ON, 10, severity="low")[0].after
    assert names(advance(kept, OFF, 20)) == ["returned"]


def test_getting_worse_asks_for_a_new_acknowledgement_and_the_worst_is_kept():
    (raised,) = advance(alarm(), ON, 10, severity="low")
    (acknowledged,) = advance(raised.after, ACK, 20, who="Li")
    (worse,) = advance(acknowledged.after, WORSE, 30, severity="high")
    assert (worse.after.state, worse.after.acknowledged, worse.after.severity) == (AU, None, "high")
    (eased,) = observe(worse.after, 40, severity="low", bad=False, source_t=None)
    assert (eased.name, eased.after.severity, eased.after.severity_now) == ("changed", "high", "low")


def test_a_source_that_went_bad_keeps_the_alarm_visible():
    active = advance(alarm(), ON, 10, severity="high")[0].after
    (bad,) = observe(active, 20, severity="high", bad=True, source_t=None)
    assert (bad.name, bad.after.source_bad, bad.after.state) == ("source_bad", True, AU)
    (good,) = observe(bad.after, 30, severity="high", bad=False, source_t=None)
    assert (good.name, good.after.source_bad) == ("source_good", False)


def test_the_first_acknowledgement_stands():
    active = advance(alarm(), ON, 10, severity="high")[0].after
    first = advance(active, ACK, 20, who="Li")[0].after
    assert advance(first, ACK, 30, who="Wang") == ()
    assert first.acknowledged.who == "Li"


@given(st.lists(st.tuples(st.sampled_from(list(Event)), st.sampled_from(SEVERITIES)), max_size=40), st.booleans())
def test_on_every_walk(walk, self_clearing):
    """The latched severity never falls while the alarm is open; cleared means returned-and-acknowledged, withdrawn or self-cleared; the
    times are in order; a state that did not change writes no row."""
    now, current = 0, alarm(self_clearing=self_clearing)
    for event, severity in walk:
        now += 1
        before = current
        if before.state is N:
            current = before = alarm(severity=severity, self_clearing=self_clearing)
        rows = advance(before, event, now, severity=severity, who="x")
        if not rows:
            same = before.state is next_state(before.state, event, self_clearing=self_clearing and before.severity == "low")
            assert same or (event is WORSE and RANK[severity] <= RANK[before.severity])
            continue
        current = rows[-1].after
        if before.state is not N:
            assert RANK[current.severity] >= RANK[before.severity]
        if current.state is N:
            self_cleared = self_clearing and current.severity == "low" and event is OFF
            assert current.cleared_ms == now
            assert event is WITHDRAW or self_cleared or (current.acknowledged is not None and current.returned_ms is not None)
            assert current.raised_ms <= (current.returned_ms or now) <= current.cleared_ms
        else:
            assert current.cleared_ms is None
            assert current.active is (current.severity_now is not None)
            assert current.active is (current.returned_ms is None)
            assert (current.state is AA) is (current.acknowledged is not None)
