"""Integrating day by day, so that a value is a function of time alone: ten-minute steps, each UTC day from its own spin-up."""

from __future__ import annotations

import numpy as np

from simulators.world.noise import Array

DAY_S = 86_400
STEP_S = 600
STEPS = DAY_S // STEP_S


def steps_of_day(day: int, spin_up_days: int) -> tuple[Array, slice]:
    """Times (UTC s) of the steps of a day behind its spin-up, and which of them are the day (both midnights included)."""
    start = float((day - spin_up_days) * DAY_S)
    return start + STEP_S * np.arange((spin_up_days + 1) * STEPS + 1, dtype=np.float64), slice(spin_up_days * STEPS, None)


def relax(gain: Array, loss: Array, first: float, step_s: float) -> Array:
    """Implicit Euler of dx/dt = gain - loss x from ``first``; the first value is kept as it is."""
    out = np.empty_like(gain)
    x = out[0] = first
    for i, (g, k) in enumerate(zip((step_s * gain[1:]).tolist(), (1.0 + step_s * loss[1:]).tolist(), strict=True), start=1):
        x = (x + g) / k
        out[i] = x
    return out
