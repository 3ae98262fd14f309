"""Finished windows become records: one task takes packed files in order, asks the science child, commits, and moves the file to its month.

Promises: a file leaves ``pending`` only when its ``raw`` record and, if there is a result, its ``eddy`` and ``spectra`` records are
durable, so that a kill at any moment leads to each record once: at the next start the file is found again and the outbox is asked what it
holds. A failure of science costs that one result and is reported.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from edge.agent.book import SeriesBook
from edge.agent.recorder import Recorder
from edge.agent.timebase import StationTime
from edge.archive.layout import Header
from edge.archive.pack import Packed, packed_from, record_ms_from
from edge.archive.store import Freed, RawStore
from edge.compute.client import ScienceClient
from edge.compute.messages import Answer, Input, Request
from edge.compute.request import build_request, needs_of
from edge.errors import ArchiveError, ScienceError
from edge.outbox import Stats
from firmware_config.base import log
from firmware_config.flags import Flag
from firmware_config.quantities import series_name, split_series
from firmware_config.records import ClockQuality, Draft
from firmware_config.sense import PRODUCES
from firmware_config.station import EddyFlux, Station

logger = log.get(__name__)

EDDY_PRIORITY = 5
RETRY_REAL_S = 5.0


class Knows(Protocol):
    """What is asked of the outbox."""

    def holds(self, stream: str, t: int) -> bool: ...

    def unacknowledged_times(self, stream: str) -> set[int]: ...

    def stats(self) -> Stats: ...


class Learns(Protocol):
    """What takes the facts of finished windows."""

    async def take(self, t: int, facts: dict[str, Any]) -> None: ...


def placed(answer: Answer, place: str) -> dict[str, dict[str, object]]:
    """The fields of a draft from an answer: quantities become series of the place."""

    def name(quantity: str) -> str:
        head, _, statistic = quantity.partition(":")
        return series_name(head, place, statistic or None)

    fields = ("values", "flags", "tests", "classes", "share")
    found = {field: {name(q): value for q, value in getattr(answer, field).items()} for field in fields}
    return {**found, "inputs": answer.inputs, "detail": answer.detail}


class EddyResults:
    """The finished windows of one eddy product."""

    def __init__(
        self,
        station: Station,
        product: EddyFlux,
        *,
        store: RawStore,
        quota_bytes: int,
        packer: Executor,
        outbox: Knows,
        recorder: Recorder,
        science: ScienceClient,
        book: SeriesBook,
        time: StationTime,
        learning: Learns,
    ) -> None:
        self._station = station
        self._product = product
        self._store = store
        self._quota_bytes = quota_bytes
        self._packer = packer
        self._outbox = outbox
        self._recorder = recorder
        self._science = science
        self._book = book
        self._time = time
        self._learning = learning
        self._files: asyncio.Queue[Path | Header] = asyncio.Queue()

    def file(self, path: Path) -> None:
        """A packed window."""
        self._files.put_nowait(path)

    def empty(self, header: Header) -> None:
        """A window in which nothing was measured."""
        self._files.put_nowait(header)

    @property
    def waiting(self) -> int:
        return self._files.qsize()

    async def run(self) -> None:
        """Work off what is handed in, for ever."""
        while True:
            item = await self._files.get()
            if isinstance(item, Header):
                await self._record_empty(item)
            else:
                await self._record(item)

    async def _off_loop(self, work: Callable[[], object]) -> object:
        return await asyncio.get_running_loop().run_in_executor(self._packer, work)

    async def _record_empty(self, header: Header) -> None:
        if header.boot_id or await self._holds("eddy", header.start_ms):
            return
        series = [series_name(quantity, self._product.place) for quantity in PRODUCES["eddy"]]
        self._recorder.put(
            Draft(
                stream="eddy",
                t=header.start_ms,
                dt=header.duration_ms,
                clock=self._time.quality,
                values=dict.fromkeys(series),
                flags=dict.fromkeys(series, int(Flag.MISSING)),
                detail={"reasons": {"all": "no sample in this window"}},
            )
        )

    async def _record(self, path: Path) -> None:
        try:
            packed = await self._off_loop(partial(packed_from, path))
            assert isinstance(packed, Packed)
        except (OSError, ArchiveError) as error:
            await self._off_loop(partial(self._store.set_aside, path))
            self._recorder.event("raw_damaged", place=self._product.place, problem=f"{path.name}: {error}")
            return
        drafts = []
        raw = self._raw_draft(packed)
        if not await self._holds("raw", raw.t):
            drafts.append(raw)
        drafts += await self._eddy_drafts(packed)
        if packed.header.boot_id:
            path = await self._finish(path)  # drafts without time cannot be asked for: rather once too few than twice
        await self._commit(drafts)
        if not packed.header.boot_id:
            await self._finish(path)
        await self._make_room()

    async def _holds(self, stream: str, t: int) -> bool:
        return await asyncio.to_thread(self._outbox.holds, stream, t)

    async def _commit(self, drafts: list[Draft]) -> None:
        """Commit and wait until it is durable: with a full disk the outbox keeps drafts in memory until there is room."""
        await self._recorder.commit(drafts)
        # The disk tells nobody that it has room again.
        while await asyncio.to_thread(lambda: self._outbox.stats().queued):  # noqa: ASYNC110
            await asyncio.sleep(RETRY_REAL_S)

    def _raw_draft(self, packed: Packed) -> Draft:
        """The ``raw`` record; of a part of a window (the clock stepped) it begins with the part's first row."""
        header = packed.header
        return Draft(
            stream="raw",
            t=packed.record_ms,
            dt=header.duration_ms - (packed.record_ms - header.start_ms),
            clock=_clock(packed),
            values={},
            detail={
                "name": packed.path.name,
                "sha256": packed.sha256,
                "bytes": packed.size,
                "place": header.place,
                "rows": packed.rows,
                "slots": header.slots,
            },
        )

    async def _eddy_drafts(self, packed: Packed) -> list[Draft]:
        """The ``eddy`` record and, with it, the ``spectra`` record; none when the fluxes were recorded before."""
        header = packed.header
        if not header.boot_id and await self._holds("eddy", header.start_ms):
            return []
        request = self.request(packed)
        try:
            answer = await self._science.ask(request, priority=EDDY_PRIORITY)
        except ScienceError as error:
            self._recorder.event("science_failed", product="eddy", place=header.place, t=header.start_ms, problem=str(error))
            return []
        for quantity, value in answer.values.items():
            if split_series(f"{quantity}@x").statistic is None:
                name = series_name(quantity, header.place)
                self._book.take_product(name, value, answer.flags.get(quantity, int(Flag.NOT_EVALUATED)), self._time.now_ms())
        if not header.boot_id:
            await self._learning.take(header.start_ms, answer.facts)
        fields = placed(answer, header.place)
        eddy = Draft(stream="eddy", t=header.start_ms, dt=header.duration_ms, clock=_clock(packed), **fields)  # type: ignore[arg-type]
        if not answer.spectra or (not header.boot_id and await self._holds("spectra", header.start_ms)):
            return [eddy]
        detail = {"place": header.place, **answer.spectra}
        return [eddy, Draft(stream="spectra", t=eddy.t, dt=eddy.dt, clock=eddy.clock, values={}, detail=detail)]

    def request(self, packed: Packed) -> Request:
        """What science is asked for a packed window: inputs are those archived with it."""
        inputs = {
            role: Input(packed.inputs[name][0], packed.inputs[name][1], packed.inputs[name][2])
            for role, name in needs_of(self._product).items()
            if name in packed.inputs
        }
        return build_request(self._station, self._product, number=0, inputs=inputs, raw=str(packed.path))

    async def _finish(self, path: Path) -> Path:
        done = await self._off_loop(partial(self._store.finish, path))
        assert isinstance(done, Path)
        logger.info("window done", name=path.stem)
        return done

    async def _make_room(self) -> None:
        """Keep the archive within its quota and the disk's reserve."""
        unknown = await asyncio.to_thread(self._outbox.unacknowledged_times, "raw")

        def acknowledged(path: Path) -> bool:
            try:
                return record_ms_from(path) not in unknown
            except (OSError, ArchiveError):
                return False  # damaged since: nobody can tell

        def work() -> list[Freed]:
            return self._store.make_room(self._quota_bytes, acknowledged)

        freed = await self._off_loop(work)
        assert isinstance(freed, list)
        if freed:
            names = sorted(one.name for one in freed)
            known = sum(one.acknowledged for one in freed)
            severity = "info" if known == len(freed) else "warning"
            self._recorder.event(
                "raw_freed",
                severity=severity,
                place=self._product.place,
                count=len(freed),
                acknowledged=known,
                first=names[0],
                last=names[-1],
            )


def _clock(packed: Packed) -> ClockQuality:
    if packed.header.boot_id:
        return "unset"
    return "holdover" if packed.clock in {"holdover", "unset"} else "synchronised"
