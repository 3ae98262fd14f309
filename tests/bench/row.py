"""One line of the performance table: what was measured, against what, and how."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """``at_most``: the target is an upper bound (else a lower one); no target: for information."""

    what: str
    measured: float
    unit: str
    how: str
    target: float | None = None
    at_most: bool = True

    @property
    def reached(self) -> bool | None:
        if self.target is None:
            return None
        return self.measured <= self.target if self.at_most else self.measured >= self.target
