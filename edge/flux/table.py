"""The table that comes out: FLUXNET names and units, standard time of the station's timezone, -9999 for missing.

Which number of the finished window stands under which name is data, ``fluxnet.yaml``. Here are only the numbers that follow from others of
the window, the facts of the site, and how a number is written.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import TextIO

import numpy as np
import yaml

from edge.science.arrays import mean_of_present
from edge.science.constants import GAS_CONSTANT
from edge.science.eddy.moments.quartiles import quartiles
from edge.science.eddy.quality.classes import partial_class
from edge.science.eddy.screening.digits import fluxnet
from edge.science.eddy.screening.moments import shape
from edge.science.eddy.window import GASES, WIND, Window

MISSING = "-9999"
FORMS = {"dry_mole_fraction": 0.0, "mole_fraction": 1.0, "density": 2.0}
TEXTS = ("TIMESTAMP_START", "TIMESTAMP_END", "FILENAME_HF")


@cache
def columns() -> dict[str, tuple[str, float, float]]:
    """FLUXNET name → number of the window, scale, offset; in the table's order."""
    table = yaml.safe_load(files("edge.flux").joinpath("fluxnet.yaml").read_text(encoding="utf-8"))
    rows = {name: [row] if isinstance(row, str) else row for name, row in table.items()}
    whole = {name: [*row, *(1.0, 0.0)[len(row) - 1 :]] for name, row in rows.items()}
    return {name: (str(key), float(scale), float(offset)) for name, (key, scale, offset) in whole.items()}


@dataclass(frozen=True)
class Row:
    """One line of the table. ``reasons``: FLUXNET name → why it is missing."""

    start_ms: int
    name: str
    fields: list[str]
    reasons: dict[str, str]


def stamp(t_ms: int, offset: timedelta) -> str:
    """A time as FLUXNET writes it.

    >>> stamp(0, timedelta(hours=8))
    '197001010800'
    """
    return (datetime.fromtimestamp(t_ms / 1000, UTC) + offset).strftime("%Y%m%d%H%M")


def spelled(value: float) -> str:
    """A number as it stands in the table.

    >>> spelled(-0.04517151), spelled(800000099.0), spelled(float("nan"))
    ('-0.0451715', '800000099', '-9999')
    """
    if not math.isfinite(value):
        return MISSING
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else f"{value:.6g}"


def row_of(name: str, start_ms: int, duration_ms: int, offset: timedelta, done: Window, facts: Mapping[str, float]) -> Row:
    """One line of the table; ``facts``: numbers of the site, by name (``site_…``)."""
    ends = [datetime.fromtimestamp(t / 1000, UTC) + offset for t in (start_ms, start_ms + duration_ms)]
    days = {f"site_doy_{edge}": _day_of_year(at) for edge, at in zip(("start", "end"), ends, strict=True)}
    values = {**derived(done), **done.values, **fluxnet(done.values, done.series), **facts, **days}
    numbers = {column: values.get(key, math.nan) * scale + shift for column, (key, scale, shift) in columns().items()}
    why = {column: done.reasons.get("chain") or done.reasons.get(key, "") for column, (key, _, _) in columns().items()}
    reasons = {column: why[column] for column, number in numbers.items() if why[column] and not math.isfinite(number)}
    stamps = [stamp(start_ms, offset), stamp(start_ms + duration_ms, offset)]
    return Row(start_ms, name, [*stamps, name, *(spelled(number) for number in numbers.values())], reasons)


def _day_of_year(at: datetime) -> float:
    """Days since the year began, 1 at its first midnight, as FLUXNET counts: 201.3541 is the 201st day, 8:30."""
    return at.timetuple().tm_yday + (at.hour + at.minute / 60) / 24


