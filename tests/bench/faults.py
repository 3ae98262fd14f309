"""Every fault of the bench: noticed, by what, after how long; and no wrong value that passes as a good one.

Stations run on the whole chain, each beside a twin in the same world that nothing is done to. Faults are put in force on different instruments
at once, those of whole stations after one another; then the centre's store is compared with the truth log and with the twin.
The representative set is part of ``make bench``; ``python -m tests.bench.faults --all`` goes through every fault every instrument of the
example stations can show, ``--all STATION.yaml`` through those of another station. Times are the world's.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

from firmware_config.base import log
from simulators.faults.catalogue import STAGED
from simulators.faults.timeline import write_timeline
from simulators.stage import EXAMPLES, Stage, example_station
from tests.bench.faults_judge import MINUTE_MS, NETWORK, Finding, Judge, Span, seen_of, spans_of
from tests.bench.known import CANNOT_BE_KNOWN
from tests.bench.row import Row

SPEED = 40.0
QUIET_MIN = 4
"""world minutes before the first fault"""
SETTLE_MIN = 4
"""and between one and the next"""
ON_MIN = 12
READY_WITHIN_S = 120.0
TWIN = "-twin"
Plan = Mapping[str, Sequence[Sequence[dict[str, Any]]]]
"""Station → rounds → entries of the timeline that are on together; each round takes `ON_MIN` and `SETTLE_MIN`."""
REPRESENTATIVE: Plan = {
    "zhoushan-buoy": [
        [
            {"instrument": "hydroc", "fault": "invalid"},
            {"instrument": "weather", "fault": "garbage"},
            {"instrument": "gnss", "fault": "silence"},
            {"instrument": "oxygen", "fault": "stuck"},
            {"instrument": "depth", "fault": "exception", "magnitude": 4},
        ],
        [{"fault": "no_network"}],
        [{"fault": "slow_disk"}],
    ],
    "yueqing-mangrove": [
        [
            {"instrument": "weather", "fault": "spike", "share": 0.1, "field": "air_temperature"},
            {"instrument": "gnss", "fault": "invalid"},
            {"instrument": "oxygen", "fault": "other_unit"},
            {"instrument": "level", "fault": "short_answer"},
        ],
        [{"fault": "bad_clock", "magnitude": 3600}],
    ],
    "hangzhou-mudflat": [
        [
            {"link": "met", "fault": "unplugged"},
            {"instrument": "gnss", "fault": "wrong_checksum"},
            {"instrument": "oxygen", "fault": "late_answer", "magnitude": 3},
            {"instrument": "level", "fault": "drift", "magnitude": 0.5},
        ],
        [{"fault": "power_cut", "magnitude": 300}],
    ],
}
"""The high-rate instruments are left out here: three stations and their twins must fit beside the other measurements."""


@dataclass
class Run:
    """One run of a plan in a folder. ``files``: station id → its file; ``fast`` keeps sonics and analysers."""

    folder: Path
    files: Mapping[str, Path]
    plan: Plan
    fast: bool = False
    speed: float = SPEED
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def findings(self) -> list[Finding]:
        stage = Stage(self.folder / "stage", [self._station(key, twin) for key in self.plan for twin in ("", TWIN)], speed=self.speed)
        try:
            await stage.start()
            clock = next(iter(stage.places.values())).faults.clock
            await self._quiet_minutes(stage)
            begin_ms = (clock.true_ms() // MINUTE_MS + 1) * MINUTE_MS
            for key, rounds in self.plan.items():
                write_timeline(stage.places[key].faults.file, list(entries(rounds, begin_ms)))
            rounds = max(len(one) for one in self.plan.values())
            end_ms = begin_ms + (rounds * (ON_MIN + SETTLE_MIN) + 1) * MINUTE_MS
            while clock.true_ms() < end_ms:
                await asyncio.sleep(0.2)
            return await asyncio.to_thread(self._judge, stage)
        finally:
            await stage.stop()

    def _station(self, key: str, twin: str) -> Path:
        """The station file of the run: under the twin's name for the twin, and without what is too much."""
        document = yaml.safe_load(self.files[key].read_text(encoding="utf-8"))
        if not self.fast:
            document["instruments"] = [one for one in document["instruments"] if "rate" not in one]
            document["products"] = [one for one in document["products"] if one["kind"] != "eddy"]
            used = {one["link"] for one in document["instruments"]}
            document["links"] = [one for one in document["links"] if one["id"] in used]
        self.documents[key] = document
        path = self.folder / f"{key}{twin}" / "station.yaml"
        path.parent.mkdir(parents=True)
        path.write_text(yaml.safe_dump({**document, "id": key + twin}, allow_unicode=True, sort_keys=False), encoding="utf-8")
        if (site := self.files[key].with_name("site.geojson")).exists():
            path.with_name("site.geojson").write_bytes(site.read_bytes())
        return path

    async def _quiet_minutes(self, stage: Stage) -> None:
        """Until every station has sent its quiet minutes."""
        until = time.monotonic() + READY_WITHIN_S
        while True:
            told = await asyncio.to_thread(self._counts, stage)
            if all(told.get(key, 0) >= QUIET_MIN for key in stage.places):
                return
            if time.monotonic() > until:
                raise RuntimeError(f"after {READY_WITHIN_S:.0f} s the stations have sent {told} minutes")
            await asyncio.sleep(0.5)

    @staticmethod
    def _counts(stage: Stage) -> dict[str, int]:
        store = stage.folder / "collector/store.db"
        return {key: len(seen_of(store, key, [], {}).records.get("minute", [])) for key in stage.places} if store.exists() else {}

    def _judge(self, stage: Stage) -> list[Finding]:
        alarms = stage.api("/api/alarms?state=all&limit=500")["alarms"]
        found = []
        for key in self.plan:
            owners = {name: about["instrument"] for name, about in stage.api(f"/api/stations/{key}")["birth"]["series"].items()}
            owners = {name: owner for name, owner in owners.items() if owner}
            store = stage.folder / "collector/store.db"
            spans = spans_of(stage.places[key].faults.truth_file, key)
            instruments = self.documents[key]["instruments"]
            judge = Judge(
                seen_of(store, key, alarms, owners),
                seen_of(store, key + TWIN, [], owners),
                {one["id"]: (one["model"], one["link"]) for one in instruments},
                spans,
            )
            found += [judge.judge(span, _next(span, spans)) for span in spans]
        return found


