"""Values against limits: levels, delay, what is too old, what is too bad to judge, what a restart remembers."""

from __future__ import annotations

from collector.alarms.lifecycle import Alarm, State
from collector.alarms.limits import LimitWatch
from collector.alarms.rules import RuleSet
from collector.alarms.texts import Both
from tests.collector.alarms.bench import MINUTE, T0

SHARE, WIND = "outbox_share@station", "wind_speed@mast"


def watch(opened=None, changes=()):
    return LimitWatch(RuleSet(changes), opened or {}, lambda station: Both("Test buoy", "测试浮标"))


def give(limits, value, at, *, series=SHARE, flag=1, source="records", arrival=None):
    found = limits.on_values(
        source, "buoy", t_end=at, values={series: value}, flags={series: flag}, now_ms=at if arrival is None else arrival
    )
    return list(found)


def test_a_filling_buffer_goes_through_its_three_levels_and_back():
    limits = watch()
    severities = []
    for i, share in enumerate([0.1, 0.5, 0.51, 0.7, 0.85, 0.96, 0.93, 0.89, 0.5, 0.449]):
        signals = give(limits, share, T0 + i * MINUTE)
        severities.append(signals[0].severity if signals else "-")
    assert severities == ["-", "-", "low", "low", "medium", "high", "high", "medium", "low", None]


def test_the_sentence_says_station_value_and_limit_in_both_languages():
    (signal,) = give(watch(), 0.853, T0)
    assert signal.facts.values["value_percent"] == "85.3"
    assert signal.facts.values["limit_percent"] == "80"
    assert (signal.value, signal.limit, signal.series) == (0.853, 0.8, SHARE)


def test_a_delay_is_waited_out_on_the_centres_clock_and_the_value_that_ends_it_must_still_be_beyond():
    limits = watch()
    for minute in range(5):
        assert give(limits, 25.0, T0 + minute * MINUTE, series=WIND) == []
    (signal,) = give(limits, 25.0, T0 + 5 * MINUTE, series=WIND)
    assert signal.severity == "low"


def test_a_burst_of_fresh_values_does_not_hasten_a_delay():
    limits = watch()
    arrival = T0 + 10 * MINUTE
    for minute in range(10):
        assert give(limits, 25.0, T0 + minute * MINUTE, series=WIND, arrival=arrival) == []


def test_a_failed_or_missing_value_never_raises_and_never_clears():
    limits = watch()
    assert give(limits, 0.99, T0, flag=4) == []
    assert give(limits, None, T0 + 1, flag=9) == []
    assert give(limits, 0.99, T0 + 2)[0].severity == "high"
    (held,) = give(limits, 0.0, T0 + 3, flag=4)
    assert (held.severity, held.bad) == ("high", True)
    (back,) = give(limits, 0.0, T0 + 4)
    assert back.severity is None


def test_history_is_not_an_alarm():
    limits = watch()
    assert give(limits, 0.99, T0, arrival=T0 + 3 * 3600_000) == []  # a backlog of this morning
    assert give(limits, 0.1, T0 + 10 * MINUTE) == []
    assert give(limits, 0.99, T0 + 5 * MINUTE, arrival=T0 + 11 * MINUTE) == []  # older than what is known
    assert give(limits, 0.99, T0 + 12 * MINUTE)[0].severity == "high"


def test_live_values_count_only_where_a_rule_asks_for_them():
    assert give(watch(), 0.99, T0, source="live") == []
    asked = watch(changes=[{"id": "outbox-filling", "values": "live"}])
    assert give(asked, 0.99, T0, source="live")[0].severity == "high"


def test_text_and_truth_values_are_no_numbers():
    limits = watch()
    assert give(limits, "full", T0) == []
    assert give(limits, True, T0 + 1) == []


def test_after_a_restart_an_open_alarm_returns_when_the_value_does():
    key = f"outbox-filling/buoy/{SHARE}"
    opened = {
        key: Alarm(
            id=1, key=key, rule="outbox-filling", station="buoy", state=State.ACTIVE_ACKNOWLEDGED, severity="high", severity_now="medium"
        )
    }
    (still,) = give(watch(opened), 0.78, T0)  # above 0.8 less its deadband: still medium
    assert still.severity == "medium"
    (gone,) = give(watch(opened), 0.1, T0)
    assert gone.severity is None


def test_a_station_that_makes_up_names_cannot_fill_the_memory():
    limits = watch()
    for i in range(6000):
        give(limits, 1.0, T0 + i, series=f"wind_speed@p{i}")
    assert limits.unwatched == 1000


def test_a_charger_s_error_is_an_alarm_until_it_is_none():
    limits, series = watch(), "charger_error@battery_box"
    assert [give(limits, 0, T0 + i * MINUTE, series=series) for i in range(3)] == [[], [], []]
    found = [give(limits, value, T0 + (3 + i) * MINUTE, series=series) for i, value in enumerate([17, 17, 17, 0, 0, 0])]
    assert [one[0].severity if one else "-" for one in found] == ["-", "-", "medium", "medium", "medium", None]
    assert found[2][0].facts.values["value"] == "17"
