"""When which fault is on: a timeline file that may be changed while the world runs.

    faults:
      - {after: 10min, for: 5min, instrument: oxygen, fault: silence}
      - {at: 2026-05-01T00:00:00Z, until: 2026-05-01T01:00:00Z, link: water, fault: unplugged}
      - {after: 0s, fault: no_network}

``after`` counts world time from when the entry was first read, so an entry appended while the world runs begins from then. Without
``for`` and ``until`` a fault lasts until its entry is taken out of the file. A file that is wrong is refused at start; later it is
reported once and the old one stays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from firmware_config.base import log
from firmware_config.base.files import read_regular
from firmware_config.units import DurationMs
from simulators.errors import FaultFileError
from simulators.faults.catalogue import FAULTS, OF_INSTRUMENTS

logger = log.get(__name__)
MAX_FILE_BYTES = 1_000_000
FOR_EVER_MS = float("inf")


class Entry(BaseModel):
    """One line of the timeline."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False)

    fault: str
    at: datetime | None = None
    after: DurationMs | None = None
    until: datetime | None = None
    lasts: DurationMs | None = Field(default=None, alias="for")
    instrument: str | None = None
    link: str | None = None
    magnitude: float | None = None
    share: float = Field(default=0.01, gt=0, le=1)
    """part of the records that are hit (spike)"""
    field: str | None = None
    """the field that is hit (spike, drift); None: the instrument's first"""
    quality: Literal["synchronised", "holdover", "unset"] | None = None
    """what the station's clock says of itself (bad_clock)"""
    mode: Literal["cut", "reset"] = "cut"
    """no_network: silence, or connections closed"""

    @model_validator(mode="before")
    @classmethod
    def _zero_is_a_time(cls, data: Any) -> Any:
        """``after: 0s`` is allowed, though a duration elsewhere is positive."""
        if isinstance(data, dict) and str(data.get("after", "")).strip() in {"0s", "0ms", "0min", "0h", "0"}:
            return {key: value for key, value in data.items() if key != "after"}
        return data

    @model_validator(mode="after")
    def _consistent(self) -> Entry:
        if self.fault not in FAULTS:
            raise ValueError(f"fault {self.fault!r} is not known; known are {', '.join(FAULTS)}")
        if self.at is not None and self.after is not None:
            raise ValueError("give at or after, not both")
        if self.until is not None and self.lasts is not None:
            raise ValueError("give until or for, not both")
        if self.at is not None and self.until is not None and _in_utc(self.until) < _in_utc(self.at):
            raise ValueError(f"until {self.until} is before at {self.at}: it would never be on")
        fault = FAULTS[self.fault]
        scope = fault.scope
        if self.magnitude is not None and not fault.least <= self.magnitude <= fault.most:
            raise ValueError(
                f"magnitude {self.magnitude:g} of {self.fault}: nothing can show it; write {fault.least:g} to {fault.most:g} {fault.unit}"
            )
        if scope == "station" and (self.instrument or self.link):
            raise ValueError(f"{self.fault} is a fault of the whole station: name no instrument and no link")
        if scope == "link" and (self.instrument or not self.link):
            raise ValueError(f"{self.fault} is a fault of a link: name the link")
        if scope in OF_INSTRUMENTS and (self.instrument is None) == (self.link is None):
            raise ValueError(f"{self.fault}: name the instrument, or the link whose instruments it hits")
        return self


@dataclass(frozen=True)
class ActiveFault:
    """An entry with its times resolved (world time, ms) and its magnitude filled in."""

    entry: Entry
    begin_ms: float
    end_ms: float
    magnitude: float
    number: int
    """which of several equal entries (0: the first): with the entry, what makes it this fault and no other, wherever it stands"""

    @property
    def name(self) -> str:
        return self.entry.fault

    def on(self, t_ms: float) -> bool:
        return self.begin_ms <= t_ms < self.end_ms

    def describe(self) -> dict[str, Any]:
        """For the truth log."""
        out: dict[str, Any] = {"fault": self.name, "magnitude": self.magnitude}
        out |= {key: value for key in ("instrument", "link", "field") if (value := getattr(self.entry, key)) is not None}
        return out


Targets = Mapping[str, Collection[str]]
"""Instrument id → the faults it can show."""


