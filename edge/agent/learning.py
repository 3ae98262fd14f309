"""What one eddy product learns from its own windows: the history on disk, the asking of science, and what the next window is given.

    DATA/eddy/PLACE/history.jsonl   the facts of finished windows, one a line; bounded by ``planar_fit.history``
    DATA/eddy/PLACE/learnt.json     what they taught, and what it was learnt for

Promises: a window's facts are on the device before its records are; a kill at any step, a full disk, damaged lines or a failing science
cost at most one learning; what another mounting or other methods taught is not used. What is learnt holds for windows that open later.
The fits are science's (`edge.compute.learning`): no NumPy here.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec

from edge.archive.live import sync_folder
from edge.compute import history
from edge.compute.messages import Answer, Request
from edge.errors import ScienceError
from firmware_config.base import log
from firmware_config.station import EddyFlux, Station

logger = log.get(__name__)
T = TypeVar("T")

EVERY_WINDOWS = 48
LEARN_PRIORITY = 10
"""after every flux"""
SLACK = 1.1
"""The history is written anew when it is so much longer than it may be."""


class Asks(Protocol):
    """What is asked of science."""

    async def ask(self, request: Request, *, priority: int = 0) -> Answer: ...


class Tells(Protocol):
    """What is asked of the recorder."""

    def event(self, kind: str, *, severity: str | None = None, **detail: Any) -> None: ...


class Kept(msgspec.Struct, kw_only=True):
    """``learnt.json``. ``made_for``: the methods and mounting it was learnt for; ``newest``: time of the last window it rests on."""

    made_for: str
    newest: int
    learnt: dict[str, Any]
    status: dict[str, dict[str, Any]]


class Learning:
    """The learning of one eddy product. ``learnt`` is what a window that opens now is given."""

    def __init__(self, folder: Path, station: Station, product: EddyFlux, *, worker: Executor, science: Asks, recorder: Tells) -> None:
        self._history = folder / "history.jsonl"
        self._file = folder / "learnt.json"
        self._product = product
        self._keys = history.keys_of(station, product)
        self._made_for = history.fingerprint(product, self._keys)
        self._history_ms = product.processing.planar_fit.history
        self._most = max(1, self._history_ms // product.averaging)
        self._worker = worker
        self._science = science
        self._recorder = recorder
        self._parts = history.needs(product.model_dump(mode="json"))
        self._lines: int | None = None
        self._new = 0
        self._wake = asyncio.Event()
        self._kept = self._load()
        self.learnt: dict[str, Any] = self._kept.learnt if self._kept is not None else history.nothing_yet(self._parts)

    def _load(self) -> Kept | None:
        try:
            kept = msgspec.json.decode(self._file.read_bytes(), type=Kept)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            logger.warning("what was learnt cannot be read; it is learnt again", path=str(self._file), error=str(error))
            return None
        return kept if kept.made_for == self._made_for else None

    async def _off_loop(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._worker, work)

    # --- the history

    async def take(self, t: int, facts: dict[str, Any]) -> None:
        """The facts of a finished window that began at ``t`` (UTC, ms). A disk that refuses costs this window's lesson."""
        if not facts:
            return
        line = msgspec.json.encode({"t": t, "keys": self._keys, **facts})
        try:
            await self._off_loop(partial(self._append, line))
        except OSError as error:
            logger.warning("a window's facts were not kept", place=self._product.place, error=str(error))
            return
        self._new += 1
        if self._new >= EVERY_WINDOWS:
            self._wake.set()

    def _append(self, line: bytes) -> None:
        self._history.parent.mkdir(parents=True, exist_ok=True)
        new = not self._history.exists()
        with self._history.open("a+b") as file:
            torn = file.seek(0, os.SEEK_END) > 0 and file.seek(-1, os.SEEK_END) >= 0 and file.read(1) != b"\n"
            file.write((b"\n" if torn else b"") + line + b"\n")
            file.flush()
            os.fsync(file.fileno())
        if new:
            sync_folder(self._history.parent)
        if self._lines is None:
            self._lines = self._history.read_bytes().count(b"\n")
        else:
            self._lines += 1
        if self._lines > SLACK * self._most:
            self._shorten()

    def _shorten(self) -> None:
        """Leave the newest windows, as many as the history may hold; damaged lines go with the rest."""
        kept = history.times(self._history.read_bytes())[-self._most :]
        self._replace(self._history, b"".join(line + b"\n" for _, line in kept))
        self._lines = len(kept)

    @staticmethod
    def _replace(path: Path, content: bytes) -> None:
        new = path.with_suffix(".new")
        with new.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        sync_folder(path.parent)

    def _is_behind(self) -> bool:
        """Whether the history holds windows that what is known does not rest on."""
        try:
            found = history.times(self._history.read_bytes())
        except OSError:
            return False
        self._lines = len(found)
        return bool(found) and (self._kept is None or max(t for t, _ in found) > self._kept.newest)

    # --- learning

    async def run(self) -> None:
        """Learn at the start if the history is ahead, then whenever there are enough new windows; returns when nothing is to be learnt."""
        if not self._parts:
            return
        if await self._off_loop(self._is_behind):
            self._wake.set()
        while True:
            await self._wake.wait()
            self._wake.clear()
            self._new = 0
            await self._learn()

    async def _learn(self) -> None:
        product = self._product.model_dump(mode="json")
        request = Request(id=0, kind="learn", station=dict(self._keys), product=product, raw=str(self._history))
        try:
            answer = await self._science.ask(request, priority=LEARN_PRIORITY)
            found = {name: answer.detail[name] for name in ("learnt", "status")}
            kept = msgspec.convert({**found, "made_for": self._made_for, "newest": answer.detail["history"]["newest"]}, Kept)
        except (ScienceError, LookupError, TypeError, msgspec.MsgspecError) as error:
            self._recorder.event("science_failed", product="learn", place=self._product.place, problem=str(error))
            return
        self._tell(kept.status)
        self._kept, self.learnt = kept, kept.learnt
        try:
            await self._off_loop(partial(self._replace, self._file, msgspec.json.encode(kept)))
        except OSError as error:
            logger.warning("what was learnt is not on disk", place=self._product.place, error=str(error))

    def _tell(self, status: dict[str, dict[str, Any]]) -> None:
        """An event when something became ready or was lost."""
        before = {name for name, one in (self._kept.status if self._kept is not None else {}).items() if one.get("ready")}
        now = {name for name, one in status.items() if one.get("ready")}
        logger.info("eddy learnt", place=self._product.place, status={name: one.get("says", "") for name, one in status.items()})
        if before == now:
            return
        words = [f"{name} {status[name].get('says', '')}".strip() for name in status if name in now - before]
        self._recorder.event(
            "eddy_learnt",
            place=self._product.place,
            became_ready="; ".join(words) or "-",
            lost=", ".join(sorted(before - now)) or "-",
            status={name: str(one.get("says", "")) for name, one in status.items()},
        )
