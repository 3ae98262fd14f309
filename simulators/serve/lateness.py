"""How far a TCP reader on this machine is behind: what the kernel keeps for him, as time.

Linux says in /proc/net/tcp how much each socket has not read; elsewhere only our own send buffer is known. Bytes become seconds through
the flow of the last second.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

TABLE = Path("/proc/net/tcp")
LOOK_EVERY_S = 0.05
FLOW_OVER_S = 1.0
NOTHING_BYTES = 8192
"""less than this is on its way, not behind"""
STOPPED_AFTER_S = 3.0


def unread_by_peers(port: int, table: Path = TABLE) -> Mapping[int, int]:
    """Peer's port → bytes waiting unread in the kernel for connections of this machine to our ``port`` on 127.0.0.1."""
    if not sys.platform.startswith("linux"):
        return {}
    ours = f"0100007F:{port:04X}"
    out = {}
    try:
        for line in table.read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if len(fields) > 4 and fields[2] == ours:
                out[int(fields[1].partition(":")[2], 16)] = int(fields[4].partition(":")[2], 16)
    except (OSError, ValueError):
        return {}
    return out


class LatenessGauge:
    """Seconds from bytes; looks at most every `LOOK_EVERY_S`."""

    def __init__(self, real: Callable[[], float] = time.monotonic) -> None:
        self._real = real
        self._history: deque[tuple[float, int]] = deque()
        self._looked_at = float("-inf")
        self._taken = -1
        self._taken_at = float("-inf")
        self._late_s = 0.0

    def late_s(self, written: int, unread: Callable[[], int]) -> float:
        """``written``: bytes sent in all; ``unread``: how many of them are not yet taken."""
        now = self._real()
        if now - self._looked_at < LOOK_EVERY_S:
            return self._late_s
        self._looked_at = now
        self._history.append((now, written))
        while self._history[0][0] < now - FLOW_OVER_S:
            self._history.popleft()
        waiting = unread()
        if written - waiting != self._taken:
            self._taken, self._taken_at = written - waiting, now
        stopped = now - self._taken_at > STOPPED_AFTER_S
        began, before = self._history[0]
        flow = (written - before) / max(now - began, LOOK_EVERY_S)
        self._late_s = waiting / flow if waiting > NOTHING_BYTES and flow > 0 and not stopped else 0.0
        return self._late_s
