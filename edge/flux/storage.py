"""Storage below the instruments: what only the rows together can tell, the change from one window to the next.

A worker hands a `State` along with each row; when all rows are there, `with_storage` fills their storage columns. Windows count as
consecutive when one begins where the other ends, whatever files they came from. Not here: the term itself (`edge.science`), a profile, and
the live station, whose raw files do not carry the window before: a file computed again alone would not give the digits that were sent.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from edge.flux.table import Row, columns, spelled
from edge.science.constants import MOLAR_MASS_WATER
from edge.science.eddy.density import storage
from edge.science.eddy.window import Window

NUMBERS = (*storage.NEEDED, "air_density", "heat_capacity", "latent_heat", "dry_molar_volume")
TOLERANCE = 0.01
"""of a period, between the end of one window and the start of the next"""


@dataclass(frozen=True)
class State:
    """What a window leaves to the next. ``place`` of the product; ``height_m`` above the ground or the water."""

    place: str
    start_ms: int
    duration_ms: int
    height_m: float
    numbers: dict[str, float]


def state_of(place: str, start_ms: int, duration_ms: int, done: Window) -> State:
    """The state of a finished window."""
    numbers = {name: done.value(name) for name in NUMBERS}
    return State(place, start_ms, duration_ms, done.value("height_above_surface_m"), numbers)


def with_storage(rows: Iterable[tuple[Row, State]]) -> list[Row]:
    """The rows in order of time, with storage where the window before is there, and with the reason where it is not."""
    ordered = sorted(rows, key=lambda one: (one[1].place, one[1].start_ms, one[0].name))
    found: list[Row] = []
    before: State | None = None
    current: State | None = None
    for row, state in ordered:
        if current is not None and (current.place, current.start_ms) != (state.place, state.start_ms):
            before = current  # two rows of one period have the same window before them
        current = state
        found.append(_filled(row, state, before if before is not None and before.place == state.place else None))
    return sorted(found, key=lambda row: (row.start_ms, row.name))


def _filled(row: Row, state: State, before: State | None) -> Row:
    seconds = state.duration_ms / 1e3
    kept = None
    if before is not None and abs(state.start_ms - before.start_ms - before.duration_ms) <= TOLERANCE * state.duration_ms:
        kept = {**before.numbers, "seconds_before": seconds}
    done = storage.step(Window(1.0, 1, {}, values=state.numbers), before=kept, height_m=state.height_m, seconds=seconds)
    water = done.value("h2o_storage") * MOLAR_MASS_WATER * 3600.0
    done = done.found({"evapotranspiration_storage_mm_h": water})
    reasons = {**done.reasons, "evapotranspiration_storage_mm_h": done.reasons.get("h2o_storage", "")}
    fields, why = list(row.fields), dict(row.reasons)
    first = len(row.fields) - len(columns())
    for place, (column, (key, scale, offset)) in enumerate(columns().items()):
        if not key.endswith(("_storage", "_storage_mm_h")):
            continue
        number = done.value(key) * scale + offset
        fields[first + place] = spelled(number)
        if not math.isfinite(number):
            why[column] = row.reasons.get(column) or reasons[key]
    return replace(row, fields=fields, reasons=why)
