"""Keeping the agent's parts alive: a part that fails is reported and started again, and nothing else notices."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from firmware_config.base import log

logger = log.get(__name__)

PAUSES_S = (0.5, 1.0, 2.0, 5.0, 15.0, 60.0)
CALM_S = 300.0
"""A part that ran so long begins again with the shortest pause."""


async def keep(name: str, work: Callable[[], Awaitable[None]], report: Callable[[str, str], None]) -> None:
    """Run ``work`` until it returns; when it raises, tell ``report(name, problem)`` and run it again after a pause."""
    loop = asyncio.get_running_loop()
    failures = 0
    while True:
        began = loop.time()
        try:
            await work()
        except Exception as error:
            if loop.time() - began > CALM_S:
                failures = 0
            logger.exception("part failed", part=name)
            report(name, f"{type(error).__name__}: {error}"[:500])
            await asyncio.sleep(PAUSES_S[min(failures, len(PAUSES_S) - 1)])
            failures += 1
        else:
            return
