"""What the store answers: plain data, made by `collector.store.queries`."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from collector.store.rollup import Aggregate
from collector.store.schema import Standing
from firmware_config.flags import Flag
from firmware_config.messages import Birth
from firmware_config.ranges import Ranges
from firmware_config.records import Record, Value


@dataclass(frozen=True)
class StationRow:
    """A station the centre has heard of; ``birth`` as last received (None: never)."""

    name: str
    birth: Birth | None
    birth_ms: int | None
    heard_ms: int | None


@dataclass(frozen=True)
class Stored:
    """One row of the store."""

    id: int
    standing: Standing
    hash: str
    body: bytes
    record: Record


@dataclass
class Points:
    """One series over a period; ``low``/``high``/``share`` are filled for rollups, and for records where they say something."""

    t: list[int] = field(default_factory=list)
    v: list[Value] = field(default_factory=list)
    flag: list[int] = field(default_factory=list)
    low: list[float | None] = field(default_factory=list)
    high: list[float | None] = field(default_factory=list)
    worst_class: list[int | None] = field(default_factory=list)
    share: list[float | None] = field(default_factory=list)

    def add_value(self, t: int, name: str, shown: Shown) -> None:
        """One record's value of the series ``name``."""
        self.t.append(t)
        self.v.append(shown.values[name])
        self.flag.append(shown.flags.get(name, int(Flag.NOT_EVALUATED)))
        self.low.append(None)
        self.high.append(None)
        self.worst_class.append(shown.classes.get(name))
        self.share.append(shown.share.get(name))

    def add_mean(self, t: int, aggregate: Aggregate, averaging: str) -> None:
        value = aggregate.value(averaging)
        self.t.append(t)
        self.v.append(value)
        self.flag.append(aggregate.flag() if value is not None or not aggregate.used else int(Flag.SUSPECT))
        self.low.append(aggregate.low)
        self.high.append(aggregate.high)
        self.worst_class.append(None if aggregate.worst_class < 0 else aggregate.worst_class)
        self.share.append(aggregate.share)


@dataclass
class SeriesAnswer:
    """``bucket_ms`` 0: single records; else the length of the means. ``streams``: where each series was found."""

    bucket_ms: int
    series: dict[str, Points]
    streams: dict[str, str]


@dataclass(frozen=True)
class Declared:
    """Numbers a station declared ``unused`` or ``lost``, with its reason."""

    first: int
    last: int
    kind: str
    reason: str
    t: int


@dataclass
class EpochLedger:
    """What is known of the numbers of one (stream, epoch)."""

    stream: str
    epoch: int
    committed: Ranges
    declared: list[Declared] = field(default_factory=list)


@dataclass(frozen=True)
class Gap:
    """Time within a stream that no record covers, from the end of one record to the beginning of the next, with their numbers
    (None: before the first, or another epoch)."""

    from_ms: int
    to_ms: int
    epoch: int
    after_seq: int | None
    before_seq: int | None


class Shown(msgspec.Struct):
    """The part of a record that charts need (decoding less is faster)."""

    values: dict[str, Value]
    flags: dict[str, int] = {}
    classes: dict[str, int] = {}
    share: dict[str, float] = {}