def _next(span: Span, spans: Sequence[Span]) -> float:
    """When the station's next fault, of this instrument or of all, begins: what is noticed from then on is not this one's."""
    later = [s.begin_ms for s in spans if s.begin_ms >= span.end_ms and (not s.target or not span.target or s.target == span.target)]
    return min(later, default=span.end_ms + 60 * MINUTE_MS)


def entries(rounds: Sequence[Sequence[dict[str, Any]]], begin_ms: float) -> Iterable[dict[str, Any]]:
    """The plan's rounds as a timeline."""
    for number, together in enumerate(rounds):
        at = begin_ms + number * (ON_MIN + SETTLE_MIN) * MINUTE_MS
        for entry in together:
            times: dict[str, Any] = {"at": datetime.fromtimestamp(at / 1e3, UTC)}
            if entry["fault"] != "power_cut":
                times["until"] = datetime.fromtimestamp(at / 1e3 + ON_MIN * 60, UTC)
            yield {**times, **entry}


def everything(station: Path, fast: bool) -> list[list[dict[str, Any]]]:
    """Rounds in which every instrument shows every fault it can, one at a time, and the station's own faults at last."""
    from firmware_config.base.clock import SystemClock
    from firmware_config.check import load_station
    from simulators.serve.station import Plan as BenchPlan
    from simulators.serve.station import StationBench
    from simulators.world import WorldConfig

    loaded = load_station(station)
    with tempfile.TemporaryDirectory() as folder:
        bench = StationBench(loaded.station, BenchPlan(Path(folder), WorldConfig(schema=1), loaded.site), SystemClock())
    able = {key: about["faults"] for key, about in bench.targets()["instruments"].items()}
    if not fast:
        able = {key: faults for key, faults in able.items() if loaded.station.instrument(key).rate is None}
    rounds: list[list[dict[str, Any]]] = []
    for number in range(max(len(faults) for faults in able.values())):
        rounds.append([{"instrument": key, "fault": faults[number]} for key, faults in able.items() if number < len(faults)])
    rounds += [[{"link": link, "fault": "unplugged"}] for link in sorted({loaded.station.instrument(key).link for key in able})]
    others = [*sorted(STAGED - {"little_memory"}), "no_time_source", "clock_drift", "bad_clock", "clock_1970"]
    return rounds + [[{"fault": name}] for name in others]


