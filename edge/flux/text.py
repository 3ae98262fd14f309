"""Raw files of text: CSV with one header line, and Campbell's TOA5 with its four.

Columns are found by name and brought into the units of our own archive. A field that is no number is missing and counted. A file whose rows
have no time holds one period, whose start its name says.
"""

from __future__ import annotations

import csv
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from edge.archive.rows import read_rows
from edge.flux.errors import RawFileError
from edge.flux.periods import Nanoseconds
from edge.science.arrays import FloatArray
from firmware_config.raw_files import RawFiles

MAX_COLUMNS = 2000
MAX_LINE = 1_000_000
TOA5_TIME = "TIMESTAMP"


@dataclass(frozen=True)
class Samples:
    """What a file holds: our columns (rows,), the rows' times on the file's own clock (None: it has none), what is to be said."""

    columns: dict[str, FloatArray]
    times_ns: Nanoseconds | None
    notes: list[str]
    stamp_is_end: bool = False


def text_of(data: bytes) -> str:
    """A header line as text, whatever its encoding."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def names_in(line: bytes, delimiter: str) -> list[str]:
    """The names of a header line."""
    if len(line) > MAX_LINE:
        raise RawFileError("its first line is no header (longer than a million bytes)")
    try:
        names = next(csv.reader([text_of(line).rstrip("\r")], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error as error:
        raise RawFileError(f"its header cannot be read: {error}") from error
    if len(names) > MAX_COLUMNS:
        raise RawFileError(f"its header has {len(names)} columns")
    return [name.strip() for name in names]


def wanted_columns(names: Sequence[str], raw: RawFiles) -> dict[str, int]:
    """Variable → index of its column, of those that are there; RawFileError when none is, or a name stands twice."""
    found = {}
    for variable, how in raw.columns.items():
        if names.count(how.column) > 1:
            raise RawFileError(f"column {how.column!r} stands twice in its header; which is {variable}?")
        if how.column in names:
            found[variable] = names.index(how.column)
    if not found:
        named = ", ".join(how.column for how in raw.columns.values())
        raise RawFileError(f"none of the columns {named} is there; its header names {', '.join(names[:20])[:300]}")
    return found


def converted(values: dict[str, FloatArray], raw: RawFiles) -> dict[str, FloatArray]:
    """Variables in the file's units to columns in ours; codes for missing values and infinities become NaN."""
    columns = {}
    for variable, x in values.items():
        how = raw.columns[variable].conversion(variable)
        x = np.where(np.isfinite(x), x, np.nan)
        for code in raw.missing:
            x[x == code] = np.nan
        columns[how.column] = x if (how.scale, how.offset) == (1.0, 0.0) else x * how.scale + how.offset
    return columns


def absent_note(found: dict[str, int], raw: RawFiles) -> list[str]:
    absent = [how.column for variable, how in raw.columns.items() if variable not in found]
    return [f"no column {', '.join(absent)}"] if absent else []


def read_csv(data: bytes, raw: RawFiles) -> Samples:
    """A CSV file with one header line."""
    header, _, body = data.partition(b"\n")
    if b"\0" in header[:1000]:
        raise RawFileError("it is not text (or UTF-16: save it as UTF-8)")
    names = names_in(header, raw.delimiter)
    return _read(names, body, raw, raw.time.column if raw.time else None, raw.time.format if raw.time else "", raw.stamps == "end")


def read_toa5(data: bytes, raw: RawFiles) -> Samples:
    """A Campbell TOA5 file: environment, names, units, processing, then rows with a time in quotes."""
    head, rest = data.split(b"\n", 4)[:4], data.split(b"\n", 4)[4:]
    if len(head) < 4:
        raise RawFileError("its TOA5 header is cut")
    names = names_in(head[1], ",")
    time = raw.time.column if raw.time else TOA5_TIME
    return _read(names, rest[0] if rest else b"", raw, time, raw.time.format if raw.time else "", raw.stamps != "start")


def _read(names: list[str], body: bytes, raw: RawFiles, time: str | None, form: str, stamp_is_end: bool) -> Samples:
    found = wanted_columns(names, raw)
    if time is not None and names.count(time) != 1:
        raise RawFileError(f"its time column {time!r} is not there" if time not in names else f"column {time!r} stands twice")
    delimiter = "," if time == TOA5_TIME and raw.time is None else raw.delimiter
    texts = [] if time is None else [names.index(time)]
    rows = read_rows(body, delimiter.encode(), len(names), list(found.values()), texts)
    count = rows.values.shape[1]
    if not count:
        raise RawFileError("no data below the header")
    if rows.ragged == count:
        raise RawFileError(f"none of its rows has the {len(names)} fields of its header")
    notes = absent_note(found, raw)
    if rows.ragged:
        notes.append(f"{rows.ragged} rows have not the {len(names)} fields of the header; their samples are missing")
    if rows.unreadable:
        notes.append(f"{rows.unreadable} fields are no numbers; those samples are missing")
    values = dict(zip(found, rows.values, strict=True))
    if time is None:
        return Samples(converted(values, raw), None, notes)
    times, good = times_of(rows.texts[texts[0]], form)
    bad = int(good.size - np.count_nonzero(good))
    if bad > 0.5 * good.size:
        raise RawFileError(
            f"the times in column {time!r} cannot be read (first {text_of(bytes(rows.texts[texts[0]][0]))!r}); give raw.time.format"
        )
    if bad:
        notes.append(f"{bad} rows have no time that can be read and are left out")
        values, times = {name: x[good] for name, x in values.items()}, times[good]
    return Samples(converted(values, raw), times, notes, stamp_is_end)


def times_of(texts: NDArray[np.bytes_], form: str) -> tuple[Nanoseconds, NDArray[np.bool_]]:
    """Times (ns since 1970 on the file's own clock) and which of them could be read.

    >>> times_of(np.array([b"1970-01-01 00:00:00.05", b"x"]), "")[0].tolist()[0]
    50000000
    """
    if not form and not np.char.endswith(texts, b"Z").any():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                times = texts.astype("datetime64[ns]")
            return times.astype(np.int64), _plausible(times)
        except (ValueError, UserWarning, DeprecationWarning):
            pass
    each = np.array([_time(text_of(bytes(text)), form) for text in texts], dtype="datetime64[ns]")
    return each.astype(np.int64), _plausible(each)


def _plausible(times: NDArray[np.datetime64]) -> NDArray[np.bool_]:
    """A datetime64 in ns wraps round beyond 1678 to 2262: what is not of the age of loggers is not believed."""
    good: NDArray[np.bool_] = (times > np.datetime64("1980-01-01")) & (times < np.datetime64("2200-01-01"))
    return good


def _time(text: str, form: str) -> np.datetime64:
    try:
        moment = datetime.strptime(text, form) if form else datetime.fromisoformat(text)  # noqa: DTZ007 (the file's own clock)
    except ValueError:
        return np.datetime64("NaT")
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return np.datetime64(moment)
