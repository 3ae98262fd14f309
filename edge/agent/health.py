"""How the station itself does, each minute: outbox, disk and its speed, processor, memory, clock, and the counts of every instrument."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from edge.instruments import Reading
from edge.outbox import Stats
from firmware_config.flags import Flag
from firmware_config.quantities import series_name
from firmware_config.records import Value, significant

STATION = "station"
SERIES = (
    "outbox_depth",
    "outbox_oldest_age",
    "outbox_bytes",
    "outbox_share",
    "disk_free",
    "commit_time",
    "cpu_load",
    "memory_rss",
    "clock_offset",
)


def gnss_time_ms(reading: Reading) -> int | None:
    """UTC of a valid RMC sentence in milliseconds, None for any other record. Two-digit years are of this century."""
    values = reading.values
    date, clock = values.get("date"), values.get("time")
    if not reading.valid or not isinstance(date, str) or not isinstance(clock, str) or len(date) != 6:
        return None
    try:
        day = datetime(2000 + int(date[4:6]), int(date[2:4]), int(date[:2]), tzinfo=UTC)
        hours, minutes, seconds = clock.split(":")
        return round(day.timestamp() * 1000 + (int(hours) * 3600 + int(minutes) * 60 + float(seconds)) * 1000)
    except ValueError:
        return None


class ClockCheck:
    """The station's clock against GNSS: the least difference of a period, since sentences come late and never early."""

    def __init__(self) -> None:
        self._least_ms = math.inf

    def take(self, reading: Reading, utc_ms: float) -> None:
        gnss_ms = gnss_time_ms(reading)
        if gnss_ms is not None:
            self._least_ms = min(self._least_ms, utc_ms - gnss_ms, key=abs)

    def offset_s(self) -> float | None:
        """Station minus GNSS in seconds since the last call; None without a fix."""
        least_ms, self._least_ms = self._least_ms, math.inf
        return round(least_ms / 1e3, 3) if math.isfinite(least_ms) else None


class DiskSpeed:
    """The two moments worth an event: a commit took long, and all of a period were quick again."""

    SLOW_S = 2.0
    QUICK_S = 0.5

    def __init__(self) -> None:
        self.slow = False

    def look(self, slowest_s: float) -> str | None:
        """``disk_slow`` or ``disk_quick`` when that has changed with this period's slowest commit (real seconds)."""
        if not self.slow and slowest_s >= self.SLOW_S:
            self.slow = True
            return "disk_slow"
        if self.slow and 0.0 < slowest_s <= self.QUICK_S:
            self.slow = False
            return "disk_quick"
        return None


class Health:
    """Gathers a health record's content. ``instruments`` and ``parts`` are asked for their summaries."""

    def __init__(
        self, data: Path, instruments: Callable[[], Mapping[str, Any]], parts: Callable[[], Mapping[str, Any]], clock: ClockCheck
    ) -> None:
        self._data = data
        self._instruments = instruments
        self._parts = parts
        self._clock = clock
        self._process = psutil.Process()
        self._process.cpu_percent(None)

    def content(self, stats: Stats, slowest_commit_s: float) -> tuple[dict[str, Value], dict[str, int], dict[str, Any]]:
        """Values, flags and detail of the record for the period since the last call; ``slowest_commit_s``: 0 when nothing was committed."""
        disk = shutil.disk_usage(self._data)
        found: dict[str, float | None] = {
            "outbox_depth": stats.depth,
            "outbox_oldest_age": round(stats.oldest_age_s, 1),
            "outbox_bytes": stats.bytes,
            "outbox_share": stats.share,
            "disk_free": disk.free / disk.total,
            "commit_time": slowest_commit_s or None,
            "cpu_load": self._process.cpu_percent(None) / 100,
            "memory_rss": self._process.memory_info().rss / 1e6,
            "clock_offset": self._clock.offset_s(),
        }
        values: dict[str, Value] = {
            series_name(name, STATION): None if value is None else significant(float(value), 5) for name, value in found.items()
        }
        flags = {name: int(Flag.MISSING if value is None else Flag.GOOD) for name, value in values.items()}
        detail = {
            "instruments": dict(self._instruments()),
            "outbox": {"waiting": stats.waiting, "queued": stats.queued, "disk_ok": stats.disk_ok, "file_bytes": stats.file_bytes},
            **self._parts(),
        }
        return values, flags, detail
