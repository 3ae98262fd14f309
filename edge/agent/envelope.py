"""The two helpers of the sample-time fit: a line under points, and an instrument's own count of its samples. Pure."""

from __future__ import annotations

from collections import Counter


class SampleCounter:
    """Lost samples from an instrument's own counter, once it has shown a constant increment."""

    LEARN = 50

    def __init__(self) -> None:
        self._last: int | None = None
        self._seen: Counter[int] = Counter()
        self.increment: int | None = None

    def lost(self, value: int | None) -> int | None:
        """Samples missing before this one; None when the counter cannot tell (absent, reset, still learning)."""
        last, self._last = self._last, value
        if value is None or last is None:
            return None
        delta = value - last
        if self.increment is None:
            self._seen[delta] += 1
            if (total := self._seen.total()) >= self.LEARN:
                step = self._seen.most_common(1)[0][0]
                if step > 0 and sum(n for d, n in self._seen.items() if d > 0 and d % step == 0) >= 0.95 * total:
                    self.increment = step
                self._seen.clear()
            return None
        if delta <= 0 or delta % self.increment or delta > 10_000 * self.increment:
            return None
        return delta // self.increment - 1


class LowerEnvelope:
    """The line under points that can only lie above it; x is a count, y milliseconds less ``count * period``."""

    def __init__(self, horizon_count: float, max_slope: float) -> None:
        self._horizon = horizon_count
        self._max_slope = max_slope
        self._hull: list[tuple[float, float]] = []
        self.slope = 0.0
        self._x = 0.0
        self._y = 0.0

    def begin_again(self) -> None:
        """Forget all points but the line as it lies."""
        self._hull = [(self._x, self._y)]

    def add(self, x: float, y: float, slope_after: float) -> None:
        """Add a point to the right of all others and fit again; the slope stays 0 until ``slope_after`` is covered."""
        hull = self._hull
        while len(hull) > 1 and hull[-1][0] >= x:  # the count was set back
            hull.pop()
        while len(hull) > 1:
            (x1, y1), (x2, y2) = hull[-2], hull[-1]
            if (y2 - y1) * (x - x2) < (y - y2) * (x2 - x1):
                break
            hull.pop()
        hull.append((x, y))
        while len(hull) > 2 and hull[1][0] < x - self._horizon:
            del hull[0]
        self._fit(slope_after)

    def _fit(self, slope_after: float) -> None:
        hull = self._hull
        first, last = hull[0][0], hull[-1][0]
        if last - first < slope_after:
            self.slope = 0.0
            self._x, self._y = min(hull, key=lambda point: point[1])
            return
        middle = (first + last) / 2
        i = next(i for i in range(1, len(hull)) if hull[i][0] >= middle)
        (x1, y1), (x2, y2) = hull[i - 1], hull[i]
        self.slope = max(-self._max_slope, min(self._max_slope, (y2 - y1) / (x2 - x1)))
        self._x, self._y = min(hull, key=lambda point: point[1] - self.slope * point[0])

    def lower(self, x: float, y: float) -> None:
        """Move the line down (only down) to pass through a point that lies under it."""
        if y < self.at(x):
            self._x, self._y = x, y

    def at(self, x: float) -> float:
        return self._y + self.slope * (x - self._x)
