"""The checksum at the end of a line of text, as data: what is summed, how, and how the sum is printed."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, model_validator

from firmware_config.cards.base import STRICT

Sum = Literal["xor", "sum", "sum_negative", "crc16_modbus", "crc16_xmodem"]
BITS: dict[Sum, int] = {"xor": 8, "sum": 8, "sum_negative": 8, "crc16_modbus": 16, "crc16_xmodem": 16}


class LineSum(BaseModel):
    """The sum stands last in the line, behind ``mark``: in hex, two or four digits of either case, or in decimal (``base: 10``).

    Summed is what stands between ``start`` (else the beginning of the line) and ``mark``; these too with ``start_counts`` and
    ``mark_counts``.
    """

    model_config = STRICT
    kind: Sum
    """xor and sum (modulo 256) of the bytes; sum_negative: with the sum they make 0; crc16_modbus: 0x8005 reflected, start 0xFFFF;
    crc16_xmodem: 0x1021, start 0"""
    mark: str = ""
    start: str = ""
    """a record begins so; what stands before is noise"""
    mark_counts: bool = False
    start_counts: bool = False
    base: Literal[10, 16] = 16

    @model_validator(mode="after")
    def _can_be_told_apart(self) -> LineSum:
        if self.base == 10 and not self.mark:
            raise ValueError("a decimal sum needs a mark before it: nobody knows where its digits begin")
        if not (self.mark + self.start).isprintable() or not (self.mark + self.start).isascii():
            raise ValueError("mark and start are printed characters")
        return self
