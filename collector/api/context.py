"""What the handlers are given, and the few things that most of them do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from aiohttp import web

from collector.api.packed import Packed
from collector.centre import Centre
from collector.errors import Busy
from collector.store.queries import Reader

if TYPE_CHECKING:
    from collector.alarms.engine import AlarmEngine
    from collector.api.auth import Gate
    from collector.api.live import LiveFeed
    from collector.api.settings import HttpSettings

T = TypeVar("T")
MAX_QUESTIONS = 32
"""Questions to the store that may wait or run at once; more are refused, so that one visitor cannot hold up all."""
encode = msgspec.json.Encoder().encode


@dataclass
class Context:
    """The centre's parts as the HTTP interface uses them."""

    centre: Centre
    engine: AlarmEngine
    settings: HttpSettings
    gate: Gate
    feed: LiveFeed
    page: Path
    packed: Packed = field(default_factory=Packed, init=False)
    asked: int = field(default=0, init=False)
    errors: int = field(default=0, init=False)

    async def ask(self, question: Callable[[Reader], T]) -> T:
        """Put a question to the store in a reader thread; Busy when too many wait already."""
        if self.asked >= MAX_QUESTIONS:
            raise Busy("too many questions at once; try again in a moment")
        self.asked += 1
        try:
            return await self.centre.reader.run(question)
        except FileNotFoundError:
            raise Busy("the store is not open yet; try again in a moment") from None
        finally:
            self.asked -= 1

    def says(self, part: str) -> dict[str, Any]:
        """What a part of the centre says of itself; nothing when it does not run or fails to say."""
        try:
            return self.centre.status[part]() if part in self.centre.status else {}
        except Exception:  # a report that fails must not take the page with it
            return {}


CONTEXT: web.AppKey[Context] = web.AppKey("context", Context)


def json_answer(data: Any, *, status: int = 200) -> web.Response:
    """JSON, compressed for whoever takes that."""
    return encoded_answer(encode(data), status=status)


def encoded_answer(body: bytes, *, status: int = 200) -> web.Response:
    """JSON that is encoded already (in a reader thread)."""
    answer = web.Response(body=body, status=status, content_type="application/json", charset="utf-8", zlib_executor_size=64_000)
    if len(body) > 1024:
        answer.enable_compression()
    return answer


def problem(status: int, text: str, **headers: str) -> web.Response:
    return web.Response(body=encode({"error": text}), status=status, content_type="application/json", headers=headers)
