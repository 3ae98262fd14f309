"""Records on their way into the outbox: drafts are gathered for a moment and committed together; events are worded here.

One task commits; nobody waits for it unless they ask to. What the disk refuses waits in the outbox's memory (see `edge.outbox`).
Products are unique by (stream, t), and of two records of one time the one numbered last stands. So a clock that stepped back needs no
mark of its own: what is measured after the step replaces what was stamped with the same times before it, whatever the clock said meanwhile.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Protocol

import msgspec
import yaml

from edge.agent.timebase import StationTime
from firmware_config.base import log
from firmware_config.records import Draft, Sealed

logger = log.get(__name__)

GATHER_S = 0.05
MOST_AT_ONCE = 500


class Commits(Protocol):
    """The part of the outbox that the agent writes to."""

    async def commit_async(self, drafts: Sequence[Draft]) -> list[Sealed]: ...


@cache
def _texts() -> dict[str, dict[str, str]]:
    texts: dict[str, dict[str, str]] = yaml.safe_load(files("edge.agent").joinpath("events.yaml").read_text(encoding="utf-8"))
    return texts


class EventLimit:
    """Keeps a flapping link from filling the outbox: so many events about one thing in a while, then only the last, with a count."""

    MOST = 6
    MOST_OF = MappingProxyType({"cycle": 60})
    """of events that are records of their own"""
    WHILE_MS = 600_000.0

    def __init__(self) -> None:
        self._said: dict[str, deque[float]] = {}
        self._waiting: dict[str, tuple[str, str | None, dict[str, Any], int]] = {}

    @staticmethod
    def _key(kind: str, detail: Mapping[str, Any]) -> str:
        thing = next((str(detail[name]) for name in ("instrument", "link", "task", "product", "place") if name in detail), "")
        return f"{kind.partition('_')[0]}|{thing}"

    def allows(self, kind: str, severity: str | None, detail: dict[str, Any], now_ms: float) -> bool:
        """Whether to say this now; else it waits for `due`, in the place of what waited."""
        key = self._key(kind, detail)
        said = self._said.setdefault(key, deque())
        while said and said[0] <= now_ms - self.WHILE_MS:
            said.popleft()
        if len(said) < self.MOST_OF.get(kind.partition("_")[0], self.MOST) and key not in self._waiting:
            said.append(now_ms)
            return True
        self._waiting[key] = kind, severity, detail, self._waiting.get(key, ("", None, {}, 0))[3] + 1
        return False

    def due(self, now_ms: float) -> list[tuple[str, str | None, dict[str, Any]]]:
        """What waited long enough, with ``repeats``: how many were held back."""
        ready = []
        for key in list(self._waiting):
            said = self._said[key]
            if said and said[0] > now_ms - self.WHILE_MS:
                continue
            kind, severity, detail, count = self._waiting.pop(key)
            if said:  # empty: all that was said is long ago, and more came before anybody asked
                said.popleft()
            said.append(now_ms)
            ready.append((kind, severity, {**detail, "repeats": count}))
        return ready


class _Words(dict[str, Any]):
    """Words for a sentence; one that is missing must not cost the event."""

    def __missing__(self, key: str) -> str:
        return "?"


class Recorder:
    """Takes drafts from the agent's parts and commits them, in order."""

    def __init__(self, outbox: Commits, clock: StationTime, *, simulated: bool) -> None:
        self._outbox = outbox
        self._clock = clock
        self._simulated = simulated
        self._drafts: list[Draft] = []
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._limit = EventLimit()
        self.committed = 0

    # --- handing in

    def put(self, draft: Draft) -> None:
        """Hand in a draft; returns at once."""
        self._drafts.append(self._marked(draft))
        self._idle.clear()
        self._wake.set()

    def _marked(self, draft: Draft) -> Draft:
        if self._simulated:
            return msgspec.structs.replace(draft, simulated=True)
        return draft

    def event(self, kind: str, *, severity: str | None = None, **detail: Any) -> None:
        """Report something that happened; kinds and sentences are in ``events.yaml``. Too many about one thing are held back."""
        if self._limit.allows(kind, severity, detail, self._clock.now_ms()):
            self._say(kind, severity, detail)

    def tick(self) -> None:
        """Say what was held back long enough; call now and then."""
        for kind, severity, detail in self._limit.due(self._clock.now_ms()):
            self._say(kind, severity, detail)

    def _say(self, kind: str, severity: str | None, detail: dict[str, Any]) -> None:
        text = _texts()[kind]
        words = _Words(detail)
        self.put(
            Draft(
                stream="event",
                t=round(self._clock.utc_ms(self._clock.now_ms())),
                dt=0,
                clock=self._clock.quality,
                values={"kind": kind, "severity": severity or text["severity"]},
                detail={**detail, "text_en": text["en"].format_map(words), "text_zh": text["zh"].format_map(words)},
            )
        )

    # --- committing

    async def commit(self, drafts: Sequence[Draft]) -> list[Sealed]:
        """Commit these together and wait for it; what was handed in before goes first. See `Outbox.commit` for what may be missing."""
        await self.flush()
        sealed = await self._outbox.commit_async([self._marked(draft) for draft in drafts])
        self.committed += len(sealed)
        return sealed

    async def flush(self) -> None:
        """Wait until all that was handed in is committed."""
        await self._idle.wait()

    async def run(self) -> None:
        """Commit what is handed in, for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if len(self._drafts) < MOST_AT_ONCE:
                await asyncio.sleep(GATHER_S)
            while self._drafts:
                await self._commit_some()
            self._idle.set()

    async def _commit_some(self) -> None:
        some = self._drafts[:MOST_AT_ONCE]
        self.committed += len(await self._outbox.commit_async(some))
        del self._drafts[: len(some)]

    async def drain(self) -> None:
        """Commit what is left, once `run` has ended."""
        while self._drafts:
            await self._commit_some()
        self._idle.set()
