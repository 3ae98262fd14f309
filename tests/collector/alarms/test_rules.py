"""Rules are data: the shipped ones hold together, a centre's changes reach exactly what they name, mistakes name rule and field."""

from __future__ import annotations

import pytest

from collector.alarms.condition import Timing
from collector.alarms.lifecycle import RANK
from collector.alarms.rules import RuleSet, default_rules
from collector.errors import AlarmRuleError
from firmware_config.quantities import registry


def test_every_shipped_rule_speaks_both_languages_and_has_cause_consequence_and_action():
    for rule in RuleSet().rules:
        for text in (rule.title, rule.message, rule.guidance.cause, rule.guidance.consequence, rule.guidance.action):
            assert text.en.isascii(), rule.id
            assert any("\u4e00" <= c <= "\u9fff" for c in text.zh), rule.id


def test_limits_of_shipped_rules_lie_within_what_the_quantity_can_be():
    for rule in RuleSet().of_kind("limit"):
        low, high = registry()[rule.series.partition("@")[0]].plausible
        assert all(low <= level.limit <= high for level in rule.levels), rule.id
        assert [RANK[level.severity] for level in rule.levels] == sorted({RANK[level.severity] for level in rule.levels})


def test_buffer_rule_warns_at_half_four_fifths_and_nineteen_twentieths():
    (rule,) = [rule for rule in RuleSet().rules if rule.id == "outbox-filling"]
    assert [(level.limit, level.severity) for level in rule.levels] == [(0.5, "low"), (0.8, "medium"), (0.95, "high")]


def test_a_clock_behind_is_as_wrong_as_one_ahead():
    (rule,) = [rule for rule in RuleSet().of_kind("limit") if rule.id == "clock-off"]
    assert rule.absolute
    assert [(level.limit, level.severity) for level in rule.levels] == [(60, "medium"), (600, "high")]


def test_a_change_for_all_stations():
    rules = RuleSet([{"id": "battery-low", "delay": "1min", "return_delay": "0s"}])
    assert rules.effective("battery-low", "any", "battery_voltage@station").timing() == Timing(60_000, 0)


def test_a_change_for_one_station_and_series_leaves_the_others_alone():
    change = {"id": "oxygen-low", "station": "yueqing-*", "series": "*@bottom", "levels": [{"limit": 1.0, "severity": "high"}]}
    rules = RuleSet([change])
    assert rules.effective("oxygen-low", "yueqing-1", "dissolved_oxygen@bottom").levels[0].limit == 1.0
    assert rules.effective("oxygen-low", "yueqing-1", "dissolved_oxygen@surface").levels[0].limit == 3.0
    assert rules.effective("oxygen-low", "zhoushan", "dissolved_oxygen@bottom").levels[0].limit == 3.0


def test_a_report_rule_of_the_centre_comes_before_the_shipped_ones():
    base = next(dict(rule) for rule in default_rules() if rule["id"] == "station-event")
    rules = RuleSet([{**base, "id": "door-open", "events": ["door_open"]}])
    assert [rule.id for rule in rules.of_kind("event")] == ["door-open", "records-lost", "station-event"]


def test_switching_a_rule_off_at_one_station():
    rules = RuleSet([{"id": "storm", "station": "lab", "enabled": False}])
    assert rules.effective("storm", "lab", "wind_speed@mast") is None
    assert rules.effective("storm", "sea", "wind_speed@mast") is not None


def test_a_rule_of_the_centre_itself():
    base = next(dict(rule) for rule in default_rules() if rule["id"] == "battery-low")
    rules = RuleSet(
        [{**base, "id": "too-warm", "series": "water_temperature@*", "side": "high", "levels": [{"limit": 33, "severity": "low"}]}]
    )
    assert rules.effective("too-warm", "any", "water_temperature@surface").levels[0].limit == 33
    assert rules.effective("too-warm", "any", "air_temperature@mast") is None


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"delay": "1min"}, "without id"),
        ({"id": "batery-low", "delay": "1min"}, "batery-low"),
        ({"id": "battery-low", "delay": 60}, "delay"),
        ({"id": "battery-low", "levels": [{"limit": 11, "severity": "high"}, {"limit": 12, "severity": "medium"}]}, "levels must go"),
        ({"id": "battery-low", "colour": "red"}, "colour"),
        ({"id": "storm", "message": {"en": "{spede}", "zh": "风"}}, "spede"),
        ({"id": "storm", "message": {"en": "{age}", "zh": "风"}}, "age"),
        ({"id": "storm", "message": {"en": "{value.real}", "zh": "风"}}, "value.real"),
        ({"id": "storm", "station": "a", "side": "up"}, "side"),
    ],
)
def test_a_wrong_rule_is_named_with_its_field(change, named):
    with pytest.raises(AlarmRuleError, match=named):
        RuleSet([change])
