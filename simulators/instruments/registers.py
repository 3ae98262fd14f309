"""Numbers as Modbus registers (16 bits each)."""

from __future__ import annotations

import math
import struct


def float_big(value: float) -> list[int]:
    """IEEE single, most significant byte first: two registers (KELLER)."""
    high, low = struct.unpack(">HH", struct.pack(">f", value))
    return [high, low]


def float_reversed(value: float) -> list[int]:
    """IEEE single, byte for byte little-endian (DCBA): two registers (Yosemitech)."""
    high, low = struct.unpack(">HH", struct.pack("<f", value))
    return [high, low]


def int32(value: int) -> list[int]:
    """Signed or unsigned 32 bits, most significant word first."""
    return [(value >> 16) & 0xFFFF, value & 0xFFFF]


def text_words(value: str, registers: int) -> list[int]:
    """Characters, two a register, padded with zeros."""
    raw = value.encode("ascii", "replace")[: 2 * registers].ljust(2 * registers, b"\0")
    return [raw[i] << 8 | raw[i + 1] for i in range(0, 2 * registers, 2)]


def place(start: int, words: list[int]) -> dict[int, int]:
    """Words as a piece of a register map."""
    return {start + i: word for i, word in enumerate(words)}


def low_word_first(words: list[int]) -> list[int]:
    """Two words of a 32-bit number, least significant word first (CDAB: Vaisala, VEGA)."""
    return [words[1], words[0]]


def bytes_swapped(words: list[int]) -> list[int]:
    """The bytes of each word the other way round (ABCD becomes BADC, CDAB becomes DCBA)."""
    return [(word & 0xFF) << 8 | word >> 8 for word in words]


def signed16(value: float, invalid: int = 0x7FFF) -> int:
    """A rounded number in one signed register; NaN and what does not fit give ``invalid``."""
    if math.isnan(value) or not -32768 <= round(value) <= 32767:
        return invalid & 0xFFFF
    return round(value) & 0xFFFF
