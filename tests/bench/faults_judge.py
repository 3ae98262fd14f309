"""Was a fault noticed, by what, how soon; and did a wrong value pass as a good one? From the centre's store and alarms alone.

What is true is known from a twin: the same station in the same world, without the faults. The world is a function of seed and time, so the
twin's minute differs by what two readings of one thing differ, which the quiet minutes show.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from simulators.judge import store_records

MINUTE_MS = 60_000
GOOD = (1, 2)
ANGLES = ("wind_from_direction", "heading", "course")
AS_GOOD_AS = {"wind_speed_of_gust": "wind_speed", "xco2_water": "pco2_water"}
"""made of the same measurement"""
UNSTATED = {"latitude": 1e-4, "longitude": 1e-4}
"""Ten metres: what a receiver alone holds."""
UNSTATED_SHARE = 0.01
"""of the value, where a card promises nothing"""
COUNTS = ("bad", "timeouts")
NETWORK = frozenset({"no_network", "slow_network", "late_network", "lossy_network"})
"""They touch no value: whether records arrive unaltered is the torture test's question."""


@dataclass
class Seen:
    """What the centre holds of one station. ``owners``: series → instrument."""

    records: dict[str, list[dict[str, Any]]]
    alarms: list[dict[str, Any]]
    owners: dict[str, str] = field(default_factory=dict)

    def series_of(self, instrument: str) -> set[str]:
        return {name for name, owner in self.owners.items() if owner == instrument}


@dataclass(frozen=True)
class Span:
    """One fault as the truth log tells it."""

    station: str
    fault: str
    magnitude: float
    target: str
    """instrument id, ``link:ID``, or empty for the whole station"""
    begin_ms: float
    end_ms: float


@dataclass
class Finding:
    """``noticed``: (world seconds after the beginning, by what), soonest first. ``good`` counts values of flag 1 or 2, ``lies`` those of
    them that are wrong, ``missing`` the twin's values that have no good one beside them."""

    span: Span
    noticed: list[tuple[float, str]]
    good: int = 0
    missing: int = 0
    lies: list[str] = field(default_factory=list)


def seen_of(store: Path, station: str, alarms: Iterable[dict[str, Any]], owners: dict[str, str]) -> Seen:
    """Records by stream in order of time."""
    found: dict[str, list[dict[str, Any]]] = {}
    for number, rows in store_records(store).items():
        if number[0] == station:
            body = json.loads(rows[0][0])
            found.setdefault(body["stream"], []).append(body)
    for records in found.values():
        records.sort(key=lambda record: (record["epoch"], record["seq"]))
    return Seen(found, [alarm for alarm in alarms if alarm["station"] == station], owners)


def spans_of(truth: Path, station: str) -> list[Span]:
    """Begun and ended, or carried on to the end of the log (a world that was killed with its power)."""
    lines = [json.loads(line) for line in truth.read_text(encoding="utf-8").splitlines()]
    open_, spans = {}, []
    for line in lines:
        if line["what"] != "fault":
            continue
        target = line.get("instrument") or (f"link:{line['link']}" if "link" in line else "")
        key = (line["fault"], target)
        if line["state"] == "begun":
            open_.setdefault(key, line)
        elif line["state"] == "ended" and key in open_:
            begun = open_.pop(key)
            spans.append(Span(station, key[0], begun["magnitude"], target, begun["t"], line["t"]))
    return spans + [Span(station, name, one["magnitude"], target, one["t"], lines[-1]["t"]) for (name, target), one in open_.items()]


@cache
def accuracy(model: str) -> dict[str, dict[str, float]]:
    """What the card promises, by quantity."""
    card = yaml.safe_load(files("firmware_config").joinpath("cards", f"{model}.yaml").read_text(encoding="utf-8"))
    return dict(card.get("accuracy") or {})


