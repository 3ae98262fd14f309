"""The part of a card about Modbus: which registers there are, which are read each time, what must be sent before."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, model_validator

from firmware_config.cards.base import STRICT, FieldName, Scalar, When
from firmware_config.units import DurationMs

RegisterType = Literal["u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64", "text"]
ByteOrder = Literal["ABCD", "CDAB", "BADC", "DCBA"]


class CardModel(BaseModel):
    model_config = STRICT


class Register(CardModel):
    """A value in the register map. ``address`` is the number on the wire, counted from 0; ``order`` as A = most significant byte."""

    field: FieldName
    function: Literal[3, 4] = 3
    address: int = Field(ge=0, le=65_535)
    type: RegisterType
    words: int | None = Field(None, ge=1, le=125)
    """length of a text in registers"""
    items: int | None = Field(None, ge=2, le=125)
    """so many values in a row, as a list"""
    order: ByteOrder = "ABCD"
    scale: float = 1.0
    unit: str = ""
    missing: list[int] = []
    """raw integers that mean: not available"""
    decimals: FieldName | None = None
    """field of the same answer that says how many decimals this integer has (-1: it counts tens)"""

    @property
    def size(self) -> int:
        """Registers this value takes."""
        sizes = {"u16": 1, "i16": 1, "u32": 2, "i32": 2, "f32": 2, "u64": 4, "i64": 4, "f64": 4}
        return (sizes.get(self.type) or self.words or 1) * (self.items or 1)

    @model_validator(mode="after")
    def _sensible(self) -> Register:
        if (self.type == "text") != (self.words is not None):
            raise ValueError("words is given for type text, and only there")
        if self.missing and self.type in {"f32", "f64", "text"}:
            raise ValueError("missing lists raw integers; a float says NaN by itself")
        if self.decimals is not None and (self.type in {"f32", "f64", "text"} or self.items is not None):
            raise ValueError("decimals is for a single whole number")
        if self.items is not None and self.type == "text":
            raise ValueError("items is for numbers; a text has words")
        return self


class Read(CardModel):
    """One request: so many registers from an address."""

    function: Literal[3, 4] = 3
    address: int = Field(ge=0, le=65_535)
    count: int = Field(ge=1, le=125)
    when: When = {}


class Command(CardModel):
    """A request that makes the device do something, sent as a read because the vendor made it one (``count`` may be 0)."""

    function: Literal[3, 4] = 3
    address: int = Field(ge=0, le=65_535)
    count: int = Field(ge=0, le=125)
    gives: dict[str, Scalar] = {}
    wait: DurationMs | None = None
    """real time after which readings are good"""


class Feed(CardModel):
    """A register that the station keeps at a number of its own: what the instrument counts with and does not measure. Only a register whose
    memory does not wear out; it is read back with every poll."""

    field: FieldName
    input: str
    """name of an entry under ``inputs`` of the station file"""
    min: float
    max: float
    apart: float = Field(gt=0)
    """a reading made with a number further from the station's than this is in doubt"""


class Blocks(CardModel):
    """Parameters that are laid out alike, each with its own quality, unit and the like: name → first register, and what lies where in one.

    A field of a block is named ``block.field``; an answer that holds one block alone is shown without the block's name.
    """

    at: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], Annotated[int, Field(ge=0, le=65_535)]] = Field(min_length=1)
    registers: list[Register] = Field(min_length=1)
    """addresses counted from the block's first register"""


def _holds(read: Read, register: Register) -> bool:
    end = register.address + register.size
    return read.address <= register.address and end <= read.address + read.count


class ModbusMap(CardModel):
    """Registers, what is read each time, what must be sent before (``prepare``) and what tells who the device is.

    ``same_registers``: functions 3 and 4 read the same ones. ``writes``: what another master may be seen writing (``haitan-edge decode``);
    nothing is written because of it.
    """

    unit: int = Field(ge=1, le=247)
    registers: list[Register] = []
    blocks: Blocks | None = None
    same_registers: bool = False
    writes: list[Register] = []
    poll: list[Read] = Field(min_length=1)
    commands: dict[str, Command] = {}
    prepare: list[str] = []
    identify: list[Read] = []
    feeds: list[Feed] = []

    @property
    def all_registers(self) -> list[Register]:
        """The registers, those of every block among them (``block.field``)."""
        found = list(self.registers)
        for name, address in self.blocks.at.items() if self.blocks else ():
            for register in self.blocks.registers if self.blocks else ():
                where = {"field": f"{name}.{register.field}", "address": address + register.address}
                found.append(register.model_copy(update=where))
        return found

    @model_validator(mode="after")
    def _something(self) -> ModbusMap:
        if not self.registers and self.blocks is None:
            raise ValueError("give registers, blocks or both")
        polled = {register.field for register in self.all_registers for read in self.poll if _holds(read, register)}
        if lacking := [feed.field for feed in self.feeds if feed.field not in polled]:
            raise ValueError(f"feeds: {', '.join(lacking)} is read back with no poll")
        if self.blocks is not None and any(register.decimals for register in self.blocks.registers):
            raise ValueError("decimals is for registers outside blocks")
        return self
