"""Positions that are no longer new: a receiver, or a box before it, that repeats its last sentences.

The sentences are whole and possible, and only their time tells: the same kind of sentence with the same time, again and again. Then its
values are used for nothing, neither as position nor to judge the station's clock.
"""

from __future__ import annotations

import msgspec

from edge.instruments import Reading

STALE_FROM = 3
"""so many sentences of a kind with one time are more than a line that repeats itself once"""


class Fixes:
    """The receivers of a station."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], tuple[str, int]] = {}
        """(instrument, kind of sentence) → its last time, and how often it came"""

    def judged(self, instrument: str, reading: Reading) -> Reading:
        """The reading, with its values spoiled where its time stands still."""
        kind, time = reading.values.get("type"), reading.values.get("time")
        if not isinstance(kind, str) or not isinstance(time, str):
            return reading
        last, count = self._seen.get((instrument, kind), ("", 0))
        count = count + 1 if time == last else 1
        self._seen[instrument, kind] = time, count
        if count < STALE_FROM:
            return reading
        spoiled = {name: value for name, value in reading.quantities.items() if value is not None}
        return msgspec.structs.replace(
            reading,
            valid=False,
            reason=f"the receiver repeats {time}",
            quantities=dict.fromkeys(reading.quantities),
            spoiled={**reading.spoiled, **spoiled},
        )
