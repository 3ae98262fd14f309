"""Half-hour aggregates of every series, kept beside the records and in the same transaction.

An `Aggregate` counts the values of each QARTOD flag; sum, minimum and maximum rest on usable values only (flags 1 and 2). Aggregates of
disjoint sets of records merge exactly (up to rounding of the sum), so a bucket can grow record by record and several buckets can be
joined into longer ones. Text, truth values and numbers no float can hold are counted as missing here; the record keeps them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from firmware_config.flags import Flag
from firmware_config.quantities import registry
from firmware_config.records import Record, Value

MAX_SERIES = 1_000
MAX_NAME = 120
SHARE_FOR_GOOD = 0.8
"""A mean over less than this share of its values is suspect, whatever their flags."""


class Aggregate(msgspec.Struct, array_like=True):
    """One series over one span of time. ``low``/``high`` None: no usable value.

    ``total`` is the sum, for circular quantities the sum of sines with ``second`` the sum of cosines, for ``last`` quantities the latest
    value with ``second`` its time in ms. ``worst_class``: the worst 0-1-2 class met (-1: none given).
    """

    good: int = 0
    unevaluated: int = 0
    suspect: int = 0
    fail: int = 0
    missing: int = 0
    total: float = 0.0
    second: float = 0.0
    low: float | None = None
    high: float | None = None
    worst_class: int = -1

    @property
    def used(self) -> int:
        return self.good + self.unevaluated

    @property
    def count(self) -> int:
        return self.used + self.suspect + self.fail + self.missing

    @property
    def share(self) -> float:
        """Share of the values the mean rests on."""
        return self.used / self.count if self.count else 0.0

    def flag(self) -> int:
        """The flag of the mean: no better than its values and than the share used."""
        if not self.used:
            return Flag.FAIL if self.fail else Flag.SUSPECT if self.suspect else Flag.MISSING
        if self.share < SHARE_FOR_GOOD:
            return Flag.SUSPECT
        return Flag.NOT_EVALUATED if self.unevaluated else Flag.GOOD

    def value(self, averaging: str) -> float | None:
        """The mean (arithmetic, circular in degrees 0-360), the sum or the last value; None without a usable value."""
        if not self.used:
            return None
        if averaging == "circular":
            if math.hypot(self.total, self.second) < 1e-9 * self.used:
                return None  # directions that cancel have no mean
            return math.degrees(math.atan2(self.total, self.second)) % 360.0
        return self.total if averaging in {"sum", "last"} else self.total / self.used

    def merge(self, other: Aggregate, averaging: str) -> None:
        """Take in the aggregate of other records."""
        if averaging != "last":
            self.total += other.total
            self.second += other.second
        elif other.used and (not self.used or other.second >= self.second):
            self.total, self.second = other.total, other.second
        self.good += other.good
        self.unevaluated += other.unevaluated
        self.suspect += other.suspect
        self.fail += other.fail
        self.missing += other.missing
        if other.low is not None and other.high is not None:
            self.low = other.low if self.low is None else min(self.low, other.low)
            self.high = other.high if self.high is None else max(self.high, other.high)
        self.worst_class = max(self.worst_class, other.worst_class)


Bucket = dict[str, Aggregate]
"""Series name → aggregate: one row of the rollup table."""

_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(Bucket)


def encode_bucket(bucket: Bucket) -> bytes:
    return _encode(bucket)


def decode_bucket(data: bytes) -> Bucket:
    return _decoder.decode(data)


def averaging_of(series: str) -> str:
    """How a series is averaged; statistics and unknown quantities arithmetically. (Uncached: names come from outside.)"""
    found = registry().get(series.partition("@")[0])
    return found.averaging if found else "arithmetic"


def as_number(value: Value) -> float | None:
    """A finite float, or None for what is not a number."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63:
        return float(value)
    return None


def _column(values: Sequence[float], flags: Sequence[int], averaging: str, last_t: int) -> Aggregate:
    """Usable numbers of one series, with their flags (1 or 2), in order of time."""
    good = sum(1 for flag in flags if flag == Flag.GOOD)
    made = Aggregate(good=good, unevaluated=len(values) - good, low=min(values), high=max(values))
    if averaging == "circular":
        made.total = math.fsum(math.sin(math.radians(v)) for v in values)
        made.second = math.fsum(math.cos(math.radians(v)) for v in values)
    elif averaging == "last":
        made.total, made.second = values[-1], float(last_t)
    else:
        made.total = math.fsum(values)
    return made


def aggregate_column(values: Sequence[Value], flags: Sequence[int], times: Sequence[int], averaging: str) -> Aggregate:
    """The aggregate of one series over records in order of time; a value without a flag counts as not evaluated."""
    if set(map(type, values)) == {float} and not set(flags) - {Flag.GOOD, Flag.NOT_EVALUATED}:
        return _column(values, flags, averaging, times[-1])  # type: ignore[arg-type]
    usable: list[float] = []
    usable_flags: list[int] = []
    last_t = 0
    spoilt = Aggregate()
    for value, flag, t in zip(values, flags, times, strict=True):
        number = as_number(value)
        if number is None or flag == Flag.MISSING:
            spoilt.missing += 1
        elif flag in {Flag.GOOD, Flag.NOT_EVALUATED}:
            usable.append(number)
            usable_flags.append(flag)
            last_t = t
        elif flag == Flag.SUSPECT:
            spoilt.suspect += 1
        else:
            spoilt.fail += 1
    if not usable:
        return spoilt
    made = _column(usable, usable_flags, averaging, last_t)
    made.suspect, made.fail, made.missing = spoilt.suspect, spoilt.fail, spoilt.missing
    return made


def aggregate_records(records: Iterable[Record]) -> Bucket:
    """One bucket from records of one station, stream and bucket, none of them superseded, in any order."""
    by_series: dict[tuple[str, ...], list[Record]] = {}
    for record in records:
        by_series.setdefault(tuple(record.values), []).append(record)
    bucket: Bucket = {}
    for names, group in by_series.items():
        group.sort(key=lambda record: record.t)
        times = [record.t for record in group]
        columns = zip(*(record.values.values() for record in group), strict=True)
        for name, column in zip(names, columns, strict=True):
            if len(name) > MAX_NAME or "@" not in name or (name not in bucket and len(bucket) >= MAX_SERIES):
                continue
            averaging = averaging_of(name)
            flags = [record.flags.get(name, Flag.NOT_EVALUATED) for record in group]
            made = aggregate_column(column, flags, times, averaging)
            made.worst_class = max((record.classes.get(name, -1) for record in group if record.classes), default=-1)
            known = bucket.get(name)
            if known is None:
                bucket[name] = made
            else:
                known.merge(made, averaging)
    return bucket


def merge_buckets(into: Bucket, other: Mapping[str, Aggregate]) -> None:
    """Add the aggregates of other records of the same bucket (or of the next one)."""
    for name, aggregate in other.items():
        known = into.get(name)
        if known is not None:
            known.merge(aggregate, averaging_of(name))
        elif len(into) < MAX_SERIES:
            into[name] = msgspec.structs.replace(aggregate)
