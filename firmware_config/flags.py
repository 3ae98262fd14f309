"""Quality flags: QARTOD values, how single tests roll up into one, and which values may enter a mean.

Source: IOOS QARTOD Data Flags manual (2014, updated 2020) for the five values. The roll-up order is this project's own:
missing first, then any fail, any suspect; *good* only if every required test passed, so that "not evaluated" never hides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum


class Flag(IntEnum):
    """QARTOD primary flag of one value."""

    GOOD = 1
    NOT_EVALUATED = 2
    SUSPECT = 3
    FAIL = 4
    MISSING = 9


USABLE = frozenset({Flag.GOOD, Flag.NOT_EVALUATED})
"""Flags whose values may enter a mean, a rollup or a flux."""


def roll_up(tests: Mapping[str, int], *, missing: bool = False, required: Iterable[str] = ()) -> Flag:
    """One flag for a value from the flags of its single tests.

    Parameters: ``tests`` maps test name to flag; ``missing`` is True when there is no value; ``required`` names the tests
    that must have passed before a value may be called good (a required test absent from ``tests`` counts as not run).
    Returns ``MISSING`` if there is no value, else the worst of fail and suspect, else ``GOOD`` when at least one test ran and
    every required one passed, else ``NOT_EVALUATED``.

    >>> roll_up({"gross_range": 1, "spike": 3})
    <Flag.SUSPECT: 3>
    >>> roll_up({"gross_range": 1}, required=("gross_range", "spike"))
    <Flag.NOT_EVALUATED: 2>
    """
    if missing:
        return Flag.MISSING
    found = set(tests.values())
    if Flag.FAIL in found:
        return Flag.FAIL
    if Flag.SUSPECT in found:
        return Flag.SUSPECT
    if Flag.GOOD in found and all(tests.get(name) == Flag.GOOD for name in required):
        return Flag.GOOD
    return Flag.NOT_EVALUATED
