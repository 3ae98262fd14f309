"""What the files given teach: for methods that need history and files that do not carry what was known when they were written.

A first pass computes every file with the fallback methods and collects facts; what they teach is used in a second pass over the files that
need it. A file of a station that learns carries its own and is computed once, with the digits that were sent. Not here: passes, console.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from edge.compute import learning
from edge.compute.columns import Raw
from edge.compute.history import needs
from edge.science.eddy.window import Window
from firmware_config.station import EddyFlux

SPECTRAL = ("spectra", "degraded", "rate")
Learnt = dict[str, dict[str, Any]]
"""Place of an eddy product → what is known of it."""


def parts_of(product: EddyFlux, mode: str | None) -> tuple[str, ...]:
    """What the methods of a product learn (see `history.needs`)."""
    return needs(product.model_dump(mode="json"), mode)


def lacks(raw: Raw, parts: Iterable[str]) -> bool:
    """Whether a raw window does not carry all that its methods learn."""
    kept = raw.meta.get("learnt")
    return any(part not in (kept if isinstance(kept, Mapping) else {}) for part in parts)


def facts_of(done: Window, start_ms: int, parts: Iterable[str]) -> dict[str, Any]:
    """The facts of one window, without the spectra where no cut-off is learnt."""
    facts = {"t": start_ms, **learning.facts_of(done)}
    return facts if "cutoffs" in parts else {name: one for name, one in facts.items() if name not in SPECTRAL}


def learn(product: EddyFlux, mode: str | None, facts: list[dict[str, Any]]) -> tuple[dict[str, Any], list[str], list[str]]:
    """What the windows teach (empty: nothing is ready), what of it is ready and what is not, in words."""
    asked = product.model_dump(mode="json")
    if mode is not None:
        asked["processing"]["mode"] = mode
    learnt, status = learning.learn(sorted(facts, key=lambda one: one["t"]), asked)
    said = {ready: [f"{name} {one['says']}" for name, one in status.items() if one["ready"] is ready] for ready in (True, False)}
    return learnt if said[True] else {}, said[True], said[False]
