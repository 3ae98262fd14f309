"""Campbell's binary TOB1: five header lines of text, then records of fixed length.

Types as in Campbell's manuals (LoggerNet, appendix on file formats): IEEE4, IEEE8, FP2, ULONG, LONG and other integers, ASCII(n), SecNano.
FP2 (CR1000 manual, appendix "FP2 data format"): two bytes, big-endian: sign, two bits of decimal places, 13 bits of magnitude, of which
7999 is the largest that means a number; above it stand infinity and NAN.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from edge.flux.errors import RawFileError
from edge.flux.periods import Nanoseconds
from edge.flux.text import Samples, absent_note, converted, names_in, wanted_columns
from edge.science.arrays import FloatArray
from firmware_config.raw_files import RawFiles

EPOCH_S = 631_152_000
"""1990-01-01, from which loggers count, in seconds since 1970"""
TYPES = {
    "IEEE4": "<f4", "IEEE4L": "<f4", "IEEE4B": ">f4", "IEEE8": "<f8", "IEEE8L": "<f8", "IEEE8B": ">f8", "FP2": ">u2",
    "ULONG": "<u4", "UINT4": "<u4", "LONG": "<i4", "INT4": "<i4", "USHORT": "<u2", "UINT2": "<u2", "SHORT": "<i2", "INT2": "<i2",
    "BYTE": "u1", "UINT1": "u1", "BOOL": "u1", "SECNANO": "<u4,<u4",
}  # fmt: skip
LARGEST_FP2 = 7999


def decode_fp2(words: NDArray[np.uint16]) -> FloatArray:
    """FP2 words to numbers; what is no number is NaN.

    >>> decode_fp2(np.array([0x0001, 0x8001, 0x2001, 0x7F3F, 0x9FFE, 0x1FFF, 0x9FFF], dtype=np.uint16)).tolist()
    [1.0, -1.0, 0.1, 7.999, nan, nan, nan]
    """
    magnitude = (words & 0x1FFF).astype(np.float64)
    numbers = magnitude / np.array([1.0, 10.0, 100.0, 1000.0])[(words >> 13) & 3]
    numbers = np.where(words & 0x8000, -numbers, numbers)
    return np.where(magnitude <= LARGEST_FP2, numbers, np.nan)


def read_tob1(data: bytes, raw: RawFiles) -> Samples:
    """The samples of a TOB1 file; a record that is cut at the end is left out."""
    lines = data.split(b"\n", 5)
    if len(lines) < 6:
        raise RawFileError("its TOB1 header is cut, or there are no records")
    names, kinds, records = names_in(lines[1], ","), [kind.upper() for kind in names_in(lines[4], ",")], lines[5]
    if len(names) != len(kinds):
        raise RawFileError(f"its TOB1 header names {len(names)} columns and {len(kinds)} types")
    layout = np.dtype([(f"f{i}", _type_of(kind)) for i, kind in enumerate(kinds)])
    found = wanted_columns(names, raw)
    count, rest = divmod(len(records), layout.itemsize)
    if not count:
        raise RawFileError("no whole record below the TOB1 header")
    notes = absent_note(found, raw) + ([f"the last record is cut ({rest} bytes)"] if rest else [])
    table = np.frombuffer(records, layout, count)
    values = {variable: _numbers(table[f"f{i}"], kinds[i], names[i]) for variable, i in found.items()}
    return Samples(converted(values, raw), _times(table, names, kinds), notes, raw.stamps != "start")


def _type_of(kind: str) -> str:
    if kind in TYPES:
        return TYPES[kind]
    text = re.fullmatch(r"ASCII\(([1-9][0-9]{0,3})\)", kind)
    if text is None:
        raise RawFileError(f"its TOB1 type {kind[:40]!r} is not known; there are {', '.join(TYPES)}, ASCII(n)")
    return f"S{text[1]}"


def _numbers(values: NDArray[np.generic], kind: str, name: str) -> FloatArray:
    if kind.startswith(("ASCII", "SECNANO")):
        raise RawFileError(f"column {name!r} is of type {kind}, not a number")
    if kind == "FP2":
        return decode_fp2(values.astype(np.uint16))
    with np.errstate(invalid="ignore"):
        numbers: FloatArray = values.astype(np.float64)
    return numbers


def _times(table: NDArray[np.void], names: list[str], kinds: list[str]) -> Nanoseconds | None:
    """The records' times, ns since 1970 on the logger's clock; None when it wrote none."""
    if "SECNANO" in kinds:
        both = table[f"f{kinds.index('SECNANO')}"]
        seconds, nanoseconds = both["f0"], both["f1"]
    elif "SECONDS" in names and "NANOSECONDS" in names:
        seconds, nanoseconds = table[f"f{names.index('SECONDS')}"], table[f"f{names.index('NANOSECONDS')}"]
    else:
        return None
    if seconds.dtype.kind not in "iu" or nanoseconds.dtype.kind not in "iu":
        raise RawFileError("its SECONDS and NANOSECONDS are no whole numbers")
    times: Nanoseconds = (seconds.astype(np.int64) + EPOCH_S) * 1_000_000_000 + nanoseconds.astype(np.int64)
    return times
