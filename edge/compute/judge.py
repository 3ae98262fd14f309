"""From numbers to an answer: rounding, flags, tests that did not pass, inputs named. No NumPy here.

The rule of the house: no value is flag 9; else any failed test 4, any suspect 3; good only where a test has run. A value outside the
plausible range of its quantity fails; it is reported all the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from edge.compute.messages import Answer, Input
from firmware_config.flags import Flag, roll_up
from firmware_config.quantities import registry
from firmware_config.records import significant

Tests = dict[str, Flag]


def plausible(name: str, value: float) -> Flag:
    """The gross-range test of a quantity against the registry; statistics (``quantity:sd``) are not tested."""
    quantity = registry().get(name)
    if quantity is None:
        return Flag.NOT_EVALUATED
    low, high = quantity.plausible
    return Flag.GOOD if low <= value <= high else Flag.FAIL


def build_answer(
    number: int,
    values: Mapping[str, float],
    *,
    tests: Mapping[str, Tests] | None = None,
    classes: Mapping[str, int] | None = None,
    share: Mapping[str, float] | None = None,
    inputs: Mapping[str, Input] | None = None,
    detail: Mapping[str, Any] | None = None,
) -> Answer:
    """An answer in which every value has its flag. ``values``: NaN means missing. ``tests``: beyond the plausible range, which is always
    run."""
    rounded: dict[str, float | int | str | bool | None] = {}
    flags: dict[str, int] = {}
    failed: dict[str, dict[str, int]] = {}
    for name, value in values.items():
        number_or_none = significant(value)
        rounded[name] = number_or_none
        of_this = dict((tests or {}).get(name, {}))
        if number_or_none is not None:
            of_this["plausible"] = plausible(name, value)
        flags[name] = int(roll_up(of_this, missing=number_or_none is None))
        bad = {test: int(flag) for test, flag in of_this.items() if flag in (Flag.SUSPECT, Flag.FAIL)}
        if bad and number_or_none is not None:
            failed[name] = bad
    return Answer(
        id=number,
        ok=True,
        values=rounded,
        flags=flags,
        tests=failed,
        classes=dict(classes or {}),
        share={name: round(s, 4) for name, s in (share or {}).items() if s < 1.0 and rounded.get(name) is not None},
        inputs={role: named(given) for role, given in (inputs or {}).items()},
        detail=dict(detail or {}),
    )


def named(given: Input) -> str:
    """An input in words: its source, value and uncertainty.

    >>> named(Input(1013.25, 0.5, "air_pressure@mast"))
    'air_pressure@mast = 1013.25 ± 0.5'
    """
    if given.value is None:
        return f"{given.source or 'none'} = missing"
    return f"{given.source or 'given'} = {given.value:.6g} ± {given.uncertainty:.3g}"


def number_of(given: Input | None) -> float:
    """The value of an input, NaN when there is none."""
    return math.nan if given is None or given.value is None else float(given.value)
