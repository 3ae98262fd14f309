"""Settings in the instrument that the station file has a word for: how they are read, what they should be, how they are written.

Only what the maker documents stands here. A setting without ``write`` or ``write_function`` is compared and reported, never changed.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field, model_validator

from firmware_config.cards.base import STRICT, FieldName, Scalar, When
from firmware_config.cards.patterns import groups_of

PLAIN_WANTS = frozenset({"rate", "every", "serial_number", "firmware", "unchanged"})


class Step(BaseModel):
    """One command of a change; ``expect``: pattern it is answered with, without which the change is given up."""

    model_config = STRICT
    send: str
    expect: str | None = None


class CardSetting(BaseModel):
    """One setting, read in one of six ways: asked (``ask`` and the group ``value`` of the pattern ``answer``), ``measured`` (at which rate
    or interval records come), told by the records (``field``), seen in them (``shows``, ``framed``), or read from a Modbus ``register``.

    What is both asked and measured is asked again when the measured rate is another one.
    """

    model_config = STRICT
    name: str
    zh: str
    """the name in Chinese"""
    unit: str = ""
    ask: str = ""
    """``{address}``, ``{output}`` (RS232 or ENet, by the kind of link) and the names of the card's options are filled in"""
    answer: str = ""
    measured: bool = False
    counts: str = ""
    """measured: only records that hold this field, where the instrument prints several kinds"""
    field: str = ""
    """a field of the records (or of the registers polled) that says it"""
    shows: str = ""
    """the setting is ``shown`` when records hold this field, ``not shown`` when many in a row did not"""
    framed: bool = False
    """the setting is ``sent`` when records can be found in the bytes, ``not sent`` when many bytes came and no record in them"""
    register_field: FieldName | None = Field(None, alias="register")
    """a field of the Modbus ``identify`` reads"""
    wanted: str
    """``rate`` (Hz), ``every`` (s), ``serial_number``, ``firmware``, ``options.<name>``, ``= text`` for what the card itself expects, or
    ``unchanged``: nobody says what it should be, but it should stay what it was when first read"""
    words: dict[str, Scalar] = {}
    """as the instrument says it → as the station file says it"""
    write: list[Step] = []
    """``{value}`` is filled in, in the instrument's word"""
    leave: str = ""
    """sent at the end whatever happened, so that no instrument is left in a mode that does not measure"""
    write_function: Literal[6, 16] | None = None
    """Modbus: the function that writes the register this was read from, in that register's own type and order"""
    when: When = {}

    @model_validator(mode="after")
    def _one_way(self) -> CardSetting:
        asked, told = bool(self.ask), [self.field, self.shows]
        ways = [asked, self.measured and not asked, *map(bool, told), self.framed, self.register_field is not None]
        if sum(ways) != 1 or asked != bool(self.answer):
            raise ValueError("read a setting in one way: ask with answer (and measured), measured, field, shows, framed, or register")
        for pattern in [self.answer, *(step.expect or "" for step in self.write)]:
            groups = groups_of(pattern)
            if self.ask and pattern is self.answer and "value" not in groups:
                raise ValueError("answer has no group named value")
        if not (self.wanted in PLAIN_WANTS or self.wanted.startswith(("options.", "= "))):
            raise ValueError(f"wanted {self.wanted!r}: {', '.join(sorted(PLAIN_WANTS))}, options.<name> or = text")
        if self.measured and self.wanted not in {"rate", "every"}:
            raise ValueError("what is measured is a rate or an interval: wanted is rate or every")
        if self.counts and not self.measured:
            raise ValueError("counts goes with measured")
        if self.wanted == "unchanged" and (self.write or self.write_function):
            raise ValueError("what should stay as it is cannot be written: nobody says what it should be")
        if self.write and self.write_function:
            raise ValueError("written with commands or with a Modbus function, not both")
        return self
