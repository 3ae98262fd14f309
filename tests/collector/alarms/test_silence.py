"""Who is silent: one fault is one alarm, the parent before its children, and nothing is forgotten over an absence or a restart."""

from __future__ import annotations

import msgspec
import pytest

from collector.alarms.lifecycle import Alarm, State
from collector.alarms.rules import RuleSet
from collector.alarms.silence import SilenceWatch
from collector.alarms.texts import Both
from firmware_config.messages import StationState
from tests.collector.alarms.bench import ALL, MINUTE, T0, hub_with, live, record

HEALTH = {"outbox_share@station": 0.0}


class Centre:
    """A hub and a watch in a world that goes on minute by minute."""

    def __init__(self, opened=None, changes=(), heard_ms=T0):
        self.hub = hub_with("buoy", heard_ms=heard_ms)
        self.view = self.hub.stations["buoy"]
        self.deaf = False
        self.now = T0
        self.watch = SilenceWatch(RuleSet(changes), opened or {}, lambda station: Both(station, station), T0, lambda: self.deaf)
        self.open = {}

    def minute(self, values=ALL, *, heard=True, health=True, eddy=None):
        """One minute of the world, with what came in it; returns the keys that came on and those that went off."""
        self.now += MINUTE
        if heard:
            self.view.heard_ms = self.now
            records = [record(values, t=self.now - MINUTE)] if values is not None else []
            records += [record(HEALTH, t=self.now - MINUTE, stream="health")] if health else []
            records += [record(eddy, t=self.now - 30 * MINUTE, dt=30 * MINUTE, stream="eddy")] if eddy is not None else []
            self.watch.on_records("buoy", records, self.view, self.now)
        return self.tick()

    def tick(self):
        before = set(self.open)
        for signal in self.watch.on_tick(self.hub, self.now):
            if signal.severity is None:
                self.open.pop(signal.key, None)
            else:
                self.open[signal.key] = signal
        return sorted(set(self.open) - before), sorted(before - set(self.open))

    def run(self, minutes, *args, **kwargs):
        """So many equal minutes; what came on, in order."""
        return [key for _ in range(minutes) for key in self.minute(*args, **kwargs)[0]]


def test_a_healthy_station_raises_nothing_for_days():
    centre = Centre()
    for _ in range(100):
        assert centre.run(29) == []
        assert centre.minute(eddy={"co2_flux@mast": -3.0}) == ([], [])


def test_a_silent_station_is_one_alarm_that_lists_what_it_hides():
    centre = Centre()
    centre.run(10)
    assert centre.run(300, heard=False) == ["station-offline/buoy"]
    assert centre.open["station-offline/buoy"].children == ("ctd", "met", "minute", "health", "eddy", "event")


def test_the_will_counts_after_its_delay_and_the_return_after_its_own():
    centre = Centre()
    centre.run(10)
    centre.view.state = StationState(state="offline")
    assert centre.tick() == ([], [])
    centre.now += 30_000
    assert centre.tick() == (["station-offline/buoy"], [])
    centre.view.state = StationState(state="online")
    centre.view.heard_ms = centre.now
    assert centre.tick() == ([], [])
    centre.now += 30_000
    centre.view.heard_ms = centre.now
    assert centre.tick() == ([], ["station-offline/buoy"])


def test_a_station_that_said_it_stops_is_given_half_an_hour():
    centre = Centre()
    centre.run(10)
    centre.view.state = StationState(state="stopping")
    assert centre.run(29, heard=False) == []
    assert centre.run(3, heard=False) == ["station-offline/buoy"]


def test_after_a_week_away_the_children_get_their_full_time_before_they_count_as_silent():
    centre = Centre()
    centre.run(10)
    centre.run(7 * 24 * 60, heard=False)
    centre.now += MINUTE
    assert centre.minute(values=None, health=False)[0] == []
    came = centre.run(4, values=None, health=False)
    assert came == []
    assert sorted(centre.run(3, values=None, health=False)) == ["no-data-stream/buoy/health", "no-data-stream/buoy/minute"]


def test_a_silent_stream_is_one_alarm_not_one_per_instrument():
    centre = Centre()
    centre.run(10)
    assert centre.run(60, values=None) == ["no-data-stream/buoy/minute"]


def test_the_flux_stream_is_missed_after_three_of_its_periods():
    centre = Centre()
    assert centre.run(89) == []
    assert centre.run(2) == ["no-data-stream/buoy/eddy"]


