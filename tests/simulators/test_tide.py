"""The tide keeps the astronomers' angles, and a harmonic fit finds the constants again."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from simulators.errors import WorldFileError
from simulators.world.data import table
from simulators.world.tide import Constant, Tide, longitudes, nodal

SPEEDS_DEG_H = {  # Schureman (1941), table 2
    "M2": 28.9841042, "S2": 30.0, "N2": 28.4397295, "K2": 30.0821373, "K1": 15.0410686, "O1": 13.9430356, "P1": 14.9589314,
    "Q1": 13.3986609, "M4": 57.9682084, "MS4": 58.9841042, "M6": 86.9523127,
}  # fmt: skip


def seconds(*date: int) -> float:
    return datetime(*date, tzinfo=UTC).timestamp()


def argument(name: str, t_s: np.ndarray) -> np.ndarray:
    row = table("constituents")[name]
    return np.asarray(row["argument"], dtype=float) @ longitudes(t_s) + row["phase"]


@pytest.mark.parametrize(("name", "speed"), SPEEDS_DEG_H.items())
def test_constituents_turn_at_their_published_speed(name, speed):
    t = seconds(2026, 6, 1) + np.arange(0.0, 30 * 86400, 3600.0)
    turned = np.unwrap(np.radians(argument(name, t)))
    assert np.degrees(turned[-1] - turned[0]) / (len(t) - 1) == pytest.approx(speed, abs=2e-7)


@pytest.mark.parametrize("date", [(2024, 4, 8, 18, 21), (2026, 8, 12, 17, 37), (2027, 8, 2, 10, 5)])
def test_moon_and_sun_pull_together_at_an_eclipse_of_the_sun(date):
    """New moon: M2 and S2 in step, up to what the true moon runs ahead of the mean one (7 degrees, twice)."""
    t = np.array([seconds(*date)])
    apart = (argument("M2", t) - argument("S2", t) + 180) % 360 - 180
    assert abs(apart[0]) < 15


def test_diurnal_pairs_add_up_to_semidiurnal_ones():
    t = seconds(2026, 3, 1) + np.arange(5) * 1e6
    for one, other, sum_ in (("K1", "O1", "M2"), ("K1", "P1", "S2")):
        apart = argument(one, t) + argument(other, t) - argument(sum_, t)
        assert np.allclose((apart + 180) % 360, 180, atol=1e-6)


def test_s2_is_high_at_midnight_and_noon():
    tide = Tide({"S2": Constant(1.0, 0.0)})
    assert tide.level_m(np.array([seconds(2026, 5, 5, h) for h in (0, 6, 12)])) == pytest.approx([1, -1, 1], abs=1e-6)


def test_harmonic_fit_finds_amplitudes_and_phases_of_every_region():
    """Least squares on a year of hourly levels, with the published speeds and the nodal factors of mid-year."""
    t = seconds(2026, 1, 1) + np.arange(0.0, 369 * 86400, 3600.0)
    middle = np.array([t.mean()])
    for region in table("regions").values():
        constants = {name: Constant(*row) for name, row in region["tide"].items() if name != "SA"}
        level = Tide(constants).level_m(t)
        names = list(constants)
        angles = np.radians(np.array([(t - middle[0]) / 3600 * SPEEDS_DEG_H[name] for name in names]))
        design = np.vstack([np.ones_like(t), np.cos(angles), np.sin(angles)]).T
        solution = np.linalg.lstsq(design, level, rcond=None)[0]
        found = solution[1 : 1 + len(names)] - 1j * solution[1 + len(names) :]
        for name, wave in zip(names, found, strict=True):
            row = table("constituents")[name]
            f, u = nodal(row.get("nodal"), longitudes(middle)[4])
            if row.get("square"):
                f, u = f**2, 2 * u
            amplitude = abs(wave) / f[0]
            phase = (argument(name, middle) + u - np.degrees(np.angle(wave)))[0] % 360
            assert amplitude == pytest.approx(constants[name].amplitude_m, abs=0.003)
            off = (phase - constants[name].phase_deg + 180) % 360 - 180
            assert abs(off) * constants[name].amplitude_m < 0.6, name  # what the year's change of f and u leaves in side lines


def test_unknown_constituent_is_named():
    with pytest.raises(WorldFileError, match="M8"):
        Tide({"M8": Constant(0.1, 0.0)})
