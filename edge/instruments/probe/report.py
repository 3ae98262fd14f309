"""What ``haitan-edge probe`` shows: a block an instrument, readable in 80 columns and aloud over a telephone, then what needs doing."""

from __future__ import annotations

import asyncio
import os
import textwrap
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from edge.instruments.probe import Finding, Prober
from edge.links import ports_from
from firmware_config.base.clock import open_clock
from firmware_config.check import load_station
from firmware_config.quantities import registry

INDENT = "    "


def run_probe(path: Path, *, search: bool, listen_s: float | None, console: Console, as_json: bool = False) -> bool:
    """Probe a station and print what was found; True when every instrument is in order. StationFileError when the file is wrong."""
    loaded = load_station(path)
    station, ports = loaded.station, ports_from(os.environ)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=as_json) as progress:
        task = progress.add_task(f"listening to {station.id}")
        prober = Prober(
            station,
            ports,
            search=search,
            speed=open_clock(station.id).speed,
            listen_s=listen_s,
            advance=lambda seconds: progress.advance(task, seconds),
        )
        progress.update(task, total=prober.seconds_expected())
        found = asyncio.run(prober.run())
    if as_json:
        print(msgspec.json.encode([as_data(finding) for finding in found]).decode())
    else:
        lines = [line for finding in found for line in [*block(finding, console.width), ""]]
        for line in [*lines, *loaded.warnings, *summary(found, console.width)]:
            console.print(line, markup=False, highlight=False, soft_wrap=True)
    return all(finding.good for finding in found)


def number(value: Any) -> str:
    """A number for people; anything else as it is.

    >>> number(-0.0), number(20.899999618), number("2.1"), number([1, 0])
    ('0', '20.9', '2.1', '1, 0')
    """
    if isinstance(value, list):
        return ", ".join(map(number, value))
    return f"{value + 0.0:.6g}" if isinstance(value, float) else str(value)


def block(finding: Finding, width: int = 80) -> list[str]:
    """Everything of one instrument: mark, name and model; verdict; how it was reached; what it said and measures; what is not sure."""
    mark = "✓" if finding.good else "✗"
    lines = [f"{mark} {finding.instrument.id}: {finding.card.title.en}"]
    lines += _wrapped(finding.verdict, width)
    lines += _wrapped(f"{finding.settings}: {_answers(finding)}", width)
    said = {"serial number in the file": finding.instrument.serial_number} | finding.identity
    lines += _wrapped("says: " + ", ".join(f"{name} {number(value)}" for name, value in said.items()), width)
    values = {name: value for name, value in finding.values.items() if value is not None}
    if values:
        lines += _wrapped("measures: " + ", ".join(f"{name} {value:.5g} {registry()[name].unit}" for name, value in values.items()), width)
    if finding.proposal:
        proposal = ", ".join(f"{name}: {value}" for name, value in finding.proposal.items())
        lines += _wrapped(f"measured over {len(finding.times_s)} answers; proposed: options: {{{proposal}}}", width)
    if finding.card.unsure:
        lines += _wrapped("to be confirmed on the unit:", width)
        for fact in finding.card.unsure:
            lines += _wrapped(f"- {fact}", width)
    return lines


def _answers(finding: Finding) -> str:
    """How many records or answers, and how far apart or how late."""
    asked = finding.card.modbus is not None
    text = f"{finding.records} {'answers' if asked else 'records'}"
    if bad := sum(finding.rejected.values()):
        text += f", {bad} not valid"
    if finding.times_s:
        half, most, longest = (f"{1e3 * (finding.quantile_s(share) or 0.0):.0f}" for share in (0.5, 0.95, 1.0))
        text += f"; {'after' if asked else 'apart'} {half} ms (95 % within {most}, longest {longest})"
    return text


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(40, width), initial_indent=INDENT, subsequent_indent=INDENT, break_on_hyphens=False)


def summary(found: list[Finding], width: int = 80) -> list[str]:
    """How many are in order, and what is to be done at the others."""
    wrong = [finding for finding in found if not finding.good]
    lines = [f"{len(found) - len(wrong)} of {len(found)} instruments are in order" + ("; to do:" if wrong else "")]
    for finding in wrong:
        lines += textwrap.wrap(f"✗ {finding.instrument.id}: {finding.verdict}", max(40, width), subsequent_indent=INDENT)
    return lines


def as_data(finding: Finding) -> dict[str, Any]:
    """One instrument for another program."""
    return {
        "instrument": finding.instrument.id,
        "model": finding.card.model,
        "good": finding.good,
        "verdict": finding.verdict,
        "link": finding.settings,
        "records": finding.records,
        "rejected": dict(finding.rejected),
        "unanswered": finding.unanswered,
        "times_ms": [round(1e3 * seconds, 1) for seconds in finding.times_s],
        "rate_hz": finding.rate_hz,
        "serial_number_in_file": finding.instrument.serial_number,
        "identity": finding.identity,
        "differ": [{"setting": one.setting, "found": one.found, "wanted": one.wanted} for one in finding.differ],
        "values": finding.values,
        "proposal": finding.proposal,
        "to_be_confirmed": finding.card.unsure,
    }
