"""Sessions that were ended by logging out: a copy of their cookie opens nothing any more, also after a restart.

A session's cookie holds everything and the centre keeps nothing of it; so what must be kept is which sessions are over, until their
cookie would have run out by itself. Bounded; the file is replaced as a whole.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path

from collector.api.users import write_private

MOST = 10_000


class EndedSessions:
    """``lasts_s``: how long a cookie is valid. A file that cannot be read or written costs the memory of a restart, nothing else."""

    def __init__(self, path: Path, lasts_s: float, clock: Callable[[], float] = time.time) -> None:
        self._path, self._lasts_s, self._clock = path, lasts_s, clock
        self._until: dict[str, float] = {}
        with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
            found = json.loads(path.read_text(encoding="utf-8"))
            self._until = {str(name): float(until) for name, until in found.items()}

    def end(self, session: str) -> None:
        """This session is over."""
        now = self._clock()
        self._until = {name: until for name, until in self._until.items() if until > now}
        self._until[session] = now + self._lasts_s
        while len(self._until) > MOST:
            del self._until[next(iter(self._until))]
        with contextlib.suppress(OSError):
            write_private(self._path, json.dumps(self._until).encode())

    def __contains__(self, session: object) -> bool:
        return session in self._until