class Judge:
    """One station against its twin. ``instruments``: id → model and link; ``spans``: every fault of the station."""

    def __init__(self, seen: Seen, twin: Seen, instruments: dict[str, tuple[str, str]], spans: list[Span]) -> None:
        self.seen, self.spans = seen, spans
        self.models = {key: model for key, (model, _) in instruments.items()}
        self._links = {key: link for key, (_, link) in instruments.items()}
        self._twin = {record["t"]: record for record in twin.records.get("minute", [])}
        self._minutes = seen.records.get("minute", [])

    def judge(self, span: Span, until_ms: float) -> Finding:
        """``until_ms``: what is noticed later belongs to another fault."""
        instruments = self._instruments(span)
        series = {name for one in instruments for name in self.seen.series_of(one)}
        finding = Finding(span, sorted(self._noticed(span, instruments, series, until_ms)))
        mine = {record["t"]: record for record in self._minutes}
        for t, twin in self._twin.items():
            if span.begin_ms <= t and t + twin["dt"] <= span.end_ms:
                expected = sum(twin["flags"].get(name) in GOOD for name in series)
                before = finding.good
                for name in series & set(mine.get(t, {"values": {}})["values"]):
                    self._look_at(finding, mine[t], twin, name)
                finding.missing += max(0, expected - (finding.good - before))
        return finding

    def _instruments(self, span: Span) -> list[str]:
        if span.target.startswith("link:"):
            return [key for key in self.models if self._links[key] == span.target[5:]]
        return [span.target] if span.target else list(self.models)

    def _quiet(self, record: dict[str, Any], instruments: list[str]) -> bool:
        """No fault of these instruments, nor of the station, touches this minute or the one before."""
        first, last = record["t"] - 2 * MINUTE_MS, record["t"] + record["dt"]
        return not any(
            s.begin_ms < last and s.end_ms > first and s.fault not in NETWORK and set(self._instruments(s)) & set(instruments)
            for s in self.spans
        )

    def _usual(self, instruments: list[str]) -> list[dict[str, Any]]:
        return [record for record in self._minutes if record["dt"] == MINUTE_MS and self._quiet(record, instruments)]

    def _noticed(self, span: Span, instruments: list[str], series: set[str], until_ms: float) -> Iterable[tuple[float, str]]:
        soonest: dict[str, float] = {}

        def note(at_ms: float, what: str) -> None:
            if span.begin_ms <= at_ms <= until_ms:
                soonest[what] = min(soonest.get(what, 1e18), (at_ms - span.begin_ms) / 1e3)

        usual = self._usual(instruments)
        for name in series if span.fault not in NETWORK else ():
            normal = {record["flags"].get(name) for record in usual}
            shares = {record.get("share", {}).get(name, 1.0) for record in usual}
            for record in self._minutes:
                end = record["t"] + record["dt"]
                if record["t"] < span.begin_ms - MINUTE_MS or record["t"] >= span.end_ms:
                    continue
                flag = record["flags"].get(name)
                if flag in (3, 4, 9) and flag not in normal:
                    tests = "+".join(record.get("tests", {}).get(name, {})) or ("missing" if flag == 9 else "share")
                    note(end, f"flag {flag} {tests} ({name})")
                elif record.get("share", {}).get(name, 1.0) < min(shares, default=1.0) - 0.01:
                    note(end, f"share of samples ({name})")
        for record in self.seen.records.get("event", []):
            detail = record.get("detail", {})
            about = detail.get("instrument") in instruments or (span.target.startswith("link:") and detail.get("link") == span.target[5:])
            if about or (not span.target and "instrument" not in detail and "link" not in detail):
                at = record["t"]
                if span.fault == "bad_clock" and span.begin_ms <= (true := at - span.magnitude * 1e3) <= span.end_ms:
                    at = true  # it was stamped by the clock that is off
                note(at, f"event {record['values'].get('kind')}")
        for alarm in self.seen.alarms:
            about = alarm["series"] in series or any(one in alarm["key"].replace("/", " ").replace(":", " ").split() for one in instruments)
            if about or not span.target:
                note(alarm["raised_ms"], f"alarm {alarm['rule']}")
        self._count(span, instruments, note)
        if not span.target:
            for record in self._minutes:
                if record["clock"] != "synchronised" and record["t"] >= span.begin_ms:
                    note(record["t"] + record["dt"], f"clock says {record['clock']}")
        return [(seconds, what) for what, seconds in soonest.items()]

    def _count(self, span: Span, instruments: list[str], note: Any) -> None:
        """The station's own counts of bad records and missing answers, in its health records."""
        before: dict[tuple[str, str], int] = {}
        for record in self.seen.records.get("health", []):
            for one in instruments:
                about = record.get("detail", {}).get("instruments", {}).get(one, {})
                for count in COUNTS:
                    was, now = before.get((one, count)), int(about.get(count, 0))
                    before[one, count] = now
                    if (
                        was is not None
                        and now > was
                        and span.target
                        and record["t"] > span.begin_ms
                        and record["t"] < span.end_ms + MINUTE_MS
                    ):
                        note(record["t"], f"count of {count}")

    def _look_at(self, finding: Finding, record: dict[str, Any], twin: dict[str, Any], name: str) -> None:
        value, true = record["values"][name], twin["values"].get(name)
        if record["flags"].get(name) not in GOOD or not isinstance(value, int | float):
            return
        finding.good += 1
        if finding.span.fault in NETWORK or not isinstance(true, int | float):
            return
        tolerance = self.tolerance(name)
        if record.get("share", {}).get(name, 1.0) < 1.0:  # the mean of some of a minute's samples lies between its extremes
            quantity, _, place = name.partition("@")
            low, high = (twin["values"].get(f"{quantity}:{what}@{place}") for what in ("min", "max"))
            if low is not None and high is not None and low - tolerance <= value <= high + tolerance:
                return
        if (off := difference(name, value, true)) > tolerance:
            finding.lies.append(f"{name} off by {off:.3g}")

    def tolerance(self, name: str) -> float:
        """The instrument's accuracy, or what two readings of the same differ by when nothing is wrong, whichever is larger."""
        owner = self.seen.owners[name]
        quantity = name.partition("@")[0]
        promised = accuracy(self.models[owner]).get(AS_GOOD_AS.get(quantity, quantity), {})
        quiet = [
            (difference(name, record["values"][name], true), abs(true))
            for record in self._usual([owner])
            if isinstance(record["values"].get(name), int | float)
            and isinstance(true := self._twin.get(record["t"], {}).get("values", {}).get(name), int | float)
        ]
        size = max((one for _, one in quiet), default=0.0)
        stated = promised.get("absolute", 0.0) + promised.get("relative", 0.0) * size
        if not stated:
            stated = UNSTATED.get(quantity, UNSTATED_SHARE * size)
        return max(stated, 3.0 * max((one for one, _ in quiet), default=0.0), 1e-9)


def difference(name: str, value: float, true: float) -> float:
    """How far two values lie apart; angles the short way round."""
    off = abs(value - true)
    return min(off % 360.0, 360.0 - off % 360.0) if name.startswith(ANGLES) else off
