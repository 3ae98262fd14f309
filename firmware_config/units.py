"""Quantities written with their unit in configuration: ``10s``, ``30min``, ``20 Hz``, ``500 MB``. A bare number is refused.

Each type is an annotated number that pydantic parses and that the rest of the program reads in one fixed unit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator

_NUMBER = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]+)\s*\Z")
_DURATION_MS = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
FASTEST_HZ = 1000.0
_BYTES = {"kB": 1000, "MB": 1000**2, "GB": 1000**3}
MOST_TEXT = 40
"""characters of a quantity; what is longer is a mistake, and from some 300 digits on it is no finite number"""


def _parse(value: Any, scale: Mapping[str, float], what: str, example: str) -> float:
    if isinstance(value, str) and len(value) > MOST_TEXT:
        raise ValueError(f"a text of {len(value)} characters is not {what}: write at most {MOST_TEXT}, for example {example}")
    match = _NUMBER.match(value) if isinstance(value, str) else None
    if match is None or match[2] not in scale:
        raise ValueError(f"{value!r} is not {what}: write a number with one of the units {', '.join(scale)}, for example {example}")
    return float(match[1]) * scale[match[2]]


def _duration(value: Any) -> int:
    ms = _parse(value, _DURATION_MS, "a duration", "10s")
    if ms != int(ms) or ms <= 0:
        raise ValueError(f"{value!r} must be a positive whole number of milliseconds")
    return int(ms)


def _rate(value: Any) -> float:
    rate = _parse(value, {"Hz": 1.0}, "a rate", "20 Hz")
    if not 0 < rate <= FASTEST_HZ:
        raise ValueError(f"{value!r} is not a rate of an instrument: write more than 0 Hz and at most {FASTEST_HZ:g} Hz")
    return rate


DurationMs = Annotated[int, BeforeValidator(_duration)]
"""A duration, held in milliseconds."""
RateHz = Annotated[float, BeforeValidator(_rate)]
"""A sampling rate, held in hertz."""
SizeBytes = Annotated[int, BeforeValidator(lambda v: int(_parse(v, _BYTES, "a size", "500 MB")))]
"""A size, held in bytes."""
