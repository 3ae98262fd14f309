"""The battery in the sun: charge balances, nothing charges at night, the charger's stages follow the charge."""

from __future__ import annotations

import numpy as np
import pytest

from simulators.world.power import ABSORPTION, BULK, EMPTY_SHARE, FLOAT, OFF, STEP_S, Plant, Power
from tests.simulators.conftest import T0_MS

DAY = T0_MS // 86_400_000


def test_charge_is_the_sum_of_the_current(make_world):
    power = make_world().power
    _, values = power.day(DAY)
    gained = np.diff(values["charge"]) * power.plant.battery_ah
    assert gained == pytest.approx(values["current"][:-1] * STEP_S / 3600.0, abs=1e-9)


def test_midnight_is_the_same_from_both_sides(make_world):
    """Each day is computed from its own spin-up: a battery that was full or empty in it forgets how it began."""
    power = make_world(cloud=0.2).power
    first, second = power.day(DAY)[1], power.day(DAY + 1)[1]
    assert first["charge"][-1] == pytest.approx(second["charge"][0], abs=1e-6)


def test_nothing_charges_at_night_and_the_battery_gives_the_load(make_world):
    world = make_world()
    times, values = world.power.day(DAY)
    dark = world.weather.at(times)["shortwave"] <= 0
    assert dark.any()
    assert not values["panel_power"][dark].any()
    assert set(values["charger_state"][dark].tolist()) == {float(OFF)}
    alive = dark & (values["charge"] > EMPTY_SHARE)
    assert values["current"][alive] == pytest.approx(-values["load_current"][alive])


def test_days_without_sun_empty_it_and_the_load_goes_off(make_world):
    world = make_world(cloud=1.0)
    dark = Power(world.weather, Plant(battery_ah=60.0, panel_w=1.0))
    _, values = dark.day(DAY)
    assert values["charge"].max() < EMPTY_SHARE + 0.02
    assert values["charge"].min() >= 0.0
    assert values["load_current"].min() < 0.5 * 22.0 / 12.0


def test_a_clear_day_goes_through_the_stages(make_world):
    _, values = make_world(cloud=0.0).power.day(DAY)
    states = set(values["charger_state"].tolist())
    assert {float(OFF), float(FLOAT)} <= states
    assert states <= {float(s) for s in (OFF, BULK, ABSORPTION, FLOAT)}
    charging = values["current"] > 0
    assert np.all(values["voltage"][charging] <= 14.4 + 1e-9)
    assert np.all((values["charge"] >= 0) & (values["charge"] <= 1))


def test_values_between_steps_lie_between_them(make_world):
    power = make_world().power
    times, values = power.day(DAY)
    middle = power.at(times[:-1] + STEP_S / 2)
    low, high = np.minimum(values["voltage"][:-1], values["voltage"][1:]), np.maximum(values["voltage"][:-1], values["voltage"][1:])
    assert np.all((middle["voltage"] >= low - 1e-9) & (middle["voltage"] <= high + 1e-9))
    assert set(middle["charger_state"].tolist()) <= {float(s) for s in (OFF, BULK, ABSORPTION, FLOAT)}
