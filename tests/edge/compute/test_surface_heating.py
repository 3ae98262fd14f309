"""Warm surfaces of an open-path analyser: what the station file's coefficients do to a window, by day and by night."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from edge.compute import eddy
from edge.compute.messages import Input
from edge.compute.request import build_request
from edge.science.eddy.window import Window
from firmware_config.station import EddyProcessing
from tests.edge.compute.windows import FakeRaw, columns_of, mangrove, small_world

NOON_MS, MIDNIGHT_MS = 1_780_027_200_000, 1_780_070_400_000  # 29 May 2026, 4:00 and 16:00 UTC: noon and midnight at 121 E


def by(offset_c: float) -> dict[str, Any]:
    return {part: {"slope": 1.0, "offset_c": offset_c} for part in ("bottom", "top", "spar")}


HEATING = {"day": by(2.0), "night": by(0.5), "bottom_length_m": 0.06, "top_diameter_m": 0.05, "spar_diameter_m": 0.005}


def done(mode: str, start_ms: int = NOON_MS, heating: dict[str, Any] | None = None, wind: float = 1.0, **product: Any) -> Window:
    station, eddy_flux = mangrove()
    chosen = EddyProcessing.model_validate({"mode": mode, "spectral": "none", "lag": "maximum", "surface_heating": heating})
    eddy_flux = eddy_flux.model_copy(update={"processing": chosen, **product})
    request = build_request(station, eddy_flux, number=1, inputs={"air_pressure": Input(1010.0)})
    columns = columns_of(small_world())
    columns |= {name: columns[name] * wind for name in ("U (m/s)", "V (m/s)", "W (m/s)")}
    return eddy.window_of(request, FakeRaw(columns, start_ms=start_ms))


@pytest.mark.parametrize("mode", ["correct", "compatible"])
def test_the_heat_of_the_surfaces_expands_the_air_in_the_path_of_co2_and_nothing_else(mode: str) -> None:
    without, warm = done(mode), done(mode, heating=HEATING)
    v = warm.value
    heat = v("surface_heat_bottom") + v("surface_heat_top") + 0.15 * v("surface_heat_spar")
    assert heat > 1.0
    rho_cp = v("air_density") * v("heat_capacity")
    expansion = v("mean_co2") * heat / (rho_cp * v("air_temperature_k"))
    assert v("co2_flux") - without.value("co2_flux") == pytest.approx(expansion, rel=1e-3)
    for flux in ("sensible_heat_flux", "latent_heat_flux", "momentum_flux"):
        assert v(flux) == without.value(flux), flux
    assert "surface_heat_flux" not in without.values


@pytest.mark.parametrize("mode", ["correct", "compatible"])
def test_the_night_has_its_own_temperatures(mode: str) -> None:
    day, night = (done(mode, at, HEATING).value("surface_heat_flux") for at in (NOON_MS, MIDNIGHT_MS))
    assert day / night == pytest.approx(2.0 / 0.5)


def test_a_closed_path_and_a_chain_without_density_correction_know_no_such_heat() -> None:
    assert "surface_heat_flux" not in done("correct", heating=HEATING, path="closed").values
    station, product = mangrove()
    request = build_request(station, product, number=1, inputs={"air_pressure": Input(1010.0)})
    request.product["processing"] = {"spectral": "none", "density": False, "surface_heating": HEATING}
    assert "surface_heat_flux" not in eddy.window_of(request, FakeRaw(columns_of(small_world()))).values


def test_without_wind_co2_is_missing_with_the_reason() -> None:
    still = done("correct", heating=HEATING, wind=0.0)
    assert math.isnan(still.value("co2_flux"))
    assert still.reasons["co2_flux"]


def test_coefficients_are_whole_or_refused() -> None:
    assert EddyProcessing().surface_heating is None
    for broken in (
        {**HEATING, "night": {}},
        {k: x for k, x in HEATING.items() if k != "top_diameter_m"},
        {**HEATING, "spar_diameter_m": 0.0},
    ):
        with pytest.raises(ValidationError):
            EddyProcessing.model_validate({"surface_heating": broken})


def test_the_record_names_the_heat() -> None:
    station, product = mangrove()
    request = build_request(station, product, number=1, inputs={"air_pressure": Input(1010.0)})
    request.product["processing"] = {"spectral": "none", "surface_heating": HEATING}
    answer = eddy.compute(request, FakeRaw(columns_of(small_world()), start_ms=NOON_MS))
    assert answer.detail["surface_heat_w_m2"] > 1.0
    assert np.isfinite(answer.values["co2_flux"])
