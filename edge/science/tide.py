"""Water level: the six-minute value of the tide services, and level from pressure.

Promises: the rule of NOAA's National Ocean Service (samples of 181 s centred on the tenth of an hour, outliers beyond three standard
deviations left out once, everything counted); a missing sample never enters. Not here: tidal prediction, surge, datums beyond a fixed
offset.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from edge.science.arrays import FloatArray, floats

SPAN_S = 181
"""181 one-second samples, from 90 s before to 90 s after the centre"""
REJECT_SD = 3.0
PASCAL_PER_BAR = 1e5


@dataclass(frozen=True)
class SixMinuteLevel:
    """Mean and sample standard deviation of the accepted samples, outliers left out, share of the expected samples that were accepted."""

    mean: float
    sd: float
    outliers: int
    used: int
    share: float


def six_minute_level(samples: ArrayLike, expected: int = SPAN_S) -> SixMinuteLevel:
    """The six-minute value from the samples of one 181-s span.

    Parameters: ``samples`` (n,), any unit (usually m); ``expected`` how many the span should have. NaN samples are left out. With no sample
    mean and sd are NaN; with one, sd is NaN. Samples further from the mean than three sample standard deviations (divisor N - 1) are left
    out once, then mean and standard deviation are taken again. Source: NOAA NOS CO-OPS Specifications for sensors and data processing (181
    one-second samples, 3 sigma).

    >>> six_minute_level([1.0] * 90 + [3.0] + [1.0] * 90).outliers
    1
    """
    x = floats(samples)
    x = x[np.isfinite(x)]
    outliers = 0
    if x.size > 2:
        kept = x[np.abs(x - x.mean()) <= REJECT_SD * x.std(ddof=1) + 1e-12]
        outliers = x.size - kept.size
        x = kept
    mean = float(x.mean()) if x.size else float("nan")
    sd = float(x.std(ddof=1)) if x.size > 1 else float("nan")
    return SixMinuteLevel(mean, sd, outliers, x.size, min(1.0, x.size / expected) if expected > 0 else 0.0)


def water_column_m(
    pressure_bar: ArrayLike, *, density_kg_m3: float, gravity_ms2: float, air_pressure_hpa: float | None = None
) -> FloatArray:
    """Height of the water above a pressure sensor, m.

    Parameters: ``pressure_bar`` any shape; mean density of the column; gravity of the place; ``air_pressure_hpa`` of the same time for an
    absolute sensor, None for a gauge sensor (vented, it measures against the air by itself). NaN gives NaN. h = (p - p_air) / (rho g),
    hydrostatic.

    >>> round(float(water_column_m(0.1, density_kg_m3=1000.0, gravity_ms2=10.0)), 9)
    1.0
    """
    air_pa = 0.0 if air_pressure_hpa is None else air_pressure_hpa * 100.0
    return np.asarray((floats(pressure_bar) * PASCAL_PER_BAR - air_pa) / (density_kg_m3 * gravity_ms2))


def level_above_datum_m(level_above_zero_m: ArrayLike, datum_above_zero_m: float) -> FloatArray:
    """A level above the station's zero as level above a datum that itself lies ``datum_above_zero_m`` above (negative: below) that zero, m.

    Parameters: any shape, m. NaN gives NaN.

    >>> float(level_above_datum_m(1.5, -1.25))
    2.75
    """
    return np.asarray(floats(level_above_zero_m) - datum_above_zero_m)
