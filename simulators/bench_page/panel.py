"""What the bench page shows of one station, and the switching itself: an entry written into its timeline, or taken out.

The timeline file is the only state: whoever edits it by hand sees that here, and a page loaded again shows what is in force.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from pydantic import ValidationError

from simulators.errors import FaultFileEditedError, FaultFileError
from simulators.faults.catalogue import FAULTS
from simulators.faults.timeline import ActiveFault, Entry, write_timeline
from simulators.stage import StationPlace

UNABLE = frozenset({"full_disk"})
"""A stage has no small file system to fill."""
TRUTH_TAIL_BYTES = 65_536
LONGEST_MIN = 100_000.0
MOST_FAULTS = 100
"""in force or planned at one station, through the page: each costs every record a look"""


@cache
def catalogue() -> dict[str, Any]:
    """Every fault in both languages."""
    words = yaml.safe_load(files("simulators.bench_page").joinpath("words.yaml").read_text(encoding="utf-8"))
    return {
        fault.name: {
            "what": {"en": fault.what, "zh": words["faults"].get(fault.name, fault.what)},
            "unit": {"en": fault.unit, "zh": words["units"].get(fault.unit, fault.unit)},
            "scope": fault.scope,
            "magnitude": fault.magnitude,
            "least": fault.least,
            "most": fault.most,
            "ends_itself": fault.ends_itself,
        }
        for fault in FAULTS.values()
    }


@cache
def _title(model: str) -> dict[str, str]:
    try:
        card = yaml.safe_load(files("firmware_config").joinpath("cards", f"{model}.yaml").read_text(encoding="utf-8"))
        return dict(card["title"])
    except (OSError, KeyError):
        return {"en": model, "zh": model}


class Panel:
    """One station of the page."""

    def __init__(self, place: StationPlace) -> None:
        self.place = place
        document = yaml.safe_load(place.file.read_text(encoding="utf-8"))
        self._name = document["name"]
        self._models = {one["id"]: one["model"] for one in document["instruments"]}

    def state(self) -> dict[str, Any]:
        """Instruments with the faults they can show, links, and what is planned or in force; ``ready`` once its world is up."""
        carried = self.place.faults
        now_ms = carried.clock.true_ms()
        able = carried.targets or {"instruments": {}, "links": []}
        active = carried.timeline.faults if carried.timeline is not None else ()
        refused = self._refused()
        return {
            "id": self.place.id,
            "name": self._name,
            "ready": carried.timeline is not None,
            "instruments": [{"id": key, "title": _title(self._models[key]), **about} for key, about in able["instruments"].items()],
            "links": able["links"],
            "station_faults": sorted(f.name for f in FAULTS.values() if f.scope == "station" and f.name not in UNABLE),
            "link_faults": sorted(f.name for f in FAULTS.values() if f.scope == "link"),
            "faults": [
                {
                    **fault.describe(),
                    "row": row,
                    "begin_ms": fault.begin_ms,
                    "end_ms": fault.end_ms if math.isfinite(fault.end_ms) else None,
                    "state": "planned" if now_ms < fault.begin_ms else "on",
                    "refused": refused.get((fault.name, fault.entry.instrument or fault.entry.link), ""),
                }
                for row, fault in enumerate(active)
                if now_ms < fault.end_ms
            ],
        }

    def on(self, wish: Mapping[str, Any]) -> None:
        """Put a fault in force now, for so many world ``minutes`` or until it is switched off. FaultFileError says what does not fit."""
        now_ms = self.place.faults.clock.true_ms()
        row: dict[str, Any] = {"at": _utc(now_ms), "fault": str(wish.get("fault", ""))}
        for key in ("instrument", "link"):
            if wish.get(key):
                row[key] = str(wish[key])
        magnitude, minutes = _number(wish, "magnitude"), _number(wish, "minutes")
        if magnitude is not None:
            row["magnitude"] = magnitude
        if minutes is not None:
            if not 0 < minutes <= LONGEST_MIN:
                raise FaultFileError(f"minutes {minutes:g}: write a number above 0 and up to {LONGEST_MIN:g}")
            row["until"] = _utc(now_ms + minutes * 60_000)
        if row["fault"] in UNABLE:
            raise FaultFileError(f"{row['fault']} cannot be made on a stage: it needs a small file system of its own")
        try:
            Entry.model_validate(row)
        except ValidationError as error:
            raise FaultFileError("; ".join(str(one["msg"]) for one in error.errors())) from error
        self._check(row)
        rows = self._rows(now_ms)
        if len(rows) >= MOST_FAULTS:
            raise FaultFileError(f"{self.place.id} has {len(rows)} faults; the page takes at most {MOST_FAULTS}: switch some off first")
        self._write([*rows, row], now_ms)

    def off(self, number: int, shown: Mapping[str, Any]) -> None:
        """Take out the row of that number; FaultFileError when it is not the fault ``shown`` (as `state` tells it) any more."""
        now_ms = self.place.faults.clock.true_ms()
        active = self._active()
        if not 0 <= number < len(active) or not _is(active[number], shown):
            raise FaultFileError(f"{str(shown.get('fault', ''))[:64]} is not in force any more, or stands elsewhere: look again")
        self._write([row for at, row in enumerate(self._rows(now_ms, keep=number)) if row is not None and at != number], now_ms)

    def _active(self) -> tuple[ActiveFault, ...]:
        if self.place.faults.timeline is None:
            raise FaultFileError(f"the world of {self.place.id} is not up yet")
        self.place.faults.timeline.refresh(self.place.faults.clock.true_ms())
        return self.place.faults.timeline.faults

    def _check(self, row: Mapping[str, Any]) -> None:
        able = self.place.faults.targets
        if "link" in row and row["link"] not in able.get("links", ()):
            raise FaultFileError(f"{self.place.id} has no link {row['link']}")
        if "instrument" in row and row["fault"] not in able.get("instruments", {}).get(row["instrument"], {}).get("faults", ()):
            raise FaultFileError(f"{row['instrument']} of {self.place.id} cannot show {row['fault']}")

    def _rows(self, now_ms: float, keep: int | None = None) -> list[Any]:
        """The file's rows; those that are over are left out (with ``keep`` they are None, so that rows keep their numbers)."""
        active, file = self._active(), self.place.faults.file
        by_hand = f"{file} has been edited by hand"
        if self.place.faults.timeline is not None and self.place.faults.timeline.refused:
            raise FaultFileEditedError(f"{by_hand} and is not in force: correct it first ({self.place.faults.timeline.refused})")
        try:
            document = yaml.safe_load(file.read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError, ValueError, RecursionError) as error:
            raise FaultFileEditedError(f"{by_hand} and cannot be read: correct it first ({error})") from error
        rows = document.get("faults") if isinstance(document, dict) else document
        if not isinstance(rows, list):
            raise FaultFileEditedError(f"{by_hand} and holds no list of faults: write the line faults: [] into it to begin anew")
        if len(rows) != len(active):
            raise FaultFileEditedError(f"{by_hand} and is not in force: correct it first")
        left = [row if now_ms < fault.end_ms else None for row, fault in zip(rows, active, strict=True)]
        return left if keep is not None else [row for row in left if row is not None]

    def _write(self, rows: list[Any], now_ms: float) -> None:
        """Put the rows in force; FaultFileError, with the file as it was before, when the timeline does not take them."""
        file, timeline = self.place.faults.file, self.place.faults.timeline
        before = file.read_bytes()
        write_timeline(file, rows)
        if timeline is None:
            return
        timeline.refresh(now_ms)
        if problem := timeline.refused:
            new = file.with_name(file.name + ".new")
            new.write_bytes(before)
            new.replace(file)
            timeline.refresh(now_ms)
            raise FaultFileError(problem)

    def _refused(self) -> dict[tuple[str, str | None], str]:
        """What the world or the stage could not carry out, from the end of the truth log: (fault, where) → why."""
        try:
            with self.place.faults.truth_file.open("rb") as file:
                file.seek(max(0, self.place.faults.truth_file.stat().st_size - TRUTH_TAIL_BYTES))
                lines = file.read().split(b"\n")
        except OSError:
            return {}
        found: dict[tuple[str, str | None], str] = {}
        for line in lines:
            try:
                said = json.loads(line)
            except ValueError:
                continue
            if said.get("what") == "fault":
                found[said["fault"], said.get("instrument") or said.get("link")] = said.get("reason", "")
        return found


def _number(wish: Mapping[str, Any], key: str) -> float | None:
    value = wish.get(key)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or (isinstance(value, float) and not math.isfinite(value)):
        raise FaultFileError(f"{key}: write a number")
    try:
        return float(value)
    except OverflowError as error:  # an integer of hundreds of digits
        raise FaultFileError(f"{key}: write a number of fewer digits") from error


def _is(fault: ActiveFault, shown: Mapping[str, Any]) -> bool:
    """It is the fault that the page has shown: its name, where it is and since when; a row's number alone may be another's by now."""
    here = (fault.name, fault.begin_ms, fault.entry.instrument, fault.entry.link)
    return here == tuple(shown.get(key) for key in ("fault", "begin_ms", "instrument", "link"))


def _utc(t_ms: float) -> datetime:
    return datetime.fromtimestamp(t_ms / 1e3, UTC)
