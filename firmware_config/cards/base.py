"""What every part of a card's schema builds on."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

FieldName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)?$")]
Scalar = str | bool | int | float
When = dict[str, Scalar]
"""Option values under which an entry applies; empty = always."""
STRICT = ConfigDict(extra="forbid", frozen=True)
"""of every part of a card: unknown keys are refused"""
