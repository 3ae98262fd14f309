"""Register maps: bytes of a Modbus answer to named values, as the card says. Pure.

A float that is NaN or infinite, one so small that nobody measures it (what a float in another byte order mostly looks like), and an integer
the card lists as "not available" become None; the card's rules decide what that means.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable
from typing import Any

from firmware_config.cards.modbus import ByteOrder, Read, Register

_FORMATS = {"u16": ">H", "i16": ">h", "u32": ">I", "i32": ">i", "u64": ">Q", "i64": ">q", "f32": ">f", "f64": ">d"}
_MOST_DECIMALS = 9
_SMALLEST = 1e-30


def in_order(data: bytes, order: ByteOrder) -> bytes:
    """The bytes with the most significant one first. A names the most significant byte of the value, B the next.

    >>> in_order(bytes.fromhex("28944142"), "DCBA").hex()
    '42419428'
    """
    if order == "ABCD":
        return data
    words = [data[i : i + 2] for i in range(0, len(data), 2)]
    if order in {"BADC", "DCBA"}:
        words = [word[::-1] for word in words]
    if order in {"CDAB", "DCBA"}:
        words.reverse()
    return b"".join(words)


def _text(data: bytes) -> str | None:
    """Printable text up to the first NUL; None when there is none."""
    kept = data.split(b"\0")[0].strip()
    return kept.decode("ascii") if kept and all(0x20 <= byte <= 0x7E for byte in kept) else None


def _reader(register: Register) -> Callable[[bytes], Any]:
    if register.type == "text":
        return _text
    unpack = struct.Struct(_FORMATS[register.type]).unpack
    order, scale, missing = register.order, register.scale, frozenset(register.missing)

    def read(data: bytes) -> Any:
        value = unpack(in_order(data, order))[0]
        if value in missing or not math.isfinite(value) or 0.0 < abs(value) < _SMALLEST:
            return None
        return value if scale == 1.0 else value * scale

    if register.items is None:
        return read
    size = 2 * register.size // register.items
    return lambda data: [read(data[at : at + size]) for at in range(0, len(data), size)]


def _with_decimals(value: Any, decimals: Any) -> float | None:
    """A whole number with its decimal point; None when the number of decimals is not known, or not one a device can mean.

    >>> _with_decimals(8123, 1), _with_decimals(81, -1), _with_decimals(8123, None)
    (812.3, 810.0, None)
    """
    if value is None or not isinstance(decimals, int) or abs(decimals) > _MOST_DECIMALS:
        return None
    return float(value / 10**decimals if decimals >= 0 else value * 10**-decimals)


def encode(register: Register, value: Any) -> bytes:
    """The bytes that make a device read this value: the register's type, order and scale turned round. ValueError when the value is none
    of the type.

    >>> encode(Register(field="x", address=0, type="f32", order="CDAB"), 1013.25).hex()
    '5000447d'
    >>> encode(Register(field="x", address=0, type="u16"), "117").hex()
    '0075'
    """
    if register.type == "text" or register.items is not None:
        raise ValueError(f"{register.field} is no single number: it is not written")
    number = float(value) / register.scale
    try:
        return in_order(struct.pack(_FORMATS[register.type], number if register.type[0] == "f" else round(number)), register.order)
    except (struct.error, OverflowError) as error:
        raise ValueError(f"{value} does not fit {register.field} ({register.type})") from error


class RegisterMap:
    """A card's registers made ready. ``alike``: functions 3 and 4 read the same registers."""

    def __init__(self, registers: Iterable[Register], *, alike: bool = False) -> None:
        self._registers = [(register, _reader(register), register.field.partition(".")) for register in registers]
        self._alike = alike

    def decode(self, read: Read, payload: bytes) -> dict[str, Any]:
        """Every value that lies whole in the answer to ``read`` (``payload``: its data bytes, two a register); those of blocks inside
        a mapping of the block's name. Of items that are read from the first on, those that were read."""
        found: dict[str, Any] = {}
        pointed: list[tuple[str, str]] = []
        for register, value_of, (outer, _, inner) in self._registers:
            begin = (register.address - read.address) * 2
            end = begin + register.size * 2
            if register.items is not None and 0 <= begin < len(payload) < end:
                item = register.size * 2 // register.items
                end = begin + (len(payload) - begin) // item * item
            if not 0 <= begin < end <= len(payload) or not (self._alike or register.function == read.function):
                continue
            if inner:
                found.setdefault(outer, {})[inner] = value_of(payload[begin:end])
            else:
                found[outer] = value_of(payload[begin:end])
                if register.decimals is not None:
                    pointed.append((outer, register.decimals))
        for name, decimals in pointed:
            found[name] = _with_decimals(found[name], found.get(decimals))
        return found
