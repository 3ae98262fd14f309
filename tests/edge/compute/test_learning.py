"""What windows teach: known planes, lags and cut-offs are found again; what is not ready is said; nothing odd in a history raises."""

from __future__ import annotations

import doctest
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.archive.layout import Note
from edge.archive.reader import read_window
from edge.compute import eddy, eddy_tables, history, learning
from edge.compute.eddy_setup import learnt_of
from edge.compute.messages import Input, Request
from edge.compute.request import build_request
from edge.compute.worker import Worker, handlers
from edge.science.eddy.spectral.degraded import CUTOFFS_HZ
from edge.science.eddy.spectral.in_situ import HumidityDependence, NotReady
from tests.edge.compute.windows import FakeRaw, columns_of, mangrove, small_world, write_ghg, write_live

PRESSURE = {"air_pressure": Input(1010.0, 0.5, "air_pressure@arm")}


def product(path: str = "open", **processing: Any) -> dict[str, Any]:
    return {"path": path, "processing": {"lag": "constant", **processing}}


def winds(direction_deg: np.ndarray, plane: tuple[float, float, float], noise_ms: float = 0.0) -> list[dict[str, Any]]:
    """Facts of windows whose mean winds lie in a plane; the sonic's u comes from 180 degrees."""
    rng = np.random.default_rng(3)
    speed = rng.uniform(2.0, 8.0, direction_deg.size)
    angle = np.radians(180.0 - direction_deg)
    u, v = speed * np.cos(angle), speed * np.sin(angle)
    w = plane[0] + plane[1] * u + plane[2] * v + noise_ms * rng.normal(size=u.size)
    return [{"t": i, "wind": [*map(float, one)], "from": float(d)} for i, (*one, d) in enumerate(zip(u, v, w, direction_deg, strict=True))]


@pytest.mark.parametrize("module", [learning, history, eddy_tables])
def test_worked_numbers_hold(module: Any) -> None:
    found = doctest.testmod(module)
    assert found.attempted
    assert not found.failed


def test_planes_are_found_sector_by_sector_and_the_rest_is_counted() -> None:
    rng = np.random.default_rng(5)
    first, second = winds(rng.uniform(0, 90, 40), (0.02, 0.05, -0.03)), winds(rng.uniform(90, 180, 12), (0.0, 0.02, 0.01))
    learnt, status = learning.learn(first + second, product(rotation="planar_fit"))
    (plane,) = learnt["planes"]
    assert [plane[name] for name in ("b0_ms", "b1", "b2")] == pytest.approx([0.02, 0.05, -0.03], abs=1e-9)
    assert (plane["from_deg"], plane["to_deg"], plane["windows"]) == (0.0, 90.0, 40)
    assert status["planar fit 0-90"] == {"ready": True, "says": "rests on 40 windows"}
    assert status["planar fit 90-180"] == {"ready": False, "says": "has 12 of 30 windows"}
    assert not status["planar fit 270-360"]["ready"]


def test_winds_of_one_direction_span_no_plane() -> None:
    _, status = learning.learn(winds(np.full(50, 45.0), (0.0, 0.0, 0.0)), product(rotation="planar_fit"))
    assert status["planar fit 0-90"] == {"ready": False, "says": "has 50 windows, whose winds do not span a plane"}


def test_one_plane_for_all_directions_needs_no_direction() -> None:
    facts = winds(np.linspace(0, 359, 40), (0.02, 0.05, -0.03))
    for one in facts:
        del one["from"]
    (plane,) = learning.learn(facts, product(rotation="planar_fit", planar_fit={"sectors": 1}))[0]["planes"]
    assert plane["b1"] == pytest.approx(0.05, abs=1e-9)
    assert learning.learn(facts, product(rotation="planar_fit", planar_fit={"sectors": 4}))[0]["planes"] == []


def test_given_planes_and_methods_that_do_not_learn_learn_nothing() -> None:
    given_planes = product(rotation="planar_fit", planar_fit={"planes": [{"from_deg": 0, "to_deg": 360, "b1": 0, "b2": 0}]})
    facts = winds(np.linspace(0, 359, 200), (0.0, 0.0, 0.0))
    assert learning.learn(facts, given_planes) == ({}, {})
    assert learning.learn(facts, product(mode="compatible", lag=None)) == ({}, {})


def lags(count: int, lag_s: float, clear: float = 9.0, rh: float = 50.0, gas: str = "co2") -> list[dict[str, Any]]:
    return [{"t": i, "lag": {gas: lag_s}, "clear": {gas: clear}, "rh": rh} for i in range(count)]


