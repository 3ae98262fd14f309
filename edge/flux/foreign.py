"""Raw files of other systems: plain CSV, also gzipped, through a description that lies beside the station file.

For ``STATION.yaml`` the description is ``STATION.raw.yaml`` in the same folder. It says how the period's start is read from the file's
name, the rate, what marks a missing value, and which column is which, in the units of our own archive (``column * scale + offset``). A
field that is no number becomes missing and is counted; a file that does not fit its description is refused with the reason.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from edge.compute.columns import COLUMNS
from edge.errors import EdgeError
from edge.science.arrays import FloatArray
from firmware_config.units import RateHz

MAX_BYTES = 300_000_000
MAX_COLUMNS = 1000


class ForeignFileError(EdgeError):
    """A raw file, or the description of such files, cannot be used."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnMap(_Model):
    """One column of the file, made into a column of ours: value * scale + offset."""

    column: str
    scale: float = 1.0
    offset: float = 0.0


class ConstantInput(_Model):
    """An input that holds for all files, in the registry's unit (air_pressure: hPa)."""

    value: float
    uncertainty: float = Field(0.0, ge=0)


class Description(_Model):
    """How to read this station's foreign files."""

    start: str
    """strptime pattern of the file's name up to its first dot, giving the START of the period"""
    utc_offset: Annotated[str, Field(pattern=r"^[+-]\d\d:\d\d$")] = "+00:00"
    rate: RateHz
    missing: float = -9999.0
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    columns: dict[str, ColumnMap]
    inputs: dict[str, ConstantInput] = {}

    @field_validator("columns", mode="before")
    @classmethod
    def _plain_names(cls, value: object) -> object:
        """``U (m/s): u`` is short for ``U (m/s): {column: u}``."""
        return {k: {"column": v} if isinstance(v, str) else v for k, v in value.items()} if isinstance(value, dict) else value

    @field_validator("columns")
    @classmethod
    def _known(cls, value: dict[str, ColumnMap]) -> dict[str, ColumnMap]:
        unknown = sorted(set(value) - set(COLUMNS))
        if unknown:
            raise ValueError(f"{', '.join(unknown)}: not a column of ours; there are {', '.join(COLUMNS)}")
        return value


@dataclass(frozen=True)
class ForeignWindow:
    """A raw window read from a foreign file; same attributes as the archive's own."""

    columns: Mapping[str, FloatArray]
    rate_hz: float
    start_ms: int
    meta: Mapping[str, object] = field(default_factory=dict)


def description_of(station_file: Path) -> Description:
    """The description beside a station file; ForeignFileError with the reason when there is none or it is wrong."""
    path = station_file.with_name(station_file.name.removesuffix(station_file.suffix) + ".raw.yaml")
    try:
        return Description.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ForeignFileError(f"{path}: {error.strerror}; it must say which column of the CSV is which") from error
    except yaml.YAMLError as error:
        raise ForeignFileError(f"{path}: not YAML: {error}") from error
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors())
        raise ForeignFileError(f"{path}: {problems}") from error


def start_of(path: Path, description: Description) -> int:
    """The period's start (UTC, ms) from the file's name."""
    name = path.name.partition(".")[0]
    try:
        local = datetime.strptime(name, description.start).replace(tzinfo=UTC)
    except ValueError as error:
        raise ForeignFileError(f"the name {path.name!r} does not read as {description.start!r}") from error
    hours, minutes = description.utc_offset[1:].split(":")
    offset = timedelta(hours=int(hours), minutes=int(minutes)) * (-1 if description.utc_offset[0] == "-" else 1)
    return round((local - offset).timestamp() * 1000)


def read_foreign(path: Path, description: Description) -> ForeignWindow:
    """The raw window of one file; ForeignFileError when the file cannot be read or lacks its columns."""
    start_ms = start_of(path, description)
    text = _text_of(path)
    header, _, body = text.partition("\n")
    names = [name.strip().strip('"') for name in header.rstrip("\r").split(description.delimiter)][:MAX_COLUMNS]
    wanted = {ours: how for ours, how in description.columns.items() if how.column in names}
    if not wanted:
        raise ForeignFileError(f"none of the columns {', '.join(h.column for h in description.columns.values())} is there")
    at = [names.index(how.column) for how in wanted.values()]
    table, unreadable = _numbers(body, description.delimiter, at)
    if not table.size:
        raise ForeignFileError("no data below the header")
    table[table == description.missing] = np.nan
    columns = {ours: np.ascontiguousarray(table[:, k]) * how.scale + how.offset for k, (ours, how) in enumerate(wanted.items())}
    inputs = {name: (given.value, given.uncertainty, "constant of the file description") for name, given in description.inputs.items()}
    absent = sorted(set(description.columns) - set(wanted))
    return ForeignWindow(columns, description.rate, start_ms, {"inputs": inputs, "unreadable": unreadable, "absent": absent})


def _text_of(path: Path) -> str:
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, EOFError) as error:
        raise ForeignFileError(f"cannot be read: {error}") from error
    if len(data) > MAX_BYTES:
        raise ForeignFileError(f"more than {MAX_BYTES // 1_000_000} MB, too large for one period")
    return data.decode("utf-8-sig", errors="replace")


def _numbers(body: str, delimiter: str, at: list[int]) -> tuple[FloatArray, int]:
    """The chosen columns as numbers (rows, columns), and how many fields were no numbers."""
    if not body.strip():
        return np.empty((0, len(at))), 0
    try:
        return np.loadtxt(io.StringIO(body), delimiter=delimiter, usecols=at, ndmin=2, comments=None), 0
    except ValueError:
        pass
    rows, unreadable = [], 0
    for fields in csv.reader(io.StringIO(body), delimiter=delimiter):
        if not fields:
            continue
        row = []
        for column in at:
            try:
                row.append(float(fields[column]))
            except (ValueError, IndexError):
                row.append(np.nan)
                unreadable += 1
        rows.append(row)
    return np.array(rows, dtype=np.float64).reshape(-1, len(at)), unreadable
