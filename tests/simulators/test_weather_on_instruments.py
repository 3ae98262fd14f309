"""Rain, salt and fouling as instruments show them, and every scenario through every instrument of the bench."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import simulators
from firmware_config.station import Station
from simulators.instruments import Simulated, Talker, Unit, make_instrument
from simulators.instruments.base import HEAVY_RAIN_MM_H, Setting
from simulators.instruments.ec100 import SIGNAL, SIGNALS_LOW
from simulators.instruments.feed import AirFeed
from simulators.world import Site, World, WorldConfig
from simulators.world.data import table
from simulators.world.growth import DIFFUSION_M2_S, VISIT_S, behind_film
from tests.simulators.conftest import T0_MS

BENCH = Path(simulators.__file__).parent / "stations" / "bench"
SECONDS = 40
HOUR_S = 3600


def at(t_s: float) -> datetime:
    return datetime.fromtimestamp(t_s, UTC)


@pytest.fixture(scope="module")
def whole() -> Station:
    return Station.model_validate(yaml.safe_load((BENCH / "station.yaml").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def build(whole: Station) -> Callable[..., dict[str, Simulated]]:
    """Every instrument of the bench in a world of the given keys."""

    def make(**config: Any) -> dict[str, Simulated]:
        settings = {entry.id: {"noise": False} for entry in whole.instruments}
        world = World(WorldConfig.model_validate({"schema": 1, "seed": 7, "instruments": settings} | config), Site.of(whole), 20)
        feed = AirFeed(world)
        return {e.id: make_instrument(Setting(e, whole, world, feed, world.config.of(e.id))) for e in whole.instruments}

    return make


def rows(instrument: Simulated, t_s: float, seconds: float) -> dict[str, np.ndarray]:
    first = int(1e3 * t_s // instrument.period_ms) + 1
    return instrument.values(first, max(1, int(1e3 * seconds // instrument.period_ms)))


def worst_moments(world: World, name: str) -> set[float]:
    """When the wind is strongest and when the rain is heaviest (UTC s)."""
    t_s = T0_MS / 1e3 + np.arange(0, table("scenarios")[name]["hours"] * HOUR_S, 600.0)
    state = world.weather.at(t_s)
    return {float(t_s[state["wind_speed"].argmax()]), float(t_s[state["rain_rate"].argmax()])}


@pytest.mark.parametrize("name", table("scenarios"))
def test_every_instrument_says_every_weather(build, whole, name):
    """At the worst moments no encoder fails, every record has its bytes, and no measured number is absurd."""
    place = whole.position
    scenario = {"name": name, "at": at(T0_MS / 1e3), "passes": [place.latitude_deg - 0.2, place.longitude_deg - 0.3]}
    instruments = build(scenario=scenario, region="zhoushan")
    world = instruments["sonic"].setting.world
    for moment in worst_moments(world, name):
        for key, instrument in instruments.items():
            columns = rows(instrument, moment, 1.0)
            first = int(1e3 * moment // instrument.period_ms) + 1
            assert all(np.all(np.isfinite(columns[field])) for field in instrument.fields), (key, moment)
            if isinstance(instrument, Talker):
                records = instrument.encode(columns, first)
                assert len(records) == len(columns[instrument.fields[0]])
                assert not instrument.streams or b"".join(records), key
            elif isinstance(instrument, Unit):
                words = instrument.registers({field: values[:1] for field, values in columns.items()})
                assert words, key
                assert all(0 <= word <= 0xFFFF for word in words.values()), key
    if name == "typhoon":
        high = world.weather.at(T0_MS / 1e3 + np.arange(0, 30 * HOUR_S, 300.0))
        assert high["wind_speed"].max() > 45
        assert high["rain_rate"].max() > 60


@pytest.fixture(scope="module")
def wet(build):
    """All instruments under a squall, and when it rains hardest."""
    instruments = build(scenario={"name": "squall", "at": at(T0_MS / 1e3)}, cleaned=at(T0_MS / 1e3))
    t_s = T0_MS / 1e3 + np.arange(0, 8 * HOUR_S, 60.0)
    rate = instruments["sonic"].setting.world.weather.at(t_s)["rain_rate"]
    assert rate.max() > 60
    return instruments, float(t_s[rate.argmax()])


@pytest.fixture(scope="module")
def overgrown(build):
    """All instruments after half a year without a visit."""
    return build(scenario={"name": "neglected", "at": at(T0_MS / 1e3)})


@pytest.fixture(scope="module")
def clean(build):
    """The same, cleaned a second before."""
    return build(scenario={"name": "neglected", "at": at(T0_MS / 1e3)}, cleaned=at(T0_MS / 1e3 - 1))


class TestRain:
    @pytest.mark.parametrize(
        ("key", "column", "words"),
        [
            ("sonic", "status", {0.0, 7.0, 10.0, 11.0}),
            ("csat", "flags", {0.0, 1.0}),
            ("irgason", "sonic_diagnostic", {0.0, 1.0}),
            ("irgason", "gas_diagnostic", {0.0, float(SIGNALS_LOW)}),
        ],
    )
    def test_sonic_and_analyser_say_so_themselves(self, wet, key, column, words):
        instruments, moment = wet
        found = rows(instruments[key], moment, SECONDS)[column]
        assert set(np.unique(found)) == words
        assert 0.3 < (found != 0).mean() < 0.95

    def test_li7500_loses_lock_and_signal(self, wet):
        instruments, moment = wet
        here = rows(instruments["irga"], moment, SECONDS)["diagnostic"].astype(int)
        before = rows(instruments["irga"], T0_MS / 1e3, SECONDS)["diagnostic"].astype(int)
        assert np.all(before == 0b1111_1110)
        assert {int(word) >> 4 for word in here} == {0b1111, 0b1101}
        assert np.all(here & 0xF < 9)

    def test_weather_station_counts_what_fell(self, wet):
        """The counter over the whole squall is the integral of the truth's rate."""
        instruments, moment = wet
        weather = instruments["weather"]
        t_s = np.arange(moment - 1800, moment + 1800, 30.0)
        counted = [float(rows(weather, float(t), 1.0)["rain"][-1]) for t in t_s]
        state = weather.setting.world.state(t_s * 1e3)
        fell = np.trapezoid(state["rain_rate"], t_s) / 3600.0
        assert counted[-1] - counted[0] == pytest.approx(fell, rel=0.03)
        assert fell > 20

    def test_a_dome_in_fog_keeps_light_off(self, build):
        """By some per cent at noon, and not at all in dry air."""
        noon = T0_MS / 1e3 // 86_400 * 86_400 + 86_400 + 4 * HOUR_S
        share = {}
        for name in ("fog", "sea_breeze"):
            pyranometer = build(scenario={"name": name, "at": at(T0_MS / 1e3)})["pyranometer"]
            state = pyranometer.setting.world.truth(noon * 1e3)
            share[name] = (rows(pyranometer, noon, 1)["radiation"][0] + 2.2 * (1 - state["cloud"])) / state["shortwave"]
        assert 0.9 < share["fog"] < 0.98
        assert share["sea_breeze"] == pytest.approx(1.0, abs=1e-3)

    def test_light_rain_stands_in_no_path(self, build):
        """What falls from the clouds of the climate never reaches the rate at which a path is lost."""
        world = build()["sonic"].setting.world
        t_s = T0_MS / 1e3 + np.arange(0, 90 * 24 * HOUR_S, 1800.0)
        rain = world.weather.at(t_s)["rain_rate"]
        assert 0 < rain.max() < HEAVY_RAIN_MM_H
        dry = rows(build(scenario={"name": "calm", "at": at(T0_MS / 1e3)})["sonic"], T0_MS / 1e3 + 6 * HOUR_S, SECONDS)
        assert np.all(dry["status"] == 0)


