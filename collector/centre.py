"""What every part of the running centre is given, and what a part is.

`collector.run` makes one `Centre`, then starts the parts in this order: ingest, alarms, api, sink. ``collector.alarms`` and
``collector.api`` each offer ``async def start(centre: Centre) -> Part``; all run in the one event loop, anything slow goes to a thread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from collector.config import CollectorConfig
from collector.hub import Hub
from collector.store.queries import ReaderPool
from firmware_config.base.clock import Clock

if TYPE_CHECKING:
    from collector.alarms.engine import AlarmEngine


class Part(Protocol):
    """Something that runs until it is stopped."""

    async def stop(self) -> None:
        """End cleanly; returns when everything is let go."""


@dataclass
class Centre:
    """The shared things of one collector process.

    ``status`` holds what parts report of themselves under a name of theirs, as functions that return JSON-ready facts
    (``ingest``: state, broker, records, parked, …; ``sink``: ok, lag_records, parked, name); the API shows them.
    """

    config: CollectorConfig
    clock: Clock
    hub: Hub
    reader: ReaderPool
    data: Path
    started_ms: int
    status: dict[str, Callable[[], dict[str, Any]]] = field(default_factory=dict)
    alarms: AlarmEngine | None = None
    """set by ``collector.alarms.start``"""