@pytest.mark.parametrize("dead", [{"water_temperature@surface": None, "salinity@surface": None}, {}])
def test_a_dead_instrument_is_one_alarm_that_lists_its_series_whether_its_values_come_as_missing_or_not_at_all(dead):
    centre = Centre()
    centre.run(10)
    rest = {name: value for name, value in ALL.items() if name not in ("water_temperature@surface", "salinity@surface")}
    assert centre.run(70, values={**rest, **dead}) == ["no-data-instrument/buoy/ctd"]
    assert centre.open["no-data-instrument/buoy/ctd"].children == ("water_temperature@surface", "salinity@surface")
    assert centre.minute() == ([], ["no-data-instrument/buoy/ctd"])


def test_one_dead_channel_of_a_living_instrument_is_a_low_alarm_of_its_series():
    centre = Centre()
    centre.run(10)
    assert centre.run(70, values={**ALL, "salinity@surface": None}) == ["no-data-series/buoy/salinity@surface"]
    assert centre.open["no-data-series/buoy/salinity@surface"].severity == "low"


def test_what_an_instrument_never_gave_is_not_expected():
    centre = Centre()
    assert centre.run(500, values={**ALL, "salinity@surface": None}, eddy={"co2_flux@mast": 1.0}) == []


def test_a_stuck_live_value_shows_by_its_age():
    centre = Centre()
    for _ in range(20):
        centre.now += MINUTE
        centre.view.heard_ms = centre.now
        values = {"water_temperature@surface": 20.0, "wind_speed@mast": 5.0}
        age = (centre.now - T0) / 1000
        centre.watch.on_live("buoy", live(values, t=centre.now, ages_s={"water_temperature@surface": age}), centre.view, centre.now)
        centre.watch.on_records("buoy", [record(HEALTH, t=centre.now - MINUTE, stream="health")], centre.view, centre.now)
        centre.tick()
    assert "no-data-instrument/buoy/ctd" in centre.open
    assert "no-data-instrument/buoy/met" not in centre.open


def test_own_pending_times_per_station_and_instrument():
    centre = Centre(changes=[{"id": "no-data-instrument", "station": "buoy", "series": "ctd", "pending": "1h"}])
    centre.run(10)
    assert centre.run(58, values={}) == ["no-data-instrument/buoy/met"]
    assert centre.run(3, values={}) == ["no-data-instrument/buoy/ctd"]


def test_a_deaf_centre_blames_nobody():
    centre = Centre()
    centre.run(10)
    centre.deaf = True
    assert centre.run(300, heard=False) == []
    centre.deaf = False
    assert centre.run(2, heard=False) == []
    assert centre.run(2, heard=False) == ["station-offline/buoy"]


def test_a_restart_neither_forgets_nor_clears_what_is_still_so():
    keys = ("station-offline/buoy", "no-data-instrument/buoy/ctd", "no-data-stream/buoy/eddy")
    opened = {
        key: Alarm(id=i, key=key, rule=key.split("/")[0], station="buoy", state=State.ACTIVE_ACKNOWLEDGED, severity_now="high")
        for i, key in enumerate(keys)
    }
    centre = Centre(opened, heard_ms=T0 - 3600_000)
    for _ in range(2):  # not heard again: all as it was
        centre.now += MINUTE
        centre.tick()
        assert "station-offline/buoy" in centre.open
    centre.minute(values={k: v for k, v in ALL.items() if k.endswith("mast")})
    centre.minute(values={k: v for k, v in ALL.items() if k.endswith("mast")})
    assert sorted(centre.open) == ["no-data-instrument/buoy/ctd", "no-data-stream/buoy/eddy"]
    assert centre.minute(eddy={"co2_flux@mast": 1.0})[1] == ["no-data-instrument/buoy/ctd", "no-data-stream/buoy/eddy"]


def test_records_of_an_unset_or_future_clock_say_nothing():
    centre = Centre()
    centre.run(10)
    for _ in range(10):
        centre.now += MINUTE
        centre.view.heard_ms = centre.now
        wrong = [record(ALL, t=5, clock="unset"), record(ALL, t=centre.now + 3600_000)]
        centre.watch.on_records("buoy", wrong, centre.view, centre.now)
        centre.tick()
    assert "no-data-stream/buoy/minute" in centre.open


def test_an_instrument_that_was_taken_away_takes_its_alarm_with_it():
    centre = Centre()
    centre.run(10)
    rest = {name: value for name, value in ALL.items() if name.endswith("mast")}
    centre.run(10, values=rest)
    assert "no-data-instrument/buoy/ctd" in centre.open
    opened = {
        key: Alarm(id=1, key=key, rule=signal.rule.id, station="buoy", state=State.ACTIVE_UNACKNOWLEDGED, severity_now="medium")
        for key, signal in centre.open.items()
    }
    centre.watch._opened = opened
    old = centre.view.birth
    kept = {name: about for name, about in old.series.items() if about.instrument != "ctd"}
    centre.view.birth = msgspec.structs.replace(old, series=kept)
    assert centre.minute(values=rest) == ([], ["no-data-instrument/buoy/ctd"])
