"""The sink as a part of the centre: a thread that walks over committed rows and hands them on, at its own pace.

The cursor is the id of the last row handed on; it lies in the store itself and moves only after the database has said 204, so a row
may be written twice (which changes nothing there) and never not at all. A batch that is refused is halved until single bad lines are
left; those are kept with their reason and the rest goes on. Anything else that goes wrong is tried again for ever, at growing intervals.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

from collector.centre import Centre
from collector.config import SinkConfig
from collector.errors import CannotCommit, SinkRefused, SinkUnavailable
from collector.hub import Notice
from collector.ingest.inbox import Inbox
from collector.ingest.writer import Writer
from collector.sink.lines import Field, fields_of, has_point, line_of, retraction_of
from collector.sink.targets import Target, open_target
from collector.store.queries import Reader, Stored
from collector.store.schema import Standing
from firmware_config.base import log

logger = log.get(__name__)
POLL_S = 0.25
FIRST_RETRY_S = 1.0
LAST_RETRY_S = 60.0
ADVANCE_S = 30.0
MAX_BATCH_CHARS = 4_000_000
Line = tuple[int, str]
"""(row id, line)"""


class _Stopped(Exception):
    """No error: the way out of every wait when the program ends."""


def expected_fields(reader: Reader, stored: Stored) -> dict[str, Field]:
    """The fields of a row that has a point; a winner also marks as missing what only its superseded rows had."""
    gone: set[str] = set()
    if stored.standing == Standing.WINNER:
        gone = {name for row in reader.superseded_at(stored.record) for name in row.record.values}
    return fields_of(stored.record, gone)


def lines_for(reader: Reader, stored: Stored) -> list[str]:
    """The line of a row that has a point. One that replaces a record of another time also takes that one back: a line at the old time says
    missing for all it had."""
    lines = [line_of(stored.record, expected_fields(reader, stored))]
    record = stored.record
    if record.replaces is None:
        return lines
    old = reader.numbered(record.station, record.stream, *record.replaces)
    if old is not None and old.standing == Standing.SUPERSEDED and old.record.t != record.t:
        held = any(True for _ in reader.records(record.station, record.stream, old.record.t, old.record.t + 1))
        lines += [] if held else [line_of(old.record, retraction_of(old.record))]
    return lines


class Sink:
    """One target with its cursor. ``advance`` makes a cursor and refused lines durable; ``tell`` passes facts to the hub."""

    def __init__(
        self,
        *,
        name: str,
        target: Target,
        reader: Reader,
        advance: Callable[[int, list[tuple[int, str, str]]], None],
        tell: Callable[[dict[str, Any]], None],
        batch: int = 1_000,
        first_retry_s: float = FIRST_RETRY_S,
    ) -> None:
        self.name = name
        self.cursor = 0
        self.parked = 0
        self.ok = True
        self.error = ""
        self._target = target
        self._reader = reader
        self._advance = advance
        self._tell = tell
        self._batch = batch
        self._first_retry_s = first_retry_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sink", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._target.close()
        self._reader.close()

    def status(self) -> dict[str, Any]:
        """``ok``, ``name``, ``lag_records`` (rows not handed on), ``parked`` (lines refused), ``error``."""
        return {"ok": self.ok, "name": self.name, "lag_records": self._lag, "parked": self.parked, "error": self.error}

    _lag = 0

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.cursor = self._reader.sink_cursor(self.name)
                self.parked = len(self._reader.sink_parked(self.name))
                while True:
                    if not self.step():
                        self._pause(POLL_S)
            except _Stopped:
                return
            except Exception:
                logger.exception("the sink stumbled, beginning again from its cursor", sink=self.name)
                self._stop.wait(LAST_RETRY_S / 10)

    def _pause(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise _Stopped

    def step(self) -> bool:
        """Hand on the next rows; False when there are none."""
        rows, last = self._reader.after(self.cursor, self._batch)
        self._lag = max(0, self._reader.top_id() - self.cursor)
        if last is None:
            return False
        lines = [(row.id, line) for row in rows if has_point(row) for line in lines_for(self._reader, row)]
        refused: list[tuple[int, str, str]] = []
        for part in _parts(lines):
            refused += self._deliver(part)
        self._keep(last, refused)
        self.cursor = last
        self._lag = max(0, self._lag - len(rows))
        if refused:
            self.parked += len(refused)
            logger.warning("the database refused lines for good", sink=self.name, count=len(refused), reason=refused[0][2])
            self._tell({"kind": "sink_parked", "count": len(refused), "reason": refused[0][2], "text": refused[0][1][:200]})
        return True

    def _keep(self, cursor: int, refused: list[tuple[int, str, str]]) -> None:
        while True:
            try:
                self._advance(cursor, refused)
                return
            except (CannotCommit, TimeoutError):  # no room: ingest says so already
                self._pause(FIRST_RETRY_S)

    def _deliver(self, lines: list[Line]) -> list[tuple[int, str, str]]:
        """Write lines; returns the refused ones with their reasons."""
        if not lines:
            return []
        try:
            self._write("\n".join(line for _, line in lines))
        except SinkRefused as refusal:
            if len(lines) == 1:
                return [(*lines[0], str(refusal))]
            middle = len(lines) // 2
            return self._deliver(lines[:middle]) + self._deliver(lines[middle:])
        return []

    def _write(self, text: str) -> None:
        """One write, however long it takes."""
        wait_s, down_since = self._first_retry_s, 0.0
        while True:
            try:
                self._target.write(text)
            except SinkUnavailable as error:
                if self.ok:
                    self.ok, self.error, down_since = False, str(error), time.monotonic()
                    logger.warning("the time-series database does not take data", sink=self.name, reason=self.error)
                    self._tell({"kind": "sink_down", "text": self.error})
                self.error = str(error)
                with contextlib.suppress(Exception):
                    self._target.reset()
                self._pause(wait_s)
                wait_s = min(2 * wait_s, LAST_RETRY_S)
                continue
            except SinkRefused:
                self._is_up(down_since)
                raise
            self._is_up(down_since)
            return

    def _is_up(self, down_since: float) -> None:
        if not self.ok:
            self.ok, self.error = True, ""
            logger.info("the time-series database takes data again", sink=self.name, away_s=round(time.monotonic() - down_since))
            self._tell({"kind": "sink_up"})


def _parts(lines: list[Line]) -> list[list[Line]]:
    """Lines cut into requests of bearable size."""
    parts: list[list[Line]] = [[]]
    size = 0
    for line in lines:
        if parts[-1] and size + len(line[1]) > MAX_BATCH_CHARS:
            parts.append([])
            size = 0
        parts[-1].append(line)
        size += len(line[1])
    return parts


class SinkPart:
    """The sink with its ties to the running centre."""

    def __init__(self, centre: Centre, config: SinkConfig, target: Target, inbox: Inbox, writer: Writer) -> None:
        loop = asyncio.get_running_loop()

        def advance(cursor: int, refused: list[tuple[int, str, str]]) -> None:
            inbox.submit(lambda: writer.store.advance_sink(config.name, cursor, refused, centre.clock.now_ms())).result(ADVANCE_S)

        def tell(facts: dict[str, Any]) -> None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(centre.hub.publish, Notice("centre", "", facts))

        self.sink = Sink(
            name=config.name,
            target=target,
            reader=centre.reader.watch(Reader(centre.data / "store.db")),
            advance=advance,
            tell=tell,
            batch=config.batch,
        )
        centre.status["sink"] = self.sink.status

    async def stop(self) -> None:
        await asyncio.to_thread(self.sink.stop)


async def start_sink(centre: Centre, config: SinkConfig, inbox: Inbox, writer: Writer) -> SinkPart:
    """Open the target (imports its library in a thread) and begin to hand on rows."""
    target = await asyncio.to_thread(open_target, config)
    part = SinkPart(centre, config, target, inbox, writer)
    part.sink.start()
    return part
