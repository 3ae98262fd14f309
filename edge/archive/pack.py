"""From a finished live file to a ``.ghg``, durably and always the same bytes.

The ``.data`` member holds every slot of the window, from the first to the last: a slot without samples has its time and empty
fields. The zip carries the window's own date, so packing the same live file again after a kill gives the same file and the same hash.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from math import atan2, cos, degrees, radians, sin
from pathlib import Path
from typing import IO, Any

import msgspec

from edge.archive.layout import Header, Note
from edge.archive.live import Recovered, recover, slot_of, sync_folder
from edge.archive.metadata import data_head, metadata_text
from edge.archive.names import window_name
from edge.errors import ArchiveError
from firmware_config.quantities import averaging_of

FACTS = "system_config/haitan.json"
"""The member that holds our own facts: station, clock, inputs of the window, what the station file said."""
ZIP_BEGINS_MS, ZIP_ENDS_MS = 315_532_800_000, 4_354_819_140_000  # 1980 to 2107: a zip cannot say anything else


@dataclass(frozen=True)
class Packed:
    """A finished file of the archive. ``rows``: slots with at least one sample; ``inputs`` and ``clock`` as of the whole window.
    ``record_ms``: the time of its ``raw`` record (see `record_time`)."""

    path: Path
    header: Header
    sha256: str
    size: int
    rows: int
    clock: str
    inputs: dict[str, tuple[float, float, str]]
    record_ms: int


def record_time(stem: str, header: Header, first_slot: int) -> int:
    """When the file's record begins: at the window's start, or, for a further part of a window, with the part's first row."""
    whole = stem == window_name(header.station, header.start_ms, header.boot_id)
    return header.start_ms + (0 if whole else round(first_slot * 1000 / header.rate_hz))


def pack(live: Path, target: Path) -> Packed:
    """Write ``target`` from a live file; when this returns it is on the device under its name. ``live`` is left."""
    found = recover(live)
    facts = _facts(found)
    target.parent.mkdir(parents=True, exist_ok=True)
    new = target.with_suffix(".new")
    with new.open("wb") as file:
        _write_zip(file, target.stem, found, facts)
        file.flush()
        os.fsync(file.fileno())
    sha256 = _sha256(new)
    new.replace(target)
    sync_folder(target.parent)
    record_ms = record_time(target.stem, found.header, facts["first_slot"])
    return Packed(target, found.header, sha256, target.stat().st_size, facts["rows"], facts["clock"], facts["inputs"], record_ms)


def read_facts(path: Path) -> dict[str, Any]:
    """Our own facts of a ``.ghg`` (empty for a file that another program made); ArchiveError when it cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            if FACTS not in archive.namelist():
                return {}
            facts: dict[str, Any] = msgspec.json.decode(archive.read(FACTS))
            return facts
    except (
        OSError,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
        zipfile.BadZipFile,
        zlib.error,
        msgspec.MsgspecError,
    ) as error:
        raise ArchiveError(f"{path}: cannot be read as a raw archive file: {error}") from error


def _header_and_facts(path: Path) -> tuple[Header, dict[str, Any]]:
    """Header and facts of a file of ours; ArchiveError when it is not one."""
    facts = read_facts(path)
    try:
        return msgspec.convert(facts["header"], Header), facts
    except (KeyError, msgspec.MsgspecError) as error:
        raise ArchiveError(f"{path}: not a raw archive file of this program: {error}") from error


def record_ms_from(path: Path) -> int:
    """The time of the file's ``raw`` record; ArchiveError when it cannot be read."""
    header, facts = _header_and_facts(path)
    return record_time(path.stem, header, facts["first_slot"])


def packed_from(path: Path) -> Packed:
    """What `pack` returned for this file, read back from it; ArchiveError when that cannot be."""
    header, facts = _header_and_facts(path)
    inputs = {name: (value[0], value[1], value[2]) for name, value in facts["inputs"].items()}
    record_ms = record_time(path.stem, header, facts["first_slot"])
    return Packed(path, header, _sha256(path), path.stat().st_size, facts["rows"], facts["clock"], inputs, record_ms)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _facts(found: Recovered) -> dict[str, Any]:
    return {
        "header": msgspec.to_builtins(found.header),
        "rows": sum(len(rows) for rows in found.blocks) + len(found.tail),
        "first_slot": next((slot_of(rows[0]) for rows in (*found.blocks, found.tail) if rows), 0),
        "clock": worst_clock(found.notes),
        "inputs": mean_inputs(found.notes),
    }


def worst_clock(notes: list[Note]) -> str:
    rank = {"synchronised": 0, "holdover": 1, "unset": 2}
    return max((note.clock for note in notes), key=lambda quality: rank.get(quality, 2), default="synchronised")


def mean_inputs(notes: list[Note]) -> dict[str, tuple[float, float, str]]:
    """Each input over the window: from the source that served most blocks, averaged as its quantity is."""
    result: dict[str, tuple[float, float, str]] = {}
    for name in sorted({name for note in notes for name in note.inputs}):
        given = [note.inputs[name] for note in notes if name in note.inputs]
        source = Counter(source for _, _, source in given).most_common(1)[0][0]
        values = [value for value, _, s in given if s == source]
        uncertainty = next(u for _, u, s in given if s == source)
        result[name] = (_mean(values, averaging_of(source)), uncertainty, source)
    return result


def _mean(values: list[float], averaging: str) -> float:
    if averaging == "circular":
        east, north = sum(sin(radians(v)) for v in values), sum(cos(radians(v)) for v in values)
        return float(f"{degrees(atan2(east, north)) % 360:.8g}")
    return values[-1] if averaging == "last" else float(f"{sum(values) / len(values):.8g}")


def _write_zip(file: IO[bytes], stem: str, found: Recovered, facts: dict[str, Any]) -> None:
    header = found.header
    moment = datetime.fromtimestamp(min(max(header.start_ms, ZIP_BEGINS_MS), ZIP_ENDS_MS) / 1e3, UTC)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:

        def member(name: str) -> zipfile.ZipInfo:
            info = zipfile.ZipInfo(name, (moment.year, moment.month, moment.day, moment.hour, moment.minute, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            return info

        with archive.open(member(f"{stem}.data"), "w") as data:
            data.write(data_head(header).encode())
            for text in _data_rows(found):
                data.write(text.encode())
        archive.writestr(member(f"{stem}.metadata"), metadata_text(header))
        archive.writestr(member(FACTS), msgspec.json.encode(facts))


def _data_rows(found: Recovered) -> Iterator[str]:
    """All slots of the window in pieces of text, gaps filled with empty rows."""
    header = found.header
    period_ns = round(1e9 / header.rate_hz)
    start_ns = header.start_ms * 1_000_000
    empty = header.layout.empty()

    def line(slot: int, rest: str) -> str:
        seconds, nanoseconds = divmod(start_ns + slot * period_ns, 1_000_000_000)
        return f"DATA\t{seconds}\t{nanoseconds}\t{slot}{rest}"

    at = 0
    for rows in (*found.blocks, found.tail):
        lines = []
        for row in rows:
            slot = slot_of(row)
            lines += [line(gap, empty) for gap in range(at, slot)]
            lines.append(line(slot, row[row.index("\t") :]))
            at = slot + 1
        yield "".join(lines)
    yield "".join(line(gap, empty) for gap in range(at, header.slots))
