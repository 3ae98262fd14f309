"""The history of an eddy product: one JSON object a line, a finished window each, and which methods learn from it. No NumPy here.

The agent writes it, the science child and the flux command read it. Promises: a damaged line costs itself alone and is counted; of two
lines for one window the later counts (a window computed again after a kill). Not here: writing (`edge.agent.learning`), learning
(`learning`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from firmware_config.station import EddyFlux, Instrument, Station

IN_SITU = frozenset({"horst", "ibrom", "fratini"})
Facts = dict[str, Any]


def needs(product: Mapping[str, Any], mode: str | None = None) -> tuple[str, ...]:
    """Which parts of what can be learnt the methods of a product use: ``planes``, ``lags``, ``cutoffs``.

    >>> needs({"processing": {"rotation": "planar_fit", "mode": "compatible"}}), needs({})
    (('planes',), ('lags',))
    """
    chosen = product.get("processing") or {}
    mode = mode or chosen.get("mode", "correct")
    found = []
    if chosen.get("rotation") == "planar_fit" and not (chosen.get("planar_fit") or {}).get("planes"):
        found.append("planes")
    if (chosen.get("lag") or ("tracked" if mode == "correct" else "")) == "tracked" and product.get("gas", "") is not None:
        found.append("lags")
    if chosen.get("spectral") in IN_SITU and product.get("gas", "") is not None:
        found.append("cutoffs")
    return tuple(found)


def nothing_yet(parts: Iterable[str]) -> dict[str, Any]:
    """What is known of these parts before anything was learnt. A part that stands there is in force, empty or not.

    >>> nothing_yet(("planes", "lags"))
    {'planes': [], 'lags': {}}
    """
    return {name: [] if name == "planes" else {} for name in parts}


def keys_of(station: Station, product: EddyFlux) -> dict[str, str]:
    """A short name of how sonic and analyser are mounted now: what was learnt of another mounting does not hold for this one."""

    def mounted(item: Instrument) -> list[Any]:
        return [item.model, item.serial_number, item.mounting.model_dump(exclude_none=True)]

    sonic = mounted(station.instrument(product.sonic))
    gas = [mounted(station.instrument(product.gas)) if product.gas is not None else None, product.path]
    tube = [product.tube_length_m, product.tube_diameter_m, product.flow_l_per_min, product.cell_volume_cm3]
    return {"sonic_key": _short(sonic), "gas_key": _short([sonic, gas, tube])}


def _short(facts: Any) -> str:
    return hashlib.blake2b(msgspec.json.encode(facts), digest_size=6).hexdigest()


def fingerprint(product: EddyFlux, keys: Mapping[str, str]) -> str:
    """What an answer was learnt for: with other methods or another mounting it is learnt anew."""
    return _short([product.model_dump(mode="json"), dict(keys)])


def read(path: Path) -> tuple[list[Facts], int]:
    """The facts of a history file in order of time, and how many lines could not be read. Without a file there are none."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return [], 0
    by_time: dict[int, Facts] = {}
    damaged = 0
    for line in data.splitlines():
        if not line.strip():
            continue
        facts = decoded(line)
        if facts is None:
            damaged += 1
        else:
            by_time[facts["t"]] = facts
    return [by_time[t] for t in sorted(by_time)], damaged


def decoded(line: bytes) -> Facts | None:
    """One line; None when it is damaged."""
    try:
        facts = msgspec.json.decode(line)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    return facts if isinstance(facts, dict) and isinstance(facts.get("t"), int) else None


def within(facts: list[Facts], history_ms: int) -> list[Facts]:
    """Those not older than ``history_ms`` before the newest; a window or two of a clock that ran ahead cost the others nothing.

    >>> within([{"t": 0}, {"t": 900}, {"t": 1000}], 100)
    [{'t': 900}, {'t': 1000}]
    """
    last = sorted(one["t"] for one in facts)[-5:]
    newest = last[len(last) // 2] if last else 0
    return [one for one in facts if one["t"] >= newest - history_ms]


class _Time(msgspec.Struct):
    t: int


_time_of = msgspec.json.Decoder(_Time)


def times(data: bytes) -> list[tuple[int, bytes]]:
    """(time, line) of every line that has a time, in the order of the file; damaged ones are left out."""
    found = []
    for line in data.splitlines():
        try:
            found.append((_time_of.decode(line).t, line))
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            continue
    return found
