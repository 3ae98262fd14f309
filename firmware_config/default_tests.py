"""Which tests a series is held to: those of its station file, and for the rest those of every station (``default_tests.yaml``).

A spike is a digit that changed on a line without checksum, a flat line an instrument that repeats its last value: both are possible
numbers, and only the row of values tells.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files

import yaml

from firmware_config.quantities import split_series
from firmware_config.station import FlatLineTest, Model, Platform, QualityRule, Station, StepTest


class DefaultTests(Model):
    """The tests of one quantity."""

    spike: StepTest | None = None
    flat_line: FlatLineTest | None = None
    platforms: tuple[Platform, ...] = ("buoy", "fixed", "vessel")


@cache
def default_tests() -> dict[str, DefaultTests]:
    """Quantity → its tests."""
    text = files("firmware_config").joinpath("default_tests.yaml").read_text(encoding="utf-8")
    return {quantity: DefaultTests.model_validate(tests) for quantity, tests in yaml.safe_load(text).items()}


def rule_of(station: Station, series: str) -> QualityRule | None:
    """The rule of a series: its own of the station file, else that of every place of the quantity, with the default tests where it has
    none; None: the plausible range alone."""
    quantity = split_series(series).quantity
    own = _first(station.quality, series) or _first(station.quality, f"{quantity}@*")
    tests = default_tests().get(quantity)
    if tests is None or station.platform not in tests.platforms:
        return own
    rule = own or QualityRule(series=series)
    return rule.model_copy(update={name: getattr(rule, name) or getattr(tests, name) for name in ("spike", "flat_line")})


def _first(rules: Iterable[QualityRule], series: str) -> QualityRule | None:
    return next((rule for rule in rules if rule.series == series), None)
