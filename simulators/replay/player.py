"""Playing recorded files on the world's clock: one file for each averaging window, rows exactly on the sampling grid.

The first file begins with the first whole window after the start that finds its readers there (``ready``); row i is the sample i / rate
seconds into the window. A file shorter than its window leaves the rest of the window without valid data, one that is longer is
refused. After the last file the world's own turbulence returns, or the files begin again (``loop``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from simulators.errors import ReplayError
from simulators.instruments.feed import Gas, Wind
from simulators.replay.files import Recorded
from simulators.world.noise import Array

Told = Callable[[float, Recorded], None]


class Player:
    """A `simulators.instruments.feed.Recording`."""

    def __init__(
        self,
        recordings: Sequence[Recorded],
        *,
        window_ms: int,
        rates_hz: Sequence[float],
        now_ms: float,
        loop: bool = False,
        ready: Callable[[], bool] = lambda: True,
        told: Told = lambda start_ms, recorded: None,
    ) -> None:
        """``rates_hz``: of the instruments it will feed; ``told`` hears the start of each window and what plays in it."""
        for recorded in recordings:
            for rate in rates_hz:
                _check(recorded, rate, window_ms)
        self._recordings = list(recordings)
        self._window_ms = window_ms
        self._loop = loop
        self._ready = ready
        self._told = told
        self._next = 0
        self._decided = int(now_ms // window_ms)
        self._playing: dict[int, Recorded] = {}

    def span(self, first: int, count: int, rate_hz: float) -> Iterator[tuple[int, int, bool]]:
        """Pieces that lie in one window each, with whether a file plays in it."""
        per_window = round(self._window_ms / 1000.0 * rate_hz)
        end = first + count
        while first < end:
            number = first // per_window
            stop = min(end, (number + 1) * per_window)
            yield first, stop - first, self._in(number) is not None
            first = stop

    def wind(self, first: int, count: int, rate_hz: float) -> Wind:
        """Rows of the sonic for a piece of `span`."""
        recorded, row = self._row(first, rate_hz)
        return Wind(*(_cut(column, row, count) for column in (recorded.wind.u, recorded.wind.v, recorded.wind.w, recorded.wind.ts)))

    def gas(self, first: int, count: int, rate_hz: float) -> Gas:
        """Rows of the analyser for a piece of `span`."""
        recorded, row = self._row(first, rate_hz)
        gas = recorded.gas
        return Gas(*(_cut(column, row, count) for column in (gas.co2, gas.h2o, gas.temperature, gas.pressure)))

    def mean_air(self, t_ms: float) -> dict[str, float]:
        """The recording's own air while it plays (only of windows that sonic or analyser have begun)."""
        recorded = self._playing.get(int(t_ms // self._window_ms))
        return recorded.mean_air if recorded is not None else {}

    def _row(self, first: int, rate_hz: float) -> tuple[Recorded, int]:
        per_window = round(self._window_ms / 1000.0 * rate_hz)
        recorded = self._in(first // per_window)
        assert recorded is not None
        return recorded, first % per_window

    def _in(self, number: int) -> Recorded | None:
        """What plays in a window; decided once, when the first sample of it is asked for."""
        while self._decided < number:
            self._decided += 1
            if self._next < len(self._recordings) and self._decided == number and self._ready():
                recorded = self._recordings[self._next]
                self._playing[number] = recorded
                self._next += 1
                if self._loop:
                    self._next %= len(self._recordings)
                self._told(float(number * self._window_ms), recorded)
                for old in [n for n in self._playing if n < number - 2]:
                    del self._playing[old]
        return self._playing.get(number)


def _check(recorded: Recorded, rate_hz: float, window_ms: int) -> None:
    if recorded.rate_hz is not None and abs(recorded.rate_hz - rate_hz) > 1e-6:
        raise ReplayError(
            f"{recorded.name} was recorded at {recorded.rate_hz:g} Hz, the station's instruments run at {rate_hz:g} Hz; "
            "play it through a station with that rate"
        )
    whole = window_ms / 1000.0 * rate_hz
    if recorded.rows > whole * 1.001 + 1:
        raise ReplayError(
            f"{recorded.name} has {recorded.rows} rows, an averaging window of {window_ms / 60_000:g} min at {rate_hz:g} Hz "
            f"has {whole:.0f}; cut the file or change the station's averaging or rate"
        )


def _cut(column: Array, row: int, count: int) -> Array:
    piece = column[row : row + count]
    if len(piece) == count:
        return piece.copy()
    return np.concatenate([piece, np.full(count - len(piece), np.nan)])
