"""Any raw file to windows, told apart by its content: our own archive (``.ghg`` or live), CSV, TOA5 or TOB1, each also gzipped.

RawFileError (or ArchiveError) says why a file cannot be used. Never more than `MAX_BYTES` of one file are held.
"""

from __future__ import annotations

import errno
import zipfile
import zlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from edge.archive.live import FIRST_LINE
from edge.archive.reader import read_window
from edge.compute.columns import Raw
from edge.errors import ArchiveError
from edge.flux.errors import RawFileError
from edge.flux.periods import ForeignWindow, Timing, windows_of
from edge.flux.text import Samples, read_csv, read_toa5
from edge.flux.tob1 import read_tob1
from edge.science.eddy.window import GASES
from firmware_config.base.files import read_regular
from firmware_config.raw_files import RawFiles
from firmware_config.station import Station

MAX_BYTES = 400_000_000
GZIP = b"\x1f\x8b"
BOM = b"\xef\xbb\xbf"
UNREADABLE = (OSError, EOFError, LookupError, NotImplementedError, RuntimeError, TypeError, ValueError)
"""what the archive's reader may meet in bytes that only look like an archive file"""


@dataclass(frozen=True)
class Reading:
    """The windows of one file and what is to be said about them."""

    windows: list[Raw]
    notes: list[str]


def standard_offset(timezone: str, year: int) -> timedelta:
    """A timezone's standard time (without daylight saving) in that year, east of Greenwich positive.

    >>> standard_offset("Asia/Shanghai", 2026), standard_offset("Europe/Oslo", 2018)
    (datetime.timedelta(seconds=28800), datetime.timedelta(seconds=3600))
    """
    here = datetime(year, 1, 1, tzinfo=ZoneInfo(timezone))
    return (here.utcoffset() or timedelta()) - (here.dst() or timedelta())


def read_file(path: Path, station: Station, averaging_ms: int) -> Reading:
    """The windows of a raw file, in order of time."""
    try:
        if path.is_dir():
            raise RawFileError("it is a folder; name the files in it")
        data = read_regular(path, MAX_BYTES)
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise RawFileError(f"larger than {MAX_BYTES // 1_000_000} MB; split it") from error
        raise RawFileError(f"it cannot be read: {error.strerror}") from error
    if not data:
        raise RawFileError("it is empty")
    if data.startswith(b"PK") or path.suffix == ".ghg":
        return _own(path)
    if data.startswith(GZIP):
        if zlib_start(data).startswith(FIRST_LINE.encode()):
            return _own(path)
        data = unzipped(data)
    if station.raw is None:
        raise RawFileError("it is no file of our archive, and the station file has no raw section that says what its columns are")
    return read_foreign(path, data.removeprefix(BOM), station, station.raw, averaging_ms)


def _own(path: Path) -> Reading:
    try:
        return Reading([read_window(path)], [])
    except ArchiveError:
        raise
    except (*UNREADABLE, zipfile.BadZipFile, zlib.error) as error:
        raise RawFileError(f"it cannot be read as a raw archive file: {type(error).__name__}: {error}") from error


def zlib_start(data: bytes) -> bytes:
    """The first bytes of a gzip file; empty when it is damaged."""
    try:
        return zlib.decompressobj(31).decompress(data, 64)
    except zlib.error:
        return b""


def unzipped(data: bytes) -> bytes:
    """A gzip file of one or more members; RawFileError when it is cut, damaged or too large."""
    parts, size, rest = [], 0, data
    while rest.startswith(GZIP):
        reader = zlib.decompressobj(31)
        try:
            part = reader.decompress(rest, MAX_BYTES + 1 - size)
        except zlib.error as error:
            raise RawFileError(f"its gzip is damaged: {error}") from error
        size += len(part)
        if size > MAX_BYTES:
            raise RawFileError(f"larger than {MAX_BYTES // 1_000_000} MB when unpacked; split it")
        if not reader.eof:
            raise RawFileError("its gzip is cut short")
        parts.append(part)
        rest = reader.unused_data
    if rest.strip(b"\0"):
        raise RawFileError("its gzip is damaged: other bytes follow")
    return b"".join(parts)


def read_foreign(path: Path, data: bytes, station: Station, raw: RawFiles, averaging_ms: int) -> Reading:
    """The windows of a file of another logger."""
    if data.startswith(b'"TOB1"'):
        samples = read_tob1(data, raw)
    elif data.startswith(b'"TOA5"'):
        samples = read_toa5(data, raw)
    elif data.startswith((b'"TOB2"', b'"TOB3"', b'"TOACI1"')):
        raise RawFileError(f"{data[1:5].decode()} is not read here; convert it to TOB1 or TOA5")
    else:
        samples = read_csv(data, raw)
    if samples.times_ns is None:
        return Reading([_weighed(_whole(path, samples, station, raw, averaging_ms), raw)], samples.notes)
    if not samples.times_ns.size:
        raise RawFileError("none of its rows has a time that can be read")
    year = 1970 + int(samples.times_ns[0] // 31_556_952_000_000_000)
    timing = Timing(raw.rate, averaging_ms, offset_minutes(station, raw, year), samples.stamp_is_end)
    windows, notes = windows_of(samples.times_ns, samples.columns, timing)
    return Reading([_weighed(window, raw) for window in windows], [*samples.notes, *notes])


def _weighed(window: ForeignWindow, raw: RawFiles) -> ForeignWindow:
    """The window with the gases named that the file gives as mass per volume: EddyPro turns them into moles with rounded molar masses."""
    grams = tuple(gas for gas in GASES if gas in raw.columns and raw.columns[gas].unit.endswith("g/m3"))
    return replace(window, meta={**window.meta, "mass_densities": grams}) if grams else window


def offset_minutes(station: Station, raw: RawFiles, year: int) -> int:
    """How far the clock of the files is ahead of UTC."""
    given = raw.offset_minutes()
    return round(standard_offset(station.timezone, year).total_seconds() / 60) if given is None else given


def _whole(path: Path, samples: Samples, station: Station, raw: RawFiles, averaging_ms: int) -> ForeignWindow:
    """A file without times as one window."""
    rows, most = next(iter(samples.columns.values())).size, averaging_ms / 1e3 * raw.rate
    if rows > 1.01 * most:
        period = f"{averaging_ms / 60_000:g} min"
        raise RawFileError(
            f"{rows} rows at {raw.rate:g} Hz are more than one period of {period} holds ({most:.0f}), and they have no times"
        )
    if not raw.start:
        raise RawFileError("its rows have no times, and the station file's raw.start does not say how the name gives the period's start")
    name = path.name.partition(".")[0]
    try:
        local = datetime.strptime(name, raw.start).replace(tzinfo=UTC)
    except ValueError as error:
        raise RawFileError(f"the name {path.name!r} does not read as {raw.start!r}") from error
    start = local - timedelta(minutes=offset_minutes(station, raw, local.year))
    return ForeignWindow(samples.columns, raw.rate, round(start.timestamp() * 1000))
