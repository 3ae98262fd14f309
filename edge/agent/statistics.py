"""Running statistics of a period, by how a quantity is averaged: arithmetic, circular, sum, last. Pure, one value at a time."""

from __future__ import annotations

import math
from typing import Protocol

from firmware_config.quantities import Averaging


class Accumulator(Protocol):
    """Takes values one at a time; ``count`` of them so far."""

    count: int

    def add(self, value: float) -> None: ...

    def result(self) -> dict[str, float]:
        """The period's value under ``""`` and its statistics under their names; empty without values."""
        ...


class Arithmetic:
    """Mean, sample standard deviation (n - 1), minimum, maximum (Welford 1962)."""

    __slots__ = ("_m2", "_max", "_mean", "_min", "count")

    def __init__(self) -> None:
        self.count = 0
        self._mean = self._m2 = 0.0
        self._min, self._max = math.inf, -math.inf

    def add(self, value: float) -> None:
        self.count += 1
        delta = value - self._mean
        self._mean += delta / self.count
        self._m2 += delta * (value - self._mean)
        self._min = min(self._min, value)
        self._max = max(self._max, value)

    def result(self) -> dict[str, float]:
        if not self.count:
            return {}
        found = {"": self._mean}
        if self.count > 1:
            found |= {"sd": math.sqrt(self._m2 / (self.count - 1)), "min": self._min, "max": self._max}
        return found


class Circular:
    """Mean direction in degrees of the unit vectors, and its standard deviation sqrt(-2 ln R) (Mardia and Jupp 2000, eq. 2.3.11)."""

    __slots__ = ("_cos", "_sin", "count")

    def __init__(self) -> None:
        self.count = 0
        self._sin = self._cos = 0.0

    def add(self, value: float) -> None:
        self.count += 1
        angle = math.radians(value)
        self._sin += math.sin(angle)
        self._cos += math.cos(angle)

    def result(self) -> dict[str, float]:
        length = math.hypot(self._sin, self._cos)
        if not self.count or length < 1e-9 * self.count:
            return {}  # no values, or directions that cancel: there is no mean direction
        found = {"": math.degrees(math.atan2(self._sin, self._cos)) % 360.0}
        if self.count > 1:
            found["sd"] = math.degrees(math.sqrt(max(0.0, -2.0 * math.log(min(1.0, length / self.count)))))
        return found


class Total:
    """The sum of the period (rain, counts)."""

    __slots__ = ("_total", "count")

    def __init__(self) -> None:
        self.count = 0
        self._total = 0.0

    def add(self, value: float) -> None:
        self.count += 1
        self._total += value

    def result(self) -> dict[str, float]:
        return {"": self._total} if self.count else {}


class Last:
    """The last value of the period (counters, states)."""

    __slots__ = ("_value", "count")

    def __init__(self) -> None:
        self.count = 0
        self._value = math.nan

    def add(self, value: float) -> None:
        self.count += 1
        self._value = value

    def result(self) -> dict[str, float]:
        return {"": self._value} if self.count else {}


KINDS: dict[Averaging, type[Arithmetic] | type[Circular] | type[Total] | type[Last]] = {
    "arithmetic": Arithmetic,
    "circular": Circular,
    "sum": Total,
    "last": Last,
}


def accumulator(averaging: Averaging) -> Accumulator:
    """An empty accumulator for this kind of averaging."""
    return KINDS[averaging]()
