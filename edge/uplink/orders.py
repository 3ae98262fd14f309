"""What the centre may ask of a station over ``cmd``, and the answers.

Known so far: ``ping`` (tells time, depth and age of the outbox) and ``resend`` (forget what is on its way and send it again). Anything
else is answered with "not supported". An order is carried out once, and not after it expired.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from firmware_config.base.clock import Clock
from firmware_config.messages import Command, Reply

REMEMBER = 200
LONGEST_ID = 100
Handler = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class Orders:
    """Carries out commands by name; ``handlers`` return the ``detail`` of the reply."""

    def __init__(self, clock: Clock, handlers: dict[str, Handler]) -> None:
        self._clock = clock
        self._handlers = handlers
        self._done: deque[str] = deque(maxlen=REMEMBER)

    async def carry_out(self, command: Command) -> Reply | None:
        """The reply, or None for a command that was carried out before (the broker delivered it again)."""
        if command.id in self._done:
            return None
        self._done.append(command.id)
        now_ms = self._clock.now_ms()
        handler = self._handlers.get(command.command)
        if len(command.id) > LONGEST_ID:
            return self._no(command, now_ms, f"the id is longer than {LONGEST_ID} characters")
        if handler is None:
            known = ", ".join(sorted(self._handlers))
            return self._no(command, now_ms, f"not supported: {command.command[:100]}; this station knows {known}")
        if command.expires and self._clock.quality() != "unset" and now_ms > command.expires:
            return self._no(command, now_ms, "expired before it arrived")
        try:
            return Reply(id=command.id, t=now_ms, ok=True, detail=await handler(command.args))
        except Exception as error:
            return self._no(command, now_ms, f"{command.command} failed: {error}")

    @staticmethod
    def _no(command: Command, now_ms: int, text: str) -> Reply:
        return Reply(id=command.id[:LONGEST_ID], t=now_ms, ok=False, text=text)
