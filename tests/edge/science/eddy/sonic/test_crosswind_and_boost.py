"""Cross-wind of sonic temperature against travel times of sound in a moving air; the WindMaster's vertical wind."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.science.eddy.sonic import crosswind, wind_boost
from edge.science.eddy.window import Window

K = crosswind.SQUARED_SPEED_PER_KELVIN


def temperature_of_travel_times(ts: float, wind: np.ndarray, inclination_deg: float) -> float:
    """What a sonic of three paths reads: along each path from the times both ways, averaged, with no regard to the wind across."""
    c = math.sqrt(K * ts)
    read = []
    for azimuth in np.radians([17.0, 137.0, 257.0]):
        lie, rise = math.cos(math.radians(inclination_deg)), math.sin(math.radians(inclination_deg))
        path = np.array([lie * math.cos(azimuth), lie * math.sin(azimuth), rise])
        along = float(wind @ path)
        across2 = float(wind @ wind) - along**2
        forth, back = (0.1 / (math.sqrt(c * c - across2) + sign * along) for sign in (1, -1))
        read.append((0.05 * (1 / forth + 1 / back)) ** 2 / K)
    return float(np.mean(read))


@given(st.floats(250, 320), st.tuples(*[st.floats(-20, 20)] * 3), st.sampled_from([30.0, 45.0, 48.75, 60.0]))
def test_sound_that_crosses_the_wind_gives_the_true_temperature_back(ts: float, wind: tuple[float, ...], inclination: float) -> None:
    read = temperature_of_travel_times(ts, np.array(wind), inclination)
    u, v, w = (np.array([x]) for x in wind)
    found = crosswind.corrected(np.array([read]), u, v, w, crosswind.factors_of_inclination(inclination))
    assert found[0] == pytest.approx(ts, abs=1e-6)


def test_published_factors_are_those_of_the_geometry() -> None:
    """Liu et al. 2001, table 1: CSAT3 7/8, 7/8, 1/4 (60 degrees), USA-1 3/4, 3/4, 1/2 (45 degrees)."""
    assert crosswind.factors_of_inclination(60.0) == pytest.approx(crosswind.FACTORS["csat3"])
    assert crosswind.factors_of_inclination(45.0) == pytest.approx(crosswind.FACTORS["usa1"])


def test_a_sonic_that_corrects_for_itself_is_left_alone() -> None:
    x = np.full(4, 5.0)
    window = Window(1, 4, {"wind_u": x, "wind_v": x, "wind_w": x, "sonic_temperature": x + 285})
    assert crosswind.step(window, factors=crosswind.FACTORS["csat3"], done_by_the_sonic=True) is window
    found = crosswind.step(window, factors=crosswind.FACTORS["csat3"], done_by_the_sonic=False)
    assert found.value("crosswind_correction") == pytest.approx(25 * 2 / K)
    assert window.series["sonic_temperature"][0] == 290


@pytest.mark.parametrize(
    ("model", "firmware", "want"),
    [
        ("WindMaster", "2329-600-01", "needed"),
        ("Gill WindMaster Pro", "2329.699.9", "needed"),
        ("wm_1", "2329 v 601", "needed"),
        ("WindMaster", "2329-700-01", "not needed"),
        ("WindMaster", "2330-100-00", "not needed"),
        ("WindMaster", "", "firmware unknown"),
        ("WindMaster", "2329", "firmware unknown"),
        ("R3-50", "2329-600-01", "not needed"),
        ("CSAT3", "", "not needed"),
    ],
)
def test_model_and_firmware_decide(model: str, firmware: str, want: str) -> None:
    assert wind_boost.verdict(model, firmware) == want


def test_a_faulty_windmasters_vertical_wind_grows_and_an_unknown_one_is_named() -> None:
    window = Window(1, 3, {"wind_w": np.array([0.1, -0.1, np.nan])})
    found = wind_boost.step(window, model="WindMaster", firmware="2329-600-01")
    np.testing.assert_allclose(found.series["wind_w"], [0.1166, -0.1289, np.nan])
    assert found.value("vertical_wind_boosted") == 1.0
    unknown = wind_boost.step(window, model="WindMaster", firmware="")
    assert unknown.series["wind_w"] is window.series["wind_w"]
    assert unknown.value("flag_vertical_wind_firmware") == 1.0
    assert "firmware" in unknown.reasons["vertical_wind_boosted"]
    assert wind_boost.step(window, model="HS-50", firmware="") is window