def test_lags_are_learnt_from_clear_windows_only() -> None:
    learnt, status = learning.learn(lags(20, 0.4) + lags(100, 1.7, clear=2.0), product(lag="tracked"))
    (row,) = learnt["lags"]["co2"]
    assert (row["default_s"], row["windows"], row["from_percent"]) == (0.4, 20, None)
    assert status["lag co2"]["ready"]
    assert status["lag h2o"] == {"ready": False, "says": "0 windows with a clear maximum; 20 are needed"}


def test_water_in_a_tube_has_a_lag_for_each_humidity_and_in_the_open_one_for_all() -> None:
    facts = lags(25, 0.5, rh=20.0, gas="h2o") + lags(25, 1.5, rh=85.0, gas="h2o")
    closed, _ = learning.learn(facts, product("closed", lag="tracked"))
    assert [(row["from_percent"], row["default_s"]) for row in closed["lags"]["h2o"]] == [(0.0, 0.5), (80.0, 1.5)]
    in_the_open, _ = learning.learn(facts, product(lag="tracked"))
    assert len(in_the_open["lags"]["h2o"]) == 1


def spectrum_of_heat() -> np.ndarray:
    """Normalised as measured: a peak, then -2/3."""
    f = learning.GRID_HZ
    return f / (0.05 + f) ** (5 / 3)


def slowed(cutoff_hz: float, noise: float = 0.0) -> np.ndarray:
    f = learning.GRID_HZ
    return spectrum_of_heat() / (1 + (f / cutoff_hz) ** 2) + noise * f


def spectra(count: int, cutoff_hz: float, rh: float = 50.0, noise: float = 0.0, gas: str = "co2") -> list[dict[str, Any]]:
    one = {"t": spectrum_of_heat().tolist(), gas: slowed(cutoff_hz, noise).tolist()}
    return [{"t": i, "rate": 20.0, "rh": rh, "spectra": one} for i in range(count)]


@pytest.mark.parametrize("true_hz", [0.1, 0.5, 2.0])
def test_a_cut_off_is_found_again(true_hz: float) -> None:
    learnt, status = learning.learn(spectra(12, true_hz), product(spectral="horst"))
    assert learnt["cutoffs"]["co2"]["hz"] == pytest.approx(true_hz, rel=1e-4)
    assert status["cut-off co2"]["ready"]
    assert status["cut-off h2o"] == {"ready": False, "says": "has 0 of 10 periods with spectra"}
    assert learnt["cutoffs"]["h2o"] == {"what": "periods with spectra", "have": 0, "needed": 10}


def test_noise_of_an_analyser_moves_its_cut_off_little() -> None:
    learnt, _ = learning.learn(spectra(12, 0.5, noise=0.02), product(spectral="horst"))
    assert learnt["cutoffs"]["co2"]["hz"] == pytest.approx(0.5, rel=0.15)  # noise left in is a tenth of the power at most


def test_a_gas_that_loses_nothing_has_no_cut_off() -> None:
    learnt, status = learning.learn(spectra(12, math.inf), product(spectral="horst"))
    assert learnt["cutoffs"]["co2"] == {"hz": None}
    assert status["cut-off co2"] == {"ready": True, "says": "no loss seen"}


def test_water_in_a_tube_is_slower_in_humid_air() -> None:
    facts = [one for rh, fc in ((20, 2.0), (40, 1.0), (60, 0.5), (85, 0.2)) for one in spectra(12, fc, rh=rh, gas="h2o")]
    learnt, _ = learning.learn(facts, product("closed", spectral="horst"))
    found = learning.cutoff_from_json(learnt["cutoffs"]["h2o"])
    assert isinstance(found, HumidityDependence)
    assert [found.cutoff_hz(rh) for rh in (20, 40, 60, 85)] == pytest.approx([2.0, 1.0, 0.5, 0.2], rel=0.05)  # a parabola of ln fc
    too_few, status = learning.learn(spectra(12, 1.0, gas="h2o"), product("closed", spectral="horst"))
    assert isinstance(learning.cutoff_from_json(too_few["cutoffs"]["h2o"]), NotReady)
    assert "1 of 3 humidity classes" in status["cut-off h2o"]["says"]


def test_coefficients_of_ibrom_are_found_again_by_stability() -> None:
    def window(stability: float, speed: float, a1: float, a2: float) -> dict[str, Any]:
        return {"t": 0, "stability": stability, "speed": speed, "degraded": [1 + a1 * speed / (a2 + fc) for fc in CUTOFFS_HZ[1:]]}

    facts = [window(-0.1, u, 0.02, 0.1) for u in np.linspace(1, 8, 15)] + [window(0.2, 3.0, 0.05, 0.3)] * 4
    learnt, status = learning.learn(facts, product(spectral="ibrom"))
    assert learnt["ibrom"]["unstable"] == pytest.approx({"a1": 0.02, "a2": 0.1}, rel=1e-3)
    assert "stable" not in learnt["ibrom"]
    assert status["spectral coefficients stable"]["says"].startswith("have 36 of 90 pairs")


