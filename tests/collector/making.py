"""Records made up for the collector's tests."""

from __future__ import annotations

from typing import Any

from firmware_config.records import Draft, Sealed, seal

T0 = 1_780_000_200_000  # a whole half-hour in 2026
MINUTE = 60_000
HALF_HOUR = 1_800_000


def made(seq: int, *, station: str = "st-a", epoch: int = 1, **fields: Any) -> Sealed:
    """A minute record, one per minute from T0 by its number; ``fields`` replace what a draft has."""
    given = {
        "stream": "minute",
        "t": T0 + seq * MINUTE,
        "dt": MINUTE,
        "clock": "synchronised",
        "values": {"water_temperature@surface": 15.0 + seq % 7, "wind_from_direction@mast": (350.0 + seq * 5) % 360},
        "flags": {"water_temperature@surface": 1, "wind_from_direction@mast": 1},
        "simulated": True,
    }
    return seal(Draft(**{**given, **fields}), station=station, epoch=epoch, seq=seq)


def event(seq: int, kind: str, detail: dict[str, Any], *, station: str = "st-a", epoch: int = 1, t: int = T0) -> Sealed:
    values = {"kind": kind, "severity": "info"}
    return made(seq, station=station, epoch=epoch, stream="event", t=t, dt=0, values=values, flags={}, detail=detail)