class Timeline:
    """All faults of one station, read from a file (or none) and looked up by instrument, link or for the station."""

    def __init__(self, path: Path | None, targets: Targets, links: Mapping[str, str], now_ms: float) -> None:
        """``links`` maps instrument id to link id. Raises FaultFileError when the file is wrong."""
        self._path = path
        self._targets = targets
        self._links = links
        self._stamp: tuple[int, int] | None = None
        self._first_read: dict[tuple[int, Entry], float] = {}
        self.faults: tuple[ActiveFault, ...] = ()
        self.refused = ""
        """why the file as it is now is not in force; empty when it is"""
        if path is not None:
            self._load(now_ms)

    def refresh(self, now_ms: float) -> bool:
        """Read the file again if it changed; True when it did and was right."""
        if self._path is None or self._stat() == self._stamp:
            return False
        try:
            self._load(now_ms)
            self.refused = ""
        except FaultFileError as error:
            self.refused = str(error)
            logger.error("timeline of faults refused, the old one stays", problem=str(error))
            return False
        return True

    def for_instrument(self, instrument: str, from_ms: float, to_ms: float) -> list[ActiveFault]:
        """Faults of the instrument (or of its link) on at any time of ``[from_ms, to_ms]``."""
        link = self._links.get(instrument)
        return [
            fault
            for fault in self.faults
            if fault.begin_ms <= to_ms
            and fault.end_ms > from_ms
            and FAULTS[fault.name].scope in OF_INSTRUMENTS
            and (fault.entry.instrument == instrument or (fault.entry.link is not None and fault.entry.link == link))
        ]

    def _stat(self) -> tuple[int, int] | None:
        assert self._path is not None
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size

    def _load(self, now_ms: float) -> None:
        assert self._path is not None
        self._stamp = self._stat()
        resolved: list[ActiveFault] = []
        equal: Counter[Entry] = Counter()
        for entry in self._entries(self._path):
            self._check(entry)
            number = equal[entry]
            equal[entry] += 1
            key = (number, entry)
            base = self._first_read.setdefault(key, now_ms)
            begin = entry.at.timestamp() * 1e3 if entry.at else base + float(entry.after or 0)
            magnitude = entry.magnitude if entry.magnitude is not None else FAULTS[entry.fault].magnitude
            if entry.until is not None:
                end = entry.until.timestamp() * 1e3
            elif entry.lasts is not None:
                end = begin + entry.lasts
            else:
                end = begin + 1e3 * magnitude if FAULTS[entry.fault].ends_itself else FOR_EVER_MS
            resolved.append(ActiveFault(entry, begin, end, magnitude, number))
        self.faults = tuple(resolved)

    def _entries(self, path: Path) -> Iterator[Entry]:
        try:
            document = yaml.safe_load(read_regular(path, MAX_FILE_BYTES).decode()) or {}
        except (OSError, yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: not UTF-8, or a day that no month has
            raise FaultFileError(f"{path}: cannot be read: {error}") from error
        if isinstance(document, dict) and (unknown := [str(key) for key in document if key != "faults"]):
            raise FaultFileError(f"{path}: {', '.join(unknown)}: not known here; write the entries under the key faults")
        rows = document.get("faults") if isinstance(document, dict) else document
        if not isinstance(rows or [], list):
            raise FaultFileError(f"{path}: write a list of entries under the key faults")
        for number, row in enumerate(rows or [], start=1):
            try:
                entry = Entry.model_validate(row)
            except ValidationError as error:
                problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'entry'}: {e['msg']}" for e in error.errors())
                raise FaultFileError(f"{path}: entry {number}: {problems}") from error
            yield _utc(entry)

    def _check(self, entry: Entry) -> None:
        if entry.link is not None and entry.link not in set(self._links.values()):
            raise FaultFileError(
                f"{self._path}: link {entry.link!r} is not in the station; its links are {', '.join(set(self._links.values()))}"
            )
        if entry.instrument is None:
            return
        if entry.instrument not in self._targets:
            raise FaultFileError(f"{self._path}: instrument {entry.instrument!r} is not in the station; its are {', '.join(self._targets)}")
        if entry.fault not in self._targets[entry.instrument]:
            able = ", ".join(sorted(self._targets[entry.instrument]))
            raise FaultFileError(f"{self._path}: {entry.instrument} cannot show {entry.fault}; it can show {able}")


def write_timeline(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Put a timeline in place of the one that is there, in one step: whoever reads it meets the old one or the new one, whole."""
    new = path.with_name(path.name + ".new")
    new.write_text(yaml.safe_dump({"faults": [dict(row) for row in rows]}, allow_unicode=True, sort_keys=False), encoding="utf-8")
    new.replace(path)


def _in_utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time


def _utc(entry: Entry) -> Entry:
    """Times without a zone are UTC."""
    fixed = {name: _in_utc(value) for name in ("at", "until") if (value := getattr(entry, name)) and value.tzinfo is None}
    return entry.model_copy(update=fixed) if fixed else entry
