"""One raw file to rows of the table: what a worker process does. No console, no other file, nothing kept between files.

What the file itself says of its inputs goes before the station file's constants, so that a file of our archive gives the digits that were
sent. A window with bad samples is a row with missing numbers and their reasons; a file that cannot be used raises an EdgeError.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge.archive.layout import TIME_COLUMNS
from edge.compute.columns import Raw
from edge.compute.eddy import window_of
from edge.compute.eddy_setup import pressure_input
from edge.compute.messages import Input, Request
from edge.compute.request import build_request, needs_of
from edge.flux.errors import FluxError, RawFileError
from edge.flux.files import read_file, standard_offset
from edge.flux.learning import Learnt, facts_of, lacks, parts_of
from edge.flux.storage import State, state_of
from edge.flux.table import Row, row_of
from edge.science.arrays import count_finite
from edge.science.eddy.window import Window
from firmware_config.station import EddyFlux, Station


@dataclass(frozen=True)
class Setup:
    """What is the same for all files. ``mode``: overrides the station file's; ``learnt``: what a first pass over the files taught, by the
    place of the product."""

    station: Station
    mode: str | None = None
    learnt: Learnt = field(default_factory=dict)


@dataclass(frozen=True)
class FileResult:
    """Rows of one file, for each the ``states`` that storage needs, and what is to be said about the file; ``facts``: what its windows may
    teach, by place; ``lacks``: whether it does not carry what its methods need to have learnt."""

    rows: list[Row]
    notes: list[str]
    facts: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    lacks: bool = False
    states: list[State] = field(default_factory=list)


def product_of(station: Station, place: object = None) -> EddyFlux:
    """The eddy flux of a station: the one at ``place`` (from the raw file), else the first."""
    found = [product for product in station.products if isinstance(product, EddyFlux)]
    if not found:
        raise FluxError(f"station {station.id} has no product of kind eddy")
    return next((product for product in found if product.place == place), found[0])


def inputs_of(station: Station, product: EddyFlux) -> dict[str, Input]:
    """What the station file alone can give: the constants among the sources of each input."""
    found: dict[str, Input] = {}
    for role, name in needs_of(product).items():
        constant = next((source for source in station.inputs.get(name, []) if source.constant is not None), None)
        if constant is not None:
            found[role] = Input(constant.constant, constant.uncertainty, "constant of the station file")
    return found


def request_of(setup: Setup, product: EddyFlux, raw: Raw) -> Request:
    """The request for one window, as the station would have asked it. The window's own pressure (archived with it, or of an open-path
    analyser's barometer) goes before the station file's constant."""
    constants = inputs_of(setup.station, product)
    others = {role: given for role, given in constants.items() if role != "air_pressure"}
    request = build_request(setup.station, product, number=0, inputs=others, learnt=setup.learnt.get(product.place))
    if pressure_input(request, raw).value is None:
        request = build_request(setup.station, product, number=0, inputs=constants, learnt=setup.learnt.get(product.place))
    if setup.mode is not None:
        request.product.setdefault("processing", {})["mode"] = setup.mode
    return request


def compute_window(setup: Setup, raw: Raw) -> tuple[Window, EddyFlux]:
    """The finished window and its product; RawFileError when it holds more than one period."""
    product = product_of(setup.station, raw.meta.get("place"))
    expected = round(product.averaging / 1e3 * raw.rate_hz)
    longest = max((len(column) for column in raw.columns.values()), default=0)
    if longest > 1.01 * expected:
        period = f"{product.averaging / 60_000:g} min"
        raise RawFileError(f"{longest} samples at {raw.rate_hz:g} Hz are more than one period of {period} holds ({expected})")
    return window_of(request_of(setup, product, raw), raw), product


def site_facts(station: Station, product: EddyFlux, raw: Raw) -> dict[str, float]:
    """Numbers of the site and of the window that the table holds beside the results."""
    present = max((count_finite(column) for name, column in raw.columns.items() if name not in TIME_COLUMNS), default=0)
    facts: dict[str, float | None] = {
        "site_expected_samples": float(round(product.averaging / 1e3 * raw.rate_hz)),
        "site_rows": float(present),
        "site_latitude_deg": station.position.latitude_deg,
        "site_longitude_deg": station.position.longitude_deg,
        "site_canopy_m": product.canopy_m,
        "site_displacement_m": product.displacement_m,
        "site_roughness_m": product.roughness_m,
        "site_averaging_min": product.averaging / 60_000,
        "site_rate_hz": raw.rate_hz,
        "site_sonic_height_m": station.instrument(product.sonic).mounting.height_m,
    }
    return {name: float(value) for name, value in facts.items() if value is not None}


def compute_file(setup: Setup, path: Path) -> FileResult:
    """The rows of one file, in order of time."""
    reading = read_file(path, setup.station, product_of(setup.station).averaging)
    rows: list[Row] = []
    states: list[State] = []
    facts: dict[str, list[dict[str, Any]]] = {}
    wanting = False
    for raw in reading.windows:
        done, product = compute_window(setup, raw)
        year = datetime.fromtimestamp(raw.start_ms / 1000, UTC).year
        offset = standard_offset(setup.station.timezone, year)
        rows.append(row_of(path.name, raw.start_ms, product.averaging, offset, done, site_facts(setup.station, product, raw)))
        states.append(state_of(product.place, raw.start_ms, product.averaging, done))
        if (parts := parts_of(product, setup.mode)) and not setup.learnt:
            facts.setdefault(product.place, []).append(facts_of(done, raw.start_ms, parts))
            wanting |= lacks(raw, parts)
    return FileResult(rows, reading.notes, facts, wanting, states)
