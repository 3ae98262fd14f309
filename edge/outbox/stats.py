"""What the outbox tells of its state, for the health record, the command line and the log."""

from __future__ import annotations

import msgspec


class StreamStats(msgspec.Struct, frozen=True, kw_only=True):
    """One stream over all epochs. ``last``: the highest number given in the present epoch (-1: none)."""

    kept: int
    unacknowledged: int
    bytes: int
    last: int
    oldest_age_s: float | None = None


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """``depth`` counts what the centre does not have: records, drafts waiting for the clock, drafts in memory.

    ``oldest_age_s`` (world seconds) is how long the oldest unacknowledged record has been kept (0 when there is none). ``bytes`` and
    ``share`` of the quota count unacknowledged records only; ``file_bytes`` is what the file uses, with the acknowledged records, which
    stay until their room is needed.
    """

    depth: int
    oldest_age_s: float
    bytes: int
    share: float
    file_bytes: int
    quota_bytes: int
    waiting: int
    queued: int
    undeclared_losses: int
    disk_ok: bool
    epoch: int
    previous_epoch: int | None
    streams: dict[str, StreamStats]
