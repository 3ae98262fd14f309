"""The record streams: what each is for, how soon it must travel, and in which order a full station gives up room.

Data, not code: adding a stream is adding a row to ``STREAMS``.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Stream:
    """One kind of record.

    ``drop_order``: 0 = never dropped; otherwise the stream with the smallest number is given up first when the outbox is full.
    ``urgent``: leaves before everything else. ``period_ms``: usual length of ``dt`` (None: no fixed one); the centre uses it
    to know how many records a day should bring.
    """

    name: str
    title_en: str
    title_zh: str
    drop_order: int
    urgent: bool = False
    period_ms: int | None = None


STREAMS: dict[str, Stream] = {
    stream.name: stream
    for stream in (
        Stream("event", "Events", "事件", 0, urgent=True),
        Stream("eddy", "Eddy-covariance fluxes", "涡度相关通量", 0, period_ms=1_800_000),
        Stream("gas", "pCO2 cycle and air-sea flux", "pCO2 与海气通量", 6),
        Stream("tide", "Water level", "潮位", 5, period_ms=360_000),
        Stream("minute", "One-minute statistics", "分钟统计", 4, period_ms=60_000),
        Stream("health", "Station health", "站点状态", 3, period_ms=60_000),
        Stream("spectra", "Spectra", "谱", 2),
        Stream("raw", "Raw files", "原始文件", 1),
    )
}
DROP_ORDER: tuple[str, ...] = tuple(stream.name for stream in sorted(STREAMS.values(), key=lambda s: s.drop_order) if stream.drop_order)
"""Streams a full outbox may give up, first to last: raw, spectra, health, minute, tide, gas. Never eddy or event."""
