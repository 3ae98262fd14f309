"""The reference half-hours: raw files with the results EddyPro 7.0.0 gave for them (see the README beside the data)."""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from edge.science.air import pressure_at_altitude_pa
from edge.science.constants import MOLAR_MASS_CO2, MOLAR_MASS_WATER
from edge.science.eddy.chain import flux_chain, run
from edge.science.eddy.lag.search import LagWindow, closed_path_window, open_path_window
from edge.science.eddy.setup import Learnt, Methods, Setup
from edge.science.eddy.spectral.instruments import SONICS, Analyser, Tube, placed
from edge.science.eddy.window import GASES, Window
from tests.conftest import REFDATA

EC = REFDATA / "ec"


@dataclass(frozen=True)
class Site:
    name: str
    rate_hz: float
    minutes: float
    latitude_deg: float
    height_m: float
    u_from_deg: float
    columns: dict[str, tuple[str, float, float]]
    form: str
    flow_l_per_min: float | None = None
    altitude_m: float = 0.0
    roughness_m: float = 0.0
    sonic: str = "csat3"
    separation_m: float = 0.0
    separation_azimuth_deg: float = 90.0

    def analyser(self) -> Analyser:
        where = {"separation_m": self.separation_m, "separation_azimuth_deg": self.separation_azimuth_deg}
        if self.flow_l_per_min is None:
            return placed("li7500", **where)
        return placed("li7200", **where, tube=Tube(0.711, 0.0053, self.flow_l_per_min))

    def setup(self, pressure_pa: float) -> Setup:
        return Setup(
            closed_path=self.form != "density",
            pressure_pa=pressure_pa,
            height_m=self.height_m,
            latitude_deg=self.latitude_deg,
            averaging_s=60 * self.minutes,
            lag_windows=self.lag_windows(),
            u_from_deg=self.u_from_deg,
            roughness_length_m=self.roughness_m,
            sonic=SONICS[self.sonic],
            analysers=dict.fromkeys(GASES, self.analyser()),
            mass_densities=("co2", "h2o") if self.name == "usda" else (),
        )

    def lag_windows(self) -> dict[str, LagWindow]:
        if self.flow_l_per_min is None:
            return {gas: open_path_window(0.15) for gas in GASES}
        tube = {"tube_length_m": 0.711, "tube_diameter_m": 0.0053, "flow_l_per_min": self.flow_l_per_min, "cell_volume_cm3": 16.09}
        return {gas: closed_path_window(**tube, sticky=gas == "h2o") for gas in GASES}


def _wind(u: str, v: str, w: str, ts: str, zero: float) -> dict[str, tuple[str, float, float]]:
    return {"wind_u": (u, 1, 0), "wind_v": (v, 1, 0), "wind_w": (w, 1, 0), "sonic_temperature": (ts, 1, zero)}


SITES = {
    "finse": Site(
        "finse", 10, 30, 60.59, 4.4 - 0.067, 0.0, _wind("u", "v", "w", "ts_degC", 273.15) | {"co2": ("co2_ppm", 1e-6, 0), "h2o": ("h2o_ppt", 1e-3, 0)},
        "dry_mole_fraction", 12.0, 1210.0, 0.015, "csat3", 0.20,
    ),
    "dehoh": Site(
        "dehoh", 20, 30, 52.0866, 45 - 22.3311, 235 + 180, _wind("U", "V", "W", "T_SONIC", 0) | {"co2": ("CO2", 1e-6, 0), "h2o": ("H2O", 1e-3, 0)},
        "dry_mole_fraction", 15.0, 193.0, 4.9995, "gill_hs_50", 0.0022,
    ),
    "usda": Site(
        "usda", 20, 15, 36.6, 7.11 - 0.67 * 4.42, 0.0,
        _wind("u", "v", "w", "ts_degC", 273.15)
        | {"co2": ("co2_mg_m3", 1e-3 / (1e3 * MOLAR_MASS_CO2), 0), "h2o": ("h2o_g_m3", 1e-3 / MOLAR_MASS_WATER, 0)},
        "density", None, 100.0, 0.663, "csat3", 0.15,
    ),
}  # fmt: skip
CASES = [(site, path.name) for site in SITES for path in sorted((EC / site).glob("*.csv.gz"))]


def read(path: Path) -> dict[str, np.ndarray]:
    with gzip.open(path, "rt") as file:
        names = file.readline().strip().split(",")
        table = np.loadtxt(file, delimiter=",")
    table[table == -9999] = np.nan
    return dict(zip(names, np.ascontiguousarray(table.T), strict=True))


def window_and_setup(site_name: str, file: str) -> tuple[Window, Setup]:
    """One reference file as the chain takes it; with the barometer of the file or of the altitude, as the reference had it."""
    site = SITES[site_name]
    raw = read(EC / site_name / file)
    pressure = 1e3 * float(np.nanmean(raw["press_kPa"])) if "press_kPa" in raw else pressure_at_altitude_pa(site.altitude_m)
    series = {name: raw[column] * scale + offset for name, (column, scale, offset) in site.columns.items()}
    expected_samples = round(60 * site.minutes * site.rate_hz)
    return Window(site.rate_hz, expected_samples, series, site.form), site.setup(pressure)  # type: ignore[arg-type]


@cache
def computed(site_name: str, file: str, methods: Methods = Methods(), learnt: Learnt | None = None) -> Window:  # noqa: B008
    """Our chain on one reference file."""
    window, setup = window_and_setup(site_name, file)
    return run(window, flux_chain(setup, methods, learnt))


@cache
def expected(site: str, table: str = "expected_variants.csv", variant: str = "hf=0") -> dict[str, dict[str, float]]:
    """file → column → number of the reference (rows of one variant where the table has variants)."""
    with (EC / site / table).open() as file:
        rows = [row for row in csv.DictReader(file) if row.get("variant", variant) == variant and row["filename"].endswith(".csv")]
    return {row["filename"] + ".gz": {k: float(v) for k, v in row.items() if k and _is_number(v)} for row in rows}


def _is_number(text: str | None) -> bool:
    try:
        float(text or "")
    except ValueError:
        return False
    return True
