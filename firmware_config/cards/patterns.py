"""Patterns that a card gives: that they are patterns, and that no record can make them search for ever.

Python's search goes back over every way to divide a text among repeats: with an endless repeat inside another, as in ``(9+)+x``, their
number doubles with each character of a record that almost fits. Such patterns are refused; a possessive repeat, ``(?:9+)++x``, gives
nothing back and may stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any


def groups_of(pattern: str) -> list[str]:
    """The names of its groups. ValueError saying what is wrong with it."""
    try:
        names = list(re.compile(pattern).groupindex)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"{pattern!r}: not a pattern: {error}") from None
    if _endless_in_endless(_parser.parse(pattern), within=False):
        raise ValueError(f"{pattern!r}: an endless repeat within another can search for ever; write it without, or possessive (++)")
    return names


def _endless_in_endless(parsed: Iterable[tuple[Any, Any]], *, within: bool) -> bool:
    for operation, argument in parsed:
        endless = operation in (_constants.MAX_REPEAT, _constants.MIN_REPEAT) and argument[1] == _constants.MAXREPEAT
        if (endless and within) or any(_endless_in_endless(part, within=within or endless) for part in _parts(argument)):
            return True
    return False


def _parts(argument: Any) -> Iterable[Iterable[tuple[Any, Any]]]:
    """The patterns within an operation's argument."""
    if isinstance(argument, _parser.SubPattern):
        yield argument
    elif isinstance(argument, tuple | list):
        for one in argument:
            yield from _parts(one)
