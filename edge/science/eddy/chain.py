"""The chain: a list of named steps, walked from the first to the last, each writing down what it did.

`flux_chain` makes the list for one window from its `Setup`, the chosen `Methods` and what was `Learnt`; the two modes share most steps and
part where EddyPro errs (see `correct` and `compatible`). Another method is another entry of the list.
`run` never raises for bad data: a step that cannot do its work leaves its numbers out with the reason, and the rest goes on.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edge.science.eddy import correct
from edge.science.eddy.compatible import chain as compatible
from edge.science.eddy.setup import Learnt, Methods, Setup
from edge.science.eddy.window import Chain, Window, trace_of


def flux_chain(setup: Setup, methods: Methods | None = None, learnt: Learnt | None = None) -> Chain:
    """The steps for one window."""
    chosen, known = methods or Methods(), learnt or Learnt()
    make = correct.steps if chosen.mode == "correct" else compatible.steps
    return make(setup, chosen, known)


def run(window: Window, chain: Chain) -> Window:
    """Walk the chain; the result carries one `window.Trace` per step."""
    with np.errstate(all="ignore"):
        for name, step in chain:
            try:
                after = step(window)
            except (ArithmeticError, LookupError, ValueError, TypeError) as error:
                return _abandoned(window, name, error)
            window = replace(after, trace=(*window.trace, trace_of(name, window, after)))
    return window


def _abandoned(window: Window, name: str, error: Exception) -> Window:
    """A window whose step failed keeps no number: one found before the failure would look good without its class."""
    return replace(window, values={}, reasons={**window.reasons, "chain": f"step {name} failed: {type(error).__name__}: {error}"})
