"""The chain against EddyPro 7.0.0 on real half-hours: 26 of Finse (enclosed path), DE-HoH (enclosed, forest), USDA orchard (open path).

Held to the reference without spectral correction (variant ``hf=0``). What is left of the difference is known and tested here as such:

- gas fluxes, enclosed path, +0.2 to +0.5 %: the reference takes the molar volume of air at the sonic temperature, we at the air's own; the ratio of
  the two is exactly the difference. So is H there: +0.05 % (heat capacity and density at the same two temperatures), and its humidity term.
- USDA H, -0.4 %: the reference puts the uncorrected evaporation into the humidity correction, we the corrected one (van Dijk et al. 2004).
- L and z/L are defined differently (virtual instead of air temperature, k 0.40 instead of 0.41, no mixture of potential and local values).
"""

from __future__ import annotations

import csv
import math

import pytest

from edge.science.constants import SONIC_HUMIDITY_FACTOR
from tests.edge.science.eddy.reference import CASES, EC, computed, expected

pytestmark = pytest.mark.needs("refdata")
FLUXES = {
    "friction_velocity": ("u*", 1.0, 0.0),
    "momentum_flux": ("Tau", 1.0, 0.0),
    "sensible_heat_flux": ("H", 1.0, 0.5),
    "latent_heat_flux": ("LE", 1.0, 0.5),
    "co2_flux": ("co2_flux", 1e6, 0.05),
}
case = pytest.mark.parametrize(("site", "file"), CASES or [("finse", "missing")])


@case
def test_fluxes_within_three_percent(site: str, file: str) -> None:
    found, want = computed(site, file), expected(site)[file]
    for name, (column, scale, absolute) in FLUXES.items():
        assert found.value(name) * scale == pytest.approx(want[column], rel=0.03, abs=absolute), name


@case
def test_wind_is_the_references_to_its_digits(site: str, file: str) -> None:
    found, want = computed(site, file), expected(site)[file]
    assert found.value("friction_velocity") == pytest.approx(want["u*"], rel=1e-5)
    assert found.value("momentum_flux") == pytest.approx(want["Tau"], rel=2e-4)
    assert found.value("wind_speed_ms") == pytest.approx(want["wind_speed"], rel=1e-5)
    assert found.value("cov_wind_w_wind_w") == pytest.approx(want["w_var"], rel=1e-4)
    assert found.value("cov_wind_w_sonic_temperature") == pytest.approx(want["w/ts_cov"], rel=1e-4, abs=1e-6)
    turn = (found.value("wind_from_direction_deg") - want["wind_dir"] + 180) % 360 - 180
    assert abs(turn) < 0.01
    assert abs(found.value("yaw_deg") - want["yaw"]) < 0.01
    assert abs(found.value("pitch_deg") - want["pitch"]) < 0.001


@case
def test_spike_counts_and_lags_are_equal(site: str, file: str) -> None:
    found, want = computed(site, file), expected(site)[file]
    names = {"wind_u": "u", "wind_v": "v", "wind_w": "w", "sonic_temperature": "ts", "co2": "co2", "h2o": "h2o"}
    assert {n: found.value(f"spikes_{n}") for n in names} == {n: want[f"{short}_spikes"] for n, short in names.items()}
    for gas in ("co2", "h2o"):
        assert found.value(f"lag_{gas}_s") == pytest.approx(want[f"{gas}_time_lag"], abs=1e-9)


@pytest.mark.parametrize(("site", "file"), [c for c in CASES if c[0] != "usda"] or [("finse", "missing")])
def test_what_is_left_in_the_closed_path_gas_fluxes_is_the_temperature_of_the_molar_volume(site: str, file: str) -> None:
    """Taking the molar volume at the sonic temperature, as the reference does, leaves 0.06 %."""
    found, want = computed(site, file), expected(site)[file]
    ratio = found.value("air_temperature_k") / found.value("mean_sonic_temperature")
    assert found.value("co2_flux") * 1e6 * ratio == pytest.approx(want["co2_flux"], rel=6e-4)
    assert found.value("h2o_flux") * 1e3 * ratio == pytest.approx(want["h2o_flux"], rel=6e-4)


@pytest.mark.parametrize(("site", "file"), [c for c in CASES if c[0] == "usda"] or [("usda", "missing")])
def test_what_is_left_in_the_open_path_heat_flux_is_the_evaporation_in_its_humidity_correction(site: str, file: str) -> None:
    """Putting the uncorrected evaporation into our own numbers gives the reference's H to 0.1 %."""
    found, want = computed(site, file), expected(site)[file]
    v = found.value
    raw_evaporation = v("cov_wind_w_h2o") * 0.01801528
    ts, q, rho = v("mean_sonic_temperature"), v("specific_humidity"), v("air_density")
    w_ts = v("cov_wind_w_sonic_temperature")
    w_t = w_ts - SONIC_HUMIDITY_FACTOR * ts * raw_evaporation / rho - SONIC_HUMIDITY_FACTOR * q * w_ts
    assert rho * v("heat_capacity") * w_t == pytest.approx(want["H"], rel=1e-3)
    assert v("sensible_heat_flux") < want["H"]


@case
def test_stationarity_is_the_references_in_whole_percent(site: str, file: str) -> None:
    with (EC / site / "expected_qc_details.csv").open() as table:
        rows = {row[0] + ".gz": row for row in csv.reader(table)}
    heading, row = rows["filename.gz"], rows[file]
    found = computed(site, file)
    for column, name in (("dev(w/u)", "momentum"), ("dev(w/ts)", "heat"), ("dev(w/co2)", "co2"), ("dev(w/h2o)", "h2o")):
        assert math.floor(found.value(f"nonstationarity_{name}") + 0.02) - float(row[heading.index(column)]) in (0.0, -1.0, 1.0), name


def test_classes_agree_but_where_the_stability_limit_lies_between_the_two_definitions_of_z_over_l() -> None:
    names = {"momentum_flux": "qc_Tau", "sensible_heat_flux": "qc_H", "latent_heat_flux": "qc_LE", "co2_flux": "qc_co2_flux"}
    differ = []
    for site, file in CASES:
        found, want = computed(site, file), expected(site)[file]
        ours = {name: found.value(f"class_{name}") for name in names}
        if ours != {name: want[column] for name, column in names.items()}:
            differ.append(file)
            # the turbulence models change at z/L = -0.2: theirs on one side, ours on the other
            assert found.value("stability") < -0.2 < want["(z-d)/L"]
    assert len(differ) <= 2
