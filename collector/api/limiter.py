"""How often something may be tried: token buckets by name, bounded in number, on a clock that is handed in."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable


class Limiter:
    """``burst`` tries at once, then one each ``every_s`` seconds, per key. The longest unused keys are forgotten first."""

    def __init__(self, burst: int, every_s: float, *, keys: int = 10_000, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst, self._every_s, self._keys, self._clock = burst, every_s, keys, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, key: str) -> float:
        """0 and one try is taken, or how long to wait before the next one."""
        now = self._clock()
        tokens, at = self._buckets.pop(key, (float(self._burst), now))
        tokens = min(float(self._burst), tokens + (now - at) / self._every_s)
        allowed = tokens >= 1.0
        self._buckets[key] = (tokens - 1.0 if allowed else tokens, now)
        if len(self._buckets) > self._keys:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1.0 - tokens) * self._every_s

    def forget(self, key: str) -> None:
        """A success: the key has all its tries again."""
        self._buckets.pop(key, None)
