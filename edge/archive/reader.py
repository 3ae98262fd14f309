"""A window of the raw archive as NumPy arrays: from a ``.ghg`` or from a live file that is still open.

Both give the same numbers: what science computes from a file today is what it computed when the window closed.
"""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.archive.layout import TIME_COLUMNS
from edge.archive.live import recover
from edge.archive.pack import FACTS, mean_inputs, worst_clock
from edge.archive.rows import read_rows
from edge.errors import ArchiveError

MAX_DATA_BYTES = 400_000_000
MAX_TIME_MS = 1e14
TEXT_COLUMNS = frozenset({"Date", "Time"})
"""of files of other programs"""
Column = NDArray[np.float64]


@dataclass(frozen=True)
class RawWindow:
    """One window on its grid.

    ``columns``: column name → array of shape (slots,), NaN where there is no valid value; row *i* lies ``i / rate_hz`` after the start.
    ``start_ms``: UTC (time since boot when ``meta["boot_id"]`` is set). ``meta``: station, place, config_hash, clock, ``inputs`` (name →
    ``{"value", "uncertainty", "source"}``, as they were when the window closed), ``about`` (product, instruments, position), ``learnt``
    (what earlier windows had taught when this one opened; of a station that learns) and ``rows``, the number of slots with a sample. For a
    file of another program ``meta`` is empty but for what its ``.metadata`` says of the rate.
    """

    columns: dict[str, Column]
    rate_hz: float
    start_ms: int
    meta: dict[str, Any]


def read_window(path: Path) -> RawWindow:
    """Read a window; ArchiveError when the file is neither a ``.ghg`` nor a live file, or has no rows that can be read."""
    path = Path(path)
    if zipfile.is_zipfile(path):
        return _read_ghg(path)
    found = recover(path)
    header = found.header
    names = ("Sequence Number", *header.layout.columns)
    text = "".join(row for rows in (*found.blocks, found.tail) for row in rows)
    columns = _on_grid(_parse(text.encode(), names, path), names, header.slots)
    facts = {
        "header": msgspec.to_builtins(header),
        "rows": sum(map(len, found.blocks)) + len(found.tail),
        "clock": worst_clock(found.notes),
        "inputs": mean_inputs(found.notes),
    }
    return RawWindow(columns, header.rate_hz, header.start_ms, _meta(facts))


def _meta(facts: dict[str, Any]) -> dict[str, Any]:
    header = facts["header"]
    about = header.get("about", {})
    return {
        **{key: header.get(key, "") for key in ("station", "place", "config_hash", "boot_id")},
        "simulated": header.get("simulated", False),
        "duration_ms": header["duration_ms"],
        "clock": facts["clock"],
        "rows": facts["rows"],
        "about": about,
        **({"learnt": about["learnt"]} if "learnt" in about else {}),
        "inputs": {name: {"value": v, "uncertainty": u, "source": s} for name, (v, u, s) in facts["inputs"].items()},
    }


def _read_ghg(path: Path) -> RawWindow:
    with zipfile.ZipFile(path) as archive:
        members = archive.namelist()
        data_name = next((name for name in members if name.endswith(".data") and "biomet" not in name), None)
        if data_name is None or archive.getinfo(data_name).file_size > MAX_DATA_BYTES:
            raise ArchiveError(f"{path}: no .data member of a readable size; is this a raw archive file?")
        data = archive.read(data_name)
        facts = msgspec.json.decode(archive.read(FACTS)) if FACTS in members else None
        metadata = next((archive.read(name).decode("utf-8", "replace") for name in members if name.endswith(".metadata")), "")
    head, _, rows = data.partition(b"\nDATA\t")
    names = tuple(head.rsplit(b"\n", 1)[-1].decode("utf-8", "replace").strip().split("\t"))[1:]
    if not rows or "Seconds" not in names:
        raise ArchiveError(f"{path}: no rows under a DATAH line; is this a raw archive file?")
    table = _parse(rows.replace(b"\nDATA\t", b"\n"), names, path)
    if facts is not None:
        header = facts["header"]
        return RawWindow(_on_grid(table, names, header["slots"]), header["rate_hz"], header["start_ms"], _meta(facts))
    found = re.search(r"^acquisition_frequency=([\d.]+)", metadata, re.MULTILINE)
    if found is None:
        raise ArchiveError(f"{path}: its .metadata does not say acquisition_frequency")
    first = float(table[names.index("Seconds"), 0] * 1000 + table[names.index("Nanoseconds"), 0] // 1e6) if table.size else float("nan")
    if not abs(first) < MAX_TIME_MS:
        raise ArchiveError(f"{path}: its first row has no time that can be read")
    start_ms = int(first)
    columns = {name: table[i] for i, name in enumerate(names) if name not in TIME_COLUMNS}
    return RawWindow(columns, float(found[1]), start_ms, {})


def _parse(rows: bytes, names: tuple[str, ...], path: Path) -> Column:
    """Tab-separated rows, empty fields and anything that is no number as NaN; shape (columns, rows)."""
    found = read_rows(rows, b"\t", len(names), range(len(names)), [i for i, name in enumerate(names) if name in TEXT_COLUMNS])
    if found.ragged and found.ragged == found.values.shape[1]:
        raise ArchiveError(f"{path}: its rows do not have the {len(names)} columns of its header")
    return found.values


def _on_grid(table: Column, names: tuple[str, ...], slots: int) -> dict[str, Column]:
    number = table[names.index("Sequence Number")]
    inside = (number >= 0) & (number < slots)
    at = number[inside].astype(int)
    columns = {}
    for i, name in enumerate(names):
        if name not in TIME_COLUMNS:
            column = np.full(slots, np.nan)
            column[at] = table[i][inside]
            columns[name] = column
    return columns
