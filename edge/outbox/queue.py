"""Drafts in memory while the disk refuses: bounded, in order, and honest about what did not fit."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence

from edge.outbox.waiting import encode_draft
from firmware_config.errors import WireError
from firmware_config.records import Draft
from firmware_config.streams import DROP_ORDER

MOST_BYTES = 8_000_000
MOST_DRAFTS = 10_000


class MemoryQueue:
    """First in, first out. What overflows (the oldest draft of the stream that is given up first) is counted in ``lost``."""

    def __init__(self, most_bytes: int = MOST_BYTES, most_drafts: int = MOST_DRAFTS) -> None:
        self._drafts: deque[tuple[Draft, int]] = deque()
        self._bytes = 0
        self._most_bytes = most_bytes
        self._most_drafts = most_drafts
        self.lost: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._drafts)

    def put(self, drafts: Sequence[Draft]) -> None:
        for draft in drafts:
            try:
                size = len(encode_draft(draft))
            except WireError:
                self.lost[draft.stream] += 1
                continue
            self._drafts.append((draft, size))
            self._bytes += size
        while self._drafts and (self._bytes > self._most_bytes or len(self._drafts) > self._most_drafts):
            self._drop_one()

    def _drop_one(self) -> None:
        present = {draft.stream for draft, _ in self._drafts}
        victim = next((stream for stream in DROP_ORDER if stream in present), self._drafts[0][0].stream)
        index = next(i for i, (draft, _) in enumerate(self._drafts) if draft.stream == victim)
        self._bytes -= self._drafts[index][1]
        del self._drafts[index]
        self.lost[victim] += 1

    def head(self, count: int) -> list[Draft]:
        """The first drafts, which stay until `remove`."""
        return [draft for (draft, _), _ in zip(self._drafts, range(count), strict=False)]

    def remove(self, count: int) -> None:
        for _ in range(count):
            self._bytes -= self._drafts.popleft()[1]
