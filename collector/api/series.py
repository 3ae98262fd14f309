"""Series over a period, encoded in the reader's thread: the event loop only hands the bytes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from collector.api.stations import label
from collector.store.queries import Reader

MAX_SERIES = 40
MAX_POINTS = 5_000
MAX_SPAN_MS = 5 * 366 * 86_400_000
_encode = msgspec.json.Encoder().encode


def answer(reader: Reader, station: str, names: Sequence[str], from_ms: int, to_ms: int, *, points: int, units: dict[str, str]) -> bytes:
    """The JSON of ``/api/series``. ``units``: units from the station's birth, where known."""
    found = reader.series(station, names, from_ms, to_ms, points)
    series: dict[str, Any] = {}
    for name, column in found.series.items():
        series[name] = {
            **label(name, units.get(name, "")),
            "t": column.t,
            "v": column.v,
            "flag": column.flag,
            "min": column.low,
            "max": column.high,
            "class": column.worst_class,
            "share": column.share,
        }
    return _encode({"station": station, "from": from_ms, "to": to_ms, "bucket_ms": found.bucket_ms, "series": series})
