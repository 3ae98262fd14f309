"""The part of a card about records of bytes: how one is found and checked, and what lies where in it."""

from __future__ import annotations

import struct
from typing import Literal

from pydantic import BaseModel, Field, model_validator

from firmware_config.cards.base import STRICT, FieldName, Scalar

BinaryFrame = Literal["gill", "csat3", "mip", "microstrain_legacy", "vectornav"]
BinaryType = Literal["u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64"]

FORMATS = {"u8": "B", "i8": "b", "u16": "H", "i16": "h", "u32": "I", "i32": "i", "u64": "Q", "i64": "q", "f32": "f", "f64": "d"}
"""of `struct`"""


class CardModel(BaseModel):
    model_config = STRICT


class Part(CardModel):
    """What a code of the record announces: a whole record, a field of a packet, or what a bit stands for. ``items`` follow each other."""

    code: int = Field(ge=0, le=0xFFFF)
    name: str
    items: list[Item] = []
    constants: dict[str, Scalar] = {}


class Item(CardModel):
    """One value of a part, or ``count`` of them as a list; without ``field`` these bytes are passed over.

    ``at``: a byte of the part already taken, to give it a second field (a timer also in seconds); such an item moves nothing on.
    """

    field: FieldName | None = None
    type: BinaryType
    count: int | None = Field(None, ge=1, le=64)
    scale: float = 1.0
    unit: str = ""
    at: int | None = Field(None, ge=0, le=255)
    optional: bool = False
    """a shorter part may end before it"""

    @model_validator(mode="after")
    def _again_is_one_value(self) -> Item:
        if self.at is not None and (self.field is None or self.count is not None):
            raise ValueError("at gives bytes a second field: one value with a field")
        return self


class BinaryFormat(CardModel):
    """Records of bytes. ``frame`` says how a record is found and checked, and how its parts are announced."""

    frame: BinaryFrame
    order: Literal["big", "little"]
    max_bytes: int = Field(512, ge=16, le=8192)
    parts: list[Part] = []
    address_field: None = None
    default_address: str = ""
    only_address: bool = False
    request: str = ""
    """as of text: what to send for one record when option ``mode`` is ``polled``"""
    ask: dict[str, str] = {}

    @model_validator(mode="after")
    def _parts_of_the_frame(self) -> BinaryFormat:
        codes = [part.code for part in self.parts]
        highest = {"gill": 0xFF, "microstrain_legacy": 0xFF, "mip": 0xFFFF, "vectornav": 14, "csat3": -1}[self.frame]
        if bool(codes) != (self.frame != "csat3"):
            raise ValueError("every frame but csat3, which is laid out once and for all, needs parts")
        if len(set(codes)) < len(codes) or max(codes, default=-1) > highest:
            raise ValueError(f"codes of {self.frame} are different from each other and not above {highest}")
        for part in self.parts:
            whole = sum(item_bytes(item) for item in part.items if item.at is None and not item.optional)
            if any(item.at is not None and item.at + item_bytes(item) > whole for item in part.items):
                raise ValueError(f"part {part.name}: at lies beyond what the part always has")
        if self.frame == "gill" and len(codes) != 1:
            raise ValueError("frame gill takes one part")
        return self


def item_bytes(item: Item) -> int:
    """Bytes an item takes."""
    return struct.calcsize("<" + FORMATS[item.type]) * (item.count or 1)
