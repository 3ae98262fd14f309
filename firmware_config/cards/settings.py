"""Settings in the instrument that the station file has a word for: how they are read, what they should be, how they are written.

Only what the maker documents stands here. A setting without ``write`` is compared and reported, never changed.
"""

from __future__ import annotations

import re

from pydantic import BaseModel, Field, model_validator

from firmware_config.cards.base import STRICT, FieldName, Scalar, When


class Step(BaseModel):
    """One command of a change; ``expect``: pattern it is answered with, without which the change is given up."""

    model_config = STRICT
    send: str
    expect: str | None = None


class CardSetting(BaseModel):
    """One setting. Read in one of three ways: ``ask`` and the group ``value`` of the pattern ``answer``; ``measured``, the rate at which
    records come; ``register``, a field of the Modbus ``identify`` reads."""

    model_config = STRICT
    name: str
    unit: str = ""
    ask: str = ""
    """``{address}`` and ``{output}`` (RS232 or ENet, by the kind of link) are filled in"""
    answer: str = ""
    measured: bool = False
    register_field: FieldName | None = Field(None, alias="register")
    wanted: str
    """``rate`` (Hz), ``every`` (s), ``serial_number``, ``options.<name>``, or ``= text`` for what the driver cannot do without"""
    words: dict[str, Scalar] = {}
    """as the instrument says it → as the station file says it"""
    write: list[Step] = []
    """``{value}`` is filled in, in the instrument's word"""
    leave: str = ""
    """sent at the end whatever happened, so that no instrument is left in a mode that does not measure"""
    when: When = {}

    @model_validator(mode="after")
    def _one_way(self) -> CardSetting:
        if bool(self.ask) + self.measured + (self.register_field is not None) != 1 or bool(self.ask) != bool(self.answer):
            raise ValueError("read a setting in one way: ask with answer, measured, or register")
        for pattern in [self.answer, *(step.expect or "" for step in self.write)]:
            try:
                groups = re.compile(pattern).groupindex
            except re.error as error:
                raise ValueError(f"{pattern!r}: not a pattern: {error}") from None
            if self.ask and pattern is self.answer and "value" not in groups:
                raise ValueError("answer has no group named value")
        if not (self.wanted in {"rate", "every", "serial_number"} or self.wanted.startswith(("options.", "= "))):
            raise ValueError(f"wanted {self.wanted!r}: rate, every, serial_number, options.<name> or = text")
        return self