def derived(done: Window) -> dict[str, float]:
    """What follows from numbers of the window, where the chain does not give it under its own name."""
    v = done.value
    values = {f"sd_{name}": math.sqrt(max(0.0, v(f"cov_{name}_{name}"))) for name in done.series if f"cov_{name}_{name}" in done.values}
    values |= {"stage1_momentum_flux": v("momentum_flux"), "stage2_momentum_flux": v("momentum_flux")}
    per_heat = _ratio(v("evapotranspiration_mm_h"), v("latent_heat_flux"))
    for stage in ("uncorrected_", "stage1_", "stage2_", "random_error_"):
        values[f"{stage}evapotranspiration_mm_h"] = v(f"{stage}latent_heat_flux") * per_heat
    values |= _of_series(done)
    moist = 1.0 - _ratio(v("vapour_pressure_pa"), v("air_pressure_pa"))
    for gas in GASES:
        if gas not in done.series:
            continue
        scale = 1e6 if gas == "co2" and done.gas_form != "density" else 1e3
        values |= {
            f"measured_as_{gas}": FORMS[done.gas_form],
            f"measured_sd_{gas}": values.get(f"sd_{gas}", math.nan) * scale,
            f"measured_cov_wind_w_{gas}": v(f"cov_wind_w_{gas}") * scale,
            f"{gas}_mole_fraction": v(f"{gas}_dry_mole_fraction") * moist,
            f"{gas}_molar_density": _molar_density(done, gas, moist),
        }
    for name in ("nonstationarity_momentum", "nonstationarity_heat", "nonstationarity_co2", "nonstationarity_h2o"):
        values[f"partial_class_{name}"] = _partial(v(name))
    for name in ("turbulence_deviation_w", "turbulence_deviation_temperature"):
        values[f"partial_class_{name}"] = _partial(v(name))
    # the test of momentum takes the worse of the two components, and so does the column
    values["partial_class_turbulence_deviation_u"] = _partial(max(v("turbulence_deviation_u"), v("turbulence_deviation_w")))
    return values


def _of_series(done: Window) -> dict[str, float]:
    """Skewness, kurtosis and quartiles of the series as they are when the chain is through; a gas in the unit of the table."""
    values: dict[str, float] = {}
    for name in (*WIND, "sonic_temperature", *GASES):
        x = done.series.get(name)
        x = None if x is None else x[np.isfinite(x)]
        if x is None or x.size < 2:
            continue
        scale = 1.0 if name not in GASES else 1e6 if name == "co2" and done.gas_form != "density" else 1e3
        values |= {f"final_{which}_{name}": q * scale for which, q in zip(("p25", "median", "p75"), quartiles(x), strict=True)}
        form = shape(x, moment_divisor_less=1)
        values[f"final_skewness_{name}"], values[f"final_kurtosis_{name}"] = form.skewness, form.kurtosis
    return values


def _molar_density(done: Window, gas: str, moist: float) -> float:
    """Moles per volume, where the gas was measured: in the cell when its state is known, else in the air."""
    dry = done.value(f"{gas}_dry_mole_fraction")
    cell = [mean_of_present(done.series[name]) for name in ("cell_temperature", "cell_pressure") if name in done.series]
    if done.gas_form != "density" and len(cell) == 2 and not math.isnan(sum(cell)):
        return dry * moist * cell[1] / (GAS_CONSTANT * cell[0])
    return _ratio(dry, done.value("dry_molar_volume"))


def _ratio(a: float, b: float) -> float:
    return a / b if b else math.nan


def _partial(deviation: float) -> float:
    return float(partial_class(deviation)) if math.isfinite(deviation) else math.nan


def write(rows: Iterable[Row], to: TextIO) -> None:
    """Header and rows, in order of time."""
    writer = csv.writer(to, lineterminator="\n")
    writer.writerow((*TEXTS, *columns()))
    writer.writerows(row.fields for row in sorted(rows, key=lambda row: (row.start_ms, row.name)))


def write_reasons(rows: Iterable[Row], bad: Mapping[str, str], to: TextIO) -> None:
    """Why what is missing is missing: one line for each number of each period, and one for each file that was skipped."""
    writer = csv.writer(to, lineterminator="\n")
    writer.writerow(("TIMESTAMP_START", "FILENAME_HF", "NAME", "REASON"))
    writer.writerows(("", name, "", reason) for name, reason in bad.items())
    for row in sorted(rows, key=lambda row: (row.start_ms, row.name)):
        writer.writerows((row.fields[0], row.name, name, reason) for name, reason in row.reasons.items())
