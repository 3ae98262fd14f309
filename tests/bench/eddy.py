"""What an eddy half-hour costs: 36,000 samples at 20 Hz of an open-path system through the whole chain, and each of its steps.

Medians of repeated runs in one process, one thread. How far the results lie from the reference is another question:
``python -m tests.edge.science.eddy.bench``.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

from tests.bench.row import Row
from tests.edge.science.eddy.bench import cost

REPEATS = 15
SAMPLES = 36_000


def rows() -> list[Row]:
    """The whole chain, then its steps from the dearest to the cheapest."""
    whole_ms, steps = cost(REPEATS)
    how = f"{SAMPLES:,} samples at 20 Hz, open path, samples in memory; median of {REPEATS} runs"
    found = [Row("eddy: whole chain", whole_ms, "ms/half-hour", how)]
    for name, step_ms in sorted(steps.items(), key=lambda step: -step[1]):
        found.append(Row(f"eddy: {name}", step_ms, "ms", f"this step of it; {100 * step_ms / sum(steps.values()):.0f} % of all steps"))
    return found
