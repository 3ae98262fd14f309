"""Vaisala WXT53x text: ``0R1,Dn=236D,…`` read by name, ``r`` records with their CRC, and ``$WIXDR`` sentences.

The letter after a number is its unit and goes to ``values["units"]``; ``#`` in its place marks the value as not valid.
"""

from __future__ import annotations

import re
from typing import Any

from edge.instruments.converters import to_float
from edge.instruments.reading import Decoded, Ignored, Rejected
from edge.links.checksums import vaisala_crc, xor_of

_HEAD = re.compile(r"([0-9A-Za-z])([Rr]\d?),(.+)")
_TALK = re.compile(r"[0-9A-Za-z](?:[tT][xX]|XU),.*")
"""refused commands, and answers about the settings"""
_PAIR = re.compile(r"([A-Z][a-z]?)=(.*)")
_NUMBER = re.compile(r"([+-]?\d{1,12}(?:\.\d{1,12})?)([A-Za-z#])")
_SENTENCE = re.compile(rb"\$([\x20-\x7e]*)\*([0-9A-Fa-f]{2})")
_WIND = {("A", 0): "Dn", ("A", 1): "Dm", ("A", 2): "Dx", ("S", 0): "Sn", ("S", 1): "Sm", ("S", 2): "Sx"}
"""NMEA transducer type and id (counted from the unit's address) → name: minimum, average, maximum."""


class VaisalaDecoder:
    """A line to fields. ``address``: the unit's, from which the transducers of its sentences are counted."""

    def __init__(self, address: str) -> None:
        self._base = int(address) if address.isdecimal() and len(address) < 4 else 0

    def decode(self, body: bytes) -> Decoded | Rejected | Ignored:
        """The fields of a measurement; start-up texts and refused commands are of no interest."""
        begin = body.rfind(b"$")
        if begin >= 0:
            return self._sentence(body[begin:])
        text = body.decode("ascii", "replace").strip()
        found = _HEAD.fullmatch(text)
        if found is None:
            if _TALK.fullmatch(text):
                return Ignored(f"the unit says {text[:40]!r}", {})
            return Rejected("layout", f"{text[:24]!r} does not begin with an address and R")
        address, message, rest = found.groups()
        if message[0] == "r":
            if vaisala_crc(text[:-3].encode()) != text[-3:].encode():
                return Rejected("checksum", "the three characters of the CRC do not fit the record")
            rest = rest[:-3]
        return self._named(address, message, rest)

    def _named(self, address: str, message: str, rest: str) -> Decoded | Rejected:
        values: dict[str, Any] = {"addr": address, "msg": message}
        units: dict[str, str] = {}
        faults: dict[str, str] = {}
        for part in rest.split(","):
            pair = _PAIR.fullmatch(part)
            if pair is None or pair[1] in values:
                return Rejected("layout", f"{part[:24]!r} is not one name=value")
            name, text = pair.groups()
            number = _NUMBER.fullmatch(text)
            if name == "Id":
                values[name] = text
            elif number is not None and number[2] != "#":
                values[name], units[name] = float(number[1]), number[2]
            elif text.endswith("#"):
                values[name] = None
                faults[name] = f"{name} is marked as not valid (#)"
            else:
                return Rejected("value", f"{name}: {text[:24]!r} is not a number with a unit letter")
        return Decoded(message, {**values, "units": units}, faults)

    def _sentence(self, line: bytes) -> Decoded | Rejected | Ignored:
        found = _SENTENCE.match(line)
        if found is None:
            return Rejected("no checksum", "an NMEA sentence without its checksum")
        if xor_of(found[1]) != int(found[2], 16):
            return Rejected("checksum", "the checksum does not fit the sentence")
        head, *parts = found[1].decode("ascii").split(",")
        if head != "WIXDR":
            return Ignored(f"sentence {head[:8]}", {})
        if not parts or len(parts) % 4:
            return Rejected("layout", f"{len(parts)} fields of XDR are not groups of four")
        return self._transducers([parts[i : i + 4] for i in range(0, len(parts), 4)])

    def _transducers(self, groups: list[list[str]]) -> Decoded | Rejected:
        values: dict[str, Any] = {"xdr": []}
        units: dict[str, str] = {}
        faults: dict[str, str] = {}
        for kind, text, unit, number in groups:
            value: float | str | None
            try:
                value = to_float(text)
            except ValueError:
                if kind != "G":  # a generic transducer may say a word
                    return Rejected("value", f"transducer {kind}{number[:8]}: {text[:24]!r} is not a number")
                value = text
            if unit == "#":
                value = None
            values["xdr"].append([kind, value, unit, number])
            name = _WIND.get((kind, int(number) - self._base)) if number.isdecimal() and len(number) < 4 else None
            if name is not None:
                values[name], units[name] = value, unit
            if unit == "#" or (name is not None and value is None):
                faults[name or f"{kind}{number}"] = f"{name or f'transducer {kind}{number}'} is not available"
        return Decoded("XDR", {**values, "units": units}, faults)
