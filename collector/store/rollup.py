"""Half-hour aggregates of every series, kept beside the records and in the same transaction.

An `Aggregate` counts the values of each QARTOD flag; sum, minimum and maximum rest on usable values only (flags 1 and 2). Aggregates of
disjoint sets of records merge exactly (up to rounding of the sum), so a bucket can grow record by record and several buckets can be
joined into longer ones. Text, truth values and numbers beyond `LARGEST` are counted as missing here; the record keeps them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from firmware_config.flags import USABLE, Flag
from firmware_config.quantities import registry
from firmware_config.records import Record, Value

MAX_SERIES = 1_000
MAX_NAME = 120
LARGEST = 1e100
"""No measurement is larger, and sums of such numbers cannot overflow."""
SHARE_FOR_GOOD = 0.8
"""A mean over less than this share of its values is suspect, whatever their flags."""
ONLY_FLOATS = {float}


class Aggregate(msgspec.Struct, array_like=True, gc=False):
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


class Averagings(dict[str, str]):
    """How each series is averaged, looked up in the registry once; statistics and unknown quantities arithmetically. Bounded, since names
    come from outside."""

    MOST = 20_000

    def __missing__(self, series: str) -> str:
        if len(self) >= self.MOST:
            self.clear()
        found = registry().get(series.partition("@")[0])
        kind = self[series] = found.averaging if found else "arithmetic"
        return kind


def as_number(value: Value) -> float | None:
    """A float within `LARGEST`, or None for what is no such number."""
    if isinstance(value, float | int) and not isinstance(value, bool) and -LARGEST <= value <= LARGEST:
        return float(value)
    return None


def _usable_column(values: Sequence[float], good: int, averaging: str, last_t: int, low: float, high: float) -> Aggregate:
    """Usable numbers of one series in order of time, from ``low`` to ``high``, ``good`` of them flagged 1 and the rest 2."""
    second = 0.0
    if averaging == "circular":
        angles = [math.radians(value) for value in values]
        total, second = math.fsum(map(math.sin, angles)), math.fsum(map(math.cos, angles))
    elif averaging == "last":
        total, second = values[-1], float(last_t)
    else:
        total = math.fsum(values)
    return Aggregate(good, len(values) - good, 0, 0, 0, total, second, low, high)


def aggregate_column(values: Sequence[Value], flags: Sequence[int], times: Sequence[int], averaging: str) -> Aggregate:
    """The aggregate of one series over records in order of time."""
    good, count = flags.count(1), len(values)
    if (good == count or good + flags.count(2) == count) and set(map(type, values)) == ONLY_FLOATS:
        numbers: Sequence[float] = values  # type: ignore[assignment]
        low, high = min(numbers), max(numbers)
        if low >= -LARGEST and high <= LARGEST:
            return _usable_column(numbers, good, averaging, times[-1], low, high)
    usable: list[float] = []
    good = last_t = 0
    spoilt = Aggregate()
    for value, flag, t in zip(values, flags, times, strict=True):
        number = as_number(value)
        if number is None or flag == Flag.MISSING:
            spoilt.missing += 1
        elif flag in {Flag.GOOD, Flag.NOT_EVALUATED}:
            usable.append(number)
            good += flag == Flag.GOOD
            last_t = t
        elif flag == Flag.SUSPECT:
            spoilt.suspect += 1
        else:
            spoilt.fail += 1
    if not usable:
        return spoilt
    made = _usable_column(usable, good, averaging, last_t, min(usable), max(usable))
    made.suspect, made.fail, made.missing = spoilt.suspect, spoilt.fail, spoilt.missing
    return made


def fits(name: str) -> bool:
    """Whether a value's name is that of a series that can be rolled up."""
    return "@" in name and len(name) <= MAX_NAME


def aggregate_records(records: Iterable[Record], averagings: Averagings) -> Bucket:
    """One bucket from records of one station, stream and bucket, none of them superseded, in any order. A value without a flag counts as
    not evaluated."""
    shapes: dict[tuple[tuple[str, ...], tuple[str, ...]], list[Record]] = {}
    for record in records:
        shapes.setdefault((tuple(record.values), tuple(record.flags)), []).append(record)
    bucket: Bucket = {}
    for (names, flagged), group in shapes.items():
        group.sort(key=_t)
        times = [record.t for record in group]
        columns = list(zip(*[record.values.values() for record in group], strict=True))
        if flagged == names:
            flags = list(zip(*[record.flags.values() for record in group], strict=True))
        else:
            flags = [tuple([record.flags.get(name, 2) for record in group]) for name in names]
        classes = any(record.classes for record in group)
        for name, column, flag in zip(names, columns, flags, strict=True):
            if not fits(name) or (name not in bucket and len(bucket) >= MAX_SERIES):
                continue
            averaging = averagings[name]
            made = aggregate_column(column, flag, times, averaging)
            if classes:
                made.worst_class = max(record.classes.get(name, -1) for record in group)
            known = bucket.get(name)
            if known is None:
                bucket[name] = made
            else:
                known.merge(made, averaging)
    return bucket


def add_record(bucket: Bucket, record: Record, averagings: Averagings) -> None:
    """Take one more standing record into its bucket: what `aggregate_records` and `merge_buckets` would do, quicker for few records."""
    flags = record.flags
    for name, value in record.values.items():
        known = bucket.get(name)
        flag = flags.get(name, 2)
        usual = isinstance(value, float) and flag in USABLE and -LARGEST <= value <= LARGEST
        if known is None or known.low is None or known.high is None or not usual or not isinstance(value, float):
            if fits(name) and (known is not None or len(bucket) < MAX_SERIES):
                averaging = averagings[name]
                bucket.setdefault(name, Aggregate()).merge(aggregate_column((value,), (flag,), (record.t,), averaging), averaging)
            continue
        averaging = averagings[name]
        if averaging == "arithmetic":
            known.total += value
        else:
            known.merge(aggregate_column((value,), (flag,), (record.t,), averaging), averaging)
            continue
        if flag == 1:
            known.good += 1
        else:
            known.unevaluated += 1
        if value < known.low:
            known.low = value
        elif value > known.high:
            known.high = value
    for name, found in record.classes.items():
        if name in bucket:
            bucket[name].worst_class = max(bucket[name].worst_class, found)


def _t(record: Record) -> int:
    return record.t


def merge_buckets(into: Bucket, other: Mapping[str, Aggregate], averagings: Averagings) -> None:
    """Add the aggregates of other records of the same bucket (or of the next one)."""
    for name, aggregate in other.items():
        known = into.get(name)
        if known is not None:
            known.merge(aggregate, averagings[name])
        elif len(into) < MAX_SERIES:
            into[name] = msgspec.structs.replace(aggregate)
