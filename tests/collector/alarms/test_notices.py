"""What the centre noticed and what stations report: once per reason, ended by its end or by quiet, never a second time for the same report."""

from __future__ import annotations

from collector.alarms.lifecycle import Alarm, State
from collector.alarms.notices import EVENT_AGE_MS, NoticeWatch
from collector.alarms.rules import RuleSet
from collector.alarms.texts import Both
from tests.collector.alarms.bench import T0, event

HOUR = 3_600_000


def watch(opened=None, speed=1.0):
    return NoticeWatch(RuleSet(), opened or {}, lambda station: Both(station or "centre", station or "中心"), T0, speed)


def keys(signals):
    return [(signal.key, signal.severity) for signal in signals]


def test_parked_messages_are_one_alarm_per_station_and_reason():
    notices = watch()
    first = keys(notices.on_centre("buoy", {"kind": "parked", "reason": "bad_hash", "explanation": "x"}, T0))
    again = keys(notices.on_centre("buoy", {"kind": "parked", "reason": "bad_hash", "explanation": "y"}, T0 + 1))
    other = keys(notices.on_centre("buoy", {"kind": "parked", "reason": "future", "explanation": "z"}, T0 + 2))
    assert first == again == [("message-parked/buoy/bad_hash", "medium")]
    assert other == [("message-parked/buoy/future", "medium")]


def test_it_returns_after_an_hour_of_quiet():
    notices = watch()
    list(notices.on_centre("buoy", {"kind": "parked", "reason": "future"}, T0))
    list(notices.on_centre("buoy", {"kind": "parked", "reason": "future"}, T0 + HOUR // 2))
    assert keys(notices.on_tick(T0 + HOUR)) == []
    assert keys(notices.on_tick(T0 + HOUR + HOUR // 2)) == [("message-parked/buoy/future", None)]
    assert keys(notices.on_tick(T0 + 9 * HOUR)) == []


def test_a_full_disk_is_over_when_there_is_room():
    notices = watch()
    assert keys(notices.on_centre("", {"kind": "disk_full", "text": "quota"}, T0)) == [("store-full/", "high")]
    assert keys(notices.on_tick(T0 + 100 * HOUR)) == []  # it does not end by itself
    assert keys(notices.on_centre("", {"kind": "disk_ok"}, T0 + 101 * HOUR)) == [("store-full/", None)]
    assert keys(notices.on_centre("", {"kind": "disk_ok"}, T0 + 102 * HOUR)) == []


def test_a_short_absence_of_the_database_is_no_alarm_and_its_delay_is_real_also_in_a_fast_world():
    notices = watch(speed=60.0)
    assert keys(notices.on_centre("", {"kind": "sink_down", "text": "refused"}, T0)) == []
    assert keys(notices.on_tick(T0 + 59 * 60_000)) == []
    assert keys(notices.on_tick(T0 + 60 * 60_000)) == [("sink-down/", "medium")]
    quick = watch(speed=60.0)
    assert keys(quick.on_centre("", {"kind": "sink_down"}, T0)) == []
    assert keys(quick.on_centre("", {"kind": "sink_up"}, T0 + 30 * 60_000)) == []
    assert keys(quick.on_tick(T0 + HOUR * 5)) == []


def test_words_are_not_wiped_out_by_a_later_notice_without_any():
    notices = watch()
    list(notices.on_centre("", {"kind": "sink_down", "text": "401 token refused"}, T0))
    list(notices.on_centre("", {"kind": "sink_down"}, T0 + 500))
    (signal,) = notices.on_tick(T0 + 60_000)
    assert signal.facts.values["text"].en == "401 token refused"


def test_a_report_of_severity_alarm_is_an_alarm_with_its_own_words():
    (signal,) = watch().on_event(event("outbox_damaged", t=T0, text_en="The outbox was damaged", text_zh="发件箱损坏"), T0)
    assert (signal.key, signal.severity, signal.source_t) == ("station-event/buoy/outbox_damaged", "high", T0)
    assert signal.facts.values["text"] == Both("The outbox was damaged", "发件箱损坏")


def test_reports_of_lesser_severity_are_not_but_lost_records_always_are():
    notices = watch()
    assert list(notices.on_event(event("link_lost", t=T0, severity="warning"), T0)) == []
    (lost,) = notices.on_event(event("records_lost", t=T0, severity="warning", stream="raw", count=12, reason="no room"), T0)
    assert (lost.key, lost.facts.values["count"], lost.facts.values["reason"]) == ("records-lost/buoy/raw", "12", "no room")


def test_a_report_that_waited_days_for_the_link_is_still_news_one_of_last_year_is_not():
    notices = watch()
    assert len(list(notices.on_event(event("outbox_damaged", t=T0 - 5 * 24 * HOUR), T0))) == 1
    assert list(notices.on_event(event("outbox_damaged", t=T0 - EVENT_AGE_MS - 1), T0)) == []


def test_hostile_words_are_one_short_printable_line():
    text = "a\x00\n\x1b[31m<script>" + "x" * 10_000
    (signal,) = watch().on_event(event("k" * 500, t=T0, text_en=text), T0)
    shown = signal.facts.values["text"].en
    assert shown.isprintable()
    assert len(shown) <= 300
    assert len(signal.key) < 120


def test_after_a_restart_what_has_no_end_of_its_own_still_ends():
    key = "message-parked/buoy/future"
    alarm = Alarm(
        id=1, key=key, rule="message-parked", station="buoy", state=State.ACTIVE_ACKNOWLEDGED, severity="medium", severity_now="medium"
    )
    assert keys(watch({key: alarm}).on_tick(T0 + HOUR)) == [(key, None)]