class TestSaltAndFouling:
    def test_signals_fall_and_the_sonic_does_not_care(self, overgrown, clean):
        when = T0_MS / 1e3 + 10 * HOUR_S
        foul, fresh = (rows(instruments["irgason"], when, 2) for instruments in (overgrown, clean))
        assert fresh["co2_signal"][0] == pytest.approx(SIGNAL[0], abs=0.02)
        assert foul["co2_signal"][0] < 0.75
        assert np.array_equal(foul["u"], fresh["u"])
        assert np.array_equal(foul["sonic_diagnostic"], fresh["sonic_diagnostic"])
        strength = [int(rows(i["irga"], when, 2)["diagnostic"][0]) & 0xF for i in (overgrown, clean)]
        assert strength[0] < strength[1] == 14

    @pytest.mark.parametrize("key", ["oxygen", "odo", "rdo", "sbe63", "optode"])
    def test_oxygen_is_too_high_by_day_and_too_low_by_night(self, overgrown, clean, key):
        world = overgrown[key].setting.world
        hours = T0_MS / 1e3 + np.arange(6, 54) * HOUR_S
        light = world.state(hours * 1e3)["shortwave"]
        off = [
            float(rows(overgrown[key], t, 1)["oxygen"][0] - rows(clean[key], t, 1)["oxygen"][0])
            for t in (hours[light.argmax()], hours[light == 0][3])
        ]
        assert off[0] > 0 > off[1]

    @pytest.mark.parametrize(("key", "field"), [("hydroc", "pco2"), ("sami", "pco2"), ("proco2", "water")])
    def test_pco2_is_off_the_other_way(self, overgrown, clean, key, field):
        world = overgrown[key].setting.world
        hours = T0_MS / 1e3 + np.arange(6, 54) * HOUR_S + 1200
        noon = float(hours[world.state(hours * 1e3)["shortwave"].argmax()])
        foul, fresh = (rows(instruments[key], noon, 1)[field][0] for instruments in (overgrown, clean))
        assert 5 < fresh - foul < 0.5 * fresh

    def test_film_answers_with_its_time_of_diffusion(self):
        """L^2 / 2D: 104 s for half a millimetre; nothing for none."""
        found = behind_film(np.array([0.0, 0.5, 1.0]), np.zeros(3))
        assert found.late_s == pytest.approx([0.0, 0.25e-6 / (2 * DIFFUSION_M2_S), 1e-6 / (2 * DIFFUSION_M2_S)])
        assert found.oxygen_mmol_m3[0] == 0
        assert found.oxygen_mmol_m3[2] < 0

    def test_it_grows_from_nothing_between_regular_visits(self, make_world):
        world = make_world()
        t_s = T0_MS / 1e3 + np.arange(0, 2 * VISIT_S, 600.0)
        salt, film = world.growth.at(t_s)
        visits = np.nonzero(film == 0)[0]
        assert len(visits) == 2
        assert (visits[1] - visits[0]) * 600.0 == VISIT_S
        between = film[visits[0] : visits[1]]
        assert np.all(np.diff(between[:-1]) > 0)
        assert between.max() < 0.1
        assert 0 < salt.max() < 2

    def test_rain_washes_salt_off_and_warmth_makes_the_film_grow(self, make_world):
        cleaned = at(T0_MS / 1e3 - 30 * 86_400)
        scenario = {"name": "squall", "at": at(T0_MS / 1e3)}
        world = make_world(scenario=scenario, cleaned=cleaned)
        salt, _ = world.growth.at(T0_MS / 1e3 + HOUR_S * np.array([0.0, 5.0]))
        assert salt[1] < 0.05 * salt[0]
        july, january = (
            make_world(cleaned=at(datetime(2026, month, 1, tzinfo=UTC).timestamp())).growth.at(
                np.array([datetime(2026, month, 28, tzinfo=UTC).timestamp()])
            )[1][0]
            for month in (7, 1)
        )
        assert july > 2 * january


def test_a_li7200_keeps_its_windows_inside(instrument):
    """An enclosed path knows neither rain nor salt."""
    enclosed = instrument("irga", scenario={"name": "neglected", "at": at(T0_MS / 1e3)})
    good = rows(enclosed, T0_MS / 1e3 + HOUR_S, 2)["diagnostic"]
    assert np.all(good == 0b1_1111_1111_1110)
