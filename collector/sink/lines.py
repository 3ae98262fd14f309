"""From a committed record to one line of line protocol, and to the fields one expects to find in the database afterwards.

Measurement = stream; one tag, ``station``; a field for each series under its own name (floats always with a point), beside it
``NAME.flag`` (integer), ``NAME.class`` (integer) and ``NAME.share`` (float) where the record has them, and ``epoch``, ``seq``, ``version``,
``dt`` (integers) of the record. What is not of its name's kind (text in a series, a number in an event) goes to ``NAME.text`` or
``NAME.number``: the first value would else fix the field's type and have all others refused. A missing value has no field, but its
flag 9. Tags and types never change, so a resent or recomputed record overwrites its predecessor. Time is the beginning of the record in
nanoseconds; events, of which several may share a millisecond, are set apart by their number in the nanoseconds. Characters a name may not
have become ``_``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping

from collector.store.queries import Stored
from collector.store.rollup import as_number
from collector.store.schema import Standing
from firmware_config.flags import Flag
from firmware_config.records import Record, Value

Field = float | int | str | bool
OWN_FIELDS = ("epoch", "seq", "version", "dt")
MAX_TEXT = 1_000
_UNFIT = re.compile(r"[^A-Za-z0-9_:@.+-]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def field_name(name: str) -> str:
    """A series' name as a field key that needs no escapes."""
    return _UNFIT.sub("_", name)[:128]


def time_ns(record: Record) -> int:
    """The point's time: ``t`` in nanoseconds, for events plus their number."""
    return record.t * 1_000_000 + (record.seq % 1_000_000 if record.stream == "event" else 0)


def _field(value: Value) -> Field | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _CONTROL.sub(" ", value)[:MAX_TEXT]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return as_number(value)


def fields_of(record: Record, gone: Iterable[str] = ()) -> dict[str, Field]:
    """The fields of a record's point. ``gone``: series that the record it supersedes had; those it lacks itself are marked missing."""
    fields: dict[str, Field] = {}
    for name, value in record.values.items():
        key, found = field_name(name), _field(value)
        if key in OWN_FIELDS:
            continue
        of_series = "@" in name
        if found is not None:
            fields[key if isinstance(found, str) != of_series else f"{key}.text" if of_series else f"{key}.number"] = found
        if of_series:
            fields[f"{key}.flag"] = record.flags.get(name, int(Flag.MISSING if found is None else Flag.NOT_EVALUATED))
            if name in record.classes:
                fields[f"{key}.class"] = record.classes[name]
            if name in record.share:
                fields[f"{key}.share"] = float(record.share[name])
    for name in gone:
        if name not in record.values and "@" in name:
            fields[f"{field_name(name)}.flag"] = int(Flag.MISSING)
    fields.update(epoch=record.epoch, seq=record.seq, version=record.version, dt=record.dt)
    return fields


def retraction_of(record: Record) -> dict[str, Field]:
    """The fields that take a point back: every series it had is flagged missing."""
    flags: dict[str, Field] = {f"{field_name(name)}.flag": int(Flag.MISSING) for name in record.values if "@" in name}
    return {**flags, "epoch": record.epoch, "seq": record.seq}


def _written(value: Field) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value}i"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    text = repr(value)
    return text if "." in text else text.replace("e", ".0e")


def line_of(record: Record, fields: Mapping[str, Field]) -> str:
    """One line without its newline. Stream and station need no escapes: ingest takes only plain ones."""
    body = ",".join(f"{key}={_written(value)}" for key, value in fields.items())
    return f"{record.stream},station={record.station} {body} {time_ns(record)}"


def has_point(stored: Stored) -> bool:
    """Whether a row is a point in the database: superseded rows are not, nor rows without a time."""
    return stored.standing in {Standing.ALONE, Standing.WINNER}
