"""The open averaging window of one eddy product: rows go to its live file, at its end it is packed and handed on.

Promises: a row is on the device at most a minute after it was measured; a kill costs no more; after a restart the open window goes on where
the live file ends, and older ones are closed with what they have. A window runs on the clock as it stood at its beginning and the next one
realigns; only a large step of the clock ends a window early. A full disk stops the raw archive, says so, and nothing else.
File work happens in threads, in order.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from edge.agent.highrate import HighRate, RowText, settle_ms
from edge.agent.recorder import Recorder
from edge.agent.timebase import ClockChange, StationTime
from edge.archive.layout import Header, Note
from edge.archive.live import LiveFile, Recovered, recover
from edge.archive.metadata import describe
from edge.archive.names import window_name
from edge.archive.pack import pack
from edge.archive.store import RawStore
from edge.errors import ArchiveError
from firmware_config.base import log
from firmware_config.check import LoadedStation

logger = log.get(__name__)
T = TypeVar("T")

DURABLE_MS = 60_000.0
LOOK_REAL_S = 0.25
IO_REAL_S = 0.03
"""real time between reading the clock and taking rows, in which what has arrived by then is read"""
BIG_STEP_MS = 60_000.0
MOST_WAITING_ROWS = 40_000
"""rows kept in memory while the disk is full; beyond them the oldest are lost and counted"""


@dataclass
class Window:
    """The open window. ``rows`` wait for the next block; ``since_ms`` is the time of the oldest."""

    header: Header
    first_slot: int
    live: LiveFile | None = None
    rows: list[str] = field(default_factory=list)
    since_ms: float = math.inf


class Windows:
    """One eddy product's windows. ``closed`` is called with each packed file; ``empty`` with each window that had no sample; ``learnt``
    says what a window that opens now is computed with.

    ``archive`` and ``packer`` are threads: packing takes long, and blocks of the next window must not wait for it.
    """

    def __init__(
        self,
        loaded: LoadedStation,
        highrate: HighRate,
        *,
        store: RawStore,
        archive: Executor,
        packer: Executor,
        time: StationTime,
        recorder: Recorder,
        boot_id: str,
        simulated: bool,
        inputs: Callable[[float, float, float], dict[str, tuple[float, float, str]]],
        learnt: Callable[[], Mapping[str, Any]],
        closed: Callable[[Path], None],
        empty: Callable[[Header], None],
    ) -> None:
        self._loaded = loaded
        self._highrate = highrate
        self._store = store
        self._archive = archive
        self._packer = packer
        self._packing: set[asyncio.Task[None]] = set()
        self._time = time
        self._recorder = recorder
        self._boot_id = boot_id
        self._simulated = simulated
        self._inputs = inputs
        self._learnt = learnt
        self._closed = closed
        self._empty = empty
        self._window: Window | None = None
        self._lock = asyncio.Lock()
        self._restart = False
        self.stopped = ""
        """why the raw archive is not written now"""
        self._lost_rows = 0
        self.place = highrate.product.place
        self.duration_ms = highrate.product.averaging
        self.slots = math.ceil(self.duration_ms * highrate.rate_hz / 1000)

    async def _in_archive(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._archive, work)

    # --- beginning and end

    async def start(self) -> None:
        """Find what an earlier run left, close what is over, and begin or continue the present window."""
        await self._in_archive(self._store.sweep)
        now_ms = self._time.now_ms()
        header = self._header(now_ms)
        found: tuple[Path, Recovered] | None = None
        for path in await self._in_archive(self._store.left_live):
            try:
                left = await self._in_archive(partial(recover, path))
            except (ArchiveError, OSError) as error:
                await self._in_archive(partial(self._store.set_aside, path))
                self._recorder.event("raw_damaged", place=self.place, problem=str(error))
                continue
            if self._continues(left.header, header):
                found = path, left
            else:
                self._pack_soon(path)
        for path in await self._in_archive(self._store.left_pending):
            self._closed(path)
        self._begin(header, found[1].last_slot + 1 if found else 0)
        if found is not None:
            await self._resume(*found)

    def _continues(self, left: Header, present: Header) -> bool:
        same = ("start_ms", "duration_ms", "rate_hz", "layout", "config_hash")
        return not left.boot_id and not present.boot_id and all(getattr(left, name) == getattr(present, name) for name in same)

    async def _resume(self, path: Path, left: Recovered) -> None:
        assert self._window is not None
        try:
            self._window.live = await self._in_archive(partial(LiveFile.resume, path, left))
        except OSError as error:
            self._stop_writing(error)
            return
        self._window.header = left.header
        rows = sum(map(len, left.blocks)) + len(left.tail)
        self._recorder.event("raw_rebuilt", place=self.place, name=left.header.name, rows=rows)
        logger.info("window continued", name=left.header.name, rows=rows)

    def _header(self, at_ms: float) -> Header:
        """The header of the window that a monotonic time falls in."""
        unset = self._time.quality == "unset"
        start_ms = math.floor(self._time.utc_ms(at_ms) / self.duration_ms) * self.duration_ms
        boot_id = self._boot_id if unset else ""
        station = self._loaded.station
        return Header(
            station=station.id,
            place=self.place,
            name=window_name(station.id, start_ms, boot_id),
            start_ms=start_ms,
            duration_ms=self.duration_ms,
            rate_hz=self._highrate.rate_hz,
            slots=self.slots,
            layout=self._highrate.layout,
            config_hash=self._loaded.config_hash,
            boot_id=boot_id,
            simulated=self._simulated,
            about=describe(station, self._highrate.product, self._learnt()),
        )

    def _begin(self, header: Header, first_slot: int = 0) -> None:
        self._highrate.begin(header.start_ms - self._time.offset_ms, first_slot)
        self._window = Window(header, 0)

    def clock_changed(self, change: ClockChange) -> None:
        """The clock stepped or changed: a large step, or having a time for the first time, ends the window early."""
        if abs(change.step_ms) >= BIG_STEP_MS or "unset" in (change.before, change.after):
            self._restart = True

    async def stop(self) -> None:
        """Make all that was measured durable; the window stays open on disk."""
        async with self._lock:
            if self._window is not None:
                rows, _ = self._highrate.rows(math.inf)
                await self._add(rows, finishing=True)
                await self._flush(self._window)
                if self._window.live is not None:
                    await self._in_archive(self._window.live.close)
                self._window = None
        await asyncio.gather(*self._packing)

    # --- running

    async def run(self) -> None:
        """Begin or continue the present window; take rows, write blocks, close windows, for ever."""
        if self._window is None:
            await self.start()
        while True:
            await asyncio.sleep(LOOK_REAL_S)
            now_ms = self._time.now_ms()
            await asyncio.sleep(IO_REAL_S)
            async with self._lock:
                await self._step(now_ms)

    async def _step(self, now_ms: float) -> None:
        if self._window is None:
            return
        if self._restart:
            self._restart = False
            await self._end_early(now_ms)
            return
        speed = self._time.speed
        settled_ms = now_ms - settle_ms(speed)
        while True:  # not beyond the window's end in one go: the next one may be aligned anew
            window = self._window
            until_ms = min(settled_ms, self._end_ms(window) + 3 * self._highrate.period_ms)
            rows, following = self._highrate.rows(until_ms, settled_ms)
            await self._add(rows, finishing=False)
            await self._close_until(following)
            if until_ms >= settled_ms or self._window is window:
                break  # all that is settled is taken, or the window's last samples are still held back
        window = self._window
        allowance_ms = DURABLE_MS - 2_000.0 - 2e3 * LOOK_REAL_S * speed
        if window.rows and now_ms - window.since_ms >= max(allowance_ms, settle_ms(speed) + 1_000.0):
            await self._flush(window)

    def _end_ms(self, window: Window) -> float:
        """Monotonic end of a window."""
        aligner = self._highrate.aligner
        return aligner.origin_ms + (window.first_slot + self.slots) * aligner.period_ms

    async def _add(self, rows: list[RowText], *, finishing: bool) -> None:
        """Put rows into their windows, closing each that is complete."""
        assert self._window is not None
        layout = self._highrate.layout
        for row in rows:
            while row.slot >= self._window.first_slot + self.slots:
                if finishing or await self._next_window():
                    return
            slot = row.slot - self._window.first_slot
            if slot < 0:
                continue
            if not self._window.rows:
                aligner = self._highrate.aligner
                self._window.since_ms = aligner.origin_ms + row.slot * aligner.period_ms
            self._window.rows.append(layout.row(slot, row.sonic, row.gas))

    async def _close_until(self, following: int) -> None:
        while self._window is not None and following >= self._window.first_slot + self.slots:
            await self._next_window()

    async def _next_window(self) -> bool:
        """Close the window that is complete and begin the one after it, aligned to UTC as it stands now.

        True when the grid moved by more than a slot: rows placed on the old one do not belong to the new window.
        """
        window = self._window
        assert window is not None
        await self._close(window)
        first_slot = window.first_slot + self.slots
        aligner = self._highrate.aligner
        at_ms = self._end_ms(window)
        header = self._header(at_ms + self.duration_ms / 2)
        drift_ms = header.start_ms - self._time.offset_ms - at_ms
        if abs(drift_ms) >= BIG_STEP_MS:
            self._restart = True
            drift_ms = 0.0
        aligner.shift(drift_ms)
        self._window = Window(header, first_slot)
        return abs(drift_ms) > aligner.period_ms

    async def _end_early(self, now_ms: float) -> None:
        rows, _ = self._highrate.rows(math.inf)
        await self._add(rows, finishing=True)
        assert self._window is not None
        await self._close(self._window)
        self._begin(self._header(now_ms))

    # --- files

    async def _close(self, window: Window) -> None:
        """The window is over: its last block, its ``.ghg``, and on to whoever computes."""
        await self._flush(window)
        if window.live is None:
            if not self.stopped:
                self._empty(window.header)
            self._lost_rows += len(window.rows)
            return
        self._lost_rows += len(window.rows)
        await self._in_archive(window.live.close)
        self._pack_soon(window.live.path)

    def _pack_soon(self, path: Path) -> None:
        task = asyncio.create_task(self._pack(path), name=f"pack {path.stem}")
        self._packing.add(task)
        task.add_done_callback(self._packing.discard)

    async def _pack(self, path: Path) -> None:
        """Live file to ``.ghg``; on failure (disk full, say) the live file stays and is packed at the next start."""
        target = self._store.pending_path(path.stem)

        def work() -> None:
            if not target.exists():
                pack(path, target)
            path.unlink()

        try:
            await asyncio.get_running_loop().run_in_executor(self._packer, work)
        except (OSError, ArchiveError) as error:
            logger.error("raw window cannot be packed; its live file stays", path=str(path), error=str(error))
            self._stop_writing(error)
            return
        except Exception as error:  # a fault of this window alone: neither the others nor a start may fall with it
            logger.exception("raw window cannot be packed; its live file stays", path=str(path))
            self._recorder.event("raw_not_packed", place=self.place, name=path.name, problem=repr(error))
            return
        self._closed(target)

    async def _flush(self, window: Window) -> None:
        """Write what waits as one block; while the disk refuses, keep it (bounded) and try again."""
        if not window.rows:
            return
        rows, window.rows = window.rows, []
        since_ms, window.since_ms = window.since_ms, math.inf
        now_ms = self._time.now_ms()
        start, end = self._time.utc_ms(since_ms), self._time.utc_ms(min(now_ms, self._end_ms(window)))
        note = Note(clock=self._time.quality_over(since_ms, now_ms), inputs=self._inputs(start, end, now_ms))
        try:
            await self._in_archive(partial(self._write, window, "".join(rows), note))
        except OSError as error:
            window.rows = rows + window.rows
            window.since_ms = now_ms  # tried again a minute later
            surplus = len(window.rows) - MOST_WAITING_ROWS
            if surplus > 0:
                del window.rows[:surplus]
                self._lost_rows += surplus
            self._stop_writing(error)
            return
        if self.stopped:
            self._recorder.event("raw_resumed", place=self.place, lost_rows=self._lost_rows)
            self.stopped, self._lost_rows = "", 0

    def _write(self, window: Window, rows: str, note: Note) -> None:
        if self._store.room_bytes() < len(rows):
            raise OSError("the disk is nearly full; its last part is kept for records")
        if window.live is None:
            window.header.name = self._store.free_name(window.header.name)
            window.live = LiveFile.create(self._store.live_path(window.header.name), window.header)
        window.live.append(rows, note)

    def _stop_writing(self, error: Exception) -> None:
        if not self.stopped:
            self.stopped = str(error)
            logger.error("raw archive stopped", place=self.place, error=str(error))
            self._recorder.event("raw_stopped", place=self.place, reason=str(error))

    def summary(self) -> dict[str, Any]:
        """For the health record."""
        window = self._window
        return {
            "window": window.header.name if window is not None else "",
            "waiting_rows": len(window.rows) if window is not None else 0,
            "stopped": self.stopped,
            **self._highrate.counts(),
        }
