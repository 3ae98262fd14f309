"""Lines on which instruments speak by themselves or are spoken to in text: what is due goes out, at the pace of the line.

A record of sample k starts on the line at k / rate seconds (world clock) or when the line is free, and is delivered when its last
byte would have arrived: 10 bits a byte at the declared baud rate (nothing is added over TCP). The schedule is counted, never
accumulated: it cannot drift. A line that cannot carry its instruments loses whole records, counted as overrun.
"""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from firmware_config.base import log
from simulators.faults.catalogue import FAULTS
from simulators.faults.effects import Columns, Effects
from simulators.faults.timeline import ActiveFault, Timeline
from simulators.instruments.base import Simulated, Suffered, Talker
from simulators.serve.ports import Handler, Port, Reply

logger = log.get(__name__)
MAX_BATCH = 400
"""Samples of one instrument made in one turn; more are left for the next, so that no turn is long."""
OVERRUN_MS = 2000.0


@dataclass
class Speaker:
    """One instrument on a line: its next sample and its counts."""

    talker: Talker
    effects: Effects
    next: int
    records: int = 0
    unread: int = 0
    overrun: int = 0
    cannot: str = ""
    """the faults it could last not show"""


def look(instrument: Simulated, effects: Effects, faults: Sequence[ActiveFault], now_ms: float) -> Columns:
    """One row of an instrument's values now, faults included."""
    index = int(now_ms // instrument.period_ms)
    columns = instrument.values(index, 1)
    spoil_values(instrument, effects, faults, columns, instrument.times_ms(index, 1), at_ms=now_ms)
    return columns


def spoil_values(
    instrument: Simulated,
    effects: Effects,
    faults: Sequence[ActiveFault],
    columns: Columns,
    times_ms: np.ndarray[tuple[int], np.dtype[np.float64]],
    *,
    at_ms: float | None = None,
) -> None:
    """Faults that change values or status, in place; ``at_ms``: the one time that counts instead of the samples' own."""
    times = times_ms if at_ms is None else np.full(len(times_ms), at_ms)
    effects.on_values(columns, times, faults)
    for fault in faults:
        if fault.name == "invalid":
            for row in np.nonzero((times >= fault.begin_ms) & (times < fault.end_ms))[0].tolist():
                instrument.invalidate(columns, row, int(fault.magnitude))
        elif FAULTS[fault.name].scope == "own":
            hit = (times >= fault.begin_ms) & (times < fault.end_ms)
            instrument.suffer(columns, Suffered(fault.name, fault.magnitude, hit, times, fault.begin_ms))


@dataclass
class StreamLine:
    """One line with its port and speakers."""

    speakers: Sequence[Speaker]
    timeline: Timeline
    baud: int | None
    now_ms: Callable[[], float]
    port: Port = field(init=False)
    """to be given before the first step"""
    free_ms: float = 0.0
    queue: deque[tuple[float, bytes]] = field(default_factory=deque)

    def step(self, now_ms: float) -> tuple[float, float]:
        """Make and send what is due. Returns (when the next thing is due, how far behind the world this line was), both in world ms."""
        behind = 0.0
        ready: list[tuple[float, bytes]] = []
        for speaker in self.speakers:
            period = speaker.talker.period_ms
            if not speaker.talker.streams:
                speaker.next = int(now_ms // period) + 1  # should it begin to speak, it begins with now
                continue
            due = int(now_ms // period) - speaker.next + 1
            if due > 0:
                behind = max(behind, now_ms - speaker.next * period if self.port.present else 0.0)
                ready += self._make(speaker, min(due, MAX_BATCH))
        if len(self.speakers) > 1:
            ready.sort(key=lambda item: item[0])
        self._enqueue(ready)
        self._suffer(now_ms)
        self._deliver(now_ms)
        streaming = [s.next * s.talker.period_ms for s in self.speakers if s.talker.streams]
        if self.queue:
            streaming.append(self.queue[0][0])
        return min(streaming, default=float("inf")), behind

    def _suffer(self, now_ms: float) -> None:
        """Tell the port which faults are on."""
        faults = [fault for speaker in self.speakers for fault in self.timeline.for_instrument(speaker.talker.id, now_ms, now_ms)]
        self.port.suffer({fault.name: fault.magnitude for fault in faults})

    def _make(self, speaker: Speaker, count: int) -> list[tuple[float, bytes]]:
        first, speaker.next = speaker.next, speaker.next + count
        if not self.port.present:
            speaker.unread += count
            return []
        talker = speaker.talker
        columns = talker.values(first, count)
        times = talker.times_ms(first, count)
        faults = self.timeline.for_instrument(talker.id, float(times[0]), float(times[-1]))
        try:
            if faults:
                spoil_values(talker, speaker.effects, faults, columns, times)
            stamped = list(zip(times.tolist(), talker.encode(columns, first), strict=True))
            if faults or speaker.effects.holding:
                effects = speaker.effects
                whole = [(t, effects.on_record(record, t, faults, talker.spoil)) for t, record in stamped]
                stamped = [(t + pause, piece) for t, record in whole for pause, piece in effects.pieces(record, t, faults)]
        except (ArithmeticError, ValueError, struct.error) as error:
            if not faults:
                raise
            self._cannot_show(speaker, faults, error)
            return []
        speaker.records += count
        return stamped

    @staticmethod
    def _cannot_show(speaker: Speaker, faults: Sequence[ActiveFault], error: Exception) -> None:
        """A magnitude for which its records have no digits silences one instrument; the others go on. Told once for each set of faults."""
        what = ", ".join(f"{fault.name} {fault.magnitude:g}" for fault in faults)
        if speaker.cannot != what:
            speaker.cannot = what
            logger.warning("an instrument cannot say what its faults ask for and is silent", instrument=speaker.talker.id, faults=what,
                           problem=str(error))  # fmt: skip

    def _enqueue(self, records: Sequence[tuple[float, bytes]]) -> None:
        if self.baud is None:
            self.queue.extend(records)
            return
        ms_per_byte = 10_000.0 / self.baud
        for t_ms, record in records:
            start = max(t_ms, self.free_ms)
            if start - t_ms > OVERRUN_MS:
                self.speakers[0].overrun += 1
                continue
            self.free_ms = start + len(record) * ms_per_byte
            self.queue.append((self.free_ms, record))

    def _deliver(self, now_ms: float) -> None:
        out = []
        while self.queue and self.queue[0][0] <= now_ms:
            out.append(self.queue.popleft()[1])
        if out:
            self.port.write(b"".join(out))

    def handler(self) -> Handler:
        """For bytes that come in: each instrument of the line hears them and may answer."""

        def handle(data: bytes, reply: Reply) -> None:
            now = self.now_ms()
            for speaker in self.speakers:
                faults = self.timeline.for_instrument(speaker.talker.id, now, now)
                answer = speaker.talker.answer(data, lambda: look(speaker.talker, speaker.effects, faults, now))  # noqa: B023
                if answer:
                    late_s = sum(fault.magnitude for fault in faults if fault.name == "late_answer")
                    if any(fault.name == "echo" for fault in faults):
                        reply(data)
                    answer = speaker.effects.on_record(answer, now, faults, speaker.talker.spoil)
                    for pause_ms, piece in speaker.effects.pieces(answer, now, faults):
                        asyncio.get_running_loop().call_later(late_s + pause_ms / 1e3, reply, piece)

        return handle


def counts(speakers: Sequence[Speaker]) -> Mapping[str, dict[str, int]]:
    """What each instrument of a line did."""
    return {s.talker.id: {"records": s.records, "unread": s.unread, "overrun": s.overrun} for s in speakers}
