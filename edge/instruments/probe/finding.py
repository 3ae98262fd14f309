"""What was found of one instrument, and what follows from it: plain data and pure judgements."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from edge.instruments.reading import Reading
from firmware_config.cards import Card
from firmware_config.station import Instrument, ModbusRtuLink, SerialLink

FEWEST_FOR_A_PROPOSAL = 5


@dataclass
class Finding:
    """One instrument as it answered. ``verdict``: one plain sentence; ``good``: nothing needs doing.

    ``times_s`` are answer times of what is asked, or gaps between the records of what prints, sorted, in real seconds.
    """

    instrument: Instrument
    card: Card
    settings: str
    good: bool = False
    verdict: str = ""
    records: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    unanswered: int = 0
    times_s: list[float] = field(default_factory=list)
    rate_hz: float | None = None
    identity: dict[str, Any] = field(default_factory=dict)
    values: dict[str, float | None] = field(default_factory=dict)
    proposal: dict[str, str] = field(default_factory=dict)

    def quantile_s(self, share: float) -> float | None:
        """A quantile of the times (nearest rank), None without any."""
        return self.times_s[min(len(self.times_s) - 1, int(share * len(self.times_s)))] if self.times_s else None


def settings_of(link: Any) -> str:
    """A link's settings in a word."""
    if isinstance(link, SerialLink | ModbusRtuLink):
        return f"{link.port} {link.baud} Bd {link.format}"
    return f"{link.host}:{link.port}"


def propose(times_s: list[float]) -> dict[str, str]:
    """Limits from measured answer times: half as long again as the slowest (at least 50 ms), and three times it for the longest ever (at
    least 500 ms); nothing from fewer than five.

    >>> propose([0.081, 0.085, 0.090, 0.102, 0.120])
    {'answer': '180ms', 'answer_longest': '500ms'}
    """
    if len(times_s) < FEWEST_FOR_A_PROPOSAL:
        return {}
    slowest_ms = round(max(times_s) * 1000, 3)
    answer_ms = max(50, math.ceil(slowest_ms * 1.5 / 10) * 10)
    return {"answer": f"{answer_ms}ms", "answer_longest": f"{max(500, math.ceil(slowest_ms * 3 / 100) * 100)}ms"}


def judge_printing(finding: Finding, heard: bytes, speed: float, *, polled: bool) -> None:
    """The verdict on an instrument that prints. ``heard``: every byte of it; ``speed``: world seconds per real one."""
    declared_hz = finding.instrument.rate
    bad = sum(finding.rejected.values())
    if not heard:
        finding.verdict = "silent: check power and wiring, " + ("and its address" if polled else "and that it prints by itself")
    elif not finding.records and not bad and finding.card.binary is not None:
        finding.verdict = f"bytes in which no record begins: speed or format is probably not {finding.settings}; try --search"
    elif not finding.records and finding.card.binary is None and _readable(heard) < 0.9:
        finding.verdict = f"bytes that are no text: speed or format is probably not {finding.settings}; try --search"
    elif not finding.records:
        finding.verdict = f"speaks, but no record is valid: {finding.rejected.most_common(1)[0][0] if bad else repr(heard[:30])}"
    elif bad > 4 * finding.records:
        finding.verdict = f"most records are not valid: {finding.rejected.most_common(1)[0][0]}"
    elif declared_hz and finding.rate_hz is not None and not 0.9 < finding.rate_hz / speed / declared_hz < 1.1:
        finding.verdict = f"prints {finding.rate_hz / speed:.3g} Hz; the station file says {declared_hz:g} Hz"
    else:
        finding.good = True
        finding.verdict = "in order" if not bad else f"in order; {bad} of {finding.records + bad} records not valid"


def _readable(heard: bytes) -> float:
    return sum(0x20 <= byte <= 0x7E or byte in b"\r\n\t\x02\x03" for byte in heard) / len(heard)


def judge_asked(finding: Finding, reading: Reading, limit_s: float) -> None:
    """The verdict on a device that is asked. ``reading``: its first; ``limit_s``: how long the station would wait for an answer."""
    said = finding.identity.get("serial_number")
    slowest_s = finding.times_s[-1] if finding.times_s else 0.0
    if not reading.values:
        finding.verdict = f"no answer ({reading.reason}): check power, wiring, unit number and speed"
    elif not reading.valid and not reading.reason.startswith("warming up"):
        finding.verdict = f"answers, but its data is not valid: {reading.reason}"
    elif finding.unanswered:
        asked = finding.records + finding.unanswered
        finding.verdict = f"answers {finding.records} of {asked} times: bad wiring, or two devices with one unit number"
    elif slowest_s > limit_s:
        finding.verdict = f"takes up to {slowest_s * 1000:.0f} ms, the limit is {limit_s * 1000:.0f} ms: set the proposed times"
    elif said is not None and str(said) != finding.instrument.serial_number:
        finding.verdict = f"its serial number is {said}; the station file says {finding.instrument.serial_number}"
    else:
        finding.good = True
        finding.verdict = "in order" if reading.valid else "in order, warming up"
