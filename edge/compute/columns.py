"""From the columns of a raw window to the series the eddy chain works on: names and units, written down once.

The first rows are the columns of our own archive; the others are for foreign files (see `edge.flux.foreign`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from edge.science.arrays import FloatArray, count_finite, floats
from edge.science.constants import CELSIUS_ZERO_K
from edge.science.eddy.window import GasForm


class Raw(Protocol):
    """What science needs of a raw window; `edge.archive.reader.RawWindow` is one."""

    @property
    def columns(self) -> Mapping[str, FloatArray]: ...
    @property
    def rate_hz(self) -> float: ...
    @property
    def start_ms(self) -> int: ...
    @property
    def meta(self) -> Mapping[str, object]: ...


@dataclass(frozen=True)
class Column:
    """series = column x scale + offset, in the chain's unit; ``form`` says how a gas is given."""

    series: str
    scale: float = 1.0
    offset: float = 0.0
    form: GasForm | None = None


COLUMNS: dict[str, Column] = {
    "U (m/s)": Column("wind_u"),
    "V (m/s)": Column("wind_v"),
    "W (m/s)": Column("wind_w"),
    "Ts (C)": Column("sonic_temperature", offset=CELSIUS_ZERO_K),
    "CO2 (mmol/m^3)": Column("co2", 1e-3, form="density"),
    "H2O (mmol/m^3)": Column("h2o", 1e-3, form="density"),
    "T gas (C)": Column("cell_temperature", offset=CELSIUS_ZERO_K),
    "P gas (kPa)": Column("cell_pressure", 1e3),
    "Signal Strength": Column("signal_strength"),
    "CO2 (umol/mol)": Column("co2", 1e-6, form="mole_fraction"),
    "H2O (mmol/mol)": Column("h2o", 1e-3, form="mole_fraction"),
    "CO2 dry (umol/mol)": Column("co2", 1e-6, form="dry_mole_fraction"),
    "H2O dry (mmol/mol)": Column("h2o", 1e-3, form="dry_mole_fraction"),
}


CELL_ENDS = {"T gas in (C)": 0.2, "T gas out (C)": 0.8}
"""temperature of an LI-7200's cell where only those of its inlet and outlet were kept: the shares by which the analyser itself makes it"""

DIAGNOSTICS = {"Sonic Diagnostic": "sonic_diagnostic", "Gas Diagnostic": "gas_diagnostic"}
"""columns that judge the others; those of our own archive were judged by the instruments' cards, sample by sample, before they got there"""


def series_of(raw: Raw) -> tuple[dict[str, FloatArray], GasForm]:
    """The series of a raw window and how its gases are given.

    Where a file holds a gas in several forms the one that needs least correction is taken: dry mole fraction, then mole fraction, then
    density; both gases in the same form. Unknown columns are left alone; missing samples are NaN.
    """
    series = {c.series: _converted(raw.columns[name], c) for name, c in COLUMNS.items() if c.form is None and name in raw.columns}
    if "cell_temperature" not in series and set(CELL_ENDS) <= set(raw.columns):
        inlet, outlet = (share * floats(raw.columns[name]) for name, share in CELL_ENDS.items())
        series["cell_temperature"] = inlet + outlet + CELSIUS_ZERO_K
    if raw.meta.get("foreign"):
        series |= {ours: floats(raw.columns[name]) for name, ours in DIAGNOSTICS.items() if name in raw.columns}
    forms: tuple[GasForm, ...] = ("dry_mole_fraction", "mole_fraction", "density")
    found = {form: _gases(raw, form) for form in forms}
    best = max(forms, key=lambda form: (sum(count_finite(x) > 0 for x in found[form].values()), len(found[form])))
    return {**series, **found[best]}, best


def _gases(raw: Raw, form: GasForm) -> dict[str, FloatArray]:
    return {c.series: _converted(raw.columns[name], c) for name, c in COLUMNS.items() if c.form == form and name in raw.columns}


def _converted(values: object, column: Column) -> FloatArray:
    x = floats(values)  # type: ignore[arg-type]
    return x if column.scale == 1.0 and column.offset == 0.0 else x * column.scale + column.offset