def test_windows_of_another_mounting_teach_nothing() -> None:
    keys = {"sonic_key": "a", "gas_key": "b"}
    facts = [one | {"keys": {"sonic_key": "a", "gas_key": "old"}} for one in lags(30, 0.4)]
    assert learning.learn(facts, product(lag="tracked"), keys)[0]["lags"] == {}
    facts = [one | {"keys": keys} for one in facts]
    assert learning.learn(facts, product(lag="tracked"), keys)[0]["lags"]["co2"]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers(-(10**9), 10**9) | st.text(max_size=3),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.sampled_from(["co2", "t", "0"]), inside, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["wind", "from", "rh", "lag", "clear", "spectra", "degraded", "stability", "speed", "rate", "keys"])


@given(st.lists(st.dictionaries(NAMES, ANYTHING), max_size=6))
@settings(max_examples=80, deadline=None)
def test_nothing_in_a_history_raises(facts: list[dict[str, Any]]) -> None:
    whole = product("closed", rotation="planar_fit", lag="tracked", spectral="fratini")
    learnt, status = learning.learn(facts, whole, {"sonic_key": "a", "gas_key": "b"})
    assert set(learnt) == {"planes", "lags", "cutoffs", "ibrom"}
    assert all(not one["ready"] for one in status.values())


# --- the worker


