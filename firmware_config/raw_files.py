"""The ``raw`` section of a station file: how the raw files of another logger are read.

It names the rate, which column is which and in which unit, what marks a missing value, and where the time comes from: a column of the
file, or the file's name. Formats are told apart by their content (CSV with one header line, Campbell TOA5 and TOB1, each also gzipped).
Not needed for the files of our own archive, which describe themselves. Units and variables are the table ``raw_units.yaml``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from firmware_config.units import RateHz

GASES = ("co2", "h2o")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class Conversion:
    """From a file's number to a column of our archive: value * scale + offset."""

    column: str
    scale: float
    offset: float


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = yaml.safe_load(files("firmware_config").joinpath("raw_units.yaml").read_text(encoding="utf-8"))
    return {name: row for name, row in table.items() if name in GASES or "column" in row}


def variables() -> tuple[str, ...]:
    """What a column of a raw file may be."""
    return tuple(_table())


class RawColumn(_Model):
    """One column of the file: (value * scale + offset) is in ``unit``.

    ``unit`` may be left out where it is the usual one (m/s, degC, kPa); a gas needs it, since it says whether the gas is given per volume
    or per mole. ``dry``: per mole of dry air.
    """

    column: str
    unit: str = ""
    scale: float = Field(1.0, allow_inf_nan=False)
    offset: float = Field(0.0, allow_inf_nan=False)
    dry: bool = False

    def conversion(self, variable: str) -> Conversion:
        """How this column becomes one of ours; ValueError names the units there are."""
        row = _table()[variable]
        forms = [row] if variable not in GASES else [row["dry_mole_fraction"]] if self.dry else [row["density"], row["mole_fraction"]]
        if self.dry and variable not in GASES:
            raise ValueError("dry is said of a gas only")
        unit = self.unit or row.get("default", "")
        found = next((form for form in forms if unit in form["units"]), None)
        if found is None:
            known = ", ".join(name for form in forms for name in form["units"])
            raise ValueError(f"{unit!r} is not a unit of {variable}; there are {known}" if unit else f"give its unit; there are {known}")
        scale, offset = found["units"][unit]
        return Conversion(found["column"], scale * self.scale, scale * self.offset + offset)


class RawTime(_Model):
    """The column that holds the time of each row. TOA5 and TOB1 files need none of this: theirs is known."""

    column: str
    format: str = ""
    """strptime pattern; empty: ISO 8601, with a space or a T between date and time"""


class RawFiles(_Model):
    """How to read this station's raw files."""

    rate: RateHz
    start: str = ""
    """strptime pattern of the file's name up to its first dot, giving the START of the period; for files without time of their own"""
    utc_offset: Annotated[str, Field(pattern=r"^[+-]\d\d:\d\d$")] | None = None
    """of the times in names and files; None: the standard time of the station's timezone"""
    time: RawTime | None = None
    stamps: Literal["start", "end"] | None = None
    """whether a row's time is the start or the end of its sample; None: end for TOA5 and TOB1, start for others"""
    missing: list[float] = [-9999.0]
    """numbers that mean: no value; empty fields and NAN always do"""
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    columns: dict[str, RawColumn]

    @field_validator("columns", mode="before")
    @classmethod
    def _plain_names(cls, value: object) -> object:
        """``wind_u: u`` is short for ``wind_u: {column: u}``."""
        return {k: {"column": v} if isinstance(v, str) else v for k, v in value.items()} if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _sense(self) -> RawFiles:
        known = variables()
        for name, column in self.columns.items():
            if name not in known:
                raise ValueError(f"columns.{name}: not a variable; there are {', '.join(known)}")
            try:
                column.conversion(name)
            except ValueError as error:
                raise ValueError(f"columns.{name}: {error}") from None
        lacking = [name for name in ("wind_u", "wind_v", "wind_w", "sonic_temperature") if name not in self.columns]
        if lacking:
            raise ValueError(f"columns: {', '.join(lacking)} is not named; a flux needs wind and sonic temperature")
        if not self.rate > 0:
            raise ValueError("rate: must be more than 0 Hz")
        if self.delimiter in '\n\r"0123456789.+-eE':
            raise ValueError(f"delimiter: {self.delimiter!r} cannot part numbers")
        return self

    def offset_minutes(self) -> int | None:
        """The offset of the files' times from UTC, when it is given."""
        if self.utc_offset is None:
            return None
        hours, minutes = self.utc_offset[1:].split(":")
        return (int(hours) * 60 + int(minutes)) * (-1 if self.utc_offset[0] == "-" else 1)
