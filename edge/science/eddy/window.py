"""One averaging period on its way through the chain: its series, the numbers found so far, and what each step did.

A `Window` is never changed in place: a step returns a new one. A number that cannot be had is NaN in ``values`` and its reason stands in
``reasons`` under the same name, so that nothing is missing without a word.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from edge.science.arrays import FloatArray, count_finite, dot, mean_of_present, sd_of_present

GasForm = Literal["density", "mole_fraction", "dry_mole_fraction"]
"""How the gas series are given: molar density (mol m-3), mole fraction of moist air, or of dry air (mol mol-1)."""

WIND = ("wind_u", "wind_v", "wind_w")
GASES = ("co2", "h2o")


@dataclass(frozen=True)
class Statistics:
    """Samples present, mean and population standard deviation of one series."""

    count: int
    mean: float
    sd: float

    @classmethod
    def of(cls, x: FloatArray) -> Statistics:
        mean = float(x.mean()) if x.size else math.nan
        if math.isfinite(mean):
            return cls(x.size, mean, math.sqrt(dot(y := x - mean, y) / x.size))
        return cls(count_finite(x), mean_of_present(x), sd_of_present(x))


@dataclass(frozen=True)
class Trace:
    """What one step did: the numbers it found and the statistics of every series it changed, before and after."""

    step: str
    found: Mapping[str, float]
    before: Mapping[str, Statistics] = field(default_factory=dict)
    after: Mapping[str, Statistics] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Window:
    """One averaging period.

    ``series``: name → (n,) samples on one grid of ``rate_hz``, NaN missing; names ``wind_u``, ``wind_v``, ``wind_w`` (m s-1),
    ``sonic_temperature`` (K), ``co2``, ``h2o`` (see ``gas_form``), ``cell_temperature`` (K), ``cell_pressure`` (Pa). ``expected``: how many
    samples a full period has. ``values``: numbers found so far, by name, SI unless the name says otherwise. ``tables``: results that are
    arrays (spectra, a footprint), by name: column name → (m,) values.
    """

    rate_hz: float
    expected: int
    series: Mapping[str, FloatArray]
    gas_form: GasForm = "density"
    values: Mapping[str, float] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, Mapping[str, FloatArray]] = field(default_factory=dict)
    trace: tuple[Trace, ...] = ()

    def value(self, name: str) -> float:
        """The number of that name, NaN when it was not found."""
        return self.values.get(name, math.nan)

    def share(self, name: str) -> float:
        """Share of the expected samples that are present in a series (0 when there is no such series)."""
        x = self.series.get(name)
        return 0.0 if x is None else min(1.0, count_finite(x) / self.expected)

    def found(self, values: Mapping[str, float] | None = None, reasons: Mapping[str, str] | None = None) -> Window:
        """This window with more numbers and reasons (an earlier reason stays: it is the cause)."""
        return replace(self, values={**self.values, **(values or {})}, reasons={**(reasons or {}), **self.reasons})

    def with_table(self, name: str, columns: Mapping[str, FloatArray]) -> Window:
        """This window with one more table."""
        return replace(self, tables={**self.tables, name: columns})

    def with_series(self, changed: Mapping[str, FloatArray]) -> Window:
        """This window with some series replaced."""
        return replace(self, series={**self.series, **changed})

    def without(self, names: Mapping[str, str]) -> Window:
        """This window without some series (name → reason)."""
        kept = {name: x for name, x in self.series.items() if name not in names}
        return replace(self, series=kept, reasons={**names, **self.reasons})


Step = Callable[[Window], Window]
"""One step of the chain, its parameters already bound (``functools.partial``)."""
Chain = Sequence[tuple[str, Step]]
"""Named steps in their order."""


def trace_of(name: str, before: Window, after: Window) -> Trace:
    """What changed between two states of a window."""
    changed = [s for s, x in before.series.items() if after.series.get(s) is not x]
    empty: FloatArray = np.empty(0)
    return Trace(
        step=name,
        found={k: v for k, v in after.values.items() if k not in before.values or before.values[k] is not v},
        before={s: Statistics.of(before.series[s]) for s in changed},
        after={s: Statistics.of(after.series.get(s, empty)) for s in changed},
        reasons={k: v for k, v in after.reasons.items() if k not in before.reasons},
    )
