"""Binary records to fields, as the card's parts say; and the words of a Campbell CSAT3, whose factors change with the wind.

A float that is NaN or infinite becomes None. What the card does not describe is passed over where its length is known, and a record that
holds nothing else is of no interest. Checksums are the framer's business.
"""

from __future__ import annotations

import math
import struct
from typing import Any, ClassVar, NamedTuple

from edge.instruments.reading import Decoded, Ignored, Rejected
from firmware_config.cards.binary import FORMATS, BinaryFormat, Item, Part


class _Taken(NamedTuple):
    """Where the value of a field stands among what was unpacked; ``length`` None for a single one."""

    field: str
    at: int
    length: int | None
    scale: float


def _value(raw: Any, scale: float) -> Any:
    if not math.isfinite(raw):
        return None
    return raw if scale == 1.0 else raw * scale


class PartReader:
    """A part of the card made ready. ``size``: its full length."""

    def __init__(self, part: Part, order: str) -> None:
        self.name = part.name
        self.constants = part.constants
        self._sign = ">" if order == "big" else "<"
        self._shapes: dict[int, tuple[struct.Struct, list[_Taken]]] = {}
        items = [item for item in part.items if item.at is None]
        for end in range(len(items), -1, -1):
            shape = self._shape(items[:end])
            self._shapes[shape[0].size] = shape
            if end == 0 or not items[end - 1].optional:
                break
        self.size = max(self._shapes)
        self._again = [(item, struct.Struct(self._sign + FORMATS[item.type])) for item in part.items if item.at is not None]

    def _shape(self, items: list[Item]) -> tuple[struct.Struct, list[_Taken]]:
        codes, taken, at = [], [], 0
        for item in items:
            count = item.count or 1
            codes.append(f"{count}{FORMATS[item.type]}")
            if item.field is not None:
                taken.append(_Taken(item.field, at, item.count, item.scale))
            at += count
        return struct.Struct(self._sign + "".join(codes)), taken

    def read(self, data: bytes, begin: int, size: int) -> dict[str, Any] | None:
        """The fields of a part of ``size`` bytes; None when a part of this code cannot be so long."""
        shape = self._shapes.get(size)
        if shape is None:
            return None
        values: dict[str, Any] = dict(self.constants)
        raw = shape[0].unpack_from(data, begin)
        for name, at, count, scale in shape[1]:
            values[name] = _value(raw[at], scale) if count is None else [_value(x, scale) for x in raw[at : at + count]]
        for item, form in self._again:
            assert item.field is not None
            values[item.field] = _value(form.unpack_from(data, begin + (item.at or 0))[0], item.scale)
        return values


class BinaryDecoder:
    """Records whose first byte says what they are (Gill, MicroStrain's older ones)."""

    def __init__(self, form: BinaryFormat) -> None:
        self._parts = {part.code: PartReader(part, form.order) for part in form.parts}
        self._head, self._tail = (2, 1) if form.frame == "gill" else (1, 2)

    def decode(self, body: bytes) -> Decoded | Rejected | Ignored:
        part = self._parts[body[0]]
        values = part.read(body, self._head, len(body) - self._head - self._tail)
        return Rejected("layout", f"{len(body)} bytes are no record of the card") if values is None else Decoded(part.name, values, {})


class MipDecoder:
    """MIP: fields of length, descriptor, data; a part's code is descriptor set x 256 + descriptor."""

    def __init__(self, form: BinaryFormat) -> None:
        self._parts = {part.code: PartReader(part, form.order) for part in form.parts}

    def decode(self, body: bytes) -> Decoded | Rejected | Ignored:
        values: dict[str, Any] = {"set": body[2]}
        at, end = 4, len(body) - 2
        known = False
        while at < end:
            length = body[at]
            if length < 2 or at + length > end:
                return Rejected("layout", f"a field of {length} bytes at byte {at} does not fit its packet")
            part = self._parts.get(body[2] << 8 | body[at + 1])
            if part is not None:
                found = part.read(body, at + 2, length - 2)
                if found is None:
                    return Rejected("layout", f"{part.name}: {length - 2} bytes where {part.size} belong")
                values |= found
                known = True
            at += length
        return Decoded("packet", values, {}) if known else Ignored(f"set 0x{body[2]:02X}: no field that the card describes", {})


class VectorNavDecoder:
    """VectorNav: a part's code is its bit of the type word; parts follow in the order of the bits. Of text only errors matter."""

    def __init__(self, form: BinaryFormat) -> None:
        self._parts = [(1 << part.code, PartReader(part, form.order)) for part in sorted(form.parts, key=lambda part: part.code)]

    def decode(self, body: bytes) -> Decoded | Rejected | Ignored:
        if body[:1] == b"$":
            return self._text(body[1:-3].decode("ascii", "replace"))
        word, at = body[2] | body[3] << 8, 4
        values: dict[str, Any] = {}
        for mask, part in self._parts:
            if word & mask:
                values |= part.read(body, at, part.size) or {}
                at += part.size
        return Decoded("record", values, {}) if values else Ignored(f"type word 0x{word:04X}: no field that the card describes", {})

    def _text(self, text: str) -> Decoded | Rejected | Ignored:
        head, _, rest = text.partition(",")
        if head != "VNERR":
            return Ignored(f"${head[:8]}: no data", {})
        try:
            return Decoded("error", {"message": head, "error": int(rest[:2], 16)}, {})
        except ValueError:
            return Rejected("value", f"error {rest[:8]!r} is not a number")


class Csat3Decoder:
    """Five words: wind and speed of sound, and a word of flags, ranges of the three winds, and a counter of six bits.

    ``diag`` keeps the four flags in their places (bits 12 to 15). With all four set and every value at its lowest there is no sample.
    """

    _FACTORS = (0.002, 0.001, 0.0005, 0.00025)
    _SOUND = (0.001, 340.0)
    _NOTHING = -32768
    _WHY: ClassVar[dict[int, str]] = {0xF03F: "not available", 0xF000: "lost trigger"}
    _FLAGS = (("delta_c", 0x8000), ("poor_lock", 0x4000), ("amp_high", 0x2000), ("amp_low", 0x1000))

    def __init__(self, form: BinaryFormat) -> None:
        self._words = struct.Struct(">4hH" if form.order == "big" else "<4hH")

    def decode(self, body: bytes) -> Decoded | Rejected | Ignored:
        u, v, w, c, word = self._words.unpack(body)
        if word in self._WHY and u == v == w == c == self._NOTHING:
            values = {"u": None, "v": None, "w": None, "c": None, "diag": word & 0xF000, "special": self._WHY[word]}
            return Decoded("record", values, {})
        values = {
            "u": u * self._FACTORS[word >> 10 & 3],
            "v": v * self._FACTORS[word >> 8 & 3],
            "w": w * self._FACTORS[word >> 6 & 3],
            "c": c * self._SOUND[0] + self._SOUND[1],
            "counter": word & 0x3F,
            "diag": word & 0xF000,
            "flags": {name: bool(word & mask) for name, mask in self._FLAGS},
        }
        return Decoded("record", values, {})


def decoder_of(form: BinaryFormat) -> BinaryDecoder | MipDecoder | VectorNavDecoder | Csat3Decoder:
    """The decoder a card asks for."""
    if form.frame == "csat3":
        return Csat3Decoder(form)
    if form.frame == "mip":
        return MipDecoder(form)
    return VectorNavDecoder(form) if form.frame == "vectornav" else BinaryDecoder(form)
