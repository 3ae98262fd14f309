"""What was found of one instrument, and what follows from it: plain data and pure judgements."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from edge.instruments.reading import Reading
from firmware_config.cards import Card
from firmware_config.station import Instrument, ModbusRtuLink, SerialLink

FEWEST_FOR_A_PROPOSAL = 5
BROKEN_ON_THE_LINE = frozenset({"checksum", "no checksum", "cut off"})
"""reasons of framers: whole records of this instrument that did not come whole"""


class Difference(NamedTuple):
    """A setting in the instrument that is not what the station file says."""

    setting: str
    found: str
    wanted: str


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
    measurements: int = 0
    """records with at least one quantity"""
    listened_s: float = 0.0
    """seconds of the world"""
    rate_hz: float | None = None
    differ: list[Difference] = field(default_factory=list)
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
    declared_hz, period_s = finding.instrument.rate, _period_s(finding)
    bad = sum(finding.rejected.values())
    longer = f"listen longer (--listen {math.ceil(2.5 * period_s / speed)})"
    if not heard and not polled and period_s > 0.7 * finding.listened_s:
        finding.verdict = f"nothing heard in {finding.listened_s:.0f} s, but it prints only every {period_s:g} s: {longer}"
    elif not heard:
        finding.verdict = "silent: check power and wiring, " + ("and its address" if polled else "and that it prints by itself")
    elif finding.differ:
        finding.verdict = _differs(finding)
    elif not finding.records and not bad and finding.card.binary is not None:
        finding.verdict = f"bytes come, but no record begins in them: speed or format is probably not {finding.settings}; try --search"
    elif not finding.records and finding.card.binary is None and _readable(heard) < 0.9:
        finding.verdict = f"bytes come that are no text: speed or format is probably not {finding.settings}; try --search"
    elif not finding.records:
        finding.verdict = _nothing_valid(finding, heard)
    elif bad > 4 * finding.records:
        why = finding.rejected.most_common(1)[0][0]
        finding.verdict = f"most records are not valid: {why}; look at the sensor, and for noise on the line"
    elif declared_hz and finding.rate_hz is not None and not 0.9 < finding.rate_hz / speed / declared_hz < 1.1:
        measured_hz = finding.rate_hz / speed
        what_to_do = "set it in the instrument, or allow it with options: {settings: enforce}, or correct the file"
        finding.verdict = f"prints {measured_hz:.4g} Hz; the station file says {declared_hz:g} Hz: {what_to_do}"
    elif not finding.measurements and period_s > 0.7 * finding.listened_s:
        finding.good = True
        finding.verdict = (
            f"answers; no measurement in {finding.listened_s:.0f} s, as there is one every {period_s:g} s: to see one, {longer}"
        )
    elif not finding.measurements:
        finding.verdict = f"answers, but sent no measurement in {finding.listened_s:.0f} s: is it started?"
    else:
        finding.good = True
        finding.verdict = "in order" if not bad else f"in order; {bad} of {finding.records + bad} records not valid"


def _period_s(finding: Finding) -> float:
    item = finding.instrument
    return 1 / item.rate if item.rate else (item.every or 1000) / 1000


def _nothing_valid(finding: Finding, heard: bytes) -> str:
    if finding.rejected:
        why = finding.rejected.most_common(1)[0][0]
        broken = why in BROKEN_ON_THE_LINE
        advice = "look for noise on the line, bad contacts, a wrong speed" if broken else "is it this model, set to this output?"
        return f"speaks, but no record is valid: {why}; {advice}"
    if finding.card.binary is not None:
        return "records begin, but none came whole: listen longer, or look for lost bytes (flow control, speed)"
    return f"speaks, but nothing it says is a record: {heard[:30]!r}; is it this model, set to this output?"


def _differs(finding: Finding) -> str:
    """What is set otherwise, a swapped sensor first: with the calibration of the old one its values look good and are wrong."""
    serial = next((one for one in finding.differ if "serial number" in one.setting), None)
    if serial is not None:
        return (
            f"its {serial.setting} is {serial.found}; the station file says {serial.wanted}: another unit was put in; "
            "write its number and its calibration into the file"
        )
    what = ", ".join(f"{one.setting} is {one.found} and should be {one.wanted}" for one in finding.differ)
    names = {one.setting for one in finding.differ}
    can = any(setting.name in names and (setting.write or setting.write_function) for setting in finding.card.settings)
    return f"{what}: set it in the instrument" + (", or allow it with options: {settings: enforce}" if can else " or correct the file")


def _readable(heard: bytes) -> float:
    return sum(0x20 <= byte <= 0x7E or byte in b"\r\n\t\x02\x03" for byte in heard) / len(heard)


def judge_asked(finding: Finding, reading: Reading, limit_s: float) -> None:
    """The verdict on a device that is asked. ``reading``: its first; ``limit_s``: how long the station would wait for an answer."""
    slowest_s = finding.times_s[-1] if finding.times_s else 0.0
    if not reading.values:
        finding.verdict = f"no answer ({reading.reason}): check power, wiring, unit number and speed"
    elif not reading.valid and not reading.reason.startswith("warming up"):
        finding.verdict = f"answers, but its data is not valid: {reading.reason}; look at the sensor"
    elif finding.unanswered:
        asked = finding.records + finding.unanswered
        finding.verdict = f"answers {finding.records} of {asked} times: bad wiring, or two devices with one unit number"
    elif slowest_s > limit_s:
        finding.verdict = f"takes up to {slowest_s * 1000:.0f} ms, the limit is {limit_s * 1000:.0f} ms: set the proposed times"
    elif finding.differ:
        finding.verdict = _differs(finding)
    else:
        finding.good = True
        finding.verdict = "in order" if reading.valid else "in order, warming up"