def verdict(finding: Finding) -> str:
    """In a word: what became of its values."""
    clock = finding.span.fault in {"bad_clock", "clock_1970", "clock_drift", "no_time_source"}
    if finding.span.fault in NETWORK:
        return f"touches no value; {finding.missing} of {finding.good + finding.missing} did not arrive"
    if clock or not finding.lies:
        return f"no wrong value among {finding.good} good ones" if not clock else "touches times, not values"
    if finding.span.fault in CANNOT_BE_KNOWN:
        return f"{len(finding.lies)} of {finding.good} wrong: cannot be known, {CANNOT_BE_KNOWN[finding.span.fault]}"
    return f"{len(finding.lies)} of {finding.good} good values WRONG ({finding.lies[0]})"


def is_lie(finding: Finding) -> bool:
    """A wrong value passed that could have been known."""
    return "WRONG" in verdict(finding)


def unseen(finding: Finding) -> bool:
    """It cost values, or falsified them, and nothing told of it. What does no harm (a record in two pieces) need not be noticed."""
    return not finding.noticed and bool(finding.missing or is_lie(finding))


def by_what(finding: Finding) -> str:
    """The soonest of each kind, in order."""
    soonest: dict[str, str] = {}
    for seconds, what in finding.noticed:
        soonest.setdefault(what.split(" ", maxsplit=1)[0], f"{what} {seconds:.0f} s")
    return "; ".join(soonest.values()) or (
        "NOT NOTICED" if unseen(finding) else "not noticed: does no harm" if not finding.lies else "not noticed"
    )


def measure(plan: Plan, files: Mapping[str, Path], *, fast: bool = False, speed: float = SPEED) -> list[Finding]:
    """Run a plan in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="haitan-faults-") as folder:
        return asyncio.run(Run(Path(folder), files, plan, fast, speed).findings())


def rows() -> list[Row]:
    """For the table of ``make bench``."""
    findings = measure(REPRESENTATIVE, {name: example_station(name) for name in EXAMPLES})
    out = []
    for one in findings:
        where = one.span.target or one.span.station
        seconds = one.noticed[0][0] if one.noticed else float("nan")
        out.append(Row(f"fault: {one.span.fault} ({where})", seconds, "s until noticed", f"{by_what(one)}. {verdict(one)}"))
    return [
        *out,
        Row("faults: wrong values that passed as good", sum(map(is_lie, findings)), "faults", f"of {len(findings)} injected", target=0),
        Row("faults: values lost and nothing told of it", sum(map(unseen, findings)), "faults", f"of {len(findings)} injected", target=0),
    ]


def main() -> int:
    """The whole table on its own; exit status 1 when a wrong value passed that could have been known."""
    log.set_up("bench", level="ERROR")
    chosen = [Path(name) for name in sys.argv[1:] if not name.startswith("-")]
    if "--all" in sys.argv:
        files = {yaml.safe_load(one.read_text())["id"]: one for one in chosen} or {name: example_station(name) for name in EXAMPLES}
        findings = []
        for key, file in files.items():  # one after another: each has dozens of instruments' faults
            findings += measure({key: everything(file, False)}, files)
    else:
        findings = measure(REPRESENTATIVE, {name: example_station(name) for name in EXAMPLES})
    table = Table(title="Faults of the bench", title_justify="left")
    for heading in ("station", "on", "fault", "noticed after, s", "by", "values"):
        table.add_column(heading, overflow="fold")
    for one in findings:
        seconds = f"{one.noticed[0][0]:.0f}" if one.noticed else "-"
        table.add_row(one.span.station, one.span.target or "station", one.span.fault, seconds, by_what(one), verdict(one))
    Console(width=None if sys.stdout.isatty() else 200).print(table)
    return 1 if any(is_lie(one) or unseen(one) for one in findings) else 0


if __name__ == "__main__":
    sys.exit(main())