def test_the_worker_learns_from_a_history_with_damaged_lines(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    good = [json.dumps(one | {"t": i}).encode() for i, one in enumerate(lags(25, 0.4))]
    path.write_bytes(b"\n".join([*good[:10], b'{"t":3,"la', b"\xff\x00", b"[1]", b'{"t":"x"}', *good[10:], good[7], b'{"t":99'])[:-1])
    request = Request(id=7, kind="learn", raw=str(path), product=product(lag="tracked"))
    found = Worker(handlers()).answer(json.dumps({"id": 7, "kind": "learn", "raw": str(path), "product": request.product}).encode())
    assert found is not None
    assert found.ok
    assert found.detail["history"] == {"windows": 25, "damaged_lines": 5, "newest": 24}
    assert found.detail["learnt"]["lags"]["co2"][0]["windows"] == 25


def test_a_missing_history_teaches_nothing(tmp_path: Path) -> None:
    answer = learning.answer(Request(id=1, kind="learn", raw=str(tmp_path / "none"), product=product(lag="tracked")))
    assert answer.detail["learnt"] == {"lags": {}}


# --- one window


def window(raw: FakeRaw, learnt: dict[str, Any] | None = None, **processing: Any) -> Any:
    station, of = mangrove()
    of = of.model_copy(update={"processing": of.processing.model_copy(update=processing)})
    return eddy.window_of(build_request(station, of, number=1, inputs=PRESSURE, learnt=learnt), raw)


def test_facts_of_a_window_are_small_and_have_what_the_fits_need() -> None:
    facts = learning.facts_of(window(FakeRaw(columns_of(small_world(), 5)), spectral="ibrom"))
    assert facts["lag"] == {"co2": 0.25, "h2o": 0.25}
    assert facts["clear"]["co2"] > 3
    assert facts["wind"][0] == pytest.approx(6.0, abs=0.01)
    assert len(facts["degraded"]) == len(CUTOFFS_HZ) - 1
    assert set(facts["spectra"]) == {"t", "co2", "h2o"}
    assert len(json.dumps(facts, allow_nan=False)) < 2000
    assert json.loads(json.dumps(facts)) == facts


@pytest.mark.parametrize("columns", [{}, {name: np.full(6000, np.nan) for name in columns_of(small_world())}])
def test_a_broken_window_teaches_nothing(columns: dict[str, np.ndarray]) -> None:
    facts = learning.facts_of(window(FakeRaw(columns)))
    assert not {"wind", "lag", "clear", "spectra", "rh"} & set(facts)


def test_a_lag_that_moved_away_is_seen_beside_the_window_that_was_learnt() -> None:
    """Tracking alone would never see it: inside the learnt window there is no maximum any more."""
    narrow, _ = learning.learn(lags(30, -0.1), product(lag="tracked"))
    done = window(FakeRaw(columns_of(small_world(), 5)), narrow)
    assert done.values["lag_co2_tracked"] == 1.0
    assert done.values["lag_co2_is_default"] == 1.0
    assert learning.facts_of(done)["lag"]["co2"] == 0.25


LEARNT = {
    "planes": [{"from_deg": 0.0, "to_deg": 360.0, "b0_ms": 0.011, "b1": 0.0123456789, "b2": -0.02, "windows": 40}],
    "lags": {
        gas: [{"from_percent": None, "to_percent": None, "shortest_s": 0.3, "longest_s": 0.5, "default_s": 0.4, "windows": 30}]
        for gas in ("co2", "h2o")
    },
}


def test_a_file_computed_again_gives_the_digits_of_the_day_whatever_was_learnt_since(tmp_path: Path) -> None:
    station, of = mangrove()
    of = of.model_copy(update={"processing": of.processing.model_copy(update={"rotation": "planar_fit"})})
    columns = columns_of(small_world(), 8)
    note = Note(inputs={"air_pressure": (1009.3, 0.5, "air_pressure@arm")})
    live = write_live(tmp_path / "open.live", columns, note, LEARNT)
    path = write_ghg(tmp_path, columns, note, learnt=LEARNT)
    later = {"planes": [{**LEARNT["planes"][0], "b1": 0.1}], "lags": {}, "cutoffs": {}}

    def ask(file: Path, learnt: dict[str, Any]) -> Any:
        return eddy.compute(build_request(station, of, number=1, inputs=PRESSURE, learnt=learnt), read_window(file))

    sent = ask(live.path, {})
    assert read_window(path).meta["learnt"] == LEARNT
    assert ask(path, later) == sent
    without = ask(write_ghg(tmp_path, columns, note, name="test_20260528T2035", learnt={"planes": [], "lags": {}}), later)
    assert without.values["co2_flux"] != sent.values["co2_flux"]
    assert sent.values["rotation_pitch"] is None  # turned into the plane, not into the window's own wind
    live.close()


def test_a_record_says_which_method_had_nothing_to_go_by() -> None:
    raw = FakeRaw(columns_of(small_world(), 5))
    asked = {"rotation": "planar_fit", "spectral": "horst"}
    told = learning.fallbacks_of(window(raw, **asked))
    assert told["rotation"].startswith("double")
    assert told["lag_not_tracked"] == ["co2", "h2o"]
    assert told["spectral"]["co2"] == "the analytic factor was kept: no cut-off was learnt"
    waiting = {**LEARNT, "cutoffs": {gas: {"what": "periods with spectra", "have": 3, "needed": 10} for gas in ("co2", "h2o")}}
    told = learning.fallbacks_of(window(raw, waiting, **asked))
    assert told == {"spectral": dict.fromkeys(("co2", "h2o"), "the analytic factor was kept: only 3 of 10 periods with spectra")}
    assert learning.fallbacks_of(window(raw, lag="constant")) == {}


def test_what_was_learnt_comes_back_from_json_as_it_was(tmp_path: Path) -> None:
    facts = spectra(12, 0.5) + [one for rh, fc in ((20, 2.0), (40, 1.0), (60, 0.5)) for one in spectra(12, fc, rh=rh, gas="h2o")]
    learnt, _ = learning.learn(facts + lags(30, 0.4), product("closed", lag="tracked", spectral="fratini", rotation="planar_fit"))
    again = json.loads(json.dumps(learnt, allow_nan=False))
    assert again == learnt
    found = learnt_of(Request(id=1, kind="eddy", learnt=again), FakeRaw({}))
    assert found.lags["co2"][0].window.default_s == 0.4
    assert found.lags["co2"][0].from_percent == -math.inf
    assert found.cutoffs["co2"] == pytest.approx(0.5, rel=1e-3)
    assert isinstance(found.cutoffs["h2o"], HumidityDependence)
    assert learnt_of(Request(id=1, kind="eddy", learnt=again), FakeRaw({}, meta={"learnt": {"lags": {}}})).lags == {}


def test_spectra_and_footprint_travel_in_few_bytes() -> None:
    """Every bin has its numbers, the ogive of the lowest is the whole covariance, the lines are closed, and all of it is short."""
    station, of = mangrove()
    answer = eddy.compute(build_request(station, of, number=1, inputs=PRESSURE), FakeRaw(columns_of(small_world(), 5)))
    assert {len(column) for column in answer.spectra.values()} == {len(answer.spectra["frequency_hz"])}
    assert set(answer.spectra) == set(eddy_tables.COLUMNS)
    assert answer.spectra["ogive_co2"][0] == 1.0
    assert len(json.dumps(answer.spectra)) < 12_000
    lines = answer.detail["footprint"]
    assert all(line[0] == line[-1] for line in lines.values())
    assert len(json.dumps(lines)) < 600
    empty = eddy.compute(build_request(station, of, number=1, inputs=PRESSURE), FakeRaw({}))
    assert empty.spectra == {}
    assert "footprint" not in empty.detail


# --- the history


def test_the_history_ends_where_its_bound_is_and_a_clock_ahead_does_not_empty_it() -> None:
    facts = [{"t": i * 1000} for i in range(100)]
    assert len(history.within(facts, 10_000)) == 13  # the third from the end counts as the newest
    assert len(history.within([*facts, {"t": 10**15}], 50_000)) > 40
    assert history.within([], 1) == []
