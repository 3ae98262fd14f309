"""Named weather: every scenario is plausible everywhere, begins at a moment a restart finds again, and goes through every instrument."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from firmware_config.quantities import registry
from simulators.errors import WorldFileError
from simulators.world import Site, World, WorldConfig, keep_world, load_world
from simulators.world.data import table
from tests.simulators.conftest import T0_MS

HOUR_MS = 3_600_000
REGIONS = {
    "zhoushan": Site(29.92, 122.72, "seawater", True, -0.22, -22.0, 5.2),
    "yueqing": Site(28.347, 121.181, "mangrove", False, -1.42, 0.48, 9.0),
    "hangzhou": Site(30.374, 121.228, "mudflat", False, -1.1, 0.6, 4.4),
}
SAME_NAME = {"shortwave": "shortwave_radiation"}
"""truth → quantity where the names differ"""


def chosen(name: str, **more: Any) -> WorldConfig:
    at = datetime.fromtimestamp(T0_MS / 1e3, UTC)
    return WorldConfig.model_validate({"schema": 1, "seed": 11, "scenario": {"name": name, "at": at} | more})


def peak(name: str, region: str = "zhoushan", step_min: int = 10) -> tuple[World, np.ndarray]:
    """A world of a scenario and the times of its whole span."""
    hours = table("scenarios")[name]["hours"]
    return World(chosen(name), REGIONS[region]), T0_MS + np.arange(-2 * HOUR_MS, hours * HOUR_MS, step_min * 60_000.0)


class TestData:
    @pytest.mark.parametrize("name", table("scenarios"))
    def test_each_says_in_both_languages_what_it_is_and_what_one_rehearses_with_it(self, name):
        row = table("scenarios")[name]
        for text in (row["title"], row["rehearse"]):
            assert text["en"].isascii()
            assert any("\u4e00" <= letter <= "\u9fff" for letter in text["zh"])
        assert row["rehearse"]["en"].endswith(".")

    @pytest.mark.parametrize("region", REGIONS)
    @pytest.mark.parametrize("name", table("scenarios"))
    def test_everything_it_brings_is_possible(self, name, region):
        """Within the physical range of each quantity, from before it begins until it is over."""
        ranges = {name: quantity.plausible for name, quantity in registry().items()}
        world, t_ms = peak(name, region)
        values = world._compute(t_ms / 1e3)
        checked = 0
        for truth, series in values.items():
            low, high = ranges.get(SAME_NAME.get(truth, truth), (-np.inf, np.inf))
            checked += np.isfinite(low)
            assert np.all(np.isfinite(series)), truth
            assert low <= series.min(), truth
            assert series.max() <= high, truth
        assert checked >= 18


class TestWhatItIsNamedFor:
    """From calm to typhoon: each scenario does what its name says, off Zhoushan."""

    def extremes(self, name: str) -> dict[str, tuple[float, float]]:
        world, t_ms = peak(name)
        state = world._compute(t_ms[t_ms >= T0_MS + 3 * HOUR_MS] / 1e3)
        return {key: (float(values.min()), float(values.max())) for key, values in state.items()}

    def test_calm_is_calm(self):
        assert self.extremes("calm")["wind_speed"][1] < 2.5

    def test_sea_breeze_turns_twice_a_day(self):
        world, t_ms = peak("sea_breeze")
        state = world._compute(t_ms[t_ms > T0_MS + 6 * HOUR_MS] / 1e3)
        by_day = state["shortwave"] > 500
        assert np.all(np.abs(state["wind_from_direction"][by_day] - 90) < 60)
        assert np.any(state["wind_from_direction"][state["shortwave"] == 0] > 180)

    def test_plum_rain_is_wet(self):
        world, t_ms = peak("plum_rain")
        state = world._compute(t_ms / 1e3)
        assert 100 < state["rain_rate"].sum() / 6 < 700
        assert state["relative_humidity"].max() > 96

    def test_fog_is_saturated_and_dim(self):
        seen = self.extremes("fog")
        assert seen["relative_humidity"][1] > 99.5
        assert 0 < seen["shortwave"][1] < 400

    def test_winter_monsoon_freezes(self):
        low = self.extremes("winter_monsoon")
        assert low["air_temperature"][0] < 0
        assert low["water_temperature"][0] > 4

    def test_cold_front_brings_ten_degrees_and_a_shift(self):
        world, _ = peak("cold_front")
        t_ms = T0_MS + np.arange(0, 24 * HOUR_MS, 60_000.0)
        passes = t_ms[world.weather.at(t_ms / 1e3)["rain_rate"].argmax()] / 1e3
        before, at_it, after, later = (world.weather.at(np.array([passes + 3600 * hours])) for hours in (-1.2, 0.0, 1.5, 12.0))
        assert before["air_temperature"][0] - after["air_temperature"][0] > 7
        assert later["air_pressure"][0] > at_it["air_pressure"][0] + 8
        assert 180 < before["wind_from_direction"][0] < 260
        assert 320 < after["wind_from_direction"][0] < 360

    def test_squall(self):
        high = self.extremes("squall")
        assert high["wind_speed"][1] > 22
        assert high["rain_rate"][1] > 70

    def test_gale_lasts(self):
        world, t_ms = peak("gale")
        wind = world._compute(t_ms / 1e3)["wind_speed"]
        assert (wind > 17).sum() / 6 > 20

    @pytest.mark.parametrize("region", REGIONS)
    def test_storm_surge_stands_on_the_tide(self, region):
        world, t_ms = peak("storm_surge", region, 30)
        assert 0.7 < world._compute(t_ms / 1e3)["surge"].max() < 3

    def test_heat_wave(self):
        assert self.extremes("heat_wave")["air_temperature"][1] > 32

    def test_bloom_ends_without_oxygen(self):
        world, t_ms = peak("bloom_and_hypoxia", "yueqing", 30)
        state = world._compute(t_ms / 1e3)
        bloom = t_ms < T0_MS + 100 * HOUR_MS
        assert state["oxygen_saturation"][bloom].max() > 130
        assert state["pco2_water"][bloom].min() < 250
        assert state["dissolved_oxygen"][~bloom].min() < 2

    def test_neglected_is_overgrown(self):
        world, t_ms = peak("neglected", step_min=60)
        t_ms = t_ms[t_ms < T0_MS + 56 * HOUR_MS]
        state = world._compute(t_ms / 1e3)
        clean = World(WorldConfig(schema=1, seed=11), REGIONS["zhoushan"])._compute(t_ms / 1e3)
        assert state["fouling"].min() > 5 * clean["fouling"].max()
        assert state["salt"].min() > 5

    def test_typhoon_at_the_outer_islands(self):
        worst = self.extremes("typhoon")
        assert worst["wind_speed"][1] > 45
        assert worst["air_pressure"][0] < 975
        assert worst["rain_rate"][1] > 50
        assert worst["surge"][1] > 0.8


class TestFile:
    def test_a_name_stands_for_a_file(self):
        assert load_world("typhoon").scenario.name == "typhoon"

    def test_what_is_neither_is_told_with_what_there_is(self):
        with pytest.raises(WorldFileError, match=r"typhon: neither a file nor a scenario.*typhoon"):
            load_world("typhon")

    def test_a_device_is_no_file_and_a_bottomless_one_is_refused(self, tmp_path):
        with pytest.raises(WorldFileError, match=r"/dev/zero: cannot be read: .*not a regular file"):
            load_world(Path("/dev/zero"))
        (tmp_path / "deep.yaml").write_text("a: " + "[" * 5_000, encoding="utf-8")
        with pytest.raises(WorldFileError, match=r"deep\.yaml: cannot be read"):
            load_world(tmp_path / "deep.yaml")

    def test_an_unknown_scenario_in_a_file_is_named(self, tmp_path):
        (tmp_path / "world.yaml").write_text("scenario: hurricane\n")
        with pytest.raises(WorldFileError, match=r"'hurricane' is no scenario.*cold_front"):
            load_world(tmp_path / "world.yaml")

    def test_a_restart_finds_the_moment_it_began(self, tmp_path):
        first = keep_world("typhoon", tmp_path, T0_MS)
        begun = load_world(first).scenario.begins_s
        assert begun == T0_MS / 1e3
        assert keep_world("typhoon", tmp_path, T0_MS + 5 * HOUR_MS) == first
        assert load_world(first).scenario.begins_s == begun

    def test_another_world_begins_anew(self, tmp_path):
        keep_world("typhoon", tmp_path, T0_MS)
        later = load_world(keep_world("gale", tmp_path, T0_MS + HOUR_MS))
        assert (later.scenario.name, later.scenario.begins_s) == ("gale", T0_MS / 1e3 + 3600)

    def test_after_counts_from_the_start_and_the_rest_of_the_file_is_kept(self, tmp_path):
        asked = tmp_path / "asked.yaml"
        asked.write_text("seed: 9\nscenario: {name: cold_front, after: 2h}\ninstruments: {irga: {lag: 200ms}}\n")
        kept = keep_world(asked, tmp_path / "kept", T0_MS)
        config = load_world(kept)
        assert config.scenario.begins_s == T0_MS / 1e3 + 7200
        assert (config.seed, config.of("irga").lag) == (9, 200)
        assert keep_world(asked, tmp_path / "kept", T0_MS + HOUR_MS) == kept

    def test_a_world_that_says_when_or_has_no_scenario_is_left_alone(self, tmp_path):
        asked = tmp_path / "asked.yaml"
        asked.write_text("scenario: {name: gale, at: 2026-08-01T00:00:00Z}\n")
        assert keep_world(asked, tmp_path / "kept", T0_MS) == asked
        assert load_world(asked).scenario.begins_s == datetime(2026, 8, 1, tzinfo=UTC).timestamp()
        assert keep_world(None, tmp_path / "kept", T0_MS) is None
        assert not (tmp_path / "kept").exists()

    def test_a_moment_that_cannot_be_kept_is_told(self, tmp_path):
        (tmp_path / "file").write_text("in the way")
        with pytest.raises(WorldFileError, match="typhoon begins cannot be kept"):
            keep_world("typhoon", tmp_path / "file", T0_MS)

    def test_without_a_moment_it_does_not_begin(self, make_world):
        with pytest.raises(WorldFileError, match="has no beginning"):
            make_world(scenario="typhoon")


class TestRepeatable:
    def test_begun_in_the_middle_it_is_the_same_storm(self):
        """A world that looks from the start and one that wakes up in the eye wall: the same to the last bit."""
        early, late = (World(chosen("typhoon"), REGIONS["zhoushan"]) for _ in range(2))
        for hours in (0, 5, 11):
            early.truth(T0_MS + hours * HOUR_MS)
        at = float(T0_MS + 14 * HOUR_MS)
        assert early.truth(at) == late.truth(at)

    @pytest.mark.parametrize("name", table("scenarios"))
    def test_nothing_jumps(self, name):
        """Neither when it begins or is over nor when one of its spells does (all of them at whole or half hours)."""
        world, t_ms = peak(name, step_min=30)
        before, after = (world.weather.at(t_ms / 1e3 + dt) for dt in (-0.01, 0.01))
        for key in ("wind_speed", "air_pressure", "air_temperature", "relative_humidity", "rain_rate", "cloud"):
            assert np.abs(before[key] - after[key]).max() < 2e-3, key


class TestTruthLog:
    def test_mean_state_is_written_with_directions_on_the_circle(self):
        world = World(WorldConfig.model_validate({"schema": 1, "wind_from_deg": 359.0}), REGIONS["zhoushan"])
        mean = world.mean_truth(T0_MS, 1_800_000)
        assert mean["wind_from_direction"] == pytest.approx(359.0, abs=1e-6)
        state = world.state(T0_MS + np.arange(0, 1_800_001, 60_000.0))
        assert mean["water_level"] == pytest.approx(np.trapezoid(state["water_level"]) / 30, abs=1e-4)


def test_world_files_of_the_documentation_load(tmp_path: Path):
    """The example at the head of config.py."""
    from simulators.world import config

    block = config.__doc__.split("An example:")[1].split("A scenario must")[0]
    (tmp_path / "world.yaml").write_text("\n".join(line[4:] for line in block.splitlines()))
    loaded = load_world(tmp_path / "world.yaml")
    assert loaded.scenario.after == 7_200_000
    assert yaml.safe_load((tmp_path / "world.yaml").read_text())["region"] == loaded.region
