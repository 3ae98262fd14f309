"""What agent and worker say to each other: one JSON object a line, a request in, an answer out, told apart by ``id``.

No NumPy here: the agent imports this module. Unknown fields are ignored by both sides.
"""

from __future__ import annotations

from typing import Any

import msgspec

from firmware_config.records import Value

MAX_LINE_BYTES = 4 * 1024 * 1024


class Input(msgspec.Struct, omit_defaults=True):
    """One input of a product: its value now (None: there is none), the uncertainty that choice costs, and where it came from."""

    value: float | None = None
    uncertainty: float = 0.0
    source: str = ""


class Request(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Compute one product.

    ``station``: latitude_deg, longitude_deg, platform, surface, datum. ``product``: the product of the station file as a mapping
    (durations in ms). ``heights``: metres above the station's zero, ``sonic`` and ``gas`` (eddy), ``instrument`` (tide), ``surface`` (the
    water or mud of this window, 0 when absent). ``geometry``: ``separation_m`` between sonic and analyser, ``u_from_deg`` where a wind
    along the sonic's +u comes from (absent: not known), ``v_sign`` (-1: left-handed). ``inputs``: by role (see `request.needs_of`).
    ``raw``: archive file (eddy). ``samples``: ``t_ms``, ``values``, ``interval_ms``, ``centre_ms``, ``quantity`` (tide). ``learnt``: what
    earlier windows taught (eddy; see `learning`), where the raw file does not carry it itself.
    """

    id: int
    kind: str
    station: dict[str, Any] = {}
    product: dict[str, Any] = {}
    heights: dict[str, float] = {}
    geometry: dict[str, float] = {}
    inputs: dict[str, Input] = {}
    raw: str = ""
    samples: dict[str, Any] = {}
    learnt: dict[str, Any] = {}


class Answer(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The result, or why there is none.

    ``values``: quantity (or ``quantity:statistic``) → number or None; the agent adds the product's place. ``flags``: QARTOD, for every
    value. ``tests``: the single tests that did not pass. ``classes``: 0-1-2 of fluxes. ``share``: part of the samples a value rests on,
    where not all. ``inputs``: which source each input came from, with value and uncertainty. ``detail``: reasons of missing values, counts,
    lags. ``spectra``: of an eddy window, name → numbers (a record of its own stream). ``facts``: what this window may teach later ones.
    """

    id: int
    ok: bool
    values: dict[str, Value] = {}
    flags: dict[str, int] = {}
    tests: dict[str, dict[str, int]] = {}
    classes: dict[str, int] = {}
    share: dict[str, float] = {}
    inputs: dict[str, str] = {}
    detail: dict[str, Any] = {}
    spectra: dict[str, list[float | None]] = {}
    facts: dict[str, Any] = {}
    error: str = ""
